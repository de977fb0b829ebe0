--- One call (DESIGN.md 5) against a scripted simulator: checks before spending, retries by rule, what
--- an outcome is called.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local runtime = require "neap.runtime"

--- Makes one call with a plan. -> payload, err, seconds it took
local function timed(client, endpoint, plan, id)
    local start = neap.now()
    local payload, err = client[endpoint](client, { id = id or plan, plan = plan })
    return payload, err, neap.now() - start
end

describe("a call", function()
    after_each(helper.assert_idle)

    it("returns the payload; a success is never nil", function()
        acme.run(function(v)
            assert.same({ id = "1", n = 1 }, v:read { id = 1 })
            assert.equal(neap.null, (v:read { id = 2, plan = "null" }))
        end)
        acme.run(function(v)
            assert.equal(neap.null, (v:read { id = 1, plan = "empty" }))
            local list = v:read { id = 2, plan = "list" }
            assert.equal("[]", neap.json.encode(list))
        end, { vendor = "bare" })
    end)

    it("sends what it was given, in the vendor's places", function()
        acme.run(function(v)
            v:read { id = "a&b", plan = "200 200" }
            v:by_path { id = "x/y" }
            v:put { id = 7519 }
            v:in_body { id = "b" }
            v:in_query { id = "q" }
            local seen = acme.seen()
            assert.equal("id=a%26b&plan=200%20200", seen[1].query)
            assert.equal("/things/x%2Fy/parts", seen[2].path)
            assert.equal('{"id":"7519"}', seen[3].body)
            assert.equal("POST", seen[3].method)
            assert.same({ id = "b", tid = "T-1", key = runtime.SANDBOX.api_key }, neap.json.decode(seen[4].body))
            assert.matches("^tid=T%-1&", seen[5].query)
            assert.equal('{"id":"q"}', seen[5].body)
        end)
    end)
end)

