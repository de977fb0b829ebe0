--- ctx:deliver: every record of a source through a function, with bounded concurrency, order per key,
-- and the outcome of each: delivered, dead-lettered with its reason, or unknown with its reason.
--
-- Places. At most `concurrency` records hold a place. A record that waits for a retry, a closed gate or
-- its key's turn is parked: it gives its place back and takes one again afterwards, before new records.
-- Reading the source pauses while MAX_PARKED are parked.
--
-- Ending early (DESIGN.md 5). An outage, a refused credential or a signal ends the delivery: records
-- on the wire may answer for GRACE_S seconds, all others are dead-lettered, the unread rest of a file
-- too.

local batches = require "neap.deliver.batches"
local clock = require "neap.native.clock"
local concurrency = require "neap.concurrency"
local deadletter = require "neap.deadletter"
local errors = require "neap.error"
local event = require "neap.native.event"
local file = require "neap.native.file"
local flow = require "neap.native.flow"
local progress = require "neap.progress"
local reasons = require "neap.deliver.reasons"
local runtime = require "neap.runtime"
local slots = require "neap.deliver.slot"
local source = require "neap.deliver.source"
local task = require "neap.native.task"

local M = {}

local DEFAULT_CONCURRENCY = 64
local MAX_PARKED = 10000
local GRACE_S = 10

---@class neap.Summary
---@field total integer records read or dead-lettered
---@field ok integer
---@field failed integer
---@field unknown integer
---@field retried integer records sent more than once
---@field seconds number by the runtime's clock
---@field ended? { reason: "outage"|"refused"|"signal"|"source"|"bug", err: neap.Error }
---@field dead_letters? string path, when there is any
---@field reason? { message: string, count: integer } the most frequent one of failed and unknown records
---@field unmapped? table<string, integer> what the source left out for want of a map, by name
---@field resume? string how to go on after an early end, where the workflow can tell

local Summary = { __name = "neap.Summary" }

function M.is_summary(value)
    return getmetatable(value) == Summary
end

---@class neap.Delivery
local Delivery = {}
Delivery.__index = Delivery

--- nil: one that no earlier letters have.
local function letters_path(from, opts)
    return opts.dead_letters or runtime.options.dead_letters or from.dead_letters
end

local function new_delivery(from, fn, opts, path)
    local self = setmetatable({
        source = from, fn = fn, concurrency = opts.concurrency or DEFAULT_CONCURRENCY, resume = opts.resume,
        places = flow.places(opts.concurrency or DEFAULT_CONCURRENCY),
        parked = 0,      -- records without a place
        is_full = false, -- the reader waits for room
        running = slots.list(), -- of all records under way, in the order of the source
        batches = false,
        locks = {},      -- client -> group -> keys (lock.lua)
        room = event.new(),
        idle = event.new(),
        arrival = event.new(), -- of the end of a stream
        task = task.current(),
        total = 0, ok = 0, failed = 0, unknown = 0, retried = 0,
        reasons = reasons.new(),
        started = clock.now(),
        letters = deadletter.writer(path),
    }, Delivery)
    self.slots = slots.class(self)
    self.letters:hold()
    return self
end

-- Places ---------------------------------------------------------------------------------------

--- Gives a place back: to a parked record that wants one, else to the reader.
function Delivery:release()
    if self.places:release() then self:made_room() end
end

--- Wakes the reader if it waits for room: once, however many records make some.
function Delivery:made_room()
    if not self.is_full then return end
    self.is_full = false
    self.room:signal()
end

--- -> where the record has to get a place again
function Delivery:park(slot)
    if slot:is_sent() then self.letters:release() end -- the wait may be long
    if slot.place == true then
        self.parked = self.parked + 1
        slot.place = false
        self:release()
    end
    return self.places
end

---@async
function Delivery:unpark(slot)
    if slot.place ~= false then return end
    local waiter = self.places:ask()
    if waiter then
        slot.place = waiter
        waiter:wait()
    end
    self:has_place(slot)
end

--- A parked record has got a place.
function Delivery:has_place(slot)
    slot.place = true
    self:leave_parked()
end

