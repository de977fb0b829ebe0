--- Downloads: the body of a URL into a file, piece by piece, so that its size does not matter; the file
-- appears whole or not at all. No credential is sent.

local errors = require "neap.error"
local file = require "neap.native.file"
local http = require "neap.http"

local M = {}

local function copy(res, out)
    local total = 0
    while true do
        local chunk, err = res:read()
        if err then return nil, err end
        if not chunk then return total end
        local ok, failed = out:write(chunk)
        if not ok then return nil, failed end
        total = total + #chunk
    end
end

local function to_stdout(res)
    local out = file.stdout()
    local total, err = copy(res, out)
    if total then out:flush() end
    return total, err
end

local function to_file(res, path)
    local out, err = file.atomic(path)
    if not out then return nil, err end
    local total
    total, err = copy(res, out)
    if not total then
        out:abort()
        return nil, err
    end
    local ok
    ok, err = out:commit()
    if not ok then return nil, err end
    return total
end

--- Asks for what a URL serves. -> response, to be closed | nil, err (kind `rejected` for any status but 200)
---@async
---@param url string
---@return userdata|nil
---@return neap.Error? err
function M.open(url)
    local res, err = http.open(url)
    if not res then return nil, err end
    local status = res:status()
    if status == 200 then return res end
    res:close()
    return nil, errors.new { kind = "rejected", status = status, message = "the download was refused" }
end

--- Saves what a URL serves. -> bytes | nil, err
---@async
---@param url string
---@param path string "-" is stdout
---@return integer|nil
---@return neap.Error? err
function M.save(url, path)
    local res <close>, err = M.open(url)
    if not res then return nil, err end
    if path == "-" then return to_stdout(res) end
    return to_file(res, path)
end

return M
