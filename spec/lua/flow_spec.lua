-- flow: limits, gates, retry policies and calls as the library uses them. The rules themselves are
-- tested in spec/c/test_limit.c, test_gate.c, test_retry.c and test_queue.c.
local neap = require "neap"
local clock = require "neap.native.clock"
local flow = require "neap.native.flow"
local task = require "neap.native.task"

local OUTAGE = {
    status = { 502, 503, 504 }, backoff = "constant", base = 300, retries = 5, gate = true,
}

local function virtual(fn)
    return neap.run(function()
        local start = clock.now()
        fn(function() return clock.now() - start end)
    end, { clock = "virtual" })
end

local function make_queue(...)
    local gate = flow.gate { name = "omnisegment/taiwan" }
    return flow.queue { limits = { ... }, gate = gate }, gate
end

local function pace(n)
    return flow.limit { shape = "pace", count = n, period = 1, jitter = 0 }
end

--- Sends until it is settled for good; answer(n) gives what settle takes for the n-th send.
local function perform(queue, policy, answer)
    local call <close> = flow.call(queue, policy, true)
    local sent = {}
    while true do
        local ok, err = call:admit()
        if not ok then return nil, err, sent, call:attempts() end
        sent[#sent + 1] = clock.now()
        local verdict = call:settle(answer(#sent))
        if verdict ~= "retry" then return verdict, nil, sent, call:attempts() end
    end
end

describe("flow.limit", function()
    it("spaces calls", function()
        virtual(function(now)
            local queue = make_queue(pace(10))
            local policy = flow.policy {}
            for i = 0, 9 do
                assert.equal("ok", perform(queue, policy, function() return 200 end))
                assert.near(i / 10, now(), 1e-9)
            end
        end)
    end)

    it("catches up where the vendor lets a burst come", function()
        virtual(function(now)
            local queue = make_queue(flow.limit { shape = "pace", count = 10, period = 1, burst = 1, jitter = 0 })
            local policy = flow.policy {}
            for i = 0, 99 do
                assert.equal("ok", perform(queue, policy, function()
                    assert.near(i / 10, now(), 1e-9)
                    clock.sleep(i % 3 / 100) -- the way there, as far as the answer tells
                    return 200
                end))
            end
            assert.equal(11, queue:peek().limits[1].count)
        end)
    end)

    it("says what is wrong with its options", function()
        local function try(options)
            local ok, message = pcall(flow.limit, options)
            assert.is_false(ok)
            return message
        end
        assert.matches("shape", try { count = 1, period = 1 })
        assert.matches("count", try { shape = "pace", count = 0, period = 1 })
        assert.matches("count", try { shape = "pace", count = 1.5, period = 1 })
        assert.matches("period", try { shape = "pace", count = 1, period = 0 })
        assert.matches("period", try { shape = "pace", count = 1, period = "1" })
        assert.matches("jitter", try { shape = "pace", count = 1, period = 1, jitter = 0 / 0 })
        assert.matches("burst", try { shape = "pace", count = 1, period = 1, burst = -1 })
        assert.matches("burst", try { shape = "pace", count = 1, period = 1, burst = 0.5 })
        assert.matches("burst", try { shape = "pace", count = 1, period = 1, burst = 10000001 })
        assert.matches("burst", try { shape = "window", count = 1, period = 1, burst = 1 })
    end)
end)

describe("flow.queue", function()
    it("shows its state and spends nothing", function()
        virtual(function()
            local queue, gate = make_queue(
                flow.limit { shape = "window", count = 2, period = 10, jitter = 0 })
            local policy = flow.policy {}
            for _ = 1, 2 do perform(queue, policy, function() return 200 end) end
            local seen
            for _ = 1, 100 do seen = queue:peek() end
            assert.same({
                waiting = 0, next_in = 10, paused_in = 0, gate = "open",
                limits = { { used = 2, count = 2, period = 10, next_in = 10 } },
            }, seen)
            gate:pause(20)
            gate:pause(5)
            assert.equal(20, queue:peek().paused_in)
            assert.equal(20, queue:peek().next_in)
        end)
    end)

    it("says when a call could leave", function()
        virtual(function()
            local queue, gate = make_queue(flow.limit { shape = "window", count = 1, period = 10, jitter = 0 })
            assert.equal(0, (queue:ready_in()))
            perform(queue, flow.policy {}, function() return 200 end)
            for _ = 1, 3 do assert.same({ 10, 0 }, { queue:ready_in() }) end
            gate:pause(20)
            assert.same({ 20, 20 }, { queue:ready_in() })
        end)
    end)

    it("does not say when a call could leave that waits for a departure", function()
        virtual(function()
            local queue, gate = make_queue(flow.limit { shape = "window", count = 1, period = 10, jitter = 0 })
            local call = flow.call(queue, flow.policy {}, true)
            assert.is_true(call:admit())
            assert.is_nil((queue:ready_in()))
            gate:pause(20)
            assert.equal(20, (select(2, queue:ready_in())))
            call:finish()
            assert.equal(20, (queue:ready_in()))
        end)
    end)

    it("refuses what it cannot work with", function()
        local gate, limit = flow.gate {}, pace(1)
        assert.has_error(function() flow.queue { limits = { limit } } end)
        assert.has_error(function() flow.queue { limits = { gate }, gate = gate } end)
        assert.has_error(function() flow.queue { limits = { limit, limit }, gate = gate } end)
        local nine = {}
        for i = 1, 9 do nine[i] = pace(1) end
        assert.has_error(function() flow.queue { limits = nine, gate = gate } end)
    end)

    it("keeps limits and gate alive", function()
        virtual(function(now)
            local queue = make_queue(pace(1))
            local policy = flow.policy {}
            for _ = 1, 3 do
                collectgarbage()
                perform(queue, policy, function() return 200 end)
            end
            assert.near(2, now(), 1e-9)
        end)
    end)

    it("lets a cancelled task's turn pass to the next", function()
        virtual(function(now)
            local queue, policy, order = make_queue(pace(1)), flow.policy {}, {}
            local tasks = {}
            for i = 1, 4 do
                tasks[i] = task.spawn(function()
                    perform(queue, policy, function() return 200 end)
                    order[#order + 1] = i
                end)
            end
            neap.sleep(0.5)
            tasks[2]:cancel()
            for _, t in ipairs { tasks[1], tasks[3], tasks[4] } do t:await() end
            assert.same({ 1, 3, 4 }, order)
            assert.near(2, now(), 1e-9)
            assert.equal(0, task.stats().timers)
        end)
    end)
end)

describe("flow.policy", function()
    it("says what is wrong with a rule", function()
        local function try(rule)
            local ok, message = pcall(flow.policy, { rule })
            assert.is_false(ok)
            return message
        end
        assert.matches("retries", try { status = 503, base = 1 })
        assert.matches("status", try { status = { 42 }, retries = 1 })
        assert.matches("status", try { status = "503", retries = 1 })
        assert.matches("failure", try { failure = "netwrok", retries = 1 })
        assert.matches("backoff", try { status = 503, retries = 1, backoff = "linear" })
        assert.matches("jitter", try { status = 503, retries = 1, jitter = true })
        assert.matches("gate", try { status = 503, retries = 1, gate = "yes" })
        assert.matches("factor", try { status = 503, retries = 1, factor = 0.5 })
        assert.matches("base", try { status = 503, retries = 1, base = -1 })
        assert.matches("unknown field 'retrys'", try { status = 503, retries = 1, retrys = 1 })
        assert.matches("status or a failure", try { retries = 1 })
    end)

    it("retries a 429 when the vendor says, holding the group", function()
        virtual(function(now)
            local queue = make_queue()
            local policy = flow.policy {}
            local call <close> = flow.call(queue, policy, false)
            assert.is_true(call:admit())
            local verdict, wait = call:settle { status = 429, retry_after = 7 }
            assert.equal("retry", verdict)
            assert.equal(7, wait)
            assert.is_true(call:blocked())
            local other <close> = flow.call(queue, policy, false)
            assert.is_true(other:blocked())
            assert.is_true(other:admit())
            assert.near(7, now(), 1e-9)
            assert.equal("ok", other:settle(200))
            assert.is_true(call:admit())
            assert.near(7, now(), 1e-9)
        end)
    end)

    it("repeats ambiguous failures only where that is allowed", function()
        virtual(function()
            local queue, policy = make_queue(), flow.policy {}
            local write <close> = flow.call(queue, policy, false)
            write:admit()
            assert.equal("unknown", write:settle(nil, "timeout", true))
            local read <close> = flow.call(queue, policy, true)
            read:admit()
            local verdict, wait = read:settle(nil, "timeout", true)
            assert.equal("retry", verdict)
            assert.is_true(wait >= 0.5 and wait <= 1)
            assert.is_true(read:admit())
            assert.equal("fail", read:settle(nil, "tls", false))
            local attempts = read:attempts()
            assert.equal("timeout", attempts[1].error)
            assert.equal("tls", attempts[2].error)
            assert.is_nil(attempts[2].status)
            local sends, departed = read:sends()
            assert.same({ 2, 1 }, { sends, departed })
        end)
    end)

    it("judges a body that breaks off on the same budget, and tells nobody else", function()
        virtual(function()
            local queue, gate = make_queue()
            local call <close> = flow.call(queue, flow.policy {}, true)
            assert.has_error(function() call:broke "truncated" end)
            for _ = 1, 4 do
                assert.is_true(call:admit())
                assert.has_error(function() call:broke "truncated" end)
                assert.equal("ok", call:settle(200))
                local verdict, wait = call:broke "truncated"
                assert.equal("retry", verdict)
                assert.is_true(wait > 0)
            end
            call:admit()
            call:settle(200)
            assert.equal("fail", call:broke "truncated")
            assert.equal(5, #call:attempts())
            for _, attempt in ipairs(call:attempts()) do
                assert.equal("truncated", attempt.error)
                assert.is_nil(attempt.status)
            end
            assert.equal("open", gate:state())
            local write <close> = flow.call(queue, flow.policy {}, false)
            write:admit()
            write:settle(200)
            assert.equal("unknown", write:broke "network")
        end)
    end)
end)

describe("an outage", function()
    it("of twelve minutes is waited out by one record for all", function()
        virtual(function(now)
            local queue, gate = make_queue(pace(10))
            local policy, results = flow.policy { OUTAGE }, {}
            local function answer() return now() < 720 and 503 or 200 end
            local tasks = {}
            for i = 1, 50 do
                tasks[i] = task.spawn(function()
                    local verdict, _, sent, attempts = perform(queue, policy, answer)
                    results[i] = { verdict = verdict, sent = sent, attempts = attempts }
                end)
            end
            neap.sleep(10)
            assert.equal("closed", gate:state())
            for _, t in ipairs(tasks) do t:await() end
            assert.equal("open", gate:state())
            assert.same({ 0, 300, 600, 900 }, results[1].sent)
            assert.same({
                { at = "2026-01-01T00:00:00.000Z", status = 503, wait = 0 },
                { at = "2026-01-01T00:05:00.000Z", status = 503, wait = 300 },
                { at = "2026-01-01T00:10:00.000Z", status = 503, wait = 300 },
                { at = "2026-01-01T00:15:00.000Z", status = 200, wait = 300 },
            }, results[1].attempts)
            assert.equal(2, #results[2].sent)
            for i = 3, 50 do assert.equal(1, #results[i].sent) end
        end)
    end)

    it("of forty minutes ends everything that waits, with its cause", function()
        virtual(function(now)
            local queue, gate = make_queue(pace(10))
            local policy, errs = flow.policy { OUTAGE }, {}
            local tasks = {}
            for i = 1, 20 do
                tasks[i] = task.spawn(function()
                    local verdict, err = perform(queue, policy, function() return 503 end)
                    errs[i] = err or verdict
                end)
            end
            for _, t in ipairs(tasks) do t:await() end
            assert.near(1500, now(), 1e-6)
            assert.equal("down", gate:state())
            assert.equal("fail", errs[1])
            for i = 2, 20 do
                assert.equal("outage", errs[i].kind)
                assert.equal(6, #errs[i].cause)
                assert.same({ at = "2026-01-01T00:25:00.000Z", status = 503, wait = 300 },
                    errs[i].cause[6])
            end
            assert.equal("omnisegment/taiwan down after 6 sends, the last answered HTTP 503",
                errs[2].message)
            local late <close> = flow.call(queue, policy, true)
            assert.is_false(late:blocked())
            local ok, err = late:admit()
            assert.is_nil(ok)
            assert.equal("outage", err.kind)
            neap.sleep(300)
            assert.equal("open", gate:state())
            assert.is_true(late:admit())
        end)
    end)
end)

describe("call:wait", function()
    it("waits for the gate and reserves nothing", function()
        virtual(function(now)
            local queue = make_queue(pace(10))
            local policy = flow.policy { OUTAGE }
            local first <close> = flow.call(queue, policy, true)
            local second <close> = flow.call(queue, policy, true)
            local third <close> = flow.call(queue, policy, true)
            for _, call in ipairs { first, second } do
                call:admit()
                call:settle(503)
            end
            assert.is_true(first:probing())
            assert.is_false(second:probing())
            local looked = 0
            local waits = {}
            for i, call in ipairs { first, second, third } do
                waits[i] = task.spawn(function()
                    assert.is_true(call:blocked())
                    assert.is_true(call:wait())
                    looked = looked + 1
                    assert.is_false(call:blocked())
                end)
            end
            waits[1]:await()
            assert.near(300, now(), 1e-6)
            assert.equal(1, looked)
            assert.equal(0, queue:peek().limits[1].used)
            first:admit()
            assert.equal("ok", first:settle(200))
            waits[2]:await()
            waits[3]:await()
            assert.near(300, now(), 1e-6)
            assert.is_true(third:wait()) -- not blocked: at once
            assert.equal(1, queue:peek().limits[1].used)
        end)
    end)

    it("ends with the outage", function()
        virtual(function()
            local queue = make_queue()
            local policy = flow.policy { { status = 503, base = 10, retries = 1, gate = true } }
            local calls = {}
            for i = 1, 3 do calls[i] = flow.call(queue, policy, true) end
            for i = 1, 2 do
                calls[i]:admit()
                calls[i]:settle(503)
            end
            local waits = {}
            for i = 2, 3 do
                waits[i] = task.spawn(function() return calls[i]:wait() end)
            end
            calls[1]:admit()
            assert.equal("fail", calls[1]:settle(503))
            for i = 2, 3 do
                local ok, err = waits[i]:await()
                assert.is_nil(ok)
                assert.equal("outage", err.kind)
            end
            for i = 1, 3 do calls[i]:finish() end
        end)
    end)
end)

describe("flow.call", function()
    it("gives back what it did not send", function()
        virtual(function()
            local queue = make_queue(pace(1))
            do
                local call <close> = flow.call(queue, flow.policy {}, true)
                assert.is_true(call:admit())
                assert.equal(1, queue:peek().limits[1].used)
            end
            assert.equal(0, queue:peek().limits[1].used)
            flow.call(queue, flow.policy {}, true):admit()
            collectgarbage()
            collectgarbage()
            assert.equal(0, queue:peek().limits[1].used)
        end)
    end)

    it("refuses misuse", function()
        virtual(function()
            local call = flow.call(make_queue(), flow.policy {}, true)
            assert.has_error(function() call:settle(200) end)
            assert.is_true(call:admit())
            assert.has_error(function() call:admit() end)
            assert.has_error(function() call:settle(42) end)
            assert.has_error(function() call:settle("ok") end)
            assert.equal("ok", call:settle(200))
            call:finish()
            call:finish()
            assert.has_error(function() call:admit() end)
            assert.equal(1, #call:attempts())
        end)
        local call = flow.call(make_queue(), flow.policy {}, true)
        assert.has_error(function() call:admit() end) -- outside a task
    end)

    it("tells a task that waits when somebody else finishes the call", function()
        virtual(function()
            local queue = make_queue(pace(1))
            local first <close> = flow.call(queue, flow.policy {}, true)
            local second = flow.call(queue, flow.policy {}, true)
            first:admit()
            local waiting = task.spawn(function() return second:admit() end)
            neap.sleep(1)
            second:finish()
            local ok, err = waiting:await()
            assert.is_nil(ok)
            assert.equal("cancelled", err.kind)
            assert.equal(0, queue:peek().waiting)
        end)
    end)

    it("lets ten thousand wait", function()
        virtual(function(now)
            local limit = flow.limit { shape = "window", count = 100, period = 1, jitter = 0 }
            local queue = make_queue(limit)
            local policy, tasks = flow.policy {}, {}
            for i = 1, 10000 do
                tasks[i] = task.spawn(perform, queue, policy, function() return 200 end)
            end
            for _, t in ipairs(tasks) do t:await() end
            assert.near(99, now(), 1e-6)
        end)
    end)
end)

describe("call:withdraw", function()
    it("gives an admission back before it was used, and keeps the place in the line", function()
        virtual(function(now)
            local queue = make_queue(flow.limit { shape = "window", count = 1, period = 60, jitter = 0 })
            local policy = flow.policy {}
            local first <close> = flow.call(queue, policy, true)
            local second <close> = flow.call(queue, policy, true)
            assert.is_true(first:admit())
            assert.equal(1, queue:peek().limits[1].used)
            first:withdraw()
            assert.equal(0, queue:peek().limits[1].used)
            assert.same({}, first:attempts())
            local order = {}
            local waits = {}
            for name, call in pairs { first = first, second = second } do
                waits[#waits + 1] = task.spawn(function()
                    call:admit()
                    order[#order + 1] = name
                    call:withdraw()
                end)
            end
            for _, wait in ipairs(waits) do wait:await() end
            assert.equal(2, #order)
            assert.equal(0, now())
        end)
    end)

    it("refuses where there is nothing to give back", function()
        virtual(function()
            local call <close> = flow.call(make_queue(), flow.policy {}, true)
            assert.has_error(function() call:withdraw() end,
                "nothing to withdraw: the call is not admitted, or has left")
        end)
    end)
end)
