--- Schemas: the types of parameters, settings, arguments and columns. A schema checks values, all
-- faults at once, and brings them into wire form; it converts texts and answers questions about
-- names.

local compile = require "neap.schema.compile"
local columns = require "neap.schema.columns"
local fold = require "neap.schema.fold"
local names = require "neap.schema.names"
local text = require "neap.schema.text"
local types = require "neap.schema.types"
local values = require "neap.schema.value"

local schema = {}

---@class neap.Schema
---@field where string what it belongs to: "omnisegment.import_audience"
---@field root neap.CompiledField the object that holds the fields
---@field fields neap.CompiledField[] in the order of the definition
---@field by_name table<string, neap.CompiledField>
local Schema = {}
Schema.__index = Schema
Schema.__name = "neap.Schema"

local function wrap(root, where)
    return setmetatable(
        { where = where, root = root, fields = root.fields, by_name = root.by_name }, Schema)
end

--- Compiles fields. Raises a text naming `where`, the field and the fault of the definition.
---@param fields neap.Field[]|table<string, neap.Field>
---@param where string
---@param opts { open: boolean?, custom_max_length: integer? }? open: undeclared names are taken
---@return neap.Schema
function schema.compile(fields, where, opts)
    return wrap(compile.root(fields, where, opts), where)
end

---@class neap.CheckOptions
---@field custom_fields table<string, any>? names allowed in open objects though near a declared one
---@field placed table<string, string>? names that are no parameters, with the message that says so
---@field secrets table<string, string>? names that are allowed nowhere, with the message
---@field any_case boolean? names mean declared ones without regard to letter case
---@field prior neap.Fault[]? faults already found (of texts); they replace those of the same path

