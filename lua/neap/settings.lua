--- A vendor's settings, from where they may come: the script, --set, NEAP_<VENDOR>_<SETTING>,
-- ./neap.lua, the user's config.lua, the definition's default; merged per setting (DESIGN.md 6).
-- A secret arrives as a userdata and never as a Lua string.

local errors = require "neap.error"
local log = require "neap.native.log"
local own = require "neap.setting"
local registry = require "neap.registry"
local runtime = require "neap.runtime"
local schema = require "neap.schema"
local secrets = require "neap.native.secret"
local suggest = require "neap.suggest"
local url = require "neap.native.url"

local M = {}

---@class neap.RawSetting
---@field value any text, or what a file holds
---@field from string for messages: "--set", "./neap.lua"
---@field secret? userdata read in C already

local function is_reference(value)
    return type(value) == "string" and value:find "^env:" ~= nil or
        type(value) == "string" and (value:find "^file:" or value:find "^cmd:") ~= nil
end

local function refuse(message, hint)
    error(errors.new { kind = "settings", message = message, hint = hint, usage = true }, 0)
end

--- Reads a file that returns a table of settings, as text in an empty environment.
local function read_config(path)
    local handle = io.open(path, "r")
    if not handle then return {} end
    local text = handle:read "a"
    handle:close()
    local chunk, message = load(text, "@" .. path, "t", {})
    if not chunk then refuse(message:find(path, 1, true) and message or path .. ": " .. message) end
    local ok, config = pcall(chunk)
    if not ok then refuse(tostring(config)) end
    if type(config) ~= "table" then refuse(path .. ": it must return a table of vendors") end
    return config
end

