--- Names of header fields in definitions.

local grammar = require "neap.vendor.grammar"

local M = {}

--- Fields that say how a message travels: the transport writes them.
local OWNED = {}
for name in ([[connection content-length expect host keep-alive proxy-connection te trailer transfer-encoding
    upgrade]]):gmatch "%S+" do
    OWNED[name] = true
end

--- Checks that a text is a field name (RFC 9110, 5.1: a token) that a definition may use. Raises what
-- grammar.refuse raises.
---@param c table
---@param path (string|number)[]
---@param name string
function M.check(c, path, name)
    if not name:find "^[%w!#$%%&'*+.^_`|~-]+$" then
        grammar.refuse(c, path, ("%q is no name of a header"):format(name))
    end
    if OWNED[name:lower()] then
        grammar.refuse(c, path, ("the header %s belongs to the transport"):format(name))
    end
end

return M
