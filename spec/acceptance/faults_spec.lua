--- A mix of faults, ten seeds: imports lose and fail nothing; an event is never sent again once it may
-- have arrived.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"

local MIX = "503:p=0.05;429:p=0.02;reset:p=0.01;truncate:p=0.01"
local SEEDS = 10
--- All seeds together are the large run; fewer rows would not meet every fault.
local ROWS = helper.scale(acceptance.ROWS // SEEDS, 1000)

describe("a mix of faults", function()
    local place = acceptance.place()

    local function delivers_all(recipe, file, limited)
        for seed = 1, SEEDS do
            it(("loses and fails nothing in %s, seed %d"):format(recipe, seed), function()
                local run = acceptance.run(recipe, file, { seed = seed, faults = MIX })
                assert.equal(0, run.code, run.err)
                assert.same({ ROWS, ROWS, 0, 0 }, {
                    run.summary.total, run.summary.ok, run.summary.failed, run.summary.unknown,
                })
                assert.is_false(helper.exists(run.letters))
                local counts = acceptance.count(run.log)
                for _, fault in ipairs { "503", "429", "reset", "truncate" } do
                    assert.is_true((counts.fault[fault] or 0) > 0, fault)
                end
                -- Every success that arrived whole is a record of its own.
                local created = (counts.status[200] or 0) + (counts.status[201] or 0)
                    + (counts.status[202] or 0)
                assert.equal(ROWS, created - counts.fault.truncate)
                assert.is_true(run.summary.retried > 0)
                if limited then assert.is_true(acceptance.most_per_second(run.log) <= 10) end
            end)
        end
    end

    delivers_all("omnisegment/import-audience", acceptance.members(place "members.csv", ROWS), true)
    delivers_all("opm/sync-customers", acceptance.customers(place "customers.csv", ROWS))

    local events = acceptance.events(place "events.ndjson", ROWS)
    for seed = 1, SEEDS do
        it("sends no event twice, seed " .. seed, function()
            local run = acceptance.run("omnisegment/track-events", events,
                { seed = seed, faults = MIX })
            local counts = acceptance.count(run.log)
            local ambiguous = counts.fault.reset + counts.fault.truncate
            assert.equal(3, run.code, run.err)
            assert.same({ ROWS, ROWS - ambiguous, 0, ambiguous }, {
                run.summary.total, run.summary.ok, run.summary.failed, run.summary.unknown,
            })
            -- The vendor took each event once: those answered whole, and those that were not.
            assert.equal(ROWS, counts.status[200] + counts.fault.reset)
            assert.is_true(acceptance.most_per_second(run.log) <= 10)
            local listed = {}
            for letter in acceptance.letters(run.letters) do
                assert.equal("unknown", letter.outcome)
                assert.is_nil(listed[letter.record.transaction_id])
                listed[letter.record.transaction_id] = true
                ambiguous = ambiguous - 1
                for i, attempt in ipairs(letter.attempts) do
                    local answered = attempt.status == 503 or attempt.status == 429
                    assert.equal(i < #letter.attempts, answered)
                end
            end
            assert.equal(0, ambiguous)
        end)
    end
end)
