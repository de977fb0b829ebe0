--- A large import on virtual time keeps to ten calls per second, uses nearly all of them, and is the
-- same again with the same seed.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"

--- Seconds of processor time that ended children have taken: unlike real time it does not depend on
-- what else the machine does, and a run on virtual time waits for nothing.
local function children_s()
    local fields = helper.read("/proc/self/stat"):match "%) (.*)$"
    local user, system = fields:match("^" .. ("%S+ "):rep(13) .. "(%d+) (%d+)")
    return (user + system) / 100
end

describe("import-audience of a large file", function()
    local rows = acceptance.ROWS
    local file, first

    lazy_setup(function()
        file = acceptance.members(acceptance.place() "members.csv", rows)
        local before = children_s()
        first = acceptance.run("omnisegment/import-audience", file, { seed = 7 })
        first.cpu_s = children_s() - before
    end)

    it("delivers every record, in time", function()
        assert.equal(0, first.code)
        assert.same({ rows, rows, 0, 0, 0 }, {
            first.summary.total, first.summary.ok, first.summary.failed, first.summary.unknown,
            first.summary.retried,
        })
        assert.is_true(first.cpu_s > 0 and first.cpu_s < 60, first.cpu_s .. " s")
        assert.is_false(helper.exists(first.letters))
    end)

    it("keeps to ten calls in any half-open second, and wastes little", function()
        assert.equal(10, acceptance.most_per_second(first.log))
        assert.same({ all = rows, status = { [200] = rows }, fault = {} },
            acceptance.count(first.log))
        assert.is_true(first.summary.seconds >= (rows - 10) / 10)
        assert.is_true(first.summary.seconds <= rows / 10 * 1.01 + 1)
    end)

    it("leaves the same log with the same seed, byte for byte", function()
        local second = acceptance.run("omnisegment/import-audience", file, { seed = 7 })
        assert.is_true(helper.read(first.log) == helper.read(second.log))
        assert.same(first.summary, second.summary)
    end)
end)

describe("the same seed", function()
    local FAULTS = "503:p=0.05;429:p=0.02;reset:p=0.01;truncate:p=0.01;slow:p=0.05,s=0.7"

    it("leaves the same log with faults too, another one another log", function()
        local file = acceptance.members(acceptance.place() "members.csv", 1000)
        local function log(seed)
            local run = acceptance.run("omnisegment/import-audience", file,
                { seed = seed, faults = FAULTS })
            return helper.read(run.log)
        end
        local seven = log(7)
        assert.is_true(seven == log(7))
        assert.is_false(seven == log(8))
    end)
end)
