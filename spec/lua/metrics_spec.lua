--- neap.metrics: what is counted where, held against what the simulators saw. All specs of a file share one
-- runtime, so each looks at what was added.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"
local prometheus = require "spec.support.prometheus"
local service = require "spec.support.service"

local deliver = require "neap.deliver"
local log = require "neap.native.log"

local function read()
    return (prometheus.parse(neap.metrics()))
end

--- Has fn called with a function that asks what a series has grown by since.
local function measured(fn, options)
    acme.run(function(v)
        local before = read()
        fn(v, function(name, labels)
            local key = labels and ("%s{%s}"):format(name, labels) or name
            return (read()[key] or 0) - (before[key] or 0)
        end)
    end, options)
end

local PUT = 'vendor="acme",endpoint="put"'
local LIMIT = 'vendor="acme",limit="10/1s except ping at /put"'

_G.neap = neap -- for the script of a service

local function waits_for(what) return ('vendor="acme",limit="%s"'):format(what) end

local function outcome(kind, endpoint)
    return ('vendor="acme",endpoint="%s",outcome="%s"'):format(endpoint or "put", kind)
end

--- Calls at once; waits for all of them.
local function call_all(v, count, params)
    local tasks = {}
    for i = 1, count do
        tasks[i] = neap.spawn(function()
            local values = { id = i }
            for name, value in pairs(params or {}) do values[name] = value end
            return v:put(values)
        end)
    end
    for _, task in ipairs(tasks) do task:await() end
end

