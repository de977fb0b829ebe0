--- Files behind the reports of the OmniSegment simulator, made row by row while they are sent. A row
-- follows from its number alone.

local date = require "neap.lang.date"

local M = {}

local DEFAULT_ROWS = 200
local ROWS_PER_CHUNK = 200

--- Streams `count` rows, some at a time.
---@param head string before the first row
---@param row fun(i: integer): string
function M.stream(head, count, row)
    return function(write)
        local chunk = { head }
        for i = 1, count do
            chunk[#chunk + 1] = row(i)
            if #chunk >= ROWS_PER_CHUNK then
                if not write(table.concat(chunk)) then return end
                chunk = {}
            end
        end
        if #chunk > 0 then write(table.concat(chunk)) end
    end
end

-- Interactions: one JSON object per line, with escaped slashes and the odd time form, as the vendor's
-- sample has them.

local CHANNELS = { "email", "line", "sms" }

local INTERACTION = '{"member_sn":"M%06d","channel_type":"%s","template_id":%d,"template_name":"Template %d",'
    .. '"template_title":%s,"delivery_time":"2022-12-31 16:00:00+00","open":%s,"open_time":%s,'
    .. '"click":%s,"click_event":%s,"email_status":null}\n'
local CLICK = '[{"click_link":"https:\\/\\/shop.example.com\\/","click_time":"2023-01-01 08:01:00+00"}]'

local function interaction(i)
    local channel = CHANNELS[i % 3 + 1]
    local opened = i % 2 == 0
    local clicked = i % 4 == 0
    return INTERACTION:format(i, channel, i % 7, i % 7, channel == "email" and '"Hello"' or "null", opened,
        opened and '["2023-01-01 08:00:00+00"]' or "null", clicked, clicked and CLICK or "null")
end

-- Tracking events: CSV as RFC 4180 quotes it.

local COLUMNS = "member_sn,event_time,event_name,user_engagement_duration,page_url,device,session_id,cid"
local EVENT = '%s,%s,%s,%s,"https://shop.example.com/p/%d?from=mail,list",%s,%d,cid-%d%s\n'
local EVENTS = { "PageView", "AddToCart", "PageView", "Purchase", "Search" }
local DEVICES = { "PC", "ANDROID", "IPHONE" }
local STEP_S = 37 -- between two events

local RAW = '{"t":"%s","ea":"%s","dl":"https://shop.example.com/p/%d","pr_nm":"Cup, large","ti":%d}'
--- JSON text in a cell: its quotes are doubled.
local RAW_CELL = ',"' .. RAW:gsub('"', '""') .. '"'

local function raw_data(i, name)
    return RAW_CELL:format(name == "PageView" and "pageview" or "event", name, i % 50, i)
end

--- Time on a page; the day part is missing under a day, other events have none.
local function engagement(i, name)
    if name ~= "PageView" then return "" end
    local time = ("%02d:%02d:%02d"):format(i % 24, i % 60, i * 7 % 60)
    return i % 50 == 0 and "1 day " .. time or time
end

local function tracking(report)
    local first = date.date(report.start_date)
    local from = date.day_number(first) * 86400
    local seconds = (date.days_between(first, report.end_date) + 1) * 86400
    return function(i)
        local name = EVENTS[i % #EVENTS + 1]
        local member = report.include_anonymous_user and i % 5 == 0 and "" or ("M%06d"):format(i % 1000)
        local at = os.date("!%Y-%m-%d %H:%M:%S+00", from + i * STEP_S % seconds)
        return EVENT:format(member, at, name, engagement(i, name), i % 50, DEVICES[i % #DEVICES + 1],
            1700000000 + i // 10, i % 2000, report.include_event_raw_data and raw_data(i, name) or "")
    end
end

--- The file of a report, by its kind.
local KINDS = {
    interaction = {
        name = "interaction-report-%d.json", type = "application/json",
        head = function() return "" end, rows = function() return interaction end,
    },
    tracking = {
        name = "tracking-event-report-%d.csv", type = "text/csv",
        head = function(report)
            return COLUMNS .. (report.include_event_raw_data and ",event_raw_data" or "") .. "\n"
        end,
        rows = tracking,
    },
}

function M.name(report)
    return KINDS[report.kind].name:format(report.report_id)
end

function M.response(report)
    local kind = KINDS[report.kind]
    local count = tonumber(report.report_name:match "rows=(%d+)") or DEFAULT_ROWS
    return {
        headers = { ["Content-Type"] = kind.type },
        stream = M.stream(kind.head(report), count, kind.rows(report)),
    }
end

return M
