--- optimove/daily-campaigns.

local helper = require "spec.support.helper"
local recipes = require "spec.support.recipes"
local simulator = require "spec.support.simulator"
local json = require "neap.native.json"

local RECIPE = "optimove/daily-campaigns"

local function run(args, opts)
    local words = { "--out", ".", "--sandbox-log", "log.ndjson" }
    return recipes.run(RECIPE, table.move(args, 1, #args, #words + 1, words), opts)
end

local function manifest_of(dir) return assert(json.decode(helper.read(dir .. "/manifest.json"))) end

local function calls(dir) return recipes.by_endpoint(recipes.objects(dir .. "/log.ndjson")) end

--- What the simulator answers on 2026-01-01 at noon.
local function asked(target)
    local sim = simulator.new "optimove"
    sim.clock = 12 * 3600
    return sim:send("GET", target, { headers = { ["x-api-key"] = simulator.KEY } }).value
end

--- Customers of a campaign as the simulator has them.
local function customers(campaign)
    local list = {}
    for _, channel in ipairs(asked("/current/actions/GetCampaignDetails?CampaignID=" .. campaign).Channels) do
        local target = ("/current/customers/GetCustomerExecutionDetailsByCampaign?CampaignID=%d&ChannelID=%d")
            :format(campaign, channel.Id)
        for _, customer in ipairs(asked(target)) do list[#list + 1] = customer end
    end
    return list
end

--- A directory with Optimove's definition and a simulator that changes its answers.
---@param body string of a function(endpoint, text) that gives the text to answer with
local function altered(body)
    local dir = helper.tmpdir()
    assert(os.execute("mkdir -p " .. dir .. "/vendors/sandbox"))
    helper.write(dir .. "/vendors/optimove.lua", helper.read(helper.root .. "/lua/neap/vendors/optimove.lua"))
    helper.write(dir .. "/vendors/sandbox/optimove.lua", ([[
        local built_in = require "neap.sandbox.optimove"
        local function alter(endpoint, text) %s end
        local function whole(res)
            local parts = { res.body }
            if res.stream then res.stream(function(piece) parts[#parts + 1] = piece return true end) end
            return table.concat(parts)
        end
        local function new(env)
            local inner = built_in.new(env)
            return {
                endpoint = function(_, req) return inner:endpoint(req) end,
                respond = function(_, req)
                    local res = inner:respond(req)
                    return { status = res.status, headers = res.headers, body = alter(req.endpoint, whole(res)) }
                end,
            }
        end
        return { new = new }
    ]]):format(body))
    return dir
end

describe(RECIPE, function()
    it("writes a file for each campaign, and a manifest", function()
        local result, dir = run { "--date", "2025-12-30", "--json" }
        assert.equal(0, result.code, result.err)
        local manifest = manifest_of(dir)
        assert.same({ before = "2025-12-30", after = "2025-12-30", changed = false }, manifest.data_update)
        assert.equal("2025-12-30", manifest.date)
        local listed = asked "/current/actions/GetExecutedCampaignDetails?Date=2025-12-30"
        assert.is_true(#listed >= 5)
        assert.equal(#listed, #manifest.campaigns)
        local total = 0
        for i, entry in ipairs(manifest.campaigns) do
            local id = listed[i].CampaignID
            assert.same({ id, ("campaign-%d.ndjson"):format(id), listed[i].Status },
                { entry.id, entry.file, entry.status })
            assert.same(asked("/current/actions/GetCampaignDetails?CampaignID=" .. id), entry.details)
            local saved = recipes.objects(dir .. "/" .. entry.file)
            assert.same(customers(id), saved)
            assert.equal(#saved, entry.count)
            local by_channel = 0
            for _, channel in ipairs(entry.channels) do by_channel = by_channel + channel.count end
            assert.equal(entry.count, by_channel)
            if entry.count > 0 then assert.is_string(entry.channels[1].sends[1].ScheduledTime) end
            total = total + entry.count
        end
        assert.same({ date = "2025-12-30", campaigns = #listed, customers = total, manifest = "./manifest.json" },
            json.decode(result.out))
    end)

    it("saves yesterday by default, once there is its data", function()
        local result, dir = run({}, { env = { TZ = "UTC" } })
        assert.equal(0, result.code, result.err)
        assert.equal("2025-12-31", manifest_of(dir).date)
        -- At midnight, then every ten minutes up to 06:00, and once at the end.
        assert.same({ 1 + 36 + 1, 1 }, { calls(dir).GetLastDataUpdate, calls(dir).GetExecutedCampaignDetails })
        assert.equal(1, recipes.lines(result.err), result.err)
        result, dir = run({}, { env = { TZ = "XXX+9" } }) -- there it is still the day before
        assert.equal(0, result.code, result.err)
        assert.equal("2025-12-30", manifest_of(dir).date)
    end)

    it("asks as often and as long as it is told to", function()
        local result, dir = run { "--date", "2025-12-31", "--check-every", "1h", "--give-up-after", "3h" }
        assert.equal(1, result.code, result.err)
        assert.truthy(result.err:find("the data of 2025-12-31 was not there after 10800 s, the last is of 2025-12-30; "
            .. "--give-up-after waits longer", 1, true), result.err)
        assert.same({ GetLastDataUpdate = 4 }, calls(dir))
        assert.is_false(helper.exists(dir .. "/manifest.json"))
    end)

    it("goes on waiting after an outage that outlasts the retries", function()
        local result, dir = run { "--date", "2025-12-31", "--faults", "outage:status=503,from=600,to=12000" }
        assert.equal(0, result.code, result.err)
        assert.matches("Optimove does not answer, asking again later", result.err)
        assert.equal(3, #manifest_of(dir).campaigns)
    end)

    it("leaves no manifest where it ends early, not even an old one", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/manifest.json", "{}")
        local result = run({ "--date", "2025-12-30", "--faults", "slow:p=1,s=1;outage:status=503,from=8,to=9999999" },
            { cwd = dir })
        assert.equal(1, result.code, result.err)
        assert.matches("outage", result.err)
        assert.is_false(helper.exists(dir .. "/manifest.json"))
        local saved = recipes.objects(dir .. "/campaign-16064.ndjson")
        assert.same(customers(16064), saved) -- whole, as all that are there
    end)

    it("takes away what an earlier manifest lists, and nothing else", function()
        local dir = helper.tmpdir()
        assert.equal(0, run({ "--date", "2025-12-30" }, { cwd = dir }).code)
        local earlier, manifest = {}, manifest_of(dir)
        for _, entry in ipairs(manifest.campaigns) do earlier[#earlier + 1] = entry.file end
        local others = { "campaign-1.ndjson", "campaign-x.ndjson", "other.ndjson" }
        for _, name in ipairs(others) do helper.write(dir .. "/" .. name, "other") end
        for _, name in ipairs { "other.ndjson", "../other.ndjson", "campaign-x.ndjson", "x/campaign-1.ndjson" } do
            table.insert(manifest.campaigns, { file = name })
        end
        table.insert(manifest.campaigns, 1, "campaign-1.ndjson")
        helper.write(dir .. "/manifest.json", json.encode(manifest))
        assert.equal(0, run({ "--date", "2025-12-29", "--dry-run" }, { cwd = dir }).code)
        assert.is_true(helper.exists(dir .. "/" .. earlier[1]))
        local result = run({ "--date", "2025-12-29" }, { cwd = dir })
        assert.equal(0, result.code, result.err)
        local kept, gone = {}, 0
        for _, entry in ipairs(manifest_of(dir).campaigns) do kept[entry.file] = true end
        for _, name in ipairs(earlier) do
            assert.equal(kept[name] or false, helper.exists(dir .. "/" .. name), name)
            if not kept[name] then gone = gone + 1 end
        end
        assert.is_true(gone > 0)
        for _, name in ipairs(others) do assert.equal("other", helper.read(dir .. "/" .. name)) end
        for name in pairs(kept) do assert.is_true(helper.exists(dir .. "/" .. name)) end
    end)

    it("refuses a day that is still to come", function()
        local result, dir = run { "--date", "2026-01-03" }
        assert.same({ 2, {} }, { result.code, calls(dir) })
        assert.matches("--date 2026-01-03: that day is still to come", result.err, 1, true)
    end)

    it("says so when the data was updated meanwhile", function()
        local result, dir = run { "--date", "2025-12-30", "--set", "optimove.hourly_limit=2" }
        assert.equal(0, result.code, result.err)
        assert.same({ before = "2025-12-30", after = "2025-12-31", changed = true }, manifest_of(dir).data_update)
        assert.truthy(result.err:find("the data was updated meanwhile: pages may have moved", 1, true), result.err)
    end)

    it("writes a manifest for a day without campaigns", function()
        local result, dir = run { "--date", "2014-06-01" }
        assert.equal(0, result.code, result.err)
        assert.same({}, manifest_of(dir).campaigns)
        assert.matches('"campaigns": %[%]', helper.read(dir .. "/manifest.json"))
    end)

    it("asks all channels where the details have none, and takes numbers as text", function()
        local dir = altered [[
            text = text:gsub('"CampaignID":(%d+)', '"CampaignID":"%1"')
            if endpoint == "GetCampaignDetails" then text = text:gsub('"Channels"', '"Chanels"') end
            return text
        ]]
        local result = run({ "--date", "2025-12-31" }, { cwd = dir })
        assert.equal(0, result.code, result.err)
        local channels = asked "/current/actions/GetExecutionChannels"
        for _, entry in ipairs(manifest_of(dir).campaigns) do
            assert.equal(#channels, #entry.channels)
            assert.same(customers(entry.id), recipes.objects(dir .. "/" .. entry.file))
        end
    end)

    it("reads answers whose names have another case", function()
        local dir = altered [[
            return (text:gsub('"(%u%w*)":', function(name) return ('"%s":'):format(name:lower()) end))
        ]]
        local result = run({ "--date", "2025-12-31" }, { cwd = dir })
        assert.equal(0, result.code, result.err)
        local entries = manifest_of(dir).campaigns
        assert.equal(3, #entries)
        for _, entry in ipairs(entries) do assert.equal(#customers(entry.id), entry.count) end
        assert.equal("Successful", entries[1].status)
    end)

    it("reads in a dry run, and saves nothing", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/manifest.json", "earlier")
        local result = run({ "--date", "2025-12-30", "--dry-run" }, { cwd = dir })
        assert.equal(0, result.code, result.err)
        assert.equal("earlier", helper.read(dir .. "/manifest.json"))
        assert.is_false(helper.exists(dir .. "/campaign-16064.ndjson"))
        assert.is_nil(json.decode(result.out).manifest)
    end)

    it("refuses what cannot be before any call", function()
        for _, case in ipairs {
            { { "--date", "2025-02-30" }, "--date" }, { { "--check-every", "0s" }, "--check-every" },
            { { "--date", "2025-12-30", "--out", "/dev/null/none" }, "/dev/null" },
        } do
            local result, dir = run(case[1])
            assert.equal(2, result.code, result.err)
            assert.truthy(result.err:find(case[2], 1, true), result.err)
            assert.same({}, calls(dir))
        end
    end)

    it("makes its directory, and those above it", function()
        local result, dir = run { "--date", "2025-12-30", "--out", "new/er" }
        assert.equal(0, result.code, result.err)
        assert.is_true(helper.exists(dir .. "/new/er/manifest.json"))
    end)

    it("has these options", function()
        assert.same({ "--date", "--out", "--check-every", "--give-up-after" }, recipes.options(RECIPE))
    end)
end)
