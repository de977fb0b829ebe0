--- Hostile pagers: each walk ends with the full set, or with the right error behind what was right.

local helper = require "spec.support.helper"
local pager = require "spec.support.pager"

--- What to do with a pager of a style.
---@class Case
---@field [1] string style
---@field [2] string plan of the simulator
---@field count? integer records there are; default 250
---@field ids? integer how many of them come, from the first one; default all
---@field early? integer the same where the page is read while it arrives
---@field list? string or which
---@field kind? string of the error; nil: there is none
---@field says? string part of its message
---@field requests? integer

local SAME = "the vendor sent the same page again"
local ABROAD = "the next page lies at another origin"

---@type Case[]
local cases = {
    -- cycles
    { "cursor", "self", ids = 200, kind = "decode", says = "round in a circle: page 2", requests = 2 },
    { "cursor", "round", ids = 100, kind = "decode", says = SAME, requests = 2 },
    { "cursor", "round2", list = "1-100 11-110 21-120", kind = "decode", says = "round in a circle: page 3",
        requests = 3 },
    { "skip", "swing", count = 900, ids = 200, kind = "decode", says = "round in a circle of 2", requests = 3 },
    { "page", "swing", count = 900, ids = 200, kind = "decode", says = "round in a circle of 2", requests = 3 },
    { "token", "self", ids = 100, kind = "decode", says = "round in a circle" },
    { "link", "round", ids = 100, kind = "decode", says = SAME },
    { "next_url", "round", ids = 100, kind = "decode", says = SAME },
    { "link", "home", ids = 200, kind = "decode", says = "round in a circle: page 2", requests = 2 },
    { "next_url", "home", ids = 200, kind = "decode", says = "round in a circle: page 2" },
    -- no end
    { "cursor", "endless_empty", ids = 0, kind = "decode", says = "100 empty pages in a row", requests = 100 },
    { "token", "endless_empty", ids = 0, kind = "decode", says = "100 empty pages in a row" },
    { "page", "liar", kind = "decode", says = "100 empty pages in a row", requests = 103 },
    -- pages that are not full
    { "cursor", "short", requests = 5 }, { "token", "short" }, { "cursor", "holes", requests = 5 },
    { "token", "holes" },
    { "cursor", "short,holes,done_next,shrink" },
    { "skip", "", count = 300, requests = 4 }, { "skip", "", count = 0, requests = 1 },
    -- more or fewer records than were asked for
    { "cursor", "over", requests = 3 }, { "skip", "over", requests = 3 }, { "skip", "no_top", requests = 13 },
    { "skip", "no_top", count = 260, requests = 14 },
    -- pages no longer than the vendor's own bound
    { "skip", "clip50", count = 120, requests = 3 }, { "skip", "clip50", count = 100, requests = 3 },
    { "skip", "clip50", count = 50, requests = 2 }, { "skip", "clip50", count = 49, requests = 1 },
    { "skip", "clip30", count = 64, requests = 3 }, { "skip", "", count = 150, requests = 2 },
    { "skip", "clip50,no_skip", count = 120, ids = 50, kind = "decode", says = SAME, requests = 2 },
    -- the same page again
    { "skip", "no_skip", ids = 100, kind = "decode", says = SAME, requests = 2 },
    { "skip", "twice", ids = 100, kind = "decode", says = SAME },
    { "cursor", "twice", ids = 100, kind = "decode", says = SAME },
    { "token", "twice", ids = 50, kind = "decode", says = SAME },
    { "page", "stuck", ids = 100, kind = "decode", says = SAME },
    { "link", "twice", ids = 100, kind = "decode", says = SAME },
    -- totals, flags, cursors
    { "cursor", "shrink" }, { "cursor", "done_next" }, { "cursor", "trailer" }, { "cursor", "trailer,holes,short" },
    { "cursor", "null", ids = 100, kind = "decode",
        says = "cursor.has_more is true, but there is no cursor.next to go on with" },
    { "cursor", "absent", ids = 100, kind = "decode", says = "there is no cursor.next" },
    { "cursor", "blank", ids = 100, kind = "decode", says = "there is no cursor.next" },
    { "cursor", "number", ids = 100, kind = "decode", says = "cursor.next is a number (42) and no cursor" },
    { "cursor", "object", ids = 100, kind = "decode", says = "cursor.next is an object and no cursor" },
    { "cursor", "trailer,number", ids = 100, kind = "decode", says = "cursor.next is a number (42) and no cursor" },
    { "cursor", "flat", ids = 0, early = 100, kind = "decode", says = "cursor is a string" },
    { "cursor", "listed", ids = 0, early = 100, kind = "decode", says = "cursor is a list, an object expected" },
    { "token", "number", ids = 50, kind = "decode", says = "next_token is a number (42) and no cursor" },
    { "token", "null", ids = 50 }, { "token", "blank", ids = 50 }, { "token", "absent", ids = 50 },
    { "cursor", "text_more", ids = 100, kind = "decode", says = 'cursor.has_more is a string ("true"), true or false' },
    { "page", "text_more", ids = 100, kind = "decode", says = 'has_next is a string ("yes"), true or false' },
    { "page", "no_flag", ids = 100, kind = "decode", says = "has_next is nothing, true or false expected" },
    -- addresses
    { "link", "foreign", ids = 100, kind = "redirect", says = ABROAD .. " (https://elsewhere.example", requests = 1 },
    { "next_url", "foreign", ids = 100, kind = "redirect", says = ABROAD, requests = 1 },
    { "link", "http", ids = 100, kind = "redirect", says = ABROAD },
    { "next_url", "port", ids = 100, kind = "redirect", says = ABROAD },
    { "link", "absolute" }, { "next_url", "absolute" }, { "link", "many" },
    { "link", "broken", ids = 100, kind = "decode", says = "the Link header is malformed" },
    { "next_url", "number", ids = 100, kind = "decode", says = "paging.next is a number (2), a URL expected" },
    -- bodies
    { "cursor", "gone@2", ids = 100, kind = "decode", says = "data is nothing, a list of records expected" },
    { "cursor", "no_list@2", ids = 100, kind = "decode", says = "data is an object, a list of records expected" },
    { "skip", "no_list@3", ids = 200, kind = "decode", says = "the payload is an object, a list of records expected" },
    { "skip", "nothing", ids = 0 }, { "link", "gone", ids = 0, kind = "decode", says = "items is nothing" },
    { "cursor", "nothing@3", ids = 200 },
    { "page", "html@2", ids = 100, kind = "decode", says = "the reply is no JSON" },
    -- failures in the middle
    { "cursor", "500@2", ids = 100, kind = "rejected", says = "said 500" },
    { "skip", "503@3", ids = 200, kind = "outage", says = "said 503" },
    { "next_url", "500@3", ids = 200, kind = "rejected", says = "said 500" },
}

