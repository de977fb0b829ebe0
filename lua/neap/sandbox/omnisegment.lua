--- Simulator of the OmniSegment External API: where key and tenant must be, ten requests per second
-- and path, required fields and their types, the failure bodies, and what was imported, which can be
-- asked for. Each noun has a file in omnisegment/; routes.lua lists the endpoints.
--
-- It is as strict as the vendor's pages and no stricter. Where they are silent: names that no page
-- lists pass and are stored; a batch with a bad row is refused as a whole.

local check = require "neap.sandbox.omnisegment.check"
local contacts = require "neap.sandbox.omnisegment.contacts"
local interactive = require "neap.sandbox.omnisegment.interactive"
local json = require "neap.native.json"
local member_store = require "neap.sandbox.omnisegment.member_store"
local products = require "neap.sandbox.omnisegment.products"
local reply = require "neap.sandbox.omnisegment.reply"
local reports = require "neap.sandbox.omnisegment.reports"
local routes = require "neap.sandbox.omnisegment.routes"
local store = require "neap.sandbox.omnisegment.store"

local M = {}

local Omni = { endpoints = routes.names }
Omni.__index = Omni

function Omni.endpoint(_, req)
    local route = routes.find(req)
    return route and route.name
end

function Omni.failure(_, _, message)
    return reply.short(message)
end

--- -> body | nil, response
local function read_body(req)
    local content_type = req:header "content-type"
    if not content_type or not content_type:find("application/json", 1, true) then
        return nil, reply.fail(400, "Input Error: Content-Type must be application/json")
    end
    local body = req:json()
    if type(body) ~= "table" or json.is_array(body) then
        return nil, reply.fail(400, "Input Error: the body is no JSON object")
    end
    return body
end

local function missing_fields(route, body)
    for _, name in ipairs(route.required or {}) do
        if check.is_empty(body[name]) then return true end
    end
    return false
end

--- Is the key right, where the endpoint has it and nowhere else?
function Omni:has_key(route, req, body)
    if route.key == "body" then return body.api_key == self.settings.key end
    return req:header "x-omnisegment-api-key" == self.settings.key
end

local FORBIDDEN = {
    body = "Forbidden: invalid api_key or tid", header = "Forbidden: invalid X-OmniSegment-Api-Key",
}

--- Key, tenant and required fields. -> response when refused
function Omni:refused(route, req, body)
    local tid = req.args.tid
    if route.tenant == "body" then tid = body.tid end
    local forbidden = FORBIDDEN[route.key]
    if route.no_key and check.is_empty(body.api_key) then return reply.fail(403, route.no_key) end
    -- A key in the body may itself be missing; one in the header is judged before the body.
    if route.key == "body" and missing_fields(route, body) then
        return reply.fail(400, route.missing, route.form)
    end
    if not self:has_key(route, req, body) then return reply.fail(403, forbidden) end
    if route.tenant == "query" and check.is_empty(tid) then
        return reply.fail(400, "Missing required parameter: tid")
    end
    if body and missing_fields(route, body) then return reply.fail(400, route.missing) end
    if tid ~= self.settings.tid then return reply.fail(403, forbidden) end
end

local NOT_FOUND = {
    status = 404, body = "<h1>Not Found</h1>", headers = { ["Content-Type"] = "text/html" },
}

function Omni:serve(file)
    return self.reports:serve(file) or self.interactive:serve(file) or { status = 404, body = "no such file" }
end

function Omni:respond(req)
    local file = req.method == "GET" and req.path:match "^/files/([%w.-]+)$"
    if file then return self:serve(file) end
    local route, group = routes.find(req)
    if not route then return NOT_FOUND end
    if not self.limiter:arrive(group, req.at) then
        return reply.fail(429, "Request was throttled: 10 requests per second")
    end
    local body, refused
    if req.method == "POST" then
        body, refused = read_body(req)
        if not body then return refused end
    end
    refused = self:refused(route, req, body)
    if refused then return refused end
    return route.run(self, req, body)
end

--- Stores that count as one noun each.
local STORES = { "members", "orders", "products", "registrations", "guarantees", "vouchers", "accounts" }

local function counts(self)
    local all = {
        events = self.event_count, order_errors = #self.order_errors,
        reports = #self.reports:all "interaction", tracking_reports = #self.reports:all "tracking",
        interactive_reports = #self.interactive.list, blacklisted = 0,
    }
    for _, name in ipairs(STORES) do all[name] = self[name]:count() end
    for key in pairs(self.blacklists) do
        all.blacklisted = all.blacklisted + #contacts.blacklisted(self, key)
    end
    return all
end

--- What can be asked for, besides a store's name (all records) and its singular with a key.
local ASK = {
    count = function(self) return self.members:count() end,
    counts = counts,
    member = function(self, sn) return self.members:find("member_sn", sn) end,
    events = function(self) return self.event_count end,
    event = function(self, id) return self.event_ids[id] or 0 end,
    reports = function(self) return self.reports:all "interaction" end,
    tracking_reports = function(self) return self.reports:all "tracking" end,
    interactive_reports = function(self) return self.interactive:all() end,
    order_errors = function(self) return self.order_errors end,
    blacklist = contacts.blacklisted,
}

for _, name in ipairs(STORES) do
    local one = name:sub(1, -2)
    ASK[name] = function(self) return self[name]:all() end
    ASK[one] = ASK[one] or function(self, key) return self[name]:get(key) end
end

--- "counts": how many of each noun. "members", "orders", "products", "registrations", "guarantees",
-- "vouchers", "accounts": all records; "member:M1", "order:T1", "product:P1" (or "product:CRM:C1"),
-- "registration:EVENT:MEMBER", "guarantee:W1", "voucher:V1", "account:M1": one of them, with `imports`,
-- or nil. "order_errors": orders that debug_mode 0 dropped. "blacklist:email": the values on it, sorted.
-- "count": members. "events": how many; "event:TRANSACTION": how often that one was counted.
-- "reports", "tracking_reports", "interactive_reports": as the lists show them, however old.
function Omni:snapshot(what)
    local kind, value = what:match "^([%a_]+):?(.*)$"
    local ask = ASK[kind]
    if ask then return ask(self, value) end
end

function M.new(env)
    return setmetatable({
        env = env, settings = env.settings, limiter = env.limiter(10, 1),
        members = member_store.new(), orders = store.new(), order_errors = json.array {},
        products = products.new(), registrations = store.new(), guarantees = store.new(),
        vouchers = store.new(), accounts = store.new(), blacklists = {},
        reports = reports.new(env), interactive = interactive.new(env),
        event_count = 0, event_ids = {},
    }, Omni)
end

return M
