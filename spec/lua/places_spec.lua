--- flow.places: how many records of a delivery may be under way, and who waits for a place. With calls and queues:
-- spec/c/test_queue.c.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local clock = require "neap.native.clock"
local deliver = require "neap.deliver"
local flow = require "neap.native.flow"
local log = require "neap.native.log"
local runtime = require "neap.runtime"
local task = require "neap.native.task"

local function virtual(fn)
    return neap.run(fn, { clock = "virtual", seed = 1 })
end

local function new_call(gate, status)
    local queue = flow.queue { gate = gate or flow.gate { name = "g" } }
    local policy = flow.policy { { status = { 503 }, backoff = "constant", base = 10, retries = 5 } }
    local call = flow.call(queue, policy, true)
    if status then
        assert(call:admit())
        call:settle { status = status }
    end
    return call
end

describe("places", function()
    after_each(helper.assert_idle)

    it("are as many as there are", function()
        local places = flow.places(2)
        assert.is_true(places:has_room())
        assert.same({ true, true, false, false }, { places:take(), places:take(), places:take(), places:has_room() })
        assert.is_true(places:release())
        assert.is_nil((places:ask()))
        assert.is_false(places:take())
    end)

    it("refuse what is none", function()
        assert.has_error(function() flow.places(0) end)
        assert.has_error(function() flow.places "some" end)
        assert.has_error(function() flow.places(1):release() end)
    end)

    it("go to those who wait, in the order in which they came", function()
        virtual(function()
            local places, got = flow.places(1), {}
            assert(places:take())
            for i = 1, 3 do
                task.spawn(function()
                    assert.is_true(places:ask():wait())
                    got[#got + 1] = i
                    assert.is_false(places:take())
                    clock.sleep(1)
                    places:release()
                end)
            end
            clock.sleep(5)
            assert.same({}, got)
            assert.is_false(places:release())
            clock.sleep(1.5)
            assert.same({ 1, 2 }, got)
            clock.sleep(5)
            assert.same({ 1, 2, 3 }, got)
            assert.is_true(places:has_room())
        end)
    end)

    it("pass by who has been cancelled, and tell who has one and does not know it yet", function()
        virtual(function()
            local places = flow.places(1)
            assert(places:take())
            local gone, late = places:ask(), places:ask()
            local first = task.spawn(function() gone:wait() end)
            local second = task.spawn(function() late:wait() end)
            clock.sleep(1)
            first:cancel()
            assert.is_false(places:release())
            assert.same({ false, true }, { gone:is_granted(), late:is_granted() })
            second:cancel()
            assert.is_true(places:release())
        end)
    end)

    it("are waited for by calls once nothing blocks these", function()
        virtual(function()
            local places, call = flow.places(1), new_call(nil, 503)
            assert(places:take())
            task.spawn(function()
                clock.sleep(15)
                places:release()
            end)
            assert.is_true(call:blocked())
            assert.is_true(call:wait(places))
            assert.equal(15, clock.now())
            assert.is_false(places:has_room())
            assert.same({ true, false }, { call:take_place(), call:take_place() })
            call:finish()
            assert.is_true(places:release())
        end)
    end)

    it("come back from a call that is finished before it has taken its own", function()
        virtual(function()
            local places, call = flow.places(1), new_call(nil, 503)
            assert.is_true(call:wait(places))
            assert.is_false(places:has_room())
            call:finish()
            assert.is_true(places:has_room())
            assert.is_false(call:take_place())
        end)
    end)

    it("live as long as a call that has got one", function()
        virtual(function()
            local call = new_call(nil, 503)
            local kept = setmetatable({ flow.places(1) }, { __mode = "v" })
            assert(call:wait(kept[1]))
            collectgarbage()
            assert.is_truthy(kept[1])
            call:finish() -- gives it back
        end)
    end)

    it("go to the next call where one is blocked again", function()
        virtual(function()
            local gate, places, order = flow.gate { name = "shut" }, flow.places(1), {}
            local shut, open = new_call(gate, 503), new_call(nil, 503)
            assert(places:take())
            for name, call in pairs { shut = shut, open = open } do
                task.spawn(function()
                    if name == "open" then clock.sleep(1) end -- comes second
                    assert(call:wait(places))
                    assert(call:take_place())
                    order[#order + 1] = name
                    places:release()
                    call:finish()
                end)
            end
            clock.sleep(20)
            gate:pause(10)
            places:release()
            clock.sleep(20)
            assert.same({ "open", "shut" }, order)
        end)
    end)
end)

describe("a record that waits for its session after another wait", function()
    setup(function() log.configure { level = "error" } end)
    teardown(function() log.configure { level = "info" } end)
    after_each(helper.assert_idle)

    -- Whether its coroutine is needed meanwhile or not.
    local fns = {
        ["with its coroutine"] = function(v, row)
            local answer, err = v:put(row)
            return answer, err
        end,
        ["without"] = function(v, row) return v:put(row) end,
    }
    for how, fn in pairs(fns) do
        for _, status in ipairs { "429", "503" } do
            it(("is not sent without a place, %s, %s"):format(how, status), function()
                acme.run(function(v)
                    local rows = {}
                    for i = 1, 6 do rows[i] = { id = tostring(i), plan = status } end
                    local summary = assert(deliver.run(rows, function(row) return fn(v, row) end, {
                        concurrency = 1, dead_letters = helper.tmpdir() .. "/dead.ndjson",
                    }))
                    assert.equal(6, summary.ok)
                    assert.equal(1, (runtime.sandbox():inspect "slow_login"))
                end, { vendor = "slow_login", script_dir = helper.root .. "/spec/support/slow_login" })
            end)
        end
    end
end)
