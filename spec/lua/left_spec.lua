--- Calls that wait without a coroutine, where the script's function has ended with them (csrc/lua/task_left.c): all is
-- as with one, but for the memory.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local clock = require "neap.native.clock"
local coroutine = require "neap.coroutine"
local deliver = require "neap.deliver"
local flow = require "neap.native.flow"
local runtime = require "neap.runtime"
local task = require "neap.native.task"

--- One retry after 300 s.
local PLAN = "503"

describe("a call that waits", function()
    after_each(helper.assert_idle)

    it("gives its task what it returns", function()
        acme.run(function(v)
            local one = neap.spawn(function() return v:put { id = 1, plan = PLAN } end)
            assert.equal(1, tonumber(one:await().id))
            assert.equal("done", one:status())
            assert.near(300, clock.now(), 1)
            local refused = neap.spawn(function() return v:append { id = 2, plan = "429 429 429 429" } end)
            local answer, err = refused:await()
            assert.is_nil(answer)
            assert.equal("limit", err.kind)
            assert.equal(4, #err.attempts)
        end)
    end)

    -- Where more is on the stack than the call.
    local more = {
        ["in pcall"] = function(v) return select(2, pcall(v.put, v, { id = 1, plan = PLAN })) end,
        ["in a coroutine of the script"] = function(v)
            return coroutine.wrap(function() return v:put { id = 1, plan = PLAN } end)() -- neap.coroutine's
        end,
        ["in a task whose coroutine the script has"] = function(v)
            local mine = coroutine.running()
            assert(mine)
            return v:put { id = 1, plan = PLAN }
        end,
        ["in a sort of metamethod"] = function(v)
            local proxy = setmetatable({}, { __index = function() return v:put { id = 1, plan = PLAN } end })
            return proxy.answer
        end,
        ["before something is closed"] = function(v)
            local closed <close> = setmetatable({}, { __close = function(own) own.is_closed = true end })
            local answer = v:put { id = 1, plan = PLAN }
            assert(not closed.is_closed)
            return answer
        end,
    }
    for where, fn in pairs(more) do
        it("goes on " .. where, function()
            acme.run(function(v)
                assert.equal(1, tonumber(neap.spawn(fn, v):await().id))
                assert.near(300, clock.now(), 1)
            end)
        end)
    end

    it("ends with its task", function()
        acme.run(function(v)
            local one = neap.spawn(function() return v:put { id = 1, plan = PLAN } end)
            neap.sleep(100)
            assert.equal("waiting", one:status())
            one:cancel()
            assert.equal("cancelled", one:status())
            local answer, err = one:await()
            assert.is_nil(answer)
            assert.equal("cancelled", err.kind)
            assert.equal(0, v.put.bound.queue:peek().waiting)
            answer, err = neap.deadline(10, function() return v:put { id = 2, plan = PLAN } end)
            assert.is_nil(answer)
            assert.equal("timeout", err.kind)
            assert.equal(0, v.put.bound.queue:peek().waiting)
        end)
    end)

    it("has the children of its task ended before it", function()
        acme.run(function(v)
            local ended
            local one = neap.spawn(function()
                neap.spawn(function()
                    neap.sleep(500)
                    ended = clock.now()
                end)
                return v:put { id = 1, plan = PLAN }
            end)
            assert.equal(1, tonumber(one:await().id))
            assert.near(500, ended, 1)
            one = neap.spawn(function()
                neap.spawn(function()
                    neap.sleep(10)
                    error("a child's", 0)
                end)
                return v:put { id = 2, plan = PLAN }
            end)
            local ok, raised = pcall(one.await, one)
            assert.is_false(ok)
            assert.equal("a child's", raised)
        end)
    end)

    it("passes its key on when it is cancelled", function()
        acme.run(function(v)
            local summary = assert(deliver.run({ { id = 1, plan = PLAN }, { id = 1 } }, function(row)
                return neap.deadline(10, function() return v:put(row) end)
            end, { dead_letters = helper.tmpdir() .. "/dead.ndjson" }))
            assert.near(10, clock.now(), 1)
            assert.equal(1, summary.ok)
        end)
    end)

    it("ends with its delivery", function()
        acme.run(function(v)
            neap.spawn(function()
                neap.sleep(100)
                runtime.stop("SIGTERM")
            end)
            local summary = assert(deliver.run({ { id = 1, plan = PLAN }, { id = 2, plan = "503 503" } }, function(row)
                return v:put(row)
            end, { dead_letters = helper.tmpdir() .. "/dead.ndjson" }))
            assert.equal("signal", summary.ended.reason)
            assert.equal(2, summary.failed)
            assert.near(100, clock.now(), 1)
        end)
    end)
end)

-- The natives ----------------------------------------------------------------------------------

--- What exchange.lua is to a task: goes on until its call is settled for good.
local Left = {}
local leaving

function Left.__close(x, err)
    if leaving == x then
        leaving = nil
        if err == nil then return end
    end
    x.closed = (x.closed or 0) + 1
    x.call:finish()
    if x.refuses then error("not now", 0) end
end

function Left.__call(x)
    local _ <close> = x
    assert(x.call:waited())
    while true do
        local left = x.call:blocked() and x.call:wait(nil, x)
        if type(left) == "userdata" then
            leaving = x
            return left
        end
        assert(x.call:admit())
        x.sends = (x.sends or 0) + 1
        if x.call:settle { status = x.sends < 3 and 503 or 200 } ~= "retry" then return x.sends, x.call:attempts() end
    end
end

local function new_left()
    local queue = flow.queue { gate = flow.gate { name = "g" } }
    local policy = flow.policy { { status = { 503 }, backoff = "constant", base = 10, retries = 5 } }
    return setmetatable({ call = flow.call(queue, policy, true) }, Left)
end

local function heap()
    collectgarbage()
    collectgarbage()
    return collectgarbage "count" * 1024
end

--- Bytes of Lua's heap for each of many tasks in which fn waits.
local function bytes_of(fn)
    local tasks, before = {}, heap()
    for i = 1, 300 do tasks[i] = task.spawn(fn) end
    clock.sleep(5)
    local bytes = (heap() - before) / #tasks
    for _, one in ipairs(tasks) do one:cancel() end
    return bytes
end

local function virtual(fn)
    return neap.run(fn, { clock = "virtual", seed = 1 })
end

describe("what a task has left", function()
    after_each(helper.assert_idle)

    it("is all that it has: no coroutine", function()
        virtual(function()
            local function without() return new_left()() end
            local function with()
                local sends = new_left()()
                return sends
            end
            bytes_of(without)
            assert.is_true(bytes_of(without) < bytes_of(with) - 1000)
        end)
    end)

    it("is called once the wait is over, and closed once", function()
        virtual(function()
            local x = new_left()
            local sends, attempts = task.spawn(function() return x() end):await()
            assert.same({ 3, 3, 1 }, { sends, #attempts, x.closed })
            assert.equal(20, clock.now())
        end)
    end)

    it("is closed when the task is cancelled, waiting or woken", function()
        virtual(function()
            local x, y = new_left(), new_left()
            local waiting, woken = task.spawn(function() return x() end), task.spawn(function() return y() end)
            clock.sleep(5)
            waiting:cancel()
            y.call:finish() -- ends its wait
            assert.equal("ready", woken:status())
            woken:cancel()
            assert.same({ 1, 1, 1, 1 }, { x.closed, y.closed, x.sends, y.sends })
            assert.same({ "cancelled", "cancelled" }, { waiting:status(), woken:status() })
        end)
    end)

    it("fails the task if it cannot be closed", function()
        virtual(function()
            local x = new_left()
            x.refuses = true
            local one = task.spawn(function() return x() end)
            clock.sleep(5)
            one:cancel()
            assert.equal("failed", one:status())
            local ok, raised = pcall(one.await, one)
            assert.same({ false, "not now" }, { ok, raised })
        end)
    end)

    it("is not what a script can return", function()
        virtual(function()
            local x = new_left()
            local function leave() return x() end
            local one = task.spawn(function()
                local first, second = leave()
                return first, second
            end)
            assert.equal(3, (one:await()))
            assert.equal(1, x.closed)
        end)
    end)

    it("tells whom the task works for", function()
        virtual(function()
            local owner, x = {}, new_left()
            function owner:settle(...) self.told = table.pack(...) end
            local one = task.spawn_work(owner, task.current(), function(a, b)
                assert.same({ "a", "b", owner }, { a, b, task.attached() })
                return x()
            end, "a", "b")
            assert.is_nil((one:await()))
            assert.same({ true, 3 }, { owner.told[1], owner.told[2] })
            one = task.spawn_work(owner, task.current(), error, "no")
            one:await()
            assert.same({ false, "no", n = 2 }, owner.told)
            owner.told = nil
            one = task.spawn_work(owner, task.current(), clock.sleep, 5)
            clock.sleep(1)
            one:cancel()
            assert.is_nil(owner.told)
        end)
    end)
end)
