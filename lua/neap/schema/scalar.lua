--- Checks of single values: each field becomes one closure, made once, called for every row.
--
-- A check gets a value and returns its wire form, or nil, a message and perhaps a hint. The common
-- case comes first in each closure; what a fault says is worked out only when there is one.

local json = require "neap.native.json"
local null = require "neap.null"
local date = require "neap.lang.date"
local duration = require "neap.lang.duration"
local suggest = require "neap.suggest"
local types = require "neap.schema.types"
local values = require "neap.schema.value"

local scalar = {}

local quote, unexpected = values.quote, values.unexpected
local math_type, utf8_len, find = math.type, utf8.len, string.find

---@alias neap.Check fun(value: any, opts: table): any, string|neap.Fault[]|nil, string?

--- Does a text match a pattern, or one of several? (Lua's patterns know no alternatives.)
local function matches(value, pattern)
    if type(pattern) == "string" then return find(value, pattern) ~= nil end
    for _, one in ipairs(pattern) do
        if find(value, one) then return true end
    end
    return false
end

--- Gets what is wrong with the length or the pattern of a text.
local function text_fault(field, value, length)
    if field.min_length and length < field.min_length then
        if length == 0 then return "empty" end
        return ("%s has %d characters, at least %d are needed")
            :format(quote(value), length, field.min_length)
    end
    if field.max_length and length > field.max_length then
        return ("%s has %d characters, at most %d are allowed")
            :format(quote(value), length, field.max_length)
    end
    if field.pattern and not matches(value, field.pattern) then
        local rule = field.pattern_doc and "is not " .. field.pattern_doc
            or "does not match " .. types.patterns(field)
        return quote(value) .. " " .. rule
    end
end

--- Checks the content of a text whose type is right.
local function text_check(field)
    return function(value)
        local length = utf8_len(value)
        if not length then return nil, quote(value) .. " is not UTF-8" end
        local message = text_fault(field, value, length)
        if message then return nil, message end
        return value
    end
end

--- Most fields of most rows are strings: one closure decides the common case.
---@param field neap.Field
---@return neap.Check
function scalar.string(field)
    local slow, nullable = text_check(field), field.nullable
    local min, max = field.min_length or 0, field.max_length or math.maxinteger
    if field.pattern then max = -1 end
    return function(value)
        if type(value) == "string" then
            local length = utf8_len(value)
            if length and length <= max and length >= min then return value end
            return slow(value)
        end
        if nullable and value == null then return null end
        return nil, unexpected("a string", value)
    end
end

--- Up to here a float is the integer that it seems to be.
local exact = 2.0 ^ 53

--- An id is text; an integer is sent as its digits, whatever a codec made of it (7519.0).
---@param field neap.Field
---@return neap.Check
function scalar.id(field)
    local check = text_check(field)
    return function(value)
        if type(value) == "string" then return check(value) end
        local kind = math_type(value)
        if kind == "float" and value >= -exact and value <= exact then
            value = math.tointeger(value) or value
            kind = math_type(value)
        end
        if kind == "integer" then return check(("%d"):format(value)) end
        return nil, unexpected("a string or an integer", value)
    end
end

--- Gets what is wrong with a number's size.
local function bounds_fault(field, value, shown)
    if field.min and value < field.min then
        return ("%s is below the minimum %s"):format(shown or value, field.min)
    end
    if field.max and value > field.max then
        return ("%s is above the maximum %s"):format(shown or value, field.max)
    end
end

---@param field neap.Field
---@return neap.Check
function scalar.integer(field)
    local min, max = field.min or math.mininteger, field.max or math.maxinteger
    return function(value)
        local kind = math_type(value)
        if kind == "float" then
            local whole = math.tointeger(value)
            if not whole then return nil, ("%s is no integer"):format(value) end
            value, kind = whole, "integer"
        end
        if not kind then return nil, unexpected("an integer", value) end
        if value >= min and value <= max then return value end
        return nil, bounds_fault(field, value)
    end
end

---@param field neap.Field
---@return neap.Check
function scalar.number(field)
    local bounded = field.min or field.max
    return function(value)
        if type(value) ~= "number" then return nil, unexpected("a number", value) end
        if value ~= value or value == math.huge or value == -math.huge then
            return nil, ("%s is not a finite number"):format(value)
        end
        local message = bounded and bounds_fault(field, value)
        if message then return nil, message end
        return value
    end
end

local TEXTS = { [true] = "true", [false] = "false", ["true"] = "true", ["false"] = "false" }

---@param field neap.Field
---@return neap.Check
function scalar.boolean(field)
    if field.as_text then
        return function(value)
            local sent = value ~= nil and TEXTS[value]
            if sent then return sent end
            return nil, unexpected("a boolean", value)
        end
    end
    return function(value)
        if type(value) == "boolean" then return value end
        return nil, unexpected("a boolean", value)
    end
end

--- Longest list of values in a message, in bytes.
local longest_list = 120

--- Gets names as a list for a message, cut where it gets long.
---@param names (string|number)[]
---@return string
function scalar.listed(names)
    local out, length = {}, 0
    for i, name in ipairs(names) do
        length = length + #tostring(name) + 2
        if i > 1 and length > longest_list then
            out[i] = "..."
            break
        end
        out[i] = tostring(name)
    end
    return table.concat(out, ", ")
end

---@param field neap.Field
---@return neap.Check
function scalar.enum(field)
    local members, texts, kind = {}, {}, type(field.values[1])
    for i, member in ipairs(field.values) do
        members[member], texts[i] = member, tostring(member)
    end
    for i, word in ipairs(field.words or {}) do members[word], texts[i] = field.values[i], word end
    return function(value)
        local member = value ~= nil and members[value]
        if member then return member end
        if type(value) ~= "string" and type(value) ~= kind then
            return nil, unexpected("a " .. kind, value)
        end
        local shown = type(value) == "string" and quote(value) or tostring(value)
        local message = ("%s is not one of %s"):format(shown, scalar.listed(texts))
        return nil, message, type(value) == "string" and suggest.hint(value, texts) or nil
    end
end

---@param field neap.Field
---@return neap.Check
function scalar.date(field)
    return function(value)
        if type(value) ~= "string" then return nil, unexpected("a date (YYYY-MM-DD)", value) end
        if date.is_common_date(value) then return value end
        local read, message = date.date(value, field)
        if read then return value end
        return nil, message
    end
end

local letter_t, colon = ("T:"):byte(1, 2)

--- Is a date with time written with seconds, and with T where the form asks for it?
local function is_whole(value, form)
    local separator, _, _, _, _, _, second = value:byte(11, 17)
    return second == colon and (separator == letter_t or form == "+08")
end

--- Gets what is wrong with having a zone, or with having none.
local function zone_fault(field, value, form)
    if form == "none" and field.zone == "required" then
        return ("%s has no zone, one such as %s is required"):format(quote(value), field.zone_form or "+08:00")
    end
    if form ~= "none" and field.zone == "none" then return quote(value) .. " has a zone, none is allowed" end
end

--- Reads a text that is no common date with time. -> the form of its zone, or nil and perhaps a message
local function uncommon_form(field, value)
    if field.date_only then
        local day, message = date.date(value, field)
        if day then return nil end
        if not value:find(":", 1, true) then return nil, message end
    end
    local read, message = date.datetime(value)
    if not read then return nil, message end
    return read.zone_form or "none"
end

--- Makes the check of one date with time, used by datetime and interval.
local function moment_check(field)
    local wanted = field.zone_form
    return function(value)
        local form = date.common_zone_form(value)
        if form == wanted and form and is_whole(value, form) then return value end
        if not form then
            local message
            form, message = uncommon_form(field, value)
            if message then return nil, message end
            if not form then return value end
        end
        local message = zone_fault(field, value, form)
        if message then return nil, message end
        if not wanted then return value end
        local sent = date.in_zone_form(value, wanted)
        if sent then return sent end
        return nil, ("%s has a zone that cannot be written as %s"):format(quote(value), wanted)
    end
end

--- YYYY-MM-DD hh:mm:ss
local function sql_check(value)
    local is_so = value:find "^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d$"
    if is_so and date.datetime((value:gsub(" ", "T"))) then return value end
    if is_so then return nil, quote(value) .. " is no date with time that there is" end
    return nil, quote(value) .. " is no date with time of the form YYYY-MM-DD hh:mm:ss"
end

---@param field neap.Field
---@return neap.Check
function scalar.datetime(field)
    local check = field.form == "sql" and sql_check or moment_check(field)
    return function(value)
        if type(value) == "string" then return check(value) end
        return nil, unexpected("a date with time (YYYY-MM-DDThh:mm:ss)", value)
    end
end

--- An interval is two dates with time joined by one slash, the end not before the start.
---@param field neap.Field
---@return neap.Check
function scalar.interval(field)
    local check = moment_check(field)
    return function(value)
        if type(value) ~= "string" then
            return nil, unexpected("an interval (start/end)", value)
        end
        local from, to = value:match("^([^/]*)/([^/]*)$")
        if not from then return nil, quote(value) .. " is no interval: expected start/end" end
        local sent = {}
        for i, part in ipairs { from, to } do
            local message
            sent[i], message = check(part)
            if message then return nil, message end
        end
        if date.instant(date.datetime(to)) < date.instant(date.datetime(from)) then
            return nil, quote(value) .. " ends before it starts"
        end
        return table.concat(sent, "/")
    end
end

--- Writes a number as a plain decimal, the shortest that reads back as the same number.
local function decimal_text(number)
    if math_type(number) == "integer" then return ("%d"):format(number) end
    for digits = 15, 17 do
        local text = ("%%.%dg"):format(digits):format(number)
        if tonumber(text) == number then return (text:gsub("%.0$", "")) end
    end
end

---@param field neap.Field
---@return neap.Check
function scalar.decimal(field)
    return function(value)
        if type(value) == "number" then value = decimal_text(value) or tostring(value) end
        if type(value) ~= "string" then return nil, unexpected("a decimal", value) end
        local fraction = value:match("^-?%d+%.?(%d*)$")
        if not fraction or value:sub(-1) == "." then
            return nil, quote(value) .. " is no decimal number"
        end
        if field.places and #fraction > field.places then
            return nil, ("%s has %d decimal places, at most %d are allowed")
                :format(quote(value), #fraction, field.places)
        end
        local message = bounds_fault(field, tonumber(value), value)
        if message then return nil, message end
        return value
    end
end

---@return neap.Check
function scalar.any()
    return function(value)
        local path, message = values.json_fault(value)
        if not path then return value end
        return nil, { { path = path, message = message } }
    end
end

--- Gets the message of an error that the codec returned.
local function said(err)
    return type(err) == "table" and err.message or tostring(err)
end

--- Equal values become equal texts.
local sorted = { sorted = true }

--- JSON within a string: a text is passed on as it is, once it proves to be JSON; anything else is
--- encoded.
---@param field neap.Field
---@return neap.Check
function scalar.json_text(field)
    local check = text_check(field)
    return function(value)
        if type(value) ~= "string" then
            local path, message = values.json_fault(value)
            if path then return nil, { { path = path, message = message } } end
            local text, err = json.encode(value, sorted)
            if not text then return nil, said(err) end
            return check(text)
        end
        local decoded, err = json.decode(value)
        if decoded == nil then return nil, ("%s is no JSON: %s"):format(quote(value), said(err)) end
        return check(value)
    end
end

--- A secret is opaque here: its value appears in no message.
---@return neap.Check
function scalar.secret()
    return function(value)
        local kind = type(value)
        if kind == "string" or kind == "userdata" and value ~= null then return value end
        return nil, ("expected a secret, got a %s"):format(kind)
    end
end

---@return neap.Check
function scalar.path()
    return function(value)
        if type(value) ~= "string" then return nil, unexpected("a path", value) end
        if value == "" then return nil, "empty, expected a path" end
        if find(value, "\0", 1, true) then return nil, quote(value) .. " is no path" end
        return value
    end
end

---@param field neap.Field
---@return neap.Check
function scalar.duration(field)
    return function(value)
        if type(value) ~= "string" and type(value) ~= "number" then
            return nil, unexpected('a duration such as "5m"', value)
        end
        local seconds, message = duration.duration(value)
        if seconds then message = bounds_fault(field, seconds, ("%s s"):format(seconds)) end
        if message then return nil, message end
        return seconds
    end
end

---@return neap.Check
function scalar.rate()
    return function(value)
        if type(value) == "table" and value.count and value.period then return value end
        if type(value) ~= "string" then return nil, unexpected('a rate such as "10/s"', value) end
        return duration.rate(value)
    end
end

---@param field neap.Field
---@return neap.Check
function scalar.url(field)
    local check = text_check(field)
    return function(value)
        if type(value) ~= "string" then return nil, unexpected("a URL", value) end
        if not find(value, "^[hH][tT][tT][pP][sS]?://[^%s%c/?#]+[^%s%c]*$") then
            return nil, quote(value) .. " is no URL: expected http:// or https:// and a host"
        end
        return check(value)
    end
end

return scalar
