--- Simulator of the OmniSegment External API: where key and tenant must be, ten requests per second
-- and path, required fields and their types, both failure bodies, members that can be asked for.

local json = require "neap.native.json"
local members = require "neap.sandbox.omnisegment.members"
local events = require "neap.sandbox.omnisegment.events"
local reply = require "neap.sandbox.omnisegment.reply"
local reports = require "neap.sandbox.omnisegment.reports"

local M = {}

--- Routes: method and path (the slash at the end belongs to it) -> endpoint, the path that shares its
-- allowance, where key and tenant are, what it does.
local ROUTES = {
    ["POST /ma_audience/import-audience/"] = {
        name = "import_audience", key = "body", tenant = "body", run = members.import,
        missing = "Missing Input Error: These values are required in post data : api_key, tid, data",
        required = { "api_key", "tid", "data" },
    },
    ["POST /api/v1/beacon/track-event/"] = {
        name = "track_event", key = "header", tenant = "body", run = events.track,
        missing = "Missing required fields: client_id, tid, hit_type",
        required = { "client_id", "tid", "hit_type" },
    },
    ["POST /api/v1/interaction-report/"] = {
        name = "create_interaction_report", key = "header", tenant = "query", run = reports.create,
        missing = "Missing required fields: report_name, start_date, end_date",
        required = { "report_name", "start_date", "end_date" },
    },
    ["GET /api/v1/interaction-report/"] = {
        name = "list_interaction_reports", key = "header", tenant = "query", run = reports.list,
    },
}

local GET_REPORT = {
    name = "get_interaction_report", key = "header", tenant = "query", run = reports.get,
}

local Omni = { endpoints = { GET_REPORT.name } }
Omni.__index = Omni
for _, route in pairs(ROUTES) do Omni.endpoints[#Omni.endpoints + 1] = route.name end
table.sort(Omni.endpoints)

local function route_of(req)
    local route = ROUTES[req.method .. " " .. req.path]
    if route then return route, req.path end
    local group = req.method == "GET" and req.path:match "^(/api/v1/interaction%-report/)%d+/$"
    if group then return GET_REPORT, group end
end

function Omni.endpoint(_, req)
    local route = route_of(req)
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

local function is_missing(value)
    return value == nil or value == json.null or value == ""
end

local function missing_fields(route, body)
    for _, name in ipairs(route.required or {}) do
        if is_missing(body[name]) then return true end
    end
    return false
end

--- Is the key right, where the endpoint has it and nowhere else?
function Omni:has_key(route, req, body)
    if route.key == "body" then return body.api_key == self.settings.key end
    return req:header "x-omnisegment-api-key" == self.settings.key
end

--- Key, tenant and required fields. -> response when refused
function Omni:refused(route, req, body)
    local forbidden = route.key == "body" and "Forbidden: invalid api_key or tid"
        or "Forbidden: invalid X-OmniSegment-Api-Key"
    local tid = req.args.tid
    if route.tenant == "body" then tid = body.tid end
    -- A key in the body may itself be missing; one in the header is judged before the body.
    if route.key == "body" and missing_fields(route, body) then
        return reply.fail(400, route.missing)
    end
    if not self:has_key(route, req, body) then return reply.fail(403, forbidden) end
    if route.tenant == "query" and is_missing(tid) then
        return reply.fail(400, "Missing required parameter: tid")
    end
    if body and missing_fields(route, body) then return reply.fail(400, route.missing) end
    if tid ~= self.settings.tid then return reply.fail(403, forbidden) end
end

local NOT_FOUND = {
    status = 404, body = "<h1>Not Found</h1>", headers = { ["Content-Type"] = "text/html" },
}

function Omni:respond(req)
    local file = req.method == "GET" and req.path:match "^/files/([%w.-]+)$"
    if file then return self.reports:serve(file) end
    local route, group = route_of(req)
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

--- "members": all; "member:VALUE": the one with that member_sn; "events": how many; "event:TRANSACTION":
-- how often that transaction was counted; "reports".
function Omni:snapshot(what)
    local kind, value = what:match "^(%a+):?(.*)$"
    if kind == "members" then return self.members:all() end
    if kind == "count" then return self.members:count() end
    if kind == "member" then return self.members:find("member_sn", value) end
    if kind == "events" then return self.event_count end
    if kind == "event" then return self.event_ids[value] or 0 end
    if kind == "reports" then return self.reports:all() end
end

function M.new(env)
    return setmetatable({
        env = env, settings = env.settings, limiter = env.limiter(10, 1),
        members = members.new(), reports = reports.new(env), event_count = 0, event_ids = {},
    }, Omni)
end

return M
