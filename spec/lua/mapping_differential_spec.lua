--- A map gives the same bytes in C and in Lua: thousands of random maps and records, NDJSON and CSV, errors too.

local atlas = require "spec.support.atlas"
local helper = require "spec.support.helper"
local neap = require "neap"

local json = neap.json

local SEED <const> = 20261122
local MAPS <const> = helper.scale(1500, 150)
local RECORDS <const> = 8 -- of each map and format

-- Chance -----------------------------------------------------------------------------------------

--- Numbers that follow from the seed alone, whatever else draws from math.random.
local state = SEED

local function below(limit)
    state = state ~ (state << 13)
    state = state ~ (state >> 7)
    state = state ~ (state << 17)
    return (state & math.maxinteger) % limit
end

local function one_in(count)
    return below(count) == 0
end

local function pick(list)
    return list[below(#list) + 1]
end

-- Records, as text -------------------------------------------------------------------------------

local NAMES = { "a", "b", "c", "d", "é", "a b", 'q"q', "", "A", "B", "É", "X\\y", "x\\y", "rest", "0" }

local NUMBERS = {
    "0", "-0", "1", "-1", "7", "12", "2", "1.0", "1.10", "-0.0", "0.5", "1e3", "1E+2", "2.50e-3", "1e-7", "3.0",
    "9223372036854775807", "-9223372036854775808", "123456789.125", "1e300", "5e-324", "0.1", "100000000000000000000.0",
}

local TEXTS = {
    "", "a", "a;b", "a;b;", ";", ";;x", "a,b", "1", "-12", "007", "+1", "1.", "1.5", "1e3", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "-9223372036854776833",
    "true", "false", "0", "2024-02-29", "2023-02-29",
    "2024-01-31T10:00:00Z", "2024-01-31 10:00", "2024-01-31x", "2024-1-31", "é☃", "a\"b", "line\nbreak", "tab\t",
    "back\\slash", "\1\31\127", "a::b", "null", "[1]", "  x  ", "12345678901234567890123", "-0", "-", "1E5", "0.10",
    ".5", "😀", "0000-01-01",
}

--- Ways to write a character that mean the same.
local ESCAPED = {
    ["/"] = "\\/", ["a"] = "\\u0061", ["é"] = "\\u00e9", ["😀"] = "\\ud83d\\ude00", ["x"] = "\\u0078",
}

local function text_of(value)
    local text = assert(json.encode(value))
    if one_in(6) then text = text:gsub(utf8.charpattern, ESCAPED) end
    return text
end

local function blank()
    return one_in(8) and pick { " ", "\n", "\t ", "\r\n" } or ""
end

local value_of

local function members(count, depth)
    local parts = {}
    for i = 1, count do
        parts[i] = ("%s%s%s:%s%s"):format(blank(), text_of(pick(NAMES)), blank(), blank(), value_of(depth))
    end
    return ("{%s%s}"):format(table.concat(parts, ","), blank())
end

local function items(count, depth)
    local parts = {}
    for i = 1, count do parts[i] = blank() .. value_of(depth) end
    return ("[%s%s]"):format(table.concat(parts, ","), blank())
end

function value_of(depth)
    local kind = below(depth > 0 and 12 or 9)
    if kind < 4 then return text_of(pick(TEXTS)) end
    if kind < 6 then return pick(NUMBERS) end
    if kind == 6 then return pick { "true", "false" } end
    if kind == 7 then return "null" end
    if kind == 8 then return one_in(60) and pick { "9223372036854775808", "-1e400", "nul" } or pick(NUMBERS) end
    if kind == 9 then return members(below(4), depth - 1) end
    return items(below(4), depth - 1)
end

local function record()
    if one_in(80) then return pick { "[]", "5", "null", '"x"', "", "{", '{"a":1}x', "[{}]", '{"a":1,}', "\255" } end
    return blank() .. members(below(9), 3) .. blank()
end

-- Maps -------------------------------------------------------------------------------------------

local CASTS = { "string", "integer", "number", "boolean", "date", "list" }
local OF_LISTS = { string = true, list = true }
local TARGETS = { "a", "b", "c", "d", "e", "f", "é", "t u", 'q"q', "A", "x\\y", "\n", "0" }
local SOURCES = {
    "a", "b", "c", "d", "é", "a b", "a.b", "b.a", "a.b.c", 'c.q"q', "A", "A.b", "a.B", "x\\y", "none", "a.none", "0",
}
local LITERALS = {
    "", "d", 0, 1.5, true, false, neap.null, "a;b", { 1, "x", neap.null }, { k = 1, j = { 2.0 } }, json.array {}, "é\n",
}

local function entry(target)
    local made = { target }
    if one_in(8) then
        made.constant = pick(LITERALS)
        return made
    end
    if not one_in(4) then made.from = pick(SOURCES) end
    if one_in(3) then made.split = pick { ";", ",", "::", "é", "." } end
    if one_in(3) then made.at = below(3) + 1 end
    if one_in(2) then made.cast = pick(CASTS) end
    if made.split and not made.at and not OF_LISTS[made.cast] then made.cast = nil end -- refused when it is made
    if one_in(3) then made.default = pick(LITERALS) end
    return made
end

local function map()
    local spec, taken = { rest = one_in(3), from = one_in(3) and "loose.ListWords" or nil }, {}
    for _ = 1, below(6) + 1 do
        local target = pick(TARGETS)
        if not taken[target] then spec[#spec + 1] = entry(target) end
        taken[target] = true
    end
    return spec
end

-- The comparison ---------------------------------------------------------------------------------

local function in_lua(mapping, text, format)
    local value, err = json.decode(text, { ordered = true })
    if value == nil then return nil, err, true end
    return mapping:line(value, format)
end

--- A map as JSON, for messages.
local function shown(spec)
    local entries = json.array {}
    for i, one in ipairs(spec) do
        entries[i] = { to = one[1] }
        for name, value in pairs(one) do
            if name ~= 1 then entries[i][name] = value end
        end
    end
    return json.encode({ from = spec.from, rest = spec.rest, entries = entries }, { sorted = true })
end

local seen

--- Has what was found, in the end, been found by both?
local function compare_unseen(mapping, spec, format)
    local all, names = {}, {}
    for _, one in ipairs(mapping.spec.entries) do
        local is_seen = one.way and mapping.program.seen.last[table.concat(one.way, "\0")]
        if one.way and not one.default and not is_seen then all[#all + 1] = one.name end
    end
    for _, one in ipairs(mapping:unseen()) do names[#names + 1] = one.target end
    assert.same(all, mapping:native(format):unseen(), shown(spec))
    assert.same(mapping.program.seen.count > 0 and all or {}, names, shown(spec))
end

--- Compares one line. What is no JSON at all is refused by both, each in its own words.
local function compare(mapping, spec, text, format)
    local expected, why, is_broken = in_lua(mapping, text, format)
    local line, err = mapping:native(format):line(text)
    if line == expected and (line or is_broken or err.message == why.message) then
        local outcome = line and "lines" or is_broken and "broken" or "errors"
        seen[outcome] = seen[outcome] + 1
        return
    end
    error(("map %s as %s\nrecord %s\nLua %s\nC   %s"):format(shown(spec), format, text,
        expected or tostring(why), line or tostring(err)))
end

describe("a map in C and in Lua", function()
    setup(function() atlas.open() end)
    teardown(atlas.close)
    after_each(helper.assert_idle)

    before_each(function()
        state, seen = SEED, { lines = 0, errors = 0, broken = 0 }
    end)

    it("gives the same bytes", function()
        for _ = 1, MAPS do
            local spec = map()
            local mapping = neap.mapping(spec)
            for _ = 1, RECORDS do
                local text = record()
                compare(mapping, spec, text, "ndjson")
                if not spec.rest then compare(mapping, spec, text, "csv") end
            end
            compare_unseen(mapping, spec, "ndjson")
            if not spec.rest then compare_unseen(mapping, spec, "csv") end
        end
        assert.is_true(seen.lines > MAPS * RECORDS / 3, seen.lines .. " lines")
        assert.is_true(seen.errors > MAPS, seen.errors .. " errors")
        assert.is_true(seen.broken > MAPS / 20, seen.broken .. " broken records")
    end)

    it("knows the same ends of 64 bit, in texts and in numbers", function()
        local ends = {
            ["-9223372036854775808"] = true, ["-9223372036854775809"] = false, ["-9223372036854776832"] = false,
            ["9223372036854775807"] = true, ["9223372036854775808"] = false, ["-00009223372036854775808"] = true,
        }
        for digits, fits in pairs(ends) do
            for _, to in ipairs { "integer", "number" } do
                local mapping, text = neap.mapping { { "a", cast = to } }, ('{"a":"%s"}'):format(digits)
                local wanted = fits and (to == "integer" or not digits:find "^-0")
                    and ('{"a":%s}\n'):format((digits:gsub("^-0+", "-"))) or nil
                assert.equal(wanted, (in_lua(mapping, text, "ndjson")), digits .. " as " .. to)
                compare(mapping, {}, text, "ndjson")
                compare(mapping, {}, text, "csv")
                compare(mapping, {}, ('{"a":%s}'):format(digits), "ndjson")
            end
        end
    end)

    it("gives the same head of CSV", function()
        local mapping = neap.mapping { { "a" }, { 'q"q' }, { "x.y" }, { "t,u" } }
        assert.equal('a,"q""q",x.y,"t,u"\n', mapping:head "csv")
        assert.equal(mapping:head "csv", mapping:native "csv":head())
        assert.is_nil(mapping:native "ndjson")
        compare(mapping, {}, '{"x":{"y":"1,2"},"a":[1,{"b":null}],"t,u":""}', "csv")
    end)

    it("knows the same nesting", function()
        local mapping = neap.mapping { { "a" }, rest = true }
        for depth = 996, 1002 do
            for _, name in ipairs { "a", "b" } do
                compare(mapping, {}, ('{"%s":%s1%s}'):format(name, ("["):rep(depth), ("]"):rep(depth)), "ndjson")
            end
        end
        assert.same({ 8, 6 }, { seen.lines, seen.broken })
    end)
end)
