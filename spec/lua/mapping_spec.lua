--- neap.mapping: what a map makes of records, and maps in files. What is refused is mapping_check_spec.lua; that C
-- makes the same lines is mapping_differential_spec.lua.

local atlas = require "spec.support.atlas"
local helper = require "spec.support.helper"
local neap = require "neap"

local line, refusal = atlas.line, atlas.refusal

--- The line of one entry, whose record is { v = VALUE }.
local function value_of(entry, json)
    local spec = { "to", from = "v" }
    for name, value in pairs(entry) do spec[name] = value end
    return line(neap.mapping { spec }, ('{"v":%s}'):format(json))
end

describe("neap.mapping", function()
    setup(function() atlas.open() end)
    teardown(atlas.close)
    after_each(helper.assert_idle)

    describe("makes of values", function()
        for _, case in ipairs {
            { {}, '"x"', '"x"' }, { {}, "null", nil }, { {}, '""', '""' }, { {}, "1.10", "1.1" }, { {}, "1.0", "1.0" },
            { {}, '{"b":1,"a":[null]}', '{"b":1,"a":[null]}' }, { {}, "[]", "[]" },
            { { default = "d" }, "null", '"d"' }, { { default = "d" }, '""', '"d"' },
            { { default = "d" }, "false", "false" },
            { { default = 7, cast = "integer" }, '""', "7" }, { { default = neap.null }, "null", "null" },
            { { split = ";" }, '"a;b;"', '["a","b",""]' }, { { split = ";" }, '""', "[]" },
            { { split = "::" }, '"a::b:c"', '["a","b:c"]' },
            { { split = "." }, '"a.b"', '["a","b"]' }, { { split = ";" }, '["a;b"]', '["a;b"]' },
            { { split = ";", at = 2 }, '"a;b"', '"b"' }, { { split = ";", at = 3 }, '"a;b"', nil },
            { { split = ";", at = 3, default = "d" }, '"a;b"', '"d"' },
            { { split = ";", at = 2, default = "d" }, '"a;;c"', '"d"' },
            { { at = 1 }, "[null]", nil }, { { at = 2 }, '["a",{"b":1}]', '{"b":1}' },
            { { cast = "string" }, "1.0", '"1.0"' }, { { cast = "string" }, "true", '"true"' },
            { { cast = "string" }, '["ä"]', [["[\"ä\"]"]] },
            { { cast = "integer" }, '"-12"', "-12" }, { { cast = "integer" }, "3.0", "3" },
            { { cast = "integer" }, '"007"', "7" },
            { { cast = "integer" }, '"9223372036854775807"', "9223372036854775807" },
            { { cast = "number" }, '"1e3"', "1000.0" }, { { cast = "number" }, '"12"', "12" },
            { { cast = "number" }, "1.5", "1.5" },
            { { cast = "boolean" }, '"true"', "true" }, { { cast = "boolean" }, "0", "false" },
            { { cast = "boolean" }, "1.0", "true" },
            { { cast = "date" }, '"2024-02-29"', '"2024-02-29"' },
            { { cast = "date" }, '"2024-01-02 10:00"', '"2024-01-02"' },
            { { cast = "list" }, '"a"', '["a"]' }, { { cast = "list" }, "[1]", "[1]" },
            { { cast = "list" }, "false", "[false]" },
        } do
            it(("%s by %s"):format(case[2], neap.json.encode(case[1], { sorted = true })), function()
                assert.equal(case[3] and ('{"to":%s}\n'):format(case[3]) or "{}\n", value_of(case[1], case[2]))
            end)
        end

        for _, case in ipairs {
            { { cast = "integer" }, '"x"', 'expected an integer, got a string ("x")' },
            { { cast = "integer" }, '""', 'expected an integer, got a string ("")' },
            { { cast = "integer" }, "1.5", "expected an integer, got a number (1.5)" },
            { { cast = "integer" }, '"9223372036854775808"', 'got a string ("9223372036854775808")' },
            { { cast = "integer" }, "[1]", "expected an integer, got a list" },
            { { cast = "number" }, '"1."', 'expected a number, got a string ("1.")' },
            { { cast = "number" }, "true", "expected a number, got a boolean (true)" },
            { { cast = "boolean" }, "2", "expected a boolean, got a number (2)" },
            { { cast = "boolean" }, '"yes"', 'expected a boolean, got a string ("yes")' },
            { { cast = "date" }, '"2023-02-29"', 'expected a date (YYYY-MM-DD), got a string ("2023-02-29")' },
            { { cast = "date" }, '"2024-01-01x"', "expected a date (YYYY-MM-DD)" },
            { { cast = "date" }, "20240101", "expected a date (YYYY-MM-DD), got a number (20240101)" },
            { { cast = "list" }, '{"a":1}', "expected a list, got an object" },
            { { split = ";" }, "5", "expected a string or a list, got a number (5)" },
            { { at = 1 }, '"x"', 'expected a list, got a string ("x")' },
        } do
            it(("no sense of %s by %s"):format(case[2], neap.json.encode(case[1], { sorted = true })), function()
                local text, err = value_of(case[1], case[2])
                assert.is_nil(text)
                assert.equal("decode", err.kind)
                assert.equal("to: ", err.message:sub(1, 4))
                assert.truthy(err.message:find(case[3], 1, true), err.message)
            end)
        end
    end)

    describe("makes records", function()
        it("in its own order, the rest behind in theirs", function()
            local mapping = neap.mapping { { "b" }, { "x.y", from = "n.m" }, { "a" }, { "x.z", from = "n.o" },
                rest = true }
            assert.equal('{"b":2,"x":{"y":1,"z":3},"a":1,"q":null,"n":{"m":1,"o":3}}\n',
                line(mapping, '{"q":null,"a":1,"n":{"m":1,"o":3},"b":2}'))
            assert.equal('{"b":2}\n', line(neap.mapping { { "b" }, { "x.y" } }, '{"b":2}'))
            assert.same({ "b", "x.y", "a", "x.z" }, mapping.targets)
        end)

        it("whose rest has neither what entries took nor the names of targets", function()
            local mapping = neap.mapping { { "a", from = "b" }, rest = true }
            assert.equal('{"a":1,"c":3}\n', line(mapping, '{"c":3,"a":9,"b":1}'))
        end)

        it("as tables, without touching the one that it gets", function()
            local mapping = neap.mapping { { "n", from = "id" }, { "tags", constant = { "vip" } }, rest = true }
            local record = { id = 1, b = 2, a = 3 }
            local mapped = mapping(record)
            assert.same({ n = 1, tags = { "vip" }, a = 3, b = 2 }, mapped)
            assert.equal('{"n":1,"tags":["vip"],"a":3,"b":2}', neap.json.encode(mapped))
            mapped.tags[1], mapped.n = "changed", 5
            assert.same({ id = 1, b = 2, a = 3 }, record)
            assert.same({ "vip" }, mapping(record).tags)
        end)

        it("as CSV", function()
            local mapping = neap.mapping { { "name" }, { "city.zip" }, { "tags" }, { "n", constant = neap.null } }
            assert.equal("name,city.zip,tags,n\n", mapping:head "csv")
            assert.equal("", mapping:head "ndjson")
            assert.equal('"a, ""b""",106,"[1,""x""]",\n',
                line(mapping, '{"tags":[1,"x"],"city":{"zip":106},"name":"a, \\"b\\""}', "csv"))
        end)

        it("but no CSV of the rest, and no other format", function()
            local mapping = neap.mapping { { "a" }, rest = true }
            for _, method in ipairs { "line", "head", "native" } do
                local format, record = "csv", {}
                if method == "line" then record, format = format, record end
                local _, err = pcall(mapping[method], mapping, format, record)
                assert.equal("invalid", err.kind)
                assert.truthy(err.message:find("map: rest: CSV", 1, true))
            end
            assert.has_error(function() mapping:head "xml" end)
        end)

        it("of objects only", function()
            local said_of = { [5] = "a number (5)", [neap.json.array { 1 }] = "a list", [neap.null] = "null" }
            for value, said in pairs(said_of) do
                local mapped, err = neap.mapping { { "a" } }(value)
                assert.is_nil(mapped)
                assert.equal(("a record is %s, an object expected"):format(said), err.message)
            end
        end)

        it("with functions of the script", function()
            local mapping = neap.mapping {
                { "full", with = function(record) return record.first .. " " .. record.last end, default = "nobody" },
                { "none", with = function() return nil end }, { "null", with = function() return neap.null end },
            }
            assert.equal('{"full":"A B"}\n', line(mapping, '{"first":"A","last":"B"}'))
            assert.is_nil(mapping:native "ndjson")
            local _, raised = pcall(mapping, { first = "A" })
            assert.matches("^full: .*mapping_spec.lua:%d+: attempt to concatenate", raised)
            _, raised = pcall(neap.mapping { { "x", with = string.rep } }, {})
            assert.matches("^x: bad argument #1 to", raised)
            _, raised = pcall(neap.mapping { { "x", with = function() error {} end } }, {})
            assert.equal("x: the function raised an object", raised)
            local given = neap.error.new { kind = "invalid", message = "as it is" }
            _, raised = pcall(neap.mapping { { "x", with = function() error(given) end } }, {})
            assert.equal(given, raised)
            local waiting = neap.mapping { { "x", with = function(record)
                neap.sleep(1)
                return record.y
            end } }
            assert.same({ x = 2 }, neap.run(function() return waiting { y = 2 } end, { clock = "virtual" }))
            local failing = neap.mapping { { "x", with = function(record) return record.x, "no x today" end } }
            assert.equal("x: no x today", select(2, failing {}).message)
            assert.truthy(select(2, failing { x = print }).message:find "^x: expected a value that JSON can hold")
            assert.truthy(select(2, failing { x = { 1, [3] = 2 } }).message:find "^x: a list with holes")
        end)
    end)

    describe("in a file", function()
        local function file(text)
            return helper.write(helper.tmpdir() .. "/people.lua", text)
        end

        it("is read as data", function()
            local path = file [[
local function lower(record) return record.name:lower() end
return { { "n", constant = null }, { "name", with = lower }, { "id" } }
]]
            assert.equal('{"n":null,"name":"ren","id":1}\n', line(neap.mapping(path), '{"id":1,"name":"REN"}'))
        end)

        it("has its faults told with their lines", function()
            local path = file [[
return {
    form = "atlas.list_people",
    to = "atlas.save",
    { "key", from = "id" },
    { "yeers",
        from = "years" },
    { "years", constant = "x" },
}
]]
            local message, err = refusal(path, { from = atlas.FROM })
            assert.is_nil(err.where)
            assert.equal(table.concat({
                path .. ':2: no field "form", did you mean "from"?; an entry is { "form", ... }',
                path .. ':5: entry 2 "yeers": atlas.list_people.years (integer) to atlas.save.yeers (unknown): '
                    .. 'unknown target yeers, did you mean "years"?',
                path .. ':7: entry 3 "years": constant "x" to atlas.save.years (integer): expected an integer, '
                    .. 'got a string ("x")',
            }, "; "), message)
        end)

        it("may begin with a byte order mark", function()
            assert.equal('{"id":1}\n', line(neap.mapping(file "\xEF\xBB\xBFreturn { { 'id' } }"), '{"id":1}'))
        end)

        for text, said in pairs {
            ["return { 1"] = "people.lua:1: '}' expected near <eof>", ["os.exit()"] = "a map has no os: it is data",
            [""] = "a map ends in `return { ... }`", ["return 5"] = "a table expected, got a number (5)",
            ["error 'x'"] = "people.lua:1: x", ["\27Lua"] = "attempt to load a binary chunk",
        } do
            it("is refused: " .. said, function()
                assert.truthy(refusal(file(text)):find(said, 1, true), refusal(file(text)))
            end)
        end
    end)

    describe("at the top of a workflow", function()
        local WORKFLOW = [[
local MAP = neap.mapping {
    from = "optimove.GetCustomersByAction", to = "omnisegment.import_audience.data",
    { "member_sn", from = "%s" },
    { "tags", from = "CustomerAttributes"%s },
}
return neap.workflow { run = function(ctx)
    local member = MAP { CustomerID = "7", CustomerAttributes = "a;b" }
    return assert(ctx:vendor "omnisegment":import_audience { data = member })
end }
]]

        local function run(...)
            local dir = helper.tmpdir()
            helper.write(dir .. "/sync.lua", WORKFLOW:format(...))
            local log = dir .. "/log.ndjson"
            local result = helper.cli({ "run", "./sync.lua", "--sandbox", "--sandbox-log", log }, { cwd = dir })
            return result, helper.exists(log) and helper.read(log) or ""
        end

        it("is refused before any call", function()
            local result, log = run("CustomrID", "")
            assert.equal(2, result.code)
            assert.equal("", log)
            assert.equal("", result.out)
            assert.equal(table.concat {
                'neap: ./sync.lua:1: invalid: map: entry 1 "member_sn": optimove.GetCustomersByAction.CustomrID ',
                "(unknown) to omnisegment.import_audience.data.member_sn (id): unknown source field CustomrID, did ",
                'you mean "CustomerID"?; entry 2 "tags": optimove.GetCustomersByAction.CustomerAttributes (list of ',
                "strings or string) to omnisegment.import_audience.data.tags (string): a list cannot become a string; ",
                'split and at = 1 take one of its elements, cast = "string" its JSON\n',
            }, result.err)
        end)

        it("makes the calls when it is right", function()
            local result, log = run("CustomerID", ', split = ";", at = 2')
            assert.equal("", result.err)
            assert.equal(0, result.code)
            assert.equal(1, select(2, log:gsub('"endpoint":"import_audience"', "")))
        end)
    end)
end)
