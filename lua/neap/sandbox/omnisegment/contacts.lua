--- What the OmniSegment simulator holds about members besides their records: the blacklists and the
-- accounts they are bound to.

local check = require "neap.sandbox.omnisegment.check"
local json = require "neap.native.json"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local MAX_BLACKLISTED = 100
local MAX_ACCOUNTS = 50

local SEARCH_KEYS = check.set "email phone line_id messenger_psid member_sn"

local function blacklist_fault(body)
    if not SEARCH_KEYS[body.search_key] then
        return "search_key should be one of ['email', 'phone', 'line_id', 'messenger_psid', 'member_sn']"
    end
    return check.boolean(body.to_be_blacklisted, "to_be_blacklisted")
        or check.rows(body.data, "data", MAX_BLACKLISTED, check.text)
end

function M.blacklist(sim, _, body)
    local fault = blacklist_fault(body)
    if fault then return reply.refuse(fault) end
    local values = sim.blacklists[body.search_key] or {}
    sim.blacklists[body.search_key] = values
    for _, value in ipairs(body.data) do values[value] = body.to_be_blacklisted or nil end
    return reply.ok(json.null)
end

--- The values on one of the blacklists, sorted.
function M.blacklisted(sim, search_key)
    local list = json.array {}
    for value in pairs(sim.blacklists[search_key] or {}) do list[#list + 1] = value end
    table.sort(list)
    return list
end

local UUID = "^" .. table.concat({
    ("%x"):rep(8), ("%x"):rep(4), ("%x"):rep(4), ("%x"):rep(4), ("%x"):rep(12),
}, "%-") .. "$"

--- Error type and what is wrong; the texts are ours, the types the vendor's.
local function account_fault(row, name)
    if not check.is_object(row) then return name .. " should be an object" end
    return check.text(row.member_sn, "member_sn") or check.text(row.account_id, "account_id")
        or not row.account_id:find(UUID) and "account_id should be a UUID" or nil
end

local function lacking(rows)
    for i, row in ipairs(json.is_array(rows) and #rows <= MAX_ACCOUNTS and rows or {}) do
        for _, name in ipairs(check.is_object(row) and { "account_id", "member_sn" } or {}) do
            if check.is_empty(row[name]) then return ("row %d: %s is required"):format(i, name) end
        end
    end
end

--- Binds members that have a line_id; others are passed over without an error.
function M.bind(sim, _, body)
    local missing = lacking(body.data_list)
    if missing then return reply.fail(400, "MissingInputError: " .. missing) end
    local fault = check.rows(body.data_list, "data_list", MAX_ACCOUNTS, account_fault)
    if fault then return reply.fail(400, "InputError: " .. fault) end
    for _, row in ipairs(body.data_list) do
        local member = sim.members:find("member_sn", row.member_sn)
        if member and member.line_id then sim.accounts:put(row.member_sn, row) end
    end
    return reply.ok(json.null)
end

return M
