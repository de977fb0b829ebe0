-- A vendor of ten calls per second that counts by spacing, with limits as a definition may declare them.

local function read(path)
    return { get = path, auth = "key", summary = "Says in what it was not refused" }
end

return vendor.define "paced" {
    title = "Paced",
    settings = { { "api_key", type = "secret", required = true } },
    base_url = "https://api.paced.example",
    auth = { key = auth.header { name = "X-Key", secret = "api_key" } },
    limits = {
        { rate = "10/s", only = { "strict", "strict_slow" } },
        { rate = "10/s", only = { "bursty", "bursty_slow" }, burst = 1 },
        { rate = "60/min", only = { "rare" }, shape = "pace", burst = 5 },
    },
    endpoints = {
        strict = read "/strict", strict_slow = read "/strict_slow",
        bursty = read "/bursty", bursty_slow = read "/bursty_slow", rare = read "/rare",
    },
}
