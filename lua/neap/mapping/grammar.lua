--- The grammar of a map: a table becomes entries, every fault of its shape is collected.

local cast = require "neap.mapping.cast"
local json = require "neap.native.json"
local null = require "neap.null"
local suggest = require "neap.suggest"
local values = require "neap.schema.value"

local M = {}

---@class neap.MapEntry
---@field index integer its place in the map
---@field name string the target, dotted
---@field target string[] the way to it
---@field from? string the member that it is made of, dotted; nil: a constant or a function
---@field way? string[] the way to it
---@field with? fun(record: table): any
---@field constant? neap.MapLiteral
---@field default? neap.MapLiteral
---@field split? string
---@field at? integer
---@field is_sourceless? boolean what it is made of could not be read
---@field cast? string as written, or as the two types want it

---@class neap.MapLiteral
---@field value any
---@field text string its JSON

---@class neap.MapSpec what a map says
---@field from? string
---@field members string[] texts that records have beside what `from` says
---@field to? string
---@field rest boolean
---@field entries neap.MapEntry[]

local MAP_FIELDS = { "from", "to", "rest" }
local ENTRY_FIELDS = { "from", "cast", "default", "split", "at", "constant", "with" }

local LIST <const>, OBJECT <const> = getmetatable(json.array {}), getmetatable(json.object {}).__name

--- Has a table no metatable, or only JSON's mark? Another one could run code of the map's, or hide what it says.
local function is_plain(tbl)
    local mark = getmetatable(tbl)
    return mark == nil or mark == LIST or type(mark) == "table" and rawget(mark, "__name") == OBJECT
end

--- A table's own fields.
local function fields_of(tbl)
    local own = {}
    for key, value in next, tbl do own[key] = value end
    return own
end

local function said(value)
    if type(value) == "table" and value ~= null and not is_plain(value) then return "a table with a metatable" end
    if type(value) == "string" then return values.quote(value) end
    return values.said(value)
end

local function with_hint(message, hint)
    return hint and ("%s, %s"):format(message, hint) or message
end

local function unknown_field(name, known)
    local hint = type(name) == "string" and suggest.hint(name, known) or nil
    return with_hint(("no field %s"):format(said(name)), hint)
end

local function is_among(name, names)
    for _, one in ipairs(names) do
        if one == name then return true end
    end
    return false
end

--- Names of a table in a fixed order.
local function sorted_keys(tbl)
    local keys = {}
    for key in pairs(tbl) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return said(a) < said(b) end)
    return keys
end

