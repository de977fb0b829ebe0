-- lua/neap/xml.lua: documents as values by their shape, and values as documents.
require "neap"
local json = require "neap.native.json"
local null = require "neap.null"
local xml = require "neap.xml"

--- Reads a document and gives its value as JSON.
local function read(text, shape, opts)
    local value, err = xml.read(text, shape, opts)
    assert.is_nil(err)
    return json.encode(value, { sorted = not (opts and opts.ordered) })
end

local function list(of) return { type = "list", of = of } end
local function object(fields) return { type = "object", fields = fields } end

local customer = object {
    { "CustomerID", type = "string" }, { "ActionID", type = "integer" }, { "Value", type = "number" },
    { "Active", type = "boolean" }, { "Sent", type = "boolean", as_text = true }, { "Date", type = "date" },
    { "CustomerAttributes", type = "list", of = { type = "string" } },
    { "Orders", type = "list", of = object { { "ID", type = "integer" }, { "Item", type = "string" } } },
    { "Level", values = { 1, 2 } }, { "Home", type = "object", fields = { { "City", type = "string" } } },
}

it("is made of the reader's elements", function()
    local element = assert(xml.decode "<a><b>1</b></a>")
    assert.same({ name = "a", { name = "b", text = "1" } }, element)
    assert.same({ b = 1 }, xml.value(element, object { { "b", type = "integer" } }))
end)

describe("xml.value without a shape", function()
    local cases = {
        { "<a>x</a>", '"x"' }, { "<a/>", '""' }, { "<a> 5 </a>", '" 5 "' }, { '<a nil="true">x</a>', "null" },
        { '<a xmlns:i="u" i:nil="1"/>', "null" }, { '<a nil="false"/>', '""' }, { "<a><b>1</b></a>", '{"b":"1"}' },
        { "<a><b>1</b><b>2</b></a>", '["1","2"]' }, { "<a><b>1</b><c/><b>2</b></a>", '{"b":["1","2"],"c":""}' },
        { "<a><b>1</b><B>2</B></a>", '{"B":"2","b":"1"}' }, { "<ArrayOfB><B>1</B></ArrayOfB>", '["1"]' },
        { "<ArrayOfB/>", "[]" }, { "<ArrayOfB> \n</ArrayOfB>", "[]" }, { "<ArrayOfB>no</ArrayOfB>", '"no"' },
        { "<a><b x='1'><c/></b></a>", '{"b":{"c":""}}' },
        { "<a><Tags><t>1</t><t>2</t></Tags><n>3</n></a>", '{"Tags":["1","2"],"n":"3"}' },
    }
    for _, case in ipairs(cases) do
        it(case[1], function() assert.equal(case[2], read(case[1])) end)
    end
    it("takes a text for people as no shape", function()
        assert.equal('{"b":"1"}', read("<a><b>1</b></a>", "a list of b"))
    end)
end)

