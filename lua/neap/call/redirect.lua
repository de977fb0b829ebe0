--- Redirects: followed within an origin, never to another one.

local errors = require "neap.error"
local secrets = require "neap.native.secret"
local url = require "neap.native.url"

local M = {}

local MAX_REDIRECTS = 5

--- Follows a redirect or says why not. -> true: the exchange was changed; nil, err
---@param x neap.Exchange
---@param res userdata
function M.follow(x, res)
    local method, hops = x.bound.endpoint.method, x.hops or 0
    local status, location = res:status(), res:header "location"
    local function refuse(fmt, ...)
        return nil, errors.new {
            kind = "redirect", status = status, message = fmt:format(...),
            hint = "check base_url: the API seems to have moved",
        }
    end
    local target = location and url.resolve(x.url, location)
    if not target then return refuse "a redirect without a usable Location" end
    if hops >= MAX_REDIRECTS then return refuse("more than %d redirects", MAX_REDIRECTS) end
    if not url.same_origin(x.url, target) then
        return refuse("the vendor redirects to another origin (%s); nothing was sent there",
            url.parse(target).origin)
    end
    if method ~= "GET" and status ~= 307 and status ~= 308 then
        return refuse("the vendor redirects a %s to %s, which would lose its body", method,
            secrets.redact(url.parse(target).path))
    end
    x.url, x.hops = target, hops + 1
    return true
end

---@param status integer
---@return boolean
function M.is_redirect(status)
    return status == 301 or status == 302 or status == 303 or status == 307 or status == 308
end

return M
