--- Structured concurrency: what is started inside a call ends before the call returns.

local clock = require "neap.native.clock"
local errors = require "neap.error"
local event = require "neap.native.event"
local suggest = require "neap.suggest"
local task = require "neap.native.task"

local M = {}

local DEFAULT_CONCURRENCY = 16

--- Starts fn as a child of the running task. The child ends before its parent does; a failure that
-- nobody awaited becomes the parent's.
---@param fn function
---@return neap.Task
function M.spawn(fn, ...)
    local slot = task.attached() -- of the record that a delivery works on
    local child = task.spawn(fn, ...)
    if slot then task.attach(child, slot:child()) end
    return child
end

--- Waits without blocking. Raises outside a task.
---@async
---@param seconds number
M.sleep = clock.sleep

--- Gives an iterator's items to many workers: one asks it at a time, since it may wait, and nobody
-- asks it again after its end.
local function shared_iterator(pull)
    local busy, over, free = false, false, event.new()
    return function()
        while busy do free:wait() end
        if over then return nil end
        busy = true
        local item = pull()
        busy, over = false, item == nil
        free:signal()
        return item
    end
end

local function next_item(items)
    if type(items) == "function" then return shared_iterator(items) end
    local i = 0
    return function()
        i = i + 1
        return items[i]
    end
end

--- Starts `count` workers and waits for all; the first failure cancels the others and is raised.
local function run_workers(count, work)
    local live = {}
    for i = 1, count do live[i] = M.spawn(work) end
    while #live > 0 do
        local worker = table.remove(live, task.first(live))
        local ok, raised = pcall(worker.await, worker)
        if not ok then
            for _, other in ipairs(live) do other:cancel() end
            for _, other in ipairs(live) do pcall(other.await, other) end
            error(raised, 0)
        end
    end
end

--- Refuses a table of options with a name that is not one.
local function check_names(who, opts, names)
    if type(opts) ~= "table" then errors.misuse("%s: options expected, got a %s", who, type(opts)) end
    for name in pairs(opts) do
        local known = false
        for _, candidate in ipairs(names) do known = known or candidate == name end
        if not known then
            local hint = suggest.hint(tostring(name), names)
            errors.misuse('%s: no option "%s"%s', who, tostring(name), hint and "; " .. hint or "")
        end
    end
end

local function check_function(who, fn)
    if type(fn) ~= "function" and not (getmetatable(fn) or {}).__call then
        errors.misuse("%s: a function expected, got a %s", who, type(fn))
    end
end

local function check_seconds(who, what, value)
    if type(value) ~= "number" then
        errors.misuse("%s: %sa number of seconds expected, got a %s", who, what, type(value))
    elseif value ~= value or value < 0 then
        errors.misuse("%s: %sa number of seconds from 0 expected, got %s", who, what, tostring(value))
    end
end

local function map_concurrency(items, opts, fn)
    check_names("neap.map", opts, { "concurrency" })
    check_function("neap.map", fn)
    if type(items) ~= "table" and type(items) ~= "function" then
        errors.misuse("neap.map: a list or an iterator expected, got a %s", type(items))
    end
    local count = opts.concurrency or DEFAULT_CONCURRENCY
    if math.type(count) ~= "integer" or count < 1 then
        errors.misuse("neap.map: concurrency must be an integer from 1, got %s", tostring(count))
    end
    return count
end

--- Calls fn(item, index) for each item, at most `concurrency` at once (default 16).
---@async
---@param items any[]|fun():any a list, or an iterator of which the first value is the item
---@param opts? { concurrency?: integer } may be left out: neap.map(items, fn)
---@param fn fun(item: any, index: integer): any
---@return any[] results by index, false where fn returned nil
---@return table<integer, any>|nil errors what fn returned second, by index; nil when there was none
function M.map(items, opts, fn)
    if fn == nil and type(opts) == "function" then opts, fn = {}, opts end
    local count = map_concurrency(items, opts or {}, fn)
    local results, errs = {}, nil
    local pull, index = next_item(items), 0
    local function worker()
        while true do
            local item = pull()
            if item == nil then return end
            index = index + 1
            local i = index
            local value, err = fn(item, i)
            results[i] = value ~= nil and value
            if value == nil and err ~= nil then
                errs = errs or {}
                errs[i] = err
            end
        end
    end
    if type(items) == "table" then count = math.min(count, #items) end
    run_workers(count, worker)
    return results, errs
end

--- Runs fn as a child for at most that long; then it is cancelled and the result is `nil, err` of
-- kind `timeout`. Otherwise returns what fn returned, raises what it raised.
---@async
---@param seconds number
---@param fn function
function M.deadline(seconds, fn, ...)
    check_seconds("neap.deadline", "", seconds)
    check_function("neap.deadline", fn)
    local expired = false
    local child = M.spawn(fn, ...)
    local timer = task.spawn(function()
        clock.sleep(seconds)
        expired = true
        child:cancel()
    end)
    local results = table.pack(pcall(child.await, child))
    timer:cancel()
    if expired and child:status() == "cancelled" then
        return errors.fail("timeout", "not done within %g s", seconds)
    end
    if not results[1] then error(results[2], 0) end
    return table.unpack(results, 2, results.n)
end

--- Asks again and again until there is an answer: fn returns a value (the result), false (ask again
-- after `every` seconds) or nil, err. After `total` seconds: nil, err of kind `timeout`.
---@async
---@param opts { every: number, total: number }
---@param fn fun(): any
function M.poll(opts, fn)
    check_names("neap.poll", opts, { "every", "total" })
    for _, name in ipairs { "total", "every" } do
        if opts[name] == nil then errors.misuse("neap.poll: %s is required", name) end
        check_seconds("neap.poll", name .. ": ", opts[name])
    end
    check_function("neap.poll", fn)
    local deadline = clock.now() + opts.total
    while true do
        local value, err = fn()
        if value then return value end
        if value == nil then return nil, err or errors.new { kind = "bug", message = "neap.poll: fn returned nil" } end
        if clock.now() + opts.every > deadline then
            return errors.fail("timeout", "no result within %g s", opts.total)
        end
        clock.sleep(opts.every)
    end
end

--- Calls fn and turns a raised error object back into `nil, err`; other errors stay raised.
function M.try(fn, ...)
    local results = table.pack(pcall(fn, ...))
    if results[1] then return table.unpack(results, 2, results.n) end
    if errors.is(results[2]) then return nil, results[2] end
    error(results[2], 0)
end

return M
