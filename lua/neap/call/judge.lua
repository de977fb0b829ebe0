--- What becomes of a call after a send: an outcome, or another send. The retry rules decide in C (core/retry.h).

local admission = require "neap.call.admission"
local log = require "neap.native.log"
local null = require "neap.null"
local outcome = require "neap.call.outcome"
local redirects = require "neap.call.redirect"
local reply = require "neap.call.reply"

local M = {}

local FAILURES = { network = "network", timeout = "timeout" }

--- A wait for the next send that is long enough to be told, in seconds.
local LONG_WAIT = 60

--- Tells of a long wait between pages, of which nothing else tells. -> the verdict
local function tell_wait(x, said, verdict, seconds)
    if verdict == "retry" and x.is_opened and seconds >= LONG_WAIT then
        local endpoint = x.bound.endpoint
        log.write("info", "asking again after a wait", {
            call = endpoint.vendor .. "." .. endpoint.name, seconds = math.ceil(seconds), after = said,
        })
    end
    return verdict
end

--- A send without a usable answer: `err` is the transport's, or that of a reply cut short.
-- -> "retry" or else the verdict
local function settle_failure(x, err)
    local class = err.truncated and "truncated" or FAILURES[err.kind]
    x.doubt = x.doubt or err.sent or false
    return tell_wait(x, err.message, x.flowcall:settle(nil, class, err.sent))
end

local OUTAGE = { [502] = true, [503] = true, [504] = true }

--- Tells the session of an answer. -> true: it means that the token is dead. A token of an earlier run
-- may be one that the vendor knows no more at all.
local function note_session(bound, token, res)
    local status = res:status()
    local is_dead = reply.is_expiry(bound.session.spec.expired, bound.endpoint.envelope, res)
        or status == 401 and token.is_stored
    if is_dead then bound.session:drop(token) else bound.session:answered(token, status) end
    return is_dead
end

--- Judges an answer outside 2xx by the retry rules. -> "retry" or else the verdict
local function settle_refusal(x, res)
    local status = res:status()
    local verdict = tell_wait(x, "HTTP " .. status, x.flowcall:settle(status, nil, false, reply.retry_after(res)))
    if x.slot and OUTAGE[status] then
        x.slot:met_outage(x.bound.gate, status, rawget(x.bound.client, "outage_wait"))
    end
    x.doubt = x.doubt and (OUTAGE[status] or status == 429) or false
    return verdict
end

local function read_payload(bound, res) return reply.payload(bound, res) end

--- What follows from the verdict on a send without a usable answer (`err`), or on an answer that is neither a good one
-- nor a redirect that can be followed. -> as `answer`
local function conclude(x, res, err, verdict, is_expiry)
    if x.slot then x.slot:settled(x.doubt) end
    if verdict == "retry" and not admission.is_stopping(x.slot) then
        x.flowcall:forget()
        return false
    end
    if err then return true, outcome.transport_error(x, err, verdict) end
    return true, outcome.refusal(x, res, verdict, is_expiry)
end

--- What of an answer outside 2xx the retry rules are not asked about. -> "retry": it is to be sent again | nil, true,
-- payload, err: the outcome | nil
local function judge_apart(x, res, is_expiry)
    local status, flowcall = res:status(), x.flowcall
    if redirects.is_redirect(status) then
        flowcall:settle(status)
        local ok, err = redirects.follow(x, res)
        if not ok then return nil, true, outcome.fail(x, err) end
        return "retry"
    elseif is_expiry and not x.is_renewed then -- once per call: the second time it is refused
        flowcall:settle(status)
        x.is_renewed = true
        return "retry"
    elseif x.doubt and status == x.bound.endpoint.repeated then -- the send without an answer did arrive
        flowcall:settle(status)
        flowcall:judge()
        return nil, true, outcome.conclude(x, null)
    end
end

--- Judges what a send came back with, if it is not settled.
---@param x neap.Exchange
---@param token neap.Token|true
---@param res? userdata
---@param err? neap.Error of the transport, without an answer
---@return boolean is_over false: it is to be sent again
---@return any payload of the outcome
---@return neap.Error? err
function M.answer(x, token, res, err)
    if not res then return conclude(x, nil, err, settle_failure(x, err)) end
    local bound, status = x.bound, res:status()
    local is_expiry = bound.session and note_session(bound, token, res)
    if status >= 200 and status < 300 then
        local payload, failure, cut = (x.read or read_payload)(bound, res, x)
        if not cut then
            x.flowcall:settle(status)
            return true, outcome.conclude(x, payload, failure)
        end
        failure.sent = true
        return conclude(x, nil, failure, settle_failure(x, failure))
    end
    local verdict, is_over, payload, failure = judge_apart(x, res, is_expiry)
    if is_over then return true, payload, failure end
    return conclude(x, res, nil, verdict or settle_refusal(x, res), is_expiry)
end

return M
