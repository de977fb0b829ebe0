--- The OPM simulator against what was observed of the real server: order of checks, coercions and
-- every text.

require "spec.support.helper"
local json = require "neap.native.json"
local simulator = require "spec.support.simulator"

local KEY = simulator.KEY
local JSON = "application/json"

--- The exact body of a failure, keys in the framework's order.
local function failure(status, error_name, message, code)
    return ('{"statusCode":%d,%s"error":"%s","message":"%s"}'):format(
        status, code and ('"code":"%s",'):format(code) or "", error_name, message)
end

local function bad(message, code) return { 400, failure(400, "Bad Request", message, code) } end

local PONG = { 200, '{"statusCode":200,"message":"pong"}' }
local CREATED = { 201, '{"statusCode":201,"message":"OK - Created"}' }
local UPDATED = { 202, '{"statusCode":202,"message":"OK - Update accepted"}' }
local UNAUTHORIZED = { 401, failure(401, "Unauthorized", "API key does not exist") }
local NO_HEADER = bad "headers must have required property 'x-api-key'"
local NO_OBJECT = bad "body must be object"
local NO_ID = bad "body must have required property 'customerId'"
local NO_CONTACT = bad "body must have either required property 'customerEmail' or 'customerPhone'"
local FORBIDDEN = bad "Object contains forbidden prototype property"
local EMPTY = bad("Body cannot be empty when content-type is set to 'application/json'",
    "FST_ERR_CTP_EMPTY_JSON_BODY")
local CUT = bad("Request body size did not match Content-Length",
    "FST_ERR_CTP_INVALID_CONTENT_LENGTH")
local TOO_LARGE = { 413, failure(413, "Payload Too Large", "Request body is too large",
    "FST_ERR_CTP_BODY_TOO_LARGE") }

local function no_string(field) return bad(("body/%s must be string"):format(field)) end

local function media(type)
    return { 415, failure(415, "Unsupported Media Type", "Unsupported Media Type: " .. type,
        "FST_ERR_CTP_INVALID_MEDIA_TYPE") }
end

local function no_route(method, target)
    return { 404, ('{"message":"Route %s:%s not found","error":"Not Found","statusCode":404}')
        :format(method, target) }
end

