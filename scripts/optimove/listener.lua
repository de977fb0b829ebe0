-- Takes the events that Optimove posts (neap run optimove/register-listeners has it do so): each is written to
-- events.ndjson once, whatever Optimove repeats, and "the daily process is over" starts optimove/daily-campaigns.
--
-- The URL is http://HOST:PORT/any/path/KEY: Optimove signs nothing, so the key in it is all that protects it.
--
--   neap serve optimove/listener --set listener_key=env:LISTENER_KEY --set listener_out=events --sandbox

local ATTRIBUTES, TRIGGER = "attributes", 11

--- Members by their names in lower case: Optimove's letter case drifts.
local function lower_names(body)
    local members = {}
    for name, value in pairs(body) do
        if type(name) == "string" then members[name:lower()] = value end
    end
    return members
end

--- A value as text; numbers come as numbers or as texts.
local function text_of(value)
    if value == nil or value == neap.null or type(value) == "table" then return nil end
    return tostring(math.tointeger(value) or value)
end

--- What was sent: the number of an event's type, or "attributes" for what became of a change of attributes. nil: no
-- event. The one of triggers has no type with some receivers.
local function type_of(members)
    local event = text_of(members.eventtypeid)
    if event then return math.tointeger(event) or event end
    if members.issuccess ~= nil then return ATTRIBUTES end
    if members.campaignid ~= nil and members.customerid ~= nil then return TRIGGER end
end

--- What tells an event from others: everything that identifies, and its time. Without a time all that it says, on
-- one day: the next day's may say the same.
local function key_of(event, members)
    local time, ids = text_of(members.timestamp), {}
    if not time then return ("%s %s %s"):format(event, neap.day(), neap.json.encode(members, { sorted = true })) end
    for name, value in pairs(members) do
        if name:find "id$" and name ~= "eventtypeid" and value ~= neap.null then
            ids[#ids + 1] = name .. "=" .. (text_of(value) or neap.json.encode(value, { sorted = true }))
        end
    end
    table.sort(ids)
    return ("%s %s %s"):format(event, time, table.concat(ids, " "))
end

--- Is there such a day? os.time would take the 99th of a month for one of another.
local function is_day(year, month, day)
    local at = os.date("*t", os.time { year = year, month = month, day = day, hour = 12 })
    return at.year == tonumber(year) and at.month == tonumber(month) and at.day == tonumber(day)
end

--- The day whose campaigns an event says are ready: so many before its own; its own is today where it has no time.
local function day_of(members, days_back)
    local time = text_of(members.timestamp) or ""
    local year, month, day = time:match "^(%d%d%d%d)-(%d%d)-(%d%d)"
    if not year then month, day, year = time:match "^(%d%d?)/(%d%d?)/(%d%d%d%d)" end
    if not (year and is_day(year, month, day)) then
        if time ~= "" then neap.log.warn("the time of an event is none: taken as today's", { time = time }) end
        year, month, day = neap.day():match "(%d+)-(%d+)-(%d+)"
    end
    return os.date("%Y-%m-%d", os.time { year = year, month = month, day = day - days_back, hour = 12 })
end

local function line_of(value, received_at)
    local members = lower_names(value.body)
    return neap.json.encode({
        event = value.event, received = os.date("!%Y-%m-%dT%H:%M:%SZ", received_at // 1),
        campaign = members.campaignid, channel = members.channelid, customer = members.customerid,
        time = members.timestamp, body = value.body,
    }, { sorted = true })
end

local function read_types(text)
    local types = {}
    for word in text:gmatch "[^,%s]+" do
        local number = math.tointeger(tonumber(word))
        if not number then neap.error.raise("settings", "listener_start_on: %q is no type of an event", word) end
        types[number] = true
    end
    return types
end

--- Writes down what arrived; an event of a type that starts the flow asks for it.
local function record(out, types, runs)
    local path = out .. "/events.ndjson"
    return function(value, _, entry)
        local line = line_of(value, entry.received_at)
        local written, err = neap.append(path, line, { once = entry.attempt > 1 })
        if written == nil then return nil, err end
        if not types[value.event] then return true end
        local asked, failed = runs:put(value.day, { date = value.day }, { again = true })
        return asked ~= nil, failed
    end
end

--- Runs the flow for a day.
local function run(settings, folder)
    return function(value)
        neap.log.info("flow started", { flow = settings.listener_flow, date = value.date })
        local result, err = neap.flow(settings.listener_flow, {
            date = value.date, out = folder .. "/" .. value.date,
        })
        if result == nil and err then return nil, err end
        neap.log.info("flow done", { flow = settings.listener_flow, date = value.date })
    end
end

return neap.handler {
    summary = "Take the events that Optimove posts, each once, and start the flow of the day",
    description = "Answers 200 as soon as an event is safe, also a repeated one; 400 to what is no event, 404 without "
        .. "the key as the last segment of the path, 405 to other methods than POST, 503 while the state file is not "
        .. "at hand. In the background each event becomes a line of events.ndjson in listener_out; one of "
        .. "listener_start_on starts the flow for the day before, which writes to a folder of that date. What fails "
        .. "is tried again; what was not done is done after the next start.",
    vendors = { "optimove" },
    settings = {
        { "listener_key", type = "secret", required = true, doc = "the last segment of the URL; hard to guess" },
        { "listener_out", type = "path", required = true, doc = "directory to write to; made if need be" },
        { "listener_start_on", type = "string", default = "3",
            doc = "types of events that start the flow, joined by commas; none: never" },
        { "listener_flow", type = "string", default = "optimove/daily-campaigns",
            doc = "a workflow with the args date and out" },
        { "listener_days_back", type = "integer", min = 0, max = 30, default = 1,
            doc = "from an event to the day of its flow: Optimove's data is a day behind" },
        { "listener_keep", type = "duration", min = 1, default = "7d", doc = "how long repeats are known" },
    },
    example = "neap serve optimove/listener --set listener_key=env:LISTENER_KEY --set listener_out=/var/lib/optimove",
    open = function(settings)
        local start_on = settings.listener_start_on
        local types = read_types(start_on == "none" and "" or start_on)
        local out = assert(neap.make_dir(settings.listener_out))
        local name = "optimove/listener " .. out -- absolute: all processes of the user share inboxes
        local events = neap.inbox(name, { keep = settings.listener_keep })
        local runs = neap.inbox(name .. " runs")
        events:each(record(out, types, runs), { max = 60, lease = 5 })
        runs:each(run(settings, out), { first = 60, max = 3600 })
        local hook = neap.webhook { scheme = "path", secret = settings.listener_key }
        return hook:handler(function(req, body)
            local members = type(body) == "table" and lower_names(body) or {}
            local event = type_of(members)
            if not event then
                neap.log.warn("what came is no event of Optimove", { bytes = #(req.body or "") })
                return { status = 400, body = { error = "no event of Optimove" } }
            end
            local is_new, err = events:put(key_of(event, members), {
                event = event, body = body, day = day_of(members, settings.listener_days_back),
            })
            if is_new == nil then
                neap.log.error("event not taken", { error = tostring(err) })
                return { status = 503, body = { error = "not now" } }
            end
            return { body = { repeated = not is_new } }
        end)
    end,
}
