--- The grammar of a definition as tables of allowed fields, and the messages for what breaks it. A
-- Lua table does not know its lines, so a field's line is searched in the text, key after key.

local errors = require "neap.error"
local suggest = require "neap.suggest"

local M = {}

-- Per level: field -> type, or list of allowed values; a leading "!" marks a required one. Types are
-- Lua's; "rate" and "duration" also take a setting reference.
M.VENDOR = {
    title = "!string", summary = "string", source = "table", settings = "table",
    base_url = { "string", "table" }, auth = "table", tenant = "table", limits = "table",
    retry = "table", refused = "table", envelope = "table", endpoints = "!table",
}
M.LIMIT = {
    rate = { "string", "table", required = true }, per = { values = { "endpoint", "account" } },
    shape = { values = { "pace", "window" } }, exempt = "table", doc = "string",
}
M.RETRY = {
    on = "!table", backoff = { values = { "constant", "exponential" }, required = true },
    base = { "string", "number", "table" }, max = { "string", "number", "table" },
    every = { "string", "number", "table" }, total = { "string", "number", "table" },
    factor = "number", jitter = { values = { "none", "equal", "full" } }, retries = "number",
    gate = "boolean",
}
M.ENDPOINT = {
    get = "string", post = "string", put = "string", patch = "string", delete = "string",
    summary = "string", doc = "string", source = "string", auth = "string",
    tenant = { values = { "body", "query" } },
    write = { values = { "read", "idempotent", "keyed", "unsafe" } }, key = "string",
    key_required = "boolean", params = "table", rules = "table", returns = "string",
    example = "table", open = "boolean",
}
M.RULE = {
    any_of = "table", with = "table", both_or_none = "table", order = "table", max_days = "number",
    check = "function", doc = "string",
}

--- The line of the last of `path`'s keys in the text, each searched behind the one before.
local function line_of(text, path)
    local at = 1
    for _, key in ipairs(path) do
        if type(key) == "string" then
            local pattern = "%f[%w_]" .. key:gsub("%p", "%%%0") .. "%f[^%w_]"
            at = text:find(pattern, at) or at
        end
    end
    local _, newlines = text:sub(1, at - 1):gsub("\n", "\n")
    return newlines + 1
end

local function dotted(path)
    local parts = {}
    for _, key in ipairs(path) do
        parts[#parts + 1] = type(key) == "number" and ("[%d]"):format(key) or "." .. key
    end
    return (table.concat(parts):gsub("^%.", ""))
end

--- Raises: file, line, path, message.
function M.refuse(c, path, message, hint)
    if errors.is(message) then message, hint = message.message, message.hint end
    local where = ("%s:%d"):format(c.file, line_of(c.text, path))
    error(errors.new {
        kind = "invalid", where = where, hint = hint,
        message = ("%s: %s: %s"):format(where, #path > 0 and dotted(path) or c.name, message),
    }, 0)
end

--- Raises for a name that is none of the keys of `known`.
function M.refuse_name(c, path, name, known, what)
    local names = {}
    for key in pairs(known) do names[#names + 1] = key end
    table.sort(names)
    M.refuse(c, path, ("no %s %q"):format(what, name), suggest.hint(name, names))
end

local function allowed_names(spec)
    local names = {}
    for name in pairs(spec) do names[#names + 1] = name end
    table.sort(names)
    return names
end

local function fault(rule, value)
    if type(rule) == "string" then rule = { (rule:gsub("^!", "")) } end
    if rule.values then
        for _, allowed in ipairs(rule.values) do
            if value == allowed then return nil end
        end
        return ("%q is not one of %s"):format(tostring(value), table.concat(rule.values, ", "))
    end
    for _, allowed in ipairs(rule) do
        if type(value) == allowed then return nil end
    end
    return ("a %s expected, got a %s"):format(table.concat(rule, " or "), type(value))
end

local function is_required(rule)
    return type(rule) == "string" and rule:sub(1, 1) == "!" or type(rule) == "table" and rule.required
end

--- Checks one table of a definition against its level's fields.
function M.check(c, value, spec, path)
    local function at(name)
        local full = { table.unpack(path) }
        full[#full + 1] = name
        return full
    end
    if type(value) ~= "table" then M.refuse(c, path, "a table expected, got a " .. type(value)) end
    local names = {}
    for name in pairs(value) do names[#names + 1] = name end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(names) do
        local rule = spec[name]
        if rule == nil then
            M.refuse(c, at(name), "no such field", suggest.hint(tostring(name), allowed_names(spec)))
        end
        local message = fault(rule, value[name])
        if message then M.refuse(c, at(name), message) end
    end
    for _, name in ipairs(allowed_names(spec)) do
        if is_required(spec[name]) and value[name] == nil then
            M.refuse(c, path, ("%s is missing"):format(name))
        end
    end
end

return M
