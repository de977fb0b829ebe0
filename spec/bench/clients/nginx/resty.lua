-- What call.lua does, with lua-resty-http.
local cjson = require "cjson"
local http = require "resty.http"

local record = { id = 7519, name = "Lin Ren", email = "ren@example.com", amount = 12.5, active = true }
local client = http.new()
local response = assert(client:request_uri(
    "http://" .. ngx.var.upstream_host .. ":" .. ngx.var.upstream_port .. "/json", {
        method = "POST",
        body = cjson.encode(record),
        headers = {
            ["Content-Type"] = "application/json", ["Accept"] = "application/json",
            ["X-Api-Key"] = "00000000-0000-4000-8000-000000000000",
        },
        keepalive_timeout = 60000, keepalive_pool = 64,
    }))
if response.status ~= 200 then ngx.exit(502) end
ngx.print(cjson.decode(response.body).status)
