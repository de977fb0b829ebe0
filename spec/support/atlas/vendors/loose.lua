-- A vendor whose names mean what they mean in any letter case.

return vendor.define "loose" {
    title = "Loose",
    names = "any_case",
    base_url = "https://loose.example",
    endpoints = {
        ListRows = { get = "/rows", returns = { type = "list", of = { type = "object", fields = {
            { "RowID", type = "integer" }, { "Name", type = "string" },
        } } } },
        ListWords = { get = "/words", returns = "in words" },
        PutRow = { post = "/row", write = "idempotent", params = { { "RowID", type = "id", required = true } } },
    },
}
