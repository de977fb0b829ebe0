--- The file of a dry run: takes what is written as a file does, and keeps none of it.

local errors = require "neap.error"
local json = require "neap.native.json"

local M = {}

local SORTED = { sorted = true }

---@class neap.export.Nowhere
---@field bytes integer that were written
---@field count integer records among them
local Nowhere = {}
Nowhere.__index = Nowhere

function M.new()
    return setmetatable({ bytes = 0, count = 0 }, Nowhere)
end

function Nowhere:write(text)
    self.bytes = self.bytes + #text
    return true
end

--- The size of a record's line. -> bytes | nil, err
local function size_of(record)
    local text, err = json.encode(record, SORTED)
    if not text then return nil, err end
    if text:byte() ~= 123 then return errors.fail("decode", "an object expected") end
    return #text + 1
end

--- As that of a file: may there be more? | nil, err, record
function Nowhere:write_records(next_record, max)
    for _ = 1, max do
        local record = next_record()
        if record == nil then return false end
        local size, err = size_of(record)
        if not size then return nil, err, record end
        self.bytes, self.count = self.bytes + size, self.count + 1
    end
    return true
end

function Nowhere:records()
    return self.count
end

function Nowhere:written()
    return self.bytes
end

local function nothing(self)
    return self ~= nil
end

for _, name in ipairs { "buffer", "flush", "commit", "abort", "__close" } do Nowhere[name] = nothing end

return M
