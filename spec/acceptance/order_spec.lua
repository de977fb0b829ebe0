--- Records of one key reach the vendor in the order of the source, whatever fails or is slow.

local helper = require "spec.support.helper"
local neap = require "neap"
local deliver = require "neap.deliver"
local runtime = require "neap.runtime"

local KEYS, ROWS = 12, helper.scale(3000, 600)

--- Which customer a row is about: some have many rows, neighbours often the same one.
local function key_of(i) return ("C%d"):format((i * i // 7) % KEYS) end

local FAULTS = {
    none = "",
    slow = "slow:p=0.3,s=2;slow:p=0.1,s=9",
    mixed = "503:p=0.05;429:p=0.02;reset:p=0.02;truncate:p=0.02;slow:p=0.2,s=1.5",
    outage = "outage:status=503,from=1,to=30;slow:p=0.2,s=0.5",
}

--- Delivers rows on virtual time; returns the summary and what `look` finds in the simulator.
local function deliver_all(faults, seed, rows, call, look)
    return neap.run(function()
        runtime.configure {
            sandbox = true, faults = faults, seed = seed, progress = "never",
            dead_letters = helper.tmpdir() .. "/dead.ndjson",
        }
        local summary = deliver.run(rows, call, { concurrency = 64 })
        local found = look(runtime.sandbox())
        runtime.close()
        return summary, found
    end, { clock = "virtual", seed = seed })
end

--- A list without repeats of its neighbours: a lost answer is followed by the same record again.
local function without_repeats(list)
    local kept = {}
    for _, item in ipairs(list) do
        if item ~= kept[#kept] then kept[#kept + 1] = item end
    end
    return kept
end

describe("deliver with 64 under way", function()
    after_each(function()
        runtime.configure {}
        helper.assert_idle()
    end)

    for name, faults in pairs(FAULTS) do
        for seed = 1, 3 do
            it(("keeps the order of each customer, faults: %s, seed %d"):format(name, seed), function()
                local rows, expected = {}, {}
                for i = 1, ROWS do
                    local key, email = key_of(i), ("%d@example.com"):format(i)
                    rows[i] = { customerId = key, customerEmail = email }
                    expected[key] = expected[key] or {}
                    table.insert(expected[key], email)
                end
                local opm
                local summary, histories = deliver_all(faults, seed, rows, function(row)
                    opm = opm or neap.vendor "opm"
                    return opm:entry(row)
                end, function(sandbox)
                    local histories = {}
                    for key in pairs(expected) do
                        histories[key] = sandbox:inspect("opm", "customer:" .. key).history
                    end
                    return histories
                end)
                assert.same({ ROWS, 0, 0 }, { summary.ok, summary.failed, summary.unknown })
                for key, history in pairs(histories) do
                    assert.same(expected[key], without_repeats(history))
                end
            end)
        end
    end

    it("keeps the order of each member, by the merge key", function()
        local rows, expected = {}, {}
        for i = 1, 600 do
            local key = key_of(i) .. "@example.com"
            rows[i] = { member_sn = "M" .. i, email = key, tags = "t" .. i }
            expected[key] = (expected[key] and expected[key] .. "," or "") .. "t" .. i
        end
        local omni
        local summary, members = deliver_all(FAULTS.mixed, 4, rows, function(row)
            omni = omni or neap.vendor "omnisegment"
            return omni:import_audience { data = row, merge_key = "email" }
        end, function(sandbox) return sandbox:inspect("omnisegment", "members") end)
        assert.equal(600, summary.ok)
        local found = {}
        for _, member in ipairs(members) do found[member.email] = member.tags end
        assert.same(expected, found)
    end)

    it("lets other customers pass one that waits", function()
        local order = {}
        local rows = {
            { customerId = "1", customerEmail = "a" }, { customerId = "1", customerEmail = "b" },
            { customerId = "2", customerEmail = "c" },
        }
        local opm
        deliver_all("slow:s=1", 1, rows, function(row)
            opm = opm or neap.vendor "opm"
            local payload, err = opm:entry(row)
            order[#order + 1] = row.customerEmail
            return payload, err
        end, function() end)
        assert.same({ "a", "c", "b" }, order)
    end)
end)
