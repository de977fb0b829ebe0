--- What came before: every event is handled once, whatever its sender repeats. All processes of the user share it
--- (inbox.lua). A key is open while its event is at work, and done only when the work has succeeded. What is open is
--- so for the length of a lease: if its process dies, the event may come again.

local errors = require "neap.error"
local hmac = require "neap.native.hmac"
local log = require "neap.native.log"
local refusal = require "neap.webhook.refusal"
local task = require "neap.native.task"

local M = {}

--- How long the work on an event may take, in seconds: behind it another process would take a repeat.
local LEASE = 600

--- Longer ids are digested.
local LONGEST_ID = 256

---@class neap.webhook.Guard
---@field inbox neap.Inbox
---@field ttl number how long a repeat is known, in seconds
---@field id? fun(event: any, req: neap.Request): string|nil
local Guard = {}
Guard.__index = Guard

---@class neap.webhook.Receipt an event that was taken; closed without a word it may come again
---@field inbox neap.Inbox
---@field ttl number
---@field key string
---@field is_told boolean what became of it
local Receipt = { __name = "neap.webhook.Receipt" }
Receipt.__index = Receipt

function M.new(hook)
    return setmetatable({ inbox = require("neap.inbox").open(hook.scope), ttl = hook.once, id = hook.id }, Guard)
end

--- What makes two events the same: what the description says, the sender's id, or the body.
local function key_of(guard, req, event, body, id)
    local own = guard.id and guard.id(event, req)
    if own ~= nil then
        if type(own) ~= "string" or own == "" then
            errors.misuse("neap.webhook: id: a text or nil expected, got %q", tostring(own))
        end
        id = own
    end
    if type(id) == "string" and #id <= LONGEST_ID and not id:find "%z" then return "id " .. id end
    local digest, err = hmac.digest("sha256", type(id) == "string" and id or body)
    if not digest then return nil, err end
    return "sha256 " .. hmac.hex(digest)
end

--- A key that is being asked for. Who asks may be cancelled before the answer is there, which notes the key all the
--- same: then it is given back.
local Asking = { __close = function(asking)
    asking.is_over = true
    if asking.is_first and not asking.has_receipt then asking.inbox:forget(asking.key) end
end }

--- Goes on without who asks.
local function ask(asking)
    local before, more = asking.inbox:seen(asking.key, LEASE)
    asking.is_first = before == false
    if asking.is_first and asking.is_over then asking.inbox:forget(asking.key) end
    return before, more
end

local function fail(fault)
    fault.status = 503
    return nil, fault
end

--- Takes an event for who asks first. A repeat is refused: 409 while the first is at work, then 200.
---@async
---@return neap.webhook.Receipt|nil
---@return neap.Error? err
function Guard:claim(req, event, body, id)
    local key, err = key_of(self, req, event, body, id)
    if not key then return fail(err) end
    local asking <close> = setmetatable({ inbox = self.inbox, key = key }, Asking)
    local before, more = task.detach(ask, asking):await()
    if before == nil then return fail(more) end
    if before then return refusal.repeated(more == "done") end
    asking.has_receipt = true
    return setmetatable({ inbox = self.inbox, ttl = self.ttl, key = key, is_told = false }, Receipt)
end

local function keep(receipt)
    local kept, err = receipt.inbox:keep(receipt.key, receipt.ttl)
    if kept then return end
    log.write("warn", "webhook: a repeat may be handled once more", { error = tostring(err) })
end

--- The event has been handled: its repeats are answered from now on. Waits; what it does is done even if its caller
--- is cancelled meanwhile.
---@async
function Receipt:done()
    if self.is_told then return end
    self.is_told = true
    task.detach(keep, self):await()
end

--- The event has not been handled: it may come again. Does not wait.
function Receipt:release()
    if self.is_told then return end
    self.is_told = true
    self.inbox:forget(self.key)
end

Receipt.__close = Receipt.release

return M
