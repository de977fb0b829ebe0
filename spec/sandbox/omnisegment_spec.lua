--- The OmniSegment simulator against the vendor's facts: where key and tenant are, ten requests per
-- second and path, required fields and types, what an import does to a member, reports.

require "spec.support.helper"
local json = require "neap.native.json"
local simulator = require "spec.support.simulator"

local null = json.null
local KEY, TID = simulator.KEY, simulator.TID
local HEADER = "X-OmniSegment-Api-Key"
local IMPORT = "/ma_audience/import-audience/"
local TRACK = "/api/v1/beacon/track-event/"
local REPORT = "/api/v1/interaction-report/"

local MISSING_AUDIENCE =
    "Missing Input Error: These values are required in post data : api_key, tid, data"
local MISSING_EVENT = "Missing required fields: client_id, tid, hit_type"
local MISSING_REPORT = "Missing required fields: report_name, start_date, end_date"
local MISSING_TID = "Missing required parameter: tid"
local FORBIDDEN_BODY = "Forbidden: invalid api_key or tid"
local FORBIDDEN_HEADER = "Forbidden: invalid X-OmniSegment-Api-Key"

local function with(base, changes)
    local copy = {}
    for name, value in pairs(base) do copy[name] = value end
    for name, value in pairs(changes or {}) do
        if value == "(none)" then copy[name] = nil else copy[name] = value end
    end
    return copy
