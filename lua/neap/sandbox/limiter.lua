--- Judges a vendor's rate limit at the vendor's side: never more than `count` accepted arrivals in
--- any half-open window [t, t + period). Refused arrivals do not count. Strict, without tolerance:
--- the client must keep its promise by itself.

---@class neap.sandbox.Limiter
---@field count integer arrivals per window
---@field period_ns integer length of the window
---@field rings table<any, table> per key: the times of the last `count` accepted arrivals, a ring
local Limiter = {}
Limiter.__index = Limiter

local limiter = {}

--- Makes a limiter; each key is counted by itself.
---@param count integer
---@param seconds number
---@return neap.sandbox.Limiter
function limiter.new(count, seconds)
    return setmetatable({
        count = count,
        period_ns = math.floor(seconds * 1e9 + 0.5),
        rings = {},
    }, Limiter)
end

--- The clock's nanoseconds again: differences of seconds as floats are a hair off (2.3 - 1.3 < 1).
local function to_ns(seconds)
    return math.floor(seconds * 1e9 + 0.5)
end

--- Judges an arrival.
---@param key any what the limit is counted by
---@param now number seconds, env.now()
---@return boolean accepted
---@return number wait seconds until an arrival would be accepted; 0 if this one was
function Limiter:arrive(key, now)
    local ring = self.rings[key]
    if not ring then
        ring = { last = 0 }
        self.rings[key] = ring
    end
    local at = to_ns(now)
    local place = ring.last % self.count + 1
    local oldest = ring[place]
    if oldest and at - oldest < self.period_ns then
        return false, (oldest + self.period_ns - at) / 1e9
    end
    ring[place] = at
    ring.last = place
    return true, 0
end

return limiter
