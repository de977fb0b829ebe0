--- optimove/export-customers.

local helper = require "spec.support.helper"
local recipes = require "spec.support.recipes"
local csv = require "neap.csv"
local json = require "neap.native.json"

local RECIPE = "optimove/export-customers"

--- Words for a function with parameters.
local function of(name, params, more)
    local words = { "--function", name }
    for _, param in ipairs(params) do
        words[#words + 1] = "--param"
        words[#words + 1] = param
    end
    return table.move(more, 1, #more, #words + 1, words)
end

--- ActionID from 1,000,000 on: as many customers as it is above that.
local function by_action(count, more)
    return of("GetCustomersByAction", { "RecipientGroupID=1", ("ActionID=%d"):format(1000000 + count),
        "Date=2018-03-01" }, more)
end

local function export(words, opts)
    words = table.move(words, 1, #words, 3, { "--sandbox-log", "log.ndjson" })
    return recipes.run(RECIPE, words, opts)
end

local function rows(dir, name) return assert(csv.decode(helper.read(dir .. "/" .. (name or "out.csv")))) end

local function calls(dir) return recipes.by_endpoint(recipes.objects(dir .. "/log.ndjson")) end

local FAULTS = "503:p=0.1;429:p=0.05;reset:p=0.1;truncate:p=0.1"

describe(RECIPE, function()
    it("saves all customers, the attributes as columns in the order asked for", function()
        local count = helper.scale(100000, 2500)
        local result, dir = export(by_action(count, { "--attributes", "Tier", "--attributes", "Language;City",
            "--out", "out.csv", "--param", "$top=" .. count // 5 }))
        assert.equal(0, result.code, result.err)
        assert.same({ out = "out.csv", records = count }, json.decode(result.out))
        local saved = rows(dir)
        assert.same({ "CustomerID", "Tier", "Language", "City" }, saved[1])
        assert.equal(count + 1, #saved)
        assert.same({ "00000004", "Bronze", "", "London" }, saved[5])
        for i = 1, count, 997 do assert.equal(("%08d"):format(i), saved[i + 1][1]) end
        assert.same({ GetCustomersByAction = 6 }, calls(dir)) -- the last page was full
    end)

    it("saves the same through faults, as JSON and as XML", function()
        local texts = {}
        for i, format in ipairs { "json", "xml" } do
            local result, dir = export(by_action(2345, { "--attributes", "City;Language;Company", "--format", format,
                "--out", "out.ndjson", "--param", "$top=100", "--faults", FAULTS, "--seed", i }))
            assert.equal(0, result.code, result.err)
            texts[i] = helper.read(dir .. "/out.ndjson")
            assert.is_true(calls(dir).GetCustomersByAction > 24)
        end
        assert.equal(texts[1], texts[2])
        assert.equal(2345, recipes.lines(texts[1]))
        local fourth = json.decode(texts[1]:match "^[^\n]*\n[^\n]*\n[^\n]*\n([^\n]*)\n")
        assert.same({ CustomerID = "00000004", City = "London", Language = json.null, Company = "<none>" }, fourth)
    end)

    it("reads attributes that come as one text, whatever separates them", function()
        local wanted
        for _, delimiter in ipairs { ":", "\t", "colon", "tab" } do
            local result, dir = export(by_action(50, { "--attributes", "City;Tier;Country", "--delimiter", delimiter,
                "--set", "optimove.version=none", "--out", "out.csv" }))
            assert.equal(0, result.code, result.err)
            local text = helper.read(dir .. "/out.csv")
            assert.equal(wanted or text, text)
            wanted = text
        end
        local result, dir = export(by_action(50, { "--attributes", "City;Tier;Country", "--out", "out.csv" }))
        assert.equal(0, result.code, result.err)
        assert.equal(wanted, helper.read(dir .. "/out.csv"))
    end)

    it("does not guess where a value has the delimiter", function()
        local words = { "--set", "optimove.version=none", "--out", "out.csv" }
        local result, dir = export(by_action(50, { "--attributes", "City", "--attributes", "Tier",
            table.unpack(words) }))
        assert.equal(1, result.code, result.err)
        assert.matches("customer 00000005: 3 values for 2 attributes; with another --delimiter", result.err, 1, true)
        assert.is_false(helper.exists(dir .. "/out.csv"))
        result, dir = export(by_action(50, { "--attributes", "City", table.unpack(words) }))
        assert.equal(0, result.code, result.err)
        assert.same({ "00000005", "Taipei, Xinyi" }, rows(dir)[6])
    end)

    it("takes its columns from what the function answers with", function()
        local result, dir = export(of("getcustomeractionsbytargetgroup", { "targetgroupid=1", "Date=2025-12-30",
            "IncludeRecipientGroupID=true" }, { "--attributes", "Country", "--out", "out.csv" }))
        assert.equal(0, result.code, result.err)
        assert.same({ "CustomerID", "ActionID", "ChannelID", "RecipientGroupID", "Country" }, rows(dir)[1])
        result, dir = export(of("GetUnsubscribers", { "BrandID=1" }, { "--out", "out.csv" }))
        assert.equal(0, result.code, result.err)
        assert.same({ { "Email", "UnsubscribedTime" }, { "gone1-1@example.com", "2015-01-01 01:00:00" } },
            { rows(dir)[1], rows(dir)[2] })
        assert.equal(12001, #rows(dir))
        assert.same({ GetUnsubscribers = 2 }, calls(dir))
    end)

    it("writes standard output and empty results, and saves nothing in a dry run", function()
        local result = export(by_action(3, { "--out", "-" }))
        assert.equal('{"CustomerID":"00000001"}\n{"CustomerID":"00000002"}\n{"CustomerID":"00000003"}\n', result.out)
        local dir
        result, dir = export(of("GetCustomersByAction", { "RecipientGroupID=1", "ActionID=2", "Date=2014-01-01" },
            { "--out", "out.csv", "--attributes", "City" }))
        assert.equal(0, result.code, result.err)
        assert.equal("CustomerID,City\n", helper.read(dir .. "/out.csv"))
        result, dir = export(by_action(3, { "--out", "out.csv", "--dry-run" }))
        assert.equal(0, result.code, result.err)
        assert.same({ records = 3 }, json.decode(result.out))
        assert.is_false(helper.exists(dir .. "/out.csv"))
        assert.same({ GetCustomersByAction = 1 }, calls(dir))
    end)

    it("ends in silence where nobody reads standard output any more", function()
        assert.same({ code = 1, err = "" }, recipes.unread(RECIPE, by_action(25000, { "--out", "-" })))
        assert.same({ code = 1, err = "" }, recipes.unread(RECIPE, by_action(1, { "--out", "-", "--json" })))
    end)

    it("saves what a map makes of the records, as JSON and as XML", function()
        local map = recipes.sample "optimove/samples/customers-map.lua"
        for _, format in ipairs { "json", "xml" } do
            local words = { "--attributes", "Country;City", "--map", map, "--format", format, "--param", "$top=100" }
            local result, dir = export(by_action(250, { "--out", "out.csv", table.unpack(words) }))
            assert.equal(0, result.code, result.err)
            assert.same({ out = "out.csv", records = 250 }, json.decode(result.out))
            local saved = rows(dir)
            assert.same({ "member_sn", "country", "city", "source" }, saved[1])
            assert.equal(251, #saved)
            assert.same({ "00000004", "GB", "London", "optimove" }, saved[5])
            result, dir = export(by_action(250, { "--out", "out.ndjson", table.unpack(words) }))
            assert.equal(0, result.code, result.err)
            local text = helper.read(dir .. "/out.ndjson")
            assert.equal(250, recipes.lines(text))
            assert.equal('{"member_sn":"00000001","country":"JP","city":"Tokyo","source":"optimove"}\n',
                text:match "^[^\n]*\n")
        end
    end)

    it("refuses a map that does not fit before any call, and saves nothing of one that fails", function()
        local dir = helper.tmpdir()
        for text, parts in pairs {
            ['return { { "id", from = "CustomrID" } }'] = { "m.lua:1: entry 1", "optimove.GetCustomersByAction",
                'did you mean "CustomerID"?' },
            ['return { { "id", from = "CustomerAttributes", cast = "integer" } }'] = { 'entry 1 "id"', "integer" },
            ['return { { "CustomerID" }, rest = true }'] = { "rest: CSV has a column for each entry" },
            ["return 7"] = { "map" }, ["return {"] = { "m.lua:1" },
        } do
            helper.write(dir .. "/m.lua", text)
            local result = export(by_action(3, { "--out", "out.csv", "--map", "m.lua" }), { cwd = dir })
            assert.equal(2, result.code, result.err)
            for _, part in ipairs(parts) do assert.matches(part, result.err, 1, true) end
            assert.equal(1, recipes.lines(result.err))
            assert.same({}, calls(dir))
        end
        local result = export(by_action(3, { "--out", "out.csv", "--map", "none.lua" }), { cwd = dir })
        assert.equal(2, result.code, result.err)
        assert.matches("none.lua", result.err, 1, true)
        for out, words in pairs { ["out.csv"] = {}, ["out.ndjson"] = { "--dry-run" } } do
            helper.write(dir .. "/m.lua", 'return { { "id", from = "CustomerID", cast = "date" } }')
            result = export(by_action(3, { "--out", out, "--map", "m.lua", table.unpack(words) }), { cwd = dir })
            assert.equal(1, result.code, result.err)
            assert.matches('id: expected a date', result.err, 1, true)
            assert.is_false(helper.exists(dir .. "/" .. out))
        end
    end)

    it("leaves the file of before where a page fails", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/out.csv", "earlier")
        local result = export(by_action(5000, { "--out", "out.csv", "--param", "$top=100",
            "--faults", "slow:p=1,s=1;outage:status=503,from=10,to=100000" }), { cwd = dir })
        assert.equal(1, result.code, result.err)
        assert.equal("earlier", helper.read(dir .. "/out.csv"))
    end)

    -- words, parts of the message
    local ELEVEN = {}
    for i = 1, 11 do ELEVEN[i] = "A" .. i end
    local GOOD = { "RecipientGroupID=1", "ActionID=2", "Date=2018-03-01" }
    local refused = {
        { of("GetCustomersByActon", GOOD, {}),
            { 'no endpoint "GetCustomersByActon"', 'mean "GetCustomersByAction"?' } },
        { of("settings", {}, {}), { 'optimove has no endpoint "settings"' } },
        { of("GetAllActions", {}, {}), { "optimove.GetAllActions does not answer in pages",
            "neap call optimove GetAllActions prints" } },
        { of("GetCustomersByAction", { "RecipientGroupID=12", "Action=2", "Date=2018-02-30", "$top=200001", "date" }, {
            "--delimiter", "|", "--attributes", table.concat(ELEVEN, ";") }), {
            "RecipientGroupID: 12 is above the maximum 9", 'Action: unknown name, did you mean "ActionID"?',
            "ActionID: required", "Date: ", "$top: 200001 is above the maximum 200000", "date: name=value expected",
            "CustomerAttributes: 11 items", 'CustomerAttributesDelimiter: "|" is not one of comma, colon',
        } },
        { of("GetCustomersByAction", { "recipientgroupid=1", table.unpack(GOOD) }, {}), { "given twice" } },
        { of("GetCustomerFutureValues", { "LifecycleStageID=1", "CustomerAttribute=Country" }, {}),
            { "LifecycleStageID", "CustomerAttributeValue" } },
        { of("GetCustomersByAction", GOOD, { "--attributes", "City;CustomerID" }),
            { "attribute CustomerID: there is another column of this name" } },
        { of("GetCustomersByAction", GOOD, { "--attributes", "City;City" }), { "attribute City" } },
        { of("GetCustomersByAction", GOOD, { "--format", "yaml" }), { '"yaml" is not one of json, xml' } },
    }
    for i, case in ipairs(refused) do
        it("refuses before any call: " .. i, function()
            local result, dir = export(table.move({ "--out", "out.csv" }, 1, 2, #case[1] + 1, case[1]))
            assert.equal(2, result.code, result.err)
            for _, part in ipairs(case[2]) do assert.matches(part, result.err, 1, true) end
            assert.equal(1, recipes.lines(result.err))
            assert.same({}, calls(dir))
        end)
    end

    it("refuses a file that cannot be", function()
        for out, part in pairs { ["out.txt"] = "the name says no format", ["none/out.csv"] = "none/out.csv" } do
            local result, dir = export(by_action(3, { "--out", out }))
            assert.equal(2, result.code, result.err)
            assert.truthy(result.err:find(part, 1, true), result.err)
            assert.same({}, calls(dir))
        end
    end)

    it("has these options", function()
        assert.same({ "--function", "--param", "--attributes", "--delimiter", "--format", "--map", "--out" },
            recipes.options(RECIPE))
    end)
end)
