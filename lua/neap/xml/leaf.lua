--- Elements without children as values, by the type of their field.

local json = require "neap.native.json"
local null = require "neap.null"

local leaf = {}

--- Has an element neither children nor text but white space?
---@param element neap.XmlElement
---@return boolean
function leaf.is_blank(element)
    return element[1] == nil and not (element.text and element.text:find "%S")
end

--- Texts to values, by type; nil for a text that is none. Types that are not here are texts.
local parsers = {}

function parsers.number(text)
    if not text:find "^-?%d[%d.eE+-]*$" then return nil end
    return (json.decode(text))
end

--- The short way is for what needs no look at its range.
function parsers.integer(text)
    if #text <= 18 and text:find "^[1-9]%d*$" then return math.tointeger(tonumber(text)) end
    local number = parsers.number(text)
    return math.type(number) == "integer" and number or nil
end

leaf.booleans = { ["true"] = true, ["1"] = true, ["false"] = false, ["0"] = false }

function parsers.boolean(text, field)
    if field.as_text then return text:find "%S" and text end
    return leaf.booleans[text]
end

function parsers.enum(text, field)
    for _, member in ipairs(field.values) do
        if tostring(member) == text then return member end
    end
end

local function is_also(text, field)
    if not field.also then return false end
    for _, also in ipairs(field.also) do
        if also == text then return true end
    end
    return false
end

--- Reads an element without children.
---@param element neap.XmlElement
---@param field neap.Field
---@param kind neap.FieldType of the field
---@return any value
---@return boolean fits it is of the field's type
function leaf.read(element, field, kind)
    local text = element.text or ""
    if kind == "string" or is_also(text, field) then return text, true end
    local parser = parsers[kind]
    if parser then
        local value = parser(text, field)
        if value ~= nil then return value, true end
    end
    if leaf.is_blank(element) then return null, true end
    return text, not parser
end

return leaf
