--- The help of a workflow or a handler: its own args or settings, the settings of the vendors it names, the options
--- of all.

local globals = require "neap.cli.globals"
local options = require "neap.cli.options"
local recipes = require "neap.scripts"
local registry = require "neap.registry"
local schema = require "neap.schema"
local setting = require "neap.setting"
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

--- Settings that a handler declares.
local function own_settings(lines, fields)
    local rows = {}
    for i, field in ipairs(fields) do
        local name = field.name or field[1]
        local said = ("or --set %s=%s: %s (%s)"):format(name, field.type == "secret" and "env:NAME" or "...",
            field.doc or "", schema.describe(field))
        rows[i] = { setting.environment_name(name), (said:gsub(":  %(", " (")) }
    end
    heading(lines, "Settings of this handler")
    text.columns(lines, rows)
end

local function describe(lines, found)
    if found.description then
        lines[#lines + 1] = ""
        text.paragraph(lines, found.description)
    end
    if found.args and #found.args > 0 then
        heading(lines, "Options of this workflow")
        options.help(lines, found.args)
    end
    if found.settings and #found.settings > 0 then own_settings(lines, found.schema.fields) end
    if type(found.vendors) == "table" then vendor_settings(lines, found.vendors) end
    if type(found.example) == "string" then
        heading(lines, "Example")
        lines[#lines + 1] = "  " .. found.example:gsub("\n", "\n  ")
    end
end

local PLAIN = {
    run = "A script that returns no workflow: it simply runs and has no options of its own.",
    serve = "A script that returns a function of the request. Settings that it may ask for are not declared.",
}

--- Prints the help of a script or recipe, without running it.
---@param recipe neap.Script
---@param command "run"|"serve" for a script that says nothing of itself
function M.print(recipe, command)
    local found = recipes.inspect(recipe)
    if found then command = require("neap.handler").is_handler(found) and "serve" or "run" end
    local lines = { ("usage: neap %s %s [options]"):format(command, recipe.name), "" }
    text.paragraph(lines, not found and PLAIN[command] or found.summary or
        ("A %s without a summary."):format(command == "serve" and "handler" or "workflow"))
    if found then describe(lines, found) end
    heading(lines, "Options of neap " .. command)
    options.help(lines, command == "serve" and require("neap.cli.serve").options or globals.calls)
    text.print(lines)
end

return M
