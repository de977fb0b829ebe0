--- neap serve: a handler file over real sockets: requests, answers, clients that leave, the end by a signal; and what
-- is refused before it listens.

local client = require "spec.support.client"
local helper = require "spec.support.helper"
local json = require "neap.native.json"

local HANDLER = [[
local own = require "beside"
local answers = {}

function answers.text() return "plain" end

function answers.table(req) return { status = 201, headers = { ["X-A"] = "1", ["X-Two"] = { "a", "b" } },
    body = { method = req.method, path = req.path, target = req.target, query = req.query, args = req.args,
        list = req.args_list, header = req:header "x-Custom", same = req.headers["x-custom"], body = req.body,
        client = req.client, scheme = req.scheme, own = own.name } } end

function answers.echo(req) return { body = req.body or "none" } end

function answers.json(req)
    local value, err = req:json()
    if not value then return { status = 400, body = { kind = err.kind } } end
    return { body = { got = value } }
end

answers["chunks"] = function() return { headers = { ["Content-Type"] = "text/csv" }, body = function(write)
    for i = 1, 3 do
        write(("line %d\n"):format(i))
        neap.sleep(0.01)
    end
end } end

answers["half"] = function() return { body = function(write)
    write "half"
    error "secret-in-the-middle"
end } end

answers["nil"] = function() return nil end

answers["nil-err"] = function() return nil, "secret-of-err" end

answers["raise"] = function() error { message = "secret-of-raise" } end

answers["odd"] = function() return 5 end

function answers.sleep(req)
    neap.sleep(tonumber(req.args.s))
    return "slept"
end

local Left = { __close = function(left) neap.log.info("left " .. left.name) end }

function answers.leave(req)
    local left <close> = setmetatable({ name = req.args.name }, Left)
    neap.log.info("begun " .. left.name)
    if req.args.stream then
        return { body = function(write)
            local inner <close> = setmetatable({ name = "stream" }, Left)
            local piece = ("x"):rep(100000)
            while true do write(piece) end
        end }
    end
    neap.sleep(1000)
end

function answers.big()
    return { body = function(write)
        local piece = ("0123456789abcdef"):rep(4096)
        for _ = 1, 800 do write(piece) end
    end }
end

function answers.ping()
    local opm = neap.vendor "opm"
    return { body = { assert(opm:ping {}) } }
end

function answers.background(req)
    neap.background(function()
        local left <close> = setmetatable({ name = "background" }, Left)
        neap.log.info("begun background")
        neap.sleep(1000)
    end)
    return "started"
end

return function(req)
    local answer = answers[req.path:sub(2)]
    if not answer then return { status = 404, body = { error = "no " .. req.path } } end
    return answer(req)
end
]]

local DESCRIBED = [[
return neap.handler {
    summary = "Says what it was told",
    description = "Nothing more.",
    vendors = { "opm" },
    settings = {
        { "hook_key", type = "secret", required = true, doc = "signs each request" },
        { "limit", type = "integer", default = 5, doc = "of something" },
    },
    open = function(settings)
        return function() return { body = { limit = settings.limit, key = tostring(settings.hook_key) } } end
    end,
}
]]

--- A directory with handler files.
local function place()
    local dir = helper.tmpdir()
    assert(os.execute("mkdir -p " .. helper.quote(dir .. "/hooks")))
    helper.write(dir .. "/hooks/all.lua", HANDLER)
    helper.write(dir .. "/hooks/beside.lua", 'return { name = "beside" }')
    helper.write(dir .. "/described.lua", DESCRIBED)
    return dir
end

--- Starts `neap serve` on a free port. -> process, port
local function serve(dir, ...)
    local server = helper.start({ "serve", ... }, { cwd = dir })
    local line = server:line()
    return server, tonumber((line or ""):match "^listening on http://.*:(%d+)$" or error(server:err()))
end

local function stop(server)
    server:signal "TERM"
    return server:wait()
end

--- Waits for a line in the server's log.
local function await(server, words)
    helper.wait_for(function() return server:err():find(words, 1, true) end, words)
end

