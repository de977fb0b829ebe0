require "neap"
local json = require "neap.native.json"
local null = require "neap.null"
local schema = require "neap.schema"

--- Checks one value against one field; returns the wire value, or the faults as one line.
local function check_one(field, value)
    local spec = { "x" }
    for key, attribute in pairs(field) do spec[key] = attribute end
    local wire, faults = schema.compile({ spec }, "spec"):check { x = value }
    if wire then return wire.x end
    return nil, schema.format_faults(faults)
end

local long = ("a"):rep(61)
local cut = '"' .. ("a"):rep(60) .. '..."'

--- { field, { value, wire }..., refused = { { value, message }... } }
local types = {
    string = {
        { { type = "string" }, ok = { { "", "" }, { "x", "x" }, { "會員", "會員" } }, no = {
            { 5, "x: expected a string, got a number (5)" },
            { 1.5, "x: expected a string, got a number (1.5)" },
            { true, "x: expected a string, got a boolean (true)" },
            { null, "x: expected a string, got null" },
            { {}, "x: expected a string, got an object" },
            { { 1 }, "x: expected a string, got a list" },
            { print, "x: expected a string, got a function" },
            { "\xff", 'x: "\\xff" is not UTF-8' },
        } },
        { { type = "string", min_length = 2, max_length = 3 }, ok = {
            { "ab", "ab" }, { "會員卡", "會員卡" } }, no = {
            { "a", 'x: "a" has 1 characters, at least 2 are needed' },
            { "", "x: empty" },
            { "會員卡號", 'x: "會員卡號" has 4 characters, at most 3 are allowed' },
            { long, "x: " .. cut .. " has 61 characters, at most 3 are allowed" },
        } },
        { { type = "string", pattern = "^OA%-%w+$", pattern_doc = "like OA-xxxxxx" }, ok = {
            { "OA-1", "OA-1" } }, no = { { "1", 'x: "1" is not like OA-xxxxxx' } } },
        { { type = "string", pattern = "^%d+$" }, ok = { { "1", "1" } }, no = {
            { "a", 'x: "a" does not match ^%d+$' } } },
        { { type = "string", pattern = { "^%d+$", "^none$" } }, ok = {
            { "1", "1" }, { "none", "none" } }, no = {
            { "", 'x: "" does not match ^%d+$ or ^none$' } } },
        { { type = "string", nullable = true }, ok = { { null, null }, { "x", "x" } }, no = {
            { 5, "x: expected a string, got a number (5)" } } },
    },
    id = {
        { { type = "id" }, ok = {
            { "7519", "7519" }, { 7519, "7519" }, { -1, "-1" }, { 7519.0, "7519" },
            { math.maxinteger, "9223372036854775807" } }, no = {
            { 7519.5, "x: expected a string or an integer, got a number (7519.5)" },
            { 1e300, "x: expected a string or an integer, got a number (1e+300)" },
            { true, "x: expected a string or an integer, got a boolean (true)" },
        } },
        { { type = "id", max_length = 3 }, ok = { { 123, "123" } }, no = {
            { 1234, 'x: "1234" has 4 characters, at most 3 are allowed' } } },
    },
    integer = {
        { { type = "integer", min = 1, max = 10 }, ok = { { 1, 1 }, { 10, 10 }, { 5.0, 5 } }, no = {
            { 0, "x: 0 is below the minimum 1" }, { 11, "x: 11 is above the maximum 10" },
            { 1.5, "x: 1.5 is no integer" }, { 1e300, "x: 1e+300 is no integer" },
            { "5", 'x: expected an integer, got a string ("5")' },
        } },
    },
    number = {
        { { type = "number", min = 0 }, ok = { { 0, 0 }, { 1.5, 1.5 } }, no = {
            { -0.5, "x: -0.5 is below the minimum 0" },
            { math.huge, "x: inf is not a finite number" },
            { "1", 'x: expected a number, got a string ("1")' },
        } },
    },
    boolean = {
        { { type = "boolean" }, ok = { { true, true }, { false, false } }, no = {
            { "true", 'x: expected a boolean, got a string ("true")' },
            { 0, "x: expected a boolean, got a number (0)" },
        } },
    },
    enum = {
        { { type = "enum", values = { "member_sn", "line_id", "email" } }, ok = {
            { "email", "email" } }, no = {
            { "emial", 'x: "emial" is not one of member_sn, line_id, email,'
                .. ' did you mean "email"?' },
            { "zzz", 'x: "zzz" is not one of member_sn, line_id, email' },
            { 5, "x: expected a string, got a number (5)" },
        } },
        { { values = { 0, 1 } }, ok = { { 0, 0 }, { 1, 1 } }, no = {
            { 2, "x: 2 is not one of 0, 1" } } },
    },
    date = {
        { { type = "date" }, ok = {
            { "2020-02-29", "2020-02-29" }, { "0999-01-01", "0999-01-01" } }, no = {
            { "2020-13-01", 'x: "2020-13-01" is no date: month 13' },
            { "2021-02-29", 'x: "2021-02-29" is no date: day 29, but 2021-02 has 28 days' },
            { "2020-1-1", 'x: "2020-1-1" is no date: expected YYYY-MM-DD' },
            { 2020, "x: expected a date (YYYY-MM-DD), got a number (2020)" },
        } },
        { { type = "date", unpadded = true }, ok = { { "2020-11-1", "2020-11-1" } }, no = {
            { "2020-11-31", 'x: "2020-11-31" is no date: day 31, but 2020-11 has 30 days' } } },
    },
    datetime = {
        { { type = "datetime" }, ok = {
            { "2024-07-15T09:51:23+0800", "2024-07-15T09:51:23+0800" },
            { "2024-02-29 09:51:23", "2024-02-29 09:51:23" } }, no = {
            { "2024-07-15", 'x: "2024-07-15" is no date with time: expected YYYY-MM-DDThh:mm:ss' },
            { 1, "x: expected a date with time (YYYY-MM-DDThh:mm:ss), got a number (1)" },
        } },
        { { type = "datetime", zone = "required" }, ok = {
            { "2024-02-29T09:51:23Z", "2024-02-29T09:51:23Z" } }, no = {
            { "2024-07-15T09:51:23",
                'x: "2024-07-15T09:51:23" has no zone, one such as +08:00 is required' } } },
        { { type = "datetime", zone_form = "+08:00" }, ok = {
            { "2024-03-29T09:51:23+08:00", "2024-03-29T09:51:23+08:00" },
            { "2024-02-29T09:51:23+08:00", "2024-02-29T09:51:23+08:00" },
            { "2024-03-29T09:51:23+0800", "2024-03-29T09:51:23+08:00" },
            { "2024-02-29T09:51:23Z", "2024-02-29T09:51:23+00:00" },
            { "2024-03-29 09:51+08", "2024-03-29T09:51:00+08:00" },
            { "2024-03-29T09:51:23.2354-0530", "2024-03-29T09:51:23.2354-05:30" },
            { "2024-03-29T09:51", "2024-03-29T09:51:00" } }, no = {
            { "2024-07-15T09:51:23+8", 'x: "2024-07-15T09:51:23+8" is no date with time:'
                .. " expected YYYY-MM-DDThh:mm:ss" } } },
        { { type = "datetime", zone_form = "+08" }, ok = {
            { "2024-05-01 12:00:00+08:00", "2024-05-01 12:00:00+08" },
            { "2024-05-01T12:00:00Z", "2024-05-01T12:00:00+00" } }, no = {
            { "2024-05-01T12:00:00+05:30",
                'x: "2024-05-01T12:00:00+05:30" has a zone that cannot be written as +08' } } },
        { { type = "datetime", zone_form = "Z" }, ok = {
            { "2024-05-01T12:00:00-0000", "2024-05-01T12:00:00Z" } }, no = {
            { "2024-05-01T12:00:00+08", 'x: "2024-05-01T12:00:00+08" has a zone that cannot be written as Z' } } },
        { { type = "datetime", zone_form = "+0800", zone = "required" }, ok = {
            { "2024-05-01T12:00:00Z", "2024-05-01T12:00:00+0000" } }, no = {
            { "2024-05-01T12:00:00", 'x: "2024-05-01T12:00:00" has no zone, one such as +0800 is required' } } },
        { { type = "datetime", zone = "none" }, ok = {}, no = {
            { "2024-07-15T09:51:23Z", 'x: "2024-07-15T09:51:23Z" has a zone, none is allowed' } } },
        { { type = "datetime", date_only = true, zone = "required" }, ok = {
            { "2024-05-01", "2024-05-01" }, { "2024-02-29", "2024-02-29" },
            { "2024-05-01 12:00:00+08", "2024-05-01 12:00:00+08" } }, no = {
            { "2024-05-0112:00:00",
                'x: "2024-05-0112:00:00" is no date with time: expected YYYY-MM-DDThh:mm:ss' },
            { "2024-02-30", 'x: "2024-02-30" is no date: day 30, but 2024-02 has 29 days' },
            { "2024-5-1", 'x: "2024-5-1" is no date: expected YYYY-MM-DD' },
            { "2024-05-01 12:00:00",
                'x: "2024-05-01 12:00:00" has no zone, one such as +08:00 is required' } } },
        { { type = "datetime", date_only = true, unpadded = true, zone_form = "+08:00" }, ok = {
            { "2020-6-4", "2020-6-4" }, { "2020-06-04", "2020-06-04" },
            { "2020-06-04T08:30Z", "2020-06-04T08:30:00+00:00" } }, no = {
            { "2020-6-31", 'x: "2020-6-31" is no date: day 31, but 2020-06 has 30 days' },
            { "2020-6-4T08:30:00", 'x: "2020-6-4T08:30:00" is no date with time: expected YYYY-MM-DDThh:mm:ss' } } },
    },
    interval = {
        { { type = "interval", zone = "required" }, ok = {
            { "2024-01-01T00:00:00+08:00/2024-01-02T00:00:00+08:00",
                "2024-01-01T00:00:00+08:00/2024-01-02T00:00:00+08:00" } }, no = {
            { "2024-01-01", 'x: "2024-01-01" is no interval: expected start/end' },
            { "2024-01-01T00:00:00Z/2024", 'x: "2024" is no date with time:'
                .. " expected YYYY-MM-DDThh:mm:ss" },
            { "2024-01-02T00:00:00Z/2024-01-02T00:00:00+08",
                'x: "2024-01-02T00:00:00Z/2024-01-02T00:00:00+08" ends before it starts' },
            { 5, "x: expected an interval (start/end), got a number (5)" },
        } },
        { { type = "interval", zone_form = "+08:00" }, ok = {
            { "2024-01-01T00:00Z/2024-01-02T00:00:00+0800",
                "2024-01-01T00:00:00+00:00/2024-01-02T00:00:00+08:00" } }, no = {
            { "2024-01-01T00:00:00/x", 'x: "x" is no date with time: expected YYYY-MM-DDThh:mm:ss' } } },
    },
    decimal = {
        { { type = "decimal", places = 2, min = 0 }, ok = {
            { "1.20", "1.20" }, { "5", "5" }, { 5, "5" }, { 0.1, "0.1" }, { 12.0, "12" } }, no = {
            { "1.234", 'x: "1.234" has 3 decimal places, at most 2 are allowed' },
            { 0.125, 'x: "0.125" has 3 decimal places, at most 2 are allowed' },
            { "1,5", 'x: "1,5" is no decimal number' }, { "1.", 'x: "1." is no decimal number' },
            { "", 'x: "" is no decimal number' }, { "1e5", 'x: "1e5" is no decimal number' },
            { 1e300, 'x: "1e+300" is no decimal number' }, { "-1", "x: -1 is below the minimum 0" },
            { true, "x: expected a decimal, got a boolean (true)" },
        } },
    },
    list = {
        { { type = "list", of = { type = "integer" }, min = 1, max = 3 }, ok = {
            { { 1, 2.0 }, { 1, 2 } } }, no = {
            { {}, "x: 0 items, at least 1 are needed" },
            { { 1, 2, 3, 4 }, "x: 4 items, at most 3 are allowed" },
            { { 1, "2", 1.5 }, 'x[2]: expected an integer, got a string ("2"); '
                .. "x[3]: 1.5 is no integer" },
            { { a = 1 }, "x: expected a list of integers, got an object" },
            { { 1, a = 1 }, "x: a list with holes or with named entries" },
            { "1", 'x: expected a list of integers, got a string ("1")' },
        } },
        { { type = "list", of = { type = "id" }, join = ";", max = 3 }, ok = {
            { { "a", 5 }, "a;5" }, { "a;b", "a;b" }, { {}, "" } }, no = {
            { { "a;b" }, 'x[1]: "a;b" holds ";", which separates the items' },
            { "a;b;c;d", "x: 4 items, at most 3 are allowed" },
            { 5, 'x: expected a list of ids joined by ";", got a number (5)' },
        } },
        { { type = "list" }, ok = {
            { { 1, "a", null, { b = {} } }, { 1, "a", null, { b = {} } } } }, no = {
            { { print }, "x[1]: expected a value that JSON can hold, got a function" } } },
        { { type = "list", of = { type = "list", of = { type = "string" } } }, ok = {}, no = {
            { { { "a" }, { 5 } }, "x[2][1]: expected a string, got a number (5)" } } },
    },
    any = {
        { { type = "any" }, ok = { { null, null }, { false, false }, { { 1 }, { 1 } } }, no = {
            { print, "x: expected a value that JSON can hold, got a function" },
            { { a = { b = math.huge } }, "x.a.b: inf is not a finite number" },
            { { a = { 1, [3] = 3 } }, "x.a: a list with holes" },
            { { a = { [2] = 1 } }, "x.a: mixes the keys of a list and of an object" },
            { { "\xff" }, 'x[1]: "\\xff" is not UTF-8' },
        } },
    },
    json_text = {
        { { type = "json_text" }, ok = {
            { '{"a": 1}', '{"a": 1}' }, { { a = "b" }, '{"a":"b"}' }, { { 1 }, "[1]" },
            { 5, "5" }, { "null", "null" } }, no = {
            { print, "x: expected a value that JSON can hold, got a function" } } },
    },
    duration = {
        { { type = "duration", max = 60 }, ok = { { "5s", 5 }, { 1.5, 1.5 }, { "1m", 60 } }, no = {
            { "2m", "x: 120 s is above the maximum 60" }, { -1, "x: -1 is no duration:"
                .. " expected zero or more seconds" },
            { true, 'x: expected a duration such as "5m", got a boolean (true)' },
        } },
    },
    rate = {
        { { type = "rate" }, ok = {
            { "10/s", { count = 10, period = 1 } },
            { { count = 1, period = 2 }, { count = 1, period = 2 } } }, no = {
            { 5, 'x: expected a rate such as "10/s", got a number (5)' },
            { "5", 'x: "5" is no rate: expected a count, "/" and a period,'
                .. ' such as "10/s" or "50/10s"' },
        } },
    },
    url = {
        { { type = "url" }, ok = {
            { "https://a.b/c?d=e#f", "https://a.b/c?d=e#f" }, { "HTTP://a", "HTTP://a" } }, no = {
            { "ftp://a", 'x: "ftp://a" is no URL: expected http:// or https:// and a host' },
            { "https:///x", 'x: "https:///x" is no URL: expected http:// or https:// and a host' },
            { "http://a b", 'x: "http://a b" is no URL: expected http:// or https:// and a host' },
            { 5, "x: expected a URL, got a number (5)" },
        } },
    },
    path = {
        { { type = "path" }, ok = { { "-", "-" }, { "a/b", "a/b" } }, no = {
            { "", "x: empty, expected a path" }, { "a\0", 'x: "a\\x00" is no path' },
            { 5, "x: expected a path, got a number (5)" },
        } },
    },
    secret = {
        { { type = "secret" }, ok = { { "env:KEY", "env:KEY" }, { io.stdout, io.stdout } }, no = {
            { 123456, "x: expected a secret, got a number" },
            { null, "x: expected a secret, got a userdata" },
        } },
    },
    either = {
        { { either = { { type = "string" }, { fields = { { "default", type = "id" } } } } }, ok = {
            { "P1,P2", "P1,P2" }, { { default = "P1" }, { default = "P1" } } }, no = {
            { 5, "x: expected a string or object, got a number (5)" },
            { { default = true }, "x.default: expected a string or an integer,"
                .. " got a boolean (true)" },
            { { 1 }, "x: expected a string or object, got a list" },
        } },
        { { either = { { values = { "off" } }, { type = "rate" } } }, ok = {
            { "off", "off" }, { "1/s", { count = 1, period = 1 } } }, no = {
            { "of", 'x: "of" is not one of off, or "of" is no rate: expected a count, "/" and'
                .. ' a period, such as "10/s" or "50/10s", did you mean "off"?' },
        } },
        { { either = { { type = "integer" }, { type = "boolean" } } }, ok = {
            { false, false } }, no = {
            { "x", 'x: expected an integer or boolean, got a string ("x")' } } },
        { { either = { { type = "object" }, { type = "list", of = { type = "object" } } } }, ok = {
            { {}, {} }, { { {} }, { {} } } }, no = {} },
    },
    object = {
        { { type = "object" }, ok = { { { anything = { 1 } }, { anything = { 1 } } } }, no = {
            { { 1 }, "x: expected an object, got a list" },
            { { [5] = 1 }, "x[5]: an object has named entries only" },
        } },
        { { type = "object", of = { type = "string" } }, ok = { { { CRM = "1" }, { CRM = "1" } } },
            no = { { { CRM = 1 }, "x.CRM: expected a string, got a number (1)" } } },
        { { fields = {} }, ok = { { {}, {} } }, no = { { { a = 1 }, "x.a: unknown name" } } },
    },
}

describe("neap.schema types", function()
    for kind, groups in pairs(types) do
        it("checks " .. kind, function()
            for _, group in ipairs(groups) do
                for _, case in ipairs(group.ok) do
                    local wire, message = check_one(group[1], case[1])
                    assert.is_nil(message)
                    assert.same(case[2], wire)
                    assert.equal(math.type(case[2]), math.type(wire))
                end
                for _, case in ipairs(group.no) do
                    local wire, message = check_one(group[1], case[1])
                    assert.is_nil(wire)
                    assert.equal(case[2], message)
                end
            end
        end)
    end

    it("refuses text that is no JSON", function()
        local _, message = check_one({ type = "json_text" }, "{a}")
        assert.matches('^x: "{a}" is no JSON: ', message)
    end)

    it("refuses values that hold themselves", function()
        local loop = {}
        loop.a = loop
        local _, message = check_one({ type = "any" }, loop)
        assert.matches(": nested too deeply, or within itself$", message)
    end)

    it("marks lists as arrays", function()
        local wire = check_one({ type = "list" }, {})
        assert.equal(getmetatable(json.array {}), getmetatable(wire))
    end)
end)
