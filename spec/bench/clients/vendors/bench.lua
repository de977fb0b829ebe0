return vendor.define "bench" {
    title = "The server of the benches",
    settings = { { "api_key", type = "secret", required = true } },
    auth = { key = auth.header { name = "X-Api-Key", secret = "api_key" } },
    endpoints = {
        put = {
            post = "/json", auth = "key", write = "idempotent",
            summary = "Takes a record, answers with 200 bytes of JSON",
            params = {
                { "id", type = "integer", required = true }, { "name", type = "string" },
                { "email", type = "string" }, { "amount", type = "number" }, { "active", type = "boolean" },
            },
        },
    },
}
