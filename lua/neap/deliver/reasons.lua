--- Why records were not delivered, counted by reason. What Neap itself says of a record names the value; for such
-- messages the value does not count, or every record would have a reason of its own.

local M = {}

local MAX_REASONS = 1000 -- that are told apart

--- Kinds of errors whose messages are Neap's own, unless a vendor answered.
local OWN = { invalid = true, decode = true }

--- Texts in quotes and numbers that are words of their own; digits within a name stay.
local function without_values(message)
    local text = message:gsub("\\.", ""):gsub('"[^"]*"', '"..."')
    return (text:gsub("%f[%w_]%d[%d.]*%f[^%w_]", "..."))
end

---@class neap.Reason
---@field message string as it is, or without values where they differ
---@field count integer

---@class neap.Reasons
---@field by_text table<string, neap.Reason>
---@field different integer
---@field first? neap.Reason the most frequent one
local Reasons = {}
Reasons.__index = Reasons

---@return neap.Reasons
function M.new()
    return setmetatable({ by_text = {}, different = 0 }, Reasons)
end

--- -> the reason of a text; nil for a new one where there are too many
local function find(self, text, message)
    local reason = self.by_text[text]
    if reason or self.different == MAX_REASONS then return reason end
    reason = { message = message, count = 0 }
    self.by_text[text], self.different = reason, self.different + 1
    return reason
end

--- Counts the reason of a record.
---@param err neap.Error
function Reasons:count(err)
    local message = err.message
    local text = OWN[err.kind] and not err.status and without_values(message) or message
    local reason = find(self, text, message)
    if not reason then return end
    reason.count = reason.count + 1
    if reason.message ~= message then reason.message = text end
    if not self.first or reason.count > self.first.count then self.first = reason end
end

--- The most frequent reason, the first of several; nil where nothing was counted.
---@return { message: string, count: integer }|nil
function Reasons:most()
    local first = self.first
    return first and { message = first.message, count = first.count }
end

return M
