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
    names = { values = { "any_case" } }, prefix = { "string", "table" }, accept = "table",
}
M.LIMIT = {
    rate = { "string", "table", required = true }, per = { values = { "endpoint", "account" } },
    shape = { values = { "pace", "window" } }, burst = "number", exempt = "table", only = "table", doc = "string",
}
M.RETRY = {
    on = "!table", backoff = { values = { "constant", "exponential" }, required = true },
    base = { "string", "number", "table" }, max = { "string", "number", "table" },
    every = { "string", "number", "table" }, total = { "string", "number", "table" },
    factor = "number", jitter = { values = { "none", "equal", "full" } }, retries = "!number",
    gate = "boolean", only = { values = { "repeatable" } },
}
M.TENANT = { name = "!string", setting = "!string" }
M.ENDPOINT = {
    get = "string", post = "string", put = "string", patch = "string", delete = "string",
    summary = "string", doc = "string", source = "string", auth = "string",
    tenant = { values = { "body", "query" } },
    write = { values = { "read", "idempotent", "keyed", "unsafe" } }, key = "string",
    key_required = "boolean", params = "table", rules = "table", returns = { "string", "table" },
    example = "table", open = "boolean", batch = "table", job = "table", area = "string", body = "string",
    path_unknown = "boolean", repeated = "number", envelope = "table", paging = "table",
}
M.BATCH = { endpoint = "string", field = "string", list = "!string", alone = "table" }
M.JOB = {
    id = "!string", get = "!string", state = "!string", done = "!string", failed = "!string", url = "!string",
    format = { values = { "csv", "ndjson" } },
}
M.RULE = {
    any_of = "table", one_of = "table", with = "table", both_or_none = "table", order = "table", recent = "table",
    max_days = "number", check = "function", doc = "string",
}

--- Tables within each other: more are one within itself.
local DEEPEST = 100

--- How the lists of a definition look, for who forgets their inner braces.
M.EXAMPLES = {
    limits = "{ { rate = ... } }", retry = "{ { on = ..., backoff = ... } }", refused = "{ 401, 403 }",
    settings = '{ { "name", type = ... } }', params = '{ { "name", type = ... } }',
    rules = "{ { any_of = ... } }", exempt = '{ "name" }', only = '{ "name" }', on = "{ 429, 503 }",
}

--- Where a key is: as a field, `key = `, or as the name of a parameter, `{ "key", `; else the word.
local function find_key(text, key, from)
    local quoted = key:gsub("%p", "%%%0")
    local field = text:find("%f[%w_]" .. quoted .. "[\"%]%s]*=[^=]", from)
    local name = text:find("{%s*[\"']" .. quoted .. "[\"']", from)
    if field and name then return math.min(field, name) end
    return field or name or text:find("%f[%w_]" .. quoted .. "%f[^%w_]", from)
end

--- The line of the last of `path`'s keys in the text, each searched behind the one before.
local function line_of(text, path)
    local at = 1
    for _, key in ipairs(path) do
        if type(key) == "string" then at = find_key(text, key, at) or at end
    end
    local _, newlines = text:sub(1, at - 1):gsub("\n", "\n")
    return newlines + 1
end

