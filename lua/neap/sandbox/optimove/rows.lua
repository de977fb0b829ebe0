--- Lists of customers of the Optimove simulator. None is stored: each is a few segments (audience.lua) from
-- which the rows of a page are made while they are sent.

local attributes = require "neap.sandbox.optimove.attributes"
local audience = require "neap.sandbox.optimove.audience"
local campaigns = require "neap.sandbox.optimove.campaigns"
local json = require "neap.native.json"
local reply = require "neap.sandbox.optimove.reply"

local null = json.null

local M = {}

-- Rows.

--- The values of the attributes asked for: a list, or without /current one text.
local function attribute_values(sim, call, id, number)
    local values = json.array {}
    for i, attribute in ipairs(call.attributes) do
        values[i] = sim.attributes:value(id, number, attribute)
    end
    if call.is_current then return values end
    for i, value in ipairs(values) do values[i] = value == null and "" or value end
    return table.concat(values, call.delimiter)
end

--- Answers with the rows row(segment, id, number, nth) of some segments.
function M.answer(sim, call, fields, segments, row)
    local count, walk = #fields, audience.walk(segments, call.skip, call.top)
    local names = { table.unpack(fields) }
    local has_attributes = call.attributes and call.entry.attributes
    if has_attributes then names[count + 1] = call.is_current and "CustomerAttributes" or "CustomerAttribute" end
    return reply.list(call, "Customer", names, function()
        local segment, number, nth = walk()
        if not segment then return nil end
        local id = attributes.id(number)
        local values = row(segment, id, number, nth)
        if has_attributes then values[count + 1] = attribute_values(sim, call, id, number) end
        return values
    end)
end

-- Segments.

--- Adds the customers of a campaign, per channel if channels are given.
function M.add_campaign(sim, segments, campaign, options)
    for _, channel in ipairs(options.channels or { 0 }) do
        local first = campaign.first
        for _, group in ipairs(campaign.groups) do
            if group.rgid > 0 or options.control then
                segments[#segments + 1] = {
                    first = first, count = math.min(group.count, sim.population), ring = sim.population,
                    campaign = campaign, group = group, channel = channel,
                }
            end
            first = first + group.count
        end
    end
end

--- The channels of a campaign, or the one asked for if it has it; 0 and nil mean all.
function M.channels_of(campaign, wanted)
    if not wanted or wanted == 0 then return campaign.channels end
    for _, channel in ipairs(campaign.channels) do
        if channel == wanted then return { channel } end
    end
    return {}
end

--- Segments per channel of the campaigns that an iterator gives.
function M.per_channel(sim, iterator, params, selected)
    local segments = {}
    for campaign in iterator do
        if not selected or selected(campaign) then
            M.add_campaign(sim, segments, campaign, {
                channels = M.channels_of(campaign, params.ChannelID), control = params.IncludeControlGroup,
            })
        end
    end
    return segments
end

function M.campaigns_of(sim, date)
    local day = sim:day(date)
    if not day then return function() end end
    return campaigns.each(day)
end

--- The campaign of the call, as an iterator of one or none.
function M.campaign_of(sim, call)
    local campaign = sim:campaign(call.params.CampaignID)
    return function()
        local one = campaign
        campaign = nil
        return one
    end
end

function M.everybody(sim, count, more)
    local segment = { first = 0, count = count or sim.population, ring = math.max(count or 0, sim.population) }
    for name, value in pairs(more or {}) do segment[name] = value end
    return segment
end

return M
