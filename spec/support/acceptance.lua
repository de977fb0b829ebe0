--- Large runs of the command against the sandbox, and judging them by what they left: summary,
-- sandbox log, dead letters.

local helper = require "spec.support.helper"
local assert = require "luassert"
require "neap"
local json = require "neap.native.json"

local acceptance = {}

--- Rows of the runs; few under sanitizers.
acceptance.ROWS = helper.scale(100000, 2000)

--- assert.equal for loops over all rows: a call of luassert takes longer than reading a row.
function acceptance.equal(expected, got)
    if expected ~= got then assert.equal(expected, got) end
end

--- Writes a file of rows made one by one.
---@param path string
---@param count integer
---@param make fun(i: integer): string a line without its end
---@param header? string
function acceptance.rows(path, count, make, header)
    local file = assert(io.open(path, "wb"))
    if header then file:write(header, "\n") end
    for i = 1, count do file:write(make(i), "\n") end
    file:close()
    return path
end

--- Members M000001, ... as import-audience takes them.
function acceptance.members(path, count)
    return acceptance.rows(path, count, function(i)
        return ('M%06d,m%d@example.com,Name %d,"vip,spring"'):format(i, i, i)
    end, "member_sn,email,name,tags")
end

--- Customers 1, ... as sync-customers takes them.
function acceptance.customers(path, count)
    return acceptance.rows(path, count, function(i)
        return ("%d,c%d@example.com,Name %d"):format(i, i, i)
    end, "customerId,customerEmail,customerFirstName")
end

--- Events with transactions T1, ... as track-events takes them.
function acceptance.events(path, count)
    return acceptance.rows(path, count, function(i)
        return ('{"client_id":"d-%d","hit_type":"event","event_action":"Refund",'
            .. '"event_category":"Ecommerce","transaction_id":"T%d","transaction_revenue":5,'
            .. '"products":[{"id":"P","name":"N","quantity":"1"}]}'):format(i, i)
    end)
end

--- Makes the place of one run.
---@return { path: fun(name: string): string }
function acceptance.place()
    local dir = helper.tmpdir()
    return function(name) return dir .. "/" .. name end
end

---@class acceptance.Run
---@field code integer
---@field summary table
---@field err string
---@field log string path of the sandbox log
---@field letters string path of the dead letters

--- Runs a recipe in the sandbox, by default on virtual time.
---@param recipe string
---@param file string
---@param opts? { seed?: integer, faults?: string, clock?: string, args?: string[], env?: table }
---@return acceptance.Run
function acceptance.run(recipe, file, opts)
    opts = opts or {}
    local place = acceptance.place()
    local run = { log = place "log.ndjson", letters = place "dead.ndjson" }
    local args = {
        "run", recipe, "--file", file, "--sandbox", "--clock", opts.clock or "virtual", "--json",
        "--progress", "never", "--seed", opts.seed or 1, "--sandbox-log", run.log,
        "--dead-letters", run.letters,
    }
    if opts.faults then table.move({ "--faults", opts.faults }, 1, 2, #args + 1, args) end
    for _, word in ipairs(opts.args or {}) do args[#args + 1] = word end
    local result = helper.cli(args, { env = opts.env })
    run.code, run.err = result.code, result.err
    run.summary = json.decode(result.out) or error("no summary: " .. result.out .. result.err)
    return run
end

local date = require "neap.lang.date"

--- Milliseconds of virtual time, which begins at 2026-01-01T00:00:00Z.
local EPOCH = require("neap.runtime").EPOCH_MS

--- Milliseconds of minutes that were read: logs are of hundreds of thousands of lines.
local minutes = {}

local function minute_of(text)
    local at = date.instant(assert(date.datetime(text .. ":00Z"))) * 1000 - EPOCH
    minutes[text] = assert(math.tointeger(at))
    return minutes[text]
end

--- "2026-01-01T00:01", "2.5" -> 62500
local function milliseconds(minute, seconds)
    local at = tonumber(seconds) or -1
    assert(at >= 0 and at < 60, "no seconds of a minute")
    return (minutes[minute] or minute_of(minute)) + math.floor(at * 1000 + 0.5)
end

local LINE = '^{"at":"([^"]-):(%d+%.?%d*)Z","vendor":"%l+","endpoint":"?([%w_]+)"?,.*"status":(%d+),"fault":"?(%w+)"?}$'

--- Iterates over a sandbox log: time in milliseconds, status, kind of the fault or nil, endpoint or nil
-- (the file of a report).
---@param path string
function acceptance.calls(path)
    local pull = io.lines(path)
    return function()
        local line = pull()
        if not line then return nil end
        local minute, seconds, endpoint, status, fault = line:match(LINE)
        if fault == "null" then fault = nil end
        if endpoint == "null" then endpoint = nil end
        return milliseconds(minute, seconds), math.tointeger(tonumber(status)), fault, endpoint
    end
end

--- Counts the calls of a log: all, by status, by fault.
function acceptance.count(path)
    local counts = { all = 0, status = {}, fault = {} }
    for _, status, fault in acceptance.calls(path) do
        counts.all = counts.all + 1
        counts.status[status] = (counts.status[status] or 0) + 1
        if fault then counts.fault[fault] = (counts.fault[fault] or 0) + 1 end
    end
    return counts
end

--- Gets the milliseconds at which some endpoints were called.
---@param path string
---@param is_counted? fun(endpoint: string|nil): boolean all by default
---@return integer[]
function acceptance.times(path, is_counted)
    local times = {}
    for at, _, _, endpoint in acceptance.calls(path) do
        if not is_counted or is_counted(endpoint) then times[#times + 1] = at end
    end
    return times
end

--- Gets the most calls in any half-open second [t, t+1).
---@param path string
---@param is_counted? fun(endpoint: string|nil): boolean all by default
function acceptance.most_per_second(path, is_counted)
    local first, most = 1, 0
    local times = acceptance.times(path, is_counted)
    for last, at in ipairs(times) do
        while times[first] <= at - 1000 do first = first + 1 end
        most = math.max(most, last - first + 1)
    end
    return most
end

--- Iterates over dead letters.
---@param path string
function acceptance.letters(path)
    local pull = io.lines(path)
    return function()
        local line = pull()
        return line and assert(json.decode(line))
    end
end

return acceptance
