-- Imports a file of members into OmniSegment: one call per row, ten per second, in the file's order for
-- each member. What could not be delivered is in the dead-letter file, which can be given as --file.
--
--   neap run omnisegment/import-audience --file scripts/omnisegment/samples/audience.csv --sandbox

return neap.workflow {
    summary = "Import an audience file into OmniSegment",
    description = "Columns are fields of `data` (neap describe omnisegment.import_audience); others are custom fields.",
    args = {
        { "file", type = "path", required = true,
            doc = "CSV with a header row, NDJSON, or a dead-letter file; - is stdin" },
        { "merge_key", type = "enum", default = "member_sn", doc = "the field that identifies a member",
            values = { "member_sn", "line_id", "email", "phone", "messenger_psid", "source_id" } },
        { "tag_mode", type = "enum", values = { "append", "replace" }, default = "append",
            doc = "replace overwrites the stored tags" },
        { "ignore_empty_value", type = "boolean", doc = "an empty value leaves the stored one alone" },
        { "keep_empty", type = "boolean", doc = "send empty cells as \"\" instead of leaving the field out" },
        { "concurrency", type = "integer", min = 1, max = 10000, default = 64, doc = "records under way at once" },
        { "dead_letters", type = "path", doc = "default FILE.dead.ndjson" },
    },
    run = function(ctx, args)
        local omni = ctx:vendor "omnisegment"
        local rows = neap.records(args.file, omni.import_audience.data, { keep_empty = args.keep_empty })
        return ctx:deliver(rows, function(row)
            return omni:import_audience {
                data = row, merge_key = args.merge_key, tag_mode = args.tag_mode,
                ignore_empty_value = args.ignore_empty_value,
            }
        end)
    end,
}
