--- What a definition says, as plain tables in a fixed order: `neap describe --json` prints them,
-- and the text for people is made of them.

local counts = require("neap.vendor.policy").counts
local credential = require "neap.cli.describe.credential"
local json = require "neap.native.json"
local policy = require "neap.cli.describe.policy"
local rules = require "neap.call.rules"
local schema = require "neap.schema"
local settings = require "neap.settings"

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

-- Parameters -----------------------------------------------------------------------------------

local FIELD = {
    "name", "type", "text", "required", "default", "nullable", "also", "place", "values", "min", "max",
    "min_length", "max_length", "pattern", "pattern_doc", "places", "zone", "zone_form", "date_only",
    "unpadded", "form", "as_text",
    "join", "open", "custom_max_length", "deprecated", "doc", "example", "fields", "of", "either",
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

local function limits_of(model, endpoint)
    local matching = {}
    for _, limit in ipairs(model.limits) do
        if counts(limit, endpoint.name) then matching[#matching + 1] = limit end
    end
    return list(matching, function(limit) return policy.limit(model, limit) end)
end

local function retries_of(model, endpoint)
    local matching = {}
    for _, rule in ipairs(model.retry) do
        if not rule.only or endpoint.write ~= "unsafe" then matching[#matching + 1] = rule end
    end
    return list(matching, policy.retry)
end

local function params_of(endpoint)
    return list(endpoint.params.fields, function(field)
        return M.field(field, endpoint.places[field.name])
    end)
end

local ENDPOINT = {
    "vendor", "endpoint", "area", "method", "path", "path_unknown", "summary", "doc", "source", "auth", "tenant",
    "write", "write_doc", "key", "batch", "job", "paging", "body", "open", "limits", "retry", "params", "rules",
    "returns", "returned", "envelope", "example", "call",
}

local BATCH = { "endpoint", "field", "list", "max" }
local JOB = { "id", "get", "state", "done", "failed", "url", "format" }

local function batch_facts(batch)
    return batch and object(BATCH, {
        endpoint = batch.endpoint.name, field = batch.field, list = batch.list, max = batch.max,
    })
end

--- The path with what stands before it.
local function path_of(model, endpoint)
    local prefix = model.prefix
    if type(prefix) ~= "table" then return (prefix or "") .. endpoint.path end
    local default
    for _, field in ipairs(model.settings) do
        if field[1] == prefix.by then default = field.default end
    end
    return (prefix[default] or "") .. endpoint.path
end

--- The payload in words; what is in it is in `returned`.
local function returns_of(endpoint)
    local returns = endpoint.returns
    if type(returns) ~= "table" then return returns end
    return returns.doc and ("%s; %s"):format(schema.type_name(returns), returns.doc) or schema.type_name(returns)
end

local function returned_of(endpoint)
    return type(endpoint.returns) == "table" and M.field(endpoint.returns) or nil
end

--- All of an endpoint.
---@param model neap.Model
---@param endpoint neap.Endpoint
---@param example table parameters of a call
---@param call string the same as a command line
function M.endpoint(model, endpoint, example, call)
    return object(ENDPOINT, {
        vendor = model.name, endpoint = endpoint.name, area = endpoint.area,
        method = not endpoint.path_unknown and endpoint.method or nil,
        path = not endpoint.path_unknown and path_of(model, endpoint) or nil,
        path_unknown = endpoint.path_unknown, summary = endpoint.summary, doc = endpoint.doc,
        source = endpoint.source or model.source, auth = credential.auth(model, endpoint),
        tenant = credential.tenant(model, endpoint), write = endpoint.write,
        write_doc = WRITE[endpoint.write], key = endpoint.key_text, batch = batch_facts(endpoint.batch),
        job = endpoint.job and object(JOB, endpoint.job), open = endpoint.open,
        limits = limits_of(model, endpoint), retry = retries_of(model, endpoint),
        params = params_of(endpoint),
        rules = list(endpoint.rules, function(rule) return rules.describe(rule, endpoint.params) end),
        returns = returns_of(endpoint), returned = returned_of(endpoint), envelope = endpoint.envelope.doc,
        paging = endpoint.paging and endpoint.paging.doc, body = endpoint.body, example = endpoint.example and example,
        call = not (endpoint.path_unknown or endpoint.is_login) and call or nil,
    })
end

-- Vendors --------------------------------------------------------------------------------------

local SHORT = { "name", "area", "method", "path", "path_unknown", "write", "summary" }

local function short_facts(endpoint)
    return object(SHORT, {
        name = endpoint.name, area = endpoint.area,
        method = not endpoint.path_unknown and endpoint.method or nil,
        path = not endpoint.path_unknown and endpoint.path or nil, path_unknown = endpoint.path_unknown,
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
        limits = list(model.limits, function(limit) return policy.limit(model, limit) end),
        retry = list(model.retry, policy.retry),
        envelope = model.envelope.doc,
        endpoints = list(model.endpoint_names, function(name)
            return short_facts(model.endpoints[name])
        end),
    })
end

-- Recipes --------------------------------------------------------------------------------------

local RECIPE = { "recipe", "summary", "description", "args", "settings" }

--- A workflow's description, or that of a handler, which has settings in place of args.
function M.recipe(name, found)
    local fields = list(found.schema.fields, M.field)
    local is_handler = require("neap.handler").is_handler(found)
    return object(RECIPE, {
        recipe = name, summary = found.summary, description = found.description,
        args = not is_handler and fields or nil, settings = is_handler and fields or nil,
    })
end

return M
