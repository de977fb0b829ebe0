--- Serves vendor simulators: finds the vendor by the first path segment, lets the faults have their
--- say, asks the simulator, sends what it answers, and logs the request. Runs in the sandbox's own
--- Lua state, one task per request.
---
--- How a simulator is written (lua/neap/sandbox/<vendor>.lua, or sandbox/<name>.lua beside a user's
--- definition). The module returns a table:
---
---   { new = function(env) -> sim }
---
--- `env` (one per vendor):
---   env.vendor             the vendor's name
---   env.settings           { key = "00000000-0000-4000-8000-000000000000", tid = "OA-000000" }
---   env.now()              seconds since the sandbox's start, by the runtime's clock, a float
---   env.wall_ms()          Unix time in milliseconds by the same clock
---   env.random()           [0,1), from the seed, a stream of this vendor's own
---   env.sleep(seconds)     waits; only inside respond and stream
---   env.base(req)          URL under which this vendor is reached for that request, without
---                          a slash at the end, for links and report files:
---                          "http://127.0.0.1:8080/omnisegment"
---   env.http_date(wall_ms) "Sat, 21 Nov 2026 10:00:00 GMT"
---   env.limiter(n, seconds) a strict sliding window, see neap.sandbox.limiter:
---                          ok, wait = limiter:arrive(key, env.now())
---   env.faults:expired(vendor, since)
---                          true if an `expire` fault fell due after `since` (in env.now() terms):
---                          tokens issued at or before it are void
---   env.log(text)          a line (level info) for the person who runs the sandbox
---
--- `sim`:
---   sim:endpoint(req) -> name | nil
---       Which endpoint of the vendor's definition this is ("import_audience"), by method and path
---       alone; nil for an unknown route. No effect, no body: called for every request, before the
---       faults. The router keeps the answer in req.endpoint.
---   sim:respond(req) -> response
---       Checks and carries out the request: every effect is done when it returns, faults `reset`
---       and `truncate` come after it. Not called when a status fault (503, 429, outage, ...)
---       answers first. May wait (env.sleep). An error raised here becomes HTTP 500 and a log line.
---   sim:snapshot(what) -> value          (optional)
---       What the vendor now knows, for specs: `sandbox:inspect(vendor, what)`; a JSON value.
---   sim:failure(status, message) -> value | nil          (optional)
---       A failure in the vendor's own envelope, for status faults other than 502, 503 and 504.
---   sim.endpoints = { "import_audience", ... }           (optional)
---       Names that a fault may be aimed at; a fault at another one is refused.
---
--- `req`:
---   req.method             "GET", as sent
---   req.path               path without the vendor prefix and the query, as sent
---                          (percent-encoded), at least "/"
---   req.query              raw query without "?", "" when absent
---   req.args               decoded query: name -> value (the last one, if repeated)
---   req.args_list          decoded query: name -> list of all its values, in order
---   req.headers            lower-case name -> value (repeated: joined by ", ")
---   req:header(name)       one header field, or nil; cheaper than req.headers
---   req.body               whole body, or nil
---   req:json()             decoded body | nil, err; decoded once
---   req.at                 env.now() at arrival
---   req.endpoint           what sim:endpoint answered
---   req.vendor             the vendor's name
---   req.authority          the Host header, or the in-process one
---
--- `response`:
---   status  = 200          default 200
---   headers = { ["Content-Type"] = "text/csv", ["Set-Cookie"] = { "a", "b" } }   optional
---   json    = value        encoded; Content-Type defaults to application/json
---   body    = "text"       or this
---   stream  = function(write) ... end      or this: write(chunk) -> true | nil when the client has
---                          gone; it waits for back pressure. `length` = bytes, if known
---                          beforehand.
---   endpoint               overrides req.endpoint in the sandbox log
---   The router adds Date, and leaves the body away for HEAD.

local clock = require "neap.native.clock"
local errors = require "neap.error"
local json = require "neap.native.json"
local request = require "neap.serve.request"

