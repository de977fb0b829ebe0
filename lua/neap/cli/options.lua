--- Reads the words of a command line by a table of options, and writes the help of the same table.
--
-- An option is a field as in a definition (lua/neap/schema.lua): its name in snake_case, type,
-- default, doc; `--merge-key V` or `--merge-key=V` gives merge_key. Booleans are `--x` and
-- `--no-x`, lists repeat, of other options the last one counts. `--` ends the options.

local schema = require "neap.schema"
local suggest = require "neap.suggest"
local report = require "neap.cli.report"
local text = require "neap.cli.text"

local M = {}

---@class neap.cli.Option: neap.Field
---@field placeholder? string what the value looks like, in the help
---@field hidden? boolean not in the help: there only to be refused with a reason

---@class neap.cli.Given one option as it was given
---@field name string
---@field text string

---@class neap.cli.Scan
---@field given neap.cli.Given[]
---@field words string[] all that is no option
---@field at integer[] the index of each of them
---@field unknown string[] options that nobody knows, without value (lenient)
---@field behind_unknown table<integer, true> indices of words that may be the value of one of those
---@field help boolean

--- The name as it is typed.
---@param name string
---@return string
function M.flag(name)
    return "--" .. name:gsub("_", "-")
end

local function index_of(fields)
    local index = {}
    for _, field in ipairs(fields) do index[M.flag(field[1] or field.name)] = field end
    return index
end

--- Finds what a word names. -> field, true for --no-x
local function find(index, flag)
    local name = "--" .. flag:sub(3):gsub("_", "-")
    if index[name] then return index[name], false end
    local positive = name:match "^%-%-no(%-.+)$"
    local field = positive and index["-" .. positive]
    if field and field.type == "boolean" then return field, true end
end

