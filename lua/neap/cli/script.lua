--- Running a script from the command line: what it finds in place of Lua's own, and the task it runs in.

local progress = require "neap.progress"
local task = require "neap.native.task"

local M = {}

--- From now on, waits pass through the script's own coroutines, and what it prints stays clear of the progress bar.
function M.prepare()
    local wrapped = require "neap.coroutine"
    rawset(_G, "coroutine", wrapped)
    package.loaded.coroutine = wrapped
    rawset(_G, "print", progress.around(print))
end

--- Runs a function as a task, so that what it started has ended when it has. Returns what it returns; raises what
--- it raises, and keeps the traceback in M.traceback.
---@async
---@param fn function
function M.run(fn, ...)
    local running = task.spawn(fn, ...)
    local results = table.pack(pcall(running.await, running))
    if not results[1] then
        M.traceback = running:traceback()
        error(results[2], 0)
    end
    return table.unpack(results, 2, results.n)
end

return M
