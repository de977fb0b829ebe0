--- neap.webhook: who sent a request, and whether it came before. A scheme says how senders sign; the secret
--- stays in C (csrc/lua/hmac.c), and no message has a signature in it.

local definition = require "neap.webhook.definition"
local guard = require "neap.webhook.guard"
local json = require "neap.native.json"
local log = require "neap.native.log"

local M = {}

---@class neap.Webhook
---@field scheme table a module of webhook/
---@field secrets userdata[]
---@field guard neap.webhook.Guard? of `once`
local Webhook = { __name = "neap.Webhook" }
Webhook.__index = Webhook

--- Describes a webhook. Raises what is wrong with the description.
---@param spec neap.webhook.Spec
---@return neap.Webhook
function M.new(spec)
    local hook = definition.read(spec)
    if hook.once then hook.guard = guard.new(hook) end
    return setmetatable(hook, Webhook)
end

--- What a body says: the value of an object or array of JSON, else the text as it came.
local function read_event(body)
    if not body:find "^[\xEF\xBB\xBF]*%s*[%[{]" then return body end -- behind a byte order mark or not
    return json.decode(body) or body
end

--- Verifies a request: its signature, its age, and with `once` that it did not come before. The event is a table
--- where the body is an object or array of JSON, else the body's text. On failure err.status is the status to
--- answer with: 400 malformed, 401 not signed by a secret or too old, 404 the path is wrong (all of kind "auth");
--- 200 came and was handled before, 409 is being handled (kind "rejected", err.repeated); 503 the state is not at
--- hand.
---@async
---@param req neap.Request
---@return table|string|nil event
---@return neap.webhook.Receipt|neap.Error|nil receipt with `once`: to be told what became of the event
function Webhook:verify(req)
    local body = req.body or ""
    local id, err = self.scheme.verify(self, req, body)
    if not id then return nil, err end
    local event = read_event(body)
    if not self.guard then return event end
    local receipt
    receipt, err = self.guard:claim(req, event, body, id)
    if not receipt then return nil, err end
    return event, receipt
end

--- The answer to a request that was refused. What is wrong on this side is for the log alone.
local function answer(hook, req, err)
    local fields = { scheme = hook.scheme_name, client = req.client, error = tostring(err) }
    if err.kind == "auth" then
        log.write("info", "webhook refused", fields)
        return { status = err.status, body = { error = err.status == 404 and "not found" or err.message } }
    elseif not err.repeated then
        log.write("error", "webhook cannot be taken", fields)
        return { status = 503, body = { error = "not now" } }
    end
    if err.status == 200 then return { status = 200, body = { repeated = true } } end
    return { status = err.status, body = { error = err.message } }
end

--- Has the function done its work?
local function is_done(res, err)
    if res == nil then return err == nil end
    return type(res) ~= "table" or (math.tointeger(res.status) or 200) < 400
end

--- Makes a handler of requests: fn(req, event) is called for those that are good, all others are answered here, other
--- methods than POST by 405. With
--- `once` an event counts as handled when fn has returned, without an error and with no status from 400 on; after
--- anything else the sender may send it again.
---@param fn fun(req: neap.Request, event: table|string): any, any
---@return fun(req: neap.Request): any, any
function Webhook:handler(fn)
    if type(fn) ~= "function" then definition.refuse("handler: a function expected, got a " .. type(fn)) end
    return function(req)
        if req.method ~= "POST" then return { status = 405, headers = { Allow = "POST" } } end
        local event, receipt = self:verify(req)
        if event == nil then return answer(self, req, receipt) end
        if not receipt then return fn(req, event) end
        local open <close> = receipt -- released unless done: fn fails or raises, or the client leaves
        local results = table.pack(fn(req, event))
        if is_done(results[1], results[2]) then open:done() end
        return table.unpack(results, 1, results.n)
    end
end

return M
