--- Members of the OmniSegment simulator: what the imports of one and of many check.

local check = require "neap.sandbox.omnisegment.check"
local date = require "neap.lang.date"
local json = require "neap.native.json"
local reply = require "neap.sandbox.omnisegment.reply"

local null = json.null

local M = {}

local MAX_ROWS = 50
local TEXT_LIMIT = 1025 -- characters of a custom field

local STRINGS = check.set [[member_sn source_id source_system name first_name last_name email phone
    member_level sex birthday register_date register_type facebook_id google_id line_id
    messenger_psid crm_pk fcm_token tags iso_code sites city country province zip_code address
    membership_renewal_diff membership_upgrade_diff membership_upgrade_oneday_diff point_balance
    credit_balance membership_expire_at]]
local BOOLEANS = check.set [[is_subscriber is_subscriber_sms is_subscriber_line is_subscriber_pn
    is_active is_headless_account]]

local function decimal(value, name)
    if not value:find "^%-?%d+$" and not value:find "^%-?%d+%.%d%d?$" then
        return name .. " should be a decimal with at most 2 places"
    end
end

--- A date-time; one example of the vendor's still sends "2020-6-4", so a zone cannot be mandatory.
local function register_date(value, name)
    if not date.date(value, { unpadded = true }) then return (check.datetime(value, name)) end
end

local FORMS = {
    sex = check.enum("male", "female"),
    birthday = check.day,
    register_date = register_date,
    membership_expire_at = check.zoned,
    membership_renewal_diff = decimal, membership_upgrade_diff = decimal,
    membership_upgrade_oneday_diff = decimal, point_balance = decimal, credit_balance = decimal,
}

local CHANNELS = check.list(check.object {
    { "name", check.text, required = true },
    { "subscription_status", check.boolean, required = true },
})

local LISTS = {
    fcm_tokens = check.list(check.object {
        { "token", check.text, required = true },
        { "active", check.boolean },
        { "type", check.enum("ios", "android") },
    }),
    email_channels = CHANNELS,
    line_channels = CHANNELS,
}

local MULTI_FIELD = check.list(check.object {})

local single_value = check.custom(TEXT_LIMIT)

local function custom(value, name)
    if type(value) == "table" then return MULTI_FIELD(value, name) end
    if type(value) ~= "boolean" then return single_value(value, name) end
end

--- The fault of one field; nil when it may be stored, or clears what is stored.
local function field_fault(name, value)
    if value == null or value == "" or value == "none" then return nil end
    if STRINGS[name] then
        local form = FORMS[name]
        return check.text(value, name) or form and (form(value, name)) or nil
    end
    if BOOLEANS[name] then return check.boolean(value, name) end
    if LISTS[name] then return LISTS[name](value, name) end
    return custom(value, name)
end

local function identity_fault(data, merge_key)
    if not check.is_empty(data.source_id) and check.is_empty(data.source_system) then
        return "source_system is required with source_id"
    end
    local is_found_by_source = merge_key == "member_sn" and not check.is_empty(data.source_id)
    if check.is_empty(data[merge_key]) and not is_found_by_source then
        return ("%s is required in data"):format(merge_key)
    end
    if data[merge_key] == "none" then return merge_key .. " cannot be cleared" end
end

local function row_fault(data, name, merge_key)
    if not check.is_object(data) then return name .. " should be an object" end
    local fault = identity_fault(data, merge_key or "member_sn")
    if fault then return fault end
    for _, field in ipairs(check.sorted_names(data)) do
        fault = field_fault(field, data[field])
        if fault then return fault end
    end
end

local TAG_MODE = { "tag_mode", check.enum("append", "replace") }
local IGNORE_EMPTY = { "ignore_empty_value", check.boolean }

local ONE_OPTIONS = check.record {
    { "merge_key", check.enum("member_sn", "line_id", "email", "phone", "messenger_psid", "source_id") },
    TAG_MODE, IGNORE_EMPTY,
}
local BATCH_OPTIONS = check.record {
    { "merge_key", check.enum("member_sn", "line_id", "email", "phone", "messenger_psid") },
    TAG_MODE, IGNORE_EMPTY,
    { "custom_fields_identifier_field", check.map(check.text) },
}

local OK = json.object({ status = "OK", error_msg = "" }, { "status", "error_msg" })

function M.import(sim, _, body)
    local fault = ONE_OPTIONS(body, "body") or row_fault(body.data, "data", body.merge_key)
    if fault then return reply.refuse(fault) end
    sim.members:upsert(body.data, {
        merge_key = body.merge_key, tag_mode = body.tag_mode, ignore_empty_value = body.ignore_empty_value,
    })
    return reply.ok(OK)
end

--- Do the rows of a multi-field custom field hold the sub-field that they are found by?
local function identifier_fault(data, identifiers)
    for name, sub_field in pairs(identifiers or {}) do
        for _, item in ipairs(json.is_array(data[name]) and data[name] or {}) do
            if check.is_empty(item[sub_field]) then
                return ("an item of %s lacks %s"):format(name, sub_field)
            end
        end
    end
end

--- Imports up to 50: all of them or, if one is bad, none.
function M.import_batch(sim, _, body)
    local fault = BATCH_OPTIONS(body, "body") or check.rows(body.data, "data", MAX_ROWS, function(row, name)
        return row_fault(row, name, body.merge_key)
            or identifier_fault(row, body.custom_fields_identifier_field)
    end)
    if fault then return reply.refuse(fault) end
    for _, row in ipairs(body.data) do sim.members:upsert(row, body) end
    return reply.ok(null)
end

return M
