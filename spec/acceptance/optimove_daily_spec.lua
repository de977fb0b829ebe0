--- optimove/daily-campaigns started before the data update, with an outage of 20 minutes while it waits or
-- reads: it waits, goes on, and writes what a run without trouble writes.

local acceptance = require "spec.support.acceptance"
local helper = require "spec.support.helper"
local recipes = require "spec.support.recipes"
local json = require "neap.native.json"

--- The data of 2025-12-31 comes at 06:00 virtual time.
local UPDATE_S = 6 * 3600
local OUTAGE_S = 20 * 60

--- Runs it with two seconds per call, so that an outage can begin between any two. -> directory, seconds of calls
local function run(faults, seed)
    local result, dir = recipes.run("optimove/daily-campaigns", { "--date", "2025-12-31", "--out", ".",
        "--check-every", "10m", "--seed", seed, "--sandbox-log", "log.ndjson", "--faults", "slow:p=1,s=2" .. faults })
    assert.equal(0, result.code, result.err)
    local times = {}
    for i, at in ipairs(acceptance.times(dir .. "/log.ndjson")) do times[i] = at / 1000 end
    return dir, times
end

--- All that a run leaves, by name, but for the log.
local function files(dir)
    local pipe, found = assert(io.popen("cd " .. helper.quote(dir) .. " && ls")), {}
    for name in pipe:lines() do
        if name ~= "log.ndjson" then found[name] = helper.read(dir .. "/" .. name) end
    end
    pipe:close()
    return found
end

describe("optimove/daily-campaigns", function()
    local dir, times = run("", 1)
    local wanted = files(dir)

    it("waits for the data, then writes each campaign and a manifest of all", function()
        assert.is_true(times[#times] > UPDATE_S)
        local manifest = json.decode(wanted["manifest.json"])
        assert.same({ "2025-12-31", 3, false },
            { manifest.date, #manifest.campaigns, manifest.data_update.changed })
        local count = 1
        for _, entry in ipairs(manifest.campaigns) do
            assert.equal(entry.count, recipes.lines(wanted[entry.file]))
            assert.is_true(entry.count > 0)
            count = count + 1
        end
        for _ in pairs(wanted) do count = count - 1 end
        assert.equal(0, count)
    end)

    local first = 1
    while times[first] < UPDATE_S do first = first + 1 end
    for i = first - 1, #times do
        it(("survives an outage of 20 minutes that begins before call %d of %d"):format(i, #times), function()
            local from = times[i] // 1
            local outage = (";outage:status=%d,from=%d,to=%d"):format(i % 2 == 0 and 503 or 500, from, from + OUTAGE_S)
            local other, later = run(outage, i)
            assert.same(wanted, files(other))
            assert.is_true(#later > #times)
            assert.is_true(later[#later] >= from + OUTAGE_S)
        end)
    end
end)
