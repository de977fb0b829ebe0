--- OmniSegment: every rule of the vendor refuses a call before it is sent, naming field, value and rule, and lets
-- the nearest right call pass. Facts: the wiki's pages of the endpoints.

require "spec.support.helper"
local definition = require "spec.support.definition"

local clock = require "neap.native.clock"
local null = require "neap.null"

--- Stands for a value to take away.
local NONE = {}

local function copy(value)
    if type(value) ~= "table" then return value end
    local made = {}
    for key, inner in pairs(value) do made[key] = copy(inner) end
    return made
end

--- Gets parameters with other values under dotted names; "data.1.x" is in the first row.
local function with(params, changes)
    local made = copy(params)
    for path, value in pairs(changes) do
        local into, last = made, nil
        for key in path:gmatch "[^.]+" do
            if last ~= nil then
                into[last] = into[last] or {}
                into = into[last]
            end
            last = math.tointeger(tonumber(key)) or key
        end
        if value == NONE then value = nil end
        into[last] = value
    end
    return made
end

local function at(values, path)
    for key in path:gmatch "[^.]+" do
        values = values[math.tointeger(tonumber(key)) or key]
        if values == nil then return nil end
    end
    return values
end

--- So many copies of a value.
local function times(count, value)
    local list = {}
    for i = 1, count do list[i] = copy(value) end
    return list
end

--- A date so many days from today.
local function day(distance)
    return clock.iso(clock.wall_ms() + distance * 86400000):sub(1, 10)
end

local member = { member_sn = "M1" }
local order = {
    member_sn = "M1", datetime = "2026-10-01T10:00:00+0800", transaction_id = "T1", transaction_revenue = 5,
}
local product = {
    id = "P1", title = "Cup", link = "https://a.example/p", availability = "in stock",
    image_link = "https://a.example/p.jpg", price = "999",
}
local registration = {
    event_id = "E1", member_sn = "M1", event_name = "Class", registration_datetime = "2026-10-01T10:00:00+08:00",
}
local warranty = {
    warranty_id = "W1", member_sn = "M1", product = { sku = "S1" },
    registration_datetime = "2026-10-02T10:00:00+08:00", purchase_datetime = "2026-10-01T10:00:00+08:00",
}
local voucher = {
    voucher_id = "V1", member_sn = "M1", voucher_type = "Birthday", amount = 100, valid_from = "2026-10-01",
    valid_util = "2026-12-31",
}
local event = { client_id = "d", hit_type = "event", event_action = "Search", event_category = "Search" }
local account = "3f0c5f0e-7f5b-4c53-9d0a-2b8f3c1d4e5f"

local BASE = {
    import_audience = { data = member }, import_audience_batch = { data = { member, member } },
    blacklist_audience_batch = { search_key = "email", to_be_blacklisted = true, data = { "a@b" } },
    bind_audience_accounts = { data_list = { { member_sn = "M1", account_id = account } } },
    import_purchase_data = { data = order }, import_purchase_data_batch = { data = { order, order } },
    import_product = { data = product }, import_event_registration_data = { data = registration },
    import_product_guarantee_data = { data = warranty }, import_gift_voucher = { data = voucher },
    import_gift_voucher_batch = { data_list = { voucher, voucher } },
    show_market_report = { data = { start_date = "2026-10-01", end_date = "2026-10-31" } },
    track_event = event,
    create_interaction_report = { report_name = "r", start_date = "2026-10-01", end_date = "2026-10-31" },
    create_tracking_event_report = { report_name = "r", start_date = "2026-10-01", end_date = "2026-10-31" },
    create_interactive_audiences_report = { start_date = day(-20), end_date = day(-1) },
    get_interaction_report = { report_id = 1 }, get_tracking_event_report = { report_id = 1 },
    list_interaction_reports = {}, list_tracking_event_reports = {}, list_interactive_audiences_reports = {},
}

local function text(length)
    return ("\u{4e2d}"):rep(length)
end

local long = '"' .. text(20) .. '..."'
local products30 = times(30, { id = "P", name = "N" })
local cart = { event_action = "AddToCart", event_category = "Ecommerce", products = { { id = "P", name = "N" } } }
local purchase = {
    event_action = "Purchase", event_category = "Ecommerce", transaction_id = "T", transaction_revenue = 1,
    products = { { id = "P", name = "N", quantity = 1 } },
}

--- The refusals and acceptances of a pair of ends: both or none, the end later.
local function span(from, to)
    local a, b = "data." .. from, "data." .. to
    local start, same = "2026-11-01T10:00:00+08:00", "2026-11-01T02:00:00Z"
    local later = "2026-11-01T10:00:00.001+08:00"
    return {
        { "both or none", { [a] = start }, ('%s: required with %s "%s": both or none'):format(b, a, start), {} },
        { "both or none", { [b] = start }, ('%s: required with %s "%s": both or none'):format(a, b, start),
            { [a] = start, [b] = later } },
        { "the end is later", { [a] = start, [b] = same },
            ('%s: "%s" is not later than %s "%s"'):format(b, "2026-11-01T02:00:00+00:00", a, start),
            { [a] = start, [b] = "2026-11-01T03:00:00Z" }, sends = { [b] = "2026-11-01T03:00:00+00:00" } },
        { "the end is later", { [a] = later, [b] = start },
            ('%s: "%s" is not later than %s "%s"'):format(b, start, a, later), { [a] = start, [b] = later } },
    }
