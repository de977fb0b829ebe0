--- The script's `coroutine` table: as Lua's own, but a wait inside a coroutine of the script waits for
-- the whole task instead of being taken for a yielded value (FEASIBILITY.md 4). Where the globals are
-- not Neap's, under a stock interpreter, it is `neap.coroutine`; a wait in a coroutine that Lua's own
-- functions run is refused there.

local task = require "neap.native.task"

local sentinel, passing = task.sentinel, task.passing

local M = {}
for name, fn in pairs(coroutine) do M[name] = fn end
M.running = task.running

local resume, yield, status, close = task.resume, coroutine.yield, coroutine.status, coroutine.close

--- Closes a coroutine whose task ends while it waits: its <close> variables run as the task's do.
local Waiting = {
    __close = function(waiting)
        if not waiting.co then return end
        local ok, err = close(waiting.co)
        if not ok then error(err, 0) end
    end,
}

local function pass_waits(co, ok, first, ...)
    if not (ok and first == sentinel and status(co) == "suspended") then
        passing[co] = nil
        return ok, first, ...
    end
    do
        local waiting <close> = setmetatable({ co = co }, Waiting)
        task.check_can_wait() -- we may be in a coroutine ourselves
        yield(sentinel)
        waiting.co = nil
    end
    return pass_waits(co, resume(co))
end

--- As coroutine.resume; waits pass through to the task.
function M.resume(co, ...)
    if type(co) == "thread" then passing[co] = true end
    return pass_waits(co, resume(co, ...))
end

local function unwrap(co, ok, ...)
    if ok then return ... end
    local err = ...
    if status(co) == "dead" then close(co) end
    if type(err) == "string" and err ~= "not enough memory" then error(err, 2) end
    error(err, 0)
end

--- As coroutine.wrap; waits pass through to the task.
function M.wrap(fn)
    local co = coroutine.create(fn)
    return function(...)
        return unwrap(co, M.resume(co, ...))
    end
end

return M
