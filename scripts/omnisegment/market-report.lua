-- Shows what was sent in each channel in a span of days, and what it cost.
--
--   neap run omnisegment/market-report --start-date 2026-10-01 --end-date 2026-10-31 --sandbox

return neap.workflow {
    summary = "Show what OmniSegment messages were sent and what they cost",
    vendors = { "omnisegment" },
    args = {
        { "start_date", type = "date", unpadded = true, required = true, doc = "first day of the span" },
        { "end_date", type = "date", unpadded = true, required = true, doc = "last day of the span" },
    },
    run = function(ctx, args)
        return ctx:vendor("omnisegment"):show_market_report {
            data = { start_date = args.start_date, end_date = args.end_date },
        }
    end,
}
