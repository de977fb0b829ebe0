--- The Optimove simulator's functions about the model, actions, campaigns, target groups and segments.

local calendar = require "neap.sandbox.optimove.calendar"
local campaigns = require "neap.sandbox.optimove.campaigns"
local catalog = require "neap.sandbox.optimove.catalog"
local json = require "neap.native.json"
local reply = require "neap.sandbox.optimove.reply"

local M = {}

--- A name by id, or an id by name: one object, nothing where there is none.
local function name_by_id(item, id_field, name_field, count, name_of)
    return function(_, call)
        local id = call.params[id_field]
        if id < 1 or id > count then return reply.nothing() end
        return reply.object(call, item, { name_field }, { name_of(id) })
    end
end

local function id_by_name(item, id_field, name_field, count, name_of)
    return function(_, call)
        local id = catalog.find(name_of, count, call.params[name_field])
        if not id then return reply.nothing() end
        return reply.object(call, item, { id_field }, { id })
    end
end

local ACTION = { "Action", "ActionID", "ActionName", catalog.ACTIONS, catalog.action_name }
local GROUP = { "TargetGroup", "TargetGroupID", "TargetGroupName", catalog.TARGET_GROUPS, catalog.target_group_name }
local SEGMENT = { "ValueSegment", "ValueSegmentID", "ValueSegmentName", catalog.SEGMENTS, catalog.segment_name }

M.action_name, M.action_id = name_by_id(table.unpack(ACTION)), id_by_name(table.unpack(ACTION))
M.target_group_name, M.target_group_id = name_by_id(table.unpack(GROUP)), id_by_name(table.unpack(GROUP))
M.segment_name, M.segment_id = name_by_id(table.unpack(SEGMENT)), id_by_name(table.unpack(SEGMENT))

--- A list of `count` rows.
local function listing(item, fields, count, row)
    return function(_, call)
        local rows = {}
        for id = 1, count do rows[id] = row(id) end
        return reply.rows(call, item, fields, rows)
    end
end

M.actions = listing("Action", { "ActionID", "ActionName" }, catalog.ACTIONS,
    function(id) return { id, catalog.action_name(id) } end)

M.target_groups = listing("TargetGroup", { "TargetGroupID", "TargetGroupName", "TargetGroupPriority" },
    catalog.TARGET_GROUPS, function(id) return { id, catalog.target_group_name(id), id * 10 } end)

M.segments = listing("ValueSegment", { "ValueSegmentName", "ValueSegmentID" }, catalog.SEGMENTS,
    function(id) return { catalog.segment_name(id), id } end)

M.stages = listing("LifecycleStage", { "StageID", "StageName" }, catalog.STAGES,
    function(id) return { id, catalog.stage_name(id) } end)

M.channels = listing("ExecutionChannel", { "ChannelID", "ChannelName" }, #catalog.channels,
    function(i) return catalog.channels[i] end)

M.microsegments = listing("Microsegment",
    { "MicrosegmentID", "MicrosegmentName", "LifecycleStageID", "FutureValue", "ChurnRate" }, catalog.MICROSEGMENTS,
    function(id)
        return { id, catalog.microsegment_name(id), (id - 1) % catalog.STAGES + 1, 342.65 * id, (id % 10) / 16 }
    end)

function M.attributes(sim, call)
    local rows = {}
    for i, attribute in ipairs(sim.attributes.list) do rows[i] = { attribute.name, attribute.description } end
    return reply.rows(call, "CustomerAttribute", { "RealFieldName", "Description" }, rows)
end

function M.last_update(sim, call)
    return reply.object(call, "LastDataUpdate", { "Date" }, { calendar.text(sim:last_update()) })
end

-- Campaigns.

--- Iterates over the campaigns planned for the date of the call; none where it has no data.
local function of_date(sim, call)
    local day = sim:day(call.params.Date)
    if not day then return function() end end
    return campaigns.each(day)
end

--- The rows that `collect(campaign, rows)` makes of a date's campaigns.
local function by_date(item, fields, collect)
    return function(sim, call)
        local rows = {}
        for campaign in of_date(sim, call) do collect(campaign, rows, call.params) end
        return reply.rows(call, item, fields, rows)
    end
end

--- The same, of those for the target group of the call.
local function by_target_group(item, fields, collect)
    return by_date(item, fields, function(campaign, rows, params)
        if campaign.target_group == params.TargetGroupID then collect(campaign, rows) end
    end)
end

--- Iterates over the recipient groups that get something.
local function treated(campaign)
    local i = 0
    return function()
        i = i + 1
        local group = campaign.groups[i]
        return group and group.rgid > 0 and group or nil
    end
end

