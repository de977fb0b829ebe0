-- Sends a file of events to OmniSegment, one call per row. An event that may have arrived is never sent
-- again, since a repeat counts twice: it is listed as unknown in the dead letters.
--
--   neap run omnisegment/track-events --file scripts/omnisegment/samples/events.ndjson --sandbox

return neap.import {
    into = "omnisegment.track_event",
    summary = "Send a file of tracking events to OmniSegment",
}
