--- What a field may say: the types, the attributes of each, and how a field reads in words.

local types = {}

---@alias neap.FieldType
---| "string" | "id" | "integer" | "number" | "boolean" | "enum" | "date" | "datetime" | "interval"
---| "decimal" | "list" | "object" | "either" | "any" | "json_text"
---| "secret" | "path" | "duration" | "rate" | "url"

---@class neap.Field
---@field [1]? string name, as on the wire
---@field type neap.FieldType may be left out beside `values`, `fields` or `either`
---@field required? boolean
---@field default? any sent when the value is absent
---@field also? string[] texts taken beside the type's own values, sent as they are: "", "none"
---@field doc? string
---@field nullable? boolean neap.null is allowed
---@field place? "body"|"query"|"path"|"header" where it travels
---@field wire? string name on the wire where it differs
---@field deprecated? string|boolean
---@field sandbox? any settings: the value in the sandbox
---@field lax? "below"|"above" settings: which side of the default is laxer than the vendor's rule
---@field example? any
---@field values? (string|number)[] enum
---@field words? string[] enum: names of the values, taken in their place and shown
---@field min? number integer, number, decimal, duration (seconds): least value; list: least items
---@field max? number the same, greatest
---@field min_length? integer characters
---@field max_length? integer characters
---@field pattern? string|string[] Lua pattern that the text must match, or alternatives
---@field pattern_doc? string in words: "like OA-xxxxxx"
---@field places? integer decimal: most decimal places
---@field unpadded? boolean date, and datetime with date_only: 2020-11-1 is allowed too
---@field zone? "required"|"optional"|"none" datetime and interval; default optional
---@field zone_form? "Z"|"+08:00"|"+0800"|"+08" datetime and interval: the form in which zones are sent
---@field date_only? boolean datetime: a plain date is allowed too
---@field form? "sql" datetime: YYYY-MM-DD hh:mm:ss and nothing else
---@field as_text? boolean boolean: sent as "true" or "false"
---@field of? neap.Field list: its elements; object: the values of names that are not declared
---@field join? string list: sent as one text, elements joined by this
---@field fields? neap.Field[] object; without it any names are allowed
---@field open? boolean object: takes custom fields beside the declared ones
---@field custom_max_length? integer object: characters of a text under a name that is not declared
---@field either? neap.Field[] either: the alternatives, the likeliest first

local function set(...)
    local members = {}
    for _, name in ipairs { ... } do members[name] = true end
    return members
end

local text = { "min_length", "max_length", "pattern", "pattern_doc" }
local zones = { "zone", "zone_form", "date_only", "unpadded", "form" }

---@type table<neap.FieldType, { said: string, plural: string, attributes: table<string, true> }>
types.all = {
    string = { said = "string", plural = "strings", attributes = set(table.unpack(text)) },
    id = { said = "id", plural = "ids", attributes = set(table.unpack(text)) },
    integer = { said = "integer", plural = "integers", attributes = set("min", "max") },
    number = { said = "number", plural = "numbers", attributes = set("min", "max") },
    boolean = { said = "boolean", plural = "booleans", attributes = set("as_text") },
    enum = { said = "enum", plural = "enums", attributes = set("values", "words") },
    date = { said = "date", plural = "dates", attributes = set("unpadded") },
    datetime = {
        said = "date with time", plural = "dates with time", attributes = set(table.unpack(zones)),
    },
    interval = {
        said = "interval (start/end)", plural = "intervals", attributes = set("zone", "zone_form"),
    },
    decimal = {
        said = "decimal text", plural = "decimal texts", attributes = set("min", "max", "places"),
    },
    list = { said = "list", plural = "lists", attributes = set("min", "max", "of", "join") },
    object = {
        said = "object", plural = "objects",
        attributes = set("fields", "open", "custom_max_length", "of"),
    },
    either = { said = "either", plural = "either", attributes = set("either") },
    any = { said = "JSON value", plural = "JSON values", attributes = set() },
    json_text = { said = "JSON text", plural = "JSON texts", attributes = set("max_length") },
    secret = { said = "secret", plural = "secrets", attributes = set() },
    path = { said = "path", plural = "paths", attributes = set() },
    duration = { said = "duration", plural = "durations", attributes = set("min", "max") },
    rate = { said = "rate", plural = "rates", attributes = set() },
    url = { said = "URL", plural = "URLs", attributes = set("max_length") },
}

