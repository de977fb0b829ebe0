--- Amounts as progress shows them: "12,345 records, 1.2 MB, 8,200/s".

local M = {}

local UNITS = { "kB", "MB", "GB", "TB" }

--- A whole number with its thousands apart.
---@param count integer not negative
---@return string
function M.number(count)
    local text = ("%d"):format(count)
    local head = (#text - 1) % 3 + 1
    return text:sub(1, head) .. text:sub(head + 1):gsub("%d%d%d", ",%0")
end

--- How many records.
---@param count integer
---@return string
function M.records(count)
    return M.number(count) .. (count == 1 and " record" or " records")
end

--- A number of bytes, in steps of a thousand.
---@param bytes integer
---@return string
function M.bytes(bytes)
    if bytes < 1000 then return ("%d B"):format(bytes) end
    local amount, unit = bytes / 1000, 1
    while amount >= 999.95 and UNITS[unit + 1] do amount, unit = amount / 1000, unit + 1 end
    return ("%.1f %s"):format(amount, UNITS[unit])
end

local function rate(count, seconds)
    local per_second = count / seconds
    if per_second < 10 then return ("%.1f/s"):format(per_second) end
    return M.number(math.floor(per_second + 0.5)) .. "/s"
end

--- Records and bytes so far, and the records of a second.
---@param records integer
---@param bytes integer
---@param seconds number since the first of them
---@return string
function M.text(records, bytes, seconds)
    local parts = { M.records(records), M.bytes(bytes) }
    if seconds > 0 and records > 0 then parts[3] = rate(records, seconds) end
    return table.concat(parts, ", ")
end

return M
