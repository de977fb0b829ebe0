--- Turns the fields of a definition into compiled ones: copies with their checks. A fault of the
-- definition is raised, naming its place and the field.

local attribute = require "neap.schema.attribute"
local container = require "neap.schema.container"
local scalar = require "neap.schema.scalar"
local types = require "neap.schema.types"
local values = require "neap.schema.value"

local compile = {}

---@class neap.CompiledField: neap.Field
---@field name string name, as callers write it; "" for a root, an element or an alternative
---@field path string dotted name from the root
---@field check neap.Check
---@field fields neap.CompiledField[]? object
---@field by_name table<string, neap.CompiledField>? object: the fields by name
---@field names string[]? object: the names in order
---@field near fun(name: string): string|false object: the declared name near to another
---@field is_root boolean?
---@field is_plain (fun(value: any, opts: table): boolean)|false|nil object: is it right, and sent as it is?

--- Raises a fault of the definition.
local function refuse(where, path, message)
    error(("%s: %s%s"):format(where, path == "" and "" or path .. ": ", message), 0)
end

--- Gets definitions as a list: named by their first entry, or by the keys of a table (in
--- alphabetical order, after the list).
---@return { [1]: string, [2]: neap.Field }[]
local function entries(specs, where, path)
    local list, keys = {}, {}
    for key, spec in pairs(specs) do
        if type(spec) ~= "table" then
            local message = "expected a table, got a " .. type(spec)
            local at = values.join(key, "")
            refuse(where, path == "" and at or values.join(path, at), message)
        end
        if type(key) == "string" then keys[#keys + 1] = key end
    end
    for i, spec in ipairs(specs) do
        if type(spec[1]) ~= "string" or spec[1] == "" then
            refuse(where, path, ("field %d has no name"):format(i))
        end
        list[i] = { spec[1], spec }
    end
    table.sort(keys)
    for _, key in ipairs(keys) do list[#list + 1] = { key, specs[key] } end
    return list
end

local function below(path, name)
    return path == "" and name or path .. "." .. name
end

local function compile_fields(field, where)
    local fields, by_name, names = {}, {}, {}
    for i, entry in ipairs(entries(field.fields, where, field.path)) do
        local name, spec = entry[1], entry[2]
        if by_name[name] then refuse(where, below(field.path, name), "declared twice") end
        fields[i] = compile.field(spec, name, below(field.path, name), where)
        by_name[name], names[i] = fields[i], name
    end
    field.fields, field.by_name, field.names = fields, by_name, names
    field.near = container.nearness(names, field.open)
end

--- Compiles what a field is made of.
local function compile_parts(field, where)
    if field.fields then compile_fields(field, where) end
    if field.type == "list" and not field.of then field.of = { type = "any" } end
    if field.of then
        field.of = compile.field(field.of, "", field.path .. "[]", where)
    end
    if field.either then
        local alternatives = {}
        for i, spec in ipairs(field.either) do
            alternatives[i] = compile.field(spec, "", field.path, where)
        end
        field.either = alternatives
    end
end

--- Raises where the default or a constraint of a field is against its own rules.
local function check_default(field, where)
    local patterns = type(field.pattern) == "table" and field.pattern or { field.pattern }
    for i = 1, #patterns do
        local pattern = patterns[i]
        if type(pattern) ~= "string" or not pcall(string.find, "", pattern) then
            refuse(where, field.path, "attribute pattern: malformed")
        end
    end
    if field.default == nil then return end
    local sent, said = field.check(field.default, {})
    if sent ~= nil then return end
    local message = type(said) == "table" and values.fault_text(said[1]) or said
    refuse(where, field.path, "attribute default: " .. message)
end

--- Compiles one field.
---@param spec neap.Field
---@param name string
---@param path string
---@param where string
---@return neap.CompiledField
function compile.field(spec, name, path, where)
    local fault = attribute.fault(spec)
    if fault then refuse(where, path, fault) end
    local field = {}
    for key, value in pairs(spec) do field[key] = value end
    field.spec = spec
    field.name, field.path, field.type = name, path, types.of(spec)
    compile_parts(field, where)
    local check = (container[field.type] or scalar[field.type])(field)
    if field.nullable and field.type ~= "string" then check = container.nullable(check) end
    if field.also then check = container.also(check, field.also) end
    field.check = check
    check_default(field, where)
    return field
end

--- Compiles the fields of a call, of settings or of arguments as one object.
---@param specs neap.Field[]|table<string, neap.Field>
---@param where string
---@param opts { open: boolean?, custom_max_length: integer? }?
---@return neap.CompiledField root
function compile.root(specs, where, opts)
    local spec = { type = "object", fields = specs }
    if opts then spec.open, spec.custom_max_length = opts.open, opts.custom_max_length end
    local root = compile.field(spec, "", "", where)
    root.is_root = true
    return root
end

return compile
