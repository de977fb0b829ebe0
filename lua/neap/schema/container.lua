--- Checks of objects, lists and alternatives: they call the checks of their parts and collect every
-- fault. The input is never changed: a wire form that differs from it is a table of its own.

local native = require "neap.native.check"
local null = require "neap.null"
local lang = require "neap.lang.template"
local suggest = require "neap.suggest"
local scalar = require "neap.schema.scalar"
local types = require "neap.schema.types"
local values = require "neap.schema.value"

local container = {}

local is_list, unexpected = values.is_list, values.unexpected
local math_type = math.type

--- Appends what a check of a part said to the faults, below the part's name.
---@param faults neap.Fault[]
---@param name string|integer
---@param said string|neap.Fault[]
---@param hint string?
local function add(faults, name, said, hint)
    if type(said) == "string" then
        faults[#faults + 1] = { path = values.join(name, ""), message = said, hint = hint }
        return
    end
    for _, fault in ipairs(said) do
        faults[#faults + 1] = {
            path = values.join(name, fault.path), message = fault.message, hint = fault.hint,
        }
    end
end

--- Remembers the verdict on each undeclared name: rows repeat their columns.
local most_verdicts = 1000

--- Makes the function that gets the declared name near to an undeclared one, or false.
---@param names string[]
---@param open boolean? the object takes custom fields: what is too near, not what was meant
---@return fun(name: string): string|false
function container.nearness(names, open)
    local find = open and suggest.too_near or suggest.nearest
    local verdicts, count = {}, 0
    return function(name)
        local verdict = verdicts[name]
        if verdict == nil then
            verdict = find(name, names) or false
            if count == most_verdicts then verdicts, count = {}, 0 end
            verdicts[name], count = verdict, count + 1
        end
        return verdict
    end
end

local too_near = "unknown name, too near to a declared one"

--- Gets the fault of an undeclared name in an open object, if it has one.
---@return string? message
---@return string? hint
local function open_fault(field, name, opts)
    local near = field.near(name)
    if not near or opts.custom_fields and opts.custom_fields[name] then return nil end
    local message = opts.custom_fields and too_near .. " (the setting custom_fields allows it)" or too_near
    return message, ('did you mean "%s"?'):format(near)
end

--- Gets whether an undeclared name may stand in an object.
---@param field neap.Field compiled, an object
---@param name any
---@param opts table
---@return string? message nil: it may
---@return string? hint
function container.name_fault(field, name, opts)
    if type(name) ~= "string" then return "an object has named entries only" end
    if name == "" then return "a value without a name" end
    if not field.fields then return nil end
    local placed = opts.secrets and opts.secrets[name] or field.is_root and opts.placed and opts.placed[name]
    if placed then return placed end
    if field.open then return open_fault(field, name, opts) end
    local near = field.near(name)
    if near then return "unknown name", ('did you mean "%s"?'):format(near) end
    if not field.names[1] then return field.is_root and "unknown name, there are no parameters" or "unknown name" end
    return "unknown name, known are " .. scalar.listed(field.names)
end

--- Makes the check of a value under an undeclared name.
local function custom_check(field)
    if field.of then return field.of.check end
    if not field.custom_max_length then return scalar.any() end
    local any = scalar.any()
    local text = scalar.string { max_length = field.custom_max_length }
    return function(value, opts)
        if type(value) == "string" then return text(value) end
        return any(value, opts)
    end
end

--- Puts faults found name by name into the order of the declaration, then of the alphabet.
local function ordered(field, by_name)
    local faults, undeclared = {}, {}
    for _, name in ipairs(field.names or {}) do
        for _, fault in ipairs(by_name[name] or {}) do faults[#faults + 1] = fault end
    end
    for name in pairs(by_name) do
        if not (field.by_name and field.by_name[name]) then undeclared[#undeclared + 1] = name end
    end
    table.sort(undeclared, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(undeclared) do
        for _, fault in ipairs(by_name[name]) do faults[#faults + 1] = fault end
    end
    return faults
end

--- The fields that need something done when they are absent.
local function absentees(field)
    local list = {}
    for _, inner in ipairs(field.fields or {}) do
        if inner.required or inner.default ~= nil then list[#list + 1] = inner end
    end
    return list
end

--- Adds the fault of one name to the faults of an object.
local function note(by_name, name, said, hint)
    by_name = by_name or {}
    by_name[name] = by_name[name] or {}
    add(by_name[name], math.type(name) == "float" and tostring(name) or name, said, hint)
    return by_name
end

local function copy_of(tbl)
    local copy = {}
    for name, value in next, tbl do copy[name] = value end
    return copy
end

--- Is a value sent in another form than it has? 5.0 equals 5.
local function is_changed(sent, value)
    return sent ~= value or math_type(value) == "float" and math_type(sent) == "integer"
end

--- Types that the native check knows, and the attributes that it knows of them; the rest it asks their checks.
local KINDS = { string = "string", id = "string", integer = "integer", number = "number", boolean = "boolean" }
local KNOWN = { min = true, max = true, min_length = true, max_length = true }

local function kind_of(field)
    local kind = KINDS[field.type]
    if not kind or field.also then return "other" end
    for name in pairs(types.all[field.type].attributes) do
        if field[name] ~= nil and not KNOWN[name] then return "other" end
    end
    local has_fraction = math_type(field.min) == "float" or math_type(field.max) == "float"
    return kind == "integer" and has_fraction and "other" or kind
end

--- Makes the quick check: true for an object of declared fields that is sent as it is (csrc/lua/check.c).
local function quick_check(field)
    local list = {}
    for i, inner in ipairs(field.fields) do
        list[i] = {
            name = inner.name, kind = kind_of(inner), check = inner.check, nullable = inner.nullable,
            needed = inner.required or inner.default ~= nil, min = inner.min, max = inner.max,
            min_length = inner.min_length, max_length = inner.max_length,
        }
    end
    return native.object(list)
end

---@param field neap.Field compiled; `fields`, `by_name` and `near` are set; gets `is_plain`, the quick check
---@return neap.Check
function container.object(field)
    local checks, wires, absent, renames = {}, {}, absentees(field), false
    local custom, name_fault = custom_check(field), container.name_fault
    for _, inner in ipairs(field.fields or {}) do
        checks[inner.name], wires[inner.name] = inner.check, inner.wire or inner.name
        renames = renames or inner.wire ~= nil
    end
    local is_plain = not renames and field.fields and quick_check(field)
    field.is_plain = is_plain

    --- Checks a value under an undeclared name.
    local function undeclared(name, value, opts)
        local message, hint = name_fault(field, name, opts)
        if message then return nil, message, hint end
        return custom(value, opts)
    end

    --- Fills in defaults; notes what is required and absent.
    local function complete(value, wire, by_name, opts)
        for i = 1, #absent do
            local inner = absent[i]
            if value[inner.name] == nil then
                if inner.default ~= nil then
                    wire = wire or copy_of(value)
                    wire[wires[inner.name]] = inner.check(inner.default, opts)
                else
                    by_name = note(by_name, inner.name, "required")
                end
            end
        end
        return wire, by_name
    end

    return function(value, opts)
        if is_plain and is_plain(value, opts) then return value end
        if type(value) ~= "table" or is_list(value) then
            return nil, unexpected("an object", value)
        end
        local wire, by_name = renames and {} or nil, nil
        for name, part in next, value do
            local check = checks[name]
            local sent, said, hint
            if check then
                sent, said, hint = check(part, opts)
            else
                sent, said, hint = undeclared(name, part, opts)
            end
            if sent == nil then
                by_name = note(by_name, name, said, hint)
            elseif wire then
                wire[renames and wires[name] or name] = sent
            elseif is_changed(sent, part) then
                wire = copy_of(value)
                wire[name] = sent
            end
        end
        wire, by_name = complete(value, wire, by_name, opts)
        if by_name then return nil, ordered(field, by_name) end
        return wire or value
    end
end

--- Gets what is wrong with the number of elements.
local function count_fault(field, count)
    if field.min and count < field.min then
        return ("%d items, at least %d are needed"):format(count, field.min)
    end
    if field.max and count > field.max then
        return ("%d items, at most %d are allowed"):format(count, field.max)
    end
end

--- Is a table a list without holes and other keys?
local function is_sequence(value)
    local count = 0
    for _ in next, value do count = count + 1 end
    return count == #value
end

--- An element of a list that is sent as one text may not hold the separator.
local function separator_fault(field, item)
    local text = tostring(item)
    if not text:find(field.join, 1, true) then return nil end
    return ('%s holds "%s", which separates the items'):format(values.quote(text), field.join)
end

--- Joins the elements of a list that is sent as one text.
local function joined(field, wire)
    for i, item in ipairs(wire) do wire[i] = tostring(item) end
    return table.concat(wire, field.join)
end

---@param field neap.Field compiled; `of` is set
---@return neap.Check
function container.list(field)
    local check = field.of.check
    local expected = "a list of " .. types.name(field):match("^list of (.*)")
    return function(value, opts)
        if field.join and type(value) == "string" then value = lang.split(value, field.join) end
        if type(value) ~= "table" or not is_list(value) and next(value) ~= nil then
            return nil, unexpected(expected, value)
        end
        if not is_sequence(value) then return nil, "a list with holes or with named entries" end
        local wire, faults = {}, {}
        for i = 1, #value do
            local sent, said, hint = check(value[i], opts)
            wire[i] = sent
            if sent ~= nil and field.join then said = separator_fault(field, sent) end
            if sent == nil or field.join and said then add(faults, i, said, hint) end
        end
        local message = count_fault(field, #value)
        if message then table.insert(faults, 1, { path = "", message = message }) end
        if faults[1] then return nil, faults end
        if field.join then return joined(field, wire) end
        return values.array(wire)
    end
end

--- Kinds of Lua value that the types take; `list` and `object` are both tables.
local takes = {
    string = { string = true }, id = { string = true, number = true }, integer = { number = true },
    number = { number = true }, boolean = { boolean = true }, date = { string = true },
    datetime = { string = true }, interval = { string = true }, url = { string = true },
    path = { string = true }, decimal = { string = true, number = true },
    duration = { string = true, number = true }, rate = { string = true },
    json_text = { string = true, list = true, object = true }, object = { object = true },
}

--- Does an alternative take values of a kind at all?
local function fits(alternative, kind, value)
    if value == null then return alternative.nullable or alternative.type == "any" end
    if alternative.type == "enum" then return type(alternative.values[1]) == kind end
    if alternative.type == "list" then
        return kind == "list" or kind == "object" and next(value) == nil
            or kind == "string" and alternative.join ~= nil
    end
    return not takes[alternative.type] or takes[alternative.type][kind] or false
end

--- Gets what the alternatives that came into question said, as one.
local function refusal(said)
    if #said == 1 then return nil, said[1][1], said[1][2] end
    local texts, hint = {}, nil
    for i, one in ipairs(said) do
        local faults = type(one[1]) == "table" and one[1] or { { path = "", message = one[1] } }
        texts[i] = values.fault_text { path = faults[1].path, message = faults[1].message }
        hint = hint or one[2]
    end
    return nil, table.concat(texts, ", or "), hint
end

---@param field neap.Field compiled; `either` is set
---@return neap.Check
function container.either(field)
    local name = types.name(field)
    local expected = (name:find("^[aeiou]") and "an " or "a ") .. name
    return function(value, opts)
        local kind = type(value)
        if kind == "table" then kind = is_list(value) and "list" or "object" end
        local said = {}
        for _, alternative in ipairs(field.either) do
            if fits(alternative, kind, value) then
                local sent, message, hint = alternative.check(value, opts)
                if sent ~= nil then return sent end
                said[#said + 1] = { message, hint }
            end
        end
        if not said[1] then return nil, unexpected(expected, value) end
        return refusal(said)
    end
end

--- Lets null through a check.
---@param check neap.Check
---@return neap.Check
function container.nullable(check)
    return function(value, opts)
        if value == null then return null end
        return check(value, opts)
    end
end

--- Lets a field's own words through a check.
---@param check neap.Check
---@param words string[]
---@return neap.Check
function container.also(check, words)
    local taken = {}
    for _, word in ipairs(words) do taken[word] = true end
    return function(value, opts)
        if taken[value] then return value end
        return check(value, opts)
    end
end

return container
