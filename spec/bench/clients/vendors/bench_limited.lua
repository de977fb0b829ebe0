return vendor.define "bench_limited" {
    title = "The server of the benches, with limits and retries",
    settings = { { "api_key", type = "secret", required = true } },
    auth = { key = auth.header { name = "X-Api-Key", secret = "api_key" } },
    -- So high that nothing ever waits: what is measured is the bookkeeping.
    limits = {
        { rate = "1000000/s", per = "endpoint", shape = "window" }, -- a pace would wait a microsecond
        { rate = "9000000/min", per = "account" },
    },
    retry = {
        { on = { 429 }, backoff = "exponential", base = "1s", max = "60s", jitter = "equal", retries = 8 },
        { on = { 502, 503, 504 }, backoff = "constant", every = "5m", retries = 5, gate = true },
    },
    endpoints = {
        put = {
            post = "/json", auth = "key", write = "idempotent", key = "id",
            summary = "Takes a record, answers with 200 bytes of JSON",
            params = {
                { "id", type = "integer", required = true }, { "name", type = "string" },
                { "email", type = "string" }, { "amount", type = "number" }, { "active", type = "boolean" },
            },
        },
    },
}
