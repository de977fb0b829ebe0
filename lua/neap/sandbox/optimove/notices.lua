--- What the Optimove simulator sends of its own accord: POST requests with JSON to a URL that a call
-- named. Each is kept for the snapshot, with what became of it.

local http = require "neap.native.http"
local json = require "neap.native.json"
local task = require "neap.native.task"

local M = {}

local CONNECTIONS = 8
local TIMEOUT_S = 10
local CALLBACK_DELAY_S = 1

---@class neap.sandbox.optimove.Notices
---@field list table[] { url =, body =, status = 0: not yet or no answer, error = }
---@field post fun(url: string, text: string): integer|nil, any how one is sent; a spec may replace it
local Notices = {}
Notices.__index = Notices

function M.new(env)
    return setmetatable({ env = env, list = json.array {} }, Notices)
end

--- Sends over the network: the receiver is a server of the user. -> status | nil, err
function Notices:post(url, text)
    self.client = self.client or http.open { connections = CONNECTIONS }
    local res, err = self.client:send {
        method = "POST", url = url, headers = { "Content-Type", "application/json" }, body = text,
        timeout = TIMEOUT_S, connect_timeout = TIMEOUT_S,
    }
    if not res then return nil, err end
    return res:status()
end

--- Sends one and waits for the answer. Whatever it is, there is no second try.
---@async
---@return boolean delivered
function Notices:send(url, payload)
    local notice = { url = url, body = payload, status = 0 }
    self.list[#self.list + 1] = notice
    local ok, status, err = pcall(self.post, self, url, json.encode(payload, { sorted = true }))
    if not ok then status, err = nil, status end
    notice.status, notice.error = status or 0, err and tostring(err)
    if err then self.env.log(("notice to %s: %s"):format(url, notice.error)) end
    return status ~= nil and status < 300
end

--- Starts a function beside the answer of the request; the answer does not wait for it.
function Notices.start(_, fn) task.spawn(fn) end

--- Sends one a moment after the answer.
function Notices:callback(url, payload)
    self:start(function()
        self.env.sleep(CALLBACK_DELAY_S)
        self:send(url, payload)
    end)
end

return M
