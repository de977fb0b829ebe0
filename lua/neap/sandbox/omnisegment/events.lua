--- Events of the OmniSegment simulator: every accepted one counts, a repeat too.

local json = require "neap.native.json"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local MAX_PRODUCTS = 30

local TEXTS = {
    "client_id", "hit_type", "data_source", "version", "uid", "event_action", "event_category",
    "event_label", "event_value", "transaction_id", "transaction_couponcode", "currency_code",
    "document_location", "document_title", "app_id", "app_version", "app_name",
}
local INTEGERS = { "transaction_revenue", "transaction_tax", "transaction_shipping" }

--- Events about products, and what they need besides.
local TRANSACTION = { "products", "transaction_id", "transaction_revenue" }
local NEEDS = {
    ClickProduct = { "products" }, AddToCart = { "products" }, RemoveFromCart = { "products" },
    Checkout = { "products" }, Purchase = TRANSACTION, Refund = TRANSACTION,
}

local function one_product_fault(product, with_quantity)
    if type(product) ~= "table" then return "a product should be an object" end
    if type(product.id) ~= "string" or type(product.name) ~= "string" then
        return "a product needs id and name"
    end
    if product.price ~= nil and math.type(product.price) ~= "integer" then
        return "price should be an integer"
    end
    local quantity = product.quantity
    if quantity ~= nil and type(quantity) ~= "string" and type(quantity) ~= "number" then
        return "quantity should be a string or a number"
    end
    if with_quantity and quantity == nil then return "a product needs quantity" end
    if product.variant ~= nil and not json.decode(tostring(product.variant)) then
        return "variant should be JSON text"
    end
end

local function products_fault(products, with_quantity)
    if not json.is_array(products) then return "products should be a list" end
    if #products > MAX_PRODUCTS then return "products should have at most 30 items" end
    for _, product in ipairs(products) do
        local fault = one_product_fault(product, with_quantity)
        if fault then return fault end
    end
end

local function type_fault(body)
    for _, name in ipairs(TEXTS) do
        if body[name] ~= nil and type(body[name]) ~= "string" then
            return name .. " should be a string"
        end
    end
    for _, name in ipairs(INTEGERS) do
        if body[name] ~= nil and math.type(body[name]) ~= "integer" then
            return name .. " should be an integer"
        end
    end
end

local function kind_fault(body)
    if body.hit_type ~= "pageview" and body.hit_type ~= "event" then
        return "hit_type should be pageview or event"
    end
    if body.hit_type == "pageview" then return nil end
    if not body.event_action then return "event_action is required" end
    for _, name in ipairs(NEEDS[body.event_action] or {}) do
        if body[name] == nil then return ("%s is required for %s"):format(name, body.event_action) end
    end
end

local function fault_of(body)
    local fault = type_fault(body) or kind_fault(body)
    if fault then return fault end
    local source = body.data_source and body.data_source:lower()
    if source and source ~= "web" and source ~= "app" then return "data_source should be web or app" end
    if body.event_label and json.decode(body.event_label) == nil then
        return "event_label should be JSON text"
    end
    if body.products == nil then return nil end
    return products_fault(body.products, NEEDS[body.event_action] == TRANSACTION)
end

function M.track(sim, _, body)
    local fault = fault_of(body)
    if fault then return reply.fail(400, "Input Error: " .. fault) end
    sim.event_count = sim.event_count + 1
    local id = body.transaction_id or body.client_id
    sim.event_ids[id] = (sim.event_ids[id] or 0) + 1
    return reply.ok(json.null)
end

return M
