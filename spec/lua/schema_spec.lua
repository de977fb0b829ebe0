require "neap"
local null = require "neap.null"
local schema = require "neap.schema"

local audience = {
    { "data", type = "object", required = true, open = true, custom_max_length = 10, fields = {
        { "member_sn", type = "string", nullable = true },
        { "email", type = "string" }, { "phone", type = "string" },
        { "birthday", type = "date" }, { "points", type = "decimal", places = 2 },
        { "tokens", type = "list", of = { type = "object", fields = {
            { "token", type = "string", required = true },
            { "active", type = "boolean", default = true },
        } } },
    } },
    { "merge_key", values = { "member_sn", "email" }, default = "member_sn" },
    { "ignore", type = "boolean", wire = "ignore_empty_value" },
}

describe("schema:check", function()
    local it_schema = schema.compile(audience, "omnisegment.import_audience")

    local function faults_of(input, opts)
        local wire, faults = it_schema:check(input, opts)
        assert.is_nil(wire)
        return schema.format_faults(faults)
    end

    it("fills defaults in, renames, and leaves the input alone", function()
        local tokens = { { token = "t" }, { token = "u", active = false } }
        local input = {
            data = { member_sn = null, points = 5, tokens = tokens, fav = 7 }, ignore = true,
        }
        local wire = assert(it_schema:check(input))
        assert.same({
            data = { member_sn = null, points = "5", fav = 7,
                tokens = { { token = "t", active = true }, { token = "u", active = false } } },
            merge_key = "member_sn", ignore_empty_value = true,
        }, wire)
        assert.same({ data = { member_sn = null, points = 5, tokens = tokens, fav = 7 },
            ignore = true }, input)
        assert.is_nil(tokens[1].active)
        assert.is_nil(getmetatable(tokens))
    end)

    it("names every fault at once, in the order of the declaration", function()
        assert.equal(table.concat({
            "data.phone: expected a string, got a number (5)",
            'data.birthday: "2020-13-01" is no date: month 13',
            'data.tokens[1].activ: unknown name, did you mean "active"?',
            "data.tokens[2].token: required",
            "data.tokens[3]: expected an object, got a number (7)",
            "data.emial: unknown name, too near to a declared one"
                .. ', did you mean "email"?',
            'merge_key: "emial" is not one of member_sn, email, did you mean "email"?',
            'mergekey: unknown name, did you mean "merge_key"?',
            "zzz: unknown name, known are data, merge_key, ignore",
        }, "; "), faults_of {
            data = { phone = 5, birthday = "2020-13-01", emial = "x",
                tokens = { { token = "t", activ = true }, {}, 7 } },
            merge_key = "emial", mergekey = 1, zzz = 2,
        })
    end)

    it("requires what is required", function()
        assert.equal("data: required", faults_of {})
        assert.equal("data: required", faults_of(nil))
        assert.equal("data: expected an object, got null", faults_of { data = null })
        assert.equal("expected an object, got a number (5)", faults_of(5))
    end)

    for _, name in ipairs { "Email", "e-mail", "e_mail", "emial", "emaill", "eml", "MEMBERSN",
        "birthdy", "point" } do
        it("refuses the custom field " .. name .. ", unless it is listed", function()
            local said = faults_of { data = { [name] = "x" } }
            assert.matches("too near to a declared one", said, 1, true)
            local allowed = { custom_fields = { [name] = true } }
            local wire = assert(it_schema:check({ data = { [name] = "x" } }, allowed))
            assert.equal("x", wire.data[name])
        end)
    end

    it("passes custom fields of every JSON type", function()
        local custom = {
            vip_level = "gold", size = 5, ok = false, rows = { { a = 1 } }, left_at = null,
            ["會員等級"] = "a",
        }
        assert.same(custom, assert(it_schema:check { data = custom }).data)
    end)

    it("limits custom texts in characters", function()
        assert.is_table(it_schema:check { data = { favourite = ("會"):rep(10) } })
        assert.equal('data.favourite: "01234567890" has 11 characters, at most 10 are allowed',
            faults_of { data = { favourite = "01234567890" } })
        assert.equal("data.favourite: expected a value that JSON can hold, got a function",
            faults_of { data = { favourite = print } })
    end)

    it("decides alike for thousands of custom names", function()
        for i = 1, 2500 do
            assert.is_table(it_schema:check { data = { ["favourite_" .. i] = i } })
        end
        assert.matches("did you mean", faults_of { data = { emial = 1 } })
    end)

    it("says what the definition places itself", function()
        local placed = { tid = "placed by the definition: set it with --set omnisegment.tid=..." }
        assert.equal("tid: placed by the definition: set it with --set omnisegment.tid=...",
            faults_of({ data = {}, tid = "OA-1" }, { placed = placed }))
        assert.is_table(it_schema:check({ data = { tid = "x" } }, { placed = placed }))
    end)

    it("keeps faults that were found earlier", function()
        local prior = { { path = "data", message = "broken" } }
        assert.equal("data: broken; mergekey: unknown name, did you mean \"merge_key\"?",
            faults_of({ mergekey = 1 }, { prior = prior }))
        assert.equal("data: broken", faults_of({ data = {} }, { prior = prior }))
    end)

    it("takes open parameters at the top", function()
        local free = schema.compile({ { "Date", type = "date" } }, "x.y", { open = true })
        assert.same({ Other = 5 }, free:check { Other = 5 })
        local _, faults = free:check { date = "2020-01-01" }
        assert.equal('did you mean "Date"?', faults[1].hint)
    end)
end)

