--- neap sandbox: the vendors' simulators over HTTP, until a signal.

local event = require "neap.native.event"
local globals = require "neap.cli.globals"
local registry = require "neap.registry"
local report = require "neap.cli.report"
local runtime = require "neap.runtime"

local PORT = {
    "port", type = "integer", min = 0, max = 65535, default = 8080, placeholder = "N",
    doc = "to listen on; 0: any free one",
}

local M = {
    summary = "serve the vendors' simulators over HTTP",
    usage = "neap sandbox [--port N] [--faults SPEC] [--seed N] [--sandbox-log FILE]",
    doc = "Serves http://127.0.0.1:N/VENDOR/... until SIGINT or SIGTERM. The first line on "
        .. "standard output is its address. For Neap itself run and call have --sandbox, which "
        .. "needs no port.",
    options = table.move(globals.serving, 1, #globals.serving, 2, { PORT }),
}

local function open_sandbox(opts)
    local box, err = require("neap.native.sandbox").open {
        config = {
            seed = opts.seed, faults = opts.faults, log = opts.sandbox_log,
            vendors = registry.simulators(), settings = runtime.SANDBOX,
            log_level = opts.log_level, log_format = opts.log_format,
        },
    }
    return box or error(err, 0)
end

local function greet(port)
    io.stdout:write(("listening on http://127.0.0.1:%d\n"):format(port))
    io.stdout:flush()
    for _, name in ipairs(globals.simulated()) do
        io.stderr:write(("%s at http://127.0.0.1:%d/%s\n"):format(name, port, name))
    end
    local accepted = runtime.SANDBOX
    io.stderr:write(("accepted: key %s, tid %s\n"):format(accepted.api_key, accepted.tid))
    io.stderr:write "a session of optimove: user name sandbox, the key as password\n"
end

---@param opts table<string, any>
---@param words string[]
---@return integer code
function M.run(opts, words)
    if words[1] then report.refuse(("unexpected argument %q"):format(words[1]), M.usage) end
    globals.apply_serving(opts)
    local ended = event.new()
    local forget = runtime.on_stop(function() ended:signal() end)
    local box = open_sandbox(opts)
    local server, err = require("neap.native.server").listen(box, { port = opts.port })
    if not server then
        box:close()
        error(err, 0)
    end
    greet(server:port())
    ended:wait()
    forget()
    server:close()
    box:close()
    return report.signal_code() or report.EXIT.done
end

return M
