--- The library as scripts see it: the global `neap`, and what `require "neap"` returns.

local clock = require "neap.native.clock"
local concurrency = require "neap.concurrency"
local errors = require "neap.error"
local json = require "neap.native.json"
local task = require "neap.native.task"

local M = {
    spawn = concurrency.spawn, sleep = concurrency.sleep, map = concurrency.map,
    deadline = concurrency.deadline, try = concurrency.try, poll = concurrency.poll,
    json = json, null = json.null, error = errors,
    coroutine = require "neap.coroutine",
}

--- Modules that a script may never use are loaded when it does.
local LAZY = { csv = "neap.csv", export = "neap.workflow.export", http = "neap.http", log = "neap.log" }

setmetatable(M, {
    __index = function(_, name)
        local module = LAZY[name]
        if not module then return nil end
        local loaded = require(module)
        M[name] = loaded
        return loaded
    end,
})

--- Iterates over the records of a file; see records.lua.
---@async
function M.records(path, shape, opts)
    return require("neap.records").open(path, shape, opts)
end

--- Saves what a URL serves to a file, whole or not at all; see download.lua.
---@async
function M.download(url, path)
    return require("neap.download").save(url, path)
end

--- Could a file be saved there? To be asked before long work; see output.lua.
---@async
---@param path string
---@return boolean|nil
---@return neap.Error? err
function M.can_save(path)
    return require("neap.output").check(path)
end

--- Makes a directory, with those above it; one that is there is fine. -> true | nil, err. Waits.
---@async
---@param path string
function M.make_dir(path)
    return require("neap.output").make_dir(path)
end

--- Describes a workflow; see workflow.lua.
function M.workflow(spec)
    return require("neap.workflow").define(spec)
end

--- A workflow that sends a file to an endpoint, a call per record; see workflow/import.lua.
function M.import(spec)
    return require("neap.workflow.import").define(spec)
end

--- A workflow that orders a report, waits for it and saves it; see workflow/report.lua.
function M.report(spec)
    return require("neap.workflow.report").define(spec)
end

--- Makes a map of a table or a file: what becomes of a record; see mapping.lua.
---@param spec table|string
---@param sides? { from: string?, to: string? }
---@return neap.Mapping
function M.mapping(spec, sides)
    return require("neap.mapping").new(spec, sides)
end

--- Opens a vendor outside a workflow; see client.lua.
---@async
---@param name string
---@param settings? table<string, any>
---@return neap.Client
function M.vendor(name, settings)
    return require("neap.client").open(require("neap.registry").load(name), settings)
end

--- Versions of Neap and everything linked.
---@return table<string, string>
function M.version()
    return require "neap.native.version"()
end

--- Seconds on the runtime's monotonic clock.
M.now = clock.now

--- A day of the runtime's calendar, in the time zone of this machine, as YYYY-MM-DD.
---@param offset? integer days from today; -1 is yesterday
---@return string
function M.day(offset)
    local today = os.date("*t", clock.wall_ms() // 1000)
    return os.date("%Y-%m-%d", os.time { year = today.year, month = today.month, day = today.day + (offset or 0),
        hour = 12 }) --[[@as string]]
end

local function finish(virtual, ok, ...)
    if virtual then
        require("neap.account").forget() -- their limits hold times of that clock
        clock.set_real()
    end
    if not ok then error((...), 0) end
    return ...
end

--- Runs fn as a task and everything it starts, until all has ended: the top level of a stock
-- interpreter. Returns what fn returns, raises what it raises. Not from inside a task.
---@param fn function
---@param opts? { clock?: "real"|"virtual", seed?: integer }
function M.run(fn, opts)
    opts = opts or {}
    if task.current() then error("neap.run inside a task: call the function itself", 2) end
    local virtual = opts.clock == "virtual"
    if virtual then clock.set_virtual(require("neap.runtime").EPOCH_MS) end
    if opts.seed then clock.seed(opts.seed) end
    return finish(virtual, pcall(task.run, fn))
end

return M
