--- Orders in the OmniSegment simulator: what is a fault of the request and what one of processing, what
-- an order that is sent again changes.

local support = require "spec.sandbox.omnisegment_support"
local json = require "neap.native.json"

local null = json.null
local judge, NONE, rows, with = support.judge, support.NONE, support.rows, support.with
local OK = '{"SUCCESS":true,"PAYLOAD":null}'

describe("in the OmniSegment simulator", function()
    local omni

    before_each(function() omni = support.new() end)

    local function order(changes)
        return with({
            member_sn = "M1", datetime = "2024-07-15T09:51:23+0800", transaction_id = "T1",
            transaction_revenue = 1580,
        }, changes)
    end

    local function import(changes, options)
        return omni:import("import_purchase_data", order(changes), { debug_mode = "1" }, options)
    end

    local function silent(changes, mode)
        return omni:import("import_purchase_data", order(changes), { debug_mode = mode })
    end

    describe("import_purchase_data", function()
        local MISSING = "Missing Input Error: Request must include api_key, tid and data_content."

        for _, name in ipairs { "api_key", "tid", "data" } do
            it(("requires %s, in any mode"):format(name), function()
                for _, mode in ipairs { 0, 1 } do
                    local res = import(nil, { [name] = NONE, debug_mode = mode })
                    support.check({ 400, MISSING }, res)
                    assert.equal('{"SUCCESS":false,"ERR_MSG":"' .. MISSING .. '","ERR_MSG_KEY":null,'
                        .. '"EXTRA_INFO":null,"INTP_KEY":{},"INTP_VALUE":{}}', res.text)
                end
            end)
        end

        local long, longer = ("\u{4e2d}"):rep(256), ("\u{4e2d}"):rep(257)
        local list = json.array
        local STATUS = "transaction_status should be one of SUCCESS, CANCEL, REFUND, FAIL, SHIPPED, PAID"
        local UNEQUAL = "products_quantity and products are not equally long"
        -- changes of data, message (none: accepted)
        local cases = {
            {}, { { transaction_id = NONE }, "transaction_id is required" },
            { { transaction_id = "" }, "transaction_id is required" },
            { { transaction_id = 17 }, "transaction_id should be a string" },
            { { datetime = NONE }, "datetime is required" },
            { { datetime = null }, "datetime is required" },
            { { datetime = "2024-07-15T09:51:23+08:00" } }, { { datetime = "2024-07-15T01:51:23.5Z" } },
            { { datetime = "2024-07-15T09:51:23" } },
            { { datetime = "2024-07-15" }, "datetime should be an ISO 8601 date-time" },
            { { datetime = "2024-07-15 09:51:23+0800" }, "datetime should be an ISO 8601 date-time" },
            { { datetime = "2024-02-30T09:51:23+0800" }, "datetime should be an ISO 8601 date-time" },
            { { datetime = 1721008283 }, "datetime should be an ISO 8601 date-time" },
            { { transaction_revenue = NONE }, "transaction_revenue is required" },
            { { transaction_revenue = 15.5 } }, { { transaction_revenue = 0 } },
            { { transaction_revenue = "1580" }, "transaction_revenue should be a number" },
            { { transaction_status = "REFUND" } }, { { transaction_status = "PAID" } },
            { { transaction_status = "refund" }, STATUS }, { { transaction_status = null }, STATUS },
            { { quantities = 3 } }, { { quantities = 2.5 }, "quantities should be an integer" },
            { { quantities = "3" }, "quantities should be an integer" },
            { { products = "P001,P002", products_name = "Cup,Pot", products_quantity = "1,2" } },
            { { products = "P001,P002", products_quantity = "1" }, UNEQUAL },
            { { products = "P001", products_quantity = "1,2" }, UNEQUAL },
            { { products = "P001", products_quantity = "two" },
                "products_quantity should be numbers separated by commas" },
            { { products = "P001", products_quantity = 2 }, "products_quantity should be a string" },
            { { products = { default = "P001,P002", CRM = "C1,C2" }, products_quantity = "1,2" } },
            { { products = { CRM = "C1" } } },
            { { products = { default = "P001,P002", CRM = "C1" } }, "the lists of products are not equally long" },
            { { products = { CRM = "C1" }, products_quantity = "1,2" }, UNEQUAL },
            { { products = { CRM = 5 } }, "products.CRM should be a string" },
            { { products = list { "P001" } }, "products should be a string or an object" },
            { { products_name = list { "Cup" } }, "products_name should be a string" },
            { { device = "IPHONE", coupon = "X", source = "s", user_agent = "u", physical_store_name = "n" } },
            { { device = "iPhone" }, "device should be one of PC, ANDROID, IPHONE, IPAD, MOBILEWEB" },
            { { coupon = 5 }, "coupon should be a string" },
            { { shipping_address = { address1 = "1 Road", address2 = null, latitude = null, longitude = null } } },
            { { shipping_address = { city = "Taipei" } }, "shipping_address.address1 is required" },
            { { shipping_address = { address1 = "1 Road", city = null } },
                "shipping_address.city should be a string" },
            { { shipping_address = { address1 = "1 Road", zip = 110 } }, "shipping_address.zip should be a string" },
            { { shipping_address = "1 Road" }, "shipping_address should be an object" },
            { { voucher = list { { voucher_name = "SPRING", level = "gold" } } } },
            { { voucher = list { { level = "gold" } } }, "voucher[1].voucher_name is required" },
            { { voucher = { voucher_name = "SPRING" } }, "voucher should be a list" },
            { { note = long, weight = 1.5, gift = null } },
            { { note = longer }, "note is longer than 256 characters" },
            { { note = true }, "note should be a text or a number" },
            { { member_sn = NONE }, "member_sn or source_id is required" },
            { { member_sn = "" }, "member_sn or source_id is required" },
            { { member_sn = 1 }, "member_sn should be a string" },
            { { member_sn = NONE, source_id = "7", source_system = "CRM" } },
            { { source_id = "7" }, "source_system is required with source_id" },
        }
        for i, case in ipairs(cases) do
            local changes, message = table.unpack(case, 1, 2)
            it(("processes, %d: %s"):format(i, message or "accepts"), function()
                judge(message, import(changes))
                assert.equal(message and 0 or 1, omni:snapshot "counts".orders)
                assert.equal(0, omni:snapshot "counts".order_errors)
            end)
            it(("processes without a word, %d: %s"):format(i, message or "accepts"), function()
                assert.equal(OK, silent(changes, i % 2 == 0 and 0 or "0").text)
                assert.equal(message and 0 or 1, omni:snapshot "counts".orders)
                assert.equal(message, (omni:snapshot "order_errors"[1] or {}).error)
            end)
        end

        -- changes of data, changes of the body, message
        local members = {
            { { member_sn = NONE }, { is_anonymous = true } },
            { {}, { is_anonymous = true } }, { {}, { is_anonymous = false } },
            { { member_sn = NONE }, { is_anonymous = false }, "member_sn or source_id is required" },
            { { member_sn = NONE, email = "a@example.com" }, { identifier_field = "email" } },
            { { member_sn = NONE, phone = "+886912345678" }, { identifier_field = "phone" } },
            { { line_id = "U1" }, { identifier_field = "line_id" } },
            { { messenger_psid = "1" }, { identifier_field = "messenger_psid" } },
            { {}, { identifier_field = "email" }, "email is required in data" },
            { { email = 5 }, { identifier_field = "email" }, "email should be a string" },
            { { member_sn = NONE }, { is_anonymous = true, identifier_field = "email" } },
        }
        for i, case in ipairs(members) do
            local changes, options, message = table.unpack(case, 1, 3)
            it(("finds the member, %d: %s"):format(i, message or "accepts"), function()
                judge(message, import(changes, options))
            end)
        end

        local IDENTIFIERS = "identifier_field should be one of line_id, phone, email, messenger_psid"
        local requests = {
            { { data = json.array { {} } }, "data should be an object" },
            { { data = "x" }, "data should be an object" },
            { { is_anonymous = "true" }, "is_anonymous should be a boolean" },
            { { identifier_field = "name" }, IDENTIFIERS }, { { identifier_field = null }, IDENTIFIERS },
            { { debug_mode = 2 }, "debug_mode should be 0 or 1" },
            { { debug_mode = true }, "debug_mode should be 0 or 1" },
        }
        for i, case in ipairs(requests) do
            it(("refuses at once, %d: %s"):format(i, case[2]), function()
                judge(case[2], import({}, with({ debug_mode = 0 }, case[1])))
                assert.equal(0, omni:snapshot "counts".order_errors)
            end)
        end

        it("has a debug mode as text or number, 0 when absent", function()
            for _, mode in ipairs { NONE, 0, "0" } do
                assert.equal(OK, import({ device = "TV" }, { debug_mode = mode }).text)
            end
            for _, mode in ipairs { 1, "1" } do
                assert.equal(400, import({ device = "TV" }, { debug_mode = mode }).status)
                assert.equal(OK, import({}, { debug_mode = mode }).text)
            end
            assert.equal(3, #omni:snapshot "order_errors")
            assert.same({ transaction_id = "T1",
                error = "device should be one of PC, ANDROID, IPHONE, IPAD, MOBILEWEB" },
                omni:snapshot "order_errors"[1])
        end)

        it("stores what was sent, and puts it over what is there", function()
            local address = { address1 = "1 Road", address2 = null }
            import { coupon = "X", shipping_address = address }
            import { transaction_status = "REFUND", coupon = NONE, transaction_revenue = 1000 }
            assert.same(order { coupon = "X", shipping_address = address, transaction_status = "REFUND",
                transaction_revenue = 1000, imports = 2 }, omni:snapshot "order:T1")
            import { transaction_id = "T2" }
            assert.equal(2, #omni:snapshot "orders")
            assert.is_nil(omni:snapshot "order:T3")
            assert.equal(0, omni:snapshot "counts".members)
        end)
    end)

    describe("import_purchase_data_batch", function()
        local function batch(data, changes) return omni:import("import_purchase_data_batch", data, changes) end
        local function orders(count)
            return rows(count, function(i) return order { transaction_id = "T" .. i } end)
        end

        for _, name in ipairs { "api_key", "tid", "data" } do
            it("requires " .. name, function()
                local res = batch(orders(1), { [name] = NONE })
                support.check({ 400, "Missing Input Error: Request should includes tid, api_key and data" }, res)
                assert.equal("Missing Input Error", res.value.ERR_TYPE_KEY)
            end)
        end

        local cases = {
            { orders(1) }, { orders(50) }, { orders(51), nil, "size of batch import exceeds 50" },
            { json.array {}, nil, "data is empty" },
            { order(), nil, "type of data should be list instead of <class 'dict'>" },
            { json.array { order(), order { device = "TV" }, order { quantities = "x" } }, nil,
                "row 2: device should be one of PC, ANDROID, IPHONE, IPAD, MOBILEWEB" },
            { json.array { order { member_sn = NONE } }, nil, "row 1: member_sn or source_id is required" },
            { json.array { order { member_sn = NONE } }, { is_anonymous = true } },
            { json.array { order { phone = "1" } }, { identifier_field = "phone" } },
            { json.array { order() }, { identifier_field = "phone" }, "row 1: phone is required in data" },
            { json.array { order() }, { is_anonymous = 1 }, "is_anonymous should be a boolean" },
        }
        for i, case in ipairs(cases) do
            local data, changes, message = table.unpack(case, 1, 3)
            it(("takes all or none, %d: %s"):format(i, message or "accepts"), function()
                judge(message, batch(data, changes))
                assert.equal(message and 0 or #data, omni:snapshot "counts".orders)
                assert.equal(0, omni:snapshot "counts".order_errors)
            end)
        end

        it("answers without a payload and keeps the order of its rows", function()
            assert.equal(OK, batch(json.array { order(), order { transaction_status = "CANCEL" } }).text)
            assert.equal("CANCEL", omni:snapshot "order:T1".transaction_status)
            assert.equal(2, omni:snapshot "order:T1".imports)
        end)
    end)
end)
