--- neap.http and neap.download, over the in-process transport; the wire is spec/lua/http_spec.lua.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local BASE = "http://localhost/acme"
local BEARER = "Bearer " .. require("neap.runtime").SANDBOX.api_key

--- URL of the simulator's endpoint that answers as the plan says.
local function url(plan, id)
    return ("%s/read?id=%s&plan=%s"):format(BASE, id or 1, (plan or ""):gsub("[ ;/?&=:]", function(c)
        return ("%%%02X"):format(c:byte())
    end))
end

describe("neap.http.request", function()
    after_each(helper.assert_idle)

    it("returns status, headers and body; a status is no error", function()
        acme.run(function()
            local res = neap.http.request(url())
            assert.equal(200, res.status)
            assert.is_true(res.ok)
            assert.equal("application/json", res.headers["content-type"])
            assert.same({ OK = true, DATA = { id = "1", n = 1 } }, neap.json.decode(res.body))
            assert.equal(url(), res.url)
            res = neap.http.request(url("404", 2))
            assert.equal(404, res.status)
            assert.is_false(res.ok)
            assert.matches("said 404", res.body)
        end)
    end)

    it("repeats nothing and keeps to no limit", function()
        acme.run(function()
            for i = 1, 20 do assert.equal(503, neap.http.request(url("503 503", i)).status) end
            assert.equal(0, neap.now())
            assert.equal(20, #acme.seen())
        end)
    end)

    it("sends method, headers and body", function()
        acme.run(function()
            neap.http.request { url = BASE .. "/put", body = '{"id":7}', headers = { ["X-Key"] = "mine" } }
            neap.http.request { url = BASE .. "/put", method = "PUT", body = "{}" }
            local seen = acme.seen()
            assert.equal("POST", seen[1].method)
            assert.equal('{"id":7}', seen[1].body)
            assert.equal("mine", seen[1].key)
            assert.equal("PUT", seen[2].method)
            assert.is_nil(seen[2].key)
        end)
    end)

    it("ends after its time-out", function()
        acme.run(function()
            local res, err = neap.http.request { url = url "slow;100", timeout = 3 }
            assert.is_nil(res)
            assert.equal("timeout", err.kind)
            assert.equal(3, neap.now())
            err = select(2, neap.http.request(url("slow;100", 2)))
            assert.equal("timeout", err.kind)
            assert.equal(63, neap.now())
        end)
    end)

    it("tells of a body cut short, and of one too large", function()
        acme.run(function()
            local _, err = neap.http.request(url "cut")
            assert.equal("network", err.kind)
            _, err = neap.http.request { url = url("", 2), max_body = 10 }
            assert.equal("too_large", err.kind)
        end)
    end)

    -- method, first answer, method and path of the second
    local redirects = {
        { "GET", "302;/acme/ping", "GET", "/ping" },
        { "POST", "302;/acme/ping", "GET", "/ping" },
        { "POST", "303;/acme/ping", "GET", "/ping" },
        { "POST", "307;/acme/append", "POST", "/append" },
        { "HEAD", "301;/acme/ping", "HEAD", "/ping" },
        { "GET", "302;http://other.example/acme/ping", "GET", "/ping" },
    }
    for _, case in ipairs(redirects) do
        it(("follows %s answered %s"):format(case[1], case[2]), function()
            acme.run(function()
                local body = case[1] == "POST" and neap.json.encode { id = 1, plan = case[2] } or nil
                local res = neap.http.request {
                    method = case[1], url = body and BASE .. "/put" or url(case[2]), body = body,
                    headers = { Authorization = BEARER },
                }
                assert.equal(200, res.status)
                local seen = acme.seen()
                assert.equal(2, #seen)
                assert.equal(case[3], seen[2].method)
                assert.equal(case[4], seen[2].path)
                assert.equal(case[3] == "POST" and body or nil, seen[2].body)
                local other = case[2]:find "other"
                assert.equal(not other and BEARER or nil, seen[2].authorization)
                assert.matches(case[4] .. "$", res.url)
            end)
        end)
    end

    it("gives up after too many redirects", function()
        acme.run(function()
            local again = ("307;/acme/put "):rep(9)
            local request = { url = BASE .. "/put", body = neap.json.encode { id = 1, plan = again } }
            local res, err = neap.http.request(request)
            assert.is_nil(res)
            assert.equal("redirect: more than 5 redirects", tostring(err))
            assert.equal(6, #acme.seen())
            request.max_redirects, request.body = 0, neap.json.encode { id = 2, plan = again }
            assert.equal("redirect: more than 0 redirects", tostring(select(2, neap.http.request(request))))
            assert.equal(7, #acme.seen())
        end)
    end)

    it("returns a redirect that cannot be followed", function()
        acme.run(function() assert.equal(302, neap.http.request(url "302").status) end)
    end)

    -- argument, message
    local misuse = {
        { nil, "a table or a URL expected" },
        { 5, "a table or a URL expected" },
        { {}, "url is missing" },
        { { url = BASE, metod = "GET" }, 'no option "metod"; did you mean "method"?' },
        { { url = BASE, timeout = "soon" }, "timeout is no number" },
        { { url = BASE, body = {} }, "body is a table, string expected" },
    }
    for _, case in ipairs(misuse) do
        it("refuses misuse: " .. case[2], function()
            acme.run(function()
                local ok, message = pcall(neap.http.request, case[1])
                assert.is_false(ok)
                assert.matches(case[2], tostring(message), 1, true)
            end)
        end)
    end

    it("returns an error for a URL that is none", function()
        acme.run(function()
            for _, bad in ipairs { "", "no url", "ftp://x/", "file:///etc/passwd" } do
                local ok, res, err = pcall(neap.http.request, bad)
                assert.is_true(ok, bad)
                assert.is_nil(res)
                assert.equal("invalid", err.kind)
            end
        end)
    end)
end)

describe("neap.http.open", function()
    after_each(helper.assert_idle)

    it("reads piece by piece, and leaves its argument alone", function()
        acme.run(function()
            local request = { url = url() }
            local res <close> = neap.http.open(request)
            assert.same({ url = url() }, request)
            assert.equal(200, res:status())
            local pieces = {}
            while true do
                local piece = res:read()
                if not piece then break end
                pieces[#pieces + 1] = piece
            end
            assert.matches('"OK":true', table.concat(pieces))
        end)
    end)

    it("may be closed before the end, or its task cancelled", function()
        acme.run(function()
            local res = neap.http.open(url "slow;10")
            res:close()
            res:close()
            local _, err = neap.deadline(1, function()
                local open <close> = neap.http.open(url("cut", 2))
                while open:read() do neap.sleep(0.1) end
                neap.sleep(100)
            end)
            assert.equal("timeout", err.kind)
        end)
    end)
end)

describe("neap.download", function()
    after_each(helper.assert_idle)

    it("saves the body, whole or not at all", function()
        acme.run(function()
            local dir = helper.tmpdir()
            assert.equal(35, neap.download(url(), dir .. "/good"))
            assert.same({ OK = true, DATA = { id = "1", n = 1 } }, neap.json.decode(helper.read(dir .. "/good")))
            local size, err = neap.download(url("cut", 2), dir .. "/cut")
            assert.is_nil(size)
            assert.equal("network", err.kind)
            size, err = neap.download(url("404", 3), dir .. "/missing")
            assert.is_nil(size)
            assert.equal("rejected: HTTP 404: the download was refused", tostring(err))
            size, err = neap.download(url("", 4), dir .. "/no/such/dir")
            assert.is_nil(size)
            assert.is_truthy(err.kind)
            local pipe = io.popen("ls -A " .. helper.quote(dir))
            assert.equal("good\n", pipe:read "a")
            pipe:close()
        end)
    end)

    it("keeps an older file when it fails", function()
        acme.run(function()
            local path = helper.write(helper.tmpdir() .. "/file", "old")
            neap.download(url "cut", path)
            assert.equal("old", helper.read(path))
            neap.download(url("", 2), path)
            assert.matches("OK", helper.read(path))
        end)
    end)
end)
