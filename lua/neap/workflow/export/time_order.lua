--- Records in the order of time.

local instant = require "neap.lang.lenient".instant

local M = {}

--- Sorts records by time, in place; those of one time, and those whose time nobody can read, stay behind the
-- one before them. Times may be written with colons in the date.
---@param records table[]
---@param member string with the time
---@return table[] records
function M.sort(records, member)
    local keys, last, is_sorted = {}, -math.huge, true
    for i, record in ipairs(records) do
        local at = instant(record[member]) or last
        keys[record] = { at, i }
        is_sorted, last = is_sorted and at >= last, at
    end
    if is_sorted then return records end
    table.sort(records, function(a, b)
        local x, y = keys[a], keys[b]
        if x[1] ~= y[1] then return x[1] < y[1] end
        return x[2] < y[2]
    end)
    return records
end

return M
