--- Events in the OmniSegment simulator: what each kind needs, what counts.

local support = require "spec.sandbox.omnisegment_support"
local json = require "neap.native.json"

local with, check = support.with, support.check
local MISSING_EVENT = "Missing required fields: client_id, tid, hit_type"

describe("in the OmniSegment simulator", function()
    local omni

    before_each(function() omni = support.new() end)

    local function event(changes) return omni:event(changes) end

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
        local function action(name, changes)
            return with({ hit_type = "event", event_action = name, event_category = "Ecommerce" }, changes)
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
            { { products = json.array { "P" } }, "products[1] should be an object" },
            { item { id = "(none)" }, "products[1].id is required" },
            { item { name = "(none)" }, "products[1].name is required" },
            { item { price = 10, quantity = 2 } }, { item { quantity = "2" } },
            { item { price = "10" }, "products[1].price should be an integer" },
            { item { quantity = true }, "products[1].quantity should be a string or a number" },
            { item { variant = '{"color":"red"}' } },
            { item { variant = "red" }, "products[1].variant should be JSON text" },
            { item { variant = 5 }, "products[1].variant should be JSON text" }, { item { variant = "false" } },
            { item { category = "c", brand = "a,b", sku = "s" } },
            { item { sku = 5 }, "products[1].sku should be a string" },
            { purchase() }, { purchase { event_action = "Refund" } },
            { purchase { transaction_id = "(none)" }, "transaction_id is required for Purchase" },
            { purchase { transaction_revenue = "(none)" }, "transaction_revenue is required for Purchase" },
            { purchase { products = "(none)" }, "products is required for Purchase" },
            { purchase(item {}), "products[1].quantity is required for Purchase" },
            { purchase { products = json.array {} }, "products is required for Purchase" },
            { purchase { event_category = "(none)" }, "event_category should be Ecommerce for Purchase" },
            { purchase { event_category = "Search" }, "event_category should be Ecommerce for Purchase" },
            { purchase { currency_code = "TWD", transaction_couponcode = "X", transaction_shipping = 5 } },
            { purchase { currency_code = 5 }, "currency_code should be a string" },
            { action("ClickProduct", item {}) }, { action("AddToCart", item {}) },
            { action("RemoveFromCart", item {}) }, { action("Checkout", item {}) },
            { action("Checkout"), "products is required for Checkout" },
            { with(item {}, { hit_type = "event", event_action = "AddToCart" }),
                "event_category should be Ecommerce for AddToCart" },
            { action("Search", { event_category = "Search", event_label = '{"search_string":"x"}' }) },
            { action "Search", "event_category should be Search for Search" },
            { action "CompleteRegistration" },
            { action("CompleteRegistration", { event_category = "CompleteRegistration" }) },
            { action("CompleteRegistration", { event_category = "(none)" }),
                "event_category should be Ecommerce or CompleteRegistration for CompleteRegistration" },
            { { hit_type = "event", event_action = "OurOwn" }, "event_value is required for a custom event" },
            { { hit_type = "event", event_action = "FormFillOut" } },
            { action("ViewContent", { event_category = "ViewContent" }) },
            { action("ViewContent", { event_category = "Content" }), "event_category should be one of ClickFooter, "
                .. "ViewContent, Ecommerce, CompleteRegistration, Sort, Filter, ClickMenu, Search, FormFillOut" },
            { { hit_type = "event", event_action = "WebPopupClose", event_category = "Popup" } },
            { { hit_type = "event", event_action = "AddToCart" }, "products is required for AddToCart" },
        }
        for i, case in ipairs(cases) do
            local changes, message, plain = table.unpack(case, 1, 3)
            it(("%d: %s"):format(i, message or "accepts"), function()
                local text = message and (plain and message or "Input Error: " .. message)
                check(text and { 400, text } or { 200 }, event(changes))
                assert.equal(message and 0 or 1, omni:snapshot "events")
            end)
        end

        it("and counts a repeat twice", function()
            event(purchase())
            event(purchase())
            event()
            assert.equal(3, omni:snapshot "events")
            assert.equal(2, omni:snapshot "event:T1")
        end)
    end)
end)
