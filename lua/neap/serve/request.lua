--- A request as handlers and simulators see it: a record over an exchange (csrc/lua/exchange.c) whose fields
--- are made when somebody asks for them.
---
---   req.method       "GET", as sent
---   req.target       path and query as sent
---   req.path         path, percent-decoded: "/hook"
---   req.query        query without "?", as sent; "" when there is none
---   req.args         decoded query: name -> value (the last one, if repeated)
---   req.args_list    decoded query: name -> list of all its values, in order
---   req.headers      lower-case name -> value (repeated: joined by ", ")
---   req:header(name) one header field, or nil; cheaper than req.headers
---   req.body         whole body, nil for none or an empty one; waits where a server has put it into a file
---   req.body_path    that file, or nil
---   req:json()       decoded body | nil, err; decoded once
---   req.client       address of the peer: "192.0.2.1"; nil: unknown
---   req.scheme       "http" or "https"
---   req.authority    the Host header

local errors = require "neap.error"
local json = require "neap.native.json"

local M = {}

local function decode_octet(hex) return string.char(tonumber(hex, 16)) end

--- Decodes what is percent-encoded; what is malformed stays as it is.
---@param text string
---@return string
local function unescape(text)
    return (text:gsub("%%(%x%x)", decode_octet))
end

M.unescape = unescape

local function decode_query(req)
    local args, list = {}, {}
    for pair in req.query:gmatch "[^&]+" do
        local name, value = pair:gsub("+", " "):match "^([^=]*)=?(.*)$"
        name, value = unescape(name), unescape(value)
        args[name] = value
        list[name] = list[name] or {}
        table.insert(list[name], value)
    end
    req.args, req.args_list = args, list
end

--- Makers of fields; what they return is kept.
local lazy = {}

function lazy.args(req)
    decode_query(req)
    return req.args
end

function lazy.args_list(req)
    decode_query(req)
    return req.args_list
end

function lazy.headers(req)
    local headers, flat = {}, req.exchange:headers()
    for i = 1, #flat, 2 do
        local name = flat[i]:lower()
        headers[name] = headers[name] and headers[name] .. ", " .. flat[i + 1] or flat[i + 1]
    end
    return headers
end

--- Reads it once; a file of any length, as the server has let it pass.
function lazy.body(req)
    local path = req.body_path
    if not path then
        local body = req.exchange:body()
        return body ~= "" and body or nil
    end
    local text, err = require("neap.native.file").read_all(path, math.maxinteger)
    return text or error(err, 0)
end

function lazy.authority(req)
    return req.exchange:header "Host" or "sandbox.invalid"
end

function lazy.path(req) return unescape(req.target:match "^[^?]*") end

function lazy.query(req) return req.target:match "%?(.*)$" or "" end

function lazy.method(req) return req.exchange:method() end

function lazy.target(req) return req.exchange:target() end

function lazy.body_path(req) return req.exchange:body_path() end

function lazy.client(req) return req.exchange:client() end

function lazy.scheme(req) return req.exchange:scheme() end

---@class neap.Request
---@field exchange userdata
---@field method string
---@field target string
---@field path string
---@field query string
---@field args table<string, string>
---@field args_list table<string, string[]>
---@field headers table<string, string>
---@field body string?
---@field body_path string?
---@field client string?
---@field scheme string
---@field authority string
local Request = {}

--- Makes a request of a table { exchange = }.
M.metatable = {
    __name = "neap.Request",
    __index = function(req, name)
        local make = lazy[name]
        if not make then return Request[name] end
        local value = make(req)
        rawset(req, name, value)
        return value
    end,
}

--- Gets one header field.
---@param name string any case
---@return string?
function Request:header(name)
    return self.exchange:header(name)
end

--- Decodes the body, once.
---@async
---@return any? value
---@return any? err
function Request:json()
    if not self.decoded then
        local body = self.body
        if not body then return errors.fail("decode", "the request has no body") end
        self.decoded = table.pack(json.decode(body))
    end
    return table.unpack(self.decoded, 1, 2)
end

--- Makes a request of its fields: `exchange`, and those that whoever makes it knows better.
---@param fields table
---@return neap.Request
function M.new(fields)
    return setmetatable(fields, M.metatable)
end

return M
