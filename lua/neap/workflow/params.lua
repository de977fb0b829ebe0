--- A paged endpoint that the command line of a workflow names, with its parameters as texts, "name=value",
-- like those of `neap call`.

local build = require "neap.call.build"
local errors = require "neap.error"
local record = require "neap.vendor.record"
local schema = require "neap.schema"
local suggest = require "neap.suggest"

local M = {}

---@class neap.Listing
---@field name string of the endpoint, as declared
---@field params table<string, any> for the call
---@field wire table<string, any> the same as they will be sent
---@field columns? string[] the members of a record; nil where the definition does not list them

local function columns_of(endpoint)
    local object = record.of(endpoint)
    return object and object.names and { table.unpack(object.names) } or nil
end

local function refuse(endpoint, faults)
    local only = #faults == 1 and faults[1].hint and faults[1]
    local shown = only and { { path = only.path, message = only.message } } or faults
    error(errors.new {
        kind = "invalid", vendor = endpoint.vendor, endpoint = endpoint.name, outcome = "not_sent",
        faults = faults, message = schema.format_faults(shown), hint = only and only.hint or nil,
    }, 0)
end

--- Converts the texts that can be. -> values, faults of the others
local function convert(endpoint, words, options)
    local values, faults = {}, {}
    for _, word in ipairs(words) do
        local name, text = word:match "^([^=]+)=(.*)$"
        if name then
            local _, fault = endpoint.params:assign(values, name, text, options)
            faults[#faults + 1] = fault
        else
            faults[#faults + 1] = { path = word, message = "name=value expected" }
        end
    end
    return values, faults
end

--- The paged endpoint that an option names. Raises for the command line where there is none.
local function find(client, name)
    local model = client.model
    local endpoint = model.endpoints[name] or model.folded and model.endpoints[model.folded[name:lower()]]
    local message, hint
    if not endpoint then
        message, hint = ("%s has no endpoint %q"):format(model.name, name), suggest.hint(name, model.endpoint_names)
    elseif not endpoint.paging then
        message = ("%s.%s does not answer in pages"):format(model.name, endpoint.name)
        hint = not endpoint.path_unknown and endpoint.write == "read"
            and ("neap call %s %s prints its answer"):format(model.name, endpoint.name)
    else
        return endpoint
    end
    error(errors.new { kind = "invalid", usage = true, message = message, hint = hint or nil }, 0)
end

--- Finds a paged endpoint and reads its parameters: converts them by the declared types, and checks all that
-- can be checked without a call. A list takes one element, or several in its joined form, per repetition.
-- Raises every fault of the parameters in one error.
---@param client neap.Client
---@param name string
---@param words string[] "name=value"
---@return neap.Listing
function M.read(client, name, words)
    local endpoint, options = find(client, name), build.check_options(client)
    local values, faults = convert(endpoint, words, options)
    if faults[1] then
        local with_prior = { prior = faults }
        for option, value in pairs(options) do with_prior[option] = value end
        local _, all = endpoint.params:check(values, with_prior)
        refuse(endpoint, all)
    end
    local wire, err = build.validate(endpoint, client, values)
    if not wire then refuse(endpoint, err.faults) end
    return { name = endpoint.name, params = values, wire = wire, columns = columns_of(endpoint) }
end

return M
