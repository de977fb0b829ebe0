--- neap serve: a script answers HTTP requests, until a signal.

local client = require "neap.client"
local concurrency = require "neap.concurrency"
local globals = require "neap.cli.globals"
local handlers = require "neap.handler"
local event = require "neap.native.event"
local host = require "neap.host"
local recipes = require "neap.scripts"
local registry = require "neap.registry"
local report = require "neap.cli.report"
local runtime = require "neap.runtime"
local script = require "neap.cli.script"
local settings = require "neap.settings"
local suggest = require "neap.suggest"

--- Seconds in which requests under way may end after the first signal.
local GRACE_S = 10

local LISTENING = {
    {
        "port", type = "integer", min = 0, max = 65535, default = 8000, placeholder = "N",
        doc = "to listen on; 0: any free one",
    },
    {
        "address", type = "string", default = "127.0.0.1", placeholder = "ADDRESS",
        doc = "to listen on, IPv4 or IPv6: 0.0.0.0 and :: are all of this machine",
    },
    {
        "body_limit", type = "string", default = "64m", placeholder = "SIZE",
        doc = "of a request's body, as 500k or 8m; a larger one is answered with 413",
    },
    {
        "memory_limit", type = "string", default = "512m", placeholder = "SIZE",
        doc = "for all that the script holds; what would go beyond fails; 0: none",
    },
    {
        "time_limit", type = "duration", default = "10s",
        doc = "for computing without a wait; what takes longer is stopped and answered with 500; 0: none",
    },
}

--- Those of every command that makes calls; here --set also knows the script's own settings.
local function serving_options()
    local all = table.move(LISTENING, 1, #LISTENING, 1, {})
    for _, field in ipairs(globals.calls) do
        local copy = {}
        for key, value in pairs(field) do copy[key] = value end
        if copy[1] == "clock" then copy.hidden = true end
        if copy[1] == "set" then
            copy.placeholder = "NAME=VALUE"
            copy.doc = "a setting of the script, or of a vendor: VENDOR.SETTING=VALUE; a secret as env:NAME, "
                .. "file:PATH or cmd:COMMAND; repeatable"
        end
        all[#all + 1] = copy
    end
    return all
end

local M = {
    summary = "answer HTTP requests by a script",
    usage = "neap serve SCRIPT|VENDOR/RECIPE [--port N] [--address ADDRESS]",
    doc = "The script returns a function of the request, or a neap.handler: see neap help handlers. It is found "
        .. "as that of neap run. The first line on standard output is the address. SIGINT or SIGTERM ends it: "
        .. ("requests under way are answered first, for up to %d s."):format(GRACE_S),
    options = serving_options(),
}

--- Prints the help of a handler file.
---@param words string[]
---@return boolean
function M.help(words)
    if not words[1] then return false end
    require("neap.cli.run_help").print(recipes.find(words[1]), "serve")
    return true
end

-- Options --------------------------------------------------------------------------------------

local UNITS = { [""] = 1, k = 1 << 10, m = 1 << 20, g = 1 << 30 }

local function read_size(option, text, least)
    local digits, unit = text:lower():match "^(%d+)([kmg]?)$"
    local number = digits and math.tointeger(tonumber(digits))
    if not number or number < least or number > 1 << 30 then
        report.refuse(("%s %s: a size expected, like 500k or 8m"):format(option, text))
    end
    return number * UNITS[unit]
end

--- Takes the script's own settings out of --set: their names have no dot.
local function split_sets(words)
    local vendors, own = {}, {}
    for _, word in ipairs(words or {}) do
        local name, value = word:match "^([^.=]+)=(.*)$"
        if name then own[#own + 1] = { name = name, value = value } else vendors[#vendors + 1] = word end
    end
    return vendors, own
end

local function apply(opts, recipe)
    if opts.clock == "virtual" then
        report.refuse("neap serve answers others, whose clocks are real: no --clock virtual",
            "--sandbox --clock virtual runs a workflow in virtual time")
    end
    local own
    opts.set, own = split_sets(opts.set)
    globals.apply(opts, { script_dir = recipe.dir })
    for _, one in ipairs(own) do host.set(one.name, one.value, "--set") end
    if recipe.dir then host.add_path(recipe.dir) end
    return own
end

-- The script -----------------------------------------------------------------------------------

--- A setting that a neap.handler does not declare is a misprint; of a plain function nobody can know.
local function check_own(handler, own)
    local names, known = {}, {}
    for i, field in ipairs(handler.schema.fields) do
        names[i] = field.name or field[1]
        known[names[i]] = true
    end
    for _, one in ipairs(own) do
        if not known[one.name] then
            report.refuse(("--set: the script has no setting %q"):format(one.name), suggest.hint(one.name, names))
        end
    end
end

--- Vendors that it names are there to be called: without their settings each request would fail.
local function check_vendors(handler)
    local names = type(handler.vendors) == "table" and not runtime.options.dry_run and handler.vendors or {}
    for _, name in ipairs(names) do
        local model = registry.load(name)
        local missing = client.open(model).missing
        if missing[1] then error(settings.missing_error(model, missing), 0) end
    end
end

--- Runs the script, and has it opened before anybody may ask.
local function open(recipe, own)
    script.prepare()
    local chunk, handler = recipes.load(recipe), nil
    local service = require("neap.serve").script(function()
        local value = chunk()
        handler = handlers.is_handler(value) and value
        if handler then check_own(handler, own) end
        return value
    end, recipe.name)
    script.run(service.open, service)
    if handler then script.run(check_vendors, handler) end
    return service
end

-- Listening ------------------------------------------------------------------------------------

local function listen(service, opts, limit)
    local server, err = require("neap.native.server").listen(require("neap.native.handler").new(service.answer),
        { port = opts.port, address = opts.address, body_limit = limit })
    if server then return server end
    if err.message:find "in use" then err.hint = "--port takes another one, and --port 0 any that is free" end
    error(err, 0)
end

local function greet(server, address)
    local form = address:find(":", 1, true) and "listening on http://[%s]:%d\n" or "listening on http://%s:%d\n"
    io.stdout:write(form:format(address, server:port()))
    io.stdout:flush()
end

--- After the first signal: what is under way may end, then everything does.
local function finish(server)
    local count = server:requests()
    if count > 0 then
        report.note(("%s: %d request%s under way; once more stops at once"):format(runtime.stopped, count,
            count == 1 and "" or "s"))
    end
    if not concurrency.deadline(GRACE_S, function() return server:wait() end) then
        report.note(("not answered within %d s: %d of them"):format(GRACE_S, server:requests()))
    end
    host.drain()
    server:close()
end

---@param opts table<string, any>
---@param words string[]
---@return integer code
function M.run(opts, words)
    if not words[1] then report.refuse("no script given", M.usage) end
    if words[2] then report.refuse(("unexpected argument %q"):format(words[2]), M.usage) end
    local limit = read_size("--body-limit", opts.body_limit, 1)
    local memory = read_size("--memory-limit", opts.memory_limit, 0)
    local recipe = recipes.find(words[1])
    local own = apply(opts, recipe)
    require("neap.native.limits").set(memory, opts.time_limit)
    local ok, service = pcall(open, recipe, own)
    if not ok then error(recipes.located(recipe, service), 0) end
    local stopped = event.new()
    local forget = runtime.on_stop(function() stopped:signal() end)
    local server = listen(service, opts, limit)
    greet(server, opts.address)
    stopped:wait()
    finish(server)
    forget()
    report.dry_run()
    return report.signal_code() or report.EXIT.done
end

return M
