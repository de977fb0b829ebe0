-- press: reports whose file is what their name says, to try what a run makes of good ones and of others.

local function order(format)
    return {
        post = "/" .. format, write = "unsafe", summary = "Orders a report",
        params = { { "name", type = "string", required = true } },
        job = {
            id = "id", get = "state", state = "state", done = "DONE", failed = "FAILED", url = "url", format = format,
        },
    }
end

return vendor.define "press" {
    title = "Press",
    base_url = "https://press.example.com",
    auth = {},
    endpoints = {
        csv = order "csv", ndjson = order "ndjson",
        state = {
            get = "/state/{id}", summary = "Asks for a report", params = { { "id", type = "string", required = true } },
        },
    },
}