end

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

    --- A second later, for cases beyond ten requests.
    local function later() omni.clock = omni.clock + 1 end

    local function check(expected, res)
        local status, message = table.unpack(expected)
        assert.equal(status, res.status, res.text)
        if status == 200 then return assert.is_true(res.value.SUCCESS) end
        assert.is_false(res.value.SUCCESS)
        assert.equal(message, res.value.ERR_MSG)
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
        local cases = {
            { "POST", IMPORT, "import_audience" }, { "POST", TRACK, "track_event" },
            { "POST", REPORT, "create_interaction_report" },
            { "GET", REPORT, "list_interaction_reports" },
            { "GET", REPORT .. "17/", "get_interaction_report" },
            { "POST", IMPORT:sub(1, -2) }, { "GET", IMPORT }, { "POST", TRACK:sub(1, -2) },
            { "GET", REPORT:sub(1, -2) }, { "GET", REPORT .. "17" }, { "GET", REPORT .. "x/" },
            { "POST", REPORT .. "17/" }, { "DELETE", REPORT }, { "GET", "/" },
        }
        for _, case in ipairs(cases) do
            local method, path, name = table.unpack(case, 1, 3)
            it(("%s %s is %s"):format(method, path, name or "unknown"), function()
                local res = omni:send(method, path)
                assert.equal(name, res.endpoint)
                assert.equal(name == nil, res.status == 404)
            end)
        end

        it("name all endpoints for faults", function()
            assert.same({ "create_interaction_report", "get_interaction_report", "import_audience",
                "list_interaction_reports", "track_event" }, omni.sim.endpoints)
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

        it("the operations of one report together", function()
            local target = REPORT .. "?tid=" .. TID
            for _ = 1, 4 do assert.equal(200, order().status) end
            for _ = 1, 3 do assert.equal(200, get(target).status) end
            for i = 1, 3 do assert.equal(200, get(REPORT .. i .. "/?tid=" .. TID).status) end
            assert.equal(429, order().status)
            assert.equal(429, get(target).status)
            assert.equal(429, get(REPORT .. "4/?tid=" .. TID).status)
            assert.equal(200, audience().status)
        end)

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

    describe("import_audience checks", function()
        local keys = "merge_key should be one of member_sn, line_id, email, phone, messenger_psid, source_id"
        local long, longer = ("\u{4e2d}"):rep(1025), ("\u{4e2d}"):rep(1026)
        local list = json.array
        -- data, changes of the body, message (none: accepted)
        local cases = {
            { {}, nil, "member_sn is required in data" },
            { { member_sn = "" }, nil, "member_sn is required in data" },
            { { member_sn = null }, nil, "member_sn is required in data" },
            { { member_sn = 1 }, nil, "member_sn should be a string" },
            { { member_sn = "none" }, nil, "member_sn cannot be cleared" },
            { { source_id = "s" }, nil, "source_system is required with source_id" },
            { { source_id = "s", source_system = "CRM" } },
            { { source_id = "s", source_system = "CRM" }, { merge_key = "source_id" } },
            { { member_sn = "1" }, { merge_key = "source_id" }, "source_id is required in data" },
            { { email = "a@example.com" }, { merge_key = "email" } },
            { { phone = "+886912345678" }, { merge_key = "phone" } },
            { { line_id = "U1" }, { merge_key = "line_id" } },
            { { messenger_psid = "1" }, { merge_key = "messenger_psid" } },
            { { member_sn = "1" }, { merge_key = "email" }, "email is required in data" },
            { { email = "a@example.com" }, nil, "member_sn is required in data" },
            { { member_sn = "1" }, { merge_key = "name" }, keys },
            { { member_sn = "1" }, { merge_key = null }, keys },
            { { member_sn = "1" }, { tag_mode = "append" } },
            { { member_sn = "1" }, { tag_mode = "replace" } },
            { { member_sn = "1" }, { tag_mode = "add" }, "tag_mode should be append or replace" },
            { { member_sn = "1" }, { ignore_empty_value = true } },
            { { member_sn = "1" }, { ignore_empty_value = "true" },
                "ignore_empty_value should be a boolean" },
            { list { 1 }, nil, "data should be an object" },
            { { member_sn = "1", is_active = "yes" }, nil, "is_active should be a boolean" },
            { { member_sn = "1", is_subscriber = false, is_subscriber_sms = true } },
            { { member_sn = "1", name = true }, nil, "name should be a string" },
            { { member_sn = "1", sex = "female" } },
            { { member_sn = "1", sex = "f" }, nil, "sex should be male or female" },
            { { member_sn = "1", birthday = "1990-01-31" } },
            { { member_sn = "1", birthday = "31.1.1990" }, nil, "birthday should be YYYY-MM-DD" },
            { { member_sn = "1", register_date = "2020-6-4" } },
            { { member_sn = "1", register_date = "2020-06-04T08:30:37.235482+08:00" } },
            { { member_sn = "1", membership_expire_at = "2027-01-01T00:00:00+08:00" } },
            { { member_sn = "1", membership_expire_at = "2027-01-01T00:00:00" }, nil,
                "membership_expire_at needs a time zone" },
            { { member_sn = "1", point_balance = "12.34" } },
            { { member_sn = "1", point_balance = "-3" } },
            { { member_sn = "1", point_balance = 12 }, nil, "point_balance should be a string" },
            { { member_sn = "1", credit_balance = "12.345" }, nil,
                "credit_balance should be a decimal with at most 2 places" },
            { { member_sn = "1", fcm_tokens = list { { token = "t", type = "ios", active = true } } } },
            { { member_sn = "1", fcm_tokens = list {} } },
            { { member_sn = "1", fcm_tokens = { token = "t" } }, nil,
                "fcm_tokens should be a list of objects" },
            { { member_sn = "1", fcm_tokens = list { { type = "ios" } } }, nil,
                "an item of fcm_tokens lacks something" },
            { { member_sn = "1", fcm_tokens = list { { token = "t", type = "palm" } } }, nil,
                "type of a fcm token should be ios or android" },
            { { member_sn = "1", email_channels = list { { name = "n", subscription_status = true } } } },
            { { member_sn = "1", line_channels = list { { name = "n" } } }, nil,
                "an item of line_channels lacks something" },
            { { member_sn = "1", shoe = "42", size = 42, fits = true } },
            { { member_sn = "1", shoe = long } },
            { { member_sn = "1", shoe = longer }, nil, "shoe is longer than 1025 characters" },
            { { member_sn = "1", shoes = list { { size = "42" } } } },
            { { member_sn = "1", shoes = list { "42" } }, nil, "shoes should be a list of objects" },
            { { member_sn = "1", shoes = { size = "42" } }, nil, "shoes should be a list of objects" },
            { { member_sn = "1", email = "", sex = null, birthday = "none", is_active = "none" } },
        }
        for i, case in ipairs(cases) do
            local data, changes, message = table.unpack(case, 1, 3)
            it(("%d: %s"):format(i, message or "accepts"), function()
                check(message and { 400, "Input Error: " .. message } or { 200 }, audience(data, changes))
            end)
        end
    end)

    describe("an import", function()
        local function member(value) return omni.sim:snapshot("member:" .. (value or "M1")) end

        it("creates, then updates and keeps what is not sent", function()
            audience { member_sn = "M1", name = "Ann", email = "a@example.com", is_active = false }
            audience { member_sn = "M1", name = "Anna" }
            assert.same({ member_sn = "M1", name = "Anna", email = "a@example.com", is_active = false,
                imports = 2 }, member())
            assert.equal(1, omni.sim:snapshot "count")
        end)

        for _, key in ipairs { "line_id", "email", "phone", "messenger_psid", "source_id" } do
            it("finds a member by " .. key, function()
                local system = key == "source_id" and "CRM" or nil
                audience { member_sn = "M1", [key] = "v1", source_system = system }
                audience({ [key] = "v1", city = "Taipei", source_system = system }, { merge_key = key })
                assert.equal("Taipei", member().city)
                audience({ [key] = "v2", city = "Tainan", source_system = system }, { merge_key = key })
                assert.equal("Taipei", member().city)
                assert.equal(2, omni.sim:snapshot "count")
            end)
        end

        it("finds a member by source_id when no member_sn is sent, per system", function()
            audience { member_sn = "M1", source_id = "7", source_system = "CRM" }
            audience { source_id = "7", source_system = "CRM", city = "Taipei" }
            audience { source_id = "7", source_system = "ERP", city = "Tainan" }
            assert.equal("Taipei", member().city)
            assert.equal(2, omni.sim:snapshot "count")
        end)

        it("finds a member by what it is called now", function()
            audience { member_sn = "M1", email = "old@example.com" }
            audience { member_sn = "M1", email = "new@example.com" }
            audience({ email = "old@example.com" }, { merge_key = "email" })
            assert.equal(2, omni.sim:snapshot "count")
            audience({ email = "new@example.com", city = "Taipei" }, { merge_key = "email" })
            assert.equal("Taipei", member().city)
        end)

        it("appends tags as a set, or replaces them", function()
            audience { member_sn = "M1", tags = "vip,spring" }
            audience { member_sn = "M1", tags = "spring,new" }
            assert.equal("vip,spring,new", member().tags)
            audience({ member_sn = "M1", tags = "vip,other" }, { tag_mode = "append" })
            assert.equal("vip,spring,new,other", member().tags)
            audience({ member_sn = "M1", tags = "only" }, { tag_mode = "replace" })
            assert.equal("only", member().tags)
        end)

        -- Without ignore_empty_value "", null and "none" clear; with it only "none" does.
        local clearing = {
            { "", nil, true }, { null, nil, true }, { "none", nil, true },
            { "", false, true }, { null, false, true }, { "none", false, true },
            { "", true, false }, { null, true, false }, { "none", true, true },
        }
        for _, case in ipairs(clearing) do
            local value, ignore, clears = table.unpack(case, 1, 3)
            it(("of %s with ignore_empty_value %s %s"):format(json.encode(value), tostring(ignore),
                clears and "clears" or "keeps"), function()
                audience { member_sn = "M1", city = "Taipei", tags = "vip", is_active = true }
                audience({ member_sn = "M1", city = value, tags = value, is_active = value },
                    { ignore_empty_value = ignore })
                local kept = not clears
                assert.equal(kept and "Taipei" or nil, member().city)
                assert.equal(kept and "vip" or nil, member().tags)
                assert.equal(kept and true or nil, member().is_active)
            end)
        end

        it("that is refused changes nothing", function()
            audience { member_sn = "M1", city = "Taipei" }
            check({ 400, "Input Error: sex should be male or female" },
                audience { member_sn = "M1", city = "Tainan", sex = "x" })
            assert.equal("Taipei", member().city)
        end)
    end)

    describe("track_event checks", function()
        local function products(count)
            local list = json.array {}
            for i = 1, count do list[i] = { id = "P" .. i, name = "Product", quantity = "1" } end
            return list
        end
        local function purchase(changes)
            return with({
                hit_type = "event", event_action = "Purchase", event_category = "Ecommerce",
                products = products(1), transaction_id = "T1", transaction_revenue = 100,
            }, changes)
        end
        local function item(changes)
            return { products = json.array { with({ id = "P", name = "N" }, changes) } }
        end
        local cases = {
            { {} }, { { client_id = "(none)" }, MISSING_EVENT, true },
            { { hit_type = "(none)" }, MISSING_EVENT, true }, { { client_id = "" }, MISSING_EVENT, true },
            { { hit_type = "click" }, "hit_type should be pageview or event" },
            { { client_id = 7 }, "client_id should be a string" },
            { { hit_type = "event" }, "event_action is required" },
            { { hit_type = "event", event_action = "OurOwn", event_value = "x" } },
            { { event_value = 5 }, "event_value should be a string" },
            { { event_label = '{"search_string":"x"}' } },
            { { event_label = "x=1" }, "event_label should be JSON text" },
            { { data_source = "web" } }, { { data_source = "APP" } },
            { { data_source = "tv" }, "data_source should be web or app" },
            { { version = "2.0.4", uid = "M1", app_id = "a", document_location = "https://x/?a=1" } },
            { { version = 2 }, "version should be a string" },
            { { transaction_revenue = "10" }, "transaction_revenue should be an integer" },
            { { transaction_tax = 1.5 }, "transaction_tax should be an integer" },
            { { products = products(30) } },
            { { products = products(31) }, "products should have at most 30 items" },
            { { products = { id = "P" } }, "products should be a list" },
            { { products = json.array { "P" } }, "a product should be an object" },
            { item { id = "(none)" }, "a product needs id and name" },
            { item { name = "(none)" }, "a product needs id and name" },
            { item { price = 10, quantity = 2 } }, { item { quantity = "2" } },
            { item { price = "10" }, "price should be an integer" },
            { item { quantity = true }, "quantity should be a string or a number" },
            { item { variant = '{"color":"red"}' } },
            { item { variant = "red" }, "variant should be JSON text" },
            { purchase() }, { purchase { event_action = "Refund" } },
            { purchase { transaction_id = "(none)" }, "transaction_id is required for Purchase" },
            { purchase { transaction_revenue = "(none)" }, "transaction_revenue is required for Purchase" },
            { purchase { products = "(none)" }, "products is required for Purchase" },
            { purchase(item {}), "a product needs quantity" },
            { with({ hit_type = "event", event_action = "AddToCart" }, item {}) },
            { { hit_type = "event", event_action = "AddToCart" }, "products is required for AddToCart" },
        }
        for i, case in ipairs(cases) do
            local changes, message, plain = table.unpack(case, 1, 3)
            it(("%d: %s"):format(i, message or "accepts"), function()
                local text = message and (plain and message or "Input Error: " .. message)
                check(text and { 400, text } or { 200 }, event(changes))
                assert.equal(message and 0 or 1, omni.sim:snapshot "events")
            end)
        end

        it("and counts a repeat twice", function()
            event(purchase())
            event(purchase())
            event()
            assert.equal(3, omni.sim:snapshot "events")
            assert.equal(2, omni.sim:snapshot "event:T1")
        end)
    end)

    describe("reports", function()
        local function state(id) return get(REPORT .. id .. "/?tid=" .. TID) end
        local function list() return get(REPORT .. "?tid=" .. TID).value.PAYLOAD end
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
                assert.equal(case[2] and 0 or 1, #omni.sim:snapshot "reports")
            end)
        end

        it("are numbered, a repeat too", function()
            for i = 1, 3 do assert.equal(i, order().value.PAYLOAD.report_id) end
        end)

        it("go from RUNNING to SUCCESS and then have a file", function()
            order()
            assert.equal('{"SUCCESS":true,"PAYLOAD":{"report_name":"r","status":"RUNNING",'
                .. '"report_url":null}}', state(1).text)
            omni.clock = 89.9
            assert.equal("RUNNING", state(1).value.PAYLOAD.status)
            assert.equal(404, get("/files/interaction-report-1.json").status)
            omni.clock = 90
            assert.same({ report_name = "r", status = "SUCCESS",
                report_url = "http://localhost/omnisegment/files/interaction-report-1.json" },
                state(1).value.PAYLOAD)
        end)

        it("fail, or never end, by their names", function()
            order { report_name = "to fail" }
            order { report_name = "never" }
            omni.clock = 50000
            assert.same({ report_name = "to fail", status = "FAIL", report_url = null },
                state(1).value.PAYLOAD)
            assert.equal("RUNNING", state(2).value.PAYLOAD.status)
            assert.equal(404, get("/files/interaction-report-1.json").status)
        end)

        it("are unknown by another number", function()
            order()
            for _, id in ipairs { "0", "2", "99999999999999999999" } do
                check({ 400, "Report not found" }, state(id))
            end
        end)

        it("are listed for a day", function()
            assert.equal('{"SUCCESS":true,"PAYLOAD":[]}', get(REPORT .. "?tid=" .. TID).text)
            order()
            omni.clock = 1000
            order { report_name = "second" }
            assert.same({
                { report_id = 1, report_name = "r", status = "SUCCESS" },
                { report_id = 2, report_name = "second", status = "RUNNING" },
            }, list())
            omni.clock = 86400
            assert.equal(2, #list())
            omni.clock = 86401
            assert.equal(2, list()[1].report_id)
            later()
            assert.equal("SUCCESS", state(1).value.PAYLOAD.status)
        end)

        local COLUMNS = {
            channel_type = "string", click = "boolean", delivery_time = "string",
            email_status = "userdata", member_sn = "string", open = "boolean",
            template_id = "number", template_name = "string",
        }

        it("serve one JSON object per line, without a key", function()
            order { report_name = "rows=450" }
            omni.clock = 90
            local res = omni:send("GET", "/files/interaction-report-1.json")
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
            omni.clock = 90
            local _, lines = get("/files/interaction-report-1.json").text:gsub("\n", "\n")
            assert.equal(200, lines)
            assert.equal("", get("/files/interaction-report-2.json").text)
            assert.equal(404, get("/files/../x").status)
        end)
    end)
end)