--- The parts of a dotted name; nil where one is empty.
---@param name string
---@return string[]|nil
function M.way(name)
    local way = {}
    for part in (name .. "."):gmatch "([^.]*)%." do
        if part == "" then return nil end
        way[#way + 1] = part
    end
    return way
end

--- Bytes of a path that a message shows; a table within itself has an endless one.
local PATH_MAX <const> = 100

--- A value that every record gets: equal ones are one text, whatever the order of Lua's tables.
local function literal(value)
    local ok, path, message = pcall(values.json_fault, value) -- a metatable may raise
    if not ok then return nil, tostring(path) end
    if path then return nil, (path == "" or #path > PATH_MAX) and message or ("%s: %s"):format(path, message) end
    local text, err = json.encode(value, { sorted = true })
    if not text then return nil, err.message end
    return { value = type(value) == "table" and json.decode(text, { ordered = true }) or value, text = text }
end

--- What each field of an entry has to be. -> value, or nil and what is wrong
local READ = {}

function READ.from(value)
    if type(value) ~= "string" or not utf8.len(value) then
        return nil, "the name of a member expected, got " .. said(value)
    end
    if not M.way(value) then return nil, ("%s has an empty part"):format(said(value)) end
    return value
end

function READ.cast(value)
    if type(value) == "string" and cast.by_name[value] then return value end
    return nil, with_hint(("%s is not one of %s"):format(said(value), table.concat(cast.names, ", ")),
        type(value) == "string" and suggest.hint(value, cast.names) or nil)
end

function READ.split(value)
    if type(value) == "string" and value ~= "" and utf8.len(value) then return value end
    return nil, "a delimiter expected, got " .. said(value)
end

function READ.at(value)
    local at = math.type(value) and math.tointeger(value)
    if at and at >= 1 then return at end
    return nil, "1 is the first element, got " .. (math.type(value) and tostring(value) or said(value))
end

function READ.with(value)
    if type(value) == "function" then return value end
    return nil, "a function expected, got " .. said(value)
end

READ.default, READ.constant = literal, literal

--- Fields that say how what a record has becomes a value.
local OF_VALUES = { "from", "with", "default", "split", "at", "cast" }

--- What of an entry's fields excludes what.
local function check_combination(entry, fault)
    if entry.constant then
        for _, other in ipairs(OF_VALUES) do
            if entry[other] ~= nil then fault(entry, ("constant and %s exclude each other"):format(other)) end
        end
    elseif entry.with and entry.from then
        fault(entry, "with gets the whole record: from and with exclude each other")
    end
end

--- Fields that say what a value is made of.
local IS_SOURCE = { from = true, with = true, constant = true }

local function read_fields(entry, spec, fault)
    for _, key in ipairs(sorted_keys(spec)) do
        if key ~= 1 then
            if not is_among(key, ENTRY_FIELDS) then
                fault(entry, unknown_field(key, ENTRY_FIELDS))
            else
                local value, message = READ[key](spec[key])
                if message then fault(entry, ("%s: %s"):format(key, message)) end
                entry[key] = value
                if value == nil and IS_SOURCE[key] then entry.is_sourceless = true end
            end
        end
    end
end

--- Reads one entry. -> entry, nil where it is none
local function read_entry(index, spec, fault)
    local entry, given = { index = index }, spec
    spec = type(spec) == "table" and is_plain(spec) and fields_of(spec) or nil
    if not spec or type(spec[1]) ~= "string" then
        local name = type(given) == "string" and given or "name"
        fault(entry, ("{ %s, ... } expected, got %s"):format(values.quote(name), said(given)))
        return nil
    end
    entry.name = spec[1]
    entry.target = utf8.len(entry.name) and M.way(entry.name)
    if not entry.target then
        fault(entry, "a name with an empty part, or not UTF-8")
        return nil
    end
    read_fields(entry, spec, fault)
    check_combination(entry, fault)
    if spec.constant == nil and spec.with == nil and spec.from == nil then entry.from = entry.name end
    entry.way = entry.from and M.way(entry.from)
    return entry
end

local function read_side(spec, key, fault)
    local value = spec[key]
    if value == nil or type(value) == "string" then return value end
    fault(nil, ('%s: "vendor.endpoint" expected, got %s'):format(key, said(value)), key)
end

--- Reads where records come from: an endpoint, or a list of it and of members that they have besides.
-- -> endpoint, members
local function read_source(spec, fault)
    if type(spec.from) ~= "table" or not is_plain(spec.from) then return read_side(spec, "from", fault), {} end
    local names, from = {}, fields_of(spec.from)
    for i, name in ipairs(from) do
        if type(name) ~= "string" or name == "" or name:find(".", 1, true) and i > 1 then
            fault(nil, ("from[%d]: the name of a member expected, got %s"):format(i, said(name)), "from")
        else
            names[#names + 1] = name
        end
    end
    for key in pairs(from) do
        if math.type(key) ~= "integer" then fault(nil, ("from: no field %s"):format(said(key)), "from") end
    end
    return table.remove(names, 1), names
end

local function read_head(spec, fault)
    for _, key in ipairs(sorted_keys(spec)) do
        if math.type(key) ~= "integer" and not is_among(key, MAP_FIELDS) then
            local hint = type(key) == "string" and ("; an entry is { %s, ... }"):format(values.quote(key)) or ""
            fault(nil, unknown_field(key, MAP_FIELDS) .. hint, type(key) == "string" and key or nil)
        end
    end
    if spec.rest ~= nil and type(spec.rest) ~= "boolean" then
        fault(nil, "rest: true or false expected, got " .. said(spec.rest), "rest")
    end
    local from, members = read_source(spec, fault)
    return { from = from, members = members, to = read_side(spec, "to", fault), rest = spec.rest == true }
end

--- Reads a map. What it says is kept as far as it can be read, so that its other faults are found, too.
---@param spec any
---@param fault fun(entry: neap.MapEntry|nil, message: string, key?: string) called for each fault
---@return neap.MapSpec
function M.read(spec, fault)
    if type(spec) ~= "table" or not is_plain(spec) then
        fault(nil, "a table expected, got " .. said(spec))
        return { rest = false, members = {}, entries = {} }
    end
    spec = fields_of(spec)
    local map, last = read_head(spec, fault), 0
    map.entries = {}
    for key in pairs(spec) do
        if math.type(key) == "integer" then last = math.max(last, key) end
    end
    if last ~= #spec then
        fault(nil, "a list with holes")
        last = #spec
    end
    for i = 1, last do map.entries[#map.entries + 1] = read_entry(i, spec[i], fault) end
    if last == 0 and not map.rest then fault(nil, "no entries") end
    return map
end

return M
