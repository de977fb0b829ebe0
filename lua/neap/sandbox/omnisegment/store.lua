--- Records of one noun of the OmniSegment simulator by key, in the order in which they came.

local json = require "neap.native.json"

---@class neap.sandbox.omnisegment.Store
---@field list table[]
---@field index table<string, table>
local Store = {}
Store.__index = Store

local store = {}

function store.new()
    return setmetatable({ list = json.array {}, index = {} }, Store)
end

--- Puts what was sent over what is there; what was not sent stays. `imports` counts.
function Store:put(key, sent)
    local record = self.index[key]
    if not record then
        record = { imports = 0 }
        self.index[key] = record
        self.list[#self.list + 1] = record
    end
    for name, value in pairs(sent) do
        if value ~= json.null then record[name] = value end
    end
    record.imports = record.imports + 1
    return record
end

function Store:get(key) return self.index[key] end

function Store:all() return self.list end

function Store:count() return #self.list end

return store
