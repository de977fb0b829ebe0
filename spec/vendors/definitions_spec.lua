--- The built-in definitions: what they say of hosts, credentials, limits and retries; each example is a call that
-- may be sent; and all of OPM's calls. Those of OmniSegment are in specs of their own.

require "spec.support.helper"
local definition = require "spec.support.definition"

local example = require "neap.cli.describe.example"
local null = require "neap.null"

local opm, omni = definition.clients.opm.model, definition.clients.omnisegment.model

describe("definition", function()
    for _, model in ipairs { opm, omni } do
        for _, name in ipairs(model.endpoint_names) do
            local endpoint = model.endpoints[name]
            it(("%s.%s takes its own example"):format(model.name, name), function()
                for _, text in ipairs { "summary", "returns" } do assert.is_string(endpoint[text], text) end
                assert.is_table(endpoint.example)
                assert(definition.validate(model.name .. "." .. name, example.params(endpoint)))
            end)
        end
    end

    it("names the endpoints of the vendor", function()
        assert.same({ "entry", "ping" }, opm.endpoint_names)
        assert.same({
            "bind_audience_accounts", "blacklist_audience_batch", "create_interaction_report",
            "create_interactive_audiences_report", "create_tracking_event_report", "get_interaction_report",
            "get_tracking_event_report", "import_audience", "import_audience_batch", "import_event_registration_data",
            "import_gift_voucher", "import_gift_voucher_batch", "import_product", "import_product_guarantee_data",
            "import_purchase_data", "import_purchase_data_batch", "list_interaction_reports",
            "list_interactive_audiences_reports", "list_tracking_event_reports", "show_market_report", "track_event",
        }, omni.endpoint_names)
    end)

    it("names the page of every endpoint of OmniSegment, and what is not among the seeds", function()
        local beyond = {}
        for _, name in ipairs(omni.endpoint_names) do
            local source = omni.endpoints[name].source
            assert.matches("^wiki, ", source)
            if source:find("not among the seeds", 1, true) then beyond[#beyond + 1] = name end
        end
        assert.same({
            "bind_audience_accounts", "blacklist_audience_batch", "create_interactive_audiences_report",
            "import_audience_batch", "import_gift_voucher_batch", "import_purchase_data_batch",
            "list_interactive_audiences_reports",
        }, beyond)
    end)

    it("has the vendor's hosts", function()
        assert.equal("https://api.opdmf.com", opm.base_url)
        assert.same({ by = "environment", taiwan = "https://api.omnisegment.com",
            japan = "https://jp.api.omnisegment.com", staging = "https://staging.omnicloud.tech" },
            omni.base_url)
    end)

    it("counts the operations of one report together", function()
        for _, kind in ipairs { "interaction", "tracking_event" } do
            local group = ("/api/v1/%s-report/"):format(kind:gsub("_", "-"))
            for _, name in ipairs { "create_%s_report", "list_%s_reports", "get_%s_report" } do
                assert.equal(group, omni.endpoints[name:format(kind)].group)
            end
        end
        assert.same({ count = 10, period = 1 },
            { count = omni.limits[1].rate.count, period = omni.limits[1].rate.period })
        assert.equal("endpoint", omni.limits[1].per)
        assert.same({ 1, 0 }, { #omni.limits, #opm.limits })
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

describe("opm", function()
    local places = {
        { "ping", "GET /ping", "header", nil, "read" },
        { "entry", "POST /entry", "header", nil, "idempotent", "customerId" },
    }
    for _, case in ipairs(places) do
        it("says where things are in " .. case[1], function()
            local e = opm.endpoints[case[1]]
            assert.same({ case[2], case[3], case[4], case[5], case[6] },
                { e.method .. " " .. e.path, e.auth, e.tenant, e.write, e.key_text })
        end)
    end

    local requests = {
        { "opm.ping", {}, "GET https://api.opdmf.com/ping" },
        { "opm.entry", { customerId = 7519, customerEmail = "a", customerPhone = null },
            "POST https://api.opdmf.com/entry",
            '{"customerEmail":"a","customerId":"7519","customerPhone":null}' },
        { "opm.entry", { customerId = 7519.0, customerPhone = "+1" },
            "POST https://api.opdmf.com/entry", '{"customerId":"7519","customerPhone":"+1"}' },
    }
    for i, case in ipairs(requests) do
        it(("sends request %d as the vendor wants it"):format(i), function()
            local sent = definition.request(case[1], case[2])
            assert.same({ case[3], case[4] }, { sent.method .. " " .. sent.url, sent.body })
        end)
    end

    local CONTACT = "one of customerEmail or customerPhone is required"
    local refused = {
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
            "api_key: a setting, not a parameter: use --set opm.api_key=env:NAME" },
        { "opm.ping", { x = 1 }, "x: unknown name, there are no parameters" },
    }
    for i, case in ipairs(refused) do
        it(("refuses %d: %s"):format(i, case[3]), function()
            local values, err = definition.validate(case[1], case[2])
            assert.is_nil(values)
            assert.same({ "invalid", "not_sent", case[3] }, { err.kind, err.outcome, definition.refusal(err) })
        end)
    end

    it("takes an empty id, and either contact", function()
        assert(definition.validate("opm.entry", { customerId = "", customerEmail = " " }))
        assert(definition.validate("opm.entry", { customerId = "7519", customerPhone = "0", customerEmail = null }))
    end)
end)
