--- neap.handler: a script that answers HTTP requests, with a description and settings of its own. A script may as
--- well return a plain function of the request.

local errors = require "neap.error"
local schema = require "neap.schema"
local setting = require "neap.setting"
local suggest = require "neap.suggest"
local workflow = require "neap.workflow"

local M = {}

local FIELDS = { "summary", "description", "vendors", "settings", "open", "example" }

---@class neap.Handler
---@field summary string?
---@field description string?
---@field schema neap.Schema of its settings
---@field open fun(settings: table): fun(req: neap.Request): any, any
local Handler = { __name = "neap.Handler" }
Handler.__index = Handler

local function refuse(message, hint)
    error(errors.new {
        kind = "invalid", where = errors.caller(), message = "neap.handler: " .. message, hint = hint,
    }, 0)
end

local function check_fields(spec)
    for name in pairs(spec) do
        local known = false
        for _, field in ipairs(FIELDS) do known = known or field == name end
        if not known then refuse(("no field %q"):format(tostring(name)), suggest.hint(tostring(name), FIELDS)) end
    end
    if type(spec.open) ~= "function" then refuse "open must be a function, which returns that of a request" end
    for _, name in ipairs { "summary", "description", "example" } do
        if spec[name] ~= nil and type(spec[name]) ~= "string" then
            refuse(("%s: a text expected, got a %s"):format(name, type(spec[name])))
        end
    end
end

local function compile(settings)
    local ok, compiled = pcall(schema.compile, settings, "settings")
    if not ok then
        local err = errors.from(compiled)
        refuse(err.message, err.hint)
    end
    for _, field in ipairs(compiled.fields) do
        if tostring(field.name or field[1]):find "%." then
            refuse(("settings.%s: a name without a dot expected: those with one are of vendors"):format(field[1]))
        end
    end
    return compiled
end

--- Describes a handler; a script returns the result.
---@param spec { summary: string?, settings: table?, open: fun(settings: table): function }
---@return neap.Handler
function M.define(spec)
    if type(spec) ~= "table" then refuse("a table expected, got a " .. type(spec)) end
    check_fields(spec)
    local handler = {}
    for name, value in pairs(spec) do handler[name] = value end
    handler.settings = spec.settings or {}
    handler.schema = compile(handler.settings)
    return setmetatable(handler, Handler)
end

---@return boolean
function M.is_handler(value)
    return getmetatable(value) == Handler
end

local function refuse_value(value, name)
    if workflow.is_workflow(value) then
        errors.raise("invalid", "%s: a workflow, which answers no requests: see neap run", name)
    end
    errors.raise("invalid", "%s: it must return a function of the request, or a neap.handler; it returned a %s",
        name, type(value))
end

--- Gets the function of the request from what a script has returned. Raises what is missing or wrong.
---@async
---@param value any
---@param name string of the script
---@return fun(req: neap.Request): any, any
function M.open(value, name)
    if type(value) == "function" then return value end
    if not M.is_handler(value) then refuse_value(value, name) end
    local handle = value.open(setting.resolve(value.schema, name))
    if type(handle) == "function" then return handle end
    return errors.raise("invalid", "%s: open must return a function of the request, it returned a %s", name,
        type(handle))
end

return M
