--- Campaigns of the Optimove simulator: 3, 4, 5 a day in turn since 2015-01-01, numbered from 1. All that
-- is known of one follows from its number.

local calendar = require "neap.sandbox.optimove.calendar"
local catalog = require "neap.sandbox.optimove.catalog"

local M = {}

--- A turn has three days: how many campaigns were before each of them, and how many it has.
local TURN = 12
local BEFORE = { [0] = 0, 3, 7 }
local COUNT = { [0] = 3, 4, 5 }

local MAIL, SMS = 504, 505

local function day_of(id)
    local turn, place = (id - 1) // TURN, (id - 1) % TURN
    return calendar.FIRST + turn * 3 + (place < BEFORE[1] and 0 or place < BEFORE[2] and 1 or 2)
end

--- Recipient groups as slices of the campaign's customers; the control group is a tenth.
local function groups_of(id, size)
    local control = size // 10
    local rest, action = size - control, 3 + id % (catalog.ACTIONS - 3)
    if id % 3 ~= 0 then
        return { { rgid = 1, action = action, count = rest }, { rgid = 0, action = 1, count = control } }
    end
    return {
        { rgid = 1, action = action, count = rest // 2 },
        { rgid = 2, action = action + 1, count = rest - rest // 2 },
        { rgid = 0, action = 1, count = control },
    }
end

--- Makes a campaign.
---@param id integer from 1 on
function M.get(id)
    local failed = id % 17 == 0
    return {
        id = id, day = day_of(id), target_group = (id - 1) % catalog.TARGET_GROUPS + 1,
        duration = 3 + id % 5, lead_time = id % 6 == 0 and 3 or 0,
        channels = id % 2 == 0 and { MAIL, SMS } or { MAIL },
        recurs = id % 4 == 0, failed = failed, first = id * 7919,
        groups = failed and {} or groups_of(id, 100 + id * 37 % 400),
    }
end

--- When the campaign's data is handed over: lead time before the day it is planned for.
function M.due(campaign) return campaign.day - campaign.lead_time end

--- The numbers of a day's campaigns: first and last; nil before 2015.
function M.of_day(day)
    local days = day - calendar.FIRST
    if days < 0 then return nil end
    local first = days // 3 * TURN + BEFORE[days % 3] + 1
    return first, first + COUNT[days % 3] - 1
end

--- Iterates over the campaigns planned for a day.
function M.each(day)
    local id, last = M.of_day(day)
    if not id then return function() end end
    id = id - 1
    return function()
        id = id + 1
        if id <= last then return M.get(id) end
    end
end

function M.template(campaign, channel) return campaign.id % 7 + 1 + channel * 10 end

function M.promo_code(campaign, group) return ("PROMO-%d-%d"):format(campaign.id, group.rgid) end

function M.scheduled(campaign) return calendar.moment(campaign.day, 9 * 3600) end

return M
