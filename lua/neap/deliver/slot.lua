--- The slot of one record of a delivery: whether it holds a place, is on the wire, waits for its key's
-- turn. The call pipeline reports to it; the delivery reads it when it has to end early.

local clock = require "neap.native.clock"
local lock = require "neap.deliver.lock"

local M = {}

--- What the call pipeline tells a record, a child of its task, or a batch (batch.lua). Many may wait for hours: eight
-- fields are as many as a table has room for before it doubles.
---@class neap.Slot
---@field delivery neap.Delivery of the class
---@field stopping boolean of the class: no more retries
---@field record table
---@field line? integer
---@field task neap.Task
---@field place boolean|userdata true: it holds one; false: it is parked, it waits for a retry, a gate, its turn, or
-- for a place; a waiter (csrc/lua/flow_places.c): for a place, apart from any call. nil: it has left the delivery
---@field flowcall? userdata the call that was last sent, for its attempts
---@field fate integer counts and flags, see below
---@field before? neap.Slot in the list of those under way
---@field after? neap.Slot
local Slot = {}

-- Of `fate`.
local ON_WIRE = 1                 -- a count: sends under way
local UNANSWERED = 1 << 16        -- a count: writes under way, or given up without an answer
local SENT = 1 << 32              -- something has left
local EFFECT = 1 << 33            -- an earlier call has written, or may have
local AMBIGUOUS = 1 << 34         -- an earlier send of the present call may have taken effect
local RETRIED = 1 << 35           -- one of its calls was sent more than once
local ON_WIRE_MASK = UNANSWERED - ON_WIRE
local DOUBT_MASK = SENT - UNANSWERED | EFFECT | AMBIGUOUS

--- A slot of a task that a record's task started: it counts sends, but places are the record's.
local Child = setmetatable({}, { __index = Slot })
Child.__index = function(child, name)
    local own = rawget(Child, name)
    if own ~= nil then return own end
    return child.parent[name]
end

function Child.park() end

function Child.unpark() end

function Child.lacks_place() return false end

function Child.return_with() return false end

function Child:sending(flowcall, write) return self.parent:sending(flowcall, write) end

function Child:answered(write) self.parent:answered(write) end

function Child:settled(ambiguous) self.parent:settled(ambiguous) end

function Child:succeeded(write) self.parent:succeeded(write) end

function Child:repeated() self.parent:repeated() end

function Child:child() return self end

--- The class of the slots of a delivery.
---@param delivery neap.Delivery
function M.class(delivery)
    local fields = { delivery = delivery, stopping = false }
    for name, value in pairs(Slot) do fields[name] = value end
    return { __index = fields, __close = Slot.__close }
end

--- Makes the slot of a record, which holds a place.
function M.new(class, record, line)
    return setmetatable({
        record = record, line = line, place = true, fate = 0, task = nil, flowcall = nil, before = nil, after = nil,
    }, class)
end

--- Nothing of a delivery is sent again.
function M.stop(class)
    class.__index.stopping = true
end

function Slot:child()
    return setmetatable({ parent = self }, Child)
end

--- Gives the place back for the time of a long wait; unpark waits for one again.
---@return userdata|nil places where else a call may wait for one, see return_with
function Slot:park()
    return self.delivery:park(self)
end

function Slot:lacks_place() return self.place == false end

--- Takes over the place that a call has got while it waited. -> false: it got none
---@async
---@param flowcall userdata
---@return boolean
function Slot:return_with(flowcall)
    if not flowcall:take_place() then return false end
    self.delivery:has_place(self)
    return true
end

---@async
function Slot:unpark()
    self.delivery:unpark(self)
end

--- The record's function is over.
function Slot:settle(ok, value, err)
    self.delivery:settle(self, ok, value, err)
end

--- A call is about to be sent. Returns what is closed when the send is over, however it ends.
function Slot:sending(flowcall, write)
    local _, left = flowcall:sends()
    local fate = self.fate | SENT
    if left > 0 then
        fate = fate | RETRIED
    elseif fate & AMBIGUOUS ~= 0 then
        fate = fate & ~AMBIGUOUS | EFFECT
    end
    self.flowcall, self.fate = flowcall, fate + (write and ON_WIRE + UNANSWERED or ON_WIRE)
    return self
end

function Slot.__close(slot)
    slot.fate = slot.fate - ON_WIRE
end

--- The send has come back, with an answer or a failure; a cancelled one never does.
function Slot:answered(write)
    if write then self.fate = self.fate - UNANSWERED end
end

--- What came back was no success. `ambiguous`: the call may have taken effect all the same.
function Slot:settled(ambiguous)
    self.fate = ambiguous and self.fate | AMBIGUOUS or self.fate & ~AMBIGUOUS
end

function Slot:succeeded(write)
    local fate = self.fate & ~AMBIGUOUS
    self.fate = write and fate | EFFECT or fate
end

--- Its call is sent again, in another way.
function Slot:repeated()
    self.fate = self.fate | RETRIED
end

---@return boolean
function Slot:is_on_wire() return self.fate & ON_WIRE_MASK ~= 0 end

---@return boolean
function Slot:is_sent() return self.fate & SENT ~= 0 end

---@return boolean
function Slot:is_retried() return self.fate & RETRIED ~= 0 end

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
    if self.fate & DOUBT_MASK ~= 0 then return "unknown" end
    return self:is_sent() and "rejected" or "not_sent"
end

--- The error of a call that the end of the delivery keeps from being sent.
function Slot:stopped_error()
    return self.delivery:ended_error()
end

--- The keys of an endpoint's records, of which no two may be under way (lock.lua).
---@param endpoint neap.Endpoint
---@param client neap.Client
---@return neap.Keys
function Slot:keys(endpoint, client)
    local scopes = self.delivery.locks
    local scope = scopes[client]
    if not scope then
        scope = {}
        scopes[client] = scope
    end
    local keys = scope[endpoint.group]
    if not keys then
        keys = lock.keys()
        scope[endpoint.group] = keys
    end
    return keys
end

--- Slots in the order in which they were added: a ring through the list itself. A table with slots for keys would be
-- rehashed for every record where as many as a power of two are under way.
local List = {}
List.__index = List

function List:add(slot)
    local last = self.before
    slot.before, slot.after = last, self
    last.after, self.before, self.count = slot, slot, self.count + 1
end

function List:remove(slot)
    local before, after = slot.before, slot.after
    before.after, after.before = after, before
    slot.before, slot.after = nil, nil
    self.count = self.count - 1
end

--- Iterates; what is removed meanwhile must not be the next one.
function List:each()
    return function(list, slot)
        local following = (slot or list).after
        if following ~= list then return following end
    end, self
end

function M.list()
    local list = setmetatable({ count = 0 }, List)
    list.before, list.after = list, list
    return list
end

return M
