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
local function tell_wait(bound, request, said, verdict, seconds)
    if verdict == "retry" and request.is_opened and seconds >= LONG_WAIT then
        log.write("info", "asking again after a wait", {
            call = bound.endpoint.vendor .. "." .. bound.endpoint.name, seconds = math.ceil(seconds), after = said,
        })
    end
    return verdict
end

--- A send without a usable answer: `err` is the transport's, or that of a reply cut short.
-- -> "retry" or else the verdict; is there doubt now
local function settle_failure(bound, request, flowcall, err, doubt)
    local class = err.truncated and "truncated" or FAILURES[err.kind]
    return tell_wait(bound, request, err.message, flowcall:settle(nil, class, err.sent)), doubt or err.sent
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
local function settle_refusal(bound, request, flowcall, slot, res)
    local status = res:status()
    local verdict = tell_wait(bound, request, "HTTP " .. status,
        flowcall:settle(status, nil, false, reply.retry_after(res)))
    if slot and OUTAGE[status] then slot:met_outage(bound.gate, status, rawget(bound.client, "outage_wait")) end
    return verdict
end

local function read_payload(bound, res) return reply.payload(bound, res) end

--- Judges a send without a usable answer, or an answer that is neither a good one nor a redirect that can be followed.
-- -> as `answer`
local function settle(bound, request, flowcall, slot, res, err, doubt, verdict, is_expiry)
    if not verdict and err then
        verdict, doubt = settle_failure(bound, request, flowcall, err, doubt)
    elseif not verdict then
        verdict = settle_refusal(bound, request, flowcall, slot, res)
        local status = res:status()
        doubt = doubt and (OUTAGE[status] or status == 429)
    end
    if slot then slot:settled(doubt) end
    if verdict == "retry" and not admission.is_stopping(slot) then
        flowcall:forget()
        return false, doubt
    end
    if err then return true, outcome.transport_error(bound, request, flowcall, err, verdict, doubt) end
    return true, outcome.refusal(bound, flowcall, res, verdict, doubt, is_expiry)
end

--- What of an answer outside 2xx the retry rules are not asked about. -> "retry": it is to be sent again | nil, true,
-- payload, err: the outcome | nil
local function judge_apart(bound, request, flowcall, slot, res, doubt, is_expiry)
    local status = res:status()
    if redirects.is_redirect(status) then
        flowcall:settle(status)
        local hops = request.hops or 0
        local ok, err = redirects.follow(request, res, hops)
        if not ok then return nil, true, outcome.fail(bound, flowcall, err, doubt) end
        request.hops = hops + 1
        return "retry"
    elseif is_expiry and not request.is_renewed then -- once per call: the second time it is refused
        flowcall:settle(status)
        request.is_renewed = true
        return "retry"
    elseif doubt and status == bound.endpoint.repeated then -- the send without an answer did arrive
        flowcall:settle(status)
        flowcall:judge()
        return nil, true, outcome.conclude(bound, flowcall, slot, doubt, null)
    end
end

--- Judges what a send came back with, if it is not settled.
---@param bound neap.Bound
---@param request table
---@param flowcall userdata
---@param slot? neap.Slot
---@param read? function makes the result of a 2xx answer, the payload by default
---@param token neap.Token|true
---@param doubt boolean an earlier send may have taken effect
---@param res? userdata
---@param err? neap.Error of the transport, without an answer
---@return boolean is_over false: it is to be sent again
---@return any payload of the outcome; else whether there is doubt now
---@return neap.Error? err
function M.answer(bound, request, flowcall, slot, read, token, doubt, res, err)
    if not res then return settle(bound, request, flowcall, slot, nil, err, doubt) end
    local status = res:status()
    local is_expiry = bound.session and note_session(bound, token, res)
    if status >= 200 and status < 300 then
        local payload, failure, cut = (read or read_payload)(bound, res, request)
        if not cut then
            flowcall:settle(status)
            return true, outcome.conclude(bound, flowcall, slot, doubt, payload, failure)
        end
        failure.sent = true
        return settle(bound, request, flowcall, slot, nil, failure, doubt)
    end
    local verdict, is_over, payload, failure = judge_apart(bound, request, flowcall, slot, res, doubt, is_expiry)
    if is_over then return true, payload, failure end
    return settle(bound, request, flowcall, slot, res, nil, doubt, verdict, is_expiry)
end

return M
