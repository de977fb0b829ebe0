--- client:each and time: the page that is fetched ahead, pages that take too long, a session that ends between
--- two pages.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"
local pager = require "spec.support.pager"

local deliver = require "neap.deliver"
local runtime = require "neap.runtime"
local task = require "neap.native.task"

describe("the page ahead", function()
    after_each(helper.assert_idle)

    --- Walks with a second between records. -> seconds at which the vendor saw requests, from the first one
    local function requests(v, style, params)
        for _ in v:each(style, params) do neap.sleep(1) end
        local times = pager.column "at"
        for i = #times, 1, -1 do times[i] = math.floor(times[i] - times[1]) end
        return times
    end

    it("is fetched when half of a page was taken", function()
        for _, style in ipairs { "skip", "cursor", "page", "link", "next_url" } do
            pager.run(function(v)
                assert.same({ 0, 49, 149 }, requests(v, style, { count = 250 }), style)
            end)
        end
    end)

    it("is cancelled with its walk", function()
        pager.run(function(v)
            for record in v:each("cursor", { plan = "slow@2", count = 900 }) do
                if record.id == 40 or record.id == 60 then neap.sleep(1) end
                if record.id == 61 then break end
            end
            assert.equal(2, #pager.seen())
            assert.is_nil((neap.try(function()
                for record in v:each "cursor" do
                    if record.id == 60 then neap.error.raise("invalid", "enough") end
                end
            end)))
        end)
    end)

    it("is waited for by nobody when its walk ends", function()
        pager.run(function(v)
            local started = neap.now()
            neap.spawn(function()
                for record in v:each("cursor", { plan = "stall@2", count = 900 }) do
                    if record.id == 40 or record.id == 60 then neap.sleep(1) end
                    if record.id == 61 then break end
                end
            end):await()
            assert.equal(2, neap.now() - started)
            assert.equal(2, #pager.seen())
        end)
    end)

    it("is not fetched where the caller's bounds end the walk", function()
        for _, opts in ipairs { { max_pages = 1 }, { max_records = 100 }, { max_records = 99 } } do
            pager.run(function(v)
                for _ in v:each("skip", { count = 900 }, opts) do neap.sleep(1) end
                assert.equal(1, #pager.seen())
            end)
        end
    end)

    it("is cancelled with its task", function()
        pager.run(function(v)
            local _, err = neap.deadline(5, function()
                for record in v:each("skip", { plan = "stall@2", count = 900 }) do
                    if record.id == 40 then neap.sleep(1) end
                    if record.id == 60 then neap.sleep(60) end
                end
            end)
            assert.equal("timeout", err.kind)
            assert.equal(2, #pager.seen())
        end)
    end)

    it("is not fetched for who stops early", function()
        pager.run(function(v)
            for record in v:each "cursor" do
                if record.id == 49 then break end
            end
            neap.sleep(10)
            assert.equal(1, #pager.seen())
        end)
    end)

    it("outlives the task that happened to ask for a record, which need not wait for it", function()
        pager.run(function(v)
            local pull = v:each("skip", { plan = "stall@2", count = 250 })
            local started, given_up = neap.now(), 0
            local function next_record()
                local record, err = neap.deadline(5, pull)
                if record or not err then return record end
                assert.equal("timeout", err.kind)
                given_up = given_up + 1
                return next_record()
            end
            for id = 1, 250 do
                if id == 40 then neap.sleep(1) end
                assert.equal(id, next_record().id)
                if id <= 100 then assert.equal(id < 40 and 0 or 1, neap.now() - started) end
            end
            assert.is_nil(next_record())
            assert.is_true(given_up > 2)
            assert.equal(4, #pager.seen()) -- one came to nothing at the vendor
        end)
    end)

    it("ends with a walk that is closed while somebody waits for it", function()
        pager.run(function(v)
            local pull, _, _, walk = v:each("skip", { plan = "stall@2", count = 250 })
            for id = 1, 100 do
                if id == 40 then neap.sleep(1) end
                pull()
            end
            local waiting = neap.spawn(pull)
            neap.sleep(1)
            walk:close()
            assert.is_nil(waiting:await())
            assert.is_nil(pull())
            assert.equal(2, #pager.seen())
        end)
    end)

    it("ends with an iterator that was forgotten", function()
        pager.run(function(v)
            local before = task.stats().tasks
            local function start()
                local pull = v:each("cursor", { plan = "stall@2", count = 900 })
                for id = 1, 60 do
                    if id == 40 then neap.sleep(1) end
                    pull()
                end
                neap.sleep(1)
                assert.is_true(task.stats().tasks > before)
            end
            start()
            collectgarbage()
            collectgarbage()
            neap.sleep(1)
            assert.equal(before, task.stats().tasks)
            assert.equal(2, #pager.seen())
        end)
    end)

    it("is not asked for before the limits have room, and nobody waits for them", function()
        pager.run(function(v)
            local function call() return v:plain() end
            for record in v:each("skip", { count = 900 }) do
                if record.id == 45 then
                    neap.sleep(1)
                    for _ = 1, 20 do neap.spawn(call) end
                elseif record.id == 70 then
                    neap.spawn(call)
                end
                if record.id == 98 then break end
                if record.id % 10 == 5 then neap.sleep(record.id == 85 and 5 or 0.5) end
            end
            local expected = { "skip" }
            for i = 1, 21 do expected[i + 1] = "plain" end
            expected[23] = "skip"
            assert.same(expected, pager.column "endpoint")
        end)
    end)

    it("is not asked for where the limits have no room yet, though nobody waits", function()
        pager.run(function(v)
            for record in v:each("skip", { count = 900 }) do
                if record.id == 60 then neap.spawn(function() return v:plain() end) end
                if record.id == 70 then neap.sleep(0.5) end
                if record.id == 80 then break end
            end
            assert.same({ "skip", "plain" }, pager.column "endpoint")
        end)
    end)

    it("counts as the record's that a delivery works on", function()
        pager.run(function(v)
            local ids = {}
            local summary = assert(deliver.run({ {} }, function()
                for record in v:each("cursor", { count = 250, plan = "stall@2" }) do
                    assert.is_not_nil(task.attached())
                    if record.id % 100 == 40 then
                        neap.sleep(1)
                    elseif record.id == 60 then
                        neap.sleep(1)
                        assert.equal(0, runtime.on_wire)
                        assert.equal(2, runtime.sends)
                    end
                    ids[#ids + 1] = record.id
                end
                return true
            end, { dead_letters = helper.tmpdir() .. "/dead.ndjson" }))
            assert.equal(1, summary.ok)
            assert.equal("1-250", pager.ranges(ids))
        end)
    end)

    it("is fetched where the limits are windows", function()
        acme.run(function(v)
            local count, times = 0, {}
            local params = { RecipientGroupID = 1, ActionID = 2, Date = "2018-03-01", ["$top"] = 1000 }
            for _ in v:each("GetCustomersByAction", params, { max_records = 2000 }) do
                count = count + 1
                if count == 600 or count == 1600 then
                    neap.sleep(1)
                    times[#times + 1] = runtime.sends
                end
            end
            assert.same({ 2, 2 }, times)
        end, { vendor = "optimove" })
    end)

    it("fails only where it is needed", function()
        pager.run(function(v)
            for record in v:each("skip", { plan = "500@2", count = 300 }) do
                if record.id == 40 or record.id == 99 then neap.sleep(10) end
                if record.id == 99 then break end
            end
            assert.equal(2, #pager.seen())
            local ids, err = pager.collect(v, "skip", { plan = "500@4", count = 300 })
            assert.equal("1-100", ids)
            assert.equal(500, err.status)
        end)
    end)
end)

describe("a page that takes too long", function()
    after_each(helper.assert_idle)

    -- style, plan, records, sizes in turn; each size that takes too long is sent five times
    for _, case in ipairs {
        { "skip", "slow", 60, { 100, 50, 25, 25, 25 } }, { "skip", "late", 140, { 100, 100, 50, 25, 25 } },
        { "cursor", "slow", 60, { 100, 50, 25, 25, 25 } }, { "cursor", "late", 140, { 100, 100, 50, 25, 25 } },
        { "page", "slow", 60, { 100, 50, 25, 25, 25 } }, { "page", "late", 140, { 100, 100, 50, 25, 25 } },
        { "link", "slow", 60, { 100, 50, 25, 25, 25 } }, { "next_url", "slow", 60, { 100, 50, 25, 25, 25 } },
    } do
        it(("is asked for with half of its size: %s, %s"):format(case[1], case[2]), function()
            pager.run(function(v)
                assert.equal(pager.ids(case[3]), pager.collect(v, case[1], { plan = case[2], count = case[3] }))
                local sizes, is_first = {}, case[2] == "late"
                for _, size in ipairs(case[4]) do
                    for _ = 1, size > 30 and not is_first and 5 or 1 do sizes[#sizes + 1] = size end
                    is_first = false
                end
                assert.same(sizes, pager.column "size")
            end)
        end)
    end

    -- style, parameters, sizes, records before
    for _, case in ipairs {
        { "skip", { plan = "stall", ["$top"] = 64 }, { 64, 32, 16, 8, 4 }, 0 },
        { "cursor", { plan = "stall", limit = 3 }, { 3, 1 }, 0 },
        { "token", { plan = "stall" }, { false }, 0 },
        { "page", { plan = "late", per_page = 33 }, { 33 }, 33 },
        { "link", { plan = "late" }, { 100 }, 100 },
    } do
        it("fails at a sixteenth, and where there is no smaller one: " .. case[1], function()
            pager.run(function(v)
                local ids, err = pager.collect(v, case[1], case[2])
                assert.equal(pager.ids(case[4]), ids)
                assert.equal("timeout", err.kind)
                local sizes = {}
                for i, size in ipairs(pager.column "size") do
                    if (i - (case[4] > 0 and 2 or 1)) % 5 == 0 then sizes[#sizes + 1] = size end
                end
                assert.same(case[3], sizes)
            end)
        end)
    end
end)

describe("a session that ends in the middle of a walk", function()
    after_each(helper.assert_idle)

    it("is renewed, and the walk goes on with the same page", function()
        acme.run(function(v)
            local last = 0
            local params = { RecipientGroupID = 1, ActionID = 2, Date = "2018-03-01", ["$top"] = 1000 }
            for customer in v:each("GetCustomersByAction", params) do
                assert.equal(("%08d"):format(last + 1), customer.CustomerID)
                last = last + 1
                if last % 100 == 0 then neap.sleep(1) end
            end
            assert.equal(25000, last)
            assert.equal(26 + 2 + 1, runtime.sends) -- pages, logins, the page that met the expiry
        end, { vendor = "optimove", overrides = { auth = "session" }, faults = "expire@optimove:at=60" })
    end)
end)
