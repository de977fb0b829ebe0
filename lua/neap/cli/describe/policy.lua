--- Limits and retries, as `neap describe` says them.

local json = require "neap.native.json"
local vendor = require "neap.vendor"

local M = {}

local function object(keys, values)
    return json.object(values, keys)
end

--- A copy of a list, marked as an array; nil for nil.
local function array(from)
    return from and json.array(table.move(from, 1, #from, 1, {}))
end

local PERIODS = { [1] = "second", [60] = "minute", [3600] = "hour", [86400] = "day" }

--- What a setting says where nobody sets it: a rate as it is, a count per hour.
local function default_text(model, name)
    for _, field in ipairs(model.settings) do
        if field[1] == name and field.default ~= nil and field.default ~= "off" then
            local words = math.type(field.default) and " (%s per hour unless set)" or " (%s unless set)"
            return words:format(field.default)
        end
    end
    return ""
end

local function rate_text(model, rate)
    if vendor.is_setting(rate) then
        return ("as the setting %s says%s"):format(rate.setting, default_text(model, rate.setting))
    end
    return PERIODS[rate.period] and ("%d per %s"):format(rate.count, PERIODS[rate.period]) or
        ("%d per %g s"):format(rate.count, rate.period)
end

local function limit_shape(limit)
    if limit.shape then return limit.shape end
    return not vendor.is_setting(limit.rate) and limit.rate.period == 1 and "pace" or "window"
end

local SHAPES = { pace = "evenly spaced", window = "in any span of that length" }
local SHARED = { endpoint = "for each path", account = "for all calls of an account" }

local LIMIT = { "text", "count", "period", "setting", "per", "shape", "burst", "only", "exempt" }

--- A limit.
---@param model neap.Model
---@param limit table
function M.limit(model, limit)
    local shape, rate = limit_shape(limit), limit.rate
    local text = ("%s %s, %s"):format(rate_text(model, rate), SHARED[limit.per], SHAPES[shape])
    if limit.burst then text = ("%s, a burst of %d is let through"):format(text, limit.burst) end
    if limit.only then text = text .. "; only " .. table.concat(limit.only, ", ") end
    if limit.exempt[1] then text = text .. "; not counted: " .. table.concat(limit.exempt, ", ") end
    return object(LIMIT, {
        text = text, count = rate.count, period = rate.period, setting = rate.setting,
        per = limit.per, shape = shape, burst = limit.burst, only = array(limit.only),
        exempt = limit.exempt[1] and array(limit.exempt),
    })
end

local function seconds_text(value)
    if vendor.is_setting(value) then return value.setting .. " (a setting)" end
    if value >= 60 and value % 60 == 0 then return ("%d min"):format(value // 60) end
    return ("%g s"):format(value)
end

local function retry_text(rule)
    local retries = rule.retries or 0
    local parts = { ("up to %d more send%s"):format(retries, retries == 1 and "" or "s") }
    if rule.backoff == "constant" then
        parts[#parts + 1] = "every " .. seconds_text(rule.every or rule.base or 0)
    else
        local span = rule.base and "exponential from " .. seconds_text(rule.base) or "exponential"
        parts[#parts + 1] = rule.max and span .. " to " .. seconds_text(rule.max) or span
    end
    if rule.jitter and rule.jitter ~= "none" then parts[#parts + 1] = rule.jitter .. " jitter" end
    if rule.total then parts[#parts + 1] = "at most " .. seconds_text(rule.total) .. " in all" end
    if rule.gate then
        parts[#parts + 1] = "two in a row from different records close the gate: one of them is "
            .. "sent again, all others wait"
    end
    if rule.only then parts[#parts + 1] = "where a repeat is allowed" end
    return table.concat(parts, ", ")
end

local RETRY = {
    "on", "text", "backoff", "base", "max", "every", "total", "jitter", "retries", "gate", "only",
}

--- A retry rule.
function M.retry(rule)
    local shown = { text = retry_text(rule), on = array(rule.on) }
    for _, name in ipairs(RETRY) do
        local value = rule[name]
        if shown[name] == nil then
            shown[name] = vendor.is_setting(value) and { setting = value.setting } or value
        end
    end
    return object(RETRY, shown)
end

--- What Neap does where the vendor says nothing (DESIGN.md 5).
M.DEFAULT_RETRIES = {
    { "no answer", "where a repeat is allowed: up to 4 more sends, exponential from 1 s to 30 s, "
        .. "equal jitter; Neap's own rule" },
    { "429", "up to 8 more sends, exponential from 1 s to 1 min, equal jitter; Neap's own rule" },
}

return M
