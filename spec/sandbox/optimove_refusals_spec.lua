--- What the Optimove simulator refuses: types of parameters, attributes, delimiters, pages, dates, and the
-- caps of bodies.

require "spec.support.helper"
local json = require "neap.native.json"
local support = require "spec.sandbox.optimove_support"

local DATE, check, refused = support.DATE, support.check, support.refused
local null = json.null

local INTEGER, DAY = "expected an integer of 0 or more", "expected a date, YYYY-MM-DD"

local function list(...) return json.array { ... } end

describe("the Optimove simulator refuses", function()
    local opti

    before_each(function() opti = support.new() end)

    describe("in a query:", function()
        local BY_ACTION = "customers/GetCustomersByAction"
        local cases = {
            -- what, function, query, text; no text: it is fine
            { "no parameter", "actions/GetActionName", "", "Missing parameter: ActionID" },
            { "an empty one", "actions/GetActionName", "ActionID=", "Invalid parameter ActionID: " .. INTEGER },
            { "one without a value", "actions/GetActionName", "ActionID", "Invalid parameter ActionID: " .. INTEGER },
            { "an integer below 0", "actions/GetActionName", "ActionID=-1", "Invalid parameter ActionID: " .. INTEGER },
            { "a signed integer", "actions/GetActionName", "ActionID=%2B1", "Invalid parameter ActionID: " .. INTEGER },
            { "a fraction", "actions/GetActionName", "ActionID=1.0", "Invalid parameter ActionID: " .. INTEGER },
            { "a word", "actions/GetActionName", "ActionID=seven", "Invalid parameter ActionID: " .. INTEGER },
            { "a hexadecimal", "actions/GetActionName", "ActionID=0x7", "Invalid parameter ActionID: " .. INTEGER },
            { "an integer beyond 64 bits", "actions/GetActionName", "ActionID=99999999999999999999",
                "Invalid parameter ActionID: " .. INTEGER },
            { "two of a name", "actions/GetActionName", "ActionID=7&ActionID=7",
                "Parameter ActionID was given more than once" },
            { "two in different letter case", "actions/GetActionName", "ActionID=7&actionid=7",
                "Parameter actionid was given more than once" },
            { "two of an unknown name", "actions/GetActionName", "ActionID=7&x=1&X=1",
                "Parameter X was given more than once" },
            { "any letter case", "actions/GetActionName", "aCTIONid=7" },
            { "an unknown name", "actions/GetActionName", "ActionID=7&other=1" },
            { "an empty text", "actions/GetActionID", "ActionName=", "Invalid parameter ActionName: expected a text" },
            { "a group of two digits", BY_ACTION, "RecipientGroupID=10&ActionID=2&Date=" .. DATE,
                "Invalid parameter RecipientGroupID: expected one digit" },
            { "the second parameter", BY_ACTION, "RecipientGroupID=1&Date=" .. DATE, "Missing parameter: ActionID" },
            { "29 February", "actions/GetPromoCodes", "Date=2018-02-29", "Invalid parameter Date: " .. DAY },
            { "29 February of a leap year", "actions/GetPromoCodes", "Date=2016-02-29" },
            { "31 April", "actions/GetPromoCodes", "Date=2018-04-31", "Invalid parameter Date: " .. DAY },
            { "month 13", "actions/GetPromoCodes", "Date=2018-13-01", "Invalid parameter Date: " .. DAY },
            { "another form", "actions/GetPromoCodes", "Date=03/01/2018", "Invalid parameter Date: " .. DAY },
            { "a date without zeros", "actions/GetPromoCodes", "Date=2018-3-1", "Invalid parameter Date: " .. DAY },
            { "a date with time", "actions/GetPromoCodes", "Date=2018-03-01%2000:00:00",
                "Invalid parameter Date: " .. DAY },
            { "another boolean", "customers/GetCustomerOneTimeActionsByDate",
                "Date=2018-03-01&IncludeControlGroup=yes",
                "Invalid parameter IncludeControlGroup: expected true or false" },
            { "a boolean as number", "customers/GetCustomerOneTimeActionsByDate",
                "Date=2018-03-01&IncludeControlGroup=1",
                "Invalid parameter IncludeControlGroup: expected true or false" },
            { "false", "customers/GetCustomerOneTimeActionsByDate", "Date=2018-03-01&IncludeControlGroup=false" },
            { "True", "customers/GetCustomerOneTimeActionsByDate", "Date=2018-03-01&IncludeControlGroup=True" },
            { "a list with a gap", "customers/GetCustomerFutureValues", "LifecycleStageID=1,,2",
                "Invalid parameter LifecycleStageID: expected integers, joined by commas" },
            { "a list of words", "customers/GetCustomerFutureValues", "LifecycleStageID=1,b",
                "Invalid parameter LifecycleStageID: expected integers, joined by commas" },
            { "a good list", "customers/GetCustomerFutureValues", "LifecycleStageID=1,2" },
            { "stage beside attribute", "customers/GetCustomerFutureValues",
                "LifecycleStageID=1&CustomerAttribute=Tier&CustomerAttributeValue=Gold",
                "Invalid parameter CustomerAttribute: not allowed with LifecycleStageID" },
            { "attribute without value", "customers/GetCustomerFutureValues", "CustomerAttribute=Tier",
                "Missing parameter: CustomerAttributeValue" },
            { "value without attribute", "customers/GetCustomerFutureValues", "CustomerAttributeValue=Gold",
                "Missing parameter: CustomerAttribute" },
            { "neither", "customers/GetCustomerFutureValues", "",
                "Missing parameter: LifecycleStageID, or CustomerAttribute with CustomerAttributeValue" },
            { "an unknown attribute", "customers/GetCustomerFutureValues",
                "CustomerAttribute=Nope&CustomerAttributeValue=Gold",
                "Invalid parameter CustomerAttribute: no such attribute" },
            { "an unknown changed attribute", "customers/GetCustomerAttributeChangers",
                "ChangedCustomerAttribute=Nope", "Invalid parameter ChangedCustomerAttribute: no such attribute" },
            { "two changed attributes", "customers/GetCustomerAttributeChangers",
                "ChangedCustomerAttribute=Tier;Email",
                "Invalid parameter ChangedCustomerAttribute: no such attribute" },
            { "an end before its start", "segments/GetValueSegmentChangers",
                "StartDate=2018-03-02&EndDate=2018-03-01", "Invalid parameter EndDate: before StartDate" },
            { "the same for unsubscribers", "optimail/GetUnsubscribers",
                "BrandID=1&StartDate=2018-03-02&EndDate=2018-03-01", "Invalid parameter EndDate: before StartDate" },
            { "the same for interactions", "customers/GetCustomerChannelInteractions",
                "CustomerID=00000001&StartDate=2018-03-02&EndDate=2018-03-01",
                "Invalid parameter EndDate: before StartDate" },
        }
        for _, case in ipairs(cases) do
            local what, path, query, text = table.unpack(case, 1, 4)
            it(what .. (text and "" or " not"), function()
                local res = opti:get(path, query)
                if text then refused(text, res) else check(200, nil, res) end
            end)
        end

        it("each required parameter that is missing", function()
            local required = {
                ["customers/GetCustomerProductRecommendations"] = {},
                ["customers/GetCustomerFutureValues"] = {},
                ["customers/GetCampaignInteractionCustomers"] = {},
                ["customers/GetCustomerSendDetailsByCampaign"] = { CampaignID = true },
                ["customers/GetCustomerExecutionDetailsByCampaign"] = { CampaignID = true },
                ["customers/GetCustomerActionsByTargetGroup"] = { TargetGroupID = true, Date = true },
            }
            for _, case in ipairs(support.READS) do
                for name in pairs(case[2]) do
                    local args = {}
                    for other, value in pairs(case[2]) do args[other] = other ~= name and value or nil end
                    local only = required[case[1]]
                    if not only or only[name] then
                        refused("Missing parameter: " .. name, opti:get(case[1], args))
                    end
                end
            end
        end)

        it("text for every typed parameter", function()
            for _, case in ipairs(support.READS) do
                for name, value in pairs(case[2]) do
                    if type(value) == "number" and name ~= "BrandID" or name:find "Date$" then
                        local args = { [name] = "x" }
                        for other, good in pairs(case[2]) do args[other] = args[other] or good end
                        local res = opti:get(case[1], args)
                        assert.truthy(res.text:find("^Invalid parameter " .. name), case[1] .. ": " .. res.text)
                        check(400, nil, res)
                    end
                end
            end
        end)
    end)

    describe("attributes:", function()
        local ARGS = "RecipientGroupID=1&ActionID=2&$top=1&Date=" .. DATE
        local NAMES = "Email;FirstName;LastName;MobileNumber;Country;City;Company;Language;Tier;DateOfBirth"
        local DELIMITER = "Invalid parameter CustomerAttributesDelimiter: expected a comma, colon, semicolon or tab"
        local cases = {
            { "an unknown name", "CustomerAttributes=Email;Nope",
                'Invalid parameter CustomerAttributes: no attribute "Nope"' },
            { "an empty value", "CustomerAttributes=", 'Invalid parameter CustomerAttributes: no attribute ""' },
            { "a gap", "CustomerAttributes=Email;;City", 'Invalid parameter CustomerAttributes: no attribute ""' },
            { "names joined by commas", "CustomerAttributes=Email,City",
                'Invalid parameter CustomerAttributes: no attribute "Email,City"' },
            { "eleven names", "CustomerAttributes=" .. NAMES .. ";Email",
                "Invalid parameter CustomerAttributes: more than 10 names" },
            { "ten names", "CustomerAttributes=" .. NAMES },
            { "escaped semicolons", "CustomerAttributes=Email%3BCity" },
            { "names in another letter case", "customerattributes=EMAIL" },
            { "a comma", "CustomerAttributes=Email&CustomerAttributesDelimiter=," },
            { "a colon", "CustomerAttributes=Email&CustomerAttributesDelimiter=:" },
            { "a semicolon", "CustomerAttributes=Email&CustomerAttributesDelimiter=%3B" },
            { "a tab", "CustomerAttributes=Email&CustomerAttributesDelimiter=%09" },
            { "a bar", "CustomerAttributes=Email&CustomerAttributesDelimiter=|", DELIMITER },
            { "an empty delimiter", "CustomerAttributes=Email&CustomerAttributesDelimiter=", DELIMITER },
            { "two characters", "CustomerAttributes=Email&CustomerAttributesDelimiter=,,", DELIMITER },
            { "a blank", "CustomerAttributesDelimiter=%20", DELIMITER },
            { "a delimiter alone", "CustomerAttributesDelimiter=:" },
        }
        for _, case in ipairs(cases) do
            local what, query, text = table.unpack(case, 1, 3)
            it(what .. (text and "" or " not"), function()
                local res = opti:get("customers/GetCustomersByAction", ARGS .. "&" .. query)
                if text then refused(text, res) else check(200, nil, res) end
            end)
        end

        it("on every function that is read", function()
            for _, case in ipairs(support.READS) do
                local query = support.query(case[2]):sub(2)
                refused('Invalid parameter CustomerAttributes: no attribute "Nope"',
                    opti:get(case[1], query .. "&CustomerAttributes=Nope"))
                check(200, nil, opti:get(case[1], query .. "&CustomerAttributes=Email"))
            end
        end)
    end)

    describe("pages:", function()
        local cases = {
            { "$top=-1", "$top" }, { "$top=x", "$top" }, { "$top=", "$top" }, { "$top=1.5", "$top" },
            { "$skip=-1", "$skip" }, { "$skip=x", "$skip" }, { "%24skip=x", "$skip" },
            { "$skip=99999999999999999999", "$skip" }, { "$top=1&$TOP=2" },
        }
        for _, case in ipairs(cases) do
            it(case[1], function()
                local res = opti:get("customers/GetCurrentlyTargetedCustomers", case[1])
                refused(case[2] and ("Invalid parameter %s: %s"):format(case[2], INTEGER)
                    or "Parameter $TOP was given more than once", res)
            end)
        end

        it("not where a function has none", function()
            check(200, nil, opti:get("actions/GetAllActions", "$top=x"))
        end)
    end)

    describe("in a body:", function()
        local function writes(path)
            for _, case in ipairs(support.WRITES) do
                if case[1]:find(path, 1, true) then return case[1], case[2] end
            end
        end

        it("nothing of a good call", function()
            for _, case in ipairs(support.WRITES) do check(200, nil, opti:post(case[1], case[2])) end
        end)

        it("names given twice in different letter case", function()
            refused("Parameter eventtypeid was given more than once",
                opti:send("POST", "/current/general/UnregisterEventListener", {
                    headers = { ["X-API-KEY"] = support.KEY, ["Content-Type"] = support.JSON },
                    body = '{"EventTypeID":3,"eventTypeID":3}',
                }))
        end)

        --- Names of the required fields of each write that is given as an object.
        local required = {
            ["general/RegisterEventListener"] = { "EventTypeID", "ListenerURL" },
            ["general/UnregisterEventListener"] = { "EventTypeID" },
            ["customers/AddCustomerAttribute"] = { "Name", "Type" },
            ["customers/UpdateCustomerAttributes"] = { "CustomerNewAttributesValuesList" },
            ["integrations/UpdateCampaignInteractions"] =
                { "CampaignID", "ChannelID", "InteractionDate", "EventID", "CustomerIDs" },
            ["integrations/UpdateCustomerPromotionStatus"] = { "CampaignID", "PromosUpdated" },
            ["integrations/SetCustomerChannelPreference"] = { "ChannelID", "CustomerIDs", "CommunicationMode" },
            ["optimail/AddUnsubscribers"] = { "BrandId", "EmailAddresses" },
            ["optimail/DeleteUnsubscribers"] = { "BrandId", "EmailAddress" },
            ["transactionalmail/SendTransactionalMail"] = { "TemplateID", "Recipients" },
            ["transactionalmail/SendFinalizedTransactionalMail"] = { "BrandID", "Recipients" },
        }
        for path, names in pairs(required) do
            for _, name in ipairs(names) do
                it(("%s without %s, or with null"):format(path, name), function()
                    local target, good = writes(path)
                    for _, value in ipairs { false, null } do
                        local body = {}
                        for other, kept in pairs(good) do body[other] = other ~= name and kept or value or nil end
                        refused("Missing parameter: " .. name, opti:post(target, body))
                    end
                end)
            end
        end

        --- The same of lists: the required members of their objects.
        local of_rows = {
            ["integrations/AddPromotions"] = { "PromoCode", "PromotionName" },
            ["integrations/DeletePromotions"] = { "PromoCode" },
            ["integrations/AddChannelTemplates"] = { "TemplateID", "TemplateName" },
            ["integrations/DeleteChannelTemplates"] = { "ChannelID", "TemplateID" },
            ["integrations/AddChannelApps"] = { "AppID", "AppName" },
            ["integrations/DeleteChannelApps"] = { "ChannelID", "AppID" },
            ["integrations/UpdateCampaignMetrics"] =
                { "ChannelID", "CampaignID", "TemplateID", "MetricID", "MetricValue" },
        }
        for path, names in pairs(of_rows) do
            it(path .. " with an incomplete row, none, or 101", function()
                local target, good = writes(path)
                for _, name in ipairs(names) do
                    local row = {}
                    for other, value in pairs(good[1]) do row[other] = other ~= name and value or nil end
                    refused(("Missing parameter: body[1].%s"):format(name), opti:post(target, list(good[1], row)))
                end
                local cap = "Invalid parameter body: expected a list of 1 to 100"
                refused(cap, opti:post(target, list()))
                refused(cap, opti:post(target, support.times(101, function() return good[1] end)))
                check(200, nil, opti:post(target, support.times(100, function() return good[1] end)))
                refused("Invalid parameter body[0]: expected an object", opti:post(target, list "x"))
            end)
        end

        local function customers(count) return support.times(count, function(i) return ("%08d"):format(i) end) end

        local function interactions(changes)
            local body = { CampaignID = 1, ChannelID = 504, InteractionDate = DATE, EventID = 2,
                CustomerIDs = customers(1) }
            for name, value in pairs(changes) do body[name] = value end
            return "integrations/UpdateCampaignInteractions", body
        end

        local function attribute_rows(count, each)
            return "customers/UpdateCustomerAttributes", { CustomerNewAttributesValuesList =
                support.times(count, function(i)
                    return { CustomerID = ("%08d"):format(i), Attributes = support.times(each, function()
                        return { RealFieldName = "Tier", Value = "Gold" }
                    end) }
                end) }
        end

        local function status_rows(count)
            return "integrations/UpdateCustomerPromotionStatus", { CampaignID = 1,
                PromosUpdated = support.times(count, function(i)
                    return { CustomerID = ("%08d"):format(i), Status = i % 2 == 0 and "true" or false }
                end) }
        end

        local function preferences(count)
            return "integrations/SetCustomerChannelPreference",
                { ChannelID = 504, CommunicationMode = 2, CustomerIDs = customers(count) }
        end

        local function mail(changes)
            local body = { TemplateID = 1, Recipients = list { Email = "a@example.com" } }
            for name, value in pairs(changes) do body[name] = value end
            return "transactionalmail/SendTransactionalMail", body
        end

        local function recipients(count)
            return support.times(count, function(i) return { Email = ("a%d@example.com"):format(i) } end)
        end

        local function addresses(count)
            return "optimail/AddUnsubscribers", { BrandId = 2,
                EmailAddresses = support.times(count, function(i) return ("a%d@example.com"):format(i) end) }
        end

        local function register(changes)
            local body = { EventTypeID = 13, ListenerURL = "https://example.com/hook" }
            for name, value in pairs(changes) do body[name] = value end
            return "general/RegisterEventListener", body
        end

        local function invalid(name, wanted) return ("Invalid parameter %s: expected %s"):format(name, wanted) end

        local cases = {
            -- what, { path, body }, text; no text: it is fine
            { "10,001 customers", { interactions { CustomerIDs = customers(10001) } },
                invalid("CustomerIDs", "a list of 1 to 10000") },
            { "10,000 customers", { interactions { CustomerIDs = customers(10000) } } },
            { "a number as customer", { interactions { CustomerIDs = list("1", 2) } },
                invalid("CustomerIDs[1]", "a text") },
            { "EventID 1", { interactions { EventID = 1 } }, invalid("EventID", "one of 2, 3, 4, 5, 6, 7") },
            { "EventID 7", { interactions { EventID = 7 } } },
            { "EventID as text", { interactions { EventID = "2" } }, invalid("EventID", "one of 2, 3, 4, 5, 6, 7") },
            { "no day of interaction", { interactions { InteractionDate = "2018-02-30" } },
                invalid("InteractionDate", "a date, YYYY-MM-DD") },
            { "group 10", { interactions { RecipientGroupID = 10 } }, invalid("RecipientGroupID", "one digit") },
            { "an integer as text", { interactions { CampaignID = "1" } },
                invalid("CampaignID", "an integer of 0 or more") },
            { "an integer below 0", { interactions { CampaignID = -1 } },
                invalid("CampaignID", "an integer of 0 or more") },
            { "a float", { interactions { CampaignID = 1.5 } }, invalid("CampaignID", "an integer of 0 or more") },
            { "1,001 customers", { attribute_rows(1001, 1) },
                invalid("CustomerNewAttributesValuesList", "a list of 1 to 1000") },
            { "1,000 customers of 10 attributes", { attribute_rows(1000, 10) } },
            { "11 attributes", { attribute_rows(2, 11) },
                invalid("CustomerNewAttributesValuesList[0].Attributes", "a list of 1 to 10") },
            { "10,001 statuses", { status_rows(10001) }, invalid("PromosUpdated", "a list of 1 to 10000") },
            { "10,000 statuses", { status_rows(10000) } },
            { "a status that is none", { "integrations/UpdateCustomerPromotionStatus",
                { CampaignID = 1, PromosUpdated = list { CustomerID = "1", Status = 1 } } },
                invalid("PromosUpdated[0].Status", "true or false") },
            { "a time without seconds", { "integrations/UpdateCustomerPromotionStatus", { CampaignID = 1,
                TimeStamp = "2018-03-01 10:00", PromosUpdated = list { CustomerID = "1", Status = true } } },
                invalid("TimeStamp", "a date with time, YYYY-MM-DD HH:MM:SS") },
            { "an ISO time", { "integrations/UpdateCustomerPromotionStatus", { CampaignID = 1,
                TimeStamp = "2018-03-01T10:00:00", PromosUpdated = list { CustomerID = "1", Status = true } } },
                invalid("TimeStamp", "a date with time, YYYY-MM-DD HH:MM:SS") },
            { "50,001 preferences", { preferences(50001) }, invalid("CustomerIDs", "a list of 1 to 50000") },
            { "50,000 preferences", { preferences(50000) } },
            { "MetricID 7", { "integrations/UpdateCampaignMetrics",
                list { ChannelID = 1, CampaignID = 1, TemplateID = 1, MetricID = 7, MetricValue = 1 } },
                invalid("body[0].MetricID", "one of 0, 1, 2, 3, 4, 5, 6, 9") },
            { "a metric as text", { "integrations/UpdateCampaignMetrics",
                list { ChannelID = 1, CampaignID = 1, TemplateID = 1, MetricID = 0, MetricValue = "1" } },
                invalid("body[0].MetricValue", "a number") },
            { "an empty template name", { "integrations/AddChannelTemplates?ChannelID=504",
                list { TemplateID = 1, TemplateName = "" } }, invalid("body[0].TemplateName", "a text") },
            { "no channel in the query", { "integrations/AddChannelTemplates",
                list { TemplateID = 1, TemplateName = "x", ChannelID = 504 } }, "Missing parameter: ChannelID" },
            { "no channel of apps in the query", { "integrations/AddChannelApps",
                list { AppID = "a", AppName = "x", ChannelID = 504 } }, "Missing parameter: ChannelID" },
            { "201 recipients", { mail { Recipients = recipients(201) } },
                invalid("Recipients", "a list of 1 to 200") },
            { "200 recipients", { mail { Recipients = recipients(200) } } },
            { "no recipient", { mail { Recipients = list() } }, invalid("Recipients", "a list of 1 to 200") },
            { "a recipient without address", { mail { Recipients = list {} } },
                "Missing parameter: Recipients[0].Email" },
            { "an UniqueMessageID of 255 characters", { mail { UniqueMessageID = ("ü"):rep(255) } },
                invalid("UniqueMessageID", "a text of at most 254 characters") },
            { "an UniqueMessageID of 254 characters", { mail { UniqueMessageID = ("ü"):rep(254) } } },
            { "personalizations of more than 50,000 bytes", { mail { Personalizations = { x = ("x"):rep(49993) } } },
                "Invalid parameter Personalizations: more than 50000 bytes" },
            { "personalizations of 50,000 bytes", { mail { Personalizations = { x = ("x"):rep(49992) } } } },
            { "201 addresses", { addresses(201) }, invalid("EmailAddresses", "a list of 1 to 200") },
            { "200 addresses", { addresses(200) } },
            { "201 recipients of a finalized mail", { "transactionalmail/SendFinalizedTransactionalMail",
                { BrandID = 1, Recipients = recipients(201) } }, invalid("Recipients", "a list of 1 to 200") },
            { "event type 14", { register { EventTypeID = 14 } },
                invalid("EventTypeID", "one of 1, 2, 3, 4, 5, 11, 13") },
            { "a channel with type 5", { register { EventTypeID = 5, ChannelID = 504 } },
                "Invalid parameter ChannelID: not allowed with EventTypeID 5" },
            { "a listener that is no URL", { register { ListenerURL = "example.com" } },
                "Invalid parameter ListenerURL: expected an http or https URL" },
            { "a listener with another scheme", { register { ListenerURL = "ftp://example.com" } },
                "Invalid parameter ListenerURL: expected an http or https URL" },
            { "a percent-encoded listener", { register { ListenerURL = "https%3A%2F%2Fexample.com%2Fhook" } } },
        }
        for _, case in ipairs(cases) do
            local what, call, text = table.unpack(case, 1, 3)
            it(what .. (text and "" or " not"), function()
                local res = opti:post(call[1], call[2])
                if text then refused(text, res) else check(200, nil, res) end
            end)
        end
    end)

    it("a population of none", function()
        for _, body in ipairs { { customers = 0 }, { customers = 100000000 }, {}, { customers = "1" } } do
            local res = opti:send("POST", "/sandbox/population", { json = body })
            assert.equal(400, res.status)
        end
        assert.equal(25000, opti:snapshot "population")
    end)
end)
