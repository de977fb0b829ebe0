--- One endpoint of a definition, checked and compiled.

local grammar = require "neap.vendor.grammar"
local lang = require "neap.lang"
local paging = require "neap.vendor.paging"
local params = require "neap.vendor.params"

local M = {}

local METHODS = { "get", "post", "put", "patch", "delete" }

local function method_of(c, name, def)
    local found
    for _, method in ipairs(METHODS) do
        if def[method] then
            if found then grammar.refuse(c, { "endpoints", name, method }, "an endpoint has one method") end
            found = method
        end
    end
    if found and def.path_unknown then
        grammar.refuse(c, { "endpoints", name, "path_unknown" }, "the path is given")
    end
    if def.path_unknown then return "GET", "/" end
    if not found then
        grammar.refuse(c, { "endpoints", name }, "no method: one of get, post, put, patch, delete with the path")
    end
    return found:upper(), def[found]
end

local function write_class(c, name, def, method)
    if def.write then return def.write end
    if method == "GET" then return "read" end
    return grammar.refuse(c, { "endpoints", name },
        "write is missing: read, idempotent, keyed or unsafe says whether a send may be repeated")
end

local function check_param(c, endpoint, where, param)
    param = tostring(param):match "^[^.]*"
    if endpoint.open or endpoint.params.by_name[param] then return end
    grammar.refuse_name(c, { "endpoints", endpoint.name, where }, param, endpoint.params.by_name, "parameter")
end

local function compile_key(c, endpoint)
    if not endpoint.key_text then
        if endpoint.key_required then
            grammar.refuse(c, { "endpoints", endpoint.name, "key_required" }, "there is no key")
        end
        return
    end
    local key, reads = lang.path(endpoint.key_text)
    if not key then grammar.refuse(c, { "endpoints", endpoint.name, "key" }, reads) end
    for _, param in ipairs(reads) do check_param(c, endpoint, "key", param) end
    endpoint.key = key
end

local PAIRS = { with = true, both_or_none = true, order = true }

--- The kinds of rules that name parameters.
local NAMING = { "any_of", "one_of", "with", "both_or_none", "order", "recent" }

--- The parameters of a rule are texts, two where it is about two; days are whole.
local function check_rule(c, endpoint, rule)
    local path = { "endpoints", endpoint.name, "rules" }
    for _, kind in ipairs(NAMING) do
        local names = rule[kind]
        local count, is_good = names and #names or 0, names == nil or #names > 0
        if names and PAIRS[kind] then is_good = count == 2 end
        for i = 1, count do is_good = is_good and type(names[i]) == "string" end
        if not is_good then
            local many = PAIRS[kind] and "two names" or "names"
            grammar.refuse(c, path, ("%s: %s of parameters expected"):format(kind, many))
        end
    end
    if (rule.max_days or rule.recent) and (math.tointeger(rule.max_days) or -1) < 0 then
        grammar.refuse(c, path, "max_days: an integer, zero or more, expected")
    end
end

local function check_rules(c, endpoint)
    grammar.check_list(c, { "endpoints", endpoint.name, "rules" }, endpoint.rules)
    for _, rule in ipairs(endpoint.rules) do
        grammar.check(c, rule, grammar.RULE, { "endpoints", endpoint.name, "rules" })
        check_rule(c, endpoint, rule)
        for _, kind in ipairs(NAMING) do
            for _, param in ipairs(rule[kind] or {}) do check_param(c, endpoint, "rules", param) end
        end
    end
end

