--- The records that an endpoint gives: their type, where the definition says it.

local names = require "neap.schema.names"

local M = {}

--- Follows a dotted name into objects, and into the elements of lists.
---@param field neap.CompiledField
---@param way string
---@param options neap.CheckOptions for the names
---@return neap.CompiledField|nil field nil where there is none that is declared
function M.enter(field, way, options)
    for part in way:gmatch "[^.]+" do
        local object = names.object_of(field, true)
        local resolved = object and names.resolve(object, part, options)
        if not resolved or resolved.custom then return nil end
        field = resolved.field
    end
    return field
end

--- Gets the object that the records of an endpoint are: what it returns, or the elements of its list; where it answers
-- in pages with records within them, those.
---@param endpoint neap.Endpoint
---@return neap.CompiledField|nil object nil where the definition does not say it
function M.of(endpoint)
    local returns = endpoint.returns
    if type(returns) ~= "table" then return nil end
    local way = endpoint.paging and endpoint.paging.records
    local field = way and M.enter(returns, table.concat(way, "."), {}) or not way and returns
    return field and names.object_of(field, true) or nil
end

return M
