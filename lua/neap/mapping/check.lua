--- Checks a map against the types of both its sides, and completes it: names as declared, casts that follow from
-- the types.

local fit = require "neap.mapping.fit"
local names = require "neap.schema.names"
local schema = require "neap.schema"

local M = {}

---@class neap.MapCheck the state of one check
---@field map neap.MapSpec
---@field source? neap.MapSide
---@field target? neap.MapSide
---@field fault fun(entry: neap.MapEntry|nil, message: string, key?: string)

-- Names ------------------------------------------------------------------------------------------

--- The declared field of a dotted name. -> field, way, or nil, nil, message
local function resolve(side, name)
    if not side or not side.object then return nil end
    local resolved, message, hint = names.resolve(side.object, name, side.options)
    if not resolved then
        local path = side.object.path .. "."
        if message:sub(1, #path) == path then message = message:sub(#path + 1) end -- the side is named anyway
        return nil, nil, hint and ("%s, %s"):format(message, hint) or message
    end
    local is_typed = not resolved.custom or resolved.field.check -- else it stands for what nobody declared
    return is_typed and resolved.field or nil, resolved.keys
end

local function full(side, name)
    return side and ("%s.%s"):format(side.label, name) or name
end

--- Stands for the type of what there is not.
local NONE = {}

local function with_type(name, field)
    return ("%s (%s)"):format(name, field == NONE and "unknown" or fit.type_name(field))
end

--- Both ends of an entry: "A.b.c (string) to D.e.f (integer)".
local function ends(check, entry, source, target)
    local from
    if entry.constant then from = "constant " .. entry.constant.text
    elseif entry.with then from = "with (type unknown)"
    else from = with_type(full(check.source, entry.from), source) end
    local to = full(check.target, entry.name)
    if check.target and check.target.object then to = with_type(to, target)
    elseif entry.cast then to = ("%s (cast to %s)"):format(to, entry.cast) end
    return ("%s to %s"):format(from, to)
end

-- Entries ----------------------------------------------------------------------------------------

--- The type of what an entry takes, after `split` and `at`. -> type, or nil and a message
local function made_of(entry, field)
    local message
    if entry.split then
        field, message = fit.split(field)
        if message then return nil, message end
    end
    if entry.at then
        field, message = fit.at(field)
        if message then return nil, message end
    end
    return field
end

--- What a value that every record gets is to the target. -> message
local function literal_fault(check, entry, target, key)
    if not target or not entry[key] then return nil end
    local sent, said, hint = target.check(entry[key].value, check.target.options)
    if sent ~= nil then return nil end
    if type(said) == "table" then said = schema.format_faults(said) end
    local shown = key == "default" and ("default %s: "):format(entry.default.text) or ""
    return shown .. (hint and ("%s, %s"):format(said, hint) or said)
end

--- The cast of an entry, as written or as the types want it; "" where none is. -> nil, message where it cannot be
local function cast_of(entry, made, target)
    if not entry.cast then
        local needed, message = fit.step(made, target)
        return needed, message
    end
    local cast, message = fit.cast(made, entry.cast)
    if not cast then return nil, message end
    local needed
    needed, message = fit.step(cast, target)
    if needed == false then return entry.cast end
    return nil, ("cast = %q makes %s, and %s"):format(entry.cast, fit.noun(cast),
        message or ("that is not %s"):format(fit.noun(target)))
end

local function check_types(check, entry, source, target, refuse)
    local message = literal_fault(check, entry, target, "constant") or literal_fault(check, entry, target, "default")
    if message then refuse(message) end
    if entry.constant then return end
    local made, cast
    made, message = made_of(entry, source)
    if not message then cast, message = cast_of(entry, made, target) end
    if message then refuse(message) end
    entry.cast = cast or nil
end

--- Says whose name is unknown.
local function whose(message, side)
    return (message:gsub("^unknown name", "unknown " .. side, 1))
end

local function check_entry(check, entry)
    local source, target, way, unknown, missing
    if entry.from and not entry.is_sourceless then
        source, way, unknown = resolve(check.source, entry.from)
        entry.way = way or entry.way
    end
    target, way, missing = resolve(check.target, entry.name)
    entry.target = way or entry.target
    local function refuse(message)
        local shown = ends(check, entry, unknown and NONE or source, missing and NONE or target)
        check.fault(entry, ("%s: %s"):format(shown, message))
    end
    if unknown then refuse(whose(unknown, "source field " .. entry.from)) end
    if missing then refuse(whose(missing, "target " .. entry.name)) end
    if not unknown and not entry.is_sourceless then check_types(check, entry, source, target, refuse) end
end

-- Targets ----------------------------------------------------------------------------------------

---@class neap.MapNode a target, or an object that targets are in
---@field entry? neap.MapEntry
---@field members? table<string, neap.MapNode>

--- Any entry of a node.
local function entry_of(node)
    while not node.entry do node = select(2, next(node.members)) end
    return node.entry
end

--- Puts an entry's target into the tree of all targets. -> the entry that is there already, or in its way
local function plant(members, entry)
    local way = entry.target
    for i = 1, #way - 1 do
        local node = members[way[i]]
        if node and node.entry then return node.entry end
        if not node then
            node = { members = {} }
            members[way[i]] = node
        end
        members = node.members
    end
    local last = way[#way]
    if members[last] then return entry_of(members[last]) end
    members[last] = { entry = entry }
end

local function plant_all(check)
    local tree = {}
    for _, entry in ipairs(check.map.entries) do
        local other = plant(tree, entry)
        if other then
            local same = table.concat(other.target, ".") == table.concat(entry.target, ".")
            check.fault(entry, same and ("a second entry for this target, the first is entry %d"):format(other.index)
                or ("entry %d has the target %s: one is within the other"):format(other.index, other.name))
        end
    end
    return tree
end

--- Tells of the required fields of the target that nothing is mapped to, in all objects that are made.
local function check_required(check, object, tree, prefix)
    for _, field in ipairs(object.fields or {}) do
        local node = tree[field.name]
        if not node and field.required and field.default == nil then
            check.fault(nil, ("%s is required, and no entry has it as its target"):format(
                with_type(full(check.target, prefix .. field.name), field)))
        elseif node and node.members then
            local inner = names.object_of(field)
            if inner then check_required(check, inner, node.members, prefix .. field.name .. ".") end
        end
    end
end

--- Is a field of a rule among the targets, whole or in part?
local function is_mapped(check, tree, name)
    local prefix = check.target.prefix
    if name:sub(1, #prefix) ~= prefix then return true end
    for part in name:sub(#prefix + 1):gmatch "[^.]+" do
        local node = tree[part]
        if not node then return false end
        if node.entry then return true end
        tree = node.members
    end
    return true
end

--- Rules that want one of several fields.
local function check_rules(check, tree)
    for _, rule in ipairs(check.target.endpoint.rules) do
        local wanted, is_given = rule.any_of or rule.one_of, false
        for _, name in ipairs(wanted or {}) do is_given = is_given or is_mapped(check, tree, name) end
        if wanted and not is_given then
            check.fault(nil, ("%s needs one of %s, and no entry has one of them as its target"):format(
                check.target.label, table.concat(wanted, ", ")))
        end
    end
end

--- What stands in the tree for members that `rest` adds.
local REST = { index = 0, name = "rest", target = {} }

-- The rest ---------------------------------------------------------------------------------------

--- The members that `rest` adds, of those that are declared.
local function rest_of(check, tree)
    local taken, fields = {}, {}
    for _, entry in ipairs(check.map.entries) do
        if entry.way and #entry.way == 1 then taken[entry.way[1]] = true end
    end
    for _, field in ipairs(check.source.object.fields or {}) do
        if not taken[field.name] and not tree[field.name] then fields[#fields + 1] = field end
    end
    return fields
end

--- Members that come along as they are fit as they are.
local function check_rest(check, tree)
    for _, field in ipairs(rest_of(check, tree)) do
        local target, _, missing = resolve(check.target, field.name)
        local needed, message = fit.step(field, target)
        if not missing and needed then message = ("an entry %q would cast it"):format(field.name) end
        if missing or message then
            check.fault(nil, ("rest: %s to %s: %s"):format(with_type(full(check.source, field.name), field),
                with_type(full(check.target, field.name), missing and NONE or target),
                missing and whose(missing, "target " .. field.name) or message), "rest")
        end
        tree[field.name] = { entry = REST }
    end
end

local function check_targets(check)
    local tree = plant_all(check)
    if not check.target or not check.target.object then return end
    local has_rest = check.map.rest
    if has_rest and check.source and check.source.object then
        check_rest(check, tree)
        has_rest = check.source.object.open
    end
    if has_rest then return end
    check_required(check, check.target.object, tree, "")
    check_rules(check, tree)
end

--- Checks a map; changes its entries: `way` and `target` become declared names, `cast` what the types need.
---@param map neap.MapSpec
---@param source? neap.MapSide
---@param target? neap.MapSide
---@param fault fun(entry: neap.MapEntry|nil, message: string, key?: string) called for each fault
function M.check(map, source, target, fault)
    local check = { map = map, source = source, target = target, fault = fault }
    for _, entry in ipairs(map.entries) do check_entry(check, entry) end
    check_targets(check)
end

return M
