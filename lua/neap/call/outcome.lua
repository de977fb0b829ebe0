--- What became of a call: its payload, or an error with the call's history.

local errors = require "neap.error"
local meter = require "neap.native.meter"
local reply = require "neap.call.reply"

local M = {}

--- Says of which call an error is. -> nil, err
---@param err neap.Error
---@param bound { endpoint: neap.Endpoint }
function M.complete(err, bound)
    err.vendor, err.endpoint = bound.endpoint.vendor, bound.endpoint.name
    err.where = err.where or errors.caller()
    return nil, err
end

--- The same for a call that failed before it could wait or be sent: of those only the metrics know. -> nil, err
---@param err neap.Error
---@param endpoint neap.Endpoint
function M.refused(err, endpoint)
    meter.refused(endpoint.vendor, endpoint.name, err.kind)
    return M.complete(err, { endpoint = endpoint })
end

--- What became of a call that failed.
local function outcome_of(x)
    local _, departures = x.flowcall:sends()
    if departures == 0 then return "not_sent" end
    return x.doubt and x.bound.endpoint.write ~= "read" and "unknown" or "rejected"
end

--- Gives the error the call's history. -> nil, err
---@param x neap.Exchange
---@param err neap.Error
function M.fail(x, err)
    local attempts = x.flowcall:attempts()
    if attempts[1] or not err.attempts then err.attempts = attempts end -- else those of a login
    err.outcome = outcome_of(x)
    x.flowcall:judge(err.kind)
    return M.complete(err, x.bound)
end

--- What comes again however often one asks.
local LASTING = { too_large = true, decode = true }

--- The outcome of a call that failed without a usable answer.
---@param x neap.Exchange
---@param err neap.Error
---@param verdict string of the retry rules
function M.transport_error(x, err, verdict)
    err.retryable = not LASTING[err.kind] and (x.is_repeatable ~= false or not err.sent)
    if err.kind == "too_large" then err.hint = err.hint or "it would be as large again; the vendor has to mend it" end
    if err.kind == "auth" then -- it never goes to another origin: it is the transport that was refused
        err.message = ("%s.base_url: a key goes over plain http to this machine only, use https")
            :format(x.bound.endpoint.vendor)
    end
    if verdict == "unknown" then
        err.hint = "it may have taken effect; it is not sent again because a repeat could count twice"
    end
    return M.fail(x, err)
end

--- Notes for the account whether the vendor took the credential; true when it counts as refused now.
local function note_credential(bound, refused)
    return (bound.credential or bound.session) ~= nil and bound.account:note_answer(refused)
end

--- Judges an answer outside 2xx and 3xx after its retries are spent.
---@param x neap.Exchange
---@param res userdata
---@param verdict string of the retry rules
---@param is_expiry? boolean it says that the session's token has expired
function M.refusal(x, res, verdict, is_expiry)
    local bound, status = x.bound, res:status()
    local message, code = reply.complaint(bound.endpoint.envelope, res)
    local err = errors.new {
        kind = reply.kind(status, bound.client.model), status = status, message = message, code = code,
    }
    if err.kind == "auth" and is_expiry then -- for the second time
        err.hint = "the session ended at once: does somebody else log in as this user?"
    elseif err.kind == "auth" then
        err.credential_refused = note_credential(bound, true)
        err.hint = err.credential_refused and (bound.endpoint.is_login and "check user name and password"
            or "check the key and where it comes from") or nil
    end
    err.retryable = verdict == "fail"
    if bound.endpoint.is_login then err.wait = reply.retry_after(res) end
    err.down = err.kind == "outage" and bound.gate:state() == "down" or nil
    return M.fail(x, err)
end

--- The outcome of a complete 2xx answer, which is settled.
---@param x neap.Exchange
---@param payload any
---@param err? neap.Error without a payload
function M.conclude(x, payload, err)
    local bound = x.bound
    if x.slot and payload ~= nil then x.slot:succeeded(bound.endpoint.write ~= "read") end
    local is_taken = payload ~= nil or err.kind == "rejected"
    if is_taken and not bound.endpoint.is_login then note_credential(bound, false) end
    if payload ~= nil then return payload end
    x.doubt = x.doubt or err.kind == "decode"
    return M.fail(x, err)
end

return M
