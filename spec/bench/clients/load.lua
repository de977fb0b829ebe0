-- The load that Neap makes in the benches: so many calls, so many in flight, a coroutine per call.
--
--   call      a vendor call without declared limits, awaited in a task of its own
--   bare      neap.http.request with JSON both ways, in a task of its own
--   pipeline  ctx:deliver of records to an endpoint with limits and a retry program

local neap = require "neap"

local URL = os.getenv "NEAP_BENCH_BASE_URL" .. "/json"

local function record(id)
    return { id = id or 7519, name = "Lin Ren", email = "ren@example.com", amount = 12.5, active = true }
end

local HEADERS = {
    ["Content-Type"] = "application/json", ["Accept"] = "application/json",
    ["X-Api-Key"] = "00000000-0000-4000-8000-000000000000",
}

local function bare()
    local body = assert(neap.json.encode(record(), { sorted = true }))
    local res = assert(neap.http.request { method = "POST", url = URL, headers = HEADERS, body = body })
    assert(res.ok)
    return assert(neap.json.decode(res.body))
end

--- `in_flight` workers, each with one request at a time in a task of its own.
local function spread(args, fn)
    local left = args.calls
    local function worker()
        while left > 0 do
            left = left - 1
            assert(neap.spawn(fn):await().id == 7519)
        end
    end
    local workers = {}
    for i = 1, args.in_flight do workers[i] = neap.spawn(worker) end
    for _, one in ipairs(workers) do one:await() end
end

local modes = {}

function modes.call(ctx, args)
    local bench = ctx:vendor "bench"
    spread(args, function() return assert(bench:put(record())) end)
end

function modes.bare(_, args)
    spread(args, bare)
end

function modes.pipeline(ctx, args)
    local bench = ctx:vendor "bench_limited"
    local left = args.calls
    local function source()
        left = left - 1
        return left >= 0 and record(left) or nil
    end
    local summary = ctx:deliver(source, function(one) return bench:put(one) end, { concurrency = args.in_flight })
    assert(summary.ok == args.calls, "not everything was delivered")
end

return neap.workflow {
    summary = "Make load for a bench",
    args = {
        { "mode", type = "enum", values = { "call", "bare", "pipeline" }, required = true, doc = "what is called" },
        { "calls", type = "integer", required = true, min = 1, doc = "how many" },
        { "in_flight", type = "integer", default = 64, min = 1, doc = "at once" },
    },
    run = function(ctx, args) modes[args.mode](ctx, args) end,
}
