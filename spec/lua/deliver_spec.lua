--- ctx:deliver: every record has an outcome; concurrency, parking, order per key, dead letters.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local deliver = require "neap.deliver"
local errors = require "neap.error"
local runtime = require "neap.runtime"

local function list(n, make)
    local items = {}
    for i = 1, n do items[i] = make and make(i) or { id = i } end
    return items
end

--- Delivers; the options get a path for dead letters. -> summary, decoded dead letters
local function run(source, fn, opts)
    opts = opts or {}
    opts.dead_letters = opts.dead_letters or helper.tmpdir() .. "/dead.ndjson"
    local summary = assert(deliver.run(source, fn, opts))
    local letters = {}
    if helper.exists(opts.dead_letters) then
        for line in io.lines(opts.dead_letters) do letters[#letters + 1] = assert(neap.json.decode(line)) end
    end
    assert.equal(#letters, summary.failed + summary.unknown)
    assert.equal(summary.total, summary.ok + summary.failed + summary.unknown)
    return summary, letters
end

describe("a delivery", function()
    after_each(helper.assert_idle)

    it("delivers a list and counts", function()
        acme.run(function(v)
            local summary = run(list(25), function(row) return v:put(row) end)
            assert.same({ 25, 25, 0, 0, 0 },
                { summary.total, summary.ok, summary.failed, summary.unknown, summary.retried })
            assert.near(2.4, summary.seconds, 0.01)
            assert.is_nil(summary.dead_letters)
            assert.is_nil(summary.ended)
            assert.is_true(deliver.is_summary(summary))
        end)
    end)

    it("of nothing is nothing", function()
        acme.run(function()
            for _, source in ipairs { {}, function() end } do
                assert.equal(0, run(source, error).total)
            end
        end)
    end)

    -- what fn does, outcome, kind, message
    local endings = {
        { function() return false end, nil },
        { function() return neap.null end, nil },
        { function() return nil end, "not_sent", "rejected", "the workflow returned nil for this record" },
        { function() return nil, "no such shop" end, "not_sent", "rejected", "no such shop" },
        { function() return nil, errors.new { kind = "invalid", message = "bad" } end, "not_sent", "invalid", "bad" },
        { function() error(errors.new { kind = "rejected", message = "raised" }) end,
            "not_sent", "rejected", "raised" },
        { function(_, v) error(select(2, v:put { id = 1, plan = "400" })) end, "rejected", "rejected", "said 400" },
        { function(_, v) return v:append { id = 1, plan = "cut" } end, "unknown", "network", "reply cut short" },
        { function(_, v) return v:put {} end, "not_sent", "invalid", "id" },
        { function(_, v) return v:put { id = 1 } and nil, "afterwards" end, "unknown", "rejected", "afterwards" },
        { function(_, v) return v:read { id = 1 } and nil, "found nothing" end,
            "rejected", "rejected", "found nothing" },
        { function(_, v) if v:append { id = 1 } then return v:put {} end end, "unknown", "invalid", "id" },
        { function(_, v) if v:read { id = 1 } then return v:put {} end end, "not_sent", "invalid", "id" },
    }
    for i, case in ipairs(endings) do
        it("knows the outcome of a record: " .. i, function()
            acme.run(function(v)
                local records = { { id = "x", nested = { a = 1 } } }
                local summary, letters = run(records, function(row) return case[1](row, v) end)
                assert.equal(case[2] == nil and 1 or 0, summary.ok)
                assert.equal(case[2] == "unknown" and 1 or 0, summary.unknown)
                if not case[2] then return end
                assert.same({ id = "x", nested = { a = 1 } }, letters[1].record)
                assert.equal(1, letters[1].line)
                assert.equal(case[2], letters[1].outcome)
                assert.equal(case[3], letters[1].error.kind)
                assert.matches(case[4], letters[1].error.message, 1, true)
            end)
        end)
    end

    it("ends at a call that there is not", function()
        acme.run(function(v)
            local ok, err = pcall(run, list(25), function(row) return v:putt(row) end)
            assert.is_false(ok)
            assert.equal('did you mean "put"?', err.hint)
        end)
    end)

    it("refuses options that are none", function()
        acme.run(function()
            for _, opts in ipairs { { batch = 50 }, { concurrency = 0 } } do
                assert.is_false((pcall(run, {}, error, opts)))
            end
        end)
    end)

    it("writes letters with every send", function()
        acme.run(function(v)
            local _, letters = run({ { id = 1, plan = "429 503 400" } }, function(row) return v:put(row) end)
            assert.same({
                { at = "2026-01-01T00:00:00.000Z", status = 429, wait = 0 },
                { at = "2026-01-01T00:00:01.000Z", status = 503, wait = 1 },
                { at = "2026-01-01T00:05:01.000Z", status = 400, wait = 300 },
            }, letters[1].attempts)
            assert.same({ kind = "rejected", status = 400, code = "C400", message = "said 400" }, letters[1].error)
        end)
    end)

    it("counts records sent more than once", function()
        acme.run(function(v)
            local plans = { "429", "200", "429 429", "400", "503 400" }
            local summary = run(list(5, function(i) return { id = i, plan = plans[i] } end),
                function(row) return v:put(row) end)
            assert.equal(3, summary.retried)
            assert.equal(2, summary.failed)
        end)
    end)

    it("raises a bug in fn, after it has accounted for every record", function()
        acme.run(function(v)
            local path = helper.tmpdir() .. "/dead"
            local ok, raised = pcall(deliver.run, list(50), function(row)
                if row.id == 7 then return row.id.x.y end
                return v:put(row)
            end, { dead_letters = path, concurrency = 4 })
            assert.is_false(ok)
            assert.equal("bug", raised.kind)
            assert.matches("deliver_spec.lua:%d+: attempt to index", raised.message)
            local lines = 0
            for _ in io.lines(path) do lines = lines + 1 end
            assert.equal(50, lines + #acme.seen())
            assert.is_true(#acme.seen() <= 10)
        end)
    end)

    for _, bad in ipairs { 0, -1, 1.5, "4" } do
        it("refuses a concurrency of " .. tostring(bad), function()
            acme.run(function()
                local ok, raised = pcall(deliver.run, {}, error, { concurrency = bad })
                assert.is_false(ok)
                assert.matches("concurrency must be an integer from 1", tostring(raised))
            end)
        end)
    end

    it("refuses other sources, and to overwrite what it reads", function()
        acme.run(function()
            assert.matches("records expected", select(2, pcall(deliver.run, 42, error)))
            local path = helper.write(helper.tmpdir() .. "/a.ndjson", '{"id":1}\n')
            for _, letters in ipairs { path, (path:gsub("a.ndjson$", "./a.ndjson")) } do
                local ok, err = pcall(deliver.run, neap.records(path), error, { dead_letters = letters })
                assert.is_false(ok)
                assert.matches("cannot take dead letters while it is being read", tostring(err))
                assert.equal('{"id":1}\n', helper.read(path))
            end
        end)
    end)

    it("says so when dead letters cannot be written", function()
        acme.run(function(v)
            local dir = helper.tmpdir() .. "/gone"
            assert(os.execute("mkdir " .. dir))
            local summary, err = deliver.run({ { id = 1, plan = "400" } }, function(row)
                assert(os.execute("rmdir " .. dir))
                return v:put(row)
            end, { dead_letters = dir .. "/dead" })
            assert.is_nil(summary)
            assert.matches("the dead letters could not be written: cannot open " .. dir .. "/dead", tostring(err), 1,
                true)
            assert.equal(1, err.summary.failed)
        end)
    end)

    it("refuses a path that cannot take dead letters before anything is sent, and leaves no file", function()
        acme.run(function()
            local ok, err = pcall(deliver.run, { {} }, error, { dead_letters = "/nonexistent/dir/dead" })
            assert.is_false(ok)
            assert.equal("invalid", err.kind)
            assert.matches("dead letters: cannot open /nonexistent/dir/dead", tostring(err), 1, true)
            local dir = helper.tmpdir()
            assert.equal(1, deliver.run({ {} }, function() return true end, { dead_letters = dir .. "/dead" }).ok)
            assert.is_nil(io.popen("ls -A " .. dir):read())
        end)
    end)

    it("refuses to begin without a function", function()
        acme.run(function()
            local ok, err = pcall(deliver.run, { {} })
            assert.is_false(ok)
            assert.matches("ctx:deliver: a function expected, got a nil", tostring(err), 1, true)
        end)
    end)

    it("refuses what is no source: one object, a list with holes", function()
        acme.run(function()
            for said, from in pairs { ["an object"] = { id = 1 }, ["a number"] = 5, ["a list"] = { 1, nil, 3 } } do
                local ok, err = pcall(deliver.run, from, function() return true end)
                assert.is_false(ok, said)
                assert.matches("ctx:deliver: records expected (neap.records, a list or an iterator), got ",
                    tostring(err), 1, true)
            end
        end)
    end)

    it("knows the most frequent reason", function()
        acme.run(function()
            local summary = run(list(9), function(row) return nil, row.id % 3 == 0 and "three" or "other" end)
            assert.same({ message = "other", count = 6 }, summary.reason)
            assert.is_nil(run(list(2), function() return true end).reason)
        end)
    end)
end)

describe("places", function()
    after_each(helper.assert_idle)

    it("bound what is under way", function()
        acme.run(function()
            for _, n in ipairs { 1, 5 } do
                local running, most, start = 0, 0, neap.now()
                run(list(20), function()
                    running = running + 1
                    most = math.max(most, running)
                    neap.sleep(1)
                    running = running - 1
                    return true
                end, { concurrency = n })
                assert.equal(n, most)
                assert.near(20 / n, neap.now() - start, 0.001)
            end
        end)
    end)

    it("are not held by records that wait for a retry", function()
        acme.run(function(v)
            local summary = run(list(100, function(i) return { id = i, plan = i == 1 and "429;900 " or nil } end),
                function(row) return v:put(row) end, { concurrency = 1 })
            assert.equal(100, summary.ok)
            assert.near(909.8, summary.seconds, 1)
            local seen = acme.column "id"
            assert.equal("1", seen[2])
        end)
        acme.run(function(v)
            local summary = run(list(100, function(i) return { id = i, plan = i % 10 == 1 and "503" or nil } end),
                function(row) return v:put(row) end, { concurrency = 1 })
            assert.equal(100, summary.ok)
            assert.near(310, summary.seconds, 1)
            assert.equal(10, summary.retried)
        end)
    end)

    it("are given back first come first served, before new records", function()
        acme.run(function(v)
            local finished = {}
            local records = list(400, function(i)
                return { id = i, plan = i % 2 == 1 and i < 20 and "503;20" or nil }
            end)
            run(records, function(row)
                local payload = v:put(row)
                finished[#finished + 1] = row.id
                return payload
            end, { concurrency = 2 })
            local retried = {}
            for _, id in ipairs(finished) do
                if id % 2 == 1 and id < 20 then retried[#retried + 1] = id end
            end
            assert.same({ 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 }, retried)
            assert.is_true(finished[400] == 19 or finished[400] > 380)
        end, { overrides = { outage_wait = "20s" } })
    end)

    it("let thousands of records wait, then reading pauses", function()
        local most, read = helper.scale(10000, 10000), 0
        acme.run(function(v)
            local path = helper.tmpdir() .. "/dead"
            local pending = neap.spawn(function()
                return deliver.run(function()
                    read = read + 1
                    return read <= most + 500 and { id = read } or nil
                end, function(row)
                    return v:put { id = "same", plan = row.id == 1 and "429;100000" or nil }
                end, { concurrency = 8, dead_letters = path })
            end)
            neap.sleep(99999)
            assert.is_true(read >= most and read <= most + 8, "read " .. read)
            local summary = pending:await()
            assert.equal(most + 500, summary.ok)
        end)
    end)
end)

describe("records of one key", function()
    after_each(helper.assert_idle)

    it("are never under way together, and keep their order, whatever happens to them", function()
        acme.run(function(v)
            local under_way, order = {}, {}
            local records = list(300, function(i) return { key = "k" .. i % 7, n = i } end)
            local summary = run(records, function(row)
                local payload, err = v:put { id = row.key }
                order[row.key] = order[row.key] or {}
                table.insert(order[row.key], row.n)
                return payload, err
            end, { concurrency = 32 })
            assert.equal(300, summary.total)
            for _, numbers in pairs(order) do
                for i = 2, #numbers do assert.is_true(numbers[i] > numbers[i - 1]) end
            end
            for _, entry in ipairs(acme.seen()) do
                local last = under_way[entry.id]
                assert.is_true(last == nil or entry.at > last)
                under_way[entry.id] = entry.at
            end
        end, { faults = "503:p=0.1;429:p=0.05;reset:p=0.05;truncate:p=0.05;slow:p=0.2,s=2" })
    end)

    it("wait for each other, others do not", function()
        acme.run(function(v)
            local finished = {}
            local rows = { { id = "a", plan = "429;0 503;60" }, { id = "a" }, { id = "b" }, { id = "a" }, { id = "c" } }
            for i, row in ipairs(rows) do row.n = i end
            run(rows, function(row)
                local payload = v:put { id = row.id, plan = row.plan }
                finished[#finished + 1] = row.n
                return payload
            end)
            assert.same({ 3, 5, 1, 2, 4 }, finished)
        end, { overrides = { outage_wait = "60s" } })
    end)

    it("pass their turn on when one is cancelled", function()
        acme.run(function(v)
            local summary = run(list(4), function(row)
                local payload, err = neap.deadline(row.id == 1 and 5 or 1000, function()
                    return v:put { id = "same", plan = "429;400" }
                end)
                return payload, err
            end)
            assert.equal(3, summary.ok)
            assert.equal(1, summary.failed)
        end)
    end)
end)

describe("neap.deadline inside a delivery", function()
    after_each(helper.assert_idle)

    -- plan, outcome
    local cases = {
        { "503", "rejected" },
        { "cut cut cut cut cut", "unknown" },
        { "slow;50", "unknown" },
    }
    for _, case in ipairs(cases) do
        it("ends a record whose call is answered " .. case[1], function()
            acme.run(function(v)
                local summary, letters = run({ { id = 1, plan = case[1] }, { id = 2 } }, function(row)
                    return neap.deadline(10, function() return v:put(row) end)
                end)
                assert.equal(1, summary.ok)
                assert.equal("timeout", letters[1].error.kind)
                assert.equal(case[2], letters[1].outcome)
                assert.near(10, summary.seconds, 0.2)
            end)
        end)
    end

    it("lets fn go on, with its place and its key", function()
        acme.run(function(v)
            local summary = run(list(3), function(row)
                local payload = neap.deadline(5, function() return v:put { id = row.id, plan = "slow;50" } end)
                return payload or v:put { id = row.id }
            end, { concurrency = 1 })
            assert.equal(3, summary.ok)
            assert.equal(6, #acme.seen())
            assert.near(15, summary.seconds, 0.5)
        end)
    end)
end)

describe("cancelling a delivery", function()
    after_each(helper.assert_idle)

    -- what its records wait for
    local states = {
        limit = function(v, row) return v:put(row) end,
        wire = function(v, row) return v:put { id = row.id, plan = "slow;50" } end,
        retry = function(v, row) return v:put { id = row.id, plan = "429;500" } end,
        gate = function(v, row) return v:put { id = row.id, plan = "503 503 503" } end,
        key = function(v) return v:put { id = "same", plan = "429;500" } end,
        sleep = function() neap.sleep(1000) return true end,
        child = function(v, row)
            return neap.spawn(function() return v:put { id = row.id, plan = "slow;50" } end):await()
        end,
    }
    for name, perform in pairs(states) do
        it("ends everything, at once: " .. name, function()
            acme.run(function(v)
                local _, err = neap.deadline(2, deliver.run, list(1000), function(row) return perform(v, row) end,
                    { dead_letters = helper.tmpdir() .. "/dead" })
                assert.equal("timeout", err.kind)
                assert.equal(2, neap.now())
                assert.equal(0, #runtime.stop_handlers)
                local sent = #acme.seen()
                neap.sleep(2000)
                assert.equal(sent, #acme.seen())
                assert.is_truthy(v:put { id = "after" })
            end)
        end)
    end
end)
