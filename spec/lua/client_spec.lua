--- Clients: names, redirects, credentials, and what two clients of one account share.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local errors = require "neap.error"
local runtime = require "neap.runtime"

local KEY = runtime.SANDBOX.api_key

describe("a client", function()
    after_each(helper.assert_idle)

    it("knows its endpoints and their parameters, and the nearest name", function()
        acme.run(function(v)
            local ok, err = pcall(function() return v:apend {} end)
            assert.is_false(ok)
            assert.equal('acme: invalid: no endpoint "apend"; did you mean "append"?', tostring(err))
            assert.matches("client_spec.lua:%d+$", err.where)
            ok, err = pcall(function() return v.checked.emial end)
            assert.is_false(ok)
            assert.equal('invalid: acme.checked has no parameter "emial"; did you mean "email"?', tostring(err))
            assert.equal("data", v.checked.data.field.name)
            assert.equal("neap.Client (acme at http://localhost/acme)", tostring(v))
        end)
    end)

    it("says so when it is called with a dot", function()
        acme.run(function(v)
            local ok, message = pcall(function()
                local payload = v.read { id = 1 }
                return payload
            end)
            assert.is_false(ok)
            assert.matches("client_spec.lua:%d+: call it with a colon: client:read{ ... }", message)
        end)
    end)

    it("opens unknown vendors never", function()
        acme.run(function()
            local ok, err = pcall(neap.vendor, "acne")
            assert.is_false(ok)
            assert.matches('no vendor "acne"; did you mean "acme"?', tostring(err), 1, true)
        end)
    end)

    it("reports a missing setting at the first call, after its parameters", function()
        acme.run(function()
            runtime.options.sandbox = nil
            local v = neap.vendor "acme"
            local _, err = v:read {}
            assert.equal("invalid", err.kind)
            _, err = v:read { id = 1 }
            assert.equal("settings", err.kind)
            assert.equal("not_sent", err.outcome)
            assert.equal("acme.read: settings: missing setting api_key; "
                .. "set NEAP_ACME_API_KEY, or --set acme.api_key=env:NAME", tostring(err))
        end)
    end)
end)

