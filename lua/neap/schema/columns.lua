--- The columns of a CSV file against the fields of a record.

local names = require "neap.schema.names"
local text = require "neap.schema.text"

local columns = {}

---@class neap.Column
---@field name string as in the header: "shipping_address.city"
---@field keys string[] the way to the value within a record
---@field field neap.CompiledField for a custom column: a field of type string
---@field custom boolean? the column is not declared
---@field convert neap.Converter a cell to its value, or nil and a message

--- Notes every column and the objects above it; faults where both have a column.
local function note_conflicts(plan, faults)
    local whole, above = {}, {}
    for _, column in ipairs(plan) do whole[table.concat(column.keys, ".")] = true end
    for _, column in ipairs(plan) do
        for i = 1, #column.keys - 1 do
            local path = table.concat(column.keys, ".", 1, i)
            above[path] = true
            if whole[path] then
                faults[#faults + 1] = {
                    path = column.name, message = ("there is a column %s, too"):format(path),
                }
            end
        end
    end
    return whole, above
end

--- Notes required fields without a column; those of a nested object count when it has any column.
local function note_missing(object, prefix, whole, above, faults)
    for _, field in ipairs(object.fields or {}) do
        local path = prefix .. field.name
        local nested = names.object_of(field)
        if above[path] and nested then
            note_missing(nested, path .. ".", whole, above, faults)
        elseif field.required and field.default == nil and not whole[path] then
            faults[#faults + 1] = { path = path, message = "required, and there is no such column" }
        end
    end
end

--- Plans the reading of a file: each column with its place and its converter.
---@param root neap.CompiledField an object
---@param header string[]
---@param opts neap.CheckOptions
---@return neap.Column[]? plan
---@return neap.Fault[]? faults
function columns.plan(root, header, opts)
    local plan, faults = {}, {}
    for _, name in ipairs(header) do
        local resolved, message, hint = names.resolve(root, name, opts)
        if resolved then
            plan[#plan + 1] = {
                name = name, keys = resolved.keys, field = resolved.field,
                custom = resolved.custom, convert = text.reader(resolved.field, "cell"),
            }
        else
            faults[#faults + 1] = { path = name, message = message, hint = hint }
        end
    end
    local whole, above = note_conflicts(plan, faults)
    note_missing(root, "", whole, above, faults)
    if faults[1] then return nil, faults end
    return plan
end

return columns
