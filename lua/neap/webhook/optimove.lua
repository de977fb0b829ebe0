--- Scheme "optimove": services of Optimove that sign, such as its metric intake: version 1, hexadecimal HMAC-SHA256
--- over the body as sent. Its campaign events are not signed: scheme "path" is for them.

local hmac = require "neap.native.hmac"
local refusal = require "neap.webhook.refusal"
local signature = require "neap.webhook.signature"

local M = {}

local VERSION_HEADER = "x-optimove-signature-version"

function M.sign(secret, algorithm, ...)
    return hmac.sign(algorithm, secret, ...)
end

function M.read(spec, hook)
    hook.header = (spec.header or "x-optimove-signature-content"):lower()
end

---@return true|nil
---@return neap.Error? err
function M.verify(hook, req, body)
    local version, text = req:header(VERSION_HEADER), req:header(hook.header)
    if not text then return refusal.missing(hook.header) end
    if not version then return refusal.missing(VERSION_HEADER) end
    if version ~= "1" then return refusal.malformed(VERSION_HEADER, "version 1") end
    local given = text ~= "" and hmac.parse_hex(text)
    if not given then return refusal.malformed(hook.header, "hexadecimal digits") end
    local signed, err = signature.is_made(hook, "sha256", { given }, body)
    if signed == nil then return nil, err end
    if not signed then return refusal.mismatch(hook.header) end
    return true
end

return M
