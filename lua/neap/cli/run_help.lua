--- The help of a workflow: its own args, the settings of the vendors it names, the options of all.

local globals = require "neap.cli.globals"
local options = require "neap.cli.options"
local recipes = require "neap.cli.recipes"
local registry = require "neap.registry"
local settings = require "neap.settings"
local text = require "neap.cli.text"

local M = {}

local function heading(lines, title)
    lines[#lines + 1] = ""
    lines[#lines + 1] = text.style("bold", title)
end

--- Settings without which the workflow cannot run, and where they may come from.
local function vendor_settings(lines, names)
    local rows = {}
    for _, name in ipairs(names) do
        local ok, model = pcall(registry.load, name)
        for _, field in ipairs(ok and model.settings or {}) do
            if field.required then
                rows[#rows + 1] = { settings.environment_name(name, field[1]),
                    ("or --set %s.%s=%s: %s"):format(name, field[1], field.type == "secret" and "env:NAME" or "...",
                        field.doc or "") }
            end
        end
    end
    if #rows == 0 then return end
    heading(lines, "Settings it needs (neap help settings)")
    text.columns(lines, rows)
end

local function describe_flow(lines, recipe, flow)
    if flow.description then
        lines[#lines + 1] = ""
        text.paragraph(lines, flow.description)
    end
    if #flow.args > 0 then
        heading(lines, "Options of this workflow")
        options.help(lines, flow.args)
    end
    if type(flow.vendors) == "table" then vendor_settings(lines, flow.vendors) end
    if type(flow.example) == "string" then
        heading(lines, "Example")
        lines[#lines + 1] = "  " .. flow.example:gsub("\n", "\n  ")
    end
    return recipe
end

--- Prints the help of a script or recipe, without running it.
---@param recipe neap.cli.Recipe
function M.print(recipe)
    local flow = recipes.inspect(recipe)
    local lines = { ("usage: neap run %s [options]"):format(recipe.name), "" }
    if flow then
        text.paragraph(lines, flow.summary or "A workflow without a summary.")
        describe_flow(lines, recipe, flow)
    else
        text.paragraph(lines, "A script that returns no workflow: it simply runs and has no "
            .. "options of its own.")
    end
    heading(lines, "Options of neap run")
    options.help(lines, globals.calls)
    text.print(lines)
end

return M
