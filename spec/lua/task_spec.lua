--- Tasks: their ends, their families, awaiting and cancelling, and where nobody can wait.

local helper = require "spec.support.helper"
local neap = require "neap"

local clock = require "neap.native.clock"
local event = require "neap.native.event"
local task = require "neap.native.task"

local function virtual(fn)
    return neap.run(fn, { clock = "virtual", seed = 1 })
end

--- A to-be-closed value that notes when it was closed, and with which error.
local function closing(into, name, fn)
    return setmetatable({}, {
        __close = function(_, err)
            into[#into + 1] = err == nil and name or ("%s: %s"):format(name, tostring(err))
            if fn then fn() end
        end,
    })
end

describe("task.run", function()
    after_each(helper.assert_idle)

    it("returns all results, nils included", function()
        assert.same(table.pack(1, nil, 3, nil), table.pack(neap.run(function() return 1, nil, 3, nil end)))
        assert.equal(0, select("#", neap.run(function() end)))
    end)

    it("raises what was raised, any value", function()
        local thrown = { "an error" }
        for _, value in ipairs { "text", thrown, false, 42 } do
            local ok, raised = pcall(neap.run, function() error(value, 0) end)
            assert.is_false(ok)
            assert.equal(value, raised)
        end
        assert.same({ false, nil, n = 2 }, table.pack(pcall(neap.run, function() error(nil) end)))
    end)

    it("is refused inside a task, and leaves the clock of that task alone", function()
        virtual(function()
            neap.sleep(7)
            local ok, message = pcall(virtual, function() end)
            assert.is_false(ok)
            assert.matches("neap.run inside a task", message)
            assert.is_true(clock.is_virtual())
            assert.equal(7, neap.now())
        end)
        assert.is_false(clock.is_virtual())
    end)

    it("ends when its task cancels itself", function()
        local ok, err = pcall(virtual, function()
            task.current():cancel()
            neap.sleep(1)
        end)
        assert.is_false(ok)
        assert.equal("cancelled", err.kind)
    end)

    it("passes arguments", function()
        assert.equal("a-b", task.run(function(...) return table.concat({ ... }, "-") end, "a", "b"))
    end)
end)

describe("a task", function()
    after_each(helper.assert_idle)

    it("starts later, in order of spawning", function()
        virtual(function()
            local seen = {}
            local first = task.spawn(function(x) seen[#seen + 1] = x end, "first")
            task.spawn(function(x) seen[#seen + 1] = x end, "second")
            assert.same({}, seen)
            assert.equal("ready", first:status())
            neap.sleep(0)
            assert.same({ "first", "second" }, seen)
        end)
    end)

    it("tells its state", function()
        virtual(function()
            local states, t = {}, nil
            t = task.spawn(function()
                states[1] = t:status()
                neap.sleep(1)
                task.spawn(neap.sleep, 5)
            end)
            neap.sleep(0)
            states[2] = t:status()
            neap.sleep(2)
            states[3] = t:status()
            t:await()
            states[4] = t:status()
            assert.same({ "running", "waiting", "ending", "done" }, states)
            assert.matches("^neap.Task %(done%): ", tostring(t))
            assert.equal(6, neap.now())
        end)
    end)

    it("is awaited twice and by several, before and after its end", function()
        virtual(function()
            local t = task.spawn(function()
                neap.sleep(3)
                return "value", nil
            end)
            local waiters = {}
            for i = 1, 3 do waiters[i] = task.spawn(function() return t:await() end) end
            for i = 1, 3 do assert.same(table.pack("value", nil), table.pack(waiters[i]:await())) end
            assert.equal("value", t:await())
            assert.equal(3, neap.now())
        end)
    end)

    it("raises its failure at every await", function()
        virtual(function()
            local thrown = {}
            local t = task.spawn(function() error(thrown) end)
            for _ = 1, 2 do
                local ok, raised = pcall(t.await, t)
                assert.is_false(ok)
                assert.equal(thrown, raised)
            end
            assert.equal("failed", t:status())
        end)
    end)

    it("gives nil, err when it was cancelled", function()
        virtual(function()
            local t = task.spawn(neap.sleep, 10)
            neap.sleep(1)
            t:cancel()
            for _ = 1, 2 do
                local value, err = t:await()
                assert.is_nil(value)
                assert.equal("cancelled", err.kind)
                assert.equal("neap.Error", getmetatable(err).__name)
            end
            t:cancel()
            assert.equal("cancelled", t:status())
            assert.equal(1, neap.now())
        end)
    end)

    it("can be cancelled before it has run", function()
        virtual(function()
            local ran = false
            local t = task.spawn(function() ran = true end)
            t:cancel()
            assert.is_nil((t:await()))
            assert.is_false(ran)
        end)
    end)

    it("that cancels itself goes on until its next wait", function()
        virtual(function()
            local steps = 0
            local t = task.spawn(function()
                task.current():cancel()
                steps = 1
                neap.sleep(0)
                steps = 2
            end)
            assert.is_nil((t:await()))
            assert.equal(1, steps)
        end)
    end)

    it("is a root outside of tasks, and runs with the next run", function()
        local ran = false
        local t = task.spawn(function() ran = true end)
        assert.is_nil(task.current())
        assert.is_false(ran)
        neap.run(function() assert.is_nil((t:await())) end)
        assert.is_true(ran)
    end)

    it("yields values only inside a coroutine", function()
        local closed = {}
        local ok, message = pcall(neap.run, function()
            local _ <close> = closing(closed, "closed")
            coroutine.yield(1)
        end)
        assert.is_false(ok)
        assert.equal("coroutine.yield outside a coroutine", message)
        assert.same({ "closed" }, closed)
    end)
end)

describe("waiting for one another", function()
    after_each(helper.assert_idle)

    it("is refused where it could never end", function()
        virtual(function()
            local function refused(t)
                local ok, message = pcall(t.await, t)
                assert.is_false(ok)
                assert.matches("cannot await itself or a task that waits for it", message, 1, true)
            end
            local parent = task.current()
            refused(parent)
            task.spawn(function()
                refused(parent)
                task.spawn(refused, parent):await()
            end):await()
            local a, b, c
            a = task.spawn(function() return b:await() end)
            b = task.spawn(function() return c:await() end)
            c = task.spawn(function()
                refused(a)
                return "c"
            end)
            assert.equal("c", a:await())
        end)
    end)
end)

describe("a family of tasks", function()
    after_each(helper.assert_idle)

    it("ends children before parents", function()
        virtual(function()
            local order = {}
            local parent = task.spawn(function()
                task.spawn(function()
                    task.spawn(function()
                        neap.sleep(5)
                        order[#order + 1] = "grandchild"
                    end)
                    order[#order + 1] = "child"
                end)
                return "result"
            end)
            assert.equal("result", parent:await())
            assert.same({ "child", "grandchild" }, order)
            assert.equal(5, neap.now())
        end)
    end)

    local function fails_late() neap.sleep(2) error("late", 0) end
    local function fails_now() error("now", 0) end

    -- name, parent's function, expected error, time of the end
    local unobserved = {
        { "while the parent waits", function() task.spawn(fails_now) neap.sleep(1) end, "now", 1 },
        { "after the parent's function", function() task.spawn(fails_late) end, "late", 2 },
        { "the first of several", function()
            task.spawn(fails_late)
            task.spawn(fails_now)
            neap.sleep(5)
        end, "now", 5 },
        { "of a grandchild", function()
            task.spawn(function() task.spawn(fails_late) end)
            neap.sleep(3)
        end, "late", 3 },
        { "after another was observed", function()
            local seen = task.spawn(fails_now)
            task.spawn(fails_late)
            pcall(seen.await, seen)
            neap.sleep(3)
        end, "late", 3 },
    }
    for _, case in ipairs(unobserved) do
        it("passes a failure that nobody awaited to the parent: " .. case[1], function()
            virtual(function()
                local parent = task.spawn(case[2])
                local ok, raised = pcall(parent.await, parent)
                assert.is_false(ok)
                assert.equal(case[3], raised)
                assert.equal(case[4], neap.now())
            end)
        end)
    end

    it("keeps a failure that was awaited, however late", function()
        virtual(function()
            local parent = task.spawn(function()
                local child = task.spawn(fails_now)
                neap.sleep(1)
                assert.is_false((pcall(child.await, child)))
                return "fine"
            end)
            assert.equal("fine", parent:await())
        end)
    end)

    it("loses its children's work when it fails or is cancelled, at once", function()
        for _, how in ipairs { "fail", "cancel" } do
            virtual(function()
                local closed = {}
                local function sleeper(name)
                    local _ <close> = closing(closed, name)
                    neap.sleep(1e6)
                end
                local parent = task.spawn(function()
                    local _ <close> = closing(closed, "parent")
                    task.spawn(sleeper, "a")
                    task.spawn(function()
                        local _ <close> = closing(closed, "b")
                        task.spawn(sleeper, "c")
                        neap.sleep(1e6)
                    end)
                    neap.sleep(3)
                    if how == "fail" then error("boom", 0) end
                    neap.sleep(1e6)
                end)
                neap.sleep(3)
                if how == "cancel" then parent:cancel() end
                pcall(parent.await, parent)
                assert.same({ "a", "c", "b", how == "fail" and "parent: boom" or "parent" }, closed)
                assert.equal(3, neap.now())
            end)
        end
    end)

    it("cancels the others when a child fails after the function is over", function()
        virtual(function()
            local parent = task.spawn(function()
                task.spawn(neap.sleep, 1e6)
                task.spawn(fails_late)
            end)
            assert.is_false((pcall(parent.await, parent)))
            assert.equal(2, neap.now())
        end)
    end)

    it("may be ended by one of its children", function()
        virtual(function()
            local parent, after
            parent = task.spawn(function()
                task.spawn(function()
                    parent:cancel()
                    after = "ran on"
                    neap.sleep(1)
                    after = "never"
                end)
                neap.sleep(1e6)
            end)
            assert.is_nil((parent:await()))
            assert.equal("ran on", after)
            assert.equal(0, neap.now())
        end)
    end)
end)

describe("cancellation", function()
    after_each(helper.assert_idle)

    local gate = event.new()
    local waits = {
        sleep = function() neap.sleep(100) end,
        event = function() gate:wait() end,
        await = function() task.spawn(neap.sleep, 100):await() end,
        map = function() neap.map({ 1, 2 }, {}, function() neap.sleep(100) end) end,
        deadline = function() neap.deadline(50, neap.sleep, 100) end,
        coroutine = function() neap.coroutine.wrap(function() neap.sleep(100) end)() end,
    }
    for name, wait in pairs(waits) do
        it("ends a wait of kind " .. name, function()
            virtual(function()
                local closed = {}
                local t = task.spawn(function()
                    local _ <close> = closing(closed, "closed")
                    wait()
                    closed[#closed + 1] = "went on"
                end)
                neap.sleep(1)
                assert.equal("waiting", t:status())
                t:cancel()
                assert.same({ "closed" }, closed)
                assert.is_nil((t:await()))
                assert.equal(1, neap.now())
            end)
        end)
    end

    it("is not caught by pcall", function()
        virtual(function()
            local caught = false
            local t = task.spawn(function()
                pcall(neap.sleep, 10)
                caught = true
            end)
            neap.sleep(1)
            t:cancel()
            neap.sleep(20)
            assert.is_false(caught)
        end)
    end)

    it("turns an error in __close into the task's failure", function()
        virtual(function()
            local closed = {}
            local t = task.spawn(function()
                local _ <close> = closing(closed, "outer")
                local _ <close> = closing(closed, "inner", function() error("in close", 0) end)
                neap.sleep(10)
            end)
            neap.sleep(1)
            t:cancel()
            local ok, raised = pcall(t.await, t)
            assert.is_false(ok)
            assert.equal("in close", raised)
            assert.same({ "inner", "outer: in close" }, closed)
        end)
    end)

    it("refuses to wait in a __close that it runs", function()
        virtual(function()
            local t = task.spawn(function()
                local _ <close> = closing({}, "x", function() neap.sleep(1) end)
                neap.sleep(10)
            end)
            neap.sleep(1)
            t:cancel()
            local ok, raised = pcall(t.await, t)
            assert.is_false(ok)
            assert.matches("cannot wait here", raised)
        end)
    end)

    it("lets __close wait where the block ends by itself", function()
        virtual(function()
            do
                local _ <close> = closing({}, "x", function() neap.sleep(4) end)
            end
            assert.equal(4, neap.now())
        end)
    end)
end)

describe("task.detach", function()
    after_each(helper.assert_idle)

    it("starts a task that outlives who started it", function()
        virtual(function()
            local done = {}
            local detached
            local parent = task.spawn(function()
                detached = task.detach(function(...)
                    clock.sleep(10)
                    done[1] = select("#", ...)
                end, 1, nil)
                clock.sleep(100)
            end)
            clock.sleep(5)
            parent:cancel()
            detached:await()
            assert.same({ 2 }, done)
            assert.equal(10.0, clock.now())
        end)
    end)

    it("keeps its failure to itself", function()
        virtual(function()
            local detached = task.detach(function() error("lost", 0) end)
            clock.sleep(1)
            assert.equal("failed", detached:status())
            assert.same({ false, "lost" }, { pcall(detached.await, detached) })
        end)
    end)
end)
