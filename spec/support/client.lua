--- A client of HTTP servers under test, on luv: whole requests, and a connection by hand for what well-behaved clients
-- do not do. Everything waits with a bound, and raises beyond it.

local uv = require "luv"

local M = {}

local BOUND_MS = 60000

--- Runs the loop until a condition holds.
---@param condition fun(): any
---@param what string for the message
function M.wait(condition, what)
    local late = false
    local timer = uv.new_timer()
    timer:start(BOUND_MS, 0, function() late = true end)
    while not condition() and not late do uv.run "once" end
    timer:close()
    if late then error("waited in vain for " .. what, 2) end
end

---@class client.Connection
---@field received string what has come and was not taken
---@field ended boolean the server has ended its stream
---@field failure string? why it broke, "ECONNRESET"
local Connection = { __name = "client.Connection" }
Connection.__index = Connection
Connection.__close = function(connection) connection:close() end

--- Connects to a port of this machine. Raises where nobody listens.
---@param port integer
---@param address? string
---@return client.Connection
function M.connect(port, address)
    local socket = uv.new_tcp()
    local c = setmetatable({ socket = socket, received = "", ended = false }, Connection)
    local done, failure = false, nil
    socket:connect(address or "127.0.0.1", port, function(err) done, failure = true, err end)
    M.wait(function() return done end, "a connection")
    if failure then
        socket:close()
        error(failure, 0)
    end
    c:resume()
    return c
end

--- Reads what comes from now on; a new connection does.
function Connection:resume()
    self.socket:read_start(function(err, data)
        if err then self.failure = err end
        if data then self.received = self.received .. data else self.ended = true end
    end)
end

--- Reads nothing until `resume`: the server's answer fills the system's buffers.
function Connection:pause()
    self.socket:read_stop()
end

---@param text string
function Connection:send(text)
    self.socket:write(text)
    uv.run "nowait"
end

--- Ends this side of the stream.
function Connection:shutdown()
    self.socket:shutdown()
    uv.run "nowait"
end

function Connection:close()
    if self.socket:is_closing() then return end
    self.socket:close()
    uv.run "nowait"
end

--- Takes all that came up to the end of a text.
---@param text string
---@return string
function Connection:take_until(text)
    local to
    M.wait(function()
        to = select(2, self.received:find(text, 1, true))
        return to or self.ended
    end, text)
    if not to then error(("the stream ended (%s) before %q, after %q"):format(self.failure or "by itself", text,
        self.received:sub(1, 200)), 2) end
    local taken = self.received:sub(1, to)
    self.received = self.received:sub(to + 1)
    return taken
end

--- Takes so many bytes.
---@param count integer
---@return string
function Connection:take(count)
    M.wait(function() return #self.received >= count or self.ended end, count .. " bytes")
    local taken = self.received:sub(1, count)
    self.received = self.received:sub(count + 1)
    return taken
end

--- Waits for the end of the server's stream; takes what was left.
---@return string
function Connection:take_rest()
    M.wait(function() return self.ended end, "the end of the stream")
    local taken = self.received
    self.received = ""
    return taken
end

local function take_chunks(c)
    local parts = {}
    while true do
        local size = tonumber(c:take_until("\r\n"):match "^%x+", 16)
        parts[#parts + 1] = c:take(size)
        c:take_until "\r\n"
        if size == 0 then return table.concat(parts) end
    end
end

---@class client.Response
---@field status integer
---@field headers table<string, string> by lower-case name
---@field head string
---@field body string

--- Takes one answer.
---@param method? string of the request; HEAD has no body
---@return client.Response
function Connection:response(method)
    local res = { headers = {}, body = "", head = self:take_until "\r\n\r\n" }
    res.status = tonumber(res.head:match "^HTTP/1%.1 (%d%d%d)")
    for name, value in res.head:gmatch "\r\n([^:\r\n]+):[ \t]*([^\r\n]*)" do res.headers[name:lower()] = value end
    if method == "HEAD" or res.status == 204 or res.status == 304 then return res end
    if res.headers["transfer-encoding"] == "chunked" then
        res.body = take_chunks(self)
    elseif res.headers["content-length"] then
        res.body = self:take(tonumber(res.headers["content-length"]))
    else
        res.body = self:take_rest()
    end
    return res
end

---@class client.Request
---@field method? string default GET, or POST with a body
---@field path string
---@field headers? table<string, string>
---@field body? string

--- The text of a request.
---@param request client.Request|string its path
---@return string text
---@return string method
function M.text(request)
    if type(request) == "string" then request = { path = request } end
    local method = request.method or request.body and "POST" or "GET"
    local lines = { ("%s %s HTTP/1.1"):format(method, request.path), "Host: localhost" }
    for name, value in pairs(request.headers or {}) do lines[#lines + 1] = name .. ": " .. value end
    if request.body then lines[#lines + 1] = "Content-Length: " .. #request.body end
    return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (request.body or ""), method
end

--- Asks on a connection of its own.
---@param port integer
---@param request client.Request|string
---@return client.Response
function M.ask(port, request)
    local connection <close> = M.connect(port)
    local text, method = M.text(request)
    connection:send(text)
    return connection:response(method)
end

--- Asks all at the same time, each on a connection of its own.
---@param port integer
---@param requests (client.Request|string)[]
---@return client.Response[]
function M.ask_all(port, requests)
    local connections, methods, responses = {}, {}, {}
    for i in ipairs(requests) do connections[i] = M.connect(port) end
    for i, request in ipairs(requests) do
        local text
        text, methods[i] = M.text(request)
        connections[i]:send(text)
    end
    for i, connection in ipairs(connections) do
        responses[i] = connection:response(methods[i])
        connection:close()
    end
    return responses
end

return M
