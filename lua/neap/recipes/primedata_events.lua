--- Events of PrimeData's profiles for recipes that send them elsewhere: the source of a delivery, which reads a
-- file of identities and gives the events of one profile after the other, in the order of time. The first page of
-- some profiles is asked for before their turn.
--
-- A profile that cannot be read becomes a dead letter. Where the delivery ends early, so do the rows that were not
-- read, the one under way with `$since` and `$skip`: from which time on, without how many events of that time. So a
-- file of dead letters holds events and rows, and as a file of identities it gives what is missing, once.

local errors = require "neap.error"
local lenient = require "neap.lang.lenient"
local task = require "neap.native.task"
local row_params = require("neap.workflow.export.row").params

local M = {}

--- Profiles that are read at once.
local AHEAD = 8

---@class neap.recipes.Row a row of the file, an event of an earlier run, or what is wrong with a line
---@field row table
---@field line? integer
---@field err? neap.Error
---@field profile? neap.recipes.Profile of a row of identities

---@class neap.recipes.Events a source of ctx:deliver
---@field rows neap.Records
---@field first? number Unix time: events from then on
---@field past? number Unix time: events before that
---@field is_wanted fun(name: string): boolean is there a map for such events
---@field unmapped table<string, integer> events that nobody wants, by name
---@field queue neap.recipes.Row[] rows that were read, the one under way first
---@field line integer of the last one
---@field is_read boolean there are no more rows
---@field broken? neap.Error why there are no more
local Events = { is_stream = true }
Events.__index = Events

-- One profile -----------------------------------------------------------------------------------

---@class neap.recipes.Profile
---@field row table
---@field next_event fun(): table?
---@field walk neap.paging.Walk
---@field asked? neap.Task that waits for the first event: pcall's results
---@field first? number Unix time: events from then on
---@field past? number Unix time: events before that
---@field drop integer events from `first` on that an earlier run has taken
---@field last? number time of the last event that was taken, at first `first`
---@field written? string the same as the vendor writes it
---@field taken integer events of that time that were taken
local Profile = {}
Profile.__index = Profile

--- A time as the vendor's parameters have it.
local function iso(seconds)
    return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds) --[[@as string]]
end

--- The parameters of the walk. Both ends are exclusive at the vendor, so the first one is a second earlier.
local function params_of(row, first, past)
    local plain = {}
    for name, value in pairs(row) do
        if name ~= "$since" and name ~= "$skip" then plain[name] = value end
    end
    local params = row_params(plain, "profile_id", "identities")
    params.sort, params.start = "asc", first and iso(math.floor(first) - 1)
    params["end"] = past and iso(math.ceil(past))
    return params
end

local function open_profile(events, row)
    local first = lenient.instant(row["$since"]) or events.first
    local next_event, _, _, walk = events.primedata:each("list_events", params_of(row, first, events.past))
    return setmetatable({
        row = row, next_event = next_event, walk = walk, first = first, past = events.past,
        drop = math.tointeger(tonumber(row["$skip"])) or 0, last = first, written = row["$since"], taken = 0,
        asked = task.spawn(pcall, next_event),
    }, Profile)
end

--- Notes that an event was taken. One whose time nobody can read counts as one of the time before.
function Profile:take(event, time)
    if time and (not self.last or time > self.last) then
        self.last, self.written, self.taken = time, event.time_stamp, 1
    elseif not time or time == self.last then
        self.taken = self.taken + 1
    end
end

--- Is the event within the times that are asked for? One whose time nobody can read is.
function Profile:has(time)
    if not time then return true end
    return not (self.first and time < self.first) and not (self.past and time >= self.past)
end

--- The next event of the walk; the first one has been asked for.
function Profile:pull()
    local asked = self.asked
    if not asked then return self.next_event() end
    self.asked = nil
    local ok, event = asked:await()
    if not ok then error(event, 0) end
    return event
end

--- The next event between the two times; nil at the end. Raises.
function Profile:next()
    while true do
        local event = self:pull()
        if event == nil then return nil end
        local time = lenient.instant(event.time_stamp)
        if self:has(time) then
            self:take(event, time)
            if self.drop == 0 then return event end
            self.drop = self.drop - 1
        end
    end
end