describe("the OPM simulator", function()
    local opm

    before_each(function()
        opm = simulator.new "opm"
        opm.sim.partners["other-key"] = {}
    end)

    local function send(method, target, key, body, content_type)
        local res = opm:send(method, target, {
            headers = { ["x-api-key"] = key, ["content-type"] = content_type }, body = body,
        })
        assert.equal("application/json; charset=utf-8", res.headers["Content-Type"])
        return { res.status, res.text }
    end

    local function entry(body, key)
        return send("POST", "/entry", key or KEY, body, JSON)
    end

    local function stored(id) return opm.sim:snapshot("customer:" .. id) end

    describe("ping", function()
        local cases = {
            { "GET", "/ping", KEY, PONG },
            { "GET", "/ping", "  " .. KEY .. "\t", PONG },
            { "GET", "/ping", "nobody", UNAUTHORIZED },
            { "GET", "/ping", KEY:sub(1, -2), UNAUTHORIZED },
            { "GET", "/ping", "", UNAUTHORIZED },
            { "GET", "/ping", nil, NO_HEADER },
            { "HEAD", "/ping", KEY, PONG }, -- the router leaves the body away
            { "GET", "/ping?x=1", KEY, PONG },
            { "GET", "/ping/", KEY, no_route("GET", "/ping/") },
            { "GET", "/ping/?a=1&b=%20", KEY, no_route("GET", "/ping/?a=1&b=%20") },
            { "POST", "/ping", KEY, no_route("POST", "/ping") },
            { "OPTIONS", "/ping", KEY, no_route("OPTIONS", "/ping") },
            { "DELETE", "/ping", nil, no_route("DELETE", "/ping") },
            { "GET", "/entry", KEY, no_route("GET", "/entry") },
            { "GET", "/", nil, no_route("GET", "/") },
        }
        for _, case in ipairs(cases) do
            local method, target, key, expected = table.unpack(case, 1, 4)
            it(("answers %s %s with key %q by %d"):format(method, target, key or "none", expected[1]),
                function() assert.same(expected, send(method, target, key)) end)
        end
    end)

    -- In this order: route, content type, size and JSON, body schema, header schema, key, contact.
    describe("checks in the order of the server:", function()
        local good = '{"customerId":"1","customerEmail":"a@example.com"}'
        local no_contact = '{"customerId":"1"}'
        local large = '{"customerId":"1","customerEmail":"' .. ("x"):rep(1048576) .. '"}'
        local cases = {
            -- what, method, target, key, body, content type, expected
            { "body before key", "POST", "/entry", nil, "{}", JSON, NO_ID },
            { "body before a wrong key", "POST", "/entry", "nobody", "{}", JSON, NO_ID },
            { "type before a missing key", "POST", "/entry", nil,
                '{"customerId":"1","customerIP":{}}', JSON, no_string "customerIP" },
            { "missing key before contact", "POST", "/entry", nil, no_contact, JSON, NO_HEADER },
            { "wrong key before contact", "POST", "/entry", "nobody", no_contact, JSON, UNAUTHORIZED },
            { "empty key before contact", "POST", "/entry", "", no_contact, JSON, UNAUTHORIZED },
            { "contact last", "POST", "/entry", KEY, no_contact, JSON, NO_CONTACT },
            { "content type before route", "POST", "/nowhere", KEY, good, "text/xml", media "text/xml" },
            { "JSON before route", "PUT", "/entry", KEY, "", JSON, EMPTY },
            { "route after a good body", "PATCH", "/entry", KEY, good, JSON, no_route("PATCH", "/entry") },
            { "route after no body", "POST", "/nowhere?q", KEY, nil, nil, no_route("POST", "/nowhere?q") },
            { "no body check for DELETE", "DELETE", "/entry", KEY, "{", "text/xml",
                no_route("DELETE", "/entry") },
            { "content type before size", "POST", "/entry", KEY, large, "text/xml", media "text/xml" },
            { "size before key", "POST", "/entry", nil, large, JSON, TOO_LARGE },
            { "size before route", "POST", "/nowhere", nil, large, JSON, TOO_LARGE },
            { "size of any parsed type", "POST", "/entry", nil, large, "text/plain", TOO_LARGE },
        }
        for _, case in ipairs(cases) do
            local what, method, target, key, body, content_type, expected = table.unpack(case, 1, 7)
            it(what, function()
                assert.same(expected, send(method, target, key, body, content_type))
                assert.equal(0, opm.sim:snapshot "count")
            end)
        end
    end)

    describe("reads the body:", function()
        local good = '{"customerId":"1","customerEmail":"a"}'
        local cases = {
            { "none at all", nil, nil, NO_OBJECT },
            { "an array", "[]", JSON, NO_OBJECT },
            { "null", "null", JSON, NO_OBJECT },
            { "a string", '"x"', JSON, NO_OBJECT },
            { "a number", "1", JSON, NO_OBJECT },
            { "text/plain", good, "text/plain", NO_OBJECT },
            { "text/plain as fetch says it", "[object Object]", "text/plain;charset=UTF-8", NO_OBJECT },
            { "empty text/plain", "", "text/plain", NO_OBJECT },
            { "empty JSON", "", JSON, EMPTY },
            { "no JSON body with its type", nil, JSON, EMPTY },
            { "a charset", good, "application/json; charset=utf-8", CREATED },
            { "a substring of the type", good, "application/jsonp", CREATED },
            { "a byte-order mark", "\xef\xbb\xbf" .. good, JSON, CREATED },
            { "upper case", good, "APPLICATION/JSON", media "APPLICATION/JSON" },
            { "a form", "a=1", "application/x-www-form-urlencoded",
                media "application/x-www-form-urlencoded" },
            { "a vendor's JSON type", good, "application/vnd.api+json", media "application/vnd.api+json" },
            { "a body without a type", good, nil, media "undefined" },
            { "an empty type", good, "", media "undefined" },
            { "__proto__", '{"customerId":"1","customerEmail":"a","__proto__":{}}', JSON, FORBIDDEN },
            { "__proto__ within", '{"customerId":"1","a":[{"b":{"__proto__":null}}]}', JSON, FORBIDDEN },
            { "constructor.prototype", '{"constructor":{"prototype":1}}', JSON, FORBIDDEN },
            { "constructor null", '{"constructor":null}', JSON, FORBIDDEN },
            { "an innocent constructor", '{"customerId":"1","customerEmail":"a","constructor":"x"}', JSON,
                CREATED },
            { "broken UTF-8", '{"customerId":"\xff"}', JSON, CUT },
            { "broken UTF-8 in text", "\xc3", "text/plain", CUT },
        }
        for _, case in ipairs(cases) do
            local what, body, content_type, expected = table.unpack(case, 1, 4)
            it(what, function()
                assert.same(expected, send("POST", "/entry", KEY, body, content_type))
            end)
        end

        it("of exactly 1,048,576 bytes, and not of one more", function()
            local head, tail = '{"customerId":"1","customerEmail":"', '"}'
            local body = head .. ("x"):rep(1048576 - #head - #tail) .. tail
            assert.equal(1048576, #body)
            assert.same(CREATED, entry(body))
            assert.same(TOO_LARGE, entry(body .. " "))
        end)

        for _, broken in ipairs { "{", "{]", '{"customerId":1,}', "nul", '{"a":1} x' } do
            it("refuses " .. broken .. " with a message of its own", function()
                local res = entry(broken)
                assert.equal(400, res[1])
                local value = json.decode(res[2])
                assert.equal("Bad Request", value.error)
                assert.is_string(value.message)
                assert.is_nil(value.code)
            end)
        end
    end)

    describe("requires properties, then types in the schema's order:", function()
        local cases = {
            { '{"customerEmail":{}}', NO_ID },
            { '{"customerId":{},"customerIP":{},"customerEmail":{}}', no_string "customerId" },
            { '{"customerIP":{},"customerLastName":{},"customerFirstName":{},"customerPhone":{},'
                .. '"customerEmail":{},"customerId":1}', no_string "customerEmail" },
            { '{"customerIP":{},"customerLastName":{},"customerFirstName":{},"customerPhone":{},'
                .. '"customerId":1}', no_string "customerPhone" },
            { '{"customerIP":{},"customerLastName":{},"customerFirstName":{},"customerId":1}',
                no_string "customerFirstName" },
            { '{"customerIP":{},"customerLastName":{},"customerId":1}', no_string "customerLastName" },
            { '{"customerIP":{},"customerId":1}', no_string "customerIP" },
            { '{"customerId":[]}', no_string "customerId" },
            { '{"customerId":["a","b"]}', no_string "customerId" },
            { '{"customerId":[["a"]]}', no_string "customerId" },
            { '{"customerId":[{}]}', no_string "customerId" },
            { '{"customerId":"x","customerEmail":["a"]}', no_string "customerEmail" },
            { '{"customerId":"x","customerEmail":[]}', no_string "customerEmail" },
            { '{"customerId":"x","customerEmail":["a","b"]}', no_string "customerEmail" },
            { '{"customerId":"x","customerEmail":[[5]]}', no_string "customerEmail" },
        }
        for _, case in ipairs(cases) do
            it(case[1], function() assert.same(case[2], entry(case[1])) end)
        end
    end)

    describe("coerces to text:", function()
        local ids = {
            { "7519", "7519" }, { '"7519"', "7519" }, { "true", "true" }, { "false", "false" },
            { "null", "" }, { '""', "" }, { "1.5", "1.5" }, { "-0", "0" }, { "1.0", "1" },
            { "12345678901234567890", "12345678901234567000" },
            { '"12345678901234567890"', "12345678901234567890" },
            { "9007199254740993", "9007199254740992" }, { "-12", "-12" },
            { "1e21", "1e+21" }, { "123e18", "123000000000000000000" }, { "1e-7", "1e-7" },
            { "0.000001", "0.000001" }, { "0.1", "0.1" }, { "1.25e-9", "1.25e-9" },
            { "-1234.5678", "-1234.5678" }, { '["a"]', "a" }, { "[5]", "5" }, { "[null]", "" },
        }
        for _, case in ipairs(ids) do
            it("customerId " .. case[1], function()
                assert.same(CREATED, entry(('{"customerId":%s,"customerEmail":"a"}'):format(case[1])))
                assert.truthy(stored(case[2]))
                -- What was stored is found again by its text.
                local again = json.encode { customerId = case[2], customerEmail = "a" }
                assert.same(UPDATED, entry(again))
            end)
        end
        local contacts = {
            { "12", "12" }, { "0", "0" }, { "false", "false" }, { '" "', " " }, { "[5]", "5" },
            { "[true]", "true" }, { "null" }, { '""' }, { "[null]" }, { '[""]' },
        }
        for _, field in ipairs { "customerEmail", "customerPhone" } do
            for _, case in ipairs(contacts) do
                it(("%s %s counts as %s"):format(field, case[1], case[2] and "present" or "missing"),
                    function()
                        local body = ('{"customerId":"x","%s":%s}'):format(field, case[1])
                        assert.same(case[2] and CREATED or NO_CONTACT, entry(body))
                        assert.equal(case[2], stored "x" and stored("x")[field])
                    end)
            end
        end
        it("takes long digits in text as they are", function()
            assert.same(CREATED, entry(
                '{"a":"1234567890123456789\\"9","customerId":"1","customerEmail":"12345678901234567890"}'))
            assert.equal("12345678901234567890", stored("1").customerEmail)
        end)
    end)

    describe("stores", function()
        it("customers as the observed sequence says", function()
            assert.same(CREATED, entry('{"customerId":7519,"customerEmail":"c1@example.com",'
                .. '"customerPhone":"+15855550100","customerFirstName":"John",'
                .. '"customerLastName":"Doe","customerIP":"192.0.2.1"}'))
            assert.same(UPDATED, entry '{"customerId":"7519","customerEmail":"c2@example.com"}')
            assert.equal("c2@example.com", stored("7519").customerEmail)
            assert.equal("+15855550100", stored("7519").customerPhone)
            assert.same(NO_CONTACT, entry '{"customerId":7519,"customerFirstName":"Jane"}')
            assert.equal("John", stored("7519").customerFirstName)
            assert.same(UPDATED, entry('{"customerId":7519,"customerEmail":"c3@example.com",'
                .. '"customerPhone":null,"customerLastName":""}'))
            local customer = stored "7519"
            assert.equal("c3@example.com", customer.customerEmail)
            assert.equal("+15855550100", customer.customerPhone)
            assert.equal("Doe", customer.customerLastName)
            assert.same({ "c1@example.com", "c2@example.com", "c3@example.com" }, customer.history)
            assert.equal(1, opm.sim:snapshot "count")
        end)

        it("the same id once for each partner", function()
            local body = '{"customerId":7519,"customerEmail":"a"}'
            assert.same(CREATED, entry(body))
            assert.same(CREATED, entry(body, "other-key"))
            assert.same(UPDATED, entry(body, "other-key"))
            assert.same(UPDATED, entry(body))
        end)

        it("an identical repeat without a change", function()
            local body = '{"customerId":"r","customerPhone":"+1"}'
            assert.same(CREATED, entry(body))
            assert.same(UPDATED, entry(body))
            assert.equal("+1", stored("r").customerPhone)
        end)

        it("no unknown property", function()
            assert.same(CREATED, entry '{"customerId":"e","customerEmail":"a","foo":{"bar":1}}')
            assert.is_nil(stored("e").foo)
        end)

        it("by the path as it is written", function()
            local body = '{"customerId":"q","customerEmail":"a"}'
            assert.same(CREATED, send("POST", "/entry?x=1", KEY, body, JSON))
            assert.same(no_route("POST", "/ENTRY"), send("POST", "/ENTRY", KEY, body, JSON))
            assert.same(no_route("POST", "/entry/"), send("POST", "/entry/", KEY, body, JSON))
        end)
    end)

    it("names its endpoints and speaks its envelope in faults", function()
        assert.same({ "ping", "entry" }, opm.sim.endpoints)
        assert.equal("entry", opm:send("POST", "/entry").endpoint)
        assert.equal("ping", opm:send("HEAD", "/ping").endpoint)
        assert.is_nil(opm:send("POST", "/ping").endpoint)
        assert.same(failure(500, "Internal Server Error", "boom"),
            json.encode(opm.sim:failure(500, "boom"), { sorted = true }))
    end)
end)
