--- Members of the OmniSegment simulator: what import-audience checks, and what it does to the store.

local json = require "neap.native.json"
local null = json.null
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local MERGE_KEYS = { "member_sn", "line_id", "email", "phone", "messenger_psid", "source_id" }
local TEXT_LIMIT = 1025 -- characters of a custom field

local function set(names)
    local result = {}
    for name in names:gmatch "%S+" do result[name] = true end
    return result
end

local STRINGS = set [[member_sn source_id source_system name first_name last_name email phone
    member_level sex birthday register_date register_type facebook_id google_id line_id
    messenger_psid crm_pk fcm_token tags iso_code sites city country province zip_code address
    membership_renewal_diff membership_upgrade_diff membership_upgrade_oneday_diff point_balance
    credit_balance membership_expire_at]]
local BOOLEANS = set [[is_subscriber is_subscriber_sms is_subscriber_line is_subscriber_pn is_active
    is_headless_account]]
local DECIMALS = set [[membership_renewal_diff membership_upgrade_diff
    membership_upgrade_oneday_diff point_balance credit_balance]]

local function is_merge_key(name)
    for _, known in ipairs(MERGE_KEYS) do
        if name == known then return true end
    end
    return false
end

local function is_empty(value)
    return value == nil or value == null or value == ""
end

local function fault_of_text(name, value)
    if value == "" or value == "none" then return nil end
    if name == "sex" and value ~= "male" and value ~= "female" then
        return "sex should be male or female"
    end
    if name == "birthday" and not value:find "^%d%d%d%d%-%d%d%-%d%d$" then
        return "birthday should be YYYY-MM-DD"
    end
    if DECIMALS[name] and not value:find "^%-?%d+%.?%d?%d?$" then
        return name .. " should be a decimal with at most 2 places"
    end
    if name == "membership_expire_at" and not value:find "[Zz]$" and not value:find "[+-]%d%d:?%d%d$" then
        return "membership_expire_at needs a time zone"
    end
end

local function is_list_of_objects(value)
    if not json.is_array(value) then return false end
    for _, item in ipairs(value) do
        if type(item) ~= "table" or json.is_array(item) then return false end
    end
    return true
end

local CHANNEL = { name = "string", subscription_status = "boolean" }
local REQUIRED = {
    fcm_tokens = { token = "string" }, email_channels = CHANNEL, line_channels = CHANNEL,
}

local function fault_of_list(name, value)
    if not is_list_of_objects(value) then return name .. " should be a list of objects" end
    for _, item in ipairs(value) do
        for field, wanted in pairs(REQUIRED[name] or {}) do
            if type(item[field]) ~= wanted then
                return ("an item of %s lacks something"):format(name)
            end
        end
        if name == "fcm_tokens" and item.type ~= nil and item.type ~= "ios"
            and item.type ~= "android" then
            return "type of a fcm token should be ios or android"
        end
    end
end

local function fault_of_custom(name, value)
    if type(value) == "table" then return fault_of_list(name, value) end
    if type(value) == "string" and (utf8.len(value) or 0) > TEXT_LIMIT then
        return ("%s is longer than %d characters"):format(name, TEXT_LIMIT)
    end
end

--- The fault of one field; nil when it may be stored.
local function fault_of(name, value)
    if value == null then return nil end
    if STRINGS[name] then
        if type(value) ~= "string" then return name .. " should be a string" end
        return fault_of_text(name, value)
    end
    if BOOLEANS[name] then
        local is_clearing = value == "" or value == "none"
        if type(value) == "boolean" or is_clearing then return nil end
        return name .. " should be a boolean"
    end
    if value == "" or value == "none" then return nil end
    if REQUIRED[name] then return fault_of_list(name, value) end
    return fault_of_custom(name, value)
end

local function fault_of_options(body, merge_key)
    if not is_merge_key(merge_key) then
        return "merge_key should be one of " .. table.concat(MERGE_KEYS, ", ")
    end
    local mode = body.tag_mode
    if mode ~= nil and mode ~= "append" and mode ~= "replace" then
        return "tag_mode should be append or replace"
    end
    if body.ignore_empty_value ~= nil and type(body.ignore_empty_value) ~= "boolean" then
        return "ignore_empty_value should be a boolean"
    end
end

local function fault_of_identity(data, merge_key)
    if not is_empty(data.source_id) and is_empty(data.source_system) then
        return "source_system is required with source_id"
    end
    local is_found_by_source = merge_key == "member_sn" and not is_empty(data.source_id)
    if is_empty(data[merge_key]) and not is_found_by_source then
        return ("%s is required in data"):format(merge_key)
    end
    if data[merge_key] == "none" then return merge_key .. " cannot be cleared" end
end

local function faults(body)
    local merge_key = body.merge_key == nil and "member_sn" or body.merge_key
    local data = body.data
    if type(data) ~= "table" or json.is_array(data) then return "data should be an object" end
    local fault = fault_of_options(body, merge_key) or fault_of_identity(data, merge_key)
    if fault then return fault end
    local names = {}
    for name in pairs(data) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
        fault = fault_of(name, data[name])
        if fault then return fault end
    end
end

local Members = {}
Members.__index = Members

function M.new()
    return setmetatable({ list = json.array {}, index = {} }, Members)
end

function Members:find(key, value)
    local by_value = self.index[key]
    return by_value and by_value[value]
end

function Members:all()
    return self.list
end

function Members:count()
    return #self.list
end

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

local function store(member, body)
    for name, value in pairs(body.data) do
        local empty = value == null or value == ""
        if value == "none" or (empty and not body.ignore_empty_value) then
            member[name] = nil
        elseif not empty then
            member[name] = name == "tags" and merge_tags(member.tags, value, body.tag_mode) or value
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
    for _, key in ipairs(MERGE_KEYS) do all[key] = identity(member, key) end
    return all
end

--- Keeps the index to what a member is found by now.
function Members:reindex(member, before)
    local now = identities(member)
    for _, key in ipairs(MERGE_KEYS) do
        local by_value = self.index[key] or {}
        self.index[key] = by_value
        local old = before[key]
        if old and old ~= now[key] and by_value[old] == member then by_value[old] = nil end
        if now[key] then by_value[now[key]] = member end
    end
end

function Members:upsert(body)
    local data = body.data
    local key = body.merge_key or "member_sn"
    if is_empty(data[key]) then key = "source_id" end
    local member = self:find(key, identity(data, key))
    if not member then
        member = {}
        self.list[#self.list + 1] = member
    end
    local before = identities(member)
    store(member, body)
    self:reindex(member, before)
    member.imports = (member.imports or 0) + 1
end

local OK = json.object({ status = "OK", error_msg = "" }, { "status", "error_msg" })

function M.import(sim, _, body)
    local fault = faults(body)
    if fault then return reply.fail(400, "Input Error: " .. fault) end
    sim.members:upsert(body)
    return reply.ok(OK)
end

return M
