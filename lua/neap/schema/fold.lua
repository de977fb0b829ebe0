--- Names without regard to letter case: parameters that a vendor takes so, and answers that are read so.

local is_list = require("neap.schema.value").is_list
local json = require "neap.native.json"
local null = require "neap.null"

local M = {}

--- Lower-case name -> declared name, by object.
local folded = setmetatable({}, { __mode = "k" })

local function folded_of(object)
    local known = folded[object]
    if not known then
        known = {}
        for _, name in ipairs(object.names or {}) do known[name:lower()] = name end
        folded[object] = known
    end
    return known
end

--- The declared name that a name means, else the name itself.
---@param object neap.CompiledField
---@param name string
---@return string
function M.name(object, name)
    if object.by_name and object.by_name[name] then return name end
    return folded_of(object)[name:lower()] or name
end

--- Adds an element or a member to a dotted name.
local function below(path, name)
    if math.type(name) then return ("%s[%s]"):format(path, name) end
    return path == "" and tostring(name) or ("%s.%s"):format(path, name)
end

local fold

local function fold_list(field, list, path, faults)
    local copy = setmetatable({}, getmetatable(list))
    for i, item in ipairs(list) do copy[i] = fold(field.of, item, below(path, i), faults) end
    return copy
end

local function by_text(a, b)
    a, b = tostring(a), tostring(b)
    if a:lower() ~= b:lower() then return a:lower() < b:lower() end
    return a < b
end

local function fold_object(field, object, path, faults)
    local copy, given, names = setmetatable({}, getmetatable(object)), {}, {}
    for name in next, object do names[#names + 1] = name end
    table.sort(names, by_text)
    for _, name in ipairs(names) do
        local known = type(name) == "string" and M.name(field, name) or name
        if given[known] then
            faults[#faults + 1] = {
                path = below(path, known), message = ("given twice: as %s and %s"):format(given[known], name),
            }
        end
        given[known] = name
        local inner = field.by_name and field.by_name[known]
        copy[known] = fold(inner, object[name], below(path, known), faults)
    end
    return copy
end

function fold(field, value, path, faults)
    if type(value) ~= "table" or value == null or not field then return value end
    if field.type == "list" then return is_list(value) and fold_list(field, value, path, faults) or value end
    if field.type ~= "object" or is_list(value) and #value > 0 then return value end
    return fold_object(field, value, path, faults)
end

--- Gives the entries of a value their declared names, at any depth. The value is not changed.
---@param field neap.CompiledField
---@param value table
---@return table folded
---@return neap.Fault[]? faults names that are given twice
function M.value(field, value)
    local faults = {}
    local copy = fold(field, value, "", faults)
    return copy, faults[1] and faults or nil
end

--- Reads a member whose name differs by letter case only.
local Folded = {}

function Folded.__index(object, name)
    if type(name) ~= "string" then return nil end
    name = name:lower()
    for key, value in next, object do
        if type(key) == "string" and key:lower() == name then return value end
    end
end

local ARRAY = getmetatable(json.array {})

--- Makes the objects of an answer readable without regard to case, at any depth.
---@param value any decoded
---@return any value the same
function M.readable(value)
    if type(value) ~= "table" or value == null then return value end
    local mark = getmetatable(value)
    if mark == nil then setmetatable(value, Folded)
    elseif mark ~= ARRAY then mark.__index = Folded.__index end -- the object's own, with the order of its names
    for _, inner in next, value do
        if type(inner) == "table" then M.readable(inner) end
    end
    return value
end

return M
