--- The members of the OmniSegment simulator: found by any merge key, merged as import-audience says.

local check = require "neap.sandbox.omnisegment.check"
local json = require "neap.native.json"

local null = json.null

local KEYS = { "member_sn", "line_id", "email", "phone", "messenger_psid", "source_id" }

---@class neap.sandbox.omnisegment.Members
---@field list table[]
---@field index table<string, table<string, table>> key -> value -> member
local Members = {}
Members.__index = Members

local member_store = {}

function member_store.new()
    return setmetatable({ list = json.array {}, index = {} }, Members)
end

function Members:find(key, value)
    local by_value = self.index[key]
    return by_value and by_value[value]
end

function Members:all() return self.list end

function Members:count() return #self.list end

--- `append` makes the union, `replace` starts anew.
local function merge_tags(stored, tags, mode)
    local seen, all = {}, {}
    for _, text in ipairs { mode ~= "replace" and stored or "", tags } do
        for tag in text:gmatch "[^,]+" do
            if not seen[tag] then
                seen[tag] = true
                all[#all + 1] = tag
            end
        end
    end
    return table.concat(all, ",")
end

local function find_row(rows, sub_field, value)
    for i, row in ipairs(rows) do
        if row[sub_field] == value then return i end
    end
end

--- Rows of a multi-field custom field: the one with the same sub-field is updated, others are added.
local function merge_rows(stored, rows, sub_field)
    local all = json.array(table.move(stored, 1, #stored, 1, {}))
    for _, row in ipairs(rows) do
        local place = find_row(all, sub_field, row[sub_field]) or #all + 1
        local merged = {}
        for name, value in pairs(all[place] or {}) do merged[name] = value end
        for name, value in pairs(row) do merged[name] = value end
        all[place] = merged
    end
    return all
end

local function merged_value(member, name, value, options)
    if name == "tags" then return merge_tags(member.tags, value, options.tag_mode) end
    local sub_field = (options.custom_fields_identifier_field or {})[name]
    if sub_field and json.is_array(value) then return merge_rows(member[name] or {}, value, sub_field) end
    return value
end

local function store(member, data, options)
    for name, value in pairs(data) do
        local empty = value == null or value == ""
        if value == "none" or (empty and not options.ignore_empty_value) then
            member[name] = nil
        elseif not empty then
            member[name] = merged_value(member, name, value, options)
        end
    end
end

--- What a member is found by; an id of another system belongs to that system.
local function identity(values, key)
    local value = values[key]
    if value == nil or key ~= "source_id" then return value end
    return ("%s\0%s"):format(values.source_system, value)
end

local function identities(member)
    local all = {}
    for _, key in ipairs(KEYS) do all[key] = identity(member, key) end
    return all
end

--- Keeps the index to what a member is found by now.
function Members:reindex(member, before)
    local now = identities(member)
    for _, key in ipairs(KEYS) do
        local by_value = self.index[key] or {}
        self.index[key] = by_value
        local old = before[key]
        if old and old ~= now[key] and by_value[old] == member then by_value[old] = nil end
        if now[key] then by_value[now[key]] = member end
    end
end

--- Finds the member that a row is about by a key, or by source_id where that is empty.
-- -> member | nil, the key it is found by
local function find_owner(self, row, key)
    if check.is_empty(row[key]) then key = "source_id" end
    return self:find(key, identity(row, key)), key
end

local function add(self)
    local member = { imports = 0 }
    self.list[#self.list + 1] = member
    return member
end

--- Creates or updates a member.
---@param data table checked before
---@param options table the options of the import beside `data`
function Members:upsert(data, options)
    local member = find_owner(self, data, options.merge_key or "member_sn") or add(self)
    if member.imports == 0 then member.is_headless_account = nil end
    local before = identities(member)
    store(member, data, options)
    self:reindex(member, before)
    member.imports = member.imports + 1
end

--- Makes sure that the member of a row exists; an unknown one is headless until it is imported.
function Members:ensure(row, key)
    local member, by = find_owner(self, row, key)
    if member then return end
    member = add(self)
    member.is_headless_account = true
    member[by] = row[by]
    if by == "source_id" then member.source_system = row.source_system end
    self:reindex(member, {})
end

return member_store
