--- Neap in the loop of another: luv, libuv for Lua, polls the one descriptor. Each program is a lua5.4 of its own.

local stock = require "spec.support.stock"

-- What every program begins with: the whole integration, as neap.loop documents it.
local HOST = [[
    local neap, uv = require "neap", require "luv"
    local poll = uv.new_poll(neap.loop.fd())
    local function drive()
        poll:start("r", function()
            neap.loop.dispatch()
            if neap.loop.live() == 0 then poll:stop() end
        end)
    end
]]

--- Runs a program behind HOST: what it has printed.
local function output(source)
    return stock.output(HOST .. source)
end

describe("neap.loop under luv", function()
    it("runs 50 tasks while a timer of luv's ticks, and lets uv.run end", function()
        assert.equal("50 done, ticking, none live\n", output [[
            local ticks, done = 0, 0
            local timer = uv.new_timer()
            timer:start(5, 5, function() ticks = ticks + 1 end)
            for i = 1, 50 do
                neap.loop.start(function()
                    neap.sleep(0.1)
                    return i, "th"
                end, function(ok, n, suffix)
                    assert(ok and n == i and suffix == "th")
                    done = done + 1
                    if done == 50 then timer:close() end
                end)
            end
            drive()
            local started = uv.hrtime()
            uv.run()
            local seconds = (uv.hrtime() - started) / 1e9
            assert(seconds >= 0.1 and seconds < 2, seconds) -- one after the other: 5 s
            assert(ticks >= 5, ticks)
            print(done .. " done, ticking, none live", neap.loop.live() == 0 and "" or "but some")
        ]]:gsub("\t", ""))
    end)

    it("speaks to a server in the same loop, 50 requests at the same time", function()
        assert.equal("50 answers\n", output [[
            local server, held, answers = uv.new_tcp(), {}, 0
            local function answer_all()
                for _, client in ipairs(held) do
                    client:write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
                    client:shutdown(function() client:close() end)
                end
            end
            server:bind("127.0.0.1", 0)
            server:listen(128, function()
                local client = uv.new_tcp()
                server:accept(client)
                client:read_start(function(err, data)
                    if err or not data then return end
                    client:read_stop()
                    held[#held + 1] = client
                    if #held == 50 then answer_all() end -- so all of them were under way
                end)
            end)
            local url = "http://127.0.0.1:" .. server:getsockname().port
            for _ = 1, 50 do
                neap.loop.start(function() return assert(neap.http.request(url)).body end, function(ok, body)
                    assert(ok and body == "hi", body)
                    answers = answers + 1
                    if answers == 50 then server:close() end
                end)
            end
            drive()
            uv.run()
            print(answers .. " answers")
        ]])
    end)

    it("goes on when it is polled again, from callbacks of either side", function()
        assert.equal("first\nfrom luv\nfrom on_done\n", output [[
            neap.loop.start(function() neap.sleep(0.001) return "first" end, function(_, what)
                print(what)
                uv.new_timer():start(10, 0, function()
                    assert(neap.loop.live() == 0)
                    neap.loop.start(function() neap.sleep(0.001) return "from luv" end, function(_, second)
                        print(second)
                        neap.loop.start(function() return "from on_done" end, function(_, third) print(third) end)
                    end)
                    drive()
                end)
            end)
            drive()
            uv.run()
        ]])
    end)

    it("says until when nothing is to do", function()
        assert.equal("ok\n", output [[
            assert(neap.loop.timeout() == nil and neap.loop.live() == 0)
            local task = neap.loop.start(function() neap.sleep(60) end)
            assert(neap.loop.timeout() == 0 and neap.loop.live() == 1) -- it has yet to begin
            neap.loop.dispatch()
            local seconds = neap.loop.timeout()
            assert(seconds > 50 and seconds <= 60, seconds)
            task:cancel()
            assert(neap.loop.live() == 0)
            print "ok"
        ]])
    end)

    it("tells on_done of failures and cancellations, once", function()
        assert.equal("1 false program.lua: boom\n2 false cancelled: the task was cancelled\n3 true\n", output [[
            neap.loop.start(function() neap.sleep(0.001) error("program.lua: boom", 0) end,
                function(...) print(1, ...) end)
            local task
            task = neap.loop.start(function() neap.sleep(60) end, function(ok, err)
                assert(err.kind == "cancelled")
                print(2, ok, tostring(err))
                neap.loop.start(function() end, function(...) print(3, ...) end)
            end)
            neap.loop.start(function() neap.sleep(0.01) task:cancel() end)
            drive()
            uv.run()
        ]]:gsub("\t", " "))
    end)

    it("logs a failure that nobody is told of, and one of on_done, and goes on", function()
        local result = stock.run(HOST .. [[
            neap.loop.start(function() error("nobody cares", 0) end)
            neap.loop.start(function() end, function() error("in on_done", 0) end)
            neap.loop.start(function() neap.sleep(60) end):cancel()
            neap.loop.start(function() return "on" end, print)
            drive()
            uv.run()
        ]])
        assert.equal("true\ton\n", result.out)
        assert.matches('error a task failed error="nobody cares"', result.err, 1, true)
        assert.matches('error the on_done of a task failed error="in on_done\\nstack traceback:', result.err, 1, true)
        assert.is_nil(result.err:find("cancelled", 1, true))
    end)

    it("refuses what belongs elsewhere", function()
        assert.equal([[
neap.loop.start inside a task: call neap.spawn
neap.loop.dispatch inside a task: it is what runs the task; to wait, call neap.sleep
neap.run inside a task: call the function itself
neap.loop.dispatch inside a task: it is what runs the task; to wait, call neap.sleep
neap.loop.start: a function expected, got a number
neap.loop.start: on_done: a function expected, got a table
]], output [[
            local function refused(fn, ...)
                local ok, message = pcall(fn, ...)
                assert(not ok)
                print((tostring(message):gsub("^%S+:%d+: ", "")))
            end
            neap.loop.start(function()
                refused(neap.loop.start, print)
                refused(neap.loop.dispatch)
                refused(neap.run, print)
            end, function(ok, err)
                assert(ok, err)
                refused(neap.loop.dispatch) -- on_done is called by it
            end)
            neap.loop.dispatch()
            refused(neap.loop.start, 7)
            refused(neap.loop.start, print, {})
        ]])
    end)

    it("runs beside neap.run, which drives what was started before, too", function()
        assert.equal("started, ran\n", output [[
            local words = {}
            neap.loop.start(function() words[1] = "started" end)
            neap.run(function() neap.sleep(0.001) words[2] = "ran" end)
            print(table.concat(words, ", "))
        ]])
    end)

    it("may be dispatched in a coroutine of the host's", function()
        assert.equal("yes\nno\n", output [[
            local host = coroutine.wrap(function()
                neap.loop.start(function() neap.sleep(0.001) return "yes" end, function(_, word) print(word) end)
                drive()
                uv.run()
                coroutine.yield()
                neap.loop.start(function() neap.sleep(0.001) error("no", 0) end, function(_, word) print(word) end)
                drive()
                uv.run()
            end)
            host()
            host()
        ]])
    end)

    for _, how in ipairs { "os.exit(0, true)", "uv.stop()" } do
        it("may end with tasks under way, by " .. how, function()
            local result = stock.run(HOST .. ([[
                neap.loop.start(function() neap.sleep(60) end)
                neap.loop.start(function() neap.spawn(neap.sleep, 60):await() end)
                neap.loop.start(function() neap.sleep(0.001) end, function()
                    uv.new_timer():start(1, 0, function() %s end)
                end)
                drive()
                uv.run()
                assert(neap.loop.live() == 3)
            ]]):format(how))
            assert.equal("", result.err)
            assert.equal(0, result.code)
        end)
    end
end)
