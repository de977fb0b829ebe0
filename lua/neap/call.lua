--- One call, step by step (DESIGN.md 5): what is asked for is checked and made a request here; exchange.lua sends it
-- and says what became of it.

local binding = require "neap.call.bind"
local bodies = require "neap.call.body"
local build = require "neap.call.build"
local exchange = require "neap.call.exchange"
local null = require "neap.null"
local outcome = require "neap.call.outcome"
local reply = require "neap.call.reply"
local runtime = require "neap.runtime"
local session = require "neap.session"
local task = require "neap.native.task"

local M = {}

--- May a send of this call be repeated? A keyed one without its key counts twice.
local function is_repeatable(endpoint, values)
    if endpoint.write ~= "keyed" then return endpoint.write ~= "unsafe" end
    local key = endpoint.key and endpoint.key(values)
    return key ~= nil and key ~= null
end

local function exchange_of(bound, values, slot, key)
    local x = exchange.new(bound, slot, key, build.request(bound.endpoint, bound.client, values))
    if is_repeatable(bound.endpoint, values) then return x end
    x.is_repeatable, x.policy = false, binding.policy(bound.client, false)
    return x
end

--- What goes over the wire, made at once: what a caller then does to its tables changes nothing.
---@return neap.Exchange|nil exchange nil without an error: a dry run, the call is noted
---@return neap.Error? err
local function prepare(handle, client, values, slot, key)
    local endpoint = handle.endpoint
    if runtime.options.dry_run and endpoint.write ~= "read" then
        require("neap.call.dry_run").note(endpoint, client, values)
        return nil
    end
    local bound, err = binding.bind(handle, client)
    if not bound then return outcome.refused(err, endpoint) end
    return exchange_of(bound, values, slot, key)
end

--- Sends what was prepared. Waits without blocking.
local function finish(x, err)
    if x then return exchange.proceed(x) end
    if err then return nil, err end
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
    return finish(prepare(handle, client, values, slot))
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
    local x = exchange_of(bound, values)
    x.policy, x.read = binding.login_policy(client), reply.token(member)
    x.holds_token, x.is_special = true, true
    return exchange.proceed(x)
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
    local x, err = prepare(handle, client, values, task.attached())
    if not x then return finish(x, err) end
    if target then x.url = target end
    return bodies.open(x, exchange.proceed, ordered)
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

--- Holds a key until it is closed.
local Turn = { __close = function(turn) turn.keys:release(turn) end }

--- Sends a call with others if the vendor takes it so, else alone.
local function gather(handle, client, values, slot, key)
    local turn <close> = key and setmetatable({ keys = slot:keys(handle.endpoint, client), key = key }, Turn) or nil
    if turn then turn.keys:acquire(turn, slot) end
    local payload, err, earlier = slot.delivery.batches:join(handle, client, values, slot)
    if payload ~= nil or err then return payload, err end
    payload, err = M.send(handle, client, earlier and with(values, handle.endpoint.batch.alone) or values, slot)
    if err and earlier then prepend(earlier, err) end
    return payload, err
end

--- The key of a call's record; nil where it has none.
local function key_of(endpoint, values)
    local key = endpoint.key and endpoint.key(values)
    if key == nil or key == null then return nil end
    if type(key) == "string" then return key end
    return type(key) == "number" and key .. "" or tostring(key)
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
    local key = key_of(endpoint, values)
    if endpoint.batch and slot.delivery.batches then
        return gather(handle, client, build.snapshot(values), slot, key)
    end
    return finish(prepare(handle, client, values, slot, key))
end

return M
