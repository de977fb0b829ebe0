--- The Optimove simulator's functions whose rows are customers, but for changes (changes.lua).

local attributes = require "neap.sandbox.optimove.attributes"
local calendar = require "neap.sandbox.optimove.calendar"
local campaigns = require "neap.sandbox.optimove.campaigns"
local catalog = require "neap.sandbox.optimove.catalog"
local json = require "neap.native.json"
local reply = require "neap.sandbox.optimove.reply"
local rows = require "neap.sandbox.optimove.rows"

local null = json.null

local M = {}

--- An ActionID from here on has as many customers as it is above it, so that a caller can choose.
local SIZED_ACTION = 1000000

-- By action, date, campaign.

local function only_id(_, id) return { id } end

function M.by_action(sim, call)
    local params, segments = call.params, {}
    local action, rgid, day = params.ActionID, params.RecipientGroupID, sim:day(params.Date)
    if day and rgid == 1 and action == catalog.DAILY_ACTION then segments[1] = rows.everybody(sim) end
    if day and rgid == 1 and action >= SIZED_ACTION then segments[1] = rows.everybody(sim, action - SIZED_ACTION) end
    for campaign in rows.campaigns_of(sim, params.Date) do
        local found = {}
        rows.add_campaign(sim, found, campaign, { control = true })
        for _, segment in ipairs(found) do
            if segment.group.rgid == rgid and segment.group.action == action then segments[#segments + 1] = segment end
        end
    end
    return rows.answer(sim, call, { "CustomerID" }, segments, only_id)
end

local function action_and_channel(segment, id) return { id, segment.group.action, segment.channel } end

local function with_group(segment, id) return { id, segment.group.action, segment.channel, segment.group.rgid } end

function M.by_target_group(sim, call)
    local params = call.params
    local segments = rows.per_channel(sim, rows.campaigns_of(sim, params.Date), params,
        function(campaign) return campaign.target_group == params.TargetGroupID end)
    local fields, row = { "CustomerID", "ActionID", "ChannelID" }, action_and_channel
    if params.IncludeRecipientGroupID then fields[4], row = "RecipientGroupID", with_group end
    return rows.answer(sim, call, fields, segments, row)
end

function M.one_time_by_date(sim, call)
    local segments = rows.per_channel(sim, rows.campaigns_of(sim, call.params.Date), call.params,
        function(campaign) return not campaign.recurs end)
    return rows.answer(sim, call, { "CustomerID", "ActionID", "ChannelID" }, segments, action_and_channel)
end

local GROUP_FIRST = { "CustomerID", "RecipientGroupID", "ActionID", "ChannelID" }

local function group_first(segment, id) return { id, segment.group.rgid, segment.group.action, segment.channel } end

function M.one_time_by_campaign(sim, call)
    local segments = rows.per_channel(sim, rows.campaign_of(sim, call), call.params)
    return rows.answer(sim, call, GROUP_FIRST, segments, group_first)
end

function M.action_details(sim, call)
    local segments = rows.per_channel(sim, rows.campaigns_of(sim, call.params.Date), call.params)
    return rows.answer(sim, call, GROUP_FIRST, segments, group_first)
end

local LONGEST = 7 -- days that an action lasts at most

function M.ended(sim, call)
    local segments, day = {}, sim:day(call.params.Date)
    for start = day and day - LONGEST or 1, day and day - 1 or 0 do
        for campaign in campaigns.each(start) do
            if start + campaign.duration == day then
                rows.add_campaign(sim, segments, campaign, { channels = campaign.channels })
            end
        end
    end
    local fields = { "CustomerID", "ActionID", "ChannelID", "Date", "Duration", "TargetGroupID" }
    return rows.answer(sim, call, fields, segments, function(segment, id)
        local campaign = segment.campaign
        return { id, segment.group.action, segment.channel, calendar.text(campaign.day), campaign.duration,
            campaign.target_group }
    end)
end

function M.targeted(sim, call)
    local segments, last = {}, sim:last_update()
    for start = last - LONGEST + 1, last do
        for campaign in campaigns.each(start) do
            if start + campaign.duration > last then rows.add_campaign(sim, segments, campaign, {}) end
        end
    end
    return rows.answer(sim, call, { "CustomerID", "CampaignID", "ActionID", "StartDate", "EndDate" }, segments,
        function(segment, id)
            local campaign = segment.campaign
            return { id, campaign.id, segment.group.action, calendar.text(campaign.day),
                calendar.text(campaign.day + campaign.duration) }
        end)
end

--- The customers of a campaign after the notice that it was canceled, for two hours.
function M.canceled(sim, call)
    local segments, campaign = {}, sim:campaign(call.params.CampaignID)
    if campaign and sim.listeners:is_canceled(campaign.id) then rows.add_campaign(sim, segments, campaign, {}) end
    return rows.answer(sim, call, { "CustomerID", "ActionID", "PromoCode" }, segments, function(segment, id)
        return { id, segment.group.action, campaigns.promo_code(segment.campaign, segment.group) }
    end)
end

--- The customers of a campaign that waits for clearance. The field's name is a guess.
function M.processed(sim, call)
    local segments, campaign = {}, sim:campaign(call.params.CampaignID)
    if campaign and sim.listeners:is_held(campaign.id) then rows.add_campaign(sim, segments, campaign, {}) end
    return rows.answer(sim, call, { "CustomerID" }, segments, only_id)
end

-- Sends.

function M.sends_by_campaign(sim, call)
    local segments = rows.per_channel(sim, rows.campaign_of(sim, call), call.params)
    local fields = { "CustomerID", "ChannelID", "ScheduledTime", "SendID" }
    if call.params.IncludeTemplateIDs then fields[5] = "TemplateID" end
    return rows.answer(sim, call, fields, segments, function(segment, id)
        local campaign, channel = segment.campaign, segment.channel
        return { id, channel, campaigns.scheduled(campaign), ("send-%d"):format(campaign.id),
            campaigns.template(campaign, channel) }
    end)
end

function M.sends_by_channel(sim, call)
    local segments = rows.per_channel(sim, rows.campaign_of(sim, call), call.params)
    return rows.answer(sim, call, { "CustomerID", "TemplateID", "ScheduledTime" }, segments, function(segment, id)
        return { id, campaigns.template(segment.campaign, segment.channel), campaigns.scheduled(segment.campaign) }
    end)
end

function M.executions(sim, call)
    local segments = rows.per_channel(sim, rows.campaign_of(sim, call), call.params)
    local fields = {
        "CustomerID", "ActionID", "ChannelID", "TemplateID", "TemplateName", "ScheduleTime", "PromoCode",
    }
    return rows.answer(sim, call, fields, segments, function(segment, id)
        local campaign, template = segment.campaign, campaigns.template(segment.campaign, segment.channel)
        local code = campaigns.promo_code(campaign, segment.group)
        return { id, segment.group.action, segment.channel, template, "Template " .. template,
            campaigns.scheduled(campaign), campaign.id % 2 == 0 and code .. ",EXTRA-" .. campaign.id or code }
    end)
end

function M.interactions(sim, call)
    local date = call.params.Date or calendar.text(sim:last_update())
    local segments = rows.per_channel(sim, rows.campaigns_of(sim, date), call.params)
    for _, segment in ipairs(segments) do -- every second one has opened
        segment.count, segment.stride = segment.count // 2, 2
    end
    return rows.answer(sim, call, { "CustomerID", "CampaignID", "TemplateID" }, segments, function(segment, id)
        return { id, segment.campaign.id, campaigns.template(segment.campaign, segment.channel) }
    end)
end

-- By stage, segment, attribute.

--- Every `count`-th customer, from the nth on.
local function share(sim, nth, count)
    local total = sim.population >= nth and (sim.population - nth) // count + 1 or 0
    return { first = nth - 1, count = total, ring = sim.population, stride = count }
end

function M.by_segment(sim, call)
    local segments, nth = {}, call.params.ValueSegmentID
    if nth >= 1 and nth <= catalog.SEGMENTS and sim:day(call.params.Date) then
        segments[1] = share(sim, nth, catalog.SEGMENTS)
    end
    return rows.answer(sim, call, { "CustomerID" }, segments, only_id)
end

--- Customers by the value of one attribute: everybody is looked at.
local function with_value(sim, params)
    local attribute = sim.attributes:find(params.CustomerAttribute)
    if not attribute then return nil end
    local wanted = params.CustomerAttributeValue:lower()
    return { rows.everybody(sim, nil, { filter = function(number)
        local value = sim.attributes:value(attributes.id(number), number, attribute)
        return value ~= null and value:lower() == wanted
    end }) }
end

local function in_stages(sim, stages)
    local segments = {}
    for _, stage in ipairs(stages) do
        if stage >= 1 and stage <= catalog.STAGES then segments[#segments + 1] = share(sim, stage, catalog.STAGES) end
    end
    return segments
end

function M.future_values(sim, call)
    local params = call.params
    local stages, name, value = params.LifecycleStageID, params.CustomerAttribute, params.CustomerAttributeValue
    if stages and (name or value) then
        return reply.text(400, "Invalid parameter CustomerAttribute: not allowed with LifecycleStageID")
    end
    if not stages and not (name and value) then
        return reply.text(400, "Missing parameter: " .. (name and "CustomerAttributeValue" or value and
            "CustomerAttribute" or "LifecycleStageID, or CustomerAttribute with CustomerAttributeValue"))
    end
    local segments = stages and in_stages(sim, stages) or with_value(sim, params)
    if not segments then return reply.text(400, "Invalid parameter CustomerAttribute: no such attribute") end
    return rows.answer(sim, call, { "CustomerID", "FutureValue" }, segments, function(_, id, number)
        return { id, number * 37 % 100000 / 100 }
    end)
end

-- Products.

local PRODUCTS_EACH = 3
local PRODUCT_ATTRIBUTES = { "Color", "Size", "Brand" }

local function product_attributes(names, product)
    local list = json.array {}
    for i, name in ipairs(names or PRODUCT_ATTRIBUTES) do list[i] = ("%s-%d"):format(name, product % 7) end
    return list
end

function M.recommendations(sim, call)
    local params, segment = call.params, rows.everybody(sim, nil, { each = PRODUCTS_EACH })
    segment.count = sim.population * PRODUCTS_EACH // (params.SuggestedInCampaign and 20 or 10)
    local number = params.CustomerID and attributes.number(params.CustomerID)
    if params.CustomerID then
        segment.first, segment.count = (number or 1) - 1, number and PRODUCTS_EACH or 0
        segment.ring = math.max(segment.ring, number or 1)
    end
    return rows.answer(sim, call, { "CustomerID", "ProductID", "RecommendationType", "ProductAttributes" }, { segment },
        function(_, id, customer, nth)
            local product = customer * 13 % 500 + nth
            return { id, "P" .. product, nth, product_attributes(params.ProductAttributes, product) }
        end)
end

return M
