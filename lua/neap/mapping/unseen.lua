--- Entries whose member no record had: a misspelt name below a member without a type is found by no check, and would
-- leave nothing of itself but what is missing.

local apply = require "neap.mapping.apply"
local log = require "neap.native.log"

local M = {}

---@class neap.MapWatch
---@field mapping neap.Mapping
---@field since { lua: integer, ndjson: integer, csv: integer } records of each evaluation when it began
local Watch = {}
Watch.__index = Watch

--- How many records each of the map's evaluations has had.
local function counts(mapping)
    local made = { lua = mapping.program.seen.count }
    for _, format in ipairs { "ndjson", "csv" } do
        local program = mapping.programs[format]
        made[format] = program and program:count() or 0
    end
    return made
end

--- Watches the records that a map gets from now on.
---@param mapping neap.Mapping
---@return neap.MapWatch
function M.new(mapping)
    return setmetatable({ mapping = mapping, since = counts(mapping) }, Watch)
end

local NOTHING <const> = { lua = 0, ndjson = 0, csv = 0 }

--- Watches all records that a map has had.
---@param mapping neap.Mapping
---@return neap.MapWatch
function M.whole(mapping)
    return setmetatable({ mapping = mapping, since = NOTHING }, Watch)
end

--- The targets that a program in C has had nothing for.
local function unseen_in_c(program, since)
    local names = {}
    for _, name in ipairs(program:unseen(since)) do names[name] = true end
    return names
end

--- For each evaluation that had records: a function that tells whether none had the member of an entry.
local function evaluations(self)
    local mapping, now, tests = self.mapping, counts(self.mapping), {}
    for name, since in pairs(self.since) do
        if now[name] > since and name == "lua" then
            local last = mapping.program.seen.last
            tests[#tests + 1] = function(entry) return (last[apply.name(entry.way)] or 0) <= since end
        elseif now[name] > since then
            local names = unseen_in_c(mapping.programs[name], since)
            tests[#tests + 1] = function(entry) return names[name == "csv" and entry.name or entry.target[1]] end
        end
    end
    return tests
end

local function is_unseen(tests, entry)
    for _, test in ipairs(tests) do
        if not test(entry) then return false end
    end
    return true
end

--- Gets the entries whose member none of the records had; `null` is one. Those with a default foresee that, and are
-- left out, as are functions and constants. None where there were no records.
---@return { target: string, from: string }[] in the map's order
function Watch:unseen()
    local found, tests = {}, evaluations(self)
    for _, entry in ipairs(tests[1] and self.mapping.spec.entries or {}) do
        if entry.way and not entry.default and is_unseen(tests, entry) then
            found[#found + 1] = { target = entry.name, from = entry.from }
        end
    end
    return found
end

--- Warns that no record had what something is made of.
---@param what "column"|"field"
---@param name string
---@param from string
---@param hint? string
function M.say(what, name, from, hint)
    local missing = from == name and "it" or from
    log.write("warn", ("%s %s is empty: no record has %s%s"):format(what, name, missing, hint and ", " .. hint or ""))
end

--- Warns of each entry that `unseen` finds.
---@param what? "column"|"field" what targets are; default: fields
function Watch:warn(what)
    for _, one in ipairs(self:unseen()) do M.say(what or "field", one.target, one.from) end
end

return M