--- Raises (exit 2) for a vendor or setting that does not exist, with the nearest name.
---@param vendor_name string
---@param setting string
---@param from string
function M.check_name(vendor_name, setting, from)
    local ok, model = pcall(registry.load, vendor_name)
    local is_unknown = not ok and errors.is(model) and model.message:find "^no vendor " ~= nil
    if not ok and not is_unknown then error(model, 0) end -- one without memory is a text
    if not ok then
        refuse(("%s: no vendor %q"):format(from, vendor_name), suggest.hint(vendor_name, registry.names()))
    end
    local names = {}
    for _, field in ipairs(model.settings) do
        if field[1] == setting then return field end
        names[#names + 1] = field[1]
    end
    refuse(("%s: %s has no setting %q"):format(from, vendor_name, tostring(setting)),
        suggest.hint(tostring(setting), names))
end

--- A file may hold settings of vendors that are not here; one that is nearly here is a misprint.
local function check_vendors(config, path)
    local names = registry.names()
    for name in pairs(config) do
        local known = false
        for _, candidate in ipairs(names) do known = known or candidate == name end
        local hint = not known and suggest.hint(tostring(name), names)
        if hint then refuse(("%s: no vendor %q"):format(path, tostring(name)), hint) end
    end
end

local function refuse_literal(model, field, from)
    refuse(("%s: %s.%s is a secret: give a reference (env:NAME, file:PATH, cmd:COMMAND) or set %s")
        :format(from, model.name, field[1], M.environment_name(model.name, field[1])))
end

local function from_files(model)
    local found = {}
    for _, path in ipairs { registry.config_dir() .. "/config.lua", "./neap.lua" } do
        local config = read_config(path)
        check_vendors(config, path)
        local section = config[model.name]
        if section ~= nil and type(section) ~= "table" then refuse(path .. ": " .. model.name .. " must be a table") end
        for name, value in pairs(section or {}) do
            local field = M.check_name(model.name, name, path)
            if field.type == "secret" and not is_reference(value) and not runtime.options.sandbox then
                refuse_literal(model, field, path) -- even where another place has the last word
            end
            found[name] = { value = value, from = path }
        end
    end
    return found
end

--- Name of the environment variable of a setting.
---@param vendor_name string
---@param setting string
---@return string
function M.environment_name(vendor_name, setting)
    return (("NEAP_%s_%s"):format(vendor_name, setting):upper():gsub("[^%w]", "_"))
end

local function environment_name(model, field)
    return M.environment_name(model.name, field[1])
end

--- From the environment: a secret is read in C.
local function from_environment(model, field)
    local name = environment_name(model, field)
    if field.type == "secret" then
        local secret, err = secrets.env(name)
        if err then error(err, 0) end
        return secret and { secret = secret, from = name }
    end
    local value = os.getenv(name)
    return value and { value = value, from = name }
end

--- Text of a reference to something that is no secret.
local function follow(raw, field, model)
    local name = model.name .. "." .. field[1]
    local kind, rest = raw.value:match "^(%a+):(.*)$"
    if kind == "env" then
        local value = os.getenv(rest)
        if not value then refuse(("%s: %s: the environment has no %s"):format(raw.from, name, rest)) end
        return value
    end
    local text, err = secrets.read_plain(raw.value)
    if not text then refuse(("%s: %s: %s"):format(raw.from, name, err.message)) end
    return text
end

local function read_secret(raw, field, model)
    if raw.secret then return raw.secret end
    if not is_reference(raw.value) then refuse_literal(model, field, raw.from) end
    local secret, err = secrets.from(raw.value)
    if not secret then
        error(errors.new { kind = "settings", vendor = model.name,
            message = ("%s: %s.%s: %s"):format(raw.from, model.name, field[1], err.message) }, 0)
    end
    return secret
end

local function convert(raw, field, model)
    local text = raw.value
    if is_reference(text) then text = follow(raw, field, model) end
    local value, message = schema.convert_field(field, tostring(text), "argument")
    if value ~= nil and field[1] == "base_url" then
        local joined, err = url.join(value, "/")
        if not joined then value, message = nil, err.message end
    end
    if value == nil then refuse(("%s: %s.%s: %s"):format(raw.from, model.name, field[1], message)) end
    return value
end

local warned = {}

--- A value laxer than the vendor's own rule is allowed, and said once.
local function warn_if_lax(model, field, value)
    if not field.lax or field.default == nil or warned[model.name .. field[1]] then return end
    local default = schema.convert_field(field, tostring(field.default), "argument")
    if type(value) ~= type(default) or type(value) ~= "number" then return end
    if (field.lax == "below" and value < default) or (field.lax == "above" and value > default) then
        warned[model.name .. field[1]] = true
        log.write("warn", "a setting is laxer than the vendor's rule",
            { setting = model.name .. "." .. field[1], value = tostring(value), rule = tostring(default) })
    end
end

local function sandbox_value(field)
    local value = field.sandbox
    if value == nil then value = runtime.SANDBOX[field[1]] end
    if value == nil and field.type == "secret" then value = runtime.SANDBOX.api_key end
    if value == nil and field.required and field.type == "string" then value = "sandbox" end
    if value == nil then return nil end
    if field.type == "secret" then return { secret = secrets.literal(value), from = "sandbox" } end
    return { value = value, from = "sandbox" }
end

--- Where the value of one setting comes from. In the sandbox, what identifies an account there (secrets,
-- the tenant) is the sandbox's own: scripts, environment and files are not read for it; --set is, so
-- that a wrong key can be tried.
local function pick(model, field, overrides, files)
    local name = field[1]
    local set = (runtime.options.settings[model.name] or {})[name]
    local given = runtime.options.sandbox and sandbox_value(field)
    if given then return set or given end
    if overrides[name] ~= nil then return { value = overrides[name], from = "the script" } end
    return set or from_environment(model, field) or files[name]
end

--- Resolves all settings of a vendor. Raises an error object of kind `settings`. May yield (files and
-- commands behind references).
---@async
---@param model neap.Model
---@param overrides? table<string, any> given by the script
---@return table<string, any> values; secrets are userdata
---@return string[] missing names of required settings that have no value
function M.resolve(model, overrides)
    overrides = overrides or {}
    for name in pairs(overrides) do M.check_name(model.name, name, "the script") end
    local files, values, missing = from_files(model), {}, {}
    for _, field in ipairs(model.settings) do
        local raw = pick(model, field, overrides, files)
        if raw then
            values[field[1]] = field.type == "secret" and read_secret(raw, field, model) or
                convert(raw, field, model)
            if field.type ~= "secret" then warn_if_lax(model, field, values[field[1]]) end
        elseif field.default ~= nil then
            values[field[1]] = schema.convert_field(field, tostring(field.default), "argument")
        elseif field.required then
            missing[#missing + 1] = field[1]
        end
    end
    return values, missing
end

--- Gets one setting that is no secret; nil where it has no value, or the vendor has no such setting. Raises as
-- `resolve`, and may yield.
---@async
---@param model neap.Model
---@param name string
---@return any
function M.value(model, name)
    for _, field in ipairs(model.settings) do
        if field[1] == name then
            local raw = pick(model, field, {}, from_files(model))
            return raw and convert(raw, field, model) or field.default
        end
    end
end

--- Gets the names in the value of the setting `custom_fields`.
---@param value string|nil separated by commas
---@return table<string, true>
function M.custom_fields(value)
    local set = {}
    for name in (value or ""):gmatch "[^,%s]+" do set[name] = true end
    return set
end

local function is_secret(model, name)
    for _, field in ipairs(model.settings) do
        if field[1] == name then return field.type == "secret" end
    end
end

--- The error for settings that are missing, naming each way to give them.
function M.missing_error(model, missing)
    local variables, sets, names, secret = {}, {}, {}, {}
    for i, name in ipairs(missing) do
        names[i] = model.name .. "." .. name
        secret[names[i]] = is_secret(model, name)
        variables[i] = M.environment_name(model.name, name)
        sets[i] = ("--set %s.%s=%s"):format(model.name, name, is_secret(model, name) and "env:NAME" or "...")
    end
    return errors.new {
        kind = "settings", vendor = model.name, outcome = "not_sent",
        message = ("missing setting%s %s"):format(#missing > 1 and "s" or "", table.concat(missing, ", ")),
        hint = runtime.options.embedded and own.host_hint(names, secret) or
            ("set %s, or %s"):format(table.concat(variables, " and "), table.concat(sets, " ")),
    }
end

return M
