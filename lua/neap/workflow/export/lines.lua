--- Records as lines of JSON, and what a map makes of records, in either format. As of rows.lua,
-- `line(record)` is the text of a record; `head` comes before the first one.

local json = require "neap.native.json"

local M = {}

local SORTED = { sorted = true }

local Lines = {}
Lines.__index = Lines

--- NDJSON.
function M.new()
    return setmetatable({}, Lines)
end

function Lines.line(_, record)
    local text, err = json.encode(record, SORTED)
    if not text then error(err, 0) end
    return text .. "\n"
end

function Lines.warn() end

---@class neap.export.Mapped
---@field program? userdata the map as neap.native.mapping has it, where C can run it
---@field watch neap.MapWatch of the records that are written
---@field keeps_order boolean members that no entry names are written in the order in which they come
local Mapped = {}
Mapped.__index = Mapped

--- What a map makes of records. Raises (kind `invalid`) for a map whose columns nobody knows.
---@param map neap.Mapping
---@param format "ndjson"|"csv"
---@param is_numbered boolean|nil errors name the number of a record: its source has an order
---@return neap.export.Mapped
function M.mapped(map, format, is_numbered)
    local head, program = map:head(format), map:native(format)
    return setmetatable({
        map = map, format = format, program = program, watch = map:watch(), keeps_order = map.rest, count = 0,
        is_numbered = is_numbered, head = head ~= "" and head or nil,
    }, Mapped)
end

--- Says in an error whose it is: that of the map, or text that a function in it raised.
local function with_number(self, err)
    if not self.is_numbered then return err end
    local place = ("record %d: "):format(self.count)
    if type(err) == "string" then return place .. err end
    if err.kind == "decode" then err.message = place .. err.message end
    return err
end

function Mapped:line(record)
    self.count = self.count + 1
    local ok, text, err = pcall(self.map.line, self.map, record, self.format)
    if ok and text then return text end
    error(with_number(self, ok and err or text), 0)
end

--- Warns of members that no record had.
function Mapped:warn()
    self.watch:warn(self.format == "csv" and "column" or "field")
end

return M