function Delivery:leave_parked()
    self.parked = self.parked - 1
    self:made_room()
end

local function has_room(delivery)
    return delivery.parked < MAX_PARKED and delivery.places:has_room()
        and (not delivery.batches or delivery.batches:has_room())
end

--- Does the source wait until records have gone?
function Delivery:is_paused()
    return not self.is_read and not has_room(self)
end

-- Outcomes -------------------------------------------------------------------------------------

local function count_outcome(delivery, err)
    if err.outcome == "unknown" then
        delivery.unknown = delivery.unknown + 1
    else
        delivery.failed = delivery.failed + 1
    end
end

function Delivery:bury(record, line, err)
    count_outcome(self, err)
    self.reasons:count(err)
    self.letters:add(record, line, err)
end

--- Takes a record out of the delivery.
function Delivery:leave(slot)
    if not slot.before then return false end
    local place = slot.place
    slot.place = nil
    self.running:remove(slot)
    if slot:is_retried() then self.retried = self.retried + 1 end
    if place ~= true then self:leave_parked() end
    if place == true or place and place:is_granted() then self:release() end
    if self.running.count == 0 then self.idle:broadcast() end
    return true
end

--- Why a record's error ends the whole delivery, or nil.
local function fatal_reason(err)
    if err.misuse then return "bug" end
    if err.kind == "outage" and err.down then return "outage" end
    if err.credential_refused then return "refused" end
    if err.kind == "settings" then return "settings" end
    if err.kind == "bug" then return "bug" end
end

--- An error object of whatever a record's function returned or raised.
local function failure_of(ok, value, err)
    if not ok then return errors.from(value) end
    if err == nil then
        return errors.new { kind = "rejected", message = "the workflow returned nil for this record" }
    end
    if errors.is(err) then return err end
    return errors.new { kind = "rejected", message = tostring(err) }
end

--- A setting was missing before anything was sent: the records stay where they are, unread.
function Delivery:is_unattempted(slot, reason)
    if reason ~= "settings" or self.has_sent or slot:is_sent() or self.ok > 0 then return false end
    for other in self.running:each() do
        if other:is_sent() then return false end
    end
    return true
end

--- Takes back that a record was read.
function Delivery:unread()
    self.total = self.total - 1
end

--- Takes back what was read before: rows that were refused, too. Letters of an earlier run stay what they are.
function Delivery:forget_refused()
    if not self.letters:discard() then return end
    self.total, self.failed, self.reasons = self.total - self.failed, 0, reasons.new()
end

function Delivery:settle_failure(slot, failure)
    if self.source.name_of then errors.rename(failure, self.source.name_of) end
    local outcome = slot:outcome()
    -- The error is one call's, the outcome a record's: an earlier call of it may have taken effect.
    if not failure.outcome or failure.outcome == "not_sent" and outcome == "unknown" then failure.outcome = outcome end
    local reason = fatal_reason(failure)
    if not self.ended then self.unattempted = self:is_unattempted(slot, reason) end
    if self.unattempted and not self.ended then self:forget_refused() end
    if self.unattempted then self:unread() else self:bury(slot.record, slot.line, failure) end
    if reason then self:stop(reason, failure) end
end

function Delivery:settle(slot, ok, value, err)
    if not self:leave(slot) then return end
    if ok and value ~= nil then
        self.ok = self.ok + 1
    else
        self:settle_failure(slot, failure_of(ok, value, err))
    end
    self.has_sent = self.has_sent or slot:is_sent()
    if self.has_sent then self.letters:release() end
    self.progress:update()
end

-- Ending early ---------------------------------------------------------------------------------

local ENDED_KINDS = { outage = "outage", refused = "auth", settings = "settings" }

--- The error of a record that the end of the delivery caught; without a slot, before it began.
---@param slot? neap.Slot
function Delivery:ended_error(slot)
    local ended = self.ended
    local cause = ended.err
    return errors.new {
        kind = ENDED_KINDS[ended.reason] or "cancelled", message = ended.message,
        outcome = slot and slot:outcome() or "not_sent",
        attempts = slot and slot.flowcall and slot.flowcall:attempts() or nil,
        cause = ended.reason == "outage" and (cause.cause or cause.attempts) or errors.is(cause) and cause or nil,
        retryable = true,
    }
