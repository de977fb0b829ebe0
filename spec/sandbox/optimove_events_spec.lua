--- Event listeners of the Optimove simulator: who is told what, in which letter case, how often; once over
-- a real connection.

local helper = require "spec.support.helper"
require "neap"
local http = require "neap.native.http"
local json = require "neap.native.json"
local sandbox = require "neap.native.sandbox"
local support = require "spec.sandbox.optimove_support"
local task = require "neap.native.task"

local check, column = support.check, support.column

describe("the Optimove simulator's listeners", function()
    local opti, sent

    before_each(function()
        opti, sent = support.new(), {}
        opti.sim.notices.post = function(_, url, text)
            sent[#sent + 1] = { url = url, body = json.decode(text), text = text }
            return 200
        end
    end)

    local function register(event_type, channel, url)
        check(200, '{"ResponseCode":200}', opti:post("general/RegisterEventListener",
            { EventTypeID = event_type, ListenerURL = url or "https://example.com/hook", ChannelID = channel }))
    end

    local function emit(order)
        local res = opti:send("POST", "/sandbox/emit", { json = order })
        check(200, nil, res)
        return res.value
    end

    it("are listed, replaced and taken back", function()
        register(13, 504, "https%3A%2F%2Fexample.com%2Fa%3Fb")
        register(13, nil, "https://example.com/all")
        register(13, 504, "https://example.com/b")
        register(3)
        local all = opti:get("general/GetRegisteredEventListeners").value
        assert.same({ 13, 13, 3 }, column("EventTypeID", all))
        assert.same({ "https://example.com/b", "https://example.com/all", "https://example.com/hook" },
            column("ListenerURL", all))
        assert.same({ 504, json.null, json.null }, column("ChannelID", all))
        check(200, '{"ResponseCode":200}', opti:post("Triggers/UnregisterEventListener", { EventTypeID = 13 }))
        check(200, '{"ResponseCode":200}', opti:post("general/UnregisterEventListener", { EventTypeID = 13 }))
        assert.same({ "https://example.com/b", "https://example.com/hook" },
            column("ListenerURL", opti:snapshot "listeners"))
    end)

    local payloads = {
        [1] = '{"CampaignID":7,"EventTypeID":1,"TimeStamp":"2026-01-01 00:00:00"}',
        [2] = '{"EventTypeID":2,"TimeStamp":"2026-01-01 00:00:00"}',
        [3] = '{"EventTypeID":3,"TimeStamp":"2026-01-01 00:00:00"}',
        [4] = '{"CampaignID":7,"EventTypeID":4,"TimeStamp":"2026-01-01 00:00:00"}',
        [5] = '{"CampaignID":7,"ClearanceRequiredBy":"2026-01-01 01:00:00","EventTypeID":5,'
            .. '"TimeStamp":"2026-01-01 00:00:00"}',
        [11] = '{"campaignID":7,"customerID":"00000001","notes":"{\\"duration\\":7}","promoCode":["PROMO-7-1"]}',
        [13] = '{"campaignId":7,"channelId":505,"eventTypeId":13,"timeStamp":"2026-01-01 00:00:00"}',
    }
    for event_type, text in pairs(payloads) do
        it("of type " .. event_type .. " get its fields", function()
            register(event_type)
            assert.same({ events = 1, posts = 1, delivered = 1 },
                emit { EventTypeID = event_type, CampaignID = 7, ChannelID = 505 })
            assert.equal(text, sent[1].text)
        end)
    end

    it("of type 13 meet both letter cases", function()
        register(13)
        emit { EventTypeID = 13, CampaignID = 1, count = 2 }
        assert.equal(2, sent[2].body.CampaignID)
        assert.equal(504, sent[2].body.ChannelID)
        assert.is_nil(sent[2].body.campaignId)
        assert.equal(1, sent[1].body.campaignId)
    end)

    it("are told events of their type, and of their channel if they have one", function()
        register(13, 504, "https://example.com/504")
        register(13, 505, "https://example.com/505")
        register(13, nil, "https://example.com/all")
        register(1, nil, "https://example.com/1")
        assert.equal(2, emit({ EventTypeID = 13, ChannelID = 505 }).posts)
        assert.same({ "https://example.com/505", "https://example.com/all" }, column("url", sent))
        assert.equal(0, emit({ EventTypeID = 2 }).posts)
        assert.equal(2, opti:snapshot "events")
    end)

    it("are told consecutive campaigns, of type 11 consecutive customers", function()
        register(1)
        register(11)
        emit { EventTypeID = 1, CampaignID = 10, count = 3 }
        emit { EventTypeID = 11, CampaignID = 10, count = 3 }
        local campaigns, customers = {}, {}
        for i = 1, 3 do campaigns[i], customers[i] = sent[i].body.CampaignID, sent[3 + i].body.customerID end
        assert.same({ 10, 11, 12 }, campaigns)
        assert.same({ "00000001", "00000002", "00000003" }, customers)
    end)

    it("are told some events twice, some events later", function()
        register(1)
        local draws = 0
        opti.sim.env.random = function()
            draws = draws + 1
            return draws % 5 == 0 and 0.19 or 0.2
        end
        local answer = emit { EventTypeID = 1, CampaignID = 1, count = 100, ["repeat"] = 0.2 }
        assert.same({ events = 100, posts = 120, delivered = 120 }, answer)
        local seen, repeated = {}, 0
        for i, notice in ipairs(sent) do
            local before = seen[notice.text]
            if before then
                repeated = repeated + 1
                assert.is_true(i - before > 1)
            end
            seen[notice.text] = i
        end
        assert.equal(20, repeated)
    end)

    it("may fail: that is kept, there is no second try", function()
        register(1, nil, "https://example.com/1")
        register(1, 504, "https://example.com/2")
        local lines = {}
        opti.sim.env.log = function(text) lines[#lines + 1] = text end
        local tries = 0
        opti.sim.notices.post = function(_, url)
            tries = tries + 1
            if url:find "1$" then return nil, "connection refused" end
            return 500
        end
        assert.same({ events = 1, posts = 2, delivered = 0 }, emit { EventTypeID = 1 })
        assert.equal(2, tries)
        local kept = opti:snapshot "notices"
        assert.same({ 0, 500 }, column("status", kept))
        assert.equal("connection refused", kept[1].error)
        assert.same({ "notice to https://example.com/1: connection refused" }, lines)
    end)

    it("of a canceled campaign can read its customers for two hours", function()
        local args = { CampaignID = 1 }
        emit { EventTypeID = 4, CampaignID = 1 }
        local rows = opti:get("customers/GetCanceledCampaignCustomers", args).value
        assert.is_true(#rows > 50)
        assert.equal("PROMO-1-1", rows[1].PromoCode)
        opti:pass(7199)
        assert.is_true(#opti:get("customers/GetCanceledCampaignCustomers", args).value > 50)
        opti:pass(1)
        check(200, "[]", opti:get("customers/GetCanceledCampaignCustomers", args))
    end)

    it("of a held campaign can read its customers until the clearance", function()
        emit { EventTypeID = 5, CampaignID = 1 }
        assert.is_true(#opti:get("customers/GetProcessedCampaignCustomers", { CampaignID = 1 }).value > 50)
        opti:pass(3600)
        check(200, "[]", opti:get("customers/GetProcessedCampaignCustomers", { CampaignID = 1 }))
    end)

    local refused = { {}, { EventTypeID = 14 }, { EventTypeID = "1" }, { EventTypeID = 1, count = -1 },
        { EventTypeID = 1, ["repeat"] = "x" } }
    for i, order in ipairs(refused) do
        it("are not told of an order with a fault, " .. i, function()
            register(1)
            check(400, nil, opti:send("POST", "/sandbox/emit", { json = order }))
            assert.equal(0, #sent)
        end)
    end

    it("nor of one without a body", function()
        check(400, "Invalid parameter body: expected an object", opti:send("POST", "/sandbox/emit"))
    end)
end)

describe("notices of the Optimove simulator over HTTP", function()
    --- A receiver that remembers what came.
    local RECEIVER = [[
        return { new = function()
            local bodies = {}
            return {
                endpoint = function() return "hook" end,
                respond = function(_, req)
                    bodies[#bodies + 1] = { type = req:header "content-type", body = req:json() }
                    return { status = 200, body = "" }
                end,
                snapshot = function() return require("neap.native.json").array(bodies) end,
            }
        end }
    ]]

    it("reach a server", function()
        local path = helper.tmpdir() .. "/receiver.lua"
        helper.write(path, RECEIVER)
        local box = assert(sandbox.open { config = { seed = 1, vendors = { receiver = path } } })
        local server <close> = assert(require("neap.native.server").listen(box, {}))
        local client = http.open { handler = box }
        local function send(target, body)
            return assert(client:send { method = "POST", url = "http://sandbox.invalid/optimove/" .. target,
                headers = { "X-API-KEY", support.KEY, "Content-Type", "application/json" },
                body = json.encode(body), timeout = 30 })
        end
        local hook = ("http://127.0.0.1:%d/receiver/hook"):format(server:port())
        local answer = task.run(function()
            send("current/general/RegisterEventListener", { EventTypeID = 13, ListenerURL = hook })
            local res = send("sandbox/emit", { EventTypeID = 13, CampaignID = 1, count = 50, ["repeat"] = 0.5 })
            send("current/customers/UpdateCustomerAttributes", { CallbackURL = hook,
                CustomerNewAttributesValuesList = json.array { { CustomerID = "00000001",
                    Attributes = json.array { { RealFieldName = "Tier", Value = "Gold" } } } } })
            return json.decode(res:body())
        end)
        assert.equal(50, answer.events)
        assert.equal(answer.posts, answer.delivered)
        assert.is_true(answer.posts > 60 and answer.posts < 90)
        local function wait_for(count)
            return task.run(function()
                local clock = require "neap.native.clock"
                local last = clock.now() + 60
                repeat
                    local bodies = assert(box:inspect("receiver", json.null))
                    if #bodies >= count then return bodies end
                    clock.sleep(0.01)
                until clock.now() > last
            end)
        end
        local bodies = assert(wait_for(answer.posts + 1))
        assert.equal("application/json", bodies[1].type)
        assert.is_true(bodies[#bodies].body.isSuccess)
        client:close()
        server:close()
        box:close()
    end)
end)
