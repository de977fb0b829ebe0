--- What a delivery can read: neap.records, a list, an iterator. All become one shape:
-- `source:next()` -> record, line, err. A record with an err is faulty; no record with an err means that
-- the source broke; neither is its end. `name_of(path)`, if it has that, is what a record calls what is at that path of
-- a call's parameters; nil: as they do.

local errors = require "neap.error"
local values = require "neap.schema.value"

local M = {}

local List = {}
List.__index = List

function List:next()
    self.at = self.at + 1
    return self.items[self.at], self.at
end

local Iterator = { is_stream = true }
Iterator.__index = Iterator

function Iterator:next()
    local ok, record = pcall(self.pull)
    if not ok then
        if not errors.is(record) then error(record, 0) end
        return nil, nil, record
    end
    if record ~= nil then self.at = self.at + 1 end
    return record, self.at
end

--- One object, or a list with holes, would lose records.
local function is_list(from)
    local count = 0
    for _ in pairs(from) do count = count + 1 end
    return count == #from
end

--- Makes a source of what a workflow hands over. Raises for anything else.
---@param from any
function M.open(from)
    if type(from) == "table" and type(from.next) == "function" then return from end
    if type(from) == "table" and is_list(from) then return setmetatable({ items = from, at = 0 }, List) end
    if type(from) == "function" then return setmetatable({ pull = from, at = 0 }, Iterator) end
    error(errors.new {
        kind = "invalid", where = errors.caller(),
        message = "ctx:deliver: records expected (neap.records, a list or an iterator), got " .. values.said(from),
    }, 0)
end

return M
