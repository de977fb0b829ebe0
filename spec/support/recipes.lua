--- Runs bundled recipes in the sandbox on virtual time.

local helper = require "spec.support.helper"
require "neap"
local json = require "neap.native.json"

local recipes = {}

--- The path of a sample: "omnisegment/samples/audience.csv".
function recipes.sample(name) return helper.root .. "/scripts/" .. name end

--- Runs a recipe in a directory that outlives it.
---@param recipe string
---@param args? string[]
---@param opts? helper.Options
---@return { code: integer, out: string, err: string }
---@return string dir
function recipes.run(recipe, args, opts)
    opts = opts or {}
    local words = { "run", recipe, "--sandbox", "--clock", "virtual", "--progress", "never" }
    table.move(args or {}, 1, #(args or {}), #words + 1, words)
    opts.cwd = opts.cwd or helper.tmpdir()
    return helper.cli(words, opts), opts.cwd
end

--- Runs a recipe whose standard output nobody reads any more.
---@param args string[]
---@return { code: integer, err: string }
---@return string dir
function recipes.unread(recipe, args)
    local dir, words = helper.tmpdir(), { helper.quote(helper.bin), "run", recipe, "--sandbox --clock virtual" }
    for _, word in ipairs(args) do words[#words + 1] = helper.quote(word) end
    -- The reader has opened the pipe once the shell has, and is gone once it was waited for.
    local line = "cd %s && mkfifo pipe && { : < pipe & exec 3> pipe; wait; %s >&3 2> err; }"
    local _, _, code = os.execute(line:format(helper.quote(dir), table.concat(words, " ")))
    return { code = code, err = helper.read(dir .. "/err") }, dir
end

--- Runs an import recipe with a file of this text.
---@param name? string of the file, default in.csv; dead letters are beside it
---@return { code: integer, err: string, summary: table?, letters: table[], calls: table[] }
function recipes.import(recipe, text, args, name)
    name = name or "in.csv"
    local dir = helper.tmpdir()
    helper.write(dir .. "/" .. name, text)
    local words = { "--file", name, "--json", "--sandbox-log", "log.ndjson" }
    table.move(args or {}, 1, #(args or {}), #words + 1, words)
    local result = recipes.run(recipe, words, { cwd = dir })
    return {
        code = result.code, err = result.err, summary = json.decode(result.out), dir = dir,
        letters = recipes.objects(dir .. "/" .. name .. ".dead.ndjson"), calls = recipes.objects(dir .. "/log.ndjson"),
    }
end

--- Counts lines.
function recipes.lines(text) return select(2, text:gsub("\n", "")) end

--- Reads a file of JSON lines: a sandbox log, dead letters; none if there is no such file.
---@param path string
---@return table[]
function recipes.objects(path)
    local list = {}
    if not helper.exists(path) then return list end
    for line in io.lines(path) do list[#list + 1] = assert(json.decode(line)) end
    return list
end

--- Counts calls by endpoint.
---@param calls table[] of a sandbox log
---@return table<string, integer>
function recipes.by_endpoint(calls)
    local counts = {}
    for _, call in ipairs(calls) do counts[call.endpoint] = (counts[call.endpoint] or 0) + 1 end
    return counts
end

--- Gets a recipe's own options, as its help lists them: "--file", ...
---@param recipe string
---@return string[]
function recipes.options(recipe)
    local result = helper.cli { "run", recipe, "--help" }
    assert(result.code == 0, result.err)
    local block = result.out:match "Options of this workflow\n(.-)\n\n"
    local list = {}
    for option in ("\n" .. (block or "")):gmatch "\n  (%-%-%S+)" do list[#list + 1] = option end
    return list
end

return recipes
