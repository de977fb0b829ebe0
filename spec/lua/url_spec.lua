require "neap"
local url = require "neap.native.url"

describe("neap.native.url", function()
    it("parses", function()
        assert.same({
            scheme = "https", host = "Api.example.com", port = 443, path = "/a/b", query = "x=1",
            origin = "https://api.example.com",
        }, url.parse "HTTPS://Api.example.com/a/b?x=1#frag")
        assert.same({
            scheme = "http", host = "::1", port = 81, path = "/", origin = "http://[::1]:81",
        }, url.parse "http://[::1]:81")
        assert.equal("", url.parse("http://h/?").query)
    end)

    it("refuses what it does not read safely, and does not quote it", function()
        for _, text in ipairs {
            "", "/x", "ftp://h", "https://u:hidden@h", "https://h\\@x", "https://h hidden",
            "https://80", "https://h.80/x", "https://127.1", "https://0x7f.0.0.1", "https://01.2.3.4",
            "https://1.2.3.4.",
        } do
            local u, err = url.parse(text)
            assert.is_nil(u)
            assert.equal("invalid", err.kind)
            assert.is_nil(err.message:find("hidden", 1, true))
        end
        assert.has_error(function() url.parse {} end)
    end)

    it("joins with exactly one slash", function()
        assert.equal("https://h/base/x", url.join("https://h/base/", "/x"))
        assert.equal("https://h/base/x", url.join("https://h/base", "x"))
        assert.equal("https://h/base", url.join("https://h/base", ""))
        assert.equal("invalid", select(2, url.join("https://h?x", "y")).kind)
    end)

    it("resolves references", function()
        assert.equal("https://h/a/y", url.resolve("https://h/a/b?c", "x/../y"))
        assert.equal("http://other/x", url.resolve("http://h/a", "//other/x"))
        assert.equal("invalid", select(2, url.resolve("https://h", "javascript:x")).kind)
    end)

    it("encodes", function()
        assert.equal("a%20b%2F%C3%A9~", url.encode "a b/é~")
        assert.equal("", url.encode "")
        assert.equal("a%20b=1&c=2.5&d=", url.query { { "a b", 1 }, { "c", 2.5 }, { "d", "" } })
        assert.equal("", url.query {})
        for _, list in ipairs { { "x" }, { { "x" } }, { { {}, "x" } }, { { "x", true } } } do
            assert.has_error(function() url.query(list) end)
        end
    end)

    it("compares origins", function()
        assert.is_true(url.same_origin("https://H/x", "https://h:443/y"))
        assert.is_false(url.same_origin("https://h", "http://h"))
        assert.equal("invalid", select(2, url.same_origin("https://h", "nothing")).kind)
    end)

    it("knows loopback", function()
        for _, host in ipairs { "localhost", "x.localhost", "127.0.0.1", "::1" } do
            assert.is_true(url.is_loopback(host))
        end
        for _, host in ipairs { "127.1", "localhost.evil.com", "10.0.0.1", "" } do
            assert.is_false(url.is_loopback(host))
        end
    end)
end)
