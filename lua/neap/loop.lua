--- neap.loop: Neap in the event loop of a host that is a Lua program itself, such as one on luv.
--
-- The host polls one descriptor and dispatches when it is readable; nothing here blocks:
--
--     local poll = uv.new_poll(neap.loop.fd())
--     poll:start("r", function()
--         neap.loop.dispatch()
--         if neap.loop.live() == 0 then poll:stop() end
--     end)
--     neap.loop.start(function() return neap.vendor "opm":ping {} end, print)
--
-- A program without an event loop uses neap.run.

local errors = require "neap.error"
local log = require "neap.log"
local native = require "neap.native.loop"
local task = require "neap.native.task"

local M = {}

--- A descriptor that turns readable when there is work: constant, and only to be polled.
---@return integer
M.fd = native.fd

--- Tasks that have not ended; a host's loop may end at 0.
---@return integer
M.live = native.live

--- Seconds until there is work, for loops that cannot poll a descriptor; nil: nothing is going on but what the
-- descriptor tells.
---@return number|nil
function M.timeout()
    local ms = native.timeout_ms()
    return ms >= 0 and ms / 1000 or nil
end

--- Does what is due; never blocks. Raises in tasks, and in the on_done of one.
function M.dispatch()
    if native.is_dispatching() then
        error("neap.loop.dispatch inside a task: it is what runs the task; to wait, call neap.sleep", 2)
    end
    native.dispatch()
end

--- A failure that nobody asked for is told where a human looks.
local function log_failure(ok, raised)
    if ok or errors.is(raised) and raised.kind == "cancelled" then return end
    log.error("a task failed", { error = tostring(raised) })
end

--- on_done that cannot raise.
local function guarded(on_done)
    return function(...)
        local ok, raised = xpcall(on_done, debug.traceback, ...)
        if not ok then log.error("the on_done of a task failed", { error = tostring(raised) }) end
    end
end

--- Starts a function as a task; it first runs in the next dispatch. Raises in a task: there it is neap.spawn.
---@param fn function
---@param on_done? fun(ok: boolean, ...) gets, once, what pcall(fn) would have returned; when the task was cancelled,
--- false and an error of kind `cancelled`. It runs outside of tasks and cannot wait. Without it a failure is logged.
---@return neap.Task
function M.start(fn, on_done)
    if task.current() then error("neap.loop.start inside a task: call neap.spawn", 2) end
    if type(fn) ~= "function" then
        errors.misuse("neap.loop.start: a function expected, got a %s", type(fn))
    elseif on_done ~= nil and type(on_done) ~= "function" then
        errors.misuse("neap.loop.start: on_done: a function expected, got a %s", type(on_done))
    end
    return native.start(fn, guarded(on_done or log_failure))
end

return M
