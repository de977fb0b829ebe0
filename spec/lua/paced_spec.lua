--- How much of a limit per second is used, at a vendor that refuses whatever comes too early: whole calls on
--- the virtual clock, with ways to the vendor and back. The rules themselves are tested in spec/c/test_limit.c.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local WORKERS = 8

--- Calls an endpoint as fast as its limit lets it, for so many seconds.
--- -> how many were let in within so many seconds after the first, how many were refused
local function call_for(endpoint, seconds)
    local let_in, refused = 0, 0
    acme.run(function(v)
        local function work()
            while neap.now() < seconds + 1 do assert(v[endpoint](v, {})) end
        end
        local tasks = {}
        for i = 1, WORKERS do tasks[i] = neap.spawn(work) end
        for _, task in ipairs(tasks) do task:await() end
        local seen = acme.seen "paced"
        for _, entry in ipairs(seen) do
            if entry.refused then
                refused = refused + 1
            elseif entry.at < seen[1].at + seconds then
                let_in = let_in + 1
            end
        end
    end, { vendor = "paced", script_dir = helper.root .. "/spec/support/paced", overrides = { jitter = "20ms" } })
    return let_in, refused
end

describe("a limit per second", function()
    after_each(helper.assert_idle)

    it("loses the way of each call where the vendor forgives nothing, and is never refused", function()
        local let_in, refused = call_for("strict", 30)
        assert.equal(0, refused)
        assert.is_true(let_in >= 295 and let_in < 300, let_in)
    end)

    it("is used whole where the vendor lets one come early", function()
        local let_in, refused = call_for("bursty", 30)
        assert.equal(0, refused)
        assert.is_true(let_in == 300 or let_in == 301, let_in) -- the last may be faster than the first was
    end)

    it("is used whole behind slow answers, too", function()
        local let_in, refused = call_for("bursty_slow", 30)
        assert.equal(0, refused)
        assert.is_true(let_in == 300 or let_in == 301, let_in)
        let_in, refused = call_for("strict_slow", 30)
        assert.equal(0, refused)
        assert.is_true(let_in >= 291 and let_in < 300, let_in)
    end)

    it("may have any period", function()
        local let_in, refused = call_for("rare", 60)
        assert.equal(0, refused)
        assert.is_true(let_in == 60 or let_in == 61, let_in)
    end)

    it("uses half of the burst after a pause", function()
        local times = {}
        acme.run(function(v)
            v:bursty {}
            neap.sleep(5)
            for _ = 1, 3 do v:bursty {} end
            for i, entry in ipairs(acme.seen "paced") do
                assert.is_false(entry.refused)
                times[i] = entry.at
            end
        end, { vendor = "paced", script_dir = helper.root .. "/spec/support/paced", overrides = { jitter = "20ms" } })
        assert.near(0.05, times[3] - times[2], 0.003)
        assert.near(0.1, times[4] - times[3], 0.003)
    end)
end)
