--- Files that are written at the end of long work: whether they can be, asked before it begins.

local errors = require "neap.error"
local file = require "neap.native.file"

local M = {}

--- Makes a directory for files, with those above it; one that is there is fine. -> true | nil, err (kind
-- `invalid`)
---@async
---@param path string
---@return boolean|nil
---@return neap.Error? err
function M.make_dir(path)
    local made, err = file.make_dir(path)
    if made then return true end
    return nil, errors.new { kind = "invalid", message = err.message, usage = true }
end

--- Could a file be put there? Leaves none behind. -> true | nil, err (kind `invalid`)
---@async
---@param path string "-" is stdout
---@return boolean|nil
---@return neap.Error? err
function M.check(path)
    if path == "-" then return true end
    local out, err = file.atomic(path)
    if not out then
        return nil, errors.new { kind = "invalid", message = err.message, usage = true }
    end
    out:abort()
    return true
end

return M
