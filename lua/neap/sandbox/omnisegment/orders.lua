--- Orders of the OmniSegment simulator, one and many.
--
-- A single import is judged in two steps, as the vendor does it. The request comes first: key, tenant
-- and `data` are there, `data` is an object, is_anonymous, identifier_field and debug_mode have values
-- that exist. What is wrong with that is a 400 in either mode. Everything within `data` is processing:
-- required fields, types, dates, enumerations, lengths, lists that should go together, and whether the
-- order says whose it is. debug_mode 1 reports such a fault; in mode 0, the default, the answer is 200
-- all the same, and the order is not stored but kept in the snapshot "order_errors". A batch has no
-- debug_mode: the first bad row refuses all of it.
--
-- An order of an unknown member is no fault, nor are customer data in an anonymous order: the vendor's
-- pages only say that nobody is looked up then. Members and products are not created by orders.

local check = require "neap.sandbox.omnisegment.check"
local json = require "neap.native.json"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local MAX_ROWS = 50
local TEXT_LIMIT = 256 -- characters of a custom field

local custom = check.custom(TEXT_LIMIT)

local ADDRESS = check.object {
    { "address1", check.text, required = true },
    { "address2", check.text, nullable = true },
    { "city", check.text }, { "company", check.text }, { "country", check.text },
    { "country_code", check.text },
    { "latitude", check.text, nullable = true },
    { "longitude", check.text, nullable = true },
    { "province", check.text }, { "province_code", check.text }, { "zip", check.text },
}

local VOUCHERS = check.list(check.object {
    { "voucher_name", check.text, required = true },
    custom = custom,
})

local system_ids = check.map(check.text)

--- Ids of products: a comma list, or one per system.
local function products(value, name)
    if type(value) == "string" then return nil end
    if not check.is_object(value) then return name .. " should be a string or an object" end
    return system_ids(value, name)
end

local function count_items(text)
    local _, commas = text:gsub(",", "")
    return text == "" and 0 or commas + 1
end

--- The lists of one order are in the same order, so they are equally long. Names may hold commas.
local function lists_fault(row)
    local ids = row.products
    local lists = type(ids) == "table" and ids or { default = ids }
    local count = lists.default and count_items(lists.default)
    for _, system in ipairs(check.sorted_names(lists)) do
        count = count or count_items(lists[system])
        if count_items(lists[system]) ~= count then return "the lists of products are not equally long" end
    end
    if not count or check.is_empty(row.products_quantity) then return nil end
    if count_items(row.products_quantity) ~= count then
        return "products_quantity and products are not equally long"
    end
end

local function quantities(value, name)
    if type(value) ~= "string" then return name .. " should be a string" end
    for item in value:gmatch "[^,]+" do
        if not tonumber(item) then return name .. " should be numbers separated by commas" end
    end
end

local ORDER = check.record {
    { "transaction_id", check.text, required = true },
    { "datetime", check.datetime, required = true },
    { "transaction_revenue", check.number, required = true },
    { "transaction_status", check.enum("SUCCESS", "CANCEL", "REFUND", "FAIL", "SHIPPED", "PAID") },
    { "member_sn", check.text }, { "source_id", check.text }, { "source_system", check.text },
    { "email", check.text }, { "phone", check.text }, { "line_id", check.text },
    { "messenger_psid", check.text },
    { "quantities", check.integer },
    { "products", products }, { "products_name", check.text }, { "products_quantity", quantities },
    { "physical_store_name", check.text }, { "coupon", check.text }, { "source", check.text },
    { "user_agent", check.text },
    { "device", check.enum("PC", "ANDROID", "IPHONE", "IPAD", "MOBILEWEB") },
    { "shipping_address", ADDRESS },
    { "voucher", VOUCHERS },
    custom = custom,
    rules = { lists_fault },
}

local function order_fault(order, name, body)
    local fault = ORDER(order, name)
    if fault or body.is_anonymous then return fault end
    return check.member(order, body.identifier_field)
end

local OPTIONS = check.record {
    { "is_anonymous", check.boolean },
    { "identifier_field", check.identifier_field },
}

local DEBUG_MODES = { ["0"] = 0, ["1"] = 1, [0] = 0, [1] = 1 }

local function request_fault(body)
    if not check.is_object(body.data) then return "data should be an object" end
    local fault = OPTIONS(body, "body")
    if fault then return fault end
    local mode = body.debug_mode
    if mode ~= nil and not DEBUG_MODES[mode] then return "debug_mode should be 0 or 1" end
end

function M.import(sim, _, body)
    local fault = request_fault(body)
    if fault then return reply.refuse(fault) end
    local order = body.data
    fault = order_fault(order, "data", body)
    if not fault then
        sim.orders:put(order.transaction_id, order)
    elseif DEBUG_MODES[body.debug_mode] == 1 then
        return reply.refuse(fault)
    else
        sim.order_errors[#sim.order_errors + 1] = { transaction_id = order.transaction_id, error = fault }
    end
    return reply.ok(json.null)
end

--- Imports up to 50: all of them or, if one is bad, none.
function M.import_batch(sim, _, body)
    local fault = OPTIONS(body, "body") or check.rows(body.data, "data", MAX_ROWS, function(row, name)
        return order_fault(row, name, body)
    end)
    if fault then return reply.refuse(fault) end
    for _, order in ipairs(body.data) do sim.orders:put(order.transaction_id, order) end
    return reply.ok(json.null)
end

return M
