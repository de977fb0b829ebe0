--- neap.http: plain HTTP for what no vendor definition covers, such as a report's file. Nothing is
-- retried or limited here, and no credential is sent.

local errors = require "neap.error"
local runtime = require "neap.runtime"
local suggest = require "neap.suggest"
local url = require "neap.native.url"

local M = {}

local OPTIONS = {
    "method", "url", "headers", "body", "timeout", "connect_timeout", "first_byte_timeout",
    "low_speed_time", "max_body", "max_redirects",
}

local KNOWN = {}
for _, option in ipairs(OPTIONS) do KNOWN[option] = true end

---@class neap.HttpRequest
---@field url string absolute, http or https
---@field method? string default GET, or POST when there is a body
---@field headers? table<string, string>
---@field body? string
---@field timeout? number seconds for everything; default 60
---@field connect_timeout? number seconds; default 10
---@field first_byte_timeout? number seconds from departure
---@field low_speed_time? number seconds below 1 byte/s; default 30
---@field max_body? integer bytes of the inflated body; default 64 MiB, 4 GiB where it is streamed
---@field max_redirects? integer default 5

---@class neap.HttpResponse
---@field status integer
---@field ok boolean status below 400
---@field headers table<string, string> lower-case names; repeated fields joined by ", "
---@field body string
---@field url string after redirects

local function check(request)
    if type(request) == "string" then request = { url = request } end
    if type(request) ~= "table" then error("neap.http.request: a table or a URL expected", 3) end
    for name in pairs(request) do
        if not KNOWN[name] then
            local hint = suggest.hint(tostring(name), OPTIONS)
            error(("neap.http.request: no option %q%s"):format(tostring(name), hint and "; " .. hint or ""), 3)
        end
    end
    if type(request.url) ~= "string" then error("neap.http.request: url is missing", 3) end
    return request
end

local NONE = {}

local function header_list(headers)
    if not headers then return NONE end
    local names, list = {}, {}
    for name in pairs(headers) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
        list[#list + 1] = name
        list[#list + 1] = tostring(headers[name])
    end
    return list
end

local function native_request(request)
    return {
        method = request.method or (request.body and "POST" or "GET"), url = request.url,
        headers = header_list(request.headers), body = request.body,
        timeout = request.timeout or 60, connect_timeout = request.connect_timeout or 10,
        first_byte_timeout = request.first_byte_timeout, low_speed_time = request.low_speed_time or 30,
        max_body = request.max_body,
    }
end

local REDIRECTS = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

--- The request that follows a redirect, nil when it is none that can be followed.
local function following(request, res)
    local status = res:status()
    local location = REDIRECTS[status] and res:header "location"
    local target = location and url.resolve(request.url, location)
    if not target then return nil end
    local keeps = status == 307 or status == 308 or request.method == "GET" or request.method == "HEAD"
    local headers = url.same_origin(request.url, target) and request.headers or {}
    return {
        method = keeps and request.method or "GET", url = target, headers = headers,
        body = keeps and request.body or nil, timeout = request.timeout,
        connect_timeout = request.connect_timeout, first_byte_timeout = request.first_byte_timeout,
        low_speed_time = request.low_speed_time, max_body = request.max_body,
    }
end

--- Sends with `verb` ("send" or "open") and follows redirects. -> res, request | nil, err
local function exchange(request, verb)
    local client = runtime.http(512)
    local left = request.max_redirects or 5
    local current = native_request(request)
    while true do
        runtime.sends = runtime.sends + 1
        local res, err = client[verb](client, current)
        if not res then return nil, err end
        local next_request = following(current, res)
        if not next_request then return res, current end
        if verb == "open" then res:close() end
        if left == 0 then
            return errors.fail("redirect", "more than %d redirects", request.max_redirects or 5)
        end
        left, current = left - 1, next_request
    end
end

--- Makes a request and returns the whole answer; a status is never an error here.
---@async
---@param request neap.HttpRequest|string
---@return neap.HttpResponse|nil
---@return neap.Error? err
function M.request(request)
    local res, sent = exchange(check(request), "send")
    if not res then return nil, sent end
    local status = res:status()
    return {
        status = status, ok = status < 400, headers = res:header_map(), body = res:body(), url = sent.url,
    }
end

--- Makes a request and returns as soon as the head of the answer is in: `res:read()` gives the next
-- piece of the body, nil at its end; not reading holds the transfer back. `res:close()` when done.
---@async
---@param request neap.HttpRequest|string
---@return userdata|nil res status(), header(name), headers(), read(), close()
---@return neap.Error? err
function M.open(request)
    local copy = {}
    for name, value in pairs(check(request)) do copy[name] = value end
    copy.timeout = copy.timeout or 3600
    local res, err = exchange(copy, "open")
    if not res then return nil, err end
    return res
end

return M
