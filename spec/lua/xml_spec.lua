-- The XML reader, csrc/lua/xml.c: elements as tables, errors with their place.
require "neap"
local xml = require "neap.native.xml"

local function refused(text, opts)
    local element, err = xml.decode(text, opts)
    assert.is_nil(element)
    assert.equal("neap.Error", getmetatable(err).__name)
    assert.equal("integer", math.type(err.line))
    assert.equal("integer", math.type(err.column))
    assert.equal("boolean", type(err.truncated))
    return err
end

describe("xml.decode", function()
    it("gives elements with name, attributes, text and children", function()
        local root = assert(xml.decode [==[<?xml version="1.0"?>
            <!-- a comment -->
            <Customers page="1" total="2">
                <Customer><ID>7</ID><Name>Ren &amp; <![CDATA[<Co>]]></Name></Customer>
                <Customer nil="true"/>
            </Customers>]==])
        assert.same({
            name = "Customers", attributes = { page = "1", total = "2" },
            { name = "Customer", { name = "ID", text = "7" }, { name = "Name", text = "Ren & <Co>" } },
            { name = "Customer", attributes = { ["nil"] = "true" } },
        }, root)
    end)
    it("keeps the text of a leaf as it stands", function()
        assert.same({ name = "a", text = "  b\n " }, xml.decode "<a>  b\r\n </a>")
        assert.same({ name = "a", text = " " }, xml.decode "<a> </a>")
        assert.same({ name = "a", text = "\r" }, xml.decode "<a>&#13;</a>")
        assert.same({ name = "a", text = "12" }, xml.decode "<a>1<!-- and -->2</a>")
        assert.same({ name = "a" }, xml.decode "<a></a>")
        assert.same({ name = "a", { name = "b" } }, xml.decode "<a>\n <b/>\t</a>")
    end)
    it("takes prefixes and namespaces away", function()
        local root = assert(xml.decode '<s:a xmlns="u:1" xmlns:s="u:2" xsi:nil="1"><t:b></t:b><c.d-e_f/></s:a>')
        assert.same({ name = "a", attributes = { ["nil"] = "1" }, { name = "b" }, { name = "c.d-e_f" } }, root)
    end)
    it("gives UTF-8, whatever the document is in", function()
        local expected = { name = "a", text = "\u{e9}\u{4e2d}" }
        local latin = "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9&#x4e2d;</a>"
        assert.same(expected, xml.decode(latin))
        assert.same(expected, xml.decode "\xEF\xBB\xBF<a>\u{e9}\u{4e2d}</a>")
        assert.same(expected, xml.decode "\xFE\xFF\0<\0a\0>\0\xE9\x4e\x2d\0<\0/\0a\0>")
        assert.same(expected, xml.decode "\xFF\xFE<\0a\0>\0\xE9\0\x2d\x4e<\0/\0a\0>\0")
    end)

    local broken = {
        { "<a><b></a>", 1, 9 }, { "<a>\n  &nbsp;</a>", 2, 3 }, { "<a/><b/>", 1, 5 }, { '{"a":1}', 1, 1 },
        { "<a x='1' x='2'/>", 1, 10 }, { "<a>\xC3\xA9\xE9</a>", 1, 5 }, { "\n<?xml version='1.0'?><a/>", 2, 1 },
        { "<a>\1</a>", 1, 4 }, { "<a>&#0;</a>", 1, 4 }, { "<a>\xED\xA0\x80</a>", 1, 4 }, { "<a>]]></a>", 1, 6 },
        { "<?xml version='1.0' encoding='EBCDIC'?><a/>", 1, 31 }, { "<a>one<b/></a>", 1, 7 }, { "<a\0/>", 1, 3 },
        { "\xEF\xBB\xBF<a><b></a>", 1, 9 }, { "<a><b/>\n\n two</a>", 3, 5 }, { "</a>", 1, 2 }, { "<a>&lt</a>", 1, 7 },
    }
    for _, case in ipairs(broken) do
        it(("refuses %q"):format(case[1]), function()
            local err = refused(case[1])
            assert.equal("decode", err.kind)
            assert.same({ case[2], case[3] }, { err.line, err.column })
            assert.is_false(err.truncated)
            assert.equal(1, (err.message:find(("line %d, column %d: "):format(case[2], case[3]), 1, true)))
        end)
    end

    it("says when the document only ended too early", function()
        local whole = "<?xml version='1.0'?>\n<!-- c --><a b='c'>\n<d>x&amp;y</d><![CDATA[ ]]><e/></a>"
        assert(xml.decode(whole))
        for i = 0, #whole - 1 do
            local err = refused(whole:sub(1, i))
            assert.equal("decode", err.kind)
            assert.is_true(err.truncated, whole:sub(1, i))
        end
    end)
    it("refuses every document type before anything expands", function()
        for _, text in ipairs {
            "<!DOCTYPE a><a/>", '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', '<!DOCTYPE a PUBLIC "p" "s"><a/>',
            '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', '<!DOCTYPE a [<!ENTITY % x SYSTEM "s"> %x;]><a/>',
            '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        } do
            local err = refused(text)
            assert.equal("decode", err.kind)
            assert.matches("DOCTYPE", err.message)
        end
    end)
    it("refuses deeper nesting than asked for", function()
        local function nested(depth) return ("<a>"):rep(depth) .. ("</a>"):rep(depth) end
        assert(xml.decode(nested(100)))
        assert.matches("too deeply", refused(nested(101)).message)
        assert(xml.decode(nested(3), { depth = 3 }))
        local err = refused(nested(4), { depth = 3 })
        assert.same({ "decode", 1, 10 }, { err.kind, err.line, err.column })
        assert(xml.decode(nested(1000), { depth = 1000 }))
    end)
    it("refuses a text or a tag that has no end to it", function()
        local long = ("x"):rep(16 << 20)
        assert.equal(#long, #assert(xml.decode("<a>" .. long .. "</a>")).text)
        assert.equal("too_large", refused("<a>" .. long .. "x</a>").kind)
        assert.equal("too_large", refused("<a b='" .. long .. "'/>").kind)
        assert.equal("too_large", refused("<a><!--" .. long .. long .. long .. "--></a>").kind)
    end)
    it("raises misuse", function()
        assert.has_error(function() xml.decode() end)
        assert.has_error(function() xml.decode(5) end)
        for _, opts in ipairs { { depht = 1 }, { depth = 0 }, { depth = "3" }, { depth = 1001 }, { 1 } } do
            assert.has_error(function() xml.decode("<a/>", opts) end)
        end
        assert.has_error(function() xml.decode("<a/>", 5) end)
    end)
    it("reads documents of more than one piece", function()
        local rows = {}
        for i = 1, 40000 do rows[i] = ("<r n='%d'><v>%d</v></r>\n"):format(i, i * 7) end
        local root = assert(xml.decode("<all>" .. table.concat(rows) .. "</all>"))
        assert.equal(40000, #root)
        for i, row in ipairs(root) do
            assert(row.attributes.n == tostring(i) and row[1].text == tostring(i * 7))
        end
    end)
end)
