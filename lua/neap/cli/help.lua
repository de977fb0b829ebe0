--- neap help: the commands, and the manual by topic.

local globals = require "neap.cli.globals"
local options = require "neap.cli.options"
local report = require "neap.cli.report"
local suggest = require "neap.suggest"
local text = require "neap.cli.text"
local topics = require "neap.cli.topics"

local M = {
    summary = "show help on a command or a topic",
    usage = "neap help [COMMAND|TOPIC]",
    options = globals.output,
}

local function heading(lines, title)
    lines[#lines + 1] = ""
    lines[#lines + 1] = text.style("bold", title)
end

--- Names of the commands, and the commands themselves.
local function commands()
    local cli = require "neap.cli"
    local all = {}
    for i, name in ipairs(cli.names) do all[i] = { name = name, command = cli.command(name) } end
    return all
end

local USAGE = "usage: neap COMMAND [options]"

--- Prints what there is.
function M.overview()
    local lines, rows = { USAGE, "" }, {}
    text.paragraph(lines, "Runs integrations with customer-data platforms: every vendor is "
        .. "described once, and Neap keeps its limits, retries and credentials.")
    heading(lines, "Commands (neap COMMAND --help)")
    for i, one in ipairs(commands()) do rows[i] = { one.name, one.command.summary } end
    text.columns(lines, rows)
    heading(lines, "Topics (neap help TOPIC)")
    rows = {}
    for i, topic in ipairs(topics) do rows[i] = { topic.name, topic.summary } end
    text.columns(lines, rows)
    heading(lines, "First steps")
    lines[#lines + 1] = "  neap list"
    lines[#lines + 1] = "  neap describe omnisegment.import_audience"
    lines[#lines + 1] = "  neap call opm ping --sandbox"
    text.print(lines)
end

--- Says on standard error how to ask, for a command line without a command.
function M.brief()
    local names = {}
    for i, one in ipairs(commands()) do names[i] = one.name end
    io.stderr:write(USAGE, "\ncommands: ", table.concat(names, ", "), "\nneap help shows more\n")
end

--- Prints the help of a command.
---@param name string
---@param command neap.cli.Command
function M.command(name, command)
    local lines = { "usage: " .. (command.usage or "neap " .. name), "" }
    text.paragraph(lines, command.summary:gsub("^%l", string.upper) .. "." ..
        (command.doc and " " .. command.doc or ""))
    heading(lines, "Options")
    options.help(lines, command.options)
    text.print(lines)
end

local function find_topic(name)
    for _, topic in ipairs(topics) do
        if topic.name == name then return topic end
        for _, alias in ipairs(topic.aliases or {}) do
            if alias == name then return topic end
        end
    end
end

local function names_of_all()
    local names = {}
    for _, one in ipairs(commands()) do names[#names + 1] = one.name end
    for _, topic in ipairs(topics) do names[#names + 1] = topic.name end
    return names
end

local function print_topic(topic)
    text.print { text.style("bold", topic.name) .. ": " .. topic.summary, "", topic.text }
end

---@param _ table<string, any>
---@param words string[]
---@return integer code
function M.run(_, words)
    if not words[1] then
        M.overview()
        return report.EXIT.done
    end
    local name = table.concat(words, "-"):lower():gsub("_", "-")
    local topic = find_topic(name)
    if topic then
        print_topic(topic)
        return report.EXIT.done
    end
    for _, one in ipairs(commands()) do
        if one.name == name then
            M.command(name, one.command)
            return report.EXIT.done
        end
    end
    return report.refuse(("no help on %q"):format(table.concat(words, " ")),
        suggest.hint(name, names_of_all()) or "neap help shows what there is")
end

return M
