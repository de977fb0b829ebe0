--- neap.export: workflows that save what a vendor has. `write` takes an iterator of records, such as
-- client:each; `deliver` makes records of each row of a file and keeps the order of its rows. Both write
-- NDJSON or CSV by the extension, whole or not at all.

local clock = require "neap.native.clock"
local errors = require "neap.error"
local file = require "neap.native.file"
local instant = require "neap.lang.lenient".instant
local json = require "neap.native.json"
local null = require "neap.null"
local ordered = require "neap.workflow.export.ordered"
local progress = require "neap.progress"
local rules = require "neap.call.rules"
local runtime = require "neap.runtime"
local schema = require "neap.schema"
local suggest = require "neap.suggest"
local writer = require "neap.workflow.export.writer"

local M = {}

local function refuse(fmt, ...)
    error(errors.new { kind = "invalid", where = errors.caller(), message = fmt:format(...) }, 0)
end

--- Refuses options that there are not.
local function check_options(who, opts, names)
    if type(opts) ~= "table" then refuse("%s: options expected, got a %s", who, type(opts)) end
    local known = {}
    for _, name in ipairs(names) do known[name] = true end
    for name in pairs(opts) do
        if not known[name] then
            local hint = suggest.hint(tostring(name), names)
            refuse("%s: no option %q%s", who, tostring(name), hint and "; " .. hint or "")
        end
    end
    if type(opts.out) ~= "string" then refuse("%s: out is missing: a path, or -", who) end
    if opts.columns ~= nil and type(opts.columns) ~= "table" then refuse("%s: columns: a list expected", who) end
end

local say = progress.around(function(line) io.stderr:write("neap: ", line, "\n") end)

--- Says how many records there were where a dry run leaves nothing to see of them.
local function note_end(out)
    local records = ("%d record%s"):format(out.count, out.count == 1 and "" or "s")
    if runtime.options.dry_run then return say(("dry run: %s, nothing is saved"):format(records)) end
    progress.note(("%s, saved in %s"):format(records, out.out))
end

-- Records of an iterator ------------------------------------------------------------------------

--- What progress shows of an export: records so far, of nobody knows how many.
local function counter()
    return {
        ok = 0, failed = 0, unknown = 0, parked = 0, total = 0, started = clock.now(), source = {}, is_read = false,
    }
end

local function iterator_of(records)
    if type(records) ~= "table" or getmetatable(records) and getmetatable(records).__call then return records end
    local at = 0
    return function()
        at = at + 1
        return records[at]
    end
end

local function copy(records, out, shown)
    local counts = shown.delivery or counter()
    for record in iterator_of(records) do
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
---@return { out: string, records: integer }
function M.write(records, opts)
    check_options("neap.export.write", opts, { "out", "columns" })
    local out = writer.open(opts.out, opts.columns)
    local _ <close> = out.handle -- dropped where the task is cancelled
    local shown = progress.new(counter())
    local ok, raised = pcall(copy, records, out, shown)
    shown:finish()
    if ok then ok, raised = out:commit() else out:abort() end
    if not ok then error(raised, 0) end
    note_end(out)
    return { out = opts.out, records = out.count }
end

-- Records of each row ---------------------------------------------------------------------------

--- The file that is written is neither the one that is read nor that of the dead letters.
local function check_paths(ctx, from, out)
    local read = type(from) == "table" and from.path
    for _, other in ipairs { { "--file", read }, { "--dead-letters", rawget(ctx.args, "dead_letters") } } do
        if other[2] == out and out ~= "-" then
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
    local texts = {}
    for i, record in ipairs(records ~= null and records or {}) do texts[i] = out:encode(record) end
    return table.concat(texts), #texts
end

--- Fills a place. A disk that is full is no fault of the record: it ends the delivery.
local function fill(place, text)
    local ok, raised = pcall(place.fill, place, text)
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
        fill(place, ok and text or "")
        if not ok then error(text, 0) end
        if not text then return nil, more end
        out.count = out.count + more
        return true
    end
end

--- A delivery that ended early leaves no file; on standard output, which cannot be taken back, all that came.
local function break_off(out, order)
    if out.out == "-" then
        order:finish()
    else
        say(("the export is not complete: nothing is saved in %s, start again with all rows"):format(out.out))
    end
    out:abort()
end

