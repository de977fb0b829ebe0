--- Programs of a stock interpreter: real `lua5.4` processes that require the module of the build under test.

local helper = require "spec.support.helper"

local M = {}

--- Runs a program to its end, in an empty directory. It finds the module as this spec does, by LUA_CPATH.
---@param source string
---@param args? string[]
---@return { code: integer, out: string, err: string }
function M.run(source, args)
    local dir = helper.tmpdir()
    helper.write(dir .. "/program.lua", source)
    local words = {}
    for i, word in ipairs(args or {}) do words[i] = helper.quote(word) end
    local line = "cd %s && LUA_CPATH=%s XDG_STATE_HOME=%s timeout -k 10 60 lua5.4 program.lua %s </dev/null >out 2>err"
    local _, how, code = os.execute(line:format(helper.quote(dir), helper.quote(helper.build .. "/?.so;;"),
        helper.quote(dir), table.concat(words, " ")))
    return {
        code = how == "signal" and 128 + code or code,
        out = helper.read(dir .. "/out"), err = helper.read(dir .. "/err"),
    }
end

--- The same for one that has to succeed: what it has printed.
---@param source string
---@return string
function M.output(source)
    local result = M.run(source)
    if result.code ~= 0 then error(("exit code %d: %s%s"):format(result.code, result.out, result.err), 2) end
    return result.out
end

return M
