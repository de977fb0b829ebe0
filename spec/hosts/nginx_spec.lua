--- Requests and responses of scripts in nginx: csrc/hosts/nginx/exchange.c, request.c, response.c.

local helper = require "spec.support.helper"
local neap = require "neap"
local nginx = require "spec.support.nginx"

local SHOW = [[
return function(req)
    return { body = {
        method = req.method, path = req.path, query = req.query, args = req.args, headers = req.headers,
        client = req.client, scheme = req.scheme, target = req.target, size = req.body and #req.body,
        in_file = req.body_path ~= nil, body = req.body and #req.body < 100 and req.body or nil,
        started = req.body and req.body:sub(1, 3), ended = req.body and req.body:sub(-3),
    } }
end
]]

-- By the name in the query: what the handler returns.
local ANSWER = [[
local answers = {
    text = "plain text",
    table = { body = { list = { 1, 2 }, big = 9007199254740993 } },
    fields = { status = 201, body = "made", headers = {
        ["Content-Type"] = "text/x-made; charset=utf-8", Location = "/there", Server = "mine",
        Date = "Sun, 06 Nov 1994 08:49:37 GMT", ["Set-Cookie"] = { "a=1", "b=2" }, ["X-Empty"] = "",
        Connection = "close", ["Keep-Alive"] = "timeout=1", ["Transfer-Encoding"] = "chunked",
    } },
    empty = { status = 200, body = "" },
    none = { status = 204 },
    same = { status = 304, headers = { ETag = '"x"' } },
    odd = { status = 477, body = "odd" },
    early = { status = 103 },
    big = { body = ("x"):rep(3000000) },
    nothing = nil,
}
return function(req)
    local name = req.args.name or req.path:match "/answer/(.*)"
    if name == "raise" then error "secret details" end
    if name == "refuse" then return nil, "no such thing" end
    return answers[name]
end
]]

local STREAM = [[
local neap = require "neap"
return function(req)
    local pieces, size, wait = tonumber(req.args.n), tonumber(req.args.size), tonumber(req.args.wait)
    return { headers = { ["Content-Type"] = "text/plain" }, body = function(write)
        for i = 1, pieces do
            write(string.char(96 + i % 26):rep(size))
            if wait then neap.sleep(wait) end
            if req.args.fail and i == 2 then error "in the middle" end
        end
    end }
end
]]

