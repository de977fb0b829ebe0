-- Has Optimove report its events to an address. A type that is registered already gets the new address.
--
--   neap run optimove/register-listeners --url https://listener.example.com/5f1c --sandbox

--- Types of events that come from one channel.
local OF_CHANNELS = { [11] = true, [13] = true }

return neap.workflow {
    summary = "Have Optimove report its events to an address",
    description = "Types of events: 1 a campaign was processed, 2 all campaigns of the day were, 3 the daily process "
        .. "is over, 4 a processed campaign was cancelled, 5 a conditional campaign waits for clearance, 11 somebody "
        .. "met a real-time trigger, 13 a campaign was executed on one channel. Prints a line for each.",
    vendors = { "optimove" },
    args = {
        { "url", type = "url", required = true, doc = "hard to guess, as Optimove signs nothing" },
        { "events", type = "list", of = { values = { 1, 2, 3, 4, 5, 11, 13 } }, join = ",", min = 1,
            default = { 1, 2, 3, 4, 5, 13 }, doc = "types, joined by commas, or repeated" },
        { "channel", type = "integer", min = 0, doc = "of types 11 and 13 only those of this channel" },
    },
    run = function(ctx, args)
        local optimove = ctx:vendor "optimove"
        for event in args.events:gmatch "%d+" do
            local listener = { EventTypeID = math.tointeger(event), ListenerURL = args.url }
            if OF_CHANNELS[listener.EventTypeID] then listener.ChannelID = args.channel end
            assert(optimove:RegisterEventListener(listener))
            print(neap.json.encode(listener, { sorted = true }))
        end
    end,
}
