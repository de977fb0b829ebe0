-- Calls ten endpoints as fast as their declared limits allow, for so many seconds. Some calls of an
-- endpoint are under way at once, so that slow answers do not hold up the next ones.

local neap = require "neap"

local ENDPOINTS, WORKERS = 10, 8

local function work(bench, name, ends)
    while neap.now() < ends do
        local ok, err = bench[name](bench, {})
        if not ok then neap.log.warn("failed", { endpoint = name, message = err.message }) end
    end
end

return neap.workflow {
    summary = "Make calls at the pace of their limits for a bench",
    args = {
        { "vendor", type = "string", required = true, doc = "whose limits" },
        { "seconds", type = "number", required = true, min = 1, doc = "how long" },
    },
    run = function(ctx, args)
        local bench = ctx:vendor(args.vendor)
        local ends, tasks = neap.now() + args.seconds, {}
        for endpoint = 0, ENDPOINTS - 1 do
            for _ = 1, WORKERS do tasks[#tasks + 1] = neap.spawn(work, bench, "p" .. endpoint, ends) end
        end
        for _, one in ipairs(tasks) do one:await() end
    end,
}
