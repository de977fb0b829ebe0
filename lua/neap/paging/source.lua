--- Where a walk gets its pages from: one call per page. This is the only part that knows of replies.
--
--   source.fetch(values, target, ordered) -> page | nil, err   waits; a call of the endpoint, or of the URL
--                             `target`; ordered: records remember the order of their names
--   source.may_fetch()           -> boolean           a call would leave at once, and before nobody's turn
--
--   page.next_record()     -> record | nil at the end | nil, err; may wait
--   page.member(keys)      -> member of what is beside the records; asked after the last record, or at once
--                             where `count` is known
--   page.header(name)      -> string | nil
--   page.url               that was answered
--   page.count             number of records, where it is known before the last one was read
--   page.reader()          -> userdata | nil      what gives the records at hand as they are, without `next_record`
--   page.texts(program, max, file) -> text, count | nil at the end | nil, err    what a map makes of several records,
--                             true where it is in the file; only of pages that can do that without Lua
--   page.bytes()           bytes of the answer that were read
--   page.close()           no more of it is needed

local call = require "neap.call"
local pages = require "neap.paging.page"

local M = {}

---@class neap.paging.Source
---@field fetch fun(values: table, target: string?, ordered: boolean?): table|nil, neap.Error?
---@field may_fetch fun(): boolean

--- Makes the source of an endpoint's pages.
---@param handle table endpoint handle of client.lua
---@param client neap.Client
---@return neap.paging.Source
function M.calls(handle, client)
    local paging = handle.endpoint.paging
    local source = {}

    function source.fetch(values, target, ordered)
        local answer, err = call.page(handle, client, values, target, ordered)
        if not answer then return nil, err end
        if answer.res then return require("neap.paging.stream").page(paging, answer, ordered) end
        return pages.new(paging, answer)
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
