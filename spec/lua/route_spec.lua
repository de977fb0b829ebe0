--- neap.native.route: the calls of one endpoint, in-process against a simulator written here.

local helper = require "spec.support.helper"
local neap = require "neap"
local clock = require "neap.native.clock"
local flow = require "neap.native.flow"
local http = require "neap.native.http"
local route = require "neap.native.route"
local sandbox = require "neap.native.sandbox"
local secret = require "neap.native.secret"
local task = require "neap.native.task"

local SIMULATOR = [[
local M = {}
function M.new(env)
    local sim = {}
    function sim:endpoint(req) return req.path:match("^/(%w+)") end
    function sim:respond(req)
        local what = req.endpoint
        if what == "echo" then
            return { json = { method = req.method, type = req:header "Content-Type", body = req.body,
                key = req:header "X-Key" } }
        elseif what == "slow" then
            env.sleep(100)
        elseif what == "status" then
            return { status = tonumber(req.path:match("%d+")), body = "{}" }
        end
        return { body = ({ empty = "", text = "hello", list = "[1,2.5]" })[what] or "{}" }
    end
    return sim
end
return M
]]

local function credential(text)
    return assert(secret.credential {
        { place = "header", name = "X-Key", secret = assert(secret.literal(text)) }, origins = { "http://localhost" },
    })
end

--- Runs fn with what makes a route and its calls, on a virtual clock.
local function with_route(fn, limit)
    local path = helper.write(helper.tmpdir() .. "/v.lua", SIMULATOR)
    local box <close> = assert(sandbox.open { config = { vendors = { v = path }, seed = 1 } })
    neap.run(function()
        local client <close> = http.open { handler = box }
        fn(route.open {
            http = client, queue = flow.queue { limits = { limit }, gate = flow.gate {} },
            policy = flow.policy { { status = { 503 }, backoff = "constant", base = 5, retries = 2 } },
            repeatable = true, credential = credential "first-secret", timeout = 60, method = "POST",
            headers = { "Content-Type", "application/json" },
        }, client)
    end, { clock = "virtual" })
end

local URL = "http://localhost/v/"

local function admitted(r)
    local call = r:call()
    assert.is_true(call:try_admit())
    return call
end

