--- Answers of the Optimove simulator, as JSON or XML. Lists are written in pieces while they are sent.
--
-- No source shows the vendor's XML. Here a list of Customer is
--   <ArrayOfCustomer><Customer><CustomerID>1</CustomerID>...</Customer>...</ArrayOfCustomer>,
-- and the rest is as neap/xml/encode.lua has it.

local encode = require "neap.xml.encode"
local json = require "neap.native.json"

local null = json.null

local M = {}

local JSON = { ["Content-Type"] = "application/json; charset=utf-8" }
local XML = { ["Content-Type"] = "application/xml; charset=utf-8" }
local TEXT = { ["Content-Type"] = "text/plain; charset=utf-8" }

local RECORDS_PER_PIECE = 200
local in_order = { sorted = true }

--- A record within a record: values by position under the names of `fields`.
function M.record(fields, values)
    return { fields = fields, values = values }
end

-- JSON.

local function json_value(value)
    if value == nil or value == null then return "null" end
    if type(value) == "string" and not value:find '[%c"\\\128-\255]' then return '"' .. value .. '"' end
    if type(value) ~= "table" then return json.encode(value) end
    local parts = {}
    if value.fields then
        for i, name in ipairs(value.fields) do
            parts[i] = ('"%s":%s'):format(name, json_value(value.values[i]))
        end
        return "{" .. table.concat(parts, ",") .. "}"
    end
    for i, item in ipairs(value) do parts[i] = json_value(item) end
    return "[" .. table.concat(parts, ",") .. "]"
end

-- XML.

--- Characters that XML cannot hold become U+FFFD.
local function xml_text(text)
    return (text:gsub("[\0-\8\11\12\14-\31]", "\u{FFFD}"):gsub("\xEF\xBF[\xBE\xBF]", "\u{FFFD}"))
end

--- Makes of a value, with the records in it, what the encoder takes.
local function xml_value(value)
    if value == nil then return null end
    if type(value) == "string" then return xml_text(value) end
    if type(value) ~= "table" then return value end
    local made = {}
    if not value.fields then
        for i, item in ipairs(value) do made[i] = xml_value(item) end
        return json.array(made)
    end
    for i, name in ipairs(value.fields) do made[name] = xml_value(value.values[i]) end
    return json.object(made, value.fields)
end

-- Answers.

--- Plain text, as errors are.
function M.text(status, message) return { status = status, headers = TEXT, body = message } end

--- A bare JSON string.
function M.quoted(status, message) return { status = status, headers = JSON, body = json.encode(message) } end

--- Any JSON, keys sorted unless marked.
function M.json(status, value)
    return { status = status, headers = JSON, body = json.encode(value, in_order) }
end

--- A success without payload; valid input without data, too.
function M.nothing(status) return { status = status or 200, body = "" } end

--- The other success without payload.
function M.code() return { status = 200, headers = JSON, body = '{"ResponseCode":200}' } end

local LIMIT_ORDER = { "status", "error", "message" }

local LIMIT_TEXT = "You have exceeded the rate limit for this API group. Please retry later."

--- The JSON object of a 429.
function M.limit_value(message)
    return json.object({ status = 429, error = "Too Many Requests", message = message }, LIMIT_ORDER)
end

function M.too_many() return M.json(429, M.limit_value(LIMIT_TEXT)) end

--- A text as payload.
function M.string(call, text)
    if not call.xml then return M.quoted(200, text) end
    return { status = 200, headers = XML, body = encode.document(xml_text(text), { root = "string" }) }
end

--- One object.
function M.object(call, item, fields, values)
    local record = M.record(fields, values)
    if not call.xml then return { status = 200, headers = JSON, body = json_value(record) } end
    return { status = 200, headers = XML, body = encode.document(xml_value(record), { root = item }) }
end

--- Makes a writer of records with the same fields: what does not change is made once.
local function json_writer(fields)
    local parts = {}
    for i, name in ipairs(fields) do parts[2 * i - 1] = ('%s"%s":'):format(i == 1 and "{" or ",", name) end
    parts[2 * #fields + 1] = "}"
    return function(values)
        for i = 1, #fields do parts[2 * i] = json_value(values[i]) end
        return table.concat(parts)
    end
end

local function xml_writer(item, fields)
    local record = M.record(fields)
    return function(values)
        record.values = values
        return assert(encode.element(item, xml_value(record)))
    end
end

--- How a form writes a list: what comes before, between and after, and one record.
local function list_form(call, item, fields)
    if not call.xml then return "[", ",", "]", json_writer(fields) end
    local root = "ArrayOf" .. item
    return encode.head(root), "", encode.tail(root), xml_writer(item, fields)
end

--- Streams records.
---@param call table
---@param item string name of one in XML
---@param fields string[]
---@param rows fun(): table|nil the next record's values
function M.list(call, item, fields, rows)
    local head, comma, tail, one = list_form(call, item, fields)
    return { status = 200, headers = call.xml and XML or JSON, stream = function(write)
        local piece, between = { head }, ""
        for values in rows do
            piece[#piece + 1] = between .. one(values)
            between = comma
            if #piece >= RECORDS_PER_PIECE then
                if not write(table.concat(piece)) then return end
                piece = {}
            end
        end
        piece[#piece + 1] = tail
        write(table.concat(piece))
    end }
end

--- A list that is at hand, one page of it.
function M.rows(call, item, fields, list)
    local i, last = call.skip, math.min(#list, call.skip + call.top)
    return M.list(call, item, fields, function()
        i = i + 1
        return i <= last and list[i] or nil
    end)
end

return M
