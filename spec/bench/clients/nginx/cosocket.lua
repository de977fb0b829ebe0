-- What call.lua does, by hand on a socket of the LuaJIT module: no time-outs, no redirects, one shape of answer.
local cjson = require "cjson"

local record = { id = 7519, name = "Lin Ren", email = "ren@example.com", amount = 12.5, active = true }
local host, port = ngx.var.upstream_host, ngx.var.upstream_port

local body = cjson.encode(record)
local socket = ngx.socket.tcp()
assert(socket:connect(host, tonumber(port)))
assert(socket:send {
    "POST /json HTTP/1.1\r\nHost: ", host, ":", port,
    "\r\nAccept: application/json\r\nContent-Type: application/json\r\nX-Api-Key: 00000000-0000-4000-8000-000000000000",
    "\r\nContent-Length: ", #body, "\r\n\r\n", body,
})

local status, length = assert(socket:receive "*l"), nil
while true do
    local line = assert(socket:receive "*l")
    if line == "" then break end
    length = length or line:match "^[Cc]ontent%-[Ll]ength: (%d+)"
end
local answer = cjson.decode(assert(socket:receive(tonumber(length))))
assert(socket:setkeepalive(60000, 64))
if not status:find(" 200 ", 1, true) then ngx.exit(502) end
ngx.print(answer.status)
