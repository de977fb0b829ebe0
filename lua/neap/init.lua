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
local LAZY = {
    csv = "neap.csv", export = "neap.workflow.export", http = "neap.http", log = "neap.log", loop = "neap.loop",
}

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

--- Makes a directory, with those above it; one that is there is fine. -> its absolute path | nil, err.
-- Waits.
---@async
---@param path string
function M.make_dir(path)
    return require("neap.output").make_dir(path)
end

--- Appends a line to a file that others append to as well. -> true | false: with `once`, it was there | nil, err.
-- Waits; see output.lua.
---@async
---@param path string
---@param text string
---@param opts? { once?: boolean }
function M.append(path, text, opts)
    return require("neap.output").append(path, text, opts)
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

--- Describes whose requests are good, and who may repeat them; see webhook.lua.
---@param spec neap.webhook.Spec
---@return neap.Webhook
function M.webhook(spec)
    return require("neap.webhook").new(spec)
end

--- Describes a script that answers HTTP requests; see handler.lua.
---@return neap.Handler
function M.handler(spec)
    return require("neap.handler").define(spec)
end

--- Gets a setting of the script itself, from the host or NEAP_<NAME>; see setting.lua.
---@async
---@param name string
---@return string|nil
function M.setting(name)
    return require("neap.setting").text(name)
end

--- Gets a secret by the name of a setting or by a reference; it can be used and not seen. See setting.lua.
---@async
---@param name string
---@return userdata|nil
function M.secret(name)
    return require("neap.setting").secret(name)
end

--- Starts a task that outlives its starter, until it ends or the host stops; see background.lua.
---@param fn function
---@return neap.Task
function M.background(fn, ...)
    return require("neap.background").start(fn, ...)
end

--- Runs a workflow, a recipe or a file, as a child task; see flow.lua.
---@async
---@param name string
---@param args? table<string, any>
---@return any result
---@return neap.Error? err
function M.flow(name, args)
    return require("neap.flow").run(name, args)
end

--- Opens an inbox: what is put there is handled once, whatever dies meanwhile; see inbox.lua.
---@param name string
---@param opts? { keep?: number }
---@return neap.Inbox
function M.inbox(name, opts)
    return require("neap.inbox").open(name, opts)
end

--- Opens a vendor outside a workflow; see client.lua.
---@async
---@param name string
---@param settings? table<string, any>
---@return neap.Client
function M.vendor(name, settings)
    return require("neap.client").open(require("neap.registry").load(name), settings)
end

--- What this runtime has counted so far, in the text format of Prometheus; csrc/README.md, "Metrics", has the table.
---@return string
function M.metrics()
    return require("neap.native.meter").text()
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
