--- Customers of the Optimove simulator and their attributes. A customer's id is a number with eight
-- digits; every value follows from it until it is overwritten.

local calendar = require "neap.sandbox.optimove.calendar"
local date = require "neap.lang.date"
local json = require "neap.native.json"

local null = json.null

local M = {}

local MAX_ADDED = 40

local FIRST_NAMES = { "Ann", "Zoë", "美玲", "O'Brien", "Jürgen", "Mary" }
local LAST_NAMES = { "Smith", "陳", "da Silva", "Müller", "Jones" }
local CITIES = { "Taipei, Xinyi", "Tokyo", "Zürich", "New York; NY", "London" }
local COUNTRIES = { "TW", "JP", "CH", "US", "GB" }
local COMPANIES = { 'Tea & "Milk"', "<none>", "Acme" }
local TIERS = { "Bronze", "Silver", "Gold" }

local function pick(list, step)
    return function(i) return list[i // step % #list + 1] end
end

local function day(first, span, empty)
    return function(i)
        if empty and i % empty == 0 then return null end
        return calendar.text(first + i * 31 % span)
    end
end

local function text(form)
    return function(i) return form:format(i) end
end

--- Name, type, description, how a value follows from the customer's number.
local BUILT_IN = {
    { "Email", "Nvarchar", "E-mail address", text "customer%d@example.com" },
    { "FirstName", "Nvarchar", "First name", pick(FIRST_NAMES, 1) },
    { "LastName", "Nvarchar", "Last name", pick(LAST_NAMES, 2) },
    { "MobileNumber", "Varchar", "Mobile number", text "+8869%08d" },
    { "Country", "Varchar", "Country", pick(COUNTRIES, 1) },
    { "City", "Nvarchar", "City", pick(CITIES, 1) },
    { "Company", "Nvarchar", "Company", pick(COMPANIES, 3) },
    { "Language", "Varchar", "Language", function(i) return i % 4 == 0 and null or COUNTRIES[i % 5 + 1]:lower() end },
    { "Tier", "Varchar", "Loyalty tier", pick(TIERS, 5) },
    { "DateOfBirth", "Date", "Date of birth", day(0, 12000, 5) },
    { "RegistrationDate", "Date", "Date of registration", day(calendar.FIRST, 1000) },
    { "LastOrderDate", "Date", "Date of the last order", day(calendar.FIRST + 1000, 1000, 3) },
    { "LifetimeValue", "Decimal", "Value of all orders", function(i) return ("%.4f"):format(i * 17 % 10000 / 8) end },
    { "OrderCount", "Int", "Number of orders", function(i) return tostring(i % 40) end },
    { "LoyaltyPoints", "Bigint", "Points", function(i) return tostring(9007199254740993 + i) end },
    { "IsOptIn", "Int", "Takes mails", function(i) return tostring(i % 2) end },
}

local Attributes = {}
Attributes.__index = Attributes

function M.new()
    local self = setmetatable({ list = {}, index = {}, changes = {}, upserted = {}, added = 0 }, Attributes)
    for _, entry in ipairs(BUILT_IN) do
        self:put { name = entry[1], type = entry[2], description = entry[3], make = entry[4] }
    end
    return self
end

function Attributes:put(attribute)
    self.list[#self.list + 1] = attribute
    self.index[attribute.name:lower()] = attribute
end

--- Finds an attribute by its RealFieldName in any letter case.
function Attributes:find(name) return self.index[name:lower()] end

function M.id(customer) return ("%08d"):format(customer) end

--- The number of a customer that exists. nil: there is none
function M.number(id)
    local number = id:find "^%d%d%d%d%d%d%d%d$" and math.tointeger(tonumber(id))
    return number and number > 0 and number or nil
end

function Attributes:exists(id) return M.number(id) ~= nil or self.upserted[id] ~= nil end

--- A value as text, or null.
---@param id string of the customer
---@param number integer|nil its number; nil: it was upserted and has only what was sent
function Attributes:value(id, number, attribute)
    local changes = self.changes[id]
    local changed = changes and changes[attribute.name]
    if changed ~= nil then return changed end
    return number and attribute.make(number) or null
end

-- Values that are sent.

local function is_date(value)
    return date.date(value) ~= nil or value:find "^%d%d/%d%d/%d%d%d%d" ~= nil
end

local function length_within(max)
    return function(value)
        local length = utf8.len(value)
        return length ~= nil and length <= max
    end
end

local function is_integer(value) return value:find "^-?%d+$" ~= nil end

local FITS = {
    Int = function(value)
        local number = is_integer(value) and math.tointeger(tonumber(value))
        return number and number >= -0x80000000 and number <= 0x7fffffff
    end,
    Bigint = function(value) return is_integer(value) and math.tointeger(tonumber(value)) ~= nil end,
    Decimal = function(value) return value:find "^-?%d+%.?%d*$" ~= nil end,
    Date = is_date, Varchar = length_within(200), Nvarchar = length_within(200),
}

local function fits(kind, length, value)
    if length then return length_within(length)(value) end
    return FITS[kind](value)
end

--- Overwrites a value. -> error code when it cannot be
function Attributes:set(id, name, value)
    local attribute = self:find(name)
    if not attribute then return "INVALID_FIELD" end
    if value ~= nil and value ~= null then
        value = tostring(value)
        if not fits(attribute.type, attribute.length, value) then return "INVALID_VALUE" end
    end
    self.changes[id] = self.changes[id] or {}
    self.changes[id][attribute.name] = value == nil and null or value
end

-- New attributes.

local PLAIN = { int = "Int", bigint = "Bigint", date = "Date", ["decimal(19,4)"] = "Decimal" }

--- Reads a type as AddCustomerAttribute takes it. -> type, length | nil
local function read_type(written)
    local kind = PLAIN[written:lower()]
    if kind then return kind end
    local name, length = written:lower():match "^(n?varchar)%((%d+)%)$"
    if not name then return nil end
    return name == "varchar" and "Varchar" or "Nvarchar", math.tointeger(tonumber(length))
end

--- Adds an attribute. -> errorId, errorMsg when it cannot be
function Attributes:add(name, written, default)
    if self.added >= MAX_ADDED then return "1", "more than 40 attributes" end
    if self:find(name) then return "2", "the name exists" end
    local kind, length = read_type(written)
    if not kind then return "3", "unknown type" end
    if default and not fits(kind, length, default) then return "4", "the default does not fit the type" end
    self.added = self.added + 1
    self:put {
        name = name, type = kind, length = length, description = "",
        make = function() return default or null end,
    }
end

--- How GetCustomerAttributes writes a value: dates in the American form.
function M.written(attribute, value)
    if attribute.type ~= "Date" or value == null then return value end
    return (value:gsub("^(%d%d%d%d)%-(%d%d)%-(%d%d)$", "%2/%3/%1 00:00:00"))
end

return M
