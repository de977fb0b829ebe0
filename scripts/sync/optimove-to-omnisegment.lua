-- Tags the customers of an Optimove campaign in OmniSegment: those of an action on a day, or those of a campaign
-- on a channel. 50 travel in a call, as in omnisegment/import-audience --batch. A repeat leaves the same state.
--
--   neap run sync/optimove-to-omnisegment --recipient-group 1 --action 1000200 --date 2018-03-01 --tag spring --sandbox

--- What becomes of a customer: fields of a member of OmniSegment (neap describe omnisegment.import_audience), to which
-- the tags are added. Behind the function of Optimove are the attributes that it is asked for (neap call optimove
-- GetCustomerAttributeList).
local MAP = neap.mapping {
    from = { "optimove.GetCustomersByAction", "Email", "FirstName", "LastName" },
    to = "omnisegment.import_audience.data",
    { "member_sn", from = "CustomerID" },
    { "email", from = "Email" },
    { "first_name", from = "FirstName" },
    { "last_name", from = "LastName" },
}

local customers = require "neap.recipes.optimove_customers"

--- Raises where the map lacks the field that finds members: every record would be refused.
local function check_key(key)
    for _, target in ipairs(MAP.targets) do
        if target == key then return end
    end
    neap.error.raise("invalid", "--merge-key %s: the map of the script has no %q", key, key)
end

return neap.workflow {
    summary = "Tag the customers of an Optimove campaign in OmniSegment",
    description = "Customers of --recipient-group, --action and --date; or of --campaign on --channel; or dead letters "
        .. "of an earlier run. The map at the beginning of the script says which attributes go where.",
    vendors = { "optimove", "omnisegment" },
    args = {
        { "recipient_group", type = "integer", min = 0, max = 9, doc = "0 is the control group" },
        { "action", type = "integer", min = 0, doc = "ActionID" },
        { "date", type = "date", doc = "the day of execution" },
        { "campaign", type = "integer", min = 0, doc = "CampaignID" },
        { "channel", type = "integer", min = 0, doc = "ChannelID" },
        { "file", type = "path", doc = "dead letters of an earlier run; - is stdin" },
        { "tag", type = "list", of = { type = "string", min_length = 1 }, required = true,
            doc = "is added to the tags of each; may be repeated" },
        { "merge_key", values = { "member_sn", "line_id", "email", "phone", "messenger_psid" }, default = "member_sn",
            doc = "the field that finds the member; the map has to have it" },
        { "ignore_empty_value", type = "boolean", default = true,
            doc = "an empty value clears the stored one; else it leaves it alone" },
        { "skip", type = "integer", min = 0, doc = "customers of the list to leave out, to go on after an early end" },
        { "page_size", type = "integer", min = 1, max = 200000, default = 10000, doc = "customers asked for at once" },
        { "delimiter", values = { "comma", "colon", "semicolon", "tab" },
            doc = "between attributes where they come as one text; default comma" },
        { "batch", type = "boolean", default = true, doc = "one member per call; else up to 50" },
        { "concurrency", type = "integer", min = 1, max = 10000, default = 64,
            doc = "customers, or batches, under way at once" },
        { "dead_letters", type = "path",
            doc = "default neap.dead.ndjson, or neap.dead-2.ndjson and so on if it is there; with --file "
                .. "FILE.dead.ndjson" },
    },
    run = function(ctx, args)
        check_key(args.merge_key)
        local omni, tags = ctx:vendor "omnisegment", table.concat(args.tag, ",")
        return customers.deliver(ctx, MAP, function(member)
            member.tags = member.tags and member.tags .. "," .. tags or tags
            return omni:import_audience {
                data = member, merge_key = args.merge_key, ignore_empty_value = args.ignore_empty_value,
                tag_mode = "append",
            }
        end, { batch = args.batch and not ctx.dry_run })
    end,
}
