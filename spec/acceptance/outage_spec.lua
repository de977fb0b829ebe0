--- Outages: the first record probes every five minutes, nothing else is sent meanwhile; after five
-- retries the run ends, and what it wrote can be delivered afterwards.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"

local ROWS = acceptance.ROWS
local equal = acceptance.equal
local MINUTE = 60000

--- The calls of a log in [from, to), as { time, status }.
local function calls_between(path, from, to)
    local list = {}
    for at, status in acceptance.calls(path) do
        if at >= from and at < to then list[#list + 1] = { at, status } end
    end
    return list
end

--- One field of all attempts, with blanks between.
local function column(attempts, field)
    local list = {}
    for i, attempt in ipairs(attempts) do list[i] = tostring(attempt[field]) end
    return table.concat(list, " ")
end

local SIX_WAITS = "0 300 300 300 300 300"
local SIX_STATUSES = "503 503 503 503 503 503"

describe("import-audience meets an outage", function()
    local file

    lazy_setup(function() file = acceptance.members(acceptance.place() "members.csv", ROWS) end)

    it("of 12 minutes: all is delivered, only the probe is sent meanwhile", function()
        local run = acceptance.run("omnisegment/import-audience", file,
            { faults = "outage:status=503,from=10,to=730" })
        assert.equal(0, run.code, run.err)
        assert.same({ ROWS, ROWS, 0, 0, 2 }, {
            run.summary.total, run.summary.ok, run.summary.failed, run.summary.unknown,
            run.summary.retried,
        })
        -- Two failures in a row close the gate; the probe's third send opens it.
        assert.same({
            { 10000, 503 }, { 10100, 503 }, { 10000 + 5 * MINUTE, 503 }, { 10000 + 10 * MINUTE, 503 },
            { 10000 + 15 * MINUTE, 200 },
        }, calls_between(run.log, 10000, 10000 + 15 * MINUTE + 1))
        local counts = acceptance.count(run.log)
        assert.same({ [200] = ROWS, [503] = 4 }, counts.status)
        assert.equal(10, acceptance.most_per_second(run.log))
        assert.is_true(run.summary.seconds <= 900 + ROWS / 10 * 1.01 + 1)
        assert.is_false(helper.exists(run.letters))
    end)

    it("of 40 minutes: it ends after the probe's sixth send, and the rest can follow", function()
        local run = acceptance.run("omnisegment/import-audience", file,
            { faults = "outage:status=503,from=5,to=2405" })
        assert.equal(3, run.code, run.err)
        assert.same({ ROWS, 50, ROWS - 50, 0 }, {
            run.summary.total, run.summary.ok, run.summary.failed, run.summary.unknown,
        })
        assert.near(1505, run.summary.seconds, 1)
        assert.same({ [200] = 50, [503] = 7 }, acceptance.count(run.log).status)

        local seen, six, one = {}, nil, 0
        for letter in acceptance.letters(run.letters) do
            local sn = letter.record.member_sn
            equal(nil, seen[sn])
            seen[sn] = true
            equal("outage", letter.error.kind)
            equal(("M%06d"):format(letter.line - 1), sn)
            if #letter.attempts == 6 then
                assert.is_nil(six)
                six = letter
            else
                equal(SIX_STATUSES, column(letter.error.cause, "status"))
                equal(SIX_WAITS, column(letter.error.cause, "wait"))
                equal(#letter.attempts == 0 and "not_sent" or "rejected", letter.outcome)
                one = one + #letter.attempts
            end
        end
        assert.equal("M000051", six.record.member_sn)
        assert.equal("rejected", six.outcome)
        equal(SIX_WAITS, column(six.attempts, "wait"))
        equal(SIX_STATUSES, column(six.attempts, "status"))
        assert.equal(1, one) -- the second of the two that closed the gate
        for i = 1, ROWS do equal(i > 50, seen[("M%06d"):format(i)] == true) end

        local rest = acceptance.run("omnisegment/import-audience", run.letters)
        assert.equal(0, rest.code, rest.err)
        assert.same({ ROWS - 50, ROWS - 50 }, { rest.summary.total, rest.summary.ok })
        assert.same({ [200] = ROWS - 50 }, acceptance.count(rest.log).status)
    end)

    it("longer than expected by a setting of its own", function()
        local small = acceptance.members(acceptance.place() "members.csv", 100)
        local run = acceptance.run("omnisegment/import-audience", small, {
            faults = "outage:status=502,from=5,to=100", args = { "--set", "omnisegment.outage_wait=10m" },
        })
        assert.equal(0, run.code)
        local list = calls_between(run.log, 5000, 700000)
        assert.same({ { 5000, 502 }, { 5100, 502 }, { 605000, 200 } }, { list[1], list[2], list[3] })
    end)
end)
