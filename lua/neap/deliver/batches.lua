--- The batches of a delivery: calls of an endpoint whose definition has `batch` gather, and travel as one
-- call of the endpoint named there. Each record keeps its own task, key and outcome; what the vendor
-- refuses as a batch is sent again record by record, so that a bad one never takes others down.
--
-- A batch is sent by a task of its own when it is full, or when nothing has joined it for LINGER_S while
-- nothing else could: its records are parked meanwhile, and the batch holds the place of all of them.

local batch = require "neap.deliver.batch"
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

local LINGER_S = 0.1

---@class neap.Batches
---@field delivery neap.Delivery
---@field kinds table<table, table<string, neap.BatchKind>> those with an open batch, by endpoint handle and options
---@field places integer batches that are being sent
---@field live integer batches that are not over
---@field sealed integer of these, batches that take no more records
---@field parked integer of these, batches that wait long, without a place
local Batches = {}
Batches.__index = Batches

---@class neap.BatchKind calls that may travel together
---@field handle table the batch endpoint
---@field list string its parameter that takes their records
---@field max integer records in a batch
---@field options table<string, any> parameters that all of them share
---@field sent_options? table<string, any> the same as the batch endpoint has them, defaults filled in
---@field open? neap.Batch
---@field forget? fun() its batch takes no more records

-- Sending --------------------------------------------------------------------------------------

--- May more records come, though none has for a while? While the source waits because as many batches as
-- may are under way; unless so many kinds are open that there is no waiting for each.
local function may_grow(batches)
    if batches.delivery.is_read or batches:has_room() then return false end
    return batches.live - batches.sealed <= batches.delivery.concurrency
end

--- Waits until the batch is full, or until nothing joins any more.
local function gather(one)
    local batches = one.batches
    repeat
        local count = #one.members
        concurrency.deadline(LINGER_S, function()
            while not one.is_full do one.full:wait() end
        end)
        local is_growing = #one.members ~= count or may_grow(batches)
    until one.is_full or not is_growing
    one:seal()
end

local function send(one)
    local kind = one.kind
    one:unpark()
    one.count = #one.members
    return call.send(kind.handle, kind.handle.client, one:params(), one)
end

local function run(one)
    gather(one)
    one.result = table.pack(pcall(send, one))
    one:over()
end

--- Starts the task of every batch that was opened: batches are not the children of a record.
local function dispatch(batches)
    while true do
        while #batches.opened > 0 do
            local one = table.remove(batches.opened, 1)
            if not one.is_over then one.task = task.spawn(run, one) end
        end
        batches.wake:wait()
    end
end

-- Joining --------------------------------------------------------------------------------------

local function without(params, name)
    local rest = {}
    for other, value in pairs(params) do
        if other ~= name then rest[other] = value end
    end
    return rest
end

--- What a call sends in a batch: checked as a batch of its own, whose options become those of all.
---@return table|nil item nil: the batch endpoint refuses it
local function item_of(kind, item)
    local params = { [kind.list] = values.array { item } }
    for name, value in pairs(kind.options) do params[name] = value end
    local sent = build.validate(kind.handle.endpoint, kind.handle.client, params)
    if not sent then return nil end
    kind.sent_options = kind.sent_options or without(sent, kind.list)
    return sent[kind.list][1]
end

--- What tells kinds of batches apart.
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
    local spec = handle.endpoint.batch
    return {
        handle = client[spec.endpoint.name], list = spec.list, max = spec.max, options = without(params, spec.field),
    }
end

--- What of a call becomes an element of a batch.
local function element_of(spec, params)
    local item = params[spec.field]
    if not spec.is_own then return item end
    return #item == 1 and item[1] or nil -- several travel by themselves
end

--- The kind of batch that a call may join, and what of it is sent; nil: none.
function Batches:kind_of(handle, client, params)
    local spec = handle.endpoint.batch
    local item = spec and element_of(spec, params)
    if type(item) ~= "table" or item == null or values.is_list(item) then return nil end
    local kinds = self.kinds[handle] or {}
    self.kinds[handle] = kinds
    local text = options_text(handle.endpoint, params, spec.field)
    local kind = kinds[text] or new_kind(handle, client, params)
    item = item_of(kind, item)
    if not item then return nil end
    if not kind.open then
        kinds[text], kind.open = kind, self:open(kind)
        kind.forget = function() kinds[text] = nil end -- there may be a kind for every record
    end
    return kind, item
end

function Batches:open(kind)
    local opened = batch.new(self, kind)
    self.live = self.live + 1
    self.opened[#self.opened + 1] = opened
    self.wake:signal()
    return opened
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
    local kind, item = self:kind_of(handle, client, params)
    if not kind then return nil end
    local joined = kind.open
    local _ <close> = joined:add(slot, item)
    slot:park()
    local ok, payload, err = joined:await()
    slot:unpark()
    if not ok then error(payload, 0) end
    if payload ~= nil then return payload end
    if not is_divisible(err) or slot.stopping then return nil, error_of(err) end
    slot:repeated()
    return nil, nil, err.attempts
end

--- May the source be read on? Not while as many batches wait or travel as may travel.
function Batches:has_room()
    return self.sealed - self.parked < self.delivery.concurrency
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
        places = 0, live = 0, sealed = 0, parked = 0,
    }, Batches)
    self.task = task.spawn(dispatch, self)
    return self
end

return M
