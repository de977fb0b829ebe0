--- Files that are written at the end of long work: whether they can be, asked before it begins.

local errors = require "neap.error"
local file = require "neap.native.file"

local M = {}

--- Makes a directory for files, with those above it; one that is there is fine. -> its absolute path | nil, err
-- (kind `invalid`)
---@async
---@param path string
---@return string|nil
---@return neap.Error? err
function M.make_dir(path)
    local made, err = file.make_dir(path)
    if made then return made end
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

--- Has a file the line already? It may be long, so it is read in pieces. Without a line it is read to its end.
--- -> boolean, ends in the middle of a line | nil, err
local function find_line(path, line)
    local from, err = file.open(path)
    if not from then
        if err.code == "ENOENT" then return false, false end
        return nil, err
    end
    local wanted, window, found = "\n" .. (line or ""), "\n", false
    while not found do
        local piece, failed = from:read()
        if failed then return nil, failed end
        if not piece then break end
        window = window .. piece
        found = line ~= nil and window:find(wanted, 1, true) ~= nil
        window = window:sub(-#wanted)
    end
    from:close()
    return found, window:sub(-1) ~= "\n"
end

--- Files, by their paths, of which a write has failed: a part of the line may be there.
local torn = {}

--- Appends a line to a file that others append to as well: in one write, and on the disk when this returns.
---@async
---@param path string
---@param text string without a newline
---@param opts? { once?: boolean } once: unless the file has the line already; for a second try
---@return boolean|nil appended false: it was there
---@return neap.Error? err
function M.append(path, text, opts)
    local line, is_torn = text .. "\n", false
    local once = opts and opts.once
    if once or torn[path] then
        local found, more = find_line(path, once and line or nil)
        if found == nil then return nil, more end
        if found then return false end
        is_torn = more
    end
    local out, err = file.open(path, "a")
    if not out then return nil, err end
    local ok
    ok, err = out:write(is_torn and "\n" .. line or line)
    if ok then ok, err = out:sync() end
    out:close()
    torn[path] = not ok or nil
    if not ok then return nil, err end
    return true
end

return M
