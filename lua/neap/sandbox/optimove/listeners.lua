--- Event listeners of the Optimove simulator. Events come on demand:
--
--   POST /sandbox/emit {"EventTypeID":13,"CampaignID":1,"ChannelID":504,"count":500,"repeat":0.2}
--
-- makes `count` of them, of consecutive campaigns (type 11: of consecutive customers), and sends each
-- to every listener of its type; of these sends the share `repeat` is made a second time, some events
-- later. It answers when all are sent: {"events":500,"posts":598,"delivered":598}.

local attributes = require "neap.sandbox.optimove.attributes"
local calendar = require "neap.sandbox.optimove.calendar"
local json = require "neap.native.json"
local reply = require "neap.sandbox.optimove.reply"
local types = require "neap.sandbox.optimove.types"

local M = {}

local CLEARANCE_S = 3600
local CANCELED_READABLE_S = 7200
local REPEATED_AFTER = 10

local Listeners = {}
Listeners.__index = Listeners

function M.new(env, notices)
    return setmetatable({
        env = env, notices = notices, list = json.array {}, canceled = {}, held = {}, events = 0,
    }, Listeners)
end

--- Types that RegisterEventListener takes; 14 is set up elsewhere.
M.type = types.code(1, 2, 3, 4, 5, 11, 13)

local HOLD = 5

--- The URL, which some send percent-encoded.
local function read_url(url)
    if url:find "^https?%%3[Aa]" then
        url = url:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
    end
    return url:find "^https?://[^/]" and url
end

local function find(self, event_type, channel)
    for i, listener in ipairs(self.list) do
        if listener.EventTypeID == event_type and listener.ChannelID == channel then return i end
    end
end

function M.register(sim, call)
    local self, body = sim.listeners, call.body
    local url = read_url(body.ListenerURL)
    if not url then return reply.text(400, "Invalid parameter ListenerURL: expected an http or https URL") end
    if body.EventTypeID == HOLD and body.ChannelID then
        return reply.text(400, "Invalid parameter ChannelID: not allowed with EventTypeID 5")
    end
    local listener = { EventTypeID = body.EventTypeID, ListenerURL = url, ChannelID = body.ChannelID }
    self.list[find(self, body.EventTypeID, body.ChannelID) or #self.list + 1] = listener
    return reply.code()
end

function M.unregister(sim, call)
    local self = sim.listeners
    local i = find(self, call.body.EventTypeID, call.body.ChannelID)
    if i then table.remove(self.list, i) end
    return reply.code()
end

local FIELDS = { "EventTypeID", "ListenerURL", "ChannelID" }

function M.registered(sim, call)
    local rows = {}
    for i, listener in ipairs(sim.listeners.list) do
        rows[i] = { listener.EventTypeID, listener.ListenerURL, listener.ChannelID or json.null }
    end
    return reply.rows(call, "EventListener", FIELDS, rows)
end

-- Payloads, in the letter case in which receivers have seen them.

local function plain(event)
    return { EventTypeID = event.type, TimeStamp = event.time }
end

local function with_campaign(event)
    return { EventTypeID = event.type, TimeStamp = event.time, CampaignID = event.campaign }
end

local PAYLOADS = { with_campaign, plain, plain, with_campaign }

PAYLOADS[HOLD] = function(event)
    local payload = with_campaign(event)
    payload.ClearanceRequiredBy = event.clearance
    return payload
end

PAYLOADS[11] = function(event)
    return {
        campaignID = event.campaign, customerID = attributes.id(event.number),
        promoCode = json.array { ("PROMO-%d-1"):format(event.campaign) }, notes = '{"duration":7}',
    }
end

--- One channel's execution: two forms are known, here in turn.
PAYLOADS[13] = function(event)
    if event.number % 2 == 1 then
        return {
            eventTypeId = 13, timeStamp = event.time, campaignId = event.campaign, channelId = event.channel,
        }
    end
    local payload = with_campaign(event)
    payload.ChannelID = event.channel
    return payload
end

-- Events on demand.

local function moment(env, seconds)
    local second = env.wall_ms() // 1000 + seconds
    return calendar.moment(second // 86400, second % 86400)
end

--- What the event itself changes.
local function take_effect(self, event)
    if event.type == 4 then self.canceled[event.campaign] = self.env.now() end
    if event.type == HOLD then self.held[event.campaign] = self.env.now() end
end

--- Are the customers of a canceled campaign readable?
function Listeners:is_canceled(campaign)
    local at = self.canceled[campaign]
    return at ~= nil and self.env.now() - at < CANCELED_READABLE_S
end

--- Does a campaign wait for clearance?
function Listeners:is_held(campaign)
    local at = self.held[campaign]
    return at ~= nil and self.env.now() - at < CLEARANCE_S
end

local function urls_for(self, event)
    local urls = {}
    for _, listener in ipairs(self.list) do
        if listener.EventTypeID == event.type and
            (listener.ChannelID == nil or listener.ChannelID == event.channel) then
            urls[#urls + 1] = listener.ListenerURL
        end
    end
    return urls
end

local Order = types.object {
    { "EventTypeID!", M.type }, "CampaignID integer", "ChannelID integer", "count integer", "repeat double",
}

local function post(self, notice, answer)
    answer.posts = answer.posts + 1
    if self.notices:send(notice.url, notice.payload) then answer.delivered = answer.delivered + 1 end
end

local function flush(self, late, answer)
    for _, notice in ipairs(late) do post(self, notice, answer) end
end

--- One event, to all its listeners. Draws one random number per send.
local function emit(self, event, order, late, answer)
    take_effect(self, event)
    self.events = self.events + 1
    for _, url in ipairs(urls_for(self, event)) do
        local notice = { url = url, payload = PAYLOADS[event.type](event) }
        post(self, notice, answer)
        if self.env.random() < (order["repeat"] or 0) then late[#late + 1] = notice end
    end
end

--- The request POST /sandbox/emit.
function Listeners:order(req)
    local order, fault = Order.json(req:json() or json.null, "body")
    if not order then return reply.text(400, fault) end
    local late, answer = {}, { events = order.count or 1, posts = 0, delivered = 0 }
    for i = 1, answer.events do
        emit(self, {
            type = order.EventTypeID, number = i, time = moment(self.env, 0),
            campaign = (order.CampaignID or 1) + (order.EventTypeID == 11 and 0 or i - 1),
            channel = order.ChannelID or 504, clearance = moment(self.env, CLEARANCE_S),
        }, order, late, answer)
        if #late >= REPEATED_AFTER then
            flush(self, late, answer)
            late = {}
        end
    end
    flush(self, late, answer)
    return reply.json(200, answer)
end

return M
