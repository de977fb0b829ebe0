--- The styles of paging (vendor/paging.lua): what is asked for first, and what after a page. A style knows
-- positions, not records; a position is a number of records, a page number, a cursor or a URL.
--
--   style.start                                   where the walk begins; nil where the vendor decides
--   style.request(position, size)                 -> values of the call, URL instead of the endpoint's own
--   style.after(page, position, count, size)      -> the next position | nil at the end | nil, err
--   style.resized(position, size, smaller)        -> the same position with smaller pages, nil if there is none
--   style.resume(position, taken)                 -> "$skip=20000", how somebody goes on there, and true where that
--                                                    is behind `taken` records of the page; nil without
--   style.is_token                                a position that repeats is a cycle

local errors = require "neap.error"
local lang = require "neap.lang"
local null = require "neap.null"
local said = require("neap.schema.value").said
local secrets = require "neap.native.secret"
local url = require "neap.native.url"

local M = {}

local function copy_of(values)
    local copy = {}
    for name, value in next, values do copy[name] = value end
    return copy
end

--- What every page is asked for: the caller's values, and what gives the order.
local function base_of(paging, values)
    local base = copy_of(values)
    for name, value in pairs(paging.send) do
        if base[name] == nil then base[name] = value end
    end
    return base
end

local function with(base, name, value, size_name, size)
    local values = copy_of(base)
    if name then values[name] = value end
    if size_name then values[size_name] = size end
    return values
end

local function fail(fmt, ...)
    return errors.fail("decode", fmt, ...)
end

--- What a member of the body is called.
local function name_of(keys)
    return table.concat(keys, ".")
end

--- A member of the body; null is nil.
local function member(page, keys)
    local value = keys and page.member(keys)
    if value == null then return nil end
    return value
end

local function same(position)
    return position
end

local STYLES = {}

--- May that many records be all that the vendor gives in one page, whatever it is asked for? Nobody sets such
-- a bound to 37.
local function is_cap(count, default)
    return count == default or count >= 10 and (count % 10 == 0 or count % 25 == 0)
        or count >= 16 and count & (count - 1) == 0
end

--- The last page is shorter than those that the vendor can give. That is what was asked for, or less: it may
-- overlook the size, or have a bound of its own. A page shorter than an earlier one is the last; a short
-- one before which there was none so long is too, unless it looks like the bound: the next page tells.
function STYLES.skip(paging, values)
    local base, given = base_of(paging, values), values[paging.position]
    local style = { start = math.tointeger(given) or 0, resized = same }
    local longest = 0 -- page of this walk

    function style.request(position, size)
        local skip = (position > 0 or given) and position or nil
        return with(base, paging.position, skip, paging.size, size)
    end

    function style.after(_, position, count, size)
        local may_be_full = count >= size or count >= longest and is_cap(count, paging.default)
        longest = math.max(longest, count)
        if count > 0 and may_be_full then return position + count end
    end

    function style.resume(position, taken)
        return ("%s=%d"):format(paging.position, position + (taken or 0)), true
    end

    return style
end

--- Is there more? -> boolean, nil where the vendor does not say; or nil, err
local function has_more(paging, page)
    local more = member(page, paging.more)
    if more == nil or type(more) == "boolean" then return more end
    return nil, select(2, fail("%s is %s, true or false expected", name_of(paging.more), said(more)))
end

--- The cursor in wire form, if it is one the parameter takes.
local function cursor_of(paging, value)
    local is_scalar = type(value) == "string" or math.type(value) == "integer"
    local wire = is_scalar and paging.check_position(value, {}) or nil
    if wire ~= nil then return wire end
    return fail("%s is %s and no cursor", name_of(paging.next), said(value))
end

local LONGEST_SHOWN = 200 -- bytes of a cursor in a hint

--- Only the vendor ends this walk: a page may be short or empty because it was filtered.
function STYLES.cursor(paging, values)
    local base = base_of(paging, values)
    local style = { start = values[paging.position], resized = same, is_token = true }

    function style.request(position, size)
        return with(base, paging.position, position, paging.size, size)
    end

    function style.after(page)
        local more, err = has_more(paging, page)
        if err then return nil, err end
        if more == false then return nil end
        local cursor = member(page, paging.next)
        if cursor ~= nil and cursor ~= "" then return cursor_of(paging, cursor) end
        if not more then return nil end
        return fail("%s is true, but there is no %s to go on with", name_of(paging.more), name_of(paging.next))
    end

    function style.resume(position)
        local shown = secrets.redact(tostring(position))
        return #shown <= LONGEST_SHOWN and ("%s=%s"):format(paging.position, shown) or nil
    end

    return style
end

--- Pages by number; a flag says whether another one follows.
function STYLES.page(paging, values)
    local base = base_of(paging, values)
    local style = { start = math.tointeger(values[paging.position]) or paging.first }

    function style.request(position, size)
        return with(base, paging.position, position, paging.size, size)
    end

    function style.after(page, position)
        local flag = page.member(paging.next)
        if flag == true then return position + 1 end
        if flag == false or flag == null then return nil end
        return fail("%s is %s, true or false expected", name_of(paging.next), said(flag))
    end

    --- Pages of half the size have twice the number, if the size is even.
    function style.resized(position, size, smaller)
        if size ~= 2 * smaller then return nil end
        return paging.first + (position - paging.first) * 2
    end

    function style.resume(position)
        return ("%s=%d"):format(paging.position, position)
    end

    return style
end

--- The absolute URL of the next page; never one of another origin.
local function target_of(page, reference)
    local target = url.resolve(page.url, reference)
    local parsed = target and url.parse(target)
    if not parsed then return fail("the URL of the next page is none: %s", said(secrets.redact(reference))) end
    if url.same_origin(page.url, target) then return target end
    return nil, errors.new {
        kind = "redirect",
        message = ("the next page lies at another origin (%s); nothing was sent there"):format(parsed.origin),
    }
end

--- What walks by URL have in common; `next_of(page)` -> reference | nil | nil, err
local function by_url(paging, values, next_of)
    local base = base_of(paging, values)
    local style = { is_token = true, is_url = true }

    function style.request(position, size)
        return with(base, nil, nil, paging.size, size), position
    end

    function style.after(page)
        local reference, err = next_of(page)
        if reference == nil then return nil, err end
        return target_of(page, reference)
    end

    --- Later pages have the vendor's own URL, with the size in it.
    function style.resized() end

    function style.resume() end

    return style
end

--- RFC 8288. A header that cannot be read is not the end: there may be more.
function STYLES.link(paging, values)
    return by_url(paging, values, function(page)
        local targets, malformed = lang.links(page.header "link")
        if targets.next or not malformed then return targets.next end
        return fail("the Link header is malformed: whether another page follows is not known")
    end)
end

function STYLES.next_url(paging, values)
    return by_url(paging, values, function(page)
        local reference = member(page, paging.next)
        if reference == nil or reference == "" or type(reference) == "string" then
            return reference ~= "" and reference or nil
        end
        return fail("%s is %s, a URL expected", name_of(paging.next), said(reference))
    end)
end

--- Makes the style of one walk.
---@param paging neap.Paging
---@param values table<string, any> of the caller, checked and in wire form
function M.new(paging, values)
    return STYLES[paging.style](paging, values)
end

return M
