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

--- Waits until the call may be sent. A long wait gives the record's place back, and what is reserved is
-- reserved after a place was found; the one that probes a closed gate needs none, or those that wait
-- behind the gate could keep it from opening. Once the delivery has ended nothing more is sent.
local function admit(bound, flowcall, slot)
    if M.is_stopping(slot) then return nil, slot and slot:stopped_error() or signal_error() end
    if flowcall:try_admit() then return true end -- the common case
    if not slot then tell_wait(bound) end -- a delivery has its progress
    local waited = false
    -- Anew after a place was found: the gate may have closed again. A pause alone is waited out with the
    -- place, or thousands of parked records would pass it around at every 429.
    while slot and flowcall:blocked() and not (waited and bound.gate:state() == "open") do
        slot:park()
        local ok, err = flowcall:wait()
        if not ok then return nil, err end
        if flowcall:probing() then break end
        slot:unpark()
        waited = true
    end
    local ok, err = flowcall:admit()
    if ok and M.is_stopping(slot) then return nil, slot and slot:stopped_error() or signal_error() end
    return ok, err
end

--- Waits until the call may be sent, with a token that is alive where its credential is a session's: the
-- wait may have been longer than that.
---@async
---@param bound neap.Bound
---@param flowcall userdata
---@param slot? neap.Slot
---@return neap.Token|true|nil
---@return neap.Error? err
function M.enter(bound, flowcall, slot)
    if not bound.session then return admit(bound, flowcall, slot) end
    local last
    while true do
        local token, err = bound.session:token()
        if not token then return nil, err end
        local ok
        ok, err = admit(bound, flowcall, slot)
        if not ok then return nil, err end
        -- A fresh one that is too old as well is tried: limits may leave no shorter wait.
        if bound.session:is_alive(token) or last and last ~= token then return token end
        last = token
        flowcall:withdraw()
    end
end

return M