describe("xml.value with a shape", function()
    local cases = {
        { "CustomerID", "<CustomerID>007</CustomerID>", '"007"' }, { "CustomerID", "<customerid/>", '""' },
        { "CustomerID", "<CustomerID nil='true'/>", "null" }, { "ActionID", "<ACTIONID>-1</ACTIONID>", "-1" },
        { "ActionID", "<ActionID>9223372036854775807</ActionID>", "9223372036854775807" },
        { "ActionID", "<ActionID>9223372036854775808</ActionID>", '"9223372036854775808"' },
        { "ActionID", "<ActionID>5.0</ActionID>", '"5.0"' }, { "ActionID", "<ActionID>05</ActionID>", '"05"' },
        { "ActionID", "<ActionID> 5</ActionID>", '" 5"' }, { "ActionID", "<ActionID/>", "null" },
        { "ActionID", "<ActionID>0x10</ActionID>", '"0x10"' }, { "Value", "<Value>342.65</Value>", "342.65" },
        { "Value", "<Value>7</Value>", "7" }, { "Value", "<Value>1e2</Value>", "100.0" },
        { "Value", "<Value>NaN</Value>", '"NaN"' }, { "Value", "<Value>1e999</Value>", '"1e999"' },
        { "Value", "<Value>1,5</Value>", '"1,5"' }, { "Value", "<Value> </Value>", "null" },
        { "Active", "<Active>true</Active>", "true" }, { "Active", "<Active>0</Active>", "false" },
        { "Active", "<Active>false</Active>", "false" }, { "Active", "<Active>yes</Active>", '"yes"' },
        { "Active", "<Active/>", "null" }, { "Sent", "<Sent>true</Sent>", '"true"' }, { "Sent", "<Sent/>", "null" },
        { "Sent", "<Sent> </Sent>", "null" },
        { "Date", "<Date>2018-03-01</Date>", '"2018-03-01"' }, { "Date", "<Date/>", "null" },
        { "Level", "<Level>2</Level>", "2" }, { "Level", "<Level>3</Level>", '"3"' },
        { "Home", "<Home><CITY>Tel Aviv</CITY><Zip>5</Zip></Home>", '{"City":"Tel Aviv","Zip":"5"}' },
        { "Home", "<Home/>", "{}" }, { "Home", "<Home>x</Home>", '"x"' },
        { "Home", "<Home><City>a</City><City>b</City></Home>", '{"City":"b"}' },
        { "Value", "<Value><x>1</x><y>2</y></Value>", '{"x":"1","y":"2"}' },
        { "CustomerAttributes", "<CustomerAttributes/>", "[]" },
        { "CustomerAttributes", "<CustomerAttributes nil='true'/>", "null" },
        { "CustomerAttributes", "<CustomerAttributes>USA</CustomerAttributes>", '["USA"]' },
        {
            "CustomerAttributes", "<customerattributes>USA</customerattributes><x/><CustomerAttributes/>",
            '["USA",""]',
        },
        { "CustomerAttributes", "<CustomerAttributes><s>a</s></CustomerAttributes>", '["a"]' },
        { "CustomerAttributes", "<CustomerAttributes><s>a</s><s nil='1'/></CustomerAttributes>", '["a",null]' },
        { "CustomerAttributes", "<CustomerAttributes><b>a</b><c>d</c></CustomerAttributes>", '["a","d"]' },
        { "Orders", "<Orders><ID>1</ID></Orders>", '[{"ID":1}]' },
        { "Orders", "<Orders><ID>1</ID></Orders><Orders><ID>2</ID></Orders>", '[{"ID":1},{"ID":2}]' },
        { "Orders", "<Orders><Order><ID>1</ID></Order></Orders>", '[{"ID":1}]' },
        { "Orders", "<Orders><Order/></Orders>", "[{}]" }, { "Orders", "<Orders><x>1</x><y>2</y></Orders>",
            '[{"x":"1","y":"2"}]' },
    }
    for _, case in ipairs(cases) do
        it(case[2], function()
            local value = assert(xml.read("<Customer>" .. case[2] .. "</Customer>", customer))
            assert.equal(case[3], json.encode(value[case[1]], { sorted = true }))
        end)
    end

    it("keeps lists of one and of none lists", function()
        local shape = list(customer)
        assert.equal("[]", read("<ArrayOfCustomer/>", shape))
        assert.equal("[]", read("<Customers>\n</Customers>", shape))
        assert.equal('[{"ActionID":7}]', read("<any><of><actionid>7</actionid></of></any>", shape))
        assert.equal('[{"ActionID":7},{}]', read("<a><b><ActionID>7</ActionID></b><c/></a>", shape))
        assert.equal('"no such campaign"', read("<string>no such campaign</string>", shape))
        assert.equal("null", read("<a nil='true'/>", shape))
        assert.equal("[[1,2],[],[3]]", read("<a><b><c>1</c><c>2</c></b><b/><b><c>3</c></b></a>",
            list(list { type = "integer" })))
    end)
    it("takes no document of another kind", function()
        local text = { type = "string" }
        local foreign = {
            { "<Error><Message>no such action</Message></Error>", list(customer),
                "the reply has <Message> where a record is expected" },
            { "<a><b><ActionID>7</ActionID></b><c>x</c></a>", list(customer),
                "the reply has <c> where a record is expected" },
            { "<html><body><p>x</p></body></html>", list(customer), "the reply is a page, <html>" },
            { "<HTML/>", customer, "the reply is a page, <HTML>" }, { "<html>x</html>", text, "a page" },
            { "<html><head/></html>", nil, "a page" },
            { "<Error>no such action</Error>", customer,
                "the reply is <Error> with a text where a record is expected" },
        }
        for _, case in ipairs(foreign) do
            local value, err = xml.read(case[1], case[2])
            assert.is_nil(value)
            assert.equal("decode", err.kind)
            assert.matches(case[3], err.message, 1, true)
            value, err = xml.value(assert(xml.decode(case[1])), case[2], { ordered = true })
            assert.is_nil(value)
            assert.matches(case[3], err.message, 1, true)
        end
        assert.equal('[null,{}]', read("<a><b nil='true'>x</b><b/></a>", list(customer)))
        assert.equal('"no such action"', read("<string>no such action</string>", customer))
        assert.equal("{}", read("<Customer> </Customer>", customer))
        assert.equal("null", read("<Customer nil='1'>x</Customer>", customer))
        assert.equal('["x"]', read("<a><html>x</html></a>", list(text)))
    end)
    it("reads what stands in place of a payload", function()
        for _, shape in ipairs { "nothing", list(customer), customer, { type = "string" } } do
            assert.equal("true", read("<boolean>true</boolean>", shape))
            assert.equal("false", read("<Boolean> 0 </Boolean>", shape))
        end
        assert.equal("true", read "<boolean xmlns='http://schemas.microsoft.com/2003/10/Serialization/'>true</boolean>")
        assert.equal('"maybe"', read("<boolean>maybe</boolean>", "nothing"))
        assert.equal('""', read "<boolean/>")
        assert.equal('{"ResponseCode":200}', read("<ResponseCode>200</ResponseCode>", "nothing"))
        assert.equal('{"ResponseCode":200}', read("<Answer><ResponseCode>200</ResponseCode></Answer>", "nothing"))
        assert.equal('{"ResponseCode":200}', read("<Answer><ResponseCode>200</ResponseCode></Answer>",
            object { { "ResponseCode", type = "integer" } }, { ordered = true }))
        assert.equal('{"ResponseCode":"ok","b":"1"}', read "<a><ResponseCode>ok</ResponseCode><b>1</b></a>")
    end)
    it("reads objects of any names", function()
        local shape = { type = "object", of = { type = "integer" } }
        assert.equal('{"A":1,"a":2}', read("<x><A>1</A><a>2</a></x>", shape))
        local open = { type = "object", open = true, of = { type = "integer" }, fields = { { "b", type = "string" } } }
        assert.equal('{"b":"1","c":2}', read("<x><B>1</B><c>2</c></x>", open))
        local any = object { { "a", type = "any" } }
        assert.equal('{"a":["1","2"],"b":"3"}', read("<x><a>1</a><b>3</b><a>2</a></x>", any))
    end)
    it("reads the first alternative that an element can be", function()
        local texts, number = list { type = "string" }, { type = "integer" }
        local shape = object { { "A", either = { texts, number, { type = "string" } } } }
        assert.equal('{"A":5}', read("<x><a>5</a></x>", shape))
        assert.equal('{"A":"USA;5"}', read("<x><A>USA;5</A></x>", shape))
        assert.equal('{"A":["USA","5"]}', read("<x><A>USA</A><a>5</a></x>", shape))
        assert.equal('{"A":["USA"]}', read("<x><A><s>USA</s></A></x>", shape))
    end)
    it("leaves joined lists the texts that they are", function()
        local shape = object { { "A", type = "list", join = ";", of = { type = "string" } } }
        assert.equal('{"A":"USA;5"}', read("<x><A>USA;5</A></x>", shape))
        assert.equal('{"A":["USA","5"]}', read("<x><A><s>USA</s><s>5</s></A></x>", shape))
    end)
    it("takes what a definition made of its fields", function()
        local schema = require "neap.schema"
        local compiled = schema.compile({ Total = { type = "integer" } }, "spec").root
        assert.equal('{"Total":3}', read("<x><total>3</total></x>", compiled))
        assert.equal('{"Total":3}', read("<x><total>3</total></x>", object { Total = { type = "integer" } }))
    end)
    it("keeps the order of members where it is asked to", function()
        local text = "<a><z>1</z><B><y>2</y><x>3</x></B><z>4</z><c/></a>"
        assert.equal('{"z":["1","4"],"b":{"y":"2","x":3},"c":""}',
            read(text, object { { "b", type = "object", fields = { { "x", type = "integer" } } } }, { ordered = true }))
    end)
end)

