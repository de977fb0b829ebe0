--- Vendor definitions: the grammar, its self-check, and the model made of one. A definition is data:
-- loading it does no I/O and makes no call. lua/README.md explains every field.

local endpoint = require "neap.vendor.endpoint"
local envelope = require "neap.envelope"
local errors = require "neap.error"
local grammar = require "neap.vendor.grammar"
local lang = require "neap.lang"
local schema = require "neap.schema"
local json_fault = require("neap.schema.value").json_fault
local url = require "neap.native.url"

local M = {}

---@class neap.Model what a definition says, checked and compiled
---@field name string
---@field title string
---@field source? { url: string, read: string }
---@field file string where it was read
---@field settings table[] field specs, the vendor's own ones first
---@field base_url? string|table
---@field auth table<string, neap.AuthSpec>
---@field tenant? { name: string, setting: string }
---@field limits table[]
---@field retry table[]
---@field refused table<integer, boolean>
---@field envelope neap.Envelope
---@field endpoints table<string, neap.Endpoint>
---@field endpoint_names string[] sorted

---@class neap.Endpoint
---@field name string
---@field method string
---@field path string template
---@field places table<string, "body"|"query"|"path"|"header"> by name on the wire
---@field wire_names string[] of declared parameters, in order
---@field default_place "body"|"query" of undeclared names
---@field is_body_only boolean all parameters travel in the body
---@field group string the path up to its first parameter: what `per = "endpoint"` counts
---@field params any schema
---@field write "read"|"idempotent"|"keyed"|"unsafe"
---@field key? fun(values: table): any
---@field key_text? string
---@field batch? neap.BatchSpec calls may travel together
---@field job? neap.JobSpec

---@class neap.BatchSpec
---@field endpoint neap.Endpoint of the batch
---@field field string parameter of the single call
---@field list string parameter of the batch, which takes the values of `field`
---@field max integer
---@field alone? table<string, any> parameters added to calls whose batch was refused

---@class neap.JobSpec
---@field id string member of the payload, and parameter of `get`
---@field get string endpoint
---@field state string member of its payload, `done` or `failed` at the end
---@field done string
---@field failed string
---@field url string member with the address of the file
---@field format? "csv"|"ndjson"

--- A reference to a setting, where the grammar allows one in place of a value.
local Setting = { __name = "neap.vendor.setting" }

---@param name string
function M.setting(name)
    if type(name) ~= "string" then error("setting: the name of a setting expected", 2) end
    return setmetatable({ setting = name }, Setting)
end

function M.is_setting(value)
    return getmetatable(value) == Setting
end

---@class neap.AuthSpec
---@field place "header"|"body"|"query"|"basic"|"bearer"
---@field name? string of the header, member, argument; for basic the setting with the user
---@field secret string name of the setting that holds the secret

--- Constructors for the `auth` table of a definition.
M.auth = {}

--- What the credential is called, in each place.
local AUTH_NAMES = { header = "name", body = "field", query = "name", basic = "user" }

for _, place in ipairs { "header", "body", "query", "basic", "bearer" } do
    local named = AUTH_NAMES[place]
    M.auth[place] = function(t)
        grammar.check_constructor("auth." .. place, t, { "secret", named })
        return { place = place, name = named and t[named], secret = t.secret }
    end
end

--- Settings that every vendor has (DESIGN.md 6).
local COMMON_SETTINGS = {
    { "base_url", type = "url", doc = "where the API is; a path in it is kept" },
    { "timeout", type = "duration", default = "60s", doc = "for one send, connection included" },
    { "connections", type = "integer", min = 1, default = 512, doc = "per host" },
    { "jitter", type = "duration", doc = "bound on how long a request may be on its way; 20ms on a "
        .. "network, none in-process" },
}

--- `return vendor.define "name" { … }`
---@param name string
function M.define(name)
    return function(def)
        return { name = name, def = def }
    end
end

-- The fields of one definition are compiled by small functions that share `c`: the definition's
-- text, for line numbers, and its name.

local function compile_limit(c, limit, i)
    local path = { "limits", i }
    grammar.check(c, limit, grammar.LIMIT, path)
    local rate = limit.rate
    if not M.is_setting(rate) then
        local parsed, message = lang.rate(rate)
        if not parsed then grammar.refuse(c, { "limits", "rate" }, message) end
        rate = parsed
    end
    grammar.check_list(c, { "limits", "exempt" }, limit.exempt)
    return { rate = rate, per = limit.per or "endpoint", shape = limit.shape, exempt = limit.exempt or {} }
end

local DURATIONS = { "base", "max", "every", "total" }

--- What core/retry.h takes.
local MOST_RULES, MOST_STATUSES, MOST_RETRIES, MOST_FACTOR = 10, 16, 65535, 1000

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

