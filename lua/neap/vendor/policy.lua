--- Limits and retries of a definition, checked and compiled.

local grammar = require "neap.vendor.grammar"
local lang = require "neap.lang"
local types = require "neap.schema.types"

local M = {}

--- Fields of a retry that hold durations, or settings that do.
M.DURATIONS = { "base", "max", "every", "total" }

--- What core/retry.h takes.
local MOST_RULES, MOST_STATUSES, MOST_RETRIES, MOST_FACTOR = 10, 16, 65535, 1000

--- What core/limit.h takes.
local MOST_BURST = 10000000

--- Does a limit count only how many calls come in a period? Limits per second are paced unless they say otherwise.
---@param limit table
---@param rate { period: number } its own, or what the setting says
---@return boolean
function M.is_window(limit, rate)
    if limit.shape then return limit.shape == "window" end
    return rate.period ~= 1
end

--- Only an even spacing has something to come ahead of; a rate in a setting may be one per hour.
---@param limit table as written
---@param rate table
local function check_burst(c, limit, i, rate)
    if limit.burst == nil then return end
    local burst = math.tointeger(limit.burst)
    if not burst or burst < 1 or burst > MOST_BURST then
        grammar.refuse(c, { "limits", i, "burst" }, ("an integer from 1 to %d expected"):format(MOST_BURST))
    end
    if M.is_window(limit, rate) then
        grammar.refuse(c, { "limits", i, "burst" }, 'beside shape = "pace" only: this limit is not evenly spaced')
    end
end

---@param is_setting fun(value: any): boolean
local function compile_limit(c, limit, i, is_setting)
    grammar.check(c, limit, grammar.LIMIT, { "limits", i })
    local rate = limit.rate
    if not is_setting(rate) then
        local parsed, message = lang.rate(rate)
        if not parsed then grammar.refuse(c, { "limits", "rate" }, message) end
        rate = parsed
    end
    check_burst(c, limit, i, rate)
    grammar.check_list(c, { "limits", "exempt" }, limit.exempt)
    grammar.check_list(c, { "limits", "only" }, limit.only)
    if limit.only and #limit.only == 0 then
        grammar.refuse(c, { "limits", "only" }, "it counts no call: one endpoint or more expected")
    end
    if limit.only and limit.exempt then
        grammar.refuse(c, { "limits", i, "exempt" }, "beside only, which leaves all others out")
    end
    return {
        rate = rate, per = limit.per or "endpoint", shape = limit.shape, burst = math.tointeger(limit.burst),
        exempt = limit.exempt or {}, only = limit.only,
    }
end

--- Compiles the list of limits. Raises what grammar.refuse raises, as the others here do.
function M.limits(c, limits, is_setting)
    local compiled = {}
    for i, limit in ipairs(limits or {}) do compiled[i] = compile_limit(c, limit, i, is_setting) end
    return compiled
end

--- Does a limit count the calls of an endpoint?
---@param limit table compiled
---@param name string of the endpoint
---@return boolean
function M.counts(limit, name)
    for _, exempt in ipairs(limit.exempt) do
        if exempt == name then return false end
    end
    if not limit.only then return true end
    for _, one in ipairs(limit.only) do
        if one == name then return true end
    end
    return false
end

--- Settings that can hold a rate (an integer: calls per hour), and those that can hold a duration.
local RATE_TYPES = { rate = true, integer = true }
local DURATION_TYPES = { duration = true, integer = true, number = true }

--- A setting named where a rate or a duration stands is there, and of a type that can be one.
local function check_setting(c, path, name, settings, allowed, what)
    if not settings[name] then grammar.refuse_name(c, path, name, settings, "setting") end
    local kind = types.of(settings[name])
    if not allowed[kind] then
        grammar.refuse(c, path, ("the setting %q is of type %s: %s expected"):format(name, kind, what))
    end
end

--- Checks the settings that limits and retries name.
---@param c table
---@param model neap.Model
---@param settings table<string, table> fields by name
---@param is_setting fun(value: any): boolean
function M.check_settings(c, model, settings, is_setting)
    for i, limit in ipairs(model.limits) do
        if is_setting(limit.rate) then
            check_setting(c, { "limits", i, "rate" }, limit.rate.setting, settings, RATE_TYPES, "a rate or an integer")
        end
    end
    for i, rule in ipairs(model.retry) do
        for _, name in ipairs(M.DURATIONS) do
            if is_setting(rule[name]) then
                check_setting(c, { "retry", i, name }, rule[name].setting, settings, DURATION_TYPES, "a duration")
            end
        end
    end
end

--- Checks the names of endpoints in limits.
function M.check_names(c, limits, endpoints)
    for i, limit in ipairs(limits) do
        for _, field in ipairs { "exempt", "only" } do
            for _, name in ipairs(limit[field] or {}) do
                if not endpoints[name] then
                    grammar.refuse_name(c, { "limits", i, field }, name, endpoints, "endpoint")
                end
            end
        end
    end
end

local function check_retry_numbers(c, rule)
    grammar.check_statuses(c, { "retry", "on" }, rule.on)
    if #rule.on < 1 or #rule.on > MOST_STATUSES then
        grammar.refuse(c, { "retry", "on" }, ("1 to %d statuses expected"):format(MOST_STATUSES))
    end
    local retries, factor = math.tointeger(rule.retries), rule.factor or 1
    if not retries or retries < 0 or retries > MOST_RETRIES then
        grammar.refuse(c, { "retry", "retries" }, ("an integer from 0 to %d expected"):format(MOST_RETRIES))
    end
    if factor < 1 or factor > MOST_FACTOR then
        grammar.refuse(c, { "retry", "factor" }, ("a number from 1 to %d expected"):format(MOST_FACTOR))
    end
end

local function compile_retry(c, rule, i, is_setting)
    grammar.check(c, rule, grammar.RETRY, { "retry", i })
    check_retry_numbers(c, rule)
    local compiled = {}
    for name, value in pairs(rule) do compiled[name] = value end
    local needed = rule.backoff == "constant" and "every" or "base"
    if rule[needed] == nil then
        grammar.refuse(c, { "retry", i }, ("%s is missing for backoff %q"):format(needed, rule.backoff))
    end
    for _, name in ipairs(M.DURATIONS) do
        if rule[name] ~= nil and not is_setting(rule[name]) then
            local seconds, message = lang.duration(rule[name])
            if not seconds then grammar.refuse(c, { "retry", name }, message) end
            compiled[name] = seconds
        end
    end
    return compiled
end

--- Compiles the list of retries.
function M.retries(c, rules, is_setting)
    if #(rules or {}) > MOST_RULES then
        grammar.refuse(c, { "retry" }, ("at most %d rules expected"):format(MOST_RULES))
    end
    local compiled = {}
    for i, rule in ipairs(rules or {}) do compiled[i] = compile_retry(c, rule, i, is_setting) end
    return compiled
end

return M