end

--- A record that the end of the delivery caught.
function Delivery:bury_caught(record, line, err)
    if self.unattempted then self:unread() else self:bury(record, line, err) end
end

--- Ends records that are not on the wire; the others may still answer, but not repeat.
function Delivery:cut(everything)
    local caught = {}
    for slot in self.running:each() do caught[#caught + 1] = slot end
    slots.stop(self.slots)
    for _, slot in ipairs(caught) do
        if everything or not slot:is_on_wire() then
            local err = self:ended_error(slot)
            slot.task:cancel()
            if self:leave(slot) then self:bury_caught(slot.record, slot.line, err) end
        end
    end
end

local MESSAGES = {
    outage = "the vendor is down: the delivery ended before this record was accepted",
    refused = "the vendor refused the credential: the delivery ended before this record was accepted",
    settings = "a setting is missing: the delivery ended before this record was sent",
    source = "the source could not be read on",
    bug = "an error in the workflow ended the delivery",
    letters = "the dead letters cannot be written: the delivery ended before this record was accepted",
}

--- Ends the delivery: no more reading and sending.
---@param reason string
---@param err? neap.Error
function Delivery:stop(reason, err)
    if self.ended then return end
    self.ended = { reason = reason, err = err, message = MESSAGES[reason] or ("ended by " .. tostring(err)) }
    self:cut(false)
    self.room:broadcast()
    self.idle:broadcast()
    self.arrival:broadcast()
end

--- Waits until every record has its outcome; once the delivery has ended, only for as long as what is
-- on the wire may take to answer.
function Delivery:drain()
    while self.running.count > 0 and not self.ended do self.idle:wait() end
    if self.running.count == 0 then return end
    concurrency.deadline(GRACE_S, function()
        while self.running.count > 0 do self.idle:wait() end
    end)
    self:cut(true)
end

--- What of the source is still to be read: a file; of a stream what it can tell without waiting (`rest`).
local function rest_of(delivery)
    local from = delivery.source
    if delivery.unattempted then return nil end
    if from.rest then return from:rest() end
    return not from.is_stream and not delivery.broken and from or nil
end

--- The unread rest of a file; of most streams, reading simply stops.
function Delivery:bury_rest()
    local rest = rest_of(self)
    while rest do
        local record, line, err = rest:next()
        if record == nil then return end
        self.total = self.total + 1
        self:bury(record, line, err or self:ended_error())
        self.progress:update()
    end
end

-- The run --------------------------------------------------------------------------------------

function Delivery:start(record, line)
    local slot = slots.new(self.slots, record, line)
    assert(self.places:take())
    self.running:add(slot)
    slot.task = task.spawn_work(slot, self.task, self.fn, record)
end

--- Reads the source and starts records until it ends or the delivery does.
function Delivery:read()
    while true do
        while not self.ended and not has_room(self) do
            self.is_full = true
            self.room:wait()
        end
        if self.ended then return end
        local record, line, err = self.source:next()
        if record == nil then
            if err then self:break_off(err) end
            self.is_read = true
            return
        end
        self.total = self.total + 1
        if err then
            self:bury(record, line, err)
            self.progress:update()
        elseif self.ended then
            self:bury_caught(record, line, self:ended_error())
        else
            self:start(record, line)
        end
    end
end

--- Ends by being cancelled, with whatever the source has started.
local function read_stream(delivery)
    delivery.has_read = table.pack(pcall(delivery.read, delivery))
    delivery.arrival:signal()
    event.new():wait()
end

--- Reads as `read` does. A stream is read in a task of its own, so that the end of the delivery need not
-- wait for it.
function Delivery:take_in()
    if not self.source.is_stream then return self:read() end
    local reader = task.spawn(read_stream, self)
    while not self.has_read and not self.ended do self.arrival:wait() end
    self.is_read = true
    reader:cancel()
    if self.has_read and not self.has_read[1] then error(self.has_read[2], 0) end
end

--- The source broke in the middle: records before it are delivered, then the run ends.
function Delivery:break_off(err)
    self.broken = err
end

--- A source that is a vendor's may break because of a credential.
local BROKEN = { refused = "refused", settings = "settings" }

--- The end that a broken source is, once what was read of it has its outcome.
function Delivery:end_broken()
    local err = self.broken
    if not err or self.ended then return end
    local reason = BROKEN[fatal_reason(err)] or "source"
    self.unattempted = reason == "settings" and self.total == 0
    self.ended = { reason = reason, err = err, message = MESSAGES[reason] }
end

--- How to go on after an early end, in the words of the workflow.
local function resume_of(delivery, summary)
    local resume = delivery.resume
    return summary.ended and not delivery.unattempted and resume and resume(summary) or nil
end

--- What the source left out, nil for nothing.
local function unmapped_of(from)
    local unmapped = from.unmapped
    return unmapped and next(unmapped) ~= nil and unmapped or nil
end

function Delivery:summary()
    local summary = setmetatable({
        total = self.total, ok = self.ok, failed = self.failed, unknown = self.unknown,
        retried = self.retried, seconds = clock.now() - self.started, ended = self.ended,
        reason = self.reasons:most(), unmapped = unmapped_of(self.source),
        dead_letters = self.letters.count > 0 and self.letters.path or nil,
        stream = self.source.is_stream and not self.source.rest or nil,
    }, Summary)
    summary.resume = resume_of(self, summary)
    return summary
end

local function refuse(fmt, ...)
    error(errors.new { kind = "invalid", message = fmt:format(...), where = errors.caller() }, 0)
end

local function check_options(opts, from, fn)
    if type(fn) ~= "function" then refuse("ctx:deliver: a function expected, got a %s", type(fn)) end
    if opts.batch ~= nil and type(opts.batch) ~= "boolean" then
        refuse("batch must be true or false, got %s", tostring(opts.batch))
    end
    local concurrent = opts.concurrency or DEFAULT_CONCURRENCY
    if math.type(concurrent) ~= "integer" or concurrent < 1 then
        refuse("concurrency must be an integer from 1, got %s", tostring(concurrent))
    end
    if opts.resume ~= nil and type(opts.resume) ~= "function" then
        refuse("resume must be a function, got a %s", type(opts.resume))
    end
    local read, letters = type(from) == "table" and from.path, opts.dead_letters
    if read and letters and (read == letters or read ~= "-" and file.same(read, letters)) then
        refuse("%s cannot take dead letters while it is being read", from.path)
    end
    return opts
end

--- Delivers every record of a source.
---@async
---@param from any neap.records, a list of tables, or an iterator
---@param fn fun(record: table): any a record is ok when the first value is not nil
---@param opts? { concurrency?: integer, dead_letters?: string, batch?: boolean, resume?: function } batch: calls travel
-- together where the definition has it; resume(summary): how to go on after an early end
---@return neap.Summary|nil
---@return neap.Error? err
function M.run(from, fn, opts)
    opts = check_options(opts or {}, from, fn)
    local opened = source.open(from)
    local path = letters_path(opened, opts)
    deadletter.check(path)
    local delivery = new_delivery(opened, fn, opts, path)
    if opts.batch then delivery.batches = batches.new(delivery) end
    delivery.progress = progress.new(delivery)
    delivery.letters.on_error = function(err) delivery:stop("letters", err) end
    local forget = runtime.on_stop(function(signal)
        delivery:stop("signal", signal)
    end)
    local _ <close> = setmetatable({}, { __close = forget })
    if runtime.stopped then delivery:stop("signal", runtime.stopped) end
    local ok, raised = pcall(delivery.take_in, delivery)
    if not ok then delivery:stop("bug", errors.from(raised)) end
    delivery:drain()
    if delivery.batches then delivery.batches:close() end
    delivery:end_broken()
    if delivery.ended then delivery:bury_rest() end
    delivery.progress:finish()
    local written, err = delivery.letters:close()
    local summary = delivery:summary()
    if not written then
        summary.dead_letters, err.summary = nil, summary
        return nil, err
    end
    runtime.last_summary = summary
    if summary.ended and summary.ended.reason == "bug" then error(summary.ended.err, 0) end
    return summary
end

return M
