--- Checks that the nouns of the OmniSegment simulator share.
--
-- A check is a function(value, name) -> fault | nil; a fault is a text like "price should be a string".
-- What is sent must have the documented type: null only where the facts name it.

local date = require "neap.lang.date"
local json = require "neap.native.json"

local null = json.null

local check = {}

--- Is there nothing to work with?
function check.is_empty(value)
    return value == nil or value == null or value == ""
end

function check.is_object(value)
    return type(value) == "table" and not json.is_array(value)
end

--- The names in a text, as a set.
function check.set(names)
    local result = {}
    for name in names:gmatch "%S+" do result[name] = true end
    return result
end

-- Scalars.

function check.text(value, name)
    if type(value) ~= "string" then return name .. " should be a string" end
end

function check.number(value, name)
    if type(value) ~= "number" then return name .. " should be a number" end
end

function check.integer(value, name)
    if math.type(value) ~= "integer" then return name .. " should be an integer" end
end

function check.boolean(value, name)
    if type(value) ~= "boolean" then return name .. " should be a boolean" end
end

--- One of some texts.
function check.enum(...)
    local values = { ... }
    local known = check.set(table.concat(values, " "))
    local wanted = #values == 2 and table.concat(values, " or ") or "one of " .. table.concat(values, ", ")
    return function(value, name)
        if type(value) ~= "string" or not known[value] then return ("%s should be %s"):format(name, wanted) end
    end
end

function check.link(value, name)
    if type(value) ~= "string" or not value:find "^https?://." then
        return name .. " should start with http:// or https://"
    end
end

--- A custom field: text of limited length, or a number.
function check.custom(limit)
    return function(value, name)
        if type(value) == "number" then return nil end
        if type(value) ~= "string" then return name .. " should be a text or a number" end
        if (utf8.len(value) or 0) > limit then
            return ("%s is longer than %d characters"):format(name, limit)
        end
    end
end

-- Dates.

--- A day, YYYY-MM-DD.
function check.day(value, name)
    if type(value) == "string" and date.is_common_date(value) then return nil end
    if not date.date(value) then return name .. " should be YYYY-MM-DD" end
end

--- How the zone of an ISO 8601 date-time with a T is written, "none" without; nil where it is no such text.
local function zone_form(value)
    if type(value) ~= "string" or value:sub(11, 11) ~= "T" then return nil end
    local form = date.common_zone_form(value)
    if form then return form end
    local read = date.datetime(value)
    return read and (read.zone_form or "none")
end

--- ISO 8601 with a T, with or without a zone.
function check.datetime(value, name)
    if not zone_form(value) then return name .. " should be an ISO 8601 date-time" end
end

--- ISO 8601 with a zone in any of its forms.
function check.zoned(value, name)
    local form = zone_form(value)
    if not form then return name .. " should be an ISO 8601 date-time" end
    if form == "none" then return name .. " needs a time zone" end
end

--- Two date-times of a row, checked before: both or none, the second one later.
function check.span(from, to)
    return function(row)
        local first, last = row[from], row[to]
        if first == nil and last == nil then return nil end
        if first == nil or last == nil then return ("%s and %s go together"):format(from, to) end
        if date.instant(date.datetime(last)) <= date.instant(date.datetime(first)) then
            return ("%s should be later than %s"):format(to, from)
        end
    end
end

-- Objects and lists.

function check.list(one)
    return function(value, name)
        if not json.is_array(value) then return name .. " should be a list" end
        for i, item in ipairs(value) do
            local fault = one(item, ("%s[%d]"):format(name, i))
            if fault then return fault end
        end
    end
end

--- Names in one order, so that the first fault is the same in every run.
function check.sorted_names(object)
    local names = {}
    for name in pairs(object) do names[#names + 1] = name end
    table.sort(names)
    return names
end

--- An object whose names are free.
function check.map(one)
    return function(value, name)
        if not check.is_object(value) then return name .. " should be an object" end
        for _, key in ipairs(check.sorted_names(value)) do
            local fault = one(value[key], ("%s.%s"):format(name, key))
            if fault then return fault end
        end
    end
end

--- Ids of one kind of product or of both: `default` (item groups) and `sku`, each as `one` checks it.
function check.product_ids(one)
    return function(value, name)
        if not check.is_object(value) then return name .. " should be an object" end
        for _, key in ipairs(check.sorted_names(value)) do
            if key ~= "default" and key ~= "sku" then
                return ("%s has default and sku, no %s"):format(name, key)
            end
            local fault = one(value[key], name .. "." .. key)
            if fault then return fault end
        end
        if check.is_empty(value.default) and check.is_empty(value.sku) then return name .. " needs default or sku" end
    end
end

local function field_fault(field, row, prefix)
    local name = field[1]
    local value = row[name]
    if field.required and check.is_empty(value) then return prefix .. name .. " is required" end
    if value == nil or value == null and field.nullable then return nil end
    return (field[2](value, prefix .. name))
end

--- The first fault among the fields that are not declared, by name.
local function custom_fault(one, known, row, prefix)
    for _, name in ipairs(check.sorted_names(row)) do
        local is_judged = not known[name] and not check.is_empty(row[name])
        local fault = is_judged and one(row[name], prefix .. name)
        if fault then return fault end
    end
end

local function rules_fault(rules, row)
    for _, rule in ipairs(rules) do
        local fault = rule(row)
        if fault then return fault end
    end
end

local function make_record(fields, is_nested)
    local known = {}
    for _, field in ipairs(fields) do known[field[1]] = true end
    return function(row, name)
        if not check.is_object(row) then return name .. " should be an object" end
        local prefix = is_nested and name .. "." or ""
        for _, field in ipairs(fields) do
            local fault = field_fault(field, row, prefix)
            if fault then return fault end
        end
        local fault = fields.custom and custom_fault(fields.custom, known, row, prefix)
        return fault or rules_fault(fields.rules or {}, row)
    end
end

--- A row: a list of { name, check, required =, nullable = }; `custom` checks the names that are not
-- among them, unless empty, and `rules` are functions(row) -> fault that come last.
function check.record(fields) return make_record(fields, false) end

--- An object within a row: faults name it before its field.
function check.object(fields) return make_record(fields, true) end

-- Members and batches.

check.identifier_field = check.enum("line_id", "phone", "email", "messenger_psid")

--- Does a row say whose it is: by the identifier field, else by member_sn or source_id?
function check.member(row, identifier)
    if not check.is_empty(row.source_id) and check.is_empty(row.source_system) then
        return "source_system is required with source_id"
    end
    if identifier then
        if check.is_empty(row[identifier]) then return identifier .. " is required in data" end
    elseif check.is_empty(row.member_sn) and check.is_empty(row.source_id) then
        return "member_sn or source_id is required"
    end
end

--- What a value is called in Python, in which the vendor's texts speak.
local function class_of(value)
    if value == null then return "NoneType" end
    local names = { table = "dict", string = "str", boolean = "bool" }
    return names[type(value)] or math.type(value) == "integer" and "int" or "float"
end

--- The rows of a batch: a list, not too long, not empty, and every row good, or none is taken.
function check.rows(rows, name, max, one)
    if not json.is_array(rows) then
        return ("type of %s should be list instead of <class '%s'>"):format(name, class_of(rows))
    end
    if #rows > max then return ("size of batch import exceeds %d"):format(max) end
    if #rows == 0 then return name .. " is empty" end
    for i, row in ipairs(rows) do
        local fault = one(row, "it")
        if fault then return ("row %d: %s"):format(i, fault) end
    end
end

return check
