-- Simulator of paced: a leaky bucket behind each path. What it refuses does not count. Requests and answers
-- are 0.1 to 1 ms on their way, answers of slow paths 0.3 s more; what comes is noted.

local json = require "neap.native.json"

local SPACING = { strict = 100, strict_slow = 100, bursty = 100, bursty_slow = 100, rare = 1000 }
local BURST = { strict = 0, strict_slow = 1, bursty = 1, bursty_slow = 1, rare = 5 } -- strict_slow: as benches have it

local Sim = {}
Sim.__index = Sim

function Sim.endpoint(_, req)
    return req.path:match "^/(%a[%a_]*)$"
end

function Sim:way()
    self.env.sleep(0.0001 + 0.0009 * self.env.random())
end

--- Is an arrival let in? Times are whole milliseconds.
local function arrive(buckets, name, now)
    local bucket = buckets[name] or { level = 0, at = now }
    buckets[name] = bucket
    local level = math.max(0, bucket.level - (now - bucket.at))
    if level > BURST[name] * SPACING[name] then return false end
    bucket.level, bucket.at = level + SPACING[name], now
    return true
end

function Sim:respond(req)
    self:way()
    local name, now = req.endpoint, self.env.now()
    local is_let_in = arrive(self.buckets, name, math.floor(now * 1000))
    self.seen[#self.seen + 1] = { endpoint = name, at = now, refused = not is_let_in }
    if name:find "slow" then self.env.sleep(0.3) end
    self:way()
    return { status = is_let_in and 200 or 429, json = { at = now } }
end

function Sim:snapshot()
    return json.array(self.seen)
end

return { new = function(env) return setmetatable({ env = env, buckets = {}, seen = {} }, Sim) end }
