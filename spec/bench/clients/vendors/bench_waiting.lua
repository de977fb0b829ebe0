return vendor.define "bench_waiting" {
    title = "The server of the benches, which has no time today",
    settings = { { "api_key", type = "secret", required = true } },
    auth = { key = auth.header { name = "X-Api-Key", secret = "api_key" } },
    -- So high that nothing waits for them.
    limits = {
        { rate = "1000000/s", per = "endpoint" },
        { rate = "1000000/s", per = "account" },
    },
    -- No gate: every record waits for itself.
    retry = { { on = { 503 }, backoff = "constant", every = "1h", retries = 5 } },
    endpoints = {
        put = {
            post = "/busy", auth = "key", write = "idempotent", key = "id",
            summary = "Takes a record, always answers with 503",
            params = {
                { "id", type = "integer", required = true }, { "name", type = "string" },
                { "email", type = "string" }, { "amount", type = "number" }, { "active", type = "boolean" },
            },
        },
    },
}
