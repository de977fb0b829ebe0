--- CSV rows as records: the header names fields (`a.b` a nested one), cells are converted by the
-- declared type of their column.

local errors = require "neap.error"
local native = require "neap.native.csv"
local schema = require "neap.schema"
local shapes = require "neap.records.shape"
local suggest = require "neap.suggest"
local values = require "neap.schema.value"

local M = {}

local Parser = {}
Parser.__index = Parser

---@param shape? table
---@param opts { keep_empty?: boolean, required?: string[] }
function M.new(shape, opts)
    return setmetatable({
        reader = native.reader(), shape = shapes.of(shape), keep_empty = opts.keep_empty, required = opts.required,
    }, Parser)
end

function Parser:feed(chunk)
    if self.broken then return end
    local ok, err = self.reader:feed(chunk)
    if not ok then self.broken = err end
end

function Parser:finish()
    if self.broken then return end
    local ok, err = self.reader:finish()
    if not ok then self.broken = err end
end

--- Is the header there, or can it not come any more?
function Parser:ready()
    if not self.header then self.header, self.header_line = self.reader:row() end
    return self.header ~= nil or self.broken ~= nil
end

--- Columns as they are, without a shape: cells stay text.
local function plain_columns(header)
    local columns = {}
    for i, name in ipairs(header) do
        local keys = {}
        for key in name:gmatch "[^.]+" do keys[#keys + 1] = key end
        columns[i] = { name = name, keys = keys }
    end
    return columns
end

local function name_faults(header)
    local faults, seen = {}, {}
    for i, name in ipairs(header) do
        if name == "" then
            faults[#faults + 1] = { path = ("column %d"):format(i), message = "it has no name" }
        elseif seen[name] then
            faults[#faults + 1] = { path = name, message = "the column comes twice" }
        end
        seen[name] = true
    end
    return faults
end

--- Faults of columns that have to be there, where no shape says so.
local function missing_faults(header, required)
    local there, faults = {}, {}
    for _, name in ipairs(header) do there[name] = true end
    for _, name in ipairs(required or {}) do
        if not there[name] then
            faults[#faults + 1] = {
                path = name, message = "required, and there is no such column", hint = suggest.hint(name, header),
            }
        end
    end
    return faults
end

--- Faults of columns that are one field under two spellings, where letter case does not count.
local function twice_faults(columns)
    local seen, faults = {}, {}
    for _, column in ipairs(columns or {}) do
        local path = table.concat(column.keys, ".")
        if seen[path] then
            faults[#faults + 1] = { path = column.name, message = ("there is a column %s, too"):format(seen[path]) }
        end
        seen[path] = column.name
    end
    return faults
end

--- Several cells in one, by another separator? -> hint
local function separator_hint(header)
    if #header ~= 1 then return nil end
    local found = header[1]:match "[;\t]"
    if not found then return nil end
    return ("the cells seem to be separated by %s"):format(found == ";" and '";"' or "tabs")
end

local KNOWN_MAX = 16 -- names that a message lists

local function listed(names)
    local shown = table.concat(names, ", ", 1, math.min(#names, KNOWN_MAX))
    return #names <= KNOWN_MAX and shown or ("%s, ... (%d)"):format(shown, #names)
end

--- Sorts faults into columns nobody knows, names without a column, and others.
local function sort_faults(faults)
    local sorted = { unknown = {}, missing = {}, rest = {}, near = 0 }
    for _, fault in ipairs(faults) do
        local kind = fault.message:find "^unknown name" and "unknown"
            or fault.message:find "^required, and there is no such column" and "missing" or "rest"
        table.insert(sorted[kind], kind == "rest" and fault or fault.path)
        if kind == "unknown" and fault.hint then sorted.near = sorted.near + 1 end
    end
    return sorted
end

--- The faults in words: unknown columns in one clause, unless there are few and near to known ones.
local function faults_text(faults, known)
    local sorted = sort_faults(faults)
    local count = #sorted.unknown
    if count < 2 or sorted.near == count or count == 2 and sorted.near > 0 then
        return schema.format_faults(faults)
    end
    local parts = { ("unknown columns %s; known are %s"):format(listed(sorted.unknown), listed(known)) }
    if sorted.missing[1] then
        parts[2] = ("%s %s missing"):format(listed(sorted.missing), sorted.missing[2] and "are" or "is")
    end
    if sorted.rest[1] then parts[#parts + 1] = schema.format_faults(sorted.rest) end
    return table.concat(parts, "; ")
end

--- A header of one cell that another separator makes several of is no custom column.
local function add_separator_fault(columns, hint, faults)
    if not hint or not columns or not columns[1].custom then return end
    faults[1] = { path = columns[1].name, message = "one column" }
end

--- Checks the header once. -> true | nil, err with every fault
function Parser:check_header()
    self:ready()
    if not self.header then
        return nil, self.broken or { message = "the file is empty, it has not even a header" }
    end
    local faults, more = name_faults(self.header), nil
    if #faults == 0 and self.shape then
        self.columns, more = self.shape.schema:columns(self.header, self.shape.options)
        more = more or twice_faults(self.columns)
    elseif #faults == 0 then
        self.columns, more = plain_columns(self.header), missing_faults(self.header, self.required)
    end
    for _, fault in ipairs(more or {}) do faults[#faults + 1] = fault end
    local hint = (self.shape or self.required) and separator_hint(self.header)
    add_separator_fault(self.shape and self.columns, hint, faults)
    if #faults == 0 then return true end
    local text = faults_text(faults, self.shape and self.shape.schema:names() or {})
    return nil, { message = "header: " .. text, faults = faults, line = self.header_line, hint = hint or nil }
end

local function put(record, keys, value)
    local at = record
    for i = 1, #keys - 1 do
        local key = keys[i]
        if type(at[key]) ~= "table" then at[key] = {} end
        at = at[key]
    end
    at[keys[#keys]] = value
end

--- Does a field take the empty text?
local function takes_empty(field)
    for _, word in ipairs(field.also or {}) do
        if word == "" then return true end
    end
    return false
end

local TEXT = { string = true, id = true, enum = true, date = true, datetime = true, decimal = true, json_text = true }

--- The value of a cell; nil for an absent one. -> value, message
local function convert(self, column, cell)
    local field = column.field
    if cell == "" then
        if self.keep_empty and (not field or TEXT[field.type] or takes_empty(field)) then return "" end
        return nil
    end
    if not field or field.type == "string" then return cell end
    return column.convert(cell)
end

--- A row that cannot be converted is checked as a whole as well, so that all its faults are told.
local function add_schema_faults(self, record, faults)
    local told = { [""] = true } -- cells without a column
    for _, fault in ipairs(faults) do told[fault.path] = true end
    if not self.shape then return end
    local _, more = self.shape.schema:check(record, self.shape.options)
    for _, fault in ipairs(more or {}) do
        if not told[fault.path] then faults[#faults + 1] = fault end
    end
end

--- -> record, line, err (see records.lua)
function Parser:next()
    local row, line = self.reader:row()
    if not row then
        local broken = self.broken
        self.broken = nil
        return nil, nil, broken
    end
    local record, faults = {}, nil
    for i, column in ipairs(self.columns) do
        local cell = row[i] or ""
        local value, message = convert(self, column, cell)
        if message then
            faults = faults or {}
            faults[#faults + 1] = { path = column.name, message = message }
            value = cell
        end
        if value ~= nil then put(record, column.keys, value) end
    end
    if #row > #self.columns then
        record[""] = values.array(table.move(row, #self.columns + 1, #row, 1, {})) -- lest they be lost
        faults = faults or {}
        faults[#faults + 1] = { path = "row", message = ("%d cells for %d columns"):format(#row, #self.columns) }
    end
    if not faults then return record, line end
    add_schema_faults(self, record, faults)
    return record, line, errors.new {
        kind = "invalid", outcome = "not_sent", line = line, faults = faults, message = schema.format_faults(faults),
    }
end

return M
