--- The interactive-audiences report of the OmniSegment simulator: one a day, without an id; the list of
-- the last day has the address of the file, which lives for seven days.
--
-- The vendor says neither in whose zone a day ends nor how a second report is refused: a date counts as
-- within the last 30 days if it does anywhere between UTC and Japan (+09), and the second report within
-- 24 hours is a 429.

local check = require "neap.sandbox.omnisegment.check"
local files = require "neap.sandbox.omnisegment.report_files"
local json = require "neap.native.json"
local lang = require "neap.lang"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local DAY_S = 86400
local MAX_AGE_DAYS = 30
local EASTMOST_S = 9 * 3600
local READY_AFTER_S = 90
local LINK_LIVES_S = 7 * DAY_S
local ROWS = 200

local Interactive = {}
Interactive.__index = Interactive

function M.new(env)
    return setmetatable({ env = env, list = {}, limiter = env.limiter(1, DAY_S) }, Interactive)
end

local SPAN = check.record { { "start_date", check.day }, { "end_date", check.day } }

--- -> whole message
local function span_fault(body, wall_ms)
    local fault = SPAN(body, "body")
    if fault then return "Input Error: " .. fault end
    local from, to = lang.day_number(lang.date(body.start_date)), lang.day_number(lang.date(body.end_date))
    local now = wall_ms // 1000
    local oldest, newest = now // DAY_S - MAX_AGE_DAYS, (now + EASTMOST_S) // DAY_S
    if from < oldest or to < oldest or from > newest or to > newest then
        return "start_date and end_date must be within the last 30 days"
    end
    if to < from then return "Input Error: end_date is before start_date" end
end

--- Refused requests are not counted.
function M.create(sim, req, body)
    local self = sim.interactive
    local fault = span_fault(body, sim.env.wall_ms())
    if fault then return reply.fail(400, fault) end
    if not self.limiter:arrive("create", req.at) then
        return reply.fail(429, "Request was throttled: 1 report per day")
    end
    self.list[#self.list + 1] = {
        at = sim.env.now(), start_date = body.start_date, end_date = body.end_date,
        report_name = ("interactive-audiences-%s-%s"):format(body.start_date, body.end_date),
    }
    return reply.ok(json.null)
end

function Interactive:is_ready(report)
    return self.env.now() - report.at >= READY_AFTER_S
end

local LINE = { "report_name", "status", "file_url", "start_date", "end_date" }

function Interactive:line(i, base)
    local report = self.list[i]
    local is_ready = self:is_ready(report)
    return json.object({
        report_name = report.report_name, status = is_ready and "SUCCESS" or "RUNNING",
        file_url = is_ready and ("%s/files/interactive-audiences-report-%d.json"):format(base, i) or json.null,
        start_date = report.start_date, end_date = report.end_date,
    }, LINE)
end

--- All reports, for the snapshot; file_url without the address of the sandbox.
function Interactive:all()
    local rows = json.array {}
    for i in ipairs(self.list) do rows[i] = self:line(i, "") end
    return rows
end

function M.list(sim, req)
    local self, rows = sim.interactive, json.array {}
    local now, base = sim.env.now(), sim.env.base(req)
    for i, report in ipairs(self.list) do
        if now - report.at <= DAY_S then rows[#rows + 1] = self:line(i, base) end
    end
    return reply.ok(rows)
end

local ROW = '{"member_sn":"M%06d","is_headless_acc":%s,"tags":["vip","group %d"],"cid_objects":[{"cid":"cid-%d",'
    .. '"webpush_info":{"endpoint":"https://push.example.com/%d","p256dh":"key-%d","auth":"auth-%d",'
    .. '"expirationTime":null},"fcm_token":"token-%d"}]}\n'

local function row(i)
    return ROW:format(i, i % 10 == 0, i % 7, i, i, i, i, i)
end

--- The file behind file_url. nil: no such file, not yet or no more.
function Interactive:serve(name)
    local report = self.list[tonumber(name:match "^interactive%-audiences%-report%-(%d+)%.json$") or 0]
    if not report or not self:is_ready(report) then return nil end
    if self.env.now() - report.at > LINK_LIVES_S then return nil end
    return { headers = { ["Content-Type"] = "application/json" }, stream = files.stream("", ROWS, row) }
end

return M
