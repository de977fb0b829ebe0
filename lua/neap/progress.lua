--- Progress of a delivery or of what is saved, on stderr: a line that changes on a terminal, plain lines
-- elsewhere. Only display: nothing here decides anything. On a real clock a task of its own keeps it moving
-- while everything waits; on a virtual clock it moves with the records.

local clock = require "neap.native.clock"
local log = require "neap.native.log"
local runtime = require "neap.runtime"
local task = require "neap.native.task"
local terminal = require "neap.native.terminal"
local volumes = require "neap.progress.volume"

local M = {}

local BAR_INTERVAL_S = 0.1
local LINE_INTERVAL_S = 10
local BAR_CELLS = 24

local Silent = {}
Silent.__index = Silent
function Silent.update() end

function Silent.finish() end

---@class neap.Progress
---@field describe fun(subject: table, is_terminal: boolean): string
---@field subject table a delivery, or { read, started }
local Progress = {}
Progress.__index = Progress

local function duration(seconds)
    if seconds < 60 then return ("%ds"):format(seconds // 1) end
    if seconds < 3600 then return ("%dm%02ds"):format(seconds // 60, seconds // 1 % 60) end
    return ("%dh%02dm"):format(seconds // 3600, seconds // 60 % 60)
end

local function done_of(delivery)
    return delivery.ok + delivery.failed + delivery.unknown
end

--- How many records the source has: of a file that is not read to its end, by the lines in what has been
-- read, scaled by bytes. nil when its size is unknown.
local function expected_of(delivery)
    local source = delivery.source
    if delivery.is_read then return delivery.total end
    if source.items then return #source.items end
    if not source.bytes_total or source.bytes_read == 0 then return nil end
    return math.max(source.lines_read / source.bytes_read * source.bytes_total, delivery.total)
end

--- How much is done, 0 to 1; nil when nobody knows of how much.
local function fraction(delivery)
    local expected = expected_of(delivery)
    return expected and (expected > 0 and math.min(done_of(delivery) / expected, 1) or 1)
end

--- Rate so far, and the seconds that are left at that rate (the limits are what shapes it).
local function forecast(delivery)
    local seconds, done = clock.now() - delivery.started, done_of(delivery)
    if seconds <= 0 or done == 0 then return nil end
    local rate, expected = done / seconds, expected_of(delivery)
    return rate, expected and math.max(expected - done, 0) / rate
end

--- "vendor down (503), next try in 4m12s" while an outage keeps records waiting.
local function outage(delivery)
    local down = delivery.down
    if not down or down.gate:state() == "open" then return nil end
    local left = down.next and down.next - clock.now() or 0
    return ("vendor down (%d)"):format(down.status) .. (left >= 1 and ", next try in " .. duration(left) or "")
end

--- What an export has made of its rows.
local function saved(delivery)
    local volume = delivery.source.volume
    if not volume then return nil end
    local records, bytes = volume()
    return ("%s (%s) saved"):format(volumes.records(records), volumes.bytes(bytes))
end

local function counts(delivery)
    local parts = { outage(delivery) }
    parts[#parts + 1] = ("%d ok"):format(delivery.ok)
    if delivery.failed > 0 then parts[#parts + 1] = ("%d failed"):format(delivery.failed) end
    if delivery.unknown > 0 then parts[#parts + 1] = ("%d unknown"):format(delivery.unknown) end
    if delivery.parked > 0 then parts[#parts + 1] = ("%d waiting"):format(delivery.parked) end
    parts[#parts + 1] = saved(delivery)
    local rate, left = forecast(delivery)
    if rate then parts[#parts + 1] = ("%.1f/s"):format(rate) end
    if left and left >= 1 then parts[#parts + 1] = duration(left) .. " left" end
    return table.concat(parts, ", ")
end

local function bar(part)
    local full = math.floor(part * BAR_CELLS + 0.5)
    return ("[%s%s] %3d%% "):format(("#"):rep(full), ("."):rep(BAR_CELLS - full), math.floor(part * 100))
end

local function delivery_text(delivery, is_terminal)
    local part, done = is_terminal and fraction(delivery), done_of(delivery)
    local head = part and bar(part) or ("%d record%s: "):format(done, done == 1 and "" or "s")
    return head .. counts(delivery)
end

local function text_of(self)
    local text = self.describe(self.subject, self.is_terminal)
    return self.is_terminal and text:sub(1, math.max(terminal.width(2) - 1, 20)) or text
end

-- Other lines -----------------------------------------------------------------------------------

local shown -- the bar on the terminal

local function erase()
    io.stderr:write "\r\27[K"
    io.stderr:flush()
end

--- Makes a function that writes lines to the terminal stay clear of the bar: it is erased before and drawn
-- again afterwards.
---@param write function
---@return function
function M.around(write)
    return function(...)
        if not shown then return write(...) end
        erase()
        write(...)
        io.stdout:flush()
        if shown then shown:draw() end
    end
end

--- Writes a line of Neap's own to standard error, behind what standard output has got so far.
---@param line string
M.say = M.around(function(line)
    io.stdout:flush()
    io.stderr:write("neap: ", line, "\n")
end)

local log_line = M.around(function(line) io.stderr:write(line, "\n") end)

local function show(self)
    shown = self
    log.capture(log_line)
end

local function hide(self)
    if shown ~= self then return end
    shown = nil
    log.capture()
end

-- Drawing ---------------------------------------------------------------------------------------

--- The cursor stays at the line's beginning, for what is written past `around`.
function Progress:draw()
    if self.is_terminal then
        io.stderr:write("\r\27[K", text_of(self), "\r")
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
    if not self.is_terminal then return end
    erase()
    hide(self)
end

local function tick(self)
    while true do
        clock.sleep(self.is_terminal and 0.5 or 5)
        self:update()
    end
end

--- Writes a line about long work that is no delivery, where progress is shown.
---@param line string
function M.note(line)
    local mode = runtime.options.progress
    if mode == "always" or mode == "auto" and terminal.is_terminal(2) then
        io.stderr:write("neap: ", line, "\n")
    end
end

--- Progress by the option `progress`: auto shows it where it helps.
local function open(describe, subject)
    local mode = runtime.options.progress
    if mode == "never" then return setmetatable({}, Silent) end
    local is_terminal = terminal.is_terminal(2)
    local self = setmetatable({
        describe = describe, subject = subject, is_terminal = is_terminal, drawn_at = terminal.uptime(),
        interval = is_terminal and BAR_INTERVAL_S or LINE_INTERVAL_S,
    }, Progress)
    if mode == "always" then self.drawn_at = -1e9 end
    if is_terminal then show(self) end
    if not clock.is_virtual() then self.ticker = task.spawn(tick, self) end
    return self
end

--- Progress of a delivery.
---@param delivery neap.Delivery
---@return neap.Progress
function M.new(delivery)
    return open(delivery_text, delivery)
end

local function volume_text(volume)
    local records, bytes = volume.read()
    return volumes.text(records, bytes, clock.now() - volume.started)
end

--- Progress of records that are saved, of nobody knows how many.
---@param read fun(): integer, integer records and bytes so far
---@return neap.Progress
function M.volume(read)
    return open(volume_text, { read = read, started = clock.now() })
end

return M
