--- Tasks at their edges: closing after failures, tracebacks, places where nobody can wait, numbers.

local helper = require "spec.support.helper"
local neap = require "neap"

local clock = require "neap.native.clock"
local task = require "neap.native.task"

local function virtual(fn)
    return neap.run(fn, { clock = "virtual", seed = 1 })
end

describe("a failed task", function()
    after_each(helper.assert_idle)

    it("closes its variables, with the error, before anybody is told", function()
        virtual(function()
            local closed
            local t = task.spawn(function()
                local _ <close> = setmetatable({}, { __close = function(_, err) closed = err end })
                error("boom", 0)
            end)
            pcall(t.await, t)
            assert.equal("boom", closed)
        end)
    end)

    it("fails with what its __close raises", function()
        virtual(function()
            local t = task.spawn(function()
                local _ <close> = setmetatable({}, { __close = function() error("second", 0) end })
                error("first", 0)
            end)
            local _, raised = pcall(t.await, t)
            assert.equal("second", raised)
        end)
    end)

    local function deep() error { "boom" } end
    local function middle(t) t:await() end

    it("keeps its traceback", function()
        virtual(function()
            local t = task.spawn(function()
                deep()
                return 1
            end)
            assert.is_nil(t:traceback())
            pcall(t.await, t)
            assert.matches("in upvalue 'deep'", t:traceback(), 1, true)
        end)
    end)

    it("shows the task that it awaited in its traceback", function()
        virtual(function()
            local inner = task.spawn(function()
                deep()
                return 1
            end)
            local outer = task.spawn(function()
                middle(inner)
                return 1
            end)
            pcall(outer.await, outer)
            local trace = outer:traceback()
            local from, to = trace:find("in upvalue 'deep'", 1, true), trace:find("in upvalue 'middle'", 1, true)
            assert.is_truthy(from and to and from < to)
            assert.matches("\nawaited by another task, stack traceback:\n", trace, 1, true)
        end)
    end)

    it("shows only itself when the error is another one", function()
        virtual(function()
            local inner = task.spawn(function()
                deep()
                return 1
            end)
            local outer = task.spawn(function()
                pcall(middle, inner)
                error("its own", 0)
            end)
            pcall(outer.await, outer)
            assert.is_nil(outer:traceback():find("deep", 1, true))
        end)
    end)

    it("hands its traceback on with an unobserved failure", function()
        virtual(function()
            local parent = task.spawn(function()
                task.spawn(function()
                    deep()
                    return 1
                end)
                neap.sleep(1)
            end)
            pcall(parent.await, parent)
            assert.matches("in upvalue 'deep'", parent:traceback(), 1, true)
        end)
    end)
end)

describe("places that cannot wait", function()
    after_each(helper.assert_idle)

    local function sleep() neap.sleep(1) end
    local callbacks = {
        ["table.sort"] = function() table.sort({ 3, 1, 2 }, function() sleep() end) end,
        ["string.gsub"] = function() return (("a"):gsub(".", sleep)) end,
        ["__tostring"] = function() return tostring(setmetatable({}, { __tostring = sleep })) end,
        ["load"] = function() assert(load(sleep)) end,
        ["require"] = function()
            package.preload["spec.sleeping"] = sleep
            require "spec.sleeping"
        end,
    }
    for name, callback in pairs(callbacks) do
        it("say so: " .. name, function()
            virtual(function()
                local ok, message = pcall(callback)
                assert.is_false(ok)
                assert.matches("cannot wait here: waiting works in tasks", message)
                assert.equal(0, neap.now())
            end)
        end)
    end

    it("say so: the main thread", function()
        local ok, message = pcall(neap.sleep, 1)
        assert.is_false(ok)
        assert.matches("cannot wait here", message)
    end)

    it("but metamethods, pcall, xpcall and iterators can", function()
        virtual(function()
            local slow = setmetatable({}, {
                __index = function(_, name) neap.sleep(1) return name end,
                __add = function() neap.sleep(1) return 7 end,
                __call = function() neap.sleep(1) return nil end,
            })
            assert.equal("x", slow.x)
            assert.equal(7, slow + 1)
            for _ in slow do error "no items" end
            assert.is_true(pcall(neap.sleep, 1))
            assert.is_true(xpcall(neap.sleep, error, 1))
            assert.equal(5, neap.now())
        end)
    end)
end)

describe("many tasks", function()
    after_each(helper.assert_idle)
    local many = helper.scale(100000, 20000)

    it("sleep side by side", function()
        virtual(function()
            local count = 0
            for i = 1, many do
                task.spawn(function()
                    clock.sleep(i % 100)
                    count = count + 1
                end)
            end
            neap.sleep(100)
            assert.equal(many, count)
        end)
    end)

    -- Each of these took time that grew with the square of the number.
    local endings = {
        ["with their parent's failure"] = function()
            for _ = 1, many do task.spawn(clock.sleep, 10) end
            neap.sleep(1)
            error("over", 0)
        end,
        ["one by one"] = function()
            local tasks = {}
            for i = 1, many do tasks[i] = task.spawn(clock.sleep, 10) end
            neap.sleep(1)
            for i = 1, many do tasks[i]:cancel() end
        end,
        ["with a child each"] = function()
            for _ = 1, many // 2 do
                task.spawn(function()
                    task.spawn(clock.sleep, 10)
                    clock.sleep(10)
                end)
            end
            neap.sleep(1)
            error("over", 0)
        end,
    }
    for name, body in pairs(endings) do
        it("end " .. name, function()
            local cpu = os.clock()
            virtual(function()
                pcall(function() task.spawn(body):await() end)
                assert.equal(1, neap.now())
            end)
            assert.is_true(os.clock() - cpu < 20)
        end)
    end

    it("leave no memory behind", function()
        local function round()
            virtual(function()
                for _ = 1, 1000 do
                    local t = task.spawn(clock.sleep, 10)
                    task.spawn(function() error "lost" end)
                    neap.sleep(0)
                    t:cancel()
                end
            end)
        end
        local function used()
            pcall(round)
            collectgarbage()
            collectgarbage()
            return collectgarbage "count"
        end
        used()
        local before = used()
        assert.is_true(used() - before < 20)
    end)
end)
