-- luacheck: globals neap
-- Saves the records of hostile.list or hostile.wrapped, as recipes do.
return neap.workflow {
    vendors = { "hostile" },
    args = {
        { "endpoint", values = { "list", "wrapped" }, default = "list" }, { "kind", type = "string" },
        { "at", type = "integer" }, { "out", type = "path", required = true },
    },
    run = function(ctx, args)
        local records = ctx:vendor("hostile"):each(args.endpoint, { kind = args.kind, at = args.at })
        return neap.export.write(records, { out = args.out })
    end,
}
