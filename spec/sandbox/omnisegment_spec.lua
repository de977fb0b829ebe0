--- The OmniSegment simulator against the vendor's facts: where key and tenant are, ten requests per
-- second and path, the failure bodies. Each noun has a spec of its own beside this one.

require "spec.support.helper"
local json = require "neap.native.json"
local simulator = require "spec.support.simulator"
local support = require "spec.sandbox.omnisegment_support"

local null = json.null
local KEY, TID, HEADER, PATHS = support.KEY, support.TID, support.HEADER, support.PATHS
local with, check = support.with, support.check
local IMPORT, TRACK, REPORT = PATHS.import_audience, PATHS.track_event, PATHS.interaction_report

local MISSING_AUDIENCE =
    "Missing Input Error: These values are required in post data : api_key, tid, data"
local MISSING_EVENT = "Missing required fields: client_id, tid, hit_type"
local MISSING_TID = "Missing required parameter: tid"
local FORBIDDEN_BODY = "Forbidden: invalid api_key or tid"
local FORBIDDEN_HEADER = "Forbidden: invalid X-OmniSegment-Api-Key"

describe("the OmniSegment simulator", function()
    local omni

    before_each(function() omni = simulator.new "omnisegment" end)

    local function audience(data, changes)
        local body = with({ tid = TID, api_key = KEY, data = data or { member_sn = "M1" } }, changes)
        return omni:send("POST", IMPORT, { json = body })
    end

    local function event(changes, key)
        local body = with({ tid = TID, client_id = "d-1", hit_type = "pageview" }, changes)
        return omni:send("POST", TRACK, { json = body, headers = { [HEADER] = key or KEY } })
    end

    local function order(changes, target)
        local body = with({
            report_name = "r", start_date = "2026-10-01", end_date = "2026-10-31",
        }, changes)
        return omni:send("POST", target or REPORT .. "?tid=" .. TID,
            { json = body, headers = { [HEADER] = KEY } })
    end

    local function get(target, key)
        return omni:send("GET", target, { headers = { [HEADER] = key or KEY } })
    end

    describe("envelope", function()
        it("of a success", function()
            assert.equal('{"SUCCESS":true,"PAYLOAD":{"status":"OK","error_msg":""}}', audience().text)
            assert.equal('{"SUCCESS":true,"PAYLOAD":null}', event().text)
            assert.equal('{"SUCCESS":true,"PAYLOAD":{"report_id":1}}', order().text)
        end)

        it("of a failure, short", function()
            assert.equal('{"SUCCESS":false,"ERR_MSG":"' .. FORBIDDEN_HEADER .. '"}',
                event(nil, "wrong").text)
            assert.equal('{"SUCCESS":false,"ERR_MSG":"boom"}',
                json.encode(omni.sim:failure(500, "boom"), { sorted = true }))
        end)

        it("of a failure with an error type, long", function()
            local res = omni:send("POST", IMPORT, { json = {} })
            assert.equal('{"SUCCESS":false,"ERR_MSG":"' .. MISSING_AUDIENCE .. '",'
                .. '"ERR_TYPE_KEY":"Missing Input Error","ERR_MSG_KEY":null,"EXTRA_INFO":null,'
                .. '"INTP_KEY":{},"INTP_VALUE":{}}', res.text)
        end)
    end)

    describe("routes:", function()
        local TRACKING, INTERACTIVE = PATHS.tracking_event_report, PATHS.interactive_audiences_report
        local cases = {
            { "POST", REPORT, "create_interaction_report" },
            { "GET", REPORT, "list_interaction_reports" },
            { "GET", REPORT .. "17/", "get_interaction_report" },
            { "POST", TRACKING, "create_tracking_event_report" },
            { "GET", TRACKING, "list_tracking_event_reports" },
            { "GET", TRACKING .. "17/", "get_tracking_event_report" },
            { "POST", INTERACTIVE, "create_interactive_audiences_report" },
            { "GET", INTERACTIVE, "list_interactive_audiences_reports" },
            { "GET", REPORT:sub(1, -2) }, { "GET", REPORT .. "17" }, { "GET", REPORT .. "x/" },
            { "POST", REPORT .. "17/" }, { "DELETE", REPORT }, { "GET", "/" }, { "GET", "/17/" },
            { "GET", INTERACTIVE .. "17/" },
        }
        for name, path in pairs(PATHS) do
            if not name:find "_report$" or name == "show_market_report" then
                cases[#cases + 1] = { "POST", path, name }
                cases[#cases + 1] = { "POST", path:sub(1, -2) }
                cases[#cases + 1] = { "GET", path }
            end
        end
        for _, case in ipairs(cases) do
            local method, path, name = table.unpack(case, 1, 3)
            it(("%s %s is %s"):format(method, path, name or "unknown"), function()
                local res = omni:send(method, path)
                assert.equal(name, res.endpoint)
                assert.equal(name == nil, res.status == 404)
            end)
        end

        it("name all endpoints for faults", function()
            assert.same({ "bind_audience_accounts", "blacklist_audience_batch", "create_interaction_report",
                "create_interactive_audiences_report", "create_tracking_event_report", "get_interaction_report",
                "get_tracking_event_report", "import_audience", "import_audience_batch",
                "import_event_registration_data", "import_gift_voucher", "import_gift_voucher_batch",
                "import_product", "import_product_guarantee_data", "import_purchase_data",
                "import_purchase_data_batch", "list_interaction_reports", "list_interactive_audiences_reports",
                "list_tracking_event_reports", "show_market_report", "track_event" }, omni.sim.endpoints)
        end)
    end)

    describe("key and tenant", function()
        local member = { member_sn = "M1" }
        local imports = {
            { "right", {}, {}, "", { 200 } },
            { "wrong key", { api_key = "x" }, {}, "", { 403, FORBIDDEN_BODY } },
            { "wrong tenant", { tid = "OA-111111" }, {}, "", { 403, FORBIDDEN_BODY } },
            { "no key", { api_key = "(none)" }, {}, "", { 400, MISSING_AUDIENCE } },
            { "no tenant", { tid = "(none)" }, {}, "", { 400, MISSING_AUDIENCE } },
            { "empty key", { api_key = "" }, {}, "", { 400, MISSING_AUDIENCE } },
            { "null tenant", { tid = null }, {}, "", { 400, MISSING_AUDIENCE } },
            { "key in the header", { api_key = "(none)" }, { [HEADER] = KEY }, "",
                { 400, MISSING_AUDIENCE } },
            { "tenant in the query", { tid = "(none)" }, {}, "?tid=" .. TID, { 400, MISSING_AUDIENCE } },
            { "right key in the header beside a wrong one", { api_key = "x" }, { [HEADER] = KEY }, "",
                { 403, FORBIDDEN_BODY } },
        }
        for _, case in ipairs(imports) do
            local what, changes, headers, query, expected = table.unpack(case)
            it("of import_audience: " .. what, function()
                local body = with({ tid = TID, api_key = KEY, data = member }, changes)
                check(expected, omni:send("POST", IMPORT .. query, { json = body, headers = headers }))
                assert.equal(expected[1] == 200 and 1 or 0, omni.sim:snapshot "count")
            end)
        end

        local rows = json.array
        local bought = { member_sn = "M1", transaction_id = "T", transaction_revenue = 1,
            datetime = "2026-01-01T00:00:00+0800" }
        local voucher = { member_sn = "M1", voucher_id = "V", voucher_type = "t", amount = 1,
            valid_from = "2026-01-01", valid_util = "2026-02-01" }
        --- A good body of every other import, without key and tenant.
        local bodies = {
            import_audience_batch = { data = rows { member } },
            blacklist_audience_batch = { search_key = "email", to_be_blacklisted = true, data = rows { "x" } },
            bind_audience_accounts = {
                data_list = rows { { member_sn = "M1", account_id = KEY } },
            },
            import_purchase_data = { data = bought },
            import_purchase_data_batch = { data = rows { bought } },
            import_product = { data = { id = "P", title = "t", link = "http://x", availability = "in stock",
                image_link = "http://x", price = "9" } },
            import_event_registration_data = { data = { event_id = "E", member_sn = "M1", event_name = "n",
                registration_datetime = "2026-01-01T00:00:00Z" } },
            import_product_guarantee_data = { data = { warranty_id = "W", member_sn = "M1", product = { sku = "S" },
                registration_datetime = "2026-01-01T00:00:00Z", purchase_datetime = "2026-01-01T00:00:00Z" } },
            import_gift_voucher = { data = voucher },
            import_gift_voucher_batch = { data_list = rows { voucher } },
            show_market_report = { data = { start_date = "2026-1-1", end_date = "2026-1-31" } },
        }
        for name, body in pairs(bodies) do
            it("of " .. name, function()
                local function send(changes, headers, query)
                    return omni:send("POST", PATHS[name] .. (query or ""),
                        { json = with(with(body, { tid = TID, api_key = KEY }), changes), headers = headers })
                end
                check({ 200 }, send())
                for _, changes in ipairs { { api_key = "x" }, { tid = "OA-111111" } } do
                    local res = send(changes, { [HEADER] = KEY }, "?tid=" .. TID)
                    assert.equal('{"SUCCESS":false,"ERR_MSG":"' .. FORBIDDEN_BODY .. '"}', res.text)
                    assert.equal(403, res.status)
                end
                assert.is_true(send({ api_key = "(none)" }, { [HEADER] = KEY }).status >= 400)
                assert.equal(400, send({ tid = "(none)" }, {}, "?tid=" .. TID).status)
            end)
        end

        local events = {
            { "right", {}, { [HEADER] = KEY }, "", { 200 } },
            { "header name in lower case", {}, { [HEADER:lower()] = KEY }, "", { 200 } },
            { "wrong key", {}, { [HEADER] = "x" }, "", { 403, FORBIDDEN_HEADER } },
            { "no key", {}, {}, "", { 403, FORBIDDEN_HEADER } },
            { "key in the body", { api_key = KEY }, {}, "", { 403, FORBIDDEN_HEADER } },
            { "wrong tenant", { tid = "OA-111111" }, { [HEADER] = KEY }, "", { 403, FORBIDDEN_HEADER } },
            { "no tenant", { tid = "(none)" }, { [HEADER] = KEY }, "", { 400, MISSING_EVENT } },
            { "tenant in the query", { tid = "(none)" }, { [HEADER] = KEY }, "?tid=" .. TID,
                { 400, MISSING_EVENT } },
            { "wrong key before missing fields", { tid = "(none)" }, { [HEADER] = "x" }, "",
                { 403, FORBIDDEN_HEADER } },
        }
        for _, case in ipairs(events) do
            local what, changes, headers, query, expected = table.unpack(case)
            it("of track_event: " .. what, function()
                local body = with({ tid = TID, client_id = "d", hit_type = "pageview" }, changes)
                check(expected, omni:send("POST", TRACK .. query, { json = body, headers = headers }))
                assert.equal(expected[1] == 200 and 1 or 0, omni.sim:snapshot "events")
            end)
        end

        local span = { report_name = "r", start_date = "2026-10-01", end_date = "2026-10-31" }
        local operations = {
            create_interaction_report = { "POST", REPORT, span },
            list_interaction_reports = { "GET", REPORT },
            get_interaction_report = { "GET", REPORT .. "1/" },
            create_tracking_event_report = { "POST", PATHS.tracking_event_report, span },
            list_tracking_event_reports = { "GET", PATHS.tracking_event_report },
            get_tracking_event_report = { "GET", PATHS.tracking_event_report .. "2/" },
            create_interactive_audiences_report = { "POST", PATHS.interactive_audiences_report,
                { start_date = "2025-12-20", end_date = "2025-12-31" } },
            list_interactive_audiences_reports = { "GET", PATHS.interactive_audiences_report },
        }
        local reports = {
            { "right", "?tid=" .. TID, { [HEADER] = KEY }, {}, { 200 } },
            { "wrong key", "?tid=" .. TID, { [HEADER] = "x" }, {}, { 403, FORBIDDEN_HEADER } },
            { "no key", "?tid=" .. TID, {}, {}, { 403, FORBIDDEN_HEADER } },
            { "key in the query", "?tid=" .. TID .. "&api_key=" .. KEY, {}, {}, { 403, FORBIDDEN_HEADER } },
            { "wrong tenant", "?tid=OA-111111", { [HEADER] = KEY }, {}, { 403, FORBIDDEN_HEADER } },
            { "no tenant", "", { [HEADER] = KEY }, {}, { 400, MISSING_TID } },
            { "empty tenant", "?tid=", { [HEADER] = KEY }, {}, { 400, MISSING_TID } },
            { "key and tenant in the body", "", {}, { tid = TID, api_key = KEY }, { 403, FORBIDDEN_HEADER } },
            { "tenant in the body", "", { [HEADER] = KEY }, { tid = TID }, { 400, MISSING_TID } },
        }
        for name, operation in pairs(operations) do
            local method, path, body = table.unpack(operation)
            for _, case in ipairs(reports) do
                local what, query, headers, changes, expected = table.unpack(case)
                it(("of %s: %s"):format(name, what), function()
                    order()
                    order(nil, PATHS.tracking_event_report .. "?tid=" .. TID)
                    check(expected, omni:send(method, path .. query, {
                        json = body and with(body, changes), headers = headers,
                    }))
                end)
            end
        end
    end)

    describe("limits", function()
        local function statuses(count, send)
            local seen = {}
            for i = 1, count do seen[i] = send().status end
            return seen
        end
        local function repeated(value, count)
            local list = {}
            for i = 1, count do list[i] = value end
            return list
        end

        it("to ten in any half-open second", function()
            assert.same(repeated(200, 10), statuses(10, audience))
            omni.clock = 0.999999999
            local res = audience()
            assert.equal(429, res.status)
            assert.is_nil(res.headers["Retry-After"])
            assert.equal("Request was throttled: 10 requests per second", res.value.ERR_MSG)
            omni.clock = 1
            assert.same(repeated(200, 10), statuses(10, audience))
            assert.equal(429, audience().status)
            assert.equal(20, omni.sim:snapshot("member:M1").imports)
        end)

        it("as a sliding window", function()
            for i = 0, 9 do
                omni.clock = i / 10
                assert.equal(200, audience().status)
            end
            omni.clock = 0.95
            assert.equal(429, audience().status) -- and a refused one does not count
            omni.clock = 1
            assert.same({ 200, 429 }, statuses(2, audience))
            omni.clock = 1.1
            assert.same({ 200, 429 }, statuses(2, audience))
        end)

        it("each path by itself", function()
            assert.same(repeated(200, 10), statuses(10, audience))
            assert.same(repeated(200, 10), statuses(10, event))
            assert.same(repeated(200, 10), statuses(10, order))
            assert.same({ 429, 429, 429 }, { audience().status, event().status, order().status })
        end)

        for _, name in ipairs { "interaction_report", "tracking_event_report" } do
            it("the operations of one report together: " .. name, function()
                local path, query = PATHS[name], "?tid=" .. TID
                for _ = 1, 4 do assert.equal(200, order(nil, path .. query).status) end
                for _ = 1, 3 do assert.equal(200, get(path .. query).status) end
                for i = 1, 3 do assert.equal(200, get(path .. i .. "/" .. query).status) end
                assert.equal(429, order(nil, path .. query).status)
                assert.equal(429, get(path .. query).status)
                assert.equal(429, get(path .. "4/" .. query).status)
                assert.equal(200, audience().status)
                local other = name == "interaction_report" and PATHS.tracking_event_report or REPORT
                assert.equal(200, order(nil, other .. query).status)
            end)
        end

        it("but not the file of a report", function()
            order()
            omni.clock = 100
            for _ = 1, 20 do
                assert.equal(200, get("/files/interaction-report-1.json").status)
            end
        end)

        it("refused requests too", function()
            assert.same(repeated(403, 10), statuses(10, function() return event(nil, "x") end))
            assert.equal(429, event(nil, "x").status)
        end)
    end)

    describe("needs a JSON object", function()
        local CONTENT = "Input Error: Content-Type must be application/json"
        local OBJECT = "Input Error: the body is no JSON object"
        local cases = {
            { nil, "{}", CONTENT }, { "text/plain", "{}", CONTENT },
            { "application/x-www-form-urlencoded", "a=1", CONTENT },
            { "application/json", nil, OBJECT }, { "application/json", "", OBJECT },
            { "application/json", "{", OBJECT }, { "application/json", "[]", OBJECT },
            { "application/json", '"x"', OBJECT }, { "application/json", "null", OBJECT },
            { "application/json; charset=utf-8", "{}", MISSING_AUDIENCE },
        }
        for _, case in ipairs(cases) do
            local content_type, body, message = table.unpack(case, 1, 3)
            it(("%s: %s"):format(content_type or "no type", body or "none"), function()
                local headers = { ["Content-Type"] = content_type }
                check({ 400, message }, omni:send("POST", IMPORT, { headers = headers, body = body }))
            end)
        end
    end)
end)
