--- What calls of one endpoint of one client share: queue, retry program, credential, connections.

local account = require "neap.account"
local auth = require "neap.vendor.auth"
local build = require "neap.call.build"
local errors = require "neap.error"
local flow = require "neap.native.flow"
local policies = require "neap.vendor.policy"
local registry = require "neap.registry"
local route = require "neap.native.route"
local runtime = require "neap.runtime"
local secrets = require "neap.native.secret"
local session = require "neap.session"
local settings = require "neap.settings"
local state = require "neap.state"
local vendor = require "neap.vendor"

local M = {}

local function resolve_rule(rule, values)
    local r = {
        status = rule.on, backoff = rule.backoff, factor = rule.factor, jitter = rule.jitter or "none",
        retries = rule.retries, gate = rule.gate, total = rule.total,
    }
    for _, status in ipairs(rule.on) do r.pause = r.pause or status == 429 end
    for _, name in ipairs(policies.DURATIONS) do
        local value = rule[name]
        if vendor.is_setting(value) then value = values[value.setting] end
        if name == "every" then r.base = value or r.base else r[name] = value end
    end
    return r
end

--- The retry programs of a client's calls: those that may be repeated have more of them.
---@param client neap.Client
---@param is_repeatable boolean
---@return userdata
function M.policy(client, is_repeatable)
    local name = is_repeatable and "policy" or "unsafe_policy"
    if not rawget(client, name) then
        local rules = {}
        for _, rule in ipairs(client.model.retry) do
            if is_repeatable or not rule.only then rules[#rules + 1] = resolve_rule(rule, client.settings) end
        end
        for _, rule in ipairs(rules) do
            if rule.gate then rawset(client, "outage_wait", rule.base) end
        end
        rawset(client, name, flow.policy(rules))
    end
    return rawget(client, name)
end

--- The retry program of logins: what 429 means there, and how long it lasts, the session knows.
---@param client neap.Client
---@return userdata
function M.login_policy(client)
    if not rawget(client, "own_login_policy") then
        local rules = { { status = { 429 }, retries = 0, base = 0, backoff = "constant", jitter = "none" } }
        for _, rule in ipairs(client.model.retry) do
            local resolved, others = resolve_rule(rule, client.settings), {}
            for _, status in ipairs(resolved.status) do
                if status ~= 429 then others[#others + 1] = status end
            end
            resolved.status, resolved.pause = others, nil
            if others[1] then rules[#rules + 1] = resolved end
        end
        rawset(client, "own_login_policy", flow.policy(rules))
    end
    return rawget(client, "own_login_policy")
end

local function unknown_path(endpoint)
    return errors.new {
        kind = "invalid", outcome = "not_sent",
        message = "its path is not known: the vendor's documents that Neap was written after only name it",
        hint = ("`neap describe %s` shows what can be called"):format(endpoint.vendor),
    }
end

--- Where limits are kept that all processes share; nil where there are none. A file that fails stops the
-- calls: a limit that is not counted would be broken.
local function shared_limits(client)
    if account.has_window(client.model, client.settings) then return state.store() end
end

--- The credential of one entry of `auth`; nil for "none" and for sessions.
local function credential_of(client, name)
    local spec = auth.chosen(client.model.auth[name], client.settings)
    if not spec or not spec.secret then return nil end
    local made = client.credentials[name]
    if not made then
        local field = spec.name
        if spec.place == "basic" then field = client.settings[spec.name] end
        made = secrets.credential {
            { place = spec.place, name = field, secret = client.settings[spec.secret] },
            origins = { client.base_url },
        }
        client.credentials[name] = made
    end
    return made
end

---@class neap.Bound what calls of one endpoint of one client share
---@field endpoint neap.Endpoint
---@field client neap.Client
---@field account neap.Account
---@field queue userdata
---@field gate userdata
---@field policy userdata of calls that may be repeated
---@field credential? userdata
---@field session? neap.Session
---@field http userdata
---@field timeout number
---@field accept fun(body: any): boolean, any, any, boolean? of the envelope
---@field any_case boolean
---@field reads_xml boolean
---@field decode_options? table
---@field told_at? number when a wait of its calls was last told

--- Gets it; made at the first call.
---@async
---@param handle table endpoint handle of client.lua
---@param client neap.Client
---@return neap.Bound|nil
---@return neap.Error? err
function M.bind(handle, client)
    local endpoint = handle.endpoint
    if handle.bound then return handle.bound end
    if endpoint.path_unknown then return nil, unknown_path(endpoint) end
    if #client.missing > 0 then return nil, settings.missing_error(client.model, client.missing) end
    if runtime.options.sandbox then
        local known, err = registry.check_simulator(client.model)
        if not known then return nil, err end
    end
    local store, err = shared_limits(client)
    if err then return nil, err end
    if handle.bound then return handle.bound end -- another task was faster
    local queue, gate = client.account:queue(client.model, endpoint, client.settings, store)
    local bound = {
        endpoint = endpoint, client = client, account = client.account,
        queue = queue, gate = gate,
        policy = M.policy(client, true),
        credential = credential_of(client, endpoint.auth), session = session.of(client, endpoint.auth),
        http = runtime.http(client.settings.connections),
        timeout = client.settings.timeout,
        accept = endpoint.envelope.accept, any_case = client.model.any_case, reads_xml = client.model.accept ~= nil,
        decode_options = runtime.options.ordered and { ordered = true } or nil,
    }
    bound.route = route.open {
        http = bound.http, queue = queue, policy = bound.policy, repeatable = true, credential = bound.credential,
        timeout = bound.timeout, method = endpoint.method, headers = build.HEADERS,
        ordered = runtime.options.ordered,
        vendor = endpoint.vendor, endpoint = endpoint.name, login = endpoint.is_login,
    }
    handle.bound = bound
    return bound
end

return M
