--- XML as the values that the same answer would be in JSON, and back: `M.value` by the shape that an
-- endpoint's `returns` declares, `M.encode` (neap/xml/encode.lua) for the simulators.
--
-- What JSON tells and XML does not, the shape says: lists of one, numbers, names in their declared spelling.
-- Where nothing is declared,
--   an element with two or more children that all have the same name is a list of them, and so is one whose
--   name begins with ArrayOf, whatever it holds;
--   another one with children is an object; a name that comes twice in it is a list;
--   an element without children is its text.
-- An element with the attribute nil="true" (xsi:nil) is null, other attributes are no part of a value. A text
-- that its type cannot be stays a text; an element with children where a text is declared is read as if nothing
-- were declared.
--
-- A document of another kind is no value: a page, a text in place of a record, and what is declared to be a list
-- of objects and has a text among them.

local encode = require "neap.xml.encode"
local errors = require "neap.error"
local json = require "neap.native.json"
local native = require "neap.native.xml"
local null = require "neap.null"
local types = require "neap.schema.types"
local values = require "neap.schema.value"

local M = {
    decode = native.decode, -- (text, { depth = 100 }?) -> element | nil, err
    encode = encode.document,
    element = encode.element,
    head = encode.head,
    tail = encode.tail,
}

---@class neap.XmlElement children are its list: [1], [2], ...
---@field name string without its prefix
---@field attributes table<string, string>? names without their prefixes
---@field text string? of an element without children

local read -- function(element, field, ordered) -> value

local function is_null(element)
    local flag = element.attributes and element.attributes["nil"]
    return flag == "true" or flag == "1"
end

--- Has an element neither children nor text but white space?
local function is_blank(element)
    return element[1] == nil and not (element.text and element.text:find "%S")
end

local function have_one_name(elements)
    for i = 2, #elements do
        if elements[i].name ~= elements[1].name then return false end
    end
    return true
end

--- Reads each of the elements as an item of a list.
local function read_items(elements, of, ordered)
    local list = {}
    for i, element in ipairs(elements) do list[i] = read(element, of, ordered) end
    return values.array(list)
end

--- Texts to values, by type; nil for a text that is none. Types that are not here are texts.
local parsers = {}

function parsers.number(text)
    if not text:find "^-?%d[%d.eE+-]*$" then return nil end
    return (json.decode(text))
end

function parsers.integer(text)
    local number = parsers.number(text)
    return math.type(number) == "integer" and number or nil
end

local booleans = { ["true"] = true, ["1"] = true, ["false"] = false, ["0"] = false }

function parsers.boolean(text, field)
    if field.as_text then return text:find "%S" and text end
    return booleans[text]
end

function parsers.enum(text, field)
    for _, member in ipairs(field.values) do
        if tostring(member) == text then return member end
    end
end

local function is_also(text, field)
    for _, also in ipairs(field.also or {}) do
        if also == text then return true end
    end
    return false
end

--- Reads an element without children. -> value, and whether it is of the field's type
local function read_leaf(element, field)
    local text, kind = element.text or "", types.of(field)
    if kind == "string" or is_also(text, field) then return text, true end
    local parser = parsers[kind]
    if parser then
        local value = parser(text, field)
        if value ~= nil then return value, true end
    end
    if is_blank(element) then return null, true end
    return text, not parser
end

---@type table<neap.Field[], table<string, { name: string, field: neap.Field }>>
local indexes = setmetatable({}, { __mode = "k" })

--- Gets the declared fields of an object by their names, and by these in lower case.
local function index_of(field)
    local fields = field.fields or field
    if indexes[fields] then return indexes[fields] end
    local index = {}
    for key, one in pairs(field.fields or {}) do
        local name = one.name or one[1] or key
        local entry = { name = name, field = one }
        index[name] = entry
        index[name:lower()] = index[name:lower()] or entry
    end
    indexes[fields] = index
    return index
end

local function declared(field, name)
    local index = index_of(field)
    return index[name] or index[name:lower()]
end

--- Can an element be one item of a list whose items are declared so, rather than the list itself?
local function is_item(element, of)
    local kind = of and types.of(of) or "any"
    if kind == "either" then
        for _, one in ipairs(of.either) do
            if is_item(element, one) then return true end
        end
        return false
    end
    if kind ~= "object" and kind ~= "any" then return false end
    if not have_one_name(element) then return true end
    for _, child in ipairs(of and element or {}) do
        if declared(of, child.name) then return true end
    end
    return false
end

local function read_list(element, field, ordered)
    if element[1] == nil and not is_blank(element) then return element.text end
    return read_items(element, field.of, ordered)
end

--- Reads a list that is a member of an object: each of the elements is an item, or the only one has the items
--- as its children.
local function read_list_member(elements, field, ordered)
    local first = elements[1]
    if elements[2] then return read_items(elements, field.of, ordered) end
    if is_null(first) then return null end
    if is_blank(first) then return values.array {} end
    local is_only_item = first[1] == nil and not field.join or first[1] and is_item(first, field.of)
    if is_only_item then return read_items(elements, field.of, ordered) end
    return read_list(first, field, ordered)
end

--- Gets the list that the elements of one name are, if the field says that they can be one.
local function list_of(elements, field)
    local kind = types.of(field)
    if kind == "list" then return field end
    if kind ~= "either" or not elements[2] and elements[1][1] == nil then return nil end
    for _, one in ipairs(field.either) do
        if types.of(one) == "list" then return one end
    end
end

