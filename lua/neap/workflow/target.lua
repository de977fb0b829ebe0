--- The endpoint that a ready-made workflow (import.lua, report.lua) is about, and the options that follow
-- from its parameters.

local errors = require "neap.error"
local registry = require "neap.registry"
local suggest = require "neap.suggest"

local M = {}

--- Raises what is wrong with the table that describes the workflow.
---@param who string "neap.import"
function M.refuse(who, message, hint)
    error(errors.new { kind = "invalid", where = errors.caller(), message = who .. ": " .. message, hint = hint }, 0)
end

--- Checks the names of the table's fields; the first is required, a text.
---@param who string
---@param spec any
---@param fields string[]
function M.check_fields(who, spec, fields)
    if type(spec) ~= "table" then M.refuse(who, "a table expected, got a " .. type(spec)) end
    for name in pairs(spec) do
        local known = false
        for _, field in ipairs(fields) do known = known or field == name end
        if not known then
            M.refuse(who, ("no field %q"):format(tostring(name)), suggest.hint(tostring(name), fields))
        end
    end
    if type(spec[fields[1]]) ~= "string" then M.refuse(who, fields[1] .. ' is missing: "vendor.endpoint"') end
end

--- Finds what "vendor.endpoint" or "vendor.endpoint.parameter" names.
---@param who string
---@param text string
---@return neap.Model
---@return neap.Endpoint
---@return string|nil param
function M.find(who, text)
    local vendor, name, param = text:match "^([%w_-]+)%.([%w_]+)$"
    if not vendor then vendor, name, param = text:match "^([%w_-]+)%.([%w_]+)%.([%w_]+)$" end
    if not vendor then M.refuse(who, ("%q is no vendor.endpoint"):format(text)) end
    local model = registry.load(vendor)
    local endpoint = model.endpoints[name]
    if not endpoint then
        M.refuse(who, ("%s has no endpoint %q"):format(vendor, name), suggest.hint(name, model.endpoint_names))
    end
    return model, endpoint, param
end

--- An option that stands for a parameter, with a default of its own where the vendor has none.
local function option_of(param, default)
    local option = { param.name }
    for name, value in pairs(param.spec) do
        if name ~= 1 and name ~= "place" then option[name] = value end
    end
    if default ~= nil then option.default, option.required = default, nil end
    return option
end

--- Refuses defaults of parameters that there are not.
---@param who string
---@param endpoint neap.Endpoint
---@param defaults? table<string, any>
function M.check_defaults(who, endpoint, defaults)
    if defaults ~= nil and type(defaults) ~= "table" then M.refuse(who, "defaults: a table expected") end
    for name in pairs(defaults or {}) do
        if not endpoint.params.by_name[name] then
            M.refuse(who, ("defaults: %s has no parameter %q"):format(endpoint.name, tostring(name)),
                suggest.hint(tostring(name), endpoint.params:names()))
        end
    end
end

--- The options of a workflow: the endpoint's parameters but one.
---@param endpoint neap.Endpoint
---@param except? string
---@param defaults? table<string, any>
---@return neap.Field[]
function M.options(endpoint, except, defaults)
    local options = {}
    for _, param in ipairs(endpoint.params.fields) do
        if param.name ~= except then
            options[#options + 1] = option_of(param, defaults and defaults[param.name])
        end
    end
    return options
end

--- The values of options, as parameters.
---@param options neap.Field[]
---@param args table<string, any>
---@return table<string, any>
function M.values(options, args)
    local values = {}
    for _, option in ipairs(options) do values[option[1]] = rawget(args, option[1]) end
    return values
end

return M
