--- Single files beside the records: a value as JSON, such as a list of what was saved.

local file = require "neap.native.file"
local json = require "neap.native.json"
local runtime = require "neap.runtime"

local M = {}

local INDENTED = { sorted = true, indent = 2 }

--- Saves one value as JSON, whole or not at all; nothing in a dry run. Raises what goes wrong.
---@async
---@param path string
---@param value any
---@return string|nil path nil in a dry run
function M.write(path, value)
    local text = assert(json.encode(value, INDENTED))
    if runtime.options.dry_run then return nil end
    local out <close> = assert(file.atomic(path))
    assert(out:write(text, "\n"))
    assert(out:commit())
    return path
end

--- Reads what `write` saved.
---@async
---@param path string
---@return any value nil where there is no such file, or no JSON in it
function M.read(path)
    local text = file.read_all(path)
    return text and json.decode(text) or nil
end

--- Removes a file where there is one; not in a dry run. Raises what goes wrong.
---@async
---@param path string
function M.remove(path)
    if not runtime.options.dry_run and file.exists(path) then assert(file.remove(path)) end
end

return M
