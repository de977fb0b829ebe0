--- Pages whose answer is there as a whole, and what is beside the records of others.

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

--- May the cursor stand behind the last record, as an object that holds nothing else? Some vendors do that.
---@param paging neap.Paging
---@return boolean
function M.may_trail(paging)
    return paging.style == "cursor" and #paging.next > 1
end

--- Is the last record the cursor?
---@param paging neap.Paging
---@param last any
---@return boolean
function M.is_trailer(paging, last)
    if not M.may_trail(paging) or type(last) ~= "table" or json.is_array(last) then return false end
    local name = next(last)
    return name == paging.next[1] and next(last, name) == nil and type(last[name]) == "table"
end

--- A page whose answer is there as a whole.
---@param paging neap.Paging
---@param reply neap.Reply
---@param last? any record that was read before the rest: it may be the cursor
---@return table|nil page
---@return neap.Error? err
function M.new(paging, reply, last)
    local list, err = list_of(paging, reply)
    if list and last ~= nil then list = { last } end
    err = err or way_fault(reply.body, paging.next or {}) or way_fault(reply.body, paging.more or {})
    if err then return nil, err end
    local trailer = M.is_trailer(paging, list[#list]) and list[#list] or nil
    local page = { url = reply.url, header = reply.header, count = #list - (trailer and 1 or 0) }
    local at = 0

    function page.bytes() return reply.size end

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

return M
