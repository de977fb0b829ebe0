--- Events of the OmniSegment simulator: every accepted one counts, a repeat too.
--
-- What an event needs follows from its kind: the kinds of the vendor's tables need their category and
-- fields, a custom event its event_value. Built-in actions without a table (ViewContent, FormFillOut,
-- AddToWishlist) and those that only the vendor's SDK sends need neither. Unknown names pass.

local check = require "neap.sandbox.omnisegment.check"
local json = require "neap.native.json"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local MAX_PRODUCTS = 30

local function json_text(value, name)
    if type(value) ~= "string" or json.decode(value) == nil then return name .. " should be JSON text" end
end

local function quantity(value, name)
    if type(value) ~= "string" and type(value) ~= "number" then
        return name .. " should be a string or a number"
    end
end

local PRODUCT = check.list(check.object {
    { "id", check.text, required = true },
    { "name", check.text, required = true },
    { "price", check.integer },
    { "category", check.text }, { "brand", check.text }, { "sku", check.text },
    { "quantity", quantity },
    { "variant", json_text },
})

local function products(value, name)
    if json.is_array(value) and #value > MAX_PRODUCTS then return name .. " should have at most 30 items" end
    return PRODUCT(value, name)
end

--- `web` or `app`; the vendor's SDK sends upper case.
local function data_source(value, name)
    local source = type(value) == "string" and value:lower()
    if source ~= "web" and source ~= "app" then return name .. " should be web or app" end
end

local PRODUCTS = { "products" }
local TRANSACTION = { "products", "transaction_id", "transaction_revenue" }

local function shop_kind(needs, with_quantity)
    return { needs = needs, categories = { "Ecommerce" }, with_quantity = with_quantity }
end

--- The kinds of events of the vendor's tables, by action.
local KINDS = {
    ClickProduct = shop_kind(PRODUCTS), AddToCart = shop_kind(PRODUCTS),
    RemoveFromCart = shop_kind(PRODUCTS), Checkout = shop_kind(PRODUCTS),
    Purchase = shop_kind(TRANSACTION, true), Refund = shop_kind(TRANSACTION, true),
    CompleteRegistration = { categories = { "Ecommerce", "CompleteRegistration" } },
    Search = { categories = { "Search" } },
}

--- Actions that are built in, but in no table: of the page, and of the SDK alone.
local BUILT_IN = check.set "ViewContent AddToWishlist FormFillOut"
local OF_SDK = check.set [[AppOpen AppUnsubscribe Login Logout WebPopupImpression WebPopupClick
    WebPopupInteraction WebPopupClose]]

local any_category = check.enum("ClickFooter", "ViewContent", "Ecommerce", "CompleteRegistration", "Sort",
    "Filter", "ClickMenu", "Search", "FormFillOut")

local function category_fault(body, categories)
    for _, category in ipairs(categories) do
        if body.event_category == category then return nil end
    end
    return ("event_category should be %s for %s"):format(table.concat(categories, " or "), body.event_action)
end

local function needs_fault(body, kind)
    local action = body.event_action
    for _, name in ipairs(kind.needs or {}) do
        local is_empty_list = name == "products" and body.products and #body.products == 0
        if check.is_empty(body[name]) or is_empty_list then
            return ("%s is required for %s"):format(name, action)
        end
    end
    for i, product in ipairs(kind.with_quantity and body.products or {}) do
        if check.is_empty(product.quantity) then
            return ("products[%d].quantity is required for %s"):format(i, action)
        end
    end
end

local function kind_fault(body)
    if body.hit_type == "pageview" then return nil end
    local action = body.event_action
    if check.is_empty(action) then return "event_action is required" end
    local kind = KINDS[action]
    if kind then return needs_fault(body, kind) or category_fault(body, kind.categories) end
    if OF_SDK[action] then return nil end
    if BUILT_IN[action] then
        return body.event_category and any_category(body.event_category, "event_category")
    end
    if check.is_empty(body.event_value) then return "event_value is required for a custom event" end
end

local function hit_type(value, name)
    if value ~= "pageview" and value ~= "event" then return name .. " should be pageview or event" end
end

local EVENT = check.record {
    { "client_id", check.text },
    { "hit_type", hit_type },
    { "data_source", data_source },
    { "version", check.text }, { "uid", check.text },
    { "event_action", check.text }, { "event_category", check.text },
    { "event_label", json_text }, { "event_value", check.text },
    { "products", products },
    { "transaction_id", check.text }, { "transaction_revenue", check.integer },
    { "transaction_tax", check.integer }, { "transaction_shipping", check.integer },
    { "transaction_couponcode", check.text }, { "currency_code", check.text },
    { "document_location", check.text }, { "document_title", check.text },
    { "app_id", check.text }, { "app_version", check.text }, { "app_name", check.text },
    rules = { kind_fault },
}

function M.track(sim, _, body)
    local fault = EVENT(body, "body")
    if fault then return reply.refuse(fault) end
    sim.event_count = sim.event_count + 1
    local id = body.transaction_id or body.client_id
    sim.event_ids[id] = (sim.event_ids[id] or 0) + 1
    return reply.ok(json.null)
end

return M
