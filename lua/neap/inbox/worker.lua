--- Handles the entries of an inbox, each once, those that wait longest first; see inbox.lua.

local background = require "neap.background"
local clock = require "neap.native.clock"
local errors = require "neap.error"
local inbox = require "neap.inbox"
local json = require "neap.native.json"
local log = require "neap.native.log"
local state = require "neap.state"
local task = require "neap.native.task"

local M = {}

--- How long an entry stays with a process that says nothing any more, in seconds. It does so three times a lease.
local DEFAULT_LEASE = 15

--- How often an idle worker looks for what other processes have put, and one whose file failed tries again.
local LOOK_EVERY = 1
local RETRY_AFTER = 5

--- Longest delay of a retry: as the store's (NEAP_STORE_AWAY_MAX_MS).
local DELAY_MAX = 3600

---@class neap.inbox.Worker
---@field inbox neap.Inbox
---@field fn function
---@field opts { first: number, factor: number, max: number, lease: number, give_up_after: number? }
---@field tasks neap.Task[]
local Worker = { __name = "neap.inbox.Worker" }
Worker.__index = Worker

-- One entry ------------------------------------------------------------------------------------

--- Calls a method of what keeps the entries, unless that is closed: then the lease ends by itself.
local function tell(self, method, ...)
    local store = self.inbox.opened()
    if store then pcall(store[method], store, ...) end
end

---@class neap.inbox.Lease an entry in hand
---@field settled boolean
local Lease = {}

--- Whatever ends the work on an entry, somebody else may have it at once.
Lease.__close = function(lease)
    lease.keeper:cancel()
    if not lease.settled then tell(lease.worker, "inbox_release", lease.entry.number, lease.entry.attempt, 0) end
end

--- Says again and again that the work goes on; ends it where another has the entry by now.
local function keep(self, entry, child)
    while true do
        clock.sleep(self.opts.lease / 3)
        local store = self.inbox.store()
        local is_ours = store and store:inbox_renew(entry.number, entry.attempt, self.opts.lease)
        if is_ours == false then
            log.write("warn", "inbox: another process has taken over an entry", {
                inbox = self.inbox.name, key = entry.key,
            })
            child:cancel()
        end
    end
end

local function hold(self, entry, child)
    return setmetatable({
        worker = self, entry = entry, settled = false, keeper = task.spawn(keep, self, entry, child),
    }, Lease)
end

--- Seconds to wait after a failure: they grow with each, up to a maximum, and are spread by a fifth.
local function delay_of(self, attempt)
    local opts = self.opts
    local delay = math.min(opts.max, opts.first * opts.factor ^ math.min(attempt - 1, 60))
    return delay * (1 - 0.2 * clock.random())
end

--- What a function raised or returned as an error; nil: all went well.
local function failure_of(child, ok, value, err)
    if not ok then return value, child:traceback() end
    if not value and err ~= nil then return err end
end

local function fail(self, lease, err, traceback)
    local entry = lease.entry
    local fields = {
        inbox = self.inbox.name, key = entry.key, attempt = entry.attempt, error = tostring(err),
        traceback = traceback,
    }
    local give_up_after = self.opts.give_up_after
    lease.settled = true
    if give_up_after and clock.wall_ms() / 1000 - entry.received_at > give_up_after then
        log.write("error", "inbox: given up", fields)
        tell(self, "inbox_done", entry.number, entry.attempt, self.inbox.kept)
        return
    end
    local delay = delay_of(self, entry.attempt)
    fields.again_in = ("%.1f s"):format(delay)
    log.write("error", "inbox: not handled, to be tried again", fields)
    tell(self, "inbox_release", entry.number, entry.attempt, delay)
end

--- What was put can be read: only Neap writes the file.
local function handle(self, entry)
    local child = task.spawn(self.fn, json.decode(entry.body), entry.key, {
        attempt = entry.attempt, received_at = entry.received_at,
    })
    local lease <close> = hold(self, entry, child)
    local err, traceback = failure_of(child, pcall(child.await, child))
    if child:status() == "cancelled" then return end -- it is another's, or this worker stops
    if err then return fail(self, lease, err, traceback) end
    lease.settled = true
    tell(self, "inbox_done", entry.number, entry.attempt, self.inbox.kept)
