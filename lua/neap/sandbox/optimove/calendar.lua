--- Days of the Optimove simulator, as numbers from 1970-01-01.

local date = require "neap.lang.date"

local M = {}

local DAY_S = 86400
--- When the processes of a day have ended and its data is there, UTC.
local UPDATE_S = 6 * 3600

function M.number(text) return date.day_number(assert(date.date(text))) end

function M.text(day) return os.date("!%Y-%m-%d", day * DAY_S) --[[@as string]] end

--- A second of a day, as DateTime.
function M.moment(day, second) return os.date("!%Y-%m-%d %H:%M:%S", day * DAY_S + second) --[[@as string]] end

--- The first day with data.
M.FIRST = M.number "2015-01-01"

--- The day of the last data update: yesterday from 06:00 UTC on, before that the day before.
function M.last_update(wall_ms) return (wall_ms // 1000 - UPDATE_S) // DAY_S - 1 end

return M