end

--- Date with time of one field: what is refused and how others are sent.
local function zoned(path)
    local no_zone = '%s: "2026-10-01T10:00:00" has no zone, one such as +08:00 is required'
    return {
        { "a zone", { [path] = "2026-10-01T10:00:00" }, no_zone:format(path), { [path] = "2026-10-01T10:00+0800" },
            sends = { [path] = "2026-10-01T10:00:00+08:00" } },
        { "a date with time", { [path] = "2026-10-01" },
            ('%s: "2026-10-01" is no date with time: expected YYYY-MM-DDThh:mm:ss'):format(path),
            { [path] = "2026-10-01 10:00:00.5Z" }, sends = { [path] = "2026-10-01T10:00:00.5+00:00" } },
    }
end

local function required(path)
    return { "required", { [path] = NONE }, path .. ": required", {} }
end

local function not_empty(path)
    return { "not empty", { [path] = "" }, path .. ": empty", { [path] = "x" } }
end

--- The 31 days of a report.
local function report_span()
    return {
        required "report_name", not_empty "report_name", required "start_date", required "end_date",
        { "31 days", { ["end_date"] = "2026-11-02" },
            'end_date: "2026-11-02" is 32 days after start_date "2026-10-01", at most 31 are allowed',
            { ["end_date"] = "2026-11-01" } },
        { "order", { ["end_date"] = "2026-09-30" }, 'end_date: "2026-09-30" is before start_date "2026-10-01"',
            { ["end_date"] = "2026-10-01" } },
        { "padded dates", { ["start_date"] = "2026-10-1" },
            'start_date: "2026-10-1" is no date: expected YYYY-MM-DD', { ["start_date"] = "2026-10-02" } },
    }
end

