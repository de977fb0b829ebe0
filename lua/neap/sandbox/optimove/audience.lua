--- Customers of the Optimove simulator as lists that nobody stores. A list is made of segments:
--
--   first, count, ring    `count` customers from place `first` (from 0) of a ring of `ring` customers
--   stride                every so manieth of the ring; default 1
--   each                  rows per customer; default 1
--   filter                function(customer) -> boolean
--
-- and whatever else the rows tell. Customers are the numbers 1 to `ring`.

local M = {}

--- Gets row i of a segment. -> customer, which of its rows
local function at(segment, i)
    local each = segment.each or 1
    local place = (i - 1) // each
    return (segment.first + place * (segment.stride or 1)) % segment.ring + 1, (i - 1) % each + 1
end

local Walk = {}
Walk.__index = Walk

--- Leaves out as many rows as can be left out unseen.
function Walk:jump(segment)
    if segment.filter then return end
    local step = math.min(self.skip, segment.count - self.place)
    self.place, self.skip = self.place + step, self.skip - step
end

function Walk:step()
    while self.left > 0 do
        local segment = self.segments[self.index]
        if not segment then return nil end
        self:jump(segment)
        if self.place >= segment.count then
            self.index, self.place = self.index + 1, 0
        else
            self.place = self.place + 1
            local customer, row = at(segment, self.place)
            if not segment.filter or segment.filter(customer) then
                if self.skip == 0 then
                    self.left = self.left - 1
                    return segment, customer, row
                end
                self.skip = self.skip - 1
            end
        end
    end
end

--- Iterates over a page of rows: segment, customer, which of the customer's rows.
---@param segments table[]
---@param skip integer
---@param top number
function M.walk(segments, skip, top)
    local walk = setmetatable({ segments = segments, index = 1, place = 0, skip = skip, left = top }, Walk)
    return function() return walk:step() end
end

--- Is a customer in a segment (without stride and filter)?
function M.contains(segment, customer)
    return (customer - 1 - segment.first) % segment.ring < segment.count
end

return M
