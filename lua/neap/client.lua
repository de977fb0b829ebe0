--- A vendor as a script sees it: `v:import_audience{…}` makes one call, `v.import_audience.data` is the
-- shape of that parameter for neap.records.

local account = require "neap.account"
local address = require "neap.vendor.address"
local auth = require "neap.vendor.auth"
local call = require "neap.call"
local errors = require "neap.error"
local paging = require "neap.paging"
local runtime = require "neap.runtime"
local settings = require "neap.settings"
local suggest = require "neap.suggest"

local M = {}

---@class neap.Client
---@field model neap.Model
---@field settings table<string, any>
---@field missing string[] required settings without a value
---@field base_url string
---@field prefix string what stands before the paths of endpoints; "" for nothing
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

--- The endpoint behind a name; without regard to case where the vendor's names are so.
local function endpoint_of(model, name)
    local endpoint = model.endpoints[name]
    if endpoint or not model.folded or type(name) ~= "string" then return endpoint end
    return model.endpoints[model.folded[name:lower()]]
end

--- What a client has besides its endpoints.
local METHODS = {}

--- Iterates over the records of all pages of an endpoint: `for record in client:each("Name", { ... }) do`.
-- Raises error objects; neap.try turns them back. One task at a time may ask the iterator.
---@async
---@param client neap.Client
---@param name string
---@param params? table<string, any>
---@param opts? neap.EachOptions
function METHODS.each(client, name, params, opts)
    if getmetatable(client) ~= Client then error("call it with a colon: client:each(name, { ... })", 2) end
    return paging.each(client[name], client, params, opts)
end

function Client.__index(client, name)
    if METHODS[name] then return METHODS[name] end
    local endpoint = endpoint_of(client.model, name)
    if endpoint and endpoint.name ~= name then return client[endpoint.name] end
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

--- -> base URL, or nil and the setting that is missing
local function base_url(model, values)
    if runtime.options.sandbox then return "http://localhost/" .. model.name end
    return address.base_url(model, values)
end

--- Adds the settings that the chosen credentials need and have not.
local function note_missing(model, values, missing)
    local needed = {}
    for _, spec in pairs(model.auth) do
        local chosen = spec.by and auth.chosen(spec, values)
        for _, name in ipairs(chosen and auth.needs(model, chosen) or {}) do needed[name] = true end
    end
    for _, name in ipairs(missing) do needed[name] = nil end
    for _, field in ipairs(model.settings) do
        if needed[field[1]] and values[field[1]] == nil then missing[#missing + 1] = field[1] end
    end
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
    local base, unset = base_url(model, values)
    if not base then missing[#missing + 1] = unset end
    note_missing(model, values, missing)
    return setmetatable({
        model = model, settings = values, missing = missing, base_url = base, prefix = address.prefix(model, values),
        account = account.open(model, values, base or "", variant_of(model, values)),
        custom_fields = settings.custom_fields(values.custom_fields),
        credentials = {},
    }, Client)
end

return M
