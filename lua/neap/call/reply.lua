--- Reads answers: the payload of a good one, the complaint of a bad one, how long it asks to wait.

local clock = require "neap.native.clock"
local errors = require "neap.error"
local fold = require "neap.schema.fold"
local json = require "neap.native.json"
local lang = require "neap.lang"
local null = require "neap.null"
local secrets = require "neap.native.secret"
local xml = require "neap.xml"

local M = {}

local EXCERPT = 200 -- characters of a body that is not what was expected
local BEGINNING = 60 -- of one that is quoted for a hint
local SLACK = 200 -- blanks and quotes around a text that is compared
local LOOKED_AT = 65536 -- bytes of a page in which its words are searched

--- The kind of error that a status means.
---@param status integer
---@param model neap.Model
---@return neap.ErrorKind
function M.kind(status, model)
    if model.refused[status] then return "auth" end
    if status == 429 then return "limit" end
    if status == 502 or status == 503 or status == 504 then return "outage" end
    return "rejected"
end

--- A reply may be in any encoding; an error is UTF-8, and nothing in it moves a terminal's cursor.
local function readable(text)
    local parts, from = {}, 1
    while true do
        local _, bad = utf8.len(text, from)
        if not bad then break end
        parts[#parts + 1] = text:sub(from, bad - 1)
        from = bad + 1
    end
    parts[#parts + 1] = text:sub(from)
    return (table.concat(parts, "\u{FFFD}"):gsub("[%s%c]+", " "))
end

--- A line of a text or a page; of a page, its title says enough.
local function excerpt(body, length)
    length = length or EXCERPT
    local title = body:match "<[Tt][Ii][Tt][Ll][Ee]>%s*(.-)%s*</"
    local text = secrets.redact(title or body):sub(1, LOOKED_AT):gsub("<[^>]*>", " ")
    text = readable(text):gsub("^ ", ""):gsub(" $", "")
    if #text <= length then return text end
    return text:sub(1, utf8.offset(text, 0, length + 1) - 1) .. "..."
end

local function redacted(code)
    if type(code) == "table" then code = json.encode(code) end
    return type(code) == "string" and excerpt(code) or code
end

local REASONS = {
    [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found",
    [405] = "Method Not Allowed", [429] = "Too Many Requests", [500] = "Internal Server Error",
    [502] = "Bad Gateway", [503] = "Service Unavailable", [504] = "Gateway Timeout",
}

--- The vendor's own words in an answer outside 2xx, and its code.
---@param envelope neap.Envelope
---@param res userdata
---@return string message
---@return any code
function M.complaint(envelope, res)
    local reason = REASONS[res:status()] or "no message"
    if res:is_cut() then return reason .. " (the reply was cut short)" end -- perhaps in the middle of a secret
    local body = res:body()
    local decoded = json.decode(body)
    if decoded ~= nil then
        local message, code = envelope.complain(decoded)
        if message then return excerpt(message), redacted(code) end
    end
    local text = excerpt(body)
    return text ~= "" and text or reason
end

--- Does an answer say that it is XML?
---@param res userdata
---@return boolean
function M.is_xml(res)
    local content_type = res:header "content-type"
    return content_type ~= nil and content_type:lower():find("^[%w.+-]+/[%w.+-]*xml") ~= nil
end

--- The body as a value, by what it says it is. -> value | nil, err
local function decode(bound, res, body, options)
    local value, err
    if bound.reads_xml and M.is_xml(res) then
        value, err = xml.decode(body)
        if value then return xml.value(value, bound.endpoint.returns, options) end
        err.message = "the reply is no XML: " .. err.message
    else
        value, err = json.decode(body, options)
        if value ~= nil then return value end
        err.message = "the reply is no JSON: " .. err.message
    end
    return nil, err
end

--- What an empty body means: no element of a list, or nothing.
local function emptiness(endpoint)
    local returns = endpoint.returns
    return type(returns) == "table" and returns.type == "list" and json.array {} or null
end

--- Says of an error in a body what the body begins with.
---@param err neap.Error
---@param res userdata
---@param body string or its beginning
---@return neap.Error
function M.decode_error(err, res, body)
    local begins = excerpt(body, BEGINNING)
    err.kind, err.status = "decode", res:status()
    err.hint = not err.truncated and begins ~= "" and "the reply begins: " .. begins or nil
    return err
end

--- The payload of a decoded 2xx answer. -> payload, nil, nil, decoded body | nil, err
---@param bound table
---@param decoded any
---@param flowcall userdata
---@param res? userdata default: flowcall's answer
---@param body? string the beginning of its body, default all of it
function M.judge(bound, decoded, flowcall, res, body)
    if bound.any_case then fold.readable(decoded) end
    local ok, payload, code, foreign = bound.accept(decoded)
    if ok then return payload, nil, nil, decoded end
    res = res or flowcall:answer()
    body = body or res:body()
    return nil, errors.new {
        kind = foreign and "decode" or "rejected", status = res:status(), message = excerpt(payload),
        code = redacted(code), hint = foreign and ("the reply %s"):format(
            body == "" and "is empty" or "begins: " .. excerpt(body, BEGINNING)) or nil,
    }
end

--- The payload of a 2xx answer. -> payload, nil, nil, decoded body | nil, err, true when the reply was cut short
---@param bound table
---@param res userdata
---@param options? table of the decoding; default: those of all calls
---@param body? string of the answer, if it was read already
function M.payload(bound, res, options, body)
    body = body or res:body()
    local decoded, err
    if body == "" then
        decoded = emptiness(bound.endpoint)
    else
        decoded, err = decode(bound, res, body, options or bound.decode_options)
    end
    if decoded == nil then return nil, M.decode_error(err, res, body), err.truncated end
    return M.judge(bound, decoded, nil, res, body)
end

--- The token in the answer to a login; it becomes no string.
---@param member? string
---@return fun(bound: table, res: userdata): userdata|nil, neap.Error?
function M.token(member)
    return function(_, res)
        local secret, err = res:secret(member)
        if not secret then err.status = res:status() end
        return secret, err
    end
end

--- A short body without the quotes or the element around it.
local function bare(body)
    return (body:gsub("<[^<>]*>", ""):match '^%s*"?(.-)"?%s*$')
end

--- Is an answer the one that means: the session is over? Its body is the text, perhaps quoted, or the
-- envelope finds the text in it as the vendor's message; in any letter case.
---@param expired { status: integer, text: string }
---@param envelope neap.Envelope
---@param res userdata
---@return boolean
function M.is_expiry(expired, envelope, res)
    if res:status() ~= expired.status then return false end
    local body, wanted = res:body(), expired.text:lower()
    if #body <= #wanted + SLACK and bare(body):lower() == wanted then return true end
    local decoded = #body <= LOOKED_AT and json.decode(body) or nil
    local message = decoded ~= nil and envelope.complain(decoded)
    return type(message) == "string" and message:lower() == wanted
end

---@class neap.Reply an answer of which more than the payload is needed
---@field payload any
---@field body any decoded
---@field url string that was answered, after redirects
---@field size integer bytes of the body
---@field header fun(name: string): string|nil repeated fields joined by ", "

local IN_ORDER = { ordered = true }

--- Reads a 2xx answer whole. -> neap.Reply | nil, err, true when the reply was cut short
---@param bound table
---@param res userdata
---@param request { url: string }
---@param ordered? boolean objects remember the order of their names
function M.whole(bound, res, request, ordered)
    local text = res:body()
    local payload, err, cut, body = M.payload(bound, res, ordered and IN_ORDER or nil, text)
    if payload == nil then return nil, err, cut end
    return {
        payload = payload, body = body, url = request.url, size = #text,
        header = function(name) return res:header(name) end,
    }
end

--- Seconds until a reset that the older or newer rate-limit headers name; they come as delta seconds
-- or as Unix time.
local function rate_limit_reset(res, now)
    local field = res:header "ratelimit"
    local delta = field and field:match ";%s*t=(%d+)"
    delta = tonumber(delta or res:header "ratelimit-reset" or res:header "x-ratelimit-reset" or nil)
    if not delta or delta < 0 then return nil end
    if delta > 1e9 then delta = delta - now end
    return delta > 0 and delta or nil
end

--- Seconds the answer asks to wait, or nil. Retry-After outranks rate-limit headers.
---@param res userdata
---@return number|nil
function M.retry_after(res)
    local now = clock.wall_ms() / 1000
    local value = res:header "retry-after"
    local seconds = value and lang.retry_after(value, res:header "date", now)
    if seconds then return seconds end
    if res:status() == 429 then return rate_limit_reset(res, now) end
end

return M
