--- Records of an iterator, or a list, into a file.

local errors = require "neap.error"
local null = require "neap.null"
local options = require "neap.workflow.export.options"
local paging = require "neap.paging"
local progress = require "neap.progress"
local runtime = require "neap.runtime"
local writer = require "neap.workflow.export.writer"

local M = {}

local WHO = "neap.export.write"

--- Records from one look at the progress to the next.
local LOOK_EVERY = 64

--- Bytes of mapped records that are written at a time.
local TEXT = 65536

local function is_callable(value)
    local mark = type(value) == "table" and value ~= null and getmetatable(value)
    return type(value) == "function" or mark and mark.__call ~= nil
end

--- What a `for` takes: a function, and what it is called with.
local function iterator_of(records)
    if is_callable(records) then return records end
    options.check_list(WHO .. ": records", records, "an iterator or a list")
    local at = 0
    return function()
        at = at + 1
        return records[at]
    end
end

--- Objects become lines of JSON in the file's buffer itself.
local function copy_plain(out, shown, next_record)
    local count = 1 -- the first is shown at once
    repeat
        local more, err, record = out.handle:write_records(next_record, count)
        if err then out:refuse(record, err) end
        out:settle()
        shown:update()
        count = LOOK_EVERY
    until not more
end

local function copy_lines(out, shown, next_record)
    for record in next_record do
        out:put(out:encode(record))
        out.count = out.count + 1
        if out.count % LOOK_EVERY == 1 then shown:update() end
    end
end

--- Many records at a time, mapped where they arrive.
local function copy_texts(out, shown, walk)
    local program = out.lines.program
    while true do
        local text, count = walk:texts(program, TEXT, out:buffer())
        if not text then return end
        out.count = out.count + count
        if text == true then out:settle() else out:put(text) end
        shown:update()
    end
end

local function copy(out, shown, next_record)
    local walk = paging.walk_of(next_record)
    if walk and out.lines.program then return copy_texts(out, shown, walk) end
    if walk then walk.ordered = walk.ordered or out.lines.keeps_order end
    return (out.is_plain and copy_plain or copy_lines)(out, shown, next_record)
end

--- Where nothing is saved of what came, nobody is told to go on behind it.
local function nothing_saved(out, raised)
    if out.out ~= "-" and errors.is(raised) and raised.resumes then raised.hint = "nothing is saved; start again" end
    return raised
end

--- Writes every record to a file. Raises what the iterator raises, what the path is refused for (kind
-- `invalid`) and what goes wrong while writing; then there is no file.
---@async
---@param records fun(): table|nil or a list
---@param opts { out: string, columns?: string[], map?: neap.Mapping } out: "-" is standard output, NDJSON;
-- columns of CSV, "a.b" for a member of an object, default the names in the first record; map: what records
-- become, in place of columns
---@return { out: string|nil, records: integer } out: nil in a dry run, which saves nothing
function M.write(records, opts)
    options.check(WHO, opts)
    local next_record = iterator_of(records)
    local out = writer.open(opts.out, { columns = opts.columns, map = opts.map, is_numbered = true })
    local _ <close> = out.handle -- dropped where the task is cancelled
    local shown = progress.volume(function() return out:volume() end)
    local ok, raised = pcall(copy, out, shown, next_record)
    shown:finish()
    if ok then ok, raised = out:commit() else out:abort() end
    if not ok then error(nothing_saved(out, raised), 0) end
    out:note_end()
    return { out = not runtime.options.dry_run and opts.out or nil, records = out:records() }
end

return M
