--- Names of the Optimove simulator: actions, target groups, channels, segments, stages.

local M = { ACTIONS = 40, TARGET_GROUPS = 12, STAGES = 4, SEGMENTS = 5, MICROSEGMENTS = 20 }

--- The action that every customer gets every day, outside of campaigns.
M.DAILY_ACTION = 2

M.channels = {
    { 502, "Call Center" }, { 504, "E-mail" }, { 505, "SMS" }, { 506, "Push" }, { 510, "Web Push" },
    { 511, "In-Platform" },
}

local STAGES = { "New", "Active", "Churn", "Reactivated" }
local SEGMENTS = { "Low", "Medium", "High", "VIP", "Non-depositor" }
local OFFERS = { "10% off", "Free shipping", "Gift & card", "Double points", "Birthday treat" }

function M.action_name(id)
    if id == 1 then return "Control group" end
    if id == M.DAILY_ACTION then return "Daily newsletter" end
    return ("%s %d"):format(OFFERS[id % #OFFERS + 1], id)
end

function M.target_group_name(id) return ("%s customers, group %d"):format(STAGES[id % #STAGES + 1], id) end

function M.stage_name(id) return STAGES[id] end

function M.segment_name(id) return SEGMENTS[id] end

function M.microsegment_name(id) return ("%s %d"):format(STAGES[(id - 1) % #STAGES + 1], id) end

--- Finds what has a name, without regard to letter case. -> id | nil
function M.find(name_of, count, name)
    for id = 1, count do
        if name_of(id):lower() == name:lower() then return id end
    end
end

return M
