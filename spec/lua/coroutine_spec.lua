--- The script's coroutines: values go to who resumes, waits go to the task.

local helper = require "spec.support.helper"
local neap = require "neap"

local co = neap.coroutine
local task = require "neap.native.task"

local function virtual(fn)
    return neap.run(fn, { clock = "virtual", seed = 1 })
end

--- 1 .. n with a wait before each.
local function slow_count(n)
    for i = 1, n do
        neap.sleep(1)
        co.yield(i, "of", n)
    end
    return "end"
end

describe("neap.coroutine", function()
    after_each(helper.assert_idle)

    it("has all of Lua's", function()
        for name in pairs(coroutine) do assert.is_function(co[name]) end
    end)

    it("waits inside wrap, and passes values both ways", function()
        virtual(function()
            local echo = co.wrap(function(first)
                neap.sleep(1)
                local second, third = co.yield(first)
                neap.sleep(1)
                return second, third
            end)
            assert.equal("a", echo "a")
            assert.equal(1, neap.now())
            assert.same({ "b", "c" }, { echo("b", "c") })
            assert.equal(2, neap.now())
        end)
    end)

    it("waits inside resume, in any depth", function()
        virtual(function()
            local function nested(depth)
                if depth == 0 then return slow_count(2) end
                local inner = co.create(nested)
                local results = table.pack(co.resume(inner, depth - 1))
                while co.status(inner) == "suspended" do
                    co.yield(table.unpack(results, 2, results.n))
                    results = table.pack(co.resume(inner))
                end
                return table.unpack(results, 2, results.n)
            end
            local outer = co.create(nested)
            assert.same({ true, 1, "of", 2 }, { co.resume(outer, 5) })
            assert.same({ true, 2, "of", 2 }, { co.resume(outer) })
            assert.same({ true, "end" }, { co.resume(outer) })
            assert.same({ false, "cannot resume dead coroutine" }, { co.resume(outer) })
            assert.equal(2, neap.now())
        end)
    end)

    it("makes iterators that wait", function()
        virtual(function()
            local sum = 0
            for i in co.wrap(function() slow_count(4) end) do
                if type(i) == "number" then sum = sum + i end
            end
            assert.equal(10, sum)
            assert.equal(4, neap.now())
        end)
    end)

    it("lets other tasks run meanwhile", function()
        virtual(function()
            local order = {}
            local function count(name)
                for i in co.wrap(function() slow_count(2) end) do order[#order + 1] = name .. i end
            end
            local a, b = neap.spawn(count, "a"), neap.spawn(count, "b")
            a:await()
            b:await()
            assert.same({ "a1", "b1", "a2", "b2" }, order)
            assert.equal(2, neap.now())
        end)
    end)

    it("lets errors through", function()
        virtual(function()
            local thrown = {}
            local function failing()
                neap.sleep(1)
                error(thrown)
            end
            assert.same({ false, thrown }, { co.resume(co.create(failing)) })
            local ok, raised = pcall(co.wrap(failing))
            assert.is_false(ok)
            assert.equal(thrown, raised)
        end)
    end)

    it("closes variables of a failed wrap", function()
        virtual(function()
            local closed
            pcall(co.wrap(function()
                local _ <close> = setmetatable({}, { __close = function(_, err) closed = err end })
                neap.sleep(1)
                error("boom", 0)
            end))
            assert.equal("boom", closed)
        end)
    end)

    it("raises where a task's coroutine was closed after its end, and its results with it", function()
        virtual(function()
            local own
            local ended = neap.spawn(function()
                own = co.running()
                return 1, 2, 3
            end)
            neap.sleep(0)
            co.close(own)
            local ok, err = pcall(ended.await, ended)
            assert.is_false(ok)
            assert.matches("coroutine was closed", tostring(err))
        end)
    end)

    it("closes variables of coroutines whose task is cancelled, inner ones first", function()
        virtual(function()
            local closed = {}
            local function guard(name)
                return setmetatable({}, { __close = function() closed[#closed + 1] = name end })
            end
            local t = task.spawn(function()
                local _ <close> = guard "task"
                co.wrap(function()
                    local _ <close> = guard "outer"
                    co.wrap(function()
                        local _ <close> = guard "inner"
                        neap.sleep(100)
                    end)()
                end)()
            end)
            neap.sleep(1)
            t:cancel()
            assert.same({ "inner", "outer", "task" }, closed)
        end)
    end)

    it("tells of an error in such a __close", function()
        virtual(function()
            local t = task.spawn(co.wrap(function()
                local _ <close> = setmetatable({}, { __close = function() error("in close", 0) end })
                neap.sleep(100)
            end))
            neap.sleep(1)
            t:cancel()
            local ok, raised = pcall(t.await, t)
            assert.is_false(ok)
            assert.equal("in close", raised)
        end)
    end)

    it("works for all functions that wait", function()
        virtual(function()
            local inside = co.wrap(function()
                local mapped = neap.map({ 1, 2 }, {}, function(x) neap.sleep(x) return x end)
                local _, err = neap.deadline(1, neap.sleep, 5)
                return mapped[2], err.kind, neap.spawn(function() return "child" end):await()
            end)
            assert.same({ 2, "timeout", "child" }, { inside() })
        end)
    end)

    it("keeps wrap's own rules: yield outside, running, isyieldable, close", function()
        virtual(function()
            local inner = co.create(function() co.yield(co.isyieldable()) end)
            assert.same({ true, true }, { co.resume(inner) })
            assert.is_true(co.close(inner))
            assert.equal("dead", co.status(inner))
        end)
    end)
end)
