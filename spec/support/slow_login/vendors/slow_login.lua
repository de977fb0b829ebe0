-- A vendor whose logins take longer than the waits of its calls, and whose tokens die soon. Its simulator:
-- sandbox/slow_login.lua.

return vendor.define "slow_login" {
    title = "Slow Login",
    settings = {
        { "user", type = "string", sandbox = "sandbox" },
        { "password", type = "secret" },
    },
    base_url = "https://slow.example",
    auth = {
        access = auth.session {
            login = "login", header = "X-Token", token = "token", life = "20m", margin = "0s", absolute = "10s",
            expired = { status = 403, text = "token expired" }, params = { user = setting "user" },
        },
        login = auth.body { field = "password", secret = "password" },
    },
    retry = {
        { on = { 429 }, backoff = "constant", every = "5s", retries = 3 },
        { on = { 503 }, backoff = "constant", every = "5s", retries = 5, gate = true },
    },
    envelope = envelope.plain { message = "message" },
    endpoints = {
        login = {
            post = "/login", auth = "login", write = "idempotent",
            params = { { "user", type = "string", required = true } },
        },
        put = {
            post = "/put", auth = "access", write = "idempotent", key = "id",
            params = { { "id", type = "id" }, { "plan", type = "string", doc = "status of the first answer" } },
        },
    },
}
