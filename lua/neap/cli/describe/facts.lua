--- What a definition says, as plain tables in a fixed order: `neap describe --json` prints them,
-- and the text for people is made of them.

local json = require "neap.native.json"
local rules = require "neap.call.rules"
local schema = require "neap.schema"
local settings = require "neap.settings"
local vendor = require "neap.vendor"

local M = {}

local function object(keys, values)
    return json.object(values, keys)
end

local function list(items, fn)
    local made = json.array {}
    for i, item in ipairs(items or {}) do made[i] = fn(item) end
    return made
end

--- A copy of a list, marked as an array; nil for nil.
local function array(from)
    return from and json.array(table.move(from, 1, #from, 1, {}))
end

--- A value that JSON can hold; definitions may hold functions.
local function plain(value)
    if type(value) ~= "function" then return value end
end

-- Settings -------------------------------------------------------------------------------------

local SETTING = { "name", "type", "text", "required", "default", "values", "env", "doc" }

--- A setting with the environment variable that sets it.
function M.setting(model, field)
    return object(SETTING, {
        name = field[1], type = field.type, text = schema.type_name(field),
        required = field.required or false, default = field.default, values = array(field.values),
        doc = field.doc,
        env = settings.environment_name(model.name, field[1]),
    })
end

-- Limits and retries ---------------------------------------------------------------------------

local PERIODS = { [1] = "second", [60] = "minute", [3600] = "hour", [86400] = "day" }

local function rate_text(rate)
    if vendor.is_setting(rate) then return ("as the setting %s says"):format(rate.setting) end
    return PERIODS[rate.period] and ("%d per %s"):format(rate.count, PERIODS[rate.period]) or
        ("%d per %g s"):format(rate.count, rate.period)
end

local function limit_shape(limit)
    if limit.shape then return limit.shape end
    return not vendor.is_setting(limit.rate) and limit.rate.period == 1 and "pace" or "window"
end

local SHAPES = { pace = "evenly spaced", window = "in any span of that length" }
local SHARED = { endpoint = "for each path", account = "for all calls of an account" }

local LIMIT = { "text", "count", "period", "setting", "per", "shape", "exempt" }

local function limit_facts(limit)
    local shape, rate = limit_shape(limit), limit.rate
    local text = ("%s %s, %s"):format(rate_text(rate), SHARED[limit.per], SHAPES[shape])
    if limit.exempt[1] then text = text .. "; not counted: " .. table.concat(limit.exempt, ", ") end
    return object(LIMIT, {
        text = text, count = rate.count, period = rate.period, setting = rate.setting,
        per = limit.per, shape = shape, exempt = limit.exempt[1] and array(limit.exempt),
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
    return table.concat(parts, ", ")
end

local RETRY = {
    "on", "text", "backoff", "base", "max", "every", "total", "jitter", "retries", "gate",
}

local function retry_facts(rule)
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

-- Parameters -----------------------------------------------------------------------------------

local FIELD = {
    "name", "type", "text", "required", "default", "nullable", "also", "place", "values", "min", "max",
    "min_length", "max_length", "pattern", "pattern_doc", "places", "zone", "zone_form", "date_only",
    "unpadded", "join", "open", "custom_max_length", "deprecated", "doc", "example", "fields", "of", "either",
}

--- A parameter with all that it may hold.
---@param field neap.CompiledField
---@param place? string where it travels
function M.field(field, place)
    local shown = {}
    for _, name in ipairs(FIELD) do shown[name] = plain(field[name]) end
    shown.name = field.name ~= "" and field.name or nil
    shown.text, shown.place = schema.describe(field), place
    shown.required = field.required or false
    shown.values, shown.also = array(field.values), array(field.also)
    shown.fields = field.fields and list(field.fields, M.field) or nil
    shown.of = field.of and M.field(field.of) or nil
    shown.either = field.either and list(field.either, M.field) or nil
    return object(FIELD, shown)
end

-- Endpoints ------------------------------------------------------------------------------------

local WRITE = {
    read = "a read: repeated whenever that helps",
    idempotent = "a repeat leaves the same state, so a send without an answer is repeated",
    keyed = "the vendor recognises a repeat by its key, so a send without an answer is repeated",
    unsafe = "a repeat counts twice, so a send without an answer is not repeated: its outcome is "
        .. "unknown",
}

local PLACES = {
    header = "header %s", body = "body field %s", query = "query argument %s", basic = "HTTP Basic",
    bearer = "header Authorization: Bearer",
}

local AUTH = { "text", "place", "name", "setting", "env" }

local function auth_facts(model, endpoint)
    local spec = model.auth[endpoint.auth]
    if not spec or not spec.place then return nil end
    local place = (PLACES[spec.place] or spec.place):format(spec.name)
    local env = spec.secret and settings.environment_name(model.name, spec.secret)
    local from = spec.secret and (", setting %s (%s)"):format(spec.secret, env) or ""
    return object(AUTH, {
        text = place .. from, place = spec.place, name = spec.name, setting = spec.secret,
        env = env,
    })
end

local function tenant_facts(model, endpoint)
    local tenant = model.tenant
    if not endpoint.tenant then return nil end
    local env = settings.environment_name(model.name, tenant.setting)
    local place = PLACES[endpoint.tenant]:format(tenant.name)
    return object(AUTH, {
        text = ("%s, setting %s (%s)"):format(place, tenant.setting, env), place = endpoint.tenant,
        name = tenant.name, setting = tenant.setting, env = env,
    })
end

local function limits_of(model, endpoint)
    local matching = {}
    for _, limit in ipairs(model.limits) do
        local is_exempt = false
        for _, name in ipairs(limit.exempt) do is_exempt = is_exempt or name == endpoint.name end
        if not is_exempt then matching[#matching + 1] = limit end
    end
    return list(matching, limit_facts)
end

local function params_of(endpoint)
    return list(endpoint.params.fields, function(field)
        return M.field(field, endpoint.places[field.name])
    end)
end

local ENDPOINT = {
    "vendor", "endpoint", "method", "path", "summary", "doc", "source", "auth", "tenant", "write",
    "write_doc", "key", "batch", "job", "open", "limits", "retry", "params", "rules", "returns", "envelope",
    "example", "call",
}

local BATCH = { "endpoint", "field", "list", "max" }
local JOB = { "id", "get", "state", "done", "failed", "url", "format" }

local function batch_facts(batch)
    return batch and object(BATCH, {
        endpoint = batch.endpoint.name, field = batch.field, list = batch.list, max = batch.max,
    })
end

--- All of an endpoint.
---@param model neap.Model
---@param endpoint neap.Endpoint
---@param example table parameters of a call
---@param call string the same as a command line
function M.endpoint(model, endpoint, example, call)
    return object(ENDPOINT, {
        vendor = model.name, endpoint = endpoint.name, method = endpoint.method,
        path = endpoint.path, summary = endpoint.summary, doc = endpoint.doc,
        source = endpoint.source or model.source, auth = auth_facts(model, endpoint),
        tenant = tenant_facts(model, endpoint), write = endpoint.write,
        write_doc = WRITE[endpoint.write], key = endpoint.key_text, batch = batch_facts(endpoint.batch),
        job = endpoint.job and object(JOB, endpoint.job), open = endpoint.open,
        limits = limits_of(model, endpoint), retry = list(model.retry, retry_facts),
        params = params_of(endpoint),
        rules = list(endpoint.rules, function(rule) return rules.describe(rule, endpoint.params) end),
        returns = endpoint.returns, envelope = model.envelope.doc, example = endpoint.example and example,
        call = call,
    })
end

-- Vendors --------------------------------------------------------------------------------------

local SHORT = { "name", "method", "path", "write", "summary" }

local function short_facts(endpoint)
    return object(SHORT, {
        name = endpoint.name, method = endpoint.method, path = endpoint.path,
        write = endpoint.write, summary = endpoint.summary,
    })
end

local VENDOR = {
    "vendor", "title", "summary", "source", "file", "base_url", "settings", "limits", "retry",
    "envelope", "endpoints",
}

--- All of a vendor but the details of its endpoints.
---@param model neap.Model
function M.vendor(model)
    return object(VENDOR, {
        vendor = model.name, title = model.title, summary = model.summary, source = model.source,
        file = model.directory and model.file or nil, base_url = model.base_url,
        settings = list(model.settings, function(field) return M.setting(model, field) end),
        limits = list(model.limits, limit_facts), retry = list(model.retry, retry_facts),
        envelope = model.envelope.doc,
        endpoints = list(model.endpoint_names, function(name)
            return short_facts(model.endpoints[name])
        end),
    })
end

-- Recipes --------------------------------------------------------------------------------------

local RECIPE = { "recipe", "summary", "description", "args" }

--- A workflow's description; nil for a script that returns none.
function M.recipe(name, flow)
    return object(RECIPE, {
        recipe = name, summary = flow.summary, description = flow.description,
        args = list(flow.schema.fields, M.field),
    })
end

return M
