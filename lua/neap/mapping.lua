--- neap.mapping: a declarative map, one table that says what becomes of a record. It is checked when it is made,
-- against the types of both sides. It runs in C where it can (core/mapping.h), else in Lua; both give the same lines.
-- lua/README.md explains the table.

local apply = require "neap.mapping.apply"
local check = require "neap.mapping.check"
local errors = require "neap.error"
local file = require "neap.mapping.file"
local format_row = require("neap.native.csv").format_row
local grammar = require "neap.mapping.grammar"
local json = require "neap.native.json"
local null = require "neap.null"
local printable = require("neap.vendor.grammar").printable
local quote = require "neap.lang.quote"
local side = require "neap.mapping.side"
local unseen = require "neap.mapping.unseen"

local M = {}

---@class neap.Mapping
---@field targets string[] names of what the entries make, in order
---@field from? string "vendor.endpoint"
---@field members string[] what records have beside what that answers with
---@field to? string "vendor.endpoint.parameter"
---@field rest boolean
---@field spec neap.MapSpec
---@field program neap.MapProgram
---@field any_case boolean
---@overload fun(record: table): table|nil, neap.Error?
local Mapping = {}
Mapping.__index = Mapping
Mapping.__name = "neap.Mapping"

--- Maps a record; `mapping(record)` is the same. The record is not changed; lists and objects in it are shared.
---@param record table
---@return table|nil mapped its keys have the map's order
---@return neap.Error? err kind `decode`: names the target, the value and what was expected
function Mapping:apply(record)
    return self.program.record(record)
end

function Mapping.__call(self, record)
    return self.program.record(record)
end

-- Lines ------------------------------------------------------------------------------------------

--- Names in the order in which they came, where records remember it, else sorted: the same in every run.
local IN_ORDER = { sorted = true }

--- The text of a cell: texts as they are, absent values and null empty, all else JSON.
local function cell(value)
    if value == nil or value == null then return "" end
    if type(value) == "string" then return value end
    return json.encode(value, IN_ORDER)
end

local LINES = {}

function LINES.ndjson(self, record)
    local mapped, err = self.program.record(record)
    if not mapped then return nil, err end
    local text
    text, err = json.encode(mapped, IN_ORDER)
    return text and text .. "\n", err
end

