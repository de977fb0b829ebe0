--- Optimove: every rule of the vendor refuses a call before it is sent, naming field, value and rule, and lets the
-- nearest right call pass. Facts: the vendor's general page, then its function pages.

require "spec.support.helper"
local definition = require "spec.support.definition"
local rules = require "spec.support.rules"

local null = require "neap.null"

local NONE, times, shown = rules.NONE, rules.times, rules.shown
local model = definition.clients.optimove.model

-- Rules of one field -------------------------------------------------------------------------------

local function case(rule, path, value, message, good, sent)
    return { rule, { [path] = value }, ("%s: %s"):format(shown(path), message), { [path] = good },
        sends = sent ~= nil and { [path] = sent } or nil }
end

local function required(path)
    return { "required", { [path] = NONE }, shown(path) .. ": required", {} }
end

--- An integer, zero or more.
local function whole(path)
    return {
        case("zero or more", path, -1, "-1 is below the minimum 0", 0),
        case("whole", path, 1.5, "1.5 is no integer", 7.0, 7),
        case("a number", path, "7", 'expected an integer, got a string ("7")', 7),
        case("not null", path, null, "expected an integer, got null", 1),
    }
end

local function rgid(path)
    return {
        case("one digit", path, 10, "10 is above the maximum 9", 9),
        case("one digit", path, -1, "-1 is below the minimum 0", 0),
    }
end

local function day(path)
    return {
        case("a day of the calendar", path, "2018-02-30", '"2018-02-30" is no date: day 30, but 2018-02 has 28 days'),
        case("YYYY-MM-DD", path, "2018-3-1", '"2018-3-1" is no date: expected YYYY-MM-DD'),
        case("YYYY-MM-DD", path, "03/01/2018", '"03/01/2018" is no date: expected YYYY-MM-DD'),
        case("text", path, 20180301, "expected a date (YYYY-MM-DD), got a number (20180301)"),
    }
end

local function moment(path)
    local form = '"%s" is no date with time of the form YYYY-MM-DD hh:mm:ss'
    local good = "2018-02-28 23:59:59"
    return {
        case("YYYY-MM-DD HH:MM:SS", path, "2018-03-01T10:00:00", form:format "2018-03-01T10:00:00", good, good),
        case("YYYY-MM-DD HH:MM:SS", path, "2018-03-01 10:00", form:format "2018-03-01 10:00", good),
        case("no zone", path, "2018-03-01 10:00:00Z", form:format "2018-03-01 10:00:00Z", good),
        case("no date alone", path, "2018-03-01", form:format "2018-03-01", good),
    }
end

local function flag(path)
    return {
        case("true or false", path, "yes", 'expected a boolean, got a string ("yes")', true, "true"),
        case("true or false", path, 1, "expected a boolean, got a number (1)", false, "false"),
        case("true or false", path, "True", 'expected a boolean, got a string ("True")', "true", "true"),
    }
end

local function text(path)
    return {
        case("not empty", path, "", "empty", "x"),
        case("text", path, 5, "expected a string, got a number (5)", "\u{4e2d}"),
    }
end

local function id(path)
    return {
        case("not empty", path, "", "empty", "A1"),
        case("text", path, true, "expected a string or an integer, got a boolean (true)", 12, "12"),
    }
end

local function either(path)
    return {
        case("not empty", path, "", "empty", "app123", "app123"),
        case("text or number", path, true, "expected a string or integer, got a boolean (true)", 5, 5),
        case("zero or more", path, -1, "-1 is below the minimum 0", 0),
    }
end

local function url(path)
    local message = '"ftp://a.example" is no URL: expected http:// or https:// and a host'
    return case("a URL", path, "ftp://a.example", message, "https://a.example/b?c=d")
end

--- A list of at least one and at most `max` items.
local function rows(path, item, max)
    local over = ("%d items, at most %d are allowed"):format(max + 1, max)
    return {
        required(path),
        case("at least one", path, {}, "0 items, at least 1 are needed", { item }),
        case(("at most %d"):format(max), path, times(max + 1, item), over, times(max, item)),
    }
end

local SPAN = {
    { "the order of the days", { StartDate = "2018-04-02", EndDate = "2018-04-01" },
        'EndDate: "2018-04-01" is before StartDate "2018-04-02"',
        { StartDate = "2018-04-02", EndDate = "2018-04-02" } },
}

