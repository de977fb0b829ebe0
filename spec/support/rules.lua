--- What specs share that try the rules of a definition one by one: the parameters of a right call, changed until
-- they are wrong, and changed until they are right again.

local assert = require "luassert"

local definition = require "spec.support.definition"

local M = {}

--- Stands for a value to take away.
M.NONE = {}

local function key_of(part)
    return math.tointeger(tonumber(part)) or part
end

local function copy(value)
    if type(value) ~= "table" then return value end
    local made = {}
    for key, inner in pairs(value) do made[key] = copy(inner) end
    return made
end

--- Gets parameters with other values under dotted names; "data.1.x" is in the first row.
function M.with(params, changes)
    local made = copy(params)
    for path, value in pairs(changes) do
        local into, last = made, nil
        for part in path:gmatch "[^.]+" do
            if last ~= nil then
                into[last] = into[last] or {}
                into = into[last]
            end
            last = key_of(part)
        end
        if value == M.NONE then value = nil end
        into[last] = value
    end
    return made
end

--- Gets the value under a dotted name.
function M.at(values, path)
    for part in path:gmatch "[^.]+" do
        values = values[key_of(part)]
        if values == nil then return nil end
    end
    return values
end

--- So many copies of a value.
function M.times(count, value)
    local list = {}
    for i = 1, count do list[i] = copy(value) end
    return list
end

--- A dotted name as faults write it: "rows[1].id".
function M.shown(path)
    return (path:gsub("%.(%d+)", "[%1]"))
end

--- The cases of a group: of its entries one is a case or a list of them, at any depth.
function M.flat(group, into)
    into = into or {}
    for _, entry in ipairs(group) do
        if type(entry) == "table" and type(entry[1]) == "table" then
            M.flat(entry, into)
        elseif type(entry) == "table" then
            into[#into + 1] = entry
        end
    end
    return into
end

--- Asserts that a change of right parameters is refused before any call, and that another one is not.
---@param name string "opm.entry"
---@param base table
---@param case table { rule, changes that are refused, the message, changes that pass, sends = what is sent,
--- base = more of the right parameters }
function M.check(name, base, case)
    base = M.with(base, case.base or {})
    local values, err = definition.validate(name, M.with(base, case[2]))
    assert.is_nil(values)
    assert.same({ "invalid", "not_sent", case[3] }, { err.kind, err.outcome, definition.refusal(err) })
    values, err = definition.validate(name, M.with(base, case[4]))
    assert.is_nil(err and err.message)
    for path, value in pairs(case.sends or {}) do assert.equal(value, M.at(values, path)) end
end

return M
