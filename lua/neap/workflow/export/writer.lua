--- Writes records to a file, whole or not at all: NDJSON, or CSV by the extension. `-` is standard output,
-- NDJSON. A dry run writes nothing.

local errors = require "neap.error"
local file = require "neap.native.file"
local json = require "neap.native.json"
local lines = require "neap.workflow.export.lines"
local nowhere = require "neap.workflow.export.nowhere"
local progress = require "neap.progress"
local rows = require "neap.workflow.export.rows"
local runtime = require "neap.runtime"
local said = require("neap.schema.value").said
local volumes = require "neap.progress.volume"

local M = {}

local BUFFER = 65536

local function refuse(message, hint)
    error(errors.new { kind = "invalid", usage = true, message = message, hint = hint }, 0)
end

local EXTENSIONS = { csv = "csv", ndjson = "ndjson", jsonl = "ndjson" }

--- The format that the name of a file says. Raises (kind `invalid`) for one without a known extension.
---@param out string
---@return "ndjson"|"csv"
function M.format_of(out)
    if out == "-" then return "ndjson" end
    local format = EXTENSIONS[(out:match "%.(%w+)$" or ""):lower()]
    return format or refuse(("--out %s: the name says no format"):format(out), "it ends in .ndjson, .jsonl or .csv")
end

---@class neap.ExportWriter
---@field out string
---@field lines table the texts of records, see lines.lua and rows.lua
---@field is_plain boolean records go into the file as they are, as JSON: handle:write_records takes them
---@field count integer records that were put, kept by whoever puts them
---@field handle table|userdata
local Writer = {}
Writer.__index = Writer

local function open_handle(out)
    if runtime.options.dry_run then return nowhere.new() end
    if out == "-" then return file.stdout() end
    local handle, err = file.atomic(out)
    return handle or refuse(err.message)
end

---@class neap.ExportForm what records become
---@field columns? string[] of CSV, "a.b" for a member of an object; default: the names in the first record
---@field map? neap.Mapping
---@field format? "ndjson"|"csv" default: what the name says
---@field is_numbered? boolean errors of the map name the number of a record

--- Opens a file, which appears at its path with `commit`. Raises (kind `invalid`) for a path that cannot be
-- written, and for a name without a known extension.
---@async
---@param out string "-" is standard output
---@param form neap.ExportForm
---@return neap.ExportWriter
function M.open(out, form)
    local format = form.format or M.format_of(out)
    local self = setmetatable({ out = out, count = 0, is_plain = format == "ndjson" and not form.map }, Writer)
    if form.map then self.lines = lines.mapped(form.map, format, form.is_numbered)
    elseif format == "csv" then self.lines = rows.new(form.columns)
    else self.lines = lines.new()
    end
    self.handle = open_handle(out)
    self.handle:buffer(BUFFER)
    return self
end

--- The text of a record; raises where it has none. `put` writes it.
---@param record table
---@return string
function Writer:encode(record)
    if type(record) ~= "table" or json.is_array(record) then
        errors.raise("decode", "a record is %s, an object expected", said(record))
    end
    return self.lines:line(record)
end

--- Whoever read standard output has seen enough: nothing to complain of, but an end.
local function failure(self, err)
    if self.out ~= "-" or err.code ~= "EPIPE" then return err end
    return errors.new { kind = "cancelled", message = "nobody reads standard output any more", reader_gone = true }
end

--- Raises why handle:write_records did not take a record.
---@param record any
---@param err neap.Error
function Writer:refuse(record, err)
    if type(record) ~= "table" or err.kind == "decode" then
        errors.raise("decode", "a record is %s, an object expected", said(record))
    end
    error(failure(self, err), 0)
end

--- Writes the head of CSV, once.
local function write_head(self)
    local head = self.lines.head
    if not head then return end
    self.lines.head = nil
    local ok, err = self.handle:write(head)
    if not ok then error(failure(self, err), 0) end
end

--- Writes texts of records. Raises what goes wrong.
---@async
---@param text string
function Writer:put(text)
    if self.lines.head then write_head(self) end
    if text == "" then return end
    local ok, err = self.handle:write(text)
    if not ok then error(failure(self, err), 0) end
end

--- The file, once lines may go into its buffer; nil in a dry run.
---@return userdata|nil
function Writer:buffer()
    if not self.lines.head and type(self.handle) == "userdata" then return self.handle end
end

--- Writes what was put into the file's buffer, if it is full. Raises what goes wrong.
---@async
function Writer:settle()
    local ok, err = self.handle:write ""
    if not ok then error(failure(self, err), 0) end
end

--- Puts the file at its path. -> true | nil, err
---@async
function Writer:commit()
    local ok, raised = pcall(write_head, self)
    if not ok then
        self:abort()
        return nil, raised
    end
    if self.out ~= "-" then return self.handle:commit() end
    local flushed, err = self.handle:flush()
    if not flushed then err = failure(self, err) end
    return flushed, err
end

--- How many records there are so far.
---@return integer
function Writer:records()
    return self.count + self.handle:records()
end

--- How much there is so far. -> records, bytes
function Writer:volume()
    return self:records(), self.handle:written()
end

--- Says how many records there were where a dry run leaves nothing to see of them, and what became of columns.
function Writer:note_end()
    self.lines:warn()
    local records, bytes = volumes.records(self:records()), volumes.bytes(self.handle:written())
    if runtime.options.dry_run then
        return progress.say(("dry run: %s, nothing is saved"):format(records))
    end
    local where = self.out == "-" and "written to standard output" or "saved in " .. self.out
    progress.note(("%s, %s, %s"):format(records, bytes, where))
end

--- Leaves no file; what went to standard output stays there.
---@async
function Writer:abort()
    if self.out == "-" then self.handle:flush() else self.handle:abort() end
end

return M
