--- The neap command: commands by name, and how each of them ends. csrc/cli/main.c starts `main` as
-- a task and asks `on_signal` at the first SIGINT, SIGTERM or SIGHUP.

local clock = require "neap.native.clock"
local event = require "neap.native.event"
local globals = require "neap.cli.globals"
local options = require "neap.cli.options"
local report = require "neap.cli.report"
local runtime = require "neap.runtime"
local suggest = require "neap.suggest"
local task = require "neap.native.task"

local M = {}

local GRACE_S = 10
local EPIPE = 32 -- whoever read has seen enough: nothing to complain of

---@class neap.cli.Command
---@field summary string
---@field usage string
---@field doc? string
---@field options neap.cli.Option[]
---@field parse? fun(words: string[]): table, any, boolean instead of the parser for `options`
---@field help? fun(args: any): boolean prints help of its own; false: it has none for these
---@field run fun(opts: table, args: any): integer

--- Commands, in the order of the help.
M.names = { "run", "call", "serve", "list", "describe", "sandbox", "version", "help" }

---@param name string
---@return boolean
function M.is_command(name)
    for _, known in ipairs(M.names) do
        if known == name then return true end
    end
    return false
end

--- Gets a command. Raises (exit code 2) with the nearest name when there is none.
---@param name string
---@return neap.cli.Command
function M.command(name)
    if M.is_command(name) then return require("neap.cli." .. name) end
    return report.refuse(("unknown command %q"):format(name),
        suggest.hint(name, M.names) or "neap help shows what there is")
end

--- Is a word among the options?
local function has_option(words, wanted)
    for _, word in ipairs(words) do
        if word == "--" then return false end
        if word == wanted then return true end
    end
    return false
end

--- Takes the command's name out of the words; options may stand before it.
local function split_command(words)
    local scan = options.scan(globals.calls, words, { lenient = true, first = true })
    local rest = table.move(words, 1, #words, 1, {})
    if not scan.at[1] then return nil, rest, scan end
    return table.remove(rest, scan.at[1]), rest, scan
end

local function run_command(name, words)
    local command = M.command(name)
    M.name = name
    local opts, args, wants_help
    if command.parse then
        opts, args, wants_help = command.parse(words)
    else
        opts, args, wants_help = options.parse(command.options, words)
    end
    globals.apply_output(opts)
    if wants_help then
        if not (command.help and command.help(args)) then
            require("neap.cli.help").command(name, command)
        end
        return report.EXIT.done
    end
    return command.run(opts, args)
end

--- Without a command: help if it was asked for, else how to ask.
local function run_without(words, scan)
    local help = require "neap.cli.help"
    if has_option(words, "--version") then return run_command("version", {}) end
    if scan.help then
        help.overview()
        return report.EXIT.done
    end
    if scan.unknown[1] then options.scan(globals.calls, words) end
    help.brief()
    return report.EXIT.usage
end

--- An option that nobody knows may have taken the command for its value.
local function refuse_unknown(name, words, scan)
    if scan.unknown[1] and not M.is_command(name) then options.scan(globals.calls, words) end
end

local function dispatch(words)
    local name, rest, scan = split_command(words)
    if not name then return run_without(words, scan) end
    refuse_unknown(name, words, scan)
    return run_command(name, rest)
end

--- Ends what is left open: connections, the sandbox with its log.
local function close()
    local ok, raised = pcall(runtime.close)
    if not ok then report.failure(raised) end
end

--- After a signal: calls that wait for an answer may get it yet, then everything ends.
local function await_answers()
    M.grace:wait()
    clock.sleep(GRACE_S)
    if runtime.on_wire > 0 then
        local doubt = runtime.writing > 0 and "; what was sent may have taken effect" or ""
        report.note(("no answer within %d s%s"):format(GRACE_S, doubt))
    end
    M.running:cancel()
end

--- Runs a command in a task of its own, which a signal may end.
---@param words string[] the command line without the program's name
---@return integer code
function M.main(words)
    report.is_json = has_option(words, "--json")
    M.running, M.grace = task.spawn(dispatch, words), event.new()
    local watch = task.spawn(await_answers)
    local ok, result, err = pcall(M.running.await, M.running)
    watch:cancel()
    local code = result
    if not ok or result == nil then
        local failure = ok and err or result
        if not (ok and report.signal_code()) then report.failure(failure, M.running:traceback()) end
        code = report.code_of(failure)
    end
    close()
    local written, why, number = io.stdout:flush()
    if not written and number ~= EPIPE then report.note("standard output: " .. why) end
    return code
end

--- Ends the command early: what can end by itself does; else the command is cancelled where it
-- waits.
---@param name "SIGINT"|"SIGTERM"|"SIGHUP"
---@return boolean is something ending now
function M.on_signal(name)
    if runtime.stop(name) then
        if M.name == "run" then report.note(name .. ": ending what is under way; once more stops at once") end
        return true
    end
    if not M.running then return false end
    report.note("ended by " .. name)
    if runtime.on_wire > 0 then M.grace:signal() else M.running:cancel() end
    return true
end

return M
