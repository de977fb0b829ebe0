--- Credentials of a definition: constructors for its `auth` table, their check, and which of several
-- one client has.

local grammar = require "neap.vendor.grammar"
local header = require "neap.vendor.header"
local lang = require "neap.lang"

local M = {}

---@class neap.AuthSpec
---@field place "header"|"body"|"query"|"basic"|"bearer"|"session"
---@field name? string of the header, member, argument; for basic the setting with the user
---@field secret? string name of the setting that holds the secret; not of a session
---@field session? neap.SessionSpec

---@class neap.SessionSpec a token that a login gives
---@field login string endpoint
---@field params table<string, { setting: string }> of the login
---@field token? string member of its payload; without it the payload itself
---@field life number seconds from the last answered call
---@field absolute? number seconds from the login
---@field margin number seconds beyond `life` after which a token is not tried any more
---@field expired { status: integer, text: string } the answer that means: log in again

--- Constructors for the `auth` table of a definition.
M.constructors = {}

--- What the credential is called, in each place.
local NAMES = { header = "name", body = "field", query = "name", basic = "user" }

for _, place in ipairs { "header", "body", "query", "basic", "bearer" } do
    local named = NAMES[place]
    M.constructors[place] = function(t)
        grammar.check_constructor("auth." .. place, t, { "secret", named })
        return { place = place, name = named and t[named], secret = t.secret }
    end
end

local SESSION = { "login", "header", "token", "life", "absolute", "margin", "expired", "params" }

function M.constructors.session(t)
    grammar.check_constructor("auth.session", t, SESSION)
    return { place = "session", name = t.header, session = {
        login = t.login, params = t.params == nil and {} or t.params, token = t.token, life = t.life,
        absolute = t.absolute,
        margin = t.margin or 0, expired = t.expired,
    } }
end

local EXPIRED = { status = "!number", text = "!string" }

local function check_durations(c, path, session)
    for _, name in ipairs { "life", "margin", "absolute" } do
        if session[name] ~= nil then
            local seconds, message = lang.duration(session[name])
            if not seconds then grammar.refuse(c, { path[1], path[2], name }, message) end
            session[name] = seconds
        end
    end
    if session.life <= 0 then grammar.refuse(c, { path[1], path[2], "life" }, "a session lives longer than that") end
end

local SESSION_FIELDS = {
    login = "!string", params = "!table", token = "string", life = { "string", "number", required = true },
    absolute = { "string", "number" }, margin = { "string", "number" }, expired = "!table",
}

local function check_session(c, path, spec, settings)
    local session = spec.session
    grammar.check(c, session, SESSION_FIELDS, path)
    grammar.check(c, session.expired, EXPIRED, { path[1], path[2], "expired" })
    check_durations(c, path, session)
    for _, value in pairs(session.params) do
        local name = type(value) == "table" and value.setting
        if not name then grammar.refuse(c, path, "params: setting \"name\" expected") end
        if not settings[name] then grammar.refuse_name(c, path, name, settings, "setting") end
        if settings[name].type == "secret" then
            grammar.refuse(c, path, ("params: %q is a secret, which the login's own auth places"):format(name))
        end
    end
end

local function check_secret(c, path, spec, settings)
    if type(spec.secret) ~= "string" then grammar.refuse(c, path, "secret is missing") end
    if not settings[spec.secret] then grammar.refuse_name(c, path, spec.secret, settings, "setting") end
    if settings[spec.secret].type ~= "secret" then
        grammar.refuse(c, path, ("the setting %q is no secret"):format(spec.secret))
    end
    if spec.place == "basic" and not settings[spec.name] then
        grammar.refuse_name(c, path, spec.name, settings, "setting")
    end
end

local function check_one(c, path, spec, settings)
    if type(spec) ~= "table" or not M.constructors[spec.place] then
        grammar.refuse(c, path, "one of auth.header, body, query, basic, bearer, session expected")
    end
    local field = spec.place == "session" and "header" or NAMES[spec.place]
    if field and type(spec.name) ~= "string" then grammar.refuse(c, path, field .. " is missing") end
    if spec.place == "header" or spec.session then header.check(c, path, spec.name) end
    if spec.session then return check_session(c, path, spec, settings) end
    check_secret(c, path, spec, settings)
end

--- One credential for each value of the setting that `by` names.
local function check_choice(c, path, choice, settings)
    local setting = settings[choice.by]
    if not setting then grammar.refuse_name(c, path, choice.by, settings, "setting") end
    if not setting.values or setting.default == nil and not setting.required then
        grammar.refuse(c, path,
            ("the setting %q chooses: it needs values, and a default or required"):format(choice.by))
    end
    for _, value in ipairs(setting.values) do
        if choice[value] == nil then
            grammar.refuse(c, path, ("no credential for %s = %q"):format(choice.by, tostring(value)))
        end
    end
    local names = {}
    for _, value in ipairs(setting.values) do names[value] = true end
    for value, spec in pairs(choice) do
        if value ~= "by" and not names[value] then
            grammar.refuse_name(c, path, value, names, "value of " .. choice.by)
        end
        if value ~= "by" then check_one(c, path, spec, settings) end
    end
end

--- Checks the `auth` table of a definition. Raises what grammar.refuse raises.
---@param c table
---@param auth table<string, neap.AuthSpec|table>
---@param settings table<string, table> fields by name
function M.check(c, auth, settings)
    for name, spec in pairs(auth) do
        local check = type(spec) == "table" and spec.by and check_choice or check_one
        check(c, { "auth", name }, spec, settings)
    end
end

--- All credentials behind one entry of `auth`: one, or the alternatives.
---@param spec neap.AuthSpec|table
---@return neap.AuthSpec[]
function M.alternatives(spec)
    if not spec.by then return { spec } end
    local list, values = {}, {}
    for value in pairs(spec) do values[#values + 1] = value end
    table.sort(values)
    for _, value in ipairs(values) do
        if value ~= "by" then list[#list + 1] = spec[value] end
    end
    return list
end

--- The credential that settings choose; nil while the setting that does is missing.
---@param spec neap.AuthSpec|table an entry of model.auth
---@param settings table<string, any>
---@return neap.AuthSpec|nil
function M.chosen(spec, settings)
    if not spec.by then return spec end
    return spec[settings[spec.by]]
end

--- The settings that a credential needs.
---@param model neap.Model
---@param spec neap.AuthSpec
---@return string[]
function M.needs(model, spec)
    local names = {}
    if spec.secret then names[1] = spec.secret end
    if spec.place == "basic" then names[#names + 1] = spec.name end
    if not spec.session then return names end
    for _, value in pairs(spec.session.params) do names[#names + 1] = value.setting end
    local login = model.endpoints[spec.session.login]
    for _, name in ipairs(M.needs(model, model.auth[login.auth])) do names[#names + 1] = name end
    table.sort(names)
    return names
end

return M
