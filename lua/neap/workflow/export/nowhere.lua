--- The file of a dry run: takes what is written as a file does, and keeps none of it.

local errors = require "neap.error"
local json = require "neap.native.json"

local M = {}

local SORTED = { sorted = true }

---@class neap.export.Nowhere
---@field bytes integer that were written
local Nowhere = {}
Nowhere.__index = Nowhere

function M.new()
    return setmetatable({ bytes = 0 }, Nowhere)
end

function Nowhere:write(text)
    self.bytes = self.bytes + #text
    return true
end

--- As that of a file: true | nil, err
function Nowhere:write_record(record)
    local text, err = json.encode(record, SORTED)
    if not text then return nil, err end
    if text:byte() ~= 123 then return errors.fail("decode", "an object expected") end
    self.bytes = self.bytes + #text + 1
    return true
end

function Nowhere:written()
    return self.bytes
end

local function nothing(self)
    return self ~= nil
end

for _, name in ipairs { "buffer", "flush", "commit", "abort", "__close" } do Nowhere[name] = nothing end

return M
