--- Writes records to a file, whole or not at all: NDJSON, or CSV by the extension. `-` is standard output,
-- NDJSON. A dry run writes nothing.

local errors = require "neap.error"
local file = require "neap.native.file"
local format_row = require("neap.native.csv").format_row
local json = require "neap.native.json"
local null = require "neap.null"
local progress = require "neap.progress"
local runtime = require "neap.runtime"
local said = require("neap.schema.value").said
local unseen = require "neap.workflow.export.unseen"

local member = unseen.member

local M = {}

local BUFFER = 65536
local SORTED = { sorted = true }

local function refuse(message, hint)
    error(errors.new { kind = "invalid", usage = true, message = message, hint = hint }, 0)
end

--- Encodes a value. Raises what has no JSON form.
local function encode(value)
    local text, err = json.encode(value, SORTED)
    if not text then error(err, 0) end
    return text
end

-- CSV -------------------------------------------------------------------------------------------

--- The text of a cell: texts as they are, absent values and null empty, all else JSON.
local function cell(value)
    if value == nil or value == null then return "" end
    return type(value) == "string" and value or encode(value)
end

local function names_of(record)
    local names = {}
    for name in pairs(record) do names[#names + 1] = name end
    table.sort(names)
    return names
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

local function use_columns(self, columns)
    self.columns, self.head = columns, format_row(columns)
end

local FORMATS = {}

function FORMATS.ndjson(_, record)
    return encode(record) .. "\n"
end

function FORMATS.csv(self, record)
    if not self.columns then
        use_columns(self, names_of(record))
        self.known = {}
        for _, name in ipairs(self.columns) do self.known[name] = true end
    end
    if self.known then check_names(self, record) end
    local row = {}
    for i, name in ipairs(self.columns) do row[i] = cell(member(record, name)) end
    if self.unseen then self.unseen:note(record) end
    return format_row(row)
end

local EXTENSIONS = { csv = "csv", ndjson = "ndjson", jsonl = "ndjson" }

local function format_of(out)
    if out == "-" then return "ndjson" end
    local format = EXTENSIONS[(out:match "%.(%w+)$" or ""):lower()]
    return format or refuse(("--out %s: the name says no format"):format(out), "it ends in .ndjson, .jsonl or .csv")
end

-- The file --------------------------------------------------------------------------------------

---@class neap.ExportWriter
---@field out string
---@field format "ndjson"|"csv"
---@field count integer records, kept by whoever writes
---@field handle? userdata nil in a dry run
---@field unseen? neap.UnseenColumns of CSV whose columns were asked for
local Writer = {}
Writer.__index = Writer

local function open_handle(out)
    if runtime.options.dry_run then return nil end
    if out == "-" then return file.stdout() end
    local handle, err = file.atomic(out)
    return handle or refuse(err.message)
end

--- Opens a file, which appears at its path with `commit`. Raises (kind `invalid`) for a path that cannot be
-- written, and for a name without a known extension.
---@async
---@param out string "-" is standard output
---@param columns? string[] of CSV, "a.b" for a member of an object; default: the names in the first record
---@return neap.ExportWriter
function M.open(out, columns)
    local self = setmetatable({ out = out, format = format_of(out), count = 0 }, Writer)
    self.handle = open_handle(out)
    if self.handle then self.handle:buffer(BUFFER) end
    if self.format == "csv" and columns then
        use_columns(self, columns)
        self.unseen = unseen.new(columns)
    end
    return self
end

--- The text of a record; raises where it has none. `put` writes it.
---@param record table
---@return string
function Writer:encode(record)
    if type(record) ~= "table" or json.is_array(record) then
        error(errors.new { kind = "decode", message = ("a record is %s, an object expected"):format(said(record)) }, 0)
    end
    return FORMATS[self.format](self, record)
end

--- Whoever read standard output has seen enough: nothing to complain of, but an end.
local function failure(self, err)
    if self.out ~= "-" or err.code ~= "EPIPE" then return err end
    return errors.new { kind = "cancelled", message = "nobody reads standard output any more", reader_gone = true }
end

local function write(self, text)
    if not self.handle or text == "" then return end
    local ok, err = self.handle:write(text)
    if not ok then error(failure(self, err), 0) end
end

--- Writes the head of CSV, once.
local function write_head(self)
    local head = self.head
    self.head = nil
    if head then write(self, head) end
end

--- Writes texts of records. Raises what goes wrong.
---@async
---@param text string
function Writer:put(text)
    write_head(self)
    write(self, text)
end

--- Puts the file at its path. -> true | nil, err
---@async
function Writer:commit()
    local ok, raised = pcall(write_head, self)
    if not ok then
        self:abort()
        return nil, raised
    end
    if not self.handle then return true end
    if self.out ~= "-" then return self.handle:commit() end
    local flushed, err = self.handle:flush()
    if not flushed then err = failure(self, err) end
    return flushed, err
end

local say = progress.around(function(line) io.stderr:write("neap: ", line, "\n") end)

--- Says how many records there were where a dry run leaves nothing to see of them, and what became of columns.
function Writer:note_end()
    if self.unseen then self.unseen:warn() end
    local records = ("%d record%s"):format(self.count, self.count == 1 and "" or "s")
    if runtime.options.dry_run then return say(("dry run: %s, nothing is saved"):format(records)) end
    progress.note(("%s, saved in %s"):format(records, self.out))
end

--- Leaves no file; what went to standard output stays there.
---@async
function Writer:abort()
    if not self.handle then return end
    if self.out == "-" then self.handle:flush() else self.handle:abort() end
end

return M
