--- neap version: Neap and everything linked.

local globals = require "neap.cli.globals"
local json = require "neap.native.json"
local report = require "neap.cli.report"
local text = require "neap.cli.text"

local M = {
    summary = "show the versions of Neap and everything linked",
    usage = "neap version [--json]",
    options = globals.output,
}

local ORDER = { "neap", "lua", "libcurl", "expat", "libuv", "sqlite", "libmicrohttpd", "cjson", "lpeg" }

--- LPeg's version is a function in 1.0, a text in later ones.
local function lpeg_version()
    local version = require("lpeg").version
    if type(version) == "function" then version = version() end
    return (tostring(version):gsub("^LPeg ", ""))
end

local function versions()
    local all = require "neap.native.version"()
    all.cjson = require("cjson")._VERSION
    all.lpeg = lpeg_version()
    for name, version in pairs(all) do all[name] = version:gsub("^%a[%w]*[ /]", "") end
    return all
end

---@param opts table<string, any>
---@param words string[]
---@return integer code
function M.run(opts, words)
    if words[1] then report.refuse(("unexpected argument %q"):format(words[1]), M.usage) end
    local all, names = versions(), {}
    if opts.json then
        text.write(json.encode(json.object(all, ORDER), { sorted = true }), "\n")
        return report.EXIT.done
    end
    local known = {}
    for _, name in ipairs(ORDER) do
        known[name] = true
        if all[name] then names[#names + 1] = name end
    end
    local rest = {}
    for name in pairs(all) do
        if not known[name] then rest[#rest + 1] = name end
    end
    table.sort(rest)
    table.move(rest, 1, #rest, #names + 1, names)
    for _, name in ipairs(names) do text.write(name, " ", all[name], "\n") end
    return report.EXIT.done
end

return M
