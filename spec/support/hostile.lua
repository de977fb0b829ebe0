--- Runs specs against the vendor of spec/support/hostile, whose answers are bad in ways that have names.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"
local runtime = require "neap.runtime"

local hostile = {}

hostile.dir = helper.root .. "/spec/support/hostile"

local KEY = "00000000-0000-4000-8000-000000000000"

--- Makes a directory to run the command in, with the vendor and save.lua.
---@return string path
function hostile.place()
    local dir = helper.tmpdir()
    for _, name in ipairs { "vendors", "save.lua" } do
        local from, to = helper.quote(hostile.dir .. "/" .. name), helper.quote(dir .. "/" .. name)
        assert(os.execute(("ln -s %s %s"):format(from, to)))
    end
    return dir
end

--- The text of a record.
function hostile.text(id)
    return ("text of record %d"):format(id):rep(6, ", ")
end

--- The lines of records 1 to count as the command prints them.
function hostile.lines(count)
    local list = {}
    for id = 1, count do list[id] = ('{"id":%d,"text":"%s"}\n'):format(id, hostile.text(id)) end
    return table.concat(list)
end

--- Starts `neap sandbox` with the vendor. -> process, base URL of the vendor
function hostile.serve()
    local server = helper.start({ "sandbox", "--port", "0" }, { cwd = hostile.place() })
    return server, assert(server:line():match "^listening on (http://%S+)$") .. "/hostile"
end

--- Runs fn(client) as a task, on the virtual clock, with a fresh sandbox.
---@param fn fun(client: neap.Client): any
---@param overrides? table settings of the client
function hostile.run(fn, overrides)
    return acme.run(fn, { vendor = "hostile", script_dir = hostile.dir, overrides = overrides })
end

--- Runs fn(client) as a task, on the virtual clock, with a client that goes over the network to `base`.
---@param base string
---@param fn fun(client: neap.Client): any
---@param overrides? table settings of the client
function hostile.over(base, fn, overrides)
    local key = helper.write(helper.tmpdir() .. "/key", KEY)
    assert(os.execute("chmod 600 " .. helper.quote(key)))
    local settings = { base_url = base, api_key = "file:" .. key }
    for name, value in pairs(overrides or {}) do settings[name] = value end
    return neap.run(function()
        runtime.configure { script_dir = hostile.dir }
        local ok, err = pcall(function() return fn(neap.vendor("hostile", settings)) end)
        runtime.stopped = nil
        runtime.configure {}
        if not ok then error(err, 0) end
    end, { clock = "virtual", seed = 1 })
end

--- Reads hostile.list to the end. Raises what is not the record of its place.
---@param client neap.Client
---@param params table
---@param pause? number seconds after each record
---@return integer count of records
---@return neap.Error? err
function hostile.read(client, params, pause)
    local count = 0
    local _, err = neap.try(function()
        for record in client:each("list", params) do
            count = count + 1
            if record.id ~= count or (#record.text < 1000 and record.text ~= hostile.text(count)) then
                error(("record %d is %s"):format(count, record.id), 0)
            end
            if pause then neap.sleep(pause) end
        end
        return true
    end)
    return count, err
end

return hostile
