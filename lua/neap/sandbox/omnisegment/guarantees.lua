--- Product guarantees of the OmniSegment simulator. The page calls the product `product` in its table
-- and `products` in its prose: either is taken, and kept under the name that was sent.

local check = require "neap.sandbox.omnisegment.check"
local json = require "neap.native.json"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

--- Single texts, unlike those of a registration.
local product = check.product_ids(check.text)

local function has_product(row)
    if row.product == nil and row.products == nil then return "product is required" end
end

local GUARANTEE = check.record {
    { "warranty_id", check.text, required = true },
    { "member_sn", check.text, required = true },
    { "product", product }, { "products", product },
    { "registration_datetime", check.zoned, required = true },
    { "purchase_datetime", check.zoned, required = true },
    { "warranty_name", check.text }, { "purchase_source", check.text }, { "purchase_city", check.text },
    { "purchase_receipt", check.text },
    { "product_quantity", check.integer },
    { "is_available", check.boolean },
    { "warranty_start_datetime", check.zoned }, { "warranty_end_datetime", check.zoned },
    rules = { has_product, check.span("warranty_start_datetime", "warranty_end_datetime") },
}

function M.import(sim, _, body)
    local row = body.data
    local fault = GUARANTEE(row, "data")
    if fault then return reply.refuse(fault) end
    sim.guarantees:put(row.warranty_id, row)
    return reply.ok(json.null)
end

return M
