--- The first SIGINT in the middle of a run: what was sent may answer, the rest is written, and can be
-- delivered afterwards without sending any accepted record again.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"
local json = require "neap.native.json"

local ROWS = helper.scale(10000, 2000)

local function lines(path)
    return helper.exists(path) and select(2, helper.read(path):gsub("\n", "")) or 0
end

--- Counts dead letters by outcome.
local function outcomes(path)
    local counts = {}
    for letter in acceptance.letters(path) do
        counts[letter.outcome] = (counts[letter.outcome] or 0) + 1
    end
    return counts
end

describe("SIGINT in the middle of a run", function()
    it("ends one whose calls are on the wire, and nothing accepted is sent again", function()
        local place = acceptance.place()
        local log, letters = place "log.ndjson", place "dead.ndjson"
        -- Slow enough to be in the middle, and OPM says 202 to what it has already.
        local server = helper.start { "sandbox", "--port", "0", "--sandbox-log", log, "--seed", "1",
            "--faults", "slow:p=0.1,s=0.1" }
        local base = assert(server:line():match "http://%S+") .. "/opm"
        local function args(file, ...)
            return { "run", "opm/sync-customers", "--file", file, "--json", "--set",
                "opm.base_url=" .. base, ... }
        end
        local opts = { env = { NEAP_OPM_API_KEY = "00000000-0000-4000-8000-000000000000" } }
        local file = acceptance.customers(place "customers.csv", ROWS)

        local run = helper.start(args(file, "--dead-letters", letters), opts)
        helper.wait_for(function() return lines(log) >= 300 end, "300 calls")
        run:signal "INT"
        local result = run:wait()
        local summary = json.decode(result.out)
        assert.equal(130, result.code, result.err)
        local sent = lines(log)
        assert.is_true(sent < ROWS, "the run was over before the signal")
        assert.same({ ROWS, sent, ROWS - sent, 0 },
            { summary.total, summary.ok, summary.failed, summary.unknown })
        assert.same({ not_sent = ROWS - sent }, outcomes(letters))

        local rest = helper.cli(args(letters), opts)
        assert.equal(0, rest.code, rest.err)
        summary = json.decode(rest.out)
        assert.same({ ROWS - sent, ROWS - sent }, { summary.total, summary.ok })
        server:signal "INT"
        server:wait()
        assert.same({ [201] = ROWS }, acceptance.count(log).status)
    end)

    it("ends one whose calls wait for the limit", function()
        local place = acceptance.place()
        local log, letters = place "log.ndjson", place "dead.ndjson"
        local run = helper.start { "run", "omnisegment/import-audience", "--file",
            acceptance.members(place "members.csv", ROWS), "--sandbox", "--sandbox-log", log, "--json",
            "--dead-letters", letters }
        helper.wait_for(function() return lines(log) >= 5 end, "5 calls")
        run:signal "INT"
        local result = run:wait()
        local summary, sent = json.decode(result.out), lines(log)
        assert.equal(130, result.code)
        assert.same({ ROWS, sent, ROWS - sent, 0 },
            { summary.total, summary.ok, summary.failed, summary.unknown })
        local expected = sent
        for letter in acceptance.letters(letters) do
            expected = expected + 1
            assert.equal(("M%06d"):format(expected), letter.record.member_sn)
            assert.equal("not_sent", letter.outcome)
        end
        assert.equal(ROWS, expected)
        local rest = acceptance.run("omnisegment/import-audience", letters)
        assert.same({ 0, ROWS - sent }, { rest.code, rest.summary.ok })
    end)

    it("ends one that waits for a closed gate at once", function()
        local place = acceptance.place()
        local log, letters = place "log.ndjson", place "dead.ndjson"
        local run = helper.start { "run", "omnisegment/import-audience", "--file",
            acceptance.members(place "members.csv", 500), "--sandbox", "--sandbox-log", log, "--json",
            "--dead-letters", letters, "--faults", "outage:status=503" }
        helper.wait_for(function() return lines(log) >= 2 end, "2 calls")
        run:signal "TERM"
        local result = run:wait()
        assert.equal(143, result.code)
        local summary = json.decode(result.out)
        assert.same({ 500, 0, 500, 0 },
            { summary.total, summary.ok, summary.failed, summary.unknown })
        assert.same({ rejected = 2, not_sent = 498 }, outcomes(letters))
    end)
end)