describe("xml.read", function()
    it("returns the reader's error", function()
        local value, err = xml.read("<a><b>", customer)
        assert.is_nil(value)
        assert.same({ "decode", true, 1, 7 }, { err.kind, err.truncated, err.line, err.column })
        value, err = xml.read("<a><b/></a>", nil, { depth = 1 })
        assert.is_nil(value)
        assert.matches("too deeply", err.message)
    end)
    it("reads as deep as the reader goes", function()
        local depth = 0
        local value = assert(xml.read(("<a>"):rep(1000) .. ("</a>"):rep(1000), nil, { depth = 1000 }))
        while type(value) == "table" do value, depth = value.a, depth + 1 end
        assert.same({ "", 999 }, { value, depth })
    end)
end)

describe("xml.encode", function()
    local head = '<?xml version="1.0" encoding="utf-8"?>'
    local namespace = ' xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'

    it("writes lists, objects and null", function()
        local value = json.array {
            json.object({ ID = 7, Name = "R&<n>\r", Tags = json.array { "a", "b" }, Gone = null },
                { "Name", "ID", "Tags", "Gone" }),
            json.object {},
        }
        assert.equal(head .. "<ArrayOfCustomer" .. namespace .. ">"
            .. "<Customer><Name>R&amp;&lt;n&gt;&#13;</Name><ID>7</ID>"
            .. '<Tags><string>a</string><string>b</string></Tags><Gone i:nil="true"/></Customer>'
            .. "<Customer></Customer></ArrayOfCustomer>", xml.encode(value, { root = "ArrayOfCustomer" }))
        assert.equal(head .. "<Rows" .. namespace .. "><Row>1.5</Row></Rows>",
            xml.encode({ 1.5 }, { root = "Rows", item = "Row" }))
        assert.equal(head .. "<r" .. namespace .. ' i:nil="true"/>', xml.encode(null, { root = "r" }))
    end)
    it("makes the same document of its pieces", function()
        local rows = json.array { { a = 1 }, { a = 2 } }
        assert.equal(xml.encode(rows, { root = "Rows", item = "Row" }), xml.head "Rows"
            .. xml.element("Row", rows[1]) .. xml.element("Row", rows[2]) .. xml.tail "Rows")
    end)
    it("refuses what no XML can hold", function()
        for _, value in ipairs {
            "\1", "\u{FFFE}", "\xFF", { a = "\0" }, { ["first name"] = 1 }, { ["a:b"] = 1 }, { [""] = 1 }, 0 / 0,
            { print }, { a = 1, 2 },
        } do
            local text, err = xml.encode(value, { root = "r" })
            assert.is_nil(text)
            assert.equal("invalid", err.kind)
        end
        assert.is_nil(xml.element("1", {}))
        assert.has_error(function() xml.encode({}, {}) end)
        assert.has_error(function() xml.encode({}) end)
    end)
end)

