--- Session credentials: one login per expiry, whoever needs it; see lua/neap/session.lua.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local log = require "neap.native.log"
local runtime = require "neap.runtime"

local function run(fn, options)
    options = options or {}
    options.vendor, options.script_dir = "portal", helper.root .. "/spec/support/portal"
    return acme.run(fn, options)
end

local function logins()
    return (assert(runtime.sandbox():inspect("portal", "logins")))
end

local function calls()
    return acme.seen "portal"
end

--- Makes many calls at once; all must succeed.
local function call_all(client, count, endpoint)
    local tasks = {}
    for i = 1, count do tasks[i] = neap.spawn(function() return assert(client[endpoint or "read"](client, {})) end) end
    for _, task in ipairs(tasks) do task:await() end
end

describe("a session", function()
    setup(function() log.configure { level = "error" } end)
    teardown(function() log.configure { level = "info" } end)
    after_each(helper.assert_idle)

    it("is opened by the first call, once for all that come at the same time", function()
        run(function(portal)
            call_all(portal, 50)
            assert.equal(1, logins())
            assert.equal(51, #calls())
        end)
    end)

    it("lives as long as it is used", function()
        run(function(portal)
            for _ = 1, 40 do
                assert(portal:read {})
                neap.sleep(60)
            end
            assert.equal(1, logins())
            assert.equal(41, #calls())
        end)
    end)

    it("is used until an answer says that it has expired: 20 minutes and 20 seconds later", function()
        run(function(portal)
            assert(portal:read {})
            neap.sleep(1220)
            assert(portal:read {})
            assert.equal(2, logins())
            assert.equal(5, #calls()) -- login, read, refused read, login, read
        end)
    end)

    it("is opened anew at once where it has surely expired", function()
        run(function(portal)
            assert(portal:read {})
            neap.sleep(21 * 60)
            call_all(portal, 500)
            assert.equal(2, logins())
            assert.equal(1 + 1 + 1 + 500, #calls())
        end)
    end)

    it("that is lost with 500 calls under way costs one login and one more send of each", function()
        run(function(portal)
            call_all(portal, 1)
            neap.sleep(60)
            call_all(portal, 500)
            assert.equal(2, logins())
            assert.is_true(#calls() <= 2 + 1001, #calls())
        end, { faults = "expire@portal:at=60" })
    end)

    it("is not opened anew by a 403 that says something else", function()
        run(function(portal)
            assert(portal:read {})
            local payload, err = portal:read { plan = "denied" }
            assert.is_nil(payload)
            assert.equal("auth", err.kind)
            assert.equal(403, err.status)
            assert.equal(1, #err.attempts)
            assert.equal(1, logins())
            assert.equal(3, #calls())
        end)
    end)

    it("is not slid by an answer of 401 or 403", function()
        run(function(portal)
            assert(portal:read {})
            neap.sleep(1200)
            portal:read { plan = "denied" } -- keeps the token alive at the vendor, not for us
            neap.sleep(40)
            assert(portal:read {})
            assert.equal("login", calls()[4].endpoint)
        end, { faults = "expire@portal:at=1210" })
    end)

    it("repeats a write too: an expired token means that nothing was done", function()
        run(function(portal)
            assert(portal:append {})
            neap.sleep(1210)
            assert(portal:append {})
            assert.equal(2, logins())
        end)
    end)

    it("whose login is refused fails each waiting call, with one login for all of them", function()
        run(function(portal)
            local failed = 0
            local tasks = {}
            for i = 1, 20 do
                tasks[i] = neap.spawn(function()
                    local payload, err = portal:read {}
                    assert.is_nil(payload)
                    assert.equal("auth", err.kind)
                    assert.equal("not_sent", err.outcome)
                    assert.equal("read", err.endpoint)
                    assert.matches("^the login failed: wrong password", err.message)
                    assert.is_true(err.credential_refused)
                    failed = failed + 1
                end)
            end
            for _, task in ipairs(tasks) do task:await() end
            assert.equal(20, failed)
            assert.equal(1, #calls())
        end, {
            overrides = { user = "sandbox" },
            settings = { portal = { user = { value = "nobody", from = "--set" } } },
        })
    end)

    it("survives the call that asked for it: its login goes on", function()
        run(function(portal)
            local done, err = neap.deadline(0.5, function() return portal:read {} end)
            assert.is_nil(done)
            assert.equal("timeout", err.kind)
            assert(portal:read {})
            assert.equal(1, logins())
        end, { faults = "slow@portal.login:p=1,s=2" })
    end)

    it("waits behind the limit with no token in hand, and takes a fresh one then", function()
        run(function(portal)
            for _ = 1, 9 do assert(portal:read {}) end -- and the login: 10 of 10
            assert(portal:read {})
            assert.equal(2, logins())
            local seen = calls()
            assert.is_true(seen[11].at >= 3600)
            assert.equal(12, #seen) -- no send with the old token
        end, { overrides = { hourly = 10 } })
    end)

    it("is opened anew though the gate is closed, or nobody could open that", function()
        run(function(portal)
            assert(portal:read {})
            neap.sleep(5)
            local tasks = {}
            for i = 1, 5 do tasks[i] = neap.spawn(function() return assert(portal:read {}) end) end
            for _, task in ipairs(tasks) do task:await() end
            assert.equal(2, logins())
        end, { faults = "503@portal.read:p=1,from=1,to=30", overrides = { outage = "25m" } })
    end)

    it("is shared by the clients of one account, and by no other", function()
        run(function(portal)
            assert(portal:read {})
            local other = neap.vendor("portal", { auth = "key" })
            assert(other:read {})
            local same = neap.vendor("portal")
            assert(same:read {})
            assert.equal(portal.account, same.account)
            assert.are_not.equal(portal.account, other.account)
            assert.equal(1, logins())
        end)
    end)

    it("that ends at once is not refused for good, and not opened a third time", function()
        run(function(portal)
            local payload, err = portal:read { plan = "expired" }
            assert.is_nil(payload)
            assert.equal("auth", err.kind)
            assert.is_nil(err.credential_refused)
            assert.equal("the session ended at once: does somebody else log in as this user?", err.hint)
            assert.equal(2, logins())
            assert.equal(4, #calls())
        end)
    end)

    it("has expired when the vendor's message says so, within its envelope", function()
        run(function(portal)
            assert(portal:read {})
            assert(portal:read { plan = "wrapped" })
            assert.equal(2, logins())
        end)
    end)

    it("is not searched for in a long body", function()
        run(function(portal)
            local _, err = portal:read { plan = "blanks" }
            assert.equal("auth", err.kind)
            assert.equal(1, logins())
        end)
    end)

    it("whose login takes the whole limit is tried, not opened for ever", function()
        run(function(portal)
            assert.is_nil((portal:read {}))
            assert.equal(4, logins()) -- two for each of the call's two sends
        end, { overrides = { hourly = 1 } })
    end)

    it("is not needed with a key", function()
        run(function(portal)
            assert(portal:read {})
            assert.equal(0, logins())
        end, { overrides = { auth = "key" } })
    end)

    it("can be opened by hand; the token is shown to nobody", function()
        run(function(portal)
            assert.equal(neap.null, (portal:login {}))
            assert(portal:read {})
            assert.equal(1, logins())
            local _, err = portal:read { plan = "quote" }
            assert.equal("bad token ***", err.message)
        end)
        run(function(portal)
            local _, err = portal:login {}
            assert.equal("settings", err.kind)
        end, { overrides = { auth = "key" } })
    end)

    it("waits where a login is refused while another token is alive", function()
        run(function(first)
            assert(first:read {})
            local second = neap.vendor("portal", { jitter = "1ms", hourly = 50000 })
            second.account = { -- as another process has it
                queue = first.account.queue, note_answer = first.account.note_answer, limit = first.account.limit,
                name = "other",
                vendor = "portal", limits = {}, gates = {}, queues = {}, sessions = {}, refusals = 0, succeeded = false,
                jitter = 0,
            }
            local start = neap.now()
            assert(second:read {})
            assert.is_true(neap.now() - start >= 1200)
            assert.equal(2, logins())
        end)
    end)
end)

describe("retry rules for what may be repeated", function()
    after_each(helper.assert_idle)

    local function sends_of(endpoint, params)
        local sends
        run(function(portal)
            assert(portal:free {})
            local before = #calls()
            portal[endpoint](portal, params)
            sends = #calls() - before
        end)
        return sends
    end

    it("do not cover unsafe calls, nor keyed ones without their key", function()
        assert.equal(2, sends_of("read", { plan = "503" }))
        assert.equal(1, sends_of("append", { plan = "503" }))
        assert.equal(1, sends_of("keyed", { plan = "503" }))
        assert.equal(2, sends_of("keyed", { plan = "503", id = "1" }))
        assert.equal(2, sends_of("append", { plan = "429" }))
    end)
end)

describe("a keyed call that is answered as a repeat", function()
    setup(function() log.configure { level = "error" } end)
    teardown(function() log.configure { level = "info" } end)
    after_each(helper.assert_idle)

    it("has succeeded if an earlier send of it was not answered", function()
        run(function(portal)
            assert.equal(neap.null, assert(portal:keyed { id = "1" }))
            assert.equal(1 + 2, #calls())
        end, { faults = "reset@portal.keyed:p=1,to=0.4" })
    end)

    it("is refused if all of its sends were answered", function()
        run(function(portal)
            assert(portal:keyed { id = "1" })
            local payload, err = portal:keyed { id = "1" }
            assert.is_nil(payload)
            assert.equal(409, err.status)
            assert.equal("rejected", err.outcome)
        end)
    end)
end)
