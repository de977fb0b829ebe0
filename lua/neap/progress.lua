--- Progress of a delivery on stderr: a bar on a terminal, plain lines elsewhere. Only display: nothing
-- here decides anything. On a real clock a task of its own keeps it moving while everything waits; on a
-- virtual clock it moves with the records.

local clock = require "neap.native.clock"
local runtime = require "neap.runtime"
local task = require "neap.native.task"
local terminal = require "neap.native.terminal"

local M = {}

local BAR_INTERVAL_S = 0.1
local LINE_INTERVAL_S = 10
local BAR_CELLS = 24

local Silent = {}
Silent.__index = Silent
function Silent.update() end

function Silent.finish() end

local Progress = {}
Progress.__index = Progress

local function duration(seconds)
    if seconds < 60 then return ("%ds"):format(seconds // 1) end
    if seconds < 3600 then return ("%dm%02ds"):format(seconds // 60, seconds // 1 % 60) end
    return ("%dh%02dm"):format(seconds // 3600, seconds // 60 % 60)
end

--- How much of the source has been read, 0 to 1; nil when its size is unknown.
local function fraction(source)
    if source.items then return #source.items > 0 and source.at / #source.items or 1 end
    if not source.bytes_total or source.bytes_total == 0 then return nil end
    return source.bytes_read / source.bytes_total
end

local function done_of(delivery)
    return delivery.ok + delivery.failed + delivery.unknown
end

--- Rate so far, and the seconds that are left at that rate (the limits are what shapes it).
local function forecast(delivery)
    local seconds, done = clock.now() - delivery.started, done_of(delivery)
    if seconds <= 0 or done == 0 then return nil end
    local rate, part = done / seconds, fraction(delivery.source)
    if not part or part <= 0 then return rate end
    local expected = math.max(delivery.total / part, delivery.total)
    return rate, math.max(expected - done, 0) / rate
end

local function counts(delivery)
    local parts = { ("%d ok"):format(delivery.ok) }
    if delivery.failed > 0 then parts[#parts + 1] = ("%d failed"):format(delivery.failed) end
    if delivery.unknown > 0 then parts[#parts + 1] = ("%d unknown"):format(delivery.unknown) end
    if delivery.parked > 0 then parts[#parts + 1] = ("%d waiting"):format(delivery.parked) end
    local rate, left = forecast(delivery)
    if rate then parts[#parts + 1] = ("%.1f/s"):format(rate) end
    if left and left >= 1 then parts[#parts + 1] = duration(left) .. " left" end
    return table.concat(parts, ", ")
end

local function bar(part)
    local full = math.floor(part * BAR_CELLS + 0.5)
    return ("[%s%s] %3d%% "):format(("#"):rep(full), ("."):rep(BAR_CELLS - full), math.floor(part * 100))
end

local function text_of(self)
    local part = self.is_terminal and fraction(self.delivery.source)
    local text = (part and bar(part) or ("%d records: "):format(done_of(self.delivery))) .. counts(self.delivery)
    return self.is_terminal and text:sub(1, math.max(terminal.width(2) - 1, 20)) or text
end

function Progress:draw()
    if self.is_terminal then
        io.stderr:write("\r\27[K", text_of(self))
    else
        io.stderr:write("neap: ", text_of(self), "\n")
    end
    io.stderr:flush()
end

--- Draws when the interval has passed. The interval is of real time: a virtual hour may take a second.
function Progress:update()
    local now = terminal.uptime()
    if now - self.drawn_at < self.interval then return end
    self.drawn_at = now
    self:draw()
end

function Progress:finish()
    if self.ticker then self.ticker:cancel() end
    if self.is_terminal then
        io.stderr:write "\r\27[K"
        io.stderr:flush()
    end
end

local function tick(self)
    while true do
        clock.sleep(self.is_terminal and 0.5 or 5)
        self:update()
    end
end

--- Progress of a delivery, by the option `progress`: auto shows it where it helps.
---@param delivery neap.Delivery
function M.new(delivery)
    local mode = runtime.options.progress
    if mode == "never" then return setmetatable({}, Silent) end
    local is_terminal = terminal.is_terminal(2)
    local self = setmetatable({
        delivery = delivery, is_terminal = is_terminal, drawn_at = terminal.uptime(),
        interval = is_terminal and BAR_INTERVAL_S or LINE_INTERVAL_S,
    }, Progress)
    if mode == "always" then self.drawn_at = -1e9 end
    if not clock.is_virtual() then self.ticker = task.spawn(tick, self) end
    return self
end

return M
