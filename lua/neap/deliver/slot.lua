--- The slot of one record of a delivery: whether it holds a place, is on the wire, waits for its key's
-- turn. The call pipeline reports to it; the delivery reads it when it has to end early.

local clock = require "neap.native.clock"
local lock = require "neap.deliver.lock"

local M = {}

--- What the call pipeline tells a record, a child of its task, or a batch (batch.lua).
---@class neap.Slot
---@field delivery neap.Delivery
---@field record table
---@field line? integer
---@field task neap.Task
---@field has_place boolean false while it is parked: waits for a retry, a gate, or its key's turn
---@field on_wire integer sends under way
---@field unanswered integer writes under way, or given up without an answer
---@field sent boolean something has left
---@field effect boolean an earlier call has written, or may have
---@field ambiguous boolean an earlier send of the present call may have taken effect
---@field flowcall? userdata the call that was last sent, for its attempts
---@field retried boolean one of its calls was sent more than once
---@field stopping boolean no more retries
local Slot = {
    on_wire = 0, unanswered = 0, sent = false, effect = false, ambiguous = false, retried = false, stopping = false,
}
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

function Child:sending(flowcall, write) return self.parent:sending(flowcall, write) end

function Child:answered(write) self.parent:answered(write) end

function Child:settled(ambiguous) self.parent:settled(ambiguous) end

function Child:succeeded(write) self.parent:succeeded(write) end

function Child:child() return self end

function M.new(delivery, record, line)
    return setmetatable({ delivery = delivery, record = record, line = line, has_place = true }, Slot)
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

--- A call is about to be sent. Returns what is closed when the send is over, however it ends.
function Slot:sending(flowcall, write)
    local _, left = flowcall:sends()
    if left > 0 then
        self.retried = true
    else
        self.effect, self.ambiguous = self.effect or self.ambiguous, false
    end
    self.flowcall, self.on_wire, self.sent = flowcall, self.on_wire + 1, true
    if write then self.unanswered = self.unanswered + 1 end
    return self
end

function Slot.__close(slot)
    slot.on_wire = slot.on_wire - 1
end

--- The send has come back, with an answer or a failure; a cancelled one never does.
function Slot:answered(write)
    if write then self.unanswered = self.unanswered - 1 end
end

--- What came back was no success. `ambiguous`: the call may have taken effect all the same.
function Slot:settled(ambiguous)
    self.ambiguous = ambiguous
end

function Slot:succeeded(write)
    self.effect, self.ambiguous = self.effect or write, false
end

--- An answer that says the vendor is down: for the display. The probe is sent `wait` after its last one.
function Slot:met_outage(gate, status, wait)
    local delivery, now = self.delivery, clock.now()
    local down = delivery.down
    if gate:state() == "open" or down and down.gate == gate and down.next and now < down.next then return end
    delivery.down = { gate = gate, status = status, next = wait and now + wait }
end

--- What is known of the record's fate where no error of a call says it.
---@return neap.Outcome
function Slot:outcome()
    if self.unanswered > 0 or self.ambiguous or self.effect then return "unknown" end
    return self.sent and "rejected" or "not_sent"
end

--- The error of a call that the end of the delivery keeps from being sent.
function Slot:stopped_error()
    return self.delivery:ended_error()
end

--- Makes the lock of a key; `lock:acquire(slot)` waits for it, closing it passes it on. Records get
-- their turn in the order in which they asked, that of the source.
---@param endpoint neap.Endpoint
---@param client neap.Client
---@param key any
function Slot:lock(endpoint, client, key)
    local scopes = self.delivery.locks
    local scope = scopes[client]
    local keys = scope and scope[endpoint.group]
    if not keys then
        scopes[client] = scope or {}
        keys = lock.keys()
        scopes[client][endpoint.group] = keys
    end
    if type(key) ~= "string" then key = type(key) == "number" and key .. "" or tostring(key) end
    return lock.new(keys, key)
end

--- Slots in the order in which they were added. A table with slots for keys would be rehashed for every
-- record where as many as a power of two are under way.
local List = {}
List.__index = List

function List:add(slot)
    local last = self.last
    slot.before, slot.is_running = last, true
    if last then last.after = slot else self.first = slot end
    self.last, self.count = slot, self.count + 1
end

function List:remove(slot)
    local before, after = slot.before, slot.after
    if before then before.after = after else self.first = after end
    if after then after.before = before else self.last = before end
    slot.before, slot.after, slot.is_running = nil, nil, false
    self.count = self.count - 1
end

--- Iterates; what is removed meanwhile must not be the next one.
function List:each()
    return function(list, slot)
        if slot then return slot.after end
        return list.first
    end, self
end

function M.list()
    return setmetatable({ count = 0 }, List)
end

return M
