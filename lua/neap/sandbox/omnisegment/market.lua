--- The market report of the OmniSegment simulator: the figures of the vendor's sample, for any span.

local date = require "neap.lang.date"
local check = require "neap.sandbox.omnisegment.check"
local json = require "neap.native.json"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local function channel(sends, fee)
    return json.object({ total_send = sends, total_fee = fee }, { "total_send", "total_fee" })
end

local FIGURES = json.object({
    email = channel(325669, 9770.07),
    sms = channel(13953, 12557.7),
    line = channel(189246, 189246),
    crescendo_line = channel(0, 0),
    pn = channel(0, 0),
    monthly_fee = 75000,
}, { "email", "sms", "line", "crescendo_line", "pn", "monthly_fee" })

--- A day; the vendor's sample is unpadded: 2020-11-1.
local function day(value, name)
    if not date.date(value, { unpadded = true }) then return name .. " should be YYYY-MM-DD" end
end

local SPAN = check.record {
    { "start_date", day, required = true },
    { "end_date", day, required = true },
    rules = { function(row)
        if date.days_between(row.start_date, row.end_date) < 0 then return "end_date is before start_date" end
    end },
}

function M.show(_, _, body)
    local fault = SPAN(body.data, "data")
    if fault then return reply.refuse(fault) end
    return reply.ok(FIGURES)
end

return M
