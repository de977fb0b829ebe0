--- The slot of one record of a delivery: whether it holds a place, is on the wire, waits for its key's
-- turn. The call pipeline reports to it; the delivery reads it when it has to end early.

local event = require "neap.native.event"

local M = {}

---@class neap.Slot
---@field delivery neap.Delivery
---@field record table
---@field line? integer
---@field task neap.Task
---@field has_place boolean false while it is parked: waits for a retry, a gate, or its key's turn
---@field on_wire integer sends without an answer yet
---@field ambiguous boolean the last failure may have taken effect
---@field flowcall? userdata the call that was last sent, for its attempts
---@field stopping boolean no more retries
local Slot = {}
Slot.__index = Slot

--- A slot of a task that a record's task started: it counts sends, but places are the record's.
local Child = setmetatable({}, { __index = Slot })
Child.__index = function(child, name)
    local own = rawget(Child, name)
    if own ~= nil then return own end
    return child.parent[name]
end

function Child.park() end

function Child.unpark() end

function Child:sending(flowcall) self.parent:sending(flowcall) end

function Child:answered() self.parent:answered() end

function Child:failed(ambiguous) self.parent:failed(ambiguous) end

function Child:child() return self end

function M.new(delivery, record, line)
    return setmetatable({
        delivery = delivery, record = record, line = line, has_place = true, on_wire = 0,
        ambiguous = false, stopping = false,
    }, Slot)
end

function Slot:child()
    return setmetatable({ parent = self }, Child)
end

--- Gives the place back for the time of a long wait; unpark waits for one again.
function Slot:park()
    self.delivery:park(self)
end

---@async
function Slot:unpark()
    self.delivery:unpark(self)
end

function Slot:sending(flowcall)
    self.flowcall, self.on_wire = flowcall, self.on_wire + 1
    self.sent = true
end

function Slot:answered()
    self.on_wire = self.on_wire - 1
    self.ambiguous = false
end

function Slot:failed(ambiguous)
    self.ambiguous = ambiguous
    if self.flowcall and self.flowcall:sends() > 1 then self.retried = true end
end

--- The right to have a call with one key under way. Whoever is granted it owns it, waiting or not, so
-- that a cancellation at any moment passes it on.
local Lock = {}
Lock.__index = Lock

function Lock.__close(lock)
    local queue = lock.keys[lock.key]
    if not lock.granted then
        for i, other in ipairs(queue) do
            if other == lock then return table.remove(queue, i) end
        end
    end
    local following = table.remove(queue, 1)
    if not following then
        lock.keys[lock.key] = nil
        return
    end
    following.granted = true
    following.event:signal()
end

local function keys_of(delivery, endpoint, client)
    local scope = delivery.locks[client] or {}
    delivery.locks[client] = scope
    local keys = scope[endpoint.group] or {}
    scope[endpoint.group] = keys
    return keys
end

--- Makes the lock of a key; `lock:acquire(slot)` waits for it, closing it passes it on. Records get
-- their turn in the order in which they asked, that of the source.
---@param endpoint neap.Endpoint
---@param client neap.Client
---@param key any
function Slot:lock(endpoint, client, key)
    return setmetatable({
        keys = keys_of(self.delivery, endpoint, client), key = tostring(key), granted = false,
    }, Lock)
end

---@async
---@param slot neap.Slot
function Lock:acquire(slot)
    local queue = self.keys[self.key]
    if not queue then
        self.keys[self.key] = {}
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