describe("neap.native.route", function()
    after_each(helper.assert_idle)

    it("decodes a 2xx answer in JSON and settles it", function()
        with_route(function(r)
            local call <close> = admitted(r)
            local res, err, value = call:send(URL .. "echo", '{"a":1}')
            assert.is_nil(res)
            assert.is_nil(err)
            assert.same({ method = "POST", type = "application/json", body = '{"a":1}', key = "***" }, value)
            assert.error_matches(function() call:settle(200) end, "nothing to settle")
            assert.same({ 1, 1 }, { call:sends() })
            assert.equal(200, call:attempts()[1].status)
            assert.equal(200, call:answer():status())
            assert.equal(call:answer(), call:answer())
        end)
    end)

    local others = { text = 200, empty = 200, ["status/404"] = 404, ["status/503"] = 503, ["status/302"] = 302 }
    for path, status in pairs(others) do
        it("leaves the judgement to the caller: " .. path, function()
            with_route(function(r)
                local call <close> = admitted(r)
                local res, err, value = call:send(URL .. path, "{}")
                assert.is_nil(err)
                assert.is_nil(value)
                assert.equal(status, res:status())
                assert.equal(({ text = "hello", empty = "" })[path] or "{}", res:body())
                assert.equal(status == 503 and "retry" or "ok", (call:settle(res:status())))
            end)
        end)
    end

    it("decodes nothing where it is told so", function()
        with_route(function(r)
            local call <close> = admitted(r)
            assert.equal("[1,2.5]", call:send(URL .. "list", "{}", nil, true):body())
        end)
    end)

    it("sends again, each answer its own", function()
        with_route(function(r)
            local call <close> = admitted(r)
            local first = call:send(URL .. "status/503", "{}")
            call:settle(503)
            assert.is_false(call:try_admit()) -- it waits for its turn
            local started = clock.now()
            assert(call:admit())
            assert.equal(5, clock.now() - started)
            assert.same({ 1, 2.5 }, (select(3, call:send(URL .. "list", "{}"))))
            assert.equal(503, first:status())
            assert.equal(200, call:answer():status())
        end)
    end)

    it("forgets an answer, and hands its response to the next call", function()
        with_route(function(r)
            local call <close> = admitted(r)
            local first = call:send(URL .. "status/503", "{}")
            assert.equal("{}", first:body())
            call:settle(503)
            for _ = 1, 2 do call:forget() end
            assert.is_nil(call:answer())
            assert.error_matches(function() first:body() end, "the response is gone")
            local other <close> = admitted(r)
            local second = other:send(URL .. "text", "{}")
            assert.equal(first, second)
            assert.equal(200, second:status())
            assert.equal("hello", second:body())
        end)
    end)

    it("forgets no answer that is on its way", function()
        with_route(function(r)
            local call = admitted(r)
            local other = task.spawn(function() return call:send(URL .. "slow", "{}") end)
            clock.sleep(1)
            assert.error_matches(function() call:forget() end, "being sent")
            call:finish()
            other:await()
            call:forget()
        end)
    end)

    it("takes another credential, policy and repeatability for one call", function()
        with_route(function(r)
            local call <close> = r:call(flow.policy {}, false)
            assert.is_true(call:try_admit())
            local res = call:send(URL .. "status/503", "{}", credential "second-secret")
            assert.equal("ok", (call:settle(res:status()))) -- no rule
        end)
    end)

    it("is not admitted at once behind a limit", function()
        with_route(function(r)
            local first <close> = admitted(r)
            local second <close> = r:call()
            assert.is_false(second:try_admit())
            first:send(URL .. "echo", "{}")
            assert(second:admit())
            assert.equal(10, clock.now())
        end, flow.limit { shape = "window", count = 1, period = 10, jitter = 0 })
    end)

    it("says what failed, and what had left", function()
        with_route(function(r)
            local call <close> = admitted(r)
            local res, err = call:send("http://elsewhere/", "{}")
            assert.is_nil(res)
            assert.equal("auth", err.kind)
            assert.is_false(err.sent)
            assert.equal("fail", (call:settle(nil, nil, err.sent)))
            assert.is_nil(call:answer())
        end)
    end)

    it("ends with its task, and with the call", function()
        with_route(function(r)
            local one = task.spawn(function()
                local call <close> = admitted(r)
                call:send(URL .. "slow", "{}")
            end)
            local call = admitted(r)
            local other = task.spawn(function() return call:send(URL .. "slow", "{}") end)
            clock.sleep(1)
            assert.error_matches(function() call:send(URL .. "echo", "{}") end, "being sent already")
            one:cancel()
            call:finish()
            local res, err = other:await()
            assert.is_nil(res)
            assert.equal("cancelled", err.kind)
            assert.is_nil(call:answer())
        end)
    end)

    it("ends with its client", function()
        with_route(function(r, client)
            local call <close> = admitted(r)
            local other = task.spawn(function() return call:send(URL .. "slow", "{}") end)
            clock.sleep(1)
            client:close()
            assert.equal("cancelled", (select(2, other:await())).kind)
            assert.error_matches(function() call:send(URL .. "echo", "{}") end, "client is closed")
        end)
    end)

    it("refuses what would split a request", function()
        with_route(function(_, client)
            local parts = {
                http = client, queue = flow.queue { gate = flow.gate {} }, policy = flow.policy {},
                method = "POST", headers = { "A", "b\r\nC: d" },
            }
            assert.error_matches(function() route.open(parts) end, "bad header field no. 1")
            parts.headers, parts.method = {}, "PO ST"
            assert.error_matches(function() route.open(parts) end, "not an HTTP method")
        end)
    end)
end)