-- Values of random shapes, written and read again.

local random -- function(depth) -> shape, function() -> value

local function any_text()
    local parts = { "", "a", " ", "<", "&", ">", "]]>", "\r", "\n", "\t", "\u{e9}", "\u{1F600}", "true", "1", '"' }
    local text = {}
    for i = 1, math.random(0, 4) do text[i] = parts[math.random(#parts)] end
    return table.concat(text)
end

local scalars = {
    { { type = "string" }, any_text },
    { { type = "integer" }, function() return math.random(0) >> math.random(0, 63) end },
    { { type = "number" }, function() return (math.random() - 0.5) * 10.0 ^ math.random(-300, 300) end },
    { { type = "number" }, function() return math.random(-9, 9) * 1.0 end },
    { { type = "boolean" }, function() return math.random(2) == 1 end },
    { { type = "boolean", as_text = true }, function() return tostring(math.random(2) == 1) end },
    { { type = "date" }, function() return ("2018-03-%02d"):format(math.random(31)) end },
    { { values = { "a", "b", 3 } }, function() return ({ "a", "b", 3 })[math.random(3)] end },
}

local function or_null(make)
    return function() return math.random(8) == 1 and null or make() end
end

local function random_list(depth)
    local of, make = random(depth - 1)
    return list(of), function()
        local items = {}
        for i = 1, math.random(0, 3) do items[i] = make() end
        return json.array(items)
    end
end

local function random_object(depth)
    local fields, makers = {}, {}
    for _, name in ipairs { "ID", "Name", "customer_Key", "item", "String", "x.y-z" } do
        if math.random(2) == 1 then
            local field, make = random(depth - 1)
            local named = { name }
            for key, value in pairs(field) do named[key] = value end
            fields[#fields + 1] = named
            makers[name] = make
        end
    end
    return object(fields), function()
        local value = {}
        for name, make in pairs(makers) do
            if math.random(4) > 1 then value[name] = make() end
        end
        return value
    end
end

function random(depth)
    local kind = depth > 0 and math.random(4) or 4
    local shape, make
    if kind == 1 then
        shape, make = random_list(depth)
    elseif kind <= 3 then
        shape, make = random_object(depth)
    else
        shape, make = table.unpack(scalars[math.random(#scalars)])
    end
    return shape, or_null(make)
end

describe("xml.encode and xml.read", function()
    it("give every value of a shape back", function()
        math.randomseed(7519)
        for _ = 1, 3000 do
            local shape, make = random(4)
            local value = make()
            local text = assert(xml.encode(value, { root = "ArrayOfThing" }))
            local expected = json.encode(value, { sorted = true })
            assert.equal(expected, read(text, shape), text)
        end
    end)
end)
