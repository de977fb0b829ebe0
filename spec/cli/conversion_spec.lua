--- From the words of `neap call` to what reaches the vendor (DESIGN.md 6, "call arguments").

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

--- The body that an order with these arguments has, but for its id.
local function body(words, opts)
    local sent = shop.sent({ "put_order", "id=1", table.unpack(words) }, opts).body
    assert.equal("1", sent.id)
    sent.id = nil
    return sent
end

--- Asserts that these arguments are refused, before any request, with all these texts.
local function refused(words, ...)
    local dir = shop.place()
    local got = shop.call({ "put_order", "id=1", "--sandbox-log", "log", table.unpack(words) }, { cwd = dir })
    assert.equal(2, got.code, got.err)
    assert.equal("", got.out)
    assert.equal(1, select(2, got.err:gsub("\n", "")))
    for _, text in ipairs { ... } do assert.truthy(got.err:find(text, 1, true), got.err) end
    assert.is_true(not helper.exists(dir .. "/log") or helper.read(dir .. "/log") == "")
end

describe("name=value is converted by the declared type:", function()
    it("text as it is", function()
        for _, text in ipairs { "007", "1e3", "true", "null", "", " a ", "a=b", '"q"', "x:=1", "a,b", "日本" } do
            assert.same({ text = text }, body { "text=" .. text })
        end
    end)

    it("numbers strictly", function()
        assert.same({ count = 12 }, body { "count=12" })
        assert.same({ price = 1.5 }, body { "price=1.50" })
        assert.same({ price = 2 }, body { "price=2" })
        for _, text in ipairs { "03", "1.0", "1e3", "0x10", " 1", "1 ", "", "+1", "x", "99999999999999999999" } do
            refused({ "count=" .. text }, "count:")
        end
        for _, text in ipairs { "", "1.", ".5", "0x10", "NaN", "inf", "1,5" } do
            refused({ "price=" .. text }, "price:")
        end
    end)

    it("booleans as true and false, nothing else", function()
        assert.same({ flag = true }, body { "flag=true" })
        assert.same({ flag = false }, body { "flag=false" })
        for _, text in ipairs { "yes", "1", "TRUE", "" } do
            refused({ "flag=" .. text }, "flag:", "true or false")
        end
    end)

    it("objects as JSON", function()
        assert.same({ buyer = { name = "Ren", home = { city = "X" } } },
            body { 'buyer={"name":"Ren","home":{"city":"X"}}' })
        refused({ "buyer=Ren" }, "buyer:", "no JSON")
        refused({ "buyer=[1]" }, "buyer:", "object")
    end)

    it("lists by repeating them, an element each", function()
        assert.same({ tags = { "a,b", "c" } }, body { "tags=a,b", "tags=c" })
        assert.same({ sizes = { 1, 2, 3 } }, body { "sizes=1", "sizes=2", "sizes=3" })
        refused({ "sizes=1", "sizes=x" }, "sizes", '"x" is no integer')
    end)

    it("lists that the vendor joins may be joined already", function()
        assert.same({ columns = "a;b;c" }, body { "columns=a;b", "columns=c" })
        assert.equal("columns=a%3Bb%3Bc", shop.sent({ "find", "columns=a", "columns=b;c" }).query)
    end)

    it("nested fields by their path", function()
        assert.same({ buyer = { name = "Ren", home = { city = "X" } } },
            body { "buyer.home.city=X", "buyer.name=Ren" })
        assert.same({ buyer = { name = "Ren", email = "r@x" } },
            body { 'buyer={"name":"Ren"}', "buyer.email=r@x" })
    end)

    it("names that nobody declared as text, where they are allowed", function()
        assert.same({ extra = { weight = "7" } }, body { "extra.weight=7" })
        assert.same({ a = "1", b = { c = "true" } }, (function()
            local sent = shop.sent({ "note", "a=1", "b.c=true" }).body
            sent.key = nil
            return sent
        end)())
    end)

    it("parameters of the path", function()
        assert.equal("/orders/left", shop.sent({ "put_order", "id=1", "shelf=left" }).path)
        assert.equal("/orders/a%2Fb%20%25", shop.sent({ "get_order", "id=a/b %" }).path)
    end)

    it("and refuses values that the type does not allow", function()
        refused({ "size=larg" }, 'did you mean "large"?')
        refused({ "total=1.555" }, "at most 2")
        refused({ "day=2026-02-30" }, "day")
        refused({ "count=-1" }, "below the minimum 0")
    end)

    it("and refuses a value given twice", function()
        refused({ "id=2" }, "id: given twice")
        refused({ "text=a", "text:=\"b\"" }, "text: given twice")
    end)
end)

describe("name:=JSON", function()
    it("gives any value", function()
        assert.same({ text = "@x", count = 3 }, body { 'text:="@x"', "count:=3" })
        assert.same({ tags = { "a", "b" } }, body { 'tags:=["a","b"]' })
        assert.same({ buyer = { home = { city = "X" } } }, body { 'buyer.home:={"city":"X"}' })
        assert.same({ 1, "x" }, shop.sent({ "note", 'd:=[1,"x"]' }).body.d)
    end)

    it("is checked, too", function()
        refused({ "text:=5" }, "text: expected a string, got a number")
        refused({ "text:=null" }, "text")
        refused({ "count:={" }, "count: no JSON")
        refused({ 'buyer:={"nam":"x"}' }, 'did you mean "name"?')
    end)
end)

describe("name=@file", function()
    it("reads the value, converted like one that was typed", function()
        local dir = shop.place()
        local function with(content, words, stdin)
            helper.write(dir .. "/value", content)
            return body(words, { cwd = dir, stdin = stdin })
        end
        assert.same({ text = "two\nlines\n" }, with("two\nlines\n", { "text=@value" }))
        assert.same({ count = 7 }, with("7\n", { "count=@value" }))
        assert.same({ buyer = { name = "Ren" } }, with('{"name":"Ren"}\n', { "buyer=@value" }))
        assert.same({ tags = { "a", "b" } }, with("a\r\n", { "tags=@value", "tags=b" }))
        assert.same({ text = "piped" }, with("", { "text=@-" }, "piped"))
    end)

    it("names the file that cannot be read", function()
        refused({ "text=@missing" }, "text", "missing", "No such file")
    end)
end)

describe("an argument", function()
    it("has a name and a value", function()
        for _, word in ipairs { "word", "=x", ":=1", "" } do
            local got = shop.call { "put_order", "id=1", word }
            assert.equal(2, got.code, word)
            assert.matches("expected name=value, name:=json or name=@file", got.err)
        end
    end)

    it("may begin with two dashes behind --", function()
        local got = helper.cli({ "call", "shop", "note", "--sandbox", "--", "--x=1" }, { cwd = shop.place() })
        assert.equal(0, got.code, got.err)
        assert.truthy(got.out:find('"--x":"1"', 1, true))
    end)

    it("tells all faults at once, with the nearest names", function()
        refused({ "count=x", "flag=yes", "nam=1", "buyer.home.cty=1", "extra.colour=1", "size=larg" },
            'count: "x" is no integer', "flag:", "nam: unknown name", 'did you mean "city"?',
            'did you mean "color"?', 'did you mean "large"?')
    end)

    it("is no setting", function()
        refused({ "api_key=x" }, "a setting, not a parameter: use --set shop.api_key=")
    end)
end)
