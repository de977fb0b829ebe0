--- Tasks that outlive what started them, such as work that a request has asked for: they end by themselves, or when
--- the host stops.

local errors = require "neap.error"
local log = require "neap.native.log"
local task = require "neap.native.task"

local next = next -- scripts may spoil the global

local M = {}

local started = setmetatable({}, { __mode = "k" }) -- tasks, as keys, until they have ended and are collected

local function run(fn, ...)
    local results = table.pack(xpcall(fn, function(raised)
        return { err = errors.from(raised), trace = debug.traceback(nil, 2) }
    end, ...))
    if results[1] then return end
    local problem = results[2]
    log.write("error", "background task failed", { error = tostring(problem.err), traceback = problem.trace })
end

--- Starts fn(...) as a task of its own. An error in it is logged.
---@param fn function
---@return neap.Task
function M.start(fn, ...)
    if type(fn) ~= "function" then errors.misuse("neap.background: a function expected, got a %s", type(fn)) end
    if M.draining then errors.raise("cancelled", "neap.background: the host is stopping") end
    local background = task.detach(run, fn, ...)
    started[background] = true
    return background
end

--- Cancels all of them, and refuses new ones.
function M.drain()
    M.draining = true
    for one in next, started do one:cancel() end -- nothing is added meanwhile, and this needs no memory
end

return M
