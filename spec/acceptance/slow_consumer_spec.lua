--- A consumer that takes a record per second holds the vendor back for hours: nothing is lost, nothing times out,
-- and what waits, waits at the vendor.

local helper = require "spec.support.helper"
local hostile = require "spec.support.hostile"
local neap = require "neap"

local COUNT = helper.scale(20000, 2000)
local GROWTH_KIB = 6 * 1024 -- of a process that has libcurl open: buffers, and what Lua has not collected

local function status(pid, name)
    return tonumber(helper.read(("/proc/%s/status"):format(pid)):match(name .. ":%s+(%d+) kB"))
end

--- By how much a process grows while fn runs, in KiB: the most that it has at once, less what it has before.
local function growth(pid, fn)
    collectgarbage()
    local before = status(pid, "VmRSS")
    assert(os.execute(("echo 5 >/proc/%s/clear_refs"):format(pid))) -- the most so far is what it has now
    fn()
    return status(pid, "VmHWM") - before
end

--- Reads all records, one per second. -> seconds that took
local function read_slowly(client)
    local began = neap.now()
    local count, err = hostile.read(client, { count = COUNT }, 1)
    assert.is_nil(err)
    assert.equal(COUNT, count)
    return neap.now() - began
end

describe("a consumer that takes a record per second", function()
    after_each(helper.assert_idle)

    for _, form in ipairs { "json", "xml" } do
        it("of a simulator in its process, as " .. form, function()
            local taken
            local grown = growth("self", function()
                hostile.run(function(client) taken = read_slowly(client) end, { accept = form })
            end)
            assert.is_true(taken >= COUNT and taken < COUNT + 60, taken)
            if helper.preset == "release" then assert.is_true(grown < GROWTH_KIB, grown) end
        end)
    end

    it("of a server that is faster", function()
        local server, base = hostile.serve()
        local taken, server_grown
        hostile.over(base, function(client) assert(hostile.read(client, { count = 10 }) == 10) end)
        local grown = growth("self", function()
            server_grown = growth(server.pid, function()
                hostile.over(base, function(client) taken = read_slowly(client) end)
            end)
        end)
        server:signal "TERM"
        server:wait()
        assert.is_true(taken >= COUNT and taken < COUNT + 60, taken)
        if helper.preset ~= "release" then return end
        assert.is_true(grown < GROWTH_KIB, grown)
        assert.is_true(server_grown < GROWTH_KIB, server_grown)
    end)
end)
