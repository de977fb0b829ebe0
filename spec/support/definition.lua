--- What specs of the built-in definitions share: the checks and the request of a call, without an account.

require "neap"
local address = require "neap.vendor.address"
local build = require "neap.call.build"
local registry = require "neap.registry"

local M = {}

--- What build needs of a client.
local function client_of(model, settings)
    return {
        model = model, settings = settings, custom_fields = {},
        base_url = address.base_url(model, settings), prefix = address.prefix(model, settings),
    }
end

M.clients = {
    opm = client_of(registry.load "opm", {}),
    omnisegment = client_of(registry.load "omnisegment", { tid = "OA-000000", environment = "taiwan" }),
    optimove = client_of(registry.load "optimove", { server = 5, version = "current", accept = "json" }),
    primedata = client_of(registry.load "primedata", { base_url = "https://cdp.example/api" }),
}

--- Finds an endpoint.
---@param name string "opm.entry"
function M.endpoint(name)
    local vendor, endpoint = name:match "^(%l+)%.([%w_]+)$"
    local client = M.clients[vendor]
    return client.model.endpoints[endpoint], client
end

--- Checks the parameters of a call. -> values in wire form | nil, err
---@param name string
---@param params table
function M.validate(name, params)
    local endpoint, client = M.endpoint(name)
    return build.validate(endpoint, client, params)
end

--- Makes the request of a call whose values are checked.
---@return { method: string, url: string, headers: string[], body?: string }
function M.request_of(endpoint, client, values)
    local url, body, headers = build.request(endpoint, client, values)
    return { method = endpoint.method, url = url, headers = headers, body = body }
end

--- Makes the request of a call; raises where it is refused.
---@param name string
---@param params table
function M.request(name, params)
    local endpoint, client = M.endpoint(name)
    return M.request_of(endpoint, client, assert(M.validate(name, params)))
end

--- Gets a refusal as one line, with its hint.
function M.refusal(err)
    return err.hint and ("%s, %s"):format(err.message, err.hint) or err.message
end

return M
