--- Where an API is: `base_url` and `prefix` of a definition, and what settings make of them.

local grammar = require "neap.vendor.grammar"
local types = require "neap.schema.types"
local url = require "neap.native.url"

local M = {}

local function check_url(c, path, text)
    local filled = type(text) == "string" and text:gsub("{[%w_]+}", "0")
    local ok = filled and filled:find "^[hH][tT][tT][pP][sS]?://" and not filled:find "[{}]" and url.join(filled, "/")
    if ok then return end
    local shown = type(text) == "string" and ("%q"):format(text) or "a " .. type(text)
    grammar.refuse(c, path, shown .. " is no http or https URL")
end

local function check_prefix(c, path, text)
    if type(text) == "string" and (text == "" or text:find "^/[^%s{}?#]*[^/%s{}?#]$") then return end
    local shown = type(text) == "string" and ("%q"):format(text) or "a " .. type(text)
    grammar.refuse(c, path, shown .. " is no beginning of a path: \"\" or \"/name\" expected")
end

--- A text, or one for each value of the setting that `by` names.
local function check_choice(c, field, value, check)
    if value == nil then return end
    if type(value) ~= "table" then return check(c, { field }, value) end
    if type(value.by) ~= "string" then
        grammar.refuse(c, { field }, "by is missing: the setting that chooses among them")
    end
    local names = {}
    for name in pairs(value) do names[#names + 1] = name end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(names) do
        if type(name) ~= "string" then grammar.refuse(c, { field }, "the values of the setting as names expected") end
        if name ~= "by" then check(c, { field, name }, value[name]) end
    end
end

--- Checks what needs no setting. Raises what grammar.refuse raises.
---@param c table
---@param def table
function M.check(c, def)
    check_choice(c, "base_url", def.base_url, check_url)
    check_choice(c, "prefix", def.prefix, check_prefix)
end

--- Gets the settings that a text names: `{server}`.
local function named(text)
    local names = {}
    for name in text:gmatch "{([%w_]+)}" do names[#names + 1] = name end
    return names
end

--- Settings whose values read as a part of a URL.
local TEXTUAL = { string = true, id = true, integer = true, number = true, decimal = true, enum = true }

--- The settings that a text names are there, and what may stand in an address.
local function check_named(c, path, text, settings)
    for _, name in ipairs(named(text)) do
        local setting = settings[name]
        if not setting then grammar.refuse_name(c, path, name, settings, "setting") end
        local kind = types.of(setting)
        if kind == "secret" then grammar.refuse(c, path, ("%q is a secret, which no address holds"):format(name)) end
        if not TEXTUAL[kind] then
            grammar.refuse(c, path, ("the setting %q is of type %s, which no address holds"):format(name, kind))
        end
    end
end

--- The setting that chooses always has a value, and there is an entry for each it may have, and none beside.
local function check_entries(c, field, choice, settings, what)
    local setting, known = settings[choice.by], {}
    if not setting then grammar.refuse_name(c, { field, "by" }, choice.by, settings, "setting") end
    if not setting.values or setting.default == nil and not setting.required then
        grammar.refuse(c, { field, "by" },
            ("the setting %q chooses: it needs values, and a default or required"):format(choice.by))
    end
    for _, value in ipairs(setting.values) do
        known[value] = true
        if choice[value] == nil then
            local shown = type(value) == "string" and ("%q"):format(value) or tostring(value)
            grammar.refuse(c, { field }, ("no %s for %s = %s"):format(what, choice.by, shown))
        end
    end
    for value in pairs(choice) do
        if value ~= "by" and not known[value] then
            grammar.refuse_name(c, { field, value }, value, known, "value of " .. choice.by)
        end
    end
end

local PARTS = { { "base_url", "URL" }, { "prefix", "prefix" } }

--- Checks the settings that choose an address or are in one. Raises what grammar.refuse raises.
---@param c table
---@param def table
---@param settings table<string, table> fields by name
function M.check_settings(c, def, settings)
    for _, part in ipairs(PARTS) do
        local field, value = part[1], def[part[1]]
        if type(value) == "string" then
            check_named(c, { field }, value, settings)
        elseif value then
            for name, text in pairs(value) do
                if name ~= "by" then check_named(c, { field, name }, text, settings) end
            end
            check_entries(c, field, value, settings, part[2])
        end
    end
end

local function chosen(value, settings)
    if type(value) == "table" then return value[settings[value.by]] end
    return value
end

--- Gets the base URL of a client, without a slash at its end.
---@param model neap.Model
---@param settings table<string, any>
---@return string? base_url
---@return string? missing the setting without which there is none
function M.base_url(model, settings)
    if settings.base_url then return (settings.base_url:gsub("/+$", "")) end
    local text = chosen(model.base_url, settings)
    if not text then return nil, "base_url" end
    for _, name in ipairs(named(text)) do
        if settings[name] == nil then return nil, name end
    end
    return (text:gsub("{([%w_]+)}", function(name) return tostring(settings[name]) end))
end

--- Gets what stands before the paths of a client's endpoints; "" for nothing.
---@param model neap.Model
---@param settings table<string, any>
---@return string
function M.prefix(model, settings)
    return chosen(model.prefix, settings) or ""
end

return M
