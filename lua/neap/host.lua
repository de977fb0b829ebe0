--- What a host sets and asks of the library: the Lua half of include/neap/neap.h, and of `neap serve`. All raise
--- error objects.

local errors = require "neap.error"
local runtime = require "neap.runtime"
local schema = require "neap.schema"
local setting = require "neap.setting"

local require = require -- whatever scripts make of the global: what ends them must work

local M = {}

local function refuse(message, hint)
    error(errors.new { kind = "settings", message = message, hint = hint, usage = true }, 0)
end

--- The raw settings of a name's owner, and its name there: of a vendor, or of the scripts themselves.
local function place(name, from)
    local vendor, own = name:match "^([^.]+)%.([^.]+)$"
    local options = runtime.options
    if vendor then
        local field = require("neap.settings").check_name(vendor, own, from)
        options.settings[vendor] = options.settings[vendor] or {}
        return options.settings[vendor], own, field
    end
    if not name:find "^[%w_-]+$" then
        refuse(("%s: %q is no name of a setting: VENDOR.SETTING expected, or a script's own"):format(from, name))
    end
    options.own = options.own or {}
    return options.own, name
end

--- A literal value of a vendor's setting: none that is secret, none of the wrong type.
local function check_literal(name, field, value, from)
    if field.type == "secret" then
        refuse(("%s: %s is a secret: give a reference to it"):format(from, name), runtime.options.embedded and
            setting.host_hint({ name }, { [name] = true }) or
            ("%s=env:NAME (or file:PATH, cmd:COMMAND)"):format(name))
    end
    local converted, message = schema.convert_field(field, value, "argument")
    if converted == nil then refuse(("%s: %s: %s"):format(from, name, message)) end
end

--- Sets a setting: "opm.base_url", or a name without a dot, which scripts get by neap.setting.
---@param name string
---@param value string
---@param from? string who says so, for messages
function M.set(name, value, from)
    from = from or "the host"
    local into, own, field = place(name, from)
    if field and not setting.is_reference(value) then check_literal(name, field, value, from) end
    into[own] = { value = value, from = from }
end

--- The same for a secret that the host has read itself.
---@param name string
---@param secret userdata
---@param from? string
function M.set_secret(name, secret, from)
    from = from or "the host"
    local into, own, field = place(name, from)
    if field and field.type ~= "secret" then refuse(("%s: %s is no secret"):format(from, name)) end
    into[own] = { secret = secret, from = from }
end

--- Adds a folder of modules and vendors.
---@param dir string
function M.add_path(dir)
    local paths = runtime.options.paths or {}
    runtime.options.paths = paths
    for _, known in ipairs(paths) do
        if known == dir then return end
    end
    paths[#paths + 1] = dir
    package.path = ("%s;%s/?.lua;%s/?/init.lua"):format(package.path, dir, dir)
end

--- Sets what all processes share: `state` is the file, false: nothing is shared. `embedded`: the runtime is one of the
--- C API, without options of a command; hints then name the host's own ways.
---@param options { state: string|false|nil, embedded?: boolean }
function M.configure(options)
    runtime.options.embedded = options.embedded
    if options.state == false then runtime.options.no_state = true end
    runtime.options.state_path = options.state or nil
end

--- Runs a script as a host's task, with its args: a workflow runs, of any other script the results count.
---@async
---@param chunk function
---@param ... any the args, if there are any
function M.run(chunk, ...)
    local results = table.pack(chunk(...))
    local value = results[1]
    if require("neap.workflow").is_workflow(value) then return require("neap.flow").start(value, (...)) end
    if type(value) == "function" or require("neap.handler").is_handler(value) then
        errors.raise("invalid", "the script answers requests: neap_serve gives it some")
    end
    return table.unpack(results, 1, results.n)
end

--- The host stops: background tasks end.
function M.drain()
    require("neap.background").drain()
end

return M
