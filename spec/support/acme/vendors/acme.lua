-- A vendor for the specs of the call pipeline: one endpoint of each write class, each kind of rule. Its
-- simulator answers as the parameter `plan` says.

local id = { "id", type = "id", required = true }
local plan = { "plan", type = "string", doc = "answers to the first, second, ... send, by blanks" }
local row = { type = "object", fields = { { "id", type = "id" }, { "name", type = "string" }, plan } }
local mode = { "mode", values = { "add", "drop" }, default = "add" }

return vendor.define "acme" {
    title = "Acme",
    settings = {
        { "api_key", type = "secret", required = true },
        { "tenant", type = "string", default = "T-1" },
        { "outage_wait", type = "duration", default = "5m" },
    },
    base_url = "https://api.acme.example",
    auth = {
        header = auth.header { name = "X-Key", secret = "api_key" },
        body = auth.body { field = "key", secret = "api_key" },
        query = auth.query { name = "key", secret = "api_key" },
        bearer = auth.bearer { secret = "api_key" },
        basic = auth.basic { user = "tenant", secret = "api_key" },
    },
    tenant = { name = "tid", setting = "tenant" },
    limits = { { rate = "10/s", per = "endpoint", exempt = { "ping" } } },
    retry = {
        { on = { 429 }, backoff = "exponential", base = "1s", max = "60s", jitter = "none", retries = 3 },
        { on = { 502, 503, 504 }, backoff = "constant", every = setting "outage_wait", retries = 5, gate = true },
    },
    envelope = envelope.flag { ok = "OK", payload = "DATA", message = "ERR", code = "CODE" },
    endpoints = {
        ping = { get = "/ping", auth = "header", params = { plan } },
        read = { get = "/read", auth = "header", params = { id, plan } },
        by_path = { get = "/things/{id}/parts", auth = "query", params = { id, plan } },
        put = { post = "/put", auth = "header", write = "idempotent", key = "id", params = { id, plan } },
        append = { post = "/append", auth = "header", write = "unsafe", key = "id", params = { id, plan } },
        in_body = { post = "/in_body", auth = "body", tenant = "body", write = "idempotent", params = { id, plan } },
        in_query = { post = "/in_query", auth = "query", tenant = "query", write = "unsafe", params = { id, plan } },
        with_bearer = { get = "/with_bearer", auth = "bearer", params = { id, plan } },
        with_basic = { get = "/with_basic", auth = "basic", params = { id, plan } },
        order = {
            post = "/order", auth = "header", write = "unsafe", params = { id, plan },
            job = { id = "id", get = "read", state = "state", done = "DONE", failed = "FAILED", url = "url" },
        },
        put_row = {
            post = "/put_row", auth = "header", write = "idempotent", key = "data.id",
            batch = { endpoint = "put_rows", field = "data", list = "rows" },
            params = {
                { "data", type = "object", required = true, fields = row.fields }, mode,
                { "debug", type = "boolean" }, { "batch_plan", type = "string" },
            },
        },
        put_rows = {
            post = "/put_rows", auth = "header", write = "idempotent",
            params = {
                { "rows", type = "list", of = row, required = true, min = 1, max = 5 }, mode,
                { "batch_plan", type = "string", doc = "the plan of all batches together" },
            },
            rules = {
                { check = function(values)
                    for i, one in ipairs(values.rows) do
                        if not one.id then return ("rows[%d].id is required"):format(i) end
                    end
                end, doc = "each row has its id" },
            },
        },
        checked = {
            post = "/checked", auth = "header", write = "idempotent",
            params = {
                id, plan,
                { "email", type = "string" }, { "phone", type = "string" }, { "count", type = "integer", min = 1 },
                { "from", type = "date" }, { "to", type = "date" },
                { "kind", type = "enum", values = { "small", "large" } },
                { "data", type = "object", open = true, fields = { { "member_sn", type = "id" } } },
            },
            rules = {
                { any_of = { "email", "phone" } },
                { order = { "from", "to" }, max_days = 31 },
            },
        },
    },
}
