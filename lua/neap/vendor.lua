--- Vendor definitions: the grammar, its self-check, and the model made of one. A definition is data:
-- loading it does no I/O and makes no call. lua/README.md explains every field.

local address = require "neap.vendor.address"
local auth = require "neap.vendor.auth"
local endpoint = require "neap.vendor.endpoint"
local envelope = require "neap.envelope"
local environment = require "neap.vendor.environment"
local errors = require "neap.error"
local grammar = require "neap.vendor.grammar"
local paging = require "neap.vendor.paging"
local policy = require "neap.vendor.policy"
local schema = require "neap.schema"
local json_fault = require("neap.schema.value").json_fault

local M = {}

---@class neap.Model what a definition says, checked and compiled
---@field name string
---@field title string
---@field source? { url: string, read: string }
---@field file string where it was read
---@field settings table[] field specs, the vendor's own ones first
---@field base_url? string|table
---@field prefix? string|table
---@field accept? { setting: string } "json" or "xml": what GETs ask for
---@field any_case boolean names of endpoints and parameters are matched without regard to letter case
---@field auth table<string, neap.AuthSpec|table> or one of several, chosen by a setting
---@field tenant? { name: string, setting: string }
---@field limits table[]
---@field retry table[]
---@field refused table<integer, boolean>
---@field envelope neap.Envelope
---@field endpoints table<string, neap.Endpoint>
---@field endpoint_names string[] sorted
---@field folded? table<string, string> any_case: lower-case name -> name

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
---@field area? string
---@field body? string the parameter that is the body
---@field repeated? integer status that means: an earlier send with this key has succeeded
---@field is_login? boolean a session's
---@field path_unknown? boolean it is known by name only
---@field returns? string|neap.Field
---@field paging? table
---@field key? fun(values: table): any
---@field key_text? string
---@field batch? neap.BatchSpec calls may travel together
---@field job? neap.JobSpec

---@class neap.BatchSpec
---@field is_own boolean the endpoint itself: its list takes the elements of other calls' lists
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

--- Names by their lower-case form.
local function fold_names(c, names)
    local folded = {}
    for _, name in ipairs(names) do
        local other = folded[name:lower()]
        if other then
            grammar.refuse(c, { "endpoints", name }, ("differs from %s by letter case only"):format(other))
        end
        folded[name:lower()] = name
    end
    return folded
end

--- What a session gives its login is what that takes.
local function check_login_params(c, name, session, login)
    for param in pairs(session.params) do
        if not login.params.by_name[param] then
            grammar.refuse_name(c, { "auth", name, "params" }, param, login.params.by_name, "parameter")
        end
    end
    for _, field in ipairs(login.params.fields) do
        if field.required and field.default == nil and not session.params[field.name] then
            grammar.refuse(c, { "auth", name, "params" }, ("%s of %s is required"):format(field.name, login.name))
        end
    end
end

--- An answer that ends a session is none of success.
local function check_expired(c, name, session)
    local status = session.expired.status
    if math.type(status) ~= "integer" or status < 300 or status > 599 then
        grammar.refuse(c, { "auth", name, "expired", "status" },
            ("%s is no HTTP status from 300 to 599"):format(status))
    end
end

--- The login of each session is an endpoint, and its credential no session.
local function check_logins(c, model)
    for name, spec in pairs(model.auth) do
        for _, one in ipairs(auth.alternatives(spec)) do
            local login = one.session and model.endpoints[one.session.login]
            if one.session then check_expired(c, name, one.session) end
            if one.session and not login then
                grammar.refuse_name(c, { "auth", name, "login" }, one.session.login, model.endpoints, "endpoint")
            end
            if login then
                login.is_login = true
                check_login_params(c, name, one.session, login)
            end
        end
    end
    for _, endpoint_name in ipairs(model.endpoint_names) do
        local login = model.endpoints[endpoint_name]
        for _, one in ipairs(login.is_login and auth.alternatives(model.auth[login.auth]) or {}) do
            if one.session then grammar.refuse(c, { "endpoints", endpoint_name }, "a login that needs a login") end
        end
    end
