--- Values of HTTP headers: dates, Retry-After, Link.

local lpeg = require "lpeg"
local calendar = require "neap.lang.date"

local http = {}

local C, Cc, Cg, Cs, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Cs, lpeg.Ct, lpeg.P,
    lpeg.R, lpeg.S

local digit = R "09"
local blank = S " \t" ^ 0

--- Matches one of several words and gives its number.
local function one_of(...)
    local pattern = P(false)
    for number, word in ipairs { ... } do pattern = pattern + P(word) * Cc(number) end
    return pattern
end

local function number(name, pattern)
    return Cg(C(pattern) / math.tointeger, name)
end

local two = digit * digit
local month = Cg(one_of("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
    "Nov", "Dec"), "month")
local short_day = P "Mon" + "Tue" + "Wed" + "Thu" + "Fri" + "Sat" + "Sun"
local long_day = P "Monday" + "Tuesday" + "Wednesday" + "Thursday" + "Friday" + "Saturday"
    + "Sunday"
local clock = number("hour", two) * ":" * number("min", two) * ":" * number("sec", two)

--- RFC 9110 section 5.6.7: IMF-fixdate, rfc850-date, asctime-date.
local fixdate = short_day * ", " * number("day", two) * " " * month * " "
    * number("year", two * two) * " " * clock * " GMT"
local rfc850 = long_day * ", " * number("day", two) * "-" * month * "-" * number("short_year", two)
    * " " * clock * " GMT"
local asctime = short_day * " " * month * " " * (number("day", two) + P " " * number("day", digit))
    * " " * clock * " " * number("year", two * two)

local http_date = blank * Ct(fixdate + rfc850 + asctime) * blank * -1

--- Gets the year that two digits mean: none more than 50 years after the reference (RFC 9110
--- section 5.6.7).
---@param short integer 0 to 99
---@param now number unix seconds
---@return integer
local function full_year(short, now)
    local reference = 1970 + math.floor(now / 31556952)
    local year = reference // 100 * 100 + short
    if year > reference + 50 then return year - 100 end
    if year <= reference - 50 then return year + 100 end
    return year
end

--- Reference for two-digit years where the caller knows no time: 2026-01-01.
local default_now = 1767225600

--- Reads an HTTP date in any of its three forms.
---@param text string?
---@param now number? unix seconds, the reference for two-digit years
---@return number? seconds unix time
---@nodiscard
function http.http_date(text, now)
    local read = type(text) == "string" and http_date:match(text)
    if not read then return nil end
    read.year = read.year or full_year(read.short_year, now or default_now)
    local leap_second = read.sec == 60
    local shown = ("%04d-%02d-%02dT%02d:%02d:%02d"):format(read.year, read.month, read.day,
        read.hour, read.min, leap_second and 59 or read.sec)
    local moment = calendar.datetime(shown)
    if not moment then return nil end
    return math.floor(calendar.instant(moment)) + (leap_second and 1 or 0)
end

local delta = blank * C(digit ^ 1) / tonumber * blank * -1

--- Longest wait that is passed on, seconds (some 31 years): in nanoseconds it fits 64 bits.
http.longest_wait = 1000000000

--- Reads a Retry-After header: how long to wait from the arrival of the reply.
---@param value string? the header: seconds, or an HTTP date
---@param date_header string? the Date header of the same reply; a date is judged against it
---@param now number unix seconds, used where the reply has no usable Date
---@return number? seconds 0 for a date in the past; nil where the header is absent or malformed
---@nodiscard
function http.retry_after(value, date_header, now)
    if type(value) ~= "string" then return nil end
    local seconds = delta:match(value)
    if not seconds then
        local at = http.http_date(value, now)
        if not at then return nil end
        seconds = math.max(0, at - (http.http_date(date_header, now) or now))
    end
    return math.min(seconds, http.longest_wait)
end

--- RFC 8288 section 3: Link = #( "<" URI-Reference ">" *( OWS ";" OWS link-param ) ).
local token = (R("09", "az", "AZ") + S "!#$%&'*+-.^_`|~") ^ 1
local quoted = P '"' * Cs((P "\\" / "" * P(1) + (1 - S '"\\')) ^ 0) * '"'
local parameter = Ct(C(token) * blank * (P "=" * blank * (quoted + C((1 - S ' \t;,"') ^ 0))) ^ -1)
local link = Ct(Cg(P "<" * blank * C((1 - S "<>") ^ 0) * ">", "target")
    * (blank * ";" * blank * parameter ^ -1) ^ 0) * blank * #(P "," + -1)
--- What is no link is passed over up to the next comma outside of quotes; a quote that is never
--- closed takes the rest, so that no text is read twice.
local garbage = (P '"' * (P "\\" * 1 + (1 - S '"\\')) ^ 0 * P '"' ^ -1 + (1 - P ",")) ^ 1
local link_list = Ct((blank * P "," + blank * link + S " \t" ^ 1 * -1 + garbage * Cc(false)) ^ 0)

--- Gets the relations of a link; none where it is about another resource (an anchor).
local function relations(entry)
    local rel
    for _, param in ipairs(entry) do
        local name = param[1]:lower()
        if name == "anchor" then return "" end
        if name == "rel" and not rel then rel = param[2] end
    end
    return rel or ""
end

--- Reads Link headers: the target of each relation (lower case), the first where one repeats.
--- Targets may be relative; they are given as written, without surrounding blanks.
---@param header string|string[]|nil
---@return table<string, string> targets
---@return boolean malformed something in it is no link
function http.links(header)
    local targets, malformed = {}, false
    if type(header) == "table" then header = table.concat(header, ", ") end
    for _, entry in ipairs(header and link_list:match(header) or {}) do
        malformed = malformed or not entry
        for rel in relations(entry or {}):gmatch("%S+") do
            rel = rel:lower()
            targets[rel] = targets[rel] or entry.target:match("^(.-)%s*$")
        end
    end
    return targets, malformed
end

return http
