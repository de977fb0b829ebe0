--- How a vendor wraps its answers. An envelope is data with two readers: `accept` takes the decoded
-- body of a 2xx answer, `complain` that of any other.

local grammar = require "neap.vendor.grammar"
local null = require "neap.null"

local M = {}

---@class neap.Envelope
---@field accept fun(body: any): boolean, any, any, boolean?   is it a success; payload or message; code; true
--- where the body is none of this vendor's, so that nobody knows what became of the call
---@field complain fun(body: any): string|nil, any   the vendor's message and code
---@field doc string

local function text_of(value)
    if type(value) == "string" and value ~= "" then return value end
end

--- `{ok: true, payload: …}` or `{ok: false, message: …}`.
---@param spec { ok: string, payload: string, message: string, code?: string }
---@return neap.Envelope
function M.flag(spec)
    grammar.check_constructor("envelope.flag", spec, { "ok", "payload", "message", "code" })
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
        doc = ("{%q: true, %q: payload}, or {%q: false, %q: text}"):format(
            spec.ok, spec.payload, spec.ok, spec.message),
    }
end

--- The payload is the body, or one member of it.
---@param spec { message: string, code?: string, payload?: string, within?: string }
---@return neap.Envelope
function M.plain(spec)
    grammar.check_constructor("envelope.plain", spec, { "message", "code", "payload", "within" })
    local function complain(body)
        if spec.within and type(body) == "table" then body = body[spec.within] end
        if type(body) ~= "table" then return text_of(body) end
        local code = spec.code and body[spec.code]
        return text_of(body[spec.message]), code ~= null and code or nil
    end
    local function accept(body)
        if spec.payload and type(body) == "table" then body = body[spec.payload] end
        return true, body == nil and null or body
    end
    return {
        accept = accept,
        complain = complain,
        doc = spec.payload and ("payload in %q"):format(spec.payload) or "the body is the payload",
    }
end

return M
