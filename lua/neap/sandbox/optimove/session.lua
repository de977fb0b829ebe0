--- Credentials of the Optimove simulator: an API key, or a session token that lives for 20 minutes from
-- the last call made with it, whatever that call's status. One account: user name "sandbox", password the
-- sandbox's key.

local reply = require "neap.sandbox.optimove.reply"

local M = {}

M.USERNAME = "sandbox"

local LIFE_S = 1200
local EXPIRED = "Authorization-Token expired"

--- A five-part token (RFC 7516, compact form) without an encrypted key.
local HEADER = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0"
local PARTS = { 16, 320, 22 }
local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local Session = {}
Session.__index = Session

function M.new(env)
    return setmetatable({
        env = env, seed = math.floor(env.random() * 2 ^ 53), issued = {}, logins = 0, limiter = env.limiter(1, 1),
    }, Session)
end

--- Random characters, which follow from the seed and the number of the login.
local function make_token(seed, number)
    local state, parts = seed + number * 0x9e3779b97f4a7c15, { HEADER, "" }
    for _, length in ipairs(PARTS) do
        local characters = {}
        for i = 1, length do
            state = state * 6364136223846793005 + 1442695040888963407
            local place = (state >> 58) + 1
            characters[i] = ALPHABET:sub(place, place)
        end
        parts[#parts + 1] = table.concat(characters)
    end
    return table.concat(parts, ".")
end

--- Is the newest token still good?
function Session:is_live(at)
    local token = self.token
    return token ~= nil and at - token.used_at < LIFE_S
        and not self.env.faults:expired(self.env.vendor, token.issued_at)
end

--- Judges the credential of a call and slides its token. -> response when refused
function Session:refused(req)
    local key, text = req:header "x-api-key", req:header "authorization-token"
    if key then
        if key ~= self.env.settings.key then return reply.quoted(401, "Unauthorized") end
        return nil
    end
    if not text then return reply.quoted(401, "Missing Authorization-Token") end
    local token = self.issued[text]
    if not token then return reply.quoted(401, "Unauthorized") end
    if token ~= self.token or not self:is_live(req.at) then return reply.text(403, EXPIRED) end
    token.used_at = math.max(token.used_at, req.at)
end

--- Function Login.
function M.login(sim, call)
    local self, at = sim.session, call.req.at
    if not self.limiter:arrive("login", at) then return reply.too_many() end
    local given = call.body
    if given.Username ~= M.USERNAME or given.Password ~= self.env.settings.key then
        return reply.quoted(401, "Unauthorized")
    end
    if self:is_live(at) then return reply.too_many() end
    self.logins = self.logins + 1
    local text = make_token(self.seed, self.logins)
    self.token = { issued_at = at, used_at = at }
    self.issued[text] = self.token
    return reply.quoted(200, text)
end

return M
