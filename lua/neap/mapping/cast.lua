--- What a value becomes by a `cast`; what it may be is in core/mapping.h, which does the same.

local date = require "neap.lang.date"
local json = require "neap.native.json"
local text = require "neap.schema.text"
local values = require "neap.schema.value"

local M = {}

local read_number = text.reader({ type = "number" }, "cell")

--- Says what a value should have been; numbers as JSON has them.
---@param expected string "a list"
---@param value any
---@return string
function M.unexpected(expected, value)
    if type(value) ~= "number" then return values.unexpected(expected, value) end
    return ("expected %s, got a number (%s)"):format(expected, json.encode(value))
end

--- Makes a cast of functions by type; a value of another type, or of which they make nil, does not fit.
---@param expected string "an integer"
---@param by_type table<string, fun(value: any): any>
---@return fun(value: any): any, string? result nil: a message
local function cast(expected, by_type)
    return function(value)
        local make = by_type[type(value)]
        local made
        if make then made = make(value) end
        if made ~= nil then return made end
        return nil, M.unexpected(expected, value)
    end
end

local function same(value)
    return value
end

local function day(value)
    local after = value:sub(11, 11)
    if #value < 10 or not (after == "" or after == "T" or after == " ") then return nil end
    local first = value:sub(1, 10)
    return date.date(first) and first or nil
end

--- Digits, with or without a minus, within 64 bit.
local function integer_of(value)
    local number = value:find "^-?%d+$" and tonumber(value)
    return math.type(number) == "integer" and number or nil -- beyond 64 bit tonumber makes a float
end

--- A whole number beyond 64 bit is none, as it is not when a record is read; nor are leading zeros.
local function number_of(value)
    local number = read_number(value)
    if number and value:find "^-?%d+$" then return integer_of(value) end
    return number
end

local BITS = { [1] = true, [0] = false }
local WORDS = { ["true"] = true, ["false"] = false }

local IN_ORDER = { sorted = true }

--- The JSON of a list or an object: names in the order in which they came where that is known, else sorted.
local function text_of(value)
    return json.encode(value, IN_ORDER)
end

local function in_list(value)
    return values.array { value }
end

--- Is a table a list? An empty one without a mark is an object.
local function list_only(value)
    return values.is_list(value) and value or nil
end

---@type table<string, fun(value: any): any, string?> by name; the value is neither nil nor null
M.by_name = {
    string = cast("a string", {
        string = same, number = json.encode, boolean = tostring, table = text_of,
    }),
    integer = cast("an integer", {
        number = math.tointeger, string = integer_of,
    }),
    number = cast("a number", { number = same, string = number_of }),
    boolean = cast("a boolean", {
        boolean = same, number = function(value) return BITS[value] end,
        string = function(value) return WORDS[value] end,
    }),
    date = cast("a date (YYYY-MM-DD)", { string = day }),
    list = cast("a list", { string = in_list, number = in_list, boolean = in_list, table = list_only }),
}

--- The names, in the order in which messages list them.
M.names = { "string", "integer", "number", "boolean", "date", "list" }

return M
