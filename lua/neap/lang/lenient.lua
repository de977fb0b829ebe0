--- Times as vendors really write them: "2023:01:01T20:00:00Z", "2023/01/01 20:00". For putting what comes
-- from a vendor in order; what is sent to one is checked by neap.lang.date.

local date = require "neap.lang.date"

local lenient = {}

--- Gets the Unix time of a date or a date with time. Between the parts of the date may be `-`, `:`, `/` or
-- `.`, before the time `T`, `t`, `_` or blanks; without a zone it counts as UTC.
---@param text any
---@return number? seconds nil where it is none
---@nodiscard
function lenient.instant(text)
    if type(text) ~= "string" then return nil end
    local year, first, month, second, day, rest = text:match "^%s*(%d%d%d%d)([-:/.])(%d%d?)([-:/.])(%d%d?)(.-)%s*$"
    if not year or first ~= second then return nil end
    local written = ("%s-%02d-%02d"):format(year, tonumber(month), tonumber(day))
    if rest == "" then
        local read = date.date(written)
        return read and date.day_number(read) * 86400.0
    end
    local time = rest:match "^[Tt_]?%s*(%d%d:.*)$"
    if not time or time == rest then return nil end
    local read = date.datetime(("%sT%s"):format(written, time:upper():gsub("%s+", "")))
    return read and date.instant(read)
end

return lenient
