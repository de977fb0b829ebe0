-- The reader of records in XML, csrc/lua/xml_records.c: one element at a time, wherever the bytes are cut.
require "neap"
local xml = require "neap.native.xml"

--- Takes what is at hand.
local function drain(reader, into)
    for element in function() return (reader:next()) end do into[#into + 1] = element end
    return select(2, reader:next())
end

--- Feeds the parts of a text and ends it. -> reader, elements, fault
local function read_parts(opts, ...)
    local reader, elements, err = xml.records(opts), {}, nil
    for _, part in ipairs { ... } do
        reader:feed(part)
        err = drain(reader, elements)
    end
    reader:finish()
    err = drain(reader, elements) or err
    return reader, elements, err
end

local function read(text, opts) return read_parts(opts, text) end

local DOCUMENT = [==[<?xml version="1.0" encoding="utf-8"?>
<ArrayOfCustomer page="1" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">
  <!-- one --><Customer><ID>1</ID><Name>Ren &amp; <![CDATA[<Co>]]></Name></Customer>
  <Customer i:nil="true"/><Customer><Tags><s>山</s><s/></Tags></Customer>plain
</ArrayOfCustomer>]==]

local GOOD = DOCUMENT:gsub("plain", "")

local ELEMENTS = {
    { name = "Customer", { name = "ID", text = "1" }, { name = "Name", text = "Ren & <Co>" } },
    { name = "Customer", attributes = { ["nil"] = "true" } },
    { name = "Customer", { name = "Tags", { name = "s", text = "山" }, { name = "s" } } },
}

describe("xml.records", function()
    it("gives the children of the root, wherever the bytes are cut", function()
        local whole = read(GOOD)
        for first = 0, #GOOD do
            local reader, elements, err = read_parts(nil, GOOD:sub(1, first), GOOD:sub(first + 1))
            assert.is_nil(err)
            assert.same(ELEMENTS, elements)
            assert.same({ name = "ArrayOfCustomer", attributes = { page = "1" } }, reader:frame())
            assert.same({ 3, #GOOD, whole:hash(), true, "ArrayOfCustomer" },
                { reader:count(), reader:bytes(), reader:hash(), reader:found(), reader:root() })
        end
        local bytes = {}
        for i = 1, #GOOD do bytes[i] = GOOD:sub(i, i) end
        assert.same(ELEMENTS, (select(2, read_parts(nil, table.unpack(bytes)))))
    end)

    it("gives a record as soon as its end is there, and what is the root", function()
        local reader = xml.records()
        assert.is_nil(reader:next())
        assert.same({ false, 0 }, { reader:found(), reader:count() })
        assert.is_nil(reader:root())
        reader:feed "<list><a>1</a"
        assert.is_nil(reader:next())
        assert.is_true(reader:found())
        assert.equal("list", reader:root())
        reader:feed "><b/>"
        assert.same({ name = "a", text = "1" }, reader:next())
        assert.same({ name = "b" }, reader:next())
        assert.is_nil(reader:next())
        assert.is_nil(reader:frame())
        assert.is_true(reader:feed "</list>")
        assert.is_nil(reader:frame()) -- more may follow
        assert.is_true(reader:finish())
        assert.is_true(reader:finish())
        assert.same({ name = "list" }, reader:frame())
        assert.is_nil(reader:next())
        assert.equal(2, reader:count())
    end)

    it("finds records deeper in the document", function()
        local text = "<r><total n='2'>2</total><data><a/><b><c/></b></data><x><d/></x></r>"
        local reader, elements = read(text, { depth = 2 })
        assert.same({ { name = "a" }, { name = "b", { name = "c" } }, { name = "d" } }, elements)
        assert.same({
            name = "r", { name = "total", attributes = { n = "2" }, text = "2" }, { name = "data" }, { name = "x" },
        }, reader:frame())
        reader, elements = read(text, { way = { "DATA" } })
        assert.same({ { name = "a" }, { name = "b", { name = "c" } } }, elements)
        assert.same({
            name = "r", { name = "total", attributes = { n = "2" }, text = "2" }, { name = "data" },
            { name = "x", { name = "d" } },
        }, reader:frame())
        elements = select(2, read("<r><a><data><i/></data></a><b><data><j/></data></b></r>", { way = { "b", "data" } }))
        assert.same({ { name = "j" } }, elements)
        assert.equal(3, #select(2, read(text:gsub("x>", "data>"), { depth = 2 })))
        local _, some, err = read(text:gsub("x>", "data>"), { way = { "data" } })
        assert.equal(2, #some)
        assert.equal("line 1, column 54: a second list of records", err.message)
    end)

    it("tells a text in place of a list", function()
        local cases = {
            { "<a/>", true }, { "<a> \n</a>", true }, { "<a>no</a>", false }, { "<a><b/></a>", true },
            { "<r><a>x</a></r>", false, { way = { "a" } } }, { "<r><b><c/></b></r>", false, { way = { "a" } } },
            { "<r><a/></r>", true, { way = { "a" } } }, { "<r><b>x</b><a> </a></r>", true, { way = { "a" } } },
            { "<r><a><b>x</b></a><c/></r>", true, { way = { "a" } } },
        }
        for _, case in ipairs(cases) do
            local reader, _, err = read(case[1], case[3])
            assert.is_nil(err)
            assert.equal(case[2], reader:found(), case[1])
        end
        local reader = read "<string k='v'>no such campaign</string>"
        assert.same({ name = "string", attributes = { k = "v" }, text = "no such campaign" }, reader:frame())
        assert.equal(0, reader:count())
    end)

    it("tells records apart by their hash, and skips", function()
        local function hash(text) return read(text):hash() end
        assert.equal(hash "<a><b>1</b><b x='&#50;'/></a>", hash "<c>\n <b>1</b>\n<!-- --> <b x=\"2\"></b></c>")
        local seen = {}
        for _, text in ipairs {
            "<a/>", "<a><b/></a>", "<a><b/><b/></a>", "<a><c/></a>", "<a><b>1</b></a>", "<a><b x='1'/></a>",
            "<a><b><x/></b></a>", "<a><b x=''/></a>", "<a><b>1</b><b>2</b></a>", "<a><b>2</b><b>1</b></a>",
        } do
            local one = hash(text)
            assert.is_nil(seen[one], text)
            seen[one] = true
        end
        local reader = xml.records()
        reader:feed(GOOD)
        assert.equal(0, reader:skip(0))
        assert.equal(2, reader:skip(2))
        assert.same(ELEMENTS[3], reader:next())
        assert.equal(0, reader:skip(5))
        assert.equal(read(GOOD):hash(), reader:hash())
        assert.equal(3, reader:count())
    end)
end)

describe("xml.records of a broken document", function()
    local cases = {
        { "<a><b/><c>", 1, "record 2: line 1, column 11: the document ends too early", truncated = true },
        { "<a><b/>", 1, "line 1, column 8: the document ends too early", truncated = true },
        { "", 0, "line 1, column 1: the document ends too early", truncated = true },
        { "<a><b/></a><b/>", 1, "line 1, column 12: junk after document element" },
        { "<a><b/>x</a>", 1, "line 1, column 9: text beside elements" },
        { "<a><b/><c>x<d/></c></a>", 1, "record 2: line 1, column 12: text beside elements" },
        { "<a><b/><c></b></a>", 1, "record 2: line 1, column 13: mismatched tag" },
        { "<a><b><c/></b><b><c><d/></c></b></a>", 1,
            "record 2: line 1, column 21: elements are nested too deeply" },
        { "<!DOCTYPE html><html/>", 0, "line 1, column 15: a document type (DOCTYPE) is not accepted" },
        { "<html><head><meta charset='utf-8'></head></html>", 0, "record 1: line 1, column 37: mismatched tag" },
        { '{"a":[1]}', 0, "line 1, column 1: not well-formed (invalid token)" },
    }
    for _, case in ipairs(cases) do
        it(("says so: %s"):format(case[1]), function()
            for cut = 0, #case[1] do
                local reader, elements, err = read_parts({ nesting = 3 }, case[1]:sub(1, cut), case[1]:sub(cut + 1))
                assert.equal(case[2], #elements)
                assert.equal(case[3], err.message)
                assert.same({ "decode", case.truncated or false }, { err.kind, err.truncated })
                assert.equal("integer", math.type(err.line))
                assert.equal(err.message, select(2, reader:next()).message)
                assert.equal(err.message, select(2, reader:feed "more").message)
                assert.equal(err.message, select(2, reader:finish()).message)
                assert.is_nil(reader:frame())
            end
        end)
    end

    it("gives the records before any end that comes too early", function()
        for cut = 0, #GOOD - 1 do
            local _, elements, err = read(GOOD:sub(1, cut))
            assert.is_true(err.truncated)
            for i, element in ipairs(elements) do assert.same(ELEMENTS[i], element) end
        end
    end)

    it("refuses a giant before it has all of it", function()
        local function feed(opts, before, filler, after)
            local reader = xml.records(opts)
            reader:feed(before)
            local fed = 0
            while reader:feed(filler) and fed < 5e6 do fed = fed + #filler end
            reader:feed(after)
            assert.same({ name = "b" }, reader:next())
            local record, err = reader:next()
            assert.is_nil(record)
            assert.equal("too_large", err.kind)
            return err, fed
        end
        local err, fed = feed({ max_record = 100000 }, "<a><b/><c>", ("x"):rep(10000), "</c></a>")
        assert.equal("record 2: line 1, column 100011: this text is too long", err.message)
        assert.is_true(fed <= 100000)
        err, fed = feed({ max_record = 100000 }, "<a><b/><c>", ("<d>12345</d>"):rep(1000), "</c></a>")
        assert.matches("^record 2: line 1, column %d+: this record is too large$", err.message)
        assert.is_true(fed <= 144000)
        err = feed({ max_record = 1000 }, "<a><b/><c x='", ("x"):rep(1000), "'/></a>")
        assert.matches("this tag", err.message)
        err = feed({ max_record = 1000, way = { "w" } }, "<a><w><b/></w>", ("<d>1</d>"):rep(100), "</a>")
        assert.matches("too much beside the records$", err.message)
        err = feed({ max_record = 1000 }, "<a><b/><!-- ", ("x"):rep(100000), "--></a>")
        assert.matches("this tag or comment is too long", err.message)
        assert(select(2, read("<a><b>" .. ("x"):rep(993) .. "</b></a>", { max_record = 1000 }))[1])
    end)

    it("keeps a record of the most bytes that are allowed", function()
        local size = 16 << 20
        local exact = "<a><b>" .. ("x"):rep(size - 7) .. "</b><c/></a>" -- and Sb, T, E with their ends
        local _, elements, err = read(exact)
        assert.is_nil(err)
        assert.equal(size - 7, #elements[1].text)
        err = select(3, read((exact:gsub("</b>", "x</b>"))))
        assert.equal("too_large", err.kind)
    end)
end)

describe("xml.records", function()
    after_each(function() collectgarbage("generational", 20) end)

    it("goes on for as long as records are taken", function()
        local row = ("<Customer><ID>1</ID><Name>%s</Name></Customer>"):format(("x"):rep(100))
        local chunk, reader, taken = row:rep(100), xml.records(), 0
        reader:feed "<ArrayOfCustomer>"
        for _ = 1, 500 do
            reader:feed(chunk)
            while reader:next() do taken = taken + 1 end
        end
        reader:feed "</ArrayOfCustomer>"
        assert.is_true(reader:finish())
        assert.equal(50000, taken)
    end)

    it("stands being used by what the collector finalizes meanwhile", function()
        local reader, refused = xml.records(), 0
        local large = "<b>" .. ("<c>x</c>"):rep(100000) .. "</b>"
        local function use()
            reader:feed("<b/>" .. large)
            for _, method in ipairs { "next", "skip" } do
                local ok, message = pcall(reader[method], reader, 1)
                if not ok and message:find("in use", 1, true) then refused = refused + 1 end
            end
        end
        local function leave_garbage(finalize) setmetatable({}, { __gc = finalize }) end
        local sizes = { 0, 0, 0, 0, 0 }
        reader:feed("<a>" .. large)
        collectgarbage("generational", 1) -- collects often, and all that is new
        collectgarbage "stop"
        leave_garbage(function() -- with the first table of a record; the other one with a later one
            use()
            leave_garbage(use)
        end)
        collectgarbage "restart"
        for i = 1, 5 do sizes[i] = #reader:next() end
        assert.same({ 100000, 0, 100000, 0, 100000 }, sizes)
        assert.equal(4, refused)
    end)

    it("raises misuse", function()
        for _, opts in ipairs {
            { depht = 1 }, { depth = 0 }, { depth = "1" }, { depth = 100 }, { depth = 3, nesting = 3 },
            { max_record = 0 }, { max_record = (1 << 30) + 1 }, { nesting = 1001 }, { way = "data" }, { way = { 1 } },
            { way = { "" } }, { way = { "a\0b" } }, { way = {}, depth = 1 }, { "data" },
        } do
            assert.has_error(function() xml.records(opts) end)
        end
        assert.has_error(function() xml.records(5) end)
        local reader = xml.records { way = {} }
        assert.has_error(function() reader:skip(-1) end)
        assert.has_error(function() reader:skip() end)
        assert.has_error(function() reader:feed {} end)
        assert.has_error(function() reader.next({}) end)
        reader:feed "<a/>"
        reader:finish()
        assert.has_error(function() reader:feed "x" end, "this XML reader is finished")
    end)
end)
