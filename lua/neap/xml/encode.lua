--- Values to XML, so that neap.xml reads them back by their shape. Each member of an object is an element,
-- each item of a list is one within the list's element; null has the attribute nil="true".

local errors = require "neap.error"
local json = require "neap.native.json"
local null = require "neap.null"
local values = require "neap.schema.value"

local encode = {}

local DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
local NAMESPACE = ' xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'

--- As text a CR would be read as LF.
local references = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ["\r"] = "&#13;" }

--- Gets what is wrong with a text; XML 1.0 has no other control characters, not even as references.
local function text_fault(text)
    if text:find "[%z\1-\8\11\12\14-\31]" then return values.quote(text) .. " has a control character" end
    if text:find "\u{FFFE}" or text:find "\u{FFFF}" then return values.quote(text) .. " has U+FFFE or U+FFFF" end
end

--- Is a text a name that XML, without namespaces, takes? Letters beyond ASCII are left out.
local function is_name(text)
    return text:find "^[%a_][%w_.-]*$" ~= nil
end

local scalar_items = { string = "string", boolean = "boolean", integer = "int", float = "double" }

--- Gets the name for the items of a list, after the first that is not null.
local function item_name(list, name)
    for _, item in ipairs(list) do
        if item ~= null then return scalar_items[math.type(item) or type(item)] or name .. "Item" end
    end
    return name .. "Item"
end

--- Gets the names of an object: first those whose order is known, then the others in alphabetical order.
local function names_of(object)
    local meta, names, known = getmetatable(object), {}, {}
    for _, name in ipairs(meta and meta.keys or {}) do
        if object[name] ~= nil then names[#names + 1], known[name] = name, true end
    end
    local others = {}
    for name in pairs(object) do
        if not known[name] then others[#others + 1] = name end
    end
    table.sort(others)
    return table.move(others, 1, #others, #names + 1, names)
end

local write -- function(out, name, value, attributes, item) -> message?

local function write_children(out, name, value, item)
    if values.is_list(value) then
        item = item or item_name(value, name)
        for _, one in ipairs(value) do
            local message = write(out, item, one, "")
            if message then return message end
        end
    else
        for _, member in ipairs(names_of(value)) do
            local message = write(out, member, value[member], "")
            if message then return message end
        end
    end
end

--- Adds an element. -> what is wrong
function write(out, name, value, attributes, item)
    if not is_name(name) then return values.quote(name) .. " is no name in XML" end
    if value == null then
        out[#out + 1] = ('<%s%s i:nil="true"/>'):format(name, attributes)
        return nil
    end
    out[#out + 1] = ("<%s%s>"):format(name, attributes)
    local message
    if type(value) == "table" then
        message = write_children(out, name, value, item)
    elseif type(value) == "string" then
        message = text_fault(value)
        out[#out + 1] = value:gsub("[&<>\r]", references)
    else
        out[#out + 1] = json.encode(value)
    end
    out[#out + 1] = ("</%s>"):format(name)
    return message
end

local function build(out, name, value, attributes, item)
    local path, message = values.json_fault(value)
    if not path then
        path, message = "", write(out, name, value, attributes, item)
    end
    if not message then return table.concat(out) end
    return nil, errors.new { kind = "invalid", message = values.fault_text { path = path, message = message } }
end

--- Gets a whole document.
---@param value any what JSON can hold; lists as in neap.json
---@param opts { root: string, item: string? } names of the root and, where the value is a list, of its items
---@return string? text
---@return neap.Error? err kind invalid: no XML can hold the value, or the name of a member
function encode.document(value, opts)
    assert(type(opts) == "table" and type(opts.root) == "string", "root expected")
    return build({ DECLARATION }, opts.root, value, NAMESPACE, opts.item or opts.root:match "^ArrayOf(.+)$")
end

--- Gets one element, for a document that is made in pieces: `head(root)`, elements, `tail(root)`.
---@param name string
---@param value any
---@return string? text
---@return neap.Error? err as `document`
function encode.element(name, value)
    return build({}, name, value, "")
end

--- Gets what a document begins with, the start tag of its root included.
---@param root string
---@return string
function encode.head(root)
    return ("%s<%s%s>"):format(DECLARATION, root, NAMESPACE)
end

--- Gets what a document ends with.
---@param root string
---@return string
function encode.tail(root)
    return ("</%s>"):format(root)
end

return encode
