--- The rules across fields of a definition: what the values of one call owe each other. A fault names the
-- field to change, its value, and the rule. Names are dotted: "data.event_end_datetime".

local clock = require "neap.native.clock"
local lang = require "neap.lang"
local null = require "neap.null"
local quote = require "neap.lang.quote"

local M = {}

---@alias neap.FaultSink fun(path: string, message: string, hint: string?)

local split_names = {}

--- Gets the parts of a dotted name; definitions have few.
local function parts_of(name)
    local parts = split_names[name]
    if not parts then
        parts = lang.split(name, ".")
        split_names[name] = parts
    end
    return parts
end

--- Gets the value under a dotted name; nil where it is absent, null or "".
local function given(values, name)
    for _, part in ipairs(parts_of(name)) do
        if type(values) ~= "table" then return nil end
        values = values[part]
    end
    if values == null or values == "" then return nil end
    return values
end

--- Is the object there that holds a field? One that is absent owes nothing.
local function is_held(values, name)
    local holder = name:match "^(.*)%.[^.]*$"
    return not holder or type(given(values, holder)) == "table"
end

--- Gets a field with its value, for a message.
local function shown(name, value)
    if type(value) == "table" then return name end
    return ("%s %s"):format(name, type(value) == "string" and quote(value) or tostring(value))
end

local UNPADDED = { unpadded = true }

--- A text longer than this is no date without time.
local longest_date = 10

--- Reads a date or a date with time.
---@return { text: string, day: integer, at: number?, zoned: boolean? }? moment nil: neither
local function moment_of(text)
    if type(text) ~= "string" then return nil end
    if #text <= longest_date then
        local date = lang.date(text, UNPADDED)
        return date and { text = text, day = lang.day_number(date) }
    end
    local time = lang.datetime(text)
    if not time then return nil end
    return { text = text, day = lang.day_number(time), at = lang.instant(time), zoned = time.offset ~= nil }
end

--- Gets the days from one moment to another, and whether both have a time. Nothing where only one has a
-- zone: they cannot be compared.
local function distance_of(a, b)
    if not (a.at and b.at) then return b.day - a.day, false end
    if a.zoned == b.zoned then return (b.at - a.at) / 86400, true end
end

--- Each kind of rule: (rule, values, fault); faults go to the function `fault`.
local KINDS = {}

function KINDS.any_of(rule, values, fault)
    local held = false
    for _, name in ipairs(rule.any_of) do
        if given(values, name) ~= nil then return end
        held = held or is_held(values, name)
    end
    if not held then return end
    fault("", ("one of %s is required"):format(table.concat(rule.any_of, " or ")))
end

function KINDS.one_of(rule, values, fault)
    local first
    for _, name in ipairs(rule.one_of) do
        local value = given(values, name)
        if value ~= nil and first then return fault(name, "not allowed beside " .. first) end
        if value ~= nil then first = shown(name, value) end
    end
    if first then return end
    fault("", ("one of %s is required"):format(table.concat(rule.one_of, " or ")))
end

function KINDS.with(rule, values, fault)
    local first, second = rule.with[1], rule.with[2]
    local value = given(values, first)
    if value ~= nil and given(values, second) == nil then
        fault(second, "required with " .. shown(first, value))
    end
end

function KINDS.both_or_none(rule, values, fault)
    local a, b = rule.both_or_none[1], rule.both_or_none[2]
    local first, second = given(values, a), given(values, b)
    if (first == nil) == (second == nil) then return end
    if first == nil then a, b, first = b, a, second end
    fault(b, ("required with %s: both or none"):format(shown(a, first)))
end

function KINDS.order(rule, values, fault)
    local first, second = rule.order[1], rule.order[2]
    local from, to = moment_of(given(values, first)), moment_of(given(values, second))
    local days, timed
    if from and to then days, timed = distance_of(from, to) end
    if not days then return end
    local start = shown(first, from.text)
    if days < 0 or timed and days == 0 then
        local relation = timed and "is not later than" or "is before"
        fault(second, ("%s %s %s"):format(quote(to.text), relation, start))
    elseif rule.max_days and days > rule.max_days then
        fault(second, ("%s is %d days after %s, at most %d are allowed"):format(quote(to.text),
            math.ceil(days), start, rule.max_days))
    end
end

--- Where today is not over or has begun already, depends on the zone: one day is allowed on both sides.
local ZONE_DAYS = 1

function KINDS.recent(rule, values, fault)
    local today = clock.wall_ms() // 86400000
    for _, name in ipairs(rule.recent) do
        local moment = moment_of(given(values, name))
        local age = moment and today - moment.day or 0
        if age < -ZONE_DAYS then
            fault(name, ("%s is %d days ahead, it must be within the last %d days"):format(quote(moment.text), -age,
                rule.max_days))
        elseif age > rule.max_days + ZONE_DAYS then
            fault(name, ("%s is %d days ago, it must be within the last %d days"):format(quote(moment.text), age,
                rule.max_days))
        end
    end
end

function KINDS.check(rule, values, fault)
    local message = rule.check(values, fault)
    if message then fault("", tostring(message)) end
end

local NAMES = { "any_of", "one_of", "with", "both_or_none", "order", "recent", "check" }

--- Checks values against the rules of an endpoint. Declared rules read names only; a function of the
--- definition may rely on the types, so it is asked only where these are right.
---@param rules table[]
---@param values table<string, any>
---@param faults neap.Fault[] appended to; empty: the types are right
function M.check(rules, values, faults)
    if not rules[1] then return end
    local typed = #faults == 0
    local function fault(path, message, hint)
        faults[#faults + 1] = { path = path, message = message, hint = hint }
    end
    for _, rule in ipairs(rules) do
        for _, name in ipairs(NAMES) do
            if rule[name] and (typed or name ~= "check") then KINDS[name](rule, values, fault) end
        end
    end
end

-- In words --------------------------------------------------------------------------------------

local WORDS = {}

function WORDS.any_of(rule)
    return ("one of %s is required"):format(table.concat(rule.any_of, " or "))
end

function WORDS.one_of(rule)
    return ("exactly one of %s is required"):format(table.concat(rule.one_of, ", "))
end

function WORDS.with(rule)
    return ("%s needs %s as well"):format(rule.with[1], rule.with[2])
end

function WORDS.both_or_none(rule)
    return ("%s go together: both or none"):format(table.concat(rule.both_or_none, " and "))
end

function WORDS.order(rule, params)
    local field = params:field(rule.order[2])
    local relation = field and field.type == "datetime" and "is later than" or "is not before"
    local span = rule.max_days and (", at most %d days apart"):format(rule.max_days) or ""
    return ("%s %s %s%s"):format(rule.order[2], relation, rule.order[1], span)
end

function WORDS.recent(rule)
    local verb = #rule.recent == 1 and "lies" or "lie"
    return ("%s %s within the last %d days"):format(table.concat(rule.recent, " and "), verb, rule.max_days)
end

function WORDS.check(rule)
    return rule.doc or "parameters are checked against each other"
end

--- Gets a rule in words.
---@param rule table
---@param params neap.Schema of the endpoint
---@return string
function M.describe(rule, params)
    local parts = {}
    for _, name in ipairs(NAMES) do
        if rule[name] then parts[#parts + 1] = WORDS[name](rule, params) end
    end
    return table.concat(parts, "; ")
end

return M
