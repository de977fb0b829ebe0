--- How a vendor wraps its answers. An envelope is data with two readers: `accept` takes the decoded
-- body of a 2xx answer, `complain` that of any other.

local grammar = require "neap.vendor.grammar"
local json = require "neap.native.json"
local null = require "neap.null"

local M = {}

---@class neap.Envelope
---@field accept fun(body: any): boolean, any, any, boolean?   is it a success; payload or message; code; true
--- where the body is none of this vendor's, so that nobody knows what became of the call
---@field complain fun(body: any): string|nil, any   the vendor's message and code
---@field way string[] to the payload in the body of a success
---@field doc string

local FLAG = { ok = "!string", payload = "!string", message = "!string", code = "string" }
local PLAIN = { message = "string", code = "string", payload = "string", within = "string", string_fails = "boolean" }
local ERROR = { field = "!string", ok = "string", message = "string" }

local function text_of(value)
    if type(value) == "string" and value ~= "" then return value end
end

--- `{ok: true, payload: …}` or `{ok: false, message: …}`.
---@param spec { ok: string, payload: string, message: string, code?: string }
---@return neap.Envelope
function M.flag(spec)
    grammar.check_constructor("envelope.flag", spec, { "ok", "payload", "message", "code" }, FLAG)
    local function complain(body)
        if type(body) ~= "table" then return nil end
        local code = spec.code and body[spec.code]
        return text_of(body[spec.message]), code ~= null and code or nil
    end
    local function accept(body)
        local flag
        if type(body) == "table" then flag = body[spec.ok] end
        if flag == true then
            local payload = body[spec.payload]
            return true, payload == nil and null or payload
        end
        if flag == false then
            local message, code = complain(body)
            return false, message or ("%s is false and there is no %s"):format(spec.ok, spec.message), code
        end
        return false, ("the reply has no %s"):format(spec.ok), nil, true
    end
    return {
        accept = accept,
        complain = complain,
        way = { spec.payload },
        doc = ("{%q: true, %q: payload}, or {%q: false, %q: text}"):format(
            spec.ok, spec.payload, spec.ok, spec.message),
    }
end

--- The payload is the body, or one member of it. `string_fails`: a text in place of a payload is the message of
-- a failure.
---@param spec { message?: string, code?: string, payload?: string, within?: string, string_fails?: boolean }
---@return neap.Envelope
function M.plain(spec)
    grammar.check_constructor("envelope.plain", spec, { "message", "code", "payload", "within", "string_fails" },
        PLAIN)
    local function complain(body)
        if spec.within and type(body) == "table" then body = body[spec.within] end
        if type(body) ~= "table" then return text_of(body) end
        local code = spec.code and body[spec.code]
        return text_of(spec.message and body[spec.message]), code ~= null and code or nil
    end
    local function accept(body)
        if spec.string_fails and type(body) == "string" then
            return false, text_of(body) or "the reply is an empty text"
        end
        if spec.payload and type(body) == "table" then body = body[spec.payload] end
        return true, body == nil and null or body
    end
    local doc = spec.payload and ("payload in %q"):format(spec.payload) or "the body is the payload"
    return {
        accept = accept,
        complain = complain,
        way = { spec.payload },
        doc = spec.string_fails and doc .. "; a text is the message of a failure" or doc,
    }
end

--- What is wrong, of a member that says it: text, or something with texts in it; nil where it says nothing.
local function complaint_of(value)
    if value == nil or value == null or value == "" then return nil end
    if type(value) ~= "table" then return tostring(value) end
    return next(value) ~= nil and json.encode(value, { sorted = true }) or nil
end

--- Reads a boolean, which some vendors write as a text.
local function flag_of(value)
    if type(value) == "string" then value = value:lower() end
    if value == true or value == "true" then return true end
    if value == false or value == "false" then return false end
end

--- The payload is the body, and one of its members says what is wrong: absent, null and empty mean nothing. With
-- `ok`, another member says whether it is a success, whatever the former has. A text in place of all this is the
-- message of a failure.
---@param spec { field: string, ok?: string, message?: string } message: where answers outside 2xx may have it, too
---@return neap.Envelope
function M.error(spec)
    grammar.check_constructor("envelope.error", spec, { "field", "ok", "message" }, ERROR)
    local function complain(body)
        if type(body) ~= "table" then return text_of(body) end
        return complaint_of(body[spec.field]) or spec.message and text_of(body[spec.message]) or nil
    end
    local function accept(body)
        if type(body) == "string" then return false, text_of(body) or "the reply is an empty text" end
        local is_object = type(body) == "table"
        local message, is_ok = is_object and complaint_of(body[spec.field]), nil
        if not spec.ok then
            if message then return false, message end
            return true, body
        end
        if is_object then is_ok = flag_of(body[spec.ok]) end
        if is_ok then return true, body end
        if is_ok == nil then return false, ("the reply has no %s"):format(spec.ok), nil, true end
        return false, message or ("%s is false and there is no %s"):format(spec.ok, spec.field)
    end
    local fails = spec.ok and ("where %q is false"):format(spec.ok) or "where there is one"
    return {
        accept = accept,
        complain = complain,
        way = {},
        doc = ("the body is the payload; %q has the message of a failure, %s"):format(spec.field, fails),
    }
end

return M
