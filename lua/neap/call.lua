--- One call, step by step (DESIGN.md 5): validate, then loop { reserve in all limits, send, classify },
-- then decode and unwrap. Retries, waits and the outage gate are decided in C (core/retry.h, gate.h);
-- here is the order in which things happen, and what an outcome is called.

local admission = require "neap.call.admission"
local binding = require "neap.call.bind"
local bodies = require "neap.call.body"
local build = require "neap.call.build"
local judge = require "neap.call.judge"
local log = require "neap.native.log"
local null = require "neap.null"
local outcome = require "neap.call.outcome"
local reply = require "neap.call.reply"
local runtime = require "neap.runtime"
local session = require "neap.session"
local task = require "neap.native.task"

local M = {}

--- Tells the log of one send; the request has no credential in it.
local function log_send(bound, request, res, err)
    log.write("debug", "sent", {
        call = bound.endpoint.vendor .. "." .. bound.endpoint.name, method = request.method,
        url = request.url, status = res and res:status() or nil, error = err and err.message or nil,
    })
end

--- Closed when a send outside of deliveries is over, however it ends.
local on_wire = setmetatable({}, { __close = function() runtime.on_wire = runtime.on_wire - 1 end })
local writing = setmetatable({}, { __close = function() runtime.writing = runtime.writing - 1 end })

--- -> response | nil, err | nil, nil, the decoded body of a 2xx answer that is settled (csrc/lua/route.c);
-- the last never where somebody else reads the answer.
local function transmit(bound, request, flowcall, credential, read)
    if request.is_opened then return bodies.send(bound, request, flowcall, credential) end
    if request.headers ~= build.HEADERS or request.holds_token then
        return bound.http:send(request, flowcall, credential or bound.credential, bound.timeout)
    end
    return flowcall:send(request.url, request.body, credential, read or bound.session or bound.reads_xml)
end

local function send(bound, request, flowcall, slot, credential, read)
    local write = bound.endpoint.write ~= "read"
    runtime.sends = runtime.sends + 1
    if not slot then
        runtime.on_wire = runtime.on_wire + 1
        local _ <close> = on_wire
        if write then runtime.writing = runtime.writing + 1 end
        local _ <close> = write and writing or nil
        return transmit(bound, request, flowcall, credential, read)
    end
    local _ <close> = slot:sending(flowcall, write, request)
    local res, err, decoded = transmit(bound, request, flowcall, credential, read)
    slot:answered(write)
    return res, err, decoded
end

--- One send and what follows from it. -> as `judge.answer`
local function attempt(bound, request, flowcall, slot, read, token, doubt)
    local res, err, decoded = send(bound, request, flowcall, slot, bound.session and token.credential or nil, read)
    if log.enabled "debug" then log_send(bound, request, res or flowcall:answer(), err) end
    if decoded == nil then return judge.answer(bound, request, flowcall, slot, read, token, doubt, res, err) end
    return true, outcome.conclude(bound, flowcall, slot, doubt, reply.judge(bound, decoded, flowcall))
end

--- Sends until there is an outcome. `read` makes the result of a 2xx answer, the payload by default; `held` is a
-- call that somebody else finishes; `lock` is the turn of its key. Each of many waiting calls has this frame, and a
-- stack as deep as it ever was: so it has few variables, and its caller calls it last.
local function exchange(bound, request, slot, read, held, lock)
    local _ <close> = lock
    if lock then lock:acquire(slot) end
    local flowcall = held or bound.route:call(request.policy, request.is_repeatable)
    local _ <close> = not held and flowcall or nil
    if held then request.hops, request.is_renewed = nil, nil end
    local doubt = false -- an earlier send may have taken effect
    while true do
        local token, err = admission.enter(bound, flowcall, slot)
        if not token then
            err.down = err.kind == "outage"
            return outcome.fail(bound, flowcall, err, doubt)
        end
        local is_over, payload
        is_over, payload, err = attempt(bound, request, flowcall, slot, read, token, doubt)
        if is_over then return payload, err end
        doubt = payload
    end
end

--- May a send of this call be repeated? A keyed one without its key counts twice.
local function is_repeatable(endpoint, values)
    if endpoint.write ~= "keyed" then return endpoint.write ~= "unsafe" end
    local key = endpoint.key and endpoint.key(values)
    return key ~= nil and key ~= null
end

local function request_of(bound, values)
    local request = build.request(bound.endpoint, bound.client, values)
    if is_repeatable(bound.endpoint, values) then return request end
    request.is_repeatable, request.policy = false, binding.policy(bound.client, false)
    return request
end

