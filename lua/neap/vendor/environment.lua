--- What a file of data may use besides its own locals: harmless functions, and libraries of its own.

local M = {}

--- What scripts have and data has not.
local ABSENT = {}
for name in ("_G collectgarbage coroutine debug dofile io load loadfile neap os package print require"):gmatch "%S+" do
    ABSENT[name] = true
end

--- What such a file changes in a library is nobody else's.
local function copy(library)
    local own = {}
    for name, value in pairs(library) do own[name] = value end
    return own
end

--- Makes the environment of one file.
---@param what string "a definition"
---@param constructors table<string, any> what it has besides; becomes the environment
---@return table
function M.new(what, constructors)
    local env = constructors
    env.ipairs, env.pairs, env.next, env.select, env.type = ipairs, pairs, next, select, type
    env.tostring, env.tonumber, env.error, env.assert = tostring, tonumber, error, assert
    env.rawget, env.setmetatable = rawget, setmetatable
    env.string, env.table, env.math, env.utf8 = copy(string), copy(table), copy(math), copy(utf8)
    return setmetatable(env, {
        __index = function(_, name)
            if not ABSENT[name] then return nil end
            error(("%s has no %s: it is data, loading it does no I/O"):format(what, name), 2)
        end,
    })
end

return M
