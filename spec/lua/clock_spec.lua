--- The clock: virtual and real time, sleeping, random numbers.

local helper = require "spec.support.helper"
local neap = require "neap"

local clock = require "neap.native.clock"
local runtime = require "neap.runtime"
local task = require "neap.native.task"

local function virtual(fn)
    return neap.run(fn, { clock = "virtual", seed = 1 })
end

describe("the virtual clock", function()
    after_each(helper.assert_idle)

    it("starts at 0 and at a fixed date", function()
        virtual(function()
            assert.is_true(clock.is_virtual())
            assert.equal(0, clock.now())
            assert.equal(runtime.EPOCH_MS, clock.wall_ms())
            assert.equal("2026-01-01T00:00:00.000Z", clock.iso())
        end)
    end)

    it("jumps to the next deadline, to the nanosecond", function()
        virtual(function()
            for _, seconds in ipairs { 0, 1e-9, 0.1, 299.5, 86400 * 30 } do
                local start = clock.now()
                assert.is_true(clock.sleep(seconds))
                assert.near(seconds, clock.now() - start, 5e-10)
            end
            assert.equal("2026-01-31T00:04:59.600Z", clock.iso())
        end)
    end)

    it("fires equal deadlines in order of arming, earlier ones first", function()
        virtual(function()
            local order = {}
            for i, seconds in ipairs { 2, 1, 2, 1, 2 } do
                task.spawn(function()
                    clock.sleep(seconds)
                    order[#order + 1] = i
                end)
            end
            clock.sleep(3)
            assert.same({ 2, 4, 1, 3, 5 }, order)
        end)
    end)

    it("stands still while there is work at this instant", function()
        virtual(function()
            local steps = 0
            task.spawn(function()
                for _ = 1, 1000 do clock.sleep(0) end
                steps = 1000
            end)
            clock.sleep(1e-9)
            assert.equal(1000, steps)
        end)
    end)

    it("changes only while nothing is armed", function()
        virtual(function()
            local t = task.spawn(clock.sleep, 10)
            clock.sleep(0)
            for _, change in ipairs { clock.set_real, function() clock.set_virtual(0) end } do
                local ok, message = pcall(change)
                assert.is_false(ok)
                assert.matches("the clock cannot change while timers are armed", message)
            end
            t:cancel()
        end)
        assert.is_false(clock.is_virtual())
    end)

    it("is set back to the real one after a failure", function()
        pcall(virtual, function() error "boom" end)
        assert.is_false(clock.is_virtual())
    end)
end)

describe("the real clock", function()
    after_each(helper.assert_idle)

    it("never wakes early", function()
        neap.run(function()
            local start = clock.now()
            clock.sleep(0.002)
            assert.is_true(clock.now() - start >= 0.002)
        end)
    end)

    it("tells Unix time", function()
        assert.is_true(math.abs(clock.wall_ms() - os.time() * 1000) < 5000)
    end)
end)

describe("clock.sleep", function()
    after_each(helper.assert_idle)

    for _, bad in ipairs { -1, 0 / 0, math.huge, 1e10, "x", {} } do
        it("refuses " .. tostring(type(bad) == "table" and "a table" or bad), function()
            virtual(function()
                local ok, message = pcall(clock.sleep, bad)
                assert.is_false(ok)
                assert.matches("expected", message)
                assert.equal(0, clock.now())
            end)
        end)
    end
end)

describe("clock.iso", function()
    local cases = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { 999, "1970-01-01T00:00:00.999Z" },
        { 1795255200010, "2026-11-21T10:00:00.010Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { -1000, "1969-12-31T23:59:59.000Z" },
        { 951782400000, "2000-02-29T00:00:00.000Z" },
    }
    for _, case in ipairs(cases) do
        it("formats " .. case[1], function() assert.equal(case[2], clock.iso(case[1])) end)
    end
end)

describe("clock.random", function()
    local function draw(seed)
        clock.seed(seed)
        local numbers = {}
        for i = 1, 100 do numbers[i] = clock.random() end
        return numbers
    end

    it("is the same for the same seed, and not for another", function()
        assert.same(draw(42), draw(42))
        assert.are_not.same(draw(42), draw(43))
    end)

    it("is in [0, 1), and spread", function()
        local low, sum = 1, 0
        for _, number in ipairs(draw(7)) do
            assert.is_true(number >= 0 and number < 1)
            low, sum = math.min(low, number), sum + number
        end
        assert.is_true(low < 0.1)
        assert.near(50, sum, 15)
    end)
end)
