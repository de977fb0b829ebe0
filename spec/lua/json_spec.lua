-- The JSON codec, csrc/lua/json.c: exact both ways, errors with their place.
require "neap"
local json = require "neap.native.json"
local has_cjson, cjson = pcall(require, "cjson")

local folder = debug.getinfo(1, "S").source:match("^@(.*)lua/[^/]*$") .. "data/json/"

local function read(name)
    local file = assert(io.open(folder .. name .. ".json", "rb"))
    local text = file:read("a")
    file:close()
    return text
end

-- Encodes, or gives the message of the refusal.
local function encode(...)
    local text, err = json.encode(...)
    if text then return text end
    assert.equal("invalid", err.kind)
    return "refused: " .. err.message
end

local function decode_error(...)
    local value, err = json.decode(...)
    assert.is_nil(value)
    assert.equal("decode", err.kind)
    return err
end

describe("json.decode", function()
    local valid = {
        "scalar_int", "scalar_string", "scalar_null", "empty_containers", "int64_edges", "floats",
        "escapes", "utf8", "bom", "crlf", "duplicate_keys", "empty_key", "nested", "record",
    }
    for _, name in ipairs(valid) do
        it("accepts valid/" .. name .. " and gives it back", function()
            local text = read("valid/" .. name)
            local first = json.encode(assert(json.decode(text)), { sorted = true })
            assert.equal(first, json.encode(json.decode(first), { sorted = true }))
            local wide = json.encode(json.decode(text), { sorted = true, indent = 4 })
            assert.equal(first, json.encode(json.decode(wide), { sorted = true }))
        end)
    end

    local invalid = {
        "trailing_comma_array", "trailing_comma_object", "comment", "block_comment",
        "single_quotes", "bare_key", "nan", "infinity", "leading_zero", "hex", "plus",
        "point_first", "point_last", "big_exponent", "control", "bad_escape", "lone_high",
        "lone_low", "overlong", "surrogate_utf8", "beyond_unicode", "garbage", "two_values", "html",
        "utf16", "mismatched", "no_colon", "too_big", "nul",
    }
    for _, name in ipairs(invalid) do
        it("refuses invalid/" .. name, function()
            local err = decode_error(read("invalid/" .. name))
            assert.is_false(err.truncated)
            assert.equal(1, err.line)
            assert.equal("integer", math.type(err.column))
        end)
    end

    local truncated = {
        "empty", "space_only", "open_array", "open_object", "open_string", "open_escape",
        "cut_utf8", "cut_word",
    }
    for _, name in ipairs(truncated) do
        it("says that invalid/" .. name .. " ended too early", function()
            local err = decode_error(read("invalid/" .. name))
            assert.is_true(err.truncated)
            assert.matches("the text ends", err.message, 1, true)
        end)
    end

    it("says that every beginning of a record ended too early", function()
        local text = read("valid/record")
        for len = 0, #text - 1 do
            assert.is_true(decode_error(text:sub(1, len)).truncated, text:sub(1, len))
        end
    end)

    it("keeps integers and floats apart", function()
        local t = json.decode("[7519, 7519.0, 1e2, -0, -0.0, 9223372036854775807]")
        assert.equal("/users/7519", "/users/" .. t[1])
        assert.equal("integer float float integer float integer",
            table.concat({ math.type(t[1]), math.type(t[2]), math.type(t[3]), math.type(t[4]),
                math.type(t[5]), math.type(t[6]) }, " "))
        assert.equal(math.maxinteger, t[6])
        assert.equal(-math.huge, 1 / t[5])
    end)

    it("refuses integers beyond 64 bit, or gives their digits", function()
        local digits = "-170141183460469231731687303715884105728"
        assert.equal("line 1, column 2: integer beyond 64 bit",
            decode_error("[" .. digits .. "]").message)
        assert.same({ digits }, json.decode("[" .. digits .. "]", { bigint = "string" }))
        assert.same({ 1 }, json.decode("[1]", { bigint = "string" }))
    end)

    it("counts columns in characters", function()
        local err = decode_error('{\n  "é中😀": x }')
        assert.same({ 2, 10 }, { err.line, err.column })
        assert.equal("line 2, column 10: unknown word x", err.message)
    end)

    it("lets the last of two keys win, or refuses", function()
        assert.same({ a = 2 }, json.decode('{"a":1,"a":2}'))
        assert.same({ a = 2 }, json.decode('{"a":1,"a":2}', { duplicates = "last" }))
        local err = decode_error('{"a":1,\n"a":2}', { duplicates = "error" })
        assert.equal('line 2, column 1: the key "a" comes twice', err.message)
        err = decode_error('{"a":null,"a":2}', { duplicates = "error" })
        assert.equal(11, err.column)
        assert.same({ { a = 1 }, { a = 1 } },
            json.decode('[{"a":1},{"a":1}]', { duplicates = "error" }))
        local long = '"' .. ("中"):rep(60) .. '"'
        local message = decode_error("{" .. long .. ":1," .. long .. ":2}",
            { duplicates = "error" }).message
        assert.is_truthy(utf8.len(message))
    end)

    it("marks arrays, also empty ones", function()
        local t = json.decode('{"a":[],"b":[1],"o":{}}')
        assert.is_true(json.is_array(t.a))
        assert.is_true(json.is_array(t.b))
        assert.is_false(json.is_array(t.o))
        assert.equal("neap.json.array", getmetatable(t.a).__name)
    end)

    it("limits the depth", function()
        local function nested(n) return ("["):rep(n) .. ("]"):rep(n) end
        assert.is_table(json.decode(nested(1000)))
        assert.equal("line 1, column 1001: more than 1000 levels of nesting",
            decode_error(nested(1001)).message)
        assert.is_table(json.decode(nested(3), { depth = 3 }))
        assert.equal(3, decode_error(nested(3), { depth = 2 }).column)
        assert.is_table(json.decode(nested(100000), { depth = 100000 }))
        decode_error(('{"a":'):rep(1e6))
    end)

    it("remembers the order of keys on request", function()
        local text = '{"z":1,"a":{"y":[{"x":1,"b":2}],"c":null},"m":true}'
        local t = json.decode(text, { ordered = true })
        assert.equal(text, json.encode(t))
        assert.equal(text, json.encode(t, { sorted = true }))
        assert.same({ "z", "a", "m" }, getmetatable(t).keys)
        assert.equal("neap.json.object", getmetatable(t).__name)
        t.z, t.k, t.b = nil, 1, 2
        assert.equal('{"a":{"y":[{"x":1,"b":2}],"c":null},"m":true,"b":2,"k":1}', json.encode(t))
        assert.equal('{"b":3,"a":2}',
            json.encode(json.decode('{"b":1,"a":2,"b":3}', { ordered = true })))
    end)

    it("raises on misuse", function()
        assert.error_matches(function() json.decode(12) end, "string expected")
        assert.error_matches(function() json.decode() end, "string expected")
        assert.error_matches(function() json.decode("1", 1) end, "table expected")
        assert.error_matches(function() json.decode("1", { deep = 1 }) end,
            "unknown option 'deep'")
        assert.error_matches(function() json.decode("1", { "depth" }) end, "names are strings")
        local wrong = { depth = 0, duplicates = "first", bigint = true, ordered = 1 }
        for option, value in pairs(wrong) do
            assert.error_matches(function() json.decode("1", { [option] = value }) end,
                "option '" .. option .. "': .* expected")
        end
        assert.error_matches(function() json.decode("1", { depth = "10" }) end, "from 1 to 100000")
        assert.error_matches(function() json.decode("1", { depth = 1.5 }) end, "from 1 to 100000")
    end)
end)

