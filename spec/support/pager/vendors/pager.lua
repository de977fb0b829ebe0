-- A vendor for the specs of paging: one endpoint of each style. Its simulator has `count` records, and pages
-- as hostile as the parameter `plan` says.

local count = { "count", type = "integer", min = 0, doc = "records there are; default 250" }
local plan = { "plan", type = "string", doc = "see the simulator" }
local per_page = { "per_page", type = "integer", min = 1, max = 100 }

return vendor.define "pager" {
    title = "Pager",
    settings = { { "api_key", type = "secret", required = true } },
    base_url = "https://api.pager.example",
    auth = { key = auth.header { name = "X-Key", secret = "api_key" } },
    limits = { { rate = "10/s", per = "account" } },
    envelope = envelope.plain { message = "error" },
    endpoints = {
        skip = {
            get = "/skip", auth = "key",
            params = {
                { "$skip", type = "integer", min = 0 }, { "$top", type = "integer", min = 1, max = 100 }, count, plan,
            },
            paging = paging.skip { skip = "$skip", top = "$top", max = 100, default = 20 },
        },
        cursor = {
            post = "/cursor", auth = "key", write = "read",
            params = {
                { "cursor", type = "string" }, { "limit", type = "integer" },
                { "sort", values = { "asc", "desc" } }, count, plan,
            },
            paging = paging.cursor {
                cursor = "cursor", size = "limit", max = 100, default = 25, next = "cursor.next",
                more = "cursor.has_more", records = "data", send = { sort = "asc" },
            },
        },
        token = {
            get = "/token", auth = "key", params = { { "token", type = "string" }, count, plan },
            paging = paging.cursor { cursor = "token", next = "next_token", records = "items" },
        },
        page = {
            get = "/page", auth = "key", params = { { "page", type = "integer", min = 1 }, per_page, count, plan },
            paging = paging.page { page = "page", size = "per_page", max = 100, next = "has_next", records = "items" },
        },
        link = {
            get = "/link", auth = "key", params = { per_page, count, plan },
            paging = paging.link { size = "per_page", max = 100, records = "items" },
        },
        next_url = {
            get = "/next_url", auth = "key", params = { per_page, count, plan },
            paging = paging.next_url { size = "per_page", max = 100, next = "paging.next", records = "items" },
        },
        plain = { get = "/plain", auth = "key", params = { count } },
    },
}
