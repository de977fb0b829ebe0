--- What keeps a walk from going on for ever: positions that come again, the same page again, empty pages
-- without end. Judges over the whole walk; remembers a number per position and the beginning of one page.

local errors = require "neap.error"
local json = require "neap.native.json"

local M = {}

--- Records by which a page is known again.
M.SAMPLE = 16

--- Empty pages in a row: filters make them, but none makes that many.
local MOST_EMPTY = 100

--- A page of records that are all different shows at the first repeat that it is the same. Fewer than two
-- records, or equal ones, may well be data.
local MOST_ALIKE = 10

---@class neap.paging.Guard
---@field seen table<string|integer, true> positions
---@field empty integer pages in a row
---@field sample? string of the last page that was not empty
---@field alike integer pages in a row that were the same as the one before
local Guard = {}
Guard.__index = Guard

function M.new()
    return setmetatable({ seen = {}, empty = 0, alike = 0 }, Guard)
end

local LONGEST_KEPT = 64

--- A long text as a number: FNV-1a of 64 bits.
local function key_of(position)
    local text = tostring(position)
    if #text <= LONGEST_KEPT then return text end
    local hash = 0xcbf29ce484222325
    for i = 1, #text do hash = (hash ~ text:byte(i)) * 0x100000001b3 end
    return hash
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

--- Compares a page with the one before.
---@param records any[] its first ones, M.SAMPLE at most
---@return neap.Error? err
function Guard:compare(records)
    if not records[1] then return nil end
    local sample, distinct = sample_of(records)
    if sample ~= self.sample then
        self.sample, self.alike = sample, 0
        return nil
    end
    self.alike = self.alike + 1
    if not (records[2] and distinct) and self.alike < MOST_ALIKE then return nil end
    return errors.new {
        kind = "decode", message = "the vendor sent the same page again where the next one was asked for",
    }
end

return M