describe("a script in nginx", function()
    local server

    setup(function()
        server = nginx.start {
            files = { ["show.lua"] = SHOW, ["answer.lua"] = ANSWER, ["stream.lua"] = STREAM },
            http = "set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP; client_max_body_size 8m;",
            server = [[
                location / { neap_script show.lua; }
                location /answer { neap_script answer.lua; }
                location /stream { neap_script stream.lua; }
                location /zipped { neap_script stream.lua; gzip on; gzip_http_version 1.0; gzip_types text/plain; }
                location /slow { neap_script stream.lua; limit_rate 200k; }
                location /old { rewrite ^/old/(.*)$ /new/$1 last; }
                location /sub { add_after_body /answer/text; addition_types *; neap_script show.lua; }
                location /limited { neap_script show.lua; neap_body_limit 1k; }
                location /wide { neap_script show.lua; neap_body_limit 9m; }
                location /if { if ($arg_script) { neap_script show.lua; } }
                location /part { limit_except GET { deny all; } neap_script show.lua; }
            ]],
        }
    end)
    teardown(function() server:stop() end)

    local function show(request)
        return neap.json.decode(server:get(request).body)
    end

    describe("gets", function()
        it("method, path, query, fields, client and scheme", function()
            local seen = show { url = "/a%20b/%2F?x=1&y=%26&x=2", method = "DELETE", headers = { ["X-Key"] = "Mine" } }
            assert.equal("DELETE", seen.method)
            assert.equal("/a%20b/%2F?x=1&y=%26&x=2", seen.target)
            assert.equal("/a b//", seen.path)
            assert.same({ x = "2", y = "&" }, seen.args)
            assert.equal("Mine", seen.headers["x-key"])
            assert.equal("127.0.0.1", seen.client)
            assert.equal("http", seen.scheme)
            assert.is_nil(seen.size)
        end)

        it("the address that the realip module has found", function()
            assert.equal("192.0.2.7", show { url = "/", headers = { ["X-Real-IP"] = "192.0.2.7" } }.client)
        end)

        it("what the rewrite module has made of the path", function()
            assert.equal("/new/x%20y?q=1", show("/old/x%20y?q=1").target)
        end)

        it("a body that is in memory, and one that is in a file", function()
            local small = show { url = "/", body = "a\0b" }
            assert.same({ "POST", "a\0b", false }, { small.method, small.body, small.in_file })
            local large = show { url = "/", body = "abc" .. ("x"):rep(1000000) .. "xyz" }
            assert.same({ 1000006, "abc", "xyz", true }, { large.size, large.started, large.ended, large.in_file })
            helper.wait_for(function() return not helper.exists(server.dir .. "/temp-client_body/0000000001") end,
                "the removal of the file")
        end)

        it("a chunked body", function()
            local answer = server:raw("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                .. "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
            assert.matches('"body":"abcdefg"', answer, 1, true)
        end)
    end)

    describe("answers", function()
        local function answer(name)
            return server:get("/answer?name=" .. name)
        end

        it("text and JSON", function()
            assert.equal("plain text", answer("text").body)
            local res = answer "table"
            assert.equal("application/json", res.headers["content-type"])
            assert.equal('{"big":9007199254740993,"list":[1,2]}', res.body)
        end)

        it("with fields, but for those of the connection", function()
            local res = answer "fields"
            assert.equal(201, res.status)
            assert.equal("text/x-made; charset=utf-8", res.headers["content-type"])
            assert.equal("/there", res.headers.location)
            assert.equal("mine", res.headers.server)
            assert.equal("Sun, 06 Nov 1994 08:49:37 GMT", res.headers.date)
            assert.equal("a=1, b=2", res.headers["set-cookie"])
            assert.equal("", res.headers["x-empty"])
            assert.equal("4", res.headers["content-length"])
            assert.equal("keep-alive", res.headers.connection)
            assert.is_nil(res.headers["keep-alive"])
            assert.is_nil(res.headers["transfer-encoding"])
        end)

        it("without a body", function()
            assert.same({ 200, "", "0" }, { answer("empty").status, answer("empty").body,
                answer("empty").headers["content-length"] })
            local none = answer "none"
            assert.same({ 204, "" }, { none.status, none.body })
            assert.is_nil(none.headers["content-length"])
            assert.equal(204, answer("nothing").status)
            local same = answer "same"
            assert.same({ 304, '"x"' }, { same.status, same.headers.etag })
            local head = server:raw "HEAD /answer?name=text HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            assert.matches("\r\nContent-Length: 10\r\n", head, 1, true)
            assert.matches("\r\n\r\n$", head)
        end)

        it("any final status, and no other", function()
            assert.same({ 477, "odd" }, { answer("odd").status, answer("odd").body })
            assert.equal(500, answer("early").status)
        end)

        it("megabytes at one stroke", function()
            assert.equal(3000000, #answer("big").body)
        end)

        it("500 with an id where it raises or refuses; the reason is in the log only", function()
            for name, why in pairs { raise = "secret details", refuse = "no such thing" } do
                local res = answer(name)
                assert.equal(500, res.status)
                local id = res.body:match '^{"error":"internal error","id":"(%x+)"}$'
                assert.is_string(id)
                assert.is_nil(res.body:find(why, 1, true))
                local line = server:wait_log("[^\n]*request failed[^\n]*" .. id .. "[^\n]*")
                assert.matches("[error]", line, 1, true)
                assert.matches(why, line, 1, true)
            end
        end)
    end)

    describe("streams", function()
        it("in chunks, to HTTP/1.0 until the end of the connection", function()
            local res = server:get "/stream?n=3&size=2"
            assert.same({ "aabbcc", "chunked" }, { res.body, res.headers["transfer-encoding"] })
            local old = server:raw "GET /stream?n=3&size=2 HTTP/1.0\r\n\r\n"
            assert.matches("\r\n\r\naabbcc$", old)
        end)

        it("a piece leaves before the next one is made; a client may leave then", function()
            local pipe = io.popen(([[timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d
                printf "GET /stream?n=50&size=3&wait=60 HTTP/1.1\r\nHost: a\r\n\r\n" >&3
                while read -r line; do case $line in aaa*) echo "$line"; exit; esac; done <&3']]):format(server.port))
            assert.matches("^aaa", pipe:read("a"))
            pipe:close()
            helper.wait_for(function() return server:access_log():find("wait=60 HTTP/1.1\" 200", 1, true) end,
                "the end of that request")
        end)

        it("as much as one likes, to a client that reads slowly", function()
            local res = server:get "/slow?n=40&size=10000"
            assert.equal(400000, #res.body)
            assert.equal(1000 * 40000, #server:get("/stream?n=1000&size=40000").body)
        end)

        it("through the filters of nginx", function()
            local res = server:get { url = "/zipped?n=100&size=1000", headers = { ["Accept-Encoding"] = "gzip" } }
            assert.equal(100000, #res.body)
        end)

        it("breaks off where the script fails in the middle", function()
            neap.run(function()
                local res, err = server:request "/stream?n=4&size=5&fail=1"
                assert.is_nil(res)
                assert.equal("network", err.kind)
            end)
        end)
    end)

    it("is a part of larger answers as well: subrequests", function()
        local res = server:get "/sub"
        assert.matches('^{.*"path":"/sub".*}plain text$', res.body)
    end)

    it("is not given bodies beyond neap_body_limit, which stands in for client_max_body_size", function()
        assert.equal(413, server:get({ url = "/limited", body = ("x"):rep(1025) }).status)
        assert.equal(1024, show({ url = "/limited", body = ("x"):rep(1024) }).size)
        assert.equal(413, server:get({ url = "/", body = ("x"):rep(8 * 1024 * 1024 + 1) }).status)
        assert.equal(8 * 1024 * 1024 + 1, show({ url = "/wide", body = ("x"):rep(8 * 1024 * 1024 + 1) }).size)
        local chunked = server:raw("POST /limited HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" ..
            "Transfer-Encoding: chunked\r\n\r\n401\r\n" .. ("x"):rep(1025) .. "\r\n0\r\n\r\n")
        assert.matches("^HTTP/1.1 413", chunked)
    end)

    it("stands in `if`, and beside limit_except", function()
        assert.equal(404, server:get("/if").status)
        assert.equal("/if", show("/if?script=1").path)
        assert.equal("/part", show("/part").path)
        assert.equal(403, server:get({ url = "/part", body = "x" }).status)
    end)
end)
