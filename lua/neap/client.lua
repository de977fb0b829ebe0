--- A vendor as a script sees it: `v:import_audience{…}` makes one call, `v.import_audience.data` is the
-- shape of that parameter for neap.records.

local account = require "neap.account"
local call = require "neap.call"
local errors = require "neap.error"
local runtime = require "neap.runtime"
local secrets = require "neap.native.secret"
local settings = require "neap.settings"
local suggest = require "neap.suggest"

local M = {}

---@class neap.Client
---@field model neap.Model
---@field settings table<string, any>
---@field missing string[] required settings without a value
---@field base_url string
---@field account neap.Account
local Client = {}

--- The endpoint behind a name: callable, and indexable by parameter.
local Endpoint = {}

function Endpoint.__call(handle, client, params)
    if client ~= handle.client then
        error(("call it with a colon: client:%s{ ... }"):format(handle.endpoint.name), 2)
    end
    return call.perform(handle, client, params)
end

function Endpoint.__index(handle, name)
    local field = handle.endpoint.params:field(name)
    if field then
        local shape = { field = field, endpoint = handle.endpoint, client = handle.client }
        rawset(handle, name, shape)
        return shape
    end
    local where = ("%s.%s"):format(handle.endpoint.vendor, handle.endpoint.name)
    error(errors.new {
        kind = "invalid", misuse = true, where = errors.caller(),
        message = ("%s has no parameter %q"):format(where, tostring(name)),
        hint = suggest.hint(tostring(name), handle.endpoint.params:names()),
    }, 0)
end

function Client.__index(client, name)
    local endpoint = client.model.endpoints[name]
    if not endpoint then
        error(errors.new {
            kind = "invalid", misuse = true, vendor = client.model.name, where = errors.caller(),
            message = ("no endpoint %q"):format(tostring(name)),
            hint = suggest.hint(tostring(name), client.model.endpoint_names),
        }, 0)
    end
    local handle = setmetatable({ endpoint = endpoint, client = client, bound = false }, Endpoint)
    rawset(client, name, handle)
    return handle
end

function Client.__tostring(client)
    return ("neap.Client (%s at %s)"):format(client.model.name, client.base_url or "no base_url")
end

local function base_url(model, values)
    if runtime.options.sandbox then return "http://localhost/" .. model.name end
    if values.base_url then return (values.base_url:gsub("/+$", "")) end
    local base = model.base_url
    if type(base) == "table" then base = base[values[base.by]] end
    return base
end

local function custom_fields(values)
    local set = {}
    for name in (values.custom_fields or ""):gmatch "[^,%s]+" do set[name] = true end
    return set
end

--- What tells environments apart where all have one address, as in the sandbox.
local function variant_of(model, values)
    return type(model.base_url) == "table" and values[model.base_url.by] or nil
end

--- Opens a vendor's model with settings. Raises an error object for settings that are wrong; missing
-- ones only fail the first call, so that --dry-run and describe need none.
---@async
---@param model neap.Model
---@param overrides? table<string, any>
---@return neap.Client
function M.open(model, overrides)
    local values, missing = settings.resolve(model, overrides)
    local base = base_url(model, values)
    if not base then missing[#missing + 1] = "base_url" end
    return setmetatable({
        model = model, settings = values, missing = missing, base_url = base,
        account = account.open(model, values, base or "", variant_of(model, values)),
        custom_fields = custom_fields(values),
        credentials = {},
    }, Client)
end

--- The credential of one auth shape of the client's definition; nil for "none".
---@param client neap.Client
---@param name string
---@return userdata|nil
function M.credential(client, name)
    local spec = client.model.auth[name]
    if not spec.secret then return nil end
    local made = client.credentials[name]
    if not made then
        local field = spec.name
        if spec.place == "basic" then field = client.settings[spec.name] end
        made = secrets.credential {
            { place = spec.place, name = field, secret = client.settings[spec.secret] },
            origins = { client.base_url },
        }
        client.credentials[name] = made
    end
    return made
end

call.credential = M.credential

return M
