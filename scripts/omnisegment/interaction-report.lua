-- Orders an interaction report, waits until it is ready, and saves its file: one JSON object per line.
--
--   neap run omnisegment/interaction-report --start-date 2026-10-01 --end-date 2026-10-31 \
--       --out report.ndjson --sandbox --clock virtual

--- What to do about a report that did not become ready in time.
local function not_ready(err, id, seconds)
    if err.kind ~= "timeout" then return err end
    return neap.error.new {
        kind = "timeout", message = ("report %d was not ready after %g s"):format(id, seconds),
        hint = ("it may come yet: neap call omnisegment get_interaction_report report_id=%d shows its state and "
            .. "address; --give-up-after waits longer"):format(id),
    }
end

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
        assert(neap.can_save(args.out)) -- before anything is ordered
        local omni = ctx:vendor "omnisegment"
        local order = assert(omni:create_interaction_report {
            report_name = args.report_name, start_date = args.start_date, end_date = args.end_date,
        })
        if order == neap.null then return order end -- --dry-run: nothing was ordered
        local report, err = neap.poll({ every = args.poll_every, total = args.give_up_after }, function()
            local state = assert(omni:get_interaction_report { report_id = order.report_id })
            if state.status == "FAIL" then
                return nil, neap.error.new { kind = "rejected", message = ("report %d failed at the vendor")
                    :format(order.report_id) }
            end
            return state.status == "SUCCESS" and state
        end)
        if not report then error(not_ready(err, order.report_id, args.give_up_after), 0) end
        local saved = assert(neap.download(report.report_url, args.out))
        return { report_id = order.report_id, bytes = saved, out = args.out }
    end,
}
