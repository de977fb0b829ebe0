-- OPM Partners API. Facts: the project's README (one key per project) and the server's source.

local contact = "one of customerEmail and customerPhone is needed on every call, an update too"

return vendor.define "opm" {
    title = "OPM Partners API",
    summary = "customers of one partner project: create and update",
    source = { url = "https://github.com/Androz2091/opm-partners-api", read = "2026-11-21" },
    settings = {
        { "api_key", type = "secret", required = true,
            doc = "one per project, from the OPM Media owners" },
    },
    base_url = "https://api.opdmf.com",
    auth = { header = auth.header { name = "x-api-key", secret = "api_key" } },
    refused = { 401 },
    -- The vendor says nothing about outages; an upsert may be repeated.
    retry = {
        { on = { 502, 503, 504 }, backoff = "exponential", base = "1s", max = "60s",
            jitter = "equal", retries = 8, gate = true },
    },
    envelope = envelope.plain { message = "message", code = "code" },
    endpoints = {
        ping = {
            get = "/ping", auth = "header", write = "read",
            summary = "Checks the API key",
            returns = "{statusCode, message}: 200 and \"pong\"",
            example = {},
        },
        entry = {
            post = "/entry", auth = "header", write = "idempotent", key = "customerId",
            summary = "Creates or updates a customer",
            doc = "An update overwrites with non-empty values only: a value can never be cleared.",
            params = {
                { "customerId", type = "id", required = true,
                    doc = "the customer's id in your own database; sent as text" },
                { "customerEmail", type = "string", nullable = true, doc = contact },
                { "customerPhone", type = "string", nullable = true, doc = contact },
                { "customerFirstName", type = "string", nullable = true, doc = "recommended" },
                { "customerLastName", type = "string", nullable = true, doc = "recommended" },
                { "customerIP", type = "string", nullable = true, doc = "recommended" },
            },
            rules = { { any_of = { "customerEmail", "customerPhone" } } },
            returns = "{statusCode, message}: 201 for a new customer, 202 for an accepted update",
            example = { customerId = "7519", customerEmail = "c7519@example.com" },
        },
    },
}
