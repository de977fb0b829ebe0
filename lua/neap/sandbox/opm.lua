--- Simulator of the OPM Partners API, after its public server (Fastify 4 with Ajv 8, defaults): the
-- order of its checks, its coercions and its texts.

local json = require "neap.native.json"
local lpeg = require "lpeg"
local null = json.null

local M = {}

local MAX_BODY = 1048576

local FIELDS = {
    "customerEmail", "customerPhone", "customerFirstName", "customerLastName", "customerIP",
}

local REASONS = {
    [400] = "Bad Request", [401] = "Unauthorized", [404] = "Not Found",
    [413] = "Payload Too Large", [415] = "Unsupported Media Type", [429] = "Too Many Requests",
    [500] = "Internal Server Error",
}

local ORDER = { "statusCode", "code", "error", "message" }

--- The framework's own content type.
local HEADERS = { ["Content-Type"] = "application/json; charset=utf-8" }

local function answer(status, fields, order)
    return { status = status, headers = HEADERS, json = json.object(fields, order) }
end

local function failure(status, message, code)
    local fields = { statusCode = status, code = code, error = REASONS[status], message = message }
    return answer(status, fields, ORDER)
end

local function success(status, message)
    return answer(status, { statusCode = status, message = message }, ORDER)
end

local function not_found(req)
    local target = req.path .. (req.query ~= "" and "?" .. req.query or "")
    local message = ("Route %s:%s not found"):format(req.method, target)
    return answer(404, { message = message, error = "Not Found", statusCode = 404 },
        { "message", "error", "statusCode" })
end

local CTP = "FST_ERR_CTP_"

--- Is there a key of a prototype attack anywhere in a value? (secure-json-parse)
local function is_forbidden(value)
    if type(value) ~= "table" then return false end
    if not json.is_array(value) then
        local constructor = value.constructor
        if value.__proto__ ~= nil or constructor == null then return true end
        if type(constructor) == "table" and constructor.prototype ~= nil then return true end
    end
    for _, item in pairs(value) do
        if is_forbidden(item) then return true end
    end
    return false
end

--- Text whose long integers are written as JavaScript reads them: as doubles.
local function make_rewriter()
    local P, S, digit = lpeg.P, lpeg.S, lpeg.R "09"
    local text = P '"' * (P "\\" * 1 + (1 - S '"\\')) ^ 0
    local integer = digit ^ 16 * -S ".eE" / "%0.0"
    local number = digit ^ 1 * ("." * digit ^ 0) ^ -1 * (S "eE" * S "+-" ^ -1 * digit ^ 0) ^ -1
    return lpeg.Cs((text * P '"' ^ -1 + integer + number + 1) ^ 0)
end

local rewriter = make_rewriter()

--- -> value | nil, failure
local function parse_json(body)
    if body:find(("%d"):rep(16)) then body = rewriter:match(body) end
    local value, err = json.decode(body)
    if value == nil then return nil, failure(400, err.message) end
    if is_forbidden(value) then
        return nil, failure(400, "Object contains forbidden prototype property")
    end
    return value
end

--- Checks content type and body as the framework does. -> value, failure
local function parse_body(req)
    local content_type, body = req:header "content-type", req.body or ""
    if not content_type and body == "" then return null end
    content_type = content_type or ""
    local is_json = content_type:find("application/json", 1, true)
    if not is_json and not content_type:find("text/plain", 1, true) then
        local named = content_type ~= "" and content_type or "undefined"
        return nil, failure(415, "Unsupported Media Type: " .. named, CTP .. "INVALID_MEDIA_TYPE")
    end
    if is_json and body == "" then
        local message = "Body cannot be empty when content-type is set to 'application/json'"
        return nil, failure(400, message, CTP .. "EMPTY_JSON_BODY")
    end
    if #body > MAX_BODY then
        return nil, failure(413, "Request body is too large", CTP .. "BODY_TOO_LARGE")
    end
    if not utf8.len(body) then
        local message = "Request body size did not match Content-Length"
        return nil, failure(400, message, CTP .. "INVALID_CONTENT_LENGTH")
    end
    if not is_json then return body end
    return parse_json(body)
end

--- The shortest digits that give a number again, and the place of its point.
local function shortest(number)
    for precision = 0, 16 do
        local text = ("%%.%de"):format(precision):format(number)
        if tonumber(text) == number or precision == 16 then
            local digits, exponent = text:match "^([%d.]+)e([+-]%d+)$"
            return (digits:gsub("%.", "")), tonumber(exponent) + 1
        end
    end
end

