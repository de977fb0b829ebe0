--- Reads the parameters of a call of the Optimove simulator. Names are not case-sensitive; one that is
-- given twice, also in two letter cases, is refused; unknown ones are ignored.

local json = require "neap.native.json"
local types = require "neap.sandbox.optimove.types"

local M = {}

local MAX_ATTRIBUTES = 10
local DEFAULT_PAGE = 10000
local MAX_PAGE = 200000
local DELIMITERS = { [","] = true, [":"] = true, [";"] = true, ["\t"] = true }

local function unescape(text)
    text = text:gsub("+", " ")
    return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- Splits a query. -> lower-case name -> text | nil, fault
local function split(query)
    local found = {}
    for pair in query:gmatch "[^&]+" do
        local name, value = pair:match "^([^=]*)=?(.*)$"
        name = unescape(name)
        local key = name:lower()
        if found[key] then return nil, ("Parameter %s was given more than once"):format(name) end
        found[key] = unescape(value)
    end
    return found
end

local function invalid(name, wanted)
    return ("Invalid parameter %s: expected %s"):format(name, wanted)
end

--- Reads the declared parameters of a query into `params`. -> fault
local function read_fields(fields, found, params)
    for _, field in ipairs(fields) do
        local text = found[field.key]
        if not text then
            if field.required then return "Missing parameter: " .. field.name end
        else
            local value = field.type.text(text)
            if value == nil or value == false and field.type ~= types.boolean then
                return invalid(field.name, field.type.wanted)
            end
            params[field.name] = value
        end
    end
end

--- -> attributes in the order asked for; nil where none are | nil, fault
local function read_attributes(text, known)
    if not text then return nil end
    local list = {}
    for name in (text .. ";"):gmatch "([^;]*);" do
        local attribute = known:find(name)
        if not attribute then
            return nil, ("Invalid parameter CustomerAttributes: no attribute %q"):format(name)
        end
        list[#list + 1] = attribute
    end
    if #list > MAX_ATTRIBUTES then
        return nil, ("Invalid parameter CustomerAttributes: more than %d names"):format(MAX_ATTRIBUTES)
    end
    return list
end

--- One of $top and $skip. -> number | nil, fault
local function count(found, name)
    local text = found[name]
    if not text then return nil end
    local value = types.integer.text(text)
    if not value then return nil, invalid(name, types.integer.wanted) end
    return value
end

local function read_page(call, found, max)
    local top, fault = count(found, "$top")
    if fault then return fault end
    call.skip, fault = count(found, "$skip")
    call.top, call.skip = math.min(top or DEFAULT_PAGE, max), call.skip or 0
    return fault
end

--- Reads a query: declared parameters, customer attributes, which every function takes, and the page.
---@param call table gets params, attributes, delimiter, top, skip
---@param entry table the function
---@param query string
---@param known table the customer attributes
---@return string? fault
function M.query(call, entry, query, known)
    local found, fault = split(query)
    if not found then return fault end
    fault = read_fields(entry.query, found, call.params)
    if fault or entry.method ~= "GET" then return fault end
    call.attributes, fault = read_attributes(found.customerattributes, known)
    if fault then return fault end
    call.delimiter = found.customerattributesdelimiter or ","
    if not DELIMITERS[call.delimiter] then
        return invalid("CustomerAttributesDelimiter", "a comma, colon, semicolon or tab")
    end
    call.top, call.skip = math.huge, 0
    if entry.paged then return read_page(call, found, entry.max_page or MAX_PAGE) end
end

--- Reads a body. -> value | nil, status, fault
function M.body(entry, req)
    local content_type = (req:header "content-type" or ""):lower():match "^[^;]*"
    if content_type:match "^%s*(.-)%s*$" ~= "application/json" then
        return nil, 415, "Content-Type must be application/json"
    end
    local value, err = json.decode(req.body or "", { duplicates = "error" })
    if value == nil then return nil, 400, "The body is not JSON: " .. err.message end
    if json.is_array(value) ~= entry.takes_list or type(value) ~= "table" then
        return nil, 400, "The body must be a JSON " .. (entry.takes_list and "array" or "object")
    end
    local read, fault = entry.body.json(value, "body")
    if read == nil then return nil, 400, fault end
    return read
end

return M
