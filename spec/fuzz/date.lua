--- Properties of dates and of the values of HTTP headers. The input is two texts, apart at the first
-- newline.

local date = require "neap.lang.date"
local http = require "neap.lang.http"

local NOWS = { 0, 1767225600, 4102444800 } -- the first seconds of 1970, 2026, 2100

--- A message is one line of UTF-8 for any text.
local function check_message(message)
    assert(type(message) == "string" and utf8.len(message) and not message:find "[\r\n]", message)
end

--- Dates of the common years, which the quick way must know (29 February apart).
local function is_common(d)
    return d.year >= 1000 and d.year <= 2999 and not (d.month == 2 and d.day == 29)
end

--- The same day by the C library.
local function check_day(d)
    local day = date.day_number(d)
    local shown = os.date("!*t", day * 86400)
    assert(math.type(day) == "integer")
    assert(shown.year == d.year and shown.month == d.month and shown.day == d.day)
end

local function check_date(text)
    local read, message = date.date(text)
    local loose = date.date(text, { unpadded = true })
    if not read then
        check_message(message)
        assert(not date.is_common_date(text))
    else
        assert(("%04d-%02d-%02d"):format(read.year, read.month, read.day) == text)
        assert(date.is_common_date(text) == is_common(read))
        check_day(read)
    end
    if not loose then return assert(not read) end
    local padded = ("%04d-%02d-%02d"):format(loose.year, loose.month, loose.day)
    assert(date.date(padded) and date.days_between(padded, text) == 0)
end

local function check_datetime(text)
    local read, message = date.datetime(text)
    local form = date.common_zone_form(text)
    if not read then
        check_message(message)
        assert(form == nil, "common, but no date with time")
        return
    end
    assert(form == (is_common(read) and (read.zone_form or "none") or nil), form)
    assert(read.hour < 24 and read.min < 60 and read.sec >= 0 and read.sec < 60)
    assert((read.zone == nil) == (read.offset == nil) and math.abs(read.offset or 0) < 1440)
    check_day(read)
    local shown = os.date("!*t", math.floor(date.instant(read) + (read.offset or 0) * 60 + 1e-5))
    assert(shown.min == read.min or read.sec > 59.99)
end

local function check_days_between(a, b)
    local days, message = date.days_between(a, b)
    local back = date.days_between(b, a)
    if not days then return check_message(message) end
    assert(math.type(days) == "integer" and days == -back)
end

--- What is read is written in the preferred form and read again.
local function check_http_date(text)
    local at = http.http_date(text)
    if not at then return end
    assert(math.type(at) == "integer")
    local t = os.date("!*t", at)
    if t.year > 9999 then return end -- a leap second at the end of time
    local again = os.date("!%a, %d %b ", at) .. ("%04d"):format(t.year) .. os.date("! %H:%M:%S GMT", at)
    assert(http.http_date(again) == at, again)
    if not text:find "day," then return end
    for _, now in ipairs(NOWS) do
        local years = os.date("!*t", http.http_date(text, now) - 1).year - os.date("!*t", now).year
        assert(years >= -50 and years <= 50, years)
    end
end

local function check_retry_after(value, header)
    for _, now in ipairs(NOWS) do
        local wait = http.retry_after(value, header, now)
        local is_known = value:find "^[ \t]*%d+[ \t]*$" or http.http_date(value, now)
        assert((wait ~= nil) == (is_known ~= nil))
        if wait then assert(wait >= 0 and wait <= http.longest_wait) end
        local digits = value:match "^0*(%d%d?%d?%d?)$"
        if digits then assert(wait == tonumber(digits)) end
    end
end

local function check_links(header)
    for rel, target in pairs(http.links(header)) do
        assert(rel == rel:lower() and not rel:find "%s" and header:lower():find("<", 1, true))
        assert(header:find(target, 1, true) and not target:find "[<>]")
    end
end

return function(input)
    local a, b = input:match "^([^\n]*)\n?(.*)$"
    for _, text in ipairs { a, b } do
        check_date(text)
        check_datetime(text)
        check_http_date(text)
        check_links(text)
    end
    check_days_between(a, b)
    check_retry_after(a, b)
end
