--- CSV that arrives in pieces, as plain records: the header names the cells, which stay texts.
--
--   local rows = require("neap.records.rows").new()
--   ... response:pour(rows.reader) ...
--   rows:next()        one that is at hand

local errors = require "neap.error"
local json = require "neap.native.json"
local native = require "neap.native.csv"

local M = {}

---@class neap.records.Rows
---@field reader userdata that takes the bytes
---@field header? string[] once it is there
---@field is_ordered boolean
---@field err? neap.Error what is no such file
local Rows = {}
Rows.__index = Rows

---@param opts? { ordered: boolean } ordered: records keep the order of the columns (json.object)
---@return neap.records.Rows
function M.new(opts)
    return setmetatable({ reader = native.reader(), is_ordered = opts and opts.ordered or false }, Rows)
end

--- Gets what is wrong with a header: a record has one cell of each name.
local function header_fault(header)
    local seen = {}
    for i, name in ipairs(header) do
        if name == "" then return ("column %d has no name"):format(i) end
        if seen[name] then return ('the column "%s" comes twice'):format(name) end
        seen[name] = true
    end
end

local function fail(self, line, message)
    self.err = errors.new { kind = "decode", line = line, message = ("line %d: %s"):format(line, message) }
    return nil, self.err
end

--- Reads the header, if it is at hand. -> true | nil, err
local function read_header(self)
    local header, line = self.reader:next()
    if not header then return nil, line end
    local message = header_fault(header)
    if message then return fail(self, line, message) end
    self.header = header
    return true
end

--- Gets the next record that is at hand. A short row lacks its last cells; one that is too long is an error.
---@return table<string, string>|nil record nil: there is none at present, or this is the end
---@return neap.Error? err kind decode or too_large, with `line`; the same again on every later call
function Rows:next()
    if self.err then return nil, self.err end
    if not self.header then
        local ok, err = read_header(self)
        if not ok then return nil, err end
    end
    local header = self.header
    local row, line = self.reader:next()
    if not row then return nil, line end
    if #row > #header then return fail(self, line, ("%d cells for %d columns"):format(#row, #header)) end
    local record = {}
    for i = 1, #row do record[header[i]] = row[i] end
    return self.is_ordered and json.object(record, header) or record
end

return M
