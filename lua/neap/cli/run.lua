--- neap run: a workflow with its args as options, or any script as a task.

local globals = require "neap.cli.globals"
local options = require "neap.cli.options"
local recipes = require "neap.scripts"
local report = require "neap.cli.report"
local runtime = require "neap.runtime"
local script = require "neap.cli.script"
local workflow = require "neap.workflow"

local M = {
    summary = "run a workflow: a script or a recipe",
    usage = "neap run SCRIPT|VENDOR/RECIPE [--arg value ...]",
    doc = "SCRIPT ends in .lua or begins with . or /. Other names are recipes, looked up in "
        .. "./scripts, in $XDG_CONFIG_HOME/neap/scripts, then among those built in (neap list "
        .. "recipes). The workflow's own args are options: neap run NAME --help shows them.",
    options = globals.calls,
}

-- Which word is the script ---------------------------------------------------------------------

--- The workflow's options are known only once the script is. Of the words that are no option, the
-- script is the first that cannot be the value of an option nobody knows yet.
local function script_index(scan)
    for i, at in ipairs(scan.at) do
        if not scan.behind_unknown[at] then return at, scan.words[i] end
    end
    return scan.at[1], scan.words[1]
end

--- Splits the words: options that are the command line's own, and what is left for the workflow.
---@param words string[]
---@return table opts
---@return table args { script =, words = all but the script }
---@return boolean help
function M.parse(words)
    local scan = options.scan(globals.calls, words, { lenient = true })
    local at, name = script_index(scan)
    local rest = table.move(words, 1, #words, 1, {})
    if at then table.remove(rest, at) end
    local args = { script = name, words = rest, unknown = scan.unknown, extra = #scan.words > 1 }
    return options.read(options.compile(globals.calls), scan.given), args, scan.help
end

function M.help(args)
    if not args.script then return false end
    require("neap.cli.run_help").print(recipes.find(args.script), "run")
    return true
end

-- The script -----------------------------------------------------------------------------------

--- A script that cannot return a workflow takes no options: refused before it does anything.
local function refuse_leftovers(args)
    local scan = options.scan(globals.calls, args.words)
    if scan.words[1] then
        report.refuse(("%s takes no arguments: unexpected %q"):format(args.script, scan.words[1]))
    end
end

--- What answers requests has nothing to run.
local function refuse_handler(value, args)
    if type(value) ~= "function" and not require("neap.handler").is_handler(value) then return end
    report.refuse(("%s answers requests: neap serve %s"):format(args.script, args.script))
end

--- The args of a workflow from the command line; every fault in one message.
local function read_args(flow, args)
    local fields = table.move(globals.calls, 1, #globals.calls, 1, {})
    table.move(flow.schema.fields, 1, #flow.schema.fields, #fields + 1, fields)
    local help = ("see neap run %s --help"):format(args.script)
    local scan, own = options.scan(fields, args.words, { hint = help }), {}
    if scan.words[1] then
        report.refuse(("unexpected argument %q"):format(scan.words[1]),
            ("%s takes options only: neap run %s --help"):format(args.script, args.script))
    end
    for _, one in ipairs(scan.given) do
        if flow.schema.by_name[one.name] then own[#own + 1] = one end
    end
    return options.read(flow.schema, own)
end

-- The end --------------------------------------------------------------------------------------

local function fail(err)
    report.failure(err, script.traceback)
    report.dry_run()
    return report.code_of(err)
end

--- An error in the function of a delivery ends it, but its outcome is still to be told.
local function finish_failed(raised)
    local code = fail(raised)
    local summary = runtime.last_summary
    if summary and summary.ended and summary.ended.reason == "bug" then
        report.summary(summary, false)
    end
    return code
end

--- Failed records are told even where the workflow keeps the summary to itself, as without `return`.
local function tell_unreturned()
    local summary = runtime.last_summary
    if not summary or summary.failed + summary.unknown == 0 then return end
    report.note(("%d of %d records were not delivered, and the workflow does not return the summary of ctx:deliver")
        :format(summary.failed + summary.unknown, summary.total))
end

local function finish(values, value, err)
    if value ~= nil and require("neap.deliver").is_summary(value) then
        report.summary(value, rawget(values, "out") == "-")
        return report.code_of_summary(value)
    end
    if value == nil and err ~= nil then
        local code = fail(err)
        if type(err) == "table" and err.summary then report.summary(err.summary, rawget(values, "out") == "-") end
        return code
    end
    report.dry_run()
    if value == nil then tell_unreturned() end
    if value ~= nil then
        local text, problem = report.encode(value)
        if not text then return fail("the workflow's result is no JSON: " .. problem.message) end
        local out = rawget(values, "out") == "-" and io.stderr or io.stdout
        out:write(text, "\n")
    end
    return report.signal_code() or report.EXIT.done
end

--- What a plain script returns is nobody's business, but a failure is.
local function finish_plain(value, err)
    if value == nil and err ~= nil then return fail(err) end
    report.dry_run()
    return report.signal_code() or report.EXIT.done
end

local function start(recipe, args)
    script.prepare()
    local results = table.pack(script.run(recipes.load(recipe)))
    local flow = results[1]
    if not workflow.is_workflow(flow) then
        refuse_handler(flow, args)
        refuse_leftovers(args)
        return finish_plain(table.unpack(results, 1, results.n))
    end
    local values = read_args(flow, args)
    return finish(values, script.run(flow.start, flow, values))
end

---@param opts table<string, any>
---@param args table see parse
---@return integer code
function M.run(opts, args)
    if not args.script then report.refuse("no script given", M.usage) end
    local recipe = recipes.find(args.script)
    globals.apply(opts, { script_dir = recipe.dir })
    if not recipes.mentions_workflow(recipe) then refuse_leftovers(args) end
    local ok, result = pcall(start, recipe, args)
    return ok and result or finish_failed(recipes.located(recipe, result))
end

return M
