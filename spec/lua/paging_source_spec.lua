--- What a walk is given: addresses of next pages, Link headers, and records that come one by one.

require "spec.support.helper"
local neap = require "neap"

describe("an address of the next page", function()
    local style = require "neap.paging.style"

    it("is never one of plain http behind https", function()
        local walk = style.new({ style = "next_url", next = { "next" }, send = {} }, {})
        local page = { url = "https://api.example/a?x=1", member = function() return "http://api.example/a?x=2" end }
        local position, err = walk.after(page)
        assert.is_nil(position)
        assert.equal("redirect", err.kind)
        assert.matches("another origin %(http://api.example", err.message)
    end)

    it("is resolved as the vendor means it, and stays with the vendor", function()
        local reference
        local walk = style.new({ style = "next_url", next = { "next" }, send = {} }, {})
        local page = { url = "https://api.example/v1/a?x=1", member = function() return reference end }
        for written, meant in pairs {
            ["/b?y=1"] = "https://api.example/b?y=1", ["?x=2"] = "https://api.example/v1/a?x=2",
            ["b"] = "https://api.example/v1/b", ["//api.example/c"] = "https://api.example/c",
            ["https://API.example:443/d"] = "https://API.example:443/d",
        } do
            reference = written
            assert.equal(meant, walk.after(page))
        end
        for _, written in ipairs {
            "//evil.example/b", "https://api.example.evil/b", "https://api.example@evil.example/",
            "https://api.example:8443/b", "https://evil.example\\@api.example/", "http://api.example/",
            "ftp://api.example/", "https://", "javascript:x", "\0", "https://user:word@api.example/b",
        } do
            reference = written
            local position, err = walk.after(page)
            assert.is_nil(position, written)
            assert.is_true(err.kind == "redirect" or err.kind == "decode", written)
        end
    end)
end)

describe("a place to go on from", function()
    local style = require "neap.paging.style"

    it("is shown if it is short enough", function()
        local walk = style.new({ style = "cursor", position = "cursor", send = {} }, {})
        assert.equal("cursor=abc", walk.resume "abc")
        assert.is_nil(walk.resume(("x"):rep(201)))
    end)
end)

describe("a Link header", function()
    local lang = require "neap.lang"

    it("says whether something in it could not be read", function()
        for _, header in ipairs { "", "  ", ", ,", "</2>; rel=next", "</2>;rel=next , </1>;rel=prev  ", "</1>" } do
            assert.is_false(select(2, lang.links(header)), header)
        end
        for _, header in ipairs { "</2; rel=next", "junk, </2>; rel=next", '</2>; rel="next', "</1>, x" } do
            assert.is_true(select(2, lang.links(header)), header)
        end
        assert.is_false(select(2, lang.links(nil)))
    end)
end)

describe("a source that reads records from the wire", function()
    local walks = require "neap.paging.walk"

    --- A source of pages whose records come one by one; `events` notes what is asked in which order.
    local function streamed(pages, events)
        local source = {}
        function source.fetch(values)
            local list = pages[(values.at or 0) + 1]
            events[#events + 1] = "page " .. (values.at or 0)
            local at = 0
            local page = {
                url = "http://localhost/x", bytes = function() return at end,
                close = function() events[#events + 1] = "close" end,
            }
            function page.next_record()
                at = at + 1
                if list[at] == "broken" then return nil, neap.error.new { kind = "network", message = "cut" } end
                return list[at]
            end
            function page.member()
                assert(list[at] == nil, "asked before the last record")
                events[#events + 1] = "member"
                return pages[(values.at or 0) + 2] ~= nil
            end
            return page
        end
        local style = { start = 0 }
        function style.request(position) return { at = position } end
        function style.after(page, position) return page.member() and position + 1 or nil end
        function style.resume(position) return "at=" .. position end
        return walks.new(source, style, { vendor = "test", endpoint = "stream" })
    end

    local function range(first, last)
        local list = {}
        for i = first, last do list[#list + 1] = i end
        return list
    end

    it("is asked what follows only after the records", function()
        local events = {}
        local walk = streamed({ range(1, 40), {}, range(41, 42) }, events)
        local got = {}
        for record in function() return walk:next_record() end do got[#got + 1] = record end
        assert.same(range(1, 42), got)
        assert.same({ "page 0", "member", "close", "page 1", "member", "close", "page 2", "member", "close" }, events)
    end)

    it("gives the records before the place where a page breaks", function()
        for _, broken in ipairs { 3, 30 } do
            local list = range(1, broken - 1)
            list[broken] = "broken"
            local walk = streamed({ list }, {})
            for i = 1, broken - 1 do assert.equal(i, walk:next_record()) end
            local ok, err = pcall(walk.next_record, walk)
            assert.is_false(ok)
            local behind = ("; to go on there: at=0, behind its first %d records"):format(broken - 1)
            assert.equal("test.stream: network: cut" .. behind, tostring(err))
            assert.is_nil(walk:next_record())
        end
    end)

    it("is asked for less where a page does not fit", function()
        local sizes = {}
        local function fetch(values)
            sizes[#sizes + 1] = values.size
            if values.size > 25 then return nil, neap.error.new { kind = "too_large", message = "too much" } end
            local function none() end
            return { next_record = none, member = none, close = none, bytes = function() return 0 end }
        end
        local style = {
            request = function(_, size) return { size = size } end, after = function() end, resume = function() end,
        }
        local opts = { size = 100, vendor = "test", endpoint = "stream" }
        assert.is_nil(walks.new({ fetch = fetch }, style, opts):next_record())
        assert.same({ 100, 50, 25 }, sizes)
    end)

    it("is not walked for ever", function()
        local pages = setmetatable({}, { __index = function(_, i) return { i } end })
        local walk, got = streamed(pages, setmetatable({}, { __newindex = function() end })), 0
        local _, err = neap.try(function()
            for _ in function() return walk:next_record() end do got = got + 1 end
        end)
        assert.equal(100000, got)
        assert.equal("too_large", err.kind)
        assert.equal("test.stream: too_large: no end after 100000 pages; max_pages of client:each allows more",
            tostring(err))
    end)
end)
