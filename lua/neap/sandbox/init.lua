--- The sandbox: simulators of vendors behind one router. This is the entry of the sandbox's own Lua
--- state (csrc/lua/sandbox.c), where it is called once with the settings, all of them optional:
---
---   seed       integer, of everything random
---   faults     "503:p=0.05;…", see neap.sandbox.faults
---   log        path of the sandbox log
---   vendors    { name = "/dir/sandbox/name.lua" }: simulators beside the built-in ones
---   settings   { api_key =, tid = }: what the simulators accept
---   log_level, log_format    of messages for the person who runs it
---
--- A simulator that is built in is opened at the first request for it, another one at once, so that
--- its faults are found; how one is written is told in neap.sandbox.router.

local clock = require "neap.native.clock"
local faults = require "neap.sandbox.faults"
local limiter = require "neap.sandbox.limiter"
local log = require "neap.sandbox.log"
local messages = require "neap.native.log"
local router = require "neap.sandbox.router"

--- Vendors whose simulator is neap.sandbox.<name>.
local builtin = { "omnisegment", "opm", "optimove", "primedata" }

local default_settings = { api_key = "00000000-0000-4000-8000-000000000000", tid = "OA-000000" }

---@class neap.sandbox.Sandbox
---@field config table
---@field seed integer
---@field now fun(): number
---@field sources table<string, string|true> vendor -> file of its simulator; true: built in
---@field names string[] of the vendors, sorted
---@field opened table<string, table> vendor -> { name =, sim = }
---@field faults neap.sandbox.Faults
---@field log neap.sandbox.Log?
local Sandbox = {}
Sandbox.__index = Sandbox

--- Random numbers of one purpose: splitmix64, so that one consumer's draws never shift another's.
---@param seed integer
---@param purpose string
---@return fun(): number random in [0, 1)
local function make_random(seed, purpose)
    local state = seed
    for i = 1, #purpose do state = (state ~ purpose:byte(i)) * 0x100000001b3 end
    return function()
        state = state + 0x9e3779b97f4a7c15
        local z = (state ~ (state >> 30)) * 0xbf58476d1ce4e5b9
        z = (z ~ (z >> 27)) * 0x94d049bb133111eb
        return ((z ~ (z >> 31)) >> 11) * 0x1p-53
    end
end

--- Seconds since the start; a clock that is made virtual afterwards starts anew.
local function make_now()
    local start = clock.now()
    return function()
        local now = clock.now()
        if now < start then start = now end
        return now - start
    end
end

--- Tells of a simulator's error; where within the sandbox it came from is for level debug.
local function report(problem)
    messages.write("error", "sandbox: " .. problem.message)
    if messages.enabled "debug" then messages.write("debug", "traceback", { traceback = problem.trace }) end
end

local function note(text)
    messages.write("info", "sandbox: " .. text)
end

