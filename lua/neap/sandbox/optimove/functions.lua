--- The functions of the Optimove simulator: area, method, parameters, what makes the answer. Read from the
-- vendor's pages; nothing here comes from the definition.
--
-- A parameter is "Name! type" (required) or "Name type"; types are in types.lua. Every function takes
-- CustomerAttributes; `attributes` says whose answer has them.

local customers = require "neap.sandbox.optimove.customers"
local changes = require "neap.sandbox.optimove.changes"
local customer = require "neap.sandbox.optimove.customer"
local integrations = require "neap.sandbox.optimove.integrations"
local listeners = require "neap.sandbox.optimove.listeners"
local mail = require "neap.sandbox.optimove.mail"
local plans = require "neap.sandbox.optimove.plans"
local reply = require "neap.sandbox.optimove.reply"
local session = require "neap.sandbox.optimove.session"
local types = require "neap.sandbox.optimove.types"
local updates = require "neap.sandbox.optimove.updates"

local list, object = types.list, types.object

local M = {}

--- By lower-case path; names of all, sorted.
local BY_PATH = {}
M.names = {}

local function add(method, area, name, query, run, more)
    local entry = {}
    for field, value in pairs(more or {}) do entry[field] = value end
    entry.method, entry.name, entry.query, entry.run = method, name, types.fields(query), run
    local path = (area and area .. "/" or "") .. (entry.path or name)
    BY_PATH[path:lower()] = entry
    M.names[#M.names + 1] = name
    return entry
end

local function get(area, name, query, run, more) return add("GET", area, name, query, run, more) end

--- A function with a body: an object, or a list of 1 to `more.max` of it.
local function write(method, area, name, fields, run, more)
    local entry = add(method, area, name, more and more.query or {}, run, more)
    entry.takes_list = entry.max ~= nil
    entry.body = entry.takes_list and list(object(fields), entry.max) or object(fields)
end

local function post(area, name, fields, run, more) write("POST", area, name, fields, run, more) end

local PAGED = { paged = true }
local CUSTOMERS = { paged = true, attributes = true }

get("general", "GetLastDataUpdate", {}, plans.last_update)
get("general", "GetRegisteredEventListeners", {}, listeners.registered)
post("general", "Login", { "Username! string", "Password! string" }, session.login, { open = true })

local REGISTER = { { "EventTypeID!", listeners.type }, "ListenerURL! string", "ChannelID integer" }
local UNREGISTER = { { "EventTypeID!", listeners.type }, "ChannelID integer" }

post("general", "RegisterEventListener", REGISTER, listeners.register)
post("general", "UnregisterEventListener", UNREGISTER, listeners.unregister)
post("Triggers", "TriggersRegisterEventListener", REGISTER, listeners.register, { path = "RegisterEventListener" })
post("Triggers", "TriggersUnregisterEventListener", UNREGISTER, listeners.unregister,
    { path = "UnregisterEventListener" })

get("model", "GetCustomerAttributeList", {}, plans.attributes)
get("model", "GetLifecycleStageList", {}, plans.stages)
get("model", "GetMicrosegmentList", {}, plans.microsegments)
get("model", "GetMicrosegmentChangers", { "StartDate date", "EndDate date" }, changes.microsegment, CUSTOMERS)

local GROUP_AND_DATE = { "TargetGroupID! integer", "Date! date" }

get("actions", "GetActionName", { "ActionID! integer" }, plans.action_name)
get("actions", "GetActionID", { "ActionName! string" }, plans.action_id)
get("actions", "GetAllActions", {}, plans.actions)
get("actions", "GetActionsByTargetGroup", GROUP_AND_DATE, plans.actions_by_target_group)
get("actions", "GetActionDetailsByTargetGroup", GROUP_AND_DATE, plans.action_details)
get("actions", "GetPromoCodes", { "Date! date" }, plans.promo_codes)
get("actions", "GetPromoCodesByCampaign", { "CampaignID! integer" }, plans.promo_codes_by_campaign)
get("actions", "GetPromoCodesByTargetGroup", GROUP_AND_DATE, plans.promo_codes_by_target_group)
get("actions", "GetExecutedCampaignDetails", { "Date! date" }, plans.executed_campaigns)
get("actions", "GetCampaignDetails", { "CampaignID! integer" }, plans.campaign)
get("actions", "GetExecutionChannels", {}, plans.channels)
get("actions", "GetExecutedCampaignsByChannel", { "ChannelID! integer", "Date! date" }, plans.campaigns_by_channel)
get("actions", "GetExecutedCampaignChannelDetails", { "CampaignID! integer", "ChannelID! integer" },
    plans.campaign_channel)

get("groups", "GetTargetGroupName", { "TargetGroupID! integer" }, plans.target_group_name)
get("groups", "GetTargetGroupID", { "TargetGroupName! string" }, plans.target_group_id)
get("groups", "GetTargetGroupsByDate", { "Date! date" }, plans.target_groups_by_date)
get("groups", "GetTargetGroupDetails", {}, plans.target_groups)

local SPAN = { "StartDate! date", "EndDate! date" }

get("customers", "GetCustomersByAction", { "RecipientGroupID! rgid", "ActionID! integer", "Date! date" },
    customers.by_action, CUSTOMERS)
get("customers", "GetCustomerActionsByTargetGroup",
    { "TargetGroupID! integer", "Date! date", "ChannelID integer", "IncludeControlGroup boolean",
        "IncludeRecipientGroupID boolean" }, customers.by_target_group, CUSTOMERS)
BY_PATH["segments/getcustomeronetimeactionsbydate"] = -- as the seed's example has it
    get("customers", "GetCustomerOneTimeActionsByDate", { "Date! date", "IncludeControlGroup boolean" },
        customers.one_time_by_date, CUSTOMERS)
get("customers", "GetCustomerOneTimeActionsByCampaign",
    { "CampaignID! integer", "IncludeControlGroup boolean", "ChannelID integer" },
    customers.one_time_by_campaign, CUSTOMERS)
get("customers", "GetTargetGroupChangers", SPAN, changes.target_group, CUSTOMERS)
get("customers", "GetCustomerAttributeChangers", { "ChangedCustomerAttribute! string" }, changes.attribute, CUSTOMERS)
get("customers", "GetCustomerFutureValues",
    { "LifecycleStageID integers", "CustomerAttribute string", "CustomerAttributeValue string" },
    customers.future_values, PAGED)
get("customers", "GetCustomerLastActionExecuted", { "CustomerID! string" }, customer.last_action)
get("customers", "GetCustomerActionDetailsByDate", { "Date! date" }, customers.action_details, PAGED)
get("customers", "GetCustomersActionEndedByDate", { "Date! date" }, customers.ended, PAGED)
get("customers", "GetCustomerSendDetailsByCampaign", { "CampaignID! integer", "IncludeTemplateIDs boolean" },
    customers.sends_by_campaign, PAGED)
get("customers", "GetCustomerSendDetailsByChannel", { "ChannelID! integer", "CampaignID! integer" },
    customers.sends_by_channel, CUSTOMERS)
get("customers", "GetCustomerExecutionDetailsByCampaign", { "CampaignID! integer", "ChannelID integer" },
    customers.executions, CUSTOMERS)
get("customers", "GetCurrentlyTargetedCustomers", {}, customers.targeted, PAGED)
get("customers", "GetCanceledCampaignCustomers", { "CampaignID! integer" }, customers.canceled, PAGED)
get("customers", "GetProcessedCampaignCustomers", { "CampaignID! integer" }, customers.processed, PAGED)
get("customers", "GetCustomerProductRecommendations",
    { "ProductAttributes names", "SuggestedInCampaign boolean", "StartDate date", "EndDate date",
        "CustomerID string" }, customers.recommendations, PAGED)
get("customers", "GetCampaignInteractionCustomers", { "ChannelID integer", "EventID integer", "Date date" },
    customers.interactions, PAGED)
get("customers", "GetCustomerChannelInteractions",
    { "CustomerID! string", "StartDate! date", "EndDate! date", "ChannelID integer" },
    customer.channel_interactions, PAGED)

local VALUES = { { "RealFieldName!", types.string }, { "Value", types.value } }

post("customers", "AddCustomerAttribute",
    { "Name! string", "Type! string", "DefaultValue value", "CallbackURL string" }, updates.add_attribute)
post("customers", "UpdateCustomerAttributes", {
    { "CustomerNewAttributesValuesList!", list(object {
        "CustomerID! string", { "Attributes!", list(object(VALUES), 10) },
    }, 1000) },
    "CallbackURL string",
}, updates.attributes)
write("PUT", "customers", "UpsertCustomer",
    { "CustomerId! string", { "Attributes", list(object(VALUES), 1000, 0) }, "CallbackUrl string" }, updates.upsert)

get("segments", "GetValueSegments", {}, plans.segments)
get("segments", "GetValueSegmentName", { "ValueSegmentID! integer" }, plans.segment_name)
get("segments", "GetValueSegmentID", { "ValueSegmentName! string" }, plans.segment_id)
get("segments", "GetCustomersByValueSegment", { "ValueSegmentID! integer", "Date! date" }, customers.by_segment,
    CUSTOMERS)
get("segments", "GetValueSegmentChangers", SPAN, changes.value_segment, CUSTOMERS)

local CHANNEL = { "ChannelID! integer" }

post("integrations", "AddPromotions", { "PromoCode! string", "PromotionName! string" }, integrations.add_promotions,
    { max = 100 })
get("integrations", "GetPromotions", {}, integrations.promotions)
post("integrations", "DeletePromotions", { "PromoCode! string" }, integrations.delete_promotions, { max = 100 })
post("integrations", "AddChannelTemplates", { "TemplateID! integer", "TemplateName! string", "AppID id" },
    integrations.add_templates, { max = 100, query = CHANNEL })
get("integrations", "GetChannelTemplates", CHANNEL, integrations.templates)
get("integrations", "GetChannelTemplateDetails", { "ChannelID! integer", "TemplateID! integer" },
    integrations.template_details)
post("integrations", "DeleteChannelTemplates", { "ChannelID! integer", "TemplateID! integer" },
    integrations.delete_templates, { max = 100 })
post("integrations", "AddChannelApps", { "AppID! id", "AppName! string" }, integrations.add_apps,
    { max = 100, query = CHANNEL })
post("integrations", "DeleteChannelApps", { "ChannelID! integer", "AppID! id" }, integrations.delete_apps,
    { max = 100 })
post("integrations", "UpdateCampaignMetrics", {
    "ChannelID! integer", "CampaignID! integer", "TemplateID! integer",
    { "MetricID!", types.code(0, 1, 2, 3, 4, 5, 6, 9) }, "MetricValue! double",
}, integrations.add_metrics, { max = 100 })
post("integrations", "UpdateCampaignInteractions", {
    "CampaignID! integer", "ChannelID! integer", "InteractionDate! date", "TemplateID integer",
    { "EventID!", types.code(2, 3, 4, 5, 6, 7) }, "RecipientGroupID rgid",
    { "CustomerIDs!", list(types.string, 10000) }, "AppID id",
}, integrations.add_interactions)
post("integrations", "UpdateCustomerPromotionStatus", {
    "TimeStamp datetime", "CampaignID! integer",
    { "PromosUpdated!", list(object { "CustomerID! string", "Status! boolean" }, 10000) },
}, integrations.set_promotion_status)
post("integrations", "SetCustomerChannelPreference", {
    "ChannelID! integer", { "CustomerIDs!", list(types.string, 50000) }, "CommunicationMode! integer", "AppID id",
}, integrations.set_preference)

get("optimail", "GetUnsubscribers", { "BrandID! id", "StartDate date", "EndDate date" }, mail.unsubscribers,
    { paged = true, max_page = 10000 })
post("optimail", "AddUnsubscribers", { "BrandId! id", { "EmailAddresses!", list(types.string, 200) } },
    mail.add_unsubscribers)
post("optimail", "DeleteUnsubscribers", { "BrandId! id", "EmailAddress! string" }, mail.delete_unsubscriber)

local FINAL_RECIPIENT = object { "Email! string" }

--- Values of tags, for all recipients or for one: their form is not known.
local PERSONALIZATIONS = { "Personalizations", types.limited(types.any, 50000) }

--- A recipient of SendTransactionalMail: the names are a guess, so a bare address will do.
local FULL_RECIPIENT = object { "Email! string", PERSONALIZATIONS }
local RECIPIENT = { wanted = "a recipient", json = function(value, name)
    if type(value) ~= "string" then return FULL_RECIPIENT.json(value, name) end
    return value ~= "" and { Email = value } or nil, ("Invalid parameter %s: expected a recipient"):format(name)
end }

post("transactionalmail", "SendTransactionalMail", {
    "TemplateID! integer", { "Recipients!", list(RECIPIENT, 200) },
    PERSONALIZATIONS, { "Attachments", types.any }, "ScheduleTime datetime",
    { "UniqueMessageID", types.short(254) },
}, mail.send, { exempt = true })
post("transactionalmail", "SendFinalizedTransactionalMail", {
    "BrandID! id", "FromEmail string", "FromName text", "ReplyTo string", "Subject text", "Html text",
    "PlainText text", { "Recipients!", list(FINAL_RECIPIENT, 200) },
    { "Attachments", list(object { "Content! string", "Type! string", "FileName! string" }, 1000, 0) },
    { "UniqueMessageID", types.short(254) },
}, mail.send_finalized)
get("transactionalmail", "GetTemplateDetails", {}, mail.templates)

write("PUT", nil, "SetTriggeredGateway", {}, integrations.set_gateway,
    { path = "triggered_conditional_execution_gateway", free = true })

-- Functions of which only the path is known: whatever comes in is valid, and there is no data.

local function nothing_known(_, call)
    if call.entry.method == "GET" then return reply.rows(call, "Item", {}, {}) end
    return reply.nothing()
end

for _, name in ipairs {
    "GetCustomerProductDetailsByDate", "GetCustomerProductDetailsByCampaign", "GetCustomersActivityEventAttributes",
} do get("customers", name, {}, nothing_known, PAGED) end

write("POST", "customers", "RemoveCustomerPII", {}, nothing_known, { free = true })
write("POST", "optimail", "AddTemplate", {}, nothing_known, { free = true })
write("POST", "optimail", "UpdateTemplate", {}, nothing_known, { free = true })
for name, path in pairs { ConditionalExecutionWebhooks = "webhooks", ConditionalExecutionApproval = "approval" } do
    write("POST", "conditional-execution/v2/triggered", name, {}, nothing_known, { path = path, free = true })
end

local ATTRIBUTES = { method = "GET", name = "GetCustomerAttributes", query = {}, run = customer.attributes }
M.names[#M.names + 1] = ATTRIBUTES.name

table.sort(M.names)

local function unescape(text)
    return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- Finds the function of a path, whatever the method. -> entry, is the path /current/..., path parameters
---@param path string
function M.find(path)
    local rest, is_current = path:lower():match "^/current(/.*)$", true
    if not rest then rest, is_current = path:lower(), false end
    local entry = BY_PATH[rest:sub(2)]
    if entry then return entry, is_current, {} end
    if rest:find "^/customers/[^/]+/attributes$" then
        local id = path:sub(#path - #rest + 1):match "^/[^/]+/([^/]+)/"
        return ATTRIBUTES, is_current, { CustomerID = unescape(id) }
    end
end

return M
