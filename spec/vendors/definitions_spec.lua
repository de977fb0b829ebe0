--- The built-in definitions: every example is a call that may be sent, and looks on the wire as the
-- vendor wants it; every rule of the vendor refuses with its own message.

require "spec.support.helper"
require "neap"
local build = require "neap.call.build"
local json = require "neap.native.json"
local registry = require "neap.registry"

local null = json.null

--- What build needs of a client, without an account.
local function client_of(model, settings)
    return {
        model = model, settings = settings, custom_fields = {},
        base_url = type(model.base_url) == "table" and model.base_url.taiwan or model.base_url,
    }
end

local opm = registry.load "opm"
local omni = registry.load "omnisegment"
local clients = {
    opm = client_of(opm, {}),
    omnisegment = client_of(omni, { tid = "OA-000000" }),
}

local function validate(name, params)
    local vendor, endpoint = name:match "^(%l+)%.([%w_]+)$"
    local client = clients[vendor]
    return build.validate(client.model.endpoints[endpoint], client, params)
end

local function request(name, params)
    local vendor, endpoint = name:match "^(%l+)%.([%w_]+)$"
    local client = clients[vendor]
    local values = assert(validate(name, params))
    return build.request(client.model.endpoints[endpoint], client, values)
end

describe("definition", function()
    for _, model in ipairs { opm, omni } do
        for _, name in ipairs(model.endpoint_names) do
            local endpoint = model.endpoints[name]
            it(("%s.%s takes its own example"):format(model.name, name), function()
                assert.is_table(endpoint.example)
                assert.is_string(endpoint.summary)
                assert.is_string(endpoint.returns)
                assert(validate(model.name .. "." .. name, endpoint.example))
            end)
        end
    end

    it("names the endpoints of the vendor", function()
        assert.same({ "entry", "ping" }, opm.endpoint_names)
        assert.same({ "create_interaction_report", "get_interaction_report", "import_audience",
            "list_interaction_reports", "track_event" }, omni.endpoint_names)
    end)

    it("has the vendor's hosts", function()
        assert.equal("https://api.opdmf.com", opm.base_url)
        assert.same({ by = "environment", taiwan = "https://api.omnisegment.com",
            japan = "https://jp.api.omnisegment.com", staging = "https://staging.omnicloud.tech" },
            omni.base_url)
    end)

    local places = {
        -- endpoint, method and path, auth, tenant, write class, key, group
        { "opm.ping", "GET /ping", "header", nil, "read" },
        { "opm.entry", "POST /entry", "header", nil, "idempotent", "customerId" },
        { "omnisegment.import_audience", "POST /ma_audience/import-audience/", "body", "body",
            "idempotent", "data[merge_key]" },
        { "omnisegment.track_event", "POST /api/v1/beacon/track-event/", "header", "body", "unsafe" },
        { "omnisegment.create_interaction_report", "POST /api/v1/interaction-report/", "header",
            "query", "unsafe" },
        { "omnisegment.list_interaction_reports", "GET /api/v1/interaction-report/", "header",
            "query", "read" },
        { "omnisegment.get_interaction_report", "GET /api/v1/interaction-report/{report_id}/",
            "header", "query", "read" },
    }
    for _, case in ipairs(places) do
        it("says where things are in " .. case[1], function()
            local vendor, name = case[1]:match "^(%l+)%.(.*)$"
            local e = clients[vendor].model.endpoints[name]
            assert.same({ case[2], case[3], case[4], case[5], case[6] },
                { e.method .. " " .. e.path, e.auth, e.tenant, e.write, e.key_text })
        end)
    end

    it("counts the operations of one report together", function()
        local group = "/api/v1/interaction-report/"
        for _, name in ipairs { "create_interaction_report", "list_interaction_reports",
            "get_interaction_report" } do
            assert.equal(group, omni.endpoints[name].group)
        end
        assert.same({ count = 10, period = 1 },
            { count = omni.limits[1].rate.count, period = omni.limits[1].rate.period })
        assert.equal("endpoint", omni.limits[1].per)
        assert.same({}, opm.limits)
    end)

    it("knows the vendor's keys in header and body", function()
        assert.same({ place = "header", name = "x-api-key", secret = "api_key" }, opm.auth.header)
        assert.same({ place = "header", name = "X-OmniSegment-Api-Key", secret = "api_key" },
            omni.auth.header)
        assert.same({ place = "body", name = "api_key", secret = "api_key" }, omni.auth.body)
    end)

    it("retries an outage of OmniSegment five times, every five minutes", function()
        local rule = omni.retry[2]
        assert.same({ { 502, 503, 504 }, "constant", 5, true, "outage_wait" },
            { rule.on, rule.backoff, rule.retries, rule.gate, rule.every.setting })
    end)
end)

