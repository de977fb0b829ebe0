--- Pages of the Optimove simulator, and the attributes of customers in them.

require "spec.support.helper"
local json = require "neap.native.json"
local support = require "spec.sandbox.optimove_support"

local DATE, check, column = support.DATE, support.check, support.column
local null = json.null
local XML = { Accept = "application/XML" }
local BY_ACTION = "customers/GetCustomersByAction"

describe("the Optimove simulator", function()
    local opti

    before_each(function() opti = support.new() end)

    --- A request for customers by action as the router makes it.
    local function request(query)
        return { method = "GET", path = "/current/" .. BY_ACTION, at = 0, query = query,
            header = function(_, name) return name == "x-api-key" and support.KEY or nil end }
    end

    describe("pages", function()
        local function ids(args, headers)
            local res = opti:by_action(args, headers)
            check(200, nil, res)
            return res
        end

        it("10,000 by default", function()
            local rows = ids().value
            assert.equal(10000, #rows)
            assert.equal("00000001", rows[1].CustomerID)
            assert.equal("00010000", rows[10000].CustomerID)
        end)

        it("25,000 customers, each once, in JSON and XML the same", function()
            for _, headers in ipairs { {}, XML } do
                local seen, count, skip = {}, 0, 0
                for _, expected in ipairs { 10000, 10000, 5000 } do
                    local res = ids({ ["$skip"] = skip }, headers)
                    local here = 0
                    for id in res.text:gmatch '[">](%d%d%d%d%d%d%d%d)["<]' do
                        count = count + (seen[id] and 0 or 1)
                        seen[id], here = true, here + 1
                    end
                    assert.equal(expected, here)
                    skip = skip + 10000
                end
                assert.equal(25000, count)
                for i = 1, 25000 do seen[("%08d"):format(i)] = nil end
                assert.is_nil(next(seen))
            end
        end)

        it("as asked for", function()
            assert.same({ "00000001", "00000002", "00000003" }, column("CustomerID", ids({ ["$top"] = 3 }).value))
            assert.same({ "00024999", "00025000" },
                column("CustomerID", ids({ ["$top"] = 3, ["$SKIP"] = 24998 }).value))
            assert.equal("[]", ids({ ["$skip"] = 25000 }).text)
            assert.equal("[]", ids({ ["$top"] = 0 }).text)
            assert.equal("[]", ids({ ["$skip"] = 9007199254740993 }).text)
            assert.equal(25000, #ids({ ["$top"] = 200000 }).value)
        end)

        it("not by names without a dollar", function()
            assert.equal(10000, #ids({ top = 5, skip = 5 }).value)
        end)

        --- Counts the records of a large page, and finds the last one, without keeping them.
        local function count(args)
            local all = { RecipientGroupID = 1, ActionID = 1250000, Date = DATE }
            for name, value in pairs(args) do all[name] = value end
            local total, last = 0, nil
            opti.sim:respond(request(support.query(all):sub(2))).stream(function(piece)
                for id in piece:gmatch '"CustomerID":"(%d+)"' do total, last = total + 1, id end
                return true
            end)
            return total, last
        end

        it("at most 200,000", function()
            assert.same({ 200000, "00200000" }, { count { ["$top"] = 2000000 } })
            assert.same({ 50000, "00250000" }, { count { ["$top"] = 200000, ["$skip"] = 200000 } })
        end)

        it("at most 10,000 unsubscribers", function()
            local args = { BrandID = 1, ["$top"] = 12000 }
            assert.equal(10000, #opti:get("optimail/GetUnsubscribers", args).value)
            args["$skip"] = 10000
            local rows = opti:get("optimail/GetUnsubscribers", args).value
            assert.equal(2000, #rows)
            assert.equal("gone10001-1@example.com", rows[1].Email)
        end)

        it("over several segments without gap or repeat", function()
            local args = { Date = DATE, ["$top"] = 200000 }
            local all = opti:get("customers/GetCustomerActionDetailsByDate", args).text
            local parts, skip = {}, 0
            repeat
                args["$top"], args["$skip"] = 97, skip
                local text = opti:get("customers/GetCustomerActionDetailsByDate", args).text
                parts[#parts + 1] = text ~= "[]" and text:sub(2, -2) or nil
                skip = skip + 97
            until text == "[]"
            assert.is_true(#parts > 5)
            assert.equal(all, "[" .. table.concat(parts, ",") .. "]")
        end)

        it("through customers by the value of an attribute", function()
            local args = { CustomerAttribute = "TIER", CustomerAttributeValue = "gold", ["$top"] = 200000 }
            local all = opti:get("customers/GetCustomerFutureValues", args).value
            args["$skip"], args["$top"] = 10, 2
            local rows = opti:get("customers/GetCustomerFutureValues", args).value
            assert.same({ all[11], all[12] }, rows)
            assert.equal(2, #rows)
            local first = opti:get("customers/" .. rows[1].CustomerID .. "/Attributes").value
            for _, attribute in ipairs(first) do
                if attribute.RealFieldName == "Tier" then assert.equal("Gold", attribute.Value) end
            end
        end)

        it("stops to make records when the client has gone", function()
            local pieces = 0
            local query = "RecipientGroupID=1&ActionID=99000000&$top=200000&Date=" .. DATE
            opti.sim:respond(request(query)).stream(function()
                pieces = pieces + 1
                return pieces < 3 or nil
            end)
            assert.equal(3, pieces)
        end)
    end)

    describe("attributes of customers", function()
        local ARGS = { ["$top"] = 3, CustomerAttributes = "city;EMAIL;LastOrderDate" }

        it("are a list under /current, in the order asked for", function()
            local rows = opti:by_action(ARGS).value
            assert.same({ CustomerID = "00000001",
                CustomerAttributes = { "Tokyo", "customer1@example.com", "2017-10-28" } }, rows[1])
            assert.equal(null, rows[3].CustomerAttributes[3])
        end)

        for name, delimiter in pairs { comma = ",", colon = ":", semicolon = ";", tab = "\t" } do
            it("are one text without /current, joined by a " .. name, function()
                local query = { RecipientGroupID = 1, ActionID = 2, Date = DATE, ["$top"] = 3,
                    CustomerAttributes = ARGS.CustomerAttributes, CustomerAttributesDelimiter = delimiter }
                local rows = opti:send("GET", "/" .. BY_ACTION .. support.query(query),
                    { headers = { ["X-API-KEY"] = support.KEY } }).value
                assert.same({ CustomerID = "00000001", CustomerAttribute =
                    table.concat({ "Tokyo", "customer1@example.com", "2017-10-28" }, delimiter) }, rows[1])
                assert.equal(delimiter, rows[3].CustomerAttribute:sub(-1))
            end)
        end

        it("are joined by a comma by default", function()
            local query = support.query { RecipientGroupID = 1, ActionID = 2, Date = DATE, ["$top"] = 1,
                CustomerAttributes = "Email;Tier" }
            local res = opti:send("GET", "/" .. BY_ACTION .. query, { headers = { ["X-API-KEY"] = support.KEY } })
            assert.equal("customer1@example.com,Bronze", res.value[1].CustomerAttribute)
        end)

        it("hold delimiters and whatever XML escapes", function()
            local texts = {}
            for _, row in ipairs(opti:by_action { ["$top"] = 20, CustomerAttributes = "City;Company" }.value) do
                for _, value in ipairs(row.CustomerAttributes) do texts[value] = true end
            end
            assert.is_true(texts["Taipei, Xinyi"] and texts['Tea & "Milk"'] and texts["<none>"])
        end)

        it("are with every function that says so, and with no other", function()
            local has = {}
            for name in ([[GetMicrosegmentChangers GetCustomersByAction GetCustomerActionsByTargetGroup
                GetCustomerOneTimeActionsByDate GetCustomerOneTimeActionsByCampaign GetTargetGroupChangers
                GetCustomerAttributeChangers GetCustomerSendDetailsByChannel GetCustomerExecutionDetailsByCampaign
                GetCustomersByValueSegment GetValueSegmentChangers]]):gmatch "%S+" do has[name] = true end
            for _, case in ipairs(support.READS) do
                local args = { CustomerAttributes = "Email" }
                for name, value in pairs(case[2]) do args[name] = value end
                local value = opti:get(case[1], args).value
                local one = json.is_array(value) and value[1] or value
                local name = case[1]:match "/([^/]+)$"
                assert.equal(has[name] or false, one.CustomerAttributes ~= nil, name)
            end
        end)

        it("are all listed, and all given for one customer", function()
            local names = column("RealFieldName", opti:get("model/GetCustomerAttributeList").value)
            local rows = opti:get("customers/00000001/Attributes").value
            assert.same(names, column("RealFieldName", rows))
            local dates = 0
            for _, row in ipairs(rows) do
                assert.is_true(row.Value == null or type(row.Value) == "string")
                if row.FieldType == "Date" and row.Value ~= null then
                    assert.truthy(row.Value:find "^%d%d/%d%d/%d%d%d%d 00:00:00$")
                    dates = dates + 1
                end
            end
            assert.equal(3, dates)
        end)
    end)
end)