local function page(max)
    return {
        case("largest page", "$top", max + 1, ("%d is above the maximum %d"):format(max + 1, max), max),
        case("smallest page", "$top", 0, "0 is below the minimum 1", 1),
        case("whole", "$top", "10", 'expected an integer, got a string ("10")', 10),
        case("zero or more", "$skip", -1, "-1 is below the minimum 0", 0),
        case("whole", "$skip", 0.5, "0.5 is no integer", 100000),
    }
end

local ten = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" }
local eleven = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k" }
local no_delimiter = '"%s" is not one of comma, colon, semicolon, tab'

local ATTRIBUTES = {
    case("at most 10 attributes", "CustomerAttributes", eleven, "11 items, at most 10 are allowed", ten,
        "a;b;c;d;e;f;g;h;i;j"),
    case("at most 10 attributes", "CustomerAttributes", table.concat(eleven, ";"), "11 items, at most 10 are allowed",
        table.concat(ten, ";"), "a;b;c;d;e;f;g;h;i;j"),
    case("one attribute or more", "CustomerAttributes", {}, "0 items, at least 1 are needed", { "Country" }, "Country"),
    case("one attribute or more", "CustomerAttributes", "", "0 items, at least 1 are needed", "Country", "Country"),
    { "names", { CustomerAttributes = "a;;b" }, "CustomerAttributes[2]: empty", { CustomerAttributes = "a;b" } },
    { "names without semicolons", { CustomerAttributes = { "a;b" } }, 'CustomerAttributes[1]: "a;b" is not one name',
        { CustomerAttributes = { "a,b" } }, sends = { CustomerAttributes = "a,b" } },
    case("a delimiter", "CustomerAttributesDelimiter", "|", no_delimiter:format "|", ",", ","),
    case("a delimiter", "CustomerAttributesDelimiter", ", ", no_delimiter:format ", ", ":", ":"),
    case("a delimiter", "CustomerAttributesDelimiter", "", no_delimiter:format "", ";", ";"),
    case("a delimiter", "CustomerAttributesDelimiter", "\\t", no_delimiter:format "\\t", "\t", "\t"),
}

-- Rules of each endpoint ---------------------------------------------------------------------------

local events, metrics = "1, 2, 3, 4, 5, 11, 13", "0, 1, 2, 3, 4, 5, 6, 9"
local function enum(path, bad, listed, good)
    return case("a code", path, bad, ("%s is not one of %s"):format(bad, listed), good, good)
end

local function event(path)
    return {
        required(path), enum(path, 14, events, 13), enum(path, 6, events, 1),
        { "no channel with clearance", { [path] = 5, ChannelID = 504 },
            "ChannelID: 504 is not allowed with EventTypeID 5", { [path] = 5, ChannelID = NONE } },
    }
end

local function interaction(path)
    return { enum(path, 9, "2, 3, 4, 5, 6, 7", 7), enum(path, 1, "2, 3, 4, 5, 6, 7", 2) }
end

