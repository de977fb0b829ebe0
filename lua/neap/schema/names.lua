--- Dotted names: from "data.member_sn" to the field it means, and into nested tables.

local suggest = require "neap.suggest"
local container = require "neap.schema.container"
local fold = require "neap.schema.fold"
local types = require "neap.schema.types"

local names = {}

---@class neap.Resolved
---@field field neap.CompiledField for a custom name: a field of type string
---@field keys string[] the way to its value
---@field custom boolean? the name is not declared

--- Gets the object that a field is or may be.
---@param field neap.CompiledField
---@param elements boolean? also the object that the elements of a list are
---@return neap.CompiledField?
function names.object_of(field, elements)
    if field.type == "object" then return field end
    if elements and field.type == "list" then return names.object_of(field.of) end
    for _, alternative in ipairs(field.either or {}) do
        local object = names.object_of(alternative, elements)
        if object then return object end
    end
end

--- What a custom field is until somebody says otherwise.
local custom_field = { type = "string", name = "", path = "" }

--- Splits a dotted name.
local function split(path)
    local keys = {}
    for key in (path .. "."):gmatch("([^.]*)%.") do keys[#keys + 1] = key end
    return keys
end

--- Resolves the rest of a name within an object that does not declare it.
local function resolve_custom(object, rest, keys, opts)
    local parts = split(rest)
    for _, key in ipairs(parts) do
        if key == "" then return nil, "a part of the name is empty" end
    end
    local message, hint = container.name_fault(object, parts[1], opts)
    if message then return nil, message, hint end
    for _, key in ipairs(parts) do keys[#keys + 1] = key end
    local field = #parts == 1 and object.of or custom_field
    return { field = field, keys = keys, custom = true }
end

--- Gets the object to go on in, below a field.
local function enter(field, rest)
    local object = names.object_of(field)
    if object then return object end
    if field.type == "any" then return { type = "object", name = "", path = field.path } end
    return nil, ("%s is a %s and has no field %s"):format(field.path, types.name(field), rest)
end

local function as_is(_, name)
    return name
end

--- Finds the field that a dotted name means.
---@param root neap.CompiledField an object
---@param path string
---@param opts neap.CheckOptions
---@return neap.Resolved? resolved
---@return string? message
---@return string? hint
function names.resolve(root, path, opts)
    local object, rest, keys = root, path, {}
    local declared_name = opts.any_case and fold.name or as_is
    while true do
        local declared = object.by_name or {}
        local name = declared_name(object, rest)
        if declared[name] then
            keys[#keys + 1] = name
            return { field = declared[name], keys = keys }
        end
        local head, tail = rest:match("^([^.]+)%.(.+)$")
        head = head and declared_name(object, head)
        if not head or not declared[head] then
            return resolve_custom(object, rest, keys, opts)
        end
        local message
        object, message = enter(declared[head], tail)
        if not object then return nil, message end
        keys[#keys + 1], rest = head, tail
    end
end

--- Gets the dotted names of all fields below an object.
---@param object neap.CompiledField
---@return string[]
function names.paths(object)
    local paths = {}
    local function visit(inner, prefix)
        for _, field in ipairs(inner.fields or {}) do
            paths[#paths + 1] = prefix .. field.name
            local nested = names.object_of(field)
            if nested then visit(nested, prefix .. field.name .. ".") end
        end
    end
    visit(object, "")
    return paths
end

--- Gets the declared name nearest to one that is not: within its own object if that is declared,
--- else of all.
---@param root neap.CompiledField
---@param path string
---@return string?
function names.nearest(root, path)
    local prefix, last = path:match("^(.*)%.([^.]+)$")
    local holder = prefix and names.resolve(root, prefix, {})
    local object = holder and names.object_of(holder.field)
    if object and object.names then
        local near = suggest.nearest(last, object.names)
        if near then return prefix .. "." .. near end
    end
    return suggest.nearest(path, names.paths(root))
end

--- Puts a value into nested tables, making those that are missing.
---@param into table changed
---@param keys string[]
---@param value any
---@param append boolean the value is a list, whose elements are appended
---@return string? message why it has no place
function names.put(into, keys, value, append)
    for i = 1, #keys - 1 do
        local inner = into[keys[i]]
        if inner == nil then
            inner = {}
            into[keys[i]] = inner
        end
        if type(inner) ~= "table" then
            return ("%s has a value already"):format(table.concat(keys, ".", 1, i))
        end
        into = inner
    end
    local last = keys[#keys]
    if into[last] == nil then
        into[last] = value
    elseif append and type(into[last]) == "table" then
        for _, item in ipairs(value) do table.insert(into[last], item) end
    else
        return "given twice"
    end
end

return names
