--- Products, registrations for events and guarantees in the OmniSegment simulator.

local support = require "spec.sandbox.omnisegment_support"
local json = require "neap.native.json"

local null = json.null
local judge, NONE, with = support.judge, support.NONE, support.with
local list = json.array
local OK = '{"SUCCESS":true,"PAYLOAD":null}'

describe("in the OmniSegment simulator", function()
    local omni

    before_each(function() omni = support.new() end)

    --- One check for each case: changes of data, message (none: accepted).
    local function each(cases, what, import)
        for i, case in ipairs(cases) do
            local changes, message = table.unpack(case, 1, 2)
            it(("checks, %d: %s"):format(i, message or "accepts"), function()
                judge(message, import(changes))
                assert.equal(message and 0 or 1, omni:snapshot "counts"[what])
            end)
        end
    end

    --- The text of the OpenAPI file, in its short body.
    local function requires_inputs(import)
        for _, name in ipairs { "api_key", "tid", "data" } do
            it("requires " .. name, function()
                assert.equal('{"SUCCESS":false,"ERR_MSG":"Missing Input Error: These values are required in '
                    .. 'post data : api_key, tid, data"}', import({}, { [name] = NONE }).text)
            end)
        end
        it("takes an object", function()
            judge("data should be an object", import({}, { data = list { {} } }))
        end)
    end

    describe("import_product", function()
        local base = {
            id = "P1", title = "Cup", link = "https://shop.example.com/p/1", availability = "in stock",
            image_link = "https://shop.example.com/p/1.jpg", price = "999",
        }
        local function import(changes, options)
            return omni:import("import_product", with(base, changes), options)
        end

        requires_inputs(import)

        local PRICE = "price should be a number, or a number, a blank and a currency code"
        local PERIOD = "sale_price_effective_date should be two date-times with offset, joined by one slash"
        local day, month = "2026-01-01T00:00:00+08:00", "2026-02-01T00:00:00+08:00"
        local long, longer = ("\u{4e2d}"):rep(256), ("\u{4e2d}"):rep(257)
        local cases = {
            {}, { { id = NONE }, "id is required" }, { { id = "" }, "id is required" },
            { { id = { default = "P1", CRM = "C1" } } }, { { id = { ERP = "E1" } } },
            { { id = 5 }, "id should be a string or an object of ids" },
            { { id = json.object {} }, "id should be a string or an object of ids" },
            { { id = { CRM = 5 } }, "id.CRM should be a string" }, { { id = { CRM = "" } }, "id.CRM is empty" },
            { { title = NONE }, "title is required" }, { { title = 5 }, "title should be a string" },
            { { link = NONE }, "link is required" }, { { link = "http://shop.example.com" } },
            { { link = "shop.example.com" }, "link should start with http:// or https://" },
            { { link = "ftp://shop.example.com" }, "link should start with http:// or https://" },
            { { availability = NONE }, "availability is required" },
            { { availability = "preorder" } }, { { availability = "sold out for ever" } },
            { { image_link = NONE }, "image_link is required" },
            { { price = NONE }, "price is required" }, { { price = "999 TWD" } }, { { price = "9.90 USD" } },
            { { price = "9.90" } }, { { price = 999 }, PRICE }, { { price = "1,999" }, PRICE },
            { { price = "999TWD" }, PRICE }, { { price = "999 twd" }, PRICE }, { { price = "TWD 999" }, PRICE },
            { { price = "9." }, PRICE }, { { price = "-9" }, PRICE },
            { { sale_price = "899 TWD" } }, { { sale_price = "cheap" }, "sale_" .. PRICE },
            { { sale_price_effective_date = day .. "/" .. month } },
            { { sale_price_effective_date = day }, PERIOD },
            { { sale_price_effective_date = day .. "//" .. month }, PERIOD },
            { { sale_price_effective_date = day .. "/" .. month .. "/" .. month }, PERIOD },
            { { sale_price_effective_date = "2026-01-01T00:00:00+0800/" .. month }, PERIOD },
            { { sale_price_effective_date = "2026-01-01T00:00:00/" .. month }, PERIOD },
            { { sale_price_effective_date = "2026-01-01/2026-02-01" }, PERIOD },
            { { product_type = "Food>Toys/Cats/Mice" } },
            { { product_type = "Food>Toys/Cats/Mice/Grey" }, "product_type should have at most 3 levels" },
            { { brand = "b", item_group_id = "g" } }, { { brand = 5 }, "brand should be a string" },
            { { additional_image_link = list { { name = "back", link = "https://shop.example.com/b.jpg" } } } },
            { { additional_image_link = list { { name = "back" } } }, "additional_image_link[1].link is required" },
            { { additional_image_link = "https://shop.example.com/b.jpg" }, "additional_image_link should be a list" },
            { { customfield_ignore_empty_value = false } },
            { { customfield_ignore_empty_value = "no" }, "customfield_ignore_empty_value should be a boolean" },
            { { colour = long, weight = 1.5, size = "", shape = null } },
            { { colour = longer }, "colour is longer than 256 characters" },
            { { colour = true }, "colour should be a text or a number" },
            { { colour = list { "red" } }, "colour should be a text or a number" },
        }
        each(cases, "products", import)

        it("takes a site, which may be null", function()
            judge(nil, import({}, { site = "main" }))
            judge(nil, import({}, { site = null }))
            judge("site should be a string", import({}, { site = 5 }))
        end)

        it("answers with a status, and stores what was sent", function()
            assert.equal('{"SUCCESS":true,"PAYLOAD":{"status":"OK"}}', import({ colour = "red" }).text)
            import { colour = NONE, price = "899" }
            assert.same(with(base, { colour = "red", price = "899", imports = 2 }), omni:snapshot "product:P1")
            assert.equal(1, #omni:snapshot "products")
        end)

        it("skips empty values, or clears with them", function()
            import { colour = "red", size = "L" }
            import { colour = "", size = null }
            assert.equal("red", omni:snapshot "product:P1".colour)
            import { colour = "", size = null, customfield_ignore_empty_value = true }
            assert.equal("L", omni:snapshot "product:P1".size)
            import { colour = "", size = null, customfield_ignore_empty_value = false }
            assert.same(with(base, { imports = 4 }), omni:snapshot "product:P1")
        end)

        it("finds a product by its default id and keeps those of other systems", function()
            import { id = { default = "P1", CRM = "C1" } }
            import { id = "P1", price = "1" }
            import { id = { default = "P1", ERP = "E1" } }
            assert.same({ default = "P1", CRM = "C1", ERP = "E1" }, omni:snapshot "product:P1".id)
            assert.equal(3, omni:snapshot "product:CRM:C1".imports)
        end)

        it("finds a product by another system's id when there is no default", function()
            import { id = { default = "P1", CRM = "C1" } }
            import { id = { CRM = "C1" }, price = "5" }
            assert.equal("5", omni:snapshot "product:P1".price)
            import { id = { CRM = "C2" } }
            assert.equal(2, omni:snapshot "counts".products)
            import { id = { default = "P2", CRM = "C2" } }
            assert.same({ default = "P2", CRM = "C2" }, omni:snapshot "product:P2".id)
            assert.equal(2, omni:snapshot "counts".products)
            import { id = { default = "P3", CRM = "C1" } }
            assert.equal(3, omni:snapshot "counts".products)
            assert.equal("5", omni:snapshot "product:P1".price)
        end)
    end)

    --- Cases of two date-times that go together.
    local function spans(from, to)
        local day, noon = "2026-01-01T00:00:00+08:00", "2026-01-01T12:00:00+08:00"
        return {
            { { [from] = day, [to] = noon } },
            { { [from] = noon, [to] = day }, ("%s should be later than %s"):format(to, from) },
            { { [from] = day, [to] = day }, ("%s should be later than %s"):format(to, from) },
            { { [from] = noon, [to] = "2026-01-01T04:00:01Z" } },
            { { [from] = day }, ("%s and %s go together"):format(from, to) },
            { { [to] = day }, ("%s and %s go together"):format(from, to) },
            { { [from] = "2026-01-01T00:00:00", [to] = noon }, from .. " needs a time zone" },
            { { [from] = day, [to] = "2026-01-02" }, to .. " should be an ISO 8601 date-time" },
        }
    end

    describe("import_event_registration_data", function()
        local base = {
            event_id = "E1", member_sn = "M1", event_name = "Opening",
            registration_datetime = "2026-01-01T09:00:00+08:00",
        }
        local function import(changes, options)
            return omni:import("import_event_registration_data", with(base, changes), options)
        end

        requires_inputs(import)
        each(spans("event_start_datetime", "event_end_datetime"), "registrations", import)

        local cases = {
            {}, { { event_id = NONE }, "event_id is required" }, { { member_sn = "" }, "member_sn is required" },
            { { event_name = null }, "event_name is required" }, { { event_id = 5 }, "event_id should be a string" },
            { { registration_datetime = NONE }, "registration_datetime is required" },
            { { registration_datetime = "2026-01-01T09:00:00" }, "registration_datetime needs a time zone" },
            { { registration_datetime = "2026-01-01T09:00:00+0800" } },
            { { registration_datetime = "2026-01-01" }, "registration_datetime should be an ISO 8601 date-time" },
            { { purchase_datetime = "2026-01-01T09:00:00Z" } },
            { { purchase_datetime = "2026-01-01T09:00:00" }, "purchase_datetime needs a time zone" },
            { { products = { default = list { "G1", "G2" }, sku = list { "S1", "S2" } } } },
            { { products = { sku = list { "S1" } } } },
            { { products = { default = list { "G1", "G2" }, sku = list { "S1" } } },
                "products.default and products.sku are not equally long" },
            { { products = { default = "G1" } }, "products.default should be a list" },
            { { products = { default = list { 5 } } }, "products.default[1] should be a string" },
            { { products = { CRM = list { "C1" } } }, "products has default and sku, no CRM" },
            { { products = json.object {} }, "products needs default or sku" },
            { { products = list { "G1" } }, "products should be an object" },
            { { is_available = false, purchase_source = "s", purchase_city = "c", delivery_address = "a" } },
            { { is_available = "false" }, "is_available should be a boolean" },
            { { purchase_city = 5 }, "purchase_city should be a string" },
        }
        each(cases, "registrations", import)

        it("keeps one for an event and a member", function()
            assert.equal(OK, import({ purchase_city = "Taipei" }).text)
            import { event_name = "Grand opening" }
            import { member_sn = "M2" }
            import { event_id = "E2" }
            assert.same(with(base, { event_name = "Grand opening", purchase_city = "Taipei", imports = 2 }),
                omni:snapshot "registration:E1:M1")
            assert.equal(3, #omni:snapshot "registrations")
        end)
    end)

    describe("import_product_guarantee_data", function()
        local base = {
            warranty_id = "W1", member_sn = "M1", product = { default = "G1", sku = "S1" },
            registration_datetime = "2026-01-02T09:00:00+08:00", purchase_datetime = "2026-01-01T09:00:00+08:00",
        }
        local function import(changes, options)
            return omni:import("import_product_guarantee_data", with(base, changes), options)
        end

        requires_inputs(import)
        each(spans("warranty_start_datetime", "warranty_end_datetime"), "guarantees", import)

        local cases = {
            {}, { { warranty_id = NONE }, "warranty_id is required" },
            { { member_sn = NONE }, "member_sn is required" },
            { { product = NONE }, "product is required" }, { { product = { sku = "S1" } } },
            { { product = NONE, products = { sku = "S1" } } },
            { { product = { default = list { "G1" } } }, "product.default should be a string" },
            { { product = { default = "" } }, "product needs default or sku" },
            { { product = "G1" }, "product should be an object" },
            { { product = { id = "G1" } }, "product has default and sku, no id" },
            { { registration_datetime = NONE }, "registration_datetime is required" },
            { { purchase_datetime = NONE }, "purchase_datetime is required" },
            { { purchase_datetime = "2026-01-01T09:00:00" }, "purchase_datetime needs a time zone" },
            { { registration_datetime = "2026-01-01T09:00:00" }, "registration_datetime needs a time zone" },
            { { product_quantity = 2, is_available = true, purchase_receipt = "https://shop.example.com/r/1" } },
            { { product_quantity = "2" }, "product_quantity should be an integer" },
            { { is_available = 1 }, "is_available should be a boolean" },
            { { warranty_name = 5 }, "warranty_name should be a string" },
        }
        each(cases, "guarantees", import)

        it("keeps one by its id", function()
            assert.equal(OK, import({ purchase_city = "Taipei" }).text)
            import { product_quantity = 2 }
            assert.same(with(base, { product_quantity = 2, purchase_city = "Taipei", imports = 2 }),
                omni:snapshot "guarantee:W1")
            import { warranty_id = "W2" }
            assert.equal(2, #omni:snapshot "guarantees")
        end)
    end)
end)
