require "neap"
local null = require "neap.null"
local schema = require "neap.schema"

describe("schema text conversion", function()
    local fields = schema.compile({
        { "s", type = "string" }, { "i", type = "integer" }, { "n", type = "number" },
        { "b", type = "boolean" }, { "o", type = "object" }, { "any", type = "any" },
        { "d", type = "date" }, { "e", values = { 0, 1, "x" } },
        { "l", type = "list", of = { type = "integer" } },
        { "j", type = "list", of = { type = "string" }, join = ";" },
        { "so", either = { { type = "string" }, { type = "object" } } },
        { "is", either = { { type = "integer" }, { type = "string" } } },
        { "data", open = true, fields = { { "email", type = "string" }, { "at",
            fields = { { "city", type = "string" }, { "zip", type = "integer" } } } } },
    }, "spec")

    local taken = {
        { "s", "5", "5" }, { "s", "", "" }, { "s", '"', '"' }, { "i", "5", 5 }, { "i", "-5", -5 },
        { "i", "0", 0 }, { "i", "9223372036854775807", math.maxinteger }, { "n", "1.5", 1.5 },
        { "i", "-9223372036854775808", math.mininteger }, { "n", "5", 5 }, { "n", "1e2", 100.0 },
        { "n", "-0.5E-1", -0.05 }, { "b", "true", true }, { "b", "false", false },
        { "o", '{"a":"b"}', { a = "b" } }, { "any", '"x"', "x" }, { "any", "null", null },
        { "d", "x", "x" }, { "e", "1", 1 }, { "e", "x", "x" }, { "e", "y", "y" },
        { "j", "a;b", { "a", "b" } }, { "j", '["a","b;c"]', { "a", "b;c" } },
        { "so", '{"a":"b"}', { a = "b" } }, { "so", "{a", "{a" }, { "so", "P1", "P1" },
        { "is", "5", 5 }, { "is", "05", "05" }, { "data.at.zip", "5", 5 },
        { "data.colour", "5", "5" },
        { "data.colour.x", "5", "5" }, { "any.x", "5", "5" }, { "o.x.y", "true", "true" },
    }
    for _, case in ipairs(taken) do
        it(("reads %s=%s"):format(case[1], case[2]), function()
            local value, message = fields:convert(case[1], case[2])
            assert.is_nil(message)
            assert.same(case[3], value)
            assert.equal(math.type(case[3]), math.type(value))
        end)
    end

    local refused = {
        { "i", "5.0", '"5.0" is no integer' }, { "i", "", '"" is no integer' },
        { "i", "007", '"007" is no integer' }, { "i", "0x10", '"0x10" is no integer' },
        { "i", " 5", '" 5" is no integer' }, { "i", "+5", '"+5" is no integer' },
        { "i", "9223372036854775808", '"9223372036854775808" is beyond 64 bit' },
        { "n", "1.", '"1." is no number' }, { "n", "nan", '"nan" is no number' },
        { "n", "1e999", '"1e999" is no number' }, { "n", "0x1p4", '"0x1p4" is no number' },
        { "n", "01.5", '"01.5" is no number' }, { "n", "1,5", '"1,5" is no number' },
        { "b", "TRUE", '"TRUE" is no boolean: expected true or false' },
        { "b", "1", '"1" is no boolean: expected true or false' },
        { "o", "[1]", "expected a JSON object, got a list" },
        { "l", '{"a":1}', "expected a JSON array, got an object" },
        { "s.x", "5", "s is a string and has no field x" },
        { "nothing", "5",
            "unknown name, known are s, i, n, b, o, any, d, e, l, j, so, is, data" },
        { "data..x", "5", "a part of the name is empty" },
    }
    for _, case in ipairs(refused) do
        it(("refuses %s=%s"):format(case[1], case[2]), function()
            local value, message = fields:convert(case[1], case[2])
            assert.is_nil(value)
            assert.equal(case[3], message)
        end)
    end

    it("names what is broken JSON", function()
        local value, message = fields:convert("o", "{a")
        assert.is_nil(value)
        assert.matches('^"{a" is no JSON object: ', message)
    end)

    it("hints at the nearest name", function()
        local value, _, hint = fields:convert("data.emial", "x")
        assert.is_nil(value)
        assert.equal('did you mean "email"?', hint)
    end)

    it("gathers arguments into values", function()
        local values = {}
        for _, pair in ipairs {
            { "i", "5" }, { "l", "1" }, { "l", "2" }, { "j", "a;b" }, { "j", "c" },
            { "data.email", "x@y" }, { "data.at.zip", "1" }, { "data.colour", "z" },
        } do
            assert.is_true(fields:assign(values, pair[1], pair[2]))
        end
        assert.is_true(fields:put(values, "data.at.city", "Taipei"))
        assert.same({ i = 5, l = { 1, 2 }, j = { "a", "b", "c" }, data = {
            email = "x@y", at = { zip = 1, city = "Taipei" }, colour = "z" } }, values)
        assert.equal("a;b;c", fields:check(values).j)
    end)

    it("returns arguments that have no place as faults", function()
        local values = { i = 5, data = "x" }
        local cases = {
            { "i", "6", "i: given twice" }, { "n", "x", 'n: "x" is no number' },
            { "nn", "x", 'nn: unknown name, did you mean "n"?' },
            { "data.email", "x", "data has a value already" },
        }
        for _, case in ipairs(cases) do
            local done, fault = fields:assign(values, case[1], case[2])
            assert.is_nil(done)
            assert.matches(case[3], schema.fault_text(fault), 1, true)
        end
    end)

    it("converts and checks the text of a setting", function()
        local cases = {
            { { "w", type = "duration" }, "5m", 300 }, { { "w", type = "id" }, "5", "5" },
            { { "w", type = "rate" }, "50/10s", { count = 50, period = 10 } },
            { { "w", either = { { values = { "off" } }, { type = "rate" } } }, "off", "off" },
            { { "w", type = "integer", min = 1 }, "0", nil, "0 is below the minimum 1" },
            { { "w", values = { "taiwan", "japan" } }, "japn", nil,
                '"japn" is not one of taiwan, japan, did you mean "japan"?' },
            { { "w", type = "list", of = { type = "string" }, join = "," }, "a,b", { "a", "b" } },
            { { "w", type = "list", of = { type = "integer" } }, "5", { 5 } },
            { { "w", type = "boolean" }, "false", false },
        }
        for _, case in ipairs(cases) do
            local value, message = schema.convert_field(case[1], case[2], "argument")
            assert.same(case[3], value)
            assert.equal(case[4], message)
        end
    end)
end)

describe("schema:columns", function()
    local shape = schema.compile({
        { "id", type = "id", required = true }, { "email", type = "string" },
        { "n", type = "integer", required = true, default = 1 },
        { "at", fields = {
            { "city", type = "string", required = true }, { "zip", type = "integer" },
        } },
    }, "spec", { open = true })

    local function faults_of(header)
        local plan, faults = shape:columns(header)
        assert.is_nil(plan)
        return schema.format_faults(faults)
    end

    it("plans each column", function()
        local plan = assert(shape:columns { "id", "at.city", "at.zip", "favourite" })
        assert.same({ "at", "zip" }, plan[3].keys)
        assert.equal(5, plan[3].convert("5"))
        assert.equal("5", plan[4].convert("5"))
        assert.is_true(plan[4].custom)
    end)

    it("names every fault of a header", function()
        assert.equal("id: required, and there is no such column", faults_of { "email" })
        assert.equal("Email: unknown name, too near to a declared one"
            .. ', did you mean "email"?; '
            .. "id: required, and there is no such column; "
            .. "at.city: required, and there is no such column", faults_of { "Email", "at.zip" })
        assert.equal("at.city: there is a column at, too", faults_of { "id", "at", "at.city" })
    end)
end)
