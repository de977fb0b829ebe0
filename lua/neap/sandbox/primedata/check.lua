--- Checks of bodies of the PrimeData simulator. A fault is the vendor's text: what is wrong, and the fields
-- that are, as Java prints a map.

local date = require "neap.lang.date"
local events = require "neap.sandbox.primedata.events"
local json = require "neap.native.json"
local people = require "neap.sandbox.primedata.people"

local null = json.null

local M = {}

local function set(names)
    local known = {}
    for _, name in ipairs(names) do known[name] = true end
    return known
end

local function is_object(value)
    return type(value) == "table" and not json.is_array(value)
end

local function sorted_names(object)
    local names = {}
    for name in pairs(object) do names[#names + 1] = name end
    table.sort(names)
    return names
end

--- A value as Java's toString has it.
local function java(value)
    if value == null or value == nil then return "null" end
    if type(value) ~= "table" then return tostring(value) end
    local parts = {}
    if json.is_array(value) then
        for i, item in ipairs(value) do parts[i] = java(item) end
        return ("[%s]"):format(table.concat(parts, ", "))
    end
    for i, name in ipairs(sorted_names(value)) do parts[i] = ("%s=%s"):format(name, java(value[name])) end
    return ("{%s}"):format(table.concat(parts, ", "))
end

local function invalid(what, value)
    return ("Invalid %s %s"):format(what, java(value))
end

--- A list of texts, not empty, each of which `allows` takes.
local function is_texts(value, allows)
    if not json.is_array(value) or #value == 0 then return false end
    for _, item in ipairs(value) do
        if type(item) ~= "string" or item == "" or allows and not allows[item] then return false end
    end
    return true
end

local known_identities, known_types = set(people.IDENTITIES), set(people.TYPES)
local known_events = set(events.NAMES)

local function identities(value)
    if not is_object(value) or next(value) == nil then return invalid("Identities", value) end
    local wrong = {}
    for name, values in pairs(value) do
        if not known_identities[name] or not is_texts(values) then wrong[name] = values end
    end
    if next(wrong) ~= nil then return invalid("Identities", wrong) end
end

local function texts(what, allows)
    return function(value)
        if not is_texts(value, allows) then return invalid(what, value) end
    end
end

--- ISO 8601: a date, or a date with T and time. -> Unix time | nil; without a zone it is UTC
local function instant(value)
    if type(value) ~= "string" then return nil end
    local day = date.date(value)
    if day then return date.day_number(day) * 86400 end
    local moment = date.datetime(value)
    return moment and moment.separator == "T" and date.instant(moment) or nil
end

local function moment(what)
    return function(value)
        if not instant(value) then return invalid(what, value) end
    end
end

local MOST = 100

local FIELDS = {
    profile_id = function(value)
        if type(value) ~= "string" or value == "" then return invalid("Profile Id", value) end
    end,
    identities = identities,
    type = texts("Type", known_types),
    start = moment "Start",
    ["end"] = moment "End",
    sort = function(value)
        if value ~= "asc" and value ~= "desc" then return invalid("Sort", value) end
    end,
    limit = function(value)
        if math.type(value) ~= "integer" or value < 1 or value > MOST then return invalid("Limit", value) end
    end,
    cursor = function(value)
        if type(value) ~= "string" or value == "" then return invalid("Cursor", value) end
    end,
}

--- By endpoint: the check of each field.
local ENDPOINTS = {
    get_profile = {
        profile_id = FIELDS.profile_id, identities = FIELDS.identities, type = FIELDS.type,
        include = texts "Include",
    },
    list_events = {
        profile_id = FIELDS.profile_id, identities = FIELDS.identities, start = FIELDS.start, ["end"] = FIELDS["end"],
        include = texts("Include", known_events), sort = FIELDS.sort, limit = FIELDS.limit, cursor = FIELDS.cursor,
    },
}

--- Checks a body.
---@param endpoint "get_profile"|"list_events"
---@param body table a JSON object
---@return string? fault
function M.body(endpoint, body)
    local checks = ENDPOINTS[endpoint]
    for _, name in ipairs(sorted_names(body)) do
        if not checks[name] then return invalid("Fields", { [name] = body[name] }) end
        local fault = checks[name](body[name])
        if fault then return fault end
    end
    if body.profile_id == nil and body.identities == nil then return "identities or profile_id is required" end
end

--- The query of checked parameters of list_events.
---@return neap.sandbox.primedata.Query
function M.query(body)
    return {
        after = instant(body.start), before = instant(body["end"]), include = body.include and set(body.include),
        sort = body.sort, limit = body.limit or 25, cursor = body.cursor,
    }
end

M.set = set

return M
