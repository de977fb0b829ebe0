--- Durations and rates: "5m", "250ms", "10/s", "50/10s".

local lpeg = require "lpeg"
local quote = require "neap.lang.quote"

local duration = {}

local C, Cc, P, R = lpeg.C, lpeg.Cc, lpeg.P, lpeg.R

local digits = R "09" ^ 1
--- A float: products of integers would wrap around.
local number = C(digits * (P "." * digits) ^ -1) / function(text) return tonumber(text) + 0.0 end

--- Seconds of each unit; the longer name of two that start alike comes first.
local unit = P "ms" * Cc(0.001) + P "s" * Cc(1) + P "m" * Cc(60) + P "h" * Cc(3600)
    + P "d" * Cc(86400)

local span = number * (unit + Cc(1)) * -1

local period = P "second" * Cc(1) + P "sec" * Cc(1) + P "minute" * Cc(60) + P "min" * Cc(60)
    + P "hour" * Cc(3600) + P "day" * Cc(86400) + unit

local rate = C(digits) / tonumber * P "/" * (number + Cc(1)) * period * -1

--- What the natives take: some 31 years, in nanoseconds it fits 64 bits; and calls in one period.
local longest, most = 1000000000, 10000000

--- Gets an integer where the number is one: 5.0 and 5 are both 5.
---@param value number
---@return number
local function plain(value)
    return math.tointeger(value) or value
end

local function too_long(shown)
    return nil, ("%s is too long for a duration: at most %d seconds"):format(shown, longest)
end

--- Reads a duration: a number of seconds, or a text such as "5m", "1.5s", "250ms", "2h", "1d";
--- a text without a unit counts seconds.
---@param value string|number
---@return number? seconds
---@return string? message why it is none
---@nodiscard
function duration.duration(value)
    if type(value) == "number" then
        if value >= 0 and value <= longest then return plain(value) end
        if value > longest and value < math.huge then return too_long(value) end
        return nil, ("%s is no duration: expected zero or more seconds"):format(value)
    end
    if type(value) ~= "string" then
        return nil, ("expected a duration, got a %s"):format(type(value))
    end
    local amount, factor = span:match(value)
    local seconds = amount and amount * factor or math.huge
    if seconds <= longest then return plain(seconds) end
    if seconds < math.huge then return too_long(quote(value)) end
    return nil, ('%s is no duration: expected a number with ms, s, m, h or d, such as "5m"')
        :format(quote(value))
end

---@class neap.Rate
---@field count integer calls allowed in one period
---@field period number length of the period, seconds

--- Reads a rate: "10/s", "2000/h", "600/min", "50/10s".
---@param text string
---@return neap.Rate? rate
---@return string? message why it is none
---@nodiscard
function duration.rate(text)
    if type(text) ~= "string" then
        return nil, ("expected a rate, got a %s"):format(type(text))
    end
    local count, amount, factor = rate:match(text)
    local length = count and amount * factor
    if count and math.type(count) == "integer" and count > 0 and length > 0
        and length < math.huge then
        if count <= most and length <= longest then return { count = count, period = plain(length) } end
        return nil, ("%s is beyond what a rate can be: at most %d calls, in at most %d seconds")
            :format(quote(text), most, longest)
    end
    return nil, ('%s is no rate: expected a count, "/" and a period, such as "10/s" or "50/10s"')
        :format(quote(text))
end

return duration
