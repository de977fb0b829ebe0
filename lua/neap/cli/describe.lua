--- neap describe: everything a person needs to write a call or run a recipe, from the definition.

local endpoints = require "neap.cli.endpoints"
local example = require "neap.cli.describe.example"
local facts = require "neap.cli.describe.facts"
local globals = require "neap.cli.globals"
local page = require "neap.cli.describe.page"
local recipes = require "neap.scripts"
local registry = require "neap.registry"
local report = require "neap.cli.report"
local run_help = require "neap.cli.run_help"

local M = {
    summary = "describe a vendor, an endpoint or a recipe",
    usage = "neap describe VENDOR | VENDOR.ENDPOINT | VENDOR/RECIPE | SCRIPT",
    options = globals.output,
}

local function print_json(value)
    report.print(value)
    return report.EXIT.done
end

local function describe_recipe(name, opts)
    local recipe = recipes.find(name)
    if not opts.json then
        run_help.print(recipe, "run")
        return report.EXIT.done
    end
    local flow = recipes.inspect(recipe)
    if not flow then
        report.refuse(("%s returns no workflow and no neap.handler: there is nothing to describe"):format(name))
    end
    return print_json(facts.recipe(name, flow))
end

local function describe_endpoint(model, name, opts)
    local endpoint = endpoints.find(model, name)
    local shown = facts.endpoint(model, endpoint, example.params(endpoint), example.command(endpoint))
    if opts.json then return print_json(shown) end
    page.endpoint(shown, model.base_url)
    return report.EXIT.done
end

local function describe_vendor(model, opts)
    local shown = facts.vendor(model)
    if opts.json then return print_json(shown) end
    page.vendor(shown)
    return report.EXIT.done
end

---@param opts table<string, any>
---@param words string[]
---@return integer code
function M.run(opts, words)
    local name = words[1] or report.refuse("nothing to describe given", M.usage)
    if words[3] then report.refuse(("unexpected argument %q"):format(words[3]), M.usage) end
    if recipes.is_path(name) or name:find("/", 1, true) then return describe_recipe(name, opts) end
    local vendor, endpoint = name:match "^([^.]+)%.(.+)$"
    local model = registry.load(vendor or name)
    endpoint = endpoint or words[2]
    if endpoint then return describe_endpoint(model, endpoint, opts) end
    return describe_vendor(model, opts)
end

return M
