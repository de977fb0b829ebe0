--- neap.export with a map: what becomes of records, in C where they come from client:each and the map allows it,
-- else in Lua; the same either way.

local helper = require "spec.support.helper"
local neap = require "neap"

local errors = require "neap.error"
local list = require("neap.native.file").list
local log = require "neap.native.log"
local runtime = require "neap.runtime"

local function virtual(fn, options)
    return neap.run(function()
        runtime.configure(options or {})
        local result = table.pack(fn(helper.tmpdir() .. "/"))
        runtime.configure {}
        return table.unpack(result, 1, result.n)
    end, { clock = "virtual", seed = 1 })
end

local function refusal(fn, ...)
    local ok, raised = pcall(fn, ...)
    assert.is_false(ok)
    assert.is_true(errors.is(raised), tostring(raised))
    return raised
end

local RECORDS = {
    { id = "7", name = "Lin, Ren", tags = neap.json.array { "a", "b" }, age = 41, at = { city = "Taipei" } },
    { id = "8", name = neap.null, age = "12", extra = 1.0 },
    { id = "9", name = "", tags = neap.json.array {}, at = neap.null },
}

local ENTRIES = {
    { "sn", from = "id" }, { "full_name", from = "name", default = "nobody" }, { "age", cast = "integer" },
    { "city", from = "at.city" }, { "first_tag", from = "tags", at = 1 }, { "source", constant = "shop" },
}

local LINES = '{"sn":"7","full_name":"Lin, Ren","age":41,"city":"Taipei","first_tag":"a","source":"shop"}\n'
    .. '{"sn":"8","full_name":"nobody","age":12,"source":"shop"}\n{"sn":"9","full_name":"nobody","source":"shop"}\n'
local ROWS = 'sn,full_name,age,city,first_tag,source\n7,"Lin, Ren",41,Taipei,a,shop\n8,nobody,12,,,shop\n'
    .. '9,nobody,,,,shop\n'

