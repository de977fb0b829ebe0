--- Where vendors come from: `vendors/` beside the script, in the folders of a host, ./vendors, the user's
-- configuration, built in; the first that has a name wins (DESIGN.md 3).

local embed = require "neap.native.embed"
local errors = require "neap.error"
local file = require "neap.native.file"
local log = require "neap.native.log"
local runtime = require "neap.runtime"
local suggest = require "neap.suggest"

local M = {}

local BUILT_IN = "neap.vendors."

--- The user's configuration directory of Neap.
function M.config_dir()
    local base = os.getenv "XDG_CONFIG_HOME"
    if not base or base == "" then base = (os.getenv "HOME" or "") .. "/.config" end
    return base .. "/neap"
end

local function directories()
    local dirs = {}
    if runtime.options.script_dir then dirs[1] = runtime.options.script_dir .. "/vendors" end
    for _, path in ipairs(runtime.options.paths or {}) do dirs[#dirs + 1] = path .. "/vendors" end
    dirs[#dirs + 1] = "./vendors"
    dirs[#dirs + 1] = M.config_dir() .. "/vendors"
    return dirs
end

local function read_text(path)
    local handle = io.open(path, "r")
    if not handle then return nil end
    local text = handle:read "a"
    handle:close()
    return text
end

--- The text of a built-in definition; while developing, the one in the tree.
local function built_in_text(name)
    local dir = os.getenv "NEAP_LUA_DIR"
    return dir and read_text(("%s/neap/vendors/%s.lua"):format(dir, name)) or embed.source(BUILT_IN .. name)
end

--- Finds the text of a definition. -> text, file name, directory (nil when built in)
local function find(name)
    local built_in = built_in_text(name)
    for _, dir in ipairs(directories()) do
        local path = ("%s/%s.lua"):format(dir, name)
        local text = read_text(path)
        if text then
            if built_in then
                log.write("info", "a definition hides the built-in one", { vendor = name, file = path })
            end
            return text, path, dir
        end
    end
    if built_in then return built_in, ("neap/vendors/%s.lua"):format(name) end
end

--- Names of all vendors that can be loaded, sorted.
---@return string[]
function M.names()
    local seen, names = {}, {}
    local function add(name)
        if name and not seen[name] then
            seen[name] = true
            names[#names + 1] = name
        end
    end
    for _, module in ipairs(embed.names(BUILT_IN)) do add(module:sub(#BUILT_IN + 1)) end
    for _, dir in ipairs(directories()) do
        for _, entry in ipairs(file.list(dir) or {}) do add(entry:match "^([%w_-]+)%.lua$") end
    end
    table.sort(names)
    return names
end

--- Simulators that lie beside definitions outside the binary: name -> path.
---@return table<string, string>
function M.simulators()
    local found = {}
    for _, dir in ipairs(directories()) do
        for _, entry in ipairs(file.list(dir .. "/sandbox") or {}) do
            local name = entry:match "^([%w_-]+)%.lua$"
            if name and not found[name] then found[name] = ("%s/sandbox/%s"):format(dir, entry) end
        end
    end
    return found
end

local loaded = {} -- path -> { text =, model = }

--- Loads a vendor's model, once per file. Raises an error object: kind `invalid` with the nearest
-- name, or what is wrong in the definition.
---@param name string
---@return neap.Model
function M.load(name)
    local text, path, dir
    if name:find "^[%w_-]+$" then text, path, dir = find(name) end
    if not text then
        error(errors.new {
            kind = "invalid", message = ("no vendor %q"):format(name),
            hint = suggest.hint(name, M.names()) or "`neap list vendors` shows what there is",
        }, 0)
    end
    local known = loaded[path]
    if not known or known.text ~= text then
        known = { text = text, model = require("neap.vendor").compile(text, path, name) }
        known.model.directory = dir
        loaded[path] = known
    end
    return known.model
end

--- Is there a simulator for the vendor? -> true | nil, err that says where one is expected
---@param model neap.Model
function M.check_simulator(model)
    if embed.source("neap.sandbox." .. model.name) or M.simulators()[model.name] then return true end
    return nil, errors.new {
        kind = "invalid", outcome = "not_sent", message = "the vendor has no simulator",
        hint = ("write %s/sandbox/%s.lua, or leave --sandbox out"):format(model.directory or "vendors", model.name),
    }
end

return M
