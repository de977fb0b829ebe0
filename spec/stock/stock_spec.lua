--- `require "neap"` in a stock lua5.4: the same API, and the interpreter may end at any moment.

local stock = require "spec.support.stock"

describe("require 'neap' in a stock lua5.4", function()
    it("runs a function and returns what it returns", function()
        assert.equal("42\tyes\tnil\n3\n", stock.output [[
            local neap = require "neap"
            print(neap.run(function()
                neap.sleep(0.001)
                return 42, "yes", nil
            end))
            print(select("#", neap.run(function() return 1, nil, nil end)))
        ]])
    end)

    it("leaves the globals and Lua's own coroutine functions as they were", function()
        assert.equal("ok\n", stock.output [[
            local before, resume = {}, coroutine.resume
            for name, value in pairs(_G) do before[name] = value end
            local neap = require "neap"
            neap.run(function() neap.vendor "opm" end)
            for name, value in pairs(_G) do assert(before[name] == value, name) end
            assert(coroutine.resume == resume and package.loaded.coroutine == coroutine)
            print "ok"
        ]])
    end)

    it("raises what the function raises, with the place, also through pcall", function()
        local result = stock.run [[
            local neap = require "neap"
            local thrown = {}
            local ok, raised = pcall(neap.run, function() neap.sleep(0.001) error(thrown) end)
            assert(not ok and raised == thrown)
            neap.run(function()
                local function inner() neap.sleep(0.001) error "boom" end
                inner()
            end)
        ]]
        assert.equal(1, result.code)
        assert.matches("lua5.4: program.lua:6: boom\nstack traceback:\n", result.err, 1, true)
        assert.matches("program.lua:5: in main chunk", result.err, 1, true)
    end)

    it("keeps the traceback of a task that failed", function()
        assert.matches("program.lua:3: in upvalue 'inner'", stock.output [[
            local neap = require "neap"
            neap.run(function()
                local function inner() neap.sleep(0.001) error "boom" end
                local task = neap.spawn(function() inner() return 1 end)
                pcall(task.await, task)
                print(task:traceback())
            end)
        ]], 1, true)
    end)

    it("refuses a run inside of a run, and waits outside of one", function()
        assert.equal("inside\noutside\nagain\n", stock.output [[
            local neap = require "neap"
            neap.run(function()
                local ok, message = pcall(neap.run, print)
                assert(not ok and message:find "neap.run inside a task: call the function itself", message)
                print "inside"
            end)
            local ok, message = pcall(neap.sleep, 1)
            assert(not ok and message:find "cannot wait here", message)
            print "outside"
            neap.run(function() print "again" end)
        ]])
    end)

    it("makes 50 calls in the sandbox at the same time", function()
        assert.equal("50 pongs\n", stock.output [[
            local neap = require "neap"
            require("neap.runtime").configure { sandbox = true }
            local pongs, most, live = 0, 0, 0
            local took = neap.run(function()
                local started = neap.now()
                for _ = 1, 50 do
                    neap.spawn(function()
                        live = live + 1
                        most = math.max(most, live)
                        if assert(neap.vendor "opm":ping {}).message == "pong" then pongs = pongs + 1 end
                        live = live - 1
                    end)
                end
                while pongs < 50 do neap.sleep(0.01) end
                return neap.now() - started
            end, { clock = "virtual", seed = 1 })
            assert(most == 50, most)
            assert(took < 1, took)
            print(pongs .. " pongs")
        ]])
    end)

    it("has the modules of the distribution beside it", function()
        assert.equal('{"a":[1,2]} 9007199254740993 7\n', stock.output [[
            local cjson, lpeg, re = require "cjson", require "lpeg", require "re"
            local neap = require "neap"
            local safe = require "cjson.safe"
            assert(safe.decode '[' == nil)
            local digits = lpeg.C(lpeg.R "09" ^ 1) / math.tointeger
            neap.run(function()
                neap.sleep(0.001)
                print(cjson.encode { a = { 1, 2 } }, neap.json.decode "9007199254740993", digits:match "7")
                assert(re.match("abc", "{[a-b]+}") == "ab")
            end)
        ]]:gsub("\t", " "))
    end)
end)