describe("json.encode", function()
    it("keeps integers and floats apart", function()
        assert.equal("[1,1.0,-0.0,0.1,1e300,9223372036854775807]",
            encode { 1, 1.0, -0.0, 0.1, 1e300, math.maxinteger })
        assert.equal("123456789012345", encode(123456789012345))
        assert.equal("-9223372036854775808", encode(math.mininteger))
        for _, x in ipairs { 0.1 + 0.2, 1 / 3, math.pi, 5e-324, 1.7976931348623157e308, 2.0 ^ 53 }
        do
            assert.equal(x, json.decode(encode(x)))
            assert.equal("float", math.type(json.decode(encode(x))))
        end
    end)

    it("writes what Lua has", function()
        assert.equal("null", encode(json.null))
        assert.equal("true", encode(true))
        assert.equal('"a/b"', encode("a/b"))
        assert.equal("{}", encode {})
        assert.equal("[]", encode(json.array()))
        assert.equal("[1,2]", encode { 1, 2 })
        assert.equal('{"a":[{}]}', encode { a = { {} } })
        assert.equal('["\\u0000\\u001f\\"\\\\\\n\127é"]', encode { "\0\31\"\\\n\127é" })
        assert.equal('{"":1}', encode { [""] = 1 })
    end)

    it("finds arrays however they were made", function()
        local backwards = {}
        for i = 20, 1, -1 do backwards[i] = i end
        assert.same(backwards, json.decode(encode(backwards)))
        assert.equal("[1,2,3]", encode { [3] = 3, [2] = 2, [1] = 1 })
        assert.equal("[1.0]", encode { [1.0] = 1.0 })
        local shrunk = { 1, 2, 3, x = 1 }
        shrunk.x, shrunk[3] = nil, nil
        assert.equal("[1,2]", encode(shrunk))
    end)

    it("orders keys on request", function()
        local t = { b = 1, a = { d = 1, c = 2 }, ["a b"] = 3, B = 4, ["é"] = 5, a1 = 6 }
        assert.equal('{"B":4,"a":{"c":2,"d":1},"a b":3,"a1":6,"b":1,"é":5}',
            encode(t, { sorted = true }))
        assert.equal('{"b":1,"a":2,"c":3}', encode(json.object({ c = 3, a = 2, b = 1 }, { "b" })))
        assert.equal('{"b":1,"a":2}', encode(json.object({ a = 2, b = 1 }, { "x", "b", "b", "a" })))
        assert.equal("{}", encode(json.object()))
        local many = {}
        for i = 1, 2000 do many[("k%04d"):format(i)] = { z = i, a = i } end
        local text = encode(many, { sorted = true })
        assert.equal('{"k0001":{"a":1,"z":1},"k0002"', text:sub(1, 30))
        assert.same(many, json.decode(text))
    end)

    it("indents on request", function()
        assert.equal('{\n  "a": [\n    1,\n    {}\n  ],\n  "b": []\n}',
            encode({ a = { 1, {} }, b = json.array() }, { indent = 2, sorted = true }))
        assert.equal("[1]", encode({ 1 }, { indent = 0 }))
        assert.equal("1", encode(1, { indent = 2 }))
    end)

    local cyclic = { a = {} }
    cyclic.a.b = { cyclic }
    local deep = 1
    for _ = 1, 1001 do deep = { deep } end
    local refused = {
        { "$: a value of type function has no JSON form", print },
        { "$: a value of type nil has no JSON form", nil },
        { "$.a[3]: NaN has no JSON form", { a = { 1, 2, 0 / 0 } } },
        { "$[1]: an infinite number has no JSON form", { -math.huge } },
        { "$.a: a value of type userdata has no JSON form", { a = io.stdout } },
        { "$.a: a value of type thread has no JSON form", { a = coroutine.create(print) } },
        { "$[1][2]: the string is not UTF-8", { { "é", "\xff" } } },
        { '$["a b?"]: the key is not UTF-8', { ["a b\xff"] = 1 } },
        { "$.list: an array with nothing at index 2 has no JSON form", { list = { 1, nil, 3 } } },
        { "$: an array with nothing at index 1 has no JSON form", { [2] = 1 } },
        { "$: the integer key 0 has no JSON form", { [0] = 1 } },
        { "$: a table with integer and string keys has no JSON form", { 1, x = 2 } },
        { "$: a table with integer and string keys has no JSON form",
            json.object({ 1, x = 2 }, { "x" }) },
        { "$: an array with string keys has no JSON form", json.array { x = 2 } },
        { "$: a key of type boolean has no JSON form", { [true] = 1 } },
        { "$: a key that is a fraction has no JSON form", { [1.5] = 1 } },
    }
    for _, case in ipairs(refused) do
        it("refuses: " .. case[1], function()
            assert.equal("refused: " .. case[1], encode(case[2]))
            local sorted = encode(case[2], { sorted = true })
            assert.equal("refused: " .. case[1], sorted)
        end)
    end

    it("refuses cycles and great depth with the end of the path", function()
        local message = encode(cyclic)
        assert.matches("^refused: %$%.%.%..*%.a%.b%[1%]%.a.*: a table that contains itself",
            message)
        assert.matches("%[1%]%[1%]: more than 1000 levels of nesting", encode(deep))
        assert.equal(("["):rep(1000) .. "1" .. ("]"):rep(1000), encode(deep[1]))
    end)

    it("works on after a refusal, and while a finalizer encodes", function()
        encode { print }
        local seen
        do
            local function encode_late() seen = json.encode { 1, { 2 } } end
            assert.is_table(setmetatable({}, { __gc = encode_late }))
        end
        collectgarbage("generational")
        local t = {}
        for i = 1, 3000 do t[i] = { id = i, name = "name " .. i } end
        assert.same(t, json.decode(json.encode(t, { sorted = true })))
        collectgarbage("incremental")
        collectgarbage()
        assert.equal("[1,[2]]", seen)
        assert.equal("[1]", encode { 1 })
    end)

    it("raises on misuse", function()
        assert.error_matches(function() json.encode() end, "value expected")
        assert.error_matches(function() json.encode(1, "x") end, "table expected")
        assert.error_matches(function() json.encode(1, { sort = true }) end,
            "unknown option 'sort'")
        assert.error_matches(function() json.encode(1, { sorted = 1 }) end, "boolean expected")
        assert.error_matches(function() json.encode(1, { indent = 17 }) end, "integer from 0 to 16")
        assert.equal("1", encode(1))
    end)
end)

