--- Properties of durations and rates. The input is one text.

local duration = require "neap.lang.duration"
local flow = require "neap.native.flow"

local function check_message(message)
    assert(type(message) == "string" and utf8.len(message) and not message:find "[\r\n]", message)
    assert(#message < 400)
end

--- Finite, not negative, and an integer where it is one.
local function check_seconds(seconds)
    assert(seconds >= 0 and seconds < math.huge)
    assert(math.type(seconds) == "integer" or not math.tointeger(seconds))
end

local function check_duration(text)
    local seconds, message = duration.duration(text)
    if not seconds then
        assert(not text:find "^%d" or not duration.duration("0" .. text))
        return check_message(message)
    end
    check_seconds(seconds)
    assert(duration.duration(seconds) == seconds)
    assert(duration.duration("0" .. text) == seconds)
    local bare = text:match "^[%d.]+$"
    if bare then
        assert(duration.duration(text .. "s") == seconds)
        local hours = duration.duration(text .. "h")
        assert(not hours or hours == seconds * 3600)
    end
    if math.type(seconds) == "integer" then assert(duration.duration(tostring(seconds)) == seconds) end
end

local function check_rate(text)
    local rate, message = duration.rate(text)
    if not rate then
        assert(not text:find "^%d" or not duration.rate("0" .. text))
        return check_message(message)
    end
    assert(math.type(rate.count) == "integer" and rate.count > 0 and rate.period > 0)
    check_seconds(rate.period)
    local again = duration.rate("0" .. text)
    assert(again.count == rate.count and again.period == rate.period)
    local span = text:match "/(.*)"
    local as_duration = span:find "^%d" and duration.duration(span)
    if as_duration then assert(as_duration == rate.period) end
    assert(flow.limit { shape = "window", count = rate.count, period = rate.period })
    assert(flow.limit { shape = "pace", count = rate.count, period = rate.period })
end

return function(input)
    check_duration(input)
    check_rate(input)
end