local function find_sources(config)
    local sources, names = {}, {}
    for _, name in ipairs(builtin) do sources[name] = true end
    for name, path in pairs(config.vendors or {}) do sources[name] = path end
    for name in pairs(sources) do names[#names + 1] = name end
    table.sort(names)
    return sources, names
end

--- The text of whatever was raised.
local function message_of(raised)
    return type(raised) == "table" and type(raised.message) == "string" and raised.message or tostring(raised)
end

--- The module of a simulator. -> module | nil, message
local function load_simulator(name, source)
    if source == true then return require("neap.sandbox." .. name) end
    local chunk, message = loadfile(source, "t")
    if not chunk then return nil, message end
    local ok, module = pcall(chunk, name)
    if not ok then return nil, module end
    if type(module) ~= "table" or type(module.new) ~= "function" then return nil, source .. ": no new(env)" end
    return module
end

--- What a simulator must have; a value without fields has nothing.
local function check_simulator(source, sim)
    if source == true then return sim end
    for _, name in ipairs { "endpoint", "respond" } do
        local ok, method = pcall(function() return sim[name] end)
        if not ok or method == nil then return nil, ("%s: sim:%s(req) is missing"):format(source, name) end
    end
    return sim
end

function Sandbox:make_env(name)
    local settings = self.config.settings or default_settings
    return {
        vendor = name,
        settings = { key = settings.api_key, tid = settings.tid },
        now = self.now,
        wall_ms = clock.wall_ms,
        random = make_random(self.seed, name),
        sleep = clock.sleep,
        base = function(req) return "http://" .. req.authority .. "/" .. name end,
        http_date = router.http_date,
        limiter = limiter.new,
        faults = self.faults,
        log = note,
    }
end

--- Opens a simulator, once. -> vendor | nil, message
function Sandbox:try_vendor(name)
    if self.opened[name] then return self.opened[name] end
    local source = self.sources[name]
    local module, message = load_simulator(name, source)
    if not module then return nil, message end
    local ok, sim = pcall(module.new, self:make_env(name))
    if not ok then return nil, sim end
    sim, message = check_simulator(source, sim)
    if not sim then return nil, message end
    self.opened[name] = { name = name, sim = sim, file = source ~= true and source or nil }
    return self.opened[name]
end

function Sandbox:open_vendor(name)
    local vendor, message = self:try_vendor(name)
    return vendor or error(message, 0)
end

--- Opens the simulators that are not built in: true, or nil and what is wrong with one.
function Sandbox:open_simulators()
    for _, name in ipairs(self.names) do
        if self.sources[name] ~= true then
            local vendor, message = self:try_vendor(name)
            if not vendor then return nil, message_of(message) end
        end
    end
    return true
end

--- Reads config.faults: true, or nil and what is wrong.
function Sandbox:open_faults()
    local random, broken = make_random(self.seed, "faults"), nil
    self.faults = faults.new({}, random, self.now)
    local clauses, message = faults.parse(self.config.faults or "", {
        vendors = self.names,
        endpoints = function(name)
            local vendor, problem = self:try_vendor(name)
            broken = broken or problem and message_of(problem)
            return vendor and vendor.sim.endpoints
        end,
    })
    if broken or not clauses then return nil, broken or message end
    self.faults = faults.new(clauses, random, self.now)
    self.opened = {} -- a simulator that was asked for its endpoints had no faults yet
    return true
end

function Sandbox:open_log()
    if not self.config.log then return true end
    local file, message = log.open(self.config.log)
    self.log = file
    return file and true, message
end

function Sandbox:make_router()
    return router.new {
        find_vendor = function(name) return self.sources[name] ~= nil end,
        open_vendor = function(name) return self:open_vendor(name) end,
        vendor_names = self.names,
        faults = self.faults,
        log = self.log,
        now = self.now,
        report = report,
    }
end

function Sandbox:inspect(name, what)
    if not self.sources[name] then
        return nil, ('no vendor "%s" in this sandbox'):format(name)
    end
    local sim = self:open_vendor(name).sim
    if not sim.snapshot then return nil, ('the simulator of "%s" has no snapshot'):format(name) end
    return sim:snapshot(what)
end

---@param config table
---@return fun(ex: userdata)? handler answers one exchange
---@return (fun(vendor: string, what: any): any, string?)|string inspect, or what is wrong
---@return fun()? close
return function(config)
    local sources, names = find_sources(config)
    messages.configure { level = config.log_level, format = config.log_format }
    local self = setmetatable({
        config = config,
        seed = config.seed or math.floor(clock.random() * 2 ^ 53),
        now = make_now(),
        sources = sources,
        names = names,
        opened = {},
    }, Sandbox)
    local ok, message = self:open_faults()
    if ok then ok, message = self:open_simulators() end
    if ok then ok, message = self:open_log() end
    if not ok then return nil, message end
    local serving = self:make_router()
    return function(ex) serving:serve(ex) end,
        function(name, what) return self:inspect(name, what) end,
        function() if self.log then self.log:close() end end
end
