-- Saves the events of profiles: those of a file, or those named on the command line, each in the order of
-- time. The column profile_id is PrimeData's id; all others are names of identities.
--
--   neap run primedata/export-events --identity email=a@example.com --out events.ndjson --sandbox

local COLUMNS = {
    "id", "profile_id", "event_name", "time_stamp", "sent_at", "input_schema_version", "properties",
}

--- The rows that options stand for.
local function rows_of(args)
    local rows = {}
    for _, id in ipairs(args.profile_id or {}) do rows[#rows + 1] = { profile_id = id } end
    for _, identity in ipairs(args.identity or {}) do
        local name, value = identity:match "^([^=]+)=(.+)$"
        rows[#rows + 1] = { [name] = value }
    end
    if (args.file ~= nil) == (rows[1] ~= nil) then
        neap.error.raise("invalid", "whose events? Either --file, or --profile-id and --identity")
    end
    return args.file and neap.records(args.file) or rows
end

return neap.workflow {
    summary = "Save the events of PrimeData profiles",
    description = "CSV has the columns " .. table.concat(COLUMNS, ", ") .. "; properties holds JSON.",
    vendors = { "primedata" },
    args = {
        { "file", type = "path",
            doc = "CSV or NDJSON with the column profile_id, or with names of identities; - is stdin" },
        { "profile_id", type = "list", of = { type = "string", min_length = 1 }, doc = "may be repeated" },
        { "identity", type = "list", doc = "such as email=a@example.com; may be repeated",
            of = { type = "string", pattern = "^[^=]+=.", pattern_doc = "name=value" } },
        { "map", type = "path", doc = "Lua file with a map: what becomes of an event" },
        { "out", type = "path", required = true, doc = ".ndjson or .csv to write, whole or not at all; - is stdout" },
        { "start", type = "datetime", date_only = true, zone_form = "+08:00", doc = "only events later than this" },
        { "end", type = "datetime", date_only = true, zone_form = "+08:00", doc = "only events earlier than this" },
        { "include", type = "list", of = { type = "string", min_length = 1 }, doc = "names of events; default all" },
        { "concurrency", type = "integer", min = 1, max = 10000, default = 8, doc = "profiles under way at once" },
        { "dead_letters", type = "path", doc = "default FILE.dead.ndjson" },
    },
    run = function(ctx, args)
        local prime = ctx:vendor "primedata"
        local map = args.map and neap.mapping(args.map, { from = "primedata.list_events" })
        local span = { start = args.start, ["end"] = args["end"] }
        neap.export.check(prime.list_events, span)
        return neap.export.deliver(ctx, rows_of(args), function(row)
            local params = neap.export.row_params(row, "profile_id", "identities")
            params.start, params["end"], params.include, params.sort = span.start, span["end"], args.include, "asc"
            local events = {}
            for event in prime:each("list_events", params) do events[#events + 1] = event end
            return neap.export.in_time_order(events, "time_stamp")
        end, { out = args.out, columns = not map and COLUMNS or nil, map = map })
    end,
}
