-- Saves the profiles of a file of ids, one call per row, in the order of the file. The column profile_id is
-- PrimeData's id; all others are names of identities, such as phone_number or email. Rows that lead to no
-- profile become dead letters.
--
--   neap run primedata/export-profiles --file scripts/primedata/samples/ids.csv --out profiles.ndjson --sandbox

local COLUMNS = { "profile_id", "last_updated", "identity", "trait", "p_trait" }

return neap.workflow {
    summary = "Save the PrimeData profiles of a file of ids",
    description = "CSV has the columns " .. table.concat(COLUMNS, ", ") .. "; the last three hold JSON.",
    vendors = { "primedata" },
    args = {
        { "file", type = "path", required = true,
            doc = "CSV or NDJSON with the column profile_id, or with names of identities; - is stdin" },
        { "map", type = "path", doc = "Lua file with a map: what becomes of a profile" },
        { "out", type = "path", required = true, doc = ".ndjson or .csv to write, whole or not at all; - is stdout" },
        { "type", type = "list", of = { values = { "trait", "ptrait", "identity" } }, doc = "blocks; default all" },
        { "include", type = "list", of = { type = "string", min_length = 1 }, doc = "properties; default all" },
        { "concurrency", type = "integer", min = 1, max = 10000, default = 64, doc = "profiles under way at once" },
        { "dead_letters", type = "path", doc = "default FILE.dead.ndjson" },
    },
    run = function(ctx, args)
        local prime = ctx:vendor "primedata"
        local map = args.map and neap.mapping(args.map, { from = "primedata.get_profile" })
        return neap.export.deliver(ctx, neap.records(args.file), function(row)
            local params = neap.export.row_params(row, "profile_id", "identities")
            params.type, params.include = args.type, args.include
            local profile, err = prime:get_profile(params)
            return profile and { profile }, err
        end, { out = args.out, columns = not map and COLUMNS or nil, map = map })
    end,
}