describe("a request", function()
    local cases = {
        { "opm.ping", {}, "GET https://api.opdmf.com/ping" },
        { "opm.entry", { customerId = 7519, customerEmail = "a", customerPhone = null },
            "POST https://api.opdmf.com/entry",
            '{"customerEmail":"a","customerId":"7519","customerPhone":null}' },
        { "opm.entry", { customerId = 7519.0, customerPhone = "+1" },
            "POST https://api.opdmf.com/entry", '{"customerId":"7519","customerPhone":"+1"}' },
        { "omnisegment.import_audience", { data = { member_sn = 12, shoe_width = "42", point_balance = 1.5 } },
            "POST https://api.omnisegment.com/ma_audience/import-audience/",
            '{"data":{"member_sn":"12","point_balance":"1.5","shoe_width":"42"},"merge_key":"member_sn",'
                .. '"tag_mode":"append","tid":"OA-000000"}' },
        { "omnisegment.import_audience",
            { data = { email = "a@b", birthday = "none", is_active = "", sex = null },
                merge_key = "email", ignore_empty_value = true, tag_mode = "replace" },
            "POST https://api.omnisegment.com/ma_audience/import-audience/",
            '{"data":{"birthday":"none","email":"a@b","is_active":"","sex":null},'
                .. '"ignore_empty_value":true,"merge_key":"email","tag_mode":"replace",'
                .. '"tid":"OA-000000"}' },
        { "omnisegment.track_event", { client_id = "d", hit_type = "pageview" },
            "POST https://api.omnisegment.com/api/v1/beacon/track-event/",
            '{"client_id":"d","data_source":"web","hit_type":"pageview","tid":"OA-000000",'
                .. '"version":"2.0.4"}' },
        { "omnisegment.track_event",
            { client_id = "d", hit_type = "event", event_action = "Search",
                event_label = { search_string = "x" } },
            "POST https://api.omnisegment.com/api/v1/beacon/track-event/",
            '{"client_id":"d","data_source":"web","event_action":"Search",'
                .. '"event_label":"{\\"search_string\\":\\"x\\"}","hit_type":"event",'
                .. '"tid":"OA-000000","version":"2.0.4"}' },
        { "omnisegment.create_interaction_report",
            { report_name = "r", start_date = "2026-10-01", end_date = "2026-11-01" },
            "POST https://api.omnisegment.com/api/v1/interaction-report/?tid=OA-000000",
            '{"end_date":"2026-11-01","report_name":"r","start_date":"2026-10-01"}' },
        { "omnisegment.list_interaction_reports", {},
            "GET https://api.omnisegment.com/api/v1/interaction-report/?tid=OA-000000" },
        { "omnisegment.get_interaction_report", { report_id = 17 },
            "GET https://api.omnisegment.com/api/v1/interaction-report/17/?tid=OA-000000" },
    }
    for i, case in ipairs(cases) do
        it(("%d of %s is as the vendor wants it"):format(i, case[1]), function()
            local sent = request(case[1], case[2])
            assert.equal(case[3], sent.method .. " " .. sent.url)
            assert.equal(case[4], sent.body)
            local headers = {}
            for k = 1, #sent.headers, 2 do headers[sent.headers[k]] = sent.headers[k + 1] end
            assert.equal("application/json", headers["Content-Type"]) -- facts 1.2: all requests
        end)
    end
end)

