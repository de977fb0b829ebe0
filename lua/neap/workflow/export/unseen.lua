--- Columns that were asked for and that no record has: a misspelt name would be an empty column, unseen.

local say = require("neap.mapping.unseen").say
local suggest = require "neap.suggest"
local values = require "neap.schema.value"

local M = {}

---@class neap.UnseenColumns
---@field names string[] in their order
---@field left table<string, boolean> columns that no record had so far
---@field taken table<string, boolean> members that columns show, and the objects around them
---@field spare table<string, boolean> members of records that no column shows
local Unseen = {}
Unseen.__index = Unseen

--- The value under a column's name: a member of that name, or "a.b" within an object.
---@param record table
---@param name string
---@return any
function M.member(record, name)
    local value = record[name]
    if value ~= nil or not name:find(".", 1, true) then return value end
    for key in name:gmatch "[^.]+" do
        if type(record) ~= "table" then return nil end
        record = record[key]
    end
    return record
end

---@param names string[] columns
---@return neap.UnseenColumns
function M.new(names)
    local self = setmetatable({ names = names, left = {}, taken = {}, spare = {} }, Unseen)
    for _, name in ipairs(names) do
        self.left[name], self.taken[name] = true, true
        for at in name:gmatch "()%." do self.taken[name:sub(1, at - 1)] = true end
    end
    return self
end

--- Notes the members that no column shows; within an object only where a column shows a part of it.
local function note_spare(self, object, prefix)
    for key, value in pairs(object) do
        local name = prefix .. tostring(key)
        if not self.taken[name] then
            self.spare[name] = true
        elseif type(value) == "table" and not values.is_list(value) then
            note_spare(self, value, name .. ".")
        end
    end
end

--- Looks at a record; costs nothing once every column has been seen.
---@param record table
function Unseen:note(record)
    if next(self.left) == nil then return end
    for name in pairs(self.left) do
        if M.member(record, name) ~= nil then self.left[name] = nil end
    end
    if next(self.left) ~= nil then note_spare(self, record, "") end
end

--- Warns of the columns that no record had while records had members for which there is no column.
function Unseen:warn()
    if next(self.spare) == nil then return end
    for _, name in ipairs(self.names) do
        if self.left[name] then
            say("column", name, name, suggest.hint(name, self.spare))
        end
    end
end

return M
