-- Optimove API. General rules: the vendor's page "General Information" (types, attributes, paging, limits, dates);
-- functions: https://developer.optimove.com/reference, and what public clients send and get. Where they disagree the
-- general page counts. What is ours is marked so.

-- Fields ---------------------------------------------------------------------------------------

local function join(...)
    local all = {}
    for _, list in ipairs { ... } do table.move(list, 1, #list, #all + 1, all) end
    return all
end

--- A field with a name and more attributes.
local function as(name, field, more)
    local made = { name }
    for _, attributes in ipairs { field, more or {} } do
        for key, value in pairs(attributes) do made[key] = value end
    end
    return made
end

local function whole(doc)
    return { type = "integer", min = 0, doc = doc }
end

local function day(doc)
    return { type = "date", doc = doc }
end

local function text(doc)
    return { type = "string", min_length = 1, doc = doc }
end

local function flag(doc)
    return { type = "boolean", as_text = true, doc = doc }
end

--- What is a text in some of the vendor's samples and a number in others.
local function either(doc)
    return { either = { { type = "string", min_length = 1 }, { type = "integer", min = 0 } }, doc = doc }
end

local RGID = { type = "integer", min = 0, max = 9,
    doc = "0 is the control group, 1 the only group, or 1, 2, ... the groups A, B, ..." }
local CUSTOMER = { type = "id", min_length = 1 }
local ALL_CHANNELS = whole "0 or absent: all channels"
local CALLBACK = { type = "url", doc = "is told the result, up to a minute later" }
local EVENT_TYPE = { type = "enum", values = { 1, 2, 3, 4, 5, 11, 13 },
    doc = "1 a campaign was processed, 2 all campaigns of today were, 3 the daily process is over, 4 a processed "
        .. "campaign was cancelled, 5 a conditional campaign waits for clearance, 11 somebody met a real-time trigger, "
        .. "13 a campaign was executed on one channel" }
local METRIC = { type = "enum", values = { 0, 1, 2, 3, 4, 5, 6, 9 },
    doc = "0 sent, 1 delivered, 2 opened, 3 clicked, 4 unsubscribed, 5 dropped, 6 spam, 9 bounced" }
local INTERACTION = { type = "enum", values = { 2, 3, 4, 5, 6, 7 },
    doc = "2 opened, 3 clicked, 4 unsubscribed, 5 dropped, 6 spam, 7 bounced; not the numbers of MetricID throughout" }

--- The parameters of most functions, by name.
local FIELDS = {
    ActionID = whole "the action", ActionName = text(), AppID = either "the app, of push channels",
    BrandID = either "the brand's account", BrandId = either "the brand's account",
    CampaignID = whole "the campaign", ChannelID = whole "as GetExecutionChannels lists them",
    CustomerID = CUSTOMER, Date = day "the day of execution, as in the marketing plan; lead time is ignored",
    EndDate = day "last day", IncludeControlGroup = flag "also customers of the control group",
    RecipientGroupID = RGID, StartDate = day "first day", TargetGroupID = whole "the target group",
    TargetGroupName = text(), TemplateID = whole "the template", ValueSegmentID = whole(), ValueSegmentName = text(),
}

local function fields(names, more)
    local made = {}
    for name in names:gmatch "%S+" do made[#made + 1] = as(name, FIELDS[name], more) end
    return made
end

local function required(names)
    return fields(names, { required = true })
end

local function one_required(name, field)
    return as(name, field, { required = true })
end

--- The rows of a call; that there is one at least is ours.
local function rows(name, row, max, doc)
    return { name, type = "list", of = row, required = true, min = 1, max = max, doc = doc }
end

local function object(...)
    return { type = "object", fields = join(...) }
end

-- What every function that reads takes -----------------------------------------------------------

local DELIMITER = { "CustomerAttributesDelimiter", values = { ",", ":", ";", "\t" },
    words = { "comma", "colon", "semicolon", "tab" },
    doc = "what separates the values where they come as one text; a comma when absent" }

local ATTRIBUTE = { type = "string", min_length = 1, pattern = "^[^;]*$", pattern_doc = "one name" }
local NAMES = "names as GetCustomerAttributeList has them (RealFieldName); "

--- The general rules let all functions take customer attributes; not every function has use for them.
local function attributes(rows_are_customers)
    local doc = rows_are_customers and "each row then has CustomerAttributes: the current values, in this order"
        or "taken by every function; this one is not known to answer with them"
    return {
        { "CustomerAttributes", type = "list", of = ATTRIBUTE, join = ";", min = 1, max = 10, doc = NAMES .. doc },
        DELIMITER,
    }
end

local PAGE = 10000

local function page(max)
    return {
        { "$top", type = "integer", min = 1, max = max, doc = ("records of a page, %d when absent"):format(PAGE) },
        { "$skip", type = "integer", min = 0, doc = "records before the page" },
    }
end

-- Answers --------------------------------------------------------------------------------------

--- Types of members of answers that are no texts.
local KINDS = {}
for kind, names in pairs {
    integer = "ActionID CampaignID ChannelID ControlGroupSize Duration EventID FinalMicrosegmentID FinalTargetGroupID "
        .. "FinalValueSegmentID InitialMicrosegmentID InitialTargetGroupID InitialValueSegmentID LeadTime "
        .. "LifecycleStageID ListID MicrosegmentID RecipientGroupID RecommendationType StageID TargetGroupID "
        .. "TargetGroupPriority TemplateID TestGroupSize ValueSegmentID",
    number = "ChurnRate FutureValue",
    date = "Date EndDate StartDate",
} do
    for name in names:gmatch "%S+" do KINDS[name] = { type = kind } end
end
for _, name in ipairs { "ScheduledTime", "ScheduleTime", "UnsubscribedTime" } do
    KINDS[name] = { type = "datetime", form = "sql" }
end
for _, name in ipairs { "IsMultiChannel", "IsRecurrence" } do KINDS[name] = { type = "boolean", as_text = true } end
for _, name in ipairs { "ProductAttributes", "Tags", "TemplateAttributes" } do
    KINDS[name] = { type = "list", of = { type = "string" } }
end
KINDS.CustomerAttributes = { either = { { type = "list", of = { type = "string" } }, { type = "string" } } }
KINDS.SendID = { either = { { type = "string" }, { type = "integer" } } }
KINDS.Channels = { type = "list", of = { type = "object", open = true, fields = { { "Id", type = "integer" } } } }
KINDS.IsSuccess = { type = "boolean" }

local TOLD = {
    CampaignType = "like Test/Control", ChannelID = "some tenants spell it ChannelId",
    CustomerAttributes = "where asked for; a text is joined by the delimiter, older tenants call it CustomerAttribute",
    Duration = "days", Error = "of a failed one", InitialCustomerAttribute = "null for new customers",
    InitialTargetGroupID = "-1: none", LeadTime = "days", PromoCode = "may be empty, or several separated by commas",
    SendID = "may be empty or null", ScheduleTime = "spelled so here", Status = "Successful or Failed",
    UnsubscribedTime = "UTC", Value = "text, or null; dates as MM/DD/YYYY HH:MM:SS",
}

--- Members of an answer; some may be absent.
local function answer(names)
    local made = {}
    for name in names:gmatch "%S+" do
        made[#made + 1] = as(name, KINDS[name] or { type = "string" }, { doc = TOLD[name] })
    end
    return { type = "object", fields = made }
end

local function list(names)
    return { type = "list", of = answer(names) }
end

local NOTHING = "nothing"

-- Endpoints ------------------------------------------------------------------------------------

local endpoints = {}

--- How much of a function is known.
local SOURCES = {
    a = "the vendor's function pages and public clients: request and answer",
    b = "the vendor's function pages and public clients: request or answer only",
    c = "the vendor's lists of functions: the name",
}

--- Adds a function of the vendor; `known` is a key of SOURCES, default "a".
local function add(area, name, def)
    def.area, def.source, def.auth = area, SOURCES[def.known or "a"], def.auth or "key"
    if def.known == "c" and not def.path_unknown then def.open = true end
    def.known = nil
    endpoints[name] = def
end

--- Adds a function that reads. `paged` is the largest page; `customers`: its rows have customer attributes.
local function get(area, name, def)
    def.get = def.get or ("/%s/%s"):format(area, name)
    def.params = join(def.params or {}, def.paged and page(def.paged) or {}, attributes(def.customers))
    if def.paged then
        def.paging = paging.skip { skip = "$skip", top = "$top", max = def.paged, default = PAGE }
    end
    def.paged, def.customers, def.example = nil, nil, def.example or {}
    add(area, name, def)
end

local function post(area, name, def)
    if not def.put then def.post = def.post or ("/%s/%s"):format(area, name) end
    add(area, name, def)
end

--- Adds a function of which nobody has seen the path.
local function unknown(area, name, summary, doc)
    add(area, name, { known = "c", path_unknown = true, auth = "none", summary = summary, doc = doc })
end

local LARGEST = 200000
local SPAN = { { order = { "StartDate", "EndDate" } } }
local DATE = "2018-03-01"
local MONTH = { StartDate = "2018-03-01", EndDate = "2018-03-31" }

local function with(values, more)
    local all = {}
    for _, from in ipairs { values, more } do
        for name, value in pairs(from) do all[name] = value end
    end
    return all
end

-- General, key, model ----------------------------------------------------------------------------

local function no_channel_with_clearance(values, fault)
    if values.EventTypeID ~= 5 or values.ChannelID == nil then return end
    fault("ChannelID", ("%s is not allowed with EventTypeID 5"):format(values.ChannelID))
end

local CLEARANCE = { check = no_channel_with_clearance, doc = "no ChannelID with EventTypeID 5" }

post("general", "Login", {
    post = "/general/login", auth = "login", write = "read",
    summary = "Gets the token of a session",
    doc = "Neap calls it by itself where the setting auth is session. The password is a setting. While a token is "
        .. "valid the vendor answers 429.",
    params = { one_required("Username", text()) },
    envelope = envelope.plain { message = "message" },
    returns = { type = "string", doc = "the token" },
    example = { Username = "api.user" },
})
get("general", "GetLastDataUpdate", {
    summary = "Gets the day up to which data are complete",
    doc = "To be asked before anything is read: the day moves on once segmentation and execution are over, and is "
        .. "always before today.",
    returns = answer "Date",
})
post("general", "RegisterEventListener", {
    write = "idempotent", key = "EventTypeID",
    summary = "Has events of one type reported to an address",
    doc = "Optimove POSTs JSON there, at least once for each event, with names in varying case and without a "
        .. "signature. Events of type 14 are set up in Optimove itself.",
    params = {
        one_required("EventTypeID", EVENT_TYPE),
        { "ListenerURL", type = "url", required = true, doc = "hard to guess, as nothing is signed" },
        as("ChannelID", whole "of types 11 and 13: only this channel"),
    },
    rules = { CLEARANCE }, returns = NOTHING,
    example = { EventTypeID = 13, ListenerURL = "https://listener.example.com/5f1c", ChannelID = 504 },
})
post("general", "UnregisterEventListener", {
    write = "idempotent", key = "EventTypeID",
    summary = "Ends the reports of one type of event",
    params = {
        one_required("EventTypeID", EVENT_TYPE), as("ChannelID", whole "that it was registered with; not documented"),
    },
    rules = { CLEARANCE }, returns = NOTHING,
    example = { EventTypeID = 13, ChannelID = 504 },
})
get("general", "GetRegisteredEventListeners", {
    known = "c", summary = "Lists the registered listeners", returns = "a list; its members are not documented",
})

unknown("api key", "ApiKeyInfo", "Tells about the key in use", "Api Key Info in the menu of the developer portal.")

get("model", "GetCustomerAttributeList", {
    summary = "Lists the customer attributes", doc = "RealFieldName is what CustomerAttributes takes.",
    returns = list "RealFieldName Description",
})
get("model", "GetLifecycleStageList", {
    summary = "Lists the lifecycle stages", returns = list "StageID StageName",
})
get("model", "GetMicrosegmentList", {
    summary = "Lists the microsegments",
    returns = list "MicrosegmentID MicrosegmentName LifecycleStageID FutureValue ChurnRate",
})
get("model", "GetMicrosegmentChangers", {
    paged = LARGEST, customers = true,
    summary = "Lists customers whose microsegment has changed",
    doc = "Without days: on the last day with data, as newer tenants have it.",
    params = fields "StartDate EndDate",
    rules = { { both_or_none = { "StartDate", "EndDate" } }, SPAN[1] },
    returns = list "CustomerID InitialMicrosegmentID FinalMicrosegmentID CustomerAttributes",
})

-- Actions and target groups --------------------------------------------------------------------

get("actions", "GetActionName", {
    summary = "Gets the name of an action", params = required "ActionID", returns = answer "ActionName",
    example = { ActionID = 2 },
})
get("actions", "GetActionID", {
    summary = "Gets the number of an action", params = required "ActionName", returns = answer "ActionID",
    example = { ActionName = "Daily newsletter" },
})
get("actions", "GetAllActions", { summary = "Lists all actions", returns = list "ActionID ActionName" })

local TARGET = { TargetGroupID = 1, Date = DATE }

get("actions", "GetActionsByTargetGroup", {
    summary = "Lists the actions of a target group on a day",
    params = required "TargetGroupID Date", returns = list "RecipientGroupID ActionID", example = TARGET,
})
get("actions", "GetActionDetailsByTargetGroup", {
    summary = "Lists the actions of a target group on a day, with details",
    params = required "TargetGroupID Date",
    returns = list "RecipientGroupID ActionID Duration LeadTime ChannelID", example = TARGET,
})
get("actions", "GetPromoCodes", {
    summary = "Lists the promo codes of a day", params = required "Date",
    returns = list "TargetGroupID RecipientGroupID ActionID PromoCode", example = { Date = DATE },
})
get("actions", "GetPromoCodesByCampaign", {
    summary = "Lists the promo codes of a campaign", params = required "CampaignID",
    returns = list "RecipientGroupID ActionID PromoCode", example = { CampaignID = 4621 },
})
get("actions", "GetPromoCodesByTargetGroup", {
    summary = "Lists the promo codes of a target group on a day", params = required "TargetGroupID Date",
    returns = list "RecipientGroupID ActionID PromoCode", example = TARGET,
})

local CAMPAIGN = "TargetGroupID CampaignType Duration LeadTime Notes IsMultiChannel IsRecurrence Status Error"

get("actions", "GetExecutedCampaignDetails", {
    summary = "Lists the campaigns executed on a day",
    doc = "Lead time counts here, and only here: a campaign planned for the 5th with three days of lead time is also "
        .. "among those of the 2nd.",
    params = { one_required("Date", day "the day of execution, or of hand-over before it") },
    returns = list("CampaignID " .. CAMPAIGN), example = { Date = DATE },
})
get("actions", "GetCampaignDetails", {
    summary = "Gets the details of a campaign", params = required "CampaignID",
    returns = answer(CAMPAIGN .. " Tags Channels TestGroupSize ControlGroupSize"), example = { CampaignID = 4621 },
})
get("actions", "GetExecutionChannels", {
    summary = "Lists the channels on which campaigns are executed", returns = list "ChannelID ChannelName",
})
get("actions", "GetExecutedCampaignsByChannel", {
    summary = "Lists the campaigns executed on a channel on a day", params = required "ChannelID Date",
    returns = list "CampaignID", example = { ChannelID = 504, Date = DATE },
})
get("actions", "GetExecutedCampaignChannelDetails", {
    summary = "Lists what a campaign sent on a channel", params = required "CampaignID ChannelID",
    returns = list "ListID SendID TemplateID ScheduledTime", example = { CampaignID = 4621, ChannelID = 504 },
})

get("groups", "GetTargetGroupName", {
    summary = "Gets the name of a target group", params = required "TargetGroupID",
    returns = answer "TargetGroupName", example = { TargetGroupID = 1 },
})
get("groups", "GetTargetGroupID", {
    summary = "Gets the number of a target group", params = required "TargetGroupName",
    returns = answer "TargetGroupID", example = { TargetGroupName = "Active customers, group 1" },
})
get("groups", "GetTargetGroupsByDate", {
    summary = "Lists the target groups with a campaign on a day", params = required "Date",
    returns = list "TargetGroupID", example = { Date = DATE },
})
get("groups", "GetTargetGroupDetails", {
    summary = "Lists all target groups", returns = list "TargetGroupID TargetGroupName TargetGroupPriority",
})

-- Customers: what they got -------------------------------------------------------------------------

get("customers", "GetCustomersByAction", {
    paged = LARGEST, customers = true,
    summary = "Lists the customers of a recipient group who got an action on a day",
    params = required "RecipientGroupID ActionID Date", returns = list "CustomerID CustomerAttributes",
    example = { RecipientGroupID = 1, ActionID = 2, Date = DATE },
})
get("customers", "GetCustomerActionsByTargetGroup", {
    paged = LARGEST, customers = true,
    summary = "Lists the customers of a target group with their actions",
    doc = "ActionID 1 marks members of the control group.",
    params = join(required "TargetGroupID Date", {
        as("ChannelID", ALL_CHANNELS), as("IncludeControlGroup", FIELDS.IncludeControlGroup),
        as("IncludeRecipientGroupID", flag "each row also has RecipientGroupID"),
    }),
    returns = list "CustomerID ActionID ChannelID RecipientGroupID CustomerAttributes", example = TARGET,
})
get("customers", "GetCustomerOneTimeActionsByDate", {
    paged = LARGEST, customers = true,
    summary = "Lists the customers of one-time campaigns of a day",
    doc = "An example of the vendor has it under segments; every other source has it here.",
    params = join(required "Date", fields "IncludeControlGroup"),
    returns = list "CustomerID ActionID ChannelID CustomerAttributes", example = { Date = DATE },
})
get("customers", "GetCustomerOneTimeActionsByCampaign", {
    paged = LARGEST, customers = true,
    summary = "Lists the customers of a one-time campaign",
    params = join(required "CampaignID", fields "IncludeControlGroup", { as("ChannelID", ALL_CHANNELS) }),
    returns = list "CustomerID RecipientGroupID ActionID ChannelID CustomerAttributes",
    example = { CampaignID = 4621 },
})
get("customers", "GetTargetGroupChangers", {
    paged = LARGEST, customers = true,
    summary = "Lists customers who changed their target group",
    doc = "In older documents only.",
    params = required "StartDate EndDate", rules = SPAN,
    returns = list "CustomerID InitialTargetGroupID FinalTargetGroupID CustomerAttributes", example = MONTH,
})
get("customers", "GetCustomerAttributeChangers", {
    paged = LARGEST, customers = true,
    summary = "Lists customers of whom an attribute changed in a day",
    doc = "Slow, as the vendor says. Customer characteristics are not supported. Older tenants answer with the text "
        .. "NULL for null and with plural names.",
    params = { one_required("ChangedCustomerAttribute", ATTRIBUTE) },
    returns = list "CustomerID InitialCustomerAttribute FinalCustomerAttribute CustomerAttributes",
    example = { ChangedCustomerAttribute = "Country" },
})

local stage = { type = "id", pattern = "^%d+$", pattern_doc = "a whole number" }

get("customers", "GetCustomerFutureValues", {
    paged = LARGEST,
    summary = "Lists customers with their expected value",
    doc = "Of some lifecycle stages, or of the customers with one value of one attribute.",
    params = {
        { "LifecycleStageID", either = { stage, { type = "list", of = stage, join = ",", min = 1 } },
            doc = "one, or several separated by commas, as GetLifecycleStageList lists them" },
        as("CustomerAttribute", ATTRIBUTE), { "CustomerAttributeValue", type = "id", doc = "its value" },
    },
    rules = {
        { one_of = { "LifecycleStageID", "CustomerAttribute" } },
        { both_or_none = { "CustomerAttribute", "CustomerAttributeValue" } },
    },
    returns = list "CustomerID FutureValue", example = { LifecycleStageID = "1" },
})
get("customers", "GetCustomerLastActionExecuted", {
    summary = "Gets the last action that a customer got", params = required "CustomerID",
    returns = answer "ActionID Date Duration TargetGroupID", example = { CustomerID = "00000001" },
})
get("customers", "GetCustomerActionDetailsByDate", {
    paged = LARGEST, summary = "Lists the customers who got actions on a day", params = required "Date",
    returns = list "CustomerID RecipientGroupID ActionID ChannelID", example = { Date = DATE },
})
get("customers", "GetCustomersActionEndedByDate", {
    paged = LARGEST, summary = "Lists the customers whose actions ended on a day",
    doc = "Date of a row is the first day of the action.",
    params = { one_required("Date", day "the day on which the actions ended") },
    returns = list "CustomerID ActionID ChannelID Date Duration TargetGroupID", example = { Date = DATE },
})
get("customers", "GetCustomerSendDetailsByCampaign", {
    paged = LARGEST, summary = "Lists what a campaign sent to customers",
    params = join(required "CampaignID", { as("IncludeTemplateIDs", flag "each row also has TemplateID") }),
    returns = list "CustomerID ChannelID ScheduledTime SendID TemplateID", example = { CampaignID = 4621 },
})
get("customers", "GetCustomerSendDetailsByChannel", {
    paged = LARGEST, customers = true, summary = "Lists what a campaign sent to customers on a channel",
    params = required "ChannelID CampaignID",
    returns = list "CustomerID TemplateID ScheduledTime CustomerAttributes",
    example = { ChannelID = 504, CampaignID = 4621 },
})
get("customers", "GetCustomerExecutionDetailsByCampaign", {
    paged = LARGEST, customers = true,
    summary = "Lists the customers of a campaign with templates",
    doc = "And with channels and promo codes.",
    params = join(required "CampaignID", { as("ChannelID", whole "to be given, as those who use it say") }),
    returns = list "CustomerID ActionID ChannelID TemplateID TemplateName ScheduleTime PromoCode CustomerAttributes",
    example = { CampaignID = 4621, ChannelID = 504 },
})
get("customers", "GetCurrentlyTargetedCustomers", {
    paged = LARGEST, summary = "Lists the customers whose campaigns go on",
    returns = list "CustomerID CampaignID ActionID StartDate EndDate",
})
get("customers", "GetCanceledCampaignCustomers", {
    paged = LARGEST, summary = "Lists the customers of a cancelled campaign",
    doc = "Kept for two hours after event 4. The newest menu of the vendor does not have it.",
    params = required "CampaignID", returns = list "CustomerID ActionID PromoCode", example = { CampaignID = 4621 },
})
get("customers", "GetProcessedCampaignCustomers", {
    known = "c", paged = LARGEST, summary = "Lists the customers of a campaign that waits for clearance",
    doc = "After event 5; UpdateCustomerPromotionStatus answers it. That it takes CampaignID is inferred.",
    params = fields "CampaignID", returns = "a list of customers; its other members are not documented",
    example = { CampaignID = 4621 },
})
get("customers", "GetCustomerProductDetailsByDate", {
    known = "c", paged = LARGEST, summary = "Lists customers with the products of a day",
    params = required "Date", returns = "a list of customers with products; its members are not documented",
    example = { Date = DATE },
})
get("customers", "GetCustomerProductDetailsByCampaign", {
    known = "c", paged = LARGEST, summary = "Lists customers with the products of a campaign",
    params = required "CampaignID", returns = "a list of customers with products; its members are not documented",
    example = { CampaignID = 4621 },
})

local function dates_of_campaigns(values, fault)
    for _, name in ipairs { "StartDate", "EndDate" } do
        if values[name] ~= nil and values.SuggestedInCampaign ~= "true" then
            fault(name, ('"%s" needs SuggestedInCampaign true'):format(values[name]))
        end
    end
end

get("customers", "GetCustomerProductRecommendations", {
    paged = LARGEST, summary = "Lists recommended products of customers",
    doc = "At most 10 for each customer, the best first.",
    params = join({
        { "ProductAttributes", type = "list", of = { type = "string", min_length = 1 }, join = ",",
            doc = "attributes of the products to answer with" },
        as("SuggestedInCampaign", flag "true: only what a campaign suggested"),
    }, { as("StartDate", day "first day of the campaigns; a month ago when absent"),
        as("EndDate", day "last day of the campaigns") }, fields "CustomerID"),
    rules = { SPAN[1],
        { check = dates_of_campaigns, doc = "StartDate and EndDate need SuggestedInCampaign true" } },
    returns = list "CustomerID ProductID RecommendationType ProductAttributes",
    example = { SuggestedInCampaign = true, StartDate = "2018-03-01", EndDate = "2018-03-31" },
})
get("customers", "GetCustomersActivityEventAttributes", {
    known = "c", paged = LARGEST, summary = "Lists attributes of events of customers",
    doc = "It is filtered by event and time; the names of these parameters are not documented.",
    returns = "not documented",
})
get("customers", "GetCampaignInteractionCustomers", {
    known = "b", open = true, paged = LARGEST, summary = "Lists the customers who reacted to campaigns",
    doc = "That it is filtered by channel, event and day is documented; the names of these parameters are inferred.",
    params = { as("ChannelID", ALL_CHANNELS), as("EventID", INTERACTION), as("Date", day "of the reaction") },
    returns = list "CustomerID CampaignID TemplateID", example = { ChannelID = 504, EventID = 3, Date = DATE },
})
get("customers", "GetCustomerChannelInteractions", {
    paged = LARGEST, summary = "Lists how a customer reacted to campaigns",
    doc = "For some tenants the answer looks like that of its successor, GetCampaignEngagementMetrics.",
    params = join(required "CustomerID StartDate EndDate", { as("ChannelID", ALL_CHANNELS) }), rules = SPAN,
    returns = list "Date CampaignID RecipientGroupID ActionID ChannelID TemplateID EventID",
    example = with(MONTH, { CustomerID = "00000001" }),
})
unknown("customers", "GetCampaignEngagementMetrics", "Lists how customers reacted to campaigns, triggered ones too",
    "Successor of GetCustomerChannelInteractions.")

-- Customers: their attributes ----------------------------------------------------------------------

local VALUE = { either = { { type = "string" }, { type = "number" } }, nullable = true }

local changed = object({
    one_required("RealFieldName", text "as GetCustomerAttributeList has it"),
    as("Value", VALUE, { required = true, doc = "overwrites the current one" }),
})

get("customers", "GetCustomerAttributes", {
    get = "/Customers/{CustomerID}/Attributes", summary = "Gets all attributes of a customer",
    doc = "Seen without a version before its path; the setting version is for that.",
    params = required "CustomerID", returns = list "RealFieldName Alias FieldType Value",
    example = { CustomerID = "00000001" },
})
post("customers", "AddCustomerAttribute", {
    known = "b", write = "idempotent", key = "Name", summary = "Adds an attribute to all customers",
    doc = "At most 40 can be added. The callback has attributeName, isSuccess and on failure errorId and errorMsg: 1 "
        .. "more than 40, 2 the name is taken (by a repeat, too), 3 no such type, 4 the default does not fit it, 5 "
        .. "anything else.",
    params = {
        one_required("Name", text()),
        { "Type", type = "string", required = true,
            pattern_doc = "one of DECIMAL(19,4), INT, BIGINT, DATE, VARCHAR(n), NVARCHAR(n)",
            pattern = { "^DECIMAL%(19,4%)$", "^INT$", "^BIGINT$", "^DATE$", "^N?VARCHAR%([1-9]%d*%)$" } },
        as("DefaultValue", VALUE, { doc = "fits Type" }), as("CallbackURL", CALLBACK),
    },
    returns = NOTHING, example = { Name = "ShoeSize", Type = "DECIMAL(19,4)", DefaultValue = "0" },
})
post("customers", "UpdateCustomerAttributes", {
    write = "idempotent", key = "CustomerNewAttributesValuesList.1.CustomerID",
    batch = { list = "CustomerNewAttributesValuesList" },
    summary = "Changes up to 10 attributes of up to 1,000 customers",
    doc = "Answered with 200, or 202 before it is done. The callback has requestId, isSuccess and on failure errors, "
        .. "each with error (INVALID_CUSTOMER, INVALID_FIELD, INVALID_VALUE, UPDATE_FIELD_TEMPORARY_UNAVAILABLE), "
        .. "customerId and realFieldName.",
    params = {
        rows("CustomerNewAttributesValuesList", object({
            one_required("CustomerID", CUSTOMER),
            { "Attributes", type = "list", of = changed, required = true, min = 1, max = 10 },
        }), 1000),
        as("CallbackURL", CALLBACK),
    },
    returns = NOTHING,
    example = { CustomerNewAttributesValuesList = {
        { CustomerID = "00000001", Attributes = { { RealFieldName = "City", Value = "Taipei" } } },
        { CustomerID = "00000002", Attributes = { { RealFieldName = "City", Value = "Tainan" } } },
    } },
})
post("customers", "UpsertCustomer", {
    known = "b", put = "/customers/UpsertCustomer", write = "idempotent", key = "CustomerId",
    summary = "Creates a customer or changes attributes of one", doc = "Not every tenant has it yet.",
    params = {
        one_required("CustomerId", CUSTOMER), { "Attributes", type = "list", of = changed },
        as("CallbackUrl", CALLBACK),
    },
    envelope = envelope.error { field = "errors", message = "message" },
    returns = NOTHING,
    example = { CustomerId = "00000001", Attributes = { { RealFieldName = "City", Value = "Taipei" } } },
})
post("customers", "RemoveCustomerPII", {
    known = "c", write = "idempotent", summary = "Makes a customer anonymous and keeps the record",
    doc = "The names of its parameters are not documented.", returns = NOTHING, example = { CustomerID = "00000001" },
})

-- Value segments ---------------------------------------------------------------------------------

get("segments", "GetValueSegments", {
    summary = "Lists the value segments", returns = list "ValueSegmentName ValueSegmentID",
})
get("segments", "GetValueSegmentName", {
    summary = "Gets the name of a value segment", params = required "ValueSegmentID",
    returns = answer "ValueSegmentName", example = { ValueSegmentID = 1 },
})
get("segments", "GetValueSegmentID", {
    summary = "Gets the number of a value segment", params = required "ValueSegmentName",
    returns = answer "ValueSegmentID", example = { ValueSegmentName = "VIP" },
})
get("segments", "GetCustomersByValueSegment", {
    paged = LARGEST, customers = true, summary = "Lists the customers of a value segment on a day",
    params = join(required "ValueSegmentID", { one_required("Date", day()) }),
    returns = list "CustomerID CustomerAttributes", example = { ValueSegmentID = 1, Date = DATE },
})
get("segments", "GetValueSegmentChangers", {
    paged = LARGEST, customers = true, summary = "Lists customers who changed their value segment",
    doc = "In older documents only.", params = required "StartDate EndDate", rules = SPAN,
    returns = list "CustomerID InitialValueSegmentID FinalValueSegmentID CustomerAttributes", example = MONTH,
})

-- External systems -------------------------------------------------------------------------------

local channel_in_query = { as("ChannelID", FIELDS.ChannelID, { required = true, place = "query" }) }

--- Adds a function whose body is an array of up to `max` objects of one kind.
local function post_rows(name, param, max, def)
    def.body, def.batch, def.returns = param, { list = param }, NOTHING
    def.params = join(def.params or {}, { rows(param, object(def.row), max) })
    def.row = nil
    post("integrations", name, def)
end

post_rows("AddPromotions", "Promotions", 100, {
    write = "idempotent", key = "Promotions.1.PromoCode", summary = "Adds or renames up to 100 promotions",
    doc = "A known code gets the new name.",
    row = { one_required("PromoCode", text()), one_required("PromotionName", text()) },
    example = { Promotions = { { PromoCode = "WB23", PromotionName = "Welcome back" } } },
})
get("integrations", "GetPromotions", { summary = "Lists the promotions", returns = list "PromoCode PromotionName" })
post_rows("DeletePromotions", "Promotions", 100, {
    write = "idempotent", key = "Promotions.1.PromoCode", summary = "Deletes up to 100 promotions",
    row = { one_required("PromoCode", text()) },
    example = { Promotions = { { PromoCode = "WB23" } } },
})
post_rows("AddChannelTemplates", "Templates", 100, {
    write = "idempotent", key = "Templates.1.TemplateID", summary = "Adds up to 100 templates to a channel",
    params = channel_in_query,
    row = join(required "TemplateID", { one_required("TemplateName", text()) }, fields "AppID"),
    example = { ChannelID = 504, Templates = { { TemplateID = 1, TemplateName = "Welcome" } } },
})
get("integrations", "GetChannelTemplates", {
    summary = "Lists the templates of a channel", params = required "ChannelID",
    returns = list "TemplateID TemplateName", example = { ChannelID = 504 },
})
get("integrations", "GetChannelTemplateDetails", {
    known = "b", summary = "Gets the content of a template", params = required "ChannelID TemplateID",
    doc = "TemplateAttributes: sender's name, sender's address, subject.",
    returns = list "TemplateContent TemplateAttributes", example = { ChannelID = 504, TemplateID = 1 },
})
post_rows("DeleteChannelTemplates", "Templates", 100, {
    write = "idempotent", key = "Templates.1.TemplateID", summary = "Deletes up to 100 templates of channels",
    row = required "ChannelID TemplateID",
    example = { Templates = { { ChannelID = 504, TemplateID = 1 } } },
})
post_rows("AddChannelApps", "Apps", 100, {
    write = "idempotent", key = "Apps.1.AppID", summary = "Adds up to 100 apps to a channel",
    params = channel_in_query, row = join(required "AppID", { one_required("AppName", text()) }),
    example = { ChannelID = 506, Apps = { { AppID = "app123", AppName = "Shop" } } },
})
post_rows("DeleteChannelApps", "Apps", 100, {
    write = "idempotent", key = "Apps.1.AppID", summary = "Deletes up to 100 apps of channels",
    row = required "ChannelID AppID",
    example = { Apps = { { ChannelID = 506, AppID = "app123" } } },
})
post_rows("UpdateCampaignMetrics", "Metrics", 100, {
    write = "unsafe", summary = "Reports up to 100 figures of campaigns sent elsewhere",
    doc = "Whether a figure replaces the last one or adds to it is not documented, so it is not repeated on its own.",
    row = join(required "ChannelID CampaignID TemplateID", { one_required("MetricID", METRIC),
        one_required("MetricValue", whole "how many") }),
    example = { Metrics = {
        { ChannelID = 504, CampaignID = 4621, TemplateID = 1, MetricID = 0, MetricValue = 1200 },
        { ChannelID = 504, CampaignID = 4621, TemplateID = 1, MetricID = 2, MetricValue = 311 },
    } },
})
post("integrations", "UpdateCampaignInteractions", {
    write = "unsafe", summary = "Reports who reacted to a campaign sent elsewhere",
    doc = "The counts of several calls add up. The vendor calls it a legacy function.",
    params = join(required "CampaignID ChannelID", {
        one_required("InteractionDate", day "of the reaction"), as("TemplateID", FIELDS.TemplateID),
        one_required("EventID", INTERACTION), as("RecipientGroupID", RGID, { doc = RGID.doc .. "; 1 when absent" }),
        rows("CustomerIDs", CUSTOMER, 10000),
    }, fields "AppID"),
    returns = NOTHING,
    example = { CampaignID = 4621, ChannelID = 504, InteractionDate = "2018-03-02", TemplateID = 1, EventID = 3,
        CustomerIDs = { "00000001", "00000002" } },
})
post("integrations", "UpdateCustomerPromotionStatus", {
    write = "idempotent", key = "PromosUpdated.1.CustomerID", batch = { list = "PromosUpdated" },
    summary = "Says who may get the promotion of a conditional campaign",
    doc = "The answer to event 5, before its ClearanceRequiredBy. Customers who are never named count as false.",
    params = join({ { "TimeStamp", type = "datetime", form = "sql" } }, required "CampaignID", {
        rows("PromosUpdated", object({ one_required("CustomerID", CUSTOMER), one_required("Status", flag()) }), 10000),
    }),
    returns = NOTHING,
    example = { TimeStamp = "2018-03-01 10:30:00", CampaignID = 4621,
        PromosUpdated = { { CustomerID = "00000001", Status = true }, { CustomerID = "00000002", Status = false } } },
})
post("integrations", "SetCustomerChannelPreference", {
    write = "idempotent", summary = "Sets how up to 50,000 customers may be reached on a channel",
    params = join(required "ChannelID", {
        rows("CustomerIDs", CUSTOMER, 50000),
        one_required("CommunicationMode", whole "its values are not documented; the vendor's sample has 2"),
    }, fields "AppID"),
    returns = NOTHING,
    example = { ChannelID = 504, CustomerIDs = { "00000001", "00000002" }, CommunicationMode = 2 },
})
unknown("integrations", "ActivityEventList", "Lists the events of customers",
    "Activity Event List in the menu of the developer portal.")

-- Optimail ---------------------------------------------------------------------------------------

--- {Error: null}, or {Error: text} with 200.
local answers_error = envelope.error { field = "Error", message = "message" }
local EMAIL = text "an address"

get("optimail", "GetUnsubscribers", {
    paged = 10000, summary = "Lists who unsubscribed from a brand's mail",
    doc = "Without days: all. The largest page is 10,000.",
    params = join(required "BrandID", { as("StartDate", day "first day, included"),
        as("EndDate", day "last day, included") }),
    rules = SPAN, returns = list "Email UnsubscribedTime", example = with(MONTH, { BrandID = "1" }),
})
post("optimail", "AddUnsubscribers", {
    write = "idempotent", summary = "Unsubscribes up to 200 addresses from a brand's mail",
    doc = "At most 600 calls a minute and 10 at a time, together with DeleteUnsubscribers.",
    params = join(required "BrandId", { rows("EmailAddresses", EMAIL, 200) }),
    envelope = answers_error, returns = answer "Error",
    example = { BrandId = 1, EmailAddresses = { "customer1@example.com", "customer2@example.com" } },
})
post("optimail", "DeleteUnsubscribers", {
    write = "idempotent", key = "EmailAddress", summary = "Takes one address from the unsubscribed ones of a brand",
    doc = "404: no such brand. At most 600 calls a minute and 10 at a time, together with AddUnsubscribers.",
    params = join(required "BrandId", { one_required("EmailAddress", EMAIL) }),
    envelope = answers_error, returns = answer "Error",
    example = { BrandId = 1, EmailAddress = "gone1-1@example.com" },
})
post("optimail", "AddTemplate", {
    known = "c", write = "unsafe", summary = "Adds a mail template",
    doc = "The names of its parameters are not documented.", returns = "not documented",
})
post("optimail", "UpdateTemplate", {
    known = "c", write = "idempotent", summary = "Changes a mail template",
    doc = "The names of its parameters are not documented.", returns = "not documented",
})

-- Transactional mail -------------------------------------------------------------------------------

local MOST_BYTES = 50000

local function text_bytes(value)
    local _, short = value:gsub('["\\\b\f\n\r\t]', "")
    local _, long = value:gsub("[\0-\7\11\14-\31]", "")
    return #value + 2 + short + 5 * long
end

--- The size of a value as JSON.
local function json_bytes(value)
    if type(value) == "string" then return text_bytes(value) end
    if type(value) == "userdata" then return #"null" end
    if type(value) ~= "table" then return #tostring(value) end
    local bytes, count = 2, 0
    for key, inner in pairs(value) do
        bytes, count = bytes + json_bytes(inner), count + 1
        if type(key) == "string" then bytes = bytes + text_bytes(key) + 1 end
    end
    return bytes + math.max(count - 1, 0)
end

local function check_block(holder, prefix, fault)
    local bytes = holder.Personalizations == nil and 0 or json_bytes(holder.Personalizations)
    if bytes > MOST_BYTES then
        fault(prefix .. "Personalizations", ("%d bytes as JSON, at most %d are allowed"):format(bytes, MOST_BYTES))
    end
end

local function small_blocks(values, fault)
    check_block(values, "", fault)
    for i, recipient in ipairs(values.Recipients) do check_block(recipient, ("Recipients[%d]."):format(i), fault) end
end

local attachment = object({
    { "Content", type = "string", required = true, pattern = "^[%w+/]+=?=?$", pattern_doc = "Base64" },
    as("Type", text "its media type, like application/pdf"), one_required("FileName", text()),
})
local unique = { "UniqueMessageID", type = "string", min_length = 1, max_length = 254,
    doc = "of your making: the vendor sends each but once, and answers 409 when it did already; without it a send that "
        .. "may have arrived is not repeated" }
local personalizations = { "Personalizations", type = "any", doc = "values of tags, at most 50,000 bytes of JSON" }
local sent = envelope.error { field = "Error", ok = "IsSuccess", message = "message" }
local SENT = answer "IsSuccess SendID Error"

post("transactionalmail", "SendTransactionalMail", {
    known = "b", write = "keyed", key = "UniqueMessageID", repeated = 409,
    summary = "Sends a template to up to 200 recipients",
    doc = "Not counted by the limit of calls per hour; newer pages allow 10 calls a second. 206: sent, with tags that "
        .. "had no value, which Error names. Email is inferred from the other function; the names beside it and within "
        .. "Personalizations are not documented.",
    params = join(required "TemplateID", {
        rows("Recipients", { type = "object", open = true,
            fields = { one_required("Email", EMAIL), personalizations } }, 200),
        personalizations, { "Attachments", type = "list", of = attachment },
        { "ScheduleTime", type = "datetime", form = "sql", doc = "UTC; at once when absent" }, unique,
    }),
    rules = { { check = small_blocks, doc = "Personalizations has at most 50,000 bytes as JSON" } },
    envelope = sent, returns = SENT,
    example = { TemplateID = 1, Recipients = { { Email = "customer1@example.com" } }, UniqueMessageID = "order-4711" },
})
post("transactionalmail", "SendFinalizedTransactionalMail", {
    write = "keyed", key = "UniqueMessageID", repeated = 409,
    summary = "Sends a finished mail to up to 200 recipients",
    doc = "At most 10 calls at a time.",
    params = join(required "BrandID", {
        one_required("FromEmail", EMAIL), as("FromName", text()), as("ReplyTo", EMAIL), one_required("Subject", text()),
        as("Html", text()), as("PlainText", text()), rows("Recipients", object({ one_required("Email", EMAIL) }), 200),
        { "Attachments", type = "list", of = attachment }, unique,
    }),
    rules = { { any_of = { "Html", "PlainText" } } },
    envelope = sent, returns = SENT,
    example = { BrandID = 1, FromEmail = "news@example.com", FromName = "Shop", Subject = "Your order",
        PlainText = "It is on its way.", Recipients = { { Email = "customer1@example.com" } },
        UniqueMessageID = "order-4711" },
})
get("transactionalmail", "GetTemplateDetails", {
    summary = "Lists the transactional templates",
    returns = list "TemplateID TemplateName TemplateContent TemplateAttributes",
})
unknown("transactionalmail", "GetTransactionalTemplateMetrics", "Gets figures of a transactional template")
unknown("transactionalmail", "GetTransactionalUserMetrics", "Gets figures of the recipients of transactional mail")

-- Newer ones, outside the style of the others --------------------------------------------------------

post("triggers", "TriggersRegisterEventListener", {
    known = "c", post = "/Triggers/RegisterEventListener", write = "idempotent",
    summary = "Has events of triggers reported to an address",
    doc = "Its parameters are not documented, perhaps those of RegisterEventListener.", returns = "not documented",
    example = { EventTypeID = 11, ListenerURL = "https://listener.example.com/5f1c" },
})
post("triggers", "TriggersUnregisterEventListener", {
    known = "c", post = "/Triggers/UnregisterEventListener", write = "idempotent",
    summary = "Ends the reports of events of triggers",
    doc = "Its parameters are not documented, perhaps those of UnregisterEventListener.", returns = "not documented",
    example = { EventTypeID = 11 },
})
post("triggers", "SetTriggeredGateway", {
    known = "b", open = true, put = "/triggered_conditional_execution_gateway", write = "idempotent",
    summary = "Sets the address that clears triggered campaigns, one for the tenant",
    doc = "Optimove POSTs user {user_id, is_visitor} and campaign {id, series_id, notes, tags, action} there, and "
        .. "wants {user_id, allowed} back. The names of its own parameters are not documented.",
    returns = "not documented",
})
post("triggers", "ConditionalExecutionWebhooks", {
    known = "c", post = "/conditional-execution/v2/triggered/webhooks", write = "unsafe",
    summary = "Registers webhooks of conditional execution",
    doc = "The vendor has no function name for it; its parameters are not documented.", returns = "not documented",
})
post("triggers", "ConditionalExecutionApproval", {
    known = "c", post = "/conditional-execution/v2/triggered/approval", write = "unsafe",
    summary = "Approves what conditional execution asked for",
    doc = "The vendor has no function name for it; its parameters are not documented.", returns = "not documented",
})

-- The vendor -------------------------------------------------------------------------------------

--- 5xx answers that are no outage; that these are repeated at all is ours, as the waits are.
local FAULTS = { 500, 501, 505, 506, 507, 508, 509, 510, 511, 520, 521, 522, 523, 524, 525, 526 }

return vendor.define "optimove" {
    title = "Optimove API",
    summary = "campaigns, target groups and customers of one tenant: daily results to read, promotions, templates, "
        .. "metrics, attributes and transactional mail to write",
    source = { url = "https://developer.optimove.com/reference", read = "2026-11-21" },
    names = "any_case",
    settings = {
        { "server", type = "integer", min = 1, doc = "the X of https://apiX.optimove.net, from Optimove's support" },
        { "version", type = "enum", values = { "current", "none" }, default = "current",
            doc = "what stands before the paths: /current or nothing" },
        { "auth", type = "enum", values = { "api_key", "session" }, default = "api_key",
            doc = "session: user name and password, which the vendor ended in February 2024" },
        { "api_key", type = "secret", doc = "made in Optimove: Settings, General, API Key Management" },
        { "username", type = "string", sandbox = "sandbox", doc = "of a session" },
        { "password", type = "secret", doc = "of a session" },
        { "accept", type = "enum", values = { "json", "xml" }, default = "json",
            doc = "the form in which reading functions answer" },
        { "hourly_limit", type = "integer", min = 1, max = 10000000, default = 2000, lax = "above",
            doc = "calls in any hour" },
        { "burst_limit", type = "rate", also = { "off" }, default = "off",
            doc = "newer pages of the vendor have 50/10s for each key" },
    },
    base_url = "https://api{server}.optimove.net",
    prefix = { by = "version", current = "/current", none = "" },
    accept = setting "accept",
    auth = {
        key = {
            by = "auth",
            api_key = auth.header { name = "X-API-KEY", secret = "api_key" },
            session = auth.session {
                login = "Login", params = { Username = setting "username" }, header = "Authorization-Token",
                life = "20m", margin = "30s",
                expired = { status = 403, text = "Authorization-Token expired" },
            },
        },
        login = auth.body { field = "Password", secret = "password" },
    },
    limits = {
        { rate = setting "hourly_limit", per = "account", shape = "window", exempt = { "SendTransactionalMail" } },
        { rate = setting "burst_limit", per = "account", shape = "window", exempt = { "SendTransactionalMail" } },
        { rate = "1/s", per = "account", only = { "Login" } },
        { rate = "600/min", per = "account", shape = "window", only = { "AddUnsubscribers", "DeleteUnsubscribers" } },
    },
    retry = {
        { on = { 429 }, backoff = "exponential", base = "2s", max = "5m", jitter = "equal", retries = 50,
            total = "60m" },
        { on = { 502, 503, 504 }, backoff = "exponential", base = "2s", max = "5m", jitter = "equal", retries = 50,
            total = "60m", gate = true, only = "repeatable" },
        { on = FAULTS, backoff = "exponential", base = "2s", max = "5m", jitter = "equal", retries = 50,
            total = "60m", only = "repeatable" },
    },
    envelope = envelope.plain { message = "message", string_fails = true },
    endpoints = endpoints,
}
