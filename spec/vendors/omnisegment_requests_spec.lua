--- OmniSegment: where each endpoint is, where key and tenant travel, what a repeat does, and each request on the wire.

require "spec.support.helper"
local definition = require "spec.support.definition"

local clock = require "neap.native.clock"
local example = require "neap.cli.describe.example"
local null = require "neap.null"

local function day(distance)
    return clock.iso(clock.wall_ms() + distance * 86400000):sub(1, 10)
end

--- endpoint, method and path, key and tenant, write class, key of a record
local PLACES = {
    { "import_audience", "POST /ma_audience/import-audience/", "body body", "idempotent",
        "data[merge_key] or data.source_system + data.source_id" },
    { "import_purchase_data", "POST /api/import-purchase-data/", "body body", "idempotent", "data.transaction_id" },
    { "import_product", "POST /api/v1/products/import/", "body body", "idempotent", "data.id.default or data.id" },
    { "import_event_registration_data", "POST /api/v1/products/import-event-registration-data/", "body body",
        "idempotent", "data.event_id + data.member_sn" },
    { "import_product_guarantee_data", "POST /api/v1/products/import-product-guarantee-data/", "body body",
        "idempotent", "data.warranty_id" },
    { "import_gift_voucher", "POST /api/import-gift-voucher/", "body body", "idempotent", "data.voucher_id" },
    { "show_market_report", "POST /omnidata/show-market-report/", "body body", "read" },
    { "track_event", "POST /api/v1/beacon/track-event/", "header body", "unsafe" },
    { "create_interaction_report", "POST /api/v1/interaction-report/", "header query", "unsafe" },
    { "list_interaction_reports", "GET /api/v1/interaction-report/", "header query", "read" },
    { "get_interaction_report", "GET /api/v1/interaction-report/{report_id}/", "header query", "read" },
    { "create_tracking_event_report", "POST /api/v1/tracking-event-report/", "header query", "unsafe" },
    { "list_tracking_event_reports", "GET /api/v1/tracking-event-report/", "header query", "read" },
    { "get_tracking_event_report", "GET /api/v1/tracking-event-report/{report_id}/", "header query", "read" },
    { "import_audience_batch", "POST /api/v2/audiences/batch-import/", "body body", "idempotent" },
    { "import_purchase_data_batch", "POST /api/v2/purchase/batch-import/", "body body", "idempotent" },
    { "import_gift_voucher_batch", "POST /api/v2/voucher/batch-import/", "body body", "idempotent" },
    { "blacklist_audience_batch", "POST /api/v2/audiences/batch-import-blacklist/", "body body", "idempotent" },
    { "create_interactive_audiences_report", "POST /api/v1/audiences/interactive-audiences-report/", "header query",
        "unsafe" },
    { "list_interactive_audiences_reports", "GET /api/v1/audiences/interactive-audiences-report/", "header query",
        "read" },
    { "bind_audience_accounts", "POST /api/v2/audiences/oc-sa-bind/", "body body", "idempotent" },
}