--- Gets the rules of a group; what a function made is a list of them.
local function flat(group)
    local rules = {}
    for i = 2, #group do
        local made = type(group[i][1]) == "table" and group[i] or { group[i] }
        table.move(made, 1, #made, #rules + 1, rules)
    end
    return rules
end

--- Each: endpoint, then { rule, changes that are refused, the message, changes that pass, sends = what is sent }.
local RULES = {
    { "import_audience",
        { "member_sn or source_id", { ["data.member_sn"] = NONE },
            "data.member_sn: required (or source_id), merge_key is member_sn",
            { ["data.member_sn"] = NONE, ["data.source_id"] = "1", ["data.source_system"] = "CRM" } },
        { "null and empty are no member", { ["data.member_sn"] = null },
            "data.member_sn: required (or source_id), merge_key is member_sn", { ["data.member_sn"] = 12 },
            sends = { ["data.member_sn"] = "12" } },
        { "source_system", { ["data.source_id"] = "1" }, 'data.source_system: required with source_id "1"',
            { ["data.source_id"] = "1", ["data.source_system"] = "CRM" } },
        { "the field of merge_key", { merge_key = "phone" }, "data.phone: required, merge_key is phone",
            { merge_key = "phone", ["data.phone"] = "+886912345678", ["data.member_sn"] = NONE } },
        { "the values of merge_key", { merge_key = "emial" },
            'merge_key: "emial" is not one of member_sn, line_id, email, phone, messenger_psid, source_id, '
                .. 'did you mean "email"?',
            { merge_key = "source_id", ["data.source_id"] = "1", ["data.source_system"] = "CRM" } },
        { "tag_mode", { tag_mode = "add" }, 'tag_mode: "add" is not one of append, replace', { tag_mode = "replace" } },
        { "ignore_empty_value", { ignore_empty_value = "x" },
            'ignore_empty_value: expected a boolean, got a string ("x")', { ignore_empty_value = true } },
        { "sex", { ["data.sex"] = "f" }, 'data.sex: "f" is not one of male, female', { ["data.sex"] = "female" } },
        { "birthday", { ["data.birthday"] = "2026-02-30" },
            'data.birthday: "2026-02-30" is no date: day 30, but 2026-02 has 28 days', { ["data.birthday"] = "none" } },
        { "birthday is padded", { ["data.birthday"] = "2020-6-4" },
            'data.birthday: "2020-6-4" is no date: expected YYYY-MM-DD', { ["data.birthday"] = "2020-06-04" } },
        { "register_date", { ["data.register_date"] = "2020-13-04" },
            'data.register_date: "2020-13-04" is no date: month 13', { ["data.register_date"] = "2020-6-4" },
            sends = { ["data.register_date"] = "2020-6-4" } },
        { "register_date", { ["data.register_date"] = "2020-06-04T25:00:00" },
            'data.register_date: "2020-06-04T25:00:00" is no date with time: hour 25',
            { ["data.register_date"] = "2020-06-04T08:30:37.235482+0800" },
            sends = { ["data.register_date"] = "2020-06-04T08:30:37.235482+08:00" } },
        zoned "data.membership_expire_at",
        { "at most 2 decimal places", { ["data.credit_balance"] = "1.234" },
            'data.credit_balance: "1.234" has 3 decimal places, at most 2 are allowed',
            { ["data.credit_balance"] = 1.5 }, sends = { ["data.credit_balance"] = "1.5" } },
        { "push tokens", { ["data.fcm_tokens"] = { { type = "ios" } } }, "data.fcm_tokens[1].token: required",
            { ["data.fcm_tokens"] = { { token = "t", type = "android", active = false } } } },
        { "push tokens", { ["data.fcm_tokens"] = { { token = "t", type = "web" } } },
            'data.fcm_tokens[1].type: "web" is not one of ios, android', { ["data.fcm_tokens"] = {} } },
        { "channels", { ["data.line_channels"] = { { name = "n" } } },
            "data.line_channels[1].subscription_status: required",
            { ["data.line_channels"] = { { name = "n", subscription_status = false } } } },
        { "channels", { ["data.email_channels"] = { { subscription_status = true } } },
            "data.email_channels[1].name: required", { ["data.email_channels"] = null } },
        { "custom texts of 1025 characters", { ["data.shoe_width"] = text(1026) },
            ("data.shoe_width: %s has 1026 characters, at most 1025 are allowed"):format(long),
            { ["data.shoe_width"] = text(1025) } },
        { "custom names unlike declared ones", { ["data.emial"] = "x" },
            "data.emial: unknown name, too near to a declared one (the setting custom_fields allows it), "
                .. 'did you mean "email"?', { ["data.pairs_of_shoes"] = { { size = "42" } } } },
    },
    { "import_audience_batch",
        { "at most 50", { data = times(51, member) }, "data: 51 items, at most 50 are allowed",
            { data = times(50, member) } },
        { "at least one", { data = {} }, "data: 0 items, at least 1 are needed", { data = { member } } },
        { "no source_id as merge_key", { merge_key = "source_id" },
            'merge_key: "source_id" is not one of member_sn, line_id, email, phone, messenger_psid',
            { merge_key = "line_id", ["data.1.line_id"] = "U1", ["data.2.line_id"] = "U2" } },
        { "a member in each row", { ["data.2.member_sn"] = NONE },
            "data[2].member_sn: required (or source_id), merge_key is member_sn",
            { ["data.2.member_sn"] = NONE, ["data.2.source_id"] = "1", ["data.2.source_system"] = "CRM" } },
        { "all rows with faults are named", { merge_key = "email" },
            "data[1].email: required, merge_key is email; data[2].email: required, merge_key is email",
            { merge_key = "email", ["data.1.email"] = "a", ["data.2.email"] = "b" } },
        { "the fields of a row", { ["data.2.sex"] = "f" }, 'data[2].sex: "f" is not one of male, female',
            { ["data.2.sex"] = "male" } },
        { "custom_fields_identifier_field", { custom_fields_identifier_field = { shoes = 1 } },
            "custom_fields_identifier_field.shoes: expected a string, got a number (1)",
            { custom_fields_identifier_field = { shoes = "size" } } },
    },
    { "blacklist_audience_batch",
        required "search_key", required "to_be_blacklisted", required "data",
        { "search_key", { search_key = "source_id" },
            'search_key: "source_id" is not one of email, phone, line_id, messenger_psid, member_sn',
            { search_key = "messenger_psid" } },
        { "at least one", { data = {} }, "data: 0 items, at least 1 are needed", { data = { 1 } },
            sends = { ["data.1"] = "1" } },
        { "at most 100", { data = times(101, "a") }, "data: 101 items, at most 100 are allowed",
            { data = times(100, "a") } },
        { "values", { data = { "a", "" } }, "data[2]: empty", { data = { "a", "b" } } },
        { "a list", { data = { a = 1 } }, "data: expected a list of ids, got an object", { data = { "a" } } },
        { "a boolean", { to_be_blacklisted = 1 }, "to_be_blacklisted: expected a boolean, got a number (1)",
            { to_be_blacklisted = false } },
    },
    { "bind_audience_accounts",
        { "at most 50", { data_list = times(51, { member_sn = "1", account_id = account }) },
            "data_list: 51 items, at most 50 are allowed",
            { data_list = times(50, { member_sn = "1", account_id = account }) } },
        { "account_id", { ["data_list.1.account_id"] = NONE }, "data_list[1].account_id: required",
            { ["data_list.1.account_id"] = account:upper() } },
        { "a UUID", { ["data_list.1.account_id"] = "7" }, 'data_list[1].account_id: "7" is not a UUID', {} },
        { "member_sn", { ["data_list.1.member_sn"] = NONE }, "data_list[1].member_sn: required", {} },
    },
    { "import_purchase_data",
        { "member_sn or source_id", { ["data.member_sn"] = NONE },
            "data.member_sn: required (or source_id), identifier_field is absent",
            { ["data.member_sn"] = NONE, is_anonymous = true } },
        { "is_anonymous false", { ["data.member_sn"] = NONE, is_anonymous = false },
            "data.member_sn: required (or source_id), identifier_field is absent",
            { ["data.member_sn"] = NONE, ["data.source_id"] = 7, ["data.source_system"] = "CRM" },
            sends = { ["data.source_id"] = "7" } },
        { "source_system", { ["data.source_id"] = "1" }, 'data.source_system: required with source_id "1"',
            { ["data.source_id"] = "1", ["data.source_system"] = "CRM" } },
        { "the field of identifier_field", { identifier_field = "email" },
            "data.email: required, identifier_field is email",
            { identifier_field = "email", ["data.email"] = "a@b", ["data.member_sn"] = NONE } },
        { "the values of identifier_field", { identifier_field = "member_sn" },
            'identifier_field: "member_sn" is not one of line_id, phone, email, messenger_psid',
            { identifier_field = "phone", ["data.phone"] = "+1" } },
        { "debug_mode", { debug_mode = 2 }, "debug_mode: 2 is not one of 0, 1", { debug_mode = 1 },
            sends = { debug_mode = 1 } },
        { "debug_mode", { debug_mode = "2" }, 'debug_mode: "2" is not one of 0, 1, did you mean "0"?',
            { debug_mode = "0" },
            sends = { debug_mode = "0" } },
        required "data.datetime", required "data.transaction_id", required "data.transaction_revenue",
        not_empty "data.transaction_id",
        { "datetime", { ["data.datetime"] = "2024-07-15" },
            'data.datetime: "2024-07-15" is no date with time: expected YYYY-MM-DDThh:mm:ss',
            { ["data.datetime"] = "2024-07-15T09:51:23+08:00" },
            sends = { ["data.datetime"] = "2024-07-15T09:51:23+0800" } },
        { "datetime", { ["data.datetime"] = "2024-02-30T09:51:23+0800" },
            'data.datetime: "2024-02-30T09:51:23+0800" is no date with time: day 30, but 2024-02 has 29 days',
            { ["data.datetime"] = "2024-02-29T09:51Z" }, sends = { ["data.datetime"] = "2024-02-29T09:51:00+0000" } },
        { "transaction_revenue", { ["data.transaction_revenue"] = "5" },
            'data.transaction_revenue: expected a number, got a string ("5")',
            { ["data.transaction_revenue"] = 5.25 } },
        { "transaction_status", { ["data.transaction_status"] = "success" },
            'data.transaction_status: "success" is not one of SUCCESS, CANCEL, REFUND, FAIL, SHIPPED, PAID, '
                .. 'did you mean "SUCCESS"?', { ["data.transaction_status"] = "SHIPPED" } },
        { "device", { ["data.device"] = "MAC" },
            'data.device: "MAC" is not one of PC, ANDROID, IPHONE, IPAD, MOBILEWEB',
            { ["data.device"] = "MOBILEWEB" } },
        { "quantities", { ["data.quantities"] = 1.5 }, "data.quantities: 1.5 is no integer",
            { ["data.quantities"] = 3 } },
        { "products", { ["data.products"] = { "P1" } },
            "data.products: expected a string or object of strings, got a list",
            { ["data.products"] = { CRM = "P1" } } },
        { "products of each system", { ["data.products"] = { CRM = 1 } },
            "data.products.CRM: expected a string, got a number (1)",
            { ["data.products"] = { default = "P1,P2", CRM = "C1,C2" }, ["data.products_name"] = "Cup,Plate" } },
        { "as many names", { ["data.products"] = "P1,P2", ["data.products_name"] = "Cup" },
            'data.products_name: "Cup" has 1 items, products "P1,P2" has 2',
            { ["data.products"] = "P1,P2", ["data.products_name"] = "Cup,Plate" } },
        { "as many quantities", { ["data.products"] = "P1", ["data.products_quantity"] = "1,2" },
            'data.products_quantity: "1,2" has 2 items, products "P1" has 1',
            { ["data.products"] = "P1", ["data.products_quantity"] = "12" } },
        { "as many names as products of a system",
            { ["data.products"] = { default = "P1,P2", CRM = "C1" }, ["data.products_name"] = "Cup,Plate" },
            'data.products_name: "Cup,Plate" has 2 items, products.CRM "C1" has 1',
            { ["data.products"] = { default = "P1,P2" }, ["data.products_quantity"] = "1,2" } },
        { "address1", { ["data.shipping_address"] = { city = "Taipei" } }, "data.shipping_address.address1: required",

            { ["data.shipping_address"] = {
                address1 = "1 Road", address2 = null, latitude = null, longitude = null,
            } } },
        { "city is text", { ["data.shipping_address"] = { address1 = "1 Road", city = null } },
            "data.shipping_address.city: expected a string, got null",
            { ["data.shipping_address"] = { address1 = "1 Road", latitude = "25.03" } } },
        { "voucher_name", { ["data.voucher"] = { { colour = "red" } } }, "data.voucher[1].voucher_name: required",
            { ["data.voucher"] = { { voucher_name = "Birthday", colour = "red" } } } },
        { "custom texts of 256 characters", { ["data.shoe_width"] = text(257) },
            ("data.shoe_width: %s has 257 characters, at most 256 are allowed"):format(long),
            { ["data.shoe_width"] = text(256) } },
        { "custom names unlike declared ones", { ["data.cupon"] = "x" },
            "data.cupon: unknown name, too near to a declared one (the setting custom_fields allows it), "
                .. 'did you mean "coupon"?', { ["data.shoe_width"] = 42 } },
        { "custom values", { ["data.shoe_width"] = true },
            "data.shoe_width: a custom field is a text, a number or a date", { ["data.shoe_width"] = "2026-10-01" } },
    },
    { "import_purchase_data_batch",
        { "at most 50", { data = times(51, order) }, "data: 51 items, at most 50 are allowed",
            { data = times(50, order) } },
        { "no debug_mode", { debug_mode = 1 },
            "debug_mode: unknown name, known are data, is_anonymous, identifier_field", { is_anonymous = true } },
        { "a member in each row", { ["data.2.member_sn"] = NONE },
            "data[2].member_sn: required (or source_id), identifier_field is absent",
            { ["data.2.member_sn"] = NONE, is_anonymous = true } },
        { "the field of identifier_field", { identifier_field = "phone", ["data.1.phone"] = "+1" },
            "data[2].phone: required, identifier_field is phone",
            { identifier_field = "phone", ["data.1.phone"] = "+1", ["data.2.phone"] = "+2" } },
        { "as many names", { ["data.2.products"] = "P1,P2", ["data.2.products_name"] = "Cup" },
            'data[2].products_name: "Cup" has 1 items, products "P1,P2" has 2', {} },
        { "datetime", { ["data.2.datetime"] = "x" },
            'data[2].datetime: "x" is no date with time: expected YYYY-MM-DDThh:mm:ss',
            { ["data.2.datetime"] = "2026-10-01T10:00:00Z" },
            sends = { ["data.2.datetime"] = "2026-10-01T10:00:00+0000" } },
    },
    { "import_product",
        required "data.id", required "data.title", required "data.link", required "data.availability",
        required "data.image_link", required "data.price", not_empty "data.title",
        { "id", { ["data.id"] = {} }, "data.id: an object without an id", { ["data.id"] = { default = "P1", CRM = 7 } },
            sends = { ["data.id.CRM"] = "7" } },
        { "id", { ["data.id"] = { CRM = true } },
            "data.id.CRM: expected a string or an integer, got a boolean (true)", { ["data.id"] = 12 },
            sends = { ["data.id"] = "12" } },
        { "id", { ["data.id"] = "" }, "data.id: empty", { ["data.id"] = "x" } },
        { "link", { ["data.link"] = "ftp://a.example/p" },
            'data.link: "ftp://a.example/p" is no URL: expected http:// or https:// and a host',
            { ["data.link"] = "http://a.example/p" } },
        { "image_link", { ["data.image_link"] = "p.jpg" },
            'data.image_link: "p.jpg" is no URL: expected http:// or https:// and a host',
            { ["data.image_link"] = "http://a.example/p.png" } },
        { "additional_image_link", { ["data.additional_image_link"] = "https://a.example" },
            'data.additional_image_link: expected a list of objects, got a string ("https://a.example")',
            { ["data.additional_image_link"] = { { name = "back", link = "https://a.example/b.jpg" } } } },
        { "additional_image_link", { ["data.additional_image_link"] = { { name = "back" } } },
            "data.additional_image_link[1].link: required", {} },
        { "availability is an open list", { ["data.availability"] = 1 },
            "data.availability: expected a string, got a number (1)", { ["data.availability"] = "sold out" } },
        { "customfield_ignore_empty_value", { ["data.customfield_ignore_empty_value"] = 1 },
            "data.customfield_ignore_empty_value: expected a boolean, got a number (1)",
            { ["data.customfield_ignore_empty_value"] = false } },
        { "site", { site = 1 }, "site: expected a string, got a number (1)", { site = "main" } },
        { "three levels", { ["data.product_type"] = "a/b/c>d/e/f/g" },
            'data.product_type: "d/e/f/g" has 4 levels, at most 3 are allowed',
            { ["data.product_type"] = "a/b/c>d/e/f>g" } },
        { "the days of the sale price", { ["data.sale_price_effective_date"] = "2026-10-01T00:00:00+08:00" },
            'data.sale_price_effective_date: "2026-10-01T00:00:00+08:00" is no interval: expected start/end',
            { ["data.sale_price_effective_date"] = "2026-10-01T00:00:00+0800/2026-10-02T00:00Z" },
            sends = { ["data.sale_price_effective_date"] = "2026-10-01T00:00:00+08:00/2026-10-02T00:00:00+00:00" } },
        { "the zones of the sale price",
            { ["data.sale_price_effective_date"] = "2026-10-01T00:00:00+08:00/2026-10-02T00:00:00" },
            'data.sale_price_effective_date: "2026-10-02T00:00:00" has no zone, one such as +08:00 is required', {} },
        { "the order of the sale price",
            { ["data.sale_price_effective_date"] = "2026-10-02T00:00:00Z/2026-10-01T00:00:00Z" },
            'data.sale_price_effective_date: "2026-10-02T00:00:00Z/2026-10-01T00:00:00Z" ends before it starts', {} },
        { "custom values", { ["data.shoe_width"] = { 1 } },
            "data.shoe_width: a custom field is a text, a number or a date", { ["data.shoe_width"] = 4.5 } },
        { "custom texts of 256 characters", { ["data.shoe_width"] = text(257) },
            ("data.shoe_width: %s has 257 characters, at most 256 are allowed"):format(long),
            { ["data.shoe_width"] = text(256) } },
    },
    { "import_event_registration_data",
        required "data.event_id", required "data.member_sn", required "data.event_name",
        required "data.registration_datetime", not_empty "data.event_name",
        zoned "data.registration_datetime", zoned "data.purchase_datetime",
        { "a zone", { ["data.event_start_datetime"] = "2026-10-01T10:00:00",
            ["data.event_end_datetime"] = "2026-10-01T12:00:00Z" },
            'data.event_start_datetime: "2026-10-01T10:00:00" has no zone, one such as +08:00 is required', {} },
        { "lists of products", { ["data.products"] = { default = "G1" } },
            'data.products.default: expected a list of ids, got a string ("G1")',
            { ["data.products"] = { default = { "G1" } } } },
        { "one length", { ["data.products"] = { default = { "G1", "G2" }, sku = { "S1" } } },
            "data.products.sku: 1 items, products.default has 2: both have one length and order",
            { ["data.products"] = { default = { "G1", "G2" }, sku = { "S1", "S2" } } } },
        { "some products", { ["data.products"] = {} }, "data.products: default or sku is required",
            { ["data.products"] = { sku = { 7 } } }, sends = { ["data.products.sku.1"] = "7" } },
        { "is_available", { ["data.is_available"] = "yes" },
            'data.is_available: expected a boolean, got a string ("yes")', { ["data.is_available"] = false } },
        { "no custom fields", { ["data.shoe_width"] = 1 },
            "data.shoe_width: unknown name, known are event_id, member_sn, event_name, registration_datetime, "
                .. "products, purchase_datetime, purchase_source, purchase_city, ...",
            { ["data.delivery_address"] = "1 Road" } },
        span("event_start_datetime", "event_end_datetime"),
    },
    { "import_product_guarantee_data",
        required "data.warranty_id", required "data.member_sn", required "data.product",
        required "data.registration_datetime", required "data.purchase_datetime",
        zoned "data.registration_datetime", zoned "data.purchase_datetime",
        { "product", { ["data.product"] = NONE, ["data.products"] = { sku = "S1" } },
            'data.product: required; data.products: unknown name, did you mean "product"?',
            { ["data.product"] = { default = "G1" } } },
        { "single texts", { ["data.product"] = { sku = { "S1" } } },
            "data.product.sku: expected a string or an integer, got a list", { ["data.product"] = { sku = 7 } },
            sends = { ["data.product.sku"] = "7" } },
        { "some product", { ["data.product"] = {} }, "one of data.product.default or data.product.sku is required",
            { ["data.product"] = { default = "G1", sku = "S1" } } },
        { "a zone", { ["data.warranty_start_datetime"] = "2026-10-01T10:00:00Z",
            ["data.warranty_end_datetime"] = "2027-10-01T10:00:00" },
            'data.warranty_end_datetime: "2027-10-01T10:00:00" has no zone, one such as +08:00 is required', {} },
        { "product_quantity", { ["data.product_quantity"] = "1" },
            'data.product_quantity: expected an integer, got a string ("1")', { ["data.product_quantity"] = 1 } },
        span("warranty_start_datetime", "warranty_end_datetime"),
    },
    { "import_gift_voucher",
        required "data.voucher_id", required "data.voucher_type", required "data.amount", required "data.valid_from",
        required "data.valid_util", not_empty "data.voucher_id",
        { "at most 100", { data = times(101, voucher) }, "data: 101 items, at most 100 are allowed",
            { data = times(100, voucher) } },
        { "valid_util is the vendor's spelling", { ["data.valid_until"] = "2026-12-31", ["data.valid_util"] = NONE },
            'data.valid_util: required; data.valid_until: unknown name, did you mean "valid_util"?', {} },
        { "member_sn or source_id", { ["data.member_sn"] = NONE },
            "data.member_sn: required (or source_id), identifier_field is absent",
            { ["data.member_sn"] = NONE, ["data.source_id"] = "1", ["data.source_system"] = "CRM" } },
        { "source_system", { ["data.source_id"] = "1" }, 'data.source_system: required with source_id "1"', {} },
        { "the field of identifier_field", { identifier_field = "line_id" },
            "data.line_id: required, identifier_field is line_id",
            { identifier_field = "line_id", ["data.line_id"] = "U1" } },
        { "identifier_field", { identifier_field = "emial" },
            'identifier_field: "emial" is not one of line_id, phone, email, messenger_psid, did you mean "email"?',
            {} },
        { "amount", { ["data.amount"] = 1.5 }, "data.amount: 1.5 is no integer", { ["data.amount"] = 100.0 },
            sends = { ["data.amount"] = 100 } },
        { "custom fields are nested", { ["data.shoe_width"] = "x" },

            "data.shoe_width: unknown name, known are voucher_id, member_sn, source_id, source_system, line_id, "
                .. "phone, email, messenger_psid, voucher_type, amount, ...",
                { ["data.custom_fields"] = { shoe = "x", size = 42 } } },
        { "custom texts of 128 characters", { ["data.custom_fields"] = { shoe = text(129) } },
            ("data.custom_fields.shoe: %s has 129 characters, at most 128 are allowed"):format(long),
            { ["data.custom_fields"] = { shoe = text(128) } } },
        { "zones without minutes", { ["data.valid_from"] = "2024-05-01 12:00:00+05:30" },
            'data.valid_from: "2024-05-01 12:00:00+05:30" has a zone that cannot be written as +08',
            { ["data.valid_from"] = "2024-05-01 12:00:00+08:00", ["data.valid_util"] = "2024-06-01T12:00Z" },

            sends = { ["data.valid_from"] = "2024-05-01 12:00:00+08",
                ["data.valid_util"] = "2024-06-01T12:00:00+00" } },
        { "each voucher of a list", { data = { voucher, with(voucher, { member_sn = NONE }) } },
            "data[2].member_sn: required (or source_id), identifier_field is absent", { data = { voucher, voucher } } },
    },
    { "import_gift_voucher_batch",
        required "data_list",
        { "at most 100", { data_list = times(101, voucher) }, "data_list: 101 items, at most 100 are allowed",
            { data_list = times(100, voucher) } },
        { "a member in each row", { ["data_list.2.member_sn"] = NONE },
            "data_list[2].member_sn: required (or source_id), identifier_field is absent", {} },
        { "rows are under data_list", { data = { voucher }, data_list = NONE },
            "data_list: required; data: unknown name, known are data_list, site, identifier_field", { site = null } },
    },
    { "show_market_report",
        required "data.start_date", required "data.end_date", required "data",
        { "order", { ["data.start_date"] = "2020-11-2", ["data.end_date"] = "2020-11-1" },
            'data.end_date: "2020-11-1" is before data.start_date "2020-11-2"',
            { ["data.start_date"] = "2020-11-1", ["data.end_date"] = "2020-11-1" },
            sends = { ["data.start_date"] = "2020-11-1" } },
        { "dates", { ["data.end_date"] = "2020-11-31" },
            'data.end_date: "2020-11-31" is no date: day 31, but 2020-11 has 30 days', {} },
    },
    { "track_event",
        required "client_id", required "hit_type", not_empty "client_id",
        { "hit_type", { hit_type = "click" }, 'hit_type: "click" is not one of pageview, event',
            { hit_type = "pageview" } },
        { "event_action", { event_action = NONE }, "event_action: required for hit_type event",
            { event_action = NONE, hit_type = "pageview" } },
        { "data_source", { data_source = "ios" }, 'data_source: "ios" is not one of web, app, WEB, APP',
            { data_source = "APP" } },
        { "a custom event has a value", { event_action = "OurOwn" },
            "event_value: required for the custom event \"OurOwn\"", { event_action = "OurOwn", event_value = "x" } },
        { "the category of Search", { event_category = "Ecommerce" },
            'event_category: "Ecommerce", for event_action Search it must be Search', {} },
        { "the category of CompleteRegistration", { event_action = "CompleteRegistration" },

            'event_category: "Search", for event_action CompleteRegistration it must be Ecommerce or '
                .. "CompleteRegistration",
            { event_action = "CompleteRegistration", event_category = "CompleteRegistration" } },
        { "the category of AddToCart", with(cart, { event_category = NONE }),
            'event_category: "Search", for event_action AddToCart it must be Ecommerce', cart },
        { "some category", { event_category = NONE },
            "event_category: required, for event_action Search it must be Search",
            { event_action = "ViewContent", event_category = NONE } },
        { "the products of AddToCart", with(cart, { products = NONE }), "products: required for event_action AddToCart",
            cart },
        { "the products of ClickProduct", with(cart, { products = NONE, event_action = "ClickProduct" }),
            "products: required for event_action ClickProduct", with(cart, { event_action = "ClickProduct" }) },
        { "the transaction of Purchase", with(purchase, { transaction_id = NONE }),
            "transaction_id: required for event_action Purchase", purchase },
        { "the transaction of Refund", with(purchase, { event_action = "Refund", transaction_revenue = NONE }),
            "transaction_revenue: required for event_action Refund", with(purchase, { event_action = "Refund" }) },
        { "the quantities of Purchase", with(purchase, { ["products.1.quantity"] = NONE }),
            "products[1].quantity: required for event_action Purchase", with(purchase,
            { ["products.1.quantity"] = "2" }),
            sends = { ["products.1.quantity"] = "2" } },
        { "at most 30 products", { products = times(31, { id = "P", name = "N" }) },
            "products: 31 items, at most 30 are allowed", { products = products30 } },
        { "id of a product", { products = { { name = "N" } } }, "products[1].id: required", {} },
        { "name of a product", { products = { { id = "P" } } }, "products[1].name: required", {} },
        { "price of a product", { products = { { id = "P", name = "N", price = 1.5 } } },
            "products[1].price: 1.5 is no integer", { products = { { id = "P", name = "N", price = 2 } } } },
        { "variant is JSON text", { products = { { id = "P", name = "N", variant = "{" } } },
            'products[1].variant: "{" is no JSON: line 1, column 2: the text ends before a key',
            { products = { { id = "P", name = "N", variant = { size = "L" } } } },
            sends = { ["products.1.variant"] = '{"size":"L"}' } },
        { "event_label is JSON text", { event_label = print },
            "event_label: expected a value that JSON can hold, got a function",
            { event_label = { search_string = "cup" } }, sends = { event_label = '{"search_string":"cup"}' } },
        { "transaction_revenue", { transaction_revenue = 1.5 }, "transaction_revenue: 1.5 is no integer",
            { transaction_revenue = 2 } },
    },
    { "create_interaction_report", report_span() },
    { "create_tracking_event_report",
        { "booleans", { include_event_raw_data = "true" },
            'include_event_raw_data: expected a boolean, got a string ("true")',
            { include_event_raw_data = true, include_anonymous_user = false } },
        report_span() },
    { "get_interaction_report", required "report_id",
        { "ids are positive", { report_id = 0 }, "report_id: 0 is below the minimum 1", { report_id = 7 } } },
    { "get_tracking_event_report", required "report_id",
        { "ids are integers", { report_id = "x" }, 'report_id: expected an integer, got a string ("x")',
            { report_id = 7 } } },
    { "list_interaction_reports",
        { "no parameters", { page = 1 }, "page: unknown name, there are no parameters", {} } },
    { "list_tracking_event_reports",
        { "no parameters", { page = 1 }, "page: unknown name, there are no parameters", {} } },
    { "list_interactive_audiences_reports",
        { "no parameters", { page = 1 }, "page: unknown name, there are no parameters", {} } },
    { "create_interactive_audiences_report",
        required "start_date", required "end_date",
        { "the last 30 days", { start_date = day(-40) },
            ('start_date: "%s" is 40 days ago, it must be within the last 30 days'):format(day(-40)),
            { start_date = day(-30) } },
        { "one day for zones", { start_date = day(-32) },
            ('start_date: "%s" is 32 days ago, it must be within the last 30 days'):format(day(-32)),
            { start_date = day(-31) } },
        { "no later than today", { end_date = day(2) },
            ('end_date: "%s" is 2 days ahead, it must be within the last 30 days'):format(day(2)),
            { end_date = day(1) } },
        { "order", { start_date = day(-1), end_date = day(-2) },
            ('end_date: "%s" is before start_date "%s"'):format(day(-2), day(-1)),
            { start_date = day(-1), end_date = day(-1) } },
    },
}

for _, value in ipairs { "999,00", "1,000", "999TWD", "999  TWD", "999 twd", "999 TW", "TWD 999", "-1", "99.", ".5",
    "" } do
    for _, path in ipairs { "data.price", "data.sale_price" } do
        table.insert(RULES, { "import_product", { ("not %q"):format(value), { [path] = value },
            ('%s: "%s" is not like 999, 999.50 or 999 TWD: a dot, no commas, an ISO 4217 code'):format(path, value),
            { [path] = "999.50 TWD" } } })
    end
end
for _, value in ipairs { "999", "999.5", "999 TWD", "0", 999 } do
    table.insert(RULES, { "import_product", { "price", { ["data.price"] = true },
        "data.price: expected a string or an integer, got a boolean (true)", { ["data.price"] = value },
        sends = { ["data.price"] = tostring(value) } } })
end
-- The page lists what is accepted and what is not.
for _, value in ipairs { "2024-05-0112:00:00", "2024-05-0112:00:00+08", "2024-05-01-12:00:00",
    "2024-05-01-12:00:00+08" } do
    table.insert(RULES, { "import_gift_voucher", { value, { ["data.valid_util"] = value },
        ('data.valid_util: "%s" is no date with time: expected YYYY-MM-DDThh:mm:ss'):format(value), {} } })
end
for _, value in ipairs { "2024-05-01", "2024-05-01 12:00:00", "2024-05-01 12:00:00+08", "2024-05-01T12:00:00+08" } do
    table.insert(RULES, { "import_gift_voucher", { value, { ["data.valid_from"] = "2024-05-32" },
        'data.valid_from: "2024-05-32" is no date: day 32, but 2024-05 has 31 days', { ["data.valid_from"] = value },
        sends = { ["data.valid_from"] = value } } })
end
-- Placed by the definition, in body, header and query.
for name in pairs(BASE) do
    for _, setting in ipairs { "tid", "api_key" } do
        table.insert(RULES, { name, { "a setting is no parameter", { [setting] = "x" },
            ("%s: a setting, not a parameter: use --set omnisegment.%s=%s"):format(setting, setting,
                setting == "api_key" and "env:NAME" or "..."), {} } })
    end
end

describe("omnisegment", function()
    local covered = {}
    for _, group in ipairs(RULES) do
        local name = group[1]
        covered[name] = true
        for _, case in ipairs(flat(group)) do
            local rule, bad, message, good, sends = case[1], case[2], case[3], case[4], case.sends
            it(("%s: %s: %s"):format(name, rule, message), function()
                local values, err = definition.validate("omnisegment." .. name, with(BASE[name], bad))
                assert.is_nil(values)
                assert.same({ "invalid", "not_sent", message }, { err.kind, err.outcome, definition.refusal(err) })
                values, err = definition.validate("omnisegment." .. name, with(BASE[name], good))
                assert.is_nil(err and err.message)
                for path, value in pairs(sends or {}) do assert.equal(value, at(values, path)) end
            end)
        end
    end

    it("has rules here for every endpoint", function()
        for _, name in ipairs(definition.clients.omnisegment.model.endpoint_names) do
            assert.is_true(covered[name], name)
        end
    end)

    it("takes a custom field near a declared one that the setting names", function()
        local client = definition.clients.omnisegment
        local params = with(BASE.import_audience, { ["data.emial"] = "a" })
        assert.is_nil(definition.validate("omnisegment.import_audience", params))
        client.checking, client.custom_fields = nil, { emial = true }
        local values = definition.validate("omnisegment.import_audience", params)
        client.checking, client.custom_fields = nil, {}
        assert.equal("a", values.data.emial)
    end)
end)
