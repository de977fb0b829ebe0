--- Where an API is: `base_url` and `prefix` of a definition, and what settings make of them.

local grammar = require "neap.vendor.grammar"
local url = require "neap.native.url"

local M = {}

local function check_url(c, path, text)
    local ok = type(text) == "string" and text:find "^[hH][tT][tT][pP][sS]?://" and
        url.join((text:gsub("{[%w_]+}", "0")), "/")
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

--- Checks that each setting is there.
---@param settings table<string, table>
function M.check_settings(c, def, settings)
    for _, field in ipairs { "base_url", "prefix" } do
        local value = def[field]
        local texts = type(value) == "table" and value or { value }
        if texts.by and not settings[texts.by] then
            grammar.refuse_name(c, { field, "by" }, texts.by, settings, "setting")
        end
        for _, text in pairs(texts) do
            for _, name in ipairs(named(text)) do
                if not settings[name] then grammar.refuse_name(c, { field }, name, settings, "setting") end
            end
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
