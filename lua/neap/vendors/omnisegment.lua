-- OmniSegment External API (beBit TECH). Common rules: https://github.com/beBit-tech/omnisegment-doc
-- wiki, "API Common Specifications"; fields of the endpoints: the wiki's own pages.

--- What clears a field; null does, too, and the vendor takes all three for any type.
local CLEARING = { "", "none" }

--- Types that do not take these words by themselves.
local TYPED = { boolean = true, date = true, datetime = true, decimal = true, enum = true }

--- Optional fields of one type, which the vendor can clear.
local function optional(type, names)
    local fields = {}
    for _, entry in ipairs(names) do
        local field = { table.unpack(entry) }
        for key, value in pairs(entry) do field[key] = value end
        field.type = field.type or type
        field.nullable = true
        if TYPED[field.type] or field.pattern then field.also = CLEARING end
        fields[#fields + 1] = field
    end
    return fields
end

local function join(...)
    local all = {}
    for _, list in ipairs { ... } do table.move(list, 1, #list, #all + 1, all) end
    return all
end

local channel = {
    type = "object",
    fields = {
        { "name", type = "string", required = true, doc = "name of the channel; an unknown one changes nothing" },
        { "subscription_status", type = "boolean", required = true },
    },
}

local fcm_token = {
    type = "object",
    fields = {
        { "token", type = "string", required = true },
        { "active", type = "boolean", doc = "true when absent" },
        { "type", type = "enum", values = { "ios", "android" } },
    },
}

local audience = join(
    optional("id", {
        { "member_sn", doc = "member number; needed unless another merge key or source_id finds the member" },
        { "source_id", doc = "id in another system, mapped before; goes with source_system" },
    }),
    optional("string", {
        { "source_system", doc = "system of source_id" },
        { "name", doc = "first and last name when absent" }, { "first_name" }, { "last_name" },
        { "email" },
        { "phone", doc = "E.164, like +886912345678" },
        { "member_level" },
        { "sex", type = "enum", values = { "male", "female" } },
        { "birthday", type = "date" },
        { "register_date", type = "datetime", zone = "optional", date_only = true,
            doc = "like 2020-06-04T08:30:37+08:00" },
        { "register_type" }, { "facebook_id" }, { "google_id" }, { "line_id", doc = "U and 32 hex digits" },
        { "messenger_psid" }, { "crm_pk" }, { "fcm_token", doc = "one push token" },
    }),
    { { "fcm_tokens", type = "list", of = fcm_token, nullable = true } },
    optional("boolean", {
        { "is_subscriber", doc = "e-mail opt-in" }, { "is_subscriber_sms" }, { "is_subscriber_line" },
        { "is_subscriber_pn" }, { "is_active" },
        { "is_headless_account", doc = "a member without a shop member number" },
    }),
    optional("string", {
        { "tags", doc = "separated by commas, without blanks" }, { "iso_code", doc = "country code, like TW" },
        { "sites", doc = "separated by commas" }, { "city" }, { "country" }, { "province" }, { "zip_code" },
        { "address" },
    }),
    {
        { "email_channels", type = "list", of = channel, nullable = true },
        { "line_channels", type = "list", of = channel, nullable = true },
    },
    optional("decimal", {
        { "membership_renewal_diff", places = 2 }, { "membership_upgrade_diff", places = 2 },
        { "membership_upgrade_oneday_diff", places = 2 }, { "point_balance", places = 2 },
        { "credit_balance", places = 2 },
    }),
    optional("datetime", { { "membership_expire_at", zone = "required" } })
)

local function source_pair(values)
    local data = values.data
    local function given(value) return type(value) == "string" and value ~= "" end
    if given(data.source_id) and not given(data.source_system) then
        return "data.source_id needs data.source_system as well"
    end
    if not given(data.member_sn) and not given(data.source_id) and values.merge_key == "member_sn" then
        return "data.member_sn or data.source_id is required (merge_key is member_sn)"
    end
    if values.merge_key ~= "member_sn" and not given(data[values.merge_key]) then
        return ("data.%s is required (merge_key is %s)"):format(values.merge_key, values.merge_key)
    end
end

local report_params = {
    { "report_name", type = "string", required = true, min_length = 1 },
    { "start_date", type = "date", required = true },
    { "end_date", type = "date", required = true },
}

local report_span = { { order = { "start_date", "end_date" }, max_days = 31, doc = "at most 31 days" } }

local product = {
    type = "object",
    fields = {
        { "id", type = "id", required = true, doc = "as in the product feed, or the event cannot be matched" },
        { "name", type = "string", required = true },
        { "price", type = "integer" }, { "category", type = "string" },
        { "brand", type = "string", doc = "several separated by commas" },
        { "quantity", type = "id", doc = "text or number" },
        { "variant", type = "json_text" }, { "sku", type = "string" },
    },
}

local E_COMMERCE = { AddToCart = true, RemoveFromCart = true, Checkout = true, Purchase = true, Refund = true,
    ClickProduct = true }

--- What each kind of event needs besides the common fields.
local function event_needs(values)
    local action = values.event_action
    if values.hit_type == "event" and not action then return "event_action is required for hit_type event" end
    if not action or not E_COMMERCE[action] then return nil end
    if not values.products then return ("products is required for %s"):format(action) end
    if values.event_category ~= "Ecommerce" then return ("event_category must be Ecommerce for %s"):format(action) end
    if action ~= "Purchase" and action ~= "Refund" then return nil end
    if not values.transaction_id or not values.transaction_revenue then
        return ("transaction_id and transaction_revenue are required for %s"):format(action)
    end
    for i, item in ipairs(values.products) do
        if item.quantity == nil then return ("products[%d].quantity is required for %s"):format(i, action) end
    end
end

local report_payload = "{report_name, status, report_url}; status RUNNING, SUCCESS or FAIL, "
    .. "report_url with SUCCESS only"

return vendor.define "omnisegment" {
    title = "OmniSegment External API",
    summary = "members, orders, products, vouchers, events and reports of one organisation",
    source = { url = "https://github.com/beBit-tech/omnisegment-doc/wiki", read = "2026-11-21" },
    settings = {
        { "environment", type = "enum", values = { "taiwan", "japan", "staging" }, default = "taiwan",
            doc = "which of the vendor's hosts" },
        { "tid", type = "string", required = true, doc = "organisation id, like OA-xxxxxx" },
        { "api_key", type = "secret", required = true, doc = "key of the organisation" },
        { "outage_wait", type = "duration", default = "5m", lax = "below",
            doc = "between sends while the vendor answers 502, 503 or 504" },
        { "custom_fields", type = "string",
            doc = "names of custom fields that look like declared ones, separated by commas" },
    },
    base_url = {
        by = "environment",
        taiwan = "https://api.omnisegment.com",
        japan = "https://jp.api.omnisegment.com",
        staging = "https://staging.omnicloud.tech",
    },
    auth = {
        header = auth.header { name = "X-OmniSegment-Api-Key", secret = "api_key" },
        body = auth.body { field = "api_key", secret = "api_key" },
    },
    tenant = { name = "tid", setting = "tid" },
    limits = { { rate = "10/s", per = "endpoint" } },
    retry = {
        { on = { 429 }, backoff = "exponential", base = "1s", max = "60s", jitter = "equal", retries = 8 },
        { on = { 502, 503, 504 }, backoff = "constant", every = setting "outage_wait", retries = 5, gate = true },
    },
    envelope = envelope.flag { ok = "SUCCESS", payload = "PAYLOAD", message = "ERR_MSG", code = "ERR_TYPE_KEY" },
    endpoints = {
        import_audience = {
            post = "/ma_audience/import-audience/", auth = "body", tenant = "body", write = "idempotent",
            key = "data[merge_key]",
            summary = "Creates or updates one member",
            doc = "The member is looked up by merge_key. A repeat leaves the same state.",
            params = {
                { "data", type = "object", required = true, open = true, fields = audience, custom_max_length = 1025,
                    doc = "the member; other names are custom fields of the organisation" },
                { "ignore_empty_value", type = "boolean",
                    doc = "true: \"\" and null leave the stored value, \"none\" clears it; else all three clear" },
                { "merge_key", type = "enum", default = "member_sn",
                    values = { "member_sn", "line_id", "email", "phone", "messenger_psid", "source_id" } },
                { "tag_mode", type = "enum", values = { "append", "replace" }, default = "append",
                    doc = "replace overwrites the stored tags" },
            },
            rules = {
                { check = source_pair,
                    doc = "data holds the value of merge_key; source_id goes with source_system" },
            },
            returns = "{status: \"OK\", error_msg: \"\"}",
            example = { data = { member_sn = "M0001", email = "m0001@example.com", tags = "vip,spring" } },
        },
        create_interaction_report = {
            post = "/api/v1/interaction-report/", auth = "header", tenant = "query", write = "unsafe",
            summary = "Orders a report on how members reacted to messages",
            doc = "Every call orders a new report. Sent date and click date must both lie in the span.",
            params = report_params, rules = report_span,
            returns = "{report_id: integer}",
            example = { report_name = "spring", start_date = "2026-10-01", end_date = "2026-10-31" },
        },
        list_interaction_reports = {
            get = "/api/v1/interaction-report/", auth = "header", tenant = "query",
            summary = "Lists the reports of the last day",
            returns = "list of {report_id, report_name, status}",
            example = {},
        },
        get_interaction_report = {
            get = "/api/v1/interaction-report/{report_id}/", auth = "header", tenant = "query",
            summary = "Asks whether a report is ready",
            params = { { "report_id", type = "integer", required = true, min = 1 } },
            returns = report_payload,
            example = { report_id = 1 },
        },
        track_event = {
            post = "/api/v1/beacon/track-event/", auth = "header", tenant = "body", write = "unsafe",
            summary = "Sends one event of a visitor",
            doc = "A repeat counts twice. The event's time is that of its arrival.",
            params = {
                { "client_id", type = "string", required = true, min_length = 1, doc = "id of the device or browser" },
                { "hit_type", type = "enum", values = { "pageview", "event" }, required = true },
                { "data_source", type = "enum", values = { "web", "app", "WEB", "APP" }, default = "web" },
                { "version", type = "string", default = "2.0.4", doc = "version of the event format" },
                { "uid", type = "id", doc = "member number, once the visitor is logged in" },
                { "event_action", type = "string",
                    doc = "AddToCart, Purchase, Search, ... or a registered custom event" },
                { "event_category", type = "string", doc = "Ecommerce for events with products" },
                { "event_label", type = "json_text", doc = "for Search and CompleteRegistration" },
                { "event_value", type = "string", doc = "for custom events: text, or JSON text" },
                { "products", type = "list", of = product, max = 30 },
                { "transaction_id", type = "id" }, { "transaction_revenue", type = "integer" },
                { "transaction_tax", type = "integer" }, { "transaction_shipping", type = "integer" },
                { "transaction_couponcode", type = "string" }, { "currency_code", type = "string" },
                { "document_location", type = "string" }, { "document_title", type = "string" },
                { "app_id", type = "string" }, { "app_version", type = "string" }, { "app_name", type = "string" },
            },
            rules = { { check = event_needs, doc = "each kind of event needs its own fields" } },
            returns = "null",
            example = { client_id = "d-1", hit_type = "event", event_action = "FormFillOut", event_value = "step 1" },
        },
    },
}
