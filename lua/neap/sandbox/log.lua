--- The sandbox log: one JSON object per line and request seen, in order of arrival. A line is
--- written when the status is known and all earlier ones are; the file is line buffered, so it is
--- complete whatever ends the process.

local clock = require "neap.native.clock"

---@class neap.sandbox.Log
---@field file file*
---@field lines table<integer, table> entries that are not written yet
---@field head integer first of them
---@field tail integer last of them
local Log = {}
Log.__index = Log

local log = {}

--- Opens (and empties) the file.
---@param path string
---@return neap.sandbox.Log? log
---@return string? message
function log.open(path)
    local file, message = io.open(path, "wb")
    if not file then return nil, "cannot write the sandbox log: " .. message end
    file:setvbuf("line")
    return setmetatable({ file = file, lines = {}, head = 1, tail = 0 }, Log)
end

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\" }

local function escape_byte(c)
    return escapes[c] or string.format("\\u%04x", c:byte())
end

local function escape_high(c)
    return string.format("%%%02X", c:byte())
end

--- A JSON string, or null. What is not UTF-8 (a raw byte in a path) is shown percent-encoded.
local function quote(s)
    if not s then return "null" end
    if s:find('[%c"\\\x80-\xff]') then
        if not utf8.len(s) then s = s:gsub("[\x80-\xff]", escape_high) end
        s = s:gsub('[%c"\\]', escape_byte)
    end
    return '"' .. s .. '"'
end

--- Notes a request at its arrival.
---@param wall_ms integer
---@param vendor string?
---@param method string
---@param path string
---@return table entry give it to `finish`; the endpoint may be set in it until then
function Log:arrive(wall_ms, vendor, method, path)
    local entry = { wall_ms = wall_ms, vendor = vendor, method = method, path = path }
    self.tail = self.tail + 1
    self.lines[self.tail] = entry
    return entry
end

local function fmt(entry)
    return '{"at":"' .. clock.iso(entry.wall_ms) .. '","vendor":' .. quote(entry.vendor)
        .. ',"endpoint":' .. quote(entry.endpoint) .. ',"method":' .. quote(entry.method)
        .. ',"path":' .. quote(entry.path) .. ',"status":' .. entry.status
        .. ',"fault":' .. quote(entry.fault) .. "}\n"
end

--- Says what was sent.
---@param entry table
---@param status integer 0 if nothing
---@param fault string? kind of the fault
function Log:finish(entry, status, fault)
    entry.status, entry.fault = status, fault
    local lines, head = self.lines, self.head
    while head <= self.tail and lines[head].status do
        self.file:write(fmt(lines[head]))
        lines[head] = nil
        head = head + 1
    end
    self.head = head
end

--- Writes what is left (requests that were never answered: status 0) and closes. Idempotent.
function Log:close()
    if not self.file then return end
    for i = self.head, self.tail do
        local entry = self.lines[i]
        entry.status = entry.status or 0
        self.file:write(fmt(entry))
    end
    self.head = self.tail + 1
    self.lines = {}
    self.file:close()
    self.file = nil
end

return log
