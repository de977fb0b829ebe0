--- Text to values: arguments of the command line, settings, cells of a CSV file.
--
-- Conversion follows the declared type's syntax only; whether the value is allowed is for the
-- check, which tells all faults at once.

local json = require "neap.native.json"
local lang = require "neap.lang.template"
local values = require "neap.schema.value"

local text = {}

local quote = values.quote

---@alias neap.TextMode
---| "cell" a CSV cell: a list is a JSON array, or its joined form
---| "argument" one repetition of an option: a list gets its elements, one or, joined, several

---@alias neap.Converter fun(input: string): any, string?

--- Reads JSON, as the type asks for it.
---@param expected? string what it should be: "JSON array"
local function read_json(input, expected)
    local value, err = json.decode(input)
    if value ~= nil then return value end
    local message = type(err) == "table" and err.message or tostring(err)
    return nil, ("%s is no %s: %s"):format(quote(input), expected or "JSON", message)
end

local function verbatim(input)
    return input
end

local function read_integer(input)
    local value = input:find("^-?[1-9]%d*$") and math.tointeger(tonumber(input))
    if value then return value end
    if input == "0" or input == "-0" then return 0 end
    if input:find("^-?[1-9]%d*$") then return nil, quote(input) .. " is beyond 64 bit" end
    return nil, quote(input) .. " is no integer"
end

--- Reads a number in the grammar of JSON: no sign +, no leading zeros, no hexadecimals.
local function read_number(input)
    local whole = input:match("^-?(%d+)$") or input:match("^-?(%d+)%.%d+$")
        or input:match("^-?(%d+)[eE][+-]?%d+$") or input:match("^-?(%d+)%.%d+[eE][+-]?%d+$")
    if whole and (whole == "0" or whole:sub(1, 1) ~= "0") then
        local value = tonumber(input)
        if value < math.huge and value > -math.huge then return value end
    end
    return nil, quote(input) .. " is no number"
end

local booleans = { ["true"] = true, ["false"] = false }

local function read_boolean(input)
    local value = booleans[input]
    if value ~= nil then return value end
    return nil, quote(input) .. " is no boolean: expected true or false"
end

local function read_object(input)
    local value, message = read_json(input, "JSON object")
    if value == nil then return nil, message end
    if type(value) == "table" and not values.is_list(value) then return value end
    return nil, values.unexpected("a JSON object", value)
end

local function read_array(input)
    local value, message = read_json(input, "JSON array")
    if value == nil then return nil, message end
    if type(value) == "table" and values.is_list(value) then return value end
    return nil, values.unexpected("a JSON array", value)
end

--- A member of an enum that is a number is found by its text.
local function enum_reader(field)
    local members = {}
    for _, member in ipairs(field.values) do members[tostring(member)] = member end
    return function(input) return members[input] or input end
end

--- Splits the joined form of a list and converts each element.
local function split_reader(field)
    local read = text.reader(field.of or { type = "any" }, "cell")
    return function(input)
        local parts = lang.split(input, field.join)
        for i, part in ipairs(parts) do
            local value, message = read(part)
            if value == nil then return nil, message end
            parts[i] = value
        end
        return values.array(parts)
    end
end

local function list_reader(field, mode)
    local split = field.join and split_reader(field)
    if mode == "cell" then
        return function(input)
            if split and not input:find("^%s*%[") then return split(input) end
            return read_array(input)
        end
    end
    if split then return split end
    local read = text.reader(field.of or { type = "any" }, "cell")
    return function(input)
        local value, message = read(input)
        if value ~= nil then return values.array { value } end
        if input:find "^%s*%[" then message = message .. "; each repetition is one item, := takes a whole list" end
        return nil, message
    end
end

local json_types = { object = true, list = true, any = true }

--- Alternatives are tried in order; those that hold JSON first where the text looks like it.
local function either_reader(field)
    local readers, structured = {}, {}
    for _, alternative in ipairs(field.either) do
        local list = json_types[alternative.type] and structured or readers
        list[#list + 1] = { text.reader(alternative, "cell"), alternative.check }
    end
    local function try(list, input)
        local value, message
        for _, one in ipairs(list) do
            value, message = one[1](input)
            if value ~= nil and one[2](value, {}) ~= nil then return value end
        end
        return value, message
    end
    return function(input)
        local value, message
        if input:find("^%s*[%[{]") or not readers[1] then
            value, message = try(structured, input)
            if value ~= nil or not readers[1] then return value, message end
        end
        return try(readers, input)
    end
end

local by_type = {
    integer = read_integer, number = read_number, boolean = read_boolean, object = read_object,
    any = function(input) return read_json(input) end,
}

--- Lets a field's own words through.
local function word_reader(words, read)
    local taken = {}
    for _, word in ipairs(words) do taken[word] = true end
    return function(input)
        if taken[input] then return input end
        return read(input)
    end
end

local function type_reader(field, mode)
    if field.type == "list" then return list_reader(field, mode) end
    if field.type == "either" then return either_reader(field) end
    if field.type == "enum" then return enum_reader(field) end
    return by_type[field.type] or verbatim
end

--- Makes the function that converts the texts of one field.
---@param field neap.CompiledField
---@param mode neap.TextMode
---@return neap.Converter
function text.reader(field, mode)
    local read = type_reader(field, mode)
    return field.also and word_reader(field.also, read) or read
end

return text
