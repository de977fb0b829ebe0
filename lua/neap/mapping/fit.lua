--- What can become of what: a value of one declared type in a field of another, and the cast that it needs.
-- Only what can never work is refused here; a single text is checked when it comes.

local types = require "neap.schema.types"

local M = {}

---@alias neap.MapType neap.CompiledField|{ type: string, of: any }|nil nil: unknown

local ANY = { type = "any" }

--- The types that a cast makes, as messages show them.
local MADE = {
    string = { type = "string" }, integer = { type = "integer" }, number = { type = "number" },
    boolean = { type = "boolean" }, date = { type = "date" },
}

local KINDS = { integer = "integer", number = "number", boolean = "boolean", list = "list", object = "object" }

--- Kinds of JSON value.
local function kind_of(field)
    if field.type ~= "enum" then return KINDS[field.type] or "text" end
    if type(field.values[1]) == "string" then return "text" end
    for _, value in ipairs(field.values) do
        if math.type(value) ~= "integer" then return "number" end
    end
    return "integer"
end

--- Texts of a form of their own: one is never the other.
local FORMED = {
    date = true, datetime = true, interval = true, decimal = true, url = true, duration = true, rate = true,
}

--- Texts that may hold a number or a word.
local FREE = { string = true, id = true, enum = true, json_text = true }

--- Texts that a number may become.
local OF_NUMBERS = { id = true, decimal = true, json_text = true, duration = true }

local function article(name)
    if name:find "^one of " then return name end
    return (name:find "^[aeiouAEIOU]" and not name:find "^URL" and "an " or "a ") .. name
end

--- A type in a message: "an integer", "a list", "one of male, female".
---@param field neap.MapType
---@return string
function M.noun(field)
    if field.type == "list" or field.type == "object" then return article(field.type) end
    return article(types.name(field))
end

--- A type as it stands behind a name: "list of strings", "type unknown".
---@param field neap.MapType
---@return string
function M.type_name(field)
    return field and types.name(field) or "type unknown"
end

local function cannot(source, target, advice)
    local message = ("%s cannot become %s"):format(M.noun(source), M.noun(target))
    return nil, advice and ("%s; %s"):format(message, advice) or message
end

--- What to do about a container where a single value is wanted.
local ADVICE = { list = "at = 1 takes one of its elements", object = "a dotted `from` takes one of its members" }

--- The same where the list may come as a text, too.
local WITH_SPLIT <const> = "split and at = 1 take one of its elements"

--- Is there a text among the alternatives of a type?
local function may_be_text(source)
    for _, one in ipairs(source.either or {}) do
        if kind_of(one) == "text" then return true end
    end
    return false
end

--- What is wrong with an alternative, with advice that fits them all.
local function of_all(source, message)
    if not message or not may_be_text(source) then return message end
    return (message:gsub(ADVICE.list, WITH_SPLIT, 1))
end

local step

-- Containers -------------------------------------------------------------------------------------

--- Members of one object in another, as they are.
local function object_step(source, target)
    if not source.fields or not target.fields then return false end
    for _, field in ipairs(source.fields) do
        local wanted = target.by_name[field.name]
        if not wanted and not target.open then
            return nil, ("its member %s is unknown there"):format(field.name)
        end
        local needed, message = false, nil
        if wanted then needed, message = step(field, wanted) end
        if needed ~= false then
            return nil, ("its member %s: %s"):format(field.name,
                message or ("%s is not %s"):format(M.noun(field), M.noun(wanted)))
        end
    end
    for _, wanted in ipairs(target.fields) do
        if wanted.required and wanted.default == nil and not source.by_name[wanted.name] then
            return nil, ("its member %s (%s) is required there"):format(wanted.name, types.name(wanted))
        end
    end
    return false
end

--- Elements are taken as they are: casts work on whole values.
local function elements_step(of, target)
    local needed = step(of, target.of)
    if needed == false then return false end
    return nil, ("its elements are not cast: %s is not %s"):format(M.noun(of), M.noun(target.of))
end

local function list_step(source, target)
    if source.type == "list" then return elements_step(source.of, target) end
    if target.join and kind_of(source) == "text" then return false end
    if step(source, target.of) == false and source.type ~= "object" then return "list" end
    return cannot(source, target)
end

-- Single values ----------------------------------------------------------------------------------

--- Is any of the source's own words one that the target takes?
local function shares_value(source, target)
    if source.type ~= "enum" or not target.check then return true end
    for _, value in ipairs(source.values) do
        if target.check(value, {}) ~= nil then return true end
    end
    return false
end

local function text_to_text(source, target)
    if source.type == "datetime" and target.type == "date" then return "date" end
    if source.type == "date" and target.type == "datetime" and target.date_only then return false end
    local differs = FORMED[source.type] and FORMED[target.type] and source.type ~= target.type
    if differs or not shares_value(source, target) then return cannot(source, target) end
    return false
end

local function to_text(source, target, kind)
    if kind == "text" then return text_to_text(source, target) end
    if kind == "list" or kind == "object" then
        if target.type == "json_text" then return false end
        return cannot(source, target, ADVICE[kind] .. (FREE[target.type] and ', cast = "string" its JSON' or ""))
    end
    if kind ~= "boolean" and OF_NUMBERS[target.type] then return false end
    if target.type == "string" or target.type == "enum" or target.type == "id" then return "string" end
    return cannot(source, target)
