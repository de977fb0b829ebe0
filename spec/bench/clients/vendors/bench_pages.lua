return vendor.define "bench_pages" {
    title = "The server of the benches, with large pages",
    settings = { { "format", type = "enum", values = { "json", "xml" }, default = "json" } },
    accept = setting "format",
    endpoints = {
        list = {
            get = "/records", paging = paging.skip { skip = "skip", top = "top", max = 200000 },
            summary = "Lists records",
            params = { { "skip", type = "integer", min = 0 }, { "top", type = "integer", min = 1, max = 200000 } },
            returns = { type = "list", of = { type = "object", fields = {
                { "id", type = "integer" }, { "email", type = "string" }, { "city", type = "string" },
                { "score", type = "number" }, { "paid", type = "boolean" },
            } } },
        },
    },
}
