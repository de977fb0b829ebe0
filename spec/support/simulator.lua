--- A vendor's simulator without its router: requests are tables, time is a number.

local json = require "neap.native.json"
local limiter = require "neap.sandbox.limiter"

local simulator = {}

simulator.KEY = "00000000-0000-4000-8000-000000000000"
simulator.TID = "OA-000000"

---@class simulator.Simulator
---@field sim table what the module's `new` gave
---@field clock number env.now()
local Simulator = {}
Simulator.__index = Simulator

--- Makes one.
---@param name string "opm"
function simulator.new(name)
    local self = setmetatable({ clock = 0 }, Simulator)
    self.sim = require("neap.sandbox." .. name).new {
        vendor = name,
        settings = { key = simulator.KEY, tid = simulator.TID },
        now = function() return self.clock end,
        wall_ms = function() return 1767225600000 + self.clock * 1000 // 1 end,
        random = function() return 0.5 end,
        sleep = function() error "a simulator that waits" end,
        base = function() return "http://localhost/" .. name end,
        limiter = limiter.new,
        faults = { expired = function() return false end },
        log = function() end,
    }
    return self
end

local function decode_query(query)
    local args = {}
    for name, value in query:gmatch "([^=&]+)=([^&]*)" do
        args[name] = value:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
    end
    return args
end

--- Sends a request. `json` is encoded and sets the content type; `body` is sent as it is.
---@param method string
---@param target string path and query
---@param opts? { headers?: table<string, string>, json?: any, body?: string }
---@return { status: integer, value: any, text: string, headers: table }
function Simulator:send(method, target, opts)
    opts = opts or {}
    local headers = {}
    if opts.json ~= nil then headers["content-type"] = "application/json" end
    for name, value in pairs(opts.headers or {}) do headers[name:lower()] = value or nil end
    local path, query = target:match "^([^?]*)%??(.*)$"
    local req = {
        method = method, path = path, query = query, args = decode_query(query),
        headers = headers, at = self.clock,
        body = opts.body or opts.json ~= nil and json.encode(opts.json) or nil,
        header = function(_, name) return headers[name:lower()] end,
    }
    function req.json() return json.decode(req.body or "") end
    req.endpoint = self.sim:endpoint(req)
    return simulator.read(self.sim:respond(req), req.endpoint)
end

--- What the router would send: `text`, and `value` where it is JSON.
function simulator.read(res, endpoint)
    local text = res.body or ""
    if res.json ~= nil then text = assert(json.encode(res.json, { sorted = true })) end
    if res.stream then
        local parts = {}
        res.stream(function(chunk)
            parts[#parts + 1] = chunk
            return true
        end)
        text = table.concat(parts)
    end
    return {
        status = res.status or 200, text = text, value = json.decode(text), endpoint = endpoint,
        headers = res.headers or {},
    }
end

return simulator
