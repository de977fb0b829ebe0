--- The report recipes of OmniSegment.

local helper = require "spec.support.helper"
local recipes = require "spec.support.recipes"
local csv = require "neap.csv"
local json = require "neap.native.json"

local lines = recipes.lines

--- Runs a recipe for October; later words win.
local function october(recipe)
    return function(args, opts)
        local words = { "--start-date", "2026-10-01", "--end-date", "2026-10-31" }
        table.move(args, 1, #args, #words + 1, words)
        return recipes.run(recipe, words, opts)
    end
end

local function calls(dir) return recipes.by_endpoint(recipes.objects(dir .. "/log.ndjson")) end

local OWN = { "--out", "--poll-every", "--give-up-after" }

-- recipe, the operations' noun, options beside those of both
local reports = {
    { "interaction-report", "interaction_report", {} },
    { "tracking-event-report", "tracking_event_report", { "--include-anonymous-user", "--include-event-raw-data" } },
}

for _, case in ipairs(reports) do
    local name, noun, own = table.unpack(case)
    local recipe = "omnisegment/" .. name
    local report = october(recipe)

    describe(recipe, function()
        it("orders once, asks every 30 s, and saves the file", function()
            local result, dir = report { "--out", "report.txt", "--sandbox-log", "log.ndjson" }
            assert.equal(0, result.code, result.err)
            assert.equal("", result.err)
            local text = helper.read(dir .. "/report.txt")
            assert.same({ report_id = 1, out = "report.txt", bytes = #text }, json.decode(result.out))
            local asked = { 0, 30, 60, 90 }
            local counts = calls(dir)
            assert.same({ 1, #asked }, { counts["create_" .. noun], counts["get_" .. noun] })
        end)

        it("asks as often as it is told", function()
            local result, dir = report { "--out", "r", "--poll-every", "10s", "--sandbox-log", "log.ndjson" }
            assert.equal(0, result.code, result.err)
            assert.equal(10, calls(dir)["get_" .. noun])
        end)

        it("leaves no file when the report fails, or is not ready in time", function()
            local result, dir = report { "--out", "r.txt", "--report-name", "to fail" }
            assert.equal(1, result.code)
            assert.truthy(result.err:find("report 1 failed at the vendor", 1, true), result.err)
            assert.truthy(result.err:find("order it again", 1, true), result.err)
            assert.is_false(helper.exists(dir .. "/r.txt"))
            result, dir = report { "--out", "r.txt", "--give-up-after", "10s", "--poll-every", "5s" }
            assert.equal(1, result.code)
            assert.truthy(result.err:find("report 1 was not ready after 10 s", 1, true), result.err)
            assert.truthy(result.err:find(("neap call omnisegment get_%s report_id=1"):format(noun), 1, true),
                result.err)
            assert.is_false(helper.exists(dir .. "/r.txt"))
        end)

        it("leaves the file of an earlier run when it fails", function()
            local dir = helper.tmpdir()
            helper.write(dir .. "/r.txt", "earlier")
            assert.equal(1, report({ "--out", "r.txt", "--report-name", "fail" }, { cwd = dir }).code)
            assert.equal("earlier", helper.read(dir .. "/r.txt"))
            assert.equal(0, report({ "--out", "r.txt" }, { cwd = dir }).code)
            assert.is_true(#helper.read(dir .. "/r.txt") > 1000)
        end)

        it("refuses a span that is too long, or none, before any call", function()
            for _, case_of_span in ipairs {
                { { "--end-date", "2026-11-02" }, '"2026-11-02" is 32 days after start_date "2026-10-01", at most 31' },
                { { "--end-date", "2026-09-30" }, "is before start_date" },
                { { "--end-date", "2026-11-31" }, "2026-11 has 30 days" },
                { { "--start-date", "2026-10-1" }, "2026-10-1" },
                { { "--report-name", "" }, "--report-name: empty" },
            } do
                local args, expected = table.unpack(case_of_span)
                table.move({ "--out", "r", "--sandbox-log", "log.ndjson" }, 1, 4, #args + 1, args)
                local result, dir = report(args)
                assert.equal(2, result.code, result.err)
                assert.truthy(result.err:find(expected, 1, true), result.err)
                assert.same({}, calls(dir))
            end
            local result = recipes.run(recipe, { "--out", "r" })
            assert.equal(2, result.code)
            assert.truthy(result.err:find("--start-date is required", 1, true), result.err)
        end)

        it("orders nothing where the file could not be saved", function()
            local result, dir = report { "--out", "/nonexistent/r.txt", "--sandbox-log", "log.ndjson" }
            assert.equal(2, result.code, result.err)
            assert.truthy(result.err:find("/nonexistent/r.txt", 1, true), result.err)
            assert.same({}, calls(dir))
        end)

        it("orders nothing in a dry run", function()
            local result, dir = report { "--out", "r.txt", "--dry-run", "--sandbox-log", "log.ndjson" }
            assert.equal(0, result.code, result.err)
            assert.truthy(result.out:find("POST http", 1, true), result.out)
            assert.truthy(result.err:find(("1 omnisegment.create_%s checked, none sent"):format(noun), 1, true),
                result.err)
            assert.is_false(helper.exists(dir .. "/r.txt"))
            assert.same({}, calls(dir))
        end)

        it("has these options", function()
            local expected = { "--report-name", "--start-date", "--end-date" }
            table.move(own, 1, #own, #expected + 1, expected)
            table.move(OWN, 1, #OWN, #expected + 1, expected)
            assert.same(expected, recipes.options(recipe))
        end)
    end)
end

describe("omnisegment/interaction-report", function()
    local report = october "omnisegment/interaction-report"

    it("saves a JSON object per line", function()
        local result, dir = report { "--out", "report.ndjson" }
        assert.equal(0, result.code, result.err)
        local rows = recipes.objects(dir .. "/report.ndjson")
        assert.equal(200, #rows)
        for _, row in ipairs(rows) do assert.is_string(row.member_sn) end
    end)

    it("writes to standard output", function()
        local result = report { "--out", "-", "--report-name", "rows=3" }
        assert.equal(0, result.code)
        assert.equal(3, lines(result.out))
        assert.equal('{"member_sn":"M000001"', result.out:sub(1, 22))
        assert.same({ report_id = 1, out = "-", bytes = #result.out }, json.decode(result.err))
    end)
end)

describe("omnisegment/tracking-event-report", function()
    local report = october "omnisegment/tracking-event-report"
    local COLUMNS = { "member_sn", "event_time", "event_name", "user_engagement_duration", "page_url", "device",
        "session_id", "cid" }

    --- Gets the rows of a report, and what the vendor was asked for.
    local function rows(...)
        local result = report { "--out", "-", "--report-name", "rows=50", ... }
        assert.equal(0, result.code, result.err)
        return csv.decode(result.out)
    end

    local function sent(...)
        local result = report { "--out", "-", "--dry-run", ... }
        return json.decode(result.out:match "\n\n({.-})\n")
    end

    it("saves CSV of members", function()
        local table_of = rows()
        assert.same(COLUMNS, table_of[1])
        assert.equal(51, #table_of)
        for i = 2, #table_of do
            assert.equal(#COLUMNS, #table_of[i])
            assert.matches("^M%d+$", table_of[i][1])
            assert.matches("^2026%-10%-%d%d %d%d:%d%d:%d%d%+00$", table_of[i][2])
        end
        assert.is_nil(sent().include_event_raw_data)
    end)

    it("adds the raw data of events, and events of visitors who are no members", function()
        local table_of = rows("--include-event-raw-data", "--include-anonymous-user")
        assert.equal("event_raw_data", table_of[1][9])
        local anonymous = 0
        for i = 2, #table_of do
            assert.is_string(json.decode(table_of[i][9]).t)
            if table_of[i][1] == "" then anonymous = anonymous + 1 end
        end
        assert.equal(10, anonymous)
        assert.is_true(sent("--include-event-raw-data").include_event_raw_data)
    end)

    it("says no when told so", function()
        assert.same(COLUMNS, rows("--no-include-event-raw-data", "--no-include-anonymous-user")[1])
        assert.is_false(sent("--no-include-event-raw-data").include_event_raw_data)
    end)
end)

describe("omnisegment/market-report", function()
    local recipe = "omnisegment/market-report"
    local market = october(recipe)

    it("prints sends and fees of each channel", function()
        local result, dir = market { "--sandbox-log", "log.ndjson" }
        assert.same({ 0, "" }, { result.code, result.err })
        assert.equal(1, lines(result.out))
        local payload = json.decode(result.out)
        assert.equal(75000, payload.monthly_fee)
        for _, channel in ipairs { "email", "sms", "line", "crescendo_line", "pn" } do
            assert.is_number(payload[channel].total_send)
            assert.is_number(payload[channel].total_fee)
        end
        assert.same({ show_market_report = 1 }, calls(dir))
    end)

    it("takes unpadded days, and one day", function()
        for _, span in ipairs { { "2026-9-1", "2026-10-1" }, { "2026-10-31", "2026-10-31" } } do
            local result = recipes.run(recipe, { "--start-date", span[1], "--end-date", span[2] })
            assert.equal(0, result.code, result.err)
        end
    end)

    it("refuses an end before the start, and days that are none, before any call", function()
        for day, expected in pairs {
            ["2026-9-30"] = '"2026-9-30" is before data.start_date "2026-10-01"',
            ["2026-9-31"] = "2026-09 has 30 days",
            ["31.10.2026"] = "31.10.2026",
        } do
            local result, dir = market { "--end-date", day, "--sandbox-log", "log.ndjson" }
            assert.equal(2, result.code, result.err)
            assert.truthy(result.err:find(expected, 1, true), result.err)
            assert.same({}, calls(dir))
        end
        assert.equal(2, recipes.run(recipe, { "--start-date", "2026-10-01" }).code)
    end)

    it("reads in a dry run, too, and asks again after a fault", function()
        assert.is_number(json.decode(market({ "--dry-run" }).out).monthly_fee)
        local result, dir = market { "--faults", "reset:p=0.5", "--seed", "1", "--sandbox-log", "log.ndjson" }
        assert.equal(0, result.code, result.err)
        assert.is_true(calls(dir).show_market_report > 1)
    end)

    it("has these options", function()
        assert.same({ "--start-date", "--end-date" }, recipes.options(recipe))
    end)
end)
