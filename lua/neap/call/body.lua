--- Answers of any length: a short one is read whole, as any other; a long one is read while it arrives, and asked
-- for again where it breaks off.

local admission = require "neap.call.admission"
local build = require "neap.call.build"
local outcome = require "neap.call.outcome"
local reply = require "neap.call.reply"

local M = {}

local WHOLE = 128 * 1024 -- bytes up to which an answer is read before anybody sees of it
local REFUSAL = 1024 * 1024 -- of one outside 2xx: more is not looked at
local LOW_SPEED_S = 30

---@class neap.call.Body a 2xx answer whose body is still arriving
---@field res userdata
---@field url string that was answered, after redirects
---@field bound neap.Bound
---@field exchange neap.Exchange
---@field proceed fun(x: neap.Exchange): any, neap.Error?
local Body = {}
Body.__index = Body

--- Closes a response that nobody gets.
local Opened = { __close = function(opened)
    if opened.res then opened.res:close() end
end }

--- Sends a request and waits for the beginning of its answer. The time-out of a send is that of its beginning:
-- a body takes as long as it takes, but it must not stall. -> response | nil, err
---@async
---@param x neap.Exchange
---@param credential? userdata of a session
function M.send(x, credential)
    local bound = x.bound
    local res, err = bound.http:open({
        method = bound.endpoint.method, url = x.url, headers = x.headers or build.HEADERS, body = x.body,
        credential = credential or bound.credential, timeout = bound.timeout, low_speed_time = LOW_SPEED_S,
    }, x.flowcall)
    if not res then return nil, err end
    local opened <close> = setmetatable({ res = res }, Opened)
    local status = res:status()
    local is_good = status >= 200 and status < 300
    local whole
    whole, err = res:collect(is_good and WHOLE or REFUSAL, not is_good)
    if whole == nil and (status < 400 or not err.truncated) then return nil, err end
    x.is_whole, opened.res = whole, nil
    return res
end

--- Reads a 2xx answer that came whole; of a longer one the rest is still to come.
local function reader(ordered)
    return function(bound, res, x)
        if x.is_whole then return reply.whole(bound, res, x, ordered) end
        return res
    end
end

--- The same for an answer of which records were taken already: however short, it is read anew.
local function keep(_, res)
    return res
end

--- Finishes the call unless a body goes on with it.
local Held = { __close = function(held)
    local x = held.exchange
    if x and x.flowcall then x.flowcall:finish() end
end }

--- Sends a call. A body has to be closed.
---@async
---@param x neap.Exchange of a call that only reads
---@param proceed fun(x: neap.Exchange): any, neap.Error? of exchange.lua
---@param ordered? boolean objects remember the order of their names
---@return neap.Reply|neap.call.Body|nil
---@return neap.Error? err
function M.open(x, proceed, ordered)
    x.is_opened, x.is_special, x.read = true, true, reader(ordered)
    local held <close> = setmetatable({ exchange = x }, Held)
    local answer, err = proceed(x)
    if type(answer) ~= "userdata" then return answer, err end
    held.exchange = nil
    return setmetatable({ res = answer, url = x.url, bound = x.bound, exchange = x, proceed = proceed }, Body)
end

--- Judges a body that broke off, or is not what was expected. -> nil, err with the history of the call
---@param err neap.Error
---@return nil
---@return neap.Error
function Body:fail(err)
    err.status = err.status or self.res:status()
    return outcome.fail(self.exchange, err)
end

local CLASSES = { network = "network", timeout = "timeout" }

--- Asks again for a body that broke off, where the call's retry program allows it. -> true | nil, err
---@async
---@param err neap.Error of the transport, or of a document that ended too early
---@return true|nil
---@return neap.Error? err
function Body:reopen(err)
    local class = err.truncated and "truncated" or CLASSES[err.kind]
    local x = self.exchange
    local verdict = class and x.flowcall:broke(class) or "fail"
    self.res:close()
    x.read, x.hops, x.is_renewed, x.doubt = keep, nil, nil, false
    if verdict ~= "retry" or admission.is_stopping(x.slot) then return outcome.transport_error(x, err, verdict) end
    local res, failed = self.proceed(x)
    if not res then return nil, failed end
    self.res, self.url = res, x.url
    return true
end

--- No more of it is needed. Idempotent.
function Body:close()
    self.res:close()
    self.exchange.flowcall:finish()
end

return M
