-- Orders a report of tracking events, waits until it is ready, and saves its file: CSV.
--
--   neap run omnisegment/tracking-event-report --start-date 2026-10-01 --end-date 2026-10-31 \
--       --out events.csv --sandbox --clock virtual

return neap.report {
    of = "omnisegment.create_tracking_event_report",
    summary = "Create an OmniSegment tracking event report and save its file",
    defaults = { report_name = "neap" },
}