--- The row of what has not been taken.
function Profile:rest()
    local rest = {}
    for name, value in pairs(self.row) do rest[name] = value end
    if self.taken > 0 then rest["$since"], rest["$skip"] = self.written, self.taken + self.drop end
    return rest
end

-- The source ------------------------------------------------------------------------------------

--- Is it an event that an earlier run could not deliver, not a row of identities?
local function is_event(record)
    return type(record.event_name) == "string" and type(record.properties) == "table"
end

--- Failures that say something of one profile only; after all others reading ends.
local function is_of_profile(err)
    if err.kind == "rejected" then return (err.status or 0) < 500 end
    return err.kind == "invalid" or err.kind == "decode" or err.kind == "too_large"
end

--- A row with what becomes of it.
function Events:row(row, line, err)
    if err or is_event(row) then return { row = row, line = line, err = err } end
    local ok, opened = pcall(open_profile, self, row)
    if not ok and not errors.is(opened) then error(opened, 0) end
    if not ok then return { row = row, line = line, err = opened } end
    return { row = row, line = line, profile = opened }
end

--- Reads rows until enough profiles are under way.
function Events:fill()
    while not self.is_read and #self.queue < AHEAD do
        local row, line, err = self.rows:next()
        if row == nil then
            self.is_read, self.broken = true, err
        else
            self.queue[#self.queue + 1] = self:row(row, line, err)
            self.line = line
        end
    end
end

--- The next event of the profile under way. -> record, line, err as `next`; nil at its end | nil, nil, err
function Events:walk(profile, line)
    local ok, event = pcall(profile.next, profile)
    if ok and event ~= nil then return event, line end
    if not ok and not errors.is(event) then error(event, 0) end
    local err = not ok and event or nil
    if err and not is_of_profile(err) then return nil, nil, err end
    table.remove(self.queue, 1)
    profile.walk:close()
    if err then return profile:rest(), line, err end
end

--- Counts an event that nobody wants.
function Events:is_left_out(record, err)
    if err or self.is_wanted(record.event_name) then return false end
    self.unmapped[record.event_name] = (self.unmapped[record.event_name] or 0) + 1
    return true
end

--- What the first row of the queue gives. -> as `walk`
function Events:take()
    local first = self.queue[1]
    if first.profile then return self:walk(first.profile, first.line) end
    table.remove(self.queue, 1)
    return first.row, first.line, first.err
end

--- The next event. -> event, line | row, line, err: a profile that cannot be read | nil, nil, err: no more can be
-- read | nil at the end
---@async
function Events:next()
    while true do
        self:fill()
        if not self.queue[1] then return nil, nil, self.broken end
        local record, line, err = self:take()
        if record == nil and err then return nil, nil, err end
        if record ~= nil and not self:is_left_out(record, err) then return record, line, err end
    end
end

--- Has everything been read?
function Events:is_over() return self.is_read and not self.queue[1] end

--- The rows that are not read to their end; those of a file also where nobody has looked at them yet.
function Events:rest()
    for _, row in ipairs(self.queue) do
        if row.profile then row.profile.walk:close() end
    end
    return { next = function()
        local row = table.remove(self.queue, 1)
        if row then return row.profile and row.profile:rest() or row.row, row.line, row.err end
        if self.is_read or self.rows.is_stream then return nil end
        return self.rows:next()
    end }
end

local function refuse(format, ...)
    error(errors.new { kind = "invalid", usage = true, message = format:format(...) }, 0)
end

--- Opens the source.
---@param primedata neap.Client
---@param rows neap.Records the column profile_id, or names of identities; dead letters of an earlier run
---@param spec { since?: string, till?: string, is_wanted: fun(name: string): boolean } since is inclusive, till
-- exclusive; a date, or a time without a zone, is one of UTC
---@return neap.recipes.Events
function M.open(primedata, rows, spec)
    local first, past = lenient.instant(spec.since), lenient.instant(spec.till)
    if first and past and first >= past then refuse("--until %s: not later than --since", spec.till) end
    return setmetatable({
        primedata = primedata, rows = rows, path = rows.path, dead_letters = rows.dead_letters, unmapped = {},
        first = first, past = past, is_wanted = spec.is_wanted, queue = {}, line = 0, is_read = false,
    }, Events)
end

return M
