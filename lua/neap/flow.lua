--- neap.flow: a workflow that another script runs: found, checked and run as by `neap run`, with nothing of what the
-- command line would say: what it prints goes to the log.

local errors = require "neap.error"
local log = require "neap.log"
local runtime = require "neap.runtime"
local schema = require "neap.schema"
local scripts = require "neap.scripts"
local task = require "neap.native.task"
local workflow = require "neap.workflow"

local M = {}

--- A relative path begins at the folder of the script that was started.
local function locate(name)
    local dir = runtime.options.script_dir
    if not scripts.is_path(name) or name:find "^/" or not dir then return name end
    return ("%s/%s"):format(dir, (name:gsub("^%./", "")))
end

--- What the script sees: the globals of its host, with waits that pass through its coroutines, and a `print` that
-- leaves the standard output alone.
local function environment()
    local own = { neap = require "neap", coroutine = require "neap.coroutine" }
    function own.print(...)
        local words = table.pack(...)
        for i = 1, words.n do words[i] = tostring(words[i]) end
        log.info(table.concat(words, " "))
    end
    return setmetatable(own, { __index = _G })
end

local function check_args(flow, args, name)
    local values, faults = flow.schema:check(args)
    if values then return values end
    error(errors.new {
        kind = "invalid", faults = faults,
        message = (name and name .. ": " or "") .. schema.format_faults(faults),
    }, 0)
end

--- Runs a workflow with args that are checked first. Raises what is wrong with them; returns what its `run` does.
---@async
---@param flow table
---@param args table<string, any>?
---@param name string? for the message
function M.start(flow, args, name)
    if args ~= nil and type(args) ~= "table" then
        errors.raise("invalid", "args: an object expected, got a %s", type(args))
    end
    return flow:start(check_args(flow, args or {}, name))
end

local function start(name, args)
    local script = scripts.find(locate(name))
    local ok, flow = pcall(scripts.load(script, environment()))
    if ok and not workflow.is_workflow(flow) then
        errors.raise("invalid", "%s returns no workflow", name)
    end
    if not ok then error(scripts.located(script, flow), 0) end
    return M.start(flow, args, name)
end

--- Tells how it ended. What a delivery in it has left is its own, not of the script that runs it.
local function finish(name, before, ok, value, err)
    local summary = runtime.last_summary
    runtime.last_summary = before
    if summary and summary ~= before then
        log.info("delivered", { flow = name, total = summary.total, ok = summary.ok, failed = summary.failed,
            unknown = summary.unknown })
    end
    if not ok and not errors.is(value) then error(value, 0) end
    if not ok then return nil, value end
    return value, err
end

--- Runs a workflow as a child task. Returns what its `run` returns (the summary of a delivery, if it is that);
-- nil, err where it fails, where there is none of that name (kind `invalid`), and for args that are refused.
---@async
---@param name string a recipe ("optimove/daily-campaigns"), or the path of a file, relative to the script's folder
---@param args? table<string, any> by their names, as values or as texts of the command line ("10m")
---@return any result
---@return neap.Error? err
function M.run(name, args)
    if type(name) ~= "string" then errors.misuse("neap.flow: name: a text expected, got a %s", type(name)) end
    if args ~= nil and type(args) ~= "table" then
        errors.misuse("neap.flow: args: a table expected, got a %s", type(args))
    end
    local before, running = runtime.last_summary, task.spawn(start, name, args or {})
    return finish(name, before, pcall(running.await, running))
end

return M
