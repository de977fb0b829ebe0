--- Reports of the OmniSegment simulator, on interactions and on tracking events: ordered, RUNNING for a
-- while, then SUCCESS with a file (report_files.lua). A report whose name contains "fail" ends as FAIL,
-- "never" keeps running, "rows=N" sets the number of rows. Ids are given out over both kinds, so that a
-- report asked for at the wrong path is not found.

local check = require "neap.sandbox.omnisegment.check"
local files = require "neap.sandbox.omnisegment.report_files"
local json = require "neap.native.json"
local lang = require "neap.lang"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local READY_AFTER_S = 90
local LISTED_FOR_S = 86400
local MAX_SPAN_DAYS = 31

local Reports = {}
Reports.__index = Reports

function M.new(env)
    return setmetatable({ env = env, list = {} }, Reports)
end

function Reports:status(report)
    local name = report.report_name
    local is_due = self.env.now() - report.at >= READY_AFTER_S
    if not is_due or name:find("never", 1, true) then return "RUNNING" end
    return name:find("fail", 1, true) and "FAIL" or "SUCCESS"
end

local LINE = { "report_id", "report_name", "status" }

--- A report as the list shows it.
function Reports:line(report)
    return json.object({
        report_id = report.report_id, report_name = report.report_name, status = self:status(report),
    }, LINE)
end

--- The reports of a kind as the list shows them, at most so many seconds old.
function Reports:lines(kind, seconds)
    local now, rows = self.env.now(), json.array {}
    for _, report in ipairs(self.list) do
        if report.kind == kind and now - report.at <= seconds then rows[#rows + 1] = self:line(report) end
    end
    return rows
end

function Reports:all(kind)
    return self:lines(kind, math.huge)
end

local FIELDS = check.record {
    { "report_name", check.text }, { "start_date", check.text }, { "end_date", check.text },
}

--- A flag; the vendor's samples write it as text.
local function flag(value, name)
    if value ~= "true" and value ~= "false" then return check.boolean(value, name) end
end

local FLAGS = check.record { { "include_anonymous_user", flag }, { "include_event_raw_data", flag } }

--- -> whole message
local function span_fault(body)
    local from, to = lang.date(body.start_date), lang.date(body.end_date)
    if not from or not to then return "Input Error: dates should be YYYY-MM-DD" end
    local days = lang.days_between(from, to)
    if days < 0 then return "Input Error: end_date is before start_date" end
    if days > MAX_SPAN_DAYS then return "Date range cannot exceed 31 days" end
end

local function is_set(value) return value == true or value == "true" end

local function create(sim, body, kind)
    local fault = span_fault(body)
    if fault then return reply.fail(400, fault) end
    local list = sim.reports.list
    list[#list + 1] = {
        report_id = #list + 1, kind = kind, report_name = body.report_name, at = sim.env.now(),
        start_date = body.start_date, end_date = body.end_date,
        include_anonymous_user = is_set(body.include_anonymous_user),
        include_event_raw_data = is_set(body.include_event_raw_data),
    }
    return reply.ok { report_id = #list }
end

local function get(sim, req, kind)
    local report = sim.reports.list[tonumber(req.path:match "(%d+)/$")]
    if not report or report.kind ~= kind then return reply.fail(400, "Report not found") end
    local status = sim.reports:status(report)
    local url = json.null
    if status == "SUCCESS" then url = ("%s/files/%s"):format(sim.env.base(req), files.name(report)) end
    local state = { report_name = report.report_name, status = status, report_url = url }
    return reply.ok(json.object(state, { "report_name", "status", "report_url" }))
end

local function operations(kind, options)
    return {
        create = function(sim, _, body)
            local fault = FIELDS(body, "body") or options and options(body, "body")
            if fault then return reply.refuse(fault) end
            return create(sim, body, kind)
        end,
        list = function(sim) return reply.ok(sim.reports:lines(kind, LISTED_FOR_S)) end,
        get = function(sim, req) return get(sim, req, kind) end,
    }
end

M.interaction = operations "interaction"
M.tracking = operations("tracking", FLAGS)

--- The file behind report_url; no key is needed. nil: no such file.
function Reports:serve(name)
    local report = self.list[tonumber(name:match "%-(%d+)%.%a+$") or 0]
    if not report or files.name(report) ~= name or self:status(report) ~= "SUCCESS" then return nil end
    return files.response(report)
end

return M
