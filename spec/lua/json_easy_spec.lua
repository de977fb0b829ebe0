--- Decoding takes members at once where they are as they nearly always are: the values must be those that the reader
-- gives, which decodes them where the order of keys is asked for.

local json = require "neap.native.json"
local split = require "neap.native.split"

local NUMBERS = {
    "0", "-0", "7", "-7", "1234567890", "999999999999999999", "-999999999999999999", "1000000000000000000",
    "9223372036854775807", "-9223372036854775808", "0.0", "-0.0", "1.0", "1.5", "-1.25", "12.50", "0.1", "100.0",
    "0.0001", "0.00001", "123456789012.345", "1234567890123.456", "9007199254740993.0", "1e3", "1E-2", "1.5e2",
    "0.30000000000000004", "179769313486231.5",
}
for len = 1, 19 do -- digits are taken eight at a time, where there is room
    local digits = ("1234567890123456789"):sub(1, len)
    table.move({ digits, "-" .. digits, digits .. ".5", "0." .. digits }, 1, 4, #NUMBERS + 1, NUMBERS)
end
local STRINGS = {
    '""', '"a"', '"Lodz"', '"sixteen bytes ..."', '"a\\nb"', '"\\u00e9"', '"é"', '"日本語"', '"\\ud83d\\ude00"',
    '"\127"',
    '"' .. ("x"):rep(70) .. '"', '"user1234567@example.com"', '"a quote \\" in it"', '"{\\"a\\":1}"',
}
local KEYS = { "id", "email", "a", "b", "c", "", "é", "k\\n", "\\u0061", "a quote \\\"", ("long"):rep(15), "score" }
local FORMS = { '{"a":%s}', '{"a": %s }', '{"b":1,"a":%s,"c":2}', '{"a":%s\n}', '{"a":[%s]}' }
local BLANKS = { "", "", "", " ", "  ", "\n", "\t", "\r\n" }

local function pick(list) return list[math.random(#list)] end

local value_of

local function object_of(depth, count)
    local parts = {}
    for i = 1, count do
        local key = math.random(4) == 1 and pick(KEYS) or KEYS[i]
        local name, value = pick(BLANKS) .. '"' .. key .. '"' .. pick(BLANKS), pick(BLANKS) .. value_of(depth)
        parts[i] = name .. ":" .. value .. pick(BLANKS)
    end
    return "{" .. table.concat(parts, ",") .. pick(BLANKS) .. "}"
end

local function array_of(depth)
    local parts = {}
    for i = 1, math.random(0, 4) do parts[i] = pick(BLANKS) .. value_of(depth) .. pick(BLANKS) end
    return "[" .. table.concat(parts, ",") .. "]"
end

function value_of(depth)
    local kind = math.random(10)
    if kind <= 3 then return pick(NUMBERS) end
    if kind <= 6 then return pick(STRINGS) end
    if kind == 7 then return pick { "true", "false", "null" } end
    if depth <= 0 then return "1" end
    if kind == 8 then return array_of(depth - 1) end
    return object_of(depth - 1, math.random(0, 6))
end

--- A value as a text that tells integers from floats, 0.0 from -0.0, and lists from objects.
local function shown(value)
    if type(value) == "string" then return ("%q"):format(value) end
    if type(value) ~= "table" then return math.type(value) == "float" and ("%a"):format(value) or tostring(value) end
    local parts, is_list = {}, json.is_array(value)
    for key, item in pairs(value) do parts[#parts + 1] = ("%q=%s"):format(key, shown(item)) end
    table.sort(parts)
    return (is_list and "[" or "{") .. table.concat(parts, ",") .. (is_list and "]" or "}")
end

local function expected(text)
    local value, err = json.decode(text, { ordered = true })
    return value ~= nil and shown(value) or err.message
end

local function broken(text)
    local at = math.random(#text)
    local kind = math.random(4)
    if kind == 1 then return text:sub(1, at) end
    if kind == 2 then return text:sub(1, at - 1) .. text:sub(at + 1) end
    local bad = pick { "}", "{", '"', ",", ":", "0", ".", "-", "x", "\0", "\255", "\\", " ", "]" }
    return text:sub(1, at - 1) .. bad .. text:sub(kind == 3 and at or at + 1)
end

local function decoded(text)
    local value, err = json.decode(text)
    return value ~= nil and shown(value) or err.message
end

local function check(text)
    local want, got = expected(text), decoded(text)
    if want ~= got then assert.equal(want, got, text) end
end

describe("decoding members at once", function()
    setup(function() math.randomseed(20261122) end)

    it("gives what the reader gives", function()
        for _ = 1, 400 do
            local text = object_of(2, math.random(0, 12))
            check(text)
        end
    end)

    it("takes every number and string as the reader does", function()
        for _, list in ipairs { NUMBERS, STRINGS } do
            for _, literal in ipairs(list) do
                for _, form in ipairs(FORMS) do
                    local text = form:gsub("%%s", function() return literal end)
                    check(text)
                end
            end
        end
    end)

    it("tells faults in the reader's words", function()
        for _ = 1, 800 do
            local text = broken(object_of(2, math.random(1, 6)))
            check(text)
        end
        local wrong = { "0x10", "01", "1.", "1.e1", "+1", "NaN", "truex", "nul", "1 2", "'a'", "1.5.5", "--1" }
        for _, value in ipairs(wrong) do
            local text = '{"a":' .. value .. "}"
            check(text)
        end
    end)

    it("keeps the last of equal keys, and refuses them where that is asked for", function()
        assert.same({ a = 2, b = 1 }, json.decode '{"a":0,"b":1,"a":2}')
        local _, err = json.decode('{"a":0,"b":1,"a":2}', { duplicates = "error" })
        assert.matches('the key "a" comes twice', err.message, 1, true)
    end)

    it("keeps apart what more keys than it remembers are", function()
        local parts, want = {}, {}
        for i = 1, 500 do
            parts[i], want["key" .. i] = ('"key%d":%d'):format(i, i), i
        end
        local text = "{" .. table.concat(parts, ",") .. "}"
        for _ = 1, 3 do assert.same(want, json.decode(text)) end
    end)

    it("gives tables like any other", function()
        local record = json.decode '{"id":1,"email":"x","tags":[],"none":null}'
        assert.is_nil(getmetatable(record))
        record.mail, record.email = record.email, nil
        assert.same({ id = 1, mail = "x", tags = {}, none = json.null }, record)
        assert.is_nil(record.email)
    end)

    it("gives the same records out of a stream, wherever it is cut", function()
        for _ = 1, 60 do
            local texts, want = {}, {}
            for i = 1, math.random(1, 6) do
                texts[i] = math.random(5) == 1 and value_of(2) or object_of(2, math.random(0, 6))
            end
            for i, text in ipairs(texts) do want[i] = expected(text) end
            local text = "[" .. table.concat(texts, pick { ",", " , ", ",\n" }) .. "]"
            local step, got = math.random(1, #text), {}
            local reader = split.reader {}
            for at = 1, #text, step do
                reader:feed(text:sub(at, at + step - 1))
                for record in function() return reader:next() end do got[#got + 1] = shown(record) end
            end
            assert.is_true(reader:finish())
            assert.same(want, got)
            assert.equal("[]", reader:frame())
            assert.equal(#want, reader:count())
        end
    end)

    it("refuses in a stream what is too deep or too large", function()
        local reader = split.reader { depth = 3 }
        reader:feed '[{"a":{"b":{}}},{"a":{"b":{"c":{}}}}]'
        assert.same({ a = { b = {} } }, reader:next())
        assert.matches("more than 3 levels of nesting", select(2, reader:next()).message, 1, true)
        reader = split.reader { max_record = 8 }
        reader:feed '[{"a":12},{"a":123}]'
        assert.same({ a = 12 }, reader:next())
        assert.matches("larger than 8 bytes", select(2, reader:next()).message, 1, true)
    end)

    it("lets no map take what the reader's depth forbids", function()
        local program = require("neap.native.mapping").compile { { to = "a", from = { "a" } } }
        local reader = split.reader { depth = 2 }
        reader:feed '[{"a":[1]},{"a":[[1]]}]'
        assert.equal('{"a":[1]}\n', (reader:text(program, 1000)))
        assert.matches("more than 2 levels of nesting", select(2, reader:text(program, 1000)).message, 1, true)
    end)
end)

describe("pulling records from a reader", function()
    it("asks only where none is at hand", function()
        local reader, asked = split.reader {}, 0
        local next_record, pull = split.pull(function()
            asked = asked + 1
            return asked == 1 and { sn = 0 } or nil
        end)
        assert.same({ sn = 0 }, next_record())
        reader:feed '[{"sn":1},{"sn":2},[3],{"sn":4'
        pull:use(reader)
        assert.same({ sn = 1 }, next_record("whatever", 1))
        assert.same({ sn = 2 }, next_record())
        assert.is_nil(next_record()) -- [3] is no object
        assert.equal(2, asked)
        assert.equal(2, pull:taken())
        assert.equal(0, pull:taken())
        assert.same({ 3 }, reader:next())
        assert.is_nil(next_record())
        reader:feed "}]"
        assert.same({ sn = 4 }, next_record())
        pull:use(nil)
        assert.is_nil(next_record())
        assert.equal(1, pull:taken())
        assert.equal(4, reader:count())
    end)

    it("raises what is raised there, and takes no other userdata", function()
        local next_record, pull = split.pull(function() error("no more", 0) end)
        assert.has_error(function() next_record() end, "no more")
        assert.has_error(function() pull:use(pull) end)
        assert.has_error(function() pull:use(1) end)
        assert.has_error(function() split.pull(1) end)
    end)

    it("waits through the function that is asked", function()
        local next_record = split.pull(function() return coroutine.yield "wait" end)
        local task = coroutine.wrap(function() return next_record() end)
        assert.equal("wait", task())
        assert.same({ 1 }, task { 1 })
    end)
end)