--- The entries, and a function, which keeps the map in Lua.
local function with_function()
    local entries = table.move(ENTRIES, 1, #ENTRIES, 1, {})
    entries[#entries] = { "source", with = function() return "shop" end }
    return entries
end

--- The warnings of what fn does, a line each.
local function warnings(fn, ...)
    local lines = {}
    log.capture(function(line) lines[#lines + 1] = line:match "warn  (.*)" end)
    fn(...)
    log.capture()
    return table.concat(lines, "\n")
end

describe("neap.export.write with a map", function()
    after_each(helper.assert_idle)
    after_each(function() log.capture() end)

    local UNSEEN = {
        { "id" }, { "name", default = "?" }, { "nick", from = "nicknme" }, { "cty" }, { "town", from = "at.twn" },
        { "more", from = "extra", default = 1 }, { "none", from = "nothing", default = 1 },
        { "first", from = "tags", at = 9 }, { "shop", constant = 1 },
    }

    it("warns of what no record had", function()
        virtual(function(dir)
            local map = neap.mapping(UNSEEN)
            local function save(records, name)
                return warnings(neap.export.write, records, { out = dir .. name, map = map })
            end
            assert.equal("column nick is empty: no record has nicknme\ncolumn cty is empty: no record has it\n"
                .. "column town is empty: no record has at.twn", save(RECORDS, "a.csv"))
            assert.equal("field nick is empty: no record has nicknme\nfield town is empty: no record has at.twn",
                save({ { id = 1, cty = neap.null, tags = neap.json.array {} } }, "a.ndjson"))
            assert.equal("field first is empty: no record has tags", -- each file by itself
                save({ { id = 1, cty = 1, nicknme = 2, at = { twn = 1 } } }, "a.ndjson"))
            assert.equal("", save({}, "a.csv"))
            assert.same({}, neap.mapping(UNSEEN):unseen())
            assert.same({}, map:unseen())
        end)
    end)

    it("tells of one file's records only", function()
        virtual(function(dir)
            local map = neap.mapping { { "a" }, { "b", with = function() return 1 end } }
            local watch = map:watch()
            assert.same({}, watch:unseen())
            map { b = 1 }
            assert.same({ { target = "a", from = "a" } }, watch:unseen())
            assert.equal("field a is empty: no record has it", warnings(watch.warn, watch))
            map { a = neap.null }
            assert.same({}, watch:unseen())
            assert.equal("field a is empty: no record has it",
                warnings(neap.export.write, { { b = 1 } }, { out = dir .. "a.ndjson", map = map }))
            assert.same({}, map:unseen())
        end)
    end)

    it("writes what the map makes of records, as its columns in CSV", function()
        for _, entries in ipairs { ENTRIES, with_function() } do
            virtual(function(dir)
                local map = neap.mapping(entries)
                for name, text in pairs { ["a.ndjson"] = LINES, ["a.csv"] = ROWS } do
                    assert.same({ out = dir .. name, records = 3 },
                        neap.export.write(RECORDS, { out = dir .. name, map = map }))
                    assert.equal(text, helper.read(dir .. name))
                end
                neap.export.write({}, { out = dir .. "b.csv", map = map })
                assert.equal("sn,full_name,age,city,first_tag,source\n", helper.read(dir .. "b.csv"))
            end)
        end
    end)

    it("names the record that the map has no line for, and leaves no file", function()
        local function age(record)
            return record.age == "old" and print or record.age
        end
        for _, entries in ipairs { { { "age", cast = "integer" } }, { { "age", with = age } } } do
            virtual(function(dir)
                local err = refusal(neap.export.write, { { age = 1 }, { age = "old" } },
                    { out = dir .. "a.csv", map = neap.mapping(entries) })
                assert.matches("^record 2: age: ", err.message)
                assert.same({ ".", ".." }, list(dir))
            end)
        end
    end)

    it("names the record that a function raised for", function()
        local map = neap.mapping { { "age", with = function(record) return record.age + 1 end } }
        virtual(function(dir)
            local ok, raised = pcall(neap.export.write, { { age = 1 }, { age = "old" } },
                { out = dir .. "a.ndjson", map = map })
            assert.is_false(ok)
            assert.matches("^record 2: age: .*export_map_spec.lua:%d+: attempt to ", raised)
            assert.same({ ".", ".." }, list(dir))
        end)
    end)

    it("refuses what is no map, and columns beside one", function()
        virtual(function(dir)
            local map = neap.mapping(ENTRIES)
            for said, value in pairs { ["a string (\"m.lua\")"] = "m.lua", ["an object"] = { line = print } } do
                local err = refusal(neap.export.write, {}, { out = dir .. "a.csv", map = value })
                assert.equal("neap.export.write: map: a neap.mapping expected, got " .. said, err.message)
            end
            local err = refusal(neap.export.write, {}, { out = dir .. "a.csv", map = map, columns = { "sn" } })
            assert.equal("neap.export.write: map and columns: a map has the columns", err.message)
            err = refusal(neap.export.write, {}, { out = dir .. "a.csv", map = neap.mapping { { "id" }, rest = true } })
            assert.matches("rest: CSV has a column for each entry", err.message)
            assert.same({ ".", ".." }, list(dir))
            map = neap.mapping { { "id" }, rest = true }
            neap.export.write({ { b = 1, id = 2 } }, { out = dir .. "a.ndjson", map = map })
            assert.equal('{"id":2,"b":1}\n', helper.read(dir .. "a.ndjson"))
        end)
    end)

    local PARAMS = {
        RecipientGroupID = 1, ActionID = 2, Date = "2018-03-01", CustomerAttributes = { "Country", "City" },
    }
    local FROM = "optimove.GetCustomersByAction"

    --- Saves customers with a map. -> text
    local function customers(dir, name, entries, opts)
        local records, _, _, _ <close> = neap.vendor("optimove"):each("GetCustomersByAction", PARAMS, opts)
        neap.export.write(records, { out = dir .. name, map = neap.mapping(entries, { from = FROM }) })
        return helper.read(dir .. name)
    end

    it("writes the same of the records of client:each in C and in Lua", function()
        local city = { "city", from = "CustomerAttributes", split = ",", at = 2, default = "?" }
        local function lua_id(record) return record.CustomerID end
        for _, entries in ipairs {
            { { { "id", from = "CustomerID" }, city }, { { "id", with = lua_id }, city } },
            { { { "id", from = "CustomerID" }, city, rest = true },
                { { "id", from = "CustomerID" }, city, { "id2", with = function() return nil end }, rest = true } },
        } do
            virtual(function(dir)
                local format = entries[1].rest and ".ndjson" or ".csv"
                local native = customers(dir, "native" .. format, entries[1], { size = 1000, max_records = 2500 })
                local plain = customers(dir, "plain" .. format, entries[2], { size = 1000, max_records = 2500 })
                assert.equal(native, plain)
                assert.equal(entries[1].rest and 2500 or 2501, select(2, native:gsub("\n", "")))
            end, { sandbox = true })
        end
    end)

    it("warns of what no record of client:each had, in C as in Lua", function()
        local typo = { "nick", from = "CustomerAttribtes" }
        for _, entries in ipairs { { { "id", from = "CustomerID" }, typo },
            { { "id", from = "CustomerID" }, typo, { "more", with = function() return nil end } } } do
            virtual(function(dir)
                local map = neap.mapping(entries)
                local records, _, _, _ <close> = neap.vendor("optimove"):each("GetCustomersByAction", PARAMS,
                    { size = 10, max_records = 25 })
                assert.equal("column nick is empty: no record has CustomerAttribtes",
                    warnings(neap.export.write, records, { out = dir .. "a.csv", map = map }))
                assert.equal(entries[3] == nil and 25 or 0, map.programs.csv and map.programs.csv:count() or 0)
            end, { sandbox = true })
        end
    end)

    it("is refused before any call where it does not fit", function()
        virtual(function(dir)
            local sent = runtime.sends
            local err = refusal(customers, dir, "a.csv", { { "id", from = "CustomerNo" } })
            assert.equal("invalid", err.kind)
            assert.matches("CustomerNo", err.message)
            assert.equal(sent, runtime.sends)
        end, { sandbox = true })
    end)
end)

describe("neap.export.deliver with a map", function()
    after_each(helper.assert_idle)
    after_each(function() log.capture() end)

    --- Runs a delivery of three rows with a map.
    local function run(dir, map, out)
        local flow = neap.workflow {
            args = { { "dead_letters", type = "path" } },
            run = function(ctx)
                return neap.export.deliver(ctx, { { n = 3 }, { n = 2 }, { n = 1 } }, function(row)
                    neap.sleep(row.n)
                    return { RECORDS[4 - row.n] }
                end, { out = dir .. out, map = map })
            end,
        }
        return flow:start { dead_letters = dir .. "dead.ndjson" }
    end

    it("writes what the map makes, in the order of the rows", function()
        for name, text in pairs { ["a.ndjson"] = LINES, ["a.csv"] = ROWS } do
            virtual(function(dir)
                assert.equal(3, run(dir, neap.mapping(ENTRIES), name).ok)
                assert.equal(text, helper.read(dir .. name))
            end)
        end
    end)

    it("warns of what no record had", function()
        virtual(function(dir)
            local map = neap.mapping { { "id" }, { "extra" }, { "typo", from = "at.cty" } }
            assert.equal("column typo is empty: no record has at.cty", warnings(run, dir, map, "a.csv"))
        end)
    end)

    it("makes dead letters of rows whose records it does not fit", function()
        virtual(function(dir)
            local summary = run(dir, neap.mapping { { "age", cast = "number" }, { "id", cast = "integer" },
                { "n", from = "name", cast = "integer" } }, "a.csv")
            assert.same({ 1, 2 }, { summary.ok, summary.failed })
            assert.equal("age,id,n\n12,8,\n", helper.read(dir .. "a.csv"))
            assert.matches('"message":"n: ', helper.read(dir .. "dead.ndjson"), 1, true)
        end)
    end)
end)
