-- Flows that wait in the benches, and what they cost.
--
--   memory  resident memory for each of them, in bytes: as it is, and after a whole collection
--   stall   how late a timer of 1 ms is while they wait and others make calls and garbage, in milliseconds: the
--           worst of a collection by the processor's time, median of some; the worst of all by the clock; how
--           many collections
--
-- What waits: `sleep`, tasks in neap.sleep, each with a record; `call`, vendor calls in tasks of their own, and
-- `delivery`, records of deliveries, both before their second send, each with record, request and retry state.

local neap = require "neap"
local runtime = require "neap.runtime"

local PARKED = 10000 -- the most records that one delivery parks
local IN_FLIGHT = 16 -- calls that go on meanwhile

local function record(id)
    return { id = id, name = "Lin Ren", email = ("ren%d@example.com"):format(id), amount = 12.5, active = true }
end

-- What waits -----------------------------------------------------------------------------------

local kinds = {}

function kinds.sleep(_, flows)
    local function flow(one)
        neap.sleep(3600)
        return one
    end
    for id = 1, flows do neap.spawn(flow, record(id)) end
end

--- At most so many at once before their first answer, as in a delivery.
local function await_sends(sent, id)
    while runtime.sends - sent < id - 64 do neap.sleep(0.001) end
end

function kinds.call(ctx, flows)
    local bench, sent = ctx:vendor "bench_waiting", runtime.sends
    local function flow(one) return bench:put(one) end
    for id = 1, flows do
        neap.spawn(flow, record(id))
        await_sends(sent, id)
    end
    await_sends(sent, flows + 64)
end

local function source(first, last)
    local id = first - 1
    return function()
        if id == last then return nil end
        id = id + 1
        return record(id)
    end
end

function kinds.delivery(ctx, flows)
    local bench, sent = ctx:vendor "bench_waiting", runtime.sends
    local function send(one) return bench:put(one) end
    for first = 1, flows, PARKED do
        local last = math.min(first + PARKED - 1, flows)
        neap.spawn(function() ctx:deliver(source(first, last), send) end)
        await_sends(sent, last + 64)
    end
end

-- What it costs --------------------------------------------------------------------------------

local measures = {}

--- Bytes that the process has in memory.
local function resident()
    for line in io.lines "/proc/self/status" do
        local size = line:match "^VmRSS:%s*(%d+) kB"
        if size then return size * 1024 end
    end
end

local function collect()
    collectgarbage()
    collectgarbage()
end

function measures.memory(ctx, args)
    kinds[args.kind](ctx, 64) -- connections, and what a first call opens
    neap.sleep(0.5)
    collect()
    local before = resident()
    kinds[args.kind](ctx, args.flows)
    neap.sleep(0.5)
    local after = resident()
    collect()
    return ("%.0f %.0f"):format((after - before) / args.flows, (resident() - before) / args.flows)
end

--- Counts collections: of each, something is the garbage.
local function count_collections()
    local count = { cycles = 0 }
    local function mark()
        setmetatable({}, { __gc = function()
            count.cycles = count.cycles + 1
            mark()
        end })
    end
    mark()
    return count
end

--- Calls that go on, and what they leave behind.
local function work(bench)
    while true do assert(bench:put(record(7519)).id == 7519) end
end

--- How late a timer of 1 ms is, and how much of that the processor was busy.
local function tick()
    local used, due = os.clock(), neap.now() + 0.001
    neap.sleep(0.001)
    return neap.now() - due, os.clock() - used - 0.001
end

--- Ticks until so many collections have come and gone; the first has begun before.
local function watch(args)
    local count, ends = count_collections(), neap.now() + args.seconds
    local latest, busiest = 0, {}
    while count.cycles <= args.cycles and neap.now() < ends do
        local late, busy = tick()
        latest, busiest[count.cycles] = math.max(latest, late), math.max(busiest[count.cycles] or 0, busy)
    end
    table.remove(busiest, count.cycles) -- is not over
    table.sort(busiest)
    local median = assert(busiest[(#busiest + 1) // 2], "no whole collection in that time")
    return ("%.2f %.2f %d"):format(median * 1000, latest * 1000, #busiest)
end

function measures.stall(ctx, args)
    kinds[args.kind](ctx, args.flows)
    neap.sleep(0.5)
    local bench = ctx:vendor "bench"
    for _ = 1, IN_FLIGHT do neap.spawn(work, bench) end
    neap.sleep(0.5)
    collectgarbage("incremental", 100, 0, 0) -- one after the other; how much is done at a time stays as it is
    return watch(args)
end

return neap.workflow {
    summary = "Have flows wait for a bench",
    args = {
        { "measure", type = "enum", values = { "memory", "stall" }, required = true, doc = "what is measured" },
        { "kind", type = "enum", values = { "sleep", "call", "delivery" }, required = true, doc = "what waits" },
        { "flows", type = "integer", required = true, min = 1, doc = "how many" },
        { "cycles", type = "integer", default = 4, min = 1, doc = "stall: for so many collections" },
        { "seconds", type = "number", default = 180, min = 1, doc = "stall: not for longer" },
    },
    run = function(ctx, args)
        print(measures[args.measure](ctx, args))
        io.stdout:flush()
        os.exit(0) -- none of them would ever end
    end,
}