end

local function to_number(source, target, kind)
    local wanted = kind_of(target)
    if kind == wanted or kind == "integer" then
        if shares_value(source, target) then return false end
        return cannot(source, target)
    end
    if kind == "number" then return "integer" end
    if kind == "text" and target.words then return false end
    if kind == "text" and (FREE[source.type] or source.type == "decimal") then return wanted end
    return cannot(source, target, ADVICE[kind])
end

local function to_boolean(source, target, kind)
    if kind == "boolean" then return false end
    if kind == "text" and FREE[source.type] then return not target.as_text and "boolean" end
    if kind == "integer" then return "boolean" end
    return cannot(source, target, ADVICE[kind])
end

local TO = {
    text = to_text, integer = to_number, number = to_number, boolean = to_boolean, list = list_step,
    object = function(source, target, kind)
        if kind == "object" then return object_step(source, target) end
        return cannot(source, target, ADVICE[kind])
    end,
}

-- Alternatives -----------------------------------------------------------------------------------

--- The first alternative of the target that takes the source as it is, else one that takes it cast.
local function to_either(source, target)
    local by_cast
    for _, alternative in ipairs(target.either) do
        local needed = step(source, alternative)
        if needed == false then return false end
        by_cast = by_cast or needed
    end
    if by_cast then return by_cast end
    return cannot(source, target, ADVICE[kind_of(source)])
end

--- All alternatives of the source have to do, with one cast for all.
local function from_either(source, target)
    local chosen = false
    for _, alternative in ipairs(source.either) do
        local needed, message = step(alternative, target)
        if needed == nil then return nil, of_all(source, message) end
        chosen = chosen or needed
    end
    for _, alternative in ipairs(chosen and source.either or {}) do
        local made, message = M.cast(alternative, chosen)
        if not made then return nil, of_all(source, message) end
    end
    return chosen
end

--- What an unknown value needs: a number or a boolean may come as a text, and nothing else can be told.
local function from_unknown(target)
    local kind = target.type ~= "either" and kind_of(target)
    if kind == "integer" or kind == "number" then return kind end
    return kind == "boolean" and not target.as_text and kind or false
end

--- Gets the cast with which a value of one type can stand where another is declared.
---@param source neap.MapType
---@param target neap.MapType
---@return string|false|nil cast false: none is needed; nil: it cannot
---@return string? message
function step(source, target)
    if not target or target.type == "any" then return false end
    if not source or source.type == "any" then return from_unknown(target) end
    if source.type == "either" then return from_either(source, target) end
    if target.type == "either" then return to_either(source, target) end
    return TO[kind_of(target)](source, target, kind_of(source))
end

M.step = step

-- What a map says --------------------------------------------------------------------------------

--- Calls fn for the alternatives of a type, or for the type itself. -> false, message of the first that fails
local function each_alternative(field, fn)
    for _, one in ipairs(field.type == "either" and field.either or { field }) do
        local ok, message = fn(one)
        if not ok then return false, message end
    end
    return true
end

local CASTABLE = {
    string = function() return true end,
    integer = function(kind, name)
        return kind == "integer" or kind == "number" or kind == "text" and (FREE[name] or name == "decimal")
    end,
    boolean = function(kind, name)
        return kind == "boolean" or kind == "integer" or kind == "number" or kind == "text" and FREE[name]
    end,
    date = function(kind, name) return kind == "text" and (FREE[name] or name == "date" or name == "datetime") end,
    list = function(kind) return kind ~= "object" end,
}
CASTABLE.number = CASTABLE.integer

--- Gets the type that an explicit cast makes of another.
---@param source neap.MapType
---@param cast string
---@return neap.MapType made nil: it cannot
---@return string? message
function M.cast(source, cast)
    local made = MADE[cast]
    if not source or source.type == "any" then return made or { type = "list", of = ANY } end
    local ok, message = each_alternative(source, function(one)
        local kind = kind_of(one)
        if CASTABLE[cast](kind, one.type) then return true end
        local _, why = cannot(one, made or { type = "list" }, ADVICE[kind])
        return false, why
    end)
    if not ok then return nil, of_all(source, message) end
    if made then return made end
    return source.type == "list" and source or { type = "list", of = source.type == "either" and ANY or source }
end

--- Gets what `split` makes: of texts a list of texts; lists stay.
---@param source neap.MapType
---@return neap.MapType list
---@return string? message
function M.split(source)
    local list = { type = "list", of = MADE.string }
    if not source or source.type == "any" then return list end
    local ok, message = each_alternative(source, function(one)
        local kind = kind_of(one)
        return kind == "text" or kind == "list", ("split: %s has no delimiters"):format(M.noun(one))
    end)
    if not ok then return nil, message end
    return source.type == "list" and source or list
end

--- Gets what `at` makes: the type of a list's elements.
---@param source neap.MapType
---@return neap.MapType element
---@return string? message
function M.at(source)
    if not source or source.type == "any" then return nil end
    local ok, message = each_alternative(source, function(one)
        return one.type == "list", ("at: %s has no elements%s"):format(M.noun(one),
            kind_of(one) == "text" and "; split makes a list of it" or "")
    end)
    if not ok then return nil, message end
    return source.type == "list" and source.of or nil
end

return M
