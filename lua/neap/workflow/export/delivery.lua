--- Records that are made of rows, in the order of the rows, into a file.

local deadletter = require "neap.deadletter"
local errors = require "neap.error"
local file = require "neap.native.file"
local null = require "neap.null"
local options = require "neap.workflow.export.options"
local ordered = require "neap.workflow.export.ordered"
local progress = require "neap.progress"
local writer = require "neap.workflow.export.writer"

local M = {}

local WHO = "neap.export.deliver"

--- Is it the file that is written, however its path is spelled?
local function is_out(path, out)
    return path ~= nil and path ~= "-" and out ~= "-" and (path == out or file.same(path, out))
end

--- The file that is written is neither the one that is read nor that of the dead letters.
local function check_paths(ctx, from, out)
    local read = type(from) == "table" and from or {}
    local letters = rawget(ctx.args, "dead_letters") or read.dead_letters or deadletter.free_path()
    for _, other in ipairs { { "--file", read.path }, { "--dead-letters", letters } } do
        if is_out(other[2], out) then
            error(errors.new {
                kind = "invalid", usage = true, message = ("--out %s: it is %s, too"):format(out, other[1]),
            }, 0)
        end
    end
end

--- The text of what fn makes of a row. -> text, count | nil, err
local function render(out, fn, row)
    local records, err = fn(row)
    if records == nil then return nil, err end
    if records == null then return "", 0 end
    options.check_list(WHO .. ": fn", records, "a list of records")
    local texts = {}
    for i, record in ipairs(records) do texts[i] = out:encode(record) end
    return table.concat(texts), #texts
end

--- Fills a place. A disk that is full is no fault of the record: it ends the delivery.
local function fill(place, text, count)
    local ok, raised = pcall(place.fill, place, text, count)
    if ok then return end
    local err = errors.from(raised)
    err.misuse = true
    error(err, 0)
end

--- The function of the delivery: what fn makes of a row goes to the row's place.
local function worker(order, out, fn)
    return function(row)
        local place <close> = order:take(row)
        local ok, text, more = pcall(render, out, fn, row)
        fill(place, ok and text or "", ok and text and more or 0)
        if not ok then error(text, 0) end
        if not text then return nil, more end
        return true
    end
end

--- A delivery that ended early leaves no file; on standard output, which cannot be taken back, all that came.
local function break_off(out, order)
    if out.out == "-" then
        order:finish()
    else
        progress.say(("the export is not complete: nothing is saved in %s, start again with all rows"):format(out.out))
    end
    out:abort()
end

--- Did rows come to nothing, all of them? What an earlier run has saved is better than that.
local function is_void(summary)
    return summary.ok == 0 and summary.failed + summary.unknown > 0
end

--- Puts the file in its place where the delivery came to its own end.
local function finish(out, order, summary)
    if summary.ended or is_void(summary) then
        break_off(out, order)
        return summary
    end
    local ok, err = out:commit()
    if not ok then
        err.summary = summary
        return nil, err
    end
    out:note_end()
    return summary
end

--- Makes records of each row and writes them in the order of the rows; rows for which that fails become dead
-- letters, and leave nothing behind. Where the delivery ends early (an outage, a signal) no file is written.
-- As in ctx:deliver, concurrency and dead_letters are the workflow's args of these names.
---@async
---@param ctx neap.Context
---@param from any neap.records, a list of tables, or an iterator
---@param fn fun(row: table): table[]|nil, neap.Error? its records; raises and fails as a function of ctx:deliver
---@param opts { out: string, columns?: string[], map?: neap.Mapping } see write; columns or a map are required,
-- lest they depend on which row is ready first
---@return neap.Summary|nil
---@return neap.Error? err
function M.deliver(ctx, from, fn, opts)
    options.check(WHO, opts)
    if not opts.columns and not opts.map then options.refuse("%s: columns are missing", WHO) end
    check_paths(ctx, from, opts.out)
    local out = writer.open(opts.out, opts)
    local _ <close> = out.handle -- dropped where the task is cancelled
    local order = ordered.new(function(text, count)
        out:put(text)
        out.count = out.count + count
    end)
    local source = order:source(from)
    source.volume = function() return out:volume() end
    local ok, summary, err = pcall(ctx.deliver, ctx, source, worker(order, out, fn))
    if ok and summary then return finish(out, order, summary) end
    out:abort()
    if not ok then error(summary, 0) end
    return nil, err
end

return M
