-- Sends the customers of an Optimove campaign to OPM: those of an action on a day, or those of a campaign on a
-- channel. A repeat leaves the same state.
--
--   neap run sync/optimove-to-opm --recipient-group 1 --action 1000200 --date 2018-03-01 --sandbox

--- What becomes of a customer: parameters of opm.entry (neap describe opm.entry). Behind the function of Optimove are
-- the attributes that it is asked for (neap call optimove GetCustomerAttributeList).
local MAP = neap.mapping {
    from = { "optimove.GetCustomersByAction", "Email", "MobileNumber", "FirstName", "LastName" },
    to = "opm.entry",
    { "customerId", from = "CustomerID" },
    { "customerEmail", from = "Email" },
    { "customerPhone", from = "MobileNumber" },
    { "customerFirstName", from = "FirstName" },
    { "customerLastName", from = "LastName" },
}

local customers = require "neap.recipes.optimove_customers"

return neap.workflow {
    summary = "Send the customers of an Optimove campaign to OPM",
    description = "Customers of --recipient-group, --action and --date; or of --campaign on --channel; or dead letters "
        .. "of an earlier run. The map at the beginning of the script says which attributes go where.",
    vendors = { "optimove", "opm" },
    args = {
        { "recipient_group", type = "integer", min = 0, max = 9, doc = "0 is the control group" },
        { "action", type = "integer", min = 0, doc = "ActionID" },
        { "date", type = "date", doc = "the day of execution" },
        { "campaign", type = "integer", min = 0, doc = "CampaignID" },
        { "channel", type = "integer", min = 0, doc = "ChannelID" },
        { "file", type = "path", doc = "dead letters of an earlier run; - is stdin" },
        { "skip", type = "integer", min = 0, doc = "customers of the list to leave out, to go on after an early end" },
        { "page_size", type = "integer", min = 1, max = 200000, default = 10000, doc = "customers asked for at once" },
        { "delimiter", values = { "comma", "colon", "semicolon", "tab" },
            doc = "between attributes where they come as one text; default comma" },
        { "concurrency", type = "integer", min = 1, max = 10000, default = 64, doc = "customers under way at once" },
        { "dead_letters", type = "path",
            doc = "default neap.dead.ndjson, or neap.dead-2.ndjson and so on if it is there; with --file "
                .. "FILE.dead.ndjson" },
    },
    run = function(ctx)
        local opm = ctx:vendor "opm"
        return customers.deliver(ctx, MAP, function(customer) return opm:entry(customer) end)
    end,
}
