-- Sends a file of events to OmniSegment, one call per row. An event that may have arrived is never sent
-- again, since a repeat counts twice: it is listed as unknown in the dead letters.
--
--   neap run omnisegment/track-events --file scripts/omnisegment/samples/events.ndjson --sandbox

return neap.workflow {
    summary = "Send a file of tracking events to OmniSegment",
    description = "Columns are parameters of the call (neap describe omnisegment.track_event).",
    args = {
        { "file", type = "path", required = true,
            doc = "NDJSON, CSV with a header row, or a dead-letter file; - is stdin" },
        { "concurrency", type = "integer", min = 1, max = 10000, default = 64, doc = "records under way at once" },
        { "dead_letters", type = "path", doc = "default FILE.dead.ndjson" },
    },
    run = function(ctx, args)
        local omni = ctx:vendor "omnisegment"
        return ctx:deliver(neap.records(args.file, omni.track_event), function(event)
            return omni:track_event(event)
        end)
    end,
}
