--- What keeps a walk from going on for ever: positions that come again, pages that come again, empty pages
-- without end. Judges over the whole walk; remembers a number per position and per page.

local errors = require "neap.error"
local json = require "neap.native.json"

local M = {}

--- Records by which a page is known again.
M.SAMPLE = 16

--- Empty pages in a row: filters make them, but none makes that many.
local MOST_EMPTY = 100

--- Fewer than two records, or equal ones, may well be data that repeat: so often in a row they are none.
local MOST_ALIKE = 10

---@class neap.paging.Guard
---@field seen table<string|integer, true> positions
---@field empty integer pages in a row
---@field pages integer compared
---@field last table<integer, integer> which of them was the last one with that sample, by its hash
---@field distance? integer of the last page to the one that it repeats
---@field alike integer pages in a row that repeat the one at that distance
local Guard = {}
Guard.__index = Guard

function M.new()
    return setmetatable({ seen = {}, empty = 0, pages = 0, last = {}, alike = 0 }, Guard)
end

local WORD = 8 -- bytes

--- A text as a number, eight bytes at a time: records may be large. Each step is a bijection of the number.
local function hash_of(text)
    local hash = #text
    text = text .. ("\0"):rep(-#text % WORD)
    for i = 1, #text, WORD do
        hash = (hash ~ string.unpack("<i8", text, i)) * 0x9e3779b97f4a7c15
        hash = hash ~ hash >> 32
    end
    return hash
end

local LONGEST_KEPT = 64

local function key_of(position)
    local text = tostring(position)
    return #text <= LONGEST_KEPT and text or hash_of(text)
end

--- Remembers a position; false if it was there before.
---@param position string|integer
---@return boolean is_new
function Guard:visit(position)
    local key = key_of(position)
    if self.seen[key] then return false end
    self.seen[key] = true
    return true
end

--- Counts pages without records where the vendor says that there is more.
---@param count integer records of the page
---@return neap.Error? err
function Guard:count(count)
    if count > 0 then
        self.empty = 0
        return nil
    end
    self.empty = self.empty + 1
    if self.empty < MOST_EMPTY then return nil end
    return errors.new {
        kind = "decode",
        message = ("%d empty pages in a row, and still the vendor says there is more"):format(MOST_EMPTY),
    }
end

local SORTED = { sorted = true }

--- -> the records as one text, and whether they are all different
local function sample_of(records)
    local texts, seen, distinct = {}, {}, true
    for i, record in ipairs(records) do
        local text = json.encode(record, SORTED) or ""
        distinct = distinct and not seen[text]
        texts[i], seen[text] = text, true
    end
    return table.concat(texts, "\n"), distinct
end

--- How many pages in a row have to repeat those before them until it is no accident. Records that are all
-- different tell a page from all others, at once where they are many or the page is the one before; a few
-- could be values that come again, but not as a whole round of pages.
local function most_alike(count, distinct, distance)
    if count < 2 or not distinct then return math.max(distance, MOST_ALIKE) end
    if count >= M.SAMPLE then return 1 end
    return math.min(distance, MOST_ALIKE)
end

--- Compares a page with all before; empty ones do not count.
---@param records any[] its first ones, M.SAMPLE at most
---@return neap.Error? err
function Guard:compare(records)
    if not records[1] then return nil end
    local sample, distinct = sample_of(records)
    local hash = hash_of(sample)
    local earlier = self.last[hash]
    self.pages = self.pages + 1
    self.last[hash] = self.pages
    local distance = earlier and self.pages - earlier
    if distance ~= self.distance then self.distance, self.alike = distance, 0 end
    if not distance then return nil end
    self.alike = self.alike + 1
    if self.alike < most_alike(#records, distinct, distance) then return nil end
    local message = distance == 1 and "the vendor sent the same page again where the next one was asked for"
        or ("the pages go round in a circle of %d"):format(distance)
    return errors.new { kind = "decode", message = message }
end

return M
