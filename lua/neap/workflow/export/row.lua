--- The parameters of a call that is made for a row, and of those that all rows share.

local errors = require "neap.error"
local rules = require "neap.call.rules"
local schema = require "neap.schema"

local M = {}

--- The parameters that name a row's record: by an id, by other identities, or both. A cell is one value.
---@param row table<string, any>
---@param id string column and parameter of the id
---@param others string parameter that holds all other columns: name to list of values
---@return table<string, any>
function M.params(row, id, others)
    local params = { [id] = row[id] }
    for name, value in pairs(row) do
        if name ~= id then
            params[others] = params[others] or {}
            params[others][name] = type(value) == "table" and value or { value }
        end
    end
    return params
end

local PRESENCE = { "any_of", "one_of", "with", "both_or_none" }

local function is_about_presence(rule)
    for _, kind in ipairs(PRESENCE) do
        if rule[kind] then return true end
    end
    return false
end

--- Checks what an endpoint's rules say of parameters that all rows share, before any row is read: the order
-- of two dates, say. Raises all faults as one error of the command line.
---@param handle table client.endpoint
---@param params table<string, any>
function M.check_shared(handle, params)
    local faults = {}
    for _, rule in ipairs(handle.endpoint.rules) do
        if not is_about_presence(rule) and not faults[1] then rules.check({ rule }, params, faults) end
    end
    if not faults[1] then return end
    for _, fault in ipairs(faults) do fault.path = "--" .. fault.path:gsub("_", "-") end
    error(errors.new { kind = "invalid", usage = true, message = schema.format_faults(faults) }, 0)
end

return M
