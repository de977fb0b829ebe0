--- What the Optimove simulator remembers of what is written to it, and what it answers.

require "spec.support.helper"
local json = require "neap.native.json"
local support = require "spec.sandbox.optimove_support"

local DATE, check = support.DATE, support.check
local null = json.null

local function list(...) return json.array { ... } end

describe("the Optimove simulator holds", function()
    local opti

    before_each(function() opti = support.new() end)

    it("promotions: the same code replaces the name", function()
        local path = "integrations/AddPromotions"
        check(200, "", opti:post(path, list({ PromoCode = "A", PromotionName = "one" },
            { promocode = "B", PROMOTIONNAME = "two" })))
        check(200, "", opti:post(path, list { PromoCode = "a", PromotionName = "three" }))
        local all = { { PromoCode = "a", PromotionName = "three" }, { PromoCode = "B", PromotionName = "two" } }
        assert.same(all, opti:get("integrations/GetPromotions").value)
        assert.same(all, opti:snapshot "promotions")
        check(200, "", opti:post("integrations/DeletePromotions", list({ PromoCode = "A" }, { PromoCode = "zzz" })))
        assert.same({ all[2] }, opti:get("integrations/GetPromotions").value)
    end)

    it("no promotion of a batch with a fault", function()
        check(400, nil, opti:post("integrations/AddPromotions",
            list({ PromoCode = "A", PromotionName = "one" }, { PromoCode = "B" })))
        check(200, "[]", opti:get("integrations/GetPromotions"))
    end)

    it("templates by channel", function()
        local function add(channel, id, name)
            check(200, '{"ResponseCode":200}', opti:post("integrations/AddChannelTemplates?channelid=" .. channel,
                list { TemplateID = id, TemplateName = name }))
        end
        add(504, 7, "Seven")
        add(505, 7, "Seven by SMS")
        add(504, 8, "Eight")
        add(504, 7, "Seven & a half")
        assert.same({ { TemplateID = 7, TemplateName = "Seven & a half" }, { TemplateID = 8, TemplateName = "Eight" } },
            opti:get("integrations/GetChannelTemplates", { ChannelID = 504 }).value)
        assert.equal(1, #opti:snapshot "templates:505")
        local details = opti:get("integrations/GetChannelTemplateDetails", { ChannelID = 504, TemplateID = 7 }).value
        assert.same({ "Sender", "sender@example.com", "Seven & a half" }, details[1].TemplateAttributes)
        check(200, "[]", opti:get("integrations/GetChannelTemplateDetails", { ChannelID = 506, TemplateID = 7 }))
        check(200, '{"ResponseCode":200}', opti:post("integrations/DeleteChannelTemplates",
            list({ ChannelID = 504, TemplateID = 7 }, { ChannelID = 504, TemplateID = 99 })))
        assert.same({ { TemplateID = 8, TemplateName = "Eight" } },
            opti:get("integrations/GetChannelTemplates", { ChannelID = 504 }).value)
        assert.equal(1, #opti:snapshot "templates:505")
    end)

    it("apps by channel", function()
        opti:post("integrations/AddChannelApps?ChannelID=506", list({ AppID = "a", AppName = "A" },
            { AppID = 1, AppName = "One" }))
        assert.same({ { AppID = "a", AppName = "A", ChannelID = 506 },
            { AppID = "1", AppName = "One", ChannelID = 506 } }, opti:snapshot "apps")
        opti:post("integrations/DeleteChannelApps", list { ChannelID = 506, AppID = 1 })
        assert.equal(1, #opti:snapshot "apps")
    end)

    it("metrics and interactions, every call of them", function()
        local metric = { ChannelID = 504, CampaignID = 1, TemplateID = 7, MetricID = 1, MetricValue = 20 }
        for _ = 1, 2 do check(200, "", opti:post("integrations/UpdateCampaignMetrics", list(metric))) end
        assert.same({ metric, metric }, opti:snapshot "metrics")
        local sent = { CampaignID = 1, ChannelID = 504, InteractionDate = DATE, EventID = 3,
            CustomerIDs = list("00000001", "00000002") }
        for _ = 1, 2 do check(200, "", opti:post("integrations/UpdateCampaignInteractions", sent)) end
        local kept = opti:snapshot "interactions"
        assert.equal(2, #kept)
        assert.equal(1, kept[1].RecipientGroupID)
        assert.same({ "00000001", "00000002" }, kept[2].CustomerIDs)
    end)

    it("the status of promotions by campaign and customer", function()
        local path = "integrations/UpdateCustomerPromotionStatus"
        check(200, "", opti:post(path, { CampaignID = 7, PromosUpdated = list(
            { CustomerID = "00000001", Status = true }, { CustomerID = "00000002", Status = "False" }) }))
        opti:post(path, { CampaignID = 7, PromosUpdated = list { CustomerID = "00000003", Status = "true" } })
        assert.same({ ["00000001"] = true, ["00000002"] = false, ["00000003"] = true },
            opti:snapshot "promotion_status:7")
        assert.is_nil(opti:snapshot "promotion_status:8")
    end)

    it("preferences by channel and customer", function()
        local path = "integrations/SetCustomerChannelPreference"
        local body = { ChannelID = 504, CustomerIDs = list("1", "2"), CommunicationMode = 2 }
        check(200, "", opti:post(path, body))
        body.CustomerIDs, body.CommunicationMode = list "2", 1
        opti:post(path, body)
        assert.same({ { CustomerID = "1", ChannelID = 504, CommunicationMode = 2 },
            { CustomerID = "2", ChannelID = 504, CommunicationMode = 1 } }, opti:snapshot "preferences")
    end)

    it("one gateway", function()
        local function put(url)
            return opti:send("PUT", "/triggered_conditional_execution_gateway",
                { headers = { ["X-API-KEY"] = support.KEY }, json = { url = url } })
        end
        check(200, "", put "https://example.com/1")
        put "https://example.com/2"
        assert.same({ url = "https://example.com/2" }, opti:snapshot "gateway")
    end)

    describe("attributes of customers:", function()
        local sent

        before_each(function()
            sent = {}
            opti.sim.notices.start = function(_, fn) fn() end
            opti.sim.notices.post = function(_, url, text)
                sent[#sent + 1] = { url = url, body = json.decode(text) }
                return 200
            end
            opti.sim.env.sleep = function(seconds) sent.waited = seconds end
        end)

        local function update(rows, url)
            return opti:post("customers/UpdateCustomerAttributes",
                { CustomerNewAttributesValuesList = rows, CallbackURL = url })
        end

        local function row(id, name, value)
            return { CustomerID = id, Attributes = list { RealFieldName = name, Value = value } }
        end

        local function value(id, name)
            for _, attribute in ipairs(opti:get("customers/" .. id .. "/Attributes").value) do
                if attribute.RealFieldName == name then return attribute.Value end
            end
        end

        it("are overwritten and seen by every function", function()
            check(200, "", update(list(row("00000001", "tier", "Platinum"), row("00000002", "Tier", null),
                row("00000003", "OrderCount", 12), row("00000004", "DateOfBirth", "2000-02-29"))))
            assert.equal("Platinum", value("00000001", "Tier"))
            assert.equal(null, value("00000002", "Tier"))
            assert.equal("12", value("00000003", "OrderCount"))
            assert.equal("02/29/2000 00:00:00", value("00000004", "DateOfBirth"))
            local rows = opti:get("customers/GetCustomersByAction", { RecipientGroupID = 1, ActionID = 2, Date = DATE,
                ["$top"] = 4, CustomerAttributes = "Tier;DateOfBirth" }).value
            assert.equal("Platinum", rows[1].CustomerAttributes[1])
            assert.equal(null, rows[2].CustomerAttributes[1])
            assert.equal("2000-02-29", rows[4].CustomerAttributes[2])
            assert.equal(1, #opti:get("customers/GetCustomerFutureValues",
                { CustomerAttribute = "Tier", CustomerAttributeValue = "platinum" }).value)
            assert.same({ Tier = "Platinum" }, opti:snapshot "attributes:00000001")
            assert.same({}, sent)
        end)

        it("answer 202 and tell the result to a CallbackURL", function()
            check(202, "", update(list(row("00000001", "Tier", "Gold")), "https://example.com/done"))
            check(202, "", update(list(row("00000001", "Tier", "Silver")), "https://example.com/done"))
            assert.same({ isSuccess = true, requestId = "request-1" }, sent[1].body)
            assert.equal("request-2", sent[2].body.requestId)
            assert.equal("https://example.com/done", sent[1].url)
            assert.is_true(sent.waited > 0 and sent.waited < 60)
        end)

        it("report what cannot be written, and write the rest", function()
            check(202, "", update(list(row("nobody", "Tier", "Gold"), row("00000001", "Nope", "x"),
                row("00000001", "OrderCount", "many"), row("00000001", "OrderCount", "2147483648"),
                row("00000001", "DateOfBirth", "2001-02-29"), row("00000001", "LifetimeValue", "1,5"),
                row("00000001", "LoyaltyPoints", "99999999999999999999"), row("00000001", "Tier", ("x"):rep(201)),
                row("00000001", "Tier", "Gold")), "https://example.com/done"))
            local result = sent[1].body
            assert.is_false(result.isSuccess)
            assert.same({ "INVALID_CUSTOMER", "INVALID_FIELD", "INVALID_VALUE", "INVALID_VALUE", "INVALID_VALUE",
                "INVALID_VALUE", "INVALID_VALUE", "INVALID_VALUE" }, support.column("error", result.errors))
            assert.same({ error = "INVALID_CUSTOMER", customerId = "nobody" }, result.errors[1])
            assert.same({ error = "INVALID_VALUE", customerId = "00000001", realFieldName = "OrderCount" },
                result.errors[3])
            assert.same({ Tier = "Gold" }, opti:snapshot "attributes:00000001")
        end)

        it("are added", function()
            local function add(name, kind, default)
                return opti:post("customers/AddCustomerAttribute", { Name = name, Type = kind,
                    DefaultValue = default, CallbackURL = "https://example.com/added" })
            end
            check(200, "", add("Shoe", "int", 42))
            assert.same({ attributeName = "Shoe", isSuccess = true }, sent[1].body)
            assert.equal("42", value("00000009", "Shoe"))
            assert.equal("Shoe", opti:get("model/GetCustomerAttributeList").value[17].RealFieldName)
            add("SHOE", "INT")
            add("Hat", "MONEY")
            add("Hat", "INT", "large")
            add("Hat", "NVARCHAR(3)", "large")
            local ids = {}
            for i = 2, 5 do ids[#ids + 1] = sent[i].body.errorId end
            assert.same({ "2", "3", "4", "4" }, ids)
            assert.is_false(sent[2].body.isSuccess)
            for i = 2, 40 do add("More" .. i, "VARCHAR(5)") end
            assert.is_true(sent[#sent].body.isSuccess)
            add("TooMany", "DATE")
            assert.equal("1", sent[#sent].body.errorId)
            update(list(row("00000001", "More2", "123456")), "https://example.com/done")
            assert.equal("INVALID_VALUE", sent[#sent].body.errors[1].error)
        end)

        it("come with new customers", function()
            local function upsert(id, rows)
                return opti:post("customers/UpsertCustomer", { CustomerId = id, Attributes = rows }, "PUT")
            end
            check(200, '"Customer not found"', opti:get("customers/new-1/Attributes"))
            check(400, '{"errors":[{"error":"INVALID_FIELD","realFieldName":"Nope"}]}', upsert("new-1",
                list({ RealFieldName = "Tier", Value = "Gold" }, { RealFieldName = "Nope", Value = "x" })))
            check(200, '"Customer not found"', opti:get("customers/new-1/Attributes"))
            check(200, "", upsert("new-1"))
            assert.equal(null, value("new-1", "Tier"))
            check(200, "", upsert("new-1", list { RealFieldName = "Tier", Value = "Gold" }))
            assert.equal("Gold", value("new-1", "Tier"))
            assert.equal(null, value("new-1", "Email"))
            check(200, "", upsert("00000001"))
            assert.equal("customer1@example.com", value("00000001", "Email"))
        end)
    end)

    describe("unsubscribers:", function()
        local function add(brand, ...)
            return opti:post("optimail/AddUnsubscribers", { BrandId = brand, EmailAddresses = list(...) })
        end

        local function delete(brand, address)
            return opti:post("optimail/DeleteUnsubscribers", { BrandId = brand, EmailAddress = address })
        end

        local OK = '{"Error":null}'

        it("are added and deleted", function()
            check(200, OK, add("2", "A@example.com", "b@example.com"))
            check(200, OK, add(2, "a@example.com", "gone3-2@example.com"))
            assert.equal(32, #opti:snapshot "unsubscribers:2")
            check(200, OK, delete(2, "gone1-2@example.com"))
            check(200, OK, delete(2, "B@example.com"))
            check(200, OK, delete(2, "never@example.com"))
            local rows = opti:get("optimail/GetUnsubscribers", { BrandID = 2 }).value
            assert.equal(30, #rows)
            assert.equal("gone2-2@example.com", rows[1].Email)
            assert.same({ Email = "a@example.com", UnsubscribedTime = "2026-01-01 00:00:00" }, rows[30])
            check(200, OK, add(2, "gone1-2@example.com"))
            assert.equal("gone1-2@example.com", opti:snapshot("unsubscribers:2")[1])
            assert.equal(12000, #opti:snapshot "unsubscribers:1")
        end)

        it("are read by days, both included", function()
            local function count(args)
                args.BrandID = 1
                return #opti:get("optimail/GetUnsubscribers", args).value
            end
            assert.equal(23, count { StartDate = "2015-01-01", EndDate = "2015-01-01" })
            assert.equal(24, count { StartDate = "2015-01-02", EndDate = "2015-01-02" })
            assert.equal(47, count { EndDate = "2015-01-02" })
            assert.equal(1, count { StartDate = "2016-05-15" })
            assert.equal(0, count { StartDate = "2016-05-16" })
        end)

        it("are refused in the answer", function()
            check(200, '{"Error":"Invalid email"}', add(1, "a@example.com", "nobody"))
            check(200, '{"Error":"Invalid email"}', delete(1, "a b@example.com"))
            check(200, '{"Error":"Invalid brand"}', add(9, "a@example.com"))
            check(404, "Unknown brand ID", delete(9, "a@example.com"))
            assert.equal(12000, #opti:snapshot "unsubscribers:1")
        end)
    end)

    describe("mails:", function()
        local function send(changes)
            local body = { TemplateID = 1, Recipients = list { Email = "a@example.com" } }
            for name, value in pairs(changes or {}) do body[name] = value end
            return opti:post("transactionalmail/SendTransactionalMail", body)
        end

        it("are sent", function()
            check(200, '{"IsSuccess":"true","SendID":"mail-1","Error":null}', send())
            check(200, nil, send { Recipients = list "b@example.com" })
            local mails = opti:snapshot "mails"
            assert.equal(2, #mails)
            assert.equal("a@example.com", mails[1].Recipients[1].Email)
            assert.equal("b@example.com", mails[2].Recipients[1].Email)
        end)

        it("with a template that is not there are not", function()
            check(200, '{"IsSuccess":"false","SendID":null,"Error":"Invalid template"}', send { TemplateID = 99 })
            assert.equal(0, #opti:snapshot "mails")
        end)

        it("with missing tags are, by 206", function()
            check(206, '{"IsSuccess":"true","SendID":"mail-1",'
                .. '"Error":"Missing personalization tags: FIRST_NAME, LINK"}', send { TemplateID = 3 })
            check(206, nil, send { TemplateID = 3, Personalizations = { First_Name = "Ann" } })
            check(200, nil, send { TemplateID = 3, Personalizations = list({ Tag = "FIRST_NAME", Value = "Ann" },
                { Tag = "LINK", Value = "x" }) })
            local own = { Email = "a@example.com", Personalizations = { FIRST_NAME = "Ann" } }
            check(200, nil, send { TemplateID = 2, Recipients = list(own) })
            check(206, nil, send { TemplateID = 2, Recipients = list(own, { Email = "b@example.com" }) })
            assert.equal(5, #opti:snapshot "mails")
        end)

        it("with an UniqueMessageID go out once", function()
            local REPEATED = "Request for this UniqueMessageID has succeeded before"
            check(200, nil, send { UniqueMessageID = "m1", TemplateID = 99 }) -- no success: may be repeated
            check(200, '{"IsSuccess":"true","SendID":"mail-1","Error":null}', send { UniqueMessageID = "m1" })
            local res = send { UniqueMessageID = "m1" }
            check(409, REPEATED, res)
            assert.equal("text/plain; charset=utf-8", res.headers["Content-Type"])
            local final = { BrandID = 1, UniqueMessageID = "m1", Recipients = list { Email = "a@example.com" } }
            check(200, nil, opti:post("transactionalmail/SendFinalizedTransactionalMail", final))
            check(409, REPEATED, opti:post("transactionalmail/SendFinalizedTransactionalMail", final))
            check(206, nil, send { UniqueMessageID = "m2", TemplateID = 2 })
            check(409, REPEATED, send { UniqueMessageID = "m2", TemplateID = 2 })
            assert.equal(3, #opti:snapshot "mails")
        end)

        it("finalized ones, of a brand that exists", function()
            local path = "transactionalmail/SendFinalizedTransactionalMail"
            local body = { BrandID = "1", Recipients = list { Email = "a@example.com" }, Html = "", Attachments =
                list { Content = "eA==", Type = "text/plain", FileName = "x.txt" } }
            check(200, '{"IsSuccess":"true","SendID":"mail-1","Error":null}', opti:post(path, body))
            body.BrandID = 9
            check(200, '{"IsSuccess":"false","SendID":null,"Error":"Invalid brand"}', opti:post(path, body))
        end)
    end)

    it("how often each function was called", function()
        opti:get "general/GetLastDataUpdate"
        opti:get "actions/GetActionName"
        assert.same({ GetLastDataUpdate = 1, GetActionName = 1 }, opti:snapshot "calls")
        assert.equal(0, opti:snapshot "calls:Login")
        assert.is_nil(opti:snapshot "weather")
    end)
end)
