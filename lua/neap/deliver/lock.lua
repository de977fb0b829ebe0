--- Order per key: the right to have a call with one key under way. Whoever is granted it owns it, waiting
-- or not, so that a cancellation at any moment passes it on.

local event = require "neap.native.event"

local M = {}

--- Keys that are free stay in the table until there are so many: taking each out at once would have it
-- rehashed for every record where as many as a power of two are under way.
local MOST_FREE = 256

---@class neap.Keys the keys of one path
---@field queues table<string, neap.Lock[]|false> key -> waiting locks, false: free
---@field free integer
local Keys = {}
Keys.__index = Keys

---@class neap.Lock
---@field keys neap.Keys
---@field key string
---@field granted boolean
local Lock = {}
Lock.__index = Lock

function M.keys()
    return setmetatable({ queues = {}, free = 0 }, Keys)
end

function Keys:lock(key)
    return setmetatable({ keys = self, key = key, granted = false }, Lock)
end

local function sweep(keys)
    local live = {}
    for key, queue in next, keys.queues do
        if queue then live[key] = queue end
    end
    keys.queues, keys.free = live, 0
end

local function take(keys, key)
    if keys.queues[key] == false then keys.free = keys.free - 1 end
    keys.queues[key] = {}
end

local function give_back(keys, key)
    keys.queues[key], keys.free = false, keys.free + 1
    if keys.free > MOST_FREE then sweep(keys) end
end

function Lock.__close(lock)
    local queue = lock.keys.queues[lock.key]
    if not lock.granted then
        for i, other in ipairs(queue or {}) do
            if other == lock then return table.remove(queue, i) end
        end
        return
    end
    local following = table.remove(queue, 1)
    if not following then return give_back(lock.keys, lock.key) end
    following.granted = true
    following.event:signal()
end

---@async
---@param slot neap.Slot parked while it waits
function Lock:acquire(slot)
    local queue = self.keys.queues[self.key]
    if not queue then
        take(self.keys, self.key)
        self.granted = true
        return
    end
    self.event = event.new()
    queue[#queue + 1] = self
    slot:park()
    self.event:wait()
    slot:unpark()
end

return M
