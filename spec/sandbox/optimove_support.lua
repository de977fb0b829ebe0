--- What the specs of the Optimove simulator share: calls with a key, queries from tables, a good call of
-- every function.

require "spec.support.helper"
local json = require "neap.native.json"
local simulator = require "spec.support.simulator"

local support = { KEY = simulator.KEY, DATE = "2018-03-01", JSON = "application/json" }

---@class optimove_support.Driver
---@field simulator table
---@field sim table
local Driver = {}
Driver.__index = Driver

function support.new()
    local made = simulator.new "optimove"
    return setmetatable({ simulator = made, sim = made.sim }, Driver)
end

local function escape(text)
    return (tostring(text):gsub("[^%w$._-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- A query from a table, names sorted.
function support.query(args)
    local pairs_of = {}
    for name, value in pairs(args or {}) do pairs_of[#pairs_of + 1] = name .. "=" .. escape(value) end
    table.sort(pairs_of)
    return #pairs_of > 0 and "?" .. table.concat(pairs_of, "&") or ""
end

local function with_key(headers)
    local all = { ["X-API-KEY"] = support.KEY }
    for name, value in pairs(headers or {}) do all[name] = value end
    return all
end

--- Gets "area/Function" under /current with the key. `args` is a table or a raw query.
function Driver:get(path, args, headers)
    local query = type(args) == "string" and "?" .. args or support.query(args)
    return self.simulator:send("GET", "/current/" .. path .. query, { headers = with_key(headers) })
end

--- Gets the customers of an action that everybody has every day.
function Driver:by_action(more, headers)
    local args = { RecipientGroupID = 1, ActionID = 2, Date = support.DATE }
    for name, value in pairs(more or {}) do args[name] = value end
    return self:get("customers/GetCustomersByAction", args, headers)
end

--- Sends a body to "area/Function" under /current with the key.
function Driver:post(path, body, method)
    return self.simulator:send(method or "POST", "/current/" .. path, { headers = with_key(), json = body })
end

--- Any request, nothing added.
function Driver:send(method, target, opts) return self.simulator:send(method, target, opts) end

function Driver:login(body)
    return self.simulator:send("POST", "/current/general/login",
        { json = body or { Username = "sandbox", Password = support.KEY } })
end

--- Calls a function with a token.
function Driver:with_token(token, target)
    return self.simulator:send("GET", target or "/current/general/GetLastDataUpdate",
        { headers = { ["Authorization-Token"] = token } })
end

function Driver:snapshot(what) return self.sim:snapshot(what) end

function Driver:pass(seconds) self.simulator.clock = self.simulator.clock + seconds end

--- Compares an answer with a status and, if given, an exact body.
function support.check(status, text, res)
    assert(res.status == status, ("%s instead of %s: %s"):format(res.status, status, res.text:sub(1, 300)))
    assert(text == nil or res.text == text, ("%q instead of %q"):format(res.text:sub(1, 300), tostring(text)))
end

--- A refused parameter: 400 with plain text.
function support.refused(text, res)
    support.check(400, text, res)
    assert(res.headers["Content-Type"] == "text/plain; charset=utf-8")
end

--- One member of every row.
function support.column(name, rows)
    local list = {}
    for i, row in ipairs(rows) do list[i] = row[name] end
    return list
end

--- A list of `count` values.
function support.times(count, make)
    local list = json.array {}
    for i = 1, count do list[i] = make(i) end
    return list
end

--- Names of the members of an object, in the order of the text.
function support.members(text)
    local names = {}
    for name in text:gmatch '"([%w_]+)":' do names[#names + 1] = name end
    return names
end

local ENTITIES = { amp = "&", lt = "<", gt = ">", quot = '"', ["#13"] = "\r" }

local read_children

--- Reads the element at `at`. -> { name =, null =, text = or its children }, position behind it
local function read_element(text, at)
    local name, attributes, slash, first = text:match("^<([%w_]+)([^>]-)(/?)>()", at)
    assert(name, "no element at " .. text:sub(at, at + 40))
    local element = { name = name, null = attributes:find('i:nil="true"', 1, true) ~= nil }
    if slash == "/" then return element, first end
    local last
    if text:find("^<%a", first) then
        last = read_children(text, first, element)
    else
        element.text, last = text:match("^([^<]*)()", first)
        element.text = element.text:gsub("&([%w#]+);", ENTITIES)
    end
    local closing = "</" .. name .. ">"
    assert(text:sub(last, last + #closing - 1) == closing, "no end of " .. name)
    return element, last + #closing
end

function read_children(text, at, element)
    while text:find("^<%a", at) do
        element[#element + 1], at = read_element(text, at)
    end
    return at
end

--- Reads the XML of an answer; raises where it is not well-formed.
function support.xml(text)
    local declaration = '<?xml version="1.0" encoding="utf-8"?>'
    assert(text:sub(1, #declaration) == declaration, text:sub(1, 80))
    local root, last = read_element(text, #declaration + 1)
    assert(last == #text + 1, "something after the root")
    return root
end

--- Does an element say what a JSON value says?
function support.same_value(value, element)
    if value == json.null then return element.null end
    if type(value) ~= "table" then
        return (element.text or "") == (type(value) == "string" and value or json.encode(value))
    end
    if json.is_array(value) then
        for i, item in ipairs(value) do
            if not element[i] or not support.same_value(item, element[i]) then return false end
        end
        return #value == #element
    end
    local left = 0
    for _ in pairs(value) do left = left + 1 end
    for _, child in ipairs(element) do
        if value[child.name] == nil or not support.same_value(value[child.name], child) then return false end
    end
    return left == #element
end

local DATE = support.DATE

--- A good call of every function that is read: path, arguments, members of one record (or of the object).
support.READS = {
    { "general/GetLastDataUpdate", {}, "Date" },
    { "model/GetCustomerAttributeList", {}, "RealFieldName Description" },
    { "model/GetLifecycleStageList", {}, "StageID StageName" },
    { "model/GetMicrosegmentList", {}, "MicrosegmentID MicrosegmentName LifecycleStageID FutureValue ChurnRate" },
    { "model/GetMicrosegmentChangers", {}, "CustomerID InitialMicrosegmentID FinalMicrosegmentID" },
    { "actions/GetActionName", { ActionID = 7 }, "ActionName" },
    { "actions/GetActionID", { ActionName = "Daily newsletter" }, "ActionID" },
    { "actions/GetAllActions", {}, "ActionID ActionName" },
    { "actions/GetActionsByTargetGroup", { TargetGroupID = 1, Date = DATE }, "RecipientGroupID ActionID" },
    { "actions/GetActionDetailsByTargetGroup", { TargetGroupID = 1, Date = DATE },
        "RecipientGroupID ActionID Duration LeadTime ChannelID" },
    { "actions/GetPromoCodes", { Date = DATE }, "TargetGroupID RecipientGroupID ActionID PromoCode" },
    { "actions/GetPromoCodesByCampaign", { CampaignID = 1 }, "RecipientGroupID ActionID PromoCode" },
    { "actions/GetPromoCodesByTargetGroup", { TargetGroupID = 1, Date = DATE }, "RecipientGroupID ActionID PromoCode" },
    { "actions/GetExecutedCampaignDetails", { Date = DATE }, "CampaignID TargetGroupID CampaignType Duration "
        .. "LeadTime Notes IsMultiChannel IsRecurrence Status Error" },
    { "actions/GetCampaignDetails", { CampaignID = 1 }, "TargetGroupID CampaignType Duration LeadTime Notes "
        .. "IsMultiChannel IsRecurrence Status Error Tags Channels Id Name TestGroupSize ControlGroupSize" },
    { "actions/GetExecutionChannels", {}, "ChannelID ChannelName" },
    { "actions/GetExecutedCampaignsByChannel", { ChannelID = 504, Date = DATE }, "CampaignID" },
    { "actions/GetExecutedCampaignChannelDetails", { CampaignID = 1, ChannelID = 504 },
        "ListID SendID TemplateID ScheduledTime" },
    { "groups/GetTargetGroupName", { TargetGroupID = 1 }, "TargetGroupName" },
    { "groups/GetTargetGroupID", { TargetGroupName = "Active customers, group 1" }, "TargetGroupID" },
    { "groups/GetTargetGroupsByDate", { Date = DATE }, "TargetGroupID" },
    { "groups/GetTargetGroupDetails", {}, "TargetGroupID TargetGroupName TargetGroupPriority" },
    { "customers/GetCustomersByAction", { RecipientGroupID = 1, ActionID = 2, Date = DATE }, "CustomerID" },
    { "customers/GetCustomerActionsByTargetGroup",
        { TargetGroupID = 1, Date = DATE, IncludeRecipientGroupID = "true" },
        "CustomerID ActionID ChannelID RecipientGroupID" },
    { "customers/GetCustomerOneTimeActionsByDate", { Date = DATE }, "CustomerID ActionID ChannelID" },
    { "customers/GetCustomerOneTimeActionsByCampaign", { CampaignID = 1 },
        "CustomerID RecipientGroupID ActionID ChannelID" },
    { "customers/GetTargetGroupChangers", { StartDate = DATE, EndDate = DATE },
        "CustomerID InitialTargetGroupID FinalTargetGroupID" },
    { "customers/GetCustomerAttributeChangers", { ChangedCustomerAttribute = "Tier" },
        "CustomerID InitialCustomerAttribute FinalCustomerAttribute" },
    { "customers/GetCustomerFutureValues", { LifecycleStageID = 1 }, "CustomerID FutureValue" },
    { "customers/GetCustomerLastActionExecuted", { CustomerID = "00000001" }, "ActionID Date Duration TargetGroupID" },
    { "customers/GetCustomerActionDetailsByDate", { Date = DATE }, "CustomerID RecipientGroupID ActionID ChannelID" },
    { "customers/GetCustomersActionEndedByDate", { Date = DATE },
        "CustomerID ActionID ChannelID Date Duration TargetGroupID" },
    { "customers/GetCustomerSendDetailsByCampaign", { CampaignID = 1, IncludeTemplateIDs = "True" },
        "CustomerID ChannelID ScheduledTime SendID TemplateID" },
    { "customers/GetCustomerSendDetailsByChannel", { ChannelID = 504, CampaignID = 1 },
        "CustomerID TemplateID ScheduledTime" },
    { "customers/GetCustomerExecutionDetailsByCampaign", { CampaignID = 1, ChannelID = 504 },
        "CustomerID ActionID ChannelID TemplateID TemplateName ScheduleTime PromoCode" },
    { "customers/GetCurrentlyTargetedCustomers", {}, "CustomerID CampaignID ActionID StartDate EndDate" },
    { "customers/GetCustomerProductRecommendations", {}, "CustomerID ProductID RecommendationType ProductAttributes" },
    { "customers/GetCampaignInteractionCustomers", { Date = DATE }, "CustomerID CampaignID TemplateID" },
    { "customers/GetCustomerChannelInteractions",
        { CustomerID = "00000001", StartDate = "2025-01-01", EndDate = "2025-12-31" },
        "Date CampaignID RecipientGroupID ActionID ChannelID TemplateID EventID" },
    { "customers/00000001/Attributes", {}, "RealFieldName Alias FieldType Value" },
    { "segments/GetValueSegments", {}, "ValueSegmentName ValueSegmentID" },
    { "segments/GetValueSegmentName", { ValueSegmentID = 1 }, "ValueSegmentName" },
    { "segments/GetValueSegmentID", { ValueSegmentName = "vip" }, "ValueSegmentID" },
    { "segments/GetCustomersByValueSegment", { ValueSegmentID = 1, Date = DATE }, "CustomerID" },
    { "segments/GetValueSegmentChangers", { StartDate = DATE, EndDate = DATE },
        "CustomerID InitialValueSegmentID FinalValueSegmentID" },
    { "optimail/GetUnsubscribers", { BrandID = 1 }, "Email UnsubscribedTime" },
    { "transactionalmail/GetTemplateDetails", {}, "TemplateID TemplateName TemplateContent TemplateAttributes" },
}

local function list(...) return json.array { ... } end

--- A good call of every function that writes: path and query, body, status and body of the answer.
support.WRITES = {
    { "general/RegisterEventListener", { EventTypeID = 3, ListenerURL = "https://example.com/hook" } },
    { "general/UnregisterEventListener", { EventTypeID = 3 } },
    { "Triggers/RegisterEventListener", { EventTypeID = 3, ListenerURL = "https://example.com/hook" } },
    { "Triggers/UnregisterEventListener", { EventTypeID = 3 } },
    { "customers/AddCustomerAttribute", { Name = "Shoe", Type = "INT" } },
    { "customers/UpdateCustomerAttributes", { CustomerNewAttributesValuesList = list {
        CustomerID = "00000001", Attributes = list { RealFieldName = "Tier", Value = "Gold" },
    } } },
    { "integrations/AddPromotions", list { PromoCode = "A", PromotionName = "Ten off" } },
    { "integrations/DeletePromotions", list { PromoCode = "A" } },
    { "integrations/AddChannelTemplates?ChannelID=504", list { TemplateID = 1, TemplateName = "One" } },
    { "integrations/DeleteChannelTemplates", list { ChannelID = 504, TemplateID = 1 } },
    { "integrations/AddChannelApps?ChannelID=506", list { AppID = "app", AppName = "App" } },
    { "integrations/DeleteChannelApps", list { ChannelID = 506, AppID = "app" } },
    { "integrations/UpdateCampaignMetrics",
        list { ChannelID = 504, CampaignID = 1, TemplateID = 1, MetricID = 9, MetricValue = 3 } },
    { "integrations/UpdateCampaignInteractions", { CampaignID = 1, ChannelID = 504, InteractionDate = DATE,
        TemplateID = 1, EventID = 2, CustomerIDs = list "00000001" } },
    { "integrations/UpdateCustomerPromotionStatus", { CampaignID = 1, TimeStamp = "2018-03-01 10:00:00",
        PromosUpdated = list { CustomerID = "00000001", Status = true } } },
    { "integrations/SetCustomerChannelPreference",
        { ChannelID = 504, CustomerIDs = list "00000001", CommunicationMode = 2 } },
    { "optimail/AddUnsubscribers", { BrandId = 1, EmailAddresses = list "a@example.com" } },
    { "optimail/DeleteUnsubscribers", { BrandId = 1, EmailAddress = "a@example.com" } },
    { "transactionalmail/SendTransactionalMail",
        { TemplateID = 1, Recipients = list { Email = "a@example.com" } } },
    { "transactionalmail/SendFinalizedTransactionalMail",
        { BrandID = 1, Subject = "Hello", Html = "<p>Hello</p>", Recipients = list { Email = "a@example.com" } } },
}

return support
