--- neap.import: the workflow that sends a file to one endpoint, a call per record. Its options follow from
-- the endpoint's parameters, so an import recipe says only where the records go.

local errors = require "neap.error"
local schema = require "neap.schema"
local suggest = require "neap.suggest"
local target = require "neap.workflow.target"
local workflow = require "neap.workflow"

local M = {}

local WHO = "neap.import"
local FIELDS = { "into", "summary", "description", "example" }

--- Where records go: the endpoint, and the parameter that takes one; without it a record is all parameters.
local function find(into)
    local model, endpoint, field = target.find(WHO, into)
    if field and endpoint.params.by_name[field] and not endpoint.params:shape(field) then
        target.refuse(WHO, ("%s.%s.%s holds no fields"):format(model.name, endpoint.name, field))
    elseif field and not endpoint.params:shape(field) then
        target.refuse(WHO, ("%s.%s has no parameter %q that holds fields"):format(model.name, endpoint.name, field),
            suggest.hint(field, endpoint.params:names()))
    end
    return model, endpoint, field
end

--- Calls that take a list anyway travel together unless told otherwise.
local function batch_arg(batch)
    local doc = batch.is_own and "one record per call; else up to %d, and what is refused so is sent again one by one"
        or "up to %d records in one call; what is refused so is sent again record by record"
    return { "batch", type = "boolean", default = batch.is_own or nil, doc = doc:format(batch.max) }
end

local function args_of(endpoint, options)
    local args = {
        { "file", type = "path", required = true,
            doc = "CSV with a header row, NDJSON, or a dead-letter file; - is stdin" },
    }
    table.move(options, 1, #options, 2, args)
    args[#args + 1] = { "keep_empty", type = "boolean",
        doc = "send empty cells as \"\" instead of leaving the field out" }
    if endpoint.batch then args[#args + 1] = batch_arg(endpoint.batch) end
    args[#args + 1] = { "concurrency", type = "integer", min = 1, max = 10000, default = 64,
        doc = endpoint.batch and "records, or batches, under way at once" or "records under way at once" }
    args[#args + 1] = { "dead_letters", type = "path", doc = "default FILE.dead.ndjson" }
    return args
end

local function description_of(endpoint, field)
    local shape = field and endpoint.params:shape(field)
    local columns = field and ("Columns are fields of `%s`"):format(field) or "Columns are parameters of the call"
    local open = shape and shape.root.open and "; others are custom fields" or ""
    return ("%s (neap describe %s.%s)%s."):format(columns, endpoint.vendor, endpoint.name, open)
end

--- Why an option cannot go with --batch; nil when it can.
local function batch_fault(endpoint, name, value)
    local param = endpoint.params.by_name[name]
    if not param then return ("%s has no %s"):format(endpoint.name, name) end
    local sent, message = param.check(value, {})
    if sent ~= nil then return nil end
    return type(message) == "table" and schema.format_faults(message) or message
end

--- Raises for options that a batch does not carry, before anything is read.
local function check_batch(endpoint, values)
    local names = {}
    for name in pairs(values) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
        local fault = batch_fault(endpoint.batch.endpoint, name, values[name])
        if fault then
            error(errors.new {
                kind = "invalid", usage = true,
                message = ("--%s does not go with --batch: %s"):format(name:gsub("_", "-"), fault),
            }, 0)
        end
    end
end

--- Makes what names the faults of a record by its fields, not by where the call has it.
local function field_namer(field)
    local prefix = field .. "[1]"
    return function(path)
        if path:sub(1, #prefix) ~= prefix then return nil end
        return (path:sub(#prefix + 1):gsub("^%.", ""))
    end
end

local function is_list(endpoint, field)
    return field and endpoint.params.by_name[field].type == "list"
end

--- Makes the function that calls the endpoint with a record; a parameter that is a list gets one of it. The call is the
-- last that the function does, so that it waits without a coroutine.
local function sender(client, endpoint, field, options)
    local call, wraps = client[endpoint.name], is_list(endpoint, field)
    if not field then return function(record) return call(client, record) end end
    return function(record)
        local params = { [field] = wraps and { record } or record }
        for name, value in pairs(options) do params[name] = value end
        return call(client, params)
    end
end

--- Describes an import; a script returns the result.
---@param spec { into: string, summary?: string, description?: string, example?: string } into:
-- "vendor.endpoint.parameter", or "vendor.endpoint" where a record is all parameters
---@return table workflow
function M.define(spec)
    target.check_fields(WHO, spec, FIELDS)
    local model, endpoint, field = find(spec.into)
    local options = field and target.options(endpoint, field) or {}
    return workflow.define {
        summary = spec.summary or endpoint.summary,
        description = spec.description or description_of(endpoint, field),
        example = spec.example, vendors = { model.name }, args = args_of(endpoint, options),
        run = function(ctx, args)
            local values = target.values(options, args)
            if rawget(args, "batch") then check_batch(endpoint, values) end
            local client = ctx:vendor(model.name)
            local call = client[endpoint.name]
            local records = require("neap.records").open(args.file, field and call[field] or call,
                { keep_empty = args.keep_empty })
            if is_list(endpoint, field) then records.name_of = field_namer(field) end
            return ctx:deliver(records, sender(client, endpoint, field, values))
        end,
    }
end

return M