local router = {}

--- Formats an HTTP date (RFC 9110, 5.6.7).
---@param wall_ms integer Unix time in milliseconds
---@return string
function router.http_date(wall_ms)
    return os.date("!%a, %d %b %Y %H:%M:%S GMT", wall_ms // 1000) --[[@as string]]
end

--- Bodies are the same in every run: marked objects in their order, others sorted.
local in_order = { sorted = true }

local date_second, date_text

--- The Date of an answer; formatted once per second.
local function date_now()
    local second = clock.wall_ms() // 1000
    if second ~= date_second then
        date_second, date_text = second, router.http_date(second * 1000)
    end
    return date_text
end

-- Answers.

local gateway_titles = {
    [502] = "502 Bad Gateway",
    [503] = "503 Service Temporarily Unavailable",
    [504] = "504 Gateway Time-out",
}

--- The page of a gateway in front of the vendor, which knows nothing of the vendor's envelope.
local function gateway_page(title)
    return ("<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n"
        .. "</body>\r\n</html>\r\n"):format(title, title)
end

local function failure(sim, status, message)
    local value = sim.failure and sim:failure(status, message)
    return { status = status, json = value or { error = message, status = status } }
end

---@class neap.sandbox.Router
---@field find_vendor fun(name: string): boolean is there such a vendor?
---@field open_vendor fun(name: string): table opens it, once: { sim =, name =, file = }
---@field vendor_names string[]
---@field faults neap.sandbox.Faults
---@field log neap.sandbox.Log?
---@field now fun(): number
---@field report fun(problem: { message: string, trace: string }) for errors of simulators
local Router = {}
Router.__index = Router

--- Makes a router.
---@param fields table see the class
---@return neap.sandbox.Router
function router.new(fields)
    return setmetatable(fields, Router)
end

--- Retry-After, as seconds and as a date in turn; the date is judged against the answer's own Date.
local function retry_after(self, seconds)
    if not self.faults:next_is_date() then return tostring(seconds) end
    return router.http_date(clock.wall_ms() + seconds * 1000)
end

local retry_seconds = 2

local function status_fault(self, vendor, status)
    local title = gateway_titles[status]
    if title then
        local headers = { ["Content-Type"] = "text/html" }
        return { status = status, body = gateway_page(title), headers = headers }
    end
    local res = failure(vendor.sim, status, ("HTTP %d, a fault of the sandbox"):format(status))
    if status == 429 then res.headers = { ["Retry-After"] = retry_after(self, retry_seconds) } end
    return res
end

--- Asks the faults, then the simulator: response, kind of the fault.
local function decide(self, req, vendor)
    local sim = vendor.sim
    req.endpoint = sim:endpoint(req)
    local fault, delay = self.faults:decide(vendor.name, req.endpoint)
    if delay > 0 then clock.sleep(delay) end
    local kind = fault and fault.kind or delay > 0 and "slow" or nil
    if fault and fault.status then return status_fault(self, vendor, fault.status), kind end
    local res = sim:respond(req)
    if type(res) ~= "table" then error((vendor.file or vendor.name) .. ": respond returned no response", 0) end
    return res, kind
end

local function unknown_vendor(self, name)
    local names = table.concat(self.vendor_names, ", ")
    local message = ('no vendor "%s" in this sandbox; there are: %s'):format(name, names)
    return { status = 404, json = { error = message, vendors = json.array(self.vendor_names) } }
end

local function add_headers(fields, headers)
    for name, value in pairs(headers) do
        if type(value) == "table" then
            for _, one in ipairs(value) do
                fields[#fields + 1] = name
                fields[#fields + 1] = one
            end
        else
            fields[#fields + 1] = name
            fields[#fields + 1] = tostring(value)
        end
    end
end

--- The head's fields and the body's text (nil for a stream).
local function render(res)
    local fields = { "Date", date_now() }
    local headers = res.headers
    local body = res.body
    if res.json ~= nil then
        body = assert(json.encode(res.json, in_order))
        if not (headers and headers["Content-Type"]) then
            fields[3], fields[4] = "Content-Type", "application/json"
        end
    end
    if headers then add_headers(fields, headers) end
    if not body and not res.stream then body = "" end
    return fields, body
end

local function log_finish(self, entry, status, kind)
    if entry then self.log:finish(entry, status, kind) end
end

--- Streams a body; a truncated one stops at half of its length, or of its first piece.
local function send_stream(ex, res, truncate)
    if not truncate then
        res.stream(function(chunk) return ex:write(chunk) end)
        return ex:finish()
    end
    local left = res.length and res.length // 2
    local over = false
    res.stream(function(chunk)
        if over then return nil, "truncated" end
        local part = chunk:sub(1, left or #chunk // 2)
        left = (left or #part) - #part
        over = left == 0
        return ex:write(part)
    end)
    ex:abort()
end

--- Sends the body as a crash would leave it: half of it, then nothing.
local function send_half(ex, body)
    ex:write(body:sub(1, #body // 2))
    ex:abort()
end

--- Content-Length: what is sent, and for HEAD what would be; a truncated empty body lacks one byte.
local function body_length(res, body, bare, truncate)
    if res.status == 204 or res.status == 304 then return 0 end
    if not body then return res.length or -1 end
    return not bare and truncate and math.max(#body, 1) or #body
end

--- Sends the answer. `kind` is the fault's.
local function send(self, ex, req, res, kind, entry)
    if kind == "reset" then
        log_finish(self, entry, 0, kind)
        return ex:abort()
    end
    local status = res.status or 200
    local bare = req.method == "HEAD" or status == 204 or status == 304
    local truncate = kind == "truncate" and not bare
    local fields, body = render(res)
    local sent = ex:head(status, fields, body_length(res, body, bare, truncate))
    log_finish(self, entry, sent and status or 0, kind)
    if not sent then return ex:abort() end
    if bare then return ex:finish() end
    if not body then return send_stream(ex, res, truncate) end
    if truncate then return send_half(ex, body) end
    if body ~= "" then ex:write(body) end
    ex:finish()
end

--- What was raised, with the line of the simulator where it does not say that itself.
local function keep_trace(err)
    local text = type(err) == "table" and err.message or tostring(err)
    local where = errors.caller()
    if where and not text:find(where, 1, true) then
        text = where .. ": " .. text:gsub("^[^:]*neap[./][^:]*:%d+: ", "")
    end
    return { message = text, trace = debug.traceback(text, 2) }
end

local function accept(self, ex)
    local target, method = ex:target(), ex:method()
    local name, path, query = target:match "^/?([^/?]*)([^?]*)%??(.*)$"
    local vendor = self.find_vendor(name)
    if not vendor then path = target:match "^[^?]*" end
    if path == "" then path = "/" end
    local req = request.new {
        exchange = ex,
        method = method,
        vendor = vendor and name,
        path = path,
        query = query,
        at = self.now(),
    }
    local entry = self.log and self.log:arrive(clock.wall_ms(), req.vendor, method, path)
    return req, entry, name
end

local function respond(self, req, name)
    if not req.vendor then return unknown_vendor(self, name) end
    return decide(self, req, self.open_vendor(name))
end

--- Answers one exchange; runs in a task of its own and raises nothing.
function Router:serve(ex)
    local req, entry, name = accept(self, ex)
    local ok, res, kind = xpcall(respond, keep_trace, self, req, name)
    if not ok then
        self.report(res)
        res, kind = { status = 500, json = { error = res.message } }, nil
    end
    if entry then entry.endpoint = res.endpoint or req.endpoint end
    local sent, problem = xpcall(send, keep_trace, self, ex, req, res, kind, entry)
    if sent then return end
    self.report(problem)
    if entry and not entry.status then log_finish(self, entry, 0, kind) end
    ex:abort()
end

return router