describe("redirects", function()
    after_each(helper.assert_idle)

    -- endpoint, first answer, endpoint that answers in the end or what the error says
    local cases = {
        { "read", "302;/acme/ping", "ping" },
        { "read", "301;ping", "ping" },
        { "read", "307;http://localhost/acme/ping", "ping" },
        { "read", "308;?id=other", "read" },
        { "put", "307;/acme/append", "append" },
        { "put", "308;/acme/append", "append" },
        { "put", "302;/acme/read", nil, "redirects a POST to /acme/read, which would lose its body" },
        { "put", "303;/acme/read", nil, "redirects a POST to /acme/read, which would lose its body" },
        { "read", "302;http://evil.example/acme/ping", nil, "another origin (http://evil.example); nothing was sent" },
        { "read", "302;//evil.example/x", nil, "another origin" },
        { "read", "302;https://localhost/acme/ping", nil, "another origin" },
        { "read", "302;http://localhost:8080/acme/ping", nil, "another origin" },
        { "put", "307;http://evil.example/acme/put", nil, "another origin" },
        { "read", "302;ftp://localhost/x", nil, "" },
        { "read", "302", nil, "without a usable Location" },
    }
    for _, case in ipairs(cases) do
        local endpoint, plan, final, message = table.unpack(case, 1, 4)
        it(("%s answered %s"):format(endpoint, plan), function()
            acme.run(function(v)
                local payload, err = v[endpoint](v, { id = 1, plan = plan })
                local seen = acme.seen()
                if final then
                    assert.is_truthy(payload)
                    assert.equal(final, seen[2].endpoint)
                    assert.equal(KEY, seen[2].key)
                    assert.equal(seen[1].body, seen[2].body)
                    return
                end
                assert.equal("redirect", err.kind)
                assert.equal("rejected", err.outcome)
                assert.equal(tonumber(plan:match "%d+"), err.status)
                assert.matches(message, tostring(err), 1, true)
                assert.equal(1, #seen)
            end)
        end)
    end

    it("end after five, and each pays like a call", function()
        acme.run(function(v)
            local _, err = v:put { id = 1, plan = ("307;/acme/put "):rep(6) }
            assert.equal("redirect", err.kind)
            assert.matches("more than 5 redirects", tostring(err))
            assert.equal(6, #err.attempts)
            assert.near(0.5, neap.now(), 0.001)
            assert.is_truthy(v:put { id = 2, plan = ("307;/acme/put "):rep(5) })
        end)
    end)
end)

describe("credentials", function()
    after_each(helper.assert_idle)

    it("travel where the definition says", function()
        acme.run(function(v)
            v:read { id = 1 }
            v:by_path { id = 2 }
            v:in_body { id = 3 }
            v:with_bearer { id = 4 }
            v:with_basic { id = 5 }
            local seen = acme.seen()
            for i = 1, 3 do assert.equal(KEY, seen[i].key) end
            assert.equal("Bearer " .. KEY, seen[4].authorization)
            assert.equal("Basic VC0xOjAwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMA==", seen[5].authorization)
        end)
        acme.run(function(v)
            v:public { id = 1 }
            assert.is_nil(acme.seen "bare"[1].key)
        end, { vendor = "bare" })
    end)

    it("never reach an error, even where the vendor quotes them", function()
        acme.run(function(v)
            for _, endpoint in ipairs { "read", "by_path", "in_body" } do
                local _, err = v[endpoint](v, { id = endpoint, plan = "quote" })
                assert.equal("rejected", err.kind)
                assert.matches("bad key", err.message)
                local shown = neap.json.encode(errors.to_table(err))
                local text = tostring(err) .. tostring(err.code) .. shown
                assert.is_nil(text:find(KEY, 1, true))
                assert.is_nil(text:find("00000000%-0000"))
                assert.is_nil(text:find("00000000%2D0000", 1, true))
            end
        end)
    end)

    it("never reach a dead letter or a log line", function()
        acme.run(function(v)
            local dir = helper.tmpdir()
            local summary = require("neap.deliver").run({ { id = 1 } }, function(row)
                return v:put { id = row.id, plan = "quote" }
            end, { dead_letters = dir .. "/dead" })
            assert.equal(1, summary.failed)
            local text = helper.read(dir .. "/dead")
            assert.matches("bad key", text)
            assert.is_nil(text:find(KEY, 1, true))
        end)
    end)

    it("are no values of a script", function()
        acme.run(function(v)
            local secret = v.settings.api_key
            assert.equal("userdata", type(secret))
            assert.is_nil(tostring(secret):find(KEY, 1, true))
            local _, encoded, err = pcall(neap.json.encode, { key = secret })
            assert.is_nil((tostring(encoded) .. tostring(err)):find(KEY, 1, true))
            assert.is_nil(tostring(select(2, pcall(string.format, "%s", secret))):find(KEY, 1, true))
        end)
    end)

    it("that are wrong fail at once, with a hint", function()
        local path = helper.write(helper.tmpdir() .. "/key", "wrong-key-123\n")
        local key = { value = "file:" .. path, from = "--set" }
        acme.run(function(v)
            local _, err = v:put { id = 1 }
            assert.equal("auth", err.kind)
            assert.equal(401, err.status)
            assert.is_true(err.credential_refused)
            assert.equal("check the key and where it comes from", err.hint)
            assert.equal("wrong-key-123", acme.seen()[1].key)
            assert.is_nil(tostring(err):find("wrong-key-123", 1, true))
        end, { settings = { acme = { api_key = key } } })
    end)

    it("that worked count as refused after three refusals in a row", function()
        acme.run(function(v)
            local function refused(plan) return select(2, v:put { id = plan, plan = "403" }).credential_refused end
            assert.is_truthy(v:put { id = 1 })
            assert.is_falsy(refused "a")
            assert.is_falsy(refused "b")
            assert.is_truthy(v:put { id = 2 })
            assert.is_falsy(refused "c")
            assert.is_falsy(refused "d")
            assert.is_true(refused "e")
        end)
    end)

    it("are not judged by calls that carry none", function()
        acme.run(function(v)
            local _, err = v:public { id = 1, plan = "401" }
            assert.equal("auth", err.kind)
            assert.is_falsy(err.credential_refused)
            assert.is_truthy(v:public { id = 2 })
            _, err = v:put { id = 3, plan = "401" }
            assert.is_true(err.credential_refused)
        end, { vendor = "bare" })
    end)
end)

describe("limits", function()
    after_each(helper.assert_idle)

    --- Makes n calls side by side. -> seconds they took
    local function burst(n, perform)
        local items = {}
        for i = 1, n do items[i] = i end
        local start = neap.now()
        neap.map(items, { concurrency = n }, perform)
        return neap.now() - start
    end

    it("hold, and nearly all of them is used", function()
        acme.run(function(v)
            local took = burst(101, function(i) return assert(v:put { id = i }) end)
            assert.near(10, took, 0.01)
            local at = acme.column "at"
            for i = 2, #at do assert.is_true(at[i] - at[i - 1] > 0.0999) end
        end)
    end)

    it("count each endpoint for itself, and exempt ones not at all", function()
        acme.run(function(v)
            local took = burst(20, function(i)
                return assert(i % 2 == 0 and v:put { id = i } or v:read { id = i })
            end)
            assert.near(0.9, took, 0.01)
            assert.equal(0, burst(50, function() return assert(v:ping {}) end))
        end)
    end)

    it("are shared by path up to its first parameter", function()
        acme.run(function(v)
            assert.near(0.9, burst(10, function(i) return assert(v:by_path { id = i }) end), 0.01)
        end)
    end)

    it("are shared by two clients of one account", function()
        acme.run(function(v)
            local other = neap.vendor "acme"
            assert.are_not.equal(v, other)
            local took = burst(20, function(i)
                local client = i % 2 == 0 and v or other
                return assert(client:put { id = i })
            end)
            assert.near(1.9, took, 0.01)
        end)
    end)

    it("are not shared between accounts", function()
        acme.run(function(v)
            local other = neap.vendor("acme", { tenant = "T-2" })
            local took = burst(20, function(i)
                local client = i % 2 == 0 and v or other
                return assert(client:put { id = i })
            end)
            assert.near(0.9, took, 0.01)
        end)
    end)

    it("are paid by retries", function()
        acme.run(function(v)
            burst(10, function(i) return assert(v:put { id = i, plan = "503" }) end)
            local at = acme.column "at"
            assert.equal(20, #at)
            for i = 2, #at do assert.is_true(at[i] - at[i - 1] > 0.0999) end
        end)
    end)

    it("lose nothing by calls that were given up while they waited", function()
        acme.run(function(v)
            local calls = {}
            for i = 1, 30 do calls[i] = neap.spawn(function() return v:put { id = i } end) end
            neap.sleep(0.05)
            for i = 2, 30 do calls[i]:cancel() end
            local start = neap.now()
            assert.is_truthy(v:put { id = "next" })
            assert.near(0.05, neap.now() - start, 0.001)
            assert.equal(2, #acme.seen())
        end)
    end)
end)
