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
local leaf = require "neap.xml.leaf"
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

local is_blank = leaf.is_blank

local read -- function(element, field, ordered) -> value

local function is_null(element)
    local flag = element.attributes and element.attributes["nil"]
    return flag == "true" or flag == "1"
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
    for i = 1, #elements do list[i] = read(elements[i], of, ordered) end
    return values.array(list)
end

---@type table<neap.Field[], table<string, { name: string, field: neap.Field }>>
local indexes = setmetatable({}, { __mode = "k" })

--- Gets the declared fields of an object by their names, and by these in lower case. Every name that an object
--- comes to have leads to the field of that name.
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

--- Gets what is declared for a member of an object, or nil.
---@param field neap.Field of the object
---@param name string in any letter case
---@return { name: string, field: neap.Field }?
function M.declared(field, name)
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
        if M.declared(of, child.name) then return true end
    end
    return false
end

local function read_list(element, field, ordered)
    if element[1] == nil and not is_blank(element) then return element.text end
    return read_items(element, field.of, ordered)
end

--- Reads a list that is a member of an object from the only element of its name: it has the items as its
--- children, or is the only item.
local function read_only_list(element, field, ordered)
    if is_null(element) then return null end
    if is_blank(element) then return values.array {} end
    local is_only_item = element[1] == nil and not field.join or element[1] and is_item(element, field.of)
    if is_only_item then return values.array { read(element, field.of, ordered) } end
    return read_list(element, field, ordered)
end

--- Gets the list that a field can be. The only element of its name may be a text instead, where one is allowed.
local function list_of(field, has_items)
    local kind = types.of(field)
    if kind == "list" then return field end
    if kind ~= "either" or not has_items then return nil end
    for _, one in ipairs(field.either) do
        if types.of(one) == "list" then return one end
    end
end

--- Reads a member of an object from the only element of its name.
local function read_only(element, field, ordered)
    local list = field and list_of(field, element[1] ~= nil)
    if list then return read_only_list(element, list, ordered) end
    return read(element, field, ordered)
end

--- Reads a member of an object from the elements of its name. Of several for a declared field that is no list the
--- last counts, as in JSON.
local function read_several(elements, field, ordered)
    local list = field and list_of(field, true)
    if list then return read_items(elements, list.of, ordered) end
    if not field or types.of(field) == "any" then return read_items(elements, field, ordered) end
    return read(elements[#elements], field, ordered)
end

--- Puts the children of an element together by their names. -> the first of each name, and where there are several
--- their list; names in order, if they are asked for
local function group_children(element, index, ordered)
    local firsts, several, order = {}, nil, ordered and {}
    for i = 1, #element do
        local child = element[i]
        local entry = index[child.name] or index[child.name:lower()]
        local name = entry and entry.name or child.name
        local first = firsts[name]
        if not first then
            firsts[name] = child
            if order then order[#order + 1] = name end
        else
            several = several or {}
            several[name] = several[name] or { first }
            table.insert(several[name], child)
        end
    end
    return firsts, several, order
end

local function read_object(element, field, ordered)
    if element[1] == nil and not is_blank(element) then return element.text end
    local index = index_of(field)
    local members, several, order = group_children(element, index, ordered)
    for name, first in next, members do
        local entry, elements = index[name], several and several[name]
        local member = entry and entry.field or field.of
        if elements then
            members[name] = read_several(elements, member, ordered)
        else
            members[name] = read_only(first, member, ordered)
        end
    end
    return order and json.object(members, order) or members
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
        local kind = types.of(one)
        local is_structure = structures[kind] ~= nil
        structure = structure or is_structure and one or nil
        if not is_structure and element[1] == nil then
            local value, fits = leaf.read(element, one, kind)
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
    local kind = types.of(field)
    local structure = structures[kind] or element[1] and read_any
    if structure then return structure(element, field, ordered) end
    return (leaf.read(element, field, kind))
end

--- Is an element a text: neither an object nor a list, nor nothing?
local function is_text(element)
    return element[1] == nil and not is_blank(element) and not is_null(element)
end

--- Gets what shows that a document is a page.
---@param root string name of its root
---@return string? message
function M.page_fault(root)
    if root:lower() == "html" then return ("the reply is a page, <%s>"):format(root) end
end

--- Gets what shows that an element is no item of a list of such.
local function item_fault(element, of)
    if of and types.of(of) == "object" and is_text(element) then
        return ("the reply has <%s> where a record is expected"):format(element.name)
    end
end

--- Gets what shows that a document is none that a shape describes.
local function foreign_fault(root, field)
    local kind = field and types.of(field)
    if kind == "object" and is_text(root) and root.name ~= "string" then
        return ("the reply is <%s> with a text where a record is expected"):format(root.name)
    end
    for _, child in ipairs(kind == "list" and root or {}) do
        local message = item_fault(child, field.of)
        if message then return message end
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
    if root[1] == nil and root.name:lower() == "boolean" then return leaf.booleans[root.text:match "^%s*(.-)%s*$"] end
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
    local message = M.page_fault(element.name) or foreign_fault(element, field)
    if message then return nil, errors.new { kind = "decode", message = message } end
    return read(element, field, ordered)
end

--- Turns one element of a list into the value that it has in `M.value` of the whole.
---@param element neap.XmlElement
---@param of neap.Field? declared for the items of the list
---@param opts { ordered: boolean }?
---@return any value nil on failure
---@return neap.Error? err kind decode: a text where an object is declared
function M.record(element, of, opts)
    local message = item_fault(element, of)
    if message then return nil, errors.new { kind = "decode", message = message } end
    return read(element, of, opts and opts.ordered or false)
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
