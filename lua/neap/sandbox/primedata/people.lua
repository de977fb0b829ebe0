--- The profiles of the PrimeData simulator: a million, each made of its number when it is asked for, so
-- that none is kept and every run has the same ones.
--
-- Profile N (from 1) has: email pN@example.com, phone_number 09 and N in eight digits, crm_user_id N,
-- device_id device-N, and if N is even clevertap_device_id ct-N; every third one has a second phone, 08 and
-- N in eight digits. The first three are also there to be remembered: their e-mails are a@example.com,
-- b@example.com and c@example.com, and the first one has the phone 0123456789.

local json = require "neap.native.json"

local M = {}

M.COUNT = 1000000

--- A number made of two, the same in every run: the last steps of splitmix64.
---@param number integer
---@param purpose integer so that one use says nothing of another
---@return integer any of 64 bits
function M.mix(number, purpose)
    local z = number * 0x9e3779b97f4a7c15 + purpose * 0xd1342543de82ef95
    z = (z ~ (z >> 30)) * 0xbf58476d1ce4e5b9
    z = (z ~ (z >> 27)) * 0x94d049bb133111eb
    return z ~ (z >> 31)
end

--- The same, from 0 to limit - 1.
---@return integer
function M.below(number, purpose, limit)
    return (M.mix(number, purpose) >> 1) % limit
end

-- Ids -------------------------------------------------------------------------------------------

local DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
local NUMBER_DIGITS = 7 -- of an id, those that hold the profile's number

--- The last digits of a number to the base 62.
local function base62(number, count)
    local digits = {}
    for i = count, 1, -1 do
        local at = (number >> 1) % 31 * 2 + (number & 1) -- unsigned
        digits[i] = DIGITS:sub(at + 1, at + 1)
        number = (number >> 1) // 31
    end
    return table.concat(digits)
end

--- The id of a profile: 27 characters, of which the last seven give its number away to `find`.
---@param number integer
---@return string
function M.id(number)
    return "2" .. base62(M.mix(number, 1), 10) .. base62(M.mix(number, 2), 9) .. base62(number, NUMBER_DIGITS)
end

--- Finds the profile of an id.
---@param id string
---@return integer|nil number
function M.find(id)
    local number = 0
    for digit in id:sub(-NUMBER_DIGITS):gmatch "." do
        local at = DIGITS:find(digit, 1, true)
        if not at then return nil end
        number = number * 62 + at - 1
    end
    return number >= 1 and number <= M.COUNT and M.id(number) == id and number or nil
end

-- Identities ------------------------------------------------------------------------------------

--- The identity names that this tenant is configured with, in order.
M.IDENTITIES = { "phone_number", "email", "crm_user_id", "clevertap_device_id", "device_id" }

local REMEMBERED = { "a@example.com", "b@example.com", "c@example.com" }
local REMEMBERED_PHONE = "0123456789"

local MAKE = {
    phone_number = function(number)
        local phones = { ("09%08d"):format(number) }
        if number % 3 == 0 then phones[2] = ("08%08d"):format(number) end
        if number == 1 then phones[2] = REMEMBERED_PHONE end
        return phones
    end,
    email = function(number) return { REMEMBERED[number] or ("p%d@example.com"):format(number) } end,
    crm_user_id = function(number) return { ("%d"):format(number) } end,
    clevertap_device_id = function(number) return number % 2 == 0 and { ("ct-%d"):format(number) } or {} end,
    device_id = function(number) return { ("device-%d"):format(number) } end,
}

--- Which number a value of an identity seems to be of.
local PARSE = {
    phone_number = function(value)
        return value == REMEMBERED_PHONE and 1 or value:match "^0[89](%d%d%d%d%d%d%d%d)$"
    end,
    email = function(value)
        for number, email in ipairs(REMEMBERED) do
            if value == email then return number end
        end
        return value:match "^p(%d+)@example%.com$"
    end,
    crm_user_id = function(value) return value:match "^%d+$" end,
    clevertap_device_id = function(value) return value:match "^ct%-(%d+)$" end,
    device_id = function(value) return value:match "^device%-(%d+)$" end,
}

--- All identities of a profile: name -> values.
---@param number integer
---@return table<string, string[]>
function M.identities(number)
    local all = {}
    for _, name in ipairs(M.IDENTITIES) do
        local values = MAKE[name](number)
        if values[1] then all[name] = json.array(values) end
    end
    return json.object(all, M.IDENTITIES)
end

local function has(number, name, value)
    for _, one in ipairs(MAKE[name](number)) do
        if one == value then return true end
    end
    return false
end

--- Finds the profile that has a value of an identity.
---@return integer|nil number
local function owner(name, value)
    local number = math.tointeger(tonumber(PARSE[name](value)))
    return number and number >= 1 and number <= M.COUNT and has(number, name, value) and number or nil
end

--- Finds the profile that identities lead to. Where they lead to several, which is not documented, it is
-- that of the first known value, in the order of the tenant's configuration.
---@param identities table<string, string[]> checked
---@return integer|nil number
function M.resolve(identities)
    for _, name in ipairs(M.IDENTITIES) do
        for _, value in ipairs(identities[name] or {}) do
            local number = owner(name, value)
            if number then return number end
        end
    end
end

-- Profiles --------------------------------------------------------------------------------------

local NAMES = { "Sơn", "Linh", "Đức", "Mai", "Phương", "An", "Trang", "Minh" }
local ADDRESSES = { "HN", "HCM", "ĐN", "HP", "CT" }
local YEAR_S = 365 * 86400
local START = 1672531200 -- 2023-01-01

--- A time as the vendor prints most of them: with colons in the date.
---@param seconds integer Unix time
---@return string
function M.odd_time(seconds)
    return os.date("!%Y:%m:%dT%H:%M:%SZ", seconds) --[[@as string]]
end

function M.name(number)
    return NAMES[M.below(number, 3, #NAMES) + 1]
end

local function pick(block, include)
    if not include then return block end
    local picked = {}
    for name, value in pairs(block) do
        if include[name] then picked[name] = value end
    end
    return picked
end

--- Blocks of an answer by the name that `type` has for them: name in the answer, what makes it.
local BLOCKS = {
    identity = { "identity", M.identities },
    trait = { "trait", function(number)
        return { full_name = M.name(number), address = ADDRESSES[M.below(number, 4, #ADDRESSES) + 1] }
    end },
    ptrait = { "p_trait", function(number)
        return {
            ltv = M.below(number, 5, 20000) * 1000,
            last_time_purchased = M.odd_time(START + M.below(number, 6, YEAR_S)),
        }
    end },
}

local ORDER = { "profile_id", "last_updated", "identity", "trait", "p_trait" }

--- A profile as it is answered.
---@param number integer
---@param types string[] of "trait", "ptrait", "identity": the blocks that are wanted
---@param include? table<string, boolean> the properties that are wanted, of all blocks; default all
---@return table
function M.profile(number, types, include)
    local profile = {
        profile_id = M.id(number),
        last_updated = os.date("!%Y-%m-%dT%H:%M:%SZ", START + YEAR_S + M.below(number, 8, YEAR_S)),
    }
    for _, kind in ipairs(types) do
        local name, make = table.unpack(BLOCKS[kind])
        profile[name] = pick(make(number), include)
    end
    return json.object(profile, ORDER)
end

--- The values of `type`.
M.TYPES = { "trait", "ptrait", "identity" }

return M
