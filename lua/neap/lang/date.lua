--- Calendar dates and times: "2018-03-01", "2024-07-15T09:51:23+0800", "2024-05-01 12:00:00+08".

local lpeg = require "lpeg"
local quote = require "neap.lang.quote"

local date = {}

local C, Cc, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local digit = R "09"

--- Matches a number of a fixed count of digits under a name.
local function fixed(name, count)
    local pattern = P(true)
    for _ = 1, count do pattern = pattern * digit end
    return Cg(C(pattern) / math.tointeger, name)
end

local day_text = fixed("year", 4) * "-" * fixed("month", 2) * "-" * fixed("day", 2)

local loose = digit * digit ^ -1
local loose_day = Ct(fixed("year", 4) * "-" * Cg(C(loose) / math.tointeger, "month") * "-"
    * Cg(C(loose) / math.tointeger, "day")) * -1

local strict_day = Ct(day_text) * -1

--- An offset: its text, its form as the field attribute `zone_form` names it, its parts.
local function offset(form, minutes)
    return Cg(C(S "+-" * digit * digit * minutes), "zone") * Cg(Cc(form), "zone_form")
end

local zone = Cg(C "Z", "zone") * Cg(Cc "Z", "zone_form")
    + offset("+08:00", P ":" * digit * digit)
    + offset("+0800", digit * digit)
    + offset("+08", P(true))

--- The last moment of a minute, for fractions that a number rounds to the next one.
local last_second = 60 - 2 ^ -47

local function read_second(text)
    local read = tonumber(text)
    return read == 60 and text:sub(1, 2) == "59" and last_second or read
end

local second = Cg(C(digit * digit * (P "." * digit ^ 1) ^ -1) / read_second, "sec")

local moment = Ct(day_text * Cg(S "T ", "separator") * fixed("hour", 2) * ":" * fixed("min", 2)
    * (P ":" * second) ^ -1 * zone ^ -1) * -1

--- The days of every year: 29 February needs a look at the calendar.
local long_month = P "0" * S "13578" + "10" + "12"
local short_month = P "0" * S "469" + "11"
local month_and_day = long_month * "-" * (S "012" * digit + "3" * S "01" - "00")
    + short_month * "-" * (S "012" * digit + "30" - "00")
    + P "02" * "-" * (S "01" * digit + "2" * R "08" - "00")
local common_day = S "12" * digit * digit * digit * "-" * month_and_day

local common_hour = S "01" * digit + "2" * R "03"
local sixtieth = R "05" * digit
local fraction = (P "." * digit ^ 1) ^ -1
local common_zone = P "Z" * Cc "Z"
    + S "+-" * common_hour * (P ":" * sixtieth * Cc "+08:00" + sixtieth * Cc "+0800" + Cc "+08")
    + Cc "none"

local common_date = common_day * -1
local common_moment = common_day * S "T " * common_hour * ":" * sixtieth
    * (":" * sixtieth * fraction) ^ -1 * common_zone * -1

local month_days = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

---@class neap.Date
---@field year integer
---@field month integer 1 to 12
---@field day integer 1 to 31

---@class neap.DateTime: neap.Date
---@field hour integer
---@field min integer
---@field sec number with its fraction; 0 where the text has no seconds
---@field separator "T"|" "
---@field zone string? as written: "Z", "+08:00", "+0800", "+08"
---@field zone_form "Z"|"+08:00"|"+0800"|"+08"|nil how the zone is written
---@field offset integer? minutes east of UTC; nil without a zone

--- Gets the days of a month in the proleptic Gregorian calendar.
local function days_in(year, month)
    local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
    return month == 2 and leap and 29 or month_days[month]
end

--- Gets what is wrong with a date on the calendar, if anything.
---@param d neap.Date
---@return string? fault
local function calendar_fault(d)
    if d.year < 1 then return "year 0000" end
    if d.month < 1 or d.month > 12 then return ("month %d"):format(d.month) end
    local last = days_in(d.year, d.month)
    if d.day < 1 then return ("day %d"):format(d.day) end
    if d.day > last then
        return ("day %d, but %04d-%02d has %d days"):format(d.day, d.year, d.month, last)
    end
end

--- Gets what is wrong with the time of a day, if anything; sets the offset on the way.
---@param t neap.DateTime
---@return string? fault
local function clock_fault(t)
    if t.hour > 23 then return ("hour %d"):format(t.hour) end
    if t.min > 59 then return ("minute %d"):format(t.min) end
    t.sec = t.sec or 0
    if t.sec >= 60 then return ("second %s"):format(t.sec) end
    if not t.zone then return end
    if t.zone == "Z" then
        t.offset = 0
        return
    end
    local sign, hours, minutes = t.zone:match("^([+-])(%d%d):?(%d*)$")
    hours, minutes = math.tointeger(hours), math.tointeger(minutes) or 0
    if hours > 23 or minutes > 59 then return "zone " .. t.zone end
    t.offset = (hours * 60 + minutes) * (sign == "-" and -1 or 1)
