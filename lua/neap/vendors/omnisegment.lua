-- OmniSegment External API (beBit TECH). Common rules: https://github.com/beBit-tech/omnisegment-api-docs
-- wiki, "API Common Specifications"; fields of the endpoints: the wiki's own pages. What the vendor does not
-- state is marked as ours.

-- Fields ---------------------------------------------------------------------------------------

--- Fields with attributes in common; an entry is a name, or a field that adds to them.
local function fields(common, entries)
    local made = {}
    for i, entry in ipairs(entries) do
        local field = {}
        for key, value in pairs(common) do field[key] = value end
        for key, value in pairs(type(entry) == "string" and { entry } or entry) do field[key] = value end
        made[i] = field
    end
    return made
end

--- Required texts; that an empty one is refused is ours.
local function required(kind, entries)
    return fields({ type = kind, required = true, min_length = 1 }, entries)
end

local function join(...)
    local all = {}
    for _, list in ipairs { ... } do table.move(list, 1, #list, #all + 1, all) end
    return all
end

--- The one row of a call.
local function one(shape, doc)
    return fields(shape, { { "data", required = true, doc = doc } })[1]
end

--- The rows of a batch; that it is not empty is ours, but for the blacklist.
local function rows(name, shape, max, doc)
    return { name, type = "list", of = shape, required = true, min = 1, max = max, doc = doc }
end

-- Rules of rows --------------------------------------------------------------------------------

local function given(value)
    return type(value) == "string" and value ~= ""
end

--- Makes a rule of fn(row, path, values, fault), for the row or for all rows under a name.
local function for_rows(name, fn, doc)
    return { doc = doc, check = function(values, fault)
        local data = values[name]
        if data[1] == nil then return fn(data, name, values, fault) end
        for i, row in ipairs(data) do fn(row, ("%s[%d]"):format(name, i), values, fault) end
    end }
end

--- Makes the rule that custom fields, those not declared, are of the types that orders and products have.
local function custom_values(name, object)
    local declared, doc = {}, "a custom field is a text, a number or a date"
    for _, field in ipairs(object.fields) do declared[field[1]] = true end
    return for_rows(name, function(row, path, _, fault)
        for field, value in pairs(row) do
            local is_odd = type(value) == "boolean" or type(value) == "table"
            if is_odd and not declared[field] then fault(("%s.%s"):format(path, field), doc) end
        end
    end, doc)
end

--- Faults a row whose member cannot be found: `by` is the field that finds it, `because` says why.
local function check_member(row, path, by, because, fault)
    if given(row.source_id) and not given(row.source_system) then
        fault(path .. ".source_system", ('required with source_id "%s"'):format(row.source_id))
    end
    if by ~= "member_sn" then
        if not given(row[by]) then fault(path .. "." .. by, "required, " .. because) end
    elseif not given(row.member_sn) and not given(row.source_id) then
        fault(path .. ".member_sn", ("required (or source_id), %s"):format(because))
    end
end

local function merged_member(row, path, values, fault)
    check_member(row, path, values.merge_key, ("merge_key is %s"):format(values.merge_key), fault)
end

local function identified_member(row, path, values, fault)
    if values.is_anonymous then return end
    local by = values.identifier_field
    check_member(row, path, by or "member_sn", by and "identifier_field is " .. by or "identifier_field is absent",
        fault)
end

local MERGED = "the field that merge_key names is given (source_id may stand for member_sn); source_id goes with "
    .. "source_system"
local IDENTIFIED = "the field that identifier_field names is given, without it member_sn or source_id; source_id "
    .. "goes with source_system"

-- Members --------------------------------------------------------------------------------------

--- What clears a field; null does, too, and the vendor takes all three for any type.
local CLEARING = { "", "none" }

--- Types that do not take these words by themselves.
local TYPED = { boolean = true, date = true, datetime = true, decimal = true, enum = true }

--- Optional fields of one type, which the vendor can clear.
local function clearable(kind, entries)
    local made = fields({ type = kind, nullable = true }, entries)
    for _, field in ipairs(made) do
        if TYPED[field.type] then field.also = CLEARING end
    end
    return made
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

local audience = { type = "object", open = true, custom_max_length = 1025, fields = join(
    clearable("id", {
        { "member_sn", doc = "member number; needed unless another merge key or source_id finds the member" },
        { "source_id", doc = "id in another system, mapped before; goes with source_system" },
    }),
    clearable("string", {
        { "source_system", doc = "system of source_id" },
        { "name", doc = "first and last name when absent" }, "first_name", "last_name", "email",
        { "phone", doc = "E.164, like +886912345678" }, "member_level",
        { "sex", type = "enum", values = { "male", "female" } },
        { "birthday", type = "date" },
        { "register_date", type = "datetime", zone_form = "+08:00", date_only = true, unpadded = true,
            doc = "like 2020-06-04T08:30:37+08:00" },
        "register_type", "facebook_id", "google_id", { "line_id", doc = "U and 32 hex digits" },
        "messenger_psid", "crm_pk", { "fcm_token", doc = "one push token" },
    }),
    { { "fcm_tokens", type = "list", of = fcm_token, nullable = true, also = CLEARING } },
    clearable("boolean", {
        { "is_subscriber", doc = "e-mail opt-in" }, "is_subscriber_sms", "is_subscriber_line", "is_subscriber_pn",
        "is_active", { "is_headless_account", doc = "a member without a shop member number" },
    }),
    clearable("string", {
        { "tags", doc = "separated by commas, without blanks" }, { "iso_code", doc = "country code, like TW" },
        { "sites", doc = "separated by commas" }, "city", "country", "province", "zip_code", "address",
    }),
    fields({ type = "list", of = channel, nullable = true, also = CLEARING }, { "email_channels", "line_channels" }),
    fields({ type = "decimal", places = 2, nullable = true, also = CLEARING }, {
        "membership_renewal_diff", "membership_upgrade_diff", "membership_upgrade_oneday_diff", "point_balance",
        "credit_balance",
    }),
    clearable("datetime", { { "membership_expire_at", zone = "required", zone_form = "+08:00" } })
) }

local ignore_empty_value = { "ignore_empty_value", type = "boolean",
    doc = "true: \"\" and null leave the stored value, \"none\" clears it; else all three clear" }
local tag_mode = { "tag_mode", type = "enum", values = { "append", "replace" }, default = "append",
    doc = "replace overwrites the stored tags" }

local function merge_key(...)
    return { "merge_key", type = "enum", default = "member_sn", doc = "the field that finds the member",
        values = { "member_sn", "line_id", "email", "phone", "messenger_psid", ... } }
end

-- Orders and vouchers --------------------------------------------------------------------------

--- How orders and vouchers name their member.
local member = fields({ type = "id" }, {
    { "member_sn", doc = "member number; counts before source_id" },
    { "source_id", doc = "id in another system, mapped before; goes with source_system" },
    { "source_system", type = "string", doc = "system of source_id" },
    { "line_id", doc = "for identifier_field" }, { "phone", doc = "for identifier_field" },
    { "email", doc = "for identifier_field" }, { "messenger_psid", doc = "for identifier_field" },
})

local identifier_field = { "identifier_field", values = { "line_id", "phone", "email", "messenger_psid" },
    doc = "the field that finds the member; member_sn when absent" }
local is_anonymous = { "is_anonymous", type = "boolean", doc = "true: orders without a member, none is looked up" }
local site = { "site", type = "string", nullable = true,
    doc = "name of the site; for organisations with several sites only" }

local shipping_address = join(
    { { "address1", type = "string", required = true } },
    fields({ type = "string", nullable = true }, { "address2", "latitude", "longitude" }),
    fields({ type = "string" }, { "city", "company", "country", "country_code", "province", "province_code", "zip" })
)

local order = { type = "object", open = true, custom_max_length = 256, fields = join(
    member,
    {
        { "datetime", type = "datetime", required = true, zone_form = "+0800",
            doc = "when it was ordered, like 2024-07-15T09:51:23+0800" },
        { "transaction_id", type = "id", required = true, min_length = 1, doc = "number of the order" },
        { "transaction_revenue", type = "number", required = true, doc = "total of the order" },
        { "transaction_status", values = { "SUCCESS", "CANCEL", "REFUND", "FAIL", "SHIPPED", "PAID" },
            doc = "SUCCESS when absent; the order sent again as CANCEL or REFUND cancels it" },
        { "quantities", type = "integer", doc = "number of items in all" },
        { "products", either = { { type = "string" }, { type = "object", of = { type = "string" } } },
            doc = "ids separated by commas; or such a list for each system: {default: ..., CRM: ...}" },
        { "products_name", type = "string",
            doc = "names separated by commas, in the order of products; for those that do not exist yet" },
        { "products_quantity", type = "string", doc = "numbers separated by commas, in the order of products" },
    },
    fields({ type = "string" }, { "physical_store_name", "coupon", "source", "user_agent" }),
    {
        { "device", values = { "PC", "ANDROID", "IPHONE", "IPAD", "MOBILEWEB" } },
        { "shipping_address", type = "object", fields = shipping_address },
        { "voucher", type = "list", doc = "vouchers used",
            of = { type = "object", open = true, fields = required("string", { "voucher_name" }) } },
    }
) }

local function count_items(text)
    local _, commas = text:gsub(",", "")
    return commas + 1
end

--- Names and quantities belong to the products one by one.
local function parallel_lists(row, path, _, fault)
    local systems = type(row.products) == "table" and row.products or { [""] = row.products }
    local names = {}
    for system in pairs(systems) do names[#names + 1] = system end
    table.sort(names)
    for _, list in ipairs { "products_name", "products_quantity" } do
        for _, system in ipairs(names) do
            local products, items = systems[system], row[list]
            if given(products) and given(items) and count_items(products) ~= count_items(items) then
                fault(path .. "." .. list, ('"%s" has %d items, products%s "%s" has %d'):format(items,
                    count_items(items), system == "" and "" or "." .. system, products, count_items(products)))
            end
        end
    end
end

local order_rules = {
    for_rows("data", identified_member, IDENTIFIED .. "; none of them is needed with is_anonymous"),
    for_rows("data", parallel_lists, "products_name and products_quantity have as many items as products"),
    custom_values("data", order),
}

local voucher = { type = "object", fields = join(
    required("id", { { "voucher_id", doc = "number of the voucher" } }),
    member,
    required("string", { { "voucher_type", doc = "name of the voucher, as members see it" } }),
    { { "amount", type = "integer", required = true } },
    fields({ type = "datetime", required = true, zone_form = "+08", date_only = true }, {
        { "valid_from", doc = "like 2024-05-01 or 2024-05-01 12:00:00+08; without a zone that of the organisation" },
        { "valid_util", doc = "the same; the vendor spells the name so" },
    }),
    {
        { "is_redeemed", type = "boolean" }, { "category", type = "string", doc = "like giftvoucher, coupon" },
        { "custom_fields", type = "object", custom_max_length = 128, doc = "the organisation's own fields, by name" },
    }
) }

-- Products -------------------------------------------------------------------------------------

local PRICE = {
    type = "id", pattern = { "^%d+$", "^%d+%.%d+$", "^%d+ %u%u%u$", "^%d+%.%d+ %u%u%u$" },
    pattern_doc = "like 999, 999.50 or 999 TWD: a dot, no commas, an ISO 4217 code",
}

local product = { type = "object", open = true, custom_max_length = 256, fields = join(
    { { "id", required = true, either = { { type = "id", min_length = 1 },
        { type = "object", of = { type = "id", min_length = 1 } } },
        doc = "the product's id; or its id in each system: {default: ..., CRM: ...}" } },
    required("string", { "title" }),
    fields({ type = "url", required = true }, { { "link", doc = "the product's page" } }),
    required("string", { { "availability",
        doc = "in stock, available for order and preorder count as active, anything else as inactive" } }),
    fields({ type = "url", required = true },
        { { "image_link", doc = "JPEG or PNG, 500 x 500 px at least, 8 MB at most" } }),
    fields(PRICE, { { "price", required = true }, "sale_price" }),
    {
        { "sale_price_effective_date", type = "interval", zone = "required", zone_form = "+08:00",
            doc = "until the sale price is removed, when absent" },
        { "brand", type = "string" },
        { "product_type", type = "string", doc = "several separated by >, up to three levels in one separated by /" },
        { "item_group_id", type = "id" },
        { "additional_image_link", type = "list", of = { type = "object", fields = {
            { "name", type = "string" }, { "link", type = "url", required = true },
        } } },
        { "customfield_ignore_empty_value", type = "boolean",
            doc = "true when absent: an empty value leaves the stored one" },
    }
) }

local product_rules = {
    for_rows("data", function(row, path, _, fault)
        if type(row.id) == "table" and next(row.id) == nil then fault(path .. ".id", "an object without an id") end
    end, "data.id as an object holds at least one id"),
    for_rows("data", function(row, path, _, fault)
        for part in (row.product_type or ""):gmatch "[^>]+" do
            local _, slashes = part:gsub("/", "")
            if slashes > 2 then
                fault(path .. ".product_type", ('"%s" has %d levels, at most 3 are allowed'):format(part, slashes + 1))
            end
        end
    end, "data.product_type has at most three levels"),
    custom_values("data", product),
}

--- Dates with time of registrations and warranties.
local ZONED = { type = "datetime", zone = "required", zone_form = "+08:00" }
local PURCHASE = { "purchase_source", "purchase_city" }
local is_available = { "is_available", type = "boolean", doc = "true when absent" }

--- Rules for a span of which both ends are given or none.
local function span(from, to)
    return { both_or_none = { from, to } }, { order = { from, to } }
end

local ids = { type = "list", of = { type = "id", min_length = 1 }, min = 1 }

local registration = { type = "object", fields = join(
    required("id", { "event_id", "member_sn" }), required("string", { "event_name" }),
    fields(ZONED, { { "registration_datetime", required = true } }),
    { { "products", type = "object", doc = "what the event is about; with both lists one names the other's products",
        fields = fields(ids, { { "default", doc = "item_group_id of each" }, { "sku", doc = "sku of each" } }) } },
    fields(ZONED, { "purchase_datetime" }),
    fields({ type = "string" }, join(PURCHASE, { "delivery_address" })), { is_available },
    fields(ZONED, { "event_start_datetime", "event_end_datetime" })
) }

local function event_products(row, path, _, fault)
    local products = row.products
    if not products then return end
    if not products.default and not products.sku then fault(path .. ".products", "default or sku is required") end
    if products.default and products.sku and #products.default ~= #products.sku then
        fault(path .. ".products.sku", ("%d items, products.default has %d: both have one length and order")
            :format(#products.sku, #products.default))
    end
end

local warranty = { type = "object", fields = join(
    required("id", { "warranty_id", "member_sn" }),
    { { "product", type = "object", required = true, doc = "what it is for, one of",
        fields = fields({ type = "id" }, { { "default", doc = "its item_group_id" }, { "sku", doc = "its sku" } }) } },
    fields(ZONED, { { "registration_datetime", required = true }, { "purchase_datetime", required = true } }),
    fields({ type = "string" }, join({ "warranty_name" }, PURCHASE, { { "purchase_receipt", doc = "its URL" } })),
    { { "product_quantity", type = "integer" }, is_available },
    fields(ZONED, { "warranty_start_datetime", "warranty_end_datetime" })
) }

-- Events ---------------------------------------------------------------------------------------

local event_product = {
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

--- The events of the vendor, with their categories and what they need; other names are custom events.
local EVENTS = {
    ClickProduct = { "Ecommerce", products = true }, AddToCart = { "Ecommerce", products = true },
    RemoveFromCart = { "Ecommerce", products = true }, Checkout = { "Ecommerce", products = true },
    Purchase = { "Ecommerce", products = true, transaction = true },
    Refund = { "Ecommerce", products = true, transaction = true },
    CompleteRegistration = { "Ecommerce", "CompleteRegistration" }, Search = { "Search" },
    ViewContent = {}, AddToWishlist = {}, FormFillOut = {}, AppOpen = {}, AppUnsubscribe = {}, Login = {}, Logout = {},
    WebPopupImpression = {}, WebPopupClick = {}, WebPopupInteraction = {}, WebPopupClose = {},
}

--- The event of the vendor that a custom one differs from by case only, as a hint.
local function near_event(action)
    for name in pairs(EVENTS) do
        if name:lower() == action:lower() then return ('did you mean event_action "%s"?'):format(name) end
    end
end

local function check_category(category, action, allowed, fault)
    for _, one_of in ipairs(allowed) do
        if category == one_of then return end
    end
    if not allowed[1] then return end
    local rule = ("for event_action %s it must be %s"):format(action, table.concat(allowed, " or "))
    fault("event_category", category and ('"%s", %s'):format(category, rule) or "required, " .. rule)
end

local function event_needs(values, fault)
    local action = values.event_action
    if values.hit_type ~= "event" then return end
    if not given(action) then return fault("event_action", "required for hit_type event") end
    local event = EVENTS[action]
    local function need(name)
        if values[name] == nil or values[name] == "" then fault(name, "required for event_action " .. action) end
    end
    if not event then
        if not given(values.event_value) then
            fault("event_value", ('required for the custom event "%s"'):format(action), near_event(action))
        end
        return
    end
    check_category(values.event_category, action, event, fault)
    if event.products then need "products" end
    if not event.transaction then return end
    need "transaction_id"
    need "transaction_revenue"
    for i, item in ipairs(values.products or {}) do
        if item.quantity == nil then
            fault(("products[%d].quantity"):format(i), "required for event_action " .. action)
        end
    end
end

-- Reports --------------------------------------------------------------------------------------

local report_dates = fields({ type = "date", required = true },
    { { "start_date", doc = "first day" }, { "end_date", doc = "last day" } })

--- The three operations of a report that is ordered, and later fetched from an address.
local function add_report(endpoints, kind, what, columns, format, options)
    local path, source = ("/api/v1/%s-report/"):format(kind:gsub("_", "-")), "wiki, page of this report"
    endpoints["create_" .. kind .. "_report"] = {
        post = path, auth = "header", tenant = "query", write = "unsafe",
        summary = "Orders a report on " .. what, doc = "Every call orders a new report. " .. columns, source = source,
        job = {
            id = "report_id", get = "get_" .. kind .. "_report", state = "status", done = "SUCCESS", failed = "FAIL",
            url = "report_url", format = format,
        },
        params = join(required("string", { "report_name" }), report_dates, options),
        rules = { { order = { "start_date", "end_date" }, max_days = 31 } },
        returns = "{report_id: integer}; keep it, the list forgets after a day",
        example = { report_name = "spring", start_date = "2026-10-01", end_date = "2026-10-31" },
    }
    endpoints["list_" .. kind .. "_reports"] = {
        get = path, auth = "header", tenant = "query",
        summary = ("Lists the %s reports of the last day"):format((kind:gsub("_", " "))), source = source,
        returns = "list of {report_id, report_name, status}",
        example = {},
    }
    endpoints["get_" .. kind .. "_report"] = {
        get = path .. "{report_id}/", auth = "header", tenant = "query",
        summary = "Asks whether a report is ready", source = source,
        params = { { "report_id", type = "integer", required = true, min = 1 } },
        returns = "{report_name, status, report_url}; status RUNNING, SUCCESS or FAIL, report_url with SUCCESS only",
        example = { report_id = 1 },
    }
end

-- Endpoints ------------------------------------------------------------------------------------

local endpoints = {
    import_audience = {
        post = "/ma_audience/import-audience/", auth = "body", tenant = "body", write = "idempotent",
        key = "data[merge_key] or data.source_system + data.source_id",
        batch = { endpoint = "import_audience_batch", field = "data", list = "data" },
        summary = "Creates or updates one member",
        doc = "The member is looked up by merge_key. A repeat leaves the same state.",
        source = "wiki, page of the audience import; https://devdocs.bebit-tech.com/docs/omnisegment/"
            .. "ma-audience-import-audience-create",
        params = {
            one(audience, "the member; other names are custom fields of the organisation"),
            ignore_empty_value, merge_key "source_id", tag_mode,
        },
        rules = { for_rows("data", merged_member, MERGED) },
        returns = "{status: \"OK\", error_msg: \"\"}",
        example = { data = { member_sn = "M0001", email = "m0001@example.com", tags = "vip,spring" } },
    },
    import_audience_batch = {
        post = "/api/v2/audiences/batch-import/", auth = "body", tenant = "body", write = "idempotent",
        summary = "Creates or updates up to 50 members",
        doc = "What a faulty row does to the others is not documented.",
        source = "wiki, not among the seeds: v2 audience batch import",
        params = {
            rows("data", audience, 50, "members, as the data of import_audience"),
            ignore_empty_value, merge_key(), tag_mode,
            { "custom_fields_identifier_field", type = "object", of = { type = "string" },
                doc = "for custom fields that hold rows: the name of the custom field, and the one of its fields "
                    .. "that finds the row to update" },
        },
        rules = { for_rows("data", merged_member, "in each row " .. MERGED) },
        returns = "null",
        example = { data = {
            { member_sn = "M0001", email = "m0001@example.com" }, { member_sn = "M0002", birthday = "1990-05-17" },
        } },
    },
    blacklist_audience_batch = {
        post = "/api/v2/audiences/batch-import-blacklist/", auth = "body", tenant = "body", write = "idempotent",
        summary = "Puts up to 100 members on the blacklist, or takes them off",
        source = "wiki, not among the seeds: v2 blacklist batch import",
        params = {
            { "search_key", values = { "email", "phone", "line_id", "messenger_psid", "member_sn" }, required = true,
                doc = "the field that finds the members" },
            { "to_be_blacklisted", type = "boolean", required = true, doc = "false takes them off" },
            rows("data", { type = "id", min_length = 1 }, 100, "values of search_key"),
        },
        returns = "null",
        example = { search_key = "member_sn", to_be_blacklisted = true, data = { "M0001", "M0002" } },
    },
    bind_audience_accounts = {
        post = "/api/v2/audiences/oc-sa-bind/", auth = "body", tenant = "body", write = "idempotent",
        summary = "Binds up to 50 members to their accounts",
        doc = "Only members that have a line_id are bound.",
        source = "wiki, not among the seeds: oc-sa-bind",
        params = { rows("data_list", { type = "object", fields = join(required("id", { "member_sn" }), {
            { "account_id", type = "string", required = true, pattern_doc = "a UUID",
                pattern = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$" },
        }) }, 50) },
        returns = "not documented",
        example = { data_list = {
            { member_sn = "M0001", account_id = "3f0c5f0e-7f5b-4c53-9d0a-2b8f3c1d4e5f" },
        } },
    },
    import_purchase_data = {
        post = "/api/import-purchase-data/", auth = "body", tenant = "body", write = "idempotent",
        key = "data.transaction_id",
        -- Without debug_mode the order that spoiled a batch would be lost in silence.
        batch = { endpoint = "import_purchase_data_batch", field = "data", list = "data", alone = { debug_mode = 1 } },
        summary = "Creates or updates one order",
        doc = "Without debug_mode 1 the vendor answers before it looks at the order: what it then refuses is never "
            .. "reported. An order sent again under its transaction_id with another status changes its status.",
        source = "wiki, Import Purchase Data API",
        params = {
            one(order, "the order; other names are custom fields of the organisation"), is_anonymous, identifier_field,
            { "debug_mode", values = { 0, 1 }, also = { "0", "1" },
                doc = "1: processed at once, faults are reported; for test runs. 0 when absent" },
        },
        rules = order_rules,
        returns = "null",
        example = { data = {
            member_sn = "M0001", datetime = "2026-10-15T09:51:23+0800", transaction_id = "T0001",
            transaction_revenue = 1280, transaction_status = "SUCCESS", quantities = 3, products = "P001,P002",
            products_name = "Cup,Plate", products_quantity = "1,2",
        } },
    },
    import_purchase_data_batch = {
        post = "/api/v2/purchase/batch-import/", auth = "body", tenant = "body", write = "idempotent",
        summary = "Creates or updates up to 50 orders",
        doc = "Orders without members and orders of members do not mix. What a faulty row does to the others is not "
            .. "documented.",
        source = "wiki, not among the seeds: Batch Import Purchase Data API",
        params = {
            rows("data", order, 50, "orders, as the data of import_purchase_data"), is_anonymous, identifier_field,
        },
        rules = order_rules,
        returns = "null",
        example = { data = {
            { member_sn = "M0001", datetime = "2026-10-15T09:51:23+0800", transaction_id = "T0001",
                transaction_revenue = 1280, products = "P001,P002" },
            { member_sn = "M0002", datetime = "2026-10-15T10:02:00+0800", transaction_id = "T0002",
                transaction_revenue = 99.5, products = "P003" },
        } },
    },
    import_product = {
        post = "/api/v1/products/import/", auth = "body", tenant = "body", write = "idempotent",
        key = "data.id.default or data.id",
        summary = "Creates or updates one product",
        doc = "The vendor may process it after its answer.",
        source = "wiki, page of the product import",
        params = { one(product, "the product; other names are custom fields of the organisation"), site },
        rules = product_rules,
        returns = "{status: \"OK\"}",
        example = { data = {
            id = "P001", title = "Cup", link = "https://shop.example.com/p/P001", availability = "in stock",
            image_link = "https://shop.example.com/p/P001.jpg", price = "480 TWD", sale_price = "399 TWD",
            sale_price_effective_date = "2026-11-01T00:00:00+08:00/2026-11-30T23:59:59+08:00", brand = "Neap",
            product_type = "kitchen/cups",
        } },
    },
    import_event_registration_data = {
        post = "/api/v1/products/import-event-registration-data/", auth = "body", tenant = "body",
        write = "idempotent", key = "data.event_id + data.member_sn",
        summary = "Creates or updates a member's registration for an event",
        doc = "That an event and a member name one registration is ours: the vendor does not say what does.",
        source = "wiki, page of the event registration import",
        params = { one(registration, "the registration") },
        rules = {
            for_rows("data", event_products, "data.products has default or sku; with both their lengths are equal"),
            span("data.event_start_datetime", "data.event_end_datetime"),
        },
        returns = "null",
        example = { data = {
            event_id = "E001", member_sn = "M0001", event_name = "Pottery class",
            registration_datetime = "2026-10-15T09:51:23+08:00", products = { default = { "G001" }, sku = { "P001" } },
            event_start_datetime = "2026-11-01T14:00:00+08:00", event_end_datetime = "2026-11-01T16:00:00+08:00",
        } },
    },
    import_product_guarantee_data = {
        post = "/api/v1/products/import-product-guarantee-data/", auth = "body", tenant = "body",
        write = "idempotent", key = "data.warranty_id",
        summary = "Creates or updates a member's warranty of a product",
        doc = "The vendor may process it after its answer.",
        source = "wiki, page of the product guarantee import",
        params = { one(warranty, "the warranty") },
        rules = {
            { any_of = { "data.product.default", "data.product.sku" } },
            span("data.warranty_start_datetime", "data.warranty_end_datetime"),
        },
        returns = "null",
        example = { data = {
            warranty_id = "W001", member_sn = "M0001", product = { sku = "P001" },
            registration_datetime = "2026-10-15T09:51:23+08:00", purchase_datetime = "2026-10-14T18:30:00+08:00",
            warranty_start_datetime = "2026-10-15T00:00:00+08:00",
            warranty_end_datetime = "2028-10-15T00:00:00+08:00",
        } },
    },
    import_gift_voucher = {
        post = "/api/import-gift-voucher/", auth = "body", tenant = "body", write = "idempotent",
        key = "data.voucher_id",
        batch = { endpoint = "import_gift_voucher_batch", field = "data", list = "data_list" },
        summary = "Creates or updates one voucher, or up to 100",
        doc = "An unknown member is created as a headless one. Balances of points and credit are fields of "
            .. "import_audience.",
        source = "wiki, page of the voucher import; https://devdocs.bebit-tech.com/docs/omnisegment/"
            .. "api-import-gift-voucher-create",
        params = {
            { "data", required = true, either = { voucher, { type = "list", of = voucher, min = 1, max = 100 } },
                doc = "a voucher, or a list of vouchers" },
            site, identifier_field,
        },
        rules = { for_rows("data", identified_member, IDENTIFIED) },
        returns = "null",
        example = { data = {
            voucher_id = "V0001", member_sn = "M0001", voucher_type = "Birthday voucher", amount = 100,
            valid_from = "2026-11-01", valid_util = "2026-12-31 23:59:59+08", category = "giftvoucher",
        } },
    },
    import_gift_voucher_batch = {
        post = "/api/v2/voucher/batch-import/", auth = "body", tenant = "body", write = "idempotent",
        summary = "Creates or updates up to 100 vouchers",
        source = "wiki, not among the seeds: v2 voucher batch import",
        params = {
            rows("data_list", voucher, 100, "vouchers, as the data of import_gift_voucher"), site, identifier_field,
        },
        rules = { for_rows("data_list", identified_member, IDENTIFIED) },
        returns = "not documented",
        example = { data_list = {
            { voucher_id = "V0001", member_sn = "M0001", voucher_type = "Birthday voucher", amount = 100,
                valid_from = "2026-11-01", valid_util = "2026-12-31" },
        } },
    },
    show_market_report = {
        post = "/omnidata/show-market-report/", auth = "body", tenant = "body", write = "read",
        summary = "Counts the messages of a span of days, and their fees",
        source = "wiki, page of the market report",
        params = { { "data", type = "object", required = true, doc = "the days, the last one included",
            fields = fields({ type = "date", unpadded = true, required = true }, { "start_date", "end_date" }) } },
        rules = { { order = { "data.start_date", "data.end_date" } } },
        returns = "{email, sms, line, crescendo_line, pn: each {total_send, total_fee}; monthly_fee}",
        example = { data = { start_date = "2026-10-01", end_date = "2026-10-31" } },
    },
    track_event = {
        post = "/api/v1/beacon/track-event/", auth = "header", tenant = "body", write = "unsafe",
        summary = "Sends one event of a visitor",
        doc = "A repeat counts twice. The event's time is that of its arrival.",
        source = "wiki, pages of event tracking",
        params = join({
            { "client_id", type = "string", required = true, min_length = 1, doc = "id of the device or browser" },
            { "hit_type", type = "enum", values = { "pageview", "event" }, required = true },
            { "data_source", type = "enum", values = { "web", "app", "WEB", "APP" }, default = "web" },
            { "version", type = "string", default = "2.0.4", doc = "version of the event format" },
            { "uid", type = "id", doc = "member number, once the visitor is logged in" },
            { "event_action", type = "string", doc = "AddToCart, Purchase, Search, ... or a registered custom event" },
            { "event_category", type = "string", doc = "Ecommerce for events with products, Search for Search" },
            { "event_label", type = "json_text", doc = "for Search and CompleteRegistration" },
            { "event_value", type = "string",
                doc = "for custom events: text, or JSON text, which custom events with parameters made since March "
                    .. "2026 need" },
            { "products", type = "list", of = event_product, max = 30 },
            { "transaction_id", type = "id" }, { "transaction_revenue", type = "integer" },
            { "transaction_tax", type = "integer" }, { "transaction_shipping", type = "integer" },
        }, fields({ type = "string" }, {
            "transaction_couponcode", { "currency_code", doc = "like TWD" },
            { "document_location", doc = "URL of the page, with its query" }, "document_title", "app_id",
            "app_version", "app_name",
        })),
        rules = { { check = event_needs, doc = "an event needs event_action; a custom one event_value; ClickProduct, "
            .. "AddToCart, RemoveFromCart, Checkout, Purchase and Refund need event_category Ecommerce and products; "
            .. "Purchase and Refund transaction_id, transaction_revenue and the quantity of each product, too; Search "
            .. "event_category Search, CompleteRegistration Ecommerce or CompleteRegistration" } },
        returns = "null",
        example = { client_id = "d-1", hit_type = "event", event_action = "Purchase", event_category = "Ecommerce",
            transaction_id = "T0001", transaction_revenue = 480, currency_code = "TWD",
            products = { { id = "P001", name = "Cup", price = 480, quantity = "1" } } },
    },
    create_interactive_audiences_report = {
        post = "/api/v1/audiences/interactive-audiences-report/", auth = "header", tenant = "query", write = "unsafe",
        summary = "Orders a report on who interacted lately",
        doc = "One a day; failures do not count. There is no id: list_interactive_audiences_reports shows it.",
        source = "wiki, not among the seeds: interactive audiences report",
        params = report_dates,
        rules = {
            { order = { "start_date", "end_date" } }, { recent = { "start_date", "end_date" }, max_days = 30 },
        },
        returns = "null",
        example = { start_date = "2026-10-23", end_date = "2026-11-20" },
    },
    list_interactive_audiences_reports = {
        get = "/api/v1/audiences/interactive-audiences-report/", auth = "header", tenant = "query",
        summary = "Lists the audiences reports of the last day",
        source = "wiki, not among the seeds: interactive audiences report",
        returns = "list of {report_name, status, file_url, start_date, end_date}; file_url lives seven days",
        example = {},
    },
}

add_report(endpoints, "interaction", "how members reacted to messages",
    "Sent date and click date must both lie in the span.", "ndjson", {})
add_report(endpoints, "tracking_event", "what visitors did", "Its file is CSV.", "csv", {
    { "include_anonymous_user", type = "boolean", doc = "also visitors who are no members" },
    { "include_event_raw_data", type = "boolean", doc = "adds the column event_raw_data, JSON" },
})

return vendor.define "omnisegment" {
    title = "OmniSegment External API",
    summary = "members, orders, products, vouchers, events and reports of one organisation",
    source = { url = "https://github.com/beBit-tech/omnisegment-api-docs/wiki", read = "2026-11-21" },
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
    endpoints = endpoints,
}
