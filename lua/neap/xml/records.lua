--- The records of a document that is a list, while it arrives: one after the other the values that neap.xml makes
-- of it as a whole.
--
--   local records = xml_records.new(endpoint.returns)
--   ... response:pour(records.reader) ...
--   records:next()     one that is at hand
--   records:rest()     after the last one: what the document is without them

local errors = require "neap.error"
local native = require "neap.native.xml"
local types = require "neap.schema.types"
local values = require "neap.schema.value"
local xml = require "neap.xml"

local M = {}

---@class neap.xml.Records
---@field reader userdata that takes the bytes
---@field shape neap.Field|string|nil
---@field of? neap.Field declared for the records
---@field is_declared boolean the records are those of a declared list
---@field opts? { ordered: boolean }
---@field way string[]
---@field name? string of the first record
---@field err? neap.Error what is no record
local Records = {}
Records.__index = Records

--- Gets the declared list at a way inside of a shape, or nil.
local function list_at(shape, way)
    local field = type(shape) == "table" and shape or nil
    for _, name in ipairs(way) do
        local entry = field and xml.declared(field, name)
        field = entry and entry.field or field and field.of
    end
    for _, one in ipairs(field and field.either or { field }) do
        if types.of(one) == "list" then return one end
    end
end

---@param shape neap.Field|string|nil as for neap.xml.value
---@param opts { ordered: boolean?, way: string[]?, max_record: integer? }? way: names of the elements within each
--- other, from the root's child on, of which the last has the records; without it the root has them
---@return neap.xml.Records
function M.new(shape, opts)
    local way = opts and opts.way or {}
    local list = list_at(shape, way)
    return setmetatable({
        reader = native.records { way = way, max_record = opts and opts.max_record },
        shape = shape, of = list and list.of, is_declared = list ~= nil, way = way, opts = opts,
    }, Records)
end

--- Is an element one of the list's, rather than a member of a record that stands in the list's place? A root that
-- is declared a list has records only. Elsewhere they have one name, which no member has.
local function is_in_list(self, element)
    local is_inside = self.way[1] ~= nil
    if self.is_declared and not is_inside then return true end
    local is_alike = element.name == self.name
    if self.is_declared then return is_alike and not (self.of and xml.declared(self.of, element.name)) end
    local list = self.way[#self.way] or self.reader:root()
    return is_alike and element.name ~= "ResponseCode" or list:find "^ArrayOf" ~= nil
end

--- Gets what shows that an element is no record.
local function stranger_fault(self, element)
    local message = self.name == nil and xml.page_fault(self.reader:root())
    self.name = self.name or element.name
    if message or is_in_list(self, element) then return message end
    return ("the reply has <%s> where a record is expected"):format(element.name)
end

--- Gets the next record that is at hand.
---@return any|nil value nil: there is none at present, or this is the end
---@return neap.Error? err of the reader, or kind decode: that is no record; the same again on every later call
function Records:next()
    if self.err then return nil, self.err end
    local element, err = self.reader:next()
    if not element then return nil, err end
    local message, value = stranger_fault(self, element), nil
    if message then
        err = errors.new { kind = "decode", message = message }
    else
        value, err = xml.record(element, self.of, self.opts)
    end
    self.err = err
    return value, err
end

--- Gets the value of the document, once it has ended, with an empty list in place of the one that had records; of
-- a document that is no list what neap.xml.value makes of it.
---@return any value nil on failure
---@return neap.Error? err kind decode
function Records:rest()
    if self.reader:count() > 0 and not self.way[1] then return values.array {} end
    return xml.value(self.reader:frame(), self.shape, self.opts)
end

return M
