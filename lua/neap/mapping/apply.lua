--- Makes a map a function from record to record, in Lua. core/mapping.c does the same from text to text; that both
-- agree is spec/lua/mapping_differential_spec.lua.

local cast = require "neap.mapping.cast"
local errors = require "neap.error"
local json = require "neap.native.json"
local lang = require "neap.lang.template"
local null = require "neap.null"
local values = require "neap.schema.value"

local M = {}

local is_list, unexpected = values.is_list, cast.unexpected

-- Members ----------------------------------------------------------------------------------------

local function exact(object, name)
    return rawget(object, name)
end

--- The names that an object's mark has, if they are those of its members; nil where a script changed them.
local function marked_names(object)
    local mark, names, count = getmetatable(object), {}, 0
    for _, name in ipairs(mark and mark.keys or {}) do
        if rawget(object, name) ~= nil then
            count = count + 1
            names[count] = name
        end
    end
    for _ in next, object do count = count - 1 end
    return count == 0 and names or nil
end

--- Names of an object in its order; those without a place in it by the alphabet.
local function ordered_names(object)
    local names = marked_names(object)
    if names then return names end
    local seen, others = {}, {}
    names = {}
    for _, name in ipairs((getmetatable(object) or {}).keys or {}) do
        if rawget(object, name) ~= nil and not seen[name] then names[#names + 1], seen[name] = name, true end
    end
    for name in next, object do
        if type(name) == "string" and not seen[name] then others[#others + 1] = name end
    end
    table.sort(others)
    return table.move(others, 1, #others, #names + 1, names)
end

--- The member of that name, else the first that differs from it by letter case only.
local function folded(object, name)
    local value = rawget(object, name)
    if value ~= nil then return value end
    name = name:lower()
    for _, key in ipairs(ordered_names(object)) do
        if key:lower() == name then return rawget(object, key) end
    end
end

--- A way as one name, which only equal ways have.
---@param way string[]
---@return string
function M.name(way)
    return table.concat(way, "\0")
end

--- Makes the function that follows a way into a record, and notes where that has led to something.
local function reader(way, member, seen)
    local first, last, name = way[1], seen.last, M.name(way)
    if #way == 1 then
        return function(record)
            local value = member(record, first)
            if value ~= nil then last[name] = seen.count end
            return value
        end
    end
    return function(record)
        local value = record
        for i = 1, #way do
            if type(value) ~= "table" or is_list(value) then return nil end
            value = member(value, way[i])
        end
        if value ~= nil then last[name] = seen.count end
        return value
    end
end

-- Values -----------------------------------------------------------------------------------------

local function copy(value)
    if type(value) ~= "table" then return value end
    local own = {}
    for key, inner in next, value do own[key] = copy(inner) end
    return setmetatable(own, getmetatable(value))
end

--- Makes the function that gives a literal; a table of its own each time, which its record may change.
local function giver(literal)
    local value = literal.value
    if type(value) ~= "table" then return function() return value end end
    return function() return copy(value) end
end

--- Raises on what an entry's function raised; text says whose it was.
local function raise(entry, raised)
    if errors.is(raised) then error(raised, 0) end
    local message = type(raised) == "string" and raised or "the function raised " .. values.said(raised)
    error(("%s: %s"):format(entry.name, message), 0)
end

--- A value that the script gave has to be one that JSON can hold.
local function from_function(entry)
    local with = entry.with
    return function(record)
        local ok, value, message = pcall(with, record)
        if not ok then raise(entry, value) end
        if value == nil then return nil, message ~= nil and tostring(message) or nil end
        local path, fault = values.json_fault(value)
        if path then return nil, path == "" and fault or ("%s: %s"):format(path, fault) end
        return value
    end
end

local function is_nothing(value)
    return value == nil or value == null or value == ""
end

local function as_list(value)
    if type(value) == "table" and is_list(value) then return value end
    return nil, unexpected("a list", value)
end

local function parts(value, delimiter)
    if type(value) == "string" then return values.array(lang.split(value, delimiter)) end
    if as_list(value) then return value end
    return nil, unexpected("a string or a list", value)
end

--- Adds a step that makes something of what is there; null and nothing stay nothing.
local function then_do(get, step)
    return function(record)
        local value, message = get(record)
        if value == nil or value == null then return nil, message end
        return step(value)
    end
end

--- Makes the function that takes an element.
local function element(at)
    return function(value)
        local list, message = as_list(value)
        if not list then return nil, message end
        return list[at]
    end
end

--- Makes the steps between what the record has and the cast.
local function cutter(entry, get)
    local delimiter, at = entry.split, entry.at
    if delimiter then get = then_do(get, function(value) return parts(value, delimiter) end) end
    return at and then_do(get, element(at)) or get
end

--- The steps of one entry as one function. Where a default stands in, it is the whole value.
---@return fun(record: table): any, string? value nil: nothing, or a message that says what is wrong
local function compile_entry(entry, member, seen)
    if entry.constant then return giver(entry.constant) end
    local get = entry.with and from_function(entry) or reader(entry.way, member, seen)
    local make, otherwise = cast.by_name[entry.cast], entry.default and giver(entry.default)
    if not otherwise then
        get = cutter(entry, get)
        return make and then_do(get, make) or then_do(get, function(value) return value end)
    end
    local function source(record) return record end
    local cut = (entry.split or entry.at) and cutter(entry, source)
    return function(record)
        local value, message = get(record)
        if message then return nil, message end
        if cut and not is_nothing(value) then
            value, message = cut(value)
            if message then return nil, message end
        end
        if is_nothing(value) then return otherwise() end
        if make then return make(value) end
        return value
    end
end

-- Records ----------------------------------------------------------------------------------------

--- The targets of a map as a tree: a list of { name, index } and { name, members, order }.
local function tree_of(entries)
    local root = { members = {}, by_name = {} }
    for i, entry in ipairs(entries) do
        local node = root
        for step = 1, #entry.target do
            local name = entry.target[step]
            local inner = node.by_name[name]
            if not inner then
                inner = { name = name, members = {}, by_name = {} }
                node.members[#node.members + 1], node.by_name[name] = inner, inner
            end
            node = inner
        end
        node.index = i
    end
    return root
end

--- Gives each object of the tree the mark that objects with its keys have; it is shared by all records.
local function mark(node)
    local keys = {}
    for i, inner in ipairs(node.members) do
        keys[i] = inner.name
        if not inner.index then mark(inner) end
    end
    node.order = getmetatable(json.object({}, keys))
end

--- Puts values into the tree's form; an object without members is left out.
local function assemble(node, made)
    local object
    for _, inner in ipairs(node.members) do
        local value
        if inner.index then value = made[inner.index] else value = assemble(inner, made) end
        if value ~= nil then
            object = object or {}
            object[inner.name] = value
        end
    end
    return object and setmetatable(object, node.order)
end

--- The name of the mark of objects with an order.
local OBJECT <const> = getmetatable(json.object {}).__name

--- Adds the members that no entry named, in the record's order.
local function add_rest(object, record, tree, taken)
    local keys = {}
    for i, inner in ipairs(tree.members) do keys[i] = inner.name end
    for _, name in ipairs(ordered_names(record)) do
        if not taken(name) then
            object[name] = rawget(record, name)
            keys[#keys + 1] = name
        end
    end
    return setmetatable(object, { keys = keys, __name = OBJECT })
end

--- Makes the function that tells which members do not belong to the rest.
local function takes(entries, tree, any_case)
    local names = {}
    for _, inner in ipairs(tree.members) do names[inner.name] = true end
    local sources = {}
    for _, entry in ipairs(entries) do
        local name = entry.way and #entry.way == 1 and entry.way[1]
        if name then sources[any_case and name:lower() or name] = true end
    end
    if not any_case then return function(name) return names[name] or sources[name] end end
    return function(name) return names[name] or sources[name:lower()] end
end

local function fail(message)
    return nil, errors.new { kind = "decode", message = message }
end

local function record_fault(record)
    if type(record) == "table" and not is_list(record) then return nil end
    return ("a record is %s, an object expected"):format(values.said(record))
end

--- Makes the function that computes the values of a record, by the place of their entries.
local function evaluator(map, any_case, seen)
    local getters, labels, member = {}, {}, any_case and folded or exact
    for i, entry in ipairs(map.entries) do
        getters[i], labels[i] = compile_entry(entry, member, seen), entry.name
    end
    return function(record)
        local fault = record_fault(record)
        if fault then return fail(fault) end
        local made = {}
        seen.count = seen.count + 1
        for i = 1, #getters do
            local value, message = getters[i](record)
            if message then return fail(("%s: %s"):format(labels[i], message)) end
            made[i] = value
        end
        return made
    end
end

---@class neap.MapSeen
---@field count integer records
---@field last table<string, integer> number of the last record that had a member, by the name of its way

---@class neap.MapProgram
---@field seen neap.MapSeen
---@field record fun(record: table): table|nil, neap.Error?
---@field cells fun(record: table): any[]|nil, neap.Error? values by the place of their entry

--- Compiles a checked map.
---@param map neap.MapSpec
---@param any_case boolean names of members mean those that differ by letter case, too
---@return neap.MapProgram
function M.compile(map, any_case)
    local seen = { count = 0, last = {} }
    local cells, tree = evaluator(map, any_case, seen), tree_of(map.entries)
    mark(tree)
    local taken = map.rest and takes(map.entries, tree, any_case)
    return {
        seen = seen,
        cells = cells,
        record = function(record)
            local made, err = cells(record)
            if not made then return nil, err end
            local object = assemble(tree, made) or setmetatable({}, tree.order)
            return taken and add_rest(object, record, tree, taken) or object
        end,
    }
end

return M