describe("schema.compile", function()
    local refused = {
        { { { "a", type = "strin" } }, 'x.y: a: unknown type "strin", did you mean "string"?' },
        { { { "a", type = "string", requird = true } },
            'x.y: a: unknown attribute "requird" of type string, did you mean "required"?' },
        { { { "a", type = "string", places = 2 } },
            'x.y: a: unknown attribute "places" of type string, did you mean "place"?' },
        { { { "a", type = "integer", min = "1" } },
            "x.y: a: attribute min: expected a number, got a string" },
        { { { "a", type = "string", place = "boddy" } },
            'x.y: a: attribute place: "boddy" is not known, did you mean "body"?' },
        { { { "a", type = "integer", default = "5" } },
            'x.y: a: attribute default: expected an integer, got a string ("5")' },
        { { { "a", type = "string", pattern = "%" } }, "x.y: a: attribute pattern: malformed" },
        { { { "a", type = "datetime", zone_form = "+8" } },
            'x.y: a: attribute zone_form: "+8" is not known, did you mean "+08"?' },
        { { { "a", type = "datetime", unpadded = true } },
            "x.y: a: attribute unpadded: beside a time it needs date_only" },
        { { { "a" } }, "x.y: a: type is missing" },
        { { { "a", type = "enum" } }, "x.y: a: values are missing" },
        { { { type = "string" } }, "x.y: field 1 has no name" },
        { { "a" }, "x.y: [1]: expected a table, got a string" },
        { { { "a", type = "object", open = true } },
            "x.y: a: open without fields: an object without fields takes any name" },
        { { { "o", fields = { { "b", type = "string" }, { "b", type = "id" } } } },
            "x.y: o.b: declared twice" },
        { { { "l", type = "list", of = { type = "intger" } } },
            'x.y: l[]: unknown type "intger", did you mean "integer"?' },
    }
    for _, case in ipairs(refused) do
        it("refuses: " .. case[2], function()
            local compiled, message = pcall(schema.compile, case[1], "x.y")
            assert.is_false(compiled)
            assert.equal(case[2], message)
        end)
    end

    it("takes fields keyed by name, in alphabetical order", function()
        local args = schema.compile({
            file = { type = "path", required = true }, at = { type = "date" },
        }, "args")
        assert.same({ "at", "file" }, args:names())
    end)

    it("does not change the definition", function()
        local definition = { { "a", type = "list", of = { type = "string" } } }
        schema.compile(definition, "x.y")
        schema.compile(definition, "x.y")
        assert.same({ { "a", type = "list", of = { type = "string" } } }, definition)
    end)
end)

