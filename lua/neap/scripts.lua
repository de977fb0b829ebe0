--- Scripts and recipes: where a name leads, what there is, and what a recipe says of itself without
-- being run.

local embed = require "neap.native.embed"
local errors = require "neap.error"
local file = require "neap.native.file"
local null = require "neap.null"
local registry = require "neap.registry"
local suggest = require "neap.suggest"
local workflow = require "neap.workflow"

local M = {}

local BUILT_IN = "scripts/"

--- Raises an error of who named the script: exit code 2 of a command.
local function refuse(message, hint)
    error(errors.new { kind = "invalid", message = message, hint = hint, usage = true }, 0)
end

---@class neap.Script
---@field name string as it was asked for
---@field text string
---@field chunk string name for messages
---@field dir? string where it lies; nil when built in

local function directories()
    return { "./scripts", registry.config_dir() .. "/scripts" }
end

--- Reads a text; a first line that begins with # is left out, as the interpreter does.
local function read_text(path)
    local handle, message = io.open(path, "r")
    if not handle then return nil, message end
    local text, why = handle:read "a"
    handle:close()
    if not text then return nil, ("%s: %s"):format(path, why) end
    return (text:gsub("^\239\187\191", ""):gsub("^#[^\n]*", ""))
end

local function directory_of(path)
    local dir = path:match "^(.*)/[^/]*$"
    if dir == "" then return "/" end
    return dir or "."
end

--- Is it the path of a script rather than the name of a recipe?
---@param name string
---@return boolean
function M.is_path(name)
    return name:find "%.lua$" ~= nil or name:find "^[./]" ~= nil
end

