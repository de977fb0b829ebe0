--- When a call may be sent: its delivery goes on, its limits and gate let it pass, its token is alive.

local clock = require "neap.native.clock"
local errors = require "neap.error"
local log = require "neap.native.log"
local runtime = require "neap.runtime"

local M = {}

--- Is nothing to be sent any more? A delivery knows for its records, a signal ends all other calls.
---@param slot? neap.Slot
---@return boolean
function M.is_stopping(slot)
    if slot then return slot.stopping end
    return runtime.stopped ~= nil
end

local function signal_error()
    return errors.new { kind = "cancelled", message = "ended by " .. runtime.stopped }
end

--- Waits that are long enough to be told, and how often, in seconds.
local LONG_WAIT, TELL_EVERY = 10, 60

--- Tells of a wait for a limit or a pause, not for every call that waits.
local function tell_wait(bound)
    local seconds, paused = bound.queue:ready_in()
    seconds = seconds or paused
    if seconds < LONG_WAIT then return end
    local now = clock.now()
    if now < (bound.told_at or -math.huge) + TELL_EVERY then return end
    bound.told_at = now
    log.write("info", "waiting for the vendor's limit", {
        call = bound.endpoint.vendor .. "." .. bound.endpoint.name, seconds = math.ceil(seconds),
    })
end

--- Is it held up, by more than a limit? A pause alone is waited out with the place once one was waited for, or
-- thousands of parked records would pass it around at every 429.
local function is_blocked(x, waited)
    return x.flowcall:blocked() and not (waited and x.bound.gate:state() == "open")
end

--- Is the call held up by its retry wait, a pause or a closed gate? Then its record has given its place back.
---@param x neap.Exchange
---@param waited boolean it has waited before, and has a place again
---@return boolean
function M.is_held_up(x, waited)
    local slot = x.slot
    if not is_blocked(x, waited) or M.is_stopping(slot) then return false end
    if slot then slot:park() else tell_wait(x.bound) end -- a delivery has its progress
    return true
end

--- Takes the place again that `is_held_up` gave back, unless it is the one that probes a closed gate: it needs none, or
-- those that wait behind the gate could keep it from opening.
local function return_from_wait(x)
    local is_probing = x.flowcall:probing()
    if x.slot and not is_probing then x.slot:unpark() end
    return not is_probing
end

--- Begins an exchange, or goes on with one that has waited without a coroutine.
---@async
---@param x neap.Exchange
---@return boolean|nil waited
---@return neap.Error? err
function M.arrive(x)
    if x.flowcall and x.is_opened then return false end -- it sends again
    if x.flowcall then
        local ok, err = x.flowcall:waited()
        if not ok then return nil, err end
        return return_from_wait(x)
    end
    local bound = x.bound
    if x.key then x.slot:keys(bound.endpoint, bound.client):acquire(x, x.slot) end
    x.flowcall = bound.route:call(x.policy, x.is_repeatable)
    return false
end

--- Waits until the call may be sent. What is reserved is reserved after a place was found. Once the delivery has ended
-- nothing more is sent.
local function admit(x, waited)
    local slot, flowcall = x.slot, x.flowcall
    if M.is_stopping(slot) then return nil, slot and slot:stopped_error() or signal_error() end
    if flowcall:try_admit() then return true end -- the common case
    if not slot then tell_wait(x.bound) end
    while slot and is_blocked(x, waited) do -- anew after a place was found: the gate may have closed again
        slot:park()
        local ok, err = flowcall:wait()
        if not ok then return nil, err end
        if not return_from_wait(x) then break end
        waited = true
    end
    local ok, err = flowcall:admit()
    if ok and M.is_stopping(slot) then return nil, slot and slot:stopped_error() or signal_error() end
    return ok, err
end

--- Waits until the call may be sent, with a token that is alive where its credential is a session's: the
-- wait may have been longer than that.
---@async
---@param x neap.Exchange
---@param waited boolean see is_held_up
---@return neap.Token|true|nil
---@return neap.Error? err
function M.enter(x, waited)
    local current = x.bound.session
    if not current then return admit(x, waited) end
    local last
    while true do
        local token, err = current:token()
        if not token then return nil, err end
        local ok
        ok, err = admit(x, waited)
        if not ok then return nil, err end
        -- A fresh one that is too old as well is tried: limits may leave no shorter wait.
        if current:is_alive(token) or last and last ~= token then return token end
        last = token
        x.flowcall:withdraw()
    end
end

return M
