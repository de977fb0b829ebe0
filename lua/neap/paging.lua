--- client:each: all records of an endpoint whose answers come in pages.

local build = require "neap.call.build"
local errors = require "neap.error"
local meter = require "neap.native.meter"
local sources = require "neap.paging.source"
local styles = require "neap.paging.style"
local suggest = require "neap.suggest"
local walks = require "neap.paging.walk"

local M = {}

---@class neap.EachOptions
---@field size? integer records per page; the most that the vendor allows by default
---@field max_pages? integer the walk ends after that many; without it one of 100,000 pages is an error
---@field max_records? integer the walk ends after that many

--- The walks of iterators that somebody still has.
---@type table<function, neap.paging.Walk>
local walks_of = setmetatable({}, { __mode = "k" })

local OPTIONS = { "size", "max_pages", "max_records" }

local function check_options(opts)
    if type(opts) ~= "table" then errors.misuse("each: options expected, got a %s", type(opts)) end
    for name, value in pairs(opts) do
        local known = false
        for _, option in ipairs(OPTIONS) do known = known or option == name end
        if not known then
            local hint = suggest.hint(tostring(name), OPTIONS)
            errors.misuse('each: no option "%s"%s', tostring(name), hint and "; " .. hint or "")
        end
        if math.type(value) ~= "integer" or value < 1 then
            errors.misuse("each: %s: an integer from 1 expected, got %s", name, tostring(value))
        end
    end
end

local function paged_names(model)
    local names = {}
    for _, name in ipairs(model.endpoint_names) do
        if model.endpoints[name].paging then names[#names + 1] = name end
    end
    return names
end

local function check_paging(model, endpoint)
    if endpoint.paging then return end
    local names = paged_names(model)
    error(errors.new {
        kind = "invalid", misuse = true, vendor = model.name, endpoint = endpoint.name, where = errors.caller(),
        message = "its answer does not come in pages",
        hint = names[1] and "paged are " .. table.concat(names, ", ") or "no endpoint of this vendor is paged",
    }, 0)
end

--- Raises what was found before any call.
local function refuse(endpoint, err)
    err.vendor, err.endpoint, err.where = endpoint.vendor, endpoint.name, err.where or errors.caller()
    error(err, 0)
end

local function refuse_size(endpoint, message)
    local name = endpoint.paging.size or "size"
    refuse(endpoint, errors.new {
        kind = "invalid", outcome = "not_sent", message = name .. ": " .. message,
        faults = { { path = name, message = message } },
    })
end

--- The size of a page: what the caller says, else the most that the vendor allows, no more than are wanted.
local function size_of(endpoint, values, opts)
    local paging = endpoint.paging
    local given = paging.size and values[paging.size]
    if given ~= nil and opts.size and given ~= opts.size then
        refuse_size(endpoint, ("given twice: %s as a parameter, %d as the option size"):format(given, opts.size))
    end
    if opts.size and not paging.size then refuse_size(endpoint, "the vendor sets the size of its pages") end
    local size = math.tointeger(given or opts.size)
    if size and paging.max and size > paging.max then
        refuse_size(endpoint, ("%d is above the most records per page, %d"):format(size, paging.max))
    end
    if size and size < 1 then refuse_size(endpoint, ("%d is below 1"):format(size)) end
    return size or paging.max and math.min(paging.max, opts.max_records or paging.max)
end

--- Opens a walk over the records of an endpoint. Everything that can be known without a call is checked at
-- once; raises an error object then as later.
---@param handle table endpoint handle of client.lua
---@param client neap.Client
---@param params? table<string, any>
---@param opts? neap.EachOptions
---@return fun(): any next_record waits; nil at the end; raises
---@return nil, nil
---@return neap.paging.Walk closing value of a `for`
function M.each(handle, client, params, opts)
    opts = opts or {}
    local endpoint = handle.endpoint
    check_options(opts)
    check_paging(client.model, endpoint)
    local values, err = build.validate(endpoint, client, params or {})
    if not values then
        meter.refused(endpoint.vendor, endpoint.name, err.kind)
        refuse(endpoint, err)
    end
    local walk = walks.new(sources.calls(handle, client), styles.new(endpoint.paging, values), {
        size = size_of(endpoint, values, opts), max_pages = opts.max_pages, max_records = opts.max_records,
        vendor = endpoint.vendor, endpoint = endpoint.name,
    })
    local next_record = walk:iterator()
    walks_of[next_record] = walk
    return next_record, nil, nil, walk
end

--- The walk behind an iterator of `each`, for who wants more of it than one record after the other; nil for any
-- other value.
---@param next_record any
---@return neap.paging.Walk|nil
function M.walk_of(next_record)
    return walks_of[next_record]
end

return M
