--- From parameters to a request: checks everything before anything is spent, all faults at once.

local errors = require "neap.error"
local json = require "neap.native.json"
local null = require "neap.null"
local schema = require "neap.schema"
local url = require "neap.native.url"

local M = {}

local HEADERS = { "Content-Type", "application/json", "Accept", "application/json", "User-Agent", "neap/0.1" }

local function is_given(value)
    return value ~= nil and value ~= null and value ~= ""
end

local function any_given(values, names)
    for _, name in ipairs(names) do
        if is_given(values[name]) then return true end
    end
    return false
end

-- The cross-field rules of a definition: values -> message or nil.
local RULES = {}

function RULES.any_of(rule, values)
    if any_given(values, rule.any_of) then return nil end
    return ("one of %s is required"):format(table.concat(rule.any_of, " or "))
end

function RULES.with(rule, values)
    local first, second = rule.with[1], rule.with[2]
    if is_given(values[first]) and not is_given(values[second]) then
        return ("%s needs %s as well"):format(first, second)
    end
end

function RULES.both_or_none(rule, values)
    local a, b = rule.both_or_none[1], rule.both_or_none[2]
    if is_given(values[a]) ~= is_given(values[b]) then
        return ("%s and %s go together: both or none"):format(a, b)
    end
end

function RULES.order(rule, values)
    local from, to = rule.order[1], rule.order[2]
    if not (is_given(values[from]) and is_given(values[to])) then return nil end
    local lang = require "neap.lang"
    local a, b = lang.date(values[from]), lang.date(values[to])
    if not (a and b) then return nil end
    local days = lang.days_between(a, b)
    if days < 0 then return ("%s is before %s"):format(to, from) end
    if rule.max_days and days > rule.max_days then
        return ("%s to %s is %d days, at most %d are allowed"):format(from, to, days, rule.max_days)
    end
end

function RULES.check(rule, values)
    return rule.check(values)
end

local RULE_NAMES = { "any_of", "with", "both_or_none", "order", "check" }

--- Declared rules read names only; a function of the definition may rely on the types, so it is asked
-- once these are right.
local function check_rules(endpoint, values, faults)
    local typed = #faults == 0
    for _, rule in ipairs(endpoint.rules) do
        for _, name in ipairs(RULE_NAMES) do
            local applies = rule[name] and (typed or name ~= "check")
            local message = applies and RULES[name](rule, values)
            if message then faults[#faults + 1] = { path = "", message = message } end
        end
    end
    if endpoint.key_required and #faults == 0 and not is_given(endpoint.key(values)) then
        local text = endpoint.key_text:gsub("%[([%w_]+)%]", function(name)
            return "." .. tostring(values[name])
        end)
        faults[#faults + 1] = { path = text, message = "required: the vendor finds the record by it" }
    end
end

local function text(value)
    if type(value) == "table" then return json.encode(value, { sorted = true }) end
    return tostring(value)
end

--- Not every text can be part of a path.
local function check_path(endpoint, values, faults)
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
        into[name] = ("a setting, not a parameter: use --set %s.%s=..."):format(model.name, setting)
    end
    for _, spec in pairs(model.auth) do
        if spec.place == "body" or spec.place == "query" then note(secrets, spec.name, spec.secret) end
    end
    for _, field in ipairs(model.settings) do
        note(field.type == "secret" and secrets or placed, field[1], field[1])
    end
    if model.tenant then note(placed, model.tenant.name, model.tenant.setting) end
    return placed, secrets
end

--- How values of a client's calls, and records for them, are checked; see schema.lua.
---@param client neap.Client
---@return neap.CheckOptions
function M.check_options(client)
    local options = rawget(client, "checking")
    if not options then
        local placed, secrets = setting_names(client.model)
        options = { custom_fields = client.custom_fields, placed = placed, secrets = secrets }
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

--- Checks the parameters of a call. -> values in wire form | nil, err with every fault
---@param endpoint neap.Endpoint
---@param client neap.Client
---@param params table<string, any>
function M.validate(endpoint, client, params)
    if type(params) ~= "table" then
        return nil, invalid { { path = "", message = "parameters are a table, got a " .. type(params) } }
    end
    local values, faults = endpoint.params:check(params, M.check_options(client))
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

--- Splits values by where they travel.
local function distribute(endpoint, client, values)
    local parts = { body = {}, query = {}, path = {}, header = {} }
    for _, name in ipairs(names_of(endpoint, values)) do
        local value, place = values[name], endpoint.places[name] or endpoint.default_place
        if value ~= nil then
            if place == "body" then parts.body[name] = value
            elseif place == "path" then parts.path[name] = text(value)
            else table.insert(parts[place], { name, text(value) }) end
        end
    end
    local tenant = endpoint.tenant and client.model.tenant
    local account = tenant and client.settings[tenant.setting]
    if endpoint.tenant == "body" then parts.body[tenant.name] = account end
    if endpoint.tenant == "query" and account ~= nil then
        table.insert(parts.query, 1, { tenant.name, account })
    end
    return parts
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

--- Makes the request, without credential.
---@return { method: string, url: string, headers: string[], body?: string }
function M.request(endpoint, client, values)
    local parts = distribute(endpoint, client, values)
    local target = url.join(client.base_url or "", endpoint.template:expand(parts.path))
    if #parts.query > 0 then target = target .. "?" .. url.query(parts.query) end
    local bare = endpoint.default_place == "query"
    return {
        method = endpoint.method, url = target,
        headers = headers_of(HEADERS, parts.header),
        body = not bare and assert(json.encode(parts.body, { sorted = true })) or nil,
    }
end

return M
