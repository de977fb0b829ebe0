local neap = require "neap"
local json = require "neap.native.json"
local mapping = require "neap.native.mapping"

local compile = mapping.compile

--- What raising said, without the place in this file.
local function refusal(...)
    local ok, message = pcall(...)
    assert.is_false(ok)
    return tostring(message):match "%((.*)%)$" or message
end

--- The refusal of a table with that entry.
local function entry_refusal(entry)
    return refusal(compile, { { to = "first", from = { "a" } }, entry })
end

describe("neap.native.mapping", function()
    it("makes lines of NDJSON", function()
        local program = compile {
            rest = true,
            { to = "member_sn", from = { "CustomerID" }, cast = "string" },
            { to = "city", from = { "address", "city" }, default = '"unknown"' },
            { to = "age", from = { "attributes" }, split = ";", at = 2, cast = "integer" },
            { to = "tags", constant = '[ "vip" ]' },
        }
        assert.equal('{"member_sn":"17","city":"unknown","age":30,"tags":["vip"],"x":null}\n',
            program:line '{"CustomerID": 17, "attributes": "a;30", "x": null}')
        assert.is_nil(program:head())
    end)

    it("makes rows of CSV, and their head", function()
        local program = compile {
            format = "csv", { to = "a,b", from = { "a" } }, { to = "c", from = { "b" }, cast = "list" },
        }
        assert.equal('"a,b",c\n', program:head())
        assert.equal('"x\ny","[""z""]"\n', program:line '{"b":"z","a":"x\\ny"}')
        assert.equal(",\n", program:line "{}")
    end)

    it("knows names whatever their case where it is told to", function()
        local spec = { rest = true, { to = "x", from = { "Email" } } }
        assert.equal('{"eMail":1}\n', compile(spec):line '{"eMail":1}')
        spec.any_case = true
        assert.equal('{"x":1}\n', compile(spec):line '{"eMail":1}')
        assert.equal('{"x":2}\n', compile(spec):line '{"eMail":1,"Email":2}')
    end)

    it("tells of entries whose member no record had", function()
        for _, format in ipairs { "ndjson", "csv" } do
            local program = compile {
                format = format,
                { to = "a", from = { "a" } }, { to = "b", from = { "o", "b" } }, { to = "n", from = { "n" } },
                { to = "d", from = { "none" }, default = "1" }, { to = "k", constant = "1" },
                { to = "t", from = { "a" }, split = ";", at = 9 }, { to = "c", from = { "b" }, cast = "integer" },
            }
            assert.same({ "a", "b", "n", "t", "c" }, program:unseen())
            assert.equal(0, program:count())
            program:line '{"a":"x","o":{"b":1},"o":{},"n":null}'
            assert.same({ "b", "c" }, program:unseen())
            assert.is_nil(program:line '{"b":"no number"}')
            assert.is_nil(program:line "[]")
            assert.is_nil(program:line '{"o":{"b":1}')
            assert.equal(2, program:count())
            assert.same({ "b" }, program:unseen())
            assert.same({ "a", "b", "n", "t" }, program:unseen(1))
            program:line '{"o":{"b":[]}}'
            assert.same({}, program:unseen())
            assert.same({ "a", "b", "n", "t", "c" }, program:unseen(3))
            assert.equal("a number of records expected", refusal(program.unseen, program, -1))
        end
    end)

    it("gives what json.encode gives of json.decode's value", function()
        local program = compile { rest = true }
        for _, text in ipairs {
            '{}', ' { "b" : 1.10 , "a" : [ ] , "c" : { } } ', '{"a":1,"b":{"k":1,"l":2,"k":[3]},"a":"\\u00e9\\/"}',
            '{"a":[1e2,-0,-0.0,1e-7,123456789012345678,0.1],"":null,"\\n":true}', '{"山":"\\ud83c\\udf0a"}',
        } do
            assert.equal(json.encode(json.decode(text, { ordered = true })) .. "\n", program:line(text))
        end
    end)

    it("says what is wrong with a record, and goes on with the next", function()
        local program = compile { { to = "age", from = { "a" }, cast = "integer" } }
        local faults = {
            ['{"a":"old"}'] = 'age: expected an integer, got a string ("old")',
            ['{"a":[]}'] = "age: expected an integer, got a list",
            ["[1]"] = "a record is a list, an object expected",
            ['{"a":'] = "line 1, column 6: the text ends before a value",
            ['{"b":12345678901234567890}'] = "line 1, column 6: integer beyond 64 bit",
        }
        for text, message in pairs(faults) do
            local line, err = program:line(text)
            assert.is_nil(line)
            assert.equal("decode", err.kind)
            assert.equal(message, err.message)
            assert.equal('{"age":3}\n', program:line '{"a":3.0}')
        end
        local _, as_decoded = json.decode "[1"
        local _, as_mapped = program:line "[1"
        assert.equal(as_decoded.message, as_mapped.message)
    end)

    it("takes large records, and small ones after them", function()
        local program = compile { rest = true, { to = "x", from = { "a" } } }
        local text = ('{"a":%q,"b":[%s1]}'):format(("x"):rep(1 << 20), ("1,"):rep(1 << 18))
        assert.equal(#text + 1, #program:line(text))
        assert.equal('{"x":1}\n', program:line '{"a":1}')
    end)
end)

describe("neap.native.mapping.compile", function()
    it("raises on what it does not know", function()
        assert.equal("table expected, got string", refusal(compile, "x"))
        assert.equal("unknown field 'form'", refusal(compile, { form = "csv" }))
        assert.equal("a key that is no field", refusal(compile, { [true] = 1 }))
        assert.equal("a key that is no field", refusal(compile, { [7] = {} }))
        assert.equal("'format': unknown name 'xml'", refusal(compile, { format = "xml" }))
        assert.equal("'rest': boolean expected, got number", refusal(compile, { rest = 1 }))
        assert.equal("'any_case': boolean expected, got string", refusal(compile, { any_case = "" }))
        assert.equal("entry 1: a table expected", refusal(compile, { 1 }))
    end)

    it("raises on a CSV that has no columns", function()
        assert.equal("CSV has no columns for the rest", refusal(compile, { format = "csv", rest = true }))
        assert.equal("CSV needs an entry for each column", refusal(compile, { format = "csv" }))
    end)

    it("raises on an entry, naming it", function()
        local cases = {
            [{ to = "x", from = { "a" }, form = 1 }] = "unknown field 'form'",
            [{ "x" }] = "a key that is no field",
            [{ from = { "a" } }] = "an entry without a target",
            [{ to = 1, from = { "a" } }] = "'to': string expected, got number",
            [{ to = "x", from = "a" }] = "'from': table expected, got string",
            [{ to = "x", from = {} }] = "'from': 1 to 64 steps expected",
            [{ to = "x", from = { "a", 1 } }] = "'from': a list of strings expected",
            [{ to = "x", from = { "a", b = 1 } }] = "unknown field 'b'",
            [{ to = "x" }] = "x: either a way or a constant is expected",
            [{ to = "x", from = { "a" }, constant = "1" }] = "x: either a way or a constant is expected",
            [{ to = "x", constant = "1", cast = "list" }] = "x: a constant goes with nothing else",
            [{ to = "x", from = { "a" }, cast = "text" }] = "'cast': unknown name 'text'",
            [{ to = "x", from = { "a" }, split = "" }] = "x: the delimiter is empty or not UTF-8",
            [{ to = "x", from = { "a" }, at = 0 }] = "'at': an integer from 1 expected",
            [{ to = "x", from = { "a" }, at = -1 }] = "'at': an integer from 1 expected",
            [{ to = "x", from = { "a" }, at = 1.5 }] = "'at': an integer from 1 expected",
            [{ to = "\xff", from = { "a" } }] = "a target's name is not UTF-8",
            [{ to = "x", from = { "\xff" } }] = "x: the way is not UTF-8",
            [{ to = "first", from = { "b" } }] = "first: a second entry for this target",
            [{ to = "x", constant = "{" }] =
                "x: the constant is no JSON: line 1, column 2: the text ends before a key",
            [{ to = "x", from = { "a" }, default = "01" }] =
                "x: the default is no JSON: line 1, column 1: a number cannot start with 0",
        }
        for entry, message in pairs(cases) do assert.equal("entry 2: " .. message, entry_refusal(entry)) end
        local long = {}
        for i = 1, 65 do long[i] = "a" end
        assert.equal("entry 2: 'from': 1 to 64 steps expected", entry_refusal { to = "x", from = long })
    end)

    it("is not fooled by metatables", function()
        local spec = setmetatable({}, { __index = function() error "asked" end, __len = function() return 3 end })
        assert.equal("{}\n", compile(spec):line "{}")
    end)
end)

describe("a program", function()
    it("takes texts only, and is no other userdata", function()
        local program = compile {}
        assert.equal("string expected, got number", refusal(program.line, program, 1))
        assert.truthy(refusal(program.line, io.stdout, "{}"):find("neap.MappingProgram expected", 1, true))
        assert.is_false(getmetatable(program))
        assert.truthy(neap)
    end)

    it("says that it is gone to who is finalized after it", function()
        local said = {}
        do
            local late = setmetatable({}, {
                __gc = function(self)
                    said = { refusal(self.program.line, self.program, "{}"), refusal(self.program.head, self.program) }
                end,
            })
            late.program = compile {}
        end
        collectgarbage()
        assert.same({ "the program is gone", "the program is gone" }, said)
    end)
end)
