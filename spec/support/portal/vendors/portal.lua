-- A vendor with a session, for specs. Its simulator: sandbox/portal.lua.

return vendor.define "portal" {
    title = "Portal",
    settings = {
        { "auth", values = { "key", "session" }, default = "session" },
        { "api_key", type = "secret" },
        { "user", type = "string", sandbox = "sandbox" },
        { "password", type = "secret" },
        { "hourly", type = "integer", default = 100000 },
        { "outage", type = "duration", default = "10s" },
    },
    base_url = "https://portal.example",
    auth = {
        access = {
            by = "auth",
            key = auth.header { name = "X-Key", secret = "api_key" },
            session = auth.session {
                login = "login", header = "X-Token", token = "token", life = "20m", margin = "30s",
                expired = { status = 403, text = "token expired" }, params = { user = setting "user" },
            },
        },
        login = auth.body { field = "password", secret = "password" },
    },
    limits = {
        { rate = setting "hourly", per = "account", shape = "window", exempt = { "free" } },
        { rate = "1/s", per = "account", only = { "login" } },
    },
    retry = {
        { on = { 429 }, backoff = "constant", every = "30s", retries = 3 },
        { on = { 503 }, backoff = "constant", every = setting "outage", retries = 5, gate = true, only = "repeatable" },
    },
    envelope = envelope.plain { message = "message" },
    endpoints = {
        login = {
            post = "/login", auth = "login", write = "idempotent",
            params = { { "user", type = "string", required = true } },
        },
        read = { get = "/read", auth = "access", params = { { "plan", type = "string" } } },
        free = { get = "/free", auth = "access" },
        append = { post = "/append", auth = "access", write = "unsafe", params = { { "plan", type = "string" } } },
        keyed = {
            post = "/keyed", auth = "access", write = "keyed", key = "id", repeated = 409,
            params = { { "id", type = "string" }, { "plan", type = "string" } },
        },
    },
}