function LINES.csv(self, record)
    local made, err = self.program.cells(record)
    if not made then return nil, err end
    local row = { n = #self.targets }
    for i = 1, row.n do
        row[i], err = cell(made[i])
        if not row[i] then return nil, err end
    end
    return format_row(row)
end

--- Raises for a format that there is not, or that cannot hold what the map makes.
local function check_format(self, format)
    if not LINES[format] then errors.misuse("mapping: format %q is neither ndjson nor csv", tostring(format)) end
    if format == "csv" and self.rest then
        error(errors.new {
            kind = "invalid", where = self.where,
            message = "map: rest: CSV has a column for each entry, and the rest has none",
            hint = "name the members as entries, or write NDJSON",
        }, 0)
    end
end

--- Maps a record to a line of a file, with its line end. Raises (kind `invalid`) for CSV of a map with `rest`.
---@param record table
---@param format "ndjson"|"csv"
---@return string|nil line
---@return neap.Error? err as `mapping(record)`
function Mapping:line(record, format)
    check_format(self, format)
    return LINES[format](self, record)
end

--- Gets what stands before the lines: the row of names of CSV, nothing of NDJSON. Raises as `line`.
---@param format "ndjson"|"csv"
---@return string
function Mapping:head(format)
    check_format(self, format)
    return format == "csv" and format_row(self.targets) or ""
end

-- C ----------------------------------------------------------------------------------------------

--- What C takes of entries, and of steps of one way (core/mapping.h).
local ENTRIES_MAX <const>, STEPS_MAX <const> = 4096, 64

--- Could C run the map? Functions are Lua's, and so are targets within objects, but for CSV, where they are columns.
local function is_native(self, format)
    for _, entry in ipairs(self.spec.entries) do
        if entry.with or format == "ndjson" and #entry.target > 1 then return false end
        if entry.way and #entry.way > STEPS_MAX then return false end
    end
    return #self.spec.entries <= ENTRIES_MAX
end

local function native_entry(entry, format)
    return {
        to = format == "csv" and entry.name or entry.target[1], from = entry.way, cast = entry.cast,
        split = entry.split, at = entry.at, constant = entry.constant and entry.constant.text,
        default = entry.default and entry.default.text,
    }
end

--- Gets the map as a program of neap.native.mapping, for readers that make lines of records in C; nil where the map
-- needs Lua. Raises as `line`.
---@param format "ndjson"|"csv"
---@return userdata|nil program
function Mapping:native(format)
    check_format(self, format)
    if self.programs[format] == nil then
        local program = is_native(self, format)
            and { format = format, rest = self.rest, any_case = self.any_case }
        for i, entry in ipairs(program and self.spec.entries or {}) do program[i] = native_entry(entry, format) end
        self.programs[format] = program and require("neap.native.mapping").compile(program)
    end
    return self.programs[format] or nil
end

-- What was never there -------------------------------------------------------------------------

--- Gets the entries whose member no record had, of all that the map was given, in Lua and in C: a name that is
-- misspelt, likely. Entries with a default, functions and constants are left out, and so is all before a first record.
---@return { target: string, from: string }[]
function Mapping:unseen()
    return unseen.whole(self):unseen()
end

--- Watches the records that the map is given from now on: `watch:unseen()` is as above, `watch:warn()` warns of each.
---@return neap.MapWatch
function Mapping:watch()
    return unseen.new(self)
end

-- Making -----------------------------------------------------------------------------------------

--- Where a fault is, in words.
local function place(source, entry, key)
    local line = source and file.line(source, entry and entry.index, key)
    local at = source and ("%s:%s"):format(source.path, line and line .. ": " or " ") or ""
    if not entry then return at end
    return ("%sentry %d%s"):format(at, entry.index, entry.name and " " .. quote(entry.name) or "")
end

--- Collects faults. -> fault, a function that raises if there were any
local function collector(source, where)
    local faults = {}
    local function fault(entry, message, key)
        faults[#faults + 1] = { path = place(source, entry, key), message = printable(message) }
    end
    return fault, function()
        if not faults[1] then return end
        local shown = {}
        for i, one in ipairs(faults) do
            local separator = one.path == "" and "" or one.path:find ":%s$" and "" or ": "
            shown[i] = one.path .. separator .. one.message
        end
        error(errors.new {
            kind = "invalid", outcome = "not_sent", where = where, faults = faults,
            message = "map: " .. table.concat(shown, "; "),
        }, 0)
    end
end

local function find_side(find, text, key, fault, members)
    if not text then return nil end
    local found, message = find(text, members)
    if not found then fault(nil, ("%s: %s"):format(key, message), key) end
    return found
end

local SIDES = { from = true, to = true }

--- What the caller knows of the sides.
local function check_sides(sides)
    if sides ~= nil and type(sides) ~= "table" then errors.misuse "mapping: sides: a table expected" end
    for name, value in pairs(sides or {}) do
        if not SIDES[name] then errors.misuse("mapping: sides: no field %q", tostring(name)) end
        if type(value) ~= "string" then errors.misuse("mapping: sides: %s: a string expected", name) end
    end
    return sides or {}
end

local function new(spec, where, source, target)
    local targets = {}
    for i, entry in ipairs(spec.entries) do targets[i] = entry.name end
    local any_case = source ~= nil and source.any_case
    return setmetatable({
        targets = targets, from = spec.from, members = spec.members, to = spec.to,
        rest = spec.rest, spec = spec, where = where,
        any_case = any_case, programs = {}, source = source, target = target,
        program = apply.compile(spec, any_case),
    }, Mapping)
end

--- Makes a map of a table, or of a file that returns one. Raises (kind `invalid`) every fault in one error, each with
-- its entry and the types of both sides; for a file with its lines.
---@param spec table|string a map, or the path of one
---@async
---@param sides? { from: string?, to: string? } for what the map does not say
---@return neap.Mapping
function M.new(spec, sides)
    sides = check_sides(sides)
    local read = type(spec) == "string" and file.read(spec) or nil
    local where = not read and errors.caller() or nil
    local fault, finish = collector(read, where)
    local map = grammar.read(read and read.spec or spec, fault)
    map.from, map.to = map.from or sides.from, map.to or sides.to
    local source = find_side(side.source, map.from, "from", fault, map.members)
    local target = find_side(side.target, map.to, "to", fault)
    check.check(map, source, target, fault)
    finish()
    return new(map, where, source, target)
end

---@return boolean
function M.is(value)
    return getmetatable(value) == Mapping
end

return M
