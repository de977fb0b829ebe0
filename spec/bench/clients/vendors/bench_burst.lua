local endpoints = {}
for i = 0, 9 do
    endpoints["p" .. i] = { get = "/p" .. i, auth = "key", summary = "One of ten endpoints with limits of their own" }
end

return vendor.define "bench_burst" {
    title = "The server of the benches, ten calls per second and endpoint, of which one may come early",
    settings = { { "api_key", type = "secret", required = true } },
    auth = { key = auth.header { name = "X-Api-Key", secret = "api_key" } },
    limits = { { rate = "10/s", per = "endpoint", burst = 1 } },
    endpoints = endpoints,
}
