--- What a handler returns, as what is sent: { status =, headers =, body = }; the body a text, a table (sent as
--- JSON), or a function that writes it in pieces.

local errors = require "neap.error"
local json = require "neap.native.json"
local suggest = require "neap.suggest"

local M = {}

local FIELDS = { "status", "headers", "body" }

local KNOWN = { status = true, headers = true, body = true }

--- What the body is, where the handler does not say.
local TYPES = {
    string = "text/plain; charset=utf-8", table = "application/json", ["function"] = "application/octet-stream",
}

--- The type of an answer that is a text.
M.TEXT = TYPES.string

local in_order = { sorted = true }

local function refuse(message, hint)
    error(errors.new { kind = "bug", message = "response: " .. message, hint = hint }, 0)
end

local function check_fields(res)
    for name in pairs(res) do
        if not KNOWN[name] then
            refuse(("no field %q"):format(tostring(name)), suggest.hint(tostring(name), FIELDS) or
                "what is to be sent as JSON goes into body: { body = { ... } }")
        end
    end
end

local function check_status(status)
    if math.type(status) ~= "integer" or status < 200 or status > 599 then
        refuse(("status must be an integer from 200 to 599, got %s"):format(
            type(status) == "string" and ("the text %q"):format(status) or tostring(status)))
    end
    return status
end

local function add(fields, name, value)
    local kind = type(value)
    if kind ~= "string" and kind ~= "number" then
        refuse(("headers: %s: a text or a list of texts expected, got a %s"):format(name, kind))
    end
    fields[#fields + 1] = name
    fields[#fields + 1] = kind == "string" and value or tostring(value)
end

local function names_of(headers)
    if type(headers) ~= "table" then refuse("headers: a table expected, got a " .. type(headers)) end
    local names = {}
    for name in pairs(headers) do
        if type(name) ~= "string" then refuse(("headers: %s is no name of a header"):format(tostring(name))) end
        names[#names + 1] = name
    end
    if names[2] then table.sort(names) end
    return names
end

--- Adds all fields; what a name and a value may hold, exchange.c checks. -> is Content-Type among them?
local function add_all(fields, headers)
    local has_type = false
    for _, name in ipairs(names_of(headers)) do
        local value = headers[name]
        if type(value) == "table" then
            for _, one in ipairs(value) do add(fields, name, one) end
        else
            add(fields, name, value)
        end
        has_type = has_type or #name == 12 and name:lower() == "content-type"
    end
    return has_type
end

local function encode(value)
    local text, err = json.encode(value, in_order)
    return text or refuse("body is no JSON: " .. tostring(err))
end

--- Brings what a handler returned, unless that is a text, into the form that is sent. Raises what is wrong with
--- it, and what it returned as its error.
---@param res table|nil
---@param err any
---@return integer status
---@return string[] fields name, value, ...
---@return string|function|nil body
function M.render(res, err)
    if res == nil then
        if err ~= nil then error(err, 0) end
        return 204, {}, nil
    end
    if type(res) == "string" then res = { body = res } end
    if type(res) ~= "table" then
        refuse("a table or a text expected, got a " .. type(res), "return { status = 200, body = ... }")
    end
    check_fields(res)
    local fields, body = {}, res.body
    local has_type = res.headers ~= nil and add_all(fields, res.headers)
    local kind = type(body)
    if body ~= nil and not TYPES[kind] then
        refuse("body: a text, a table or a function expected, got a " .. kind)
    end
    if body ~= nil and not has_type then
        fields[#fields + 1], fields[#fields + 2] = "Content-Type", TYPES[kind]
    end
    if kind == "table" then body = encode(body) end
    return check_status(res.status or 200), fields, body
end

return M
