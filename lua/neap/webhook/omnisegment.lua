--- Scheme "omnisegment": base64 of HMAC-SHA256 over the key-sorted JSON body, by the API key. How the sender writes
--- the sorted body is not told. Taken is the signature of the body as sent, which a sender that sends what it signed
--- makes; of its own tokens, with keys sorted at every level and no blanks; and of the one form that json.encode gives
--- it, sorted.

local hmac = require "neap.native.hmac"
local json = require "neap.native.json"
local refusal = require "neap.webhook.refusal"
local signature = require "neap.webhook.signature"

local M = {}

local in_order = { sorted = true }

--- Sorting takes time and memory, and comes before it is known who has sent the body.
local LONGEST = 1048576

function M.sign(secret, algorithm, ...)
    return hmac.sign(algorithm, secret, ...)
end

function M.read(spec, hook)
    hook.header = (spec.header or "x-omnisegment-signature"):lower()
end

--- The other forms of a body that may have been signed.
local function forms(body, sorted)
    local list = {}
    if sorted ~= body then list[1] = sorted end
    local value = json.decode(body) -- nil where an integer is beyond 64 bit: it has no form of ours
    local encoded = value ~= nil and json.encode(value, in_order)
    if encoded and encoded ~= body and encoded ~= sorted then list[#list + 1] = encoded end
    return list
end

local function is_signed(hook, given, body, sorted)
    local signed, err = signature.is_made(hook, "sha256", { given }, body)
    if signed ~= false then return signed, err end
    for _, form in ipairs(forms(body, sorted)) do
        signed, err = signature.is_made(hook, "sha256", { given }, form)
        if signed ~= false then return signed, err end
    end
    return false
end

---@return true|nil
---@return neap.Error? err
function M.verify(hook, req, body)
    local text = req:header(hook.header)
    if not text then return refusal.missing(hook.header) end
    local given = hmac.parse_base64(text)
    if not given or #given ~= 32 then
        return refusal.malformed(hook.header, "a signature of 32 bytes in base64")
    end
    if #body > LONGEST then return refusal.too_large(LONGEST) end
    if not body:find "^%s*{" then return refusal.bad_request "the body is no JSON object" end
    local sorted, err = json.sort(body) -- refuses a key that comes twice: one would be signed, the other one read
    if not sorted then return refusal.bad_request("the body is no JSON object: %s", err.message) end
    local signed
    signed, err = is_signed(hook, given, body, sorted)
    if signed == nil then return nil, err end
    if not signed then return refusal.mismatch(hook.header) end
    return true
end

return M
