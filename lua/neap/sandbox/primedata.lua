--- Simulator of PrimeData's Profile API: profiles (primedata/people.lua) and their events
-- (primedata/events.lua) behind one key. It is strict where the vendor's page is: identities of the tenant
-- only, all values texts, known events, a limit from 1 to 100. Where the page is silent:
--
--   an unknown profile_id      404
--   identities of nobody       404 of get_profile, an empty page of list_events
--   a cursor of another query  400
--   fields that there are not  400
--   has_more false             without `next`
--   no `sort`                  a fixed order that is not that of time

local check = require "neap.sandbox.primedata.check"
local events = require "neap.sandbox.primedata.events"
local json = require "neap.native.json"
local people = require "neap.sandbox.primedata.people"

local M = {}

local Prime = { endpoints = { "get_profile", "list_events" } }
Prime.__index = Prime

local PATHS = {
    ["/pub/profiles/advanced-search"] = "get_profile", ["/pub/events/advanced-search"] = "list_events",
}

function Prime.endpoint(_, req)
    return req.method == "POST" and PATHS[req.path] or nil
end

local ERROR = { "code", "message" }

local function failure(code, message)
    return { error = json.object({ code = code, message = message }, ERROR) }
end

local CODES = {
    [400] = "invalid_request_error", [401] = "authentication_error", [404] = "not_found", [429] = "rate_limit_error",
}

function Prime.failure(_, status, message)
    return failure(CODES[status], message)
end

local function refuse(status, message, code)
    return { status = status, json = failure(code or CODES[status], message) }
end

--- -> body | nil, response
local function read_body(req)
    local content_type = req:header "content-type" or ""
    local body = content_type:find("application/json", 1, true) and req:json()
    if type(body) == "table" and not json.is_array(body) then return body end
    return nil, refuse(400, "Invalid request errors arise when your request has invalid parameters.")
end

--- Whose profile is meant; profile_id wins. -> number | nil: nobody's, response where that is an error
local function find(body)
    if not body.profile_id then return people.resolve(body.identities) end
    local number = people.find(body.profile_id)
    return number, not number and refuse(404, "Profile was not found.") or nil
end

local RESPOND = {}

function RESPOND.get_profile(_, body, number)
    if not number then return refuse(404, "Profile was not found.") end
    local include = body.include and check.set(body.include)
    return { json = { data = people.profile(number, body.type or people.TYPES, include) } }
end

function RESPOND.list_events(self, body, number)
    local query = check.query(body)
    local page = events.page(number, query)
    if not page then return refuse(400, ("Invalid Cursor %s"):format(body.cursor), "validation_error") end
    local kind = ("%d %s"):format(query.limit, query.sort or "unsorted")
    self.pages[kind] = (self.pages[kind] or 0) + 1
    return { json = page }
end

function Prime:respond(req)
    if not req.endpoint then return refuse(404, "The requested resource doesn't exist.") end
    if req:header "x-api-key" ~= self.key then
        return refuse(401, "Failure to properly authenticate yourself in the request.")
    end
    local body, refused = read_body(req)
    if not body then return refused end
    local fault = check.body(req.endpoint, body)
    if fault then return refuse(400, fault, "validation_error") end
    local number
    number, refused = find(body)
    return refused or RESPOND[req.endpoint](self, body, number)
end

local function all_events(number)
    local list = {}
    for index = 0, events.count(number) - 1 do list[index + 1] = events.event(number, index) end
    return json.array(list)
end

--- "count": profiles. "profile:N": the whole profile of that number; "events:N": its events, in time order.
-- "pages": how many pages were answered, by size and order: { ["100 asc"] = 7 }.
function Prime:snapshot(what)
    if what == "count" then return people.COUNT end
    if what == "pages" then return self.pages end
    local kind, number = what:match "^(%l+):(%d+)$"
    number = math.tointeger(tonumber(number))
    if not number or number < 1 or number > people.COUNT then return nil end
    if kind == "profile" then return people.profile(number, people.TYPES) end
    if kind == "events" then return all_events(number) end
end

function M.new(env)
    return setmetatable({ key = env.settings.key, pages = {} }, Prime)
end

return M
