--- Records as rows of CSV.

local errors = require "neap.error"
local format_row = require("neap.native.csv").format_row
local json = require "neap.native.json"
local null = require "neap.null"
local unseen = require "neap.workflow.export.unseen"

local member = unseen.member

local M = {}

local SORTED = { sorted = true }

--- A value as a cell: texts as they are, absent values and null empty, all else JSON. Raises what has none.
local function cell(value)
    local kind = type(value)
    if kind == "string" or kind == "boolean" or math.type(value) == "integer" then return value end
    if value == nil or value == null then return "" end
    local text, err = json.encode(value, SORTED)
    if not text then error(err, 0) end
    return text
end

--- The names of a record's members: in the order that it remembers, the others sorted behind them.
local function names_of(record)
    local names, seen, mark = {}, {}, getmetatable(record)
    for _, name in ipairs(type(mark) == "table" and mark.__name == "neap.json.object" and mark.keys or {}) do
        if record[name] ~= nil then names[#names + 1], seen[name] = name, true end
    end
    local others = {}
    for name in pairs(record) do
        if not seen[name] then others[#others + 1] = name end
    end
    table.sort(others)
    return table.move(others, 1, #others, #names + 1, names)
end

---@class neap.export.Rows
---@field columns? string[] those asked for, else the names in the first record
---@field known? table<string, boolean> the columns, where the first record decided on them
---@field unseen? neap.UnseenColumns where the columns were asked for
---@field head? string that is still to be written
---@field cells (string|integer|boolean)[] of the row under way
local Rows = {}
Rows.__index = Rows

---@param columns? string[] "a.b" for a member of an object
---@return neap.export.Rows
function M.new(columns)
    local self = setmetatable({ cells = {} }, Rows)
    if not columns then return self end
    self.columns, self.head, self.unseen = columns, format_row(columns), unseen.new(columns)
    return self
end

local function use_first(self, record)
    self.columns, self.known = names_of(record), {}
    if not self.columns[1] then
        error(errors.new {
            kind = "invalid", message = "the first record has no members: CSV would have no columns",
            hint = "an --out that ends in .ndjson takes any record",
        }, 0)
    end
    for _, name in ipairs(self.columns) do self.known[name] = true end
    self.head = format_row(self.columns)
end

--- Nothing gets lost unseen where the first record decided on the columns.
local function check_names(self, record)
    for name in pairs(record) do
        if not self.known[name] then
            error(errors.new {
                kind = "invalid", message = ("a record has %q, which the first one has not: there is no column for it")
                    :format(tostring(name)),
                hint = "an --out that ends in .ndjson takes any record",
            }, 0)
        end
    end
end

--- The row of a record. Raises what has no form in CSV.
---@param record table
---@return string
function Rows:line(record)
    if not self.columns then use_first(self, record) end
    if self.known then check_names(self, record) end
    local cells = self.cells
    for i, name in ipairs(self.columns) do
        local value = record[name]
        if value == nil then value = member(record, name) end
        cells[i] = cell(value)
    end
    if self.unseen then self.unseen:note(record) end
    return format_row(cells)
end

--- Warns of columns that no record had.
function Rows:warn()
    if self.unseen then self.unseen:warn() end
end

return M
