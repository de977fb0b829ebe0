--- client:each: every style, what is asked for and when, how a walk begins and ends.

local helper = require "spec.support.helper"
local neap = require "neap"
local pager = require "spec.support.pager"

local runtime = require "neap.runtime"

local styles = { "skip", "cursor", "token", "page", "link", "next_url" }

describe("a walk", function()
    after_each(helper.assert_idle)

    for _, style in ipairs(styles) do
        for _, count in ipairs { 0, 1, 250, 1234 } do
            it(("gives all %d records: %s"):format(count, style), function()
                pager.run(function(v)
                    assert.equal(pager.ids(count), pager.collect(v, style, { count = count }))
                end)
            end)
        end
    end

    -- style, parameters, options, sizes that the vendor is asked for
    local sizes = {
        { "skip", {}, nil, { 100, 100, 100 } },
        { "skip", { count = 200 }, nil, { 100, 100, 100 } }, -- an exactly full last page costs one more
        { "skip", { count = 99 }, nil, { 100 } },
        { "skip", { count = 120, ["$top"] = 60 }, nil, { 60, 60, 60 } },
        { "skip", { count = 120 }, { size = 90 }, { 90, 90 } },
        { "skip", { ["$top"] = 90 }, { size = 90 }, { 90, 90, 90 } },
        { "skip", {}, { max_records = 30 }, { 30 } },
        { "cursor", { count = 200 }, nil, { 100, 100 } },
        { "cursor", { limit = 75 }, nil, { 75, 75, 75, 75 } },
        { "cursor", {}, { size = 1, max_records = 2 }, { 1, 1 } },
        { "token", {}, nil, { false, false, false, false, false } },
        { "page", { count = 200 }, nil, { 100, 100 } },
        { "link", { per_page = 80 }, nil, { 80, 80, 80, 80 } },
        { "next_url", { count = 100 }, nil, { 100 } },
    }
    for i, case in ipairs(sizes) do
        it("asks for the largest pages, or for those it is told: " .. i, function()
            pager.run(function(v)
                local ids, err = pager.collect(v, case[1], case[2], case[3])
                assert.is_nil(err)
                assert.equal(pager.ids(case[3] and case[3].max_records or case[2].count or 250), ids)
                assert.same(case[4], pager.column "size")
            end)
        end)
    end

    -- style, parameters, options, words of the refusal
    local refused = {
        { "skip", { ["$top"] = 101 }, nil, { "$top: 101 is above the maximum 100" } },
        { "skip", { ["$top"] = 0 }, nil, { "$top: 0 is below the minimum 1" } },
        { "cursor", { limit = 101 }, nil, { "limit: 101 is above the most records per page, 100" } },
        { "cursor", { limit = 0 }, nil, { "limit: 0 is below 1" } },
        { "skip", {}, { size = 101 }, { "$top: 101 is above the most records per page, 100" } },
        { "skip", { ["$top"] = 5 }, { size = 6 }, { "$top: given twice: 5 as a parameter, 6 as the option size" } },
        { "token", {}, { size = 10 }, { "size: the vendor sets the size of its pages" } },
        { "skip", { cuont = 1, plan = {} }, nil, { "cuont: unknown name", 'did you mean "count"?', "plan: " } },
        { "skip", 5, nil, { "parameters are a table, got a number" } },
    }
    for i, case in ipairs(refused) do
        it("refuses before any call: " .. i, function()
            pager.run(function(v)
                local ids, err = pager.collect(v, case[1], case[2], case[3])
                assert.equal("", ids)
                assert.equal("invalid", err.kind)
                assert.equal("not_sent", err.outcome)
                assert.equal("pager." .. case[1], err.vendor .. "." .. err.endpoint)
                for _, word in ipairs(case[4]) do assert.matches(word, tostring(err), 1, true) end
                assert.matches("pager.lua:%d+$", err.where) -- of spec/support
                assert.equal(0, runtime.sends)
            end)
        end)
    end

    it("sends the order that paging needs, unless the caller has one", function()
        pager.run(function(v)
            pager.collect(v, "cursor", { count = 101 })
            pager.collect(v, "cursor", { count = 1, sort = "desc" })
            assert.same({ "asc", "asc", "desc" }, pager.column "sort")
        end)
    end)

    for _, case in ipairs {
        { "skip", { ["$skip"] = 30 }, "31-250" }, { "skip", { ["$skip"] = 250 }, "" },
        { "cursor", { cursor = "c7" }, "8-250" }, { "token", { token = "c200" }, "201-250" },
        { "page", { page = 2 }, "101-250" },
    } do
        it(("begins where the parameters say: %s at %s"):format(case[1], case[3]), function()
            pager.run(function(v)
                assert.equal(case[3], pager.collect(v, case[1], case[2]))
            end)
        end)
    end

    it("ends at the caller's bounds, without an error and without a call that is not needed", function()
        pager.run(function(v)
            for _, style in ipairs { "skip", "cursor", "page", "link", "next_url" } do
                local before = #pager.seen()
                assert.equal(pager.ids(200), pager.collect(v, style, { count = 900 }, { max_pages = 2 }))
                assert.equal(pager.ids(200), pager.collect(v, style, { count = 900 }, { max_records = 200 }))
                assert.equal(pager.ids(101), pager.collect(v, style, { count = 900 }, { max_records = 101 }))
                assert.equal(pager.ids(1), pager.collect(v, style, { count = 900 }, { max_records = 1 }))
                assert.equal(7, #pager.seen() - before, style)
            end
        end)
    end)

    it("keeps to the limits: ten calls per second, none of them refused", function()
        pager.run(function(v)
            local started = neap.now()
            assert.equal(pager.ids(1000), pager.collect(v, "cursor", { count = 1000 }, { size = 10 }))
            assert.is_true(neap.now() - started >= 9.9)
            assert.equal(100, #pager.seen())
        end)
    end)

    it("takes the parameters as they were at its beginning", function()
        pager.run(function(v)
            local params, ids = { count = 150 }, {}
            for record in v:each("skip", params) do
                params.count, params["$top"] = 5, 1
                ids[#ids + 1] = record.id
            end
            assert.equal("1-150", pager.ranges(ids))
            assert.same({ count = 5, ["$top"] = 1 }, params)
        end)
    end)

    it("is misused where there are no pages, no such endpoint, no such option", function()
        pager.run(function(v)
            local function message(...)
                local args = table.pack(...)
                local ok, raised = pcall(function() return v:each(table.unpack(args, 1, args.n)) end)
                assert.is_false(ok)
                return tostring(raised)
            end
            assert.matches("pager.plain: invalid: its answer does not come in pages; "
                .. "paged are cursor, link, next_url, page, skip, token", message "plain", 1, true)
            assert.matches('no endpoint "skipp"; did you mean "skip"?', message "skipp", 1, true)
            assert.matches('no endpoint "nil"', message(), 1, true)
            assert.matches('paging_spec.lua:%d+: each: no option "max_page"; did you mean "max_pages"?',
                message("skip", {}, { max_page = 1 }))
            for _, size in ipairs { 0, 2.0, "5" } do
                local expected = "each: size: an integer from 1 expected, got " .. size
                assert.matches(expected, message("skip", {}, { size = size }), 1, true)
            end
            assert.matches("options expected, got a number", message("skip", {}, 5), 1, true)
            assert.matches("call it with a colon", tostring(select(2, pcall(v.each, "skip"))), 1, true)
            assert.equal(0, runtime.sends)
        end)
    end)

    it("is a source of deliveries and of neap.map", function()
        pager.run(function(v)
            local seen = {}
            neap.map(v:each("cursor", { count = 300 }), { concurrency = 8 }, function(record)
                seen[record.id] = (seen[record.id] or 0) + 1
                return true
            end)
            assert.equal(300, #seen)
            for id = 1, 300 do assert.equal(1, seen[id]) end
        end)
    end)

    it("belongs to one task at a time", function()
        pager.run(function(v)
            local pull = v:each("cursor", { count = 3, plan = "slow@1", limit = 50 })
            local first = neap.spawn(pull)
            neap.sleep(1)
            local ok, raised = pcall(pull)
            assert.is_false(ok)
            assert.matches("paging_spec.lua:%d+: each: another task waits for the next record", raised)
            assert.equal(1, first:await().id)
            assert.equal(2, pull().id)
        end)
    end)

    it("goes on after a wait for it was given up", function()
        pager.run(function(v)
            local pull = v:each("skip", { count = 3, plan = "stall@1" })
            assert.equal("timeout", select(2, neap.deadline(5, pull)).kind)
            for id = 1, 3 do assert.equal(id, pull().id) end
            assert.is_nil(pull())
        end)
    end)

    it("raises the error of a call behind the records before it, and is over then", function()
        pager.run(function(v)
            local pull = v:each("skip", { count = 300, plan = "500@3" })
            for id = 1, 200 do assert.equal(id, pull().id) end
            local ok, err = pcall(pull)
            assert.is_false(ok)
            assert.equal("rejected", err.kind)
            assert.equal(500, err.status)
            assert.equal("to go on there: $skip=200", err.hint)
            assert.matches("paging_spec.lua:%d+$", err.where)
            assert.is_nil(pull())
            assert.equal(3, #pager.seen())
        end)
    end)
end)
