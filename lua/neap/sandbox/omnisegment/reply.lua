--- Bodies of the OmniSegment simulator.

local json = require "neap.native.json"

local M = {}

local SHORT = { "SUCCESS", "ERR_MSG" }
local LONG = { "SUCCESS", "ERR_MSG", "ERR_TYPE_KEY", "ERR_MSG_KEY", "EXTRA_INFO", "INTP_KEY", "INTP_VALUE" }
local OK = { "SUCCESS", "PAYLOAD" }

--- The failure body of the common specifications.
function M.short(message)
    return json.object({ SUCCESS = false, ERR_MSG = message }, SHORT)
end

--- The failure body of the endpoint pages.
local function long(message, kind)
    return json.object({
        SUCCESS = false, ERR_MSG = message, ERR_TYPE_KEY = kind, ERR_MSG_KEY = json.null,
        EXTRA_INFO = json.null, INTP_KEY = json.object({}, {}), INTP_VALUE = json.object({}, {}),
    }, LONG)
end

--- A failure. The body is long where the text begins with an error type, else short.
---@param status integer
---@param message string
---@param form? "short"|"untyped" short all the same; long without ERR_TYPE_KEY
function M.fail(status, message, form)
    local kind = message:match "^(%a[%a ]-Error): "
    if form == "short" or not kind then return { status = status, json = M.short(message) } end
    return { status = status, json = long(message, form ~= "untyped" and kind or nil) }
end

--- Refuses what was sent.
function M.refuse(fault)
    return M.fail(400, "Input Error: " .. fault)
end

function M.ok(payload)
    return { status = 200, json = json.object({ SUCCESS = true, PAYLOAD = payload }, OK) }
end

return M
