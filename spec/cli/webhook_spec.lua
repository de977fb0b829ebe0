--- neap.webhook behind real sockets: two processes that share what came, senders that leave, and the log.

local client = require "spec.support.client"
local helper = require "spec.support.helper"
local secret = require "neap.native.secret"
local sender = require "spec.support.webhook"

local KEY, PLACE = "known to both sides", "8f3b1f0c7f6e4d53a9e2"

local HANDLER = [[
local hub = neap.webhook { scheme = "hub", secret = neap.secret "hub_key", once = true }
local path = neap.webhook { scheme = "path", secret = neap.secret "place" }

local function work(req)
    if req:header "x-slow" then
        neap.log.info "at work"
        neap.sleep(600)
    end
    neap.sleep(0.02)
    return { status = 201 }
end

local answer = { hub = hub:handler(work), path = path:handler(function() return { status = 204 } end) }

return function(req) return answer[req.path:match "^/(%a+)"](req) end
]]

describe("a webhook over HTTP", function()
    local key = secret.literal(KEY)
    local servers, home

    local function start()
        local server = helper.start({ "serve", home .. "/hook.lua", "--port", 0, "--log-level", "debug" }, {
            home = home, env = { NEAP_HUB_KEY = KEY, NEAP_PLACE = PLACE },
        })
        server.port = tonumber(server:line():match ":(%d+)$")
        servers[#servers + 1] = server
        return server
    end

    --- A request of the hub.
    local function signed(body, headers)
        local req = sender.hub(key, body)
        for name, value in pairs(headers or {}) do req.headers[name] = value end
        return { path = "/hub", body = body, headers = req.headers }
    end

    before_each(function()
        servers, home = {}, helper.tmpdir()
        helper.write(home .. "/hook.lua", HANDLER)
    end)

    after_each(function()
        for _, server in ipairs(servers) do
            server:signal "TERM"
            assert.equal(143, server:wait().code)
        end
    end)

    it("handles every event once, in two processes", function()
        local ports = { start().port, start().port }
        local connections = {}
        for i = 1, 80 do -- twenty events, each twice to both
            local connection = client.connect(ports[i % 2 + 1])
            connections[i] = connection
            connection:send((client.text(signed(('{"n":%d}'):format((i - 1) // 4)))))
        end
        local taken = {}
        for i, connection in ipairs(connections) do
            local event, status = (i - 1) // 4, connection:response().status
            connection:close()
            if status == 201 then taken[event] = (taken[event] or 0) + 1
            else assert.is_true(status == 200 or status == 409, status) end
        end
        for event = 0, 19 do assert.equal(1, taken[event]) end
        for _, port in ipairs(ports) do
            assert.equal(200, client.ask(port, signed '{"n":7}').status)
            assert.equal(401, client.ask(port, { path = "/hub", body = "{}",
                headers = { ["x-hub-signature-256"] = "sha256=" .. ("0"):rep(64) } }).status)
        end
    end)

    it("takes an event again whose sender has left", function()
        local server = start()
        do
            local connection <close> = client.connect(server.port)
            connection:send((client.text(signed("{}", { ["X-Slow"] = "1" }))))
            helper.wait_for(function() return server:err():find("at work", 1, true) end, "the handler")
            assert.equal(409, client.ask(server.port, signed "{}").status)
        end
        local status
        helper.wait_for(function()
            status = client.ask(server.port, signed "{}").status
            return status ~= 409
        end, "the server to notice")
        assert.equal(201, status)
        assert.equal(200, client.ask(server.port, signed "{}").status)
    end)

    it("does not log the secret of a path", function()
        local server = start()
        assert.equal(204, client.ask(server.port, { path = "/path/" .. PLACE, body = "{}" }).status)
        assert.equal(404, client.ask(server.port, { path = "/path/other", body = "{}" }).status)
        helper.wait_for(function() return server:err():find("webhook refused", 1, true) end, "the log")
        assert.is_nil(server:err():find(PLACE, 1, true))
    end)
end)
