-- Creates or updates customers at OPM from a file, one call per row. Each needs an e-mail or a phone.
--
--   neap run opm/sync-customers --file scripts/opm/samples/customers.csv --sandbox

return neap.workflow {
    summary = "Create or update OPM customers from a file",
    description = "Columns are parameters of the call (neap describe opm.entry).",
    args = {
        { "file", type = "path", required = true,
            doc = "CSV with a header row, NDJSON, or a dead-letter file; - is stdin" },
        { "concurrency", type = "integer", min = 1, max = 10000, default = 64, doc = "records under way at once" },
        { "dead_letters", type = "path", doc = "default FILE.dead.ndjson" },
    },
    run = function(ctx, args)
        local opm = ctx:vendor "opm"
        return ctx:deliver(neap.records(args.file, opm.entry), function(customer)
            return opm:entry(customer)
        end)
    end,
}
