-- A vendor for the specs of what bodies may do to a client. What comes back is named by the parameter `kind`;
-- its simulator knows the kinds.

local kind = { "kind", type = "string", doc = "see the simulator; default good" }
local at = { "at", type = "integer", min = 0, doc = "byte at which the kind cuts" }
local count = { "count", type = "integer", min = 0, doc = "records there are; default 3000" }

local ITEM = {
    { "id", type = "integer" }, { "text", type = "string" }, { "deep", type = "list", of = { type = "string" } },
}
local ITEMS = { type = "list", of = { type = "object", open = true, fields = ITEM } }

return vendor.define "hostile" {
    title = "Hostile bodies",
    settings = {
        { "api_key", type = "secret", required = true },
        { "accept", type = "enum", values = { "json", "xml" }, default = "json" },
    },
    base_url = "https://api.hostile.example",
    accept = setting "accept",
    auth = { key = auth.header { name = "X-Key", secret = "api_key" } },
    envelope = envelope.plain { message = "error" },
    endpoints = {
        list = {
            get = "/list", auth = "key", returns = ITEMS,
            params = {
                { "skip", type = "integer", min = 0 }, { "top", type = "integer", min = 1, max = 1000000 },
                kind, at, count,
            },
            paging = paging.skip { skip = "skip", top = "top", max = 1000000, default = 1000000 },
        },
        wrapped = {
            get = "/wrapped", auth = "key", params = { { "cursor", type = "string" }, kind, at, count },
            paging = paging.cursor { cursor = "cursor", next = "next", records = "data" },
        },
    },
}
