--- Events: tasks that wait for each other, first come first served.

local helper = require "spec.support.helper"
local neap = require "neap"

local event = require "neap.native.event"
local task = require "neap.native.task"

local function virtual(fn)
    return neap.run(fn, { clock = "virtual", seed = 1 })
end

--- Starts n tasks that wait for e and then add their number to the list.
local function start_waiters(e, n)
    local order, tasks = {}, {}
    for i = 1, n do
        tasks[i] = task.spawn(function()
            assert.is_true(e:wait())
            order[#order + 1] = i
        end)
    end
    neap.sleep(0)
    return order, tasks
end

describe("an event", function()
    after_each(helper.assert_idle)

    it("wakes one per signal, in order of arrival", function()
        virtual(function()
            local e = event.new()
            local order = start_waiters(e, 3)
            assert.is_true(e:signal())
            neap.sleep(0)
            assert.same({ 1 }, order)
            assert.is_true(e:signal())
            assert.is_true(e:signal())
            assert.is_false(e:signal())
            neap.sleep(0)
            assert.same({ 1, 2, 3 }, order)
        end)
    end)

    it("remembers no signal", function()
        virtual(function()
            local e = event.new()
            assert.is_false(e:signal())
            e:broadcast()
            local order, tasks = start_waiters(e, 1)
            assert.same({}, order)
            tasks[1]:cancel()
        end)
    end)

    it("wakes all at a broadcast, but not those who come then", function()
        virtual(function()
            local e, rounds = event.new(), 0
            local t = task.spawn(function()
                while true do
                    e:wait()
                    rounds = rounds + 1
                end
            end)
            local order = start_waiters(e, 3)
            e:broadcast()
            neap.sleep(0)
            assert.same({ 1, 2, 3 }, order)
            assert.equal(1, rounds)
            t:cancel()
        end)
    end)

    for _, gone in ipairs { 1, 2, 3 } do
        it("forgets a cancelled waiter: " .. gone, function()
            virtual(function()
                local e = event.new()
                local order, tasks = start_waiters(e, 3)
                tasks[gone]:cancel()
                assert.is_true(e:signal())
                assert.is_true(e:signal())
                assert.is_false(e:signal())
                neap.sleep(0)
                local expected = {}
                for i = 1, 3 do
                    if i ~= gone then expected[#expected + 1] = i end
                end
                assert.same(expected, order)
            end)
        end)
    end

    it("is kept alive by who waits for it", function()
        virtual(function()
            local t = task.spawn(function() event.new():wait() end)
            neap.sleep(0)
            collectgarbage()
            collectgarbage()
            t:cancel()
            assert.equal("cancelled", t:status())
        end)
    end)

    it("is refused outside a task, and is no other userdata", function()
        local ok, message = pcall(function() event.new():wait() end)
        assert.is_false(ok)
        assert.matches("cannot wait here", message)
        assert.is_false((pcall(event.new().wait, io.stdout)))
        assert.is_false(getmetatable(event.new()))
    end)
end)
