--- optimove/listener in nginx, the file as it is: 500 events of the simulator with 20 % repeats are each handled once
--- by two workers that share a state file; a reload in the middle loses none, and what a killed worker leaves is
--- handled by the next one, without any request.

local client = require "spec.support.client"
local helper = require "spec.support.helper"
local json = require "neap.native.json"
local nginx = require "spec.support.nginx"

local API_KEY = "00000000-0000-4000-8000-000000000000"
local KEY = "5f1c9a02b77e4d"
local EVENTS = helper.scale(500, 120)

--- Each event comes by a connection of its own, which the system gives to one worker or the other.
local SERVER = [[
    keepalive_timeout 0;
    access_log by-worker.log by_worker;
    location /hooks/ { neap_script %s/scripts/optimove/listener.lua; }
]]

local HTTP = [[
    log_format by_worker '$pid $status';
    neap_setting optimove.base_url %s;
    neap_secret optimove.api_key file:api.key;
    neap_setting listener_out %s;
    neap_secret listener_key file:listener.key;
]]

describe("optimove/listener in nginx", function()
    local sandbox, vendor, server, out

    before_each(function()
        sandbox = helper.start { "sandbox", "--port", "0" }
        vendor = tonumber(assert(sandbox:line()):match ":(%d+)$")
        out = helper.tmpdir() .. "/out"
        server = nginx.start {
            workers = 2, listen = "reuseport", server = SERVER:format(helper.root),
            http = HTTP:format(("http://127.0.0.1:%d/optimove"):format(vendor), out),
            files = { ["api.key"] = API_KEY, ["listener.key"] = KEY .. "\n" },
        }
    end)

    after_each(function()
        sandbox:signal "TERM"
        local code = sandbox:wait().code
        server:stop "exited on signal 9"
        assert.equal(143, code, sandbox:err())
    end)

    local function events_path() return out .. "/events.ndjson" end

    --- The lines that were written: how many, and how many of them are different events.
    local function handled()
        local seen, count, different = {}, 0, 0
        local text = helper.exists(events_path()) and helper.read(events_path()) or ""
        for line in text:gmatch "([^\n]*)\n" do
            local event = assert(json.decode(line))
            local key = ("%s %s %s"):format(event.event, event.campaign, event.time)
            if not seen[key] then different = different + 1 end
            seen[key], count = true, count + 1
        end
        return count, different
    end

    --- Waits until all are handled, and that none is twice.
    local function await_events(wanted)
        helper.wait_for(function() return select(2, handled()) >= wanted end, wanted .. " events")
        assert.same({ wanted, wanted }, { handled() })
    end

    --- Asks the simulator, with the key that it wants.
    local function tell_vendor(path, body)
        local connection = client.connect(vendor)
        connection:send((client.text { path = "/optimove" .. path, body = json.encode(body), headers = {
            ["Content-Type"] = "application/json", ["X-API-KEY"] = API_KEY,
        } }))
        return connection
    end

    --- Has the simulator make so many events and send them: the connection with its answer.
    local function emit(count)
        local url = server:url("/hooks/" .. KEY)
        local registered <close> = tell_vendor("/general/RegisterEventListener",
            { EventTypeID = 13, ListenerURL = url })
        assert.equal(200, registered:response().status)
        return tell_vendor("/sandbox/emit",
            { EventTypeID = 13, CampaignID = 1000, ChannelID = 504, count = count, ["repeat"] = 0.2 })
    end

    --- What each worker has answered: pid -> how often 200; and how many answers there are in all.
    local function answers()
        local by_pid, count = {}, 0
        for pid, status in helper.read(server.dir .. "/by-worker.log"):gmatch "(%d+) (%d+)\n" do
            count = count + 1
            if status == "200" then by_pid[tonumber(pid)] = (by_pid[tonumber(pid)] or 0) + 1 end
        end
        return by_pid, count
    end

    --- Waits for that answer: every send has been answered with 200.
    local function await_sent(count, connection)
        local res = connection:response()
        connection:close()
        local answer = json.decode(res.body)
        assert.equal(count, answer.events)
        assert.is_true(answer.posts > count)
        assert.equal(answer.posts, answer.delivered)
        helper.wait_for(function() return select(2, answers()) >= answer.posts end, "the lines of the access log")
        return answer
    end

    it("handles 500 events with 20 % repeats once each, by two workers", function()
        local answer = await_sent(EVENTS, emit(EVENTS))
        await_events(EVENTS)
        local by_pid, count = answers()
        assert.equal(answer.posts, count)
        for _, pid in ipairs(server:workers()) do assert.is_true((by_pid[pid] or 0) > EVENTS // 10) end
    end)

    it("loses none by a reload in the middle", function()
        local connection = emit(EVENTS)
        helper.wait_for(function() return handled() > EVENTS // 10 end, "the first events")
        local old = server:reload()
        local answer = await_sent(EVENTS, connection)
        await_events(EVENTS)
        local by_pid, count = answers()
        assert.equal(answer.posts, count)
        local before = (by_pid[old[1]] or 0) + (by_pid[old[2]] or 0)
        assert.is_true(before > 0 and before < count)
        helper.wait_for(function()
            return not nginx.is_alive(old[1]) and not nginx.is_alive(old[2])
        end, "the end of the old workers")
    end)

    it("handles what killed workers leave, without any request", function()
        local in_the_way = helper.quote(events_path())
        assert(os.execute("mkdir -p " .. in_the_way))
        local answer = await_sent(30, emit(30))
        server:wait_log "inbox: [^\n]*"
        local old = server:workers()
        for _, pid in ipairs(old) do server:signal("KILL", pid) end
        assert(os.execute("rmdir " .. in_the_way))
        helper.wait_for(function()
            local new = server:workers()
            return #new == 2 and new[1] ~= old[1] and new[1] ~= old[2] and new[2] ~= old[1] and new[2] ~= old[2]
        end, "new workers")
        await_events(30)
        assert.equal(answer.posts, (select(2, answers())))
    end)

    it("starts the flow of the day, once", function()
        for _ = 1, 2 do
            local res = client.ask(server.port, { path = "/hooks/" .. KEY,
                body = json.encode { EventTypeID = 3, TimeStamp = "2025-12-31 07:12:00" } })
            assert.equal(200, res.status)
        end
        server:wait_log "flow done"
        assert.equal("2025-12-30", json.decode(helper.read(out .. "/2025-12-30/manifest.json")).date)
        assert.equal(1, select(2, server:log():gsub("flow started", "")))
    end)
end)
