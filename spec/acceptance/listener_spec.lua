--- optimove/listener under `neap serve`: 500 events of the simulator with 20 % repeats are each handled once, by two
--- processes too; a kill loses none; the event that a day is over starts the flow.

local helper = require "spec.support.helper"

local neap = require "neap"
local http = require "neap.http"
local json = require "neap.native.json"
local runtime = require "neap.runtime"

local API_KEY = "00000000-0000-4000-8000-000000000000"
local KEY = "5f1c9a02b77e4d"
local EVENTS = helper.scale(500, 120)

--- What one spec has: processes, a home, and the folder that the listener writes to.
local place

local function server_of(process)
    local line = process:line()
    return assert(line and line:match "^listening on (.*)$", process:err())
end

local function start(args, env, cwd)
    local process = helper.start(args, { home = place.home, env = env, cwd = cwd })
    place.processes[#place.processes + 1] = process
    return server_of(process), process
end

--- Starts a listener. -> its URL with the key, the process
local function listen()
    local base, process = start({ "serve", "optimove/listener", "--port", "0", "--set", "listener_out=" .. place.out },
        place.env)
    return base .. "/hooks/" .. KEY, process
end

local function post(url, body)
    local res = assert(http.request { url = url, body = json.encode(body), timeout = 60 })
    return res.status, json.decode(res.body or "")
end

--- The events that were handled, by their line; how many lines there are.
local function handled()
    local path, lines, count = place.out .. "/events.ndjson", {}, 0
    for line in (helper.exists(path) and helper.read(path) or ""):gmatch "([^\n]*)\n" do
        local event = assert(json.decode(line))
        lines[("%s %s %s"):format(event.event, event.campaign, event.time)] = event
        count = count + 1
    end
    return lines, count
end

local function count_different(lines)
    local count = 0
    for _ in pairs(lines) do count = count + 1 end
    return count
end

--- Waits until so many events have been handled, and that no inbox has more of them.
local function await_lines(wanted)
    helper.wait_for(function()
        local _, count = handled()
        return count >= wanted
    end, wanted .. " events")
    local lines, count = handled()
    assert.same({ wanted, wanted }, { count, count_different(lines) })
end

local function register(url, ...)
    local result = helper.cli({ "run", "optimove/register-listeners", "--url", url, "--events", "13", ... },
        { home = place.home, env = place.env })
    assert.equal(0, result.code, result.err)
end

--- Has the simulator make events, and send them.
local function emit()
    return neap.run(function()
        local status, answer = post(place.vendor .. "/sandbox/emit",
            { EventTypeID = 13, CampaignID = 1000, ChannelID = 504, count = EVENTS, ["repeat"] = 0.2 })
        assert.equal(200, status)
        return answer
    end)
end

describe("optimove/listener", function()
    before_each(function()
        place = { processes = {}, home = helper.tmpdir(), out = helper.tmpdir() .. "/out" }
        place.vendor = start { "sandbox", "--port", "0" } .. "/optimove"
        place.env = {
            NEAP_OPTIMOVE_BASE_URL = place.vendor, NEAP_OPTIMOVE_API_KEY = API_KEY, NEAP_LISTENER_KEY = KEY,
        }
    end)

    after_each(function()
        for _, process in ipairs(place.processes) do process:signal "TERM" end
        for _, process in ipairs(place.processes) do process:wait() end
        runtime.close()
        helper.assert_idle()
    end)

    it("handles 500 events with 20 % repeats once each", function()
        register((listen()))
        local answer = emit()
        assert.equal(EVENTS, answer.events)
        assert.is_true(answer.posts > EVENTS * 1.1)
        assert.equal(answer.posts, answer.delivered)
        await_lines(EVENTS)
    end)

    it("does so in two processes that get them all", function()
        register((listen()))
        register((listen()), "--channel", "504")
        local answer = emit()
        assert.is_true(answer.posts > 2 * EVENTS * 1.1)
        assert.equal(answer.posts, answer.delivered)
        await_lines(EVENTS)
    end)

    --- Sends events, twenty at a time, until half are accepted; then kills. -> those accepted, by campaign
    local function send_and_kill(url, process)
        local accepted, count, numbers = {}, 0, {}
        for i = 1, EVENTS do numbers[i] = i end
        neap.run(function()
            neap.map(numbers, { concurrency = 20 }, function(i)
                if count == EVENTS // 2 then process:signal "KILL" end
                local res = http.request { url = url, timeout = 60, body = json.encode {
                    EventTypeID = 13, CampaignID = i, ChannelID = 504, TimeStamp = "2025-12-31 05:00:00",
                } }
                if res and res.status == 200 then accepted[i], count = true, count + 1 end
            end)
        end)
        assert.is_true(count >= EVENTS // 2 and count < EVENTS)
        return accepted
    end

    local function await_all(accepted)
        helper.wait_for(function()
            local lines = handled()
            for i in pairs(accepted) do
                if not lines[("13 %d 2025-12-31 05:00:00"):format(i)] then return false end
            end
            return true
        end, "what was accepted")
        local lines, count = handled()
        assert.equal(count, count_different(lines))
    end

    it("loses none that it has answered for, killed in the middle", function()
        local accepted = send_and_kill(listen())
        listen()
        await_all(accepted)
    end)

    it("takes events while it cannot handle them, and does so at the next start", function()
        local in_the_way = helper.quote(place.out .. "/events.ndjson")
        assert(os.execute("mkdir -p " .. in_the_way))
        local accepted = send_and_kill(listen())
        assert(os.execute("rmdir " .. in_the_way))
        listen()
        await_all(accepted)
    end)

    it("takes events for each folder, named alike from two places", function()
        local event = { EventTypeID = 13, CampaignID = 1, TimeStamp = "2025-12-31 05:00:00" }
        for _, cwd in ipairs { place.home, place.out } do
            assert(os.execute("mkdir -p " .. helper.quote(cwd)))
            local base = start({ "serve", "optimove/listener", "--port", "0", "--set", "listener_out=events" },
                place.env, cwd)
            neap.run(function()
                local _, answer = post(base .. "/hooks/" .. KEY, event)
                assert.same({ repeated = false }, answer)
            end)
            helper.wait_for(function() return helper.exists(cwd .. "/events/events.ndjson") end, "the event")
        end
    end)

    it("starts the flow of the day, once, when the daily process is over", function()
        local url, process = listen()
        neap.run(function()
            for _ = 1, 2 do
                local status = post(url, { EventTypeID = 3, TimeStamp = "2025-12-31 07:12:00" })
                assert.equal(200, status)
            end
        end)
        local manifest = place.out .. "/2025-12-30/manifest.json"
        helper.wait_for(function() return helper.exists(manifest) end, "the manifest")
        assert.equal("2025-12-30", json.decode(helper.read(manifest)).date)
        helper.wait_for(function() return process:err():find "flow done" end, "the end of the flow")
        local _, runs = process:err():gsub("flow started", "")
        assert.equal(1, runs)
    end)
end)
