--- Registrations for events of the OmniSegment simulator; one per event and member.

local check = require "neap.sandbox.omnisegment.check"
local json = require "neap.native.json"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local ids = check.product_ids(check.list(check.text))

--- Lists, equally long and in the same order where both are given.
local function products(value, name)
    local fault = ids(value, name)
    if fault then return fault end
    if value.default and value.sku and #value.default ~= #value.sku then
        return ("%s.default and %s.sku are not equally long"):format(name, name)
    end
end

local REGISTRATION = check.record {
    { "event_id", check.text, required = true },
    { "member_sn", check.text, required = true },
    { "event_name", check.text, required = true },
    { "registration_datetime", check.zoned, required = true },
    { "products", products },
    { "purchase_datetime", check.zoned },
    { "purchase_source", check.text }, { "purchase_city", check.text }, { "delivery_address", check.text },
    { "is_available", check.boolean },
    { "event_start_datetime", check.zoned }, { "event_end_datetime", check.zoned },
    rules = { check.span("event_start_datetime", "event_end_datetime") },
}

function M.import(sim, _, body)
    local row = body.data
    local fault = REGISTRATION(row, "data")
    if fault then return reply.refuse(fault) end
    sim.registrations:put(row.event_id .. ":" .. row.member_sn, row)
    return reply.ok(json.null)
end

return M
