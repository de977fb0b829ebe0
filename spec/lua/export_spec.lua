--- neap.export: records into a file, whole or not at all, in the order of their source.

local helper = require "spec.support.helper"
local neap = require "neap"

local deadletter = require "neap.deadletter"
local errors = require "neap.error"
local log = require "neap.native.log"
local ordered = require "neap.workflow.export.ordered"
local runtime = require "neap.runtime"

local function virtual(fn)
    return neap.run(function()
        runtime.configure {}
        local result = table.pack(fn())
        runtime.configure {}
        return table.unpack(result, 1, result.n)
    end, { clock = "virtual", seed = 1 })
end

local function numbers(count)
    local at = 0
    return function()
        at = at + 1
        return at <= count and { id = at } or nil
    end
end

--- What neap.export raises.
local function refusal(fn, ...)
    local ok, raised = pcall(fn, ...)
    assert.is_false(ok)
    assert.is_true(errors.is(raised), tostring(raised))
    return raised
end

--- What is in a directory.
local function entries(dir)
    local list = {}
    for _, entry in ipairs(require("neap.native.file").list(dir)) do
        if entry ~= "." and entry ~= ".." then list[#list + 1] = entry end
    end
    return list
end

--- Runs fn and gives the lines of the log.
local function logged(fn)
    local lines = {}
    log.capture(function(line) lines[#lines + 1] = line end)
    fn()
    log.capture()
    return table.concat(lines, "\n")
end

describe("neap.export.write", function()
    after_each(helper.assert_idle)
    after_each(function() log.capture() end)

    it("writes NDJSON of an iterator or a list", function()
        virtual(function()
            local dir = helper.tmpdir()
            local out = dir .. "/a.ndjson"
            assert.same({ out = out, records = 3 }, neap.export.write(numbers(3), { out = out }))
            assert.equal('{"id":1}\n{"id":2}\n{"id":3}\n', helper.read(out))
            out = dir .. "/b.JSONL"
            neap.export.write({ { b = neap.null, a = { 1.0, "x" } } }, { out = out })
            assert.equal('{"a":[1.0,"x"],"b":null}\n', helper.read(out))
            assert.same({ "a.ndjson", "b.JSONL" }, entries(dir))
        end)
    end)

    it("writes CSV with the columns that are asked for, or those of the first record", function()
        virtual(function()
            local out = helper.tmpdir() .. "/a.csv"
            local records = {
                { id = "1", note = 'say "hi", you', list = { 1, 2 }, at = { city = "HN" } },
                { id = 2, note = neap.null, flag = false, ["at.city"] = "HCM" }, {},
            }
            neap.export.write(records, { out = out, columns = { "id", "note", "list", "flag", "at.city" } })
            assert.equal('id,note,list,flag,at.city\n1,"say ""hi"", you","[1,2]",,HN\n2,,,false,HCM\n,,,,\n',
                helper.read(out))
            neap.export.write({ { b = 1, a = 2 }, { a = 3 } }, { out = out })
            assert.equal("a,b\n2,1\n3,\n", helper.read(out))
            neap.export.write({ { a = 1.0, b = 1e20, c = true, d = -0.5 }, { a = math.mininteger, c = false } },
                { out = out })
            assert.equal("a,b,c,d\n1.0,1e20,true,-0.5\n-9223372036854775808,,false,\n", helper.read(out))
            local first = neap.json.object({ a = 1, c = 3, b = 2 }, { "c", "x", "a" })
            neap.export.write({ first, { b = 1 } }, { out = out })
            assert.equal("c,a,b\n3,1,2\n,,1\n", helper.read(out))
            neap.export.write({}, { out = out, columns = { "x", "y" } })
            assert.equal("x,y\n", helper.read(out))
            neap.export.write({}, { out = out })
            assert.equal("", helper.read(out))
        end)
    end)

    it("has no column for what the first record lacks, and says so", function()
        virtual(function()
            local dir = helper.tmpdir()
            local err = refusal(neap.export.write, { { a = 1 }, { a = 1, b = 2 } }, { out = dir .. "/a.csv" })
            assert.equal("invalid", err.kind)
            assert.matches('a record has "b"', err.message)
            assert.same({}, entries(dir))
        end)
    end)

    it("leaves no file, or the one that was there, when the records break off", function()
        virtual(function()
            local dir = helper.tmpdir()
            local function broken()
                local pull = numbers(20000)
                return function()
                    local record = pull()
                    if record.id == 20000 then errors.raise("network", "gone") end
                    return record
                end
            end
            local err = refusal(neap.export.write, broken(), { out = dir .. "/a.ndjson" })
            assert.same({ "network", "gone" }, { err.kind, err.message })
            assert.same({}, entries(dir))
            helper.write(dir .. "/b.ndjson", "earlier")
            refusal(neap.export.write, broken(), { out = dir .. "/b.ndjson" })
            assert.equal("earlier", helper.read(dir .. "/b.ndjson"))
            for _, bad in ipairs { 7, neap.json.array { 1 }, 0 / 0 } do
                refusal(neap.export.write, { { id = 1 }, bad }, { out = dir .. "/c.ndjson" })
            end
            refusal(neap.export.write, { { id = 0 / 0 } }, { out = dir .. "/c.ndjson" })
            assert.same({ "b.ndjson" }, entries(dir))
        end)
    end)

    it("takes nothing for a list that is none", function()
        virtual(function()
            local dir = helper.tmpdir()
            for _, case in ipairs {
                { { id = 1 }, "got an object" }, { { nil, { id = 2 }, x = 1 }, "got an object" },
                { { { id = 1 }, id = 2 }, "got a list with holes" },
                { { { id = 1 }, nil, { id = 3 } }, "got a list with holes" },
                { neap.null, "got null" }, { 7, "got a number (7)" }, { false, "got a boolean (false)" },
            } do
                local err = refusal(neap.export.write, case[1], { out = dir .. "/a.ndjson" })
                assert.same({ "invalid", "neap.export.write: records: an iterator or a list expected, " .. case[2] },
                    { err.kind, err.message })
            end
            refusal(neap.export.write, nil, { out = dir .. "/a.ndjson" })
            assert.same({}, entries(dir))
            assert.equal(0, neap.export.write(neap.json.array {}, { out = dir .. "/a.ndjson" }).records)
            helper.write(dir .. "/in.ndjson", '{"id":1}\n{"id":2}\n')
            assert.equal(2, neap.export.write(neap.records(dir .. "/in.ndjson"), { out = dir .. "/b.ndjson" }).records)
        end)
    end)

    it("warns of columns that no record has", function()
        virtual(function()
            local out = helper.tmpdir() .. "/a.csv"
            local function warnings(records, columns)
                return (logged(function() neap.export.write(records, { out = out, columns = columns }) end)
                    :gsub("[^\n]* warn  ", ""))
            end
            local records = { { id = 1, email = "a@b", at = { city = "HN" } }, { id = 2, late = neap.null } }
            assert.equal('column mail is empty: no record has it, did you mean "email"?\n'
                .. 'column at.town is empty: no record has it\ncolumn at.cty is empty: no record has it, '
                .. 'did you mean "at.city"?', warnings(records, { "id", "mail", "at.town", "at.cty" }))
            assert.equal("", warnings(records, { "id", "late", "at.city" }))
            assert.equal("", warnings({ { id = 1 } }, { "id", "more" })) -- all that there is has its column
            assert.equal("", warnings({}, { "id" }))
            assert.equal("", warnings(records, { "id", "email", "at" }))
        end)
    end)

    it("leaves no file when its task is cancelled", function()
        virtual(function()
            local dir = helper.tmpdir()
            local task = neap.spawn(neap.export.write, function()
                neap.sleep(1)
                return { id = 1 }
            end, { out = dir .. "/a.ndjson" })
            neap.sleep(10)
            task:cancel()
            assert.same({ nil, "cancelled" }, { select(1, task:await()), task:status() })
            assert.same({}, entries(dir))
        end)
    end)

    it("refuses paths that cannot be written and names without a format", function()
        virtual(function()
            local asked = 0
            local function records()
                asked = asked + 1
            end
            for out, message in pairs {
                ["/nonexistent/a.ndjson"] = "/nonexistent/a.ndjson", ["a.txt"] = "--out a.txt: the name says no format",
                a = "--out a: the name says no format", ["a.json"] = "the name says no format",
            } do
                local err = refusal(neap.export.write, records, { out = out })
                assert.same({ "invalid", true }, { err.kind, err.usage })
                assert.truthy(err.message:find(message, 1, true), err.message)
            end
            assert.equal(0, asked)
            assert.matches('no option "ot"', refusal(neap.export.write, records, { ot = "a.csv" }).message)
            assert.matches("out is missing", refusal(neap.export.write, records, {}).message)
            assert.matches("options expected", refusal(neap.export.write, records, "a.csv").message)
        end)
    end)
end)

describe("neap.export.deliver", function()
    after_each(helper.assert_idle)

    --- Runs a delivery of rows. -> summary or nil, err; the directory
    local function run(rows, fn, opts)
        local dir = helper.tmpdir()
        local flow = neap.workflow {
            args = { { "dead_letters", type = "path" }, { "concurrency", type = "integer" } },
            run = function(ctx)
                return neap.export.deliver(ctx, rows, fn, {
                    out = opts and opts.out or dir .. "/out.ndjson", columns = { "id" },
                })
            end,
        }
        local result = table.pack(pcall(flow.start, flow,
            { dead_letters = dir .. "/dead.ndjson", concurrency = opts and opts.concurrency or 64 }))
        return dir, table.unpack(result, 1, result.n)
    end

    local function rows_of(count)
        local rows = {}
        for i = 1, count do rows[i] = { id = i } end
        return rows
    end

    it("keeps the order of the rows, whatever is ready first", function()
        virtual(function()
            local dir, ok, summary = run(rows_of(200), function(row)
                neap.sleep((row.id * 7919) % 101)
                local records = {}
                for i = 1, row.id % 3 do records[i] = { id = row.id, n = i } end
                return records
            end)
            assert.is_true(ok)
            assert.same({ 200, 200 }, { summary.total, summary.ok })
            local expected = {}
            for id = 1, 200 do
                for n = 1, id % 3 do expected[#expected + 1] = ('{"id":%d,"n":%d}\n'):format(id, n) end
            end
            assert.equal(table.concat(expected), helper.read(dir .. "/out.ndjson"))
        end)
    end)

    it("leaves out rows that fail, which become dead letters", function()
        virtual(function()
            local dir, _, summary = run(rows_of(9), function(row)
                neap.sleep(10 - row.id)
                if row.id == 3 then return errors.fail("rejected", "no") end
                if row.id == 5 then errors.raise("decode", "what") end
                if row.id == 7 then return { { id = 0 / 0 } } end
                return { row }
            end)
            assert.same({ 6, 3 }, { summary.ok, summary.failed })
            assert.equal('{"id":1}\n{"id":2}\n{"id":4}\n{"id":6}\n{"id":8}\n{"id":9}\n',
                helper.read(dir .. "/out.ndjson"))
            local letters = 0
            for _ in io.lines(dir .. "/dead.ndjson") do letters = letters + 1 end
            assert.equal(3, letters)
        end)
    end)

    it("takes a row that comes twice, and faulty rows of a file", function()
        virtual(function()
            local row = { id = 1 }
            local dir, _, summary = run({ row, row, { id = 2 } }, function(one) return { one } end)
            assert.equal(3, summary.ok)
            assert.equal('{"id":1}\n{"id":1}\n{"id":2}\n', helper.read(dir .. "/out.ndjson"))
            local path = helper.write(helper.tmpdir() .. "/rows.ndjson", '{"id":1}\nnonsense\n{"id":2}\n')
            dir, _, summary = run(neap.records(path), function(one) return { one } end)
            assert.same({ 3, 2, 1 }, { summary.total, summary.ok, summary.failed })
            assert.equal('{"id":1}\n{"id":2}\n', helper.read(dir .. "/out.ndjson"))
        end)
    end)

    it("saves nothing where the function is wrong, and raises", function()
        virtual(function()
            local dir, ok, raised = run(rows_of(5), function() return { {} .. "" } end)
            assert.is_false(ok)
            assert.equal("bug", raised.kind)
            assert.is_false(helper.exists(dir .. "/out.ndjson"))
        end)
    end)

    it("refuses to write over what it reads", function()
        virtual(function()
            local there = helper.tmpdir()
            local path = helper.write(there .. "/rows.ndjson", '{"id":1}\n')
            assert(os.execute(("ln -s rows.ndjson %s/link.ndjson"):format(helper.quote(there))))
            for _, name in ipairs { "/rows.ndjson", "/./rows.ndjson", "//rows.ndjson", "/link.ndjson" } do
                local out = there .. name
                local _, ok, raised = run(neap.records(path), function(row) return { row } end, { out = out })
                assert.is_false(ok)
                assert.same({ "invalid", ("--out %s: it is --file, too"):format(out) }, { raised.kind, raised.message })
                assert.equal('{"id":1}\n', helper.read(path))
            end
        end)
    end)

    it("refuses to write over the dead letters, there or not, given or not", function()
        virtual(function()
            local function refused(rows, letters, out)
                local flow = neap.workflow {
                    args = { { "dead_letters", type = "path" } },
                    run = function(ctx)
                        return neap.export.deliver(ctx, rows, function() end, { out = out, columns = { "id" } })
                    end,
                }
                local err = refusal(flow.start, flow, { dead_letters = letters })
                assert.equal(("--out %s: it is --dead-letters, too"):format(out), err.message)
            end
            local dir = helper.tmpdir()
            local path = helper.write(dir .. "/rows.ndjson", "")
            refused({}, dir .. "/x.ndjson", dir .. "/./x.ndjson")
            helper.write(dir .. "/x.ndjson", "")
            refused({}, dir .. "/x.ndjson", dir .. "/./x.ndjson")
            refused(neap.records(path), nil, dir .. "/./rows.ndjson.dead.ndjson")
            refused({}, nil, "./" .. deadletter.free_path())
        end)
    end)

    it("ends where the function gives anything but a list of records", function()
        virtual(function()
            for said, value in pairs {
                ["an object"] = { id = 1 }, ["a number (7)"] = 7,
                ["a list with holes"] = { { id = 1 }, nil, { id = 3 } },
            } do
                local dir, ok, raised = run(rows_of(3), function() return value end)
                assert.is_false(ok)
                assert.same({ "invalid", "neap.export.deliver: fn: a list of records expected, got " .. said },
                    { raised.kind, raised.message })
                assert.is_false(helper.exists(dir .. "/out.ndjson"))
            end
            local dir, _, summary = run(rows_of(2), function() return neap.null end)
            assert.same({ 2, "" }, { summary.ok, helper.read(dir .. "/out.ndjson") })
        end)
    end)
end)

describe("records in the order of their source", function()
    after_each(helper.assert_idle)

    it("make the source wait while too much is kept", function()
        virtual(function()
            local written, read = {}, 0
            local order = ordered.new(function(text) written[#written + 1] = text end, 10)
            local source = order:source(function()
                read = read + 1
                return read <= 6 and { n = read } or nil
            end)
            local first, second = source:next(), source:next()
            local held <close> = order:take(first)
            local quick <close> = order:take(second)
            quick:fill(("x"):rep(11))
            local reader = neap.spawn(function() return source:next() end)
            neap.sleep(1)
            assert.same({ 2, 0 }, { read, #written })
            held:fill "first"
            assert.same({ "first", ("x"):rep(11) }, written)
            assert.same({ n = 3 }, (reader:await()))
        end)
    end)

    it("wake the source when a record is given up, and are written at the end without it", function()
        virtual(function()
            local written, read = {}, 0
            local order = ordered.new(function(text) written[#written + 1] = text end, 10)
            local source = order:source(function()
                read = read + 1
                return { n = read }
            end)
            local first, second = source:next(), source:next()
            local reader
            do
                local gone <close> = order:take(first)
                local quick <close> = order:take(second)
                quick:fill(("x"):rep(11))
                reader = neap.spawn(function() return source:next() end)
                neap.sleep(1)
                assert.same({ 2, 1 }, { read, gone.at })
            end
            assert.same({ n = 3 }, (reader:await()))
            assert.same({}, written)
            order:finish()
            assert.same({ ("x"):rep(11) }, written)
        end)
    end)

    it("raise what cannot be written, once", function()
        virtual(function()
            local order = ordered.new(function() errors.raise("invalid", "no space") end)
            local source = order:source { { n = 1 }, { n = 2 } }
            local place <close> = order:take(source:next())
            local other <close> = order:take(source:next())
            assert.matches("no space", tostring(refusal(place.fill, place, "a")))
            other:fill "b"
        end)
    end)
end)

describe("neap.export", function()
    it("makes parameters of a row", function()
        local function params(row) return neap.export.row_params(row, "profile_id", "identities") end
        assert.same({ profile_id = "x" }, params { profile_id = "x" })
        assert.same({ identities = { email = { "a@b" }, phone = { 7 } } }, params { email = "a@b", phone = 7 })
        assert.same({ profile_id = "x", identities = { email = { "a", "b" } } },
            params { profile_id = "x", email = { "a", "b" } })
        assert.same({}, params {})
    end)

    it("sorts by time, records of one time and of none behind those before them", function()
        local function sorted(times)
            local records, order = {}, {}
            for i, time in ipairs(times) do records[i] = { at = time ~= "" and time or nil, n = i } end
            for i, record in ipairs(neap.export.in_time_order(records, "at")) do order[i] = record.n end
            return table.concat(order, " ")
        end
        assert.equal("1 2 3", sorted { "2023:01:01T10:00:00Z", "2023-01-01T10:00:00Z", "2023-01-01T17:00:01+07:00" })
        assert.equal("3 1 2", sorted { "2023:01:02", "2023-01-02T00:00:00Z", "2023-01-01" })
        assert.equal("4 1 2 3", sorted { "2023:01:02", "", "soon", "2023:01:01" })
        assert.equal("1 2", sorted { "", "2023:01:01" })
        assert.equal("", sorted {})
    end)
end)
