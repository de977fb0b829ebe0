--- The Optimove simulator's functions about one customer.

local attributes = require "neap.sandbox.optimove.attributes"
local audience = require "neap.sandbox.optimove.audience"
local calendar = require "neap.sandbox.optimove.calendar"
local campaigns = require "neap.sandbox.optimove.campaigns"
local reply = require "neap.sandbox.optimove.reply"
local rows = require "neap.sandbox.optimove.rows"

local M = {}

--- Calls fn(campaign, group) for the group of each campaign of a day that has a customer, newest first.
local function groups_with(sim, number, day, fn)
    local segments = {}
    for campaign in campaigns.each(day) do rows.add_campaign(sim, segments, campaign, {}) end
    for i = #segments, 1, -1 do
        local segment = segments[i]
        if audience.contains(segment, number) and fn(segment.campaign, segment.group) then return true end
    end
end

local LOOK_BACK_DAYS = 365

function M.last_action(sim, call)
    local number, last, res = attributes.number(call.params.CustomerID), sim:last_update(), reply.nothing()
    if not number then return res end
    for day = last, last - LOOK_BACK_DAYS, -1 do
        local found = groups_with(sim, number, day, function(campaign, group)
            res = reply.object(call, "LastAction", { "ActionID", "Date", "Duration", "TargetGroupID" },
                { group.action, calendar.text(day), campaign.duration, campaign.target_group })
            return true
        end)
        if found then break end
    end
    return res
end

local INTERACTION = { "Date", "CampaignID", "RecipientGroupID", "ActionID", "ChannelID", "TemplateID", "EventID" }

--- The interactions of a customer with one day's campaigns: EventID 2 is an open.
local function add_interactions(sim, list, number, day, wanted)
    groups_with(sim, number, day, function(campaign, group)
        for _, channel in ipairs(rows.channels_of(campaign, wanted)) do
            list[#list + 1] = { calendar.text(day), campaign.id, group.rgid, group.action, channel,
                campaigns.template(campaign, channel), 2 }
        end
    end)
end

function M.channel_interactions(sim, call)
    local params, list = call.params, {}
    local first, last = calendar.number(params.StartDate), calendar.number(params.EndDate)
    if last < first then return reply.text(400, "Invalid parameter EndDate: before StartDate") end
    local number = attributes.number(params.CustomerID)
    for day = number and math.max(first, calendar.FIRST) or 1, number and math.min(last, sim:last_update()) or 0 do
        add_interactions(sim, list, number, day, params.ChannelID)
    end
    return reply.rows(call, "Interaction", INTERACTION, list)
end

--- Customers/{CustomerID}/Attributes; a customer who does not exist gets a text with status 200.
function M.attributes(sim, call)
    local id, list = call.params.CustomerID, {}
    if not sim.attributes:exists(id) then return reply.string(call, "Customer not found") end
    for i, attribute in ipairs(sim.attributes.list) do
        local value = sim.attributes:value(id, attributes.number(id), attribute)
        list[i] = { attribute.name, attribute.name, attribute.type, attributes.written(attribute, value) }
    end
    return reply.rows(call, "Attribute", { "RealFieldName", "Alias", "FieldType", "Value" }, list)
end

return M
