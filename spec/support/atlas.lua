--- What specs of maps share: the vendors of spec/support/atlas, and how a map is refused.

local helper = require "spec.support.helper"
local neap = require "neap"

local errors = require "neap.error"
local runtime = require "neap.runtime"

local atlas = { FROM = "atlas.list_people", TO = "atlas.put_person.data" }

--- Lets the vendors be found.
---@param settings? table of runtime.configure
function atlas.open(settings)
    runtime.configure { script_dir = helper.root .. "/spec/support/atlas", settings = settings }
end

function atlas.close()
    runtime.configure {}
end

--- What a map is refused for.
---@return string message without its beginning
---@return neap.Error err
function atlas.refusal(spec, sides)
    local ok, err = pcall(neap.mapping, spec, sides)
    assert(not ok, "the map is taken")
    assert(errors.is(err) and err.kind == "invalid", tostring(err))
    return assert(err.message:match "^map: (.*)$"), err
end

--- The line of a record that is JSON.
---@param mapping neap.Mapping
---@param text string
---@param format? "ndjson"|"csv"
---@return string|nil line
---@return neap.Error? err
function atlas.line(mapping, text, format)
    return mapping:line(assert(neap.json.decode(text, { ordered = true })), format or "ndjson")
end

return atlas