describe("a call is refused before it is sent:", function()
    local function member(changes)
        local data = { member_sn = "1" }
        for name, value in pairs(changes) do data[name] = value end
        return { data = data }
    end
    local function event(changes)
        local params = { client_id = "d", hit_type = "event" }
        for name, value in pairs(changes) do params[name] = value end
        return params
    end
    local function span(from, to)
        return { report_name = "r", start_date = from, end_date = to }
    end
    local function items(count)
        local list = {}
        for i = 1, count do list[i] = { id = "P" .. i, name = "N" } end
        return list
    end
    local IMPORT, TRACK = "omnisegment.import_audience", "omnisegment.track_event"
    local CREATE = "omnisegment.create_interaction_report"
    local CONTACT = "one of customerEmail or customerPhone is required"
    local cases = {
        { "opm.entry", { customerId = "1" }, CONTACT },
        { "opm.entry", { customerId = "1", customerEmail = "", customerPhone = null }, CONTACT },
        { "opm.entry", { customerId = "1", customerFirstName = "Jane" }, CONTACT },
        { "opm.entry", { customerEmail = "a" }, "customerId: required" },
        { "opm.entry", {}, "customerId: required; " .. CONTACT },
        { "opm.entry", { customerId = "1", customerEmail = 12 },
            "customerEmail: expected a string, got a number (12)" },
        { "opm.entry", { customerId = {}, customerEmail = "a" },
            "customerId: expected a string or an integer, got an object" },
        { "opm.entry", { customerId = null, customerEmail = "a" },
            "customerId: expected a string or an integer, got null" },
        { "opm.entry", { customerID = "1", customerEmail = "a" },
            'customerId: required; customerID: unknown name, did you mean "customerId"?' },
        { "opm.entry", { customerId = "1", customerEmail = "a", api_key = "k" },
            "api_key: a setting, not a parameter: use --set opm.api_key=..." },
        { "opm.ping", { x = 1 }, "x: unknown name" },

        { IMPORT, {}, "data: required" },
        { IMPORT, { data = {} },
            "data.member_sn or data.source_id is required (merge_key is member_sn)" },
        { IMPORT, { data = { email = "a@b" } },
            "data.member_sn or data.source_id is required (merge_key is member_sn)" },
        { IMPORT, { data = { member_sn = "1" }, merge_key = "email" },
            "data.email is required (merge_key is email)" },
        { IMPORT, { data = { source_id = "1" } }, "data.source_id needs data.source_system as well" },
        { IMPORT, { data = { member_sn = "1" }, merge_key = "emial" },
            'merge_key: "emial" is not one of member_sn, line_id, email, phone, messenger_psid, '
                .. "source_id", 'did you mean "email"?' },
        { IMPORT, { data = { member_sn = "1" }, tag_mode = "add" },
            'tag_mode: "add" is not one of append, replace' },
        { IMPORT, { data = { member_sn = "1" }, tid = "OA-1" },
            "tid: a setting, not a parameter: use --set omnisegment.tid=..." },
        { IMPORT, member { emial = "a@b" },
            "data.emial: unknown name, too near to a declared one (the setting custom_fields "
                .. "allows it)", 'did you mean "email"?' },
        { IMPORT, member { sex = "f" }, 'data.sex: "f" is not one of male, female' },
        { IMPORT, member { birthday = "2026-02-30" },
            'data.birthday: "2026-02-30" is no date: day 30, but 2026-02 has 28 days' },
        { IMPORT, member { is_active = "yes" },
            'data.is_active: expected a boolean, got a string ("yes")' },
        { IMPORT, member { point_balance = "1.234" },
            'data.point_balance: "1.234" has 3 decimal places, at most 2 are allowed' },
        { IMPORT, member { membership_expire_at = "2027-01-01T00:00:00" },
            'data.membership_expire_at: "2027-01-01T00:00:00" has no zone, one such as +08:00 is '
                .. "required" },
        { IMPORT, member { fcm_tokens = { { type = "ios" } } },
            "data.fcm_tokens[1].token: required" },
        { IMPORT, member { email_channels = { { name = "n" } } },
            "data.email_channels[1].subscription_status: required" },
        { IMPORT, member { shoe_width = ("x"):rep(1026) }, 'data.shoe_width: "xxx' },
        { IMPORT, member { sex = "f", is_active = 1 },
            'data.sex: "f" is not one of male, female; '
                .. "data.is_active: expected a boolean, got a number (1)" },

        { CREATE, {}, "report_name: required; start_date: required; end_date: required" },
        { CREATE, span("2026-10-01", "2026-11-02"),
            "start_date to end_date is 32 days, at most 31 are allowed" },
        { CREATE, span("2026-10-02", "2026-10-01"), "end_date is before start_date" },
        { CREATE, span("2026-10-1", "2026-10-31"), 'start_date: "2026-10-1" is no date' },
        { "omnisegment.get_interaction_report", {}, "report_id: required" },
        { "omnisegment.get_interaction_report", { report_id = 0 },
            "report_id: 0 is below the minimum 1" },
        { "omnisegment.get_interaction_report", { report_id = "x" },
            'report_id: expected an integer, got a string ("x")' },

        { TRACK, {}, "client_id: required; hit_type: required" },
        { TRACK, event { client_id = "" , hit_type = "pageview" }, "client_id: empty" },
        { TRACK, event {}, "event_action is required for hit_type event" },
        { TRACK, event { hit_type = "click" }, 'hit_type: "click" is not one of pageview, event' },
        { TRACK, event { event_action = "AddToCart" }, "products is required for AddToCart" },
        { TRACK, event { event_action = "AddToCart", products = items(1) },
            "event_category must be Ecommerce for AddToCart" },
        { TRACK, event { event_action = "Purchase", event_category = "Ecommerce", products = items(1) },
            "transaction_id and transaction_revenue are required for Purchase" },
        { TRACK, event { event_action = "Refund", event_category = "Ecommerce", products = items(1),
            transaction_id = "T", transaction_revenue = 1 },
            "products[1].quantity is required for Refund" },
        { TRACK, { client_id = "d", hit_type = "pageview", products = items(31) },
            "products: 31 items, at most 30 are allowed" },
        { TRACK, { client_id = "d", hit_type = "pageview", products = { { id = "P" } } },
            "products[1].name: required" },
        { TRACK, { client_id = "d", hit_type = "pageview", transaction_revenue = 1.5 },
            "transaction_revenue: 1.5 is no integer" },
        { TRACK, { client_id = "d", hit_type = "pageview", event_label = "x" }, "event_label: " },
    }
    for i, case in ipairs(cases) do
        it(("%d %s: %s"):format(i, case[1], case[3]), function()
            local values, err = validate(case[1], case[2])
            assert.is_nil(values)
            assert.equal("invalid", err.kind)
            assert.equal("not_sent", err.outcome)
            -- The text ends where the rest is the codec's or the date's own words.
            assert.equal(case[3], err.message:sub(1, #case[3]))
            assert.equal(case[4], err.hint)
        end)
    end

    local accepted = {
        { "opm.entry", { customerId = "", customerEmail = " " } },
        { "opm.entry", { customerId = "7519", customerPhone = "0", customerEmail = null } },
        { IMPORT, { data = { source_id = "1", source_system = "CRM" } } },
        { IMPORT, { data = { source_id = "1", source_system = "CRM" }, merge_key = "source_id" } },
        { IMPORT, member { shoe_width = ("\u{4e2d}"):rep(1025), shoe_size = 42, shoe_fits = true } },
        { IMPORT, member { pairs_of_shoes = { { size = "42" } } } },
        { IMPORT, member { register_date = "2020-06-04T08:30:37.235482+08:00" } },
        { IMPORT, member { membership_expire_at = "2027-01-01T00:00:00Z", point_balance = "-1.50" } },
        { IMPORT, member { ["會員等級"] = "gold" } },
        { CREATE, span("2026-10-01", "2026-10-01") },
        { TRACK, { client_id = "d", hit_type = "pageview", data_source = "WEB",
            products = items(30) } },
        { TRACK, event { event_action = "OurOwn", event_value = "x" } },
        { TRACK, event { event_action = "CompleteRegistration", event_category = "Ecommerce" } },
        { TRACK, event { event_action = "CompleteRegistration",
            event_category = "CompleteRegistration" } },
    }
    for i, case in ipairs(accepted) do
        it(("but not %d of %s"):format(i, case[1]), function() assert(validate(case[1], case[2])) end)
    end

    it("but not a custom field that the setting names", function()
        local client = clients.omnisegment
        client.checking, client.custom_fields = nil, { emial = true }
        assert(validate(IMPORT, member { emial = "a" }))
        client.checking, client.custom_fields = nil, {}
    end)
end)
