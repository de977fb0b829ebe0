--- Gift vouchers of the OmniSegment simulator: one or a list (v1), rows of a batch (v2). A voucher of
-- an unknown member creates a headless one.

local check = require "neap.sandbox.omnisegment.check"
local date = require "neap.lang.date"
local json = require "neap.native.json"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local MAX_ROWS = 100
local TEXT_LIMIT = 128 -- characters of a custom field

local FORMS = {
    "^%d%d%d%d%-%d%d%-%d%d[ T]%d%d:%d%d:%d%d$",
    "^%d%d%d%d%-%d%d%-%d%d[ T]%d%d:%d%d:%d%d[+-]%d%d$",
}

--- A day, or a day and a time with or without a zone like +08; the tenant's zone else.
local function moment(value, name)
    local is_good = date.date(value) ~= nil
    for _, form in ipairs(date.datetime(value) and FORMS or {}) do
        is_good = is_good or value:find(form) ~= nil
    end
    if not is_good then return name .. " should be like 2024-05-01, 2024-05-01 12:00:00 or 2024-05-01T12:00:00+08" end
end

local single_value = check.custom(TEXT_LIMIT)

local CUSTOM_FIELDS = check.map(function(value, name)
    if value == json.null or type(value) == "boolean" then return nil end
    return single_value(value, name)
end)

local VOUCHER = check.record {
    { "voucher_id", check.text, required = true },
    { "member_sn", check.text }, { "source_id", check.text }, { "source_system", check.text },
    { "email", check.text }, { "phone", check.text }, { "line_id", check.text },
    { "messenger_psid", check.text },
    { "voucher_type", check.text, required = true },
    { "amount", check.number, required = true }, -- an integer by the page, a number by the OpenAPI file
    { "valid_from", moment, required = true },
    { "valid_util", moment, required = true }, -- the vendor's spelling
    { "is_redeemed", check.boolean },
    { "category", check.text },
    { "custom_fields", CUSTOM_FIELDS },
}

local OPTIONS = check.record {
    { "site", check.text, nullable = true },
    { "identifier_field", check.identifier_field },
}

--- Checks options and rows, stores all or none. -> fault
local function import_rows(sim, body, name, rows)
    local identifier = body.identifier_field
    local fault = OPTIONS(body, "body") or check.rows(rows, name, MAX_ROWS, function(row, label)
        return VOUCHER(row, label) or check.member(row, identifier)
    end)
    if fault then return fault end
    for _, row in ipairs(rows) do
        sim.members:ensure(row, identifier or "member_sn")
        sim.vouchers:put(row.voucher_id, row)
    end
end

local function answer(fault)
    return fault and reply.refuse(fault) or reply.ok(json.null)
end

--- `data` is an object or a list of up to 100.
function M.import(sim, _, body)
    local data = body.data
    if json.is_array(data) then return answer(import_rows(sim, body, "data", data)) end
    if not check.is_object(data) then return answer "data should be an object or a list" end
    local fault = import_rows(sim, body, "data", json.array { data })
    return answer(fault and fault:gsub("^row 1: ", ""))
end

--- The rows are in `data_list`.
function M.import_batch(sim, _, body)
    return answer(import_rows(sim, body, "data_list", body.data_list))
end

return M
