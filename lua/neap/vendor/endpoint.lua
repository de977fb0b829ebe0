--- One endpoint of a definition, checked and compiled.

local grammar = require "neap.vendor.grammar"
local lang = require "neap.lang"
local schema = require "neap.schema"

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

--- Where each parameter travels, by its name on the wire.
local function place_params(c, name, def, template, default)
    local in_path, places = {}, {}
    for _, parameter in ipairs(template.names) do in_path[parameter] = true end
    for _, field in ipairs(def.params or {}) do
        local place = in_path[field[1]] and "path" or field.place or default
        if place == "body" and default == "query" then
            grammar.refuse(c, { "endpoints", name, field[1] }, "a GET or DELETE has no body")
        end
        places[field.wire or field[1]] = place
        in_path[field[1]] = nil
    end
    local missing = next(in_path)
    if missing then
        grammar.refuse(c, { "endpoints", name }, ("the path needs a parameter %q"):format(missing))
    end
    return places
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

local function check_rules(c, endpoint)
    grammar.check_list(c, { "endpoints", endpoint.name, "rules" }, endpoint.rules)
    for _, rule in ipairs(endpoint.rules) do
        grammar.check(c, rule, grammar.RULE, { "endpoints", endpoint.name, "rules" })
        for _, kind in ipairs { "any_of", "with", "both_or_none", "order" } do
            for _, param in ipairs(rule[kind] or {}) do check_param(c, endpoint, "rules", param) end
        end
    end
end

local function check_example(c, endpoint)
    local names = {}
    for name in pairs(endpoint.example or {}) do names[#names + 1] = tostring(name) end
    table.sort(names)
    for _, name in ipairs(names) do check_param(c, endpoint, "example", name) end
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

local function compile_params(c, model, name, def)
    local where = model.name .. "." .. name
    grammar.check_fields(c, { "endpoints", name, "params" }, def.params)
    local ok, params = pcall(schema.compile, def.params or {}, where, { open = def.open })
    if not ok then grammar.refuse_fields(c, { "endpoints", name, "params" }, params, where) end
    return params
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
    local method, path = method_of(c, name, def)
    local template = compile_template(c, name, method, path)
    local default_place = (method == "GET" or method == "DELETE") and "query" or "body"
    local endpoint = {
        name = name, vendor = model.name, method = method, path = path, template = template,
        group = path:match "^[^{]*", auth = def.auth or "none", tenant = def.tenant,
        params = compile_params(c, model, name, def), rules = def.rules or {}, open = def.open,
        places = place_params(c, name, def, template, default_place), default_place = default_place,
        write = write_class(c, name, def, method), key_text = def.key, key_required = def.key_required,
        summary = def.summary, doc = def.doc, source = def.source, returns = def.returns,
        example = def.example, wire_names = {},
    }
    for i, field in ipairs(endpoint.params.fields) do endpoint.wire_names[i] = field.wire or field.name end
    compile_key(c, endpoint)
    check_rules(c, endpoint)
    check_example(c, endpoint)
    return endpoint
end

return M
