--- Simulator of the Optimove API: credentials and their life, 2,000 calls per hour, methods and paths, the
-- types of all parameters, pages, JSON and XML, what is written, and event listeners. optimove/functions.lua
-- lists the functions; each noun has a file beside it.
--
-- It is as strict as the vendor's pages; where they are silent it is stricter than a guess would be. There
-- is one account: an API key, or user name "sandbox" with the same key as password. Data follow from
-- numbers alone, not from the seed: 25,000 customers, campaigns since 2015-01-01, up to the last data
-- update, which moves at 06:00 UTC. ActionID 2 is everybody's, every day; an ActionID from 1,000,000 on has
-- as many customers as it is above that.
--
-- For whom it serves there are, without credential and limit:
--   POST /sandbox/population {"customers":250000}    how many customers there are
--   POST /sandbox/emit {"EventTypeID":13,...}        events for the listeners, see optimove/listeners.lua

local attributes = require "neap.sandbox.optimove.attributes"
local calendar = require "neap.sandbox.optimove.calendar"
local campaigns = require "neap.sandbox.optimove.campaigns"
local functions = require "neap.sandbox.optimove.functions"
local integrations = require "neap.sandbox.optimove.integrations"
local json = require "neap.native.json"
local listeners = require "neap.sandbox.optimove.listeners"
local mail = require "neap.sandbox.optimove.mail"
local notices = require "neap.sandbox.optimove.notices"
local params = require "neap.sandbox.optimove.params"
local reply = require "neap.sandbox.optimove.reply"
local session = require "neap.sandbox.optimove.session"
local types = require "neap.sandbox.optimove.types"

local M = {}

local CALLS, PERIOD_S = 2000, 3600
local POPULATION = 25000

local Optimove = { endpoints = functions.names }
Optimove.__index = Optimove

function Optimove.endpoint(_, req)
    local entry = functions.find(req.path)
    return entry and entry.method == req.method and entry.name or nil
end

function Optimove.failure(_, status, message)
    return status == 429 and reply.limit_value(message) or message
end

-- Data.

--- The day of the last data update.
function Optimove:last_update() return calendar.last_update(self.env.wall_ms()) end

--- The day of a date that has data, else nil.
function Optimove:day(text)
    local day = calendar.number(text)
    return day >= calendar.FIRST and day <= self:last_update() and day or nil
end

--- A campaign that was handed over by the last data update, else nil.
function Optimove:campaign(id)
    local campaign = id >= 1 and id < 1 << 32 and campaigns.get(id)
    return campaign and campaigns.due(campaign) <= self:last_update() and campaign or nil
end

-- Calls.

--- Does the caller want XML? The first of both that Accept names counts.
local function wants_xml(req)
    local accept = (req:header "accept" or ""):lower()
    local xml, plain = accept:find "/xml%f[^%w]", accept:find "/json%f[^%w]"
    return xml ~= nil and (plain == nil or xml < plain)
end

--- Credential, then the hourly limit. -> response when refused
function Optimove:refused(entry, req)
    local res = not entry.open and self.session:refused(req)
    if res and res.status == 401 then return res end
    if not entry.exempt and not self.limiter:arrive("client", req.at) then return reply.too_many() end
    return res or nil
end

--- Reads all that a call has. -> response when something is wrong with it
function Optimove:read(call, entry, req)
    local fault = params.query(call, entry, req.query, self.attributes)
    if fault then return reply.text(400, fault) end
    if entry.free then
        call.body = req.body and req:json()
        return nil
    end
    if not entry.body then return nil end
    local body, status
    body, status, fault = params.body(entry, req)
    if body == nil then return reply.text(status, fault) end
    call.body = body
end

function Optimove:count(name)
    self.calls[name] = (self.calls[name] or 0) + 1
end

local Population = types.object { "customers! integer" }

--- Requests to the sandbox itself.
function Optimove:control(req)
    if req.method ~= "POST" then return reply.quoted(405, "Method Not Allowed") end
    if req.path == "/sandbox/emit" then return self.listeners:order(req) end
    local order, fault = Population.json(req:json() or json.null, "body")
    if not order then return reply.text(400, fault) end
    if order.customers < 1 or order.customers > 99999999 then
        return reply.text(400, "Invalid parameter customers: expected 1 to 99999999")
    end
    self.population = order.customers
    return reply.json(200, { customers = self.population })
end

local CONTROLS = { ["/sandbox/emit"] = true, ["/sandbox/population"] = true }

function Optimove:respond(req)
    if CONTROLS[req.path] then return self:control(req) end
    local entry, is_current, path_params = functions.find(req.path)
    if not entry then return reply.quoted(404, "Not Found") end
    if entry.method ~= req.method then
        self.session:refused(req) -- a call all the same: its token slides
        return reply.quoted(405, "Method Not Allowed")
    end
    local res = self:refused(entry, req)
    if res then return res end
    self:count(entry.name)
    local call = {
        req = req, entry = entry, is_current = is_current, params = path_params,
        xml = req.method == "GET" and wants_xml(req),
    }
    return self:read(call, entry, req) or entry.run(self, call)
end

-- Snapshots.

local ASK = {
    calls = function(self, name) return name == "" and self.calls or self.calls[name] or 0 end,
    logins = function(self) return self.session.logins end,
    population = function(self) return self.population end,
    listeners = function(self) return self.listeners.list end,
    events = function(self) return self.listeners.events end,
    notices = function(self) return self.notices.list end,
    promotions = function(self) return self.integrations.promotions:all() end,
    templates = function(self, channel) return integrations.channel_templates(self, tonumber(channel)) end,
    apps = function(self) return self.integrations.apps:all() end,
    preferences = function(self) return self.integrations.preferences:all() end,
    metrics = function(self) return self.integrations.metrics end,
    interactions = function(self) return self.integrations.interactions end,
    promotion_status = function(self, campaign) return self.integrations.promotion_status[campaign] end,
    gateway = function(self) return self.integrations.gateway end,
    attributes = function(self, id) return self.attributes.changes[id] end,
    unsubscribers = mail.addresses,
    mails = function(self) return self.mail.mails end,
}

--- "calls": by function, those that credential and limit let pass; "calls:Login": of one. "logins": tokens
-- given out. "population". "listeners", "events" (how many), "notices": what was sent to URLs, with the status
-- of the answer. "promotions", "templates:504", "apps", "preferences", "metrics", "interactions",
-- "promotion_status:7" (customer -> status), "gateway", "attributes:00000001" (what was overwritten),
-- "unsubscribers:1", "mails".
function Optimove:snapshot(what)
    local kind, value = what:match "^([%a_]+):?(.*)$"
    local ask = ASK[kind]
    if ask then return ask(self, value) end
end

function M.new(env)
    local sender = notices.new(env)
    return setmetatable({
        env = env, limiter = env.limiter(CALLS, PERIOD_S), session = session.new(env), population = POPULATION,
        attributes = attributes.new(), integrations = integrations.new(), mail = mail.new(), notices = sender,
        listeners = listeners.new(env, sender), calls = {}, requests = 0,
    }, Optimove)
end

return M
