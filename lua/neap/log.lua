--- neap.log: lines on stderr, as text or JSON; every known secret is masked before a line leaves.

local native = require "neap.native.log"

local M = {}

--- Writes a line of that level: neap.log.info("imported", { rows = 10 }).
for _, level in ipairs { "error", "warn", "info", "debug", "trace" } do
    ---@param message string
    ---@param fields? table<string, any>
    M[level] = function(message, fields)
        if native.enabled(level) then native.write(level, tostring(message), fields) end
    end
end

--- Would a line of that level be written?
M.enabled = native.enabled

return M
