--- The options that commands share, and what they set up before anything runs.

local clock = require "neap.native.clock"
local embed = require "neap.native.embed"
local log = require "neap.native.log"
local options = require "neap.cli.options"
local registry = require "neap.registry"
local report = require "neap.cli.report"
local runtime = require "neap.runtime"
local schema = require "neap.schema"

local M = {}

---@type neap.cli.Option[] of every command
M.output = {
    { "json", type = "boolean", doc = "results, summaries and errors as JSON" },
    {
        "log_level", type = "enum", values = { "error", "warn", "info", "debug", "trace" },
        default = "info", placeholder = "LEVEL",
        doc = "what is logged to standard error: error, warn, info, debug, trace",
    },
    {
        "log_format", type = "enum", values = { "text", "json" }, default = "text",
        placeholder = "text|json", doc = "how it is logged",
    },
}

---@type neap.cli.Option[] of both forms of the sandbox
M.sandbox = {
    {
        "faults", type = "string", placeholder = "SPEC",
        doc = "faults that the sandbox makes, like '503:p=0.05;reset:p=0.01'; see neap help faults",
    },
    {
        "seed", type = "integer", placeholder = "N",
        doc = "of everything random: the same seed, the same run",
    },
    {
        "sandbox_log", type = "path", placeholder = "FILE",
        doc = "gets one JSON line per request that the sandbox saw",
    },
}

local CLOCK = {
    "clock", type = "enum", values = { "real", "virtual" }, default = "real",
    placeholder = "real|virtual", doc = "virtual: waits take no time, the day is 2026-01-01; only with --sandbox",
}

local CALLS = {
    {
        "sandbox", type = "boolean",
        doc = "calls go to the built-in simulators: no network, no keys needed",
    },
    CLOCK,
    {
        "set", type = "list", of = { type = "string" }, placeholder = "VENDOR.SETTING=VALUE",
        doc = "a setting of a vendor, a secret as env:NAME, file:PATH or cmd:COMMAND; repeatable",
    },
    {
        "progress", type = "enum", values = { "auto", "always", "never" }, default = "auto",
        placeholder = "auto|always|never", doc = "progress on standard error",
    },
    {
        "dry_run", type = "boolean",
        doc = "make reads, check and show writes instead of sending them",
    },
    {
        "state", type = "boolean", default = true,
        doc = "share no session and no limit with other runs",
    },
}

local function join(...)
    local all = {}
    for _, list in ipairs { ... } do table.move(list, 1, #list, #all + 1, all) end
    return all
end

---@type neap.cli.Option[] of every command that makes calls
M.calls = join(CALLS, M.sandbox, M.output)

---@type neap.cli.Option[] of the HTTP sandbox
M.serving = join(M.sandbox, { { "clock", type = "enum", values = CLOCK.values, hidden = true } }, M.output)

-- Checks ---------------------------------------------------------------------------------------

local function need_sandbox(opts)
    if opts.sandbox then return end
    if opts.clock == "virtual" then
        report.refuse "--clock virtual needs --sandbox: vendors live in real time"
    end
    for _, field in ipairs(M.sandbox) do
        if opts[field[1]] ~= nil then
            report.refuse(("%s needs --sandbox"):format(options.flag(field[1])))
        end
    end
end

--- Gets the names of the vendors that the sandbox has.
---@return string[]
function M.simulated()
    local beside, names = registry.simulators(), {}
    for _, name in ipairs(registry.names()) do
        local has_one = beside[name] or embed.source("neap.sandbox." .. name)
        names[#names + 1] = has_one and name or nil
    end
    return names
end

local function endpoints_of(vendor)
    local ok, model = pcall(registry.load, vendor)
    return ok and model.endpoint_names or nil
end

local function check_faults(opts)
    if not opts.faults then return end
    local known = { vendors = M.simulated(), endpoints = endpoints_of }
    local clauses, message = require("neap.sandbox.faults").parse(opts.faults, known)
    if not clauses then report.refuse("--faults: " .. message:gsub("^faults: ", "")) end
end

local function is_reference(value)
    return value:find "^env:" or value:find "^file:" or value:find "^cmd:"
end

--- A literal value: none that is secret (others see a command line), none of the wrong type.
local function check_literal(vendor, field, value)
    local name = ("%s.%s"):format(vendor, field[1])
    if field.type == "secret" then
        report.refuse(("--set: %s is a secret: give a reference to it"):format(name),
            ("--set %s=env:NAME (or file:PATH, cmd:COMMAND), or set %s"):format(
                name, require("neap.settings").environment_name(vendor, field[1])))
    end
    local converted, message = schema.convert_field(field, value, "argument")
    if converted == nil then report.refuse(("--set: %s: %s"):format(name, message)) end
end

--- One `vendor.setting=value`, checked as far as it can be without following a reference.
local function read_set(word, into)
    local vendor, name, value = word:match "^([^.=]+)%.([^.=]+)=(.*)$"
    if not vendor then
        report.refuse(("--set %s: expected VENDOR.SETTING=VALUE"):format(word:match "^[^=]*"))
    end
    local field = require("neap.settings").check_name(vendor, name, "--set")
    if not is_reference(value) then check_literal(vendor, field, value) end
    into[vendor] = into[vendor] or {}
    into[vendor][name] = { value = value, from = "--set" }
end

local function read_sets(words)
    local sets = {}
    for _, word in ipairs(words or {}) do read_set(word, sets) end
    return sets
end

-- Setting up -----------------------------------------------------------------------------------

--- Sets up the log: options of every command.
---@param opts table<string, any>
function M.apply_output(opts)
    log.configure { level = opts.log_level, format = opts.log_format }
end

--- Checks the options of a command that makes calls and sets the runtime up by them. Raises for
-- what is wrong in them (exit code 2), before anything else happens.
---@param opts table<string, any>
---@param extra? table<string, any> more options of the run: script_dir, ordered
function M.apply(opts, extra)
    need_sandbox(opts)
    local run = {
        sandbox = opts.sandbox or nil, faults = opts.faults, sandbox_log = opts.sandbox_log,
        seed = opts.seed or opts.sandbox and 0 or nil, dry_run = opts.dry_run or nil,
        progress = opts.progress, json = opts.json or nil, log_level = opts.log_level,
        log_format = opts.log_format, no_state = not opts.state or nil,
    }
    for name, value in pairs(extra or {}) do run[name] = value end
    runtime.configure(run)
    runtime.options.settings = read_sets(opts.set)
    check_faults(opts)
    if opts.clock == "virtual" then clock.set_virtual(runtime.EPOCH_MS) end
end

--- The same for `neap sandbox`.
---@param opts table<string, any>
function M.apply_serving(opts)
    if opts.clock == "virtual" then
        report.refuse("neap sandbox serves others, whose clocks are real: no --clock virtual",
            "--sandbox --clock virtual runs a workflow in virtual time")
    end
    runtime.configure { seed = opts.seed }
    check_faults(opts)
end

return M
