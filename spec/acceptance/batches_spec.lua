--- --batch: the same end state as row by row with a fraction of the calls, whatever goes wrong.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"
local imports = require "spec.support.imports"

for recipe, size in pairs { ["import-audience"] = 50, ["import-purchases"] = 50, ["import-gift-vouchers"] = 100 } do
    describe(("omnisegment/%s --batch"):format(recipe), function()
        local noun = imports.nouns[recipe]
        local file = imports.write(noun, acceptance.place()(recipe .. ".ndjson"))
        for seed = 1, imports.SEEDS do
            it(("leaves at the vendor what is in the file, seed %d"):format(seed), function()
                local counts = imports.deliver(noun, file, seed, true)
                -- Batches, and those sent again; none falls apart into its rows.
                assert.is_true(counts.all < imports.ROWS / size * 2)
            end)
        end
    end)
end

describe("omnisegment/import-audience --batch", function()
    local ROWS = acceptance.ROWS
    local place = acceptance.place()

    it("makes a call for 50 rows", function()
        local run = acceptance.run("omnisegment/import-audience", acceptance.members(place "members.csv", ROWS),
            { args = { "--batch" } })
        assert.equal(0, run.code, run.err)
        assert.same({ ROWS, ROWS }, { run.summary.total, run.summary.ok })
        assert.equal(ROWS // 50, acceptance.count(run.log).all)
        assert.is_true(acceptance.most_per_second(run.log) <= 10)
    end)

    --- One row of a hundred is bad: every other one by what only the vendor sees.
    local function bad(i) return i % 100 == 0 and (i % 200 == 0 and "at the vendor" or "here") or nil end

    local function line(i)
        local kind = bad(i)
        return ("%s,m%d@example.com,%s"):format(kind == "at the vendor" and "none" or ("M%06d"):format(i), i,
            kind == "here" and "1.1.1990" or "1990-01-01")
    end

    it("dead-letters exactly the bad rows", function()
        local file = acceptance.rows(place "bad.csv", ROWS, line, "member_sn,email,birthday")
        local run = acceptance.run("omnisegment/import-audience", file, { args = { "--batch" } })
        assert.equal(3, run.code, run.err)
        assert.same({ ROWS, ROWS - ROWS // 100, ROWS // 100, 0 }, {
            run.summary.total, run.summary.ok, run.summary.failed, run.summary.unknown,
        })
        local seen = {}
        for letter in acceptance.letters(run.letters) do
            local i = letter.line - 1
            assert.is_nil(seen[i])
            seen[i] = true
            local kind = bad(i)
            assert.equal(kind == "here" and "not_sent" or "rejected", letter.outcome)
            assert.equal(kind == "here" and "invalid" or "rejected", letter.error.kind)
        end
        for i = 100, ROWS, 100 do assert.is_true(seen[i]) end
    end)

    it("refuses options that a batch cannot carry, before any call", function()
        for _, case in ipairs {
            { "import-audience", "member_sn\n1\n", "--merge-key", "source_id", '"source_id" is not one of' },
            { "import-purchases", "transaction_id\n1\n", "--debug-mode", "1", "has no debug_mode" },
        } do
            local dir = helper.tmpdir()
            helper.write(dir .. "/in.csv", case[2])
            local result = helper.cli({ "run", "omnisegment/" .. case[1], "--file", "in.csv", "--sandbox", "--batch",
                case[3], case[4], "--sandbox-log", "log.ndjson" }, { cwd = dir })
            assert.equal(2, result.code, result.err)
            assert.truthy(result.err:find(case[3] .. " does not go with --batch", 1, true), result.err)
            assert.truthy(result.err:find(case[5], 1, true), result.err)
            assert.is_true(not helper.exists(dir .. "/log.ndjson") or helper.read(dir .. "/log.ndjson") == "")
        end
    end)

    it("shows the batches in a dry run", function()
        local file = acceptance.members(place "few.csv", 120)
        local result = helper.cli { "run", "omnisegment/import-audience", "--file", file, "--sandbox", "--batch",
            "--dry-run", "--clock", "virtual" }
        assert.equal(0, result.code, result.err)
        assert.equal(3, select(2, result.out:gsub("POST http://[^\n]*/api/v2/audiences/batch%-import/\n", "")))
        assert.truthy(result.err:find("3 omnisegment.import_audience_batch checked, none sent", 1, true), result.err)
    end)
end)
