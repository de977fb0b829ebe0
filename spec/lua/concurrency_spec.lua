--- neap.spawn, map, deadline, poll, try: what is started inside a call ends before it returns.

local helper = require "spec.support.helper"
local neap = require "neap"

local errors = require "neap.error"

local function virtual(fn)
    return neap.run(fn, { clock = "virtual", seed = 1 })
end

describe("neap.map", function()
    after_each(helper.assert_idle)

    it("gives results in the order of the items", function()
        virtual(function()
            local results, errs = neap.map({ 3, 1, 2 }, { concurrency = 3 }, function(item, index)
                neap.sleep(item)
                return item * 10 + index
            end)
            assert.same({ 31, 12, 23 }, results)
            assert.is_nil(errs)
            assert.equal(3, neap.now())
        end)
    end)

    it("gives false where fn returned nil, and what it returned second", function()
        virtual(function()
            local results, errs = neap.map({ 1, 2, 3 }, {}, function(item)
                if item == 2 then return nil, "two" end
                if item == 3 then return nil end
                return false
            end)
            assert.same({ false, false, false }, results)
            assert.same({ [2] = "two" }, errs)
        end)
    end)

    it("keeps to its concurrency", function()
        virtual(function()
            for _, n in ipairs { 1, 3, 16 } do
                local running, most, start = 0, 0, neap.now()
                local items = {}
                for i = 1, 48 do items[i] = i end
                neap.map(items, { concurrency = n }, function()
                    running = running + 1
                    most = math.max(most, running)
                    neap.sleep(1)
                    running = running - 1
                end)
                assert.equal(n, most)
                assert.equal(48 / n, neap.now() - start)
            end
        end)
    end)

    it("has a default concurrency", function()
        virtual(function()
            local items = {}
            for i = 1, 32 do items[i] = i end
            neap.map(items, {}, function() neap.sleep(1) end)
            assert.equal(2, neap.now())
        end)
    end)

    it("does nothing for no items", function()
        virtual(function()
            assert.same({}, (neap.map({}, {}, error)))
            assert.same({}, (neap.map(function() end, {}, error)))
        end)
    end)

    it("asks an iterator one at a time, and never again after its end", function()
        virtual(function()
            local pages = neap.coroutine.wrap(function()
                for i = 1, 10 do
                    neap.sleep(1)
                    neap.coroutine.yield(i)
                end
            end)
            local results = neap.map(pages, { concurrency = 4 }, function(item)
                neap.sleep(2)
                return item
            end)
            assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, results)
            assert.equal(12, neap.now())
        end)
    end)

    it("raises the first failure at once and cancels the rest", function()
        virtual(function()
            local started = 0
            local ok, raised = pcall(neap.map, { 100, 1, 100, 100 }, { concurrency = 3 }, function(item)
                started = started + 1
                neap.sleep(item)
                error("item " .. item, 0)
            end)
            assert.is_false(ok)
            assert.equal("item 1", raised)
            assert.equal(1, neap.now())
            assert.equal(3, started)
        end)
    end)

    it("raises one failure when several come together", function()
        virtual(function()
            local ok, raised = pcall(neap.map, { 1, 2, 3 }, {}, function(item) error(item, 0) end)
            assert.is_false(ok)
            assert.equal(1, raised)
        end)
    end)

    it("raises what its iterator raises", function()
        virtual(function()
            local count = 0
            local ok, raised = pcall(neap.map, function()
                count = count + 1
                if count == 3 then error("page 3", 0) end
                return count
            end, { concurrency = 2 }, function() neap.sleep(1) end)
            assert.is_false(ok)
            assert.equal("page 3", raised)
        end)
    end)

    it("needs no options", function()
        virtual(function()
            assert.same({ 2, 4 }, (neap.map({ 1, 2 }, function(x) return x * 2 end)))
            assert.same({ 2 }, (neap.map({ 1 }, nil, function(x) return x * 2 end)))
        end)
    end)

    -- arguments, message
    local misuse = {
        { { { 1 }, { concurency = 2 }, print }, 'no option "concurency"; did you mean "concurrency"?' },
        { { { 1 }, { concurrency = 2 } }, "a function expected, got a nil" },
        { { { 1 }, 4, print }, "options expected, got a number" },
        { { nil, {}, print }, "a list or an iterator expected, got a nil" },
    }
    for i, case in ipairs(misuse) do
        it("refuses misuse and names the line: " .. i, function()
            virtual(function()
                local ok, message = pcall(function() neap.map(table.unpack(case[1], 1, 3)) end)
                assert.is_false(ok)
                assert.matches("concurrency_spec.lua:%d+: neap.map: ", message)
                assert.matches(case[2], message, 1, true)
            end)
        end)
    end

    for _, bad in ipairs { 0, -1, 1.5, "4" } do
        it("refuses a concurrency of " .. tostring(bad), function()
            virtual(function()
                local ok, message = pcall(neap.map, { 1 }, { concurrency = bad }, print)
                assert.is_false(ok)
                assert.matches("concurrency must be an integer from 1", message, 1, true)
            end)
        end)
    end