local function unknown_option(index, flag, otherwise)
    local names = { "--help" }
    for name, field in pairs(index) do
        names[#names + 1] = name
        if field.type == "boolean" then names[#names + 1] = "--no-" .. name:sub(3) end
    end
    table.sort(names)
    local hint = flag:find "^%-%-" and suggest.hint(flag, names) or nil
    report.refuse(("unknown option %s"):format(flag), hint or otherwise)
end

--- The value of an option that needs one: behind its `=`, else the next word.
local function value_of(scan, index, flag, value)
    if value then return value end
    scan.next = scan.next + 1
    local word = scan.input[scan.next]
    if not word then report.refuse(("%s needs a value"):format(flag)) end
    if word:find "^%-%-." and find(index, word:match "^[^=]+") then
        report.refuse(("%s needs a value, and %s is an option"):format(flag, word),
            ("if it is the value: %s=%s"):format(flag, word))
    end
    return word
end

local function take_unknown(scan, index, flag, value, how)
    if not how.lenient then unknown_option(index, flag, how.hint) end
    scan.unknown[#scan.unknown + 1] = flag
    if not value then scan.behind_unknown[scan.next + 1] = true end
end

local function take_option(scan, index, word, how)
    local flag, value = word:match "^(%-%-[^=]+)=(.*)$"
    flag = flag or word
    if flag == "--help" or flag == "-h" then
        scan.help = true
        return
    end
    local field, is_negated = find(index, flag)
    if not field then return take_unknown(scan, index, flag, value, how) end
    if field.type ~= "boolean" then
        value = value_of(scan, index, flag, value)
    elseif is_negated and value then
        report.refuse(("%s takes no value"):format(flag))
    else
        value = value or (is_negated and "false" or "true")
    end
    scan.given[#scan.given + 1] = { name = field[1] or field.name, text = value }
end

--- Splits words into options and others. Raises for an option that nobody knows, unless
-- `lenient`; with `first` it ends at the first word that is no option. `hint`: what to do about an unknown
-- one that resembles none.
---@param fields neap.cli.Option[]
---@param words string[]
---@param how? { lenient?: boolean, first?: boolean, hint?: string }
---@return neap.cli.Scan
function M.scan(fields, words, how)
    how = how or {}
    local index = index_of(fields)
    local scan = {
        given = {}, words = {}, at = {}, unknown = {}, behind_unknown = {}, help = false,
        input = words, next = 1,
    }
    local is_over = false
    while scan.next <= #words do
        local word = words[scan.next]
        if not is_over and word == "--" then
            is_over = true
        elseif not is_over and word:find "^%-." then
            take_option(scan, index, word, how)
        else
            scan.words[#scan.words + 1], scan.at[#scan.at + 1] = word, scan.next
            if how.first then break end
        end
        scan.next = scan.next + 1
    end
    return scan
end

-- Values ---------------------------------------------------------------------------------------

--- A fault in the words of somebody who types options.
local function option_fault(fault)
    local name, rest = fault.path:match "^([%w_]+)(.*)$"
    if not name then return schema.fault_text(fault) end
    if fault.message == "required" and rest == "" then return M.flag(name) .. " is required" end
    local path = M.flag(name) .. rest
    return schema.fault_text { path = path, message = fault.message, hint = fault.hint }
end

--- Converts what was given and checks it, defaults filled in. Raises one error with every fault.
---@param compiled neap.Schema
---@param given neap.cli.Given[]
---@return table<string, any> values
function M.read(compiled, given)
    local values, faults = {}, {}
    for _, one in ipairs(given) do
        if compiled.by_name[one.name].type ~= "list" then values[one.name] = nil end
        local ok, fault = compiled:assign(values, one.name, one.text)
        if not ok then faults[#faults + 1] = fault end
    end
    local read, more = compiled:check(values, { prior = faults })
    if read then return read end
    local parts = {}
    for i, fault in ipairs(more) do parts[i] = option_fault(fault) end
    return report.refuse(table.concat(parts, "; "))
end

--- Compiles options of the command itself.
---@param fields neap.cli.Option[]
---@return neap.Schema
function M.compile(fields)
    local specs = {}
    for i, field in ipairs(fields) do
        specs[i] = {}
        for key, value in pairs(field) do
            if key ~= "placeholder" and key ~= "hidden" then specs[i][key] = value end
        end
    end
    return schema.compile(specs, "options")
end

--- Reads words by options alone. -> values, other words, is help wanted
---@param fields neap.cli.Option[]
---@param words string[]
---@return table<string, any> values
---@return string[] others
---@return boolean help
function M.parse(fields, words)
    local scan = M.scan(fields, words)
    return M.read(M.compile(fields), scan.given), scan.words, scan.help
end

-- Help -----------------------------------------------------------------------------------------

local PLACEHOLDERS = {
    integer = "N", number = "N", decimal = "N", path = "PATH", duration = "TIME", rate = "RATE",
    date = "DATE", datetime = "TIME", url = "URL", object = "JSON", any = "JSON",
    json_text = "JSON",
}

local function placeholder(field)
    if field.placeholder then return field.placeholder end
    if field.type == "enum" or field.values then
        local joined = table.concat(field.values, "|")
        return #joined <= 24 and joined or "NAME"
    end
    local of = field.type == "list" and field.of
    return PLACEHOLDERS[of and of.type or field.type] or "TEXT"
end

local function left_column(field)
    local name = field[1] or field.name
    if field.type ~= "boolean" then return ("%s %s"):format(M.flag(name), placeholder(field)) end
    if field.default == true then return M.flag("no_" .. name) end
    return M.flag(name)
end

--- What the description of a field adds to its doc and its left column.
local function details(field)
    if field.type == "boolean" or field.placeholder then
        if field.default == true then return "" end -- the flag that is shown turns it off
        return field.default and "default " .. tostring(field.default) or ""
    end
    local said = schema.describe(field)
    if field.values and placeholder(field) ~= "NAME" then -- the left column names them
        said = said:sub(#schema.type_name(field) + 1):gsub("^, ", "")
    end
    return field.type == "list" and said .. "; may be repeated" or said
end

--- Adds the help of options to lines.
---@param lines string[]
---@param fields neap.cli.Option[]
function M.help(lines, fields)
    local rows = {}
    for _, field in ipairs(fields) do
        local said, doc = details(field), field.doc or ""
        if said ~= "" then doc = doc == "" and said or ("%s (%s)"):format(doc, said) end
        if not field.hidden then rows[#rows + 1] = { left_column(field), doc } end
    end
    text.columns(lines, rows)
end

return M