local function compile_retry(c, rule, i)
    grammar.check(c, rule, grammar.RETRY, { "retry", i })
    check_retry_numbers(c, rule)
    local compiled = {}
    for name, value in pairs(rule) do compiled[name] = value end
    local needed = rule.backoff == "constant" and "every" or "base"
    if rule[needed] == nil then
        grammar.refuse(c, { "retry", i }, ("%s is missing for backoff %q"):format(needed, rule.backoff))
    end
    for _, name in ipairs(DURATIONS) do
        if rule[name] ~= nil and not M.is_setting(rule[name]) then
            local seconds, message = lang.duration(rule[name])
            if not seconds then grammar.refuse(c, { "retry", name }, message) end
            compiled[name] = seconds
        end
    end
    return compiled
end

local function compile_endpoints(c, model, endpoints)
    model.endpoints, model.endpoint_names = {}, {}
    for name in pairs(endpoints) do
        if type(name) ~= "string" then grammar.refuse(c, { "endpoints", name }, "an endpoint needs a name") end
        model.endpoint_names[#model.endpoint_names + 1] = name
    end
    table.sort(model.endpoint_names)
    for _, name in ipairs(model.endpoint_names) do
        model.endpoints[name] = endpoint.compile(c, model, name, endpoints[name])
    end
    for _, name in ipairs(model.endpoint_names) do endpoint.link(c, model.endpoints[name], model.endpoints) end
    for i, limit in ipairs(model.limits) do
        for _, name in ipairs(limit.exempt) do
            if not endpoints[name] then
                grammar.refuse_name(c, { "limits", i, "exempt" }, name, endpoints, "endpoint")
            end
        end
    end
end

local function compile_settings(c, model, def)
    local list, seen = {}, {}
    grammar.check_fields(c, { "settings" }, def.settings)
    for _, field in ipairs(def.settings or {}) do
        list[#list + 1], seen[field[1]] = field, true
    end
    for _, field in ipairs(COMMON_SETTINGS) do
        if not seen[field[1]] then list[#list + 1] = field end
    end
    local ok, compiled = pcall(schema.compile, list, model.name .. " settings")
    if not ok then grammar.refuse_fields(c, { "settings" }, compiled, model.name .. " settings") end
    model.settings, model.settings_schema = list, compiled
    local names = {}
    for _, field in ipairs(list) do names[field[1]] = field end
    return names
end

local NAMED = { header = true, body = true, query = true, basic = true }

local function check_auth(c, auth, settings)
    for key, spec in pairs(auth) do
        local path = { "auth", key }
        if type(spec) ~= "table" or not M.auth[spec.place] then
            grammar.refuse(c, path, "one of auth.header, body, query, basic, bearer expected")
        end
        if NAMED[spec.place] and type(spec.name) ~= "string" then
            local field = spec.place == "body" and "field" or spec.place == "basic" and "user" or "name"
            grammar.refuse(c, path, field .. " is missing")
        end
        if type(spec.secret) ~= "string" then grammar.refuse(c, path, "secret is missing") end
        if not settings[spec.secret] then grammar.refuse_name(c, path, spec.secret, settings, "setting") end
        if settings[spec.secret].type ~= "secret" then
            grammar.refuse(c, path, ("the setting %q is no secret"):format(spec.secret))
        end
        if spec.place == "basic" and not settings[spec.name] then
            grammar.refuse_name(c, path, spec.name, settings, "setting")
        end
    end
end

--- Every place that names a setting must name one that there is.
local function check_references(c, model, settings)
    local function check(path, name)
        if not settings[name] then grammar.refuse_name(c, path, name, settings, "setting") end
    end
    for i, limit in ipairs(model.limits) do
        if M.is_setting(limit.rate) then check({ "limits", i, "rate" }, limit.rate.setting) end
    end
    for i, rule in ipairs(model.retry) do
        for _, name in ipairs(DURATIONS) do
            if M.is_setting(rule[name]) then check({ "retry", i, name }, rule[name].setting) end
        end
    end
    if type(model.base_url) == "table" then check({ "base_url", "by" }, model.base_url.by) end
    if model.tenant then check({ "tenant", "setting" }, model.tenant.setting) end
end

local function check_url(c, path, text)
    local ok = type(text) == "string" and text:find "^[hH][tT][tT][pP][sS]?://" and url.join(text, "/")
    if ok then return end
    local shown = type(text) == "string" and ("%q"):format(text) or "a " .. type(text)
    grammar.refuse(c, path, shown .. " is no http or https URL")
end

--- One URL, or one for each value of the setting that `by` names.
local function check_base_url(c, base_url)
    if base_url == nil then return end
    if type(base_url) ~= "table" then return check_url(c, { "base_url" }, base_url) end
    if type(base_url.by) ~= "string" then
        grammar.refuse(c, { "base_url" }, "by is missing: the setting that chooses among the URLs")
    end
    local names = {}
    for name in pairs(base_url) do names[#names + 1] = name end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(names) do
        if type(name) ~= "string" then
            grammar.refuse(c, { "base_url" }, "the values of the setting as names expected")
        end
        if name ~= "by" then check_url(c, { "base_url", name }, base_url[name]) end
    end
end

--- Checks what needs no other part of the definition.
local function check_shape(c, def)
    grammar.check_plain(c, def, {}, M.is_setting)
    grammar.check(c, def, grammar.VENDOR, {})
    local fault, message = json_fault(def.source or {}, "source")
    if fault then grammar.refuse(c, { fault }, message) end
    grammar.check_list(c, { "limits" }, def.limits)
    grammar.check_list(c, { "retry" }, def.retry)
    grammar.check_statuses(c, { "refused" }, def.refused)
    check_base_url(c, def.base_url)
end

local function compile(c)
    local def = c.def
    check_shape(c, def)
    if def.tenant then grammar.check(c, def.tenant, grammar.TENANT, { "tenant" }) end
    local model = {
        name = c.name, title = def.title, summary = def.summary, source = def.source, file = c.file,
        base_url = def.base_url, tenant = def.tenant, envelope = def.envelope or envelope.plain {},
        auth = { none = {} }, limits = {}, retry = {}, refused = {},
    }
    for i, limit in ipairs(def.limits or {}) do model.limits[i] = compile_limit(c, limit, i) end
    if #(def.retry or {}) > MOST_RULES then
        grammar.refuse(c, { "retry" }, ("at most %d rules expected"):format(MOST_RULES))
    end
    for i, rule in ipairs(def.retry or {}) do model.retry[i] = compile_retry(c, rule, i) end
    for _, status in ipairs(def.refused or { 401, 403 }) do model.refused[status] = true end
    local settings = compile_settings(c, model, def)
    check_auth(c, def.auth or {}, settings)
    for name, spec in pairs(def.auth or {}) do model.auth[name] = spec end
    check_references(c, model, settings)
    compile_endpoints(c, model, def.endpoints)
    return model
end

--- What scripts have and a definition has not.
local ABSENT = {}
for name in ("_G collectgarbage coroutine debug dofile io load loadfile neap os package print require"):gmatch "%S+" do
    ABSENT[name] = true
end

local Environment = {}

function Environment.__index(_, name)
    if not ABSENT[name] then return nil end
    error(("a definition has no %s: it is data, loading it does no I/O"):format(name), 2)
end

--- A definition gets libraries of its own: what it changes is nobody else's.
local function copy(library)
    local own = {}
    for name, value in pairs(library) do own[name] = value end
    return own
end

--- What a definition file may use besides its own locals: constructors and harmless functions.
local function environment()
    return setmetatable({
        vendor = { define = M.define }, auth = grammar.constructors("auth", M.auth),
        envelope = grammar.constructors("envelope", envelope), setting = M.setting,
        ipairs = ipairs, pairs = pairs, next = next, select = select, type = type,
        tostring = tostring, tonumber = tonumber, error = error, assert = assert, rawget = rawget,
        setmetatable = setmetatable, string = copy(string), table = copy(table), math = copy(math),
        utf8 = copy(utf8),
    }, Environment)
end

--- Compiles the text of a definition. Raises an error object (kind `invalid`) that names file and
-- line of what is wrong.
---@param text string
---@param file string for messages
---@param name? string that it must have
---@return neap.Model
function M.compile(text, file, name)
    local chunk, message = load(text, "@" .. file, "t", environment())
    if not chunk then errors.raise("invalid", "%s", grammar.printable(message)) end
    local ok, result = pcall(chunk)
    if not ok then
        if errors.is(result) then error(result, 0) end
        errors.raise("invalid", "%s", grammar.printable(tostring(result)))
    end
    if type(result) ~= "table" or type(result.name) ~= "string" or type(result.def) ~= "table" then
        errors.raise("invalid", "%s: a definition ends in `return vendor.define \"name\" { ... }`", file)
    end
    local c = { text = text, file = file, name = result.name, def = result.def }
    if not result.name:find "^[%w_-]+$" then
        grammar.refuse(c, { "define" }, ("%q is no name: letters, digits, _ and - expected"):format(result.name))
    end
    if name and name ~= result.name then
        grammar.refuse(c, { "define" }, ("the file is for a vendor %q, the definition says %q"):format(
            name, result.name))
    end
    return compile(c)
end

return M
