--- Properties of the arguments of `neap call`. The input is the arguments, one per line, for an endpoint
-- with a parameter of each type. No file is read: a stub answers for all of them.

local call = require "neap.cli.call"
local errors = require "neap.error"
local file = require "neap.native.file"
local json = require "neap.native.json"
local vendor = require "neap.vendor"

local KINDS = [[
return vendor.define "kinds" {
    title = "Kinds", settings = { { "tid", type = "string" } },
    endpoints = { all = { post = "/all", write = "unsafe", params = {
        { "text", type = "string", nullable = true }, { "id", type = "id" }, { "link", type = "url" },
        { "short", type = "string", max_length = 3, pattern = "^a" },
        { "count", type = "integer", min = -5, max = 10 }, { "number", type = "number" },
        { "flag", type = "boolean" }, { "pick", values = { "a", "b", "" } }, { "level", values = { 1, 2 } },
        { "day", type = "date", also = { "none" } }, { "loose", type = "date", unpadded = true },
        { "at", type = "datetime", zone = "required", zone_form = "+08:00", date_only = true },
        { "span", type = "interval" }, { "price", type = "decimal", places = 2, max = 100 },
        { "wait", type = "duration" }, { "rate", type = "rate" }, { "payload", type = "json_text" },
        { "any", type = "any" }, { "tags", type = "list", of = { type = "string" }, join = "," },
        { "numbers", type = "list", of = { type = "integer" }, max = 3 },
        { "lists", type = "list", of = { type = "list" } }, { "bare", type = "object" },
        { "who", type = "either", either = { { type = "integer" }, { fields = { { "a", type = "string" } } } } },
        { "data", open = true, custom_max_length = 10, fields = {
            { "a.b", type = "string" }, { "c", fields = { { "d", type = "integer", default = 1 } } } } },
        { "map", type = "object", of = { type = "integer" } },
    } } },
}]]

local function upvalue(fn, wanted)
    for i = 1, math.huge do
        local name, value = debug.getupvalue(fn, i)
        assert(name, wanted)
        if name == wanted then return value end
    end
end

local read_params = upvalue(call.run, "read_params")
local model = vendor.compile(KINDS, "kinds.lua", "kinds")
local endpoint = model.endpoints.all
local client = { model = model, custom_fields = { emial = true } }
local options = { custom_fields = client.custom_fields }

function file.read_all(path)
    if path:find "^no" then return errors.fail("invalid", "no such file") end
    return path .. "\n"
end

function file.stdin()
    local pieces = { "1", "2\r\n" }
    return { read = function() return table.remove(pieces, 1) end }
end

--- A message is one line of UTF-8, and so is the error as JSON.
local function check_error(err)
    assert(errors.is(err), err)
    assert(err.kind == "invalid" and utf8.len(err.message) and not err.message:find "[\r\n]", err.message)
    assert(json.encode(errors.to_table(err)))
    for _, fault in ipairs(err.faults or {}) do
        assert(type(fault.path) == "string" and type(fault.message) == "string")
    end
end

--- What the check accepts has a JSON form that the check accepts as it is.
local function check_values(values)
    local wire, faults = endpoint.params:check(values, options)
    if not wire then return assert(faults[1].message) end
    local text = assert(json.encode(wire, { sorted = true }))
    local again = assert(endpoint.params:check(json.decode(text), options))
    assert(json.encode(again, { sorted = true }) == text, text)
    local words = {}
    for name, value in pairs(wire) do words[#words + 1] = name .. ":=" .. json.encode(value) end
    local read = read_params(client, endpoint, words)
    assert(json.encode(endpoint.params:check(read, options), { sorted = true }) == text, text)
end

return function(input)
    local words = {}
    for word in input:gsub("%z", ""):gmatch "[^\n]+" do words[#words + 1] = word end
    local ok, values = pcall(read_params, client, endpoint, words)
    if not ok then return check_error(values) end
    check_values(values)
    for _, word in ipairs(words) do -- a string is taken as it stands
        local text = word:match "^text=([^@].*)$"
        if text then assert(values.text == text) end
    end
end
