--- Recipes across vendors: thousands of customers tagged in OmniSegment, through outages of either side and faults
-- of all kinds; what is left after an early end, and going on there.

local acceptance = require "spec.support.acceptance"
local flows = require "spec.support.flows"
local helper = require "spec.support.helper"

local RECIPE = "sync/optimove-to-omnisegment"
local equal = acceptance.equal
local CUSTOMERS = helper.scale(5000, 1000)
local MINUTE = 60
local SEEDS = helper.scale(5, 2)

--- OmniSegment takes ten batches of 50 in a second: the time when less than half of all are there.
local MIDDLE = CUSTOMERS / 500 * 0.4

local MIX = "503:p=0.05;429:p=0.02;reset:p=0.01;truncate:p=0.01"

--- 20 minutes after some seconds.
local function outage(vendor, from, minutes)
    return ("outage@%s:status=503,from=%g,to=%g"):format(vendor, from, from + (minutes or 20) * MINUTE)
end

--- Args of all customers, in ten pages and with few of them under way, so that there is a middle.
local function args(more)
    local all = {
        recipient_group = 1, action = 1000000 + CUSTOMERS, date = "2018-03-01", tag = { "spring" },
        page_size = CUSTOMERS // 10, concurrency = 8,
    }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
end

local function run(more, opts)
    opts = opts or {}
    opts.vendor, opts.ask = opts.vendor or "omnisegment", opts.ask or "members"
    return flows.run(opts.recipe or RECIPE, args(more), opts)
end

local function number_of(member) return math.tointeger(tonumber(member.member_sn)) end

