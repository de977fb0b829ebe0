--- Properties of reading NDJSON, dead letters among it. The input is the bytes of a file.

local deadletter = require "neap.deadletter"
local errors = require "neap.error"
local json = require "neap.native.json"
local ndjson = require "neap.records.ndjson"

local SORTED = { sorted = true }

local function upvalue(fn, wanted)
    for i = 1, math.huge do
        local name, value = debug.getupvalue(fn, i)
        assert(name, wanted)
        if name == wanted then return value end
    end
end

local Writer = upvalue(deadletter.writer, "Writer")

--- All that a file gives, read in pieces of a length: { record =, line =, err = }, ...
local function read(text, length)
    local parser, given = ndjson.new(), {}
    local function drain()
        repeat
            local record, line, err = parser:next()
            if record or err then given[#given + 1] = { record = record, line = line, err = err } end
        until not record
        return not given[1] or given[#given].record ~= nil
    end
    for at = 1, #text, length do
        parser:feed(text:sub(at, at + length - 1))
        if not drain() then return given end
    end
    parser:finish()
    drain()
    return given
end

local function show(given)
    local lines = {}
    for i, one in ipairs(given) do
        local record = one.record and (json.encode(one.record, SORTED) or "none")
        lines[i] = ("%s %s %s"):format(record, one.line, one.err)
    end
    return table.concat(lines, "\n")
end

local function check_error(err)
    assert(errors.is(err) and (err.kind == "invalid" or err.kind == "decode"), err)
    assert(utf8.len(err.message) and not tostring(err):find "[\r\n]" and err.line > 0)
    assert(not err.column or err.column > 0)
end

--- A record that is written as a dead letter is read as the same record of the same line.
local function check_letter(one)
    local writer = setmetatable({ queue = {}, count = 0, wake = { signal = function() end } }, Writer)
    local err = one.err or errors.new {
        kind = "rejected", status = 400, message = "no", outcome = "rejected",
        attempts = { { at = "2026-01-01T00:00:00Z", status = 400, wait = 0 } },
    }
    err.outcome = err.outcome or "not_sent"
    writer:add(one.record, one.line, err)
    local again = read(writer.queue[1], 4096)
    assert(#again == 1 and not again[1].err, writer.queue[1])
    assert(json.encode(again[1].record, SORTED) == json.encode(one.record, SORTED))
    assert(again[1].line == one.line)
end

return function(input)
    local given = read(input, math.max(#input, 1))
    local shown = show(given)
    assert(show(read(input, 7)) == shown)
    if #input < 300 then assert(show(read(input, 1)) == shown) end
    for _, one in ipairs(given) do
        if one.err then check_error(one.err) end
        if one.record then
            assert(type(one.record) == "table" and not json.is_array(one.record))
            assert(math.type(one.line) == "integer")
            check_letter(one)
        end
    end
end