--- The example names parameters that there are, with values that they take.
local function check_example(c, endpoint)
    local names = {}
    for name in pairs(endpoint.example or {}) do names[#names + 1] = tostring(name) end
    table.sort(names)
    for _, name in ipairs(names) do check_param(c, endpoint, "example", name) end
    params.check_example(c, endpoint)
end

local function compile_template(c, name, method, path)
    local at = { "endpoints", name, method:lower() }
    if path:sub(1, 1) ~= "/" then
        grammar.refuse(c, at, ("a path begins with a slash: %q"):format("/" .. path))
    end
    local template, message = lang.template(path)
    if not template then grammar.refuse(c, at, message) end
    return template
end

--- What a call gives, if it is said as a type.
local function compile_returns(c, model, name, def)
    if type(def.returns) ~= "table" then return def.returns end
    local field = {}
    for key, value in pairs(def.returns) do field[key] = value end
    return params.compile(c, model, name, "returns", { returns = field }).by_name.returns
end

--- The parameter that is the body: there is no other in it.
local function check_body(c, endpoint)
    if not endpoint.body then return end
    local path = { "endpoints", endpoint.name, "body" }
    check_param(c, endpoint, "body", endpoint.body)
    for name, place in pairs(endpoint.places) do
        if place == "body" and name ~= endpoint.body then
            grammar.refuse(c, path, ("%s has no place beside it"):format(name))
        end
    end
    if endpoint.default_place ~= "body" then grammar.refuse(c, path, "a GET or DELETE has no body") end
end

local function check_repeated(c, endpoint)
    if not endpoint.repeated then return end
    grammar.check_statuses(c, { "endpoints", endpoint.name, "repeated" }, { endpoint.repeated })
    if endpoint.write == "keyed" then return end
    grammar.refuse(c, { "endpoints", endpoint.name, "repeated" }, "only a vendor that knows a key can know a repeat")
end

--- Raises for an envelope that no constructor made.
---@param c table
---@param path string[]
---@param own table|nil
function M.check_envelope(c, path, own)
    if own and type(own.accept) ~= "function" then
        grammar.refuse(c, path, "one of envelope.flag, plain, error expected")
    end
end

local function check_placement(c, model, name, def)
    if def.auth and not model.auth[def.auth] then
        grammar.refuse_name(c, { "endpoints", name, "auth" }, def.auth, model.auth, "auth")
    end
    if def.tenant and not model.tenant then
        grammar.refuse(c, { "endpoints", name, "tenant" }, "the definition has no tenant")
    end
end

--- Compiles an endpoint. Raises what grammar.refuse raises.
---@param c table the definition under compilation
---@param model neap.Model
---@param name string
---@param def table
---@return neap.Endpoint
function M.compile(c, model, name, def)
    grammar.check(c, def, grammar.ENDPOINT, { "endpoints", name })
    check_placement(c, model, name, def)
    grammar.check_fields(c, { "endpoints", name, "params" }, def.params)
    local method, path = method_of(c, name, def)
    local template = compile_template(c, name, method, path)
    local default_place = (method == "GET" or method == "DELETE") and "query" or "body"
    local endpoint = {
        name = name, vendor = model.name, method = method, path = path, template = template,
        group = path:match "^[^{]*", auth = def.auth or "none", tenant = def.tenant,
        params = params.compile(c, model, name, "params", def.params or {}, { open = def.open }),
        rules = def.rules or {}, open = def.open,
        places = params.places(c, name, def, template, default_place), default_place = default_place,
        write = write_class(c, name, def, method), key_text = def.key, key_required = def.key_required,
        summary = def.summary, doc = def.doc, source = def.source, returns = compile_returns(c, model, name, def),
        example = def.example, batch = def.batch, job = def.job, area = def.area, body = def.body,
        path_unknown = def.path_unknown, repeated = def.repeated, envelope = def.envelope or model.envelope,
        wire_names = {},
    }
    M.check_envelope(c, { "endpoints", name, "envelope" }, def.envelope)
    endpoint.is_body_only = default_place == "body" and not def.body
    for i, field in ipairs(endpoint.params.fields) do
        local wire = field.wire or field.name
        endpoint.wire_names[i] = wire
        endpoint.is_body_only = endpoint.is_body_only and endpoint.places[wire] == "body"
    end
    endpoint.paging = def.paging and paging.compile(c, endpoint, def.paging)
    compile_key(c, endpoint)
    check_body(c, endpoint)
    check_repeated(c, endpoint)
    check_rules(c, endpoint)
    check_example(c, endpoint)
    return endpoint
end

--- `batch`: the value of parameter `field` becomes an element of `list` of the other endpoint; or, of
-- calls of this very endpoint, the elements of their lists travel together.
local function link_batch(c, endpoint, endpoints)
    local path, batch = { "endpoints", endpoint.name, "batch" }, endpoint.batch
    grammar.check(c, batch, grammar.BATCH, path)
    if batch.endpoint == nil and batch.field == nil then batch.endpoint, batch.field = endpoint.name, batch.list end
    if not (batch.endpoint and batch.field) then
        grammar.refuse(c, path, "endpoint and field go together: both or none")
    end
    local target = endpoints[batch.endpoint]
    if not target then grammar.refuse_name(c, path, batch.endpoint, endpoints, "endpoint") end
    check_param(c, endpoint, "batch", batch.field)
    local list = target.params.by_name[batch.list]
    if not list then grammar.refuse_name(c, path, batch.list, target.params.by_name, "parameter") end
    if list.type ~= "list" or not list.max then
        grammar.refuse(c, path, ("%s.%s is no list with a max, the size of a batch"):format(target.name, batch.list))
    end
    for name in pairs(batch.alone or {}) do check_param(c, endpoint, "batch", name) end
    endpoint.batch = {
        is_own = target == endpoint, endpoint = target, field = batch.field, list = batch.list, max = list.max,
        alone = batch.alone,
    }
end

--- `job`: what the call orders is asked for with another endpoint until it is done or has failed.
local function link_job(c, endpoint, endpoints)
    local path, job = { "endpoints", endpoint.name, "job" }, endpoint.job
    grammar.check(c, job, grammar.JOB, path)
    local get = endpoints[job.get]
    if not get then grammar.refuse_name(c, path, job.get, endpoints, "endpoint") end
    if not get.params.by_name[job.id] then
        grammar.refuse(c, path, ("%s has no parameter %q"):format(get.name, job.id))
    end
end

--- Resolves what an endpoint says of others, once all are compiled. Raises what grammar.refuse raises.
---@param c table
---@param endpoint neap.Endpoint
---@param endpoints table<string, neap.Endpoint>
function M.link(c, endpoint, endpoints)
    if endpoint.batch then link_batch(c, endpoint, endpoints) end
    if endpoint.job then link_job(c, endpoint, endpoints) end
end

return M
