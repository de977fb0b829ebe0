--- Records of an iterator, or a list, into a file.

local clock = require "neap.native.clock"
local null = require "neap.null"
local options = require "neap.workflow.export.options"
local progress = require "neap.progress"
local runtime = require "neap.runtime"
local writer = require "neap.workflow.export.writer"

local M = {}

local WHO = "neap.export.write"

--- What progress shows of an export: records so far, of nobody knows how many.
local function counter()
    return {
        ok = 0, failed = 0, unknown = 0, parked = 0, total = 0, started = clock.now(), source = {}, is_read = false,
    }
end

local function is_callable(value)
    local mark = type(value) == "table" and value ~= null and getmetatable(value)
    return type(value) == "function" or mark and mark.__call ~= nil
end

local function iterator_of(records)
    if is_callable(records) then return records end
    options.check_list(WHO .. ": records", records, "an iterator or a list")
    local at = 0
    return function()
        at = at + 1
        return records[at]
    end
end

local function copy(next_record, out, shown)
    local counts = shown.delivery or counter()
    for record in next_record do
        out:put(out:encode(record))
        counts.ok, out.count = counts.ok + 1, out.count + 1
        shown:update()
    end
end

--- Writes every record to a file. Raises what the iterator raises, what the path is refused for (kind
-- `invalid`) and what goes wrong while writing; then there is no file.
---@async
---@param records fun(): table|nil or a list
---@param opts { out: string, columns?: string[] } out: "-" is standard output, NDJSON; columns of CSV, "a.b"
-- for a member of an object, default the names in the first record
---@return { out: string|nil, records: integer } out: nil in a dry run, which saves nothing
function M.write(records, opts)
    options.check(WHO, opts)
    local next_record = iterator_of(records)
    local out = writer.open(opts.out, opts.columns)
    local _ <close> = out.handle -- dropped where the task is cancelled
    local shown = progress.new(counter())
    local ok, raised = pcall(copy, next_record, out, shown)
    shown:finish()
    if ok then ok, raised = out:commit() else out:abort() end
    if not ok then error(raised, 0) end
    out:note_end()
    return { out = not runtime.options.dry_run and opts.out or nil, records = out.count }
end

return M