describe("metrics", function()
    setup(function() log.configure { level = "error" } end)
    teardown(function() log.configure { level = "info" } end)
    after_each(helper.assert_idle)

    it("are a text that Prometheus can read, with and without calls", function()
        local _, families = prometheus.parse(neap.metrics())
        assert.equal("histogram", families.neap_call_duration_seconds.type)
        assert.equal("counter", families.neap_waits_total.type)
        assert.equal("gauge", families.neap_tasks_live.type)
        acme.run(function(v)
            v:put { id = 1, plan = "503 200" }
            assert(neap.vendor "acme":ping {})
            prometheus.parse(neap.metrics())
        end)
    end)

    it("count calls, sends, and waits for a pace with their seconds", function()
        measured(function(v, grown)
            call_all(v, 25)
            assert.equal(25, grown("neap_calls_total", outcome "ok"))
            assert.equal(25, grown("neap_sends_total", PUT))
            assert.equal(25, #acme.seen())
            assert.equal(24, grown("neap_waits_total", LIMIT))
            assert.near(0.1 * 24 * 25 / 2, grown("neap_wait_seconds_total", LIMIT), 0.001)
            assert.near(0.1 * 24 * 25 / 2, grown("neap_call_duration_seconds_sum", PUT), 0.001)
            assert.equal(11, grown("neap_call_duration_seconds_bucket", PUT .. ',le="1"'))
            assert.equal(25, grown("neap_send_duration_seconds_count", PUT))
            assert.equal(0, grown("neap_waits_total", waits_for "retry"))
            assert.equal(25, grown "neap_tasks_started_total")
        end)
    end)

    it("know who waits now, and for how long already", function()
        measured(function(v, grown)
            local all = neap.spawn(call_all, v, 25)
            neap.sleep(0.95)
            local waiting = 'neap_calls_waiting{' .. LIMIT .. '}'
            assert.equal(15, read()[waiting])
            local so_far = 0.1 * 9 * 10 / 2 + 15 * 0.95
            assert.near(so_far, grown("neap_wait_seconds_total", LIMIT), 0.001)
            all:await()
            assert.equal(0, read()[waiting])
            assert.equal(1, read().neap_tasks_live)
        end)
    end)

    -- plan, outcome, retries by reason, seconds of the waits for them
    local programs = {
        { "429 200", "ok", { ["429"] = 1 }, 1 },
        { "503 503 200", "ok", { ["503"] = 2 }, 600 },
        { "429 503 200", "ok", { ["429"] = 1, ["503"] = 1 }, 301 },
        { "400", "rejected", {}, 0 },
        { "429 429 429 429", "limit", { ["429"] = 3 }, 7 },
        { "301 200", "redirect", {}, 0 },
    }
    for _, case in ipairs(programs) do
        local plan, kind, reasons, seconds = table.unpack(case)
        it("count the retries of " .. plan, function()
            measured(function(v, grown)
                v:put { id = 1, plan = plan }
                local retries = 0
                for reason, count in pairs(reasons) do
                    assert.equal(count, grown("neap_retries_total", PUT .. (',reason="%s"'):format(reason)))
                    retries = retries + count
                end
                assert.equal(#acme.seen(), grown("neap_sends_total", PUT))
                assert.equal(#acme.seen() - 1, retries)
                assert.equal(1, grown("neap_calls_total", outcome(kind)))
                assert.equal(retries, grown("neap_waits_total", waits_for "retry"))
                assert.near(seconds, grown("neap_wait_seconds_total", waits_for "retry"), 0.001)
                assert.near(seconds, grown("neap_call_duration_seconds_sum", PUT), 0.2)
            end)
        end)
    end

    it("agree with the log of the sandbox and the summary", function()
        local path = helper.tmpdir() .. "/sandbox.ndjson"
        local sends, ok, retries, failed = nil, nil, 0, 0
        measured(function(v, grown)
            local rows = {}
            for i = 1, 300 do rows[i] = { id = i } end
            local summary = assert(deliver.run(rows, function(row) return v:put(row) end,
                { dead_letters = helper.tmpdir() .. "/dead.ndjson" }))
            sends, ok = grown("neap_sends_total", PUT), grown("neap_calls_total", outcome "ok")
            for key, value in pairs(read()) do
                local reason = key:match('^neap_retries_total{' .. PUT .. ',(reason="[^"]*")}$')
                if reason then retries = retries + grown("neap_retries_total", PUT .. "," .. reason) end
                local kind = key:match('^neap_calls_total{' .. PUT .. ',outcome="(%l+)"}$')
                if kind and kind ~= "ok" and value > 0 then
                    failed = failed + grown("neap_calls_total", outcome(kind))
                end
            end
            assert.equal(summary.ok, ok)
            assert.equal(summary.failed + summary.unknown, failed)
            assert.is_true(summary.retried > 0 and retries >= summary.retried)
        end, { faults = "429:p=0.1;500:p=0.05;503:p=0.02;reset:p=0.05;truncate:p=0.03", sandbox_log = path })
        local lines = 0
        for _ in io.lines(path) do lines = lines + 1 end
        assert.equal(lines, sends)
        assert.equal(retries, sends - 300)
    end)

    it("count refused parameters as calls, but neither sends nor durations of them", function()
        measured(function(v, grown)
            v:put {}
            assert.equal(1, grown("neap_calls_total", outcome "invalid"))
            assert.equal(0, grown("neap_sends_total", PUT))
            assert.equal(0, grown("neap_call_duration_seconds_count", PUT))
        end)
    end)

    it("do not count what a dry run only shows", function()
        local out = io.stdout
        io.stdout = { write = function() end, flush = function() end } -- luacheck: ignore 122
        measured(function(v, grown)
            v:put { id = 1 }
            io.stdout = out -- luacheck: ignore 122
            assert.equal(0, grown("neap_calls_total", outcome "ok"))
            assert.equal(0, grown("neap_sends_total", PUT))
        end, { dry_run = true })
    end)

    it("end the waits of calls that are cancelled", function()
        measured(function(v, grown)
            local tasks = {}
            for i = 1, 20 do tasks[i] = neap.spawn(function() return v:put { id = i, plan = "503 200" } end) end
            neap.sleep(0.45)
            for _, task in ipairs(tasks) do task:cancel() end
            assert.equal(0, read()["neap_calls_waiting{" .. LIMIT .. "}"])
            assert.equal(0, read()["neap_calls_waiting{" .. waits_for "retry" .. "}"])
            assert.equal(0, read()["neap_calls_waiting{" .. waits_for "gate" .. "}"])
            assert.equal(20, grown("neap_calls_total", outcome "cancelled"))
            assert.equal(#acme.seen(), grown("neap_sends_total", PUT))
        end)
    end)

    it("tell of a shut gate and of those that it holds back", function()
        measured(function(v, grown)
            local rows = {}
            for i = 1, 40 do rows[i] = { id = i } end
            local summary
            local run = neap.spawn(function()
                summary = assert(deliver.run(rows, function(row) return v:put(row) end))
            end)
            neap.sleep(60)
            assert.equal(1, read()['neap_gates_shut{vendor="acme"}'])
            local retry, gate = waits_for "retry", waits_for "gate"
            local waiting = read()["neap_calls_waiting{" .. retry .. "}"]
                + read()["neap_calls_waiting{" .. gate .. "}"]
            assert.equal(40 - grown("neap_calls_total", outcome "ok"), waiting)
            run:await()
            assert.equal(40, summary.ok)
            assert.equal(0, read()['neap_gates_shut{vendor="acme"}'])
            assert.is_true(grown("neap_waits_total", gate) > 0)
            assert.is_true(grown("neap_wait_seconds_total", gate) > 290 * grown("neap_waits_total", gate) / 2)
            assert.equal(0, read()["neap_calls_waiting{" .. gate .. "}"])
            assert.equal(0, read()["neap_calls_waiting{" .. retry .. "}"])
        end, { faults = "outage@acme:status=503,from=1,to=200" })
    end)

    it("do not count what simulators do", function()
        measured(function(v, grown)
            v:put { id = 1 }
            assert.equal(0, grown "neap_tasks_started_total")
            for key in pairs(read()) do
                if key:find "^neap_exchanges_total" then assert.equal(0, grown(key)) end
            end
        end)
    end)

    it("count exchanges by script and status, those that are broken off too", function()
        local source = [[return function(req)
            if req.path == "/slow" then neap.sleep(2) end
            if req.path == "/broken" then error "no" end
            if req.path == "/cut" then return { body = function(write) write "a" error "no" end } end
            return { status = req.path == "/none" and 404 or 200, body = "ok" }
        end]]
        local function exchanges(name, labels)
            return ('%s{script="counted.lua"%s}'):format(name, labels or "")
        end
        log.capture(function() end)
        neap.run(function()
            local send, close = service.open(source, "counted.lua")
            for _, path in ipairs { "/", "/slow", "/none", "/broken" } do assert(send(path)) end
            send "/cut"
            local slow = neap.spawn(send, "/slow")
            neap.sleep(1)
            local values = read()
            assert.equal(1, values[exchanges "neap_exchanges_live"])
            assert.equal(2, values[exchanges("neap_exchanges_total", ',status="2xx"')])
            assert.equal(1, values[exchanges("neap_exchanges_total", ',status="4xx"')])
            assert.equal(1, values[exchanges("neap_exchanges_total", ',status="5xx"')])
            assert.equal(1, values[exchanges("neap_exchanges_total", ',status="none"')])
            assert.equal(2, values[exchanges("neap_exchange_duration_seconds_sum", ',status="2xx"')])
            slow:cancel()
            neap.sleep(0)
            assert.equal(0, read()[exchanges "neap_exchanges_live"])
            close()
        end, { clock = "virtual" })
        log.capture()
    end)

    it("count logins and their sends apart", function()
        acme.run(function(v)
            local key = 'neap_login_sends_total{vendor="portal",endpoint="login"}'
            local before = read()[key] or 0
            assert(v:read {})
            assert.equal(before + 1, read()[key])
        end, { vendor = "portal", script_dir = helper.root .. "/spec/support/portal" })
    end)
end)
