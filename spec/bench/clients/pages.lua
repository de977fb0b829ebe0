-- Walks the pages of large answers into a file of NDJSON, with one key renamed, in the benches.
--
--   record  a Lua function per record
--   map     a declarative map

local neap = require "neap"

local function mail_of(record)
    record.mail, record.email = record.email, nil
    return record
end

local function each_renamed(records)
    return function()
        local record = records()
        return record and mail_of(record)
    end
end

local MAP = {
    { "id" }, { "mail", from = "email" }, { "city" }, { "score" }, { "paid" },
}

return neap.workflow {
    summary = "Save the records of large pages for a bench",
    args = {
        { "how", type = "enum", values = { "record", "map" }, required = true, doc = "what renames" },
        { "pages", type = "integer", default = 10, min = 1, doc = "how many" },
        { "size", type = "integer", default = 200000, min = 1, doc = "records of a page" },
        { "format", type = "enum", values = { "json", "xml" }, default = "json", doc = "of the answers" },
        { "out", type = "path", required = true, doc = "a file" },
    },
    run = function(ctx, args)
        local bench = ctx:vendor("bench_pages", { format = args.format })
        local records = bench:each("list", {}, { size = args.size, max_pages = args.pages })
        if args.how == "map" then
            return neap.export.write(records, { out = args.out, map = neap.mapping(MAP) })
        end
        return neap.export.write(each_renamed(records), { out = args.out })
    end,
}