--- What the example of each endpoint looks like on the wire: the query and the body.
local EXAMPLES = {
    bind_audience_accounts = { "", '{"data_list":[{"account_id":"3f0c5f0e-7f5b-4c53-9d0a-2b8f3c1d4e5f",'
        .. '"member_sn":"M0001"}],"tid":"OA-000000"}' },
    blacklist_audience_batch = { "", '{"data":["M0001","M0002"],"search_key":"member_sn","tid":"OA-000000",'
        .. '"to_be_blacklisted":true}' },
    create_interaction_report = { "?tid=OA-000000",
        '{"end_date":"2026-10-31","report_name":"spring","start_date":"2026-10-01"}' },
    create_tracking_event_report = { "?tid=OA-000000",
        '{"end_date":"2026-10-31","report_name":"spring","start_date":"2026-10-01"}' },
    create_interactive_audiences_report = { "?tid=OA-000000",
        ('{"end_date":"%s","start_date":"%s"}'):format(day(-1), day(-29)) },
    get_interaction_report = { "?tid=OA-000000" }, get_tracking_event_report = { "?tid=OA-000000" },
    list_interaction_reports = { "?tid=OA-000000" }, list_tracking_event_reports = { "?tid=OA-000000" },
    list_interactive_audiences_reports = { "?tid=OA-000000" },
    import_audience = { "", '{"data":{"email":"m0001@example.com","member_sn":"M0001","tags":"vip,spring"},'
        .. '"merge_key":"member_sn","tag_mode":"append","tid":"OA-000000"}' },
    import_audience_batch = { "", '{"data":[{"email":"m0001@example.com","member_sn":"M0001"},'
        .. '{"birthday":"1990-05-17","member_sn":"M0002"}],"merge_key":"member_sn","tag_mode":"append",'
        .. '"tid":"OA-000000"}' },
    import_purchase_data = { "", '{"data":{"datetime":"2026-10-15T09:51:23+0800","member_sn":"M0001",'
        .. '"products":"P001,P002","products_name":"Cup,Plate","products_quantity":"1,2","quantities":3,'
        .. '"transaction_id":"T0001","transaction_revenue":1280,"transaction_status":"SUCCESS"},"tid":"OA-000000"}' },
    import_purchase_data_batch = { "", '{"data":[{"datetime":"2026-10-15T09:51:23+0800","member_sn":"M0001",'
        .. '"products":"P001,P002","transaction_id":"T0001","transaction_revenue":1280},'
        .. '{"datetime":"2026-10-15T10:02:00+0800","member_sn":"M0002","products":"P003","transaction_id":"T0002",'
        .. '"transaction_revenue":99.5}],"tid":"OA-000000"}' },
    import_product = { "", '{"data":{"availability":"in stock","brand":"Neap","id":"P001",'
        .. '"image_link":"https://shop.example.com/p/P001.jpg","link":"https://shop.example.com/p/P001",'
        .. '"price":"480 TWD","product_type":"kitchen/cups","sale_price":"399 TWD","sale_price_effective_date":'
        .. '"2026-11-01T00:00:00+08:00/2026-11-30T23:59:59+08:00","title":"Cup"},"tid":"OA-000000"}' },
    import_event_registration_data = { "", '{"data":{"event_end_datetime":"2026-11-01T16:00:00+08:00",'
        .. '"event_id":"E001","event_name":"Pottery class","event_start_datetime":"2026-11-01T14:00:00+08:00",'
        .. '"member_sn":"M0001","products":{"default":["G001"],"sku":["P001"]},'
        .. '"registration_datetime":"2026-10-15T09:51:23+08:00"},"tid":"OA-000000"}' },
    import_product_guarantee_data = { "", '{"data":{"member_sn":"M0001","product":{"sku":"P001"},'
        .. '"purchase_datetime":"2026-10-14T18:30:00+08:00","registration_datetime":"2026-10-15T09:51:23+08:00",'
        .. '"warranty_end_datetime":"2028-10-15T00:00:00+08:00","warranty_id":"W001",'
        .. '"warranty_start_datetime":"2026-10-15T00:00:00+08:00"},"tid":"OA-000000"}' },
    import_gift_voucher = { "", '{"data":{"amount":100,"category":"giftvoucher","member_sn":"M0001",'
        .. '"valid_from":"2026-11-01","valid_util":"2026-12-31 23:59:59+08","voucher_id":"V0001",'
        .. '"voucher_type":"Birthday voucher"},"tid":"OA-000000"}' },
    import_gift_voucher_batch = { "", '{"data_list":[{"amount":100,"member_sn":"M0001","valid_from":"2026-11-01",'
        .. '"valid_util":"2026-12-31","voucher_id":"V0001","voucher_type":"Birthday voucher"}],"tid":"OA-000000"}' },
    show_market_report = { "", '{"data":{"end_date":"2026-10-31","start_date":"2026-10-01"},"tid":"OA-000000"}' },
    track_event = { "", '{"client_id":"d-1","currency_code":"TWD","data_source":"web","event_action":"Purchase",'
        .. '"event_category":"Ecommerce","hit_type":"event","products":[{"id":"P001","name":"Cup","price":480,'
        .. '"quantity":"1"}],"tid":"OA-000000","transaction_id":"T0001","transaction_revenue":480,'
        .. '"version":"2.0.4"}' },
}

local headers = { "Content-Type", "application/json", "Accept", "application/json", "User-Agent", "neap/0.1" }

