-- Orders an interaction report, waits until it is ready, and saves its file: one JSON object per line.
--
--   neap run omnisegment/interaction-report --start-date 2026-10-01 --end-date 2026-10-31 \
--       --out report.ndjson --sandbox --clock virtual

return neap.report {
    of = "omnisegment.create_interaction_report",
    summary = "Create an OmniSegment interaction report and save its file",
    defaults = { report_name = "neap" },
}
