-- A vendor whose documents say nothing about limits, retries and envelopes.

local params = { { "id", type = "id", required = true }, { "plan", type = "string" } }

return vendor.define "bare" {
    title = "Bare",
    settings = { { "api_key", type = "secret", required = true } },
    base_url = "https://api.bare.example",
    auth = { header = auth.header { name = "X-Key", secret = "api_key" } },
    envelope = envelope.plain { message = "ERR", code = "CODE" },
    endpoints = {
        read = { get = "/read", auth = "header", params = params },
        put = { post = "/put", auth = "header", write = "idempotent", key = "id", params = params },
        append = { post = "/append", auth = "header", write = "unsafe", params = params },
        public = { get = "/public", params = params },
    },
}
