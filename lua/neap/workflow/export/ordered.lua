--- Brings what is made in any order back into the order of its source: the source of a delivery hands out
-- places, the texts of records are written place by place. Texts that wait for an earlier place are kept;
-- once there are many of them, the source pauses.

local event = require "neap.native.event"
local source = require "neap.deliver.source"

local M = {}

local MOST_KEPT = 64 * 1024 * 1024 -- bytes

---@class neap.Ordered
---@field sink fun(text: string, count: integer) writes; may wait and raise
---@field kept integer bytes that wait for an earlier place
---@field given integer places
---@field written integer places, from the first one on
---@field texts table<integer, string> of places that wait, and `counts` of the records in them
---@field places table<table, integer[]> of records that nobody has taken up yet
---@field abandoned boolean a place will never be filled
local Ordered = {}
Ordered.__index = Ordered

---@param sink fun(text: string, count: integer)
---@param most_kept? integer bytes
---@return neap.Ordered
function M.new(sink, most_kept)
    return setmetatable({
        sink = sink, most_kept = most_kept or MOST_KEPT, kept = 0, given = 0, written = 0, texts = {},
        counts = {},
        places = setmetatable({}, { __mode = "k" }), -- the end of a delivery leaves records that nobody takes up
        room = event.new(), is_writing = false, abandoned = false,
    }, Ordered)
end

--- Gives a record of the source its place.
local function give_place(self, record)
    self.given = self.given + 1
    local places = self.places[record] or {} -- a list may have one table twice
    places[#places + 1] = self.given
    self.places[record] = places
end

--- Wraps a source of a delivery.
---@param from any what ctx:deliver takes
---@return table
function Ordered:source(from)
    local inner = source.open(from)
    local function next_record()
        while self.kept > self.most_kept and not self.abandoned do self.room:wait() end
        local record, line, err = inner:next()
        if record ~= nil and not err then give_place(self, record) end
        return record, line, err
    end
    return setmetatable({ next = next_record }, { __index = inner })
end

local function write_next(self)
    local at = self.written + 1
    local text, count = self.texts[at], self.counts[at]
    self.texts[at], self.counts[at], self.written = nil, nil, at
    if not text then return end
    self.kept = self.kept - #text
    self.sink(text, count)
end

--- Writes what is next in turn. One task does it at a time.
local function write_ready(self)
    if self.is_writing or self.abandoned then return end
    self.is_writing = true
    while self.texts[self.written + 1] do
        write_next(self)
        self.room:broadcast()
    end
    self.is_writing = false
end

--- Writes what is left at the end, over the places that were never filled.
---@async
function Ordered:finish()
    while self.written < self.given do write_next(self) end
end

local Place = {}
Place.__index = Place

--- Fills the place: with "" where its record has nothing to write. Raises what the sink raises.
---@async
---@param text string
---@param count? integer records in it
function Place:fill(text, count)
    local order = self.ordered
    order.texts[self.at], order.counts[self.at], order.kept = text, count or 0, order.kept + #text
    write_ready(order)
    self.is_filled = true
end

--- A record that was given up, also in the middle of writing, leaves a gap: nothing behind it is written in
-- turn, and nobody waits for it.
function Place.__close(place)
    if place.is_filled then return end
    place.ordered.abandoned = true
    place.ordered.room:broadcast()
end

--- Takes the place of a record; to be closed when the work on it is over, however it ends.
---@param record table
function Ordered:take(record)
    local places = self.places[record]
    local at = table.remove(places, 1)
    if not places[1] then self.places[record] = nil end
    return setmetatable({ ordered = self, at = at, is_filled = false }, Place)
end

return M