describe("a hostile pager", function()
    after_each(helper.assert_idle)

    local function check(case, plan)
        it(("ends: %s, %s"):format(case[1], plan), function()
            pager.run(function(v)
                local count = case.count or 250
                local ids, err = pager.collect(v, case[1], { plan = plan, count = count })
                assert.equal(case.kind, err and err.kind, tostring(err))
                if case.kind then
                    assert.matches(case.says, err.message, 1, true)
                    assert.equal("rejected", err.outcome)
                    assert.equal("pager." .. case[1], err.vendor .. "." .. err.endpoint)
                end
                local expected = plan:find "large" and case.early or case.ids or count
                assert.equal(case.list or pager.ids(expected), ids)
                if case.requests then assert.equal(case.requests, #pager.seen()) end
            end)
        end)
    end

    for _, case in ipairs(cases) do
        check(case, case[2])
        check(case, case[2] .. ",large")
    end

    it("that leads back to where the walk began ends there", function()
        pager.run(function(v)
            local ids, err = pager.collect(v, "cursor", { cursor = "c100", plan = "self" })
            assert.equal("101-200", ids)
            assert.matches("round in a circle: page 1", err.message)
            assert.equal(1, #pager.seen())
        end)
    end)

    it("has a record that only looks like a cursor", function()
        pager.run(function(v)
            local records = {}
            for record in v:each("cursor", { count = 3, plan = "odd" }) do records[#records + 1] = record end
            assert.same({ cursor = "text" }, records[4])
            assert.equal(4, #records)
        end)
    end)

    it("with more records for ever ends at the caller's bound", function()
        pager.run(function(v)
            assert.equal(pager.ids(2000), pager.collect(v, "cursor", { plan = "endless" }, { max_pages = 20 }))
            assert.equal(pager.ids(333), pager.collect(v, "token", { plan = "endless" }, { max_records = 333 }))
        end)
    end)

    for _, style in ipairs { "skip", "cursor", "token", "page", "link", "next_url" } do
        for _, plan in ipairs { "", "large" } do
            it(("on a bad connection gives the full set: %s %s"):format(style, plan), function()
                pager.run(function(v)
                    assert.equal(pager.ids(1000), pager.collect(v, style, { count = 1000, plan = plan }))
                    assert.is_true(#pager.seen() > 11)
                end, { faults = "reset:p=0.15;truncate:p=0.05;429:p=0.1" })
            end)
        end
    end
end)

describe("pages that look the same", function()
    local guards = require "neap.paging.guard"

    --- Compares pages in turn. -> number of the page that was one too many
    local function judged(pages)
        local guard = guards.new()
        for i, page in ipairs(pages) do
            if guard:compare(page) then return i end
        end
    end

    local function times(count, page)
        local pages = {}
        for i = 1, count do pages[i] = page end
        return pages
    end

    it("are the same where their records tell them apart", function()
        assert.equal(2, judged { { 1, 2 }, { 1, 2 } })
        assert.is_nil(judged { { 1, 2 }, { 1, 2, 3 }, { 1, 2 } })
        assert.is_nil(judged { { 1, 2 }, {}, { 2, 1 } })
        assert.equal(3, judged { { 1, 2 }, {}, { 1, 2 } })
    end)

    local function range(first, last)
        local list = {}
        for i = first, last do list[#list + 1] = i end
        return list
    end

    it("are the same over the whole walk, at once where they tell enough apart", function()
        assert.equal(3, judged { range(1, 16), range(17, 32), range(1, 16) })
        local pages = {}
        for i = 1, 5000 do pages[i] = range(16 * i, 16 * i + 15) end
        assert.is_nil(judged(pages))
        pages[5001] = pages[1]
        assert.equal(5001, judged(pages))
    end)

    it("are the same where a few records come again as a whole round", function()
        local a, b, c = { 1, 2 }, { 3, 4 }, { 5, 6 }
        assert.equal(4, judged { a, b, a, b })
        assert.equal(6, judged { a, b, c, a, b, c })
        assert.is_nil(judged { a, b, a, c, a, b, { 7, 8 }, a, c })
        local pages = {}
        for i = 1, 50 do pages[i] = { i % 25, -1 } end
        assert.equal(35, judged(pages))
        for i = 1, 50 do pages[i] = { i % 2 } end
        assert.equal(12, judged(pages))
        for i = 1, 50 do pages[i] = { i % 25 } end
        assert.equal(50, judged(pages))
    end)

    it("may be data where their records are equal, or there is one", function()
        assert.is_nil(judged(times(10, { { status = "A" }, { status = "A" } })))
        assert.equal(11, judged(times(11, { { status = "A" }, { status = "A" } })))
        assert.equal(11, judged(times(20, { 7 })))
        local pages = times(20, { 7 })
        pages[8] = { 8 }
        pages[16] = { 8 }
        assert.is_nil(judged(pages))
    end)

    it("count as empty only in a row", function()
        local guard = guards.new()
        for i = 1, 500 do assert.is_nil(guard:count(i % 100 == 0 and 1 or 0)) end
    end)

    it("are told apart by cursors of any length", function()
        local guard, long = guards.new(), ("x"):rep(100000)
        assert.is_true(guard:visit(long .. "1"))
        assert.is_true(guard:visit(long .. "2"))
        assert.is_false(guard:visit(long .. "1"))
        assert.is_true(guard:visit "a")
        assert.is_true(guard:visit(1))
        assert.is_false(guard:visit "a")
    end)
end)
