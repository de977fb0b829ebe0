--- The batches of a delivery: calls of an endpoint whose definition has `batch` gather, and travel as one
-- call of the endpoint named there. Each record keeps its own task, key and outcome; what the vendor
-- refuses as a batch is sent again record by record, so that a bad one never takes others down.
--
-- A batch is sent by a task of its own when it is full, or when nothing has joined it for LINGER_S while
-- nothing else could: its records are parked meanwhile, and the batch holds the place of all of them.

local build = require "neap.call.build"
local call = require "neap.call"
local concurrency = require "neap.concurrency"
local errors = require "neap.error"
local event = require "neap.native.event"
local json = require "neap.native.json"
local null = require "neap.null"
local task = require "neap.native.task"
local values = require "neap.schema.value"

local M = {}

local LINGER_S = 0.2

---@class neap.Batches
---@field delivery neap.Delivery
---@field kinds table<string, neap.BatchKind|false> by client, endpoint and options
---@field places integer batches that are being sent
---@field live integer batches that are not over
---@field sealed integer of these, batches that take no more records
local Batches = {}
Batches.__index = Batches

---@class neap.BatchKind calls that may travel together
---@field handle table the batch endpoint
---@field field string parameter of the single call
---@field list string parameter of the batch call
---@field options table<string, any> parameters that all of them share
---@field open? neap.Batch

---@class neap.Batch a slot as the call pipeline knows it: what it is told goes to each of its members
---@field members neap.BatchMember[]
---@field has_place boolean
---@field sent boolean
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

--- A record that is cancelled before its batch was sent leaves it.
function Member.__close(member)
    local batch = member.batch
    if batch.sent or batch.result then return end
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
    for name, value in pairs(self.kind.options) do params[name] = value end
    params[self.kind.list] = self:items()
    return params
end

--- Takes no more records.
function Batch:seal()
    if self.kind.open ~= self then return end
    self.kind.open = nil
    self.batches.sealed = self.batches.sealed + 1
end

function Batch:over()
    if self.is_over then return end
    local batches = self.batches
    self.is_over = true
    batches.live, batches.sealed = batches.live - 1, batches.sealed - 1
    self:park()
    self.done:broadcast()
    batches.delivery.room:signal()
end

function Batch:abandon()
    self:seal()
    if self.task then self.task:cancel() end
    self:over()
end

-- As a slot ------------------------------------------------------------------------------------

function Batch:park()
    if not self.has_place then return end
    self.has_place = false
    self.batches.places = self.batches.places - 1
    self.batches.room:broadcast()
end

---@async
function Batch:unpark()
    local batches = self.batches
    while batches.places >= batches.delivery.concurrency do batches.room:wait() end
    batches.places, self.has_place = batches.places + 1, true
end

--- Members may have left since the request was made.
function Batch:sending(flowcall, write, request)
    if not self.sent and #self.members < self.count then
        request.body = build.request(self.kind.handle.endpoint, self.kind.handle.client, self:params()).body
    end
    self.sent, self.on_wire = true, {}
    for i, member in ipairs(self.members) do self.on_wire[i] = member.slot:sending(flowcall, write) end
    return self
end

function Batch.__close(batch)
    for _, slot in ipairs(batch.on_wire) do getmetatable(slot).__close(slot) end
end

function Batch:answered(write)
    for _, member in ipairs(self.members) do member.slot:answered(write) end
end

function Batch:settled(ambiguous)
    for _, member in ipairs(self.members) do member.slot:settled(ambiguous) end
end

function Batch:succeeded(write)
    for _, member in ipairs(self.members) do member.slot:succeeded(write) end
end

function Batch:met_outage(...)
    self.members[1].slot:met_outage(...)
end

function Batch:stopped_error()
    return self.batches.delivery:ended_error()
end

-- Sending --------------------------------------------------------------------------------------

--- Waits until the batch is full, or until nothing joins any more. While the source waits for room that
-- other batches will make, more may come.
local function gather(batch)
    local batches = batch.batches
    repeat
        local count = #batch.members
        concurrency.deadline(LINGER_S, function()
            while not batch.is_full do batch.full:wait() end
        end)
        local is_growing = #batch.members ~= count or batches.delivery:is_paused() and batches.live > 1
    until batch.is_full or not is_growing
    batch:seal()
end

local function send(batch)
    local kind = batch.kind
    batch:unpark()
    batch.count = #batch.members
    return call.send(kind.handle, kind.handle.client, batch:params(), batch)
end

local function run(batch)
    gather(batch)
    batch.result = table.pack(pcall(send, batch))
    batch:over()
end

