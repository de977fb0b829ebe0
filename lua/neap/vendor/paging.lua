--- `paging` of an endpoint: how its answer goes on. One constructor for each style, and their check.
--
-- For vendor.lua:          environment().paging = grammar.constructors("paging", paging.constructors)
-- For vendor/endpoint.lua: endpoint.paging = paging.compile(c, endpoint, def.paging), once params, places and
--                          write are known; nil for an endpoint without.
--
-- All names of parameters are those on the wire. `records`, `next` and `more` are members of the whole body,
-- dotted; without `records` the payload is the list.

local grammar = require "neap.vendor.grammar"
local lang = require "neap.lang"

local M = {}

---@class neap.Paging
---@field style "skip"|"cursor"|"page"|"link"|"next_url"
---@field position? string parameter that says where a page begins: skip, cursor or page
---@field size? string parameter with the number of records per page
---@field max? integer most records per page; nil: the vendor names none
---@field default? integer records of a page that was asked for without a size
---@field first? integer number of the first page
---@field records? string[] way to the list in the body
---@field next? string[] way to the cursor, URL or flag
---@field more? string[] way to the flag that says whether there is more
---@field send table<string, any> parameters sent where the caller gives none, for the order of the records
---@field check_position? neap.Check of the cursor
---@field doc string for people

--- The fields of a spec, for grammar.check: those of every style, and each style's own.
local COMMON = { max = "number", default = "number", records = "string", send = "table", style = "!string" }

local function fields(own)
    local all = {}
    for name, rule in pairs(COMMON) do all[name] = rule end
    for name, rule in pairs(own) do all[name] = rule end
    return all
end

local STYLES = {
    skip = fields { skip = "!string", top = "!string", max = "!number" },
    cursor = fields { cursor = "!string", size = "string", next = "!string", more = "string" },
    page = fields { page = "!string", first = "number", size = "string", next = "!string" },
    link = fields { size = "string" },
    next_url = fields { size = "string", next = "!string" },
}

--- The parameters that the walk itself sets, under the names of neap.Paging.
local POSITION = { skip = "skip", cursor = "cursor", page = "page" }
local SIZE = { skip = "top", cursor = "size", page = "size", link = "size", next_url = "size" }

--- Constructors for definitions: paging.skip, cursor, page, link and next_url.
M.constructors = {}

