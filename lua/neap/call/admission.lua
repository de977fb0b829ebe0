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

--- Is it held up, by its retry wait, a pause or a closed gate? `waited`: it has waited before, and has a place again. A
-- pause alone is waited out with that place, or thousands of parked records would pass it around at every 429.
local function is_blocked(x, waited)
    return x.flowcall:blocked() and not (waited and x.bound.gate:state() == "open")
end

--- The common case at one stroke: nobody has to be waited for. -> false: see held_up
---@param x neap.Exchange
---@return boolean
function M.try_enter(x)
    local slot = x.slot
    if slot then
        if slot.place ~= true or slot.stopping then return false end
    elseif runtime.stopped then
        return false
    end
    return not x.bound.session and x.flowcall:try_admit()
end

--- May a call wait in the line, where the earliest goes first? One of a delivery gets its place before it gets slots of
-- limits, and one of a session its token: they wait beside the line until nothing blocks them.
local function may_line_up(x)
    return not x.slot and not x.bound.session
end

--- Has a call to wait, perhaps for long? A record is parked until nothing blocks its call, and waits for a place again.
-- The one that probes a closed gate needs no place: those that wait behind the gate could keep it from opening.
---@param x neap.Exchange
---@param waited boolean see is_blocked
---@return "line"|"aside"|nil held_up nil: it has not
---@return userdata|nil places one of which it waits for, too
function M.held_up(x, waited)
    local slot, flowcall = x.slot, x.flowcall
    if M.is_stopping(slot) then return nil end
    if may_line_up(x) then
        if flowcall:admitted() then return nil end
        tell_wait(x.bound) -- a delivery has its progress
        return "line"
    end
    local lacks_place = slot and slot:lacks_place() and not flowcall:probing()
    if not lacks_place and not is_blocked(x, waited) then return nil end
    if slot then return "aside", slot:park() end
    tell_wait(x.bound)
    return "aside"
end

--- Goes on after that wait.
---@async
---@param x neap.Exchange
---@return boolean|nil waited has it a place again?
---@return neap.Error? err
function M.overcome(x)
    local ok, err = x.flowcall:waited()
    if not ok then return nil, err end
    return x.slot ~= nil and x.slot:return_with(x.flowcall)
end

--- Begins an exchange, or goes on with one that was left.
---@async
---@param x neap.Exchange
---@return boolean|nil waited as overcome
---@return neap.Error? err
function M.arrive(x)
    if x.flowcall and x.is_opened then return false end -- it sends again
    if x.flowcall then return M.overcome(x) end
    local bound = x.bound
    if x.key then x.slot:keys(bound.endpoint, bound.client):acquire(x, x.slot) end
    x.flowcall = bound.route:call(x.policy, x.is_repeatable)
    return false
end

--- Waits for the limits. Once the delivery has ended nothing more is sent.
local function admit(x)
    local slot, flowcall = x.slot, x.flowcall
    if M.is_stopping(slot) then return nil, slot and slot:stopped_error() or signal_error() end
    if flowcall:admitted() or flowcall:try_admit() then return true end
    if not slot then tell_wait(x.bound) end
    local ok, err = flowcall:admit()
    if ok and M.is_stopping(slot) then return nil, slot and slot:stopped_error() or signal_error() end
    return ok, err
end

--- Waits until the call may be sent, with a token that is alive where its credential is a session's: the
-- wait may have been longer than that. An obstacle that is there once the token is has to be waited for first.
---@async
---@param x neap.Exchange
---@return neap.Token|boolean|nil token false: there is an obstacle
---@return neap.Error? err
function M.enter(x)
    local current = x.bound.session
    if not current then return admit(x) end
    local last
    while true do
        local token, err = current:token()
        if not token then return nil, err end
        if x.flowcall:blocked() and x.bound.gate:state() ~= "open" and not M.is_stopping(x.slot) then return false end
        local ok
        ok, err = admit(x)
        if not ok then return nil, err end
        -- A fresh one that is too old as well is tried: limits may leave no shorter wait.
        if current:is_alive(token) or last and last ~= token then return token end
        last = token
        x.flowcall:withdraw()
    end
end

return M