end

-- One after the other --------------------------------------------------------------------------

--- Waits until something is put here, until `seconds` have passed, or until another process may have put
-- something.
local function wait_for_news(self, seconds)
    if state.is_shared() then seconds = math.min(seconds or LOOK_EVERY, LOOK_EVERY) end
    local timer = seconds and task.spawn(function()
        clock.sleep(seconds)
        self.inbox.news:broadcast()
    end)
    self.inbox.news:wait()
    if timer then timer:cancel() end
end

--- Takes the next entry. nil: none waits, for that many seconds; nil: until one comes
local function take(self)
    local store, err = self.inbox.store()
    local entry, due
    if store then entry, due = store:inbox_take(self.inbox.name, self.opts.lease) end
    if entry then return entry end
    if entry == false then return nil, due and math.max(0, due - clock.wall_ms() / 1000) end
    log.write("error", "inbox: cannot be read, to be tried again", {
        inbox = self.inbox.name, error = tostring(due or err),
    })
    clock.sleep(RETRY_AFTER)
    return nil, 0
end

local function turn(self)
    local arrivals = self.inbox.arrivals
    local entry, seconds = take(self)
    if entry then
        handle(self, entry)
    elseif self.inbox.arrivals == arrivals then
        wait_for_news(self, seconds)
    end
end

--- Goes on whatever happens, such as an end of memory that passes.
local function run(self)
    while true do
        local ok, raised = pcall(turn, self)
        if not ok then
            pcall(log.write, "error", "inbox: worker failed, goes on", {
                inbox = self.inbox.name, error = tostring(raised),
            })
            clock.sleep(RETRY_AFTER)
        end
    end
end

--- Ends it. What is in hand goes back, and is handled again by whoever is next.
function Worker:stop()
    for _, one in ipairs(self.tasks) do one:cancel() end
end

local FIELDS = {
    concurrency = function(value) return math.type(value) == "integer" and value >= 1 end,
    first = function(value) return inbox.is_seconds(value) and value <= DELAY_MAX end,
    max = function(value) return inbox.is_seconds(value) and value <= DELAY_MAX end,
    lease = function(value) return type(value) == "number" and value >= 1 and value <= DELAY_MAX end,
    factor = function(value) return type(value) == "number" and value >= 1 and value <= 100 end,
    give_up_after = inbox.is_seconds,
}

--- Calls fn(value, key, entry) for each entry, in the background, until the host stops: one at a time unless
-- `concurrency` says more; by several processes, each entry once. entry: attempt (from 1), received_at (Unix
-- seconds). Where fn raises, or returns nil or false and an error, the entry waits and is tried again, while
-- others go on: after `first` seconds (1), each time `factor` times as many (2), at most `max` (600, up to 3600),
-- for as long as it takes, or until it is older than `give_up_after` seconds. What a dead process had in hand comes
-- back after `lease` seconds (15); one that stands still for longer than that loses it, too.
---@param box neap.Inbox
---@param fn function
---@param opts? { concurrency?: integer, first?: number, factor?: number, max?: number, lease?: number,
--- give_up_after?: number }
---@return neap.inbox.Worker
function M.start(box, fn, opts)
    if type(fn) ~= "function" then errors.misuse("inbox:each: a function expected, got a %s", type(fn)) end
    opts = opts or {}
    inbox.check_options("inbox:each", opts, FIELDS)
    local worker = setmetatable({
        inbox = box, fn = fn, tasks = {}, opts = {
            first = opts.first or 1, factor = opts.factor or 2, max = opts.max or 600,
            lease = opts.lease or DEFAULT_LEASE, give_up_after = opts.give_up_after,
        },
    }, Worker)
    for i = 1, opts.concurrency or 1 do worker.tasks[i] = background.start(run, worker) end
    return worker
end

return M
