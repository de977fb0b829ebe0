--- optimove/listener in this process: what it takes, what it refuses, what it writes down, what it starts.

local helper = require "spec.support.helper"
local neap = require "neap"
local background = require "neap.background"
local handlers = require "neap.handler"
local host = require "neap.host"
local json = require "neap.native.json"
local log = require "neap.native.log"
local runtime = require "neap.runtime"
local scripts = require "neap.scripts"
local secrets = require "neap.native.secret"

local KEY = "5f1c9a02b77e4d"

--- A flow that writes down how it was called, and fails at first where its folder says so.
local FLOW = [[
return neap.workflow {
    args = { { "date", type = "date", required = true }, { "out", type = "path", required = true } },
    run = function(_, args)
        assert(neap.make_dir(args.out))
        assert(neap.append(args.out .. "/runs", args.date))
        print("not for standard output")
        return { date = args.date }
    end,
}
]]

--- Opens the listener in this process, in memory, and calls fn(handle, dir).
local function with_listener(settings, fn)
    local dir = helper.tmpdir()
    local lines = {}
    log.capture(function(line) lines[#lines + 1] = line end)
    runtime.configure { sandbox = true, seed = 1, script_dir = dir }
    helper.write(dir .. "/flow.lua", FLOW)
    local function run()
        host.set_secret("listener_key", assert(secrets.literal(KEY)))
        host.set("listener_out", dir .. "/out")
        host.set("listener_flow", "./flow.lua")
        for name, value in pairs(settings) do host.set(name, value) end
        local env = setmetatable({ neap = neap }, { __index = _G })
        fn(handlers.open(scripts.load(scripts.find "optimove/listener", env)(), "listener"), dir .. "/out", lines)
    end
    local ok, raised = neap.run(function()
        local ran, problem = pcall(run)
        host.drain()
        background.draining = nil -- the next spec is another process
        return ran, problem
    end, { clock = "virtual" })
    runtime.configure {}
    log.capture()
    if not ok then error(raised, 0) end
end

local function post(handle, body, more)
    local req = { method = "POST", target = "/hooks/" .. KEY, body = body, client = "127.0.0.1",
        header = function() end }
    for name, value in pairs(more or {}) do req[name] = value end
    return handle(req)
end

local function events_of(dir)
    local events = {}
    local path = dir .. "/events.ndjson"
    for line in (helper.exists(path) and helper.read(path) or ""):gmatch "([^\n]*)\n" do
        events[#events + 1] = assert(json.decode(line))
    end
    return events
end

--- Posts texts, one after the other; all must be taken. -> what was written down
local function take(texts, settings)
    local events
    with_listener(settings or {}, function(handle, dir)
        for _, text in ipairs(texts) do
            local res = post(handle, text)
            assert.equal("table", type(res.body), text)
            assert.is_nil(res.status)
        end
        neap.sleep(60)
        events = events_of(dir)
    end)
    return events
end

describe("optimove/listener", function()
    after_each(helper.assert_idle)

    it("takes all forms of events, whatever the case of their names", function()
        local events = take {
            '{"EventTypeID":1,"TimeStamp":"2025-12-31 05:00:00","CampaignID":5}',
            '{"eventTypeId":13,"timeStamp":"2025-12-31 05:00:00","campaignId":"5","channelId":504}',
            '{"EVENTTYPEID":"5","TIMESTAMP":"2025-12-31 05:00","CLEARANCEREQUIREDBY":"2025-12-31 06:00"}',
            '{"campaignID":5,"customerID":"C1","promoCode":["P"],"notes":"{\\"duration\\":7}"}',
            '{"EventTypeID":99,"TimeStamp":"2025-12-31 05:00:00","Unknown":{"a":[1,null]}}',
            '{"isSuccess":false,"requestId":7,"errors":[{"error":"INVALID_FIELD","customerId":"C1"}]}',
            '{"attributeName":"a","isSuccess":true}',
        }
        local types = {}
        for i, event in ipairs(events) do types[i] = event.event end
        assert.same({ 1, 13, 5, 11, 99, "attributes", "attributes" }, types)
        assert.same({ 504, "5" }, { events[2].channel, events[2].campaign })
        assert.equal("C1", events[4].customer)
        assert.same({ 1, json.null }, { table.unpack(events[5].body.Unknown.a) })
        assert.equal("INVALID_FIELD", events[6].body.errors[1].error)
        assert.matches("^2026%-01%-01T00:00:0%dZ$", events[1].received)
    end)

    it("knows a repeat by its ids and its time, and nothing else for one", function()
        local events = take {
            '{"EventTypeID":13,"TimeStamp":"2025-12-31 05:00:00","CampaignID":5,"ChannelID":504}',
            '{"eventTypeId":"13","timeStamp":"2025-12-31 05:00:00","channelId":"504","campaignId":5,"new":1}',
            '{"EventTypeID":13,"TimeStamp":"2025-12-31 05:00:00","CampaignID":5,"ChannelID":505}',
            '{"EventTypeID":13,"TimeStamp":"2025-12-31 05:00:01","CampaignID":5,"ChannelID":504}',
            '{"EventTypeID":13,"TimeStamp":"2025-12-31 05:00:00","CampaignID":6,"ChannelID":504}',
            '{"EventTypeID":4,"TimeStamp":"2025-12-31 05:00:00","CampaignID":5}',
            '{"EventTypeID":4,"TimeStamp":"2025-12-31 05:00:00","CampaignID":[5,6]}',
            '{"EventTypeID":4,"TimeStamp":"2025-12-31 05:00:00","CampaignID":[5,7]}',
            '{"EventTypeID":"4","TimeStamp":"2025-12-31 05:00:00","CampaignID":[5, 7], "ChannelID":null}',
            '{"EventTypeID":14,"TimeStamp":"2025-12-31 05:00","CampaignID":5,"EngagementID":1}',
            '{"EventTypeID":14,"TimeStamp":"2025-12-31 05:00","CampaignID":5,"EngagementID":2}',
            '{"campaignID":5,"customerID":"C1","promoCode":["P"]}',
            '{"customerId":"C1","campaignId":5,"promoCode":["P"]}',
            '{"campaignID":5,"customerID":"C1","promoCode":["Q"]}',
        }
        assert.equal(10 + 1, #events)
    end)

    it("takes an event without a time once a day", function()
        with_listener({}, function(handle, dir)
            local event = '{"EventTypeID":3}'
            assert.same({ repeated = false }, post(handle, event).body)
            assert.same({ repeated = true }, post(handle, event).body)
            neap.sleep(86400)
            assert.same({ repeated = false }, post(handle, event).body)
            neap.sleep(60)
            assert.equal(2, #events_of(dir))
        end)
    end)

    it("refuses what is no event, and says nothing to who has not the key", function()
        with_listener({}, function(handle, dir)
            for _, text in ipairs { "", "hello", "{}", "[]", '[{"EventTypeID":3}]', '{"a":1}', '{"EventTypeID', "7" } do
                assert.equal(400, post(handle, text).status, text)
            end
            local event = '{"EventTypeID":3,"TimeStamp":"2025-12-31 05:00:00"}'
            for _, target in ipairs { "/hooks/" .. KEY .. "x", "/hooks", "/", "/" .. KEY .. "/", "/hooks/" } do
                assert.equal(404, post(handle, event, { target = target }).status, target)
            end
            assert.equal(405, post(handle, nil, { method = "GET" }).status)
            assert.equal("POST", post(handle, nil, { method = "PUT" }).headers.Allow)
            neap.sleep(60)
            assert.same({}, events_of(dir))
        end)
    end)

    it("takes a time that is none as today's", function()
        with_listener({}, function(handle, dir, lines)
            assert.is_false(post(handle, '{"EventTypeID":3,"TimeStamp":"99/99/9999"}').body.repeated)
            neap.sleep(60)
            assert.is_true(helper.exists(dir .. "/" .. neap.day(-1) .. "/runs"))
            assert.matches("the time of an event is none", table.concat(lines), 1, true)
        end)
    end)

    it("starts the flow for the day before, once while it waits", function()
        with_listener({}, function(handle, dir, lines)
            post(handle, '{"EventTypeID":13,"TimeStamp":"2025-12-31 05:00:00","CampaignID":5,"ChannelID":504}')
            post(handle, '{"EventTypeID":3,"TimeStamp":"2025-12-31 05:00:00"}')
            post(handle, '{"EventTypeID":3,"TimeStamp":"2025-12-31 05:00:00"}')
            post(handle, '{"EventTypeID":3,"TimeStamp":"1/2/2025 05:00:00 AM"}')
            neap.sleep(60)
            assert.equal("2025-12-30\n", helper.read(dir .. "/2025-12-30/runs"))
            assert.equal("2025-01-01\n", helper.read(dir .. "/2025-01-01/runs"))
            post(handle, '{"EventTypeID":3,"TimeStamp":"2025-12-31 09:00:00"}') -- the process ran again
            neap.sleep(60)
            assert.equal("2025-12-30\n2025-12-30\n", helper.read(dir .. "/2025-12-30/runs"))
            assert.matches("not for standard output", table.concat(lines), 1, true)
        end)
    end)

    it("starts it on the events and for the day that settings name", function()
        with_listener({ listener_start_on = "1, 13", listener_days_back = "0" }, function(handle, dir)
            post(handle, '{"EventTypeID":3,"TimeStamp":"2025-12-29 05:00:00"}')
            post(handle, '{"EventTypeID":"13","TimeStamp":"2025-12-31 05:00:00","CampaignID":5}')
            neap.sleep(60)
            assert.equal("2025-12-31\n", helper.read(dir .. "/2025-12-31/runs"))
            assert.is_false(helper.exists(dir .. "/2025-12-29/runs"))
        end)
        with_listener({ listener_start_on = "none" }, function(handle, dir)
            post(handle, '{"EventTypeID":3,"TimeStamp":"2025-12-29 05:00:00"}')
            neap.sleep(60)
            assert.equal(1, #events_of(dir))
            assert.is_false(helper.exists(dir .. "/2025-12-28/runs"))
        end)
    end)

    it("tries a flow again that has failed, and events while they cannot be written", function()
        with_listener({}, function(handle, dir, lines)
            assert(os.execute("mkdir " .. helper.quote(dir .. "/events.ndjson")))
            helper.write(dir .. "/2025-12-30", "in the way")
            post(handle, '{"EventTypeID":3,"TimeStamp":"2025-12-31 05:00:00"}')
            neap.sleep(30)
            assert(os.execute("rmdir " .. helper.quote(dir .. "/events.ndjson")))
            neap.sleep(200)
            assert.equal(1, #events_of(dir))
            assert.matches("inbox: not handled", table.concat(lines), 1, true)
            os.remove(dir .. "/2025-12-30")
            neap.sleep(3600)
            assert.equal("2025-12-30\n", helper.read(dir .. "/2025-12-30/runs"))
        end)
    end)

    it("says what is wrong with its settings", function()
        local function fails(settings)
            local ok, raised = pcall(with_listener, settings, function() end)
            assert.is_false(ok)
            return tostring(raised)
        end
        assert.matches('listener_start_on: "three" is no type', fails { listener_start_on = "3,three" }, 1, true)
        assert.matches("listener_days_back", fails { listener_days_back = "-1" }, 1, true)
        assert.matches("listener_keep", fails { listener_keep = "soon" }, 1, true)
    end)
end)
