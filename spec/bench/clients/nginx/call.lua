-- One vendor call, JSON both ways.
local bench = neap.vendor "bench"

return function()
    local record = { id = 7519, name = "Lin Ren", email = "ren@example.com", amount = 12.5, active = true }
    return assert(bench:put(record)).status
end
