--- Runs specs against the vendors of spec/support/acme in the in-process sandbox, on the virtual clock.

local helper = require "spec.support.helper"
local neap = require "neap"

local runtime = require "neap.runtime"

local acme = {}

--- Runs fn(client) as a task with a fresh sandbox; client is that of `vendor` (default acme).
---@param fn fun(client: neap.Client): any
---@param options? table options of the run (faults, settings, ...); vendor, overrides: of the client
function acme.run(fn, options)
    options = options or {}
    local run = { sandbox = true, seed = 1, script_dir = helper.root .. "/spec/support/acme" }
    for name, value in pairs(options) do run[name] = value end
    local vendor, overrides = options.vendor or "acme", options.overrides
    run.vendor, run.overrides = nil, nil
    return neap.run(function()
        runtime.configure(run)
        local ok, err = pcall(function() return fn(neap.vendor(vendor, overrides)) end)
        runtime.stopped = nil
        runtime.configure {}
        if not ok then error(err, 0) end
    end, { clock = "virtual", seed = 1 })
end

--- What the simulator has seen: a list of { at, endpoint, id, n, key, body, ... }.
---@param vendor? string
function acme.seen(vendor)
    return (assert(runtime.sandbox():inspect(vendor or "acme")))
end

--- One field of all that the simulator has seen.
function acme.column(name, vendor)
    local values = {}
    for i, entry in ipairs(acme.seen(vendor)) do values[i] = entry[name] end
    return values
end

return acme
