--- A map in a file of its own: a Lua file that returns the table. It runs as text in the environment of
-- definitions, without I/O.

local environment = require "neap.vendor.environment"
local errors = require "neap.error"
local grammar = require "neap.vendor.grammar"
local null = require "neap.null"

local M = {}

---@class neap.MapFile
---@field path string
---@field text string
---@field spec any what it returned

local function refuse(message)
    error(errors.new { kind = "invalid", message = "map: " .. message }, 0)
end

local function read(path)
    local handle, message = io.open(path, "r")
    if not handle then refuse(message) end
    local text, why = handle:read "a"
    handle:close()
    if not text then refuse(("%s: %s"):format(path, why)) end
    return (text:gsub("^\xEF\xBB\xBF", "")) -- a byte order mark, which some editors put there
end

--- Reads a map file. Raises (kind `invalid`) where it cannot be read or does not return.
---@param path string
---@return neap.MapFile
function M.read(path)
    local text = read(path)
    local chunk, message = load(text, "@" .. path, "t", environment.new("a map", { null = null }))
    if not chunk then refuse(grammar.printable(message)) end
    local ok, spec = pcall(chunk)
    if not ok then refuse(grammar.printable(tostring(spec))) end
    if spec == nil then refuse(("%s: a map ends in `return { ... }`"):format(path)) end
    return { path = path, text = text, spec = spec }
end

local function line_at(text, at)
    return select(2, text:sub(1, at - 1):gsub("\n", "\n")) + 1
end

--- Where a name stands first as `{ "name"`, as `name =`, or at all.
local function find(text, name, from)
    local quoted = name:gsub("%p", "%%%0")
    return text:find("{%s*[\"']" .. quoted .. "[\"']", from) or text:find("%f[%w_]" .. quoted .. "[\"%]%s]*=[^=]", from)
        or text:find(quoted, from)
end

--- Gets the line of an entry, or of a field of the map. A table does not know its lines: the names of the entries
-- are searched in the text, one behind the other.
---@param file neap.MapFile
---@param index integer|nil of the entry
---@param key string|nil of a field
---@return integer|nil
function M.line(file, index, key)
    local at = 1
    for i = 1, index or 0 do
        local spec = rawget(file.spec, i)
        local name = type(spec) == "table" and rawget(spec, 1) or spec
        local found = type(name) == "string" and find(file.text, name, at)
        if i == index then return found and line_at(file.text, found) or nil end
        if found then at = found + 1 end
    end
    local found = key and find(file.text, key, 1)
    return found and line_at(file.text, found) or nil
end

return M