local function dotted(path)
    local parts = {}
    for _, key in ipairs(path) do
        parts[#parts + 1] = type(key) == "string" and "." .. key or ("[%s]"):format(key)
    end
    return (table.concat(parts):gsub("^%.", ""))
end

local function escape(char)
    return ("\\x%02x"):format(char:byte())
end

--- One line of UTF-8, whatever a definition holds.
---@param text string
---@return string
function M.printable(text)
    if not utf8.len(text) then text = text:gsub("[\x80-\xff]", escape) end
    return (text:gsub("%c", escape))
end

--- Raises: file, line, path, message.
function M.refuse(c, path, message, hint)
    if errors.is(message) then message, hint = message.message, message.hint end
    local where = ("%s:%d"):format(c.file, line_of(c.text, path))
    error(errors.new {
        kind = "invalid", where = where, hint = hint,
        message = M.printable(("%s: %s: %s"):format(where, #path > 0 and dotted(path) or c.name, message)),
    }, 0)
end

--- Raises what was wrong with the fields of a schema, at the field that it names.
---@param raised any "WHERE: field.inner: message"
---@param where string
function M.refuse_fields(c, path, raised, where)
    local message = errors.is(raised) and raised.message or tostring(raised)
    local prefix = where .. ": "
    if message:sub(1, #prefix) == prefix then message = message:sub(#prefix + 1) end
    local field, rest = message:match "^([%w_%.%[%]]+): (.*)$"
    local full = { table.unpack(path) }
    for name in (field or ""):gmatch "[^%.%[%]]+" do full[#full + 1] = name end
    M.refuse(c, full, rest or message, errors.is(raised) and raised.hint)
end

--- What is wrong with the value of a field, by its rule.
local function fault(rule, value)
    if type(rule) == "string" then rule = { (rule:gsub("^!", "")) } end
    if rule.values then
        for _, allowed in ipairs(rule.values) do
            if value == allowed then return nil end
        end
        local shown = type(value) == "string" and ("%q"):format(value) or "a " .. type(value)
        return ("%s is not one of %s"):format(shown, table.concat(rule.values, ", "))
    end
    for _, allowed in ipairs(rule) do
        if type(value) == allowed then return nil end
    end
    return ("a %s expected, got a %s"):format(table.concat(rule, " or "), type(value))
end

local function is_required(rule)
    return type(rule) == "string" and rule:sub(1, 1) == "!" or type(rule) == "table" and rule.required
end

--- Raises, at the line that called, for a field of a constructor that it does not have, and for one that is
-- missing or of the wrong type where `rules` say so.
---@param what string "auth.header"
---@param given table
---@param allowed string[]
---@param rules? table<string, string> types by name, as in M.VENDOR
function M.check_constructor(what, given, allowed, rules)
    if type(given) ~= "table" then error(what .. ": a table expected", 3) end
    for name in pairs(given) do
        local known = false
        for _, one in ipairs(allowed) do known = known or one == name end
        if not known then
            local hint = suggest.hint(tostring(name), allowed)
            error(("%s: no field %q%s"):format(what, tostring(name), hint and "; " .. hint or ""), 3)
        end
    end
    for _, name in ipairs(rules and allowed or {}) do
        local value, message = given[name], nil
        if value ~= nil then message = fault(rules[name], value) end
        if message then error(("%s: %s: %s"):format(what, name, message), 3) end
        if value == nil and is_required(rules[name]) then error(("%s: %s is missing"):format(what, name), 3) end
    end
end

--- Makes constructors known to a definition by name; another name raises with the nearest one.
---@param what string "auth"
---@param constructors table<string, function>
function M.constructors(what, constructors)
    return setmetatable({}, { __index = function(_, name)
        local found = constructors[name]
        if found then return found end
        local hint = suggest.hint(tostring(name), constructors)
        error(("no %s.%s%s"):format(what, tostring(name), hint and "; " .. hint or ""), 2)
    end })
end

--- Raises for a name that is none of the keys of `known`.
function M.refuse_name(c, path, name, known, what)
    local names = {}
    for key in pairs(known) do names[#names + 1] = key end
    table.sort(names)
    if type(name) == "table" then M.refuse(c, path, ("%s: a name expected, got a table"):format(what)) end
    name = tostring(name)
    M.refuse(c, path, ("no %s %q"):format(what, name), suggest.hint(name, names))
end

--- Raises for a list that is none: one with names for keys, or with holes.
---@param path (string|integer)[] its last name is one of M.EXAMPLES
---@param list table|nil
function M.check_list(c, path, list)
    local count, is_list = 0, true
    for key in pairs(list or {}) do
        count, is_list = count + 1, is_list and math.type(key) == "integer" and key >= 1 and key <= #list
    end
    if not is_list or count ~= #(list or {}) then
        M.refuse(c, path, "a list expected, like " .. M.EXAMPLES[path[#path]])
    end
end

--- Raises for a list of fields that is none, or of which one is no field.
---@param list table|nil
function M.check_fields(c, path, list)
    for i, field in ipairs(list or {}) do
        if type(field) ~= "table" or type(field[1]) ~= "string" then
            local name = type(field) == "string" and i == 1 and field or "name"
            M.refuse(c, path, ("field %d: { %q, type = ... } expected"):format(i, name))
        end
    end
    M.check_list(c, path, list)
end

--- Raises for a table that is not plain: a definition is data, which `neap describe` shows as JSON.
---@param value any
---@param path (string|number)[]
---@param is_special fun(value: any): boolean
function M.check_plain(c, value, path, is_special)
    local kind = type(value)
    if kind == "string" then
        if not utf8.len(value) then M.refuse(c, path, "not UTF-8") end
        return
    end
    if kind == "number" and (value ~= value or value == math.huge or value == -math.huge) then
        M.refuse(c, path, ("%s is not a finite number"):format(value))
    end
    if kind ~= "table" or is_special(value) then return end
    if getmetatable(value) ~= nil then M.refuse(c, path, "a plain table expected, it has a metatable") end
    if #path == DEEPEST then M.refuse(c, {}, "nested too deeply, or within itself") end
    for key, inner in next, value do
        path[#path + 1] = math.type(key) and key or tostring(key)
        M.check_plain(c, key, path, is_special)
        M.check_plain(c, inner, path, is_special)
        path[#path] = nil
    end
end

--- Raises for a list in which one is no HTTP status.
function M.check_statuses(c, path, list)
    M.check_list(c, path, list)
    for _, status in ipairs(list or {}) do
        if math.type(status) ~= "integer" or status < 100 or status > 599 then
            local shown = type(status) == "string" and ("%q"):format(status) or tostring(status)
            local hint = type(status) == "string" and tonumber(status) and "a number is expected, without quotes" or nil
            M.refuse(c, path, ("%s is no HTTP status from 100 to 599"):format(shown), hint)
        end
    end
end

local function allowed_names(spec)
    local names = {}
    for name in pairs(spec) do names[#names + 1] = name end
    table.sort(names)
    return names
end

--- Raises for the first field, by name, that has a fault.
local function refuse_first(c, value, spec, path)
    local function at(name)
        local full = { table.unpack(path) }
        full[#full + 1] = name
        return full
    end
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
end

--- Raises for the first field, by name, that is required and absent.
local function refuse_missing(c, value, spec, path)
    for _, name in ipairs(allowed_names(spec)) do
        if is_required(spec[name]) and value[name] == nil then
            M.refuse(c, path, ("%s is missing"):format(name))
        end
    end
end

--- Checks one table of a definition against its level's fields. Most have no fault: only then is the
-- order worth a sort.
function M.check(c, value, spec, path)
    if type(value) ~= "table" then M.refuse(c, path, "a table expected, got a " .. type(value)) end
    for name, inner in pairs(value) do
        if spec[name] == nil or fault(spec[name], inner) then refuse_first(c, value, spec, path) end
    end
    for name, rule in pairs(spec) do
        if value[name] == nil and is_required(rule) then refuse_missing(c, value, spec, path) end
    end
end

return M