end

local function compile_endpoints(c, model, endpoints)
    model.endpoints, model.endpoint_names = {}, {}
    for name in pairs(endpoints) do
        if type(name) ~= "string" then grammar.refuse(c, { "endpoints", name }, "an endpoint needs a name") end
        if name == "each" then grammar.refuse(c, { "endpoints", name }, "clients have a method of that name") end
        model.endpoint_names[#model.endpoint_names + 1] = name
    end
    table.sort(model.endpoint_names)
    if model.any_case then model.folded = fold_names(c, model.endpoint_names) end
    for _, name in ipairs(model.endpoint_names) do
        model.endpoints[name] = endpoint.compile(c, model, name, endpoints[name])
    end
    for _, name in ipairs(model.endpoint_names) do endpoint.link(c, model.endpoints[name], model.endpoints) end
    policy.check_names(c, model.limits, endpoints)
    check_logins(c, model)
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

--- The setting of `accept` has the two values json and xml, one of them as its default.
local function check_accept(c, name, setting)
    local left, count = { json = true, xml = true }, 0
    for _, value in ipairs(setting.values or {}) do left[value], count = nil, count + 1 end
    if count ~= 2 or next(left) or setting.default == nil then
        grammar.refuse(c, { "accept" }, ('the setting %q says json or xml: values = { "json", "xml" }, and a default, '
            .. "expected"):format(name))
    end
end

--- Every place that names a setting must name one that there is, and that can be what is needed there.
local function check_references(c, model, settings)
    local function check(path, name)
        if not settings[name] then grammar.refuse_name(c, path, name, settings, "setting") end
        return settings[name]
    end
    policy.check_settings(c, model, settings, M.is_setting)
    if model.accept then check_accept(c, model.accept.setting, check({ "accept" }, model.accept.setting)) end
    if model.tenant and check({ "tenant", "setting" }, model.tenant.setting).type == "secret" then
        grammar.refuse(c, { "tenant", "setting" }, ("%q is a secret, which auth places"):format(model.tenant.setting))
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
    address.check(c, def)
    endpoint.check_envelope(c, { "envelope" }, def.envelope)
    if def.accept ~= nil and not M.is_setting(def.accept) then
        grammar.refuse(c, { "accept" }, 'setting "name" expected')
    end
end

local function compile(c)
    local def = c.def
    check_shape(c, def)
    if def.tenant then grammar.check(c, def.tenant, grammar.TENANT, { "tenant" }) end
    local model = {
        name = c.name, title = def.title, summary = def.summary, source = def.source, file = c.file,
        base_url = def.base_url, prefix = def.prefix, accept = def.accept, any_case = def.names == "any_case",
        tenant = def.tenant, envelope = def.envelope or envelope.plain {},
        auth = { none = {} }, refused = {}, limits = policy.limits(c, def.limits, M.is_setting),
        retry = policy.retries(c, def.retry, M.is_setting),
    }
    for _, status in ipairs(def.refused or { 401, 403 }) do model.refused[status] = true end
    local settings = compile_settings(c, model, def)
    auth.check(c, def.auth or {}, settings)
    for name, spec in pairs(def.auth or {}) do model.auth[name] = spec end
    address.check_settings(c, def, settings)
    check_references(c, model, settings)
    compile_endpoints(c, model, def.endpoints)
    return model
end

--- What a definition file has besides harmless functions: constructors.
local function constructors()
    return {
        vendor = { define = M.define }, auth = grammar.constructors("auth", auth.constructors),
        envelope = grammar.constructors("envelope", envelope),
        paging = grammar.constructors("paging", paging.constructors), setting = M.setting,
    }
end

--- Compiles the text of a definition. Raises an error object (kind `invalid`) that names file and
-- line of what is wrong.
---@param text string
---@param file string for messages
---@param name? string that it must have
---@return neap.Model
function M.compile(text, file, name)
    local chunk, message = load(text, "@" .. file, "t", environment.new("a definition", constructors()))
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
