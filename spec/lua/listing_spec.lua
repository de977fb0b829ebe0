--- neap.export.listing, neap.export.document and neap.day: what export recipes need beside their records.

local helper = require "spec.support.helper"
local neap = require "neap"

local errors = require "neap.error"
local runtime = require "neap.runtime"

local function sandboxed(fn, options)
    return neap.run(function()
        options = options or {}
        options.sandbox = true
        runtime.configure(options)
        local result = table.pack(fn(neap.vendor "optimove"))
        runtime.configure {}
        return table.unpack(result, 1, result.n)
    end, { clock = "virtual", seed = 1 })
end

local function refusal(...)
    local ok, raised = pcall(neap.export.listing, ...)
    assert.is_false(ok)
    assert.is_true(errors.is(raised), tostring(raised))
    return raised
end

describe("neap.export.listing", function()
    after_each(helper.assert_idle)

    it("converts parameters by their types, under any spelling", function()
        sandboxed(function(optimove)
            local listing = neap.export.listing(optimove, "getcustomersbyaction", { "actionid=2", "RecipientGroupID=1",
                "Date=2018-03-01", "CustomerAttributes=City", "CustomerAttributes=Tier;Country", "$top=2" })
            assert.equal("GetCustomersByAction", listing.name)
            assert.same({ "CustomerID", "CustomerAttributes" }, listing.columns)
            assert.same({ ActionID = 2, RecipientGroupID = 1, Date = "2018-03-01", ["$top"] = 2,
                CustomerAttributes = "City;Tier;Country" }, listing.wire)
            local record = optimove:each(listing.name, listing.params, { max_records = 1 })()
            assert.same({ "Tokyo", "Bronze", "JP" }, record.CustomerAttributes)
        end)
    end)

    it("has no columns where the definition lists none", function()
        sandboxed(function(optimove)
            assert.is_nil(neap.export.listing(optimove, "GetCustomersActivityEventAttributes", {}).columns)
        end)
    end)

    it("raises all faults at once, those of conversion and those of the check", function()
        sandboxed(function(optimove)
            local err = refusal(optimove, "GetCustomersByAction", { "ActionID=two", "nothing", "Datum=1", "$top=0" })
            assert.equal('ActionID: "two" is no integer; nothing: name=value expected; Datum: unknown name, '
                .. 'did you mean "Date"?; RecipientGroupID: required; Date: required; '
                .. "$top: 0 is below the minimum 1", err.message)
            assert.same({ "invalid", "GetCustomersByAction" }, { err.kind, err.endpoint })
            err = refusal(optimove, "GetCustomerFutureValues", {})
            assert.matches("LifecycleStageID", err.message)
        end)
    end)

    it("refuses what is no paged endpoint", function()
        sandboxed(function(optimove)
            for name, wanted in pairs {
                GetCustomersByActon = { 'optimove has no endpoint "GetCustomersByActon"',
                    'did you mean "GetCustomersByAction"?' },
                model = { 'optimove has no endpoint "model"' },
                GetAllActions = { "optimove.GetAllActions does not answer in pages",
                    "neap call optimove GetAllActions prints its answer" },
                GetCampaignEngagementMetrics = { "optimove.GetCampaignEngagementMetrics does not answer in pages" },
            } do
                local err = refusal(optimove, name, {})
                assert.same(wanted, { err.message, err.hint })
                assert.is_true(err.usage)
            end
        end)
    end)
end)

describe("neap.export.document", function()
    after_each(helper.assert_idle)

    it("saves a value as JSON, whole; remove takes it away, once and again", function()
        sandboxed(function()
            local path = helper.tmpdir() .. "/d.json"
            assert.is_nil(neap.export.read_document(path))
            assert.equal(path, neap.export.document(path, { b = 1, a = { "x" } }))
            assert.equal('{\n  "a": [\n    "x"\n  ],\n  "b": 1\n}\n', helper.read(path))
            assert.same({ b = 1, a = { "x" } }, neap.export.read_document(path))
            helper.write(path, "half of")
            assert.is_nil(neap.export.read_document(path))
            neap.export.remove(path)
            assert.is_false(helper.exists(path))
            neap.export.remove(path)
        end)
    end)

    it("leaves everything alone in a dry run", function()
        sandboxed(function()
            local path = helper.tmpdir() .. "/d.json"
            assert.is_nil(neap.export.document(path, {}))
            assert.is_false(helper.exists(path))
            helper.write(path, "earlier")
            neap.export.remove(path)
            assert.equal("earlier", helper.read(path))
        end, { dry_run = true })
    end)

    it("raises for what has no JSON form and for a path that cannot be, and leaves no file", function()
        sandboxed(function()
            local path = helper.tmpdir() .. "/d.json"
            for _, case in ipairs { { path, { 0 / 0 } }, { path .. "/none", {} } } do
                local ok, raised = pcall(neap.export.document, case[1], case[2])
                assert.is_false(ok)
                assert.is_true(errors.is(raised), tostring(raised))
                assert.is_false(helper.exists(path))
            end
        end)
    end)
end)

describe("neap.day", function()
    after_each(helper.assert_idle)

    it("is a day of the runtime's calendar", function()
        neap.run(function()
            local days = {}
            for i, offset in ipairs { 0, -1, 31, 59 } do days[i] = neap.day(offset) end
            assert.equal(neap.day(), days[1])
            neap.sleep(86400)
            assert.equal(days[1], neap.day(-1))
            assert.matches("^202[56]%-%d%d%-%d%d$", days[2])
            assert.is_true(days[2] < days[1] and days[1] < days[3] and days[3] < days[4])
        end, { clock = "virtual" })
    end)
end)
