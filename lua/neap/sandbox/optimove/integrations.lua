--- The Optimove simulator's functions for external systems: what they write is held and can be asked for.

local json = require "neap.native.json"
local reply = require "neap.sandbox.optimove.reply"

local M = {}

--- Records by key, in the order in which they came first.
local Store = {}
Store.__index = Store

local function new_store() return setmetatable({ keys = {}, records = {} }, Store) end

function Store:put(key, record)
    if not self.records[key] then self.keys[#self.keys + 1] = key end
    self.records[key] = record
end

function Store:remove(key)
    if not self.records[key] then return end
    self.records[key] = nil
    for i, other in ipairs(self.keys) do
        if other == key then return table.remove(self.keys, i) end
    end
end

function Store:all(kept)
    local list = json.array {}
    for _, key in ipairs(self.keys) do
        local record = self.records[key]
        if not kept or kept(record) then list[#list + 1] = record end
    end
    return list
end

function M.new()
    return {
        promotions = new_store(), templates = new_store(), apps = new_store(), preferences = new_store(),
        metrics = json.array {}, interactions = json.array {}, promotion_status = {}, gateway = nil,
    }
end

-- Promotions: codes are not case-sensitive.

function M.add_promotions(sim, call)
    for _, promotion in ipairs(call.body) do
        sim.integrations.promotions:put(promotion.PromoCode:lower(), promotion)
    end
    return reply.nothing()
end

function M.promotions(sim, call)
    local rows = {}
    for i, promotion in ipairs(sim.integrations.promotions:all()) do
        rows[i] = { promotion.PromoCode, promotion.PromotionName }
    end
    return reply.rows(call, "Promotion", { "PromoCode", "PromotionName" }, rows)
end

function M.delete_promotions(sim, call)
    for _, promotion in ipairs(call.body) do
        sim.integrations.promotions:remove(promotion.PromoCode:lower())
    end
    return reply.nothing()
end

-- Templates and apps of a channel.

local function key(channel, id) return channel .. " " .. id end

function M.add_templates(sim, call)
    local channel = call.params.ChannelID
    for _, template in ipairs(call.body) do
        template.ChannelID = channel
        sim.integrations.templates:put(key(channel, template.TemplateID), template)
    end
    return reply.code()
end

--- The templates of a channel.
function M.channel_templates(sim, channel)
    return sim.integrations.templates:all(function(template) return template.ChannelID == channel end)
end

function M.templates(sim, call)
    local rows = {}
    for i, template in ipairs(M.channel_templates(sim, call.params.ChannelID)) do
        rows[i] = { template.TemplateID, template.TemplateName }
    end
    return reply.rows(call, "Template", { "TemplateID", "TemplateName" }, rows)
end

function M.template_details(sim, call)
    local params, rows = call.params, {}
    local template = sim.integrations.templates.records[key(params.ChannelID, params.TemplateID)]
    if template then
        local name = template.TemplateName
        rows[1] = { ("<p>%s</p>"):format(name), json.array { "Sender", "sender@example.com", name } }
    end
    return reply.rows(call, "TemplateDetails", { "TemplateContent", "TemplateAttributes" }, rows)
end

function M.delete_templates(sim, call)
    for _, template in ipairs(call.body) do
        sim.integrations.templates:remove(key(template.ChannelID, template.TemplateID))
    end
    return reply.code()
end

function M.add_apps(sim, call)
    local channel = call.params.ChannelID
    for _, app in ipairs(call.body) do
        app.ChannelID = channel
        sim.integrations.apps:put(key(channel, app.AppID), app)
    end
    return reply.code()
end

function M.delete_apps(sim, call)
    for _, app in ipairs(call.body) do sim.integrations.apps:remove(key(app.ChannelID, app.AppID)) end
    return reply.code()
end

-- Campaigns.

function M.add_metrics(sim, call)
    for _, metric in ipairs(call.body) do table.insert(sim.integrations.metrics, metric) end
    return reply.nothing()
end

--- Counts add up over calls: each is kept.
function M.add_interactions(sim, call)
    call.body.RecipientGroupID = call.body.RecipientGroupID or 1
    table.insert(sim.integrations.interactions, call.body)
    return reply.nothing()
end

function M.set_promotion_status(sim, call)
    local all = sim.integrations.promotion_status
    local campaign = tostring(call.body.CampaignID)
    all[campaign] = all[campaign] or {}
    for _, update in ipairs(call.body.PromosUpdated) do all[campaign][update.CustomerID] = update.Status end
    return reply.nothing()
end

function M.set_preference(sim, call)
    local body = call.body
    for _, id in ipairs(body.CustomerIDs) do
        sim.integrations.preferences:put(key(body.ChannelID, id), {
            CustomerID = id, ChannelID = body.ChannelID, CommunicationMode = body.CommunicationMode,
        })
    end
    return reply.nothing()
end

--- There is one gateway; it is replaced.
function M.set_gateway(sim, call)
    sim.integrations.gateway = call.body
    return reply.nothing()
end

return M
