--- neap.serve, serve/request, serve/response: what handler scripts are given, and what becomes of what they return.

local neap = require "neap"
local helper = require "spec.support.helper"
local json = require "neap.native.json"
local log = require "neap.native.log"
local service = require "spec.support.service"

_G.neap = neap

--- Runs fn with a script's function `send`, on virtual time, and keeps the log.
local function with(source, fn)
    local lines = {}
    log.capture(function(line) lines[#lines + 1] = line end)
    neap.run(function()
        local send, close, opened = service.open(source)
        fn(send, lines, opened)
        close()
    end, { clock = "virtual" })
end

local function answering(source) return "return function(req) " .. source .. " end" end

describe("neap.serve", function()
    after_each(function()
        log.capture()
        helper.assert_idle()
    end)

    it("sends a text, a table, and nothing", function()
        with(answering [[
            if req.path == "/text" then return "hello" end
            if req.path == "/table" then return { status = 201, headers = { ["X-A"] = { "1", "2" }, ["X-N"] = 7 },
                body = { b = 1, a = { 1, 2.5 } } } end
            if req.path == "/typed" then return { headers = { ["content-type"] = "text/csv" }, body = "a,b" } end
        ]], function(send)
            local res = send "/text"
            assert.are.same({ 200, "hello", "text/plain; charset=utf-8" },
                { res.status, res.body, res.headers["content-type"] })
            res = send "/table"
            assert.are.same({ 201, '{"a":[1,2.5],"b":1}', "application/json", "1, 2", "7" },
                { res.status, res.body, res.headers["content-type"], res.headers["x-a"], res.headers["x-n"] })
            res = send "/typed"
            assert.are.equal("text/csv", res.headers["content-type"])
            res = send "/nothing"
            assert.are.same({ 204, "" }, { res.status, res.body })
        end)
    end)

    it("sends a body in pieces, which may wait", function()
        with(answering [[
            return { body = function(write)
                for i = 1, 3 do
                    assert(write("piece " .. i .. "\n"))
                    neap.sleep(3600)
                end
            end }
        ]], function(send)
            local res = send { path = "/", timeout = 86400 }
            assert.are.equal("piece 1\npiece 2\npiece 3\n", res.body)
            assert.are.equal("application/octet-stream", res.headers["content-type"])
        end)
    end)

    it("shows the request", function()
        with(answering [[
            return { body = { method = req.method, target = req.target, path = req.path, query = req.query,
                args = req.args, all = req.args_list.a, header = req:header "x-one", headers = req.headers["x-one"],
                body = req.body, json = (req:json()), scheme = req.scheme } }
        ]], function(send)
            local res = send {
                method = "PUT", path = "/a%20b?a=1&a=%C3%A4+b&c", headers = { "X-One", "1" }, body = '{"n":7519}',
            }
            assert.are.same({
                method = "PUT", target = "/a%20b?a=1&a=%C3%A4+b&c", path = "/a b", query = "a=1&a=%C3%A4+b&c",
                args = { a = "\u{e4} b", c = "" }, all = { "1", "\u{e4} b" }, header = "1", headers = "1",
                body = '{"n":7519}', json = { n = 7519 }, scheme = "http",
            }, json.decode(res.body))
        end)
    end)

    it("answers HEAD with the length only", function()
        with(answering [[return "hello"]], function(send)
            local res = send { method = "HEAD", path = "/" }
            assert.are.same({ 200, "" }, { res.status, res.body })
        end)
    end)

    for name, case in pairs {
        ["a raised text"] = { [[error "the boiler"]], "the boiler" },
        ["a raised error object"] = { [[neap.error.raise("auth", "no key of the boiler")]], "no key of the boiler" },
        ["nil and an error"] = { [[return nil, neap.error.new { kind = "network", message = "boiler off" }]],
            "network: boiler off" },
        ["a field that there is not"] = { [[return { boddy = "x" }]], [[did you mean \"body\"?]] },
        ["a table that is no response"] = { [[return { hello = "world" }]], "goes into body" },
        ["a status out of range"] = { [[return { status = 99 }]], "from 200 to 599" },
        ["a status that is no number"] = { [[return { status = "200" }]], "from 200 to 599" },
        ["a header with a line break"] = { [[return { headers = { A = "b\r\nSet-Cookie: c" } }]], "a line break" },
        ["a header whose name is none"] = { [[return { headers = { ["A b"] = "c" } }]], "no name of a header" },
        ["a header whose name is a number"] = { [[return { headers = { "c" } }]], "1 is no name of a header" },
        ["a header with a NUL"] = { [[return { headers = { A = "b\0c" } }]], "a line break" },
        ["a header that is no text"] = { [[return { headers = { A = true } }]], "got a boolean" },
        ["a body that is no JSON"] = { [[return { body = { print } }]], "body is no JSON" },
        ["a number"] = { [[return 42]], "got a number" },
        ["a body that is a number"] = { [[return { body = 42 }]], "got a number" },
    } do
        it("answers 500 with an id for " .. name .. ", and tells the log", function()
            with(answering(case[1]), function(send, lines)
                local res = send "/boiler?q=1"
                assert.are.equal(500, res.status)
                local id = res.body:match '^{"error":"internal error","id":"(%x+)"}$'
                assert.are.equal(16, #(id or ""), res.body)
                assert.are.equal(1, #lines)
                assert.truthy(lines[1]:find(id, 1, true))
                assert.truthy(lines[1]:find(case[2], 1, true), lines[1])
                assert.truthy(lines[1]:find("path=/boiler", 1, true))
            end)
        end)
    end

    it("breaks off where a body fails in the middle", function()
        with(answering [[return { body = function(write) write "half" error "the boiler" end }]], function(send, lines)
            local res, err = send "/"
            assert.is_nil(res)
            assert.are.equal("network", err.kind)
            assert.truthy(lines[1]:find("the boiler", 1, true))
        end)
    end)

    it("breaks off where the function of a body returns nil and an error", function()
        with(answering [[return { body = function(write) write "half" return nil, "the boiler" end }]],
            function(send, lines)
                local res, err = send "/"
                assert.is_nil(res)
                assert.are.equal("network", err.kind)
                assert.truthy(lines[1]:find("the boiler", 1, true))
            end)
    end)

    it("tells the log of what fails after the answer", function()
        with(answering [[neap.spawn(function() neap.sleep(1) error "the boiler" end) return "fine"]],
            function(send, lines)
                assert.are.equal("fine", send("/").body)
                neap.sleep(2)
                assert.truthy(lines[1]:find("request failed after its answer", 1, true))
                assert.truthy(lines[1]:find("the boiler", 1, true))
            end)
    end)

    it("answers with an id, and tells the log, where a handler yields by itself", function()
        with(answering [[coroutine.yield(1)]], function(send, lines)
            local id = send("/boiler?secret=1").body:match '^{"error":"internal error","id":"(%x+)"}$'
            assert.truthy(lines[1]:find(assert(id), 1, true))
            assert.truthy(lines[1]:find("path=/boiler ", 1, true))
            assert.is_nil(lines[1]:find("secret", 1, true))
        end)
    end)

    it("names the line of the script", function()
        with("local opm = neap.vendor 'opn'\nreturn print", function(send, lines)
            assert.are.equal(500, send("/").status)
            assert.truthy(lines[1]:find("where=handler.lua:1", 1, true), lines[1])
        end)
    end)

    it("ends the task of a client that has left, with its children", function()
        _G.ended = {}
        with(answering [[
            neap.spawn(function()
                local child <close> = setmetatable({}, { __close = function() ended[#ended + 1] = "child" end })
                neap.sleep(1000)
            end)
            local own <close> = setmetatable({}, { __close = function() ended[#ended + 1] = "own" end })
            neap.sleep(1000)
        ]], function(send)
            local _, err = neap.deadline(5, function() return send "/" end)
            assert.are.equal("timeout", err.kind)
            neap.sleep(1)
            assert.are.same({ "child", "own" }, _G.ended)
        end)
        _G.ended = nil
    end)

    it("answers many at once", function()
        with(answering [[neap.sleep(1) return req.args.n]], function(send)
            local started = neap.now()
            local answers = neap.map(table.pack(string.byte(("x"):rep(300), 1, -1)), { concurrency = 300 },
                function(_, i) return send("/?n=" .. i).body end)
            assert.are.equal(1, neap.now() - started)
            assert.are.equal("300", answers[300])
        end)
    end)

    it("runs the script once, also when many requests come first", function()
        _G.runs = 0
        with([[
            runs = runs + 1
            neap.sleep(1)
            return function() return tostring(runs) end
        ]], function(send)
            local answers = neap.map({ 1, 2, 3 }, function() return send("/").body end)
            assert.are.same({ "1", "1", "1" }, answers)
        end)
        _G.runs = nil
    end)

    it("goes on opening a script when the client that came first has left", function()
        _G.runs = 0
        with([[
            runs = runs + 1
            neap.spawn(neap.sleep, 30) -- belongs to nobody's request
            neap.sleep(10)
            return function() return tostring(runs) end
        ]], function(send)
            for _ = 1, 3 do
                local _, err = neap.deadline(3, function() return send "/" end)
                assert.are.equal("timeout", err.kind)
            end
            local started = neap.now()
            assert.are.equal("1", send("/").body)
            assert.are.equal(1, neap.now() - started)
        end)
        _G.runs = nil
    end)

    it("tries a script that fails to open again, after a second", function()
        _G.runs = 0
        with([[
            runs = runs + 1
            if runs == 1 then error "not yet" end
            return function() return "fine" end
        ]], function(send)
            assert.are.equal(500, send("/").status)
            assert.are.equal(500, send("/").status)
            assert.are.equal(1, _G.runs)
            neap.sleep(1)
            assert.are.equal("fine", send("/").body)
        end)
        _G.runs = nil
    end)

    it("refuses what is no handler", function()
        with("return 42", function(send, lines, opened)
            local _, err = neap.try(opened.open, opened)
            assert.are.equal("handler.lua: it must return a function of the request, or a neap.handler; "
                .. "it returned a number", err.message)
            assert.are.equal(500, send("/").status)
            assert.are.equal(1, #lines)
        end)
        with("return neap.workflow { run = function() end }", function(_, _, opened)
            local _, err = neap.try(opened.open, opened)
            assert.truthy(err.message:find("see neap run", 1, true))
        end)
    end)
end)
