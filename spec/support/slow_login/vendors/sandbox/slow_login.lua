-- Logins take 20 s, calls 15 s. Knows how many calls were under way at once at most ("most").

local LOGIN_S, PUT_S = 20, 15

local Slow = {}
Slow.__index = Slow

function Slow.endpoint(_, req)
    return req.path:match "^/(%w+)$"
end

function Slow:login()
    self.env.sleep(LOGIN_S)
    self.logins = self.logins + 1
    return { json = { token = "token" .. self.logins } }
end

function Slow:put(req)
    local body = req:json()
    local is_first = not self.seen[body.id]
    self.seen[body.id], self.live = true, self.live + 1
    self.most = math.max(self.most, self.live)
    self.env.sleep(PUT_S)
    self.live = self.live - 1
    if is_first then return { status = tonumber(body.plan), json = { message = "not now" } } end
    return { json = { id = body.id } }
end

function Slow:respond(req)
    return self[req.endpoint](self, req)
end

function Slow.failure(_, _, message)
    return { message = message }
end

function Slow:snapshot()
    return self.most
end

return {
    new = function(env)
        return setmetatable({
            env = env, seen = {}, logins = 0, live = 0, most = 0, endpoints = { "login", "put" },
        }, Slow)
    end,
}