--- Reads the elements of one name in an object. Of several for a declared field that is no list the last counts,
--- as in JSON.
local function read_member(elements, field, ordered)
    local list = field and list_of(elements, field)
    if list then return read_list_member(elements, list, ordered) end
    if elements[2] and (not field or types.of(field) == "any") then return read_items(elements, field, ordered) end
    return read(elements[#elements], field, ordered)
end

--- Puts the children of an element together by their names. -> groups by name, names in order, fields by name
local function group_children(element, field)
    local groups, order, fields = {}, {}, {}
    for _, child in ipairs(element) do
        local entry = declared(field, child.name)
        local name = entry and entry.name or child.name
        if not groups[name] then
            groups[name], order[#order + 1] = {}, name
            fields[name] = entry and entry.field or field.of
        end
        table.insert(groups[name], child)
    end
    return groups, order, fields
end

local function read_object(element, field, ordered)
    if element[1] == nil and not is_blank(element) then return element.text end
    local groups, order, fields = group_children(element, field)
    for name, elements in pairs(groups) do groups[name] = read_member(elements, fields[name], ordered) end
    return ordered and json.object(groups, order) or groups
end

local nothing_declared = {}

--- Reads an element of which nothing is declared.
local function read_any(element, _, ordered)
    local is_list = element.name:find "^ArrayOf" or element[2] and have_one_name(element)
    if is_list then return read_list(element, nothing_declared, ordered) end
    if element[1] == nil then return element.text or "" end
    return read_object(element, nothing_declared, ordered)
end

local structures = { list = read_list, object = read_object, any = read_any }

--- Reads an element as the first alternative that it can be.
local function read_either(element, field, ordered)
    local structure
    for _, one in ipairs(field.either) do
        local is_structure = structures[types.of(one)] ~= nil
        structure = structure or is_structure and one or nil
        if not is_structure and element[1] == nil then
            local value, fits = read_leaf(element, one)
            if fits then return value end
        end
    end
    if structure and (element[1] or is_blank(element)) then return read(element, structure, ordered) end
    return read_any(element, nil, ordered)
end

structures.either = read_either

function read(element, field, ordered)
    if is_null(element) then return null end
    if not field then return read_any(element, nil, ordered) end
    local structure = structures[types.of(field)] or element[1] and read_any
    if structure then return structure(element, field, ordered) end
    return (read_leaf(element, field))
end

--- Is an element a text: neither an object nor a list, nor nothing?
local function is_text(element)
    return element[1] == nil and not is_blank(element) and not is_null(element)
end

--- Gets what shows that a document is none that a shape describes.
local function foreign_fault(root, field)
    if root.name:lower() == "html" then return ("the reply is a page, <%s>"):format(root.name) end
    local kind = field and types.of(field)
    if kind == "object" and is_text(root) and root.name ~= "string" then
        return ("the reply is <%s> with a text where a record is expected"):format(root.name)
    end
    if kind ~= "list" or not field.of or types.of(field.of) ~= "object" then return nil end
    for _, child in ipairs(root) do
        if is_text(child) then return ("the reply has <%s> where a record is expected"):format(child.name) end
    end
end

--- Gets the elements of a document that is a status, {ResponseCode: 200} in JSON, in place of a payload.
local function status_of(root)
    if root.name == "ResponseCode" then return { root } end
    return root[1] and not root[2] and root[1].name == "ResponseCode" and root
end

local status = { type = "object", fields = { { "ResponseCode", type = "integer" } } }

--- Reads what vendors answer where there is no payload: true, or a status. nil for all else.
local function read_nothing(root, field, ordered)
    if not is_text(root) and not (root[1] and is_text(root[1])) then return nil end
    if root[1] == nil and root.name:lower() == "boolean" then return booleans[root.text:match "^%s*(.-)%s*$"] end
    local elements = not field and status_of(root)
    if elements then return read_object(elements, status, ordered) end
end

--- Turns an element into the value that the JSON form of the answer would be.
--
-- An empty element is [] where a list is declared, {} for an object, "" for a string, and null for any other
-- type. A list within an object may be written as repeated elements of its name, or as one that has the items
-- as its children: the only one is an item itself where a declared name of an item is in it, or names that
-- differ. The element `boolean` is a boolean whatever is declared; where nothing is, ResponseCode, alone or the only
-- child, makes an object with that number. The element `string` is a text even for an object.
---@param element neap.XmlElement the root of a document
---@param shape neap.Field|string|nil a typed field; a text for people declares nothing
---@param opts { ordered: boolean }? ordered: objects keep the order of their members (json.object)
---@return any value nil on failure
---@return neap.Error? err kind decode: the document is none of that shape
function M.value(element, shape, opts)
    local field, ordered = type(shape) == "table" and shape or nil, opts and opts.ordered or false
    local nothing = read_nothing(element, field, ordered)
    if nothing ~= nil then return nothing end
    local message = foreign_fault(element, field)
    if message then return nil, errors.new { kind = "decode", message = message } end
    return read(element, field, ordered)
end

--- Reads a document as a value: `M.decode`, then `M.value`.
---@param text string
---@param shape neap.Field|string|nil
---@param opts { ordered: boolean, depth: integer }? depth: elements inside each other, 100
---@return any value nil on failure
---@return neap.Error? err kind decode or too_large, with `line`, `column` and `truncated`
function M.read(text, shape, opts)
    local element, err = native.decode(text, { depth = opts and opts.depth })
    if not element then return nil, err end
    return M.value(element, shape, opts)
end

return M