--- What goes over the wire, made at once: what a caller then does to its tables changes nothing.
---@return table|nil bound nil without an error: a dry run, the call is noted
---@return table|neap.Error|nil request
local function prepare(handle, client, values)
    local endpoint = handle.endpoint
    if runtime.options.dry_run and endpoint.write ~= "read" then
        require("neap.call.dry_run").note(endpoint, client, values)
        return nil
    end
    local bound, err = binding.bind(handle, client)
    if not bound then return outcome.refused(err, endpoint) end
    return bound, request_of(bound, values)
end

--- Sends what was prepared. Waits without blocking.
local function finish(bound, request, slot, lock)
    if bound then return exchange(bound, request, slot, nil, nil, lock) end
    if request then return nil, request end -- an error
    return null
end

--- Sends a call whose values are checked and in wire form; in a dry run notes it. Waits without blocking.
---@async
---@param handle table endpoint handle of client.lua
---@param client neap.Client
---@param values table<string, any>
---@param slot? neap.Slot whom to tell what becomes of it
---@return any payload
---@return neap.Error? err
function M.send(handle, client, values, slot)
    local bound, request = prepare(handle, client, values)
    return finish(bound, request, slot)
end

--- Logs in: sends the call, a dry run too, and takes the token out of the answer.
---@async
---@param handle table endpoint handle of client.lua
---@param client neap.Client
---@param params table<string, any>
---@param member? string of the answer; nil: the answer is the token
---@return userdata|nil secret
---@return neap.Error? err
function M.login(handle, client, params, member)
    local values, err = build.validate(handle.endpoint, client, params)
    local bound
    if values then bound, err = binding.bind(handle, client) end
    if not bound then return outcome.refused(err, handle.endpoint) end
    local request = request_of(bound, values)
    request.policy = binding.login_policy(client)
    request.holds_token = true
    return exchange(bound, request, nil, reply.token(member))
end

session.login = M.login

--- Asks for one page: the whole of an answer, with what tells where the next one is; of a long one a body that
-- is still arriving.
---@async
---@param handle table endpoint handle of client.lua
---@param client neap.Client
---@param values table<string, any> checked and in wire form
---@param target? string URL to ask for in place of the endpoint's own
---@param ordered? boolean objects remember the order of their names
---@return neap.Reply|neap.call.Body|nil
---@return neap.Error? err
function M.page(handle, client, values, target, ordered)
    local bound, request = prepare(handle, client, values)
    if not bound then return finish(bound, request) end
    if target then request.url = target end
    return bodies.open(bound, request, task.attached(), exchange, ordered)
end

--- Puts the sends of a batch before those that followed.
local function prepend(earlier, err)
    local attempts = table.move(earlier, 1, #earlier, 1, {})
    err.attempts = table.move(err.attempts or {}, 1, #(err.attempts or {}), #attempts + 1, attempts)
end

--- Adds what the definition asks for where a batch was refused.
local function with(values, more)
    local all = {}
    for name, value in pairs(values) do all[name] = value end
    for name, value in pairs(more or {}) do all[name] = value end
    return all
end

--- Sends a call with others if the vendor takes it so, else alone.
local function gather(handle, client, values, slot, lock)
    local _ <close> = lock
    if lock then lock:acquire(slot) end
    local payload, err, earlier = slot.delivery.batches:join(handle, client, values, slot)
    if payload ~= nil or err then return payload, err end
    payload, err = M.send(handle, client, earlier and with(values, handle.endpoint.batch.alone) or values, slot)
    if err and earlier then prepend(earlier, err) end
    return payload, err
end

--- The turn of a call's key; nil where it has none.
local function lock_of(slot, endpoint, client, values)
    local key = endpoint.key and endpoint.key(values)
    if key == nil or key == null then return nil end
    return slot:lock(endpoint, client, key)
end

--- A login by hand: opens the session that calls would open by themselves. The token stays here.
local function log_in(handle, client, params)
    local opened, err = session.by_login(client, handle.endpoint.name)
    if opened and next(params or {}) then opened, err = nil, session.settings_error(opened) end
    local token
    if opened then token, err = opened:token() end
    if not token then return outcome.complete(err, { endpoint = handle.endpoint }) end
    return null
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
    if endpoint.is_login then return log_in(handle, client, params) end
    local values, err = build.validate(endpoint, client, params or {})
    if not values then return outcome.refused(err, endpoint) end
    local slot = task.attached()
    if not slot then return M.send(handle, client, values) end
    local lock = lock_of(slot, endpoint, client, values)
    if endpoint.batch and slot.delivery.batches then
        return gather(handle, client, build.snapshot(values), slot, lock)
    end
    local bound, request = prepare(handle, client, values)
    return finish(bound, request, slot, lock)
end

return M
