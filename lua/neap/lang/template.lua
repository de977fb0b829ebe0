--- Path templates, delimited lists, and the expressions that name a call's key.

local json = require "neap.native.json"
local lpeg = require "lpeg"
local quote = require "neap.lang.quote"

local C, Cg, Ct, P, R, S = lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local reader = {}

--- RFC 3986 section 2.3: everything else in a value is percent-encoded.
local function encode(text)
    return (text:gsub("[^%w%-._~]", function(char) return ("%%%02X"):format(char:byte()) end))
end

---@class neap.Template
---@field text string as written
---@field prefix string the text before the first parameter
---@field names string[] parameters in order
local Template = {}
Template.__index = Template

local name = C((R("09", "az", "AZ") + S "_$-.") ^ 1)
local parameter = Ct(P "{" * Cg(name, "name") * "}")
local template = Ct((C((1 - S "{}") ^ 1) + parameter) ^ 0) * -1

--- Reads a path template such as "/api/v1/interaction-report/{report_id}/".
---@param text string
---@return neap.Template? template
---@return string? message why it is none
---@nodiscard
function reader.template(text)
    local parts = template:match(text)
    if not parts then
        return nil, quote(text) .. " is no path template: expected parameters as {name}"
    end
    local names = {}
    for _, part in ipairs(parts) do
        if type(part) == "table" then names[#names + 1] = part.name end
    end
    local prefix = text:match("^[^{]*")
    return setmetatable({ text = text, parts = parts, names = names, prefix = prefix }, Template)
end

--- Gets the text of one value within a path; empty and dot segments would change the path's shape.
local function segment(parameter_name, value)
    local text = tostring(value)
    if value == nil then return nil, ("%s: required"):format(parameter_name) end
    if text == "" or text == "." or text == ".." then
        return nil, ("%s: %s cannot be part of a path"):format(parameter_name, quote(text))
    end
    return encode(text)
end

--- Puts values in, each percent-encoded.
---@param values table<string, string|number|boolean>
---@return string? path
---@return string? message which value is missing or cannot be part of a path
---@nodiscard
function Template:expand(values)
    local out = {}
    for i, part in ipairs(self.parts) do
        if type(part) == "string" then
            out[i] = part
        else
            local text, message = segment(part.name, values[part.name])
            if not text then return nil, message end
            out[i] = text
        end
    end
    return table.concat(out)
end

--- Splits a text at each delimiter; an empty text has no parts.
---@param text string
---@param delimiter string not empty, taken literally
---@return string[] parts
function reader.split(text, delimiter)
    assert(delimiter ~= "", "bug: empty delimiter")
    local parts, from = {}, 1
    if text == "" then return parts end
    while true do
        local first, last = text:find(delimiter, from, true)
        if not first then break end
        parts[#parts + 1] = text:sub(from, first - 1)
        from = last + 1
    end
    parts[#parts + 1] = text:sub(from)
    return parts
end

local plain_name = C((1 - S ".[] \t\r\n") ^ 1)
local dotted = Ct(plain_name * (P "." * plain_name) ^ 0)
local place = Ct(Cg(dotted, "base") * (P "[" * Cg(dotted, "index") * "]") ^ -1)
local sum = Ct(place * (P " + " * place) ^ 0)
local path = Ct(sum * (P " or " * sum) ^ 0) * -1

--- Gets the value that a list of names leads to; "1" is the first element of a list.
local function walk(value, names)
    for _, step in ipairs(names) do
        if type(value) ~= "table" then return nil end
        local inner = value[step]
        if inner == nil and step:find "^%d+$" then inner = value[math.tointeger(tonumber(step))] end
        value = inner
    end
    if type(value) == "userdata" then return nil end
    return value
end

--- Gets the value at one place; an object is its JSON text, so that equal ones are equal.
local function value_at(params, at)
    local value
    if at.index then
        local field = walk(params, at.index)
        local holder = field ~= nil and walk(params, at.base)
        value = type(holder) == "table" and walk(holder, { field }) or nil
    else
        value = walk(params, at.base)
    end
    if type(value) == "table" then return (json.encode(value, { sorted = true })) end
    if value == "" then return nil end
    return value
end

--- Gets the values of several places as one; nil where one is missing.
local function joined(params, places)
    if #places == 1 then return value_at(params, places[1]) end
    local parts = {}
    for i, at in ipairs(places) do
        local value = value_at(params, at)
        if value == nil then return nil end
        parts[i] = tostring(value)
    end
    return table.concat(parts, "\0")
end

--- Reads a path expression: "customerId", "data.member_sn", "rows.1.id", which is of the first row,
--- or "data[merge_key]", the field of `data` whose name is the value of `merge_key`. "a + b" is both
--- together, "a or b" the first that is given; a sum binds closer.
---@param text string
---@return (fun(params: table): any)? get value at that path; nil where absent, null or ""
---@return string[]|string|nil reads the parameters it reads, dotted; the message where it is none
---@nodiscard
function reader.path(text)
    local sums = path:match(text)
    if not sums then
        return nil, quote(text) .. " is no path: expected a name such as data.id or data[merge_key]"
    end
    local reads = {}
    for _, places in ipairs(sums) do
        for _, at in ipairs(places) do
            reads[#reads + 1] = table.concat(at.base, ".")
            if at.index then reads[#reads + 1] = table.concat(at.index, ".") end
        end
    end
    local only = #sums == 1 and #sums[1] == 1 and not sums[1][1].index and sums[1][1].base
    if only and #only == 1 then only = only[1] else only = nil end
    return function(params)
        if only then -- the common case
            local value = params[only]
            local kind = type(value)
            if kind == "number" or kind == "string" and value ~= "" then return value end
        end
        for _, places in ipairs(sums) do
            local value = joined(params, places)
            if value ~= nil then return value end
        end
        return nil
    end, reads
end

return reader
