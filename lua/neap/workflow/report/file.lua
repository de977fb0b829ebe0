--- The file of a report. It is read record by record while it is downloaded, so that what is saved is known to
-- be whole; its bytes stay as they came, unless another format is wanted.

local download = require "neap.download"
local errors = require "neap.error"
local progress = require "neap.progress"
local records = require "neap.workflow.report.records"
local writer = require "neap.workflow.export.writer"

local M = {}

--- The bytes are kept: the record only counts.
local function count(out)
    out.count = out.count + 1
end

local function convert(out, record)
    out:put(out:encode(record))
    out.count = out.count + 1
end

--- Takes the records that are complete. Raises what is wrong with them.
local function take(reader, out, use)
    local record, err = reader:next()
    while record do
        use(out, record)
        record, err = reader:next()
    end
    if err then error(err, 0) end
end

local function copy(res, reader, out, keeps, shown)
    local use = keeps and count or convert
    repeat
        local piece, err = res:read()
        if err then error(err, 0) end
        if piece then reader:feed(piece) else reader:finish() end
        take(reader, out, use)
        if piece and keeps then out:put(piece) end
        shown:update()
    until not piece
end

--- Saves the file. -> bytes saved | nil, err: kind `decode` for what is no such file, `truncated` where it may
-- only have ended too early; then nothing is left at `out`.
---@async
---@param url string
---@param out string path, or "-" for stdout
---@param format "ndjson"|"csv" of the file
---@param wanted "ndjson"|"csv"
---@return integer|nil
---@return neap.Error? err
function M.save(url, out, format, wanted)
    local res <close>, err = download.open(url)
    if not res then return nil, err end
    local keeps = format == wanted
    local to = writer.open(out, { format = keeps and "ndjson" or wanted }) -- of NDJSON it adds nothing of its own
    local _ <close> = to.handle
    local shown = progress.volume(function() return to:volume() end)
    local ok, raised = pcall(copy, res, records.open(format, not keeps), to, keeps, shown)
    shown:finish()
    if ok then ok, raised = to:commit() else to:abort() end
    if not ok then
        if not errors.is(raised) then error(raised, 0) end
        return nil, raised
    end
    to:note_end()
    return to.handle:written()
end

return M
