--- One exchange with a vendor: a call's request, its sends and what becomes of them, in a loop { wait for limits and
-- gate, send, judge }. Retries, waits and the outage gate are decided in C (core/retry.h, gate.h).
--
-- A call that waits for long (its retry, a pause, a closed gate) needs no coroutine where nothing else is left on the
-- stack of its task: the script's function has ended with `return vendor:endpoint{ ... }`. Then `proceed` returns,
-- and the exchange is what the task goes on with (csrc/lua/task_left.c). So whoever calls it calls it last.

local admission = require "neap.call.admission"
local bodies = require "neap.call.body"
local build = require "neap.call.build"
local judge = require "neap.call.judge"
local log = require "neap.native.log"
local outcome = require "neap.call.outcome"
local reply = require "neap.call.reply"
local runtime = require "neap.runtime"

local M = {}

--- Many may wait for hours: eight fields are as many as a table has room for before it doubles, so what few have comes
-- later.
---@class neap.Exchange
---@field bound neap.Bound
---@field url string
---@field body? string
---@field slot? neap.Slot whom to tell what becomes of it
---@field key? string of its record: it waits for its turn, and is a holder for deliver/lock.lua
---@field flowcall? userdata from the beginning on
---@field read? function makes the result of a 2xx answer, the payload by default
---@field doubt boolean an earlier send may have taken effect
---@field is_special? boolean it has one of headers, holds_token, is_opened
---@field headers? string[] other ones than build.HEADERS
---@field policy? userdata other retry programs than those of calls that may be repeated
---@field is_repeatable? false
---@field holds_token? boolean of its answer
---@field is_opened? boolean its answer is read while it arrives, and somebody else finishes the call (body.lua)
---@field is_whole? any the answer is there, of one that is opened
---@field hops? integer redirects so far
---@field is_renewed? boolean a dead token was renewed for it
local Exchange = {}

--- The exchange with which its task is about to go on: it is not over, unless that fails.
local leaving

--- Idempotent, for a task that fails may not know that it was closed.
function Exchange.__close(x, err)
    if leaving == x then
        leaving = nil
        if err == nil then return end
    end
    if x.flowcall and not x.is_opened then x.flowcall:finish(err) end
    if x.key then x.slot:keys(x.bound.endpoint, x.bound.client):release(x) end
end

--- Makes an exchange of the request that build.request has made.
---@param bound neap.Bound
---@param slot? neap.Slot
---@param key? string with a slot only
---@param url string
---@param body? string
---@param headers string[]
---@return neap.Exchange
function M.new(bound, slot, key, url, body, headers)
    local x = setmetatable({
        bound = bound, url = url, body = body, slot = slot, key = key, flowcall = nil, read = nil, doubt = false,
    }, Exchange)
    if headers ~= build.HEADERS then x.headers, x.is_special = headers, true end
    return x
end

--- Tells the log of one send; the request has no credential in it.
local function log_send(x, res, err)
    local endpoint = x.bound.endpoint
    log.write("debug", "sent", {
        call = endpoint.vendor .. "." .. endpoint.name, method = endpoint.method,
        url = x.url, status = res and res:status() or nil, error = err and err.message or nil,
    })
end

--- Closed when a send outside of deliveries is over, however it ends.
local on_wire = setmetatable({}, { __close = function() runtime.on_wire = runtime.on_wire - 1 end })
local writing = setmetatable({}, { __close = function() runtime.writing = runtime.writing - 1 end })

--- Sends what the route of the endpoint does not (csrc/lua/route.c). -> response | nil, err
local function transmit_special(x, credential)
    local bound = x.bound
    if x.is_opened then return bodies.send(x, credential) end
    return bound.http:send({
        method = bound.endpoint.method, url = x.url, headers = x.headers or build.HEADERS, body = x.body,
        holds_token = x.holds_token,
    }, x.flowcall, credential or bound.credential, bound.timeout)
end

--- -> response | nil, err | nil, nil, the decoded body of a 2xx answer that is settled; the last never where somebody
-- else reads the answer.
local function transmit(x, credential)
    if x.is_special then return transmit_special(x, credential) end
    local bound = x.bound
    return x.flowcall:send(x.url, x.body, credential, x.read or bound.session or bound.reads_xml)
end

local function send(x, credential)
    local slot, write = x.slot, x.bound.endpoint.write ~= "read"
    runtime.sends = runtime.sends + 1
    if not slot then
        runtime.on_wire = runtime.on_wire + 1
        local _ <close> = on_wire
        if write then runtime.writing = runtime.writing + 1 end
        local _ <close> = write and writing or nil
        return transmit(x, credential)
    end
    local _ <close> = slot:sending(x.flowcall, write, x)
    local res, err, decoded = transmit(x, credential)
    slot:answered(write)
    return res, err, decoded
end

--- One send and what follows from it. -> as `judge.answer`
local function attempt(x, token)
    local res, err, decoded = send(x, x.bound.session and token.credential or nil)
    if log.enabled "debug" then log_send(x, res or x.flowcall:answer(), err) end
    if decoded == nil then return judge.answer(x, token, res, err) end
    return true, outcome.conclude(x, reply.judge(x.bound, decoded, x.flowcall))
end

--- Sends until there is an outcome; see the head of this file.
---@async
---@param x neap.Exchange
---@return any payload
---@return neap.Error? err
function M.proceed(x)
    local _ <close> = x
    local waited, err = admission.arrive(x)
    while waited ~= nil do
        local token, held_up, places = admission.try_enter(x), nil, nil
        if not token then held_up, places = admission.held_up(x, waited) end
        if held_up then
            local left
            if held_up == "line" then left = x.flowcall:admit(x) else left = x.flowcall:wait(places, x) end
            if type(left) == "userdata" then
                leaving = x
                return left
            end
            waited, err = admission.overcome(x)
        else
            local is_over, payload
            if not token then token, err = admission.enter(x) end
            if token == nil then break end
            if token then is_over, payload, err = attempt(x, token) end
            if is_over then return payload, err end
            waited = false
        end
    end
    err.down = err.kind == "outage"
    return outcome.fail(x, err)
end

Exchange.__call = M.proceed

return M
