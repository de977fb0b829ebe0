--- Endpoints by the names that people type.

local report = require "neap.cli.report"
local suggest = require "neap.suggest"

local M = {}

--- The name as the definition spells it; without regard to case where that is unambiguous.
local function spelled(model, name)
    if model.endpoints[name] then return name end
    local found
    for _, known in ipairs(model.endpoint_names) do
        if known:lower() == name:lower() then
            if found then return nil end
            found = known
        end
    end
    return found
end

--- Finds an endpoint. Raises (exit code 2) with the nearest name when there is none.
---@param model neap.Model
---@param name string
---@return neap.Endpoint
function M.find(model, name)
    local known = spelled(model, name)
    if known then return model.endpoints[known] end
    return report.refuse(("%s has no endpoint %q"):format(model.name, name),
        suggest.hint(name, model.endpoint_names) or
        ("`neap describe %s` shows what there is"):format(model.name))
end

return M
