-- lua/neap/xml/records.lua: a document read one record at a time has the values of the same one read as a whole.
require "neap"
local json = require "neap.native.json"
local records = require "neap.xml.records"
local xml = require "neap.xml"

local customer = {
    type = "object", fields = {
        { "CustomerID", type = "string" }, { "ActionID", type = "integer" }, { "Value", type = "number" },
        { "Active", type = "boolean" }, { "CustomerAttributes", type = "list", of = { type = "string" } },
        { "Home", type = "object", fields = { { "City", type = "string" } } },
    },
}
local list = { type = "list", of = customer }

--- Reads in chunks of n bytes. -> values, error
local function stream(text, shape, opts, n)
    local made, out = records.new(shape, opts), {}
    local function drain()
        for value in function() return (made:next()) end do out[#out + 1] = value end
        return select(2, made:next())
    end
    for at = 1, #text, n do
        made.reader:feed(text:sub(at, at + n - 1))
        local err = drain()
        if err then return out, err end
    end
    made.reader:finish()
    local err = drain()
    if err then return out, err end
    local rest
    rest, err = made:rest()
    return out, err, rest
end

local function encoded(value, opts) return json.encode(value, { sorted = not (opts and opts.ordered) }) end

local function check_same(text, shape, opts)
    local whole = assert(xml.read(text, shape, opts))
    for _, name in ipairs(opts and opts.way or {}) do whole = whole[name] end
    for _, n in ipairs { 1, 7, #text } do
        local values, err = stream(text, shape, opts, n)
        assert.is_nil(err)
        assert.equal(encoded(whole, opts), encoded(json.array(values), opts))
    end
end

local ROWS = "<b><customerid>007</customerid><ActionID>5</ActionID><Value>1.10</Value><Active>true</Active></b>"
    .. "<b/><c nil='true'/><b><Home><CITY>x</CITY></Home><Zip>1</Zip><Zip>2</Zip><ActionID>0</ActionID></b>\n"
    .. "<b><CustomerAttributes><s>a</s><s/></CustomerAttributes><Active>false</Active><Active>0</Active></b>"
    .. "<b><CustomerAttributes>a</CustomerAttributes><CustomerAttributes>b</CustomerAttributes></b>"

describe("neap.xml.records", function()
    it("gives what the whole document has", function()
        check_same("<ArrayOfCustomer>" .. ROWS .. "</ArrayOfCustomer>", list)
        check_same("<Customers>" .. ROWS .. "</Customers>", list, { ordered = true })
        check_same("<a><b><ActionID>7</ActionID></b></a>", list)
        check_same("<a><b>1</b><b>x</b></a>", { type = "list", of = { type = "integer" } })
        check_same("<a><b>1</b><b><c>x</c></b></a>", { type = "list" })
        check_same("<a><b><c>1</c><c>2</c></b><b/></a>",
            { type = "list", of = { type = "list", of = { type = "integer" } } })
    end)

    it("gives it where nothing is declared", function()
        for _, shape in ipairs { "a list of customers", false } do
            check_same("<ArrayOfAny>" .. ROWS .. "</ArrayOfAny>", shape or nil, { ordered = true })
            check_same("<ArrayOfAny><ResponseCode>1</ResponseCode><x/></ArrayOfAny>", shape or nil)
            check_same("<a><b>1</b><b><c>2</c><d/></b></a>", shape or nil)
        end
        local _, err = stream("<a><b>1</b><c>2</c></a>", nil, nil, 99)
        assert.equal("the reply has <c> where a record is expected", err.message)
        local _, status = stream("<a><ResponseCode>200</ResponseCode></a>", nil, nil, 99)
        assert.equal("the reply has <ResponseCode> where a record is expected", status.message)
    end)

    it("gives the list at a way inside, and the rest of the document after it", function()
        local shape = { type = "object", fields = {
            { "total", type = "integer" },
            { "data", type = "object", fields = { { "rows", type = "list", of = customer } } },
        } }
        local rows = ROWS:gsub("<c nil='true'/>", "<b nil='1'/>")
        local text = "<r><Total>3</Total><DATA><rows>" .. rows .. "</rows><next>x</next></DATA></r>"
        check_same(text, shape, { way = { "data", "rows" } })
        local _, err, rest = stream(text, shape, { way = { "data", "rows" } }, 10)
        assert.is_nil(err)
        assert.equal('{"data":{"next":"x","rows":[]},"total":3}', encoded(rest))
        local either = { type = "object", fields = { { "rows", either = { { type = "string" }, list } } } }
        check_same("<r><rows>" .. rows .. "</rows></r>", either, { way = { "rows" } })
        check_same("<r><rows><x>1</x><x><y/></x></rows></r>", nil, { way = { "rows" } })
        for _, inside in ipairs { "<ActionID>1</ActionID>", "<b/><c/>" } do -- the only record, in place of the list
            local wrong = select(2, stream("<r><rows>" .. inside .. "</rows></r>", either, { way = { "rows" } }, 99))
            assert.matches("where a record is expected", wrong.message)
        end
    end)

    it("judges a document without records as a whole", function()
        local cases = {
            { "<ArrayOfCustomer/>", "[]" }, { "<a>\n</a>", "[]" }, { "<string>no such campaign</string>" },
            { "<boolean>true</boolean>", "true" }, { "<a nil='true'/>", "null" },
        }
        for _, case in ipairs(cases) do
            local values, err, rest = stream(case[1], list, nil, 5)
            assert.same({}, values)
            assert.is_nil(err)
            assert.equal(case[2] or '"no such campaign"', encoded(rest))
            assert.equal(encoded(assert(xml.read(case[1], list))), encoded(rest))
        end
        assert.equal("[]", encoded((select(3, stream("<a>" .. ROWS .. "</a>", list, nil, 50)))))
        assert.equal("[]", encoded((select(3, stream("<a><b/></a>", nil, nil, 50)))))
    end)

    it("takes no document of another kind", function()
        local foreign = {
            { "<Error><Message>no such action</Message></Error>", 0, list },
            { "<a><b><ActionID>7</ActionID></b><c>x</c></a>", 1, list },
            { "<html><head><title>x</title></head><body><p>x</p></body></html>", 0, list },
            { "<HTML><body><p>x</p></body></HTML>", 0 }, { "<html/>", 0, list },
            { "<html><p>x</p></html>", 0, { type = "list", of = { type = "string" } } },
        }
        for _, case in ipairs(foreign) do
            local whole = select(2, xml.read(case[1], case[3]))
            for n = 1, #case[1], 6 do
                local values, err = stream(case[1], case[3], nil, n)
                assert.equal(case[2], #values)
                assert.same({ "decode", whole.message }, { err.kind, err.message })
            end
        end
        local _, err = stream("<a><b/><c></a>", list, nil, 99)
        assert.equal("record 2: line 1, column 13: mismatched tag", err.message)
        _, err = stream("<a><b>123456</b></a>", list, { max_record = 5 }, 99)
        assert.equal("too_large", err.kind)
    end)
end)
