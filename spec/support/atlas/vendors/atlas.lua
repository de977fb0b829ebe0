-- A vendor with one endpoint that gives records of every type, and some that want them.

local person = { type = "object", fields = {
    { "id", type = "string" }, { "name", type = "string" }, { "years", type = "integer" },
    { "score", type = "number" }, { "active", type = "boolean" }, { "joined", type = "datetime" },
    { "born", type = "date" }, { "tags", type = "list", of = { type = "string" } },
    { "marks", type = "list", of = { type = "integer" } }, { "extra", type = "any" },
    { "level", values = { "gold", "silver" } }, { "grade", values = { 1, 2, 3 } },
    { "attributes", either = { { type = "list", of = { type = "string" } }, { type = "string" } } },
    { "number", either = { { type = "string" }, { type = "integer" } } },
    { "city", type = "object", fields = { { "name", type = "string" }, { "zip", type = "string" } } },
    { "spot", type = "object", fields = { { "name", type = "string" }, { "lat", type = "number" } } },
    { "home", type = "object", fields = { { "zip", type = "string" } } },
    { "store", type = "object", fields = { { "name", type = "integer" } } },
    { "properties", type = "object" },
} }

local wanted = { type = "object", fields = {
    { "key", type = "id", required = true }, { "email", type = "string", min_length = 3 },
    { "phone", type = "string", nullable = true }, { "years", type = "integer", min = 0 },
    { "score", type = "number" }, { "active", type = "boolean" }, { "born", type = "date" },
    { "seen", type = "datetime" }, { "tags", type = "list", of = { type = "string" } },
    { "joined", type = "list", of = { type = "string" }, join = "," },
    { "level", values = { "silver", "bronze" } }, { "tier", values = { "lead", "tin" } },
    { "price", type = "decimal" }, { "site", type = "url" }, { "note", type = "any" },
    { "payload", type = "json_text" }, { "flag", type = "boolean", as_text = true },
    { "labels", either = { { type = "id" }, { type = "list", of = { type = "id" } } } },
    { "city", type = "object", fields = {
        { "name", type = "string", required = true }, { "zip", type = "string" },
    } },
} }

local function post(path, params, rules)
    return { post = path, write = "idempotent", params = params, rules = rules }
end

return vendor.define "atlas" {
    title = "Atlas",
    base_url = "https://atlas.example",
    settings = { { "custom_fields", type = "string" } },
    endpoints = {
        list_people = { get = "/people", returns = { type = "list", of = person } },
        list_pages = {
            get = "/pages", params = { { "cursor", type = "string" } },
            paging = paging.cursor { cursor = "cursor", next = "next", records = "data" },
            returns = { type = "object", fields = {
                { "data", type = "list", of = person }, { "next", type = "string" },
            } },
        },
        list_marks = { get = "/marks", returns = { type = "list", of = { type = "object", fields = {
            { "id", type = "string" }, { "years", type = "string" },
        } } } },
        list_words = { get = "/words", returns = "in words" },
        put_person = post("/person", {
            { "data", type = "object", fields = wanted.fields, required = true }, { "mode", type = "string" },
        }, { { any_of = { "data.email", "data.phone" } } }),
        put_rows = post("/rows", {
            { "rows", type = "list", max = 10, required = true,
                of = { type = "object", fields = { { "key", type = "id", required = true } } } },
        }),
        put_open = post("/open", {
            { "data", type = "object", open = true, fields = { { "key", type = "id" }, { "email", type = "string" } } },
        }),
        save = post("/save", { { "key", type = "id", required = true }, { "years", type = "integer" } }),
    },
}