--- A number as JavaScript prints it (ECMA-262, Number::toString): beyond 2^53 digits are lost.
local function number_text(number)
    local is_exact = math.type(number) == "integer" and math.abs(number) <= 2 ^ 53
    if is_exact then return tostring(number) end
    if number == 0 then return "0" end
    if number < 0 then return "-" .. number_text(-number) end
    local digits, point = shortest(number + 0.0)
    if point > 21 or point < -5 then
        local rest = #digits > 1 and "." .. digits:sub(2) or ""
        return ("%s%se%+d"):format(digits:sub(1, 1), rest, point - 1)
    end
    if point <= 0 then return "0." .. ("0"):rep(-point) .. digits end
    if point >= #digits then return digits .. ("0"):rep(point - #digits) end
    return digits:sub(1, point) .. "." .. digits:sub(point + 1)
end

--- Coerces to text as Ajv does. -> text or null; nil where it refuses
local function coerce(value, nullable)
    if type(value) == "string" then return value end
    if value == null then return nullable and null or "" end
    if type(value) == "number" then return number_text(value) end
    if type(value) == "boolean" then return tostring(value) end
    if not json.is_array(value) or #value ~= 1 then return nil end
    local only = value[1]
    if type(only) == "table" then return nil end
    if nullable and type(only) == "string" and only ~= "" then return nil end
    return coerce(only, nullable)
end

--- Checks the body's schema: presence first, then types in the schema's order. -> entry, failure
local function read_entry(body)
    if type(body) ~= "table" or json.is_array(body) then
        return nil, failure(400, "body must be object")
    end
    if body.customerId == nil then
        return nil, failure(400, "body must have required property 'customerId'")
    end
    local entry = { customerId = coerce(body.customerId, false) }
    if not entry.customerId then return nil, failure(400, "body/customerId must be string") end
    for _, name in ipairs(FIELDS) do
        if body[name] ~= nil then
            entry[name] = coerce(body[name], true)
            if entry[name] == nil then
                return nil, failure(400, ("body/%s must be string"):format(name))
            end
        end
    end
    return entry
end

local function truthy(text)
    return text ~= nil and text ~= null and text ~= ""
end

local Opm = { endpoints = { "ping", "entry" } }
Opm.__index = Opm

function Opm.endpoint(_, req)
    if req.path == "/ping" and (req.method == "GET" or req.method == "HEAD") then return "ping" end
    if req.path == "/entry" and req.method == "POST" then return "entry" end
end

function Opm.failure(_, status, message)
    return failure(status, message).json
end

--- -> the partner's customers | nil, failure
function Opm:partner(req)
    local key = req:header "x-api-key"
    if not key then
        return nil, failure(400, "headers must have required property 'x-api-key'")
    end
    local customers = self.partners[key:match "^[ \t]*(.-)[ \t]*$"]
    if not customers then return nil, failure(401, "API key does not exist") end
    return customers
end

--- Creates or updates: only non-empty values overwrite.
local function upsert(customers, entry)
    local stored = customers[entry.customerId]
    local known = stored ~= nil
    if not known then
        stored = { history = json.array {} }
        customers[entry.customerId] = stored
    end
    for _, name in ipairs(FIELDS) do
        if truthy(entry[name]) then stored[name] = entry[name] end
    end
    local contact = truthy(entry.customerEmail) and entry.customerEmail or entry.customerPhone
    stored.history[#stored.history + 1] = contact
    return known
end

function Opm:entry(req, body)
    local entry, refused = read_entry(body)
    if not entry then return refused end
    local customers
    customers, refused = self:partner(req)
    if not customers then return refused end
    if not truthy(entry.customerEmail) and not truthy(entry.customerPhone) then
        return failure(400,
            "body must have either required property 'customerEmail' or 'customerPhone'")
    end
    if upsert(customers, entry) then return success(202, "OK - Update accepted") end
    return success(201, "OK - Created")
end

local HAS_BODY = { POST = true, PUT = true, PATCH = true }

function Opm:respond(req)
    local body, refused
    if HAS_BODY[req.method] then
        body, refused = parse_body(req)
        if refused then return refused end
    end
    if req.endpoint == "entry" then return self:entry(req, body) end
    if req.endpoint ~= "ping" then return not_found(req) end
    local known
    known, refused = self:partner(req)
    if not known then return refused end
    return success(200, "pong")
end

--- "customers": all of the sandbox's own partner, by id; "customer:ID": one, with `history`, the
-- e-mail or phone of each accepted call in order; "count".
function Opm:snapshot(what)
    if what == "customers" then return self.customers end
    if what == "count" then
        local count = 0
        for _ in pairs(self.customers) do count = count + 1 end
        return count
    end
    return self.customers[what:match "^customer:(.*)$"]
end

--- `partners`: customers by API key; the sandbox has one partner, a spec may add another.
function M.new(env)
    local customers = {}
    local partners = { [env.settings.key] = customers }
    return setmetatable({ partners = partners, customers = customers }, Opm)
end

return M
