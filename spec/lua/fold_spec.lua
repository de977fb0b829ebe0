--- Names without regard to case: parameters, arguments, answers.

require "spec.support.helper"
require "neap"

local fold = require "neap.schema.fold"
local json = require "neap.native.json"
local schema = require "neap.schema"

local shape = schema.compile({
    { "CampaignID", type = "integer" },
    { "$top", type = "integer" },
    { "Rows", type = "list", of = { fields = { { "CustomerID", type = "id" } } } },
    { "Options", type = "object", fields = { { "DryRun", type = "boolean" } } },
}, "test")

describe("names in any case", function()
    it("become those that are declared, at any depth", function()
        local given = {
            campaignid = 7, ["$TOP"] = 5, rows = json.array { { customerid = "a" } }, options = { dryrun = true },
        }
        local folded, faults = shape:fold(given)
        assert.is_nil(faults)
        assert.same({
            CampaignID = 7, ["$top"] = 5, Rows = { { CustomerID = "a" } }, Options = { DryRun = true },
        }, folded)
        assert.equal(7, given.campaignid)
        assert.is_true(json.is_array(folded.Rows))
    end)

    it("leave others as they are", function()
        assert.same({ other = 1 }, (shape:fold { other = 1 }))
        assert.same({ Rows = "no list" }, (shape:fold { ROWS = "no list" }))
    end)

    it("are refused where they are given twice", function()
        local _, faults = shape:fold { CampaignID = 1, campaignID = 2, Rows = { { CustomerID = 1, customerId = 2 } } }
        assert.equal("CampaignID: given twice: as CampaignID and campaignID; "
            .. "Rows[1].CustomerID: given twice: as CustomerID and customerId", schema.format_faults(faults))
    end)

    it("are those of arguments, too", function()
        local values = {}
        assert(shape:assign(values, "CAMPAIGNID", "3", { any_case = true }))
        assert(shape:assign(values, "options.DRYRUN", "true", { any_case = true }))
        assert.same({ CampaignID = 3, Options = { DryRun = true } }, values)
        local _, fault = shape:assign(values, "campaignId", "4", { any_case = true })
        assert.equal("given twice", fault.message)
        _, fault = shape:assign({}, "campaignId", "4")
        assert.matches("unknown name", fault.message)
    end)
end)

describe("an answer in any case", function()
    it("is read by any spelling, and printed as it came", function()
        local answer = fold.readable(json.decode '{"ChannelId":1,"Rows":[{"customerID":"a"}]}')
        assert.equal(1, answer.ChannelID)
        assert.equal(1, answer.channelid)
        assert.equal("a", answer.rows[1].CustomerId)
        assert.is_nil(answer.other)
        assert.is_nil(answer[1])
        assert.equal('{"ChannelId":1,"Rows":[{"customerID":"a"}]}', json.encode(answer, { sorted = true }))
    end)

    it("keeps the order of names", function()
        local text = '{"b":[],"A":{"z":1,"Y":2}}'
        local answer = fold.readable(json.decode(text, { ordered = true }))
        assert.equal(2, answer.a.y)
        assert.is_nil(answer.b.length)
        assert.equal(text, json.encode(answer))
    end)
end)
