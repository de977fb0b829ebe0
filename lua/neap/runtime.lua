--- What one run shares: the options it was started with, the sandbox, connections, counters. The CLI
-- configures it before a script starts; a host or spec may; the defaults are those of a library.

local clock = require "neap.native.clock"
local http = require "neap.native.http"

local M = {}

---@class neap.RunOptions
---@field sandbox? boolean calls go to the in-process simulators
---@field faults? string fault mix of the sandbox
---@field sandbox_log? string path
---@field seed? integer
---@field no_state? boolean nothing is shared with other runs
---@field settings? table<string, table<string, { value: string, from: string }>> vendor -> setting
---@field dry_run? boolean
---@field own? table<string, { value: string?, secret: userdata?, from: string }> settings of the scripts themselves
---@field embedded? boolean the runtime is a host's, of the C API, without options of a command
---@field state_path? string the file of what processes share; nil: the user's
---@field script_dir? string where `vendors/` is looked for first
---@field paths? string[] folders of a host, with modules and vendors/
---@field progress? "auto"|"always"|"never"
---@field dead_letters? string

--- The fixed beginning of virtual time: 2026-01-01T00:00:00Z in milliseconds.
M.EPOCH_MS = 1767225600000

--- Settings that the sandbox gives out and accepts (DESIGN.md 6).
M.SANDBOX = { api_key = "00000000-0000-4000-8000-000000000000", tid = "OA-000000" }

local function fresh()
    return { settings = {}, progress = "never" }
end

M.options = fresh()
M.sends = 0        -- requests that were handed to a transport
M.on_wire = 0      -- calls outside of deliveries that wait for an answer
M.writing = 0      -- those of them that write
M.stop_handlers = {} -- functions that end what runs, newest last

--- Replaces the options and closes what the earlier run had open.
---@param options neap.RunOptions
function M.configure(options)
    M.close()
    M.options = fresh()
    for name, value in pairs(options) do M.options[name] = value end
    M.sends = 0
    if options.seed then clock.seed(options.seed) end
end

local clients = {}

--- The simulators' state, opened at the first call.
function M.sandbox()
    if M.sandbox_state then return M.sandbox_state end
    local registry = require "neap.registry"
    local state, err = require("neap.native.sandbox").open {
        config = {
            seed = M.options.seed or 0, faults = M.options.faults, log = M.options.sandbox_log,
            vendors = registry.simulators(), settings = M.SANDBOX,
            log_level = M.options.log_level, log_format = M.options.log_format,
        },
    }
    if not state then error(err, 0) end
    M.sandbox_state = state
    return state
end

--- The connections for a vendor: one pool per number of connections per host.
---@param connections integer
function M.http(connections)
    local key = M.options.sandbox and "sandbox" or connections
    if not clients[key] then
        clients[key] = http.open {
            connections = connections,
            handler = M.options.sandbox and M.sandbox() or nil,
        }
    end
    return clients[key]
end

local closers = {}

--- Has a function called at the end of every run, the newest first: modules that keep something for a run.
---@param close fun()
function M.at_close(close)
    closers[#closers + 1] = close
end

--- Closes connections and the sandbox (which completes its log).
function M.close()
    for key, client in pairs(clients) do
        client:close()
        clients[key] = nil
    end
    for i = #closers, 1, -1 do closers[i]() end
    if M.sandbox_state then M.sandbox_state:close() end
    M.sandbox_state = nil
end

--- Registers what a signal should end; returns a function that takes it back.
---@param handler fun(reason: string)
function M.on_stop(handler)
    table.insert(M.stop_handlers, handler)
    return function()
        for i, h in ipairs(M.stop_handlers) do
            if h == handler then return table.remove(M.stop_handlers, i) end
        end
    end
end

--- Asks what runs to end early. False when nothing that could runs.
---@param reason string "SIGINT"
function M.stop(reason)
    M.stopped = reason
    local handlers = { table.unpack(M.stop_handlers) }
    for i = #handlers, 1, -1 do handlers[i](reason) end
    return #handlers > 0
end

return M