--- Puts the file in its place where the delivery came to its own end.
local function finish(out, order, summary)
    if summary.ended then
        break_off(out, order)
        return summary
    end
    local ok, err = out:commit()
    if not ok then
        err.summary = summary
        return nil, err
    end
    note_end(out)
    return summary
end

--- Makes records of each row and writes them in the order of the rows; rows for which that fails become dead
-- letters, and leave nothing behind. Where the delivery ends early (an outage, a signal) no file is written.
-- As in ctx:deliver, concurrency and dead_letters are the workflow's args of these names.
---@async
---@param ctx neap.Context
---@param from any neap.records, a list of tables, or an iterator
---@param fn fun(row: table): table[]|nil, neap.Error? its records; raises and fails as a function of ctx:deliver
---@param opts { out: string, columns: string[] } see write; columns are required, lest they depend on which row
-- is ready first
---@return neap.Summary|nil
---@return neap.Error? err
function M.deliver(ctx, from, fn, opts)
    check_options("neap.export.deliver", opts, { "out", "columns" })
    if not opts.columns then refuse "neap.export.deliver: columns are missing" end
    check_paths(ctx, from, opts.out)
    local out = writer.open(opts.out, opts.columns)
    local _ <close> = out.handle -- dropped where the task is cancelled
    local order = ordered.new(function(text) out:put(text) end)
    local ok, summary, err = pcall(ctx.deliver, ctx, order:source(from), worker(order, out, fn))
    if ok and summary then return finish(out, order, summary) end
    out:abort()
    if not ok then error(summary, 0) end
    return nil, err
end

-- Helpers ---------------------------------------------------------------------------------------

--- The parameters that name a row's record: by an id, by other identities, or both. A cell is one value.
---@param row table<string, any>
---@param id string column and parameter of the id
---@param others string parameter that holds all other columns: name to list of values
---@return table<string, any>
function M.row_params(row, id, others)
    local params = { [id] = row[id] }
    for name, value in pairs(row) do
        if name ~= id then
            params[others] = params[others] or {}
            params[others][name] = type(value) == "table" and value or { value }
        end
    end
    return params
end

local PRESENCE = { "any_of", "one_of", "with", "both_or_none" }

local function is_about_presence(rule)
    for _, kind in ipairs(PRESENCE) do
        if rule[kind] then return true end
    end
    return false
end

--- Checks what an endpoint's rules say of parameters that all rows share, before any row is read: the order
-- of two dates, say. Raises all faults as one error of the command line.
---@param handle table client.endpoint
---@param params table<string, any>
function M.check(handle, params)
    local faults = {}
    for _, rule in ipairs(handle.endpoint.rules) do
        if not is_about_presence(rule) and not faults[1] then rules.check({ rule }, params, faults) end
    end
    if not faults[1] then return end
    for _, fault in ipairs(faults) do fault.path = "--" .. fault.path:gsub("_", "-") end
    error(errors.new { kind = "invalid", usage = true, message = schema.format_faults(faults) }, 0)
end

--- A paged endpoint and its parameters, as the command line gives them; see params.lua.
M.listing = require("neap.workflow.params").read

local INDENTED = { sorted = true, indent = 2 }

--- Saves one value as JSON, whole or not at all; nothing in a dry run. Raises what goes wrong.
---@async
---@param path string
---@param value any
function M.document(path, value)
    local text = assert(json.encode(value, INDENTED))
    if runtime.options.dry_run then return end
    local out <close> = assert(file.atomic(path))
    assert(out:write(text, "\n"))
    assert(out:commit())
end

--- Removes a file where there is one; not in a dry run. Raises what goes wrong.
---@async
---@param path string
function M.remove(path)
    if not runtime.options.dry_run and file.exists(path) then assert(file.remove(path)) end
end

--- Sorts records by time, in place; those of one time, and those whose time nobody can read, stay behind the
-- one before them. Times may be written with colons in the date.
---@param records table[]
---@param member string with the time
---@return table[] records
function M.in_time_order(records, member)
    local keys, last, is_sorted = {}, -math.huge, true
    for i, record in ipairs(records) do
        local at = instant(record[member]) or last
        keys[record] = { at, i }
        is_sorted, last = is_sorted and at >= last, at
    end
    if is_sorted then return records end
    table.sort(records, function(a, b)
        local x, y = keys[a], keys[b]
        if x[1] ~= y[1] then return x[1] < y[1] end
        return x[2] < y[2]
    end)
    return records
end

return M