--- Every customer is a member once, with one tag, and what the map takes along.
local function assert_tagged(members)
    assert.equal(CUSTOMERS, #members)
    local seen = {}
    for _, member in ipairs(members) do
        local number = number_of(member)
        equal(nil, seen[number])
        seen[number] = true
        equal("spring", member.tags)
        equal(("customer%d@example.com"):format(number), member.email)
        equal("string", type(member.first_name))
    end
    for i = 1, CUSTOMERS do equal(true, seen[i]) end
end

local function assert_done(result)
    assert.is_nil(result.err)
    local summary = result.result
    assert.is_nil(summary.ended)
    assert.same({ CUSTOMERS, CUSTOMERS, 0, 0 }, { summary.total, summary.ok, summary.failed, summary.unknown })
    assert.is_false(helper.exists(result.dir .. "/dead.ndjson"))
end

--- No vendor had to say that a limit was broken, and none was.
local function assert_within_limits(log)
    for _, status, fault in acceptance.calls(log) do equal(true, status ~= 429 or fault == "429") end
    for _, endpoint in ipairs { "import_audience", "import_audience_batch" } do
        local most = acceptance.most_per_second(log, function(name) return name == endpoint end)
        assert.is_true(most <= 10, ("%s: %d in a second"):format(endpoint, most))
    end
end

--- How often members were imported.
local function imports(members)
    local count = 0
    for _, member in ipairs(members) do count = count + member.imports end
    return count
end

describe(RECIPE, function()
    after_each(helper.assert_idle)

    it("tags all customers, each once", function()
        local result = run()
        assert_done(result)
        assert_tagged(result.known)
        assert.equal(CUSTOMERS, imports(result.known))
        assert_within_limits(result.dir .. "/log.ndjson")
        assert.is_true(result.result.seconds <= CUSTOMERS / 500)
    end)

    it("tags them one by one, too", function()
        local result = run { batch = false, concurrency = 64 }
        assert_done(result)
        assert_tagged(result.known)
        assert_within_limits(result.dir .. "/log.ndjson")
        assert.near(CUSTOMERS / 10, result.result.seconds, 1)
    end)

    for _, vendor in ipairs { "optimove", "omnisegment" } do
        it(("loses nothing in an outage of %s in the middle, 20 minutes"):format(vendor), function()
            local result = run({}, { faults = outage(vendor, MIDDLE) })
            assert_done(result)
            assert_tagged(result.known)
            assert.equal(CUSTOMERS, imports(result.known))
            assert_within_limits(result.dir .. "/log.ndjson")
            assert.is_true(acceptance.count(result.dir .. "/log.ndjson").status[503] >= 2)
            assert.is_true(result.result.seconds >= 20 * MINUTE)
        end)

        for seed = 1, SEEDS do
            it(("and with other faults besides, %s, seed %d"):format(vendor, seed), function()
                local result = run({}, { faults = MIX .. ";" .. outage(vendor, MIDDLE / 2), seed = seed })
                assert_done(result)
                assert_tagged(result.known)
                assert_within_limits(result.dir .. "/log.ndjson")
                assert.is_true(imports(result.known) >= CUSTOMERS)
            end)
        end
    end

    it("takes pages that break off, one as large as all customers", function()
        for seed = 1, SEEDS do
            local result = run({ page_size = 200000 },
                { faults = "truncate@optimove:p=0.6;reset@optimove:p=0.2", seed = seed })
            assert_done(result)
            assert_tagged(result.known)
            assert.equal(CUSTOMERS, imports(result.known))
        end
    end)
end)

-- Early ends ------------------------------------------------------------------------------------

--- Members of several runs, by number.
local function union(...)
    local all, count = {}, 0
    for _, result in ipairs { ... } do
        for _, member in ipairs(result.known) do
            equal("spring", member.tags)
            local number = number_of(member)
            count = count + (all[number] and 0 or 1)
            all[number] = true
        end
    end
    return count
end

describe(RECIPE .. ", ended early", function()
    after_each(helper.assert_idle)

    it("by a source that is down for long, delivers what was read and says where to go on", function()
        local first = run({}, { faults = outage("optimove", MIDDLE / 2, 180) })
        local summary = first.result
        assert.equal("source", summary.ended.reason)
        assert.same({ summary.total, 0, 0 }, { summary.ok, summary.failed, summary.unknown })
        assert.equal(summary.total, #first.known)
        assert.is_true(summary.total > 0 and summary.total < CUSTOMERS)
        assert.equal("--skip " .. summary.total, summary.resume)
        local second = run { skip = summary.total }
        assert.is_nil(second.result.ended)
        assert.equal(CUSTOMERS - summary.total, #second.known)
        assert.equal(CUSTOMERS, union(first, second))
    end)

    it("by a target that is down for long, keeps what was read as dead letters", function()
        local first = run({}, {
            faults = outage("omnisegment", MIDDLE / 2, 180) .. ";" .. outage("optimove", MIDDLE / 2, 180),
        })
        local summary, letters = first.result, first.dir .. "/dead.ndjson"
        assert.equal("outage", summary.ended.reason)
        assert.equal(#first.known, summary.ok)
        assert.is_true(summary.failed > 0)
        local skip = summary.resume:match "^%-%-file .*dead%.ndjson, then %-%-skip (%d+)$"
        assert.equal(summary.total, tonumber(skip))
        local second = flows.run(RECIPE, { file = letters, tag = { "spring" } },
            { vendor = "omnisegment", ask = "members" })
        assert.same({ summary.failed, summary.failed }, { second.result.total, second.result.ok })
        local third = run { skip = summary.total }
        assert.equal(CUSTOMERS, union(first, second, third))
        assert.equal(CUSTOMERS, #first.known + #second.known + #third.known)
    end)
end)

-- OPM -------------------------------------------------------------------------------------------

describe("sync/optimove-to-opm", function()
    after_each(helper.assert_idle)

    for seed = 1, SEEDS do
        it(("sends all customers through outages of both and other faults, seed %d"):format(seed), function()
            local result = flows.run("sync/optimove-to-opm", {
                recipient_group = 1, action = 1000000 + CUSTOMERS, date = "2018-03-01",
                page_size = CUSTOMERS // 10, concurrency = 8,
            }, {
                vendor = "opm", ask = "customers", seed = seed,
                faults = ("%s;%s;slow@opm:p=1,s=0.05;outage@opm:status=502,from=2,to=32"):format(MIX,
                    outage("optimove", 1)),
            })
            assert_done(result)
            local count = 0
            for id, customer in pairs(result.known) do
                count = count + 1
                local number = math.tointeger(tonumber(id))
                equal(("customer%d@example.com"):format(number), customer.customerEmail)
                equal(("+8869%08d"):format(number), customer.customerPhone)
            end
            assert.equal(CUSTOMERS, count)
        end)
    end
end)