--- Names of all recipes, sorted.
---@return string[]
function M.names()
    local seen, names = {}, {}
    local function add(name)
        if name and not seen[name] then
            seen[name] = true
            names[#names + 1] = name
        end
    end
    for _, path in ipairs(embed.names(BUILT_IN)) do add(path:match "^scripts/(.+)%.lua$") end
    for _, dir in ipairs(directories()) do
        for _, vendor in ipairs(file.list(dir) or {}) do
            local inside = vendor:find "^[%w_-]+$" and file.list(dir .. "/" .. vendor)
            for _, entry in ipairs(inside or {}) do
                local recipe = entry:match "^([%w_-]+)%.lua$"
                add(recipe and vendor .. "/" .. recipe)
            end
        end
    end
    table.sort(names)
    return names
end

--- The nearest recipe; a name without its vendor finds the recipe that ends so.
local function hint_for(name)
    local names = M.names()
    for _, full in ipairs(names) do
        if full:match "/(.+)$" == name then return ('did you mean "%s"?'):format(full) end
    end
    local hint = suggest.hint(name, names)
    if hint then return hint end
    local readable = io.open(name, "r")
    if readable then
        readable:close()
        return ("a script is given by its path: ./%s"):format(name)
    end
    return "`neap list recipes` shows what there is"
end

--- The vendor that a text defines, if it is a definition rather than a script.
local function defined_vendor(text)
    local code = text:gsub("%[(=*)%[.-%]%1%]", ""):gsub("%-%-[^\n]*", "")
    if code:find "%f[%w_]local%s+vendor%f[^%w_]" then return nil end
    return ("\n" .. code):match "\n%s*return%s+vendor%.define%s*%(?%s*[\"']([^\"'\n]*)[\"']"
end

local function find_script(path)
    local text, message = read_text(path)
    if not text then refuse(message) end
    local defined = defined_vendor(text)
    if defined then refuse(("%s: this is a definition: see neap describe %s"):format(path, defined)) end
    return { name = path, text = text, chunk = path, dir = directory_of(path) }
end

--- Finds a script or recipe. Raises (exit code 2) when there is none of that name.
---@param name string
---@return neap.Script
function M.find(name)
    if M.is_path(name) then return find_script(name) end
    if name:find "^[%w_-]+/[%w_/-]+$" then
        for _, dir in ipairs(directories()) do
            local path = ("%s/%s.lua"):format(dir, name)
            local text = read_text(path)
            if text then
                return { name = name, text = text, chunk = path, dir = directory_of(path) }
            end
        end
        local path = BUILT_IN .. name .. ".lua"
        local text = embed.source(path)
        if text then return { name = name, text = text, chunk = path } end
    end
    return refuse(("no recipe %q"):format(name), hint_for(name))
end

-- Looking at a recipe --------------------------------------------------------------------------

--- Stands for everything a recipe may mention but not use while it is only looked at.
local Inert = {}
local inert = setmetatable({}, Inert)
function Inert.__index() return inert end

function Inert.__call() return inert end

local function ignore() end

--- What makes a workflow, and what makes a handler.
local CONSTRUCTORS = {
    handler = function(spec) return require("neap.handler").define(spec) end,
    workflow = workflow.define,
    import = function(spec) return require("neap.workflow.import").define(spec) end,
    report = function(spec) return require("neap.workflow.report").define(spec) end,
}

--- What a recipe sees then: functions without effects, those that make what it returns, and stand-ins.
local function looking_glass()
    local neap = setmetatable({ null = null }, Inert)
    for name, define in pairs(CONSTRUCTORS) do neap[name] = define end
    local env = {
        neap = neap, print = ignore, _VERSION = _VERSION,
        require = function(name) return name == "neap" and neap or inert end,
        ipairs = ipairs, pairs = pairs, next = next, select = select, type = type, error = error,
        assert = assert, pcall = pcall, tostring = tostring, tonumber = tonumber, rawget = rawget,
        rawset = rawset, rawequal = rawequal, rawlen = rawlen, setmetatable = setmetatable,
        getmetatable = getmetatable, string = string, table = table, math = math, utf8 = utf8,
        os = { time = os.time, date = os.date, clock = os.clock, getenv = os.getenv },
        coroutine = inert, io = inert, package = inert, debug = inert,
    }
    env._G = env
    return env
end

--- Compiles a recipe. Raises (exit code 2) for its syntax; bytecode is refused.
---@param recipe neap.Script
---@param env? table default: the globals
---@return function
function M.load(recipe, env)
    local chunk, message = load(recipe.text, "@" .. recipe.chunk, "t", env or _G)
    if not chunk then refuse(message) end
    return chunk
end

--- Names the script in what `neap.workflow` and ctx refuse: a tail call has left no line of it.
---@param recipe neap.Script
---@param raised any
---@return any raised
function M.located(recipe, raised)
    if not errors.is(raised) or raised.where then return raised end
    local message = raised.message
    local constructor = message:match "^neap%.(%a+): "
    if CONSTRUCTORS[constructor] or message:find "ctx:%a+[:(]" then raised.where = recipe.chunk end
    return raised
end

--- Could the script return a workflow at all?
---@param recipe neap.Script
---@return boolean
function M.mentions_workflow(recipe)
    for name in pairs(CONSTRUCTORS) do
        if name ~= "handler" and recipe.text:find(name, 1, true) then return true end
    end
    return false
end

local LOOK_MAX = 10000000 -- instructions: a loop over stand-ins never ends by itself

--- Gets the workflow or the handler of a recipe without running anything: no call, no file, no wait. nil for a
-- script that is none; raises what its text is refused for.
---@param recipe neap.Script
---@return table|nil
function M.inspect(recipe)
    if not (M.mentions_workflow(recipe) or recipe.text:find("handler", 1, true)) then return nil end
    local look = coroutine.create(M.load(recipe, looking_glass()))
    debug.sethook(look, function()
        error(recipe.chunk .. ": too much work before it returns its workflow", 0)
    end, "", LOOK_MAX)
    local ok, result = coroutine.resume(look)
    if not ok then
        if errors.is(result) then error(M.located(recipe, result), 0) end
        refuse(tostring(result))
    end
    local is_known = workflow.is_workflow(result) or require("neap.handler").is_handler(result)
    return is_known and result or nil
end

return M
