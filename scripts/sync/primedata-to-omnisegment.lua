-- Sends events of PrimeData's profiles to OmniSegment: those that the maps below name become orders, events of
-- visitors, or both. Orders may be sent again, events of visitors may not: each counts.
--
--   neap run sync/primedata-to-omnisegment --file scripts/sync/samples/identities.csv --since 2023-02-10 --sandbox

--- What becomes of an event, by its name: members of the event (neap describe primedata.list_events) to fields of an
-- order (neap describe omnisegment.import_purchase_data), to parameters of omnisegment.track_event. Events without a
-- map are counted, and left out.
local MAPS = {
    orders = {
        OrderCompleted = neap.mapping {
            from = "primedata.list_events", to = "omnisegment.import_purchase_data.data",
            { "transaction_id", from = "properties.order_id" },
            { "member_sn", from = "properties.customer_id" },
            { "datetime", from = "properties.order_date" },
            { "transaction_revenue", from = "properties.order_revenue" },
            { "source", constant = "primedata" },
        },
    },
    events = {
        BookingCompleted = neap.mapping {
            from = "primedata.list_events", to = "omnisegment.track_event",
            { "client_id", from = "profile_id" },
            { "uid", from = "properties.customer_id" },
            { "hit_type", constant = "event" },
            { "event_action", from = "event_name" },
            { "event_value", from = "properties", cast = "string" },
        },
        ProductViewed = neap.mapping {
            from = "primedata.list_events", to = "omnisegment.track_event",
            { "client_id", from = "profile_id" },
            { "uid", from = "properties.customer_id" },
            { "hit_type", constant = "pageview" },
            { "products", with = function(event) -- the event has no name of the product
                local id = event.properties.product_id
                return id and { { id = id, name = id } }
            end },
        },
    },
}

local primedata_events = require "neap.recipes.primedata_events"

--- Makes the calls of an event. A repeat begins with the order, which may be sent again.
local function send(omni, event, options)
    local to_order, to_event = MAPS.orders[event.event_name], MAPS.events[event.event_name]
    local done, err
    if to_order then
        local order
        order, err = to_order(event)
        if not order then return nil, err end
        done, err = omni:import_purchase_data {
            data = order, identifier_field = options.identifier_field, debug_mode = options.debug_mode,
        }
        if done == nil or not to_event then return done, err end
    end
    local params
    params, err = to_event(event)
    if not params then return nil, err end
    return omni:track_event(params)
end

--- How to go on: dead letters have all that was not delivered, also the rows of a file that were not read. Of
-- those nobody knows yet from when on.
local function resume(events, args)
    local span = ""
    for _, name in ipairs { "since", "until" } do
        if args[name] then span = ("%s --%s %s"):format(span, name, args[name]) end
    end
    return function(summary)
        local parts = {}
        if summary.dead_letters then parts[1] = "--file " .. summary.dead_letters .. span end
        if events.rows.is_stream and not events.is_read then
            parts[#parts + 1] = ("the rows after line %d"):format(events.line)
        end
        if summary.unknown > 0 then parts[#parts + 1] = "events whose outcome is unknown may count twice then" end
        return parts[1] and table.concat(parts, "; ")
    end
end

return neap.workflow {
    summary = "Send events of PrimeData profiles to OmniSegment",
    description = "Orders and events of visitors, as the maps at the beginning of the script say. Dead letters are "
        .. "events, and rows of --file that were not read to their end; given as --file they send what is missing.",
    vendors = { "primedata", "omnisegment" },
    args = {
        { "file", type = "path", required = true,
            doc = "CSV or NDJSON with the column profile_id, or with names of identities; dead letters; - is stdin" },
        { "since", type = "datetime", date_only = true, doc = "only events from then on; without a zone: UTC" },
        { "until", type = "datetime", date_only = true, doc = "only events before that; without a zone: UTC" },
        { "identifier_field", values = { "line_id", "phone", "email", "messenger_psid" },
            doc = "the field of an order that finds its member; member_sn when absent" },
        { "debug_mode", values = { 0, 1 }, doc = "1: orders are checked at once, and faults told; for test runs" },
        { "batch", type = "boolean", default = true, doc = "one order per call; else up to 50" },
        { "concurrency", type = "integer", min = 1, max = 10000, default = 64, doc = "events under way at once" },
        { "dead_letters", type = "path", doc = "default FILE.dead.ndjson" },
    },
    run = function(ctx, args)
        local omni = ctx:vendor "omnisegment"
        local events = primedata_events.open(ctx:vendor "primedata", neap.records(args.file), {
            since = args.since, till = args["until"],
            is_wanted = function(name) return MAPS.orders[name] ~= nil or MAPS.events[name] ~= nil end,
        })
        return ctx:deliver(events, function(event) return send(omni, event, args) end,
            { batch = args.batch and not ctx.dry_run, resume = resume(events, args) })
    end,
}
