-- Sends a template to every address of a file, one mail per row: the column Email, and one column per
-- personalisation tag. Each mail has a UniqueMessageID that follows from its row, so that a file that is sent
-- again, after a failure or by mistake, reaches nobody twice.
--
--   neap run optimove/send-transactional-mail --template 2 --file scripts/optimove/samples/receipts.csv --sandbox

local REPEATED = 409 -- Optimove has sent the mail of this UniqueMessageID before

--- 64 bits of a text (FNV-1a), as hexadecimal digits.
local function digest(text)
    local hash = 0xcbf29ce484222325
    for i = 1, #text do hash = (hash ~ text:byte(i)) * 0x100000001b3 end
    return ("%016x"):format(hash)
end

--- The UniqueMessageID of a row: what its column says, or what all of the row comes to.
local function message_id(row, args)
    local given = row[args.id_column or "UniqueMessageID"]
    if given ~= nil or args.id_column then return given end
    local text = assert(neap.json.encode(row, { sorted = true }))
    return ("%s%d-%s"):format(args.series and args.series .. "-" or "", args.template, digest(text))
end

--- The mail of a row: all columns but Email and UniqueMessageID are tags.
local function mail_of(row, args)
    local tags = {}
    for name, value in pairs(row) do
        if name ~= "Email" and name ~= "UniqueMessageID" then tags[name] = value end
    end
    return {
        TemplateID = args.template, ScheduleTime = args.schedule_time, UniqueMessageID = message_id(row, args),
        Recipients = { { Email = row.Email, Personalizations = next(tags) and tags } },
    }
end

--- Names what a call refuses by the columns of the row.
local function by_column(err, args)
    return neap.error.rename(err, function(path)
        if path == "UniqueMessageID" then return args.id_column end
        local own = path:match "^Recipients%[1%]%.(.+)$"
        return own and own:match "^Personalizations%.(.+)$" or own
    end)
end

--- Says what the ids have kept from being sent: two runs over one file look alike otherwise. Of a mail whose
-- answer got lost, its repeat cannot say which of its sends was the first.
local function tell(counts)
    if counts.repeated > 0 then
        local total = counts.sent + counts.repeated + counts.unsure
        local unsure = counts.unsure > 0 and (", %d sent now or before"):format(counts.unsure) or ""
        neap.log.info(("%d mail%s: %d sent, %d sent before%s"):format(
            total, total == 1 and "" or "s", counts.sent, counts.repeated, unsure))
    end
    if counts.incomplete > 0 then
        neap.log.warn("mails went out with tags that had no value", { mails = counts.incomplete })
    end
end

return neap.workflow {
    summary = "Send a transactional mail to every address of a file",
    description = "neap call optimove GetTemplateDetails shows the templates.",
    vendors = { "optimove" },
    args = {
        { "file", type = "path", required = true,
            doc = "CSV with the column Email and one per tag, NDJSON, or a dead-letter file; - is stdin" },
        { "template", type = "integer", min = 0, required = true, doc = "TemplateID" },
        { "id_column", type = "string", doc = "the column with the UniqueMessageID, such as a number of an order; "
            .. "default UniqueMessageID, and without it an id that follows from the row" },
        { "series", type = "string", min_length = 1, max_length = 200,
            doc = "part of the ids that follow from rows: in another series a row is another mail" },
        { "schedule_time", type = "datetime", form = "sql", doc = "UTC, YYYY-MM-DD HH:MM:SS; default at once" },
        { "concurrency", type = "integer", min = 1, max = 10000, default = 64, doc = "mails under way at once" },
        { "dead_letters", type = "path", doc = "default FILE.dead.ndjson" },
    },
    run = function(ctx, args)
        local optimove, counts = ctx:vendor "optimove", { sent = 0, repeated = 0, unsure = 0, incomplete = 0 }
        local required = { "Email", args.id_column }
        local summary, err = ctx:deliver(neap.records(args.file, nil, { required = required }), function(row)
            local mail = mail_of(row, args)
            if not mail.UniqueMessageID then
                return neap.error.fail("invalid", "%s: required, it is --id-column", args.id_column)
            end
            local sent, failed = optimove:SendTransactionalMail(mail)
            if failed and failed.status == REPEATED then
                counts.repeated = counts.repeated + 1
                return REPEATED
            end
            if not sent then return nil, by_column(failed, args) end
            local fate = sent == neap.null and "unsure" or "sent"
            counts[fate] = counts[fate] + 1
            if fate == "sent" and type(sent.Error) == "string" then counts.incomplete = counts.incomplete + 1 end
            return sent
        end)
        tell(counts)
        return summary, err
    end,
}
