--- Types of parameters of the Optimove simulator, after the vendor's table of data types.
--
-- A type is { wanted = "what it must be", text = function(text) -> value | nil, json = function(value,
-- name) -> value | nil, fault }: `text` reads a value of a query, `json` one of a body. Names in bodies
-- are matched without regard to letter case, at any depth.

local date = require "neap.lang.date"
local json = require "neap.native.json"

local null = json.null

local M = {}

local function scalar(wanted, text, read)
    return {
        wanted = wanted,
        text = text,
        json = function(value, name)
            local converted = read(value)
            if converted == nil then return nil, ("Invalid parameter %s: expected %s"):format(name, wanted) end
            return converted
        end,
    }
end

--- A type whose values are written as text in bodies, too.
local function textual(wanted, read)
    return scalar(wanted, read, function(value) return type(value) == "string" and read(value) or nil end)
end

M.integer = scalar("an integer of 0 or more",
    function(text) return text:find "^%d+$" and math.tointeger(tonumber(text)) end,
    function(value) return math.type(value) == "integer" and value >= 0 and value or nil end)

M.rgid = scalar("one digit",
    function(text) return text:find "^%d$" and math.tointeger(tonumber(text)) end,
    function(value) return math.type(value) == "integer" and value >= 0 and value <= 9 and value or nil end)

M.double = scalar("a number", tonumber,
    function(value) return type(value) == "number" and value or nil end)

M.string = textual("a text", function(text) return text ~= "" and text or nil end)

--- A text that may be empty, such as one part of a mail.
M.text = textual("a text", function(text) return text end)

M.date = textual("a date, YYYY-MM-DD", function(text) return date.date(text) and text end)

local DATETIME = "^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d$"
M.datetime = textual("a date with time, YYYY-MM-DD HH:MM:SS",
    function(text) return text:find(DATETIME) and date.datetime(text) and text end)

local BOOLEANS = { ["true"] = { true }, ["false"] = { false } }

local function read_boolean(text) return BOOLEANS[text:lower()] end

M.boolean = {
    wanted = "true or false",
    text = function(text)
        local found = read_boolean(text)
        if found then return found[1] end
    end,
    json = function(value, name)
        if type(value) == "boolean" then return value end
        local found = type(value) == "string" and read_boolean(value)
        if found then return found[1] end
        return nil, ("Invalid parameter %s: expected true or false"):format(name)
    end,
}

--- A number or text that names something whose type no page tells; kept as text.
M.id = scalar("an id", function(text) return text ~= "" and text end, function(value)
    if type(value) == "string" and value ~= "" then return value end
    if math.type(value) == "integer" and value >= 0 then return tostring(value) end
end)

--- Anything but a list or an object.
M.value = {
    wanted = "a single value",
    json = function(value, name)
        if type(value) ~= "table" then return value end
        return nil, ("Invalid parameter %s: expected a single value"):format(name)
    end,
}

--- Any JSON.
M.any = { wanted = "JSON", json = function(value) return value end }

local function comma_list(wanted, one)
    return textual(wanted, function(text)
        local list = {}
        for part in (text .. ","):gmatch "([^,]*)," do
            local value = one(part)
            if not value then return nil end
            list[#list + 1] = value
        end
        return list
    end)
end

M.integers = comma_list("integers, joined by commas", M.integer.text)
M.names = comma_list("names, joined by commas", M.string.text)

--- A JSON list of `min` (default 1) to `max` values of a type.
function M.list(of, max, min)
    min = min or 1
    local wanted = ("a list of %d to %d"):format(min, max)
    return { wanted = wanted, json = function(value, name)
        if not json.is_array(value) or #value < min or #value > max then
            return nil, ("Invalid parameter %s: expected %s"):format(name, wanted)
        end
        local list = json.array {}
        for i, item in ipairs(value) do
            local read, fault = of.json(item, ("%s[%d]"):format(name, i - 1))
            if read == nil then return nil, fault end
            list[i] = read
        end
        return list
    end }
end

--- A type within a limit of bytes, as JSON.
function M.limited(of, bytes)
    return { wanted = of.wanted, json = function(value, name)
        if #json.encode(value) > bytes then
            return nil, ("Invalid parameter %s: more than %d bytes"):format(name, bytes)
        end
        return of.json(value, name)
    end }
end

--- A text of limited length.
function M.short(max)
    return textual(("a text of at most %d characters"):format(max), function(text)
        local length = utf8.len(text)
        return length and length > 0 and length <= max and text or nil
    end)
end

--- One of some integers.
function M.code(...)
    local values = {}
    for _, value in ipairs { ... } do values[value] = true end
    return scalar("one of " .. table.concat({ ... }, ", "),
        function(text) return values[math.tointeger(tonumber(text))] and math.tointeger(tonumber(text)) end,
        function(value) return math.type(value) == "integer" and values[value] and value or nil end)
end

--- Reads "Name! type" or { "Name!", type }. -> { name =, key =, required =, type = }
function M.field(spec)
    local name, mark, kind
    if type(spec) == "table" then
        name, mark = spec[1]:match "^([%w_$]+)(!?)$"
        kind = spec[2]
    else
        local type_name
        name, mark, type_name = spec:match "^([%w_$]+)(!?) (%w+)$"
        kind = M[type_name]
    end
    assert(kind, "a parameter without a type")
    return { name = name, key = name:lower(), required = mark == "!", type = kind }
end

function M.fields(specs)
    local list = {}
    for i, spec in ipairs(specs) do list[i] = M.field(spec) end
    return list
end

--- The members by lower-case name; null counts as absent. -> map | nil, fault
local function fold(value, prefix)
    local members = {}
    for key, member in pairs(value) do
        local lower = key:lower()
        if members[lower] ~= nil then
            return nil, ("Parameter %s%s was given more than once"):format(prefix, lower)
        end
        members[lower] = member
    end
    for key, member in pairs(members) do
        if member == null then members[key] = nil end
    end
    return members
end

local function read_members(fields, members, prefix)
    local read = {}
    for _, field in ipairs(fields) do
        local name, member = prefix .. field.name, members[field.key]
        if member == nil then
            if field.required then return nil, "Missing parameter: " .. name end
        else
            local value, fault = field.type.json(member, name)
            if value == nil then return nil, fault end
            read[field.name] = value
        end
    end
    return read
end

--- A JSON object with fields; other members are ignored.
function M.object(specs)
    local fields = M.fields(specs)
    return { wanted = "an object", json = function(value, name)
        if type(value) ~= "table" or json.is_array(value) then
            return nil, ("Invalid parameter %s: expected an object"):format(name)
        end
        local prefix = name and name ~= "body" and name .. "." or ""
        local members, fault = fold(value, prefix)
        if not members then return nil, fault end
        return read_members(fields, members, prefix)
    end }
end

return M
