--- The bundled recipes with their own sample files.

local helper = require "spec.support.helper"
local json = require "neap.native.json"

local function sample(name) return helper.root .. "/scripts/" .. name end

--- Runs a recipe in the sandbox on virtual time, in a directory that outlives it.
local function run(recipe, args, opts)
    opts = opts or {}
    local words = { "run", recipe, "--sandbox", "--clock", "virtual", "--progress", "never" }
    table.move(args or {}, 1, #(args or {}), #words + 1, words)
    opts.cwd = opts.cwd or helper.tmpdir()
    return helper.cli(words, opts), opts.cwd
end

local function lines(text) return select(2, text:gsub("\n", "")) end

local imports = {
    { "omnisegment/import-audience", "omnisegment/samples/audience.csv", 120, 11.9 },
    { "omnisegment/track-events", "omnisegment/samples/events.ndjson", 60, 5.9 },
    { "opm/sync-customers", "opm/samples/customers.csv", 110, 0 },
}

for _, case in ipairs(imports) do
    local recipe, file, count, seconds = table.unpack(case)
    describe(recipe, function()
        it("delivers its sample", function()
            local result, dir = run(recipe, { "--file", sample(file), "--json",
                "--sandbox-log", "log.ndjson" })
            assert.equal(0, result.code, result.err)
            assert.same({ total = count, ok = count, failed = 0, unknown = 0, retried = 0,
                seconds = seconds }, json.decode(result.out))
            assert.equal(count, lines(helper.read(dir .. "/log.ndjson")))
            assert.is_false(helper.exists(sample(file) .. ".dead.ndjson"))
        end)

        it("says what it did in one line", function()
            local result = run(recipe, { "--file", sample(file) })
            assert.same({ 0, "" }, { result.code, result.out })
            assert.truthy(result.err:find(("neap: %d records: %d ok, 0 failed"):format(count, count),
                1, true), result.err)
            assert.equal(1, lines(result.err))
        end)

        it("reads standard input", function()
            local result = run(recipe, { "--file", "-", "--json" },
                { stdin = helper.read(sample(file)) })
            assert.equal(0, result.code, result.err)
            assert.equal(count, json.decode(result.out).ok)
        end)

        it("sends nothing in a dry run", function()
            local result, dir = run(recipe, { "--file", sample(file), "--dry-run", "--sandbox-log",
                "log.ndjson" })
            assert.equal(0, result.code, result.err)
            assert.is_true(not helper.exists(dir .. "/log.ndjson")
                or helper.read(dir .. "/log.ndjson") == "")
            local _, shown = result.out:gsub("POST http", "")
            assert.equal(10, shown)
            assert.is_nil(result.out:find("00000000-0000-4000-8000", 1, true))
        end)

        it("needs its file, and one that is there", function()
            assert.equal(2, run(recipe).code)
            local result = run(recipe, { "--file", "missing.csv" })
            assert.equal(2, result.code)
            assert.truthy(result.err:find("missing.csv", 1, true), result.err)
        end)

        it("explains itself", function()
            local result = helper.cli { "run", recipe, "--help" }
            assert.equal(0, result.code)
            for _, option in ipairs { "--file", "--concurrency", "--dead-letters" } do
                assert.truthy(result.out:find(option, 1, true), option)
            end
        end)
    end)
end

describe("omnisegment/import-audience", function()
    local function import(text, args)
        local dir = helper.tmpdir()
        helper.write(dir .. "/in.csv", text)
        local words = { "--file", "in.csv", "--json" }
        table.move(args or {}, 1, #(args or {}), #words + 1, words)
        local result = run("omnisegment/import-audience", words, { cwd = dir })
        return result, json.decode(result.out), dir .. "/in.csv.dead.ndjson"
    end

    it("dead-letters a faulty row and goes on", function()
        local result, summary, letters = import("member_sn,birthday,is_active\n"
            .. "1,1990-01-31,true\n2,31.1.1990,maybe\n3,,false\n")
        assert.equal(3, result.code)
        assert.same({ 3, 2, 1 }, { summary.total, summary.ok, summary.failed })
        local letter = json.decode(helper.read(letters))
        assert.equal(3, letter.line)
        assert.equal("not_sent", letter.outcome)
        assert.equal("invalid", letter.error.kind)
        assert.truthy(letter.error.message:find("birthday", 1, true), letter.error.message)
        assert.truthy(letter.error.message:find("is_active", 1, true), letter.error.message)
        assert.same({ member_sn = "2", birthday = "31.1.1990", is_active = "maybe" }, letter.record)
    end)

    it("finds members by another key", function()
        local result, summary = import("email\na@example.com\nb@example.com\n",
            { "--merge-key", "email", "--tag-mode", "replace", "--ignore-empty-value" })
        assert.same({ 0, 2 }, { result.code, summary.ok })
    end)

    it("refuses a column that is nearly a field, and a merge key that is none", function()
        local near = [[did you mean \"email\"?]]
        local result = import "member_sn,emial\n1,a@example.com\n"
        assert.equal(2, result.code)
        assert.truthy(result.err:find(near, 1, true), result.err)
        result = import("member_sn\n1\n", { "--merge-key", "emial" })
        assert.equal(2, result.code)
        assert.truthy(result.err:find(near, 1, true), result.err)
    end)

    it("clears fields by empty cells when told so, and by the word none", function()
        local text = "member_sn,city,birthday,point_balance,is_active,sex\n1,,,,,\n"
        local result, summary = import(text, { "--keep-empty" })
        assert.same({ 0, 1 }, { result.code, summary.ok }, result.err)
        text = "member_sn,city,birthday,point_balance,is_active,sex,membership_expire_at\n"
            .. "1,none,none,none,none,none,none\n"
        result, summary = import(text, { "--ignore-empty-value" })
        assert.same({ 0, 1 }, { result.code, summary.ok }, result.err)
    end)
end)

describe("omnisegment/interaction-report", function()
    local function report(args, opts)
        local words = { "--start-date", "2026-10-01", "--end-date", "2026-10-31" }
        table.move(args, 1, #args, #words + 1, words)
        return run("omnisegment/interaction-report", words, opts)
    end

    it("orders a report, polls, and saves its file whole", function()
        local result, dir = report { "--out", "report.ndjson", "--sandbox-log", "log.ndjson" }
        assert.equal(0, result.code, result.err)
        local text = helper.read(dir .. "/report.ndjson")
        assert.same({ report_id = 1, out = "report.ndjson", bytes = #text }, json.decode(result.out))
        assert.equal(200, lines(text))
        for line in text:gmatch "[^\n]+" do assert.is_string(json.decode(line).member_sn) end
        local log = helper.read(dir .. "/log.ndjson")
        assert.equal(1, select(2, log:gsub('"create_interaction_report"', "")))
        assert.equal(4, select(2, log:gsub('"get_interaction_report"', ""))) -- 0, 30, 60 and 90 s
    end)

    it("writes to standard output", function()
        local result = report { "--out", "-", "--report-name", "rows=3" }
        assert.equal(0, result.code)
        assert.equal('{"member_sn":"M000001"', result.out:sub(1, 22))
        assert.is_true(lines(result.out) >= 3)
    end)

    it("leaves no file when the report fails, or never gets ready", function()
        local result, dir = report { "--out", "r.ndjson", "--report-name", "to fail" }
        assert.equal(1, result.code)
        assert.truthy(result.err:find("report 1 failed at the vendor", 1, true), result.err)
        assert.is_false(helper.exists(dir .. "/r.ndjson"))
        result, dir = report { "--out", "r.ndjson", "--report-name", "never", "--give-up-after", "10m" }
        assert.equal(1, result.code)
        assert.truthy(result.err:find("report 1 was not ready after 600 s", 1, true), result.err)
        assert.is_false(helper.exists(dir .. "/r.ndjson"))
    end)

    it("refuses a span that is too long, or no span", function()
        local result = report { "--out", "r", "--end-date", "2026-11-30" }
        assert.equal(2, result.code)
        assert.truthy(result.err:find("at most 31", 1, true), result.err)
        result = report { "--out", "r", "--end-date", "2026-09-30" }
        assert.equal(2, result.code)
        result = report { "--out", "r", "--end-date", "2026-11-31" }
        assert.equal(2, result.code)
        assert.equal(2, run("omnisegment/interaction-report", { "--out", "r" }).code)
    end)

    it("orders nothing where the file could not be saved", function()
        local result, dir = report { "--out", "/nonexistent/r.ndjson", "--sandbox-log", "log.ndjson" }
        assert.equal(2, result.code, result.err)
        assert.truthy(result.err:find("/nonexistent/r.ndjson", 1, true), result.err)
        assert.is_true(not helper.exists(dir .. "/log.ndjson") or helper.read(dir .. "/log.ndjson") == "")
    end)

    it("names the report that was not ready in time, and what to do", function()
        local result = report { "--out", "r.ndjson", "--give-up-after", "10s", "--poll-every", "5s" }
        assert.equal(1, result.code)
        assert.matches("report %d+ was not ready after 10 s; .*get_interaction_report report_id=%d+", result.err)
    end)

    it("orders nothing in a dry run", function()
        local result, dir = report { "--out", "r.ndjson", "--dry-run" }
        assert.equal(0, result.code, result.err)
        assert.truthy(result.out:find("POST http", 1, true), result.out)
        assert.is_false(helper.exists(dir .. "/r.ndjson"))
    end)
end)

describe("opm/ping", function()
    it("says pong", function()
        local result = run "opm/ping"
        assert.equal(0, result.code)
        assert.same({ statusCode = 200, message = "pong" }, json.decode(result.out))
    end)

    it("exits with 4 when the key is refused, or missing", function()
        local result = run("opm/ping", { "--set", "opm.api_key=env:K" }, { env = { K = "x" } })
        assert.equal(4, result.code)
        assert.truthy(result.err:find("API key does not exist", 1, true), result.err)
        result = helper.cli { "run", "opm/ping" }
        assert.equal(4, result.code)
        assert.truthy(result.err:find("api_key", 1, true), result.err)
    end)
end)

describe("opm/sync-customers", function()
    it("dead-letters a row without contact, with the rule", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/in.csv",
            "customerId,customerEmail,customerPhone\n1,a@example.com,\n2,,\n3,,+1\n")
        local result = run("opm/sync-customers", { "--file", "in.csv", "--json", "--dead-letters",
            "out.ndjson" }, { cwd = dir })
        assert.equal(3, result.code)
        local letter = json.decode(helper.read(dir .. "/out.ndjson"))
        assert.equal("2", letter.record.customerId)
        assert.equal("one of customerEmail or customerPhone is required", letter.error.message)
    end)

    it("takes long ids as they are written", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/in.csv", "customerId,customerEmail\n12345678901234567890,a\n007,b\n")
        local result = run("opm/sync-customers", { "--file", "in.csv", "--dry-run" }, { cwd = dir })
        assert.truthy(result.out:find('"customerId":"12345678901234567890"', 1, true), result.out)
        assert.truthy(result.out:find('"customerId":"007"', 1, true), result.out)
    end)
end)
