--- `paging` in definitions: what is accepted, and how a mistake in it is reported.

require "spec.support.helper"
require "neap"

local errors = require "neap.error"
local vendor = require "neap.vendor"

local PARAMS = [[params = { { "skip", type = "integer" }, { "top", type = "integer", max = 100 },
    { "size", type = "integer" }, { "cursor", type = "string", max_length = 5 }, { "sort", values = { "asc" } },
    { "started", type = "integer", default = 1 } },]]

--- The paging of an endpoint whose definition has these lines.
local function compile(paging, rest)
    local text = ('return vendor.define "test" {\n title = "Test",\n endpoints = {\n  read = {\n   %s\n   paging = '
        .. "%s,\n   %s\n  },\n },\n}\n"):format(rest or 'get = "/read",', paging, PARAMS:gsub("\n", " "))
    return vendor.compile(text, "test.lua").endpoints.read.paging
end

describe("paging of an endpoint", function()
    it("is read with what its parameters say", function()
        local skip = compile 'paging.skip { skip = "skip", top = "top", max = 100, default = 10 }'
        assert.same({ "skip", "skip", "top" }, { skip.style, skip.position, skip.size })
        assert.same({ 100, 10 }, { skip.max, skip.default })
        assert.equal("by skip and top, at most 100 records a page, 10 unless asked", skip.doc)
        local cursor = compile [[paging.cursor { cursor = "cursor", size = "top", next = "a.next", more = "a.more",
            records = "data.rows", send = { sort = "asc" } }]]
        assert.equal(100, cursor.max)
        assert.same({ { "a", "next" }, { "a", "more" } }, { cursor.next, cursor.more })
        assert.same({ "data", "rows" }, cursor.records)
        assert.same({ sort = "asc" }, cursor.send)
        assert.equal("by cursor (parameter cursor), at most 100 records a page (top)", cursor.doc)
        local page = compile 'paging.page { page = "skip", next = "more", first = 0 }'
        assert.same({ "skip", 0 }, { page.position, page.first })
        assert.is_nil(page.size)
        assert.equal("by page number (parameter skip)", page.doc)
        assert.equal("by Link headers, size in size", compile('paging.link { size = "size" }').doc)
        assert.equal("next_url", compile('paging.next_url { next = "n" }').style)
        assert.is_nil(compile "nil")
    end)

    -- the paging, lines of the endpoint, words of the message
    local mistakes = {
        { 'paging.skip { skip = "skip", tpo = "top", max = 1 }',
            nil, { 'paging.skip: no field "tpo"', 'did you mean "top"?' } },
        { 'paging.skop { }', nil, { "no paging.skop", 'did you mean "skip"?' } },
        { 'paging.skip { skip = "skip", max = 100 }', nil, { "top is missing" } },
        { 'paging.skip { skip = "skip", top = "top" }', nil, { "max is missing" } },
        { 'paging.skip { skip = "skpi", top = "top", max = 100 }',
            nil, { 'no parameter "skpi"', 'did you mean "skip"?' } },
        { 'paging.skip { skip = "started", top = "top", max = 100 }', nil, { "started has a default" } },
        { 'paging.skip { skip = "skip", top = "top", max = 90 }', nil, { "max: 90, but the parameter allows 100" } },
        { 'paging.skip { skip = "skip", top = "size", max = 0 }', nil, { "max: an integer from 1 expected" } },
        { 'paging.skip { skip = "skip", top = "size", max = 1.5 }', nil, { "max: an integer from 1 expected" } },
        { 'paging.skip { skip = "skip", top = "size", max = 10, default = 20 }',
            nil, { "default: 20 is above max, 10" } },
        { 'paging.cursor { cursor = "cursor" }', nil, { "next is missing" } },
        { 'paging.cursor { cursor = 5, next = "n" }', nil, { "cursor: a string expected, got a number" } },
        { 'paging.cursor { cursor = "cursor", next = "a..b" }', nil, { 'next: "a..b" has an empty part' } },
        { 'paging.cursor { cursor = "cursor", next = "" }', nil, { "next: a member of the body expected" } },
        { 'paging.cursor { cursor = "cursor", next = "n", max = 5 }',
            nil, { "size is missing: the parameter that max is about" } },
        { 'paging.cursor { cursor = "cursor", next = "n", send = { sort = "up" } }', nil, { "send.sort: " } },
        { 'paging.cursor { cursor = "cursor", next = "n", send = { srot = "up" } }', nil, { 'no parameter "srot"' } },
        { 'paging.page { page = "sort", next = "n" }', nil, { "sort is no integer" } },
        { 'paging.link { size = "cursor" }', nil, { "cursor is no integer" } },
        { 'paging.skip { skip = "mine", top = "top", max = 100 }', 'get = "/read", open = true,',
            { 'no parameter "mine"' } },
        { 'paging.page { page = "skip", next = "n", first = -1 }', nil, { "first: an integer from 0 expected" } },
        { '{ skip = "skip" }', nil, { "one of paging.skip, cursor, page, link, next_url expected" } },
        { '{ style = "skip", skip = "skip", top = "top", max = 100, x = 1 }', nil, { "no such field" } },
        { "paging.link {}", 'post = "/a", write = "idempotent",', { "only an endpoint that reads has pages" } },
        { "paging.link {}", 'post = "/a", write = "read",', { "the URL of a next page is asked for with GET" } },
    }
    for i, case in ipairs(mistakes) do
        it("is refused with file, line and reason: " .. i, function()
            local ok, err = pcall(compile, case[1], case[2])
            assert.is_false(ok)
            assert.is_true(errors.is(err), tostring(err))
            assert.equal("invalid", err.kind)
            assert.matches("^test%.lua:6: ", err.message)
            for _, word in ipairs(case[3]) do assert.matches(word, tostring(err), 1, true) end
        end)
    end
end)
