--- Where a walk gets its pages from: one call per page. This is the only part that knows of replies.
--
--   fetch(values, target) -> page | nil, err        waits; a call of the endpoint, or of the URL `target`
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

local function follow(value, keys)
    for _, key in ipairs(keys) do
        if type(value) ~= "table" or json.is_array(value) then return nil end
        value = value[key]
    end
    return value
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
    if not list then return nil, err end
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

--- Makes the function that fetches pages of an endpoint.
---@param handle table endpoint handle of client.lua
---@param client neap.Client
function M.calls(handle, client)
    local paging = handle.endpoint.paging
    return function(values, target)
        local reply, err = call.page(handle, client, values, target)
        if not reply then return nil, err end
        return page_of(paging, reply)
    end
end

return M