describe("json.array and json.object", function()
    it("mark the table that they get and return it", function()
        local t = { 1 }
        assert.equal(t, json.array(t))
        assert.is_true(json.is_array(t))
        assert.equal(t, json.object(t, { "a" }))
        assert.is_false(json.is_array(t))
        assert.is_false(json.is_array("x"))
        assert.equal(t, json.array(t))
    end)

    it("raise on misuse", function()
        assert.error_matches(function() json.array(1) end, "table expected")
        assert.error_matches(function() json.array(setmetatable({}, {})) end,
            "metatable of its own")
        assert.error_matches(function() json.object({}, { 1 }) end, "list of strings expected")
        assert.error_matches(function() json.object({}, "a") end, "table expected")
        assert.error_matches(function() json.is_array() end, "value expected")
    end)

    it("keep their own copy of the keys", function()
        local keys = { "b", "a" }
        local t = json.object({ a = 1, b = 2 }, keys)
        keys[1] = "a"
        assert.equal('{"b":2,"a":1}', json.encode(t))
    end)
end)

-- The oracle where it is right: no floats in integer form, no empty arrays, no slashes.
local beside_cjson = has_cjson and describe or pending
beside_cjson("json beside lua-cjson", function()
    local texts = {
        '{"a":[1.5,2.25,{"b":"x"}],"c":null,"d":true,"e":{"f":false}}',
        '["\\u00e9\\u4e2d\\ud83d\\ude00\\n\\t\\"",-1.5,100.5e2]',
        '{"deep":[[[[[[{"x":[[0.5]]}]]]]]]}',
    }

    it("has the same null", function()
        assert.equal(cjson.null, json.null)
    end)

    it("decodes and encodes the same", function()
        for _, text in ipairs(texts) do
            local ours, theirs = json.decode(text), cjson.decode(text)
            assert.same(theirs, ours)
            assert.same(theirs, cjson.decode(json.encode(ours)))
            assert.same(ours, json.decode(cjson.encode(theirs)))
        end
    end)

    it("agrees on random values", function()
        math.randomseed(42)
        local function value(depth)
            local kind = math.random(depth > 4 and 4 or 6)
            if kind == 1 then return math.random(-10 ^ 6, 10 ^ 6) / 64 end
            if kind == 2 then return math.random() < 0.5 end
            if kind == 3 then return cjson.null end
            if kind == 4 then
                return utf8.char(math.random(32, 0xD7FF), math.random(1, 40), 0x1F600)
            end
            local t = {}
            for i = 1, math.random(1, 5) do
                t[kind == 5 and i or "k" .. math.random(1000)] = value(depth + 1)
            end
            return t
        end
        for _ = 1, 300 do
            local v = { value(0) }
            assert.same(v, json.decode(cjson.encode(v)))
            assert.same(cjson.decode(cjson.encode(v)), cjson.decode(json.encode(v)))
        end
    end)
end)

