--- One call, step by step (DESIGN.md 5): validate, then loop { reserve in all limits, send, classify },
-- then decode and unwrap. Retries, waits and the outage gate are decided in C (core/retry.h, gate.h);
-- here is the order in which things happen, and what an outcome is called.

local build = require "neap.call.build"
local errors = require "neap.error"
local flow = require "neap.native.flow"
local locals = require "neap.locals"
local null = require "neap.null"
local reply = require "neap.call.reply"
local runtime = require "neap.runtime"
local settings = require "neap.settings"
local url = require "neap.native.url"
local vendor = require "neap.vendor"

local M = {}

local MAX_REDIRECTS = 5

local POLICY_SECONDS = { "base", "max", "every", "total" }

local function resolve_rule(rule, values)
    local r = {
        status = rule.on, backoff = rule.backoff, factor = rule.factor, jitter = rule.jitter or "none",
        retries = rule.retries, gate = rule.gate, total = rule.total,
    }
    for _, status in ipairs(rule.on) do r.pause = r.pause or status == 429 end
    for _, name in ipairs(POLICY_SECONDS) do
        local value = rule[name]
        if vendor.is_setting(value) then value = values[value.setting] end
        if name == "every" then r.base = value or r.base else r[name] = value end
    end
    return r
end

local function policy_of(client)
    if not rawget(client, "policy") then
        local rules = {}
        for i, rule in ipairs(client.model.retry) do rules[i] = resolve_rule(rule, client.settings) end
        rawset(client, "policy", flow.policy(rules))
    end
    return rawget(client, "policy")
end

--- What calls of one endpoint of one client share; made at the first.
local function bind(handle, client)
    local endpoint = handle.endpoint
    if #client.missing > 0 then return nil, settings.missing_error(client.model, client.missing) end
    local queue, gate = client.account:queue(client.model, endpoint, client.settings)
    handle.bound = {
        endpoint = endpoint, client = client, account = client.account,
        queue = queue, gate = gate,
        policy = policy_of(client),
        credential = M.credential(client, endpoint.auth),
        repeatable = endpoint.write ~= "unsafe",
        http = runtime.http(client.settings.connections),
        timeout = client.settings.timeout,
        decode_options = runtime.options.ordered and { ordered = true } or nil,
    }
    return handle.bound
end

local function complete(err, bound)
    err.vendor, err.endpoint = bound.endpoint.vendor, bound.endpoint.name
    err.where = err.where or errors.caller()
    return nil, err
end

--- Gives the error the call's history.
local function fail(bound, flowcall, err)
    err.attempts = flowcall:attempts()
    if not err.outcome then err.outcome = #err.attempts == 0 and "not_sent" or "rejected" end
    return complete(err, bound)
end

--- Waits until the call may be sent. A long wait gives the record's place back, and what is reserved is
-- reserved after a place was found; the one that probes a closed gate needs none, or those that wait
-- behind the gate could keep it from opening.
local function admit(flowcall, slot)
    while slot and flowcall:blocked() do -- anew after a place was found: the gate may have closed again
        slot:park()
        local ok, err = flowcall:wait()
        if not ok then return nil, err end
        if flowcall:probing() then break end
        slot:unpark()
    end
    return flowcall:admit()
end

local function send(bound, request, flowcall, slot)
    runtime.sends = runtime.sends + 1
    if not slot then return bound.http:send(request, flowcall) end
    slot:sending(flowcall)
    local res, err = bound.http:send(request, flowcall)
    slot:answered()
    return res, err
end

--- The outcome of a call that failed without a usable answer.
local function transport_error(bound, flowcall, err, verdict)
    if err.sent and bound.endpoint.write ~= "read" then err.outcome = "unknown" end
    if not err.sent then
        err.outcome = flowcall:sends() <= 1 and "not_sent" or err.outcome
    end
    err.retryable = bound.repeatable or not err.sent
    if verdict == "unknown" then
        err.hint = "it may have taken effect; it is not sent again because a repeat could count twice"
    end
    return fail(bound, flowcall, err)
end

local FAILURES = { network = "network", timeout = "timeout" }

--- Follows a redirect or says why not. -> true: the request was changed; nil, err
local function redirect(bound, request, res, hops)
    local status, location = res:status(), res:header "location"
    local function refuse(fmt, ...)
        return nil, errors.new {
            kind = "redirect", status = status, message = fmt:format(...),
            hint = "check base_url: the API seems to have moved",
        }
    end
    local target = location and url.resolve(request.url, location)
    if not target then return refuse "a redirect without a usable Location" end
    if hops >= MAX_REDIRECTS then return refuse("more than %d redirects", MAX_REDIRECTS) end
    if not url.same_origin(request.url, target) then
        return refuse("the vendor redirects to another origin (%s); nothing was sent there",
            url.parse(target).origin)
    end
    if request.method ~= "GET" and status ~= 307 and status ~= 308 then
        return refuse("the vendor redirects a %s to %s, which would lose its body", request.method,
            url.parse(target).path)
    end
    request.url = target
    return true