for style, rules in pairs(STYLES) do
    local allowed = {}
    for name in pairs(rules) do
        if name ~= "style" then allowed[#allowed + 1] = name end
    end
    table.sort(allowed)
    M.constructors[style] = function(t)
        grammar.check_constructor("paging." .. style, t, allowed)
        local spec = { style = style }
        for name, value in pairs(t) do spec[name] = value end
        return spec
    end
end

local function field_of(endpoint, wire)
    for _, field in ipairs(endpoint.params.fields) do
        if (field.wire or field.name) == wire then return field end
    end
end

--- The field of a parameter; raises for a name that is none.
local function check_param(c, path, endpoint, name)
    local field = field_of(endpoint, name)
    if not field then grammar.refuse_name(c, path, name, endpoint.places, "parameter") end
    return field
end

--- A parameter that the walk sets: what a caller gives must be told from what a definition gives.
local function check_own(c, path, endpoint, name, is_number)
    local field = check_param(c, path, endpoint, name)
    if field.default ~= nil then
        grammar.refuse(c, path, ("%s has a default; the paging says what is sent"):format(name))
    end
    if is_number and field.type ~= "integer" then grammar.refuse(c, path, name .. " is no integer") end
    return field
end

local function check_integer(c, path, spec, name, least)
    local value = spec[name]
    if value ~= nil and (math.type(value) ~= "integer" or value < least) then
        grammar.refuse(c, path, ("%s: an integer from %d expected"):format(name, least))
    end
end

local function check_numbers(c, path, spec)
    check_integer(c, path, spec, "max", 1)
    check_integer(c, path, spec, "default", 1)
    check_integer(c, path, spec, "first", 0)
    if spec.max and spec.default and spec.default > spec.max then
        grammar.refuse(c, path, ("default: %d is above max, %d"):format(spec.default, spec.max))
    end
end

--- Splits a dotted way into the body.
local function way(c, path, spec, name)
    local text = spec[name]
    if text == nil then return nil end
    local keys = lang.split(text, ".")
    for _, key in ipairs(keys) do
        if key == "" then grammar.refuse(c, path, ("%s: %q has an empty part"):format(name, text)) end
    end
    if not keys[1] then grammar.refuse(c, path, name .. ": a member of the body expected") end
    return keys
end

local function check_send(c, path, endpoint, send)
    local names = {}
    for name in pairs(send) do names[#names + 1] = tostring(name) end
    table.sort(names)
    for _, name in ipairs(names) do
        local field = check_param(c, path, endpoint, name)
        local wire, said = field.check(send[name], {})
        if wire == nil then
            local message = type(said) == "table" and said[1].message or said
            grammar.refuse(c, path, ("send.%s: %s"):format(name, message))
        end
    end
end

--- The most records per page: the parameter's own bound, if it has one.
local function max_of(c, path, spec, field)
    local bound = field and field.max
    if bound and spec.max and bound ~= spec.max then
        grammar.refuse(c, path, ("max: %d, but the parameter allows %d"):format(spec.max, bound))
    end
    return spec.max or bound
end

local NAMED = {
    skip = "by %s and %s", cursor = "by cursor (parameter %s)", page = "by page number (parameter %s)",
    link = "by Link headers", next_url = "by the URL of the next page",
}

local function doc_of(paging)
    local parts = { (NAMED[paging.style]:format(paging.position, paging.size)) }
    local size = paging.style ~= "skip" and paging.size
    if paging.max then
        parts[#parts + 1] = ("at most %d records a page"):format(paging.max) .. (size and (" (%s)"):format(size) or "")
    elseif size then
        parts[#parts + 1] = "size in " .. size
    end
    if paging.default then parts[#parts + 1] = ("%d unless asked"):format(paging.default) end
    return table.concat(parts, ", ")
end

--- Only reads are walked through: a page may be asked for again. A URL leads to a GET.
local function check_endpoint(c, path, endpoint, spec)
    if endpoint.write ~= "read" then
        grammar.refuse(c, path, "only an endpoint that reads has pages: write = \"read\" is missing")
    end
    if (spec.style == "link" or spec.style == "next_url") and endpoint.method ~= "GET" then
        grammar.refuse(c, path, "the URL of a next page is asked for with GET")
    end
end

--- Checks and compiles the paging of an endpoint. Raises what grammar.refuse raises.
---@param c table the definition under compilation
---@param endpoint neap.Endpoint with params, places, open, method, write
---@param spec table|nil what a constructor gave
---@return neap.Paging|nil
function M.compile(c, endpoint, spec)
    if spec == nil then return nil end
    local path = { "endpoints", endpoint.name, "paging" }
    local rules = type(spec) == "table" and STYLES[spec.style]
    if not rules then
        grammar.refuse(c, path, "one of paging.skip, cursor, page, link, next_url expected")
    end
    grammar.check(c, spec, rules, path)
    check_endpoint(c, path, endpoint, spec)
    check_numbers(c, path, spec)
    local position, size = spec[POSITION[spec.style]], spec[SIZE[spec.style]]
    local start = position and check_own(c, path, endpoint, position, spec.style ~= "cursor")
    local sized = size and check_own(c, path, endpoint, size, true)
    if spec.max and not size then grammar.refuse(c, path, "size is missing: the parameter that max is about") end
    check_send(c, path, endpoint, spec.send or {})
    local paging = {
        style = spec.style, position = position, size = size, max = max_of(c, path, spec, sized),
        default = spec.default, first = spec.first or 1, send = spec.send or {},
        records = way(c, path, spec, "records"), next = way(c, path, spec, "next"),
        more = way(c, path, spec, "more"), check_position = start and start.check or nil,
    }
    paging.doc = doc_of(paging)
    return paging
end

return M
