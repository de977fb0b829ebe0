--- What the Optimove simulator answers: the fields of every function, JSON and XML, empty results, and data
-- that fit together. Pages and attributes have a spec of their own.

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

    describe("has the fields of", function()
        for _, case in ipairs(support.READS) do
            local path, args, names = table.unpack(case)
            it(path, function()
                local res = opti:get(path, args)
                check(200, nil, res)
                assert.equal("application/json; charset=utf-8", res.headers["Content-Type"])
                local is_list = json.is_array(res.value)
                assert.is_true(not is_list or #res.value > 0)
                local one = is_list and res.text:match "^%[(.-)}" or res.text
                assert.equal(names, table.concat(support.members(one), " "))
            end)

            it(path .. " in XML", function()
                local plain, res = opti:get(path, args).value, opti:get(path, args, XML)
                assert.equal("application/xml; charset=utf-8", res.headers["Content-Type"])
                assert.is_true(support.same_value(plain, support.xml(res.text)))
            end)
        end
    end)

    describe("chooses the form by Accept:", function()
        local cases = {
            { nil, "json" }, { "application/json", "json" }, { "application/JSON", "json" }, { "*/*", "json" },
            { "application/xml", "xml" }, { "application/XML", "xml" }, { "text/xml; q=0.5", "xml" },
            { "application/json, application/xml", "json" }, { "application/xml, application/json", "xml" },
            { "text/html", "json" }, { "application/xmlish", "json" },
        }
        for _, case in ipairs(cases) do
            it(case[1] or "none", function()
                local res = opti:get("general/GetLastDataUpdate", {}, { Accept = case[1] })
                assert.equal(("application/%s; charset=utf-8"):format(case[2]), res.headers["Content-Type"])
            end)
        end

        it("but POST is always JSON", function()
            local res = opti:send("POST", "/current/optimail/AddUnsubscribers", {
                headers = { ["X-API-KEY"] = support.KEY, Accept = "application/xml" },
                json = { BrandId = 1, EmailAddresses = json.array { "nobody" } },
            })
            check(200, '{"Error":"Invalid email"}', res)
        end)
    end)

    it("writes XML that says what JSON says, whatever is in it", function()
        opti:post("integrations/AddPromotions", json.array {
            { PromoCode = "A", PromotionName = '<b>"Ten" & more</b>\r\n' },
            { PromoCode = "B", PromotionName = "陳" },
        })
        local res = opti:get("integrations/GetPromotions", {}, XML)
        assert.is_true(support.same_value(opti:get("integrations/GetPromotions").value, support.xml(res.text)))
        opti:post("integrations/AddPromotions", json.array { { PromoCode = "C", PromotionName = "a\0b\27c" } })
        assert.truthy(opti:get("integrations/GetPromotions", {}, XML).text
            :find("<PromotionName>a\u{FFFD}b\u{FFFD}c</PromotionName>", 1, true))
    end)

    describe("answers valid input without data by nothing:", function()
        local cases = {
            { "an unknown action", BY_ACTION, { RecipientGroupID = 1, ActionID = 999, Date = DATE }, "[]" },
            { "another group", BY_ACTION, { RecipientGroupID = 3, ActionID = 2, Date = DATE }, "[]" },
            { "a date before all data", BY_ACTION, { RecipientGroupID = 1, ActionID = 2, Date = "2014-12-31" }, "[]" },
            { "a date after the last update", BY_ACTION, { RecipientGroupID = 1, ActionID = 2, Date = "2025-12-31" },
                "[]" },
            { "campaigns of such a date", "actions/GetExecutedCampaignDetails", { Date = "2025-12-31" }, "[]" },
            { "an unknown campaign", "customers/GetCustomerExecutionDetailsByCampaign", { CampaignID = 999999 }, "[]" },
            { "campaign 0", "customers/GetCustomerExecutionDetailsByCampaign", { CampaignID = 0 }, "[]" },
            { "a channel that a campaign has not", "customers/GetCustomerSendDetailsByChannel",
                { CampaignID = 1, ChannelID = 505 }, "[]" },
            { "a failed campaign", "customers/GetCustomerSendDetailsByCampaign", { CampaignID = 17 }, "[]" },
            { "an unknown stage", "customers/GetCustomerFutureValues", { LifecycleStageID = "9" }, "[]" },
            { "an unknown segment", "segments/GetCustomersByValueSegment", { ValueSegmentID = 9, Date = DATE }, "[]" },
            { "an unknown brand", "optimail/GetUnsubscribers", { BrandID = 9 }, "[]" },
            { "an unknown target group", "actions/GetActionsByTargetGroup", { TargetGroupID = 99, Date = DATE }, "[]" },
            { "an unknown channel", "integrations/GetChannelTemplates", { ChannelID = 1 }, "[]" },
            { "no promotions", "integrations/GetPromotions", {}, "[]" },
            { "a campaign that was not canceled", "customers/GetCanceledCampaignCustomers", { CampaignID = 1 }, "[]" },
            { "a campaign that is not held", "customers/GetProcessedCampaignCustomers", { CampaignID = 1 }, "[]" },
            { "interactions of nobody", "customers/GetCustomerChannelInteractions",
                { CustomerID = "x", StartDate = "2015-01-01", EndDate = "2025-12-30" }, "[]" },
            { "an action without name", "actions/GetActionName", { ActionID = 999 }, "" },
            { "action 0", "actions/GetActionName", { ActionID = 0 }, "" },
            { "an unknown name", "actions/GetActionID", { ActionName = "Nope" }, "" },
            { "a group without name", "groups/GetTargetGroupName", { TargetGroupID = 99 }, "" },
            { "a segment without name", "segments/GetValueSegmentName", { ValueSegmentID = 99 }, "" },
            { "details of an unknown campaign", "actions/GetCampaignDetails", { CampaignID = 999999 }, "" },
            { "the last action of nobody", "customers/GetCustomerLastActionExecuted", { CustomerID = "x" }, "" },
            { "an unknown customer, by a text", "customers/x/Attributes", {}, '"Customer not found"' },
            { "customer 00000000, too", "customers/00000000/Attributes", {}, '"Customer not found"' },
        }
        for _, case in ipairs(cases) do
            local what, path, args, text = table.unpack(case)
            it(what, function() check(200, text, opti:get(path, args)) end)
        end

        it("an empty list in XML", function()
            local res = opti:get("integrations/GetPromotions", {}, XML)
            local root = support.xml(res.text)
            assert.equal("ArrayOfPromotion", root.name)
            assert.equal(0, #root)
        end)

        it("a text in XML", function()
            local root = support.xml(opti:get("customers/x/Attributes", {}, XML).text)
            assert.equal("string", root.name)
            assert.equal("Customer not found", root.text)
        end)
    end)

    describe("fits together:", function()
        local function campaigns(date)
            return opti:get("actions/GetExecutedCampaignDetails", { Date = date }).value
        end

        local function customers_of(id, more)
            local args = { CampaignID = id, ["$top"] = 200000 }
            for name, value in pairs(more or {}) do args[name] = value end
            return opti:get("customers/GetCustomerOneTimeActionsByCampaign", args).value
        end

        it("three to five campaigns a day, from the first day on", function()
            for i, date in ipairs { "2015-01-01", "2015-01-02", "2015-01-03", "2015-01-04" } do
                local seen = opti:get("groups/GetTargetGroupsByDate", { Date = date }).value
                assert.equal(({ 3, 4, 5, 3 })[i], #seen)
            end
            assert.same({ 1, 2, 3 }, { table.unpack(column("CampaignID", campaigns "2015-01-01"), 1, 3) })
        end)

        it("a campaign with lead time comes on its day, and as many days before", function()
            local function has(date, id)
                for _, campaign in ipairs(campaigns(date)) do
                    if campaign.CampaignID == id then return campaign.LeadTime end
                end
            end
            assert.equal(3, has("2015-01-05", 18)) -- planned for the second day of its turn
            assert.equal(3, has("2015-01-02", 18))
            assert.is_nil(has("2015-01-03", 18))
            assert.is_nil(has("2015-01-04", 18))
            assert.equal(0, has("2015-01-04", 13))
            assert.is_nil(has("2015-01-01", 13))
        end)

        it("a campaign's details, groups and customers", function()
            for _, campaign in ipairs(campaigns(DATE)) do
                local details = opti:get("actions/GetCampaignDetails", { CampaignID = campaign.CampaignID }).value
                assert.equal(campaign.Status, details.Status)
                assert.equal(campaign.IsMultiChannel, tostring(#details.Channels > 1))
                local treated = customers_of(campaign.CampaignID)
                assert.equal(details.TestGroupSize * #details.Channels, #treated)
                local everybody = customers_of(campaign.CampaignID, { IncludeControlGroup = "true" })
                assert.equal((details.TestGroupSize + details.ControlGroupSize) * #details.Channels, #everybody)
                for _, row in ipairs(everybody) do assert.equal(row.RecipientGroupID == 0, row.ActionID == 1) end
            end
        end)

        it("the customers of each group are those of its action", function()
            for _, group in ipairs(opti:get("actions/GetPromoCodes", { Date = DATE }).value) do
                local rgid, count = group.RecipientGroupID, 0
                local by_group = opti:by_action { RecipientGroupID = rgid, ActionID = group.ActionID }.value
                for _, row in ipairs(opti:get("customers/GetCustomerActionsByTargetGroup", {
                    TargetGroupID = group.TargetGroupID, Date = DATE, ChannelID = 504,
                    IncludeRecipientGroupID = "true",
                }).value) do
                    if row.RecipientGroupID == rgid then count = count + 1 end
                end
                assert.equal(count, #by_group)
                assert.is_true(count > 0)
            end
        end)

        it("a channel's campaigns have templates and sends there", function()
            local ids = column("CampaignID",
                opti:get("actions/GetExecutedCampaignsByChannel", { ChannelID = 505, Date = DATE }).value)
            assert.is_true(#ids > 0)
            for _, id in ipairs(ids) do
                local args = { CampaignID = id, ChannelID = 505 }
                local channel = opti:get("actions/GetExecutedCampaignChannelDetails", args).value
                local sends = opti:get("customers/GetCustomerSendDetailsByChannel", args).value
                local executed = opti:get("customers/GetCustomerExecutionDetailsByCampaign", args).value
                assert.equal(1, #channel)
                assert.equal(channel[1].TemplateID, sends[1].TemplateID)
                assert.equal(#sends, #executed)
                assert.equal(505, executed[1].ChannelID)
            end
        end)

        it("a customer's last action and interactions come from campaigns with that customer", function()
            local last = opti:get("customers/GetCustomerLastActionExecuted", { CustomerID = "00000042" }).value
            local found = opti:get("customers/GetCustomerChannelInteractions",
                { CustomerID = "00000042", StartDate = last.Date, EndDate = "2025-12-30" }).value
            assert.equal(last.ActionID, found[#found].ActionID)
            assert.equal(last.Date, found[#found].Date)
            local ids = column("CustomerID", customers_of(found[1].CampaignID))
            assert.truthy((" " .. table.concat(ids, " ") .. " "):find(" 00000042 ", 1, true))
            assert.same(found, opti:get("customers/GetCustomerChannelInteractions",
                { CustomerID = "00000042", StartDate = last.Date, EndDate = "2025-12-30", ChannelID = 0 }).value)
        end)

        it("actions end after their duration", function()
            for _, row in ipairs(opti:get("customers/GetCustomersActionEndedByDate", { Date = "2015-01-08" }).value) do
                assert.equal(8, tonumber(row.Date:sub(-2)) + row.Duration)
            end
        end)

        it("three products for each customer, or for one", function()
            local args = { CustomerID = "00000007", ProductAttributes = "Size,Color" }
            local rows = opti:get("customers/GetCustomerProductRecommendations", args).value
            assert.same({ 1, 2, 3 }, column("RecommendationType", rows))
            assert.truthy(rows[1].ProductAttributes[1]:find "^Size%-")
            local all = opti:get("customers/GetCustomerProductRecommendations", { ["$top"] = 200000 }).value
            assert.equal(7500, #all)
            local suggested = opti:get("customers/GetCustomerProductRecommendations",
                { ["$top"] = 200000, SuggestedInCampaign = "true" }).value
            assert.equal(3750, #suggested)
        end)

        it("names by id and ids by name", function()
            for _, action in ipairs(opti:get("actions/GetAllActions").value) do
                local name = opti:get("actions/GetActionName", { ActionID = action.ActionID }).value.ActionName
                assert.equal(action.ActionName, name)
                assert.equal(action.ActionID,
                    opti:get("actions/GetActionID", { ActionName = name:upper() }).value.ActionID)
            end
        end)

        it("segments and stages share all customers", function()
            local count = 0
            for id = 1, 5 do
                count = count + #opti:get("segments/GetCustomersByValueSegment",
                    { ValueSegmentID = id, Date = DATE, ["$top"] = 200000 }).value
            end
            assert.equal(25000, count)
            assert.equal(25000, #opti:get("customers/GetCustomerFutureValues",
                { LifecycleStageID = "1,2,3,4", ["$top"] = 200000 }).value)
        end)

        it("changers: -1 is no group, null no customer before", function()
            local args = { StartDate = DATE, EndDate = "2018-03-03" }
            local rows = opti:get("customers/GetTargetGroupChangers", args).value
            assert.equal(120, #rows)
            local none = 0
            for _, row in ipairs(rows) do none = none + (row.InitialTargetGroupID == -1 and 1 or 0) end
            assert.is_true(none > 5)
            local new = 0
            for _, row in ipairs(opti:get("customers/GetCustomerAttributeChangers",
                { ChangedCustomerAttribute = "email" }).value) do
                new = new + (row.InitialCustomerAttribute == null and 1 or 0)
            end
            assert.is_true(new > 2 and new < 10)
        end)

        it("campaigns of a day can be read after its data update", function()
            local day = "2025-12-31"
            assert.same({}, campaigns(day))
            opti.simulator.clock = 6 * 3600 - 1
            assert.same({}, campaigns(day))
            opti.simulator.clock = 6 * 3600
            local found = campaigns(day)
            assert.is_true(#found >= 3)
            check(200, nil, opti:get("actions/GetCampaignDetails", { CampaignID = found[1].CampaignID }))
        end)
    end)

    it("has as many customers as it is told", function()
        check(200, '{"customers":250000}',
            opti:send("POST", "/sandbox/population", { json = { customers = 250000 } }))
        assert.equal(250000, opti:snapshot "population")
        local rows = opti:by_action { ["$skip"] = 249998 }.value
        assert.same({ "00249999", "00250000" }, column("CustomerID", rows))
        opti:send("POST", "/sandbox/population", { json = { customers = 7 } })
        assert.equal(7, #opti:by_action().value)
        for _, case in ipairs(support.READS) do check(200, nil, opti:get(case[1], case[2])) end
        local changed = opti:get("customers/GetCustomerAttributeChangers", { ChangedCustomerAttribute = "Tier" })
        assert.equal(7, #changed.value)
    end)

    it("says nothing of functions of which only the path is known", function()
        for _, name in ipairs { "GetCustomerProductDetailsByDate", "GetCustomerProductDetailsByCampaign",
            "GetCustomersActivityEventAttributes" } do
            check(200, "[]", opti:get("customers/" .. name, { Anything = "goes" }))
        end
        for _, path in ipairs { "customers/RemoveCustomerPII", "optimail/AddTemplate", "optimail/UpdateTemplate",
            "conditional-execution/v2/triggered/webhooks", "conditional-execution/v2/triggered/approval" } do
            check(200, "", opti:post(path, { anything = "goes" }))
        end
    end)
end)
