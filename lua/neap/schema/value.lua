--- Values as faults name them, and the faults themselves.

local json = require "neap.native.json"
local null = require "neap.null"
local quote = require "neap.lang.quote"

local value = {}

---@class neap.Fault
---@field path string dotted name, elements as [n]: "data.fcm_tokens[2].token"
---@field message string what is wrong, without the path
---@field hint string? `did you mean "email"?`

local array = getmetatable(json.array({}))

value.quote = quote

--- Marks a table as a JSON array.
---@param list table
---@return table list
function value.array(list)
    return setmetatable(list, array)
end

--- Is a table a list? One that is marked, or that has a first element; an unmarked empty table is
--- an object.
---@param tbl table
---@return boolean
function value.is_list(tbl)
    return tbl[1] ~= nil or getmetatable(tbl) == array
end

--- Gets a value in the words of "got ...": `a number (5)`, `null`, `a list`.
---@param got any
---@return string
function value.said(got)
    if got == null then return "null" end
    local kind = type(got)
    if kind == "string" then return ("a string (%s)"):format(quote(got)) end
    if kind == "number" or kind == "boolean" then return ("a %s (%s)"):format(kind, got) end
    if kind == "table" then return value.is_list(got) and "a list" or "an object" end
    return kind == "nil" and "nothing" or "a " .. kind
end

--- Gets the message for a value of the wrong kind.
---@param expected string "a string"
---@param got any
---@return string
function value.unexpected(expected, got)
    return ("expected %s, got %s"):format(expected, value.said(got))
end

local deepest = 200

local function step(path, key)
    local part = type(key) == "string" and key or ("[%s]"):format(key)
    if path == "" then return part end
    return part:sub(1, 1) == "[" and path .. part or path .. "." .. part
end

--- Puts the name of a field or element before the path of a fault within it.
---@param name string|integer
---@param path string
---@return string
function value.join(name, path)
    local head = type(name) == "string" and name or ("[%d]"):format(name)
    if path == "" then return head end
    return path:sub(1, 1) == "[" and head .. path or head .. "." .. path
end

local function table_fault(tbl, path, depth)
    if depth > deepest then return path, "nested too deeply, or within itself" end
    local is_list, count = value.is_list(tbl), 0
    for key, inner in pairs(tbl) do
        count = count + 1
        if is_list and math.type(key) ~= "integer" or not is_list and type(key) ~= "string" then
            return path, "mixes the keys of a list and of an object"
        end
        local where, message = value.json_fault(inner, step(path, key), depth + 1)
        if where then return where, message end
    end
    if is_list and count ~= #tbl then return path, "a list with holes" end
end

--- Gets the first thing within a value that JSON cannot hold.
---@param got any
---@param path string?
---@param depth integer?
---@return string? path
---@return string? message
function value.json_fault(got, path, depth)
    local kind = type(got)
    path = path or ""
    if kind == "table" then return table_fault(got, path, depth or 1) end
    if kind == "string" then
        if not utf8.len(got) then return path, quote(got) .. " is not UTF-8" end
    elseif kind == "number" then
        if got ~= got or got == math.huge or got == -math.huge then
            return path, ("%s is not a finite number"):format(got)
        end
    elseif kind ~= "boolean" and got ~= null then
        return path, value.unexpected("a value that JSON can hold", got)
    end
end

--- Gets one fault as a line without its end: `data.emial: unknown name, did you mean "email"?`.
---@param fault neap.Fault
---@return string
function value.fault_text(fault)
    local text = fault.path == "" and fault.message or fault.path .. ": " .. fault.message
    return fault.hint and text .. ", " .. fault.hint or text
end

return value
