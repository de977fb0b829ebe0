--- Values that belong to a task: `deliver` hangs a record's slot on the task that works on it.

local task = require "neap.native.task"

local M = {}

local stores = setmetatable({}, { __mode = "k" })

--- Gets the running task's value; nil outside a task or when unset.
---@param name string
function M.get(name)
    local store = stores[task.current()]
    return store and store[name]
end

--- Sets a value of a task.
---@param owner neap.Task
---@param name string
function M.set(owner, name, value)
    local store = stores[owner]
    if not store then
        store = {}
        stores[owner] = store
    end
    store[name] = value
end

return M
