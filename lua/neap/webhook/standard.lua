--- Scheme "standard": Standard Webhooks 1.0.0, symmetric signatures. Base64 of HMAC-SHA256 over id.timestamp.body;
--- the header has one signature per key of the sender, each behind its version. The key is base64, too.

local clock = require "neap.native.clock"
local duration = require "neap.lang.duration"
local hmac = require "neap.native.hmac"
local refusal = require "neap.webhook.refusal"
local signature = require "neap.webhook.signature"

local M = {}

--- More signatures than a sender has keys.
local MOST_SIGNATURES = 32
local LONGEST_ID = 256

function M.sign(secret, algorithm, ...)
    return hmac.sign_base64(algorithm, secret, ...)
end

function M.read(spec, hook, refuse)
    local seconds, message = duration.duration(spec.tolerance == nil and "5m" or spec.tolerance)
    if not seconds then refuse("tolerance: " .. message) end
    hook.tolerance = seconds
    hook.header = (spec.header or "webhook"):lower()
    if hook.once and hook.once < 2 * seconds then
        refuse(("once: at least twice the tolerance expected, %d seconds"):format(math.ceil(2 * seconds)))
    end
end

--- Gets the bytes of the signatures of version 1; others are passed over. nil: too many.
---@param text string
---@return string[]|nil
function M.signatures(text)
    local found, count = {}, 0
    for one in text:gmatch "%S+" do
        count = count + 1
        if count > MOST_SIGNATURES then return nil end
        local value = one:match "^v1,(.+)$"
        found[#found + 1] = value and hmac.parse_base64(value)
    end
    return found
end

--- The id cannot have the dot that ends it: what is signed could be read in two ways.
local function check_id(id, header)
    if #id > LONGEST_ID or not id:find "^%g+$" or id:find(".", 1, true) then
        return refusal.malformed(header, "an id of at most 256 characters, without blanks and full stops,")
    end
    return true
end

local function check_time(text, header, tolerance)
    local seconds = text:find "^%d+$" and #text <= 12 and math.tointeger(text)
    if not seconds then return refusal.malformed(header, "seconds since 1970") end
    local age = clock.wall_ms() / 1000 - seconds
    if age > tolerance then return refusal.unauthorized("header %s: %d seconds ago", header, math.ceil(age)) end
    if age < -tolerance then
        return refusal.unauthorized("header %s: %d seconds from now", header, math.ceil(-age))
    end
    return true
end

--- Gets the fields of the three headers: id, timestamp, signature. nil, err where one is missing.
local function fields(hook, req)
    local values = {}
    for i, name in ipairs { "-id", "-timestamp", "-signature" } do
        values[i] = req:header(hook.header .. name)
        if not values[i] then return refusal.missing(hook.header .. name) end
    end
    return values
end

---@return string|nil id
---@return neap.Error? err
function M.verify(hook, req, body)
    local values, err = fields(hook, req)
    if not values then return nil, err end
    local id, timestamp, text = table.unpack(values)
    local good
    good, err = check_id(id, hook.header .. "-id")
    if not good then return nil, err end
    local signatures = M.signatures(text)
    if not signatures then return refusal.malformed(hook.header .. "-signature", "at most 32 signatures") end
    good, err = check_time(timestamp, hook.header .. "-timestamp", hook.tolerance)
    if not good then return nil, err end
    good, err = signature.is_made(hook, "sha256", signatures, id, ".", timestamp, ".", body)
    if good == nil then return nil, err end
    if not good then return refusal.mismatch(hook.header .. "-signature") end
    return id
end

return M