--- Gets the type of a field, which `values`, `fields` and `either` imply.
---@param spec neap.Field
---@return string?
function types.of(spec)
    return spec.type or (spec.values and "enum") or (spec.fields and "object")
        or (spec.either and "either") or nil
end

--- Gets a type in the plural; nil for what has none.
local function plural(field)
    local kind = types.of(field) or "any"
    if kind == "either" or kind == "enum" then return nil end
    return types.all[kind].plural
end

--- Gets the type of a field in words: "list of objects", "one of member_sn, email", "string or
--- object of strings".
---@param field neap.Field
---@return string
function types.name(field)
    local kind = types.of(field) or "any"
    if kind == "enum" then
        local texts = {}
        for i, value in ipairs(field.words or field.values) do texts[i] = value == "" and '""' or tostring(value) end
        return "one of " .. table.concat(texts, ", ")
    end
    if kind == "list" then
        local of = field.of and plural(field.of) or "values"
        local joined = field.join and (' joined by "%s"'):format(field.join) or ""
        return ("list of %s%s"):format(of, joined)
    end
    if kind == "object" and field.of and not field.fields and plural(field.of) then
        return "object of " .. plural(field.of)
    end
    if kind == "either" then
        local names = {}
        for i, alternative in ipairs(field.either) do names[i] = types.name(alternative) end
        return table.concat(names, " or ")
    end
    return types.all[kind].said
end

local function bounds(field)
    local min, max = field.min, field.max
    if not min and not max then return nil end
    local unit = field.type == "list" and " items" or field.type == "duration" and " s" or ""
    if min and max then return ("%s to %s%s"):format(min, max, unit) end
    return min and ("at least %s%s"):format(min, unit) or ("at most %s%s"):format(max, unit)
end

local function lengths(field)
    local min, max = field.min_length, field.max_length
    if min and max then return ("%d to %d characters"):format(min, max) end
    if min == 1 then return "not empty" end
    if min then return ("at least %d characters"):format(min) end
    return max and ("at most %d characters"):format(max)
end

--- Gets the patterns of a field in words.
---@param field neap.Field
---@return string
function types.patterns(field)
    local pattern = field.pattern
    if type(pattern) == "table" then pattern = table.concat(pattern, " or ") end
    return (pattern:gsub("%c", "?"))
end

local zone_rules = { required = "zone required", none = "without zone" }

local function zone_words(field)
    local said, form = zone_rules[field.zone], field.zone_form
    if form and said then return ("%s, sent as %s"):format(said, form) end
    return form and "zone written as " .. form or said
end

local function custom_words(field)
    local limit = field.custom_max_length and ("texts of at most %d characters"):format(field.custom_max_length)
    if field.open then return "takes custom fields" .. (limit and (" (%s)"):format(limit) or "") end
    return limit
end

--- Gets a field in one line: "string, required, at most 1025 characters".
---@param field neap.Field
---@return string
function types.describe(field)
    local parts = { types.name(field) }
    local function say(part) if part then parts[#parts + 1] = part end end
    say(field.required and "required")
    if field.default ~= nil and type(field.default) ~= "table" then
        say("default " .. tostring(field.default))
    end
    say(field.nullable and "or null")
    for _, word in ipairs(field.also or {}) do say(('or "%s"'):format(word)) end
    say(lengths(field))
    say(bounds(field))
    for _, alternative in ipairs(field.either or {}) do say(bounds(alternative)) end
    say(field.places and ("at most %d decimal places"):format(field.places))
    say(field.pattern and (field.pattern_doc or "matching " .. types.patterns(field)))
    say(zone_words(field))
    say(field.date_only and "or a date")
    say(field.unpadded and "also unpadded")
    say(custom_words(field))
    say(field.deprecated and "deprecated")
    return table.concat(parts, ", ")
end

return types