M.actions_by_target_group = by_target_group("Action", { "RecipientGroupID", "ActionID" }, function(campaign, rows)
    for group in treated(campaign) do rows[#rows + 1] = { group.rgid, group.action } end
end)

M.action_details = by_target_group("Action", { "RecipientGroupID", "ActionID", "Duration", "LeadTime", "ChannelID" },
    function(campaign, rows)
        for group in treated(campaign) do
            for _, channel in ipairs(campaign.channels) do
                rows[#rows + 1] = { group.rgid, group.action, campaign.duration, campaign.lead_time, channel }
            end
        end
    end)

--- A group has a promotion unless its action's number is a multiple of 10.
local function promo_code(campaign, group)
    return group.action % 10 == 0 and "" or campaigns.promo_code(campaign, group)
end

local function promo_rows(campaign, rows)
    for group in treated(campaign) do
        rows[#rows + 1] = { group.rgid, group.action, promo_code(campaign, group) }
    end
end

local PROMO = { "RecipientGroupID", "ActionID", "PromoCode" }

M.promo_codes = by_date("PromoCode", { "TargetGroupID", table.unpack(PROMO) }, function(campaign, rows)
    for group in treated(campaign) do
        local code = promo_code(campaign, group)
        if code ~= "" then rows[#rows + 1] = { campaign.target_group, group.rgid, group.action, code } end
    end
end)

M.promo_codes_by_target_group = by_target_group("PromoCode", PROMO, promo_rows)

function M.promo_codes_by_campaign(sim, call)
    local rows, campaign = {}, sim:campaign(call.params.CampaignID)
    if campaign then promo_rows(campaign, rows) end
    return reply.rows(call, "PromoCode", PROMO, rows)
end

M.target_groups_by_date = by_date("TargetGroup", { "TargetGroupID" },
    function(campaign, rows) rows[#rows + 1] = { campaign.target_group } end)

--- Booleans are texts, as the vendor's table of data types has them.
local function details(campaign)
    return {
        campaign.target_group, "Test/Control", campaign.duration, campaign.lead_time,
        campaign.recurs and "" or "Summer & autumn", tostring(#campaign.channels > 1), tostring(campaign.recurs),
        campaign.failed and "Failed" or "Successful", campaign.failed and "No customers were processed" or json.null,
    }
end

local DETAILS = {
    "TargetGroupID", "CampaignType", "Duration", "LeadTime", "Notes", "IsMultiChannel", "IsRecurrence", "Status",
    "Error",
}

local LONGEST_LEAD = 3

--- Campaigns planned for the date, and those whose lead time points to it.
function M.executed_campaigns(sim, call)
    local rows, day = {}, sim:day(call.params.Date)
    for planned = day or 1, day and day + LONGEST_LEAD or 0 do
        for campaign in campaigns.each(planned) do
            if planned == day or campaigns.due(campaign) == day then
                rows[#rows + 1] = { campaign.id, table.unpack(details(campaign), 1, #DETAILS) }
            end
        end
    end
    return reply.rows(call, "Campaign", { "CampaignID", table.unpack(DETAILS) }, rows)
end

local function channel_records(campaign)
    local list = json.array {}
    for i, channel in ipairs(campaign.channels) do
        list[i] = reply.record({ "Id", "Name" }, { channel, channel == 504 and "E-mail" or "SMS" })
    end
    return list
end

local MORE_DETAILS = { "Tags", "Channels", "TestGroupSize", "ControlGroupSize" }

function M.campaign(sim, call)
    local campaign = sim:campaign(call.params.CampaignID)
    if not campaign then return reply.nothing() end
    local fields, values, test, control = { table.unpack(DETAILS) }, details(campaign), 0, 0
    for _, group in ipairs(campaign.groups) do
        if group.rgid == 0 then control = group.count else test = test + group.count end
    end
    table.move(MORE_DETAILS, 1, #MORE_DETAILS, #fields + 1, fields)
    local more = { json.array { "tag-" .. campaign.id % 5, "auto" }, channel_records(campaign), test, control }
    table.move(more, 1, #more, #values + 1, values)
    return reply.object(call, "Campaign", fields, values)
end

local function has_channel(campaign, channel)
    for _, id in ipairs(campaign.channels) do
        if id == channel then return true end
    end
    return false
end

M.campaigns_by_channel = by_date("Campaign", { "CampaignID" }, function(campaign, rows, params)
    if has_channel(campaign, params.ChannelID) and not campaign.failed then rows[#rows + 1] = { campaign.id } end
end)

function M.campaign_channel(sim, call)
    local rows, campaign, channel = {}, sim:campaign(call.params.CampaignID), call.params.ChannelID
    if campaign and not campaign.failed and has_channel(campaign, channel) then
        local send = channel == 504 and ("send-%d"):format(campaign.id) or ""
        rows[1] = { campaign.id % 50 + 1, send, campaigns.template(campaign, channel), campaigns.scheduled(campaign) }
    end
    return reply.rows(call, "ChannelDetails", { "ListID", "SendID", "TemplateID", "ScheduledTime" }, rows)
end

return M
