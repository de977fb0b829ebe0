--- Runs a bundled recipe in this process, in the sandbox on virtual time, and asks the simulator afterwards.

local helper = require "spec.support.helper"
require "spec.support.recipes"
local neap = require "neap"
local json = require "neap.native.json"
local log = require "neap.native.log"
local recipes = require "neap.scripts"
local runtime = require "neap.runtime"

local flows = {}

---@class spec.FlowRun
---@field result any what run returned; nil where it raised
---@field err? neap.Error
---@field known any what the simulator knows
---@field dir string with log.ndjson and dead.ndjson
---@field log string[] lines of the log of Neap itself

--- The args as the command line would have them: defaults filled in, in wire form.
local function args_of(flow, given, dir)
    given.dead_letters = flow.schema.by_name.dead_letters and dir .. "/dead.ndjson" or nil
    return assert(flow.schema:check(given))
end

--- Runs one.
---@param recipe string "optimove/add-promotions"
---@param args table<string, any>
---@param opts { faults?: string, seed?: integer, ask: string, times?: integer, vendor?: string } ask: what the
-- simulator of the vendor (default: whose recipe it is) is asked for; times: so often it is run, one after the other
-- (default once)
---@return spec.FlowRun
function flows.run(recipe, args, opts)
    return neap.run(function()
        local run = { dir = helper.tmpdir(), log = {} }
        log.capture(function(line) run.log[#run.log + 1] = line end)
        runtime.configure {
            sandbox = true, seed = opts.seed or 1, faults = opts.faults, sandbox_log = run.dir .. "/log.ndjson",
        }
        local env = setmetatable({ neap = neap, print = function() end }, { __index = _G })
        local flow = recipes.load(recipes.find(recipe), env)()
        for _ = 1, opts.times or 1 do
            run.result, run.err = neap.try(flow.start, flow, args_of(flow, args, run.dir))
        end
        run.known = json.decode(json.encode(runtime.sandbox():inspect(opts.vendor or recipe:match "^[^/]+",
            opts.ask)))
        runtime.configure {}
        log.capture()
        return run
    end, { clock = "virtual", seed = opts.seed })
end

--- Writes a file. -> its path
function flows.file(text, name)
    return helper.write(helper.tmpdir() .. "/" .. (name or "in.csv"), text)
end

return flows
