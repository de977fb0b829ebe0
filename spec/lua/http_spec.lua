--- neap.native.http over both transports: in-process against a simulator written here, and over the
--- network against the same one behind neap.native.server. What depends on bytes on the wire is
--- tested by spec/c/test_transfer.c.

local helper = require "spec.support.helper"
local neap = require "neap"
local http = require "neap.native.http"
local sandbox = require "neap.native.sandbox"
local secret = require "neap.native.secret"

local SIMULATOR = [[
local json = require "neap.native.json"
local M = {}
function M.new(env)
    local sim = { seen = 0 }
    function sim:endpoint(req) return req.path:match("^/(%w+)") end
    function sim:respond(req)
        self.seen = self.seen + 1
        local what = req.endpoint
        if what == "echo" then
            return { headers = { ["X-Two"] = { "a", "b" }, ["Content-Type"] = "text/plain" },
                body = ("%s %s %s\n%s\n%s\n%s"):format(req.method, req.path, req.query,
                    req:header("X-A") or "-", req:header("X-Key") or "-", req.body or "-") }
        elseif what == "token" then
            return { json = { token = "token-0123456789" } }
        elseif what == "slow" then
            env.sleep(100)
            return { body = "late" }
        elseif what == "status" then
            return { status = tonumber(req.path:match("%d+")), body = "s" }
        elseif what == "stream" then
            return { stream = function(write)
                for i = 1, 200 do
                    if not write((("%09d\n"):format(i)):rep(1000)) then return end
                end
            end }
        end
    end
    function sim:snapshot() return self.seen end
    return sim
end
return M
]]

local function open_sandbox(faults)
    local path = helper.write(helper.tmpdir() .. "/t.lua", SIMULATOR)
    return assert(sandbox.open { config = { vendors = { t = path }, faults = faults, seed = 1 } })
end

--- Runs fn(client, base_url) against the simulator, by both transports.
local function both(name, fn, faults)
    it(name .. " (in-process)", function()
        local box <close> = open_sandbox(faults)
        neap.run(function()
            local client <close> = http.open { handler = box }
            fn(client, "https://sim.example/t", box)
        end, { clock = "virtual" })
    end)
    it(name .. " (network)", function()
        local found, server = pcall(require, "neap.native.server")
        if not found then return pending "no server in this build" end
        local box <close> = open_sandbox(faults)
        local listener <close> = assert(server.listen(box, {}))
        neap.run(function()
            local client <close> = http.open {}
            fn(client, ("http://127.0.0.1:%d/t"):format(listener:port()), box)
        end)
    end)
end