describe("parameters", function()
    after_each(helper.assert_idle)

    -- parameters of acme.checked, what the one message holds
    local faulty = {
        { {}, { "id", "required", "one of email or phone is required" } },
        { { id = 1, email = "e", emial = "x" }, { "emial", 'did you mean "email"?' } },
        { { id = 1, count = 0, kind = "medium" },
            { "count", "kind", "medium", "one of email or phone" } },
        { { id = 1, email = "e", from = "2026-03-01", to = "2026-02-01" },
            { 'to: "2026-02-01" is before from "2026-03-01"' } },
        { { id = 1, email = "e", from = "2026-01-01", to = "2026-03-01" },
            { 'to: "2026-03-01" is 59 days after from "2026-01-01", at most 31 are allowed' } },
        { { id = 1, email = "e", api_key = "k" },
            { "api_key", "a setting, not a parameter: use --set acme.api_key=env:NAME" } },
        { { id = 1, email = "e", data = { member_so = 1 } }, { "member_so", 'did you mean "member_sn"?' } },
        { { id = "..", path = true }, { "id", "cannot be part of a path" } },
        { "text", { "parameters are a table, got a string" } },
    }
    for i, case in ipairs(faulty) do
        it("are all checked before anything is sent: " .. i, function()
            acme.run(function(v)
                local endpoint = case[1].path and "by_path" or "checked"
                if case[1].path then case[1].path = nil end
                local payload, err = v[endpoint](v, case[1])
                assert.is_nil(payload)
                assert.equal("invalid", err.kind)
                assert.equal("acme", err.vendor)
                assert.equal(endpoint, err.endpoint)
                assert.equal("not_sent", err.outcome)
                for _, part in ipairs(case[2]) do assert.matches(part, tostring(err), 1, true) end
                assert.matches("call_spec.lua:%d+$", err.where)
                assert.equal(0, #acme.seen())
                assert.equal(0, runtime.sends)
            end)
        end)
    end

    it("pass when they are right", function()
        acme.run(function(v)
            assert.is_truthy(v:checked {
                id = 1, phone = "1", from = "2026-01-01", to = "2026-02-01", kind = "large", count = 1,
                data = { member_sn = 1, my_own_field = "x" },
            })
        end)
    end)
end)

describe("retries by rule", function()
    after_each(helper.assert_idle)

    -- endpoint, plan, sends, seconds, kind of the error or nil
    local programs = {
        { "put", "503 502 504", 4, 900 },
        { "put", "503 503 503 503 503", 6, 1500 },
        { "put", "503 503 503 503 503 503", 6, 1500, "outage" },
        { "append", "503", 2, 300 },
        { "put", "503;1000", 2, 1000 },
        { "put", "503;10", 2, 300 },
        { "put", "429", 2, 1 },
        { "put", "429 429 429", 4, 7 },
        { "put", "429 429 429 429", 4, 7, "limit" },
        { "append", "429", 2, 1 },
        { "put", "429;45", 2, 45 },
        { "put", "429;date45", 2, 45 },
        { "put", "429;0", 2, 1 },
        { "put", "429 503 429", 4, 303 },
        { "put", "500", 1, 0, "rejected" },
        { "put", "400", 1, 0, "rejected" },
        { "put", "404", 1, 0, "rejected" },
    }
    for _, case in ipairs(programs) do
        local endpoint, plan, sends, seconds, kind = table.unpack(case)
        it(("%s answered %s is sent %d times"):format(endpoint, plan, sends), function()
            acme.run(function(v)
                local payload, err, took = timed(v, endpoint, plan)
                assert.equal(kind, err and err.kind)
                assert.equal(kind == nil, payload ~= nil)
                assert.equal(sends, #acme.seen())
                assert.near(seconds, took, 0.5)
                if not err then return end
                assert.equal(sends, #err.attempts)
                assert.equal("rejected", err.outcome)
                assert.equal(tonumber(plan:match "%d+$"), err.status)
                assert.equal(err.status, err.attempts[sends].status)
                assert.matches(sends > 1 and "%(" .. sends .. " sends%)$" or "said %d+$", tostring(err))
            end)
        end)
    end

    it("record time, status and wait of every send", function()
        acme.run(function(v)
            local _, err = timed(v, "put", "429 503 400")
            assert.same({
                { at = "2026-01-01T00:00:00.000Z", status = 429, wait = 0 },
                { at = "2026-01-01T00:00:01.000Z", status = 503, wait = 1 },
                { at = "2026-01-01T00:05:01.000Z", status = 400, wait = 300 },
            }, err.attempts)
            assert.equal("acme.put: rejected: HTTP 400: said 400 (3 sends)", tostring(err))
            assert.equal("C400", err.code)
            assert.is_false(err.retryable)
        end)
    end)

    it("use the setting where the definition names one", function()
        acme.run(function(v)
            local payload, _, took = timed(v, "put", "503")
            assert.is_truthy(payload)
            assert.near(40, took, 0.2)
        end, { overrides = { outage_wait = "40s" } })
    end)

    it("pause the whole group at 429, and no other group", function()
        acme.run(function(v)
            local first = neap.spawn(timed, v, "put", "429;30", "first")
            neap.sleep(0.05)
            local second = neap.spawn(timed, v, "put", "", "second")
            local other = neap.spawn(timed, v, "read", "", "other")
            local _, _, took = second:await()
            assert.near(30, took, 0.3)
            _, _, took = other:await()
            assert.near(0, took, 0.2)
            first:await()
        end)
    end)

    it("are never for the right answers to wrong requests, even in numbers", function()
        acme.run(function(v)
            for i = 1, 20 do assert.equal("rejected", select(2, v:put { id = i, plan = "400" }).kind) end
            assert.equal(20, #acme.seen())
        end)
    end)
end)

describe("where a vendor is silent", function()
    after_each(helper.assert_idle)

    -- endpoint, plan, sends, least and most seconds, kind, outcome
    local defaults = {
        { "read", "cut cut cut cut", 5, 7.5, 15 },
        { "read", "cut cut cut cut cut", 5, 7.5, 15, "network", "rejected" },
        { "put", "cut cut cut cut cut", 5, 7.5, 15, "network", "unknown" },
        { "append", "cut", 1, 0, 0, "network", "unknown" },
        { "read", "short", 2, 0.5, 1 },
        { "put", "short", 2, 0.5, 1 },
        { "append", "short", 1, 0, 0, "decode", "unknown" },
        { "read", "500", 1, 0, 0, "rejected", "rejected" },
        { "put", "429 429", 3, 1.5, 3 },
        { "append", "429", 2, 0.5, 1 },
    }
    for _, case in ipairs(defaults) do
        local endpoint, plan, sends, least, most, kind, outcome = table.unpack(case)
        it(("%s answered %s is sent %d times"):format(endpoint, plan, sends), function()
            acme.run(function(v)
                local payload, err, took = timed(v, endpoint, plan)
                assert.equal(kind, err and err.kind)
                assert.equal(outcome, err and err.outcome)
                assert.equal(kind == nil, payload ~= nil)
                assert.equal(sends, #acme.seen "bare")
                assert.is_true(took >= least and took <= most)
            end, { vendor = "bare" })
        end)
    end

    it("one 503 is an error like any other", function()
        acme.run(function(v)
            local _, err, took = timed(v, "put", "503")
            assert.equal("outage", err.kind)
            assert.equal(0, took)
        end, { vendor = "bare" })
    end)
end)

describe("ambiguous sends", function()
    after_each(helper.assert_idle)

    it("of an unsafe endpoint are unknown and never repeated", function()
        acme.run(function(v)
            for _, fault in ipairs { "cut", "short" } do
                local _, err = timed(v, "append", fault)
                assert.equal("unknown", err.outcome)
                assert.matches("may have taken effect", err.hint)
            end
            neap.sleep(3600)
            assert.equal(2, #acme.seen())
        end)
    end)

    it("that a reset ends take effect, and are unknown", function()
        acme.run(function(v)
            local _, err = v:append { id = 1 }
            assert.equal("network", err.kind)
            assert.equal("unknown", err.outcome)
            assert.equal(1, #err.attempts)
            assert.equal("network", err.attempts[1].error)
            assert.equal(1, #acme.seen())
        end, { faults = "reset@acme.append:from=0,to=1" })
    end)

    it("of an idempotent one are repeated", function()
        acme.run(function(v)
            assert.same({ id = "1", n = 2 }, v:put { id = 1 })
        end, { faults = "reset@acme.put:from=0,to=0.1" })
    end)

    it("stay unknown when the last repeats brought no word on them", function()
        acme.run(function(v)
            local _, err = v:put { id = 1, plan = "cut 503 503 503 503 503 503" }
            assert.equal("outage", err.kind)
            assert.equal("unknown", err.outcome)
        end)
    end)

    it("are settled by a clear refusal", function()
        acme.run(function(v)
            local _, err = v:put { id = 1, plan = "cut 400" }
            assert.equal("rejected", err.outcome)
        end)
    end)

    it("of reads are just failures", function()
        acme.run(function(v)
            local _, err = v:read { id = 1 }
            assert.equal("network", err.kind)
            assert.equal("rejected", err.outcome)
        end, { faults = "truncate@acme.read:from=0" })
    end)

    it("end at the time-out of one send", function()
        acme.run(function(v)
            local _, err, took = timed(v, "append", "slow;90")
            assert.equal("timeout", err.kind)
            assert.equal("unknown", err.outcome)
            assert.near(60, took, 0.1)
        end)
        acme.run(function(v)
            local _, err, took = timed(v, "append", "slow;9")
            assert.equal("timeout", err.kind)
            assert.near(5, took, 0.1)
        end, { overrides = { timeout = "5s" } })
    end)
end)

describe("replies that cannot be read", function()
    after_each(helper.assert_idle)

    it("are errors of kind decode, with an excerpt", function()
        acme.run(function(v)
            local _, err = v:read { id = 1, plan = "html" }
            assert.equal("decode", err.kind)
            assert.equal(200, err.status)
            assert.matches("the reply begins: Login", tostring(err), 1, true)
            assert.equal(200, err.attempts[1].status)
            _, err = v:append { id = 2, plan = "html" }
            assert.equal("unknown", err.outcome)
            assert.equal(2, #acme.seen())
        end)
    end)

    it("are refusals where the envelope says so", function()
        acme.run(function(v)
            local _, err = v:put { id = 1, plan = "false" }
            assert.equal("acme.put: rejected: HTTP 200: refused inside", tostring(err))
            assert.equal("E7", err.code)
            assert.equal("rejected", err.outcome)
            assert.equal(200, err.attempts[1].status)
            _, err = v:put { id = 2, plan = "list" }
            assert.matches("the reply has no OK", tostring(err), 1, true)
        end)
    end)
end)
