--- Scheme "hub": `algorithm=hash` in x-hub-signature-256 or x-hub-signature, hexadecimal HMAC over the body as sent.
--- Which algorithms are good is for the description to say, never for the sender.

local hmac = require "neap.native.hmac"
local refusal = require "neap.webhook.refusal"
local signature = require "neap.webhook.signature"
local suggest = require "neap.suggest"

local M = {}

local ALGORITHMS = { "sha1", "sha256", "sha512" }
local HEADERS = { "x-hub-signature-256", "x-hub-signature" }

function M.sign(secret, algorithm, ...)
    return hmac.sign(algorithm, secret, ...)
end

local function check_algorithm(name, refuse)
    for _, known in ipairs(ALGORITHMS) do
        if name == known then return name end
    end
    return refuse(("algorithm: no algorithm %q"):format(tostring(name)),
        suggest.hint(tostring(name), ALGORITHMS) or "one of sha1, sha256, sha512")
end

function M.read(spec, hook, refuse)
    local list = spec.algorithm == nil and "sha256" or spec.algorithm
    if type(list) ~= "table" then list = { list } end
    if #list == 0 then refuse "algorithm: the list is empty" end
    hook.algorithms = {}
    for i, name in ipairs(list) do hook.algorithms[i] = check_algorithm(name, refuse) end
    hook.headers = spec.header and { spec.header:lower() } or HEADERS
end

--- Reads a field `algorithm=hash`.
---@param text string
---@return string|nil algorithm
---@return string|nil bytes nil where the hash is none
function M.parse(text)
    local algorithm, hash = text:match "^%s*(%w+)=(%x+)%s*$"
    if not algorithm then return nil end
    return algorithm:lower(), hmac.parse_hex(hash)
end

--- What the headers say: algorithm -> bytes. nil, err where there is none, or one is malformed.
local function signatures(hook, req)
    local found, any = {}, false
    for _, header in ipairs(hook.headers) do
        local text = req:header(header)
        if text then
            local algorithm, bytes = M.parse(text)
            if not bytes then return refusal.malformed(header, "algorithm=hash, in hexadecimal digits,") end
            found[algorithm], any = found[algorithm] or bytes, true
        end
    end
    if not any then return refusal.missing(table.concat(hook.headers, ", ")) end
    return found
end

--- The first of the description's algorithms that the sender has used decides.
---@return true|nil
---@return neap.Error? err
function M.verify(hook, req, body)
    local found, err = signatures(hook, req)
    if not found then return nil, err end
    for _, algorithm in ipairs(hook.algorithms) do
        if found[algorithm] then
            local signed
            signed, err = signature.is_made(hook, algorithm, { found[algorithm] }, body)
            if signed == nil then return nil, err end
            if not signed then return refusal.mismatch(table.concat(hook.headers, ", ")) end
            return true
        end
    end
    return refusal.unauthorized("no signature by %s", table.concat(hook.algorithms, " or "))
end

return M
