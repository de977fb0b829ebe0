--- Optimove: the functions by area, where each is and what a repeat does, each request on the wire, how answers are
-- read, and what the definition says of host, credentials, limits and retries.

require "spec.support.helper"
local definition = require "spec.support.definition"

local address = require "neap.vendor.address"
local auth = require "neap.vendor.auth"
local build = require "neap.call.build"
local example = require "neap.cli.describe.example"
local json = require "neap.native.json"
local null = require "neap.null"
local schema = require "neap.schema"

local client = definition.clients.optimove
local model = client.model

--- area, endpoint, write class, method and path behind /current, body; key of a record
local PLACES = {
    { "general", "GetLastDataUpdate", "read", "GET /general/GetLastDataUpdate" },
    { "general", "GetRegisteredEventListeners", "read", "GET /general/GetRegisteredEventListeners" },
    { "general", "Login", "read", "POST /general/login", '{"Username":"api.user"}' },
    { "general", "RegisterEventListener", "idempotent", "POST /general/RegisterEventListener",
        '{"ChannelID":504,"EventTypeID":13,"ListenerURL":"https://listener.example.com/5f1c"}', key = "EventTypeID" },
    { "general", "UnregisterEventListener", "idempotent",
        "POST /general/UnregisterEventListener", '{"ChannelID":504,"EventTypeID":13}', key = "EventTypeID" },
    { "model", "GetCustomerAttributeList", "read", "GET /model/GetCustomerAttributeList" },
    { "model", "GetLifecycleStageList", "read", "GET /model/GetLifecycleStageList" },
    { "model", "GetMicrosegmentChangers", "read", "GET /model/GetMicrosegmentChangers" },
    { "model", "GetMicrosegmentList", "read", "GET /model/GetMicrosegmentList" },
    { "actions", "GetActionDetailsByTargetGroup", "read",
        "GET /actions/GetActionDetailsByTargetGroup?TargetGroupID=1&Date=2018-03-01" },
    { "actions", "GetActionID", "read", "GET /actions/GetActionID?ActionName=Daily%20newsletter" },
    { "actions", "GetActionName", "read", "GET /actions/GetActionName?ActionID=2" },
    { "actions", "GetActionsByTargetGroup", "read",
        "GET /actions/GetActionsByTargetGroup?TargetGroupID=1&Date=2018-03-01" },
    { "actions", "GetAllActions", "read", "GET /actions/GetAllActions" },
    { "actions", "GetCampaignDetails", "read", "GET /actions/GetCampaignDetails?CampaignID=4621" },
    { "actions", "GetExecutedCampaignChannelDetails", "read",
        "GET /actions/GetExecutedCampaignChannelDetails?CampaignID=4621&ChannelID=504" },
    { "actions", "GetExecutedCampaignDetails", "read", "GET /actions/GetExecutedCampaignDetails?Date=2018-03-01" },
    { "actions", "GetExecutedCampaignsByChannel", "read",
        "GET /actions/GetExecutedCampaignsByChannel?ChannelID=504&Date=2018-03-01" },
    { "actions", "GetExecutionChannels", "read", "GET /actions/GetExecutionChannels" },
    { "actions", "GetPromoCodes", "read", "GET /actions/GetPromoCodes?Date=2018-03-01" },
    { "actions", "GetPromoCodesByCampaign", "read", "GET /actions/GetPromoCodesByCampaign?CampaignID=4621" },
    { "actions", "GetPromoCodesByTargetGroup", "read",
        "GET /actions/GetPromoCodesByTargetGroup?TargetGroupID=1&Date=2018-03-01" },
    { "groups", "GetTargetGroupDetails", "read", "GET /groups/GetTargetGroupDetails" },
    { "groups", "GetTargetGroupID", "read",
        "GET /groups/GetTargetGroupID?TargetGroupName=Active%20customers%2C%20group%201" },
    { "groups", "GetTargetGroupName", "read", "GET /groups/GetTargetGroupName?TargetGroupID=1" },
    { "groups", "GetTargetGroupsByDate", "read", "GET /groups/GetTargetGroupsByDate?Date=2018-03-01" },
    { "customers", "AddCustomerAttribute", "idempotent",
        "POST /customers/AddCustomerAttribute", '{"DefaultValue":"0","Name":"ShoeSize","Type":"DECIMAL(19,4)"}',
        key = "Name" },
    { "customers", "GetCampaignInteractionCustomers", "read",
        "GET /customers/GetCampaignInteractionCustomers?ChannelID=504&EventID=3&Date=2018-03-01" },
    { "customers", "GetCanceledCampaignCustomers", "read",
        "GET /customers/GetCanceledCampaignCustomers?CampaignID=4621" },
    { "customers", "GetCurrentlyTargetedCustomers", "read", "GET /customers/GetCurrentlyTargetedCustomers" },
    { "customers", "GetCustomerActionDetailsByDate", "read",
        "GET /customers/GetCustomerActionDetailsByDate?Date=2018-03-01" },
    { "customers", "GetCustomerActionsByTargetGroup", "read",
        "GET /customers/GetCustomerActionsByTargetGroup?TargetGroupID=1&Date=2018-03-01" },
    { "customers", "GetCustomerAttributeChangers", "read",
        "GET /customers/GetCustomerAttributeChangers?ChangedCustomerAttribute=Country" },
    { "customers", "GetCustomerAttributes", "read", "GET /Customers/00000001/Attributes" },
    { "customers", "GetCustomerChannelInteractions", "read",
        "GET /customers/GetCustomerChannelInteractions?CustomerID=00000001&StartDate=2018-03-01&EndDate=2018-03-31" },
    { "customers", "GetCustomerExecutionDetailsByCampaign", "read",
        "GET /customers/GetCustomerExecutionDetailsByCampaign?CampaignID=4621&ChannelID=504" },
    { "customers", "GetCustomerFutureValues", "read", "GET /customers/GetCustomerFutureValues?LifecycleStageID=1" },
    { "customers", "GetCustomerLastActionExecuted", "read",
        "GET /customers/GetCustomerLastActionExecuted?CustomerID=00000001" },
    { "customers", "GetCustomerOneTimeActionsByCampaign", "read",
        "GET /customers/GetCustomerOneTimeActionsByCampaign?CampaignID=4621" },
    { "customers", "GetCustomerOneTimeActionsByDate", "read",
        "GET /customers/GetCustomerOneTimeActionsByDate?Date=2018-03-01" },
    { "customers", "GetCustomerProductDetailsByCampaign", "read",
        "GET /customers/GetCustomerProductDetailsByCampaign?CampaignID=4621" },
    { "customers", "GetCustomerProductDetailsByDate", "read",
        "GET /customers/GetCustomerProductDetailsByDate?Date=2018-03-01" },
    { "customers", "GetCustomerProductRecommendations", "read",
        "GET /customers/GetCustomerProductRecommendations?SuggestedInCampaign=true&StartDate=2018-03-01"
            .. "&EndDate=2018-03-31" },
    { "customers", "GetCustomerSendDetailsByCampaign", "read",
        "GET /customers/GetCustomerSendDetailsByCampaign?CampaignID=4621" },
    { "customers", "GetCustomerSendDetailsByChannel", "read",
        "GET /customers/GetCustomerSendDetailsByChannel?ChannelID=504&CampaignID=4621" },
    { "customers", "GetCustomersActionEndedByDate", "read",
        "GET /customers/GetCustomersActionEndedByDate?Date=2018-03-01" },
    { "customers", "GetCustomersActivityEventAttributes", "read",
        "GET /customers/GetCustomersActivityEventAttributes" },
    { "customers", "GetCustomersByAction", "read",
        "GET /customers/GetCustomersByAction?RecipientGroupID=1&ActionID=2&Date=2018-03-01" },
    { "customers", "GetProcessedCampaignCustomers", "read",
        "GET /customers/GetProcessedCampaignCustomers?CampaignID=4621" },
    { "customers", "GetTargetGroupChangers", "read",
        "GET /customers/GetTargetGroupChangers?StartDate=2018-03-01&EndDate=2018-03-31" },
    { "customers", "RemoveCustomerPII", "idempotent",
        "POST /customers/RemoveCustomerPII", '{"CustomerID":"00000001"}' },
    { "customers", "UpdateCustomerAttributes", "idempotent", "POST /customers/UpdateCustomerAttributes",
        '{"CustomerNewAttributesValuesList":[{"Attributes":[{"RealFieldName":"City","Value":"Taipei"}],'
            .. '"CustomerID":"00000001"},{"Attributes":[{"RealFieldName":"City","Value":"Tainan"}],'
            .. '"CustomerID":"00000002"}]}', key = "CustomerNewAttributesValuesList.1.CustomerID" },
    { "customers", "UpsertCustomer", "idempotent", "PUT /customers/UpsertCustomer",
        '{"Attributes":[{"RealFieldName":"City","Value":"Taipei"}],"CustomerId":"00000001"}', key = "CustomerId" },
    { "segments", "GetCustomersByValueSegment", "read",
        "GET /segments/GetCustomersByValueSegment?ValueSegmentID=1&Date=2018-03-01" },
    { "segments", "GetValueSegmentChangers", "read",
        "GET /segments/GetValueSegmentChangers?StartDate=2018-03-01&EndDate=2018-03-31" },
    { "segments", "GetValueSegmentID", "read", "GET /segments/GetValueSegmentID?ValueSegmentName=VIP" },
    { "segments", "GetValueSegmentName", "read", "GET /segments/GetValueSegmentName?ValueSegmentID=1" },
    { "segments", "GetValueSegments", "read", "GET /segments/GetValueSegments" },
    { "integrations", "AddChannelApps", "idempotent",
        "POST /integrations/AddChannelApps?ChannelID=506", '[{"AppID":"app123","AppName":"Shop"}]',
        key = "Apps.1.AppID" },
    { "integrations", "AddChannelTemplates", "idempotent",
        "POST /integrations/AddChannelTemplates?ChannelID=504", '[{"TemplateID":1,"TemplateName":"Welcome"}]',
        key = "Templates.1.TemplateID" },
    { "integrations", "AddPromotions", "idempotent",
        "POST /integrations/AddPromotions", '[{"PromoCode":"WB23","PromotionName":"Welcome back"}]',
        key = "Promotions.1.PromoCode" },
    { "integrations", "DeleteChannelApps", "idempotent",
        "POST /integrations/DeleteChannelApps", '[{"AppID":"app123","ChannelID":506}]', key = "Apps.1.AppID" },
    { "integrations", "DeleteChannelTemplates", "idempotent",
        "POST /integrations/DeleteChannelTemplates", '[{"ChannelID":504,"TemplateID":1}]',
        key = "Templates.1.TemplateID" },
    { "integrations", "DeletePromotions", "idempotent",
        "POST /integrations/DeletePromotions", '[{"PromoCode":"WB23"}]', key = "Promotions.1.PromoCode" },
    { "integrations", "GetChannelTemplateDetails", "read",
        "GET /integrations/GetChannelTemplateDetails?ChannelID=504&TemplateID=1" },
    { "integrations", "GetChannelTemplates", "read", "GET /integrations/GetChannelTemplates?ChannelID=504" },
    { "integrations", "GetPromotions", "read", "GET /integrations/GetPromotions" },
    { "integrations", "SetCustomerChannelPreference", "idempotent", "POST /integrations/SetCustomerChannelPreference",
        '{"ChannelID":504,"CommunicationMode":2,"CustomerIDs":["00000001","00000002"]}' },
    { "integrations", "UpdateCampaignInteractions", "unsafe", "POST /integrations/UpdateCampaignInteractions",
        '{"CampaignID":4621,"ChannelID":504,"CustomerIDs":["00000001","00000002"],"EventID":3,'
            .. '"InteractionDate":"2018-03-02","TemplateID":1}' },
    { "integrations", "UpdateCampaignMetrics", "unsafe", "POST /integrations/UpdateCampaignMetrics",
        '[{"CampaignID":4621,"ChannelID":504,"MetricID":0,"MetricValue":1200,"TemplateID":1},'
            .. '{"CampaignID":4621,"ChannelID":504,"MetricID":2,"MetricValue":311,"TemplateID":1}]' },
    { "integrations", "UpdateCustomerPromotionStatus", "idempotent", "POST /integrations/UpdateCustomerPromotionStatus",
        '{"CampaignID":4621,"PromosUpdated":[{"CustomerID":"00000001","Status":"true"},'
            .. '{"CustomerID":"00000002","Status":"false"}],"TimeStamp":"2018-03-01 10:30:00"}',
        key = "PromosUpdated.1.CustomerID" },
    { "optimail", "AddTemplate", "unsafe", "POST /optimail/AddTemplate", '{}' },
    { "optimail", "AddUnsubscribers", "idempotent", "POST /optimail/AddUnsubscribers",
        '{"BrandId":1,"EmailAddresses":["customer1@example.com","customer2@example.com"]}' },
    { "optimail", "DeleteUnsubscribers", "idempotent",
        "POST /optimail/DeleteUnsubscribers", '{"BrandId":1,"EmailAddress":"gone1-1@example.com"}',
        key = "EmailAddress" },
    { "optimail", "GetUnsubscribers", "read",
        "GET /optimail/GetUnsubscribers?BrandID=1&StartDate=2018-03-01&EndDate=2018-03-31" },
    { "optimail", "UpdateTemplate", "idempotent", "POST /optimail/UpdateTemplate", '{}' },
    { "transactionalmail", "GetTemplateDetails", "read", "GET /transactionalmail/GetTemplateDetails" },
    { "transactionalmail", "SendFinalizedTransactionalMail", "keyed",
        "POST /transactionalmail/SendFinalizedTransactionalMail",
        '{"BrandID":1,"FromEmail":"news@example.com","FromName":"Shop","PlainText":"It is on its way.",'
            .. '"Recipients":[{"Email":"customer1@example.com"}],"Subject":"Your order",'
            .. '"UniqueMessageID":"order-4711"}', key = "UniqueMessageID" },
    { "transactionalmail", "SendTransactionalMail", "keyed", "POST /transactionalmail/SendTransactionalMail",
        '{"Recipients":[{"Email":"customer1@example.com"}],"TemplateID":1,'
            .. '"UniqueMessageID":"order-4711"}', key = "UniqueMessageID" },
    { "triggers", "ConditionalExecutionApproval", "unsafe", "POST /conditional-execution/v2/triggered/approval", '{}' },
    { "triggers", "ConditionalExecutionWebhooks", "unsafe", "POST /conditional-execution/v2/triggered/webhooks", '{}' },
    { "triggers", "SetTriggeredGateway", "idempotent", "PUT /triggered_conditional_execution_gateway", '{}' },
    { "triggers", "TriggersRegisterEventListener", "idempotent", "POST /Triggers/RegisterEventListener",
        '{"EventTypeID":11,"ListenerURL":"https://listener.example.com/5f1c"}' },
    { "triggers", "TriggersUnregisterEventListener", "idempotent",
        "POST /Triggers/UnregisterEventListener", '{"EventTypeID":11}' },
}

