--- Reports of the OmniSegment simulator, all four.

local helper = require "spec.support.helper"
local support = require "spec.sandbox.omnisegment_support"
local json = require "neap.native.json"

local null = json.null
local check, with = support.check, support.with
local MISSING_REPORT = "Missing required fields: report_name, start_date, end_date"

describe("in the OmniSegment simulator", function()
    local omni

    before_each(function() omni = support.new() end)

    local function order(changes, path)
        return omni:order(path or "interaction_report",
            with({ report_name = "r", start_date = "2026-10-01", end_date = "2026-10-31" }, changes))
    end

    describe("interaction reports", function()
        local function state(id) return omni:ask("interaction_report", id) end
        local function list() return omni:ask("interaction_report").value.PAYLOAD end
        local DATES = "Input Error: dates should be YYYY-MM-DD"
        local cases = {
            { {} }, { { start_date = "2026-10-31" } }, { { end_date = "2026-11-01" } },
            { { end_date = "2026-11-02" }, "Date range cannot exceed 31 days" },
            { { start_date = "2026-11-01" }, "Input Error: end_date is before start_date" },
            { { report_name = "(none)" }, MISSING_REPORT }, { { start_date = "" }, MISSING_REPORT },
            { { end_date = null }, MISSING_REPORT },
            { { report_name = 5 }, "Input Error: report_name should be a string" },
            { { start_date = 20261001 }, "Input Error: start_date should be a string" },
            { { start_date = "2026-10-1" }, DATES }, { { end_date = "2026-02-30" }, DATES },
            { { end_date = "31.10.2026" }, DATES },
        }
        for i, case in ipairs(cases) do
            it(("are checked, %d: %s"):format(i, case[2] or "accepted"), function()
                check(case[2] and { 400, case[2] } or { 200 }, order(case[1]))
                assert.equal(case[2] and 0 or 1, #omni:snapshot "reports")
            end)
        end

        it("are numbered, a repeat too", function()
            for i = 1, 3 do assert.equal(i, order().value.PAYLOAD.report_id) end
        end)

        it("go from RUNNING to SUCCESS and then have a file", function()
            order()
            assert.equal('{"SUCCESS":true,"PAYLOAD":{"report_name":"r","status":"RUNNING",'
                .. '"report_url":null}}', state(1).text)
            omni.simulator.clock = 89.9
            assert.equal("RUNNING", state(1).value.PAYLOAD.status)
            assert.equal(404, omni:file("interaction-report-1.json").status)
            omni.simulator.clock = 90
            assert.same({ report_name = "r", status = "SUCCESS",
                report_url = "http://localhost/omnisegment/files/interaction-report-1.json" },
                state(1).value.PAYLOAD)
        end)

        it("fail, or never end, by their names", function()
            order { report_name = "to fail" }
            order { report_name = "never" }
            omni.simulator.clock = 50000
            assert.same({ report_name = "to fail", status = "FAIL", report_url = null },
                state(1).value.PAYLOAD)
            assert.equal("RUNNING", state(2).value.PAYLOAD.status)
            assert.equal(404, omni:file("interaction-report-1.json").status)
        end)

        it("are unknown by another number", function()
            order()
            for _, id in ipairs { "0", "2", "99999999999999999999" } do
                check({ 400, "Report not found" }, state(id))
            end
        end)

        it("are listed for a day", function()
            assert.equal('{"SUCCESS":true,"PAYLOAD":[]}', omni:ask("interaction_report").text)
            order()
            omni.simulator.clock = 1000
            order { report_name = "second" }
            assert.same({
                { report_id = 1, report_name = "r", status = "SUCCESS" },
                { report_id = 2, report_name = "second", status = "RUNNING" },
            }, list())
            omni.simulator.clock = 86400
            assert.equal(2, #list())
            omni.simulator.clock = 86401
            assert.equal(2, list()[1].report_id)
            omni:pass(1)
            assert.equal("SUCCESS", state(1).value.PAYLOAD.status)
        end)

        local COLUMNS = {
            channel_type = "string", click = "boolean", delivery_time = "string",
            email_status = "userdata", member_sn = "string", open = "boolean",
            template_id = "number", template_name = "string",
        }

        it("serve one JSON object per line, without a key", function()
            order { report_name = "rows=450" }
            omni.simulator.clock = 90
            local res = omni:file "interaction-report-1.json"
            assert.equal(200, res.status)
            local rows, clicked = 0, 0
            for line in res.text:gmatch "([^\n]*)\n" do
                local row = assert(json.decode(line))
                rows = rows + 1
                for name, kind in pairs(COLUMNS) do assert.equal(kind, type(row[name]), name) end
                assert.equal(row.channel_type == "email", row.template_title ~= null)
                assert.equal(row.open, row.open_time ~= null)
                assert.equal(row.click, row.click_event ~= null)
                if row.click then
                    clicked = clicked + 1
                    assert.equal("https://shop.example.com/", row.click_event[1].click_link)
                    assert.truthy(line:find("https:\\/\\/", 1, true))
                end
                assert.truthy(row.delivery_time:find "^%d+%-%d%d%-%d%d %d%d:%d%d:%d%d%+00$")
            end
            assert.equal(450, rows)
            assert.is_true(clicked > 0)
        end)

        it("have a default and an empty size", function()
            order()
            order { report_name = "rows=0" }
            omni.simulator.clock = 90
            local _, lines = omni:file("interaction-report-1.json").text:gsub("\n", "\n")
            assert.equal(200, lines)
            assert.equal("", omni:file("interaction-report-2.json").text)
            assert.equal(404, omni:file("../x").status)
        end)
    end)

    describe("tracking-event reports", function()
        local PATH = "tracking_event_report"
        local function state(id) return omni:ask(PATH, id) end
        local FLAGS = { "include_anonymous_user", "include_event_raw_data" }
        local cases = {
            { {} }, { { end_date = "2026-11-02" }, "Date range cannot exceed 31 days" },
            { { report_name = "(none)" }, MISSING_REPORT },
            { { start_date = "2026-10-1" }, "Input Error: dates should be YYYY-MM-DD" },
        }
        for _, name in ipairs(FLAGS) do
            for _, value in ipairs { true, false, "true", "false" } do cases[#cases + 1] = { { [name] = value } } end
            for _, value in ipairs { 1, "yes", null } do
                cases[#cases + 1] = { { [name] = value }, ("Input Error: %s should be a boolean"):format(name) }
            end
        end
        for i, case in ipairs(cases) do
            it(("are checked, %d: %s"):format(i, case[2] or "accepted"), function()
                check(case[2] and { 400, case[2] } or { 200 }, order(case[1], PATH))
                assert.equal(case[2] and 0 or 1, #omni:snapshot "tracking_reports")
                assert.same({}, omni:snapshot "reports")
            end)
        end

        it("go the same way as the others, apart from them", function()
            order()
            assert.equal('{"SUCCESS":true,"PAYLOAD":{"report_id":2}}', order({ report_name = "t" }, PATH).text)
            order({ report_name = "fail" }, PATH)
            omni:pass(90)
            check({ 400, "Report not found" }, state(1))
            check({ 400, "Report not found" }, omni:ask("interaction_report", 2))
            assert.same({ report_name = "t", status = "SUCCESS",
                report_url = "http://localhost/omnisegment/files/tracking-event-report-2.csv" },
                state(2).value.PAYLOAD)
            assert.equal("FAIL", state(3).value.PAYLOAD.status)
            assert.same({
                { report_id = 2, report_name = "t", status = "SUCCESS" },
                { report_id = 3, report_name = "fail", status = "FAIL" },
            }, omni:ask(PATH).value.PAYLOAD)
            assert.equal(1, #omni:ask "interaction_report".value.PAYLOAD)
            omni:pass(86400)
            assert.same({}, omni:ask(PATH).value.PAYLOAD)
            for _, name in ipairs { "tracking-event-report-1.csv", "interaction-report-2.json",
                "tracking-event-report-3.csv", "tracking-event-report-2.json" } do
                assert.equal(404, omni:file(name).status, name)
            end
        end)

        --- The cells of a line of CSV; no cell holds a line break.
        local function cells(line)
            local list, at = {}, 1
            while at <= #line + 1 do
                local plain, after = line:match("^([^,\"]*)()", at)
                if line:sub(at, at) == '"' then
                    local last = at
                    repeat last = line:find('"', last + 1, true) + 1 until line:sub(last, last) ~= '"'
                    plain, after = line:sub(at + 1, last - 2):gsub('""', '"'), last
                end
                list[#list + 1] = plain
                at = after + 1
            end
            return list
        end

        local function file(changes)
            order(changes, PATH)
            omni:pass(90)
            local res = omni:file "tracking-event-report-1.csv"
            assert.equal("text/csv", res.headers["Content-Type"])
            local lines = {}
            for line in res.text:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
            return table.remove(lines, 1), lines
        end

        local COLUMNS = "member_sn,event_time,event_name,user_engagement_duration,page_url,device,session_id,cid"

        it("serve CSV, the same in every run", function()
            local header, lines = file { report_name = "rows=600" }
            assert.equal(COLUMNS, header)
            assert.equal(600, #lines)
            local long = 0
            for _, line in ipairs(lines) do
                local row = cells(line)
                assert.equal(8, #row, line)
                assert.truthy(row[1]:find "^M%d+$")
                assert.truthy(row[2]:find "^2026%-10%-%d%d %d%d:%d%d:%d%d%+00$")
                assert.equal(row[3] == "PageView", row[4] ~= "")
                if row[4]:find "^1 day %d%d:%d%d:%d%d$" then long = long + 1 end
                assert.truthy(row[5]:find "^https://shop.example.com/p/%d+%?from=mail,list$")
                assert.truthy(math.tointeger(tonumber(row[7])))
            end
            assert.is_true(long > 0)
            local again = support.new()
            again:order(PATH, { report_name = "rows=600", start_date = "2026-10-01", end_date = "2026-10-31" })
            again:pass(90)
            assert.equal(omni:file "tracking-event-report-1.csv".text, again:file "tracking-event-report-1.csv".text)
        end)

        it("have anonymous visitors and raw data when asked for", function()
            local header, lines = file { include_anonymous_user = true, include_event_raw_data = "true" }
            assert.equal(COLUMNS .. ",event_raw_data", header)
            assert.equal(200, #lines)
            local anonymous = 0
            for _, line in ipairs(lines) do
                local row = cells(line)
                assert.equal(9, #row, line)
                if row[1] == "" then anonymous = anonymous + 1 end
                local raw = assert(json.decode(row[9]), row[9])
                assert.equal(row[3], raw.ea)
                assert.equal("Cup, large", raw.pr_nm)
            end
            assert.equal(40, anonymous)
        end)

        it("have a header alone with rows=0", function()
            local header, lines = file { report_name = "rows=0" }
            assert.equal(COLUMNS, header)
            assert.same({}, lines)
        end)

        it("stream in flat memory, and stop when the client has gone", function()
            local count = helper.scale(100000, 5000)
            order({ report_name = "rows=" .. count, include_event_raw_data = true }, PATH)
            omni:pass(90)
            local sim = omni.simulator.sim
            local function stream()
                return sim:respond({ method = "GET", path = "/files/tracking-event-report-1.csv", at = 90 }).stream
            end
            collectgarbage()
            local before, most, lines, chunks = collectgarbage "count", 0, 0, 0
            stream()(function(chunk)
                chunks = chunks + 1
                lines = lines + select(2, chunk:gsub("\n", "\n"))
                if chunks % 100 == 0 then
                    collectgarbage()
                    most = math.max(most, collectgarbage "count" - before)
                end
                return true
            end)
            assert.equal(count + 1, lines)
            assert.is_true(chunks >= count // 200)
            assert.is_true(most < 1024, most .. " KiB")
            chunks = 0
            stream()(function() chunks = chunks + 1 end)
            assert.equal(1, chunks)
        end)
    end)

    describe("interactive-audiences reports", function()
        local PATH = "interactive_audiences_report" -- the clock begins at 2026-01-01T00:00:00Z
        local function create(from, to) return omni:order(PATH, { start_date = from, end_date = to }) end
        local WITHIN = "start_date and end_date must be within the last 30 days"
        local MISSING = "Missing required fields: start_date, end_date"
        local cases = {
            { "2025-12-02", "2026-01-01" }, { "2025-12-31", "2025-12-31" },
            { "2025-12-01", "2025-12-31", WITHIN }, { "2025-12-02", "2026-01-02", WITHIN },
            { "2024-12-20", "2025-12-31", WITHIN },
            { "2025-12-31", "2025-12-30", "Input Error: end_date is before start_date" },
            { "2025-12-5", "2025-12-30", "Input Error: start_date should be YYYY-MM-DD" },
            { "2025-12-05", 20251230, "Input Error: end_date should be YYYY-MM-DD" },
            { nil, "2025-12-30", MISSING }, { "2025-12-30", "", MISSING },
        }
        for i, case in ipairs(cases) do
            local from, to, message = table.unpack(case, 1, 3)
            it(("are checked, %d: %s"):format(i, message or "accepted"), function()
                check(message and { 400, message } or { 200 }, create(from, to))
                assert.equal(message and 0 or 1, #omni:snapshot "interactive_reports")
            end)
        end

        it("have their days anywhere between UTC and Japan", function()
            omni:pass(15 * 3600) -- midnight of 2 January in Japan
            check({ 200 }, create("2025-12-02", "2026-01-02"))
        end)

        it("are one a day, refused ones not counted", function()
            check({ 400, WITHIN }, create("2025-01-01", "2025-01-02"))
            assert.equal('{"SUCCESS":true,"PAYLOAD":null}', create("2025-12-30", "2025-12-31").text)
            omni:pass(86399)
            check({ 429, "Request was throttled: 1 report per day" }, create("2025-12-30", "2025-12-31"))
            omni:pass(1)
            check({ 200 }, create("2025-12-30", "2025-12-31"))
            assert.equal(2, #omni:snapshot "interactive_reports")
        end)

        it("are listed for a day, with a link that lives for seven", function()
            assert.same({}, omni:ask(PATH).value.PAYLOAD)
            create("2025-12-30", "2025-12-31")
            local line = { report_name = "interactive-audiences-2025-12-30-2025-12-31", status = "RUNNING",
                file_url = null, start_date = "2025-12-30", end_date = "2025-12-31" }
            assert.same({ line }, omni:ask(PATH).value.PAYLOAD)
            local name = "interactive-audiences-report-1.json"
            assert.equal(404, omni:file(name).status)
            omni:pass(90)
            line.status, line.file_url = "SUCCESS", "http://localhost/omnisegment/files/" .. name
            assert.same({ line }, omni:ask(PATH).value.PAYLOAD)
            omni:pass(86400)
            assert.same({}, omni:ask(PATH).value.PAYLOAD)
            assert.equal(200, omni:file(name).status)
            omni:pass(6 * 86400)
            assert.equal(404, omni:file(name).status)
        end)

        it("have one JSON object per line", function()
            create("2025-12-30", "2025-12-31")
            omni:pass(90)
            local count = 0
            for line in omni:file("interactive-audiences-report-1.json").text:gmatch "([^\n]*)\n" do
                local row = assert(json.decode(line))
                count = count + 1
                assert.equal("boolean", type(row.is_headless_acc))
                assert.equal("cid-" .. count, row.cid_objects[1].cid)
                assert.equal("string", type(row.cid_objects[1].webpush_info.endpoint))
                assert.equal("vip", row.tags[1])
            end
            assert.equal(200, count)
        end)
    end)

    describe("the market report", function()
        local function show(from, to)
            return omni:import("show_market_report", { start_date = from, end_date = to })
        end
        local cases = {
            { "2020-11-1", "2020-11-30" }, { "2020-11-01", "2020-11-01" }, { "2019-01-01", "2020-12-31" },
            { nil, "2020-11-30", "start_date is required" }, { "2020-11-01", "", "end_date is required" },
            { "2020-11-31", "2020-12-01", "start_date should be YYYY-MM-DD" },
            { "2020-11-01", 20201130, "end_date should be YYYY-MM-DD" },
            { "2020-11-02", "2020-11-01", "end_date is before start_date" },
        }
        for i, case in ipairs(cases) do
            local from, to, message = table.unpack(case, 1, 3)
            it(("is checked, %d: %s"):format(i, message or "accepted"), function()
                support.judge(message, show(from, to))
            end)
        end

        it("has the figures of the vendor's sample", function()
            assert.equal('{"SUCCESS":true,"PAYLOAD":{"email":{"total_send":325669,"total_fee":9770.07},'
                .. '"sms":{"total_send":13953,"total_fee":12557.7},"line":{"total_send":189246,"total_fee":189246},'
                .. '"crescendo_line":{"total_send":0,"total_fee":0},"pn":{"total_send":0,"total_fee":0},'
                .. '"monthly_fee":75000}}', show("2020-11-1", "2020-11-30").text)
        end)

        it("requires its inputs", function()
            support.check({ 400, "Missing Input Error: These values are required in post data : api_key, tid, data" },
                omni:import "show_market_report")
        end)
    end)
end)