local function quick(dir, ...)
    return helper.cli({ "serve", ... }, { cwd = dir, timeout = 20 })
end

describe("neap serve", function()
    local dir, server, port

    lazy_setup(function()
        dir = place()
        server, port = serve(dir, "hooks/all.lua", "--port", "0", "--log-level", "debug", "--sandbox",
            "--body-limit", "1k")
    end)

    lazy_teardown(function() stop(server) end)

    local function ask(request) return client.ask(port, request) end

    it("says where it listens, and answers with a text", function()
        local res = ask "/text"
        assert.same({ 200, "plain", "text/plain; charset=utf-8" },
            { res.status, res.body, res.headers["content-type"] })
    end)

    it("hands the request over, and sends tables as JSON", function()
        local res = ask {
            path = "/table?a=1&a=x%20y&b", method = "PUT", body = "text", headers = { ["X-Custom"] = "yes" },
        }
        assert.same({ 201, "1", "application/json" },
            { res.status, res.headers["x-a"], res.headers["content-type"] })
        assert.truthy(res.head:find("X-Two: a\r\nX-Two: b\r\n", 1, true), res.head)
        assert.same({
            method = "PUT", path = "/table", target = "/table?a=1&a=x%20y&b", query = "a=1&a=x%20y&b",
            args = { a = "x y", b = "" }, list = { a = { "1", "x y" }, b = { "" } }, header = "yes", same = "yes",
            body = "text", client = "127.0.0.1", scheme = "http", own = "beside",
        }, json.decode(res.body))
    end)

    it("sends what is written in pieces", function()
        local res = ask "/chunks"
        assert.same({ 200, "line 1\nline 2\nline 3\n", "chunked", "text/csv" },
            { res.status, res.body, res.headers["transfer-encoding"], res.headers["content-type"] })
    end)

    it("sends nothing for nil", function()
        local res = ask "/nil"
        assert.same({ 204, "" }, { res.status, res.body })
    end)

    it("decodes bodies when asked to", function()
        assert.same({ got = { id = 12345678901234567 } },
            json.decode(ask { path = "/json", body = '{"id":12345678901234567}' }.body))
        local res = ask { path = "/json", body = "{" }
        assert.same({ 400, { kind = "decode" } }, { res.status, json.decode(res.body) })
        assert.equal("none", ask("/echo").body)
        assert.equal("\0\1", ask({ path = "/echo", body = "\0\1" }).body)
    end)

    it("takes a body in chunks", function()
        local connection <close> = client.connect(port)
        connection:send "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
        connection:send "2\r\nde\r\n0\r\n\r\n"
        assert.equal("abcde", connection:response().body)
    end)

    it("answers HEAD with the head alone", function()
        local connection <close> = client.connect(port)
        connection:send(client.text { path = "/text", method = "HEAD" } .. client.text "/text")
        local res = connection:response "HEAD"
        assert.same({ 200, "5" }, { res.status, res.headers["content-length"] })
        assert.equal("plain", connection:response().body)
    end)

    for path, words in pairs {
        ["/nil-err"] = "secret-of-err", ["/raise"] = "secret-of-raise", ["/odd"] = "got a number",
    } do
        it("tells of a failure by an id alone: " .. path, function()
            local res = ask(path)
            local body = json.decode(res.body)
            assert.same({ 500, "internal error" }, { res.status, body.error })
            assert.is_nil(res.body:find(words, 1, true))
            await(server, body.id)
            local line = server:err():match("[^\n]*id=" .. body.id .. "[^\n]*")
            assert.truthy(line:find(words, 1, true) and line:find("path=" .. path, 1, true), line)
        end)
    end

    it("breaks off an answer that fails in the middle", function()
        local connection <close> = client.connect(port)
        connection:send(client.text "/half")
        assert.equal(200, tonumber(connection:take_until("\r\n\r\n"):match "%d%d%d"))
        local rest = connection:take_rest()
        assert.truthy(rest:find("half", 1, true))
        assert.is_nil(rest:find "0\r\n\r\n$")
        await(server, "secret-in-the-middle")
        assert.equal("plain", ask("/text").body)
    end)

    it("answers pipelined requests in order", function()
        local connection <close> = client.connect(port)
        connection:send(client.text "/sleep?s=0.05" .. client.text "/text" .. client.text "/no")
        assert.same({ "slept", "plain", 404 },
            { connection:response().body, connection:response().body, connection:response().status })
    end)

    it("refuses a body that is too large, with and without being asked first", function()
        local res = ask { path = "/echo", body = ("x"):rep(1025) }
        assert.same({ 413, '{"error":"the request\'s body is larger than 1024 bytes"}' }, { res.status, res.body })
        res = ask { path = "/echo", body = ("x"):rep(1025), headers = { Expect = "100-continue" } }
        assert.equal(413, res.status)
        assert.equal(1024, #ask({ path = "/echo", body = ("x"):rep(1024) }).body)
    end)

    it("answers many at the same time", function()
        local requests, before = {}, require("luv").hrtime()
        for i = 1, 200 do requests[i] = "/sleep?s=0.5" end
        for _, res in ipairs(client.ask_all(port, requests)) do assert.equal("slept", res.body) end
        local spent = (require("luv").hrtime() - before) / 1e9
        assert.is_true(spent < 0.5 * #requests / 4, spent) -- one after the other: 100 s
    end)

    it("cancels the task of a client that leaves", function()
        for name, target in pairs { ["waiting"] = "/leave?name=waiting", ["stream"] = "/leave?name=outer&stream=1" } do
            local connection = client.connect(port)
            connection:send(client.text(target))
            if name == "stream" then connection:pause() end
            await(server, "begun " .. (name == "stream" and "outer" or name))
            connection:close()
            await(server, "left " .. name)
        end
        assert.is_nil(server:err():find "left waiting.-left waiting")
    end)

    it("makes calls, to the sandbox too", function()
        local res = ask "/ping"
        assert.equal(200, res.status, res.body)
        assert.truthy(res.body:find("pong", 1, true), res.body)
    end)

    it("logs a line for each request, without its query", function()
        ask "/no?token=abc"
        await(server, "path=/no ")
        assert.matches("debug request client=127.0.0.1 method=GET path=/no status=404 ms=%d+ end=complete\n",
            server:err())
        assert.is_nil(server:err():find "token=abc")
    end)

    it("says that its port is taken", function()
        local got = quick(dir, "hooks/all.lua", "--port", port)
        assert.same({ 1, "" }, { got.code, got.out })
        assert.matches("^neap: network: cannot listen on 127%.0%.0%.1:" .. port
            .. ": Address already in use; [^\n]*\n$", got.err)
    end)
end)

describe("neap serve, at its end,", function()
    local dir = place()

    it("answers what is under way, closes what is not, and ends background tasks", function()
        local server, port = serve(dir, "hooks/all.lua", "--port", "0")
        local idle <close> = client.connect(port)
        local busy <close> = client.connect(port)
        idle:send(client.text "/background")
        idle:response()
        busy:send(client.text "/sleep?s=1")
        await(server, "begun background")
        client.ask(port, "/text")
        server:signal "TERM"
        assert.equal("", idle:take_rest())
        assert.is_false(pcall(client.connect, port))
        local res = busy:response()
        assert.same({ 200, "slept", "close" }, { res.status, res.body, res.headers.connection })
        local ended = server:wait()
        assert.equal(143, ended.code)
        assert.truthy(ended.err:find("left background", 1, true), ended.err)
        assert.truthy(ended.err:find("SIGTERM: 1 request under way", 1, true), ended.err)
    end)

    it("ends at once by a second signal", function()
        local server, port = serve(dir, "hooks/all.lua", "--port", "0")
        local connection <close> = client.connect(port)
        connection:send(client.text "/leave?name=never")
        await(server, "begun never")
        server:signal "INT"
        await(server, "SIGINT: 1 request under way")
        server:signal "INT"
        assert.equal(130, server:wait().code)
    end)

    it("is silent when there is nothing to wait for", function()
        local ended = stop((serve(dir, "hooks/all.lua", "--port", "0")))
        assert.same({ 143, "" }, { ended.code, ended.err })
    end)
end)

it("neap serve keeps little of an answer that its client reads slowly", function()
    local server, port = serve(place(), "hooks/all.lua", "--port", "0")
    local function resident()
        return tonumber(helper.read(("/proc/%d/status"):format(server.pid)):match "VmHWM:%s+(%d+)")
    end
    client.ask(port, "/chunks")
    local before = resident()
    local connection <close> = client.connect(port)
    connection:send(client.text "/big")
    connection:take_until "\r\n\r\n"
    local count, pauses = 0, 0
    while true do
        local size = tonumber(connection:take_until("\r\n"):match "^%x+", 16)
        count = count + #connection:take(size)
        connection:take_until "\r\n"
        if size == 0 then break end
        if count // (1 << 23) > pauses then -- others are answered meanwhile
            pauses = pauses + 1
            connection:pause()
            for _ = 1, 5 do assert.equal("plain", client.ask(port, "/text").body) end
            connection:resume()
        end
    end
    assert.equal(800 * 4096 * 16, count)
    local grown = resident() - before
    stop(server)
    assert.is_true(grown < helper.scale(8, 64) * 1024, grown .. " KiB")
end)

describe("neap serve with a neap.handler", function()
    local dir = place()

    it("takes its settings, a secret by a reference", function()
        helper.write(dir .. "/key", "very-secret-key\n")
        local server, port = serve(dir, "described.lua", "--port", "0", "--set", "hook_key=file:" .. dir .. "/key",
            "--set", "limit=7", "--sandbox")
        assert.same({ limit = 7, key = "***" }, json.decode(client.ask(port, "/").body))
        stop(server)
    end)

    it("says what is missing or wrong, before it listens", function()
        for words, expected in pairs {
            [{}] = { 4, "missing setting hook_key; set NEAP_HOOK_KEY" },
            [{ "--set", "hook_key=literal" }] = { 2, "hook_key is a secret: give a reference" },
            [{ "--set", "hook_kez=env:HOME" }] = { 2, 'no setting "hook_kez"; did you mean "hook_key"?' },
            [{ "--set", "hook_key=env:HOME", "--set", "limit=x" }] = { 2, '"x" is no integer' },
            [{ "--set", "hook_key=env:NOT_THERE" }] = { 2, "env:NOT_THERE is not set" },
            [{ "--set", "hook_key=env:HOME" }] = { 4, "missing setting api_key; set NEAP_OPM_API_KEY" },
        } do
            local got = quick(dir, "described.lua", "--port", "0", table.unpack(words))
            assert.same({ expected[1], "" }, { got.code, got.out }, got.err)
            assert.matches("^neap: [^\n]*\n$", got.err)
            assert.truthy(got.err:find(expected[2], 1, true), got.err)
            assert.is_nil(got.err:find("literal", 1, true))
        end
    end)

    it("is shown by its help, in the list and by describe", function()
        local page = quick(dir, "described.lua", "--help")
        assert.equal(0, page.code, page.err)
        for _, words in ipairs { "usage: neap serve described.lua", "Says what it was told", "Nothing more.",
            "NEAP_HOOK_KEY", "signs each request", "NEAP_OPM_API_KEY", "--body-limit" } do
            assert.truthy(page.out:find(words, 1, true), words)
        end
        assert.equal(page.out, helper.cli({ "run", "described.lua", "--help" }, { cwd = dir }).out)
        assert(os.execute("mkdir -p " .. helper.quote(dir .. "/scripts/mine")))
        helper.write(dir .. "/scripts/mine/hook.lua", DESCRIBED)
        local list = helper.cli({ "list", "recipes" }, { cwd = dir })
        assert.truthy(list.out:find("mine/hook  Says what it was told\n", 1, true), list.out)
        local shown = json.decode(helper.cli({ "describe", "mine/hook", "--json" }, { cwd = dir }).out)
        assert.same({ "hook_key", "limit" }, { shown.settings[1].name, shown.settings[2].name })
        assert.is_nil(shown.args)
    end)

    it("is not what neap run is for", function()
        helper.write(dir .. "/plain.lua", "return function() end")
        for _, name in ipairs { "described.lua", "plain.lua" } do
            local got = helper.cli({ "run", name }, { cwd = dir })
            assert.equal(2, got.code)
            assert.truthy(got.err:find(("%s answers requests: neap serve %s"):format(name, name), 1, true), got.err)
        end
    end)
end)

describe("neap serve with a plain function", function()
    local dir = place()

    it("gives it the settings that it asks for", function()
        helper.write(dir .. "/plain.lua", [[
            local key = neap.secret "hook_key"
            return function() return { body = { limit = neap.setting "limit", key = tostring(key) } } end]])
        local server, port = serve(dir, "plain.lua", "--port", "0", "--set", "limit=7", "--set", "hook_key=env:HOME")
        assert.same({ limit = "7", key = "***" }, json.decode(client.ask(port, "/").body))
        stop(server)
        local got = quick(dir, "plain.lua", "--port", "0", "--set", "hook_key=literal")
        assert.same({ 2, "" }, { got.code, got.out })
        assert.truthy(got.err:find("hook_key is a secret", 1, true), got.err)
    end)

    it("finds it by the name of a recipe", function()
        assert(os.execute("mkdir -p " .. helper.quote(dir .. "/scripts/mine")))
        helper.write(dir .. "/scripts/mine/hook.lua", 'return function() return "by name" end')
        local server, port = serve(dir, "mine/hook", "--port", "0", "--address", "0.0.0.0")
        assert.equal("by name", client.ask(port, "/").body)
        assert.truthy(stop(server).out:find("listening on http://0.0.0.0:" .. port, 1, true))
    end)
end)

describe("neap serve refuses", function()
    local dir = place()
    local texts = {
        ["workflow.lua"] = "return neap.workflow { run = function() end }", ["syntax.lua"] = "return 5 +",
        ["number.lua"] = "return 5", ["raise.lua"] = 'error "at the top"',
        ["open.lua"] = "return neap.handler { open = function() return 5 end }",
    }

    lazy_setup(function()
        for name, text in pairs(texts) do helper.write(dir .. "/" .. name, text) end
    end)

    for words, expected in pairs {
        [{}] = { 2, "no script given" }, [{ "hooks/all.lua", "more" }] = { 2, 'unexpected argument "more"' },
        [{ "none.lua" }] = { 2, "none.lua: No such file" }, [{ "opm/none" }] = { 2, 'no recipe "opm/none"' },
        [{ "workflow.lua" }] = { 2, "see neap run" }, [{ "syntax.lua" }] = { 2, "syntax.lua:1: unexpected symbol" },
        [{ "number.lua" }] = { 2, "number.lua: it must return a function of the request" },
        [{ "open.lua" }] = { 2, "open must return a function" }, [{ "raise.lua" }] = { 1, "raise.lua:1: at the top" },
        [{ "hooks/all.lua", "--clock", "virtual" }] = { 2, "clocks are real" },
        [{ "hooks/all.lua", "--port", "65536" }] = { 2, "--port" },
        [{ "hooks/all.lua", "--address", "localhost" }] = { 2, '"localhost" is no IPv4 or IPv6 address' },
        [{ "hooks/all.lua", "--body-limit", "0" }] = { 2, "--body-limit 0: a size expected" },
        [{ "hooks/all.lua", "--body-limit", "1t" }] = { 2, "--body-limit 1t: a size expected" },
        [{ "hooks/all.lua", "--set", "opm.api_key=literal" }] = { 2, "opm.api_key is a secret" },
        [{ "hooks/all.lua", "--set", "nothing" }] = { 2, "--set nothing: expected" },
        [{ "hooks/all.lua", "--faults", "503" }] = { 2, "--faults needs --sandbox" },
    } do
        it(table.concat(words, " "), function()
            local got = quick(dir, table.unpack(words))
            assert.same({ expected[1], "" }, { got.code, got.out }, got.err)
            assert.matches("^neap: [^\n]*\n$", got.err)
            assert.truthy(got.err:find(expected[2], 1, true), got.err)
        end)
    end
end)
