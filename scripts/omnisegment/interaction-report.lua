-- Orders an interaction report, waits until it is ready, and saves its file: one JSON object per line.
--
--   neap run omnisegment/interaction-report --start-date 2026-10-01 --end-date 2026-10-31 \
--       --out report.ndjson --sandbox --clock virtual

return neap.workflow {
    summary = "Create an OmniSegment interaction report and save its file",
    args = {
        { "start_date", type = "date", required = true, doc = "first day of the span" },
        { "end_date", type = "date", required = true, doc = "last day; the span is at most 31 days" },
        { "out", type = "path", required = true, doc = "NDJSON file to write, whole or not at all; - is stdout" },
        { "report_name", type = "string", default = "neap", doc = "name shown by the vendor" },
        { "poll_every", type = "duration", default = "30s", doc = "between questions whether it is ready" },
        { "give_up_after", type = "duration", default = "2h", doc = "then the report counts as never ready" },
    },
    run = function(ctx, args)
        local omni = ctx:vendor "omnisegment"
        local order = assert(omni:create_interaction_report {
            report_name = args.report_name, start_date = args.start_date, end_date = args.end_date,
        })
        if order == neap.null then return order end -- --dry-run: nothing was ordered
        local report = assert(neap.poll({ every = args.poll_every, total = args.give_up_after }, function()
            local state = assert(omni:get_interaction_report { report_id = order.report_id })
            if state.status == "FAIL" then
                return nil, neap.error.new { kind = "rejected", message = ("report %d failed at the vendor")
                    :format(order.report_id) }
            end
            return state.status == "SUCCESS" and state
        end))
        local saved = assert(neap.download(report.report_url, args.out))
        return { report_id = order.report_id, bytes = saved, out = args.out }
    end,
}
