--- One batch of a delivery: its records, and what the call pipeline knows as a slot: what it is told goes to
-- each of them. batches.lua fills and sends it.

local build = require "neap.call.build"
local event = require "neap.native.event"
local values = require "neap.schema.value"

local M = {}

---@class neap.Batch
---@field batches neap.Batches
---@field kind neap.BatchKind
---@field members neap.BatchMember[]
---@field has_place boolean
---@field is_parked boolean it waits long, without a place
---@field is_full? boolean
---@field travelling? neap.BatchMember[] that were in the last send
---@field result? table what the call returned, packed
local Batch = {}

--- `stopping`: nothing is sent again once the delivery has ended.
function Batch.__index(batch, name)
    if name == "stopping" then return batch.batches.delivery.ended ~= nil end
    return Batch[name]
end

-- Membership -----------------------------------------------------------------------------------

---@class neap.BatchMember
---@field slot neap.Slot
---@field item table the record in wire form
local Member = {}
Member.__index = Member

--- Takes a record in; closing what is returned takes it out.
---@return neap.BatchMember
function Batch:add(slot, item)
    local member = setmetatable({ batch = self, slot = slot, item = item }, Member)
    self.members[#self.members + 1] = member
    if #self.members == self.kind.max then
        self:seal()
        self.is_full = true
        self.full:signal()
    end
    return member
end

--- A record that is cancelled leaves its batch: no later send has it.
function Member.__close(member)
    local batch = member.batch
    if batch.result then return end
    for i, other in ipairs(batch.members) do
        if other == member then table.remove(batch.members, i) end
    end
    if #batch.members == 0 then batch:abandon() end
end

function Batch:items()
    local items = {}
    for i, member in ipairs(self.members) do items[i] = member.item end
    return values.array(items)
end

--- The parameters of the batch's call.
function Batch:params()
    local params = {}
    for name, value in pairs(self.kind.sent_options) do params[name] = value end
    params[self.kind.list] = self:items()
    return params
end

--- Takes no more records.
function Batch:seal()
    if self.kind.open ~= self then return end
    self.kind.open = nil
    self.kind.forget()
    self.batches.sealed = self.batches.sealed + 1
end

function Batch:release()
    if not self.has_place then return end
    self.has_place = false
    self.batches.places = self.batches.places - 1
    self.batches.room:signal()
end

function Batch:set_parked(is_parked)
    if self.is_parked == is_parked then return end
    self.is_parked = is_parked
    self.batches.parked = self.batches.parked + (is_parked and 1 or -1)
end

function Batch:over()
    if self.is_over then return end
    local batches = self.batches
    self.is_over = true
    batches.live, batches.sealed = batches.live - 1, batches.sealed - 1
    self:set_parked(false)
    self:release()
    self.done:broadcast()
    batches.delivery:made_room()
end

function Batch:abandon()
    self:seal()
    if self.task then self.task:cancel() end
    self.batches.room:signal() -- it may have been the one that was woken
    self:over()
end

--- Waits until the batch has its outcome.
---@async
function Batch:await()
    while not self.result do self.done:wait() end
    return table.unpack(self.result, 1, self.result.n)
end

-- As a slot ------------------------------------------------------------------------------------

function Batch:park()
    self:set_parked(true)
    self:release()
    self.batches.delivery:made_room()
end

---@async
function Batch:unpark()
    local batches = self.batches
    while batches.places >= batches.delivery.concurrency do batches.room:wait() end
    batches.places, self.has_place = batches.places + 1, true
    self:set_parked(false)
end

function Batch:lacks_place() return not self.has_place end

--- Its places are its own: it waits for one now, unless it is the one that probes a closed gate.
---@async
function Batch:return_with(flowcall)
    if flowcall:probing() then return false end
    if not self.has_place then self:unpark() end
    return true
end

--- Members may have left since the request was made.
function Batch:sending(flowcall, write, x)
    if #self.members < self.count then
        self.count = #self.members
        local _, body = build.request(self.kind.handle.endpoint, self.kind.handle.client, self:params())
        x.body = body
    end
    self.travelling, self.on_wire = table.move(self.members, 1, #self.members, 1, {}), {}
    for i, member in ipairs(self.members) do self.on_wire[i] = member.slot:sending(flowcall, write) end
    return self
end

function Batch.__close(batch)
    for _, slot in ipairs(batch.on_wire) do getmetatable(slot).__close(slot) end
end

function Batch:answered(write)
    for _, member in ipairs(self.travelling) do member.slot:answered(write) end
end

function Batch:settled(ambiguous)
    for _, member in ipairs(self.travelling) do member.slot:settled(ambiguous) end
end

function Batch:succeeded(write)
    for _, member in ipairs(self.travelling) do member.slot:succeeded(write) end
end

function Batch:met_outage(...)
    self.travelling[1].slot:met_outage(...)
end

function Batch:stopped_error()
    return self.batches.delivery:ended_error()
end

---@param batches neap.Batches
---@param kind neap.BatchKind
---@return neap.Batch
function M.new(batches, kind)
    return setmetatable({
        batches = batches, kind = kind, members = {}, has_place = false, is_parked = false,
        full = event.new(), done = event.new(),
    }, Batch)
end

return M