--- Starts the task of every batch that was opened: batches are not the children of a record.
local function dispatch(batches)
    while true do
        while #batches.opened > 0 do
            local batch = table.remove(batches.opened, 1)
            if not batch.is_over then batch.task = task.spawn(run, batch) end
        end
        batches.wake:wait()
    end
end

-- Joining --------------------------------------------------------------------------------------

--- What the batch endpoint refuses travels alone. Types are checked with the first of a kind: the elements'
-- own were checked for the single call.
local function is_accepted(kind, item)
    local endpoint, params = kind.handle.endpoint, { [kind.list] = values.array { item } }
    for name, value in pairs(kind.options) do params[name] = value end
    if kind.is_accepted == nil then
        kind.is_accepted = endpoint.params:check(params, build.check_options(kind.handle.client)) ~= nil
    end
    return kind.is_accepted and build.keeps_rules(endpoint, params)
end

local function options_text(endpoint, params, field)
    local parts = {}
    for i, name in ipairs(endpoint.wire_names) do
        local value = params[name]
        if name ~= field and value ~= nil then
            parts[#parts + 1] = i .. (type(value) == "table" and json.encode(value, { sorted = true })
                or type(value) .. tostring(value))
        end
    end
    return table.concat(parts, "\0")
end

local function new_kind(handle, client, params)
    local spec, options = handle.endpoint.batch, {}
    for name, value in pairs(params) do
        if name ~= spec.field then options[name] = value end
    end
    return {
        handle = client[spec.endpoint.name], field = spec.field, list = spec.list, max = spec.max,
        options = options,
    }
end

--- The kind of batch that a call may join, or nil.
function Batches:kind_of(handle, client, params)
    local spec = handle.endpoint.batch
    local item = spec and params[spec.field]
    if type(item) ~= "table" or item == null or values.is_list(item) then return nil end
    local kinds = self.kinds[handle] or {}
    self.kinds[handle] = kinds
    local text = options_text(handle.endpoint, params, spec.field)
    kinds[text] = kinds[text] or new_kind(handle, client, params)
    return is_accepted(kinds[text], item) and kinds[text] or nil
end

function Batches:open(kind)
    local batch = setmetatable({
        batches = self, kind = kind, members = {}, has_place = false, sent = false,
        full = event.new(), done = event.new(),
    }, Batch)
    self.live = self.live + 1
    self.opened[#self.opened + 1] = batch
    self.wake:signal()
    return batch
end

--- A refusal that may be one record's fault: each is then sent by itself.
local function is_divisible(err)
    return err.kind == "rejected" and err.outcome ~= "unknown" and (err.status or 0) < 500
end

--- The error of one member: its own copy, with the script's line that made its call.
local function error_of(err)
    local own = {}
    for name, value in pairs(err) do own[name] = value end
    own.where = errors.caller()
    return errors.new(own)
end

--- Lets a call travel in a batch. Waits until that has its outcome.
---@async
---@param handle table endpoint handle of client.lua
---@param client neap.Client
---@param params table<string, any> checked, in wire form
---@param slot neap.Slot
---@return any payload nil without an error: the call is to be sent alone
---@return neap.Error? err
---@return neap.Attempt[]? earlier sends of a batch that was refused
function Batches:join(handle, client, params, slot)
    local kind = self:kind_of(handle, client, params)
    if not kind then return nil end
    kind.open = kind.open or self:open(kind)
    local batch = kind.open
    local member <close> = setmetatable({ batch = batch, slot = slot, item = params[kind.field] }, Member)
    batch.members[#batch.members + 1] = member
    if #batch.members == kind.max then
        batch:seal()
        batch.is_full = true
        batch.full:signal()
    end
    slot:park()
    while not batch.result do batch.done:wait() end
    slot:unpark()
    local ok, payload, err = table.unpack(batch.result, 1, batch.result.n)
    if not ok then error(payload, 0) end
    if payload ~= nil then return payload end
    if not is_divisible(err) or slot.stopping then return nil, error_of(err) end
    slot.retried = true
    return nil, nil, err.attempts
end

--- May the source be read on? Not while as many batches wait or travel as may travel.
function Batches:has_room()
    return self.sealed < self.delivery.concurrency
end

--- Ends what is under way; when the delivery is over.
function Batches:close()
    self.task:cancel()
end

--- Makes the batches of a delivery; to be called by its own task.
---@param delivery neap.Delivery
---@return neap.Batches
function M.new(delivery)
    local self = setmetatable({
        delivery = delivery, kinds = {}, opened = {}, wake = event.new(), room = event.new(),
        places = 0, live = 0, sealed = 0,
    }, Batches)
    self.task = task.spawn(dispatch, self)
    return self
end

return M