describe("neap.native.http", function()
    after_each(helper.assert_idle)

    both("makes a secret of an answer, which is not scrubbed of it before", function(client, base)
        local known = secret.literal "token-0123456789"
        local key = secret.credential { { place = "header", name = "X-Key", secret = known }, origins = { base } }
        local request = { method = "GET", url = base .. "/token", headers = {}, credential = key, holds_token = true }
        local res = assert(client:send(request))
        local token = assert(res:secret "token")
        assert.equal("***", tostring(token))
        assert.is_true(token:equals(known))
        assert.equal(known:fingerprint(), token:fingerprint())
        res = assert(client:send(request))
        local none, err = res:secret()
        assert.is_nil(none)
        assert.equal("decode: the answer to the login is no token", tostring(err))
        assert.equal('{"token":"***"}', res:body()) -- as text it is scrubbed
        assert.has_error(function() res:secret "token" end, "calling 'secret' on bad self (the body was read already)")
    end)

    both("sends a request and gets the answer", function(client, base)
        local res = assert(client:send {
            method = "POST", url = base .. "/echo?q=1", body = "body\0x",
            headers = { "X-A", "1", "Content-Type", "text/plain" }, timeout = 10,
        })
        assert.equal(200, res:status())
        assert.equal("POST /echo q=1\n1\n-\nbody\0x", res:body())
        assert.equal(res:body(), res:body())
        assert.equal("text/plain", res:header "content-TYPE")
        assert.equal("a, b", res:header "x-two")
        assert.is_nil(res:header "x-none")
        local two = {}
        for _, field in ipairs(res:headers()) do
            if field.name == "X-Two" then two[#two + 1] = field.value end
        end
        assert.same({ "a", "b" }, two)
    end)

    both("takes any status for an answer", function(client, base)
        for _, status in ipairs { 200, 201, 302, 404, 429, 503 } do
            local res = assert(client:send { method = "GET", url = base .. "/status/" .. status })
            assert.equal(status, res:status())
            assert.equal("s", res:body())
        end
    end)

    both("sends many at once", function(client, base)
        local list = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }
        local results = neap.map(list, { concurrency = 10 }, function(i)
            return assert(client:send { method = "GET", url = base .. "/echo?" .. i }):body()
        end)
        for i = 1, 10 do assert.equal("GET /echo " .. i .. "\n-\n-\n-", results[i]) end
    end)

    both("sends more fields than a few", function(client, base)
        local headers = {}
        for i = 1, 40 do
            headers[#headers + 1] = "X-N" .. i
            headers[#headers + 1] = "v"
        end
        headers[#headers + 1], headers[#headers + 2] = "X-A", "last"
        local res = assert(client:send { method = "GET", url = base .. "/echo", headers = headers })
        assert.equal("GET /echo \nlast\n-\n-", res:body())
    end)

    both("keeps a credential out of the answer", function(client, base)
        local key = secret.credential {
            { place = "header", name = "X-Key", secret = secret.literal "hush-hush" },
            origins = { base },
        }
        local res = assert(client:send { method = "GET", url = base .. "/echo", credential = key })
        assert.equal("GET /echo \n-\n***\n-", res:body())
        local none, err = client:send { method = "GET", url = "https://other.example/",
            credential = key }
        assert.is_nil(none)
        assert.equal("auth", err.kind)
        assert.is_false(err.sent)
    end)

    both("streams an answer piece by piece", function(client, base)
        local res = assert(client:open { method = "GET", url = base .. "/stream", timeout = 60 })
        assert.equal(200, res:status())
        local total, pieces, largest = 0, 0, 0
        while true do
            local piece, err = res:read()
            assert.is_nil(err)
            if not piece then break end
            total, pieces, largest = total + #piece, pieces + 1, math.max(largest, #piece)
        end
        assert.equal(2000000, total)
        assert.truthy(pieces > 5)
        assert.truthy(largest <= 600 * 1024, largest)
        assert.is_nil((res:read()))
        res:close()
        res:close()
    end)

    both("collects the beginning of an answer, or all of it", function(client, base)
        local short <close> = assert(client:open { method = "GET", url = base .. "/echo?x" })
        assert.is_true(short:collect(100))
        assert.is_true(short:collect(0) == false)
        assert.equal("GET /echo x\n-\n-\n-", short:body())
        assert.equal("GET", short:body(3))
        local long <close> = assert(client:open { method = "GET", url = base .. "/stream" })
        assert.is_false(long:collect(100000))
        local beginning = long:body()
        assert.is_true(#beginning > 100000 and #beginning < 1000000)
        assert.equal(beginning, long:read())
        local cut <close> = assert(client:open { method = "GET", url = base .. "/stream" })
        assert.is_false(cut:collect(100000, true))
        assert.is_true(#cut:body() > 100000)
        cut:read()
        assert.equal("cancelled", select(2, cut:read()).kind)
        assert.has_error(function() cut:collect(-1) end)
    end)

    both("pours an answer into a reader of records", function(client, base)
        local split = require "neap.native.split"
        local res <close> = assert(client:open { method = "GET", url = base .. "/stream", timeout = 60 })
        local reader, count, pieces = split.reader { format = "ndjson" }, 0, 0
        assert.is_false(res:collect(1000))
        while res:pour(reader) do
            pieces = pieces + 1
            count = count + reader:skip(math.maxinteger)
        end
        assert.same({ 200000, 2000000 }, { count, reader:bytes() })
        assert.is_true(pieces > 5)
        assert.is_nil((res:pour(reader)))
        assert.has_error(function() res:pour {} end)
        assert.has_error(function() res:pour(io.stdout) end)
        assert.has_error(function() res:pour() end)
    end)

    both("reports what breaks off while it is poured or collected", function(client, base)
        local res <close> = assert(client:open { method = "GET", url = base .. "/stream" })
        local reader = require("neap.native.split").reader { format = "ndjson" }
        local more, err
        repeat more, err = res:pour(reader) until not more
        assert.equal("network", err.kind)
        assert.is_true(err.truncated)
        assert.is_nil(reader:frame())
        local other <close> = assert(client:open { method = "GET", url = base .. "/stream" })
        more, err = other:collect(1 << 30)
        assert.is_nil(more)
        assert.is_true(err.truncated)
    end, "truncate")

    both("lets go of a stream that is not read to its end", function(client, base)
        do
            local res <close> = assert(client:open { method = "GET", url = base .. "/stream" })
            assert.truthy(res:read())
        end
        assert(client:open { method = "GET", url = base .. "/stream" })
        collectgarbage()
        collectgarbage()
        local res = assert(client:send { method = "GET", url = base .. "/status/200" })
        assert.equal(200, res:status())
    end)

    both("reports a cut answer", function(client, base)
        local res, err = client:send { method = "GET", url = base .. "/stream" }
        assert.is_nil(res)
        assert.equal("network", err.kind)
        assert.is_true(err.sent)
        assert.is_true(err.truncated)
        assert.truthy(err.message:find("reply cut short", 1, true))
    end, "truncate")

    both("reports a reset", function(client, base)
        local res, err = client:send { method = "GET", url = base .. "/echo" }
        assert.is_nil(res)
        assert.equal("network", err.kind)
        assert.is_true(err.sent)
        assert.is_false(err.truncated)
    end, "reset")

    both("caps the body", function(client, base)
        local _, err = client:send { method = "GET", url = base .. "/stream", max_body = 100000 }
        assert.equal("too_large", err.kind)
    end)

    both("gives up in time", function(client, base)
        local _, err = client:send { method = "GET", url = base .. "/slow", timeout = 0.05 }
        assert.equal("timeout", err.kind)
        assert.equal("no complete reply within 0.05 s", err.message)
        assert.is_true(err.sent)
        _, err = client:send { method = "GET", url = base .. "/slow", first_byte_timeout = 0.05 }
        assert.equal("timeout", err.kind)
    end)

    both("ends with its task", function(client, base)
        local task = neap.spawn(function()
            client:send { method = "GET", url = base .. "/slow" }
        end)
        neap.sleep(0.01)
        task:cancel()
        task = neap.spawn(function()
            local res = client:open { method = "GET", url = base .. "/stream" }
            repeat until not res:read()
            client:open { method = "GET", url = base .. "/slow" }
        end)
        neap.sleep(0.05)
        task:cancel()
    end)

    both("ends the waits of a client that closes", function(client, base)
        local kinds = {}
        for i = 1, 3 do
            neap.spawn(function()
                local _, err = client:send { method = "GET", url = base .. "/slow" }
                kinds[i] = err.kind
            end)
        end
        neap.sleep(0.01)
        client:close()
        neap.sleep(0.01)
        assert.same({ "cancelled", "cancelled", "cancelled" }, kinds)
        local ok, message = pcall(client.send, client, { method = "GET", url = base })
        assert.is_false(ok)
        assert.truthy(message:find("the client is closed", 1, true))
    end)

    it("takes virtual time for real", function()
        local box <close> = open_sandbox()
        neap.run(function()
            local client <close> = http.open { handler = box }
            local from = neap.now()
            local url = "http://s/t/slow"
            local res = assert(client:send { method = "GET", url = url, timeout = 1000 })
            assert.equal("late", res:body())
            assert.equal(100, neap.now() - from)
            assert.equal(1, box:inspect("t", nil))
        end, { clock = "virtual" })
    end)

    it("lets one task at a time read", function()
        local box <close> = open_sandbox()
        neap.run(function()
            local client <close> = http.open { handler = box }
            local res <close> = assert(client:open { method = "GET", url = "http://s/t/stream" })
            local message
            local total = 0
            local function read_all()
                for piece in function() return res:read() end do total = total + #piece end
            end
            local tasks = {}
            for i = 1, 2 do
                tasks[i] = neap.spawn(function()
                    local ok, err = pcall(read_all)
                    if not ok then message = err end
                end)
            end
            for i = 1, 2 do tasks[i]:await() end
            assert.truthy(message:find("another task is already reading this response", 1, true))
            assert.equal(2000000, total)
        end, { clock = "virtual" })
    end)

    it("says why no connection came about", function()
        neap.run(function()
            local client <close> = http.open()
            local res, err = client:send { method = "GET", url = "http://127.0.0.1:1/x?key=1" }
            assert.is_nil(res)
            assert.equal("network", err.kind)
            assert.equal("cannot connect to 127.0.0.1:1: Connection refused", err.message)
            assert.is_false(err.sent)
        end)
    end)

    it("refuses what is no request", function()
        local U = "http://h/"
        local faults = {
            { { url = U }, "method is a nil, string expected" },
            { { method = "GET" }, "url is a nil, string expected" },
            { { method = "GET", url = U .. "\0" }, "NUL in url" },
            { { method = ("X"):rep(20), url = U }, "method too long" },
            { { method = "GET", url = U, body = {} }, "body is a table, string expected" },
            { { method = "GET", url = U, timeout = "1" }, "timeout is no number" },
            { { method = "GET", url = U, max_body = -1 }, "max_body is no size" },
            { { method = "GET", url = U, headers = "A" }, "headers is no table" },
            { { method = "GET", url = U, headers = { "A" } }, "headers lacks a value" },
            { { method = "GET", url = U, headers = { "A", 1 } }, "header no. 2 is no string" },
        }
        neap.run(function()
            local client <close> = http.open()
            for _, fault in ipairs(faults) do
                local ok, message = pcall(client.send, client, fault[1])
                assert.is_false(ok)
                assert.equal("request: " .. fault[2], message)
            end
            local _, err = client:send { method = "GET", url = "gopher://h/" }
            assert.equal("invalid", err.kind)
            _, err = client:send { method = "GET", url = U, headers = { "A", "b\r\nC: d" } }
            assert.equal("invalid", err.kind)
        end)
    end)

    it("cannot wait outside a task", function()
        local client <close> = http.open()
        assert.has_error(function() client:send { method = "GET", url = "http://h/" } end)
    end)
end)
