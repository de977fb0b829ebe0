--- Pages that are read while they arrive: what breaks off, what follows, what a map makes of them. That a walk
-- over them is like any other is in paging_hostile_spec.

local helper = require "spec.support.helper"
local mapping = require "neap.native.mapping"
local neap = require "neap"
local pager = require "spec.support.pager"
local paging = require "neap.paging"

local STYLES = { "skip", "cursor", "token", "page", "link", "next_url" }

--- All lines that a map makes of a walk, the sizes of its pieces, and the error that ended it.
local function lines_of(client, style, params, program, opts)
    local parts, counts = {}, {}
    local walk = paging.walk_of(client:each(style, params, opts))
    local _, err = neap.try(function()
        for text, count in function() return walk:texts(program, 65536) end do
            parts[#parts + 1], counts[#counts + 1] = text, count
        end
        return true
    end)
    return table.concat(parts), counts, err
end

--- The same, of records one by one.
local function encoded(client, style, params, opts)
    local parts = {}
    for record in client:each(style, params, opts) do
        parts[#parts + 1] = neap.json.encode(neap.json.object(record, { "id", "name" })) .. "\n"
    end
    return table.concat(parts)
end

local function as_they_are() return mapping.compile { format = "ndjson", rest = true } end

describe("a page that is read while it arrives", function()
    after_each(helper.assert_idle)

    it("is asked for again where it breaks off, and goes on behind the last record", function()
        for seed = 1, 5 do
            pager.run(function(v)
                assert.equal(pager.ids(500), pager.collect(v, "skip", { count = 500, plan = "large" }))
                assert.is_true(#pager.seen() > 6)
            end, { faults = "truncate:p=0.5", seed = seed })
        end
    end)

    it("is not gone on with where the vendor has other records now", function()
        pager.run(function(v)
            local ids, err = pager.collect(v, "skip", { count = 100, plan = "large,other@2" })
            assert.equal("1-5", (ids:match "^1%-%d"))
            assert.equal("decode", err.kind)
            assert.matches("the reply broke off, and the one to the same request after it has other records",
                err.message, 1, true)
            assert.equal(2, #pager.seen())
        end, { faults = "truncate:p=1,from=0,to=0.1" })
    end)

    it("may break off again, earlier", function()
        pager.run(function(v)
            local ids, err = pager.collect(v, "skip", { count = 100, plan = "large,half@1,third@2" })
            assert.is_nil(err)
            assert.equal(pager.ids(100), ids)
            assert.equal(4, #pager.seen()) -- the next page too
        end)
    end)

    it("is told from what comes in its place", function()
        pager.run(function(v)
            local ids, err = pager.collect(v, "skip", { count = 100, plan = "large,half@1,html@2" })
            assert.equal("1-", ids:sub(1, 2))
            assert.equal("decode", err.kind)
            assert.matches("^the reply is no JSON: line 1, column 1: this is HTML", err.message)
        end)
    end)

    --- Runs fn(client, open) where a method of responses takes 5 s longer; `open` has those that nobody closed.
    local function watched(slow, fn)
        local methods, open, close = debug.getregistry()["neap.Response"].__index, {}, nil
        local function slower(name)
            local method = methods[name]
            methods[name] = function(res, ...)
                open[res] = true
                if name == slow then neap.sleep(5) end
                return method(res, ...)
            end
            return function() methods[name] = method end
        end
        local restore = { slower "collect", slower "pour", function() methods.close = close end }
        close = methods.close
        function methods.close(res)
            open[res] = nil
            return close(res)
        end
        local ok, err = pcall(pager.run, function(v) fn(v, open) end)
        for _, undo in ipairs(restore) do undo() end
        if not ok then error(err, 0) end
    end

    it("is closed where its task is cancelled before the first record", function()
        for _, slow in ipairs { "collect", "pour" } do
            watched(slow, function(v, open)
                local reader = neap.spawn(function()
                    for _ in v:each("skip", { plan = "large" }) do error "a record" end
                end)
                neap.sleep(3)
                assert.is_not_nil(next(open))
                reader:cancel()
                neap.sleep(0)
                assert.is_nil(next(open))
            end)
        end
    end)

    it("is closed where it was fetched ahead and its walk ends", function()
        watched(nil, function(v, open)
            local began
            for record in v:each("skip", { count = 500, plan = "large@2" }) do
                if record.id == 40 then neap.sleep(1) end
                if record.id == 60 then
                    neap.sleep(60)
                    began = next(open, next(open))
                    break
                end
            end
            assert.is_not_nil(began) -- beside the first page, which was there as a whole
            assert.is_nil(next(open, next(open)))
        end)
    end)

    it("is given up after as many sends as any call", function()
        pager.run(function(v)
            local ids, err = pager.collect(v, "skip", { count = 500, plan = "large" })
            assert.equal("1-5", (ids:match "^1%-%d"))
            assert.equal("network", err.kind)
            assert.is_true(err.truncated)
            assert.equal(5, #err.attempts)
            for _, attempt in ipairs(err.attempts) do assert.equal("truncated", attempt.error) end
            assert.matches("^to go on there: %$skip=5%d$", err.hint)
        end, { faults = "truncate:p=1" })
    end)

    it("holds the vendor back while nobody asks", function()
        pager.run(function(v)
            local began, got = neap.now(), 0
            for record in v:each("skip", { count = 100, plan = "large" }) do
                got = got + 1
                assert.equal(got, record.id)
                neap.sleep(60)
            end
            assert.equal(100, got)
            assert.is_true(neap.now() - began >= 6000)
            assert.equal(1, #pager.seen() - 1) -- the next one, since the page was full
        end)
    end)

    it("ends with the loop that is left, with the task, with the iterator", function()
        pager.run(function(v)
            for record in v:each("skip", { count = 500, plan = "large" }) do
                if record.id == 20 then break end
            end
            local reader = neap.spawn(function()
                for _ in v:each("skip", { count = 500, plan = "large" }) do neap.sleep(10) end
            end)
            neap.sleep(100)
            reader:cancel()
            local forgotten = v:each("skip", { count = 500, plan = "large" })
            forgotten()
        end)
        collectgarbage()
        collectgarbage()
    end)

    it("belongs to one task at a time", function()
        pager.run(function(v)
            local seen = {}
            neap.map(v:each("cursor", { count = 300, plan = "large" }), { concurrency = 7 }, function(record)
                neap.sleep(record.id % 3)
                seen[#seen + 1] = record.id
            end)
            table.sort(seen)
            assert.equal(pager.ids(300), pager.ranges(seen))
        end)
    end)

    it("has as many records as were wanted", function()
        pager.run(function(v)
            assert.equal(pager.ids(130), pager.collect(v, "skip", { count = 500, plan = "large" },
                { max_records = 130 }))
        end)
    end)

    it("tells how far it is", function()
        pager.run(function(v)
            local next_record = v:each("skip", { count = 150, plan = "large" })
            local walk = paging.walk_of(next_record)
            assert.same({ 0, 0 }, { walk:progress() })
            for _ = 1, 50 do next_record() end
            local records, bytes = walk:progress()
            assert.equal(50, records)
            assert.is_true(bytes > 50 * 6000 and bytes < 101 * 6100)
            repeat until not next_record()
            records, bytes = walk:progress()
            assert.equal(150, records)
            assert.is_true(bytes > 150 * 6000 and bytes < 151 * 6100)
            assert.is_nil(paging.walk_of(function() end))
            assert.is_nil(paging.walk_of {})
        end)
    end)
end)

describe("lines of a walk", function()
    after_each(helper.assert_idle)

    for _, style in ipairs(STYLES) do
        for _, plan in ipairs { "", "large", "trailer", "trailer,large" } do
            it(("are those of its records: %s %s"):format(style, plan), function()
                pager.run(function(v)
                    local params = { count = 230, plan = plan }
                    local lines, counts, err = lines_of(v, style, params, as_they_are())
                    assert.is_nil(err)
                    assert.equal(encoded(v, style, params), lines)
                    local total = 0
                    for _, count in ipairs(counts) do total = total + count end
                    assert.equal(230, total)
                end)
            end)
        end
    end

    it("come whole before an error, in spite of faults", function()
        pager.run(function(v)
            local lines, _, err = lines_of(v, "skip", { count = 500, plan = "large,500@3" }, as_they_are())
            assert.equal("rejected", err.kind)
            assert.equal(200, select(2, lines:gsub("\n", "")))
            assert.equal("\n", lines:sub(-1))
        end)
        pager.run(function(v)
            local params = { count = 500, plan = "large" }
            local lines, _, err = lines_of(v, "page", params, as_they_are())
            assert.is_nil(err)
            assert.equal(encoded(v, "page", params), lines)
        end, { faults = "truncate:p=0.3;429:p=0.1", seed = 3 })
    end)

    it("are told before the error of a record behind them", function()
        local program = mapping.compile { format = "ndjson", { to = "id", from = { "name" }, cast = "list" },
            { to = "first", from = { "name" }, split = ",", at = 1 } }
        for _, plan in ipairs { "unnamed", "large,unnamed" } do
            pager.run(function(v)
                local lines, _, err = lines_of(v, "skip", { plan = plan }, program)
                assert.equal(29, select(2, lines:gsub("\n", "")))
                assert.matches("^record 30: first: expected a string or a list, got a number", err.message)
                assert.equal("to go on there: $skip=29", err.hint)
            end)
        end
    end)

    it("are as many as were wanted", function()
        pager.run(function(v)
            local lines = lines_of(v, "skip", { count = 500, plan = "large" }, as_they_are(), { max_records = 130 })
            assert.equal(130, select(2, lines:gsub("\n", "")))
        end)
    end)

    it("end where a record does not fit the map", function()
        local program = mapping.compile { format = "ndjson", { to = "id", from = { "name" }, cast = "integer" } }
        for _, plan in ipairs { "", "large" } do
            pager.run(function(v)
                local lines, _, err = lines_of(v, "skip", { plan = plan }, program)
                assert.equal("", lines)
                assert.equal("decode", err.kind)
                assert.matches("id: expected an integer, got a string", err.message, 1, true)
            end)
        end
    end)
end)