end

--- Reads a calendar date, YYYY-MM-DD, and refuses days that do not exist.
---@param text string
---@param opts { unpadded: boolean? }? unpadded: also 2020-11-1
---@return neap.Date? date
---@return string? message why it is none
---@nodiscard
function date.date(text, opts)
    if type(text) ~= "string" then return nil, ("expected a date, got a %s"):format(type(text)) end
    local read = (opts and opts.unpadded and loose_day or strict_day):match(text)
    if not read then return nil, quote(text) .. " is no date: expected YYYY-MM-DD" end
    local fault = calendar_fault(read)
    if fault then return nil, ("%s is no date: %s"):format(quote(text), fault) end
    return read
end

--- Reads a date with a time, separated by T or a blank, with or without seconds and zone.
---@param text string
---@return neap.DateTime? datetime
---@return string? message why it is none
---@nodiscard
function date.datetime(text)
    if type(text) ~= "string" then
        return nil, ("expected a date with time, got a %s"):format(type(text))
    end
    local read = moment:match(text)
    if not read then
        return nil, quote(text) .. " is no date with time: expected YYYY-MM-DDThh:mm:ss"
    end
    local fault = calendar_fault(read) or clock_fault(read)
    if fault then return nil, ("%s is no date with time: %s"):format(quote(text), fault) end
    return read
end

--- Decides quickly, without reading the parts, that a text is a date: true for every date of the
--- years 1000 to 2999 but 29 February; other texts need date.date.
---@param text string
---@return boolean
function date.is_common_date(text)
    return common_date:match(text) ~= nil
end

--- Decides quickly that a text is a date with time, as date.is_common_date does.
---@param text string
---@return "Z"|"+08:00"|"+0800"|"+08"|"none"|nil zone_form nil: ask date.datetime
function date.common_zone_form(text)
    return common_moment:match(text)
end

--- How each form writes a zone: sign, hours, minutes.
local zone_forms = { Z = "Z", ["+08:00"] = "%s%s:%s", ["+0800"] = "%s%s%s", ["+08"] = "%s%s" }

--- Writes the zone of a date with time in another form and completes its seconds; all else stays
--- as it is written, and so does the instant.
---@param text string a date with time that date.datetime reads
---@param form "Z"|"+08:00"|"+0800"|"+08"
---@return string? text nil where the form cannot say the zone: minutes in +08, hours in Z
---@nodiscard
function date.in_zone_form(text, form)
    local past_minute, written = text:match("^(:?[%d.]*)(.*)$", 17)
    local separator = form == "+08" and text:sub(11, 11) or "T" -- the short form is not ISO 8601's anyway
    local head = text:sub(1, 10) .. separator .. text:sub(12, 16) .. (past_minute == "" and ":00" or past_minute)
    if written == "" then return head end
    local sign, hours, minutes = "+", "00", "00"
    if written ~= "Z" then
        sign, hours, minutes = written:match("^([+-])(%d%d):?(%d*)$")
        if minutes == "" then minutes = "00" end
    end
    if form == "+08" and minutes ~= "00" or form == "Z" and hours .. minutes ~= "0000" then return nil end
    return head .. zone_forms[form]:format(sign, hours, minutes)
end

--- Gets the days from 1970-01-01 to a date (negative before it).
---@param d neap.Date
---@return integer
function date.day_number(d)
    local year = d.month > 2 and d.year or d.year - 1
    local month = (d.month + 9) % 12
    local days = 365 * year + year // 4 - year // 100 + year // 400
    return days + (153 * month + 2) // 5 + d.day - 1 - 719468
end

--- Gets the days from the first date to the second: negative when the second comes first.
---@param a string|neap.Date
---@param b string|neap.Date
---@return integer? days nil when either is no date
---@return string? message
---@nodiscard
function date.days_between(a, b)
    local message
    if type(a) == "string" then
        a, message = date.date(a, { unpadded = true })
        if not a then return nil, message end
    end
    if type(b) == "string" then
        b, message = date.date(b, { unpadded = true })
        if not b then return nil, message end
    end
    return date.day_number(b) - date.day_number(a)
end

--- Gets the Unix time of a date with time; without a zone it counts as UTC.
---@param t neap.DateTime
---@return number seconds
function date.instant(t)
    local seconds = date.day_number(t) * 86400 + t.hour * 3600 + t.min * 60 + t.sec
    return seconds - (t.offset or 0) * 60
end

return date