describe("coroutines under a stock interpreter", function()
    it("wait by neap.coroutine", function()
        assert.equal("1 2 3 \n", stock.output [[
            local neap = require "neap"
            neap.run(function()
                local function count() for i = 1, 3 do neap.sleep(0.001) neap.coroutine.yield(i) end end
                for i in neap.coroutine.wrap(count) do io.write(i, " ") end
                print()
            end)
        ]])
    end)

    it("yield as ever by Lua's own, and say why they cannot wait", function()
        assert.equal("1 2 \nrefused\nclosed\n", stock.output [[
            local neap = require "neap"
            neap.run(function()
                local function count() for i = 1, 2 do coroutine.yield(i) end end
                for i in coroutine.wrap(count) do io.write(i, " ") end
                print()
                local ok, message = pcall(coroutine.wrap(function() neap.sleep(0.001) end))
                assert(not ok and message:find "program.lua:6: cannot wait here: Lua's own", message)
                assert(message:find("neap.coroutine", 1, true))
                print "refused"
                -- One of each: the inner one could wait, but not through the outer one.
                ok, message = pcall(coroutine.wrap(neap.coroutine.wrap(function()
                    local _ <close> = setmetatable({}, { __close = function() print "closed" end })
                    neap.sleep(0.001)
                end)))
                assert(not ok and message:find "cannot wait here: Lua's own", message)
                neap.sleep(0.001) -- the task goes on
            end)
        ]])
    end)

    it("may run the whole program", function()
        assert.equal("7\n", stock.output [[
            local neap = require "neap"
            print(coroutine.wrap(function() return neap.run(function() neap.sleep(0.001) return 7 end) end)())
        ]])
    end)
end)

describe("the end of a stock interpreter", function()
    -- What is under way when it ends: tasks that wait for time, for the simulator's answer, for that of a server
    -- which has none, in a coroutine, for a child, for the disk.
    local PENDING = [[
        local neap = require "neap"
        local runtime = require "neap.runtime"
        local pending = {
            sleep = function() neap.sleep(100) end,
            call = function()
                runtime.configure { sandbox = true, faults = "slow:p=1" }
                neap.vendor "opm":ping {}
            end,
            resolve = function() neap.http.request "http://name.invalid/" neap.sleep(100) end,
            answer = function()
                local server = require("luv").new_tcp()
                server:bind("127.0.0.1", 0)
                server:listen(8, print)
                neap.http.request("http://127.0.0.1:" .. server:getsockname().port)
            end,
            coroutine = function() neap.coroutine.wrap(function() neap.sleep(100) end)() end,
            child = function() neap.spawn(function() neap.sleep(100) end):await() end,
            file = function() while true do assert(neap.make_dir "made") end end,
        }
        local what, where, how = table.unpack(arg)
        local leave = {
            exit = function() os.exit(3, true) end,
            abandon = function() os.exit(3) end,
            fail = function() error "the end" end,
            over = function() end,
        }
        if where == "task" then
            neap.run(function() neap.spawn(pending[what]) neap.sleep(0.01) leave[how]() end)
        else
            neap.loop.start(pending[what])
            local stop = neap.now() + 0.01
            while neap.now() < stop do neap.loop.dispatch() end
            assert(neap.loop.live() > 0)
            leave[how]()
        end
    ]]
    local CODES = { exit = 3, abandon = 3, fail = 1, over = 0 }

    local function ends(what, where, how)
        it(("is clean with a pending %s, by %s in %s"):format(what, how, where), function()
            local result = stock.run(PENDING, { what, where, how })
            assert.equal(CODES[how], result.code, result.err)
            assert.equal(how == "fail" and "lua5.4: program.lua:" or "", result.err:sub(1, how == "fail" and 20 or -1))
        end)
    end

    for _, what in ipairs { "sleep", "call", "resolve", "answer", "coroutine", "child", "file" } do
        for _, how in ipairs { "exit", "abandon", "fail" } do ends(what, "task", how) end
        for _, how in ipairs { "exit", "fail", "over" } do ends(what, "host", how) end
    end
end)
