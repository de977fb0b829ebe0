--- The description of a webhook: its fields, and what is wrong with them.

local duration = require "neap.lang.duration"
local errors = require "neap.error"
local secrets = require "neap.native.secret"
local suggest = require "neap.suggest"

local M = {}

---@class neap.webhook.Spec
---@field scheme "standard"|"hub"|"omnisegment"|"optimove"|"path"
---@field secret userdata|userdata[] a secret, or several of which any will do, while one takes another's place
---@field once? boolean|string|number how long a repeat is known; true: a day
---@field id? fun(event: any, req: neap.Request): string|nil with `once`: what makes two events the same
---@field name? string with `once`: webhooks of one name share what came; default: those of one secret
---@field tolerance? string|number standard: how old, or how far ahead, a request may be; default 5 minutes
---@field algorithm? string|string[] hub: which are taken, the preferred one first; default sha256
---@field header? string where the signature is; standard: what the three names begin with, default "webhook"
---@field path? string path: a template with {secret}, as "/hooks/{secret}/optimove"; default: the last segment

local COMMON = { "scheme", "secret", "once", "id", "name" }

--- What each scheme knows beside that.
local SCHEMES = {
    standard = { "tolerance", "header" }, hub = { "algorithm", "header" }, omnisegment = { "header" },
    optimove = { "header" }, path = { "path" },
}

--- How long a repeat is known where the description does not say, in seconds.
local DAY = 86400

--- Raises what is wrong, at the line that wrote it.
---@param message string
---@param hint? string
---@param kind? neap.ErrorKind default invalid
function M.refuse(message, hint, kind)
    error(errors.new {
        kind = kind or "invalid", where = errors.caller(), message = "neap.webhook: " .. message, hint = hint,
    }, 0)
end

local refuse = M.refuse

local function read_scheme(name)
    if name == nil then refuse("scheme: required", "one of standard, hub, omnisegment, optimove, path") end
    if SCHEMES[name] then return require("neap.webhook." .. name) end
    return refuse(("scheme: no scheme %q"):format(tostring(name)),
        suggest.hint(tostring(name), SCHEMES) or "one of standard, hub, omnisegment, optimove, path")
end

local function check_fields(spec)
    local known, names = {}, {}
    for _, list in ipairs { COMMON, SCHEMES[spec.scheme] } do
        for _, name in ipairs(list) do
            names[#names + 1] = name
            known[name] = true
        end
    end
    for name in pairs(spec) do
        if not known[name] then
            refuse(("no field %q of scheme %s"):format(tostring(name), spec.scheme),
                suggest.hint(tostring(name), names))
        end
    end
end

--- neap.secret gives nil for one that nobody has set.
local function refuse_missing()
    refuse("secret: there is none",
        "neap.secret found none: set NEAP_<NAME>, --set NAME=env:VARIABLE, or in nginx neap_secret", "settings")
end

local function read_secrets(value)
    local list = type(value) == "table" and value or { value }
    local count = 0
    for i in pairs(list) do count = math.max(count, math.tointeger(i) or 0) end
    if count == 0 and value ~= nil then refuse "secret: the list is empty" end
    local read = {}
    for i = 1, math.max(count, 1) do
        local secret = list[i]
        if secret == nil then refuse_missing() end
        if not secrets.is(secret) then
            refuse(("secret: a secret expected, got a %s"):format(type(secret)), 'neap.secret "name" gets one')
        end
        read[i] = secret
    end
    return read
end

local function read_once(value)
    if not value then return nil end
    if value == true then return DAY end
    local seconds, message = duration.duration(value)
    if not seconds then refuse("once: " .. message) end
    if seconds <= 0 then refuse "once: more than no time expected" end
    return seconds
end

local function check_optional(spec, name, kind)
    if spec[name] ~= nil and type(spec[name]) ~= kind then
        refuse(("%s: a %s expected, got a %s"):format(name, kind == "string" and "text" or kind, type(spec[name])))
    end
end

--- The first signature fails for a key that is no key, and where libcrypto is missing.
local function check_keys(hook)
    if not hook.scheme.sign then return end
    for _, secret in ipairs(hook.secrets) do
        local _, err = hook.scheme.sign(secret, "sha256", "")
        if err then refuse("secret: " .. err.message, err.hint, err.kind) end
    end
end

--- Webhooks of one secret know each other's requests.
local function scope(spec, hook)
    return "webhook/" .. (spec.name or spec.scheme .. "/" .. hook.secrets[1]:fingerprint())
end

--- Reads a description. Raises what is wrong with it.
---@param spec neap.webhook.Spec
---@return table hook
function M.read(spec)
    if type(spec) ~= "table" then refuse("a table expected, got a " .. type(spec)) end
    local scheme = read_scheme(spec.scheme)
    check_fields(spec)
    for _, name in ipairs { "header", "path", "name" } do check_optional(spec, name, "string") end
    check_optional(spec, "id", "function")
    local hook = {
        scheme = scheme, scheme_name = spec.scheme, secrets = read_secrets(spec.secret), once = read_once(spec.once),
        id = spec.id,
    }
    for _, name in ipairs { "id", "name" } do
        if spec[name] ~= nil and not hook.once then refuse(("%s: only with `once`"):format(name)) end
    end
    if spec.name and (spec.name == "" or #spec.name > 100) then refuse "name: 1 to 100 bytes expected" end
    if spec.header and not spec.header:find "^[%w-]+$" then refuse "header: the name of a header expected" end
    scheme.read(spec, hook, refuse)
    check_keys(hook)
    hook.scope = scope(spec, hook)
    return hook
end

return M
