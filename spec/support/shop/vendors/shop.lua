-- A vendor for the specs of the command: every type of parameter; its simulator says what it got.

local id = { "id", type = "id", required = true }

return vendor.define "shop" {
    title = "Shop",
    summary = "orders of one shop",
    source = { url = "https://shop.example/docs", read = "2026-11-21" },
    settings = {
        { "api_key", type = "secret", required = true, doc = "key of the shop" },
        { "region", type = "enum", values = { "north", "south" }, default = "north" },
        { "wait", type = "duration", default = "5m", lax = "below", doc = "between sends at 503" },
        { "branch", type = "string", doc = "sent as branch" },
    },
    base_url = { by = "region", north = "https://north.shop.example", south = "https://south.shop.example/api" },
    auth = {
        key = auth.header { name = "X-Key", secret = "api_key" },
        body = auth.body { field = "key", secret = "api_key" },
    },
    tenant = { name = "branch", setting = "branch" },
    retry = { { on = { 503 }, backoff = "constant", every = setting "wait", retries = 1 } },
    envelope = envelope.plain { message = "error" },
    endpoints = {
        put_order = {
            post = "/orders/{shelf}", auth = "key", tenant = "query", write = "idempotent", key = "id",
            summary = "Creates or changes an order",
            params = {
                { "shelf", type = "string", default = "main" }, id,
                { "text", type = "string" }, { "count", type = "integer", min = 0 }, { "price", type = "number" },
                { "flag", type = "boolean" }, { "total", type = "decimal", places = 2 }, { "day", type = "date" },
                { "size", type = "enum", values = { "small", "large" } },
                { "tags", type = "list", of = { type = "string" } },
                { "sizes", type = "list", of = { type = "integer" } },
                { "columns", type = "list", of = { type = "string" }, join = ";" },
                { "buyer", type = "object", fields = { { "name", type = "string" }, { "email", type = "string" },
                    { "home", type = "object", fields = { { "city", type = "string" } } } } },
                { "extra", type = "object", open = true, fields = { { "color", type = "string" } } },
            },
        },
        get_order = { get = "/orders/{id}", auth = "key", params = { id } },
        find = {
            get = "/find", auth = "key",
            params = { { "columns", type = "list", of = { type = "string" }, join = ";" } },
        },
        note = { post = "/note", auth = "body", open = true, write = "unsafe" },
        say = { get = "/say", auth = "key", params = { { "what", type = "string", required = true } } },
    },
}
