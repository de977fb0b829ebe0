--- Credentials and tenants, as `neap describe` says them.

local json = require "neap.native.json"
local settings = require "neap.settings"

local M = {}

local function object(keys, values)
    return json.object(values, keys)
end

local PLACES = {
    header = "header %s", body = "body field %s", query = "query argument %s", basic = "HTTP Basic",
    bearer = "header Authorization: Bearer", session = "header %s",
}

local AUTH = { "text", "place", "name", "setting", "env", "login", "by", "alternatives" }

local function one(model, spec)
    local place = (PLACES[spec.place] or spec.place):format(spec.name)
    local env = spec.secret and settings.environment_name(model.name, spec.secret)
    local from = spec.secret and (", setting %s (%s)"):format(spec.secret, env) or ""
    if spec.session then from = (", the token that %s gives"):format(spec.session.login) end
    return object(AUTH, {
        text = place .. from, place = spec.place, name = spec.name, setting = spec.secret,
        env = env, login = spec.session and spec.session.login,
    })
end

--- The credential of an endpoint; nil for none.
function M.auth(model, endpoint)
    local spec = model.auth[endpoint.auth]
    if spec.place then return one(model, spec) end
    if not spec.by then return nil end
    local values, texts, alternatives = {}, {}, json.array {}
    for value in pairs(spec) do
        if value ~= "by" then values[#values + 1] = value end
    end
    table.sort(values)
    for i, value in ipairs(values) do
        alternatives[i] = one(model, spec[value])
        texts[i] = ("%s where %s is %s"):format(alternatives[i].text, spec.by, value)
    end
    return object(AUTH, { text = table.concat(texts, "; "), by = spec.by, alternatives = alternatives })
end

--- Where the tenant travels.
function M.tenant(model, endpoint)
    local tenant = model.tenant
    if not endpoint.tenant then return nil end
    local env = settings.environment_name(model.name, tenant.setting)
    local place = PLACES[endpoint.tenant]:format(tenant.name)
    return object(AUTH, {
        text = ("%s, setting %s (%s)"):format(place, tenant.setting, env), place = endpoint.tenant,
        name = tenant.name, setting = tenant.setting, env = env,
    })
end

return M
