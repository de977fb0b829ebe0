--- The example of an endpoint as a command line that runs in the sandbox as it stands.

local clock = require "neap.native.clock"
local json = require "neap.native.json"
local lang = require "neap.lang"
local names = require "neap.schema.names"
local null = require "neap.null"

local M = {}

local function quote(word)
    if word:find "^[%w%-_%./:=,@+]+$" then return word end
    return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function sorted_keys(value)
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys)
    return keys
end

--- Keys of an object in the order of its declaration, then of the alphabet.
local function keys_in_order(field, value)
    local keys, seen = {}, {}
    for _, name in ipairs(field and field.names or {}) do
        if value[name] ~= nil then keys[#keys + 1], seen[name] = name, true end
    end
    for _, key in ipairs(sorted_keys(value)) do
        if not seen[key] then keys[#keys + 1] = key end
    end
    return keys
end

local TEXT = {
    string = true, id = true, date = true, datetime = true, interval = true, decimal = true, enum = true, url = true,
}

local function takes_text(field)
    if not field or TEXT[field.type] then return true end
    return field.type == "either" and TEXT[field.either[1].type] == true
end

local function is_plain(field, value)
    if type(value) == "string" then return value:sub(1, 1) ~= "@" and takes_text(field) end
    return type(value) == "number" and field and (field.type == "integer" or field.type == "number")
        or type(value) == "boolean" and field and field.type == "boolean"
end

local function add(words, path, field, value)
    if type(value) == "table" and value ~= null and not json.is_array(value) and value[1] == nil
        and next(value) ~= nil then
        local object = field and names.object_of(field)
        for _, key in ipairs(keys_in_order(object, value)) do
            local inner = object and object.by_name and object.by_name[key]
            add(words, path .. "." .. key, inner, value[key])
        end
    elseif is_plain(field, value) then
        words[#words + 1] = quote(("%s=%s"):format(path, value))
    else
        words[#words + 1] = quote(("%s:=%s"):format(path, json.encode(value, { sorted = true })))
    end
end

--- A value that a required parameter could have, where the definition gives no example.
local SAMPLES = {
    integer = 1, number = 1, boolean = true, decimal = "1.00", date = "2026-10-01",
    datetime = "2026-10-01T10:00:00+08:00", url = "https://example.com/",
}

local function sample(field)
    if field.example ~= nil then return field.example end
    if field.values then return field.values[1] end
    if field.type == "object" then
        local value = {}
        for _, inner in ipairs(field.fields or {}) do
            if inner.required then value[inner.name] = sample(inner) end
        end
        return value
    end
    if field.type == "list" then return { sample(field.of) } end
    if field.type == "either" then return sample(field.either[1]) end
    return SAMPLES[field.type] or "text"
end

local DAY_MS = 86400000

--- Dates that a rule wants to be recent, moved so that the last one is yesterday.
local function with_recent_dates(example, rule)
    local moved, days, latest = {}, {}, nil
    for name, value in pairs(example) do moved[name] = value end
    for _, name in ipairs(rule.recent) do
        local date = lang.date(example[name])
        days[name] = date and lang.day_number(date)
        latest = date and math.max(latest or days[name], days[name]) or latest
    end
    local yesterday = clock.wall_ms() // DAY_MS - 1
    for name, day in pairs(days) do moved[name] = clock.iso((day + yesterday - latest) * DAY_MS):sub(1, 10) end
    return moved
end

--- Gets the parameters of an endpoint's example, fit to be sent today.
---@param endpoint neap.Endpoint
---@return table
function M.params(endpoint)
    if endpoint.example then
        local example = endpoint.example
        for _, rule in ipairs(endpoint.rules) do
            if rule.recent then example = with_recent_dates(example, rule) end
        end
        return example
    end
    local params = {}
    for _, field in ipairs(endpoint.params.fields) do
        if field.required and field.default == nil then params[field.name] = sample(field) end
    end
    return params
end

--- Gets the command line of an endpoint's example.
---@param endpoint neap.Endpoint
---@return string
function M.command(endpoint)
    local words = { "neap", "call", endpoint.vendor, endpoint.name }
    local params, root = M.params(endpoint), endpoint.params
    for _, key in ipairs(keys_in_order({ names = root:names() }, params)) do
        add(words, key, root.by_name[key], params[key])
    end
    words[#words + 1] = "--sandbox"
    return table.concat(words, " ")
end

return M
