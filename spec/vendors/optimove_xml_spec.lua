--- Optimove's XML: each of its answers, read one record at a time, is what it is as a whole, and what its JSON is.

require "spec.support.helper"
local definition = require "spec.support.definition"
local json = require "neap.native.json"
local records = require "neap.xml.records"
local support = require "spec.sandbox.optimove_support"
local xml = require "neap.xml"

local endpoints = definition.clients.optimove.model.endpoints
local XML = { Accept = "application/xml" }
local ORDERED = { ordered = true }

--- Reads a document in chunks of n bytes. -> records, rest
local function stream(text, shape, n)
    local made, list = records.new(shape, ORDERED), {}
    local function drain()
        local value, err = made:next()
        while value ~= nil do
            list[#list + 1] = value
            value, err = made:next()
        end
        assert.is_nil(err)
    end
    for at = 1, #text, n do
        made.reader:feed(text:sub(at, at + n - 1))
        drain()
    end
    made.reader:finish()
    drain()
    return list, assert(made:rest())
end

describe("optimove in XML", function()
    local opti, lists = support.new(), 0

    for _, case in ipairs(support.READS) do
        local path, args = case[1], case[2]
        it(path, function()
            local name = path:match "[^/]+$"
            local shape = endpoints[name == "Attributes" and "GetCustomerAttributes" or name].returns
            local plain, text = opti:get(path, args).text, opti:get(path, args, XML).text
            local whole = assert(xml.read(text, shape, ORDERED))
            if type(shape) == "table" then assert.equal(plain, json.encode(whole)) end
            if not json.is_array(whole) then return end
            lists = lists + 1
            assert.is_true(#whole > 0)
            local list, rest = stream(text, shape, 1000)
            assert.equal(json.encode(whole), json.encode(json.array(list)))
            assert.equal("[]", json.encode(rest))
        end)
    end

    it("has lists among them", function() assert.is_true(lists >= 20) end)

    it("has lists without records, too", function()
        local args = { RecipientGroupID = 1, ActionID = 999, Date = support.DATE }
        local text = opti:get("customers/GetCustomersByAction", args, XML).text
        local list, rest = stream(text, endpoints.GetCustomersByAction.returns, 10)
        assert.same({ "[]", 0 }, { json.encode(rest), #list })
    end)
end)
