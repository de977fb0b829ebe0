--- Runs specs of paging against the vendor of spec/support/pager in the in-process sandbox, on the virtual clock.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local pager = {}

pager.dir = helper.root .. "/spec/support/pager"

--- Makes a directory to run the command in, with the vendor.
---@return string path
function pager.place()
    local dir = helper.tmpdir()
    assert(os.execute(("ln -s %s %s"):format(helper.quote(pager.dir .. "/vendors"), helper.quote(dir .. "/vendors"))))
    return dir
end

--- Runs fn(client) as a task with a fresh sandbox.
---@param fn fun(client: neap.Client): any
---@param options? table of acme.run
function pager.run(fn, options)
    local all = { vendor = "pager", script_dir = pager.dir }
    for name, value in pairs(options or {}) do all[name] = value end
    return acme.run(fn, all)
end

--- What the simulator has seen: a list of { at, endpoint, query, body, size, skip, cursor, page, sort }.
function pager.seen()
    return acme.seen "pager"
end

--- One field of all that it has seen; false where it was absent.
function pager.column(name)
    local values = {}
    for i, entry in ipairs(pager.seen()) do values[i] = entry[name] or false end
    return values
end

--- Shows ids as ranges: "1-100 7 11-20"; "" for none.
---@param ids integer[]
function pager.ranges(ids)
    local parts, first = {}, nil
    for i, id in ipairs(ids) do
        first = first or id
        if ids[i + 1] ~= id + 1 then
            parts[#parts + 1] = first == id and tostring(id) or ("%d-%d"):format(first, id)
            first = nil
        end
    end
    return table.concat(parts, " ")
end

--- Walks to the end. -> ids in the order of their coming, as ranges; the error that ended it
---@param client neap.Client
---@param endpoint string
---@param params? table
---@param opts? neap.EachOptions
---@return string ranges
---@return neap.Error? err
function pager.collect(client, endpoint, params, opts)
    local ids = {}
    local _, err = neap.try(function()
        for record in client:each(endpoint, params, opts) do ids[#ids + 1] = record.id end
        return true
    end)
    return pager.ranges(ids), err
end

--- The ids from 1 to count.
function pager.ids(count)
    return count == 0 and "" or count == 1 and "1" or "1-" .. count
end

return pager
