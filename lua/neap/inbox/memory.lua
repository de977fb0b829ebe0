--- Inboxes of a process that shares nothing: the methods of a store (csrc/lua/store_inbox.c), with the same
-- behaviour, as long as the process lives. None of them waits.

local clock = require "neap.native.clock"

local M = {}

---@class neap.inbox.Box one inbox
---@field keys table<string, neap.inbox.Row>
---@field queue table<integer, neap.inbox.Row> those that are open, by number
---@field first integer no open one has a smaller number
---@field last integer the last number
---@field count integer of keys
---@field sweep_at integer how many keys there are when those that are over are looked for

---@class neap.inbox.Row
---@field box neap.inbox.Box
---@field number integer? nil: was only seen
---@field key string
---@field is_done boolean
---@field body string? nil: done, or only seen
---@field attempt integer
---@field received_at number Unix seconds
---@field due number when it waits no more
---@field is_taken boolean
---@field again boolean is handled once more
---@field forget_at number? nothing is to be handled; it is known until then

local SWEEP_MIN = 256

local boxes = {}

local function now() return clock.wall_ms() / 1000 end

local function box_of(scope)
    if not boxes[scope] then
        boxes[scope] = { keys = {}, queue = {}, first = 1, last = 0, count = 0, sweep_at = SWEEP_MIN }
    end
    return boxes[scope]
end

local function remove(box, key)
    if box.keys[key] then box.count = box.count - 1 end
    box.keys[key] = nil
end

--- Drops what is over, whenever the keys have doubled.
local function sweep(box)
    local at = now()
    for key, row in pairs(box.keys) do
        if row.forget_at and row.forget_at <= at then remove(box, key) end
    end
    box.sweep_at = math.max(SWEEP_MIN, 2 * box.count)
end

--- Gets the row of a key that is known.
local function find(box, key)
    local row = box.keys[key]
    if row and row.forget_at and row.forget_at <= now() then
        remove(box, key)
        return nil
    end
    return row
end

local function add(box, row)
    if box.count >= box.sweep_at then sweep(box) end
    box.keys[row.key] = row
    box.count = box.count + 1
end

local function add_open(box, key, body)
    box.last = box.last + 1
    local row = {
        box = box, number = box.last, key = key, body = body, attempt = 0, received_at = now(), due = 0,
        is_taken = false, is_done = false, again = false,
    }
    box.queue[row.number] = row
    add(box, row)
end

--- Is it still with who has taken it then?
local function is_held(row, attempt) return row.is_taken and row.attempt == attempt end

---@class neap.inbox.Memory what stands for a store
local Memory = {}

function Memory.inbox_put(_, scope, key, body, again)
    local box = box_of(scope)
    local row = find(box, key)
    if row and again and row.forget_at then
        remove(box, key)
        row = nil
    end
    if not row then
        add_open(box, key, body)
        return true
    end
    if not again or not row.is_taken or row.again then return false end
    row.again, row.body = true, body
    return true
end

function Memory.inbox_seen(_, scope, key, ttl)
    local box = box_of(scope)
    local row = find(box, key)
    if row then return false, row.is_done and "done" or "open" end
    add(box, { key = key, is_done = false, received_at = now(), forget_at = now() + ttl })
    return true
end

function Memory.inbox_keep(_, scope, key, ttl)
    local box = box_of(scope)
    local row = find(box, key)
    if row and not row.forget_at then return false end
    if not row then
        row = { key = key, received_at = now(), forget_at = 0 }
        add(box, row)
    end
    row.is_done, row.forget_at = true, now() + ttl
    return true
end

function Memory.inbox_forget(_, scope, key)
    local box = box_of(scope)
    local row = find(box, key)
    if row and row.forget_at then remove(box, key) end
end

--- The oldest that waits no more; else when the next one will.
local function find_due(box)
    local at, next_due = now(), nil
    for number = box.first, box.last do
        local row = box.queue[number]
        if row and row.due <= at then return row end
        if row and (not next_due or row.due < next_due) then next_due = row.due end
        if not row and number == box.first then box.first = number + 1 end
    end
    return nil, next_due
end

--- `number` is the row here.
function Memory.inbox_take(_, scope, ttl)
    local row, due = find_due(box_of(scope))
    if not row then return false, due end
    row.attempt, row.due, row.is_taken, row.again = row.attempt + 1, now() + ttl, true, false
    return { number = row, attempt = row.attempt, received_at = row.received_at, key = row.key, body = row.body }
end

function Memory.inbox_renew(_, row, attempt, ttl)
    if not is_held(row, attempt) then return false end
    row.due = now() + ttl
    return true
end

function Memory.inbox_release(_, row, attempt, delay)
    if not is_held(row, attempt) then return end
    row.is_taken, row.due = false, now() + delay
end

function Memory.inbox_done(_, row, attempt, keep)
    if not is_held(row, attempt) then return end
    row.is_taken = false
    if row.again then
        row.again, row.attempt, row.due, row.received_at = false, 0, 0, now()
    else
        row.box.queue[row.number] = nil
        row.body, row.is_done, row.forget_at = nil, true, now() + keep
    end
end

--- Gets what stands for a store.
---@return neap.inbox.Memory
function M.store() return Memory end

--- Forgets all; at the end of a run.
function M.clear() boxes = {} end

return M
