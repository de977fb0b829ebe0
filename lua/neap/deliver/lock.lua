--- Order per key: the right to have a call with one key under way. Whoever is granted it owns it, waiting
-- or not, so that a cancellation at any moment passes it on.

local event = require "neap.native.event"

local M = {}

--- Keys that are free stay in the table until there are so many: taking each out at once would have it
-- rehashed for every record where as many as a power of two are under way.
local MOST_FREE = 256

---@class neap.Keys the keys of one path
---@field holders table<string, neap.Lock|false> key -> who has it, false: free
---@field free integer

---@class neap.Lock
---@field keys neap.Keys
---@field key string
---@field queue? neap.Lock[] those that wait, of the holder of a key
local Lock = {}
Lock.__index = Lock

function M.keys()
    return { holders = {}, free = 0 }
end

---@param keys neap.Keys
---@param key string
---@return neap.Lock
function M.new(keys, key)
    return setmetatable({ keys = keys, key = key }, Lock)
end

local function sweep(keys)
    local live = {}
    for key, holder in next, keys.holders do
        if holder then live[key] = holder end
    end
    keys.holders, keys.free = live, 0
end

local function give_back(keys, key)
    keys.holders[key], keys.free = false, keys.free + 1
    if keys.free > MOST_FREE then sweep(keys) end
end

--- Takes a lock that is given up out of the line.
local function leave(lock)
    local holder = lock.keys.holders[lock.key]
    for i, other in ipairs(holder and holder.queue or {}) do
        if other == lock then return table.remove(holder.queue, i) end
    end
end

function Lock.__close(lock)
    if lock.keys.holders[lock.key] ~= lock then return leave(lock) end
    local queue = lock.queue
    local following = queue and table.remove(queue, 1)
    if not following then return give_back(lock.keys, lock.key) end
    following.queue = queue
    lock.keys.holders[lock.key] = following
    following.event:signal()
end

---@async
---@param slot neap.Slot parked while it waits
function Lock:acquire(slot)
    local keys, key = self.keys, self.key
    local holder = keys.holders[key]
    if not holder then
        if holder == false then keys.free = keys.free - 1 end
        keys.holders[key] = self
        return
    end
    self.event = event.new()
    holder.queue = holder.queue or {}
    table.insert(holder.queue, self)
    slot:park()
    self.event:wait()
    slot:unpark()
end

return M