describe("json.sort", function()
    it("sorts the keys of all objects, in their own tokens", function()
        for text, sorted in pairs {
            ['{ "b" : 1.50, "a" : [ {"z": "\\u0041\\"", "y": {}} , [] ,null], "\\u0061b": -0 } '] =
                '{"a":[{"y":{},"z":"\\u0041\\""},[],null],"\\u0061b":-0,"b":1.50}',
            ['{"aa":1,"a":2,"":3,"\xc3\xa4":4,"B":5}'] = '{"":3,"B":5,"a":2,"aa":1,"\xc3\xa4":4}',
            ['{"n":123456789012345678901234567890,"e":1E+2,"t":true,"f":false}'] =
                '{"e":1E+2,"f":false,"n":123456789012345678901234567890,"t":true}',
            [' "text" '] = '"text"', ["\xEF\xBB\xBF[ 1 , 2 ]"] = "[1,2]", ["7"] = "7", ["{ }"] = "{}",
        } do
            assert.equal(sorted, json.sort(text))
        end
    end)

    it("refuses what is no JSON, and keys that come twice", function()
        for _, text in ipairs {
            "", "{", '{"a":1,}', "[1 2]", "nul", '"\xff"', "{} {}", '{"a":1,"a":2}', '[{"x":{"a":1,"\\u0061":2}}]',
            ("["):rep(1001) .. ("]"):rep(1001),
        } do
            local sorted, err = json.sort(text)
            assert.is_nil(sorted, text)
            assert.equal("decode", err.kind)
        end
        assert.has_error(function() json.sort {} end)
    end)

    it("sorts deep and long texts", function()
        local deep = ('{"b":"' .. ("x"):rep(100) .. '","a":'):rep(900) .. "[]" .. ("}"):rep(900)
        local wanted = ('{"a":'):rep(900) .. "[]" .. (',"b":"' .. ("x"):rep(100) .. '"}'):rep(900)
        assert.equal(wanted, json.sort(deep))
        local many, sorted = {}, {}
        for i = 1, 20000 do
            many[i] = ('"%05d" : %d'):format(20001 - i, i)
            sorted[i] = ('"%05d":%d'):format(i, 20001 - i)
        end
        assert.equal("{" .. table.concat(sorted, ",") .. "}", json.sort("{" .. table.concat(many, " , ") .. "}"))
    end)
end)
