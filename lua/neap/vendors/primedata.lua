-- PrimeData's Profile API. Facts: the vendor's page of the API. What only the neighbouring evidence says (the
-- place of `cursor`, texts as values of identities) is a tolerance, not a rule.

local source = "wiki, Profile API"

local either = "identities or profile_id; where both are given, both are sent and the vendor goes by profile_id"

local profile_id = { "profile_id", type = "string", min_length = 1,
    doc = "PrimeData's id of the profile; outranks identities" }

local identities = { "identities", type = "object",
    of = { type = "list", min = 1, of = { type = "id", min_length = 1 } },
    doc = "name of an identity to its values, such as phone_number or email; the names are those of your "
        .. "identity configuration. Values are sent as text: write those with leading zeros as text" }

local function moment(name, doc)
    return { name, type = "datetime", date_only = true, zone_form = "+08:00", doc = doc }
end

local which = {
    { any_of = { "identities", "profile_id" } },
    { doc = "identities has at least one name", check = function(values, fault)
        if values.identities and next(values.identities) == nil then
            fault("identities", "empty, at least one identity is needed")
        end
    end },
}

--- Both ends are exclusive: one day, or a time of a day and that day, hold nothing between them.
local function span(values, fault)
    local from, to = values.start, values["end"]
    if not from or not to or #to > 10 or from:sub(1, 10) ~= to or from:find("[Z+-]", 11) then return end
    fault("end", ("\"%s\" is not later than start \"%s\": both are exclusive"):format(to, from))
end

local profile = { type = "object", fields = {
    { "profile_id", type = "string" }, { "last_updated", type = "string" },
    { "identity", type = "object", of = { type = "list", of = { type = "string" } }, doc = "name to values" },
    { "trait", type = "object" }, { "p_trait", type = "object", doc = "the block that `type` calls ptrait" },
} }

local event = { type = "object", fields = {
    { "id", type = "string", doc = "may repeat" }, { "profile_id", type = "string" },
    { "event_name", type = "string" }, { "properties", type = "object", doc = "as the event has them" },
    { "time_stamp", type = "string", doc = "ISO 8601, or like 2023:01:01T20:00:00Z" },
    { "sent_at", type = "string", doc = "likewise" }, { "input_schema_version", type = "string" },
} }

return vendor.define "primedata" {
    title = "PrimeData Profile API",
    summary = "profiles of a customer data platform, and their events",
    source = { url = "https://developer.primedata.ai/docs/profile-api", read = "2026-11-21" },
    settings = {
        { "api_key", type = "secret", required = true, doc = "from PrimeData" },
    },
    auth = { header = auth.header { name = "x-api-key", secret = "api_key" } },
    retry = {
        { on = { 429 }, backoff = "exponential", base = "1s", max = "60s", jitter = "equal", retries = 8 },
        { on = { 502, 503, 504 }, backoff = "exponential", base = "2s", max = "5m", jitter = "equal", retries = 50,
            total = "60m", gate = true },
        { on = { 500, 501, 505, 506, 507, 508, 510, 511, 520, 521, 522, 523, 524, 525, 526, 530 },
            backoff = "exponential", base = "2s", max = "5m", jitter = "equal", retries = 50, total = "60m" },
    },
    envelope = envelope.plain { within = "error", message = "message", code = "code" },
    endpoints = {
        get_profile = {
            post = "/pub/profiles/advanced-search", auth = "header", write = "read",
            summary = "Gets the details of a profile",
            doc = "Needs " .. either .. ". The block that `type` calls ptrait is p_trait in the answer. Some times "
                .. "are written with colons in the date (2023:01:01T20:00:00Z); they stay text.",
            source = source,
            envelope = envelope.plain { payload = "data", within = "error", message = "message", code = "code" },
            params = {
                profile_id, identities,
                { "type", type = "list", min = 1, of = { values = { "trait", "ptrait", "identity" } },
                    doc = "the blocks that come back; default all three" },
                { "include", type = "list", min = 1, of = { type = "string", min_length = 1 },
                    doc = "the properties that come back, of all blocks; default all" },
            },
            rules = which,
            returns = profile,
            example = { identities = { phone_number = { "0123456789" } } },
        },
        list_events = {
            post = "/pub/events/advanced-search", auth = "header", write = "read",
            summary = "Lists the events of a profile",
            doc = "Needs " .. either .. ". Without sort there is no order; following pages sends sort=asc unless told "
                .. "otherwise. Some times are written with colons in the date (2023:01:01T20:00:00Z); they stay text. "
                .. "Ids of events may repeat.",
            source = source,
            params = {
                profile_id, identities,
                moment("start", "only events later than this; default the earliest"),
                moment("end", "only events earlier than this; default now"),
                { "include", type = "list", min = 1, of = { type = "string", min_length = 1 },
                    doc = "names of events; each must exist; default all" },
                { "sort", values = { "asc", "desc" }, doc = "by time; default none" },
                { "limit", type = "integer", min = 1, max = 100, doc = "events in a page; the vendor's default is 25" },
                { "cursor", type = "string", min_length = 1, doc = "cursor.next of the page before" },
            },
            rules = {
                which[1], which[2], { order = { "start", "end" } },
                { doc = "start and end are exclusive, so they differ", check = span },
            },
            paging = paging.cursor {
                cursor = "cursor", size = "limit", max = 100, default = 25, next = "cursor.next",
                more = "cursor.has_more", records = "data", send = { sort = "asc" },
            },
            returns = { type = "object", fields = {
                { "data", type = "list", of = event },
                { "cursor", type = "object", fields = {
                    { "has_more", type = "boolean" }, { "next", type = "string" },
                } },
            } },
            example = { identities = { email = { "a@example.com" } }, sort = "asc", limit = 100 },
        },
    },
}
