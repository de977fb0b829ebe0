--- Reports of the OmniSegment simulator: ordered, RUNNING for a while, then SUCCESS with a file of
-- one JSON object per line. A report whose name contains "fail" ends as FAIL, "never" keeps running,
-- "rows=N" sets the number of rows.

local json = require "neap.native.json"
local lang = require "neap.lang"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local READY_AFTER_S = 90
local LISTED_FOR_S = 86400
local DEFAULT_ROWS = 200
local MAX_SPAN_DAYS = 31
local ROWS_PER_CHUNK = 200

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

function Reports:all()
    local list = json.array {}
    for i, report in ipairs(self.list) do list[i] = self:line(report) end
    return list
end

local function span_fault(body)
    for _, name in ipairs { "report_name", "start_date", "end_date" } do
        if type(body[name]) ~= "string" then
            return ("Input Error: %s should be a string"):format(name)
        end
    end
    local from, to = lang.date(body.start_date), lang.date(body.end_date)
    if not from or not to then return "Input Error: dates should be YYYY-MM-DD" end
    local days = lang.days_between(from, to)
    if days < 0 then return "Input Error: end_date is before start_date" end
    if days > MAX_SPAN_DAYS then return "Date range cannot exceed 31 days" end
end

function M.create(sim, _, body)
    local fault = span_fault(body)
    if fault then return reply.fail(400, fault) end
    local list = sim.reports.list
    local report = { report_id = #list + 1, report_name = body.report_name, at = sim.env.now() }
    list[#list + 1] = report
    return reply.ok { report_id = report.report_id }
end

function M.list(sim)
    local now, rows = sim.env.now(), json.array {}
    for _, report in ipairs(sim.reports.list) do
        if now - report.at <= LISTED_FOR_S then
            rows[#rows + 1] = sim.reports:line(report)
        end
    end
    return reply.ok(rows)
end

function M.get(sim, req)
    local report = sim.reports.list[tonumber(req.path:match "(%d+)/$")]
    if not report then return reply.fail(400, "Report not found") end
    local status = sim.reports:status(report)
    local url = json.null
    if status == "SUCCESS" then
        url = ("%s/files/interaction-report-%d.json"):format(sim.env.base(req), report.report_id)
    end
    local state = { report_name = report.report_name, status = status, report_url = url }
    return reply.ok(json.object(state, { "report_name", "status", "report_url" }))
end

local CHANNELS = { "email", "line", "sms" }

local ROW = '{"member_sn":"M%06d","channel_type":"%s","template_id":%d,"template_name":"Template %d",'
    .. '"template_title":%s,"delivery_time":"2022-12-31 16:00:00+00","open":%s,"open_time":%s,'
    .. '"click":%s,"click_event":%s,"email_status":null}\n'
local CLICK = '[{"click_link":"https:\\/\\/shop.example.com\\/","click_time":"2023-01-01 08:01:00+00"}]'

--- One row of the file, with escaped slashes and the odd time form, as the vendor's sample has them.
local function row(i)
    local channel = CHANNELS[i % 3 + 1]
    local opened = i % 2 == 0
    local clicked = i % 4 == 0
    return ROW:format(i, channel, i % 7, i % 7, channel == "email" and '"Hello"' or "null", opened,
        opened and '["2023-01-01 08:00:00+00"]' or "null", clicked, clicked and CLICK or "null")
end

--- The file behind report_url; no key is needed.
function Reports:serve(name)
    local report = self.list[tonumber(name:match "^interaction%-report%-(%d+)%.json$") or 0]
    if not report or self:status(report) ~= "SUCCESS" then
        return { status = 404, body = "no such file" }
    end
    local rows = tonumber(report.report_name:match "rows=(%d+)") or DEFAULT_ROWS
    return {
        headers = { ["Content-Type"] = "application/json" },
        stream = function(write)
            local chunk = {}
            for i = 1, rows do
                chunk[#chunk + 1] = row(i)
                if #chunk == ROWS_PER_CHUNK or i == rows then
                    if not write(table.concat(chunk)) then return end
                    chunk = {}
                end
            end
        end,
    }
end

return M
