--- Listings of any length: every record once and in order, in memory that does not grow with them. A page has
-- 200,000 records, client and simulator in one process or in two.

local helper = require "spec.support.helper"

local KEY = "00000000-0000-4000-8000-000000000000"
local COUNT = helper.scale(250000, 5000)
local TOP = helper.scale(200000, 4000)
local LIMIT_KIB = 16 * 1024

--- The words of a call for all customers of an action that has COUNT of them.
local function words(...)
    return {
        "RecipientGroupID=1", "ActionID=" .. 1000000 + COUNT, "Date=2018-03-01", "$top=" .. TOP, ...,
    }
end

local function call(form, opts, ...)
    local args = { "call", "optimove", "GetCustomersByAction", "--all", "--set", "optimove.accept=" .. form }
    table.move(words(...), 1, 8, #args + 1, args)
    opts.peak = true
    return helper.cli(args, opts)
end

--- The number of the first line that is not the customer of its place; nil where all are.
local function first_wrong(text)
    local expected, at = 0, 1
    for line in text:gmatch "[^\n]*\n" do
        expected, at = expected + 1, at + #line
        if line ~= ('{"CustomerID":"%08d"}\n'):format(expected) then return expected, line end
    end
    if at <= #text then return expected + 1, text:sub(at) end
    if expected ~= COUNT then return expected + 1 end
end

--- Only a build for use is judged by its memory.
local function assert_small(kib)
    if helper.preset == "release" then assert.is_true(kib <= LIMIT_KIB, ("peak: %.1f MiB"):format(kib / 1024)) end
end

local function assert_all(got)
    assert.same({ 0, "" }, { got.code, got.err })
    assert.same({}, { first_wrong(got.out) })
    assert_small(got.peak_kib)
end

--- What a process has needed so far.
local function peak_of(pid)
    return tonumber(helper.read(("/proc/%d/status"):format(pid)):match "VmHWM:%s+(%d+) kB")
end

describe("all customers of an action, in one process,", function()
    for _, form in ipairs { "json", "xml" } do
        it("as " .. form, function()
            assert_all(call(form, {}, "--sandbox", "--clock", "virtual"))
        end)

        it("into a file, as " .. form, function()
            local path = helper.tmpdir() .. "/customers.ndjson"
            local args = { "run", "optimove/export-customers", "--function", "GetCustomersByAction", "--out", path,
                "--format", form, "--sandbox", "--clock", "virtual" }
            for _, word in ipairs(words()) do table.move({ "--param", word }, 1, 2, #args + 1, args) end
            local got = helper.cli(args, { peak = true })
            assert.equal(0, got.code, got.err)
            assert.same({}, { first_wrong(helper.read(path)) })
            assert_small(got.peak_kib)
        end)
    end

    it("with attributes, to a script that counts them", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/count.lua", [[
            return neap.workflow { vendors = { "optimove" }, run = function(ctx)
                local count, last = 0, nil
                for customer in ctx:vendor("optimove"):each("GetCustomersByAction", {
                    RecipientGroupID = 1, ActionID = ]] .. 1000000 + COUNT .. [[, Date = "2018-03-01",
                    CustomerAttributes = { "Country" }, ["$top"] = ]] .. TOP .. [[,
                }) do
                    assert(last == nil or last < customer.CustomerID)
                    assert(#customer.CustomerAttributes == 1)
                    count, last = count + 1, customer.CustomerID
                end
                return { count = count, last = last }
            end }]])
        local got = helper.cli({ "run", "count.lua", "--sandbox", "--clock", "virtual" }, { cwd = dir, peak = true })
        assert.same({ 0, "" }, { got.code, got.err })
        assert.equal(('{"count":%d,"last":"%08d"}\n'):format(COUNT, COUNT), got.out)
        assert_small(got.peak_kib)
    end)
end)

describe("all customers of an action, over HTTP,", function()
    local server, env

    lazy_setup(function()
        server = helper.start { "sandbox", "--port", "0" }
        local base = assert(server:line():match "^listening on (http://%S+)$")
        env = { NEAP_OPTIMOVE_BASE_URL = base .. "/optimove", NEAP_OPTIMOVE_API_KEY = KEY }
    end)

    lazy_teardown(function()
        server:signal "TERM"
        server:wait()
    end)

    for _, form in ipairs { "json", "xml" } do
        it("as " .. form, function()
            assert_all(call(form, { env = env }))
        end)
    end

    it("the server is as small", function()
        assert_small(peak_of(server.pid))
    end)
end)