end

local function is_redirect(status)
    return status == 301 or status == 302 or status == 303 or status == 307 or status == 308
end

--- Judges an answer outside 2xx and 3xx after its retries are spent.
local function refusal(bound, flowcall, res, verdict)
    local status = res:status()
    local message, code = reply.complaint(bound.client.model.envelope, res)
    local err = errors.new { kind = reply.kind(status, bound.client.model), status = status, message = message, code = code }
    if err.kind == "auth" then
        err.credential_refused = bound.account:note_answer(true)
        err.hint = err.credential_refused and "check the key and where it comes from" or nil
    end
    err.retryable = verdict == "fail"
    err.down = err.kind == "outage" and bound.gate:state() == "down" or nil
    return fail(bound, flowcall, err)
end

--- Reads a 2xx answer. -> payload | nil, err, is the failure a cut reply
local function success(bound, flowcall, res)
    local payload, err, cut = reply.payload(bound, res)
    if payload ~= nil then
        bound.account:note_answer(false)
        return payload
    end
    if cut then return nil, err, true end
    if err.kind == "decode" and bound.endpoint.write ~= "read" then err.outcome = "unknown" end
    if err.kind == "rejected" then bound.account:note_answer(false) end
    return fail(bound, flowcall, err)
end

--- Sends until there is an outcome.
local function exchange(bound, request, slot)
    local flowcall <close> = flow.call(bound.queue, bound.policy, bound.repeatable)
    local hops = 0
    while true do
        local ok, err = admit(flowcall, slot)
        if not ok then
            err.down = err.kind == "outage"
            return fail(bound, flowcall, err)
        end
        local verdict
        local res, transport = send(bound, request, flowcall, slot)
        if not res then
            local class = transport.truncated and "truncated" or FAILURES[transport.kind]
            if not class then
                flowcall:settle(nil, nil, transport.sent)
                return transport_error(bound, flowcall, transport, "fail")
            end
            verdict = flowcall:settle(nil, class, transport.sent)
            if slot then slot:failed(transport.sent) end
            if verdict ~= "retry" or (slot and slot.stopping) then
                return transport_error(bound, flowcall, transport, verdict)
            end
        else
            local status = res:status()
            if status >= 200 and status < 300 then
                local payload, failure, cut = success(bound, flowcall, res)
                verdict = flowcall:settle(not cut and status or nil, cut and "truncated" or nil, cut)
                if not cut then return payload, failure end
                if slot then slot:failed(true) end
                if verdict ~= "retry" or (slot and slot.stopping) then
                    failure.sent = true
                    return transport_error(bound, flowcall, failure, verdict)
                end
            elseif is_redirect(status) then
                flowcall:settle(status)
                local followed, refused = redirect(bound, request, res, hops)
                if not followed then return fail(bound, flowcall, refused) end
                hops = hops + 1
            else
                verdict = flowcall:settle(status, nil, false, reply.retry_after(res))
                if slot then slot:failed(false) end
                if verdict ~= "retry" or (slot and slot.stopping) then
                    return refusal(bound, flowcall, res, verdict)
                end
            end
        end
    end
end

--- Makes one call. Misuse and expected failures alike come back as `nil, err`; a success is never nil
-- (`neap.null` for no payload). Waits without blocking.
---@async
---@param handle table endpoint handle of client.lua
---@param client neap.Client
---@param params? table<string, any>
---@return any payload
---@return neap.Error? err
function M.perform(handle, client, params)
    local endpoint = handle.endpoint
    local values, err = build.validate(endpoint, client, params or {})
    if not values then return complete(err, { endpoint = endpoint }) end
    if runtime.options.dry_run and endpoint.write ~= "read" then
        return require("neap.call.dry_run").note(endpoint, client, values)
    end
    local bound = handle.bound
    if not bound then
        bound, err = bind(handle, client)
        if not bound then return complete(err, { endpoint = endpoint }) end
    end
    local slot = locals.get "slot"
    local key = slot and endpoint.key and endpoint.key(values)
    local request = build.request(endpoint, client, values)
    request.credential, request.timeout = bound.credential, bound.timeout
    if key == nil or key == null then return exchange(bound, request, slot) end
    local lock <close> = slot:lock(endpoint, client, key)
    lock:acquire(slot)
    return exchange(bound, request, slot)
end

return M