end)

describe("neap.deadline", function()
    after_each(helper.assert_idle)

    it("returns what fn returns, and leaves nothing behind", function()
        virtual(function()
            local results = table.pack(neap.deadline(10, function(...)
                neap.sleep(3)
                return ..., nil
            end, "a"))
            assert.same(table.pack("a", nil), results)
            assert.equal(3, neap.now())
        end)
    end)

    it("cancels fn and what it started, and tells so", function()
        virtual(function()
            local closed = 0
            local Counting = { __close = function() closed = closed + 1 end }
            local value, err = neap.deadline(5, function()
                local _ <close> = setmetatable({}, Counting)
                neap.spawn(function()
                    local _ <close> = setmetatable({}, Counting)
                    neap.sleep(100)
                end)
                neap.sleep(100)
            end)
            assert.is_nil(value)
            assert.equal("timeout", err.kind)
            assert.equal("timeout: not done within 5 s", tostring(err))
            assert.equal(2, closed)
            assert.equal(5, neap.now())
        end)
    end)

    it("raises what fn raises", function()
        virtual(function()
            local ok, raised = pcall(neap.deadline, 5, function() error("inside", 0) end)
            assert.is_false(ok)
            assert.equal("inside", raised)
        end)
    end)

    it("nests: the shorter wins", function()
        virtual(function()
            local value, err = neap.deadline(5, function()
                return neap.deadline(100, neap.sleep, 1000)
            end)
            assert.is_nil(value)
            assert.equal("timeout: not done within 5 s", tostring(err))
            value, err = neap.deadline(100, function()
                local _, inner = neap.deadline(5, neap.sleep, 1000)
                return tostring(inner)
            end)
            assert.equal("timeout: not done within 5 s", value)
            assert.is_nil(err)
            assert.equal(10, neap.now())
        end)
    end)

    it("counts a result that is there in time", function()
        virtual(function()
            assert.is_true((neap.deadline(5, neap.sleep, 5)))
            assert.is_true((neap.deadline(0, function() return true end)))
        end)
    end)

    for _, bad in ipairs { -1, 0 / 0, "5" } do
        it("refuses " .. tostring(bad) .. " before it starts anything", function()
            virtual(function()
                local started = false
                local ok, message = pcall(neap.deadline, bad, function() started = true end)
                assert.is_false(ok)
                assert.matches("concurrency_spec.lua:%d+: neap.deadline: a number of seconds .*expected, got ", message)
                neap.sleep(0)
                assert.is_false(started)
            end)
        end)
    end
end)

describe("neap.poll", function()
    -- options, message
    local misuse = {
        { { every = 1 }, "neap.poll: total is required" },
        { { total = 1 }, "neap.poll: every is required" },
        { { total = "9", every = 1 }, "neap.poll: total: a number of seconds expected, got a string" },
        { { totl = 9, every = 1 }, 'neap.poll: no option "totl"; did you mean "total"?' },
    }
    for i, case in ipairs(misuse) do
        it("refuses misuse before it asks: " .. i, function()
            local ok, message = pcall(neap.poll, case[1], error)
            assert.is_false(ok)
            assert.matches("concurrency_spec.lua:%d+: ", message)
            assert.matches(case[2], message, 1, true)
        end)
    end

    after_each(helper.assert_idle)

    it("asks until there is a value", function()
        virtual(function()
            local asked = 0
            local value = neap.poll({ every = 10, total = 100 }, function()
                asked = asked + 1
                return asked == 4 and "ready"
            end)
            assert.equal("ready", value)
            assert.equal(30, neap.now())
        end)
    end)

    it("ends with fn's error", function()
        virtual(function()
            local gone = errors.new { kind = "rejected", message = "gone" }
            local value, err = neap.poll({ every = 1, total = 10 }, function() return nil, gone end)
            assert.is_nil(value)
            assert.equal(gone, err)
        end)
    end)

    it("ends in time, without a last useless wait", function()
        virtual(function()
            local asked = 0
            local value, err = neap.poll({ every = 30, total = 100 }, function()
                asked = asked + 1
                return false
            end)
            assert.is_nil(value)
            assert.equal("timeout", err.kind)
            assert.equal(4, asked)
            assert.equal(90, neap.now())
        end)
    end)
end)

describe("neap.try", function()
    it("turns a raised error object into nil, err; nothing else", function()
        local thrown = errors.new { kind = "rejected", message = "no" }
        assert.same(table.pack(1, nil, 3), table.pack(neap.try(function(...) return ... end, 1, nil, 3)))
        assert.same(table.pack(nil, thrown), table.pack(neap.try(error, thrown)))
        local ok, raised = pcall(neap.try, error, "text", 0)
        assert.is_false(ok)
        assert.equal("text", raised)
    end)
end)

describe("neap.spawn", function()
    it("refuses what is no function", function()
        assert.is_false((pcall(neap.spawn, "text")))
        assert.is_false((pcall(neap.spawn)))
    end)
end)
