--- neap.csv: RFC 4180 text to rows and back.

local native = require "neap.native.csv"

local M = {}

--- Reads a whole text. -> list of rows (lists of strings) | nil, err with line and column
---@param text string
---@return string[][]|nil
---@return neap.Error? err
function M.decode(text)
    local reader, rows = native.reader(), {}
    local ok, err = reader:feed(text)
    if ok then ok, err = reader:finish() end
    local row = reader:row()
    while row do
        rows[#rows + 1] = row
        row = reader:row()
    end
    if not ok then return nil, err end
    return rows
end

--- Writes rows, quoting only where needed; lines end in LF.
---@param rows any[][]
---@return string
function M.encode(rows)
    local lines = {}
    for i, row in ipairs(rows) do lines[i] = native.format_row(row) end
    return table.concat(lines)
end

--- A reader for text that comes in pieces: feed, finish, row.
M.reader = native.reader

return M