--- Known by name only.
local PATHLESS = {
    ["api key"] = { "ApiKeyInfo" }, customers = { "GetCampaignEngagementMetrics" },
    integrations = { "ActivityEventList" },
    transactionalmail = { "GetTransactionalTemplateMetrics", "GetTransactionalUserMetrics" },
}

--- Functions of which no source shows all parameters.
local OPEN = {
    "AddTemplate", "ConditionalExecutionApproval", "ConditionalExecutionWebhooks", "GetCampaignInteractionCustomers",
    "GetCustomerProductDetailsByCampaign", "GetCustomerProductDetailsByDate", "GetCustomersActivityEventAttributes",
    "GetProcessedCampaignCustomers", "GetRegisteredEventListeners", "RemoveCustomerPII", "SetTriggeredGateway",
    "TriggersRegisterEventListener", "TriggersUnregisterEventListener", "UpdateTemplate",
}

local function sent(name, params)
    return definition.request("optimove." .. name, params)
end

local function names_where(condition)
    local names = {}
    for _, name in ipairs(model.endpoint_names) do
        if condition(model.endpoints[name]) then names[#names + 1] = name end
    end
    return names
end

describe("optimove", function()
    for _, case in ipairs(PLACES) do
        local area, name, write, request, body = case[1], case[2], case[3], case[4], case[5]
        it("says where things are in " .. name, function()
            local endpoint = model.endpoints[name]
            assert.same({ area, write, case.key, name == "Login" and "login" or "key" },
                { endpoint.area, endpoint.write, endpoint.key_text, endpoint.auth })
            for _, text in ipairs { "summary", "source" } do assert.is_string(endpoint[text], text) end
            assert.is_truthy(endpoint.returns)
            assert.is_table(endpoint.example or endpoint.open and {})
        end)

        it("sends the example of " .. name .. " as the vendor wants it", function()
            local got = sent(name, example.params(model.endpoints[name]))
            local method, target = request:match "^(%u+) (.*)$"
            assert.same({ method, "https://api5.optimove.net/current" .. target, body },
                { got.method, got.url, got.body })
            assert.same({ "Content-Type", "application/json", "Accept", "application/json", "User-Agent", "neap/0.1" },
                got.headers)
        end)
    end

    it("has 89 functions in 11 areas, five of them by name only", function()
        local areas, count = {}, 0
        for area, names in pairs(PATHLESS) do
            for _, name in ipairs(names) do
                assert.same({ true, area }, { model.endpoints[name].path_unknown, model.endpoints[name].area })
                assert.is_string(model.endpoints[name].summary)
                count = count + 1
            end
        end
        assert.same({ 89, 89 - #PLACES }, { #model.endpoint_names, count })
        for _, name in ipairs(model.endpoint_names) do
            local area = model.endpoints[name].area
            areas[area] = (areas[area] or 0) + 1
        end
        assert.same({
            general = 5, ["api key"] = 1, model = 4, actions = 13, groups = 4, customers = 28, segments = 5,
            integrations = 14, optimail = 5, transactionalmail = 5, triggers = 5,
        }, areas)
    end)

    it("leaves the parameters free where nobody has seen them, and only there", function()
        assert.same(OPEN, names_where(function(endpoint) return endpoint.open end))
        local free = sent("TriggersRegisterEventListener", { EventTypeID = 11, Nested = { a = { 1 } } })
        assert.equal('{"EventTypeID":11,"Nested":{"a":[1]}}', free.body)
        assert.matches("%?ChannelID=5&Anything=x$",
            sent("GetCampaignInteractionCustomers", { Anything = "x", channelid = 5 }).url)
    end)

    local requests = {
        { "GetCustomersByAction", { RecipientGroupID = 1, ActionID = 2, Date = "2018-03-01", ["$top"] = 100000,
            ["$skip"] = 100000, CustomerAttributes = { "Country", "Age" }, CustomerAttributesDelimiter = "\t" },
            "customers/GetCustomersByAction?RecipientGroupID=1&ActionID=2&Date=2018-03-01&$top=100000"
                .. "&$skip=100000&CustomerAttributes=Country%3BAge&CustomerAttributesDelimiter=%09" },
        { "GetCustomersByAction", { recipientgroupid = 0.0, ACTIONID = 1, dATE = "2020-02-29",
            customerattributes = "Country;Age", customerattributesdelimiter = ";" },
            "customers/GetCustomersByAction?RecipientGroupID=0&ActionID=1&Date=2020-02-29"
                .. "&CustomerAttributes=Country%3BAge&CustomerAttributesDelimiter=%3B" },
        { "GetAllActions", { CustomerAttributes = { "Country" } }, "actions/GetAllActions?CustomerAttributes=Country" },
        { "GetCustomerActionsByTargetGroup", { TargetGroupID = 7, Date = "2018-03-01", ChannelID = 0,
            IncludeControlGroup = true, IncludeRecipientGroupID = "false" },
            "customers/GetCustomerActionsByTargetGroup?TargetGroupID=7&Date=2018-03-01&ChannelID=0"
                .. "&IncludeControlGroup=true&IncludeRecipientGroupID=false" },
        { "GetCustomerFutureValues", { LifecycleStageID = { 1, "2" } },
            "customers/GetCustomerFutureValues?LifecycleStageID=1%2C2" },
        { "GetCustomerAttributes", { CustomerID = "a/b \u{e9}" }, "Customers/a%2Fb%20%C3%A9/Attributes" },
        { "UpdateCustomerAttributes", { CallbackURL = "https://a.example/c", CustomerNewAttributesValuesList = {
            { CustomerID = 7, Attributes = {
                { RealFieldName = "Age", Value = 42 }, { RealFieldName = "Score", Value = 0.5 },
                { RealFieldName = "Country", Value = null }, { realfieldname = "Note", VALUE = "" },
            } } } },
            "customers/UpdateCustomerAttributes", '{"CallbackURL":"https://a.example/c",'
                .. '"CustomerNewAttributesValuesList":[{"Attributes":[{"RealFieldName":"Age","Value":42},'
                .. '{"RealFieldName":"Score","Value":0.5},{"RealFieldName":"Country","Value":null},'
                .. '{"RealFieldName":"Note","Value":""}],"CustomerID":"7"}]}' },
        { "UpsertCustomer", { customerid = 7, callbackURL = "https://a.example/c" }, "customers/UpsertCustomer",
            '{"CallbackUrl":"https://a.example/c","CustomerId":"7"}' },
        { "AddChannelTemplates", { ChannelID = 504, Templates = { { TemplateID = 2, TemplateName = "n", AppID = 5 },
            { TemplateID = 3, TemplateName = "m", AppID = "app123" } } },
            "integrations/AddChannelTemplates?ChannelID=504", '[{"AppID":5,"TemplateID":2,"TemplateName":"n"},'
                .. '{"AppID":"app123","TemplateID":3,"TemplateName":"m"}]' },
        { "SendTransactionalMail", { TemplateID = 1, Recipients = { { Email = "a@b", Personalizations = { NAME = "x" },
            CustomerID = "7" } }, ScheduleTime = "2018-03-01 10:00:00", UniqueMessageID = "u",
            Personalizations = { { Tag = "y" } },
            Attachments = { { Content = "YQ==", Type = "text/plain", FileName = "a.txt" } } },
            "transactionalmail/SendTransactionalMail",
            '{"Attachments":[{"Content":"YQ==","FileName":"a.txt","Type":"text/plain"}],'
                .. '"Personalizations":[{"Tag":"y"}],"Recipients":[{"CustomerID":"7","Email":"a@b",'
                .. '"Personalizations":{"NAME":"x"}}],"ScheduleTime":"2018-03-01 10:00:00","TemplateID":1,'
                .. '"UniqueMessageID":"u"}' },
    }
    for i, case in ipairs(requests) do
        it(("sends request %d, of %s, as the vendor wants it"):format(i, case[1]), function()
            local got = sent(case[1], case[2])
            assert.same({ "https://api5.optimove.net/current/" .. case[3], case[4] }, { got.url, got.body })
        end)
    end

    it("is called without a version and at another host where the settings say so", function()
        local function url_of(settings)
            local other = { model = model, settings = settings, custom_fields = {},
                base_url = address.base_url(model, settings), prefix = address.prefix(model, settings) }
            return (build.request(model.endpoints.GetAllActions, other, {}))
        end
        assert.equal("https://api12.optimove.net/actions/GetAllActions", url_of { server = 12, version = "none" })
        assert.equal("https://sandbox-api.optimove.net/current/actions/GetAllActions",
            url_of { base_url = "https://sandbox-api.optimove.net", version = "current" })
        assert.same({ nil, "server" }, { address.base_url(model, {}) })
    end)

    it("asks for XML where the setting says so, with GET only", function()
        local other = { model = model, settings = { accept = "xml" }, custom_fields = {},
            base_url = "https://a.example", prefix = "" }
        assert.same({ "Accept", "application/xml", "User-Agent", "neap/0.1" },
            definition.request_of(model.endpoints.GetAllActions, other, {}).headers)
        local post = definition.request_of(model.endpoints.AddPromotions, other, { Promotions = json.array {} })
        assert.equal("application/json", post.headers[4])
    end)

    it("knows the key, and the session with its login", function()
        local key, session = auth.chosen(model.auth.key, { auth = "api_key" }), auth.chosen(model.auth.key,
            { auth = "session" })
        assert.same({ place = "header", name = "X-API-KEY", secret = "api_key" }, key)
        assert.same({ "session", "Authorization-Token" }, { session.place, session.name })
        session = session.session
        assert.same({ "Login", 1200, 30, { status = 403, text = "Authorization-Token expired" } },
            { session.login, session.life, session.margin, session.expired })
        assert.same({ nil, "username" }, { session.absolute, session.params.Username.setting })
        assert.same({ place = "body", name = "Password", secret = "password" }, model.auth.login)
    end)

    it("has the vendor's settings", function()
        local shown = {}
        for _, field in ipairs(model.settings) do shown[field[1]] = field end
        assert.same({ "api_key", "json", 2000, "above", "off", "current" }, { shown.auth.default, shown.accept.default,
            shown.hourly_limit.default, shown.hourly_limit.lax, shown.burst_limit.default, shown.version.default })
        assert.equal("off", (schema.convert_field(shown.burst_limit, "off", "argument")))
        assert.same({ count = 50, period = 10 }, (schema.convert_field(shown.burst_limit, "50/10s", "argument")))
        assert.is_nil((schema.convert_field(shown.server, "five", "argument")))
    end)

    it("promises the vendor's limits", function()
        local shown = {}
        for i, limit in ipairs(model.limits) do
            shown[i] = { limit.rate.setting or ("%d/%ds"):format(limit.rate.count, limit.rate.period), limit.per,
                limit.shape, table.concat(limit.exempt, " "), table.concat(limit.only or {}, " ") }
        end
        assert.same({
            { "hourly_limit", "account", "window", "SendTransactionalMail", "" },
            { "burst_limit", "account", "window", "SendTransactionalMail", "" },
            { "1/1s", "account", nil, "", "Login" },
            { "600/60s", "account", "window", "", "AddUnsubscribers DeleteUnsubscribers" },
        }, shown)
    end)

    it("repeats reads and idempotent writes for an hour of 5xx, and anything after 429", function()
        for i, rule in ipairs(model.retry) do
            assert.same({ "exponential", 2, 300, 3600, "equal" },
                { rule.backoff, rule.base, rule.max, rule.total, rule.jitter })
            local shortest = 0 -- equal jitter halves a wait at most
            for sends = 1, rule.retries do
                shortest = shortest + math.min(rule.base * 2 ^ (sends - 1), rule.max) / 2
            end
            assert.is_true(shortest >= rule.total)
            assert.equal(i > 1 and "repeatable" or nil, rule.only)
            assert.equal(i == 2 or nil, rule.gate)
        end
        assert.same({ { 429 }, { 502, 503, 504 } }, { model.retry[1].on, model.retry[2].on })
        for _, status in ipairs(model.retry[3].on) do
            assert.is_true(status >= 500 and status ~= 502 and status ~= 503 and status ~= 504)
        end
    end)

    local keys = {
        { "RegisterEventListener", { EventTypeID = 13 }, 13 },
        { "UpdateCustomerAttributes", { CustomerNewAttributesValuesList = { { CustomerID = "A" } } }, "A" },
        { "AddPromotions", { Promotions = { { PromoCode = "W" } } }, "W" },
        { "AddChannelApps", { Apps = { { AppID = 5 } } }, 5 },
        { "UpdateCustomerPromotionStatus", { PromosUpdated = { { CustomerID = "A" } } }, "A" },
        { "SendTransactionalMail", { UniqueMessageID = "u" }, "u" }, { "SendTransactionalMail", {}, nil },
    }
    for i, case in ipairs(keys) do
        it(("orders by key %d, of %s"):format(i, case[1]), function()
            assert.equal(case[3], model.endpoints[case[1]].key(case[2]))
        end)
    end

    it("lets records of one function travel together, as many as the vendor takes", function()
        local batches = {}
        for _, name in ipairs(model.endpoint_names) do
            local batch = model.endpoints[name].batch
            if batch then
                assert.equal(model.endpoints[name], batch.endpoint)
                batches[name] = ("%s %d"):format(batch.list, batch.max)
            end
        end
        assert.same({
            UpdateCustomerAttributes = "CustomerNewAttributesValuesList 1000",
            UpdateCustomerPromotionStatus = "PromosUpdated 10000", UpdateCampaignMetrics = "Metrics 100",
            AddPromotions = "Promotions 100", DeletePromotions = "Promotions 100",
            AddChannelTemplates = "Templates 100", DeleteChannelTemplates = "Templates 100",
            AddChannelApps = "Apps 100", DeleteChannelApps = "Apps 100",
        }, batches)
    end)

    it("pages the functions whose rows are customers", function()
        local paged = names_where(function(endpoint) return endpoint.paging end)
        assert.equal(25, #paged)
        for _, name in ipairs(paged) do
            local paging = model.endpoints[name].paging
            assert.same({ "skip", "$skip", "$top", name == "GetUnsubscribers" and 10000 or 200000, 10000 },
                { paging.style, paging.position, paging.size, paging.max, paging.default })
        end
        assert.is_nil(model.endpoints.GetAllActions.paging)
        assert.is_nil(model.endpoints.GetCustomerLastActionExecuted.paging)
    end)
end)

describe("optimove's answers", function()
    --- Names of the members of an answer with their types.
    local function members(field)
        if field.type == "list" then return "list of " .. members(field.of) end
        local parts = {}
        for i, inner in ipairs(field.fields) do parts[i] = inner.name .. " " .. inner.type end
        return table.concat(parts, ", ")
    end

    it("have types wherever the vendor's are known", function()
        local untyped = names_where(function(endpoint)
            return endpoint.method == "GET" and not endpoint.path_unknown and type(endpoint.returns) ~= "table"
        end)
        assert.same({
            "GetCustomerProductDetailsByCampaign", "GetCustomerProductDetailsByDate",
            "GetCustomersActivityEventAttributes", "GetProcessedCampaignCustomers", "GetRegisteredEventListeners",
        }, untyped)
    end)

    local typed = {
        GetLastDataUpdate = "Date date", GetActionID = "ActionID integer",
        GetCustomersByAction = "list of CustomerID string, CustomerAttributes either",
        GetCustomerFutureValues = "list of CustomerID string, FutureValue number",
        GetExecutedCampaignsByChannel = "list of CampaignID integer",
        GetExecutedCampaignDetails = "list of CampaignID integer, TargetGroupID integer, CampaignType string, Duration "
            .. "integer, LeadTime integer, Notes string, IsMultiChannel boolean, IsRecurrence boolean, Status string, "
            .. "Error string",
        GetUnsubscribers = "list of Email string, UnsubscribedTime datetime",
        GetCustomerAttributes = "list of RealFieldName string, Alias string, FieldType string, Value string",
        SendTransactionalMail = "IsSuccess boolean, SendID either, Error string",
    }
    for name, wanted in pairs(typed) do
        it("have the types of " .. name, function()
            assert.equal(wanted, members(model.endpoints[name].returns))
        end)
    end

    --- endpoint, body, is it a success, payload or message
    local answers = {
        { "AddPromotions", 'null', true, null }, { "AddPromotions", 'true', true, true },
        { "AddPromotions", '{"ResponseCode":200}', true, { ResponseCode = 200 } },
        { "GetCustomersByAction", '[]', true, {} },
        { "GetCustomerAttributes", '"Customer not found"', false, "Customer not found" },
        { "Login", '"eyJhbGciOiJkaXIi"', true, "eyJhbGciOiJkaXIi" },
        { "AddUnsubscribers", '{"Error":null}', true, { Error = null } },
        { "AddUnsubscribers", '{"Error":"Invalid email"}', false, "Invalid email" },
        { "UpsertCustomer", '{"errors":["CustomerId is missing"]}', false, '["CustomerId is missing"]' },
        { "UpsertCustomer", 'null', true, null },
        { "SendTransactionalMail", '{"IsSuccess":true,"SendID":7,"Error":"no value for NAME"}', true,
            { IsSuccess = true, SendID = 7, Error = "no value for NAME" } },
        { "SendTransactionalMail", '{"IsSuccess":false,"SendID":null,"Error":"Invalid template"}', false,
            "Invalid template" },
        { "SendFinalizedTransactionalMail", '{"IsSuccess":"false","Error":null}', false,
            "IsSuccess is false and there is no Error" },
    }
    for _, case in ipairs(answers) do
        it(("of %s: %s"):format(case[1], case[2]), function()
            local ok, value = model.endpoints[case[1]].envelope.accept(json.decode(case[2]))
            assert.equal(case[3], ok)
            assert.same(case[4], value)
        end)
    end

    local again = "Request for this UniqueMessageID has succeeded before"
    local complaints = {
        { "GetAllActions", '"Unauthorized"', "Unauthorized" },
        { "GetAllActions", '{"status":429,"error":"Too Many Requests","message":"retry later"}', "retry later" },
        { "SendTransactionalMail", ('{"IsSuccess":false,"SendID":null,"Error":"%s"}'):format(again), again },
        { "SendFinalizedTransactionalMail", ('"%s"'):format(again), again },
        { "DeleteUnsubscribers", '{"Error":"no such brand"}', "no such brand" },
        { "UpsertCustomer", '{"errors":[{"error":"INVALID_FIELD"}]}', '[{"error":"INVALID_FIELD"}]' },
    }
    for _, case in ipairs(complaints) do
        it(("outside 2xx, of %s: %s"):format(case[1], case[2]), function()
            assert.equal(case[3], (model.endpoints[case[1]].envelope.complain(json.decode(case[2]))))
        end)
    end
end)
