--- Routes of the OmniSegment simulator: method and path (the slash at the end belongs to it) -> endpoint,
-- where key and tenant are, which inputs must be there, what it does. The texts for missing inputs are
-- the vendor's where it has one: from the endpoint's page, else from the OpenAPI file in the short body.

local contacts = require "neap.sandbox.omnisegment.contacts"
local events = require "neap.sandbox.omnisegment.events"
local guarantees = require "neap.sandbox.omnisegment.guarantees"
local interactive = require "neap.sandbox.omnisegment.interactive"
local market = require "neap.sandbox.omnisegment.market"
local members = require "neap.sandbox.omnisegment.members"
local orders = require "neap.sandbox.omnisegment.orders"
local products = require "neap.sandbox.omnisegment.products"
local registrations = require "neap.sandbox.omnisegment.registrations"
local reports = require "neap.sandbox.omnisegment.reports"
local vouchers = require "neap.sandbox.omnisegment.vouchers"

local M = {}

local IN_BODY = "Missing Input Error: These values are required in post data : api_key, tid, "

--- An import with key and tenant in the body. `fields` overrides what follows from `data`.
local function import(name, run, fields)
    local route = {
        name = name, run = run, key = "body", tenant = "body",
        missing = IN_BODY .. "data", required = { "api_key", "tid", "data" },
    }
    for field, value in pairs(fields or {}) do route[field] = value end
    return route
end

--- The same, known from the OpenAPI file alone.
local function short_import(name, run)
    return import(name, run, { form = "short" })
end

--- A report's operation: key in the header, tenant in the query.
local function report(name, run, required)
    return {
        name = name, run = run, key = "header", tenant = "query", required = required,
        missing = required and "Missing required fields: " .. table.concat(required, ", "),
    }
end

local REPORT = { "report_name", "start_date", "end_date" }
local SPAN = { "start_date", "end_date" }

local ROUTES = {
    ["POST /ma_audience/import-audience/"] = import("import_audience", members.import),
    ["POST /api/v2/audiences/batch-import/"] = import("import_audience_batch", members.import_batch),
    ["POST /api/import-purchase-data/"] = import("import_purchase_data", orders.import, {
        missing = "Missing Input Error: Request must include api_key, tid and data_content.", form = "untyped",
    }),
    ["POST /api/v2/purchase/batch-import/"] = import("import_purchase_data_batch", orders.import_batch, {
        missing = "Missing Input Error: Request should includes tid, api_key and data",
    }),
    ["POST /api/v1/products/import/"] = short_import("import_product", products.import),
    ["POST /api/v1/products/import-event-registration-data/"] =
        short_import("import_event_registration_data", registrations.import),
    ["POST /api/v1/products/import-product-guarantee-data/"] =
        short_import("import_product_guarantee_data", guarantees.import),
    ["POST /api/import-gift-voucher/"] = short_import("import_gift_voucher", vouchers.import),
    ["POST /api/v2/voucher/batch-import/"] = import("import_gift_voucher_batch", vouchers.import_batch, {
        missing = IN_BODY .. "data_list", required = { "api_key", "tid", "data_list" },
    }),
    ["POST /api/v2/audiences/batch-import-blacklist/"] = import("blacklist_audience_batch", contacts.blacklist, {
        missing = "Missing Input Error: Missing tid, search_key, to_be_blacklisted, data",
        required = { "tid", "search_key", "to_be_blacklisted", "data" },
    }),
    ["POST /api/v2/audiences/oc-sa-bind/"] = import("bind_audience_accounts", contacts.bind, {
        missing = "MissingInputError: tid and data_list are required", required = { "tid", "data_list" },
        no_key = "PermissionDenied: api_key is required",
    }),
    ["POST /omnidata/show-market-report/"] = import("show_market_report", market.show),
    ["POST /api/v1/beacon/track-event/"] = {
        name = "track_event", key = "header", tenant = "body", run = events.track,
        missing = "Missing required fields: client_id, tid, hit_type",
        required = { "client_id", "tid", "hit_type" },
    },
    ["POST /api/v1/interaction-report/"] =
        report("create_interaction_report", reports.interaction.create, REPORT),
    ["GET /api/v1/interaction-report/"] = report("list_interaction_reports", reports.interaction.list),
    ["POST /api/v1/tracking-event-report/"] =
        report("create_tracking_event_report", reports.tracking.create, REPORT),
    ["GET /api/v1/tracking-event-report/"] = report("list_tracking_event_reports", reports.tracking.list),
    ["POST /api/v1/audiences/interactive-audiences-report/"] =
        report("create_interactive_audiences_report", interactive.create, SPAN),
    ["GET /api/v1/audiences/interactive-audiences-report/"] =
        report("list_interactive_audiences_reports", interactive.list),
}

--- By the path up to the parameter, which is a number.
local WITH_ID = {
    ["GET /api/v1/interaction-report/"] = report("get_interaction_report", reports.interaction.get),
    ["GET /api/v1/tracking-event-report/"] = report("get_tracking_event_report", reports.tracking.get),
}

--- Names of all endpoints, sorted.
M.names = {}
for _, routes in ipairs { ROUTES, WITH_ID } do
    for _, route in pairs(routes) do M.names[#M.names + 1] = route.name end
end
table.sort(M.names)

--- Finds the route of a request. -> route, the path that shares its allowance | nil
function M.find(req)
    local route = ROUTES[req.method .. " " .. req.path]
    if route then return route, req.path end
    local group = req.path:match "^(.*/)%d+/$"
    return group and WITH_ID[req.method .. " " .. group], group
end

return M