describe("schema names", function()
    local it_schema = schema.compile(audience, "omnisegment.import_audience")

    it("finds fields, or the nearest name", function()
        assert.equal("date", it_schema:field("data.birthday").type)
        assert.equal("data.birthday", it_schema:field("data.birthday").path)
        local cases = {
            { "data.emial", "data.email" }, { "mergekey", "merge_key" }, { "dt.emial", nil },
            { "dta.email", "data.email" }, { "data.colour", nil }, { "nothing", nil },
        }
        for _, case in ipairs(cases) do
            local field, nearest = it_schema:field(case[1])
            assert.is_nil(field)
            assert.equal(case[2], nearest)
        end
    end)

    it("lists names and paths", function()
        assert.same({ "data", "merge_key", "ignore" }, it_schema:names())
        assert.same({ "data", "data.member_sn", "data.email", "data.phone", "data.birthday",
            "data.points", "data.tokens", "merge_key", "ignore" }, it_schema:paths())
    end)

    it("gives the shape of records", function()
        assert.same({ "member_sn", "email", "phone", "birthday", "points", "tokens" },
            it_schema:shape("data"):names())
        assert.same({ "token", "active" }, it_schema:shape("data"):shape("tokens"):names())
        assert.is_nil(it_schema:shape("merge_key"))
        assert.is_nil(it_schema:shape("nothing"))
        local vouchers = schema.compile({ { "data", either = {
            { fields = { { "id", type = "id" } } },
            { type = "list", of = { type = "object" } },
        } } }, "v")
        assert.same({ id = "5" }, vouchers:shape("data"):check { id = 5 })
    end)

    it("describes fields", function()
        local cases = {
            { { type = "string", required = true, max_length = 1025 },
                "string, required, at most 1025 characters" },
            { { values = { "a", "b" }, default = "a" }, "one of a, b, default a" },
            { { type = "list", of = { type = "object" }, max = 30 },
                "list of objects, at most 30 items" },
            { { type = "list", of = { type = "string" }, join = ";" },
                'list of strings joined by ";"' },
            { { either = { { type = "string" }, { type = "object" } } }, "string or object" },
            { { type = "datetime", zone = "required", zone_form = "+0800" },
                "date with time, zone required, sent as +0800" },
            { { type = "datetime", zone_form = "+08", date_only = true, unpadded = true },
                "date with time, zone written as +08, or a date, also unpadded" },
            { { type = "datetime", zone = "none" }, "date with time, without zone" },
            { { type = "object", of = { type = "id" } }, "object of ids" },
            { { type = "object", custom_max_length = 128 }, "object, texts of at most 128 characters" },
            { { type = "object", fields = {}, open = true, custom_max_length = 5 },
                "object, takes custom fields (texts of at most 5 characters)" },
            { { either = { { type = "object" }, { type = "list", of = { type = "object" }, max = 9 } } },
                "object or list of objects, at most 9 items" },
            { { values = { 0, 1 }, also = { "0", "" } }, 'one of 0, 1, or "0", or ""' },
            { { type = "decimal", places = 2, nullable = true },
                "decimal text, or null, at most 2 decimal places" },
            { { type = "string", pattern = "^x", pattern_doc = "starting with x" },
                "string, starting with x" },
            { { type = "integer", min = 1, max = 50 }, "integer, 1 to 50" },
        }
        for _, case in ipairs(cases) do assert.equal(case[2], schema.describe(case[1])) end
    end)
end)