describe("omnisegment", function()
    for _, case in ipairs(PLACES) do
        local name = case[1]
        it("says where things are in " .. name, function()
            local e = definition.endpoint("omnisegment." .. name)
            assert.same({ case[2], case[3], case[4], case[5] },
                { e.method .. " " .. e.path, e.auth .. " " .. e.tenant, e.write, e.key_text })
        end)

        it("sends the example of " .. name .. " as the vendor wants it", function()
            local wanted, params = EXAMPLES[name], example.params(definition.endpoint("omnisegment." .. name))
            local sent = definition.request("omnisegment." .. name, params)
            local method, path = case[2]:match "^(%u+) (.*)$"
            local target = "https://api.omnisegment.com" .. path:gsub("{report_id}", "1") .. wanted[1]
            assert.same({ method, target, wanted[2] }, { sent.method, sent.url, sent.body })
            assert.same(headers, sent.headers) -- facts 1.2: all requests are JSON
        end)
    end

    it("has no other endpoint", function()
        assert.equal(#PLACES, #definition.clients.omnisegment.model.endpoint_names)
    end)

    local requests = {
        { "import_audience", { data = { member_sn = 12, shoe_width = "42", point_balance = 1.5 } },
            '{"data":{"member_sn":"12","point_balance":"1.5","shoe_width":"42"},"merge_key":"member_sn",'
                .. '"tag_mode":"append","tid":"OA-000000"}' },
        { "import_audience",
            { data = { email = "a@b", birthday = "none", is_active = "", sex = null },
                merge_key = "email", ignore_empty_value = true, tag_mode = "replace" },
            '{"data":{"birthday":"none","email":"a@b","is_active":"","sex":null},'
                .. '"ignore_empty_value":true,"merge_key":"email","tag_mode":"replace",'
                .. '"tid":"OA-000000"}' },
        { "import_gift_voucher", { site = null, data = { { voucher_id = 7, voucher_type = "B", amount = 1,
            member_sn = "M", valid_from = "2024-05-01 12:00+08:00", valid_util = "2024-05-02T12:00:00Z",
            custom_fields = { colour = "red" } } } },
            '{"data":[{"amount":1,"custom_fields":{"colour":"red"},"member_sn":"M",'
                .. '"valid_from":"2024-05-01 12:00:00+08","valid_util":"2024-05-02T12:00:00+00","voucher_id":"7",'
                .. '"voucher_type":"B"}],"site":null,"tid":"OA-000000"}' },
        { "track_event", { client_id = "d", hit_type = "pageview" },
            '{"client_id":"d","data_source":"web","hit_type":"pageview","tid":"OA-000000","version":"2.0.4"}' },
        { "track_event",
            { client_id = "d", hit_type = "event", event_action = "Search", event_category = "Search",
                event_label = { search_string = "x" } },
            '{"client_id":"d","data_source":"web","event_action":"Search","event_category":"Search",'
                .. '"event_label":"{\\"search_string\\":\\"x\\"}","hit_type":"event",'
                .. '"tid":"OA-000000","version":"2.0.4"}' },
    }
    for i, case in ipairs(requests) do
        it(("sends request %d of %s as the vendor wants it"):format(i, case[1]), function()
            assert.equal(case[3], definition.request("omnisegment." .. case[1], case[2]).body)
        end)
    end

    local keys = {
        { "import_audience", { data = { member_sn = "M" }, merge_key = "member_sn" }, "M" },
        { "import_audience", { data = { member_sn = "M", email = "a@b" }, merge_key = "email" }, "a@b" },
        { "import_audience", { data = { member_sn = "", source_id = "1", source_system = "CRM" },
            merge_key = "member_sn" }, "CRM\0001" },
        { "import_audience", { data = { member_sn = null }, merge_key = "member_sn" }, nil },
        { "import_purchase_data", { data = { transaction_id = "T" } }, "T" },
        { "import_product", { data = { id = "P" } }, "P" },
        { "import_product", { data = { id = { default = "P", CRM = "C" } } }, "P" },
        { "import_product", { data = { id = { ERP = "E", CRM = "C" } } }, '{"CRM":"C","ERP":"E"}' },
        { "import_event_registration_data", { data = { event_id = "E", member_sn = "M" } }, "E\0M" },
        { "import_product_guarantee_data", { data = { warranty_id = "W" } }, "W" },
        { "import_gift_voucher", { data = { voucher_id = "V" } }, "V" },
        { "import_gift_voucher", { data = { { voucher_id = "V" } } }, nil },
    }
    for i, case in ipairs(keys) do
        it(("orders by key %d of %s"):format(i, case[1]), function()
            assert.equal(case[3], definition.endpoint("omnisegment." .. case[1]).key(case[2]))
        end)
    end
end)
