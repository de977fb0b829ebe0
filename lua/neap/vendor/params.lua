--- The parameters of an endpoint: compiled, where each travels, and the example that holds some.

local grammar = require "neap.vendor.grammar"
local header = require "neap.vendor.header"
local schema = require "neap.schema"
local values = require "neap.schema.value"

local M = {}

local check_case

--- Raises for two fields of an object that differ by letter case only, at any depth.
local function check_object_case(c, path, object)
    local seen = {}
    for _, field in ipairs(object.fields or {}) do
        local other, below = seen[field.name:lower()], { table.unpack(path) }
        below[#below + 1] = field.name
        if other then grammar.refuse(c, below, ("differs from %s by letter case only"):format(other)) end
        seen[field.name:lower()] = field.name
        check_case(c, below, field)
    end
end

function check_case(c, path, field)
    check_object_case(c, path, field)
    if field.of then check_case(c, path, field.of) end
    for _, one in ipairs(field.either or {}) do check_case(c, path, one) end
end

--- Compiles fields of an endpoint. Raises what grammar.refuse raises, as the others here do.
---@param c table
---@param model neap.Model
---@param name string of the endpoint
---@param part "params"|"returns"
---@param fields table
---@param opts? table of schema.compile
---@return neap.Schema
function M.compile(c, model, name, part, fields, opts)
    local where, path = model.name .. "." .. name, { "endpoints", name }
    if part == "params" then path[3] = part end -- `returns` is one field, of that name
    local ok, compiled = pcall(schema.compile, fields, where, opts)
    if not ok then grammar.refuse_fields(c, path, compiled, where) end
    if model.any_case then check_case(c, path, compiled.root) end
    return compiled
end

--- Gets where each parameter travels, by its name on the wire.
---@param c table
---@param name string of the endpoint
---@param def table
---@param template { names: string[] } of the path
---@param default "body"|"query"
---@return table<string, "body"|"query"|"path"|"header">
function M.places(c, name, def, template, default)
    local in_path, places = {}, {}
    for _, parameter in ipairs(template.names) do in_path[parameter] = true end
    for _, field in ipairs(def.params or {}) do
        local place, wire = in_path[field[1]] and "path" or field.place or default, field.wire or field[1]
        local path = { "endpoints", name, field[1] }
        if place == "body" and default == "query" then grammar.refuse(c, path, "a GET or DELETE has no body") end
        if place == "header" then header.check(c, path, wire) end
        places[wire] = place
        in_path[field[1]] = nil
    end
    local missing = next(in_path)
    if missing then
        grammar.refuse(c, { "endpoints", name }, ("the path needs a parameter %q"):format(missing))
    end
    return places
end

--- Is a fault that of a parameter which the example leaves out? Settings may place it, or rules may want it
-- beside others only.
local function is_left_out(endpoint, fault)
    return endpoint.params.by_name[fault.path] and endpoint.example[fault.path] == nil
end

--- Checks that an example holds what its endpoint's parameters take.
---@param c table
---@param endpoint neap.Endpoint
function M.check_example(c, endpoint)
    if not endpoint.example then return end
    local path = { "endpoints", endpoint.name, "example" }
    local where, message = values.json_fault(endpoint.example)
    if where then
        grammar.refuse(c, { "endpoints", endpoint.name, where == "" and "example" or "example." .. where }, message)
    end
    local _, faults = endpoint.params:check(endpoint.example)
    for _, fault in ipairs(faults or {}) do
        if not is_left_out(endpoint, fault) then
            local prefix = fault.path == "" and "" or fault.path .. ": "
            grammar.refuse(c, path, prefix .. fault.message, fault.hint)
        end
    end
end

return M
