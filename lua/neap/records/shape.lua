--- What a script passes to neap.records as the shape of a record: a parameter of an endpoint
-- (`omni.import_audience.data`) or an endpoint itself (`opm.entry`).

local build = require "neap.call.build"

local M = {}

---@class neap.Shape
---@field schema neap.Schema of one record
---@field options neap.CheckOptions

--- Gets the schema of a record; nil without a shape. Raises for anything else.
---@param from table|nil
---@return neap.Shape|nil
function M.of(from)
    if from == nil then return nil end
    local endpoint = type(from) == "table" and rawget(from, "endpoint")
    local field = endpoint and rawget(from, "field")
    local schema = endpoint and endpoint.params
    if field then schema = endpoint.params:shape(field.name) end
    if not schema then
        error("neap.records: the second argument is an endpoint or one of its object parameters, "
            .. "such as v.import_audience.data", 0)
    end
    return { schema = schema, options = build.check_options(rawget(from, "client")) }
end

return M
