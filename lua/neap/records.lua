--- neap.records: a CSV or NDJSON file as a sequence of tables. Opening it checks header and required
-- columns; a faulty row is an error of that row, a file that cannot be read on breaks the source.

local csv = require "neap.records.csv"
local errors = require "neap.error"
local file = require "neap.native.file"
local ndjson = require "neap.records.ndjson"

local M = {}

local CHUNK = 65536

---@class neap.Records
---@field path string
---@field is_stream boolean stdin: what was not read stays unread
---@field dead_letters string default path of the dead letters
---@field bytes_read integer
---@field lines_read integer
---@field bytes_total? integer
local Records = {}
Records.__index = Records

local function format_of(path, first)
    if path:find "%.ndjson$" or path:find "%.jsonl$" then return ndjson end
    if path == "-" and first:find "^\239?\187?\191?%s*{" then return ndjson end
    return csv
end

--- A message that names the file, once.
local function named(path, message)
    local is_named = (" " .. message):find((" %s: "):format(path), 1, true)
    return is_named and message or ("%s: %s"):format(path, message)
end

function Records:pull()
    local chunk, err = self.handle:read(CHUNK)
    if err then return nil, err end
    if chunk then
        self.bytes_read = self.bytes_read + #chunk
        self.lines_read = self.lines_read + select(2, chunk:gsub("\n", ""))
    end
    return chunk
end

--- The next record. -> record, line, err. With a record, err says that it is faulty; without one, that
-- the file cannot be read on. Nothing at all is the end.
---@async
function Records:next()
    while true do
        local record, line, err = self.parser:next()
        if record == nil and err then err.message = named(self.path, err.message) end
        if record ~= nil or err then return record, line, err end
        if self.ended then return nil end
        local chunk
        chunk, err = self:pull()
        if err then
            err.message = named(self.path, err.message)
            return nil, nil, err
        end
        if chunk then
            self.parser:feed(chunk)
        else
            self.ended = true
            self.parser:finish()
            self.handle:close()
        end
    end
end

--- `for record, line in neap.records(path) do`: raises the error object of a faulty row.
---@async
function Records:__call()
    local record, line, err = self:next()
    if not err then return record, line end
    err.message = named(self.path, err.message)
    error(err, 0)
end

local function refuse(path, err)
    return errors.new {
        kind = "invalid", message = named(path, err.message), line = err.line, column = err.column,
        hint = err.hint, faults = err.faults,
    }
end

--- Reads until the header is known, or the file turns out to have none.
local function read_header(records)
    while not records.parser:ready() do
        local chunk, err = records:pull()
        if err then return nil, err end
        if not chunk then
            records.ended = true
            records.parser:finish()
            break
        end
        records.parser:feed(chunk)
    end
    return records.parser:check_header()
end

--- Opens a file of records. Raises an error object (kind `invalid`) for a file that cannot be opened and
-- for every fault of its header.
---@async
---@param path string "-" is stdin
---@param shape? table a parameter of an endpoint (`omni.import_audience.data`) or an endpoint itself:
-- cells are converted by its types
---@param opts? { keep_empty?: boolean, required?: string[] } keep_empty: an empty cell is "" instead of absent;
-- required: columns that a CSV file without a shape has to have
---@return neap.Records
function M.open(path, shape, opts)
    local handle, err
    if path == "-" then handle = file.stdin() else handle, err = file.open(path, "r") end
    if not handle then error(refuse(path, err), 0) end
    local records = setmetatable({
        path = path, handle = handle, is_stream = path == "-", bytes_read = 0, lines_read = 0,
        bytes_total = path ~= "-" and file.size(path) or nil,
        dead_letters = path == "-" and "neap.dead.ndjson" or path .. ".dead.ndjson",
    }, Records)
    local first
    first, err = records:pull()
    if err then error(refuse(path, err), 0) end
    records.parser = format_of(path, first or "").new(shape, opts or {})
    if first then
        records.parser:feed(first)
    else
        records.ended = true
        records.parser:finish()
    end
    local ok
    ok, err = read_header(records)
    if not ok then
        handle:close()
        error(refuse(path, err), 0)
    end
    return records
end

return M
