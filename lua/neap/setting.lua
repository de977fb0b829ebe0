--- Settings of scripts themselves, by names without a dot: from the host (neap_set, nginx, `neap serve --set`), else
--- from the environment (NEAP_<NAME>). Those of vendors are in settings.lua.

local errors = require "neap.error"
local runtime = require "neap.runtime"
local schema = require "neap.schema"
local secrets = require "neap.native.secret"

local M = {}

--- Raised errors of a setting.
local function refuse(message, hint)
    error(errors.new { kind = "settings", message = message, hint = hint, usage = true }, 0)
end

---@param value any
---@return boolean
function M.is_reference(value)
    return type(value) == "string" and
        (value:find "^env:" or value:find "^file:" or value:find "^cmd:") ~= nil
end

--- Name of the environment variable of a setting.
---@param name string
---@return string
function M.environment_name(name)
    return (("NEAP_" .. name):upper():gsub("[^%w]", "_"))
end

--- How a host gives what is missing, in C and in nginx.
---@param names string[] as a host writes them
---@param secret table<string, boolean> which of them are secrets
---@return string
function M.host_hint(names, secret)
    local calls, directives = {}, {}
    for i, name in ipairs(names) do
        calls[i] = (secret[name] and "neap_set_secret %q" or "neap_set %q"):format(name)
        directives[i] = (secret[name] and "neap_secret %s file:PATH" or "neap_setting %s VALUE"):format(name)
    end
    return ("the host gives it: in nginx by %s, in C by %s"):format(table.concat(directives, ", "),
        table.concat(calls, ", "))
end

local function check_name(who, name)
    if type(name) ~= "string" or not name:find "^[%w_-]+$" then
        errors.misuse("%s: a name without a dot expected, got %q", who, tostring(name))
    end
end

--- What a host has set, raw.
local function given(name)
    local own = runtime.options.own
    return own and own[name]
end

--- Text of a reference that is no secret.
local function follow(text, name, from)
    local variable = text:match "^env:(.*)$"
    if variable then
        return os.getenv(variable) or refuse(("%s: %s: the environment has no %s"):format(from, name, variable))
    end
    local value, err = secrets.read_plain(text)
    return value or refuse(("%s: %s: %s"):format(from, name, err.message))
end

--- Gets a setting as text. A reference (env:, file:, cmd:) is followed, which may wait. Raises for one that leads
--- nowhere, and for a secret.
---@async
---@param name string
---@return string|nil
function M.text(name)
    check_name("neap.setting", name)
    local raw = given(name)
    if raw and raw.secret then
        refuse(("%s: %s is a secret: neap.secret(%q) gets it"):format(raw.from, name, name))
    end
    local from, value = "the environment", os.getenv(M.environment_name(name))
    if raw then from, value = raw.from, raw.value end
    return M.is_reference(value) and follow(value, name, from) or value
end

local function read_reference(reference, name, from)
    local secret, err = secrets.from(reference)
    return secret or refuse(("%s: %s%s"):format(from, name and name .. ": " or "", err.message))
end

--- Gets a secret, which can be used and not seen: by the name of a setting, or by a reference ("env:NAME",
--- "file:PATH", "cmd:COMMAND"). nil where there is none of that name. May wait; raises for a reference that leads
--- nowhere, and for a setting that holds the secret itself, where others may have read it.
---@async
---@param name string
---@return userdata|nil
function M.secret(name)
    if M.is_reference(name) then return read_reference(name, nil, "neap.secret") end
    check_name("neap.secret", name)
    local raw = given(name)
    if not raw then
        local secret, err = secrets.env(M.environment_name(name))
        if err then error(err, 0) end
        return secret
    end
    if raw.secret then return raw.secret end
    if M.is_reference(raw.value) then return read_reference(raw.value, name, raw.from) end
    return refuse(("%s: %s is a secret: give a reference (env:NAME, file:PATH, cmd:COMMAND)"):format(raw.from, name))
end

local function convert(field, name)
    if field.type == "secret" then return M.secret(name) end
    local text = M.text(name)
    if text == nil then
        if field.default ~= nil then return (schema.convert_field(field, tostring(field.default), "argument")) end
        return nil
    end
    local value, message = schema.convert_field(field, text, "argument")
    if value == nil then refuse(("setting %s: %s"):format(name, message)) end
    return value
end

--- Gets all settings that a script declares. Raises one error for all that are missing.
---@async
---@param declared neap.Schema
---@param script string
---@return table<string, any>
function M.resolve(declared, script)
    local values, missing, variables, words, is_secret = {}, {}, {}, {}, {}
    for _, field in ipairs(declared.fields) do
        local name = field.name or field[1]
        values[name] = convert(field, name)
        if values[name] == nil and field.required then
            missing[#missing + 1], variables[#variables + 1] = name, M.environment_name(name)
            is_secret[name] = field.type == "secret"
            words[#words + 1] = ("--set %s=%s"):format(name, field.type == "secret" and "env:NAME" or "...")
        end
    end
    if not missing[1] then return values end
    error(errors.new {
        kind = "settings", message = ("%s: missing setting%s %s"):format(script, missing[2] and "s" or "",
            table.concat(missing, ", ")),
        hint = runtime.options.embedded and M.host_hint(missing, is_secret) or
            ("set %s, or %s"):format(table.concat(variables, " and "), table.concat(words, " ")),
    }, 0)
end

return M
