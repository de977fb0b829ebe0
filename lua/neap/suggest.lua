--- Nearest names: what somebody meant who wrote a name that nobody knows.
--
-- Two names are compared folded (case, `_` and `-` do not count), then by edits: a letter inserted,
-- deleted or replaced, or two neighbours exchanged (optimal string alignment).

local suggest = {}

--- Up to this folded length a name is short: two edits would turn it into anything.
local short_name = 3

---@param name string
---@return string
local function fold(name)
    return (name:lower():gsub("[_-]", ""))
end

--- Gets the characters of a text, or its bytes where it is not UTF-8.
---@param text string
---@return integer[]
local function characters(text)
    if utf8.len(text) then return { utf8.codepoint(text, 1, -1) } end
    return { text:byte(1, -1) }
end

--- Gets the cheapest way to the cell (i, j), from the three rows above and left of it.
local function cell(a, b, i, j, before, last, row)
    local same = a[i] == b[j] and 0 or 1
    local best = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + same)
    if i > 1 and j > 1 and a[i] == b[j - 1] and a[i - 1] == b[j] then
        best = math.min(best, before[j - 2] + 1)
    end
    return best
end

--- Gets the number of edits from a to b, or nil when it is above limit.
---@param a integer[]
---@param b integer[]
---@param limit integer
---@return integer?
local function edits(a, b, limit)
    if math.abs(#a - #b) > limit then return nil end
    local before, last = nil, {}
    for j = 0, #b do last[j] = j end
    for i = 1, #a do
        local row, least = { [0] = i }, i
        for j = 1, #b do
            row[j] = cell(a, b, i, j, before, last, row)
            if row[j] < least then least = row[j] end
        end
        if least > limit then return nil end
        before, last = last, row
    end
    return last[#b] <= limit and last[#b] or nil
end

--- Gets the names of a list in its order, or the keys of a set in alphabetical order.
---@param names string[]|table<string, any>
---@return string[]
local function listed(names)
    if names[1] ~= nil or next(names) == nil then return names end
    local keys = {}
    for key in pairs(names) do
        if type(key) == "string" then keys[#keys + 1] = key end
    end
    table.sort(keys)
    return keys
end

--- Names longer than this are not compared: the work grows with the square of the length.
local longest_name = 128

--- Gets the first of the names with the least distance, among those that have one.
---@param name string
---@param names string[]|table<string, any>
---@param distance_to fun(candidate: string): integer?
---@return string?
local function best_of(name, names, distance_to)
    if #name > longest_name then return nil end
    local best, least
    for _, candidate in ipairs(listed(names)) do
        local distance = distance_to(candidate)
        if distance and (not least or distance < least) then best, least = candidate, distance end
    end
    return best
end

--- Gets the name nearest to the one given: equal but for case, `_` and `-`, else at most two edits
--- away (one where either has three characters or fewer). Of equally near ones the first.
---@param name string
---@param names string[]|table<string, any> a list, or a set whose keys are the names
---@return string? best
function suggest.nearest(name, names)
    local wanted = characters(fold(name))
    return best_of(name, names, function(candidate)
        local other = characters(fold(candidate))
        local limit = (#wanted <= short_name or #other <= short_name) and 1 or 2
        return edits(wanted, other, limit)
    end)
end

--- Gets the declared name that a custom one must not come near to (DESIGN.md 5, "Objects marked
--- open"): equal but for case, `_` and `-`, or at most two edits away, however short; in the edits
--- only case does not count.
---@param name string
---@param names string[]
---@return string? declared
function suggest.too_near(name, names)
    local folded, wanted = fold(name), characters(name:lower())
    return best_of(name, names, function(candidate)
        if fold(candidate) == folded then return 0 end
        return edits(wanted, characters(candidate:lower()), 2)
    end)
end

--- Gets the hint that ends an error message: `did you mean "email"?`.
---@param name string
---@param names string[]|table<string, any>
---@return string? hint
function suggest.hint(name, names)
    local best = suggest.nearest(name, names)
    return best and ('did you mean "%s"?'):format(best)
end

return suggest
