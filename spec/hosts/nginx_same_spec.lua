--- One handler file under `neap serve` and in nginx: the same requests get the same answers. Compared are status, body
--- and header fields, but for those that are the server's own: Date, Server, and what frames a body.

local client = require "spec.support.client"
local helper = require "spec.support.helper"
local json = require "neap.native.json"
local nginx = require "spec.support.nginx"
local secret = require "neap.native.secret"
local sender = require "spec.support.webhook"

local HUB_KEY = "known to both sides"

--- Bodies from here on are in a file in nginx (client_body_buffer_size).
local LARGE = ("0123456789abcdef"):rep(20000)

local HANDLER = [[
local neap = require "neap"
local beside = require "beside"

local hub = neap.webhook { scheme = "hub", secret = neap.secret "hub_key", once = true }
local answers = {}

function answers.text() return "plain text" end

function answers.nothing() return nil end

function answers.status(req) return { status = tonumber(req.args.n), body = req.args.body } end

answers["empty-text"] = function() return "" end

answers["no-body"] = function() return {} end

answers["no-content-but-a-body"] = function()
    return { status = 204, headers = { ["X-A"] = "1", ["Content-Type"] = "text/csv" }, body = "none of it" }
end

function answers.table() return { status = 201, body = { list = { 1, 2.5, "3" }, big = 9007199254740993, no = neap.null,
    text = "\u{e9}\n\"" } } end

function answers.list() return { body = { { a = 1 }, { a = 2 } } } end

function answers.fields() return { headers = {
    ["content-type"] = "text/x-own; charset=latin1", Location = "/there?a=b", ETag = '"x"', Allow = "GET, POST",
    ["Set-Cookie"] = { "a=1; Path=/", "b=2" }, ["WWW-Authenticate"] = { "Basic realm=\"a\"", "Bearer" },
    ["X-Empty"] = "", ["X-Number"] = 12, ["Last-Modified"] = "Sun, 06 Nov 1994 08:49:37 GMT",
    ["Cache-Control"] = "no-store", Vary = { "Accept", "Origin" }, ["Accept-Ranges"] = "none",
    ["Content-Encoding"] = "identity", Link = "</a>; rel=next", ["Retry-After"] = "5",
    Connection = "close", ["Keep-Alive"] = "timeout=1", ["Transfer-Encoding"] = "chunked", ["Content-Length"] = "3",
    TE = "trailers", Trailer = "X-A", Upgrade = "none", ["Proxy-Connection"] = "close",
}, body = "with fields" } end

function answers.stream(req) return { headers = { ["Content-Type"] = "text/csv" }, body = function(write)
    for i = 1, tonumber(req.args.n) do
        write(("line %d\n"):format(i))
        if i % 2 == 0 then neap.sleep(0.005) end
    end
end } end

answers["empty-stream"] = function() return { body = function() end } end

answers["long-stream"] = function() return { body = function(write)
    for i = 1, 40 do write(string.char(96 + i % 26):rep(50000)) end
end } end

answers["no-content-but-a-stream"] = function() return { status = 204, body = function(write) write "none" end } end

answers["fails-first"] = function() return { body = function() error "secret detail" end } end

answers["fails-later"] = function() return { body = function(write)
    write "some"
    neap.sleep(0.01)
    error "secret detail"
end } end

answers["raises"] = function() error "secret detail" end
answers["raises-a-table"] = function() error { message = "secret detail" } end
answers["refuses"] = function() return nil, "secret detail" end
answers["returns-a-number"] = function() return 5 end
answers["has-an-odd-field"] = function() return { text = "x" } end
answers["has-an-odd-status"] = function() return { status = 99 } end
answers["has-a-line-break"] = function() return { headers = { ["X-A"] = "a\r\nX-B: b" }, body = "x" } end
answers["has-no-JSON"] = function() return { body = { print } } end

function answers.request(req)
    return { body = {
        method = req.method, target = req.target, path = req.path, query = req.query, args = req.args,
        list = req.args_list, client = req.client, scheme = req.scheme, headers = req.headers,
        authority = req.authority, one = req:header "X-CUSTOM", none = req:header "X-None" == nil,
        has_body = req.body ~= nil, size = req.body and #req.body,
    } }
end

function answers.echo(req) return { headers = { ["Content-Type"] = req:header "content-type" }, body = req.body } end

function answers.json(req)
    local value, err = req:json()
    if value == nil then return { status = 400, body = { kind = err.kind, message = err.message } } end
    return { body = { got = value } }
end

function answers.settings()
    return { body = { greeting = neap.setting "greeting", none = neap.setting "none" == nil,
        key = tostring(neap.secret "hub_key"), no_key = neap.secret "none" == nil, beside = beside.name } }
end

function answers.waits()
    local other = neap.spawn(function()
        neap.sleep(0.01)
        return "waited"
    end)
    return other:await()
end

answers.hub = hub:handler(function(_, event)
    if event.fail then return { status = 503, body = "not now" } end
    return { status = 201, body = { took = event } }
end)

return function(req)
    local answer = answers[req.path:match "^/([^/]*)"]
    if not answer then return { status = 404, body = { error = "no " .. req.path } } end
    return answer(req)
end
]]

