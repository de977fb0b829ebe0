--- neap serve: what a script may hold and how long it may compute, by --memory-limit and --time-limit.

local client = require "spec.support.client"
local helper = require "spec.support.helper"
local json = require "neap.native.json"

local HANDLER = [[
local answers = {}

function answers.text() return "plain" end

function answers.loop() while true do end end

function answers.stream()
    return { body = function(write)
        write "begun"
        while true do end
    end }
end

function answers.grow()
    local text = "x"
    while true do text = text .. text end
end

function answers.hold() return { body = tostring(#("x"):rep(100 << 20)) } end

return function(req) return answers[req.path:sub(2)]() end
]]

describe("neap serve", function()
    local dir, server, port

    local function serve(...)
        server = helper.start({ "serve", "limits.lua", "--port", "0", ... }, { cwd = dir })
        local line = server:line()
        port = tonumber((line or ""):match "^listening on http://.*:(%d+)$" or error(server:err()))
    end

    local function stop()
        server:signal "TERM"
        return server:wait()
    end

    --- The line of the log about an answer that was a failure.
    local function line_of(res)
        local body = json.decode(res.body)
        assert.same({ 500, "internal error" }, { res.status, body.error })
        local words = "id=" .. body.id
        helper.wait_for(function() return server:err():find(words, 1, true) end, words)
        return server:err():match("[^\n]*" .. words .. "[^\n]*")
    end

    lazy_setup(function()
        dir = helper.tmpdir()
        helper.write(dir .. "/limits.lua", HANDLER)
    end)

    it("stops a script that computes for too long, and goes on", function()
        serve("--time-limit", "200ms")
        local line = line_of(client.ask(port, "/loop"))
        assert.truthy(line:find("(limit 0.2 s)", 1, true) and line:find("path=/loop", 1, true), line)
        local connection <close> = client.connect(port)
        connection:send(client.text "/stream")
        assert.is_nil(connection:take_rest():find "0\r\n\r\n$") -- broken off
        assert.equal("plain", client.ask(port, "/text").body)
        assert.equal(143, stop().code)
    end)

    it("ends at the first signal, a computing script or not", function()
        serve("--time-limit", "500ms")
        local connection <close> = client.connect(port)
        connection:send(client.text "/loop")
        server:signal "TERM"
        assert.equal(143, server:wait().code)
    end)

    it("refuses memory beyond the limit, and goes on", function()
        serve("--memory-limit", "64m")
        for _ = 1, 2 do
            local line = line_of(client.ask(port, "/grow"))
            assert.truthy(line:find("not enough memory", 1, true) and line:find("path=/grow", 1, true), line)
        end
        assert.equal(500, client.ask(port, "/hold").status)
        assert.equal("plain", client.ask(port, "/text").body)
        assert.equal(143, stop().code)
    end)

    it("has a larger limit by itself, and none where it is 0", function()
        for _, words in ipairs { {}, { "--memory-limit", "0", "--time-limit", "0" } } do
            serve(table.unpack(words))
            assert.equal(tostring(100 << 20), client.ask(port, "/hold").body)
            stop()
        end
    end)

    for words, expected in pairs {
        [{ "--memory-limit", "1t" }] = "--memory-limit 1t: a size expected, like 500k or 8m",
        [{ "--memory-limit", "-1" }] = "--memory-limit -1: a size expected",
        [{ "--time-limit", "soon" }] = '--time-limit: "soon" is no duration',
    } do
        it("refuses " .. table.concat(words, " "), function()
            local got = helper.cli({ "serve", "limits.lua", "--port", "0", table.unpack(words) },
                { cwd = dir, timeout = 20 })
            assert.same({ 2, "" }, { got.code, got.out }, got.err)
            assert.truthy(got.err:find(expected, 1, true), got.err)
        end)
    end
end)
