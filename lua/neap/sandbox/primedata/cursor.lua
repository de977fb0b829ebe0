--- Cursors of the PrimeData simulator: opaque text, base64 of "<nanoseconds>::<message id>" like the one of
-- the vendor's sample. A cursor names the event that the next page begins with, of one profile.

local people = require "neap.sandbox.primedata.people"

local M = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function encode(text)
    local out = {}
    for at = 1, #text, 3 do
        local a, b, c = text:byte(at, at + 2)
        local bits = a << 16 | (b or 0) << 8 | (c or 0)
        for i = 0, 3 do
            local digit = bits >> (18 - 6 * i) & 63
            local is_padding = i == 2 and not b or i == 3 and not c
            out[#out + 1] = is_padding and "=" or ALPHABET:sub(digit + 1, digit + 1)
        end
    end
    return table.concat(out)
end

local function decode(text)
    local bits, count, out = 0, 0, {}
    for digit in text:gsub("=*$", ""):gmatch "." do
        local at = ALPHABET:find(digit, 1, true)
        if not at then return nil end
        bits, count = (bits << 6 | at - 1) & 0xffff, count + 6
        if count >= 8 then
            count = count - 8
            out[#out + 1] = string.char(bits >> count & 255)
        end
    end
    return table.concat(out)
end

local PURPOSE = 9
local NANOSECONDS = 1000000000

--- Makes the cursor of an event.
---@param number integer of the profile
---@param index integer of the event
---@param seconds integer its time
---@return string
function M.make(number, index, seconds)
    local check = people.mix(number << 20 ~ index, PURPOSE)
    return encode(("%d::ajs-%016x%08x-clean"):format(seconds * NANOSECONDS, check, index))
end

--- Reads a cursor.
---@param text string
---@return integer|nil index of the event that it seems to name; make it again to be sure
function M.read(text)
    local decoded = decode(text)
    local digits = decoded and decoded:match "^%d+::ajs%-%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x(%x%x%x%x%x%x%x%x)%-clean$"
    return digits and tonumber(digits, 16)
end

return M
