--- neap list: the vendors and recipes there are.

local globals = require "neap.cli.globals"
local json = require "neap.native.json"
local recipes = require "neap.scripts"
local registry = require "neap.registry"
local report = require "neap.cli.report"
local suggest = require "neap.suggest"
local text = require "neap.cli.text"

local M = {
    summary = "show what vendors and recipes there are",
    usage = "neap list [vendors|recipes]",
    options = globals.output,
}

--- A definition or recipe that cannot be read is told, and does not hide the others.
local function try(list, field, name, read)
    local ok, value = pcall(read, name)
    if not ok then
        report.failure(value)
        list.broken = true
        return
    end
    if value ~= nil then
        list[#list + 1] = json.object({ name = name, [field] = value }, { "name", field })
    end
end

local LISTS = {}

function LISTS.vendors()
    local list = json.array {}
    for _, name in ipairs(registry.names()) do
        try(list, "title", name, function() return registry.load(name).title end)
    end
    return list
end

function LISTS.recipes()
    local list = json.array {}
    for _, name in ipairs(recipes.names()) do
        try(list, "summary", name, function()
            local flow = recipes.inspect(recipes.find(name))
            if not flow then return "a script that is no workflow" end
            return flow.summary or ""
        end)
    end
    return list
end

local KINDS = { "vendors", "recipes" }

local function lines_of(list, field)
    for _, item in ipairs(list) do text.write(item.name, "  ", item[field], "\n") end
end

local FIELDS = { vendors = "title", recipes = "summary" }

local function print_both(lists)
    for i, kind in ipairs(KINDS) do
        if i > 1 then text.write "\n" end
        text.write(text.style("bold", kind), "\n")
        lines_of(lists[kind], FIELDS[kind])
    end
end

local function read_kinds(words)
    if words[2] then report.refuse(("unexpected argument %q"):format(words[2]), M.usage) end
    if not words[1] then return KINDS end
    if not LISTS[words[1]] then
        report.refuse(("no list of %q"):format(words[1]), suggest.hint(words[1], KINDS) or M.usage)
    end
    return { words[1] }
end

---@param opts table<string, any>
---@param words string[]
---@return integer code
function M.run(opts, words)
    local kinds, lists, is_broken = read_kinds(words), {}, false
    for _, kind in ipairs(kinds) do
        lists[kind] = LISTS[kind]()
        is_broken = is_broken or lists[kind].broken
        lists[kind].broken = nil
    end
    if opts.json then
        local shown = #kinds == 1 and lists[kinds[1]] or json.object(lists, KINDS)
        report.print(shown)
    elseif #kinds == 1 then
        lines_of(lists[kinds[1]], FIELDS[kinds[1]])
    else
        print_both(lists)
    end
    return is_broken and report.EXIT.usage or report.EXIT.done
end

return M
