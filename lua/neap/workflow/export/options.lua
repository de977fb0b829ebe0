--- What scripts hand to neap.export: its options, and lists of records.

local errors = require "neap.error"
local mapping = require "neap.mapping"
local suggest = require "neap.suggest"
local values = require "neap.schema.value"

local M = {}

--- Raises misuse, with the script's line.
---@param fmt string
function M.refuse(fmt, ...)
    error(errors.new { kind = "invalid", misuse = true, where = errors.caller(), message = fmt:format(...) }, 0)
end

local NAMES = { "out", "columns", "map" }

local function check_map(who, opts)
    if not mapping.is(opts.map) then
        M.refuse("%s: map: a neap.mapping expected, got %s", who, values.said(opts.map))
    end
    if opts.columns then M.refuse("%s: map and columns: a map has the columns", who) end
end

--- Refuses options that there are not.
---@param who string "neap.export.write"
---@param opts any
function M.check(who, opts)
    if type(opts) ~= "table" then M.refuse("%s: options expected, got a %s", who, type(opts)) end
    for name in pairs(opts) do
        if name ~= "out" and name ~= "columns" and name ~= "map" then
            local hint = suggest.hint(tostring(name), NAMES)
            M.refuse("%s: no option %q%s", who, tostring(name), hint and "; " .. hint or "")
        end
    end
    if type(opts.out) ~= "string" then M.refuse("%s: out is missing: a path, or -", who) end
    if opts.columns ~= nil and type(opts.columns) ~= "table" then M.refuse("%s: columns: a list expected", who) end
    if opts.map ~= nil then check_map(who, opts) end
end

--- Refuses what is no list, lest one object count as a list of none; one with holes would lose records.
---@param what string whose value it is: "neap.export.deliver: fn"
---@param list any
---@param expected string "a list of records"
function M.check_list(what, list, expected)
    if type(list) ~= "table" then M.refuse("%s: %s expected, got %s", what, expected, values.said(list)) end
    local count = 0
    for _ in pairs(list) do count = count + 1 end
    for _ in ipairs(list) do count = count - 1 end
    if count == 0 then return end
    M.refuse("%s: %s expected, got %s", what, expected, values.is_list(list) and "a list with holes" or "an object")
end

return M
