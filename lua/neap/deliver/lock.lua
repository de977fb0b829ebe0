--- Order per key: the right to have a call with one key under way. Whoever is granted a key owns it, waiting
-- or not, so that a cancellation at any moment passes it on. Who asks for one is a holder: any table with the field
-- `key`, which may get `queue` and `event`.

local event = require "neap.native.event"

local M = {}

--- Keys that are free stay in the table until there are so many: taking each out at once would have it
-- rehashed for every record where as many as a power of two are under way.
local MOST_FREE = 256

---@class neap.Keys the keys of one path
---@field holders table<string, neap.Holder|false> key -> who has it, false: free
---@field free integer
local Keys = {}
Keys.__index = Keys

---@class neap.Holder
---@field key string
---@field queue? neap.Holder[] those that wait, of the holder of a key
---@field event? userdata what it has waited for

---@return neap.Keys
function M.keys()
    return setmetatable({ holders = {}, free = 0 }, Keys)
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

--- Takes one that gives up out of the line, if it is in it.
local function leave(keys, one)
    local holder = keys.holders[one.key]
    for i, other in ipairs(holder and holder.queue or {}) do
        if other == one then return table.remove(holder.queue, i) end
    end
end

--- Passes the key on, or leaves its line.
---@param one neap.Holder
function Keys:release(one)
    if self.holders[one.key] ~= one then return leave(self, one) end
    local queue = one.queue
    local following = queue and table.remove(queue, 1)
    if not following then return give_back(self, one.key) end
    following.queue = queue
    self.holders[one.key] = following
    following.event:signal()
end

--- Waits for the key. Records get their turn in the order in which they asked, that of the source.
---@async
---@param one neap.Holder
---@param slot neap.Slot parked while it waits
function Keys:acquire(one, slot)
    local key = one.key
    local holder = self.holders[key]
    if not holder then
        if holder == false then self.free = self.free - 1 end
        self.holders[key] = one
        return
    end
    one.event = event.new()
    holder.queue = holder.queue or {}
    table.insert(holder.queue, one)
    slot:park()
    one.event:wait()
    slot:unpark()
end

return M
