--- Accounts: what calls to one vendor, at one base URL, with one identity share: limits, gates,
-- queues, connections, and whether the credential was ever accepted. Two clients that resolve to the
-- same account share it, however they were opened.

local clock = require "neap.native.clock"
local errors = require "neap.error"
local flow = require "neap.native.flow"
local lang = require "neap.lang"
local policy = require "neap.vendor.policy"
local runtime = require "neap.runtime"
local state = require "neap.state"
local vendor = require "neap.vendor"

local M = {}

---@class neap.Account
---@field vendor string
---@field base_url string
---@field tenant? string
---@field name string in the state file
---@field secrets table<string, userdata>
---@field sessions table<string, neap.Session> by entry of `auth`
---@field succeeded boolean a call with the credential was accepted in this run
---@field refusals integer 401 and 403 in a row

local Account = {}
Account.__index = Account

local accounts = {}

--- Forgets all accounts, at the end of a run.
function M.forget()
    accounts = {}
end

runtime.at_close(M.forget)

local function same_secrets(a, b)
    for name, secret in pairs(a) do
        if not b[name] or not secret:equals(b[name]) then return false end
    end
    for name in pairs(b) do
        if not a[name] then return false end
    end
    return true
end

--- In-process a request arrives as it departs, unless time goes on between two jobs of the loop.
local function default_jitter()
    return runtime.options.sandbox and clock.is_virtual() and 0 or 0.02
end

--- Gets the account of resolved settings.
---@param model neap.Model
---@param settings table
---@param base_url string
---@param variant? string its environment, where that does not show in base_url
---@return neap.Account
function M.open(model, settings, base_url, variant)
    local tenant = model.tenant and settings[model.tenant.setting]
    local secrets = {}
    for _, field in ipairs(model.settings) do
        if field.type == "secret" then secrets[field[1]] = settings[field[1]] end
    end
    local name = state.account_name(model, settings, base_url)
    for _, account in ipairs(accounts) do
        if account.name == name and account.variant == variant and same_secrets(account.secrets, secrets) then
            return account
        end
    end
    local account = setmetatable({
        vendor = model.name, base_url = base_url, tenant = tenant, variant = variant, secrets = secrets, name = name,
        limits = {}, gates = {}, queues = {}, sessions = {}, succeeded = false, refusals = 0,
        jitter = settings.jitter or default_jitter(),
    }, Account)
    accounts[#accounts + 1] = account
    return account
end

--- The rate of a limit; a setting may hold it, as text (`50/10s`) or as a count per hour.
local function rate_of(limit, settings)
    if not vendor.is_setting(limit.rate) then return limit.rate end
    local value = settings[limit.rate.setting]
    if value == nil or value == "off" then return nil end
    if type(value) == "number" then return { count = value, period = 3600 } end
    if type(value) == "table" then return value end
    local rate, message = lang.rate(value)
    if not rate then errors.raise("settings", "%s: %s", limit.rate.setting, message) end
    return rate
end

--- Names a limit by what it says, so that another one before it in the definition changes nothing.
local function limit_key(limit, rate, endpoint)
    local said = vendor.is_setting(limit.rate) and limit.rate.setting or ("%d/%g"):format(rate.count, rate.period)
    local function list(sign, names) return names and names[1] and sign .. table.concat(names, ",") or "" end
    return said .. (limit.burst and "^" .. limit.burst or "") .. list("+", limit.only) .. list("-", limit.exempt)
        .. (limit.per == "endpoint" and endpoint.group or "")
end

--- What the metrics call a limit: its setting or its rate, and for which endpoints it is one.
local function limit_label(limit, rate, endpoint)
    local said = vendor.is_setting(limit.rate) and limit.rate.setting or ("%d/%gs"):format(rate.count, rate.period)
    local function list(word, names) return names and names[1] and word .. table.concat(names, ",") or "" end
    return said .. list(" only ", limit.only) .. list(" except ", limit.exempt)
        .. (limit.per == "endpoint" and " at " .. endpoint.group or "")
end

--- What one client has set is no other's limit; in the file all of them count together.
local function rate_key(key, rate)
    return ("%s %d/%g"):format(key, rate.count, rate.period)
end

--- Has a vendor a limit that all processes share?
---@param model neap.Model
---@param settings table
---@return boolean
function M.has_window(model, settings)
    for _, limit in ipairs(model.limits) do
        local rate = rate_of(limit, settings)
        if rate and policy.is_window(limit, rate) then return true end
    end
    return false
end

function Account:limit(key, limit, rate, endpoint, store)
    local own = rate_key(key, rate)
    if not self.limits[own] then
        local shape = policy.is_window(limit, rate) and "window" or "pace"
        self.limits[own] = flow.limit {
            shape = shape, count = rate.count, period = rate.period, burst = limit.burst, jitter = self.jitter,
            store = shape == "window" and store or nil, name = self.name .. "|" .. key,
            vendor = self.vendor, label = limit_label(limit, rate, endpoint),
        }
    end
    return self.limits[own]
end

--- The group whose gate an endpoint has: its path where some limit counts per endpoint.
local function gate_key(model, endpoint)
    if endpoint.is_login then return endpoint.group end -- a probe may wait for it
    for _, limit in ipairs(model.limits) do
        if limit.per == "endpoint" then return endpoint.group end
    end
    return ""
end

--- Gets the queue in which calls of an endpoint wait: its limits, all that match, and its gate.
---@param model neap.Model
---@param endpoint neap.Endpoint
---@param settings table
---@param store? userdata where `window` limits are kept, for all processes together
---@return userdata queue
---@return userdata gate
function Account:queue(model, endpoint, settings, store)
    local keys, limits, gate = {}, {}, gate_key(model, endpoint)
    for _, limit in ipairs(model.limits) do
        local rate = rate_of(limit, settings)
        if rate and policy.counts(limit, endpoint.name) then
            local key = limit_key(limit, rate, endpoint)
            keys[#keys + 1] = rate_key(key, rate)
            limits[#limits + 1] = self:limit(key, limit, rate, endpoint, store)
        end
    end
    local queue_key = gate .. "|" .. table.concat(keys, "|")
    if not self.queues[queue_key] then
        self.gates[gate] = self.gates[gate] or flow.gate { name = self.vendor .. gate, vendor = self.vendor }
        self.queues[queue_key] = flow.queue { limits = limits, gate = self.gates[gate] }
    end
    return self.queues[queue_key], self.gates[gate]
end

--- Notes an answer to a call that carried the credential. True when the credential counts as refused
-- now: at once while nothing has succeeded with it, later after three in a row (DESIGN.md 5).
---@param refused boolean
function Account:note_answer(refused)
    if not refused then
        self.succeeded, self.refusals = true, 0
        return false
    end
    self.refusals = self.refusals + 1
    return not self.succeeded or self.refusals >= 3
end

return M
