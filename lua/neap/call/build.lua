--- From parameters to a request: checks everything before anything is spent, all faults at once.

local auth = require "neap.vendor.auth"
local errors = require "neap.error"
local json = require "neap.native.json"
local null = require "neap.null"
local rules = require "neap.call.rules"
local schema = require "neap.schema"
local url = require "neap.native.url"

local M = {}

local SORTED = { sorted = true }
--- The headers of every request that has none of its own; never changed.
M.HEADERS = { "Content-Type", "application/json", "Accept", "application/json", "User-Agent", "neap/0.1" }
local XML_HEADERS = { "Accept", "application/xml", "User-Agent", "neap/0.1" }

local function is_given(value)
    return value ~= nil and value ~= null and value ~= ""
end

--- The rules across fields, and the key where the vendor needs it.
local function check_rules(endpoint, values, faults)
    rules.check(endpoint.rules, values, faults)
    if endpoint.key_required and #faults == 0 and not is_given(endpoint.key(values)) then
        local text = endpoint.key_text:gsub("%[([%w_]+)%]", function(name)
            return "." .. tostring(values[name])
        end)
        faults[#faults + 1] = { path = text, message = "required: the vendor finds the record by it" }
    end
end

local function text(value)
    if type(value) == "table" then return json.encode(value, SORTED) end
    return tostring(value)
end

--- Not every text can be part of a path.
local function check_path(endpoint, values, faults)
    if not endpoint.template.names[1] then return end
    local path = {}
    for _, name in ipairs(endpoint.template.names) do
        if values[name] ~= nil then path[name] = text(values[name]) end
    end
    local expanded, message = endpoint.template:expand(path)
    if not expanded then faults[#faults + 1] = { path = "", message = message } end
end

--- Settings are no parameters, nor are the names under which they travel: the definition says where they
-- go. Secrets are no custom fields either, at any depth. -> name -> message, for both
local function setting_names(model)
    local placed, secrets = {}, {}
    local function note(into, name, setting)
        into[name] = ("a setting, not a parameter: use --set %s.%s=%s"):format(model.name, setting,
            into == secrets and "env:NAME" or "...")
    end
    for _, entry in pairs(model.auth) do
        for _, spec in ipairs(auth.alternatives(entry)) do
            if spec.place == "body" or spec.place == "query" then note(secrets, spec.name, spec.secret) end
        end
    end
    for _, field in ipairs(model.settings) do
        note(field.type == "secret" and secrets or placed, field[1], field[1])
    end
    if model.tenant then note(placed, model.tenant.name, model.tenant.setting) end
    return placed, secrets
end

local function takes_custom_fields(model)
    for _, field in ipairs(model.settings) do
        if field[1] == "custom_fields" then return true end
    end
    return false
end

--- How values of a client's calls, and records for them, are checked; see schema.lua.
---@param client neap.Client
---@return neap.CheckOptions
function M.check_options(client)
    local options = rawget(client, "checking")
    if not options then
        local placed, secrets = setting_names(client.model)
        options = {
            custom_fields = takes_custom_fields(client.model) and client.custom_fields or nil,
            placed = placed, secrets = secrets, any_case = client.model.any_case,
        }
        rawset(client, "checking", options)
    end
    return options
end

local function invalid(faults)
    local only = #faults == 1 and faults[1] or nil
    local hint = only and only.hint
    return errors.new {
        kind = "invalid", outcome = "not_sent", faults = faults, hint = hint,
        message = schema.format_faults(hint and { { path = only.path, message = only.message } } or faults),
    }
end

--- Parameters under the names that they mean. -> params, options of a check that tells of names given twice
local function folded(endpoint, params, options)
    local known, twice = endpoint.params:fold(params)
    if not twice then return known, options end
    local telling = { prior = twice }
    for name, value in pairs(options) do telling[name] = value end
    return known, telling
end

--- Checks the parameters of a call. -> values in wire form | nil, err with every fault
---@param endpoint neap.Endpoint
---@param client neap.Client
---@param params table<string, any>
function M.validate(endpoint, client, params)
    if type(params) ~= "table" then
        return nil, invalid { { path = "", message = "parameters are a table, got a " .. type(params) } }
    end
    local options = M.check_options(client)
    if options.any_case then params, options = folded(endpoint, params, options) end
    local is_plain = not options.prior and endpoint.params.root.is_plain
    local has_more = endpoint.rules[1] or endpoint.key_required or endpoint.template.names[1]
    if is_plain and not has_more and is_plain(params, options) then return params end -- the common case
    local values, faults = endpoint.params:check(params, options)
    faults = faults or {}
    check_rules(endpoint, values or params, faults)
    if #faults == 0 then check_path(endpoint, values, faults) end
    if #faults > 0 then return nil, invalid(faults) end
    return values
end

--- Names of values in a stable order: declared ones, then those of an open endpoint.
local function names_of(endpoint, values)
    if not endpoint.open then return endpoint.wire_names end
    local names, custom = { table.unpack(endpoint.wire_names) }, {}
    for name in pairs(values) do
        if not endpoint.places[name] then custom[#custom + 1] = name end
    end
    table.sort(custom)
    return table.move(custom, 1, #custom, #names + 1, names)
end

local NONE = {}

local function copy_of(values)
    local copy = {}
    for name, value in next, values do copy[name] = value end
    return copy
end

--- A copy of values that shares no table with them.
---@param value any
---@return any
function M.snapshot(value)
    if type(value) ~= "table" then return value end
    local copy = setmetatable({}, getmetatable(value))
    for name, inner in next, value do copy[name] = M.snapshot(inner) end
    return copy
end

--- Splits values by where they travel. What is checked may still be the caller's own table.
local function split(endpoint, values)
    if endpoint.is_body_only then return { body = values, query = NONE, path = NONE, header = NONE } end
    local parts = { body = {}, query = {}, path = {}, header = {} }
    for _, name in ipairs(names_of(endpoint, values)) do
        local value, place = values[name], endpoint.places[name] or endpoint.default_place
        if value ~= nil then
            if place == "body" then parts.body[name] = value
            elseif place == "path" then parts.path[name] = text(value)
            else table.insert(parts[place], { name, text(value) }) end
        end
    end
    return parts
end

--- Adds the tenant where it travels.
local function add_tenant(endpoint, client, parts)
    local tenant = client.model.tenant
    local account = client.settings[tenant.setting]
    if endpoint.tenant == "body" then
        parts.body = copy_of(parts.body)
        parts.body[tenant.name] = account
    elseif account ~= nil then
        parts.query = table.move(parts.query, 1, #parts.query, 2, { { tenant.name, account } })
    end
end

local function headers_of(base, fields)
    if #fields == 0 then return base end
    local headers = { table.unpack(base) }
    for _, field in ipairs(fields) do
        headers[#headers + 1] = field[1]
        headers[#headers + 1] = field[2]
    end
    return headers
end

--- What a GET asks for, where the vendor can answer in two formats.
local function accept_of(endpoint, client)
    local accept = client.model.accept
    if not accept or endpoint.method ~= "GET" or client.settings[accept.setting] ~= "xml" then return M.HEADERS end
    return XML_HEADERS
end

--- The URL without its query; where the path has no parameters, joined once for a client.
local function target_of(endpoint, client, path)
    local targets = rawget(client, "targets")
    if not targets then
        targets = {}
        rawset(client, "targets", targets)
    end
    local target = targets[endpoint]
    if target then return target end
    target = url.join(client.base_url or "", client.prefix .. endpoint.template:expand(path))
    if not endpoint.template.names[1] then targets[endpoint] = target end
    return target
end

--- Makes the request, without credential.
---@return string url
---@return string|nil body
---@return string[] headers names and values; M.HEADERS itself for most
function M.request(endpoint, client, values)
    local targets = rawget(client, "targets")
    if endpoint.is_body_only and not endpoint.tenant and targets and targets[endpoint] then -- the common case
        return targets[endpoint], assert(json.encode(values, SORTED)), accept_of(endpoint, client)
    end
    local parts = split(endpoint, values)
    if endpoint.tenant then add_tenant(endpoint, client, parts) end
    local target = target_of(endpoint, client, parts.path)
    if parts.query[1] then target = target .. "?" .. url.query(parts.query) end
    local bare = endpoint.default_place == "query"
    local body = not bare and assert(json.encode(endpoint.body and parts.body[endpoint.body] or parts.body, SORTED))
    return target, body or nil, headers_of(accept_of(endpoint, client), parts.header)
end

return M
