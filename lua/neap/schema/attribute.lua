--- What is wrong with the attributes of a field: unknown ones, values that cannot be, parts that are missing.

local suggest = require "neap.suggest"
local types = require "neap.schema.types"
local values = require "neap.schema.value"

local attribute = {}

local function set(...)
    local members = {}
    for _, name in ipairs { ... } do members[name] = true end
    return members
end

--- Attributes that every field may have.
local common = set("type", "required", "default", "doc", "nullable", "also", "place", "wire", "deprecated",
    "sandbox", "lax", "example", "source", "summary")

--- Lua types of attributes whose mistakes would otherwise show late.
local kinds = {
    required = "boolean", nullable = "boolean", open = "boolean", unpadded = "boolean",
    date_only = "boolean", as_text = "boolean", doc = "string", wire = "string",
    pattern_doc = "string", join = "string", values = "table", words = "table", fields = "table", of = "table",
    either = "table", also = "table", min = "number", max = "number", min_length = "number", max_length = "number",
    custom_max_length = "number", places = "number",
}

--- Attributes that count something.
local counts = set("min_length", "max_length", "custom_max_length", "places")

--- Attributes that hold fields; other tables are shown as JSON.
local holds = set("of", "fields", "either")

--- Words that an attribute is restricted to.
local words = {
    place = set("body", "query", "path", "header"), zone = set("required", "optional", "none"),
    zone_form = set("Z", "+08:00", "+0800", "+08"), lax = set("below", "above"),
    form = set("sql"),
}

--- Ends a message with the nearest of the names, if one is near.
local function with_hint(message, name, names)
    local hint = suggest.hint(tostring(name), names)
    return hint and message .. ", " .. hint or message
end

--- Attributes that settings alone have a use for.
local of_settings = set("lax", "sandbox")

--- Gets a type's own form of an attribute that other types have: max_length for max.
local function own_form(name, known)
    for other in pairs(known) do
        if other:sub(1, #name + 1) == name .. "_" then return other end
    end
end

local function is_known_elsewhere(name)
    for _, kind in pairs(types.all) do
        if kind.attributes[name] then return true end
    end
    return false
end

local function unknown_attribute(kind, name)
    local message, known = ('unknown attribute "%s" of type %s'):format(name, kind), types.all[kind].attributes
    local is_elsewhere = is_known_elsewhere(name) -- then it is no misprint of what only settings have
    local own = is_elsewhere and own_form(name, known)
    if own then return ('%s, did you mean "%s"?'):format(message, own) end
    local names = {}
    for _, from in ipairs { common, known } do
        for other in pairs(from) do names[other] = not (is_elsewhere and of_settings[other]) or nil end
    end
    return with_hint(message, name, names)
end

local function attribute_fault(kind, name, value)
    if not common[name] and not types.all[kind].attributes[name] then return unknown_attribute(kind, name) end
    if kinds[name] and type(value) ~= kinds[name] then
        return ("attribute %s: expected a %s, got a %s"):format(name, kinds[name], type(value))
    end
    if type(value) == "table" and not holds[name] then
        local where, message = values.json_fault(value, name)
        if where then return ("attribute %s: %s"):format(where, message) end
    end
    local is_count = counts[name] or kind == "list" and (name == "min" or name == "max")
    if is_count and not math.tointeger(value) then
        return ("attribute %s: expected an integer, got %s"):format(name, value)
    end
    if words[name] and not words[name][value] then
        local message = ('attribute %s: "%s" is not known'):format(name, value)
        return with_hint(message, value, words[name])
    end
end

--- Lua types of the members of attributes that are lists.
local members = { values = set("string", "number"), words = set("string"), also = set("string") }

--- Gets the first member of a list that is none of its kind.
local function member_fault(spec)
    for _, name in ipairs { "also", "values", "words" } do
        for key, member in pairs(spec[name] or {}) do
            if not math.type(key) then return ("attribute %s: expected a list"):format(name) end
            if not members[name][type(member)] then
                local expected = name == "values" and "texts or numbers" or "texts"
                return ("attribute %s: expected %s, got a %s"):format(name, expected, type(member))
            end
        end
    end
end

--- Gets the bounds that leave no value.
local function bounds_fault(spec)
    for _, pair in ipairs { { "min", "max" }, { "min_length", "max_length" } } do
        local least, most = spec[pair[1]], spec[pair[2]]
        if least and most and least > most then
            return ("attribute %s: %s is greater than %s, %s"):format(pair[1], least, pair[2], most)
        end
    end
end

--- Gets what a field needs beside its attributes.
local function missing_part(kind, spec)
    if kind == "enum" and not (spec.values and spec.values[1]) then return "values are missing" end
    if kind == "enum" and spec.words and #spec.words ~= #spec.values then
        return "attribute words: one for each value"
    end
    if kind == "either" and not (spec.either and spec.either[1]) then return "either is missing" end
    if kind == "object" and spec.open and not spec.fields then
        return "open without fields: an object without fields takes any name"
    end
    if kind == "object" and spec.of and spec.fields and not spec.open then
        return "attribute of: beside fields it needs open"
    end
    if kind == "list" and spec.join == "" then return "attribute join: empty" end
    if kind == "datetime" and spec.form and (spec.zone or spec.zone_form or spec.date_only or spec.unpadded) then
        return "attribute form: it allows neither zone nor a plain date"
    end
    if kind == "datetime" and spec.unpadded and not spec.date_only then
        return "attribute unpadded: beside a time it needs date_only"
    end
end

--- Says that the type is missing, or which name was probably meant for it.
local function missing_type(spec)
    for name in pairs(spec) do
        if name ~= 1 and not common[name] and suggest.nearest(tostring(name), { "type" }) then
            return with_hint(('unknown attribute "%s"'):format(name), name, { "type" })
        end
    end
    return "type is missing"
end

--- Gets the fault of the first attribute, by name, that has one.
local function first_fault(kind, spec)
    local names = {}
    for name in pairs(spec) do
        if name ~= 1 then names[#names + 1] = name end
    end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(names) do
        local fault = attribute_fault(kind, name, spec[name])
        if fault then return fault end
    end
end

--- Gets the first fault of a field's own attributes. Most have none: only then is the order worth a sort.
---@param spec neap.Field
---@return string? fault
function attribute.fault(spec)
    local kind = types.of(spec)
    if kind == nil then return missing_type(spec) end
    if not types.all[kind] then
        return with_hint(('unknown type "%s"'):format(kind), kind, types.all)
    end
    for name, value in pairs(spec) do
        if name ~= 1 and attribute_fault(kind, name, value) then return first_fault(kind, spec) end
    end
    return member_fault(spec) or bounds_fault(spec) or missing_part(kind, spec)
end

return attribute
