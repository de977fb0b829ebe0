--- neap.workflow: a script's description and its run function, with typed arguments.

local errors = require "neap.error"
local runtime = require "neap.runtime"
local schema = require "neap.schema"
local suggest = require "neap.suggest"

local M = {}

local FIELDS = {
    "summary", "description", "args", "run", "vendors", "example", "dead_letters",
}

local Workflow = { __name = "neap.Workflow" }
Workflow.__index = Workflow

--- Names that belong to the command line itself (DESIGN.md 6).
M.RESERVED = {
    "sandbox", "clock", "set", "log_level", "log_format", "progress", "json", "dry_run", "faults", "seed",
    "sandbox_log", "help", "no_state", "store",
}

local function refuse(message, hint)
    error(errors.new {
        kind = "invalid", where = errors.caller(), message = "neap.workflow: " .. message, hint = hint,
    }, 0)
end

local function check_fields(spec)
    for name in pairs(spec) do
        local known = false
        for _, field in ipairs(FIELDS) do known = known or field == name end
        if not known then refuse(("no field %q"):format(tostring(name)), suggest.hint(tostring(name), FIELDS)) end
    end
    if type(spec.run) ~= "function" then refuse "run must be a function" end
    for _, name in ipairs { "summary", "description", "example" } do
        if spec[name] ~= nil and type(spec[name]) ~= "string" then
            refuse(("%s: a text expected, got a %s"):format(name, type(spec[name])))
        end
    end
end

--- Args are a list or a table by name: what stands beside a list would be lost.
local function check_list(args)
    for name in pairs(args) do
        if math.type(name) ~= "integer" then
            refuse(("args.%s: it stands beside a list"):format(tostring(name)),
                ("write { \"%s\", ... } in it"):format(tostring(name)))
        end
    end
    return args
end

--- The args as a list in a stable order: the list as written, or a table by name, sorted.
local function ordered_args(args)
    if args == nil then return {} end
    if type(args) ~= "table" then refuse("args: a table expected, got a " .. type(args)) end
    for name, field in pairs(args) do
        if type(field) ~= "table" then
            refuse(("args.%s: a table expected, got a %s"):format(tostring(name), type(field)))
        end
    end
    if #args > 0 then return check_list(args) end
    local list = {}
    for name, field in pairs(args) do
        local copy = { name }
        if field[1] ~= nil and field[1] ~= name then
            refuse(("args.%s: it has two names, %s and %q"):format(name, name, tostring(field[1])),
                ("write %s = { type = ... }"):format(name))
        end
        for key, value in pairs(field) do copy[key] = value end
        list[#list + 1] = copy
    end
    table.sort(list, function(a, b)
        if (a.required or false) ~= (b.required or false) then return a.required == true end
        return a[1] < b[1]
    end)
    return list
end

--- Describes a workflow; a script returns the result.
---@param spec { summary: string, args?: table, run: fun(ctx: neap.Context, args: table): any, any }
---@return table
function M.define(spec)
    if type(spec) ~= "table" then refuse("a table expected, got a " .. type(spec)) end
    check_fields(spec)
    local args = ordered_args(spec.args)
    for _, field in ipairs(args) do
        for _, name in ipairs(M.RESERVED) do
            if tostring(field[1]):gsub("-", "_") == name then
                refuse(("args.%s: the name belongs to an option of neap itself"):format(field[1]))
            end
        end
    end
    local ok, compiled = pcall(schema.compile, args, "args")
    if not ok then
        local err = errors.from(compiled)
        refuse(err.message, err.hint)
    end
    local workflow = {}
    for name, value in pairs(spec) do workflow[name] = value end
    workflow.args, workflow.schema = args, compiled
    return setmetatable(workflow, Workflow)
end

function M.is_workflow(value)
    return getmetatable(value) == Workflow
end

--- The args of one run: a name that is not declared is a misprint, one without a value is nil.
local function guarded(args, declared)
    return setmetatable(args, { __index = function(_, name)
        if type(name) ~= "string" or declared.by_name[name] then return nil end
        local names = {}
        for i, field in ipairs(declared.fields) do names[i] = field.name or field[1] end
        error(errors.new {
            kind = "invalid", where = errors.caller(), message = ("args: no arg %q"):format(name),
            hint = suggest.hint(name, names),
        }, 0)
    end })
end

---@class neap.Context what a workflow gets besides its arguments
---@field dry_run boolean writes are shown, not sent
local Context = {}
Context.__index = Context

local function check_colon(self, name)
    if getmetatable(self) == Context then return end
    error(errors.new {
        kind = "invalid", where = errors.caller(), message = ("call it with a colon: ctx:%s(...)"):format(name),
    }, 0)
end

--- Opens a vendor, built in or found (DESIGN.md 3); settings given here win over all others.
---@async
---@param name string
---@param settings? table<string, any> secrets as references: "env:NAME"
---@return neap.Client
function Context.vendor(self, name, settings)
    check_colon(self, "vendor")
    local client = require "neap.client"
    return client.open(require("neap.registry").load(name), settings)
end

--- Options of a delivery; the workflow's args of these names stand for those that are not given.
local DELIVER_OPTIONS = { "batch", "concurrency", "dead_letters" }

--- See deliver.lua.
---@async
function Context:deliver(from, fn, opts)
    check_colon(self, "deliver")
    opts = opts or {}
    if type(opts) ~= "table" then refuse("ctx:deliver: options expected, got a " .. type(opts)) end
    local merged, known = { resume = opts.resume }, { resume = true }
    for _, name in ipairs(DELIVER_OPTIONS) do
        known[name], merged[name] = true, opts[name]
        if merged[name] == nil then merged[name] = rawget(self.args, name) end
    end
    for name in pairs(opts) do
        if not known[name] then
            refuse(("ctx:deliver: no option %q"):format(tostring(name)),
                suggest.hint(tostring(name), DELIVER_OPTIONS))
        end
    end
    return require("neap.deliver").run(from, fn, merged)
end

--- Runs a workflow with checked arguments, in a task. Returns what `run` returns.
---@async
function Workflow:start(args)
    args = guarded(args, self.schema)
    local ctx = setmetatable({ args = args, dry_run = runtime.options.dry_run or false }, Context)
    return self.run(ctx, args)
end

return M
