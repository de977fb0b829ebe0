--- Handler scripts in a spec's own process: requests reach them by the in-process transport.

local handler = require "neap.native.handler"
local http = require "neap.native.http"
local serve = require "neap.serve"

local M = {}

--- Reads a whole answer.
local function read(res)
    local headers = {}
    for _, field in ipairs(res:headers()) do
        local name = field.name:lower()
        headers[name] = headers[name] and headers[name] .. ", " .. field.value or field.value
    end
    local body, err = res:body()
    return { status = res:status(), headers = headers, body = body, err = err }
end

--- Opens a script as a service. Returns a function that sends a request, { method =, path =, headers =, body = } or a
--- path, and returns { status =, headers =, body = } or nil, err; then one that closes it, and the service.
---@param source string
---@param name? string
function M.open(source, name)
    name = name or "handler.lua"
    local chunk = assert(load(source, "@" .. name))
    local service = serve.script(chunk, name)
    local client = http.open { connections = 64, handler = handler.new(service.answer) }
    local function send(request)
        if type(request) == "string" then request = { path = request } end
        local res, err = client:send {
            method = request.method or (request.body and "POST" or "GET"),
            url = "http://spec.invalid" .. request.path, headers = request.headers or {}, body = request.body,
            timeout = request.timeout or 600, connect_timeout = 10,
        }
        if not res then return nil, err end
        return read(res)
    end
    return send, function() client:close() end, service
end

return M