local function needed(...)
    local made = {}
    for _, field in ipairs { ... } do
        local check, path = field[1], field[2]
        made[#made + 1] = required(path)
        made[#made + 1] = check(path)
    end
    return made
end

local ACTION, CAMPAIGN, CHANNEL = { whole, "ActionID" }, { whole, "CampaignID" }, { whole, "ChannelID" }
local TARGET, DATE, RGID = { whole, "TargetGroupID" }, { day, "Date" }, { rgid, "RecipientGroupID" }
local FROM, TO = { day, "StartDate" }, { day, "EndDate" }

local attribute = { RealFieldName = "a", Value = "v" }
local changed = { CustomerID = "1", Attributes = { attribute } }
local many = "CustomerNewAttributesValuesList"
local in_many = many .. ".1.Attributes.1."
local seven = "one of DECIMAL(19,4), INT, BIGINT, DATE, VARCHAR(n), NVARCHAR(n)"
local long = '"' .. ("x"):rep(60) .. '..."'

--- The values of a changed attribute: text, number or null.
local function value(path)
    return case("text, number or null", path, true, "expected a string or number, got a boolean (true)", null, null)
end

--- The size of a block; {"a":""} are 8 bytes.
local function personal(path)
    return {
        case("at most 50,000 bytes", path, { a = ("x"):rep(49993) }, "50001 bytes as JSON, at most 50000 are allowed",
            { a = ("x"):rep(49992) }),
        case("bytes as they are sent", path, { a = ("\u{4e2d}"):rep(16000) .. ("\n\1"):rep(250) },
            "50008 bytes as JSON, at most 50000 are allowed", { a = ("\u{4e2d}"):rep(16000) .. ("\n\1"):rep(249) }),
        case("bytes of lists", path, { ("x"):rep(49990), 12, null }, "50002 bytes as JSON, at most 50000 are allowed",
            { ("x"):rep(49988), 12, null }),
    }
end

local function attachments()
    local path = "Attachments.1."
    local base = { ["Attachments"] = { { Content = "aGVsbG8=", FileName = "a.pdf", Type = "application/pdf" } } }
    local cases = { required(path .. "Content"), required(path .. "FileName"), text(path .. "FileName"),
        text(path .. "Type"),
        case("Base64", path .. "Content", "a b", '"a b" is not Base64', "aGVsbG8="),
        case("Base64", path .. "Content", "===", '"===" is not Base64', "YQ=="),
        case("a list", "Attachments", "x", 'expected a list of objects, got a string ("x")', {}) }
    for _, one in ipairs(rules.flat(cases)) do one.base = base end
    return cases
end

local function unique()
    return {
        case("at most 254 characters", "UniqueMessageID", ("x"):rep(255),
            long .. " has 255 characters, at most 254 are allowed", ("x"):rep(254)),
        case("not empty", "UniqueMessageID", "", "empty", NONE),
    }
end

--- Each: endpoint, then its cases: { rule, changes that are refused, the message, changes that pass, sends = what is
-- sent, base = more of the right call }.
local RULES = {
    { "Login", needed({ text, "Username" }),
        { "the password is a setting", { Password = "p" },
            "Password: a setting, not a parameter: use --set optimove.password=env:NAME", {} } },
    { "RegisterEventListener", event "EventTypeID", required "ListenerURL", url "ListenerURL", whole "ChannelID" },
    { "UnregisterEventListener", event "EventTypeID", whole "ChannelID" },
    { "GetMicrosegmentChangers", base = { StartDate = "2018-03-01", EndDate = "2018-03-31" },
        day "StartDate", day "EndDate", SPAN,
        { "both or none", { EndDate = NONE }, 'EndDate: required with StartDate "2018-03-01": both or none',
            { StartDate = NONE, EndDate = NONE } },
        { "both or none", { StartDate = NONE }, 'StartDate: required with EndDate "2018-03-31": both or none', {} } },
    { "GetActionName", needed(ACTION) }, { "GetActionID", needed({ text, "ActionName" }) },
    { "GetActionsByTargetGroup", needed(TARGET, DATE) }, { "GetActionDetailsByTargetGroup", needed(TARGET, DATE) },
    { "GetPromoCodes", needed(DATE) }, { "GetPromoCodesByCampaign", needed(CAMPAIGN) },
    { "GetPromoCodesByTargetGroup", needed(TARGET, DATE) }, { "GetExecutedCampaignDetails", needed(DATE) },
    { "GetCampaignDetails", needed(CAMPAIGN) }, { "GetExecutedCampaignsByChannel", needed(CHANNEL, DATE) },
    { "GetExecutedCampaignChannelDetails", needed(CAMPAIGN, CHANNEL) },
    { "GetTargetGroupName", needed(TARGET) }, { "GetTargetGroupID", needed({ text, "TargetGroupName" }) },
    { "GetTargetGroupsByDate", needed(DATE) },
    { "GetCustomersByAction", needed(RGID, ACTION, DATE),
        { "all faults at once", { RecipientGroupID = 12, ActionID = -1, Date = "2018-02-30", ["$top"] = 200001,
            ["$skip"] = -1, CustomerAttributes = { "a;b", "" }, CustomerAttributesDelimiter = "|" },
            "RecipientGroupID: 12 is above the maximum 9; ActionID: -1 is below the minimum 0; Date: \"2018-02-30\" is "
                .. "no date: day 30, but 2018-02 has 28 days; $top: 200001 is above the maximum 200000; $skip: -1 is "
                .. 'below the minimum 0; CustomerAttributes[1]: "a;b" is not one name; CustomerAttributes[2]: empty; '
                .. 'CustomerAttributesDelimiter: "|" is not one of comma, colon, semicolon, tab',
            { RecipientGroupID = 0, Date = "2020-02-29", ["$top"] = 200000, ["$skip"] = 0 } },
        { "the dollar is part of the name", { top = 10 }, 'top: unknown name, did you mean "$top"?',
            { ["$top"] = 10 } } },
    { "GetCustomerActionsByTargetGroup", needed(TARGET, DATE), whole "ChannelID", flag "IncludeControlGroup",
        flag "IncludeRecipientGroupID" },
    { "GetCustomerOneTimeActionsByDate", needed(DATE), flag "IncludeControlGroup" },
    { "GetCustomerOneTimeActionsByCampaign", needed(CAMPAIGN), flag "IncludeControlGroup", whole "ChannelID" },
    { "GetTargetGroupChangers", needed(FROM, TO), SPAN },
    { "GetCustomerAttributeChangers", needed({ text, "ChangedCustomerAttribute" }),
        case("one attribute", "ChangedCustomerAttribute", "a;b", '"a;b" is not one name', "a") },
    { "GetCustomerFutureValues",
        { "a stage or an attribute", { LifecycleStageID = NONE }, "one of LifecycleStageID or CustomerAttribute is "
            .. "required", { LifecycleStageID = NONE, CustomerAttribute = "a", CustomerAttributeValue = "v" } },
        { "not both", { CustomerAttribute = "a", CustomerAttributeValue = "v" },
            'CustomerAttribute: not allowed beside LifecycleStageID "1"', {} },
        { "an attribute with its value", { LifecycleStageID = NONE, CustomerAttribute = "a" },
            'CustomerAttributeValue: required with CustomerAttribute "a": both or none',
            { LifecycleStageID = NONE, CustomerAttribute = "a", CustomerAttributeValue = 5 },
            sends = { CustomerAttributeValue = "5" } },
        { "an attribute with its value", { CustomerAttributeValue = "v" },
            'CustomerAttribute: required with CustomerAttributeValue "v": both or none', {} },
        { "one attribute", { LifecycleStageID = NONE, CustomerAttribute = "a;b", CustomerAttributeValue = "v" },
            'CustomerAttribute: "a;b" is not one name', {} },
        case("one stage", "LifecycleStageID", "a", '"a" is not a whole number, or [1]: "a" is not a whole number', 3,
            "3"),
        { "several stages", { LifecycleStageID = { 1, -2 } }, 'LifecycleStageID[2]: "-2" is not a whole number',
            { LifecycleStageID = { 1, 2 } }, sends = { LifecycleStageID = "1,2" } },
        case("several stages", "LifecycleStageID", "1,,2",
            '"1,,2" is not a whole number, or [2]: "" is not a whole number', "1,2", "1,2"),
        case("one stage or more", "LifecycleStageID", {}, "0 items, at least 1 are needed", { "1" }, "1") },
    { "GetCustomerLastActionExecuted", needed({ id, "CustomerID" }) },
    { "GetCustomerActionDetailsByDate", needed(DATE) }, { "GetCustomersActionEndedByDate", needed(DATE) },
    { "GetCustomerSendDetailsByCampaign", needed(CAMPAIGN), flag "IncludeTemplateIDs" },
    { "GetCustomerSendDetailsByChannel", needed(CHANNEL, CAMPAIGN) },
    { "GetCustomerExecutionDetailsByCampaign", needed(CAMPAIGN), whole "ChannelID" },
    { "GetCanceledCampaignCustomers", needed(CAMPAIGN) }, { "GetProcessedCampaignCustomers", whole "CampaignID" },
    { "GetCustomerProductDetailsByDate", needed(DATE) }, { "GetCustomerProductDetailsByCampaign", needed(CAMPAIGN) },
    { "GetCustomerProductRecommendations",
        case("true or false", "SuggestedInCampaign", 1, "expected a boolean, got a number (1)", "true", "true"),
        day "StartDate", day "EndDate", SPAN, id "CustomerID",
        { "days of campaigns only", { SuggestedInCampaign = false },
            'StartDate: "2018-03-01" needs SuggestedInCampaign true; '
                .. 'EndDate: "2018-03-31" needs SuggestedInCampaign true',
            { SuggestedInCampaign = false, StartDate = NONE, EndDate = NONE } },
        { "days of campaigns only", { SuggestedInCampaign = NONE, EndDate = NONE },
            'StartDate: "2018-03-01" needs SuggestedInCampaign true', { EndDate = NONE } },
        { "names", { ProductAttributes = { "a,b" } },
            'ProductAttributes[1]: "a,b" holds ",", which separates the items', { ProductAttributes = { "a", "b" } },
            sends = { ProductAttributes = "a,b" } },
        { "names", { ProductAttributes = "a,,b" }, "ProductAttributes[2]: empty", { ProductAttributes = "a,b" } } },
    { "GetCampaignInteractionCustomers", whole "ChannelID", interaction "EventID", day "Date",
        { "other names are free", { Dat = "x" }, "Dat: unknown name, too near to a declared one, "
            .. 'did you mean "Date"?', { CampaignId = "7" } } },
    { "GetCustomerChannelInteractions", needed({ id, "CustomerID" }, FROM, TO), SPAN, whole "ChannelID" },
    { "GetCustomerAttributes", needed({ id, "CustomerID" }),
        { "part of a path", { CustomerID = ".." }, 'CustomerID: ".." cannot be part of a path',
            { CustomerID = "a/b" } } },
    { "AddCustomerAttribute", needed({ text, "Name" }), required "Type", url "CallbackURL",
        case("types", "Type", "varchar(5)", '"varchar(5)" is not ' .. seven, "VARCHAR(5)"),
        case("types", "Type", "NVARCHAR(0)", '"NVARCHAR(0)" is not ' .. seven, "NVARCHAR(100)"),
        case("types", "Type", "DECIMAL(19,2)", '"DECIMAL(19,2)" is not ' .. seven, "DECIMAL(19,4)"),
        case("types", "Type", "INTEGER", '"INTEGER" is not ' .. seven, "INT"),
        case("types", "Type", "TEXT", '"TEXT" is not ' .. seven, "BIGINT"),
        case("types", "Type", "DATETIME", '"DATETIME" is not ' .. seven, "DATE"),
        value "DefaultValue",
        case("a value", "DefaultValue", {}, "expected a string or number, got an object", 1.5, 1.5) },
    { "UpdateCustomerAttributes", rows(many, changed, 1000), url "CallbackURL",
        required(many .. ".1.CustomerID"), id(many .. ".1.CustomerID"), rows(many .. ".1.Attributes", attribute, 10),
        required(in_many .. "RealFieldName"), text(in_many .. "RealFieldName"), value(in_many .. "Value"),
        case("a value", in_many .. "Value", { 1 }, "expected a string or number, got a list", 38.5, 38.5),
        { "names within rows are known", { [in_many .. "Valeu"] = "v" },
            shown(in_many) .. 'Valeu: unknown name, did you mean "Value"?', { [in_many .. "value"] = "v",
                [in_many .. "Value"] = NONE }, sends = { [in_many .. "Value"] = "v" } },
        { "every row", { [many .. ".2.CustomerID"] = NONE, [many .. ".1.Attributes"] = {} },
            many .. "[1].Attributes: 0 items, at least 1 are needed; " .. many .. "[2].CustomerID: required", {} } },
    { "UpsertCustomer", needed({ id, "CustomerId" }), url "CallbackUrl", required "Attributes.1.RealFieldName",
        text "Attributes.1.RealFieldName", value "Attributes.1.Value",
        case("a list", "Attributes", "x", 'expected a list of objects, got a string ("x")', NONE) },
    { "GetValueSegmentName", needed({ whole, "ValueSegmentID" }) },
    { "GetValueSegmentID", needed({ text, "ValueSegmentName" }) },
    { "GetCustomersByValueSegment", needed({ whole, "ValueSegmentID" }, DATE) },
    { "GetValueSegmentChangers", needed(FROM, TO), SPAN },
    { "AddPromotions", rows("Promotions", { PromoCode = "A", PromotionName = "B" }, 100),
        needed({ text, "Promotions.1.PromoCode" }, { text, "Promotions.1.PromotionName" }) },
    { "DeletePromotions", rows("Promotions", { PromoCode = "A" }, 100), needed({ text, "Promotions.1.PromoCode" }) },
    { "AddChannelTemplates", needed(CHANNEL), rows("Templates", { TemplateID = 1, TemplateName = "n" }, 100),
        needed({ whole, "Templates.1.TemplateID" }, { text, "Templates.1.TemplateName" }), either "Templates.1.AppID" },
    { "GetChannelTemplates", needed(CHANNEL) },
    { "GetChannelTemplateDetails", needed(CHANNEL, { whole, "TemplateID" }) },
    { "DeleteChannelTemplates", rows("Templates", { ChannelID = 1, TemplateID = 1 }, 100),
        needed({ whole, "Templates.1.ChannelID" }, { whole, "Templates.1.TemplateID" }) },
    { "AddChannelApps", needed(CHANNEL), rows("Apps", { AppID = "a", AppName = "n" }, 100),
        needed({ either, "Apps.1.AppID" }, { text, "Apps.1.AppName" }) },
    { "DeleteChannelApps", rows("Apps", { ChannelID = 1, AppID = "a" }, 100),
        needed({ whole, "Apps.1.ChannelID" }, { either, "Apps.1.AppID" }) },
    { "UpdateCampaignMetrics",
        rows("Metrics", { ChannelID = 1, CampaignID = 1, TemplateID = 1, MetricID = 9, MetricValue = 0 }, 100),
        needed({ whole, "Metrics.1.ChannelID" }, { whole, "Metrics.1.CampaignID" }, { whole, "Metrics.1.TemplateID" },
            { whole, "Metrics.1.MetricValue" }),
        required "Metrics.1.MetricID", enum("Metrics.1.MetricID", 7, metrics, 9),
        enum("Metrics.1.MetricID", 10, metrics, 0) },
    { "UpdateCampaignInteractions", needed(CAMPAIGN, CHANNEL, { day, "InteractionDate" }), required "EventID",
        interaction "EventID", whole "TemplateID", rgid "RecipientGroupID", rows("CustomerIDs", "1", 10000),
        id "CustomerIDs.1", either "AppID" },
    { "UpdateCustomerPromotionStatus", needed(CAMPAIGN), moment "TimeStamp",
        case("a day of the calendar", "TimeStamp", "2018-02-30 10:00:00",
            '"2018-02-30 10:00:00" is no date with time that there is', "2020-02-29 10:00:00"),
        case("a time of the day", "TimeStamp", "2018-02-28 24:00:00",
            '"2018-02-28 24:00:00" is no date with time that there is', NONE),
        rows("PromosUpdated", { CustomerID = "1", Status = true }, 10000),
        needed({ id, "PromosUpdated.1.CustomerID" }, { flag, "PromosUpdated.1.Status" }) },
    { "SetCustomerChannelPreference", needed(CHANNEL, { whole, "CommunicationMode" }), rows("CustomerIDs", "1", 50000),
        id "CustomerIDs.2", either "AppID" },
    { "GetUnsubscribers", required "BrandID", either "BrandID", day "StartDate", day "EndDate", SPAN },
    { "AddUnsubscribers", required "BrandId", either "BrandId", rows("EmailAddresses", "a@b", 200),
        text "EmailAddresses.1" },
    { "DeleteUnsubscribers", required "BrandId", either "BrandId", needed({ text, "EmailAddress" }) },
    { "SendTransactionalMail", needed({ whole, "TemplateID" }), rows("Recipients", { Email = "a@b" }, 200),
        needed({ text, "Recipients.1.Email" }), personal "Personalizations", personal "Recipients.1.Personalizations",
        attachments(), moment "ScheduleTime", unique(),
        { "other names of recipients are free", { ["Recipients.1.Emial"] = "x" },
            "Recipients[1].Emial: unknown name, too near to a declared one, "
                .. 'did you mean "Email"?', { ["Recipients.1.CustomerID"] = "7" } } },
    { "SendFinalizedTransactionalMail", required "BrandID", either "BrandID",
        needed({ text, "FromEmail" }, { text, "Subject" }), text "FromName", text "ReplyTo", text "Html",
        rows("Recipients", { Email = "a@b" }, 200), needed({ text, "Recipients.1.Email" }), attachments(), unique(),
        { "some content", { PlainText = NONE }, "one of Html or PlainText is required",
            { PlainText = NONE, Html = "<p>" } },
        case("text", "PlainText", 5, "expected a string, got a number (5)", "x") },
}

--- Those whose rows are customers, with their largest page.
local PAGED = { GetUnsubscribers = 10000 }
for name in ([[GetMicrosegmentChangers GetCustomersByAction GetCustomerActionsByTargetGroup
    GetCustomerOneTimeActionsByDate GetCustomerOneTimeActionsByCampaign GetTargetGroupChangers
    GetCustomerAttributeChangers GetCustomerFutureValues GetCustomerActionDetailsByDate GetCustomersActionEndedByDate
    GetCustomerSendDetailsByCampaign GetCustomerSendDetailsByChannel GetCustomerExecutionDetailsByCampaign
    GetCurrentlyTargetedCustomers GetCanceledCampaignCustomers GetProcessedCampaignCustomers
    GetCustomerProductDetailsByDate GetCustomerProductDetailsByCampaign GetCustomerProductRecommendations
    GetCustomersActivityEventAttributes GetCampaignInteractionCustomers GetCustomerChannelInteractions
    GetCustomersByValueSegment GetValueSegmentChangers]]):gmatch "%S+" do
    PAGED[name] = 200000
end

for _, name in ipairs(model.endpoint_names) do
    local endpoint = model.endpoints[name]
    if endpoint.method == "GET" and not endpoint.path_unknown then
        table.insert(RULES, { name, ATTRIBUTES, PAGED[name] and page(PAGED[name]) })
    end
end

-- ------------------------------------------------------------------------------------------------

--- Calls fn(path) for every declared parameter and what it is made of, elements without their number.
local function each_path(field, path, fn)
    if path ~= "" then fn(path) end
    for _, inner in ipairs(field.fields or {}) do each_path(inner, path .. "." .. inner.name, fn) end
    for _, alternative in ipairs(field.either or {}) do
        if alternative.fields then each_path(alternative, path, fn) end
    end
    if field.of and field.of.fields then each_path(field.of, path, fn) end
end

describe("optimove", function()
    local tried = {} -- endpoint -> path without numbers -> true
    for _, group in ipairs(RULES) do
        local name = group[1]
        local endpoint = model.endpoints[name]
        local base = rules.with(endpoint.example, group.base or {})
        tried[name] = tried[name] or {}
        for _, one in ipairs(rules.flat(group)) do
            for path in pairs(one[2]) do tried[name]["." .. path:gsub("%.%d+", "")] = true end
            it(("%s: %s: %s"):format(name, one[1], one[3]), function() rules.check("optimove." .. name, base, one) end)
        end
    end

    for _, name in ipairs(model.endpoint_names) do
        local endpoint = model.endpoints[name]
        if not endpoint.path_unknown then
            it("has tried every parameter of " .. name, function()
                each_path(endpoint.params.root, "", function(path)
                    assert.is_true((tried[name] or {})[path], name .. path)
                end)
            end)

            it("takes the names of " .. name .. " in any case, once", function()
                local lower, upper, twice = {}, {}, nil
                for param, given in pairs(endpoint.example or {}) do
                    local declared = endpoint.params.by_name[param] ~= nil
                    lower[declared and param:lower() or param] = given
                    upper[declared and param:upper() or param] = given
                    if declared and param ~= param:lower() then twice = param end
                end
                local wanted = assert(definition.validate("optimove." .. name, endpoint.example or {}))
                assert.same(wanted, assert(definition.validate("optimove." .. name, lower)))
                assert.same(wanted, assert(definition.validate("optimove." .. name, upper)))
                if not twice then return end
                local both = rules.with(endpoint.example, { [twice:lower()] = endpoint.example[twice] })
                local values, err = definition.validate("optimove." .. name, both)
                assert.is_nil(values)
                assert.equal(("%s: given twice: as %s and %s"):format(twice, twice, twice:lower()), err.message)
            end)

            it((endpoint.open and "takes" or "refuses") .. " names that " .. name .. " does not declare", function()
                local values, err = definition.validate("optimove." .. name,
                    rules.with(endpoint.example or {}, { zzzzzzzz = "z" }))
                if endpoint.open then return assert.equal("z", values.zzzzzzzz) end
                assert.matches("^zzzzzzzz: unknown name", err.message)
            end)
        end
    end

    it("names settings where they are given as parameters", function()
        for _, setting in ipairs { "server", "api_key", "password", "accept", "version" } do
            local values, err = definition.validate("optimove.GetAllActions", { [setting] = "x" })
            assert.is_nil(values)
            assert.equal(("%s: a setting, not a parameter: use --set optimove.%s=%s"):format(setting, setting,
                (setting == "api_key" or setting == "password") and "env:NAME" or "..."),
                err.message)
        end
    end)
end)
