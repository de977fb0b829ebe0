--- Where a walk gets its pages from: one call per page. This is the only part that knows of replies.
--
--   source.fetch(values, target) -> page | nil, err   waits; a call of the endpoint, or of the URL `target`
--   source.may_fetch()           -> boolean           a call would leave at once, and before nobody's turn
--
--   page.next_record()     -> record | nil at the end | nil, err; may wait
--   page.member(keys)      -> member of what is beside the records; asked after the last record, or at once
--                             where `count` is known
--   page.header(name)      -> string | nil
--   page.url               that was answered
--   page.count             number of records, where it is known before the last one was read
--   page.close()           no more of it is needed

local call = require "neap.call"
local errors = require "neap.error"
local json = require "neap.native.json"
local null = require "neap.null"
local said = require("neap.schema.value").said

local M = {}

---@class neap.paging.Source
---@field fetch fun(values: table, target: string?): table|nil, neap.Error?
---@field may_fetch fun(): boolean

local function follow(value, keys)
    for _, key in ipairs(keys) do
        if type(value) ~= "table" or json.is_array(value) then return nil end
        value = value[key]
    end
    return value
end

--- What is wrong on the way to a member: something that is no object. Absent and null mean that there is none.
local function way_fault(body, keys)
    local value = body
    for i = 1, #keys - 1 do
        if type(value) ~= "table" or json.is_array(value) then return nil end
        value = value[keys[i]]
        if value == nil or value == null then return nil end
        if type(value) ~= "table" or json.is_array(value) then
            return errors.new {
                kind = "decode",
                message = ("%s is %s, an object expected"):format(table.concat(keys, ".", 1, i), said(value)),
            }
        end
    end
end

--- The list of a reply; null is an empty one.
local function list_of(paging, reply)
    local list = reply.payload
    if paging.records then list = follow(reply.body, paging.records) end
    if list == null then return {} end
    if json.is_array(list) then return list end
    local what = paging.records and table.concat(paging.records, ".") or "the payload"
    return errors.fail("decode", "%s is %s, a list of records expected", what, said(list))
end

--- Some vendors put the cursor behind the last record, as an object that holds nothing else. -> it, or nil
local function trailer_of(paging, list)
    local last = list[#list]
    if paging.style ~= "cursor" or #paging.next < 2 then return nil end
    if type(last) ~= "table" or json.is_array(last) then return nil end
    local name = next(last)
    if name == paging.next[1] and next(last, name) == nil and type(last[name]) == "table" then return last end
end

---@param paging neap.Paging
---@param reply neap.Reply
local function page_of(paging, reply)
    local list, err = list_of(paging, reply)
    err = err or way_fault(reply.body, paging.next or {}) or way_fault(reply.body, paging.more or {})
    if err then return nil, err end
    local trailer = trailer_of(paging, list)
    local page = { url = reply.url, header = reply.header, count = #list - (trailer and 1 or 0) }
    local at = 0

    function page.next_record()
        if at == page.count then return nil end
        at = at + 1
        return list[at]
    end

    function page.member(keys)
        local value = follow(reply.body, keys)
        if value == nil and trailer then value = follow(trailer, keys) end
        return value
    end

    function page.close()
        list, at = nil, page.count
    end

    return page
end

--- Makes the source of an endpoint's pages.
---@param handle table endpoint handle of client.lua
---@param client neap.Client
---@return neap.paging.Source
function M.calls(handle, client)
    local paging = handle.endpoint.paging
    local source = {}

    function source.fetch(values, target)
        local reply, err = call.page(handle, client, values, target)
        if not reply then return nil, err end
        return page_of(paging, reply)
    end

    --- False too where only the state store, or a departure, can tell whether the limits have room.
    function source.may_fetch()
        local bound = handle.bound
        local state = bound and bound.queue:peek()
        return state ~= nil and state.waiting == 0 and state.next_in == 0 and state.gate == "open"
    end

    return source
end

return M
