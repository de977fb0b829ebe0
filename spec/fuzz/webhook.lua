--- Properties of neap.webhook. The input is three texts, apart at the first two newlines: a signature as senders
-- write it, an id, and a body. Nobody without the secret has a request taken.

local errors = require "neap.error"
local hmac = require "neap.native.hmac"
local hub = require "neap.webhook.hub"
local json = require "neap.native.json"
local neap = require "neap.init"
local secret = require "neap.native.secret"
local standard = require "neap.webhook.standard"

local KEY = secret.literal "bm90IGluIGFueSBpbnB1dCwgZm9yIG5vYm9keSBrbm93cyBpdA=="

local SCHEMES = { "standard", "hub", "omnisegment", "optimove", "path" }
local STATUSES = { [400] = true, [401] = true, [404] = true }

local hooks = {}
for i, scheme in ipairs(SCHEMES) do hooks[i] = neap.webhook { scheme = scheme, secret = KEY } end

local exact = { duplicates = "error", bigint = "string" }
local in_order = { sorted = true }

--- Every text that is read has one form.
local function check_encodings(text)
    local bytes = hmac.parse_base64(text)
    if bytes then assert(hmac.base64(bytes) == text:gsub("-", "+"):gsub("_", "/")) end
    bytes = hmac.parse_hex(text)
    if bytes then assert(hmac.hex(bytes) == text:lower()) end
    assert(hmac.parse_base64(hmac.base64(text)) == text and hmac.parse_hex(hmac.hex(text)) == text)
end

local function check_headers(text)
    local found = standard.signatures(text)
    assert(found == nil or #found <= 32)
    local plain = text:gsub("-", "+"):gsub("_", "/")
    for _, bytes in ipairs(found or {}) do assert(plain:find("v1," .. hmac.base64(bytes), 1, true)) end
    local algorithm, bytes = hub.parse(text)
    if bytes then assert(text:lower():find(algorithm .. "=" .. hmac.hex(bytes), 1, true)) end
end

--- What can be decoded can be sorted. Sorted, a body says what it said, in its own tokens and without blanks.
local function check_canonical(body)
    local value = json.decode(body, exact)
    local sorted, err = json.sort(body)
    assert((value == nil) == (sorted == nil), err)
    if not sorted then return assert(err.kind == "decode" and utf8.len(err.message)) end
    assert(#sorted <= #body and json.sort(sorted) == sorted)
    assert(json.encode(json.decode(sorted, exact), in_order) == json.encode(value, in_order))
    local plain = json.encode(value, in_order)
    if not body:find '[\\.eE-]' and not body:find "%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d" then
        assert(sorted == plain, sorted)
    end
end

local function check_refused(hook, req)
    local event, err = hook:verify(req)
    assert(event == nil, "taken")
    assert(errors.is(err) and err.kind == "auth" and STATUSES[err.status])
    assert(utf8.len(err.message) and not err.message:find "[\r\n]", err.message)
end

return function(input)
    local signature, id, body = input:match "^([^\n]*)\n?([^\n]*)\n?(.*)$"
    local headers = {
        ["webhook-id"] = id, ["webhook-signature"] = signature, ["webhook-timestamp"] = tostring(os.time()),
        ["x-hub-signature"] = signature, ["x-hub-signature-256"] = #id > 8 and signature or nil,
        ["x-omnisegment-signature"] = signature, ["x-optimove-signature-content"] = signature,
        ["x-optimove-signature-version"] = "1",
    }
    local req = { target = "/" .. signature, body = body }
    function req.header(_, name) return headers[name] end
    for _, hook in ipairs(hooks) do check_refused(hook, req) end
    headers["webhook-timestamp"] = id
    check_refused(hooks[1], req)
    for _, text in ipairs { signature, id } do
        check_encodings(text)
        check_headers(text)
    end
    check_canonical(body)
end
