-- Imports registrations of members for events into OmniSegment: one call per row, ten per second.
--
--   neap run omnisegment/import-event-registrations --sandbox \
--       --file scripts/omnisegment/samples/event-registrations.ndjson

return neap.import {
    into = "omnisegment.import_event_registration_data.data",
    summary = "Import a file of event registrations into OmniSegment",
}
