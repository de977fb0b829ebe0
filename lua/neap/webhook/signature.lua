--- Comparing signatures.

local hmac = require "neap.native.hmac"

local M = {}

--- Does a secret make one of the signatures of the texts? All are tried, whatever the others gave, each in a time
--- that tells nothing.
---@param hook table
---@param algorithm string
---@param signatures string[] their bytes
---@return boolean|nil
---@return neap.Error? err
function M.is_made(hook, algorithm, signatures, ...)
    local made = false
    for _, secret in ipairs(hook.secrets) do
        local expected, err = hook.scheme.sign(secret, algorithm, ...)
        if not expected then return nil, err end
        for _, signature in ipairs(signatures) do made = hmac.equal(expected, signature) or made end
    end
    return made
end

return M
