--- The records of a file while its bytes arrive: objects of NDJSON, rows of CSV under their header. A fault is
-- told behind the records before it.
--
--   reader:feed(text), reader:finish()
--   reader:next() -> record | nil where none is complete, or none is left | nil, err (kind `decode`, `too_large`)

local csv = require "neap.native.csv"
local errors = require "neap.error"
local json = require "neap.native.json"
local null = require "neap.null"
local said = require("neap.schema.value").said
local split = require "neap.native.split"

local M = {}

--- What a page of a web server, or the answer of an API, begins with in place of a file.
local OTHER = { ["<"] = "HTML or XML", ["{"] = "JSON", ["["] = "JSON" }

--- What the file is instead, by its first bytes. -> name | nil
local function other_than(format, text)
    local first = text:match "^\239?\187?\191?%s*([<{%[])"
    if first == "{" and format == "NDJSON" then return nil end
    return OTHER[first]
end

-- NDJSON ----------------------------------------------------------------------------------------

local Objects = {}
Objects.__index = Objects

function Objects.new(ordered)
    return setmetatable({ name = "NDJSON", reader = split.reader { format = "ndjson", ordered = ordered } }, Objects)
end

function Objects:feed(text)
    self.reader:feed(text)
end

function Objects:finish()
    self.reader:finish()
end

function Objects:next()
    local record, err = self.reader:next()
    if record == nil then return nil, err end
    if type(record) ~= "table" or json.is_array(record) then
        return errors.fail("decode", "record %d is %s, an object expected", self.reader:count(), said(record))
    end
    return record
end

-- CSV -------------------------------------------------------------------------------------------

local Rows = {}
Rows.__index = Rows

function Rows.new()
    return setmetatable({ name = "CSV", reader = csv.reader(), is_over = false }, Rows)
end

function Rows:feed(text)
    self.reader:feed(text)
end

function Rows:finish()
    self.is_over = true
    self.reader:finish()
end

--- The record that all rows become, one after the other.
local function use_header(self, header)
    local seen = {}
    for _, name in ipairs(header) do
        if name == "" or seen[name] then
            return errors.fail("decode", "header: %s", name == "" and "a column has no name"
                or ("the column %s comes twice"):format(name))
        end
        seen[name] = true
    end
    self.header, self.record = header, json.object({}, header)
    return true
end

--- The next row; a fault that only the end of the file has brought to light may be but that end.
local function next_row(self)
    local row, line = self.reader:next()
    if not row and line then line.truncated = self.is_over end
    return row, line
end

local function refuse_row(self, row, line)
    local err = errors.new {
        kind = "decode", line = line, message = ("line %d: %d cells for %d columns"):format(line, #row, #self.header),
    }
    err.truncated = self.is_over and #row < #self.header
    return nil, err
end

--- Empty cells are null. The record is the same table every time.
function Rows:next()
    local row, line = next_row(self)
    if row and not self.header then
        local ok, err = use_header(self, row)
        if not ok then return nil, err end
        row, line = next_row(self)
    end
    if not row then return nil, line end
    if #row ~= #self.header then return refuse_row(self, row, line) end
    local record = self.record
    for i, name in ipairs(self.header) do
        local cell = row[i]
        record[name] = cell ~= "" and cell or null
    end
    return record
end

-- Both ------------------------------------------------------------------------------------------

local Checked = {}
Checked.__index = Checked

--- The first bytes tell a file from what a server says in place of one.
function Checked:feed(text)
    if not self.has_begun then
        self.has_begun = true
        local other = other_than(self.inner.name, text)
        if other then self.fault = errors.new {
            kind = "decode", message = ("%s came in place of %s"):format(other, self.inner.name),
        } end
    end
    if not self.fault then self.inner:feed(text) end
end

function Checked:finish()
    if not self.fault then self.inner:finish() end
end

function Checked:next()
    if self.fault then return nil, self.fault end
    return self.inner:next()
end

local KINDS = { ndjson = Objects, csv = Rows }

--- Makes a reader.
---@param format "ndjson"|"csv"
---@param ordered boolean objects remember the order of their names; those of CSV always do
function M.open(format, ordered)
    return setmetatable({ inner = KINDS[format].new(ordered), has_begun = false }, Checked)
end

return M