--- Puts faults found earlier before those of the check, which repeats none of their paths.
local function merged(prior, faults)
    local all, seen = {}, {}
    for _, fault in ipairs(prior) do all[#all + 1], seen[fault.path] = fault, true end
    for _, fault in ipairs(faults or {}) do
        if not seen[fault.path] then all[#all + 1] = fault end
    end
    return all
end

local no_options = {}

--- Checks values and brings them into wire form: declared names and custom fields, defaults filled
--- in, ids and decimals as text, joined lists as one text. The input is not changed.
---@param input table?
---@param opts neap.CheckOptions?
---@return table? wire
---@return neap.Fault[]? faults all of them, in the order of the declaration
---@nodiscard
function Schema:check(input, opts)
    opts = opts or no_options
    local wire, faults = self.root.check(input == nil and {} or input, opts)
    if type(faults) == "string" then faults = { { path = "", message = faults } } end
    if opts.prior and opts.prior[1] then return nil, merged(opts.prior, faults) end
    return wire, faults
end

--- Gives values the names as declared, without regard to letter case; declared objects and lists of them
--- within likewise. The input is not changed.
---@param input table
---@return table folded
---@return neap.Fault[]? faults names that are given twice
---@nodiscard
function Schema:fold(input)
    return fold.value(self.root, input)
end

--- Finds the field that a dotted name means.
---@param path string
---@param opts neap.CheckOptions?
---@return neap.Resolved? resolved
---@return string? message
---@return string? hint
function Schema:resolve(path, opts)
    return names.resolve(self.root, path, opts or no_options)
end

--- Gets a declared field.
---@param path string dotted: "data.member_sn"
---@return neap.CompiledField? field
---@return string? nearest the nearest name, where there is no such field
function Schema:field(path)
    local resolved = names.resolve(self.root, path, no_options)
    if resolved and not resolved.custom then return resolved.field end
    return nil, names.nearest(self.root, path)
end

--- Gets the names of the fields, in order.
---@return string[]
function Schema:names()
    return { table.unpack(self.root.names) }
end

--- Gets the dotted names of all fields, those of nested objects after their object.
---@return string[]
function Schema:paths()
    return names.paths(self.root)
end

--- Gets the schema of the records that a field holds: of an object's fields, or of those of the
--- elements of a list.
---@param path string
---@return neap.Schema? shape nil where the field holds no declared fields
function Schema:shape(path)
    local field = self:field(path)
    return field and schema.of_field(field, self.where .. "." .. path)
end

--- Converts a text by the declared type; a name that may be a custom field stays text.
---@param path string dotted name
---@param input string
---@param mode neap.TextMode? default "cell"
---@return any value
---@return string? message
---@return string? hint
---@nodiscard
function Schema:convert(path, input, mode)
    local resolved, message, hint = self:resolve(path)
    if not resolved then return nil, message, hint end
    return text.reader(resolved.field, mode or "cell")(input)
end

--- Converts an argument (`a.b=value`) and puts it into values; for a list, appends it.
---@param into table changed
---@param path string dotted name
---@param input string
---@param opts neap.CheckOptions?
---@return true? ok
---@return neap.Fault? fault give it to the check as one of `prior`
function Schema:assign(into, path, input, opts)
    local resolved, message, hint = self:resolve(path, opts)
    if not resolved then return nil, { path = path, message = message, hint = hint } end
    local value
    value, message = text.reader(resolved.field, "argument")(input)
    if value ~= nil then
        local appended = resolved.field.type == "list"
        message = names.put(into, resolved.keys, value, appended)
        if not message then return true end
    end
    return nil, { path = path, message = message }
end

--- Puts a value that is already one (`a.b:=JSON`) into values.
---@param into table changed
---@param path string dotted name
---@param value any
---@param opts neap.CheckOptions?
---@return true? ok
---@return neap.Fault? fault
function Schema:put(into, path, value, opts)
    local resolved, message, hint = self:resolve(path, opts)
    if resolved then message = names.put(into, resolved.keys, value, false) end
    if message then return nil, { path = path, message = message, hint = hint } end
    return true
end

--- Reads a CSV header: each column with its place and its converter.
---@param header string[]
---@param opts neap.CheckOptions?
---@return neap.Column[]? columns
---@return neap.Fault[]? faults unknown columns, required ones that are missing, conflicts
---@nodiscard
function Schema:columns(header, opts)
    return columns.plan(self.root, header, opts or no_options)
end

--- Gets the schema of the records that a compiled field holds.
---@param field neap.CompiledField
---@param where string
---@return neap.Schema? shape nil where the field holds no declared fields
function schema.of_field(field, where)
    local object = names.object_of(field, true)
    return object and object.fields and wrap(object, where) or nil
end

--- Fields compiled for conversion, by their definition.
local compiled = setmetatable({}, { __mode = "k" })

local function compiled_field(field)
    if field.check then return field end
    local name = field[1] or ""
    compiled[field] = compiled[field] or compile.field(field, name, name, "field")
    return compiled[field]
end

local containers = { list = true, object = true, any = true }

--- Converts the text of one field. In mode "argument" a single value is checked too and comes in
--- wire form (a duration as seconds, a rate as a table), so that settings can be used as they are.
---@param field neap.Field compiled or as defined
---@param input string
---@param mode neap.TextMode
---@return any value for a list in mode "argument": the elements to append
---@return string? message
---@nodiscard
function schema.convert_field(field, input, mode)
    field = compiled_field(field)
    local value, message = text.reader(field, mode)(input)
    if value == nil or mode == "cell" or containers[field.type] then return value, message end
    local wire, said, hint = field.check(value, no_options)
    if wire ~= nil then return wire end
    if type(said) == "table" then return nil, values.fault_text(said[1]) end
    return nil, hint and said .. ", " .. hint or said
end

schema.describe = types.describe
schema.type_name = types.name
schema.fault_text = values.fault_text

--- Gets faults as one line, joined by "; ".
---@param faults neap.Fault[]
---@return string
function schema.format_faults(faults)
    local texts = {}
    for i, fault in ipairs(faults) do texts[i] = values.fault_text(fault) end
    return table.concat(texts, "; ")
end

return schema
