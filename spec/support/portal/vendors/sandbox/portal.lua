--- Simulator of a vendor with a session: tokens live 20 minutes from the last call with them. The parameter
--- `plan` makes a call end otherwise: a status, or "denied" for a 403 that says nothing of tokens.

local json = require "neap.native.json"

local LIFE = 1200

local Portal = {}
Portal.__index = Portal

local function refuse(status, message)
    return { status = status, json = { message = message } }
end

function Portal.endpoint(_, req)
    return req.path:match "^/(%w+)$"
end

function Portal:is_alive(token)
    return token and not self.env.faults:expired("portal", token.at) and self.env.now() - token.used <= LIFE
end

function Portal:login(req)
    local body = req:json()
    if body.user ~= "sandbox" or body.password ~= self.env.settings.key then return refuse(401, "wrong password") end
    if self:is_alive(self.token) then return refuse(429, "a token is alive") end
    self.logins = self.logins + 1
    local now = self.env.now()
    self.token = { text = ("token-of-login-%04d"):format(self.logins), at = now, used = now }
    return { json = { token = self.token.text } }
end

--- -> refusal, or nil for a call that may go on
function Portal:check(req)
    if req:header "x-key" == self.env.settings.key then return nil end
    local token = self.token
    if not token or req:header "x-token" ~= token.text then
        if tostring(req:header "x-token"):find "^token%-of%-login%-" then
            return { status = 403, body = '"Token Expired"' }
        end
        return refuse(401, "no such token")
    end
    if not self:is_alive(token) then
        self.token = nil
        return { status = 403, body = "token expired" }
    end
    token.used = self.env.now()
end

--- Carries a call out; one of `keyed` once for each id.
function Portal:accept(req)
    local id = req.endpoint == "keyed" and req:json().id
    if id and self.ids[id] then return refuse(409, "it was sent before") end
    if id then self.ids[id] = true end
    return { json = { n = #self.calls } }
end

function Portal:respond(req)
    self.calls[#self.calls + 1] = { at = self.env.now(), endpoint = req.endpoint, token = req:header "x-token" }
    if req.endpoint == "login" then return self:login(req) end
    local refusal = self:check(req)
    if refusal then return refusal end
    local plan = req.method == "GET" and req.args.plan or req.body and req:json().plan
    if plan == "denied" then return { status = 403, body = "<html>Request unsuccessful. Incident 12</html>" } end
    if plan == "blanks" then return { status = 403, body = "x" .. (" "):rep(200000) .. "x" } end
    if plan == "expired" or plan == "wrapped" and not self.wrapped then
        self.token, self.wrapped = nil, true
        return refuse(403, plan == "wrapped" and "Token EXPIRED" or "token expired")
    end
    if plan == "quote" then return { status = 400, body = "bad token " .. self.token.text } end
    if plan then
        self.planned = (self.planned or 0) + 1
        if self.planned == 1 then return refuse(tonumber(plan), "as planned") end
    end
    return self:accept(req)
end

function Portal.failure(_, _, message)
    return { message = message }
end

function Portal:snapshot(what)
    if what == "logins" then return self.logins end
    return json.array(self.calls)
end

return {
    new = function(env)
        return setmetatable({ env = env, calls = {}, logins = 0, ids = {},
            endpoints = { "login", "read", "append", "keyed" } }, Portal)
    end,
}