--- Fields that are the server's own.
local OWN = {
    date = true, server = true, connection = true, ["keep-alive"] = true, ["transfer-encoding"] = true,
    ["content-length"] = true,
}

--- Header fields as a handler may see them: by lower-case name, all values in order.
local function fields_of(head)
    local fields = {}
    for name, value in head:gmatch "\r\n([^:\r\n]+):[ \t]*([^\r\n]*)" do
        name = name:lower()
        if not OWN[name] then
            fields[name] = fields[name] or {}
            table.insert(fields[name], (value:gsub("[ \t]+$", "")))
        end
    end
    return fields
end

--- Sends bytes, takes the answer; how it broke off where it did.
local function exchange(port, text, method)
    local connection <close> = client.connect(port)
    connection:send(text)
    if text:find "\r\nExpect:" then assert.matches("^HTTP/1.1 100 ", connection:take_until "\r\n\r\n") end
    local ok, res = pcall(connection.response, connection, method)
    if not ok then return { broken = true } end
    local id = res.body:match '^{"error":"internal error","id":"(%x+)"}$'
    return {
        status = res.status, fields = fields_of(res.head), id = id, body = id and "with an id" or res.body,
        length = method == "HEAD" and res.headers["content-length"] or nil,
    }
end

describe("a handler file under neap serve and in nginx", function()
    local process, port, server

    lazy_setup(function()
        local files = { ["handler.lua"] = HANDLER, ["beside.lua"] = 'return { name = "a module beside it" }' }
        local dir = helper.tmpdir()
        for name, text in pairs(files) do helper.write(dir .. "/" .. name, text) end
        helper.write(dir .. "/key", HUB_KEY)
        process = helper.start({ "serve", dir .. "/handler.lua", "--port", "0", "--set", "greeting=Hello you",
            "--set", "hub_key=file:" .. dir .. "/key" })
        port = tonumber((process:line() or error(process:err())):match ":(%d+)$")
        files.key = HUB_KEY
        server = nginx.start {
            files = files, server = "location / { neap_script handler.lua; }",
            http = 'neap_setting greeting "Hello you"; neap_secret hub_key file:key;',
        }
    end)

    lazy_teardown(function()
        process:signal "TERM"
        local code = process:wait().code
        server:stop()
        assert.equal(143, code, process:err())
    end)

    --- Asks both. The answer, which is the same; ids of failures are in the logs.
    local function ask(text, method)
        local one, other = exchange(port, text, method), exchange(server.port, text, method)
        assert.equal(one.id == nil, other.id == nil)
        if one.id then
            local id, other_id = one.id, other.id
            helper.wait_for(function() return process:err():find(id, 1, true) end, "the id in the log of neap serve")
            server:wait_log(other_id)
            one.id, other.id = nil, nil
        end
        if #(one.body or "") > 10000 then
            assert.is_true(one.body == other.body) -- whose difference nobody could read
            other.body = one.body
        end
        assert.same(one, other)
        return one
    end

    --- The same of a request that is described.
    local function request(described) return ask(client.text(described)) end

    local function lines(...) return table.concat({ ... }, "\r\n") .. "\r\n" end

    describe("answers the same:", function()
        for path, expected in pairs {
            text = { 200, "plain text" }, nothing = { 204, "" }, ["empty-text"] = { 200, "" },
            ["no-body"] = { 200, "" },
            ["no-content-but-a-body"] = { 204, "" }, ["no-content-but-a-stream"] = { 204, "" },
            table = { 201, '{"big":9007199254740993,"list":[1,2.5,"3"],"no":null,"text":"\u{e9}\\n\\""}' },
            list = { 200, '[{"a":1},{"a":2}]' }, fields = { 200, "with fields" },
            ["stream?n=3"] = { 200, "line 1\nline 2\nline 3\n" }, ["empty-stream"] = { 200, "" },
            ["status?n=200"] = { 200, "" }, ["status?n=302"] = { 302, "" }, ["status?n=304&body=x"] = { 304, "" },
            ["status?n=404&body=gone"] = { 404, "gone" }, ["status?n=418"] = { 418, "" },
            ["status?n=477&body=odd"] = { 477, "odd" }, ["status?n=599&body=odd"] = { 599, "odd" },
            ["status?n=205"] = { 205, "" }, ["status?n=205&body=x"] = { 205, "" },
            ["status?n=401&body=who"] = { 401, "who" },
            ["status?n=413&body=much"] = { 413, "much" }, ["status?n=500&body=own"] = { 500, "own" },
            ["no/such"] = { 404, '{"error":"no /no/such"}' }, waits = { 200, "waited" },
            settings = { 200, '{"beside":"a module beside it","greeting":"Hello you","key":"***","no_key":true,' ..
                '"none":true}' },
        } do
            it(path, function()
                local res = request("/" .. path)
                assert.same(expected, { res.status, res.body })
                if expected[1] ~= 304 then request { path = "/" .. path, method = "HEAD" } end
            end)
        end

        it("fields as they were given, each time, and none of the connection", function()
            local fields = request "/fields".fields
            assert.same({ "a=1; Path=/", "b=2" }, fields["set-cookie"])
            assert.same({ 'Basic realm="a"', "Bearer" }, fields["www-authenticate"])
            assert.same({ "text/x-own; charset=latin1" }, fields["content-type"])
            assert.same({ "" }, fields["x-empty"])
            for _, name in ipairs { "te", "trailer", "upgrade", "proxy-connection" } do
                assert.is_nil(fields[name], name)
            end
        end)

        it("to HTTP/1.0", function()
            assert.equal("plain text", ask(lines("GET /text HTTP/1.0", "")).body)
            assert.equal("line 1\nline 2\n", ask(lines("GET /stream?n=2 HTTP/1.0", "Host: a", "")).body)
        end)

        it("two megabytes in pieces", function()
            assert.equal(2000000, #request "/long-stream".body)
        end)

        for _, path in ipairs { "fails-first", "fails-later" } do
            it("breaking off: " .. path, function() assert.is_true(request("/" .. path).broken) end)
        end

        for _, path in ipairs {
            "raises", "raises-a-table", "refuses", "returns-a-number", "has-an-odd-field", "has-an-odd-status",
            "has-a-line-break", "has-no-JSON",
        } do
            it("500 with an id: " .. path, function()
                local res = request("/" .. path)
                assert.same({ 500, "with an id", { "application/json" } },
                    { res.status, res.body, res.fields["content-type"] })
            end)
        end

        it("to Range and If-Modified-Since what the file says", function()
            for _, field in ipairs { "Range: bytes=1-2", "If-Modified-Since: Sun, 06 Nov 2044 08:49:37 GMT",
                'If-None-Match: "x"', "Accept-Encoding: gzip", "If-Match: \"y\"" } do
                assert.equal("with fields", ask(lines("GET /fields HTTP/1.1", "Host: a", field, "")).body)
            end
        end)
    end)

    describe("sees the same:", function()
        --- What a handler is told of a request.
        local function seen(text)
            local res = ask(text)
            assert.equal(200, res.status)
            return json.decode(res.body)
        end

        it("line and fields", function()
            local got = seen(lines("DELETE /request/a%20b/%2f?x=1&y=%26&x=a+b&z&=e&%zz=%41 HTTP/1.1",
                "Host: example.test:81", "X-Custom: one", "x-custom:   two words  ", "X-Empty:", "Cookie: a=b; c=d",
                "Accept: */*", ""))
            assert.same({ "DELETE", "/request/a b//", "1 a b", "127.0.0.1", "http", "one", false },
                { got.method, got.path, table.concat(got.list.x, " "), got.client, got.scheme, got.one, got.has_body })
            assert.same({
                host = "example.test:81", ["x-custom"] = "one, two words", ["x-empty"] = "", cookie = "a=b; c=d",
                accept = "*/*",
            }, got.headers)
        end)

        for name, target in pairs {
            ["no query"] = "/request", ["an empty query"] = "/request?", ["two question marks"] = "/request?a=b?c",
            ["dots and slashes"] = "/request//a/./b/../c", ["UTF-8"] = "/request/%C3%A9?q=%E2%82%AC",
            ["an encoded percent, a semicolon, a colon"] = "/request/%2525;a=b/c:d?e;f",
            ["an absolute target"] = "http://example.test/request?a=1",
        } do
            it(name, function() seen(lines("GET " .. target .. " HTTP/1.1", "Host: a", "")) end)
        end

        for name, line in pairs { ["a method of its own"] = "PURGE /request", OPTIONS = "OPTIONS /request",
            PATCH = "PATCH /request" } do
            it(name, function() seen(lines(line .. " HTTP/1.1", "Host: a", "")) end)
        end

        it("no body, an empty one, and one with a GET", function()
            assert.is_false(seen(lines("POST /request HTTP/1.1", "Host: a", "")).has_body)
            assert.is_false(seen(lines("POST /request HTTP/1.1", "Host: a", "Content-Length: 0", "")).has_body)
            assert.is_false(seen(lines("POST /request HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "", "0",
                "")).has_body)
            assert.equal(3, seen(lines("GET /request HTTP/1.1", "Host: a", "Content-Length: 3", "") .. "abc").size)
        end)
    end)

    describe("takes the same body:", function()
        local function echo(body, fields)
            local headers = { ["Content-Type"] = "application/octet-stream" }
            for name, value in pairs(fields or {}) do headers[name] = value end
            return request({ path = "/echo", body = body, headers = headers })
        end

        it("small, with all bytes, large", function()
            local bytes = {}
            for i = 0, 255 do bytes[i + 1] = string.char(i) end
            for _, body in ipairs { "x", "", table.concat(bytes), LARGE } do
                assert.is_true(echo(body).body == body)
            end
        end)

        it("when it is asked to go on", function()
            assert.equal("abc", echo("abc", { Expect = "100-continue" }).body)
        end)

        it("in chunks", function()
            local function chunked(pieces)
                local parts = { lines("POST /echo HTTP/1.1", "Host: a", "Content-Type: text/plain",
                    "Transfer-Encoding: chunked", "") }
                for _, piece in ipairs(pieces) do
                    parts[#parts + 1] = ("%x;a=b\r\n%s\r\n"):format(#piece, piece)
                end
                parts[#parts + 1] = "0\r\n\r\n"
                return ask(table.concat(parts)).body
            end
            assert.equal("abcdefg", chunked { "abc", "d", "efg" })
            assert.is_true(chunked { LARGE, "middle", LARGE } == LARGE .. "middle" .. LARGE)
        end)

        it("as JSON", function()
            for body, status in pairs { ['{"id":12345678901234567,"a":[1,null]}'] = 200, ["{"] = 400, [""] = 400,
                ['"text"'] = 200 } do
                assert.equal(status, request({ path = "/json", body = body }).status)
            end
            assert.equal(400, request({ path = "/json", method = "POST" }).status)
            assert.equal(200, request({ path = "/json", body = json.encode { LARGE } }).status)
        end)
    end)

    it("knows webhooks alike: signed, not signed, repeated, failed and sent again", function()
        local key = secret.literal(HUB_KEY)
        local function deliver(body, headers)
            headers = headers or sender.hub(key, body).headers
            local res = request({ path = "/hub", body = body, headers = headers })
            return res.status
        end
        assert.equal(201, deliver '{"n":1}')
        assert.equal(200, deliver '{"n":1}')
        assert.equal(503, deliver '{"n":2,"fail":true}')
        assert.equal(503, deliver '{"n":2,"fail":true}')
        assert.equal(401, deliver('{"n":3}', {}))
        assert.equal(401, deliver('{"n":3}', sender.hub(key, '{"n":4}').headers))
        assert.equal(400, deliver('{"n":3}', { ["X-Hub-Signature-256"] = "sha256=none" }))
        local large = json.encode { text = LARGE }
        assert.equal(201, deliver(large))
        assert.equal(401, deliver(large .. " ", sender.hub(key, large).headers))
    end)
end)
