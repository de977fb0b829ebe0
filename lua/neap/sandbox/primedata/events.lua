--- The events of a profile of the PrimeData simulator, each made of its number when it is asked for.
--
-- The first three profiles have 617, 412 and 205 events, 1,234 together; others up to 39, some none. Two
-- events in twenty have one time and one id, as in the vendor's sample. Within each profile the events 200
-- to 319 are no bookings: a page is what is found among the next hundred events, so that with `include`
-- there are pages with fewer events than asked for, and an empty one, while there is more.

local cursor = require "neap.sandbox.primedata.cursor"
local json = require "neap.native.json"
local people = require "neap.sandbox.primedata.people"

local M = {}

--- The events that this tenant has.
M.NAMES = { "OrderCreated", "OrderCompleted", "ProductViewed", "BookingCompleted" }

local COUNTS = { 617, 412, 205 }
local MOST = 39
local START, MONTH_S, SPACING_S = 1672531200, 30 * 86400, 7200 -- from January 2023 on
local TWIN_EVERY = 20
local PAUSE_FROM, PAUSE_TO = 200, 319 -- of bookings
local SCANNED = 100 -- events that one page looks at

--- How many events a profile has.
---@param number integer
---@return integer
function M.count(number)
    return COUNTS[number] or people.below(number, 10, MOST + 1)
end

--- Does the event repeat time and id of the one before it?
local function is_twin(index)
    return index > 0 and index % TWIN_EVERY == 0
end

--- The time of an event, never before that of an earlier one.
---@param number integer of the profile
---@param index integer from 0
---@return integer seconds Unix time
function M.time(number, index)
    if is_twin(index) then index = index - 1 end
    return START + people.below(number, 11, MONTH_S) + index * SPACING_S
        + people.below(number << 20 ~ index, 12, SPACING_S)
end

local function name_of(index)
    local name = M.NAMES[index % #M.NAMES + 1]
    return name == "BookingCompleted" and index >= PAUSE_FROM and index <= PAUSE_TO and "ProductViewed" or name
end

local function id_of(number, index)
    if is_twin(index) then index = index - 1 end
    return ("Shop.%s.%d"):format(name_of(index), 10000000 + number * 1000 + index)
end

local function iso(seconds)
    return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds) --[[@as string]]
end

--- The total of the order that an event is about; the one behind its creation completes it.
local function revenue(number, index) return people.below(number + index, 13, 900) * 1000 end

local PROPERTIES = {
    OrderCreated = function(number, index, seconds)
        return { order_date = iso(seconds), order_revenue = revenue(number, index) }
    end,
    OrderCompleted = function(number, index, seconds)
        return {
            order_id = ("O%d-%d"):format(number, index), order_date = iso(seconds),
            order_revenue = revenue(number, index - 1),
        }
    end,
    ProductViewed = function(_, index) return { product_id = ("P%03d"):format(index % 40) } end,
    BookingCompleted = function(_, _, seconds)
        return { booking_completed_time = iso(seconds) }
    end,
}

local EVENT = {
    "properties", "id", "profile_id", "event_name", "time_stamp", "sent_at", "input_schema_version",
}

--- An event as it is answered.
---@param number integer of the profile
---@param index integer from 0, in time order
---@return table
function M.event(number, index)
    local name, seconds = name_of(index), M.time(number, index)
    local properties = PROPERTIES[name](number, index, seconds)
    properties.at = os.date("!%Y-%m-%dT%H:%M:%S", seconds + 7 * 3600)
    properties.full_name = people.name(number)
    properties.customer_id = ("%d"):format(number)
    return json.object({
        properties = properties, id = id_of(number, index), profile_id = people.id(number), event_name = name,
        time_stamp = people.odd_time(seconds), sent_at = people.odd_time(seconds + 60), input_schema_version = "0.1",
    }, EVENT)
end

--- The first event for which `is_late(time)` holds; the count of events where there is none.
local function first(number, is_late)
    local low, high = 0, M.count(number)
    while low < high do
        local middle = (low + high) // 2
        if is_late(M.time(number, middle)) then high = middle else low = middle + 1 end
    end
    return low
end

local function gcd(a, b)
    while b ~= 0 do a, b = b, a % b end
    return a
end

--- Where the events of an answer without `sort` are: a fixed order that is not that of time.
local function shuffled(low, count)
    local stride = math.max(1, count * 5 // 8)
    while gcd(stride, count) ~= 1 do stride = stride + 1 end
    return function(place) return low + (place * stride + count // 2) % count end
end

--- The events strictly between two times, in an order. -> how many, the index of the event at a place from 0
local function walk(number, query)
    local low = query.after and first(number, function(time) return time > query.after end) or 0
    local past = query.before and first(number, function(time) return time >= query.before end) or M.count(number)
    local count = math.max(past - low, 0)
    if query.sort == "asc" then return count, function(place) return low + place end end
    if query.sort == "desc" then return count, function(place) return past - 1 - place end end
    return count, shuffled(low, count)
end

--- The place that a cursor leads to; nil for a cursor of something else.
local function place_of(number, text, count, index_at)
    local index = cursor.read(text)
    if not index or index >= M.count(number) then return nil end
    if cursor.make(number, index, M.time(number, index)) ~= text then return nil end
    for place = 0, count - 1 do
        if index_at(place) == index then return place end
    end
end

local CURSOR = { "has_more", "next" }
local PAGE = { "data", "cursor" }

---@class neap.sandbox.primedata.Query
---@field after? number Unix time; later events only
---@field before? number Unix time; earlier events only
---@field include? table<string, boolean> names of events
---@field sort? "asc"|"desc"
---@field limit integer
---@field cursor? string

--- One page of the events of a profile.
---@param number? integer of the profile; nil: nobody's events
---@param query neap.sandbox.primedata.Query
---@return table|nil page nil: the cursor is none of this query
function M.page(number, query)
    local data, place, count, index_at = {}, 0, 0, nil
    if number then count, index_at = walk(number, query) end
    if query.cursor then
        place = number and place_of(number, query.cursor, count, index_at)
        if not place then return nil end
    end
    local past = math.min(place + SCANNED, count)
    while place < past and #data < query.limit do
        local index = index_at(place)
        if not query.include or query.include[name_of(index)] then data[#data + 1] = M.event(number, index) end
        place = place + 1
    end
    local more = place < count
    local next_cursor = more and cursor.make(number, index_at(place), M.time(number, index_at(place))) or nil
    return json.object({
        data = json.array(data), cursor = json.object({ has_more = more, next = next_cursor }, CURSOR),
    }, PAGE)
end

return M
