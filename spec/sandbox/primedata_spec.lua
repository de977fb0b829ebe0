--- The simulator of PrimeData: what it accepts, refuses and answers.

require "spec.support.helper"
local simulator = require "spec.support.simulator"

local json = require "neap.native.json"
local lenient = require "neap.lang.lenient"

local PROFILES, EVENTS = "/pub/profiles/advanced-search", "/pub/events/advanced-search"

describe("the simulator of PrimeData", function()
    local sim

    before_each(function() sim = simulator.new "primedata" end)

    local function ask(path, body, key)
        return sim:send("POST", path, { json = body, headers = { ["x-api-key"] = key or simulator.KEY } })
    end

    local function email(who) return { email = { who .. "@example.com" } } end

    --- All pages of a query. -> events, sizes of the pages
    local function walk(body)
        local events, sizes = {}, {}
        repeat
            local res = ask(EVENTS, body)
            assert.equal(200, res.status, res.text)
            sizes[#sizes + 1] = #res.value.data
            for _, event in ipairs(res.value.data) do events[#events + 1] = event end
            body.cursor = res.value.cursor.next
            assert.equal(res.value.cursor.has_more, body.cursor ~= nil)
        until not res.value.cursor.has_more
        return events, sizes
    end

    --- Events as texts, keys in one order.
    local function texts(events)
        local list = {}
        for i, event in ipairs(events) do
            list[i] = json.encode(json.decode(json.encode(event)), { sorted = true })
        end
        return list
    end

    describe("refuses", function()
        local function error_of(res) return { res.status, res.value.error.code, res.value.error.message } end

        it("another key, or none", function()
            local wanted = { 401, "authentication_error", "Failure to properly authenticate yourself in the request." }
            assert.same(wanted, error_of(ask(PROFILES, { profile_id = "x" }, "other")))
            assert.same(wanted, error_of(sim:send("POST", EVENTS, { json = { profile_id = "x" } })))
        end)

        it("what is no JSON object", function()
            local text = "Invalid request errors arise when your request has invalid parameters."
            local headers = { ["x-api-key"] = simulator.KEY, ["content-type"] = "application/json" }
            for _, body in ipairs { "", "{", "[]", "7" } do
                local res = sim:send("POST", PROFILES, { body = body, headers = headers })
                assert.same({ 400, "invalid_request_error", text }, error_of(res))
            end
            headers["content-type"] = "text/plain"
            local res = sim:send("POST", PROFILES, { body = '{"profile_id":"x"}', headers = headers })
            assert.equal(400, res.status)
        end)

        it("other paths and methods", function()
            for _, target in ipairs { "/pub/profiles", "/pub/events/advanced-search/", "/" } do
                assert.equal(404, ask(target, { profile_id = "x" }).status)
            end
            assert.equal(404, sim:send("GET", PROFILES, { headers = { ["x-api-key"] = simulator.KEY } }).status)
        end)

        local known = email "a"
        local cases = {
            { PROFILES, {}, "identities or profile_id is required" },
            { PROFILES, { identities = { phone_numdber = { "0123456789" } } },
                "Invalid Identities {phone_numdber=[0123456789]}" },
            { PROFILES, { identities = { email = { "a@example.com" }, x = { "1" }, y = json.array {} } },
                "Invalid Identities {x=[1], y=[]}" },
            { PROFILES, { identities = { phone_number = { 123456789 } } },
                "Invalid Identities {phone_number=[123456789]}" },
            { PROFILES, { identities = { phone_number = "0123456789" } },
                "Invalid Identities {phone_number=0123456789}" },
            { PROFILES, { identities = { phone_number = { "" } } }, "Invalid Identities {phone_number=[]}" },
            { PROFILES, { identities = {} }, "Invalid Identities {}" },
            { PROFILES, { identities = json.array {} }, "Invalid Identities []" },
            { PROFILES, { profile_id = 7 }, "Invalid Profile Id 7" },
            { PROFILES, { profile_id = json.null }, "Invalid Profile Id null" },
            { PROFILES, { identities = known, type = { "traits" } }, "Invalid Type [traits]" },
            { PROFILES, { identities = known, type = "trait" }, "Invalid Type trait" },
            { PROFILES, { identities = known, type = json.array {} }, "Invalid Type []" },
            { PROFILES, { identities = known, include = { 5 } }, "Invalid Include [5]" },
            { PROFILES, { identities = known, limit = 5 }, "Invalid Fields {limit=5}" },
            { EVENTS, { identities = known, type = { "trait" } }, "Invalid Fields {type=[trait]}" },
            { EVENTS, { identities = known, include = { "OrderCreated", "Nope" } },
                "Invalid Include [OrderCreated, Nope]" },
            { EVENTS, { identities = known, limit = 0 }, "Invalid Limit 0" },
            { EVENTS, { identities = known, limit = 101 }, "Invalid Limit 101" },
            { EVENTS, { identities = known, limit = "5" }, "Invalid Limit 5" },
            { EVENTS, { identities = known, limit = 2.5 }, "Invalid Limit 2.5" },
            { EVENTS, { identities = known, sort = "ASC" }, "Invalid Sort ASC" },
            { EVENTS, { identities = known, start = "2023-02-30" }, "Invalid Start 2023-02-30" },
            { EVENTS, { identities = known, start = "2023-01-01 10:00:00" }, "Invalid Start 2023-01-01 10:00:00" },
            { EVENTS, { identities = known, ["end"] = 20230101 }, "Invalid End 20230101" },
            { EVENTS, { identities = known, cursor = "" }, "Invalid Cursor " },
            { EVENTS, { identities = known, cursor = "garbage!" }, "Invalid Cursor garbage!" },
            { EVENTS, { identities = known, cursor = "MTIzOjphYmM=" }, "Invalid Cursor MTIzOjphYmM=" },
        }
        for _, case in ipairs(cases) do
            it(case[3] .. " of " .. json.encode(case[2], { sorted = true }), function()
                assert.same({ 400, "validation_error", case[3] }, error_of(ask(case[1], case[2])))
            end)
        end

        it("ids and identities of nobody; events of nobody's identities are none", function()
            local wanted = { 404, "not_found", "Profile was not found." }
            assert.same(wanted, error_of(ask(PROFILES, { profile_id = "2YhQlO5kmTIRCu22QrO9BmgwbIy" })))
            assert.same(wanted, error_of(ask(EVENTS, { profile_id = "2YhQlO5kmTIRCu22QrO9BmgwbIy" })))
            assert.same(wanted, error_of(ask(PROFILES, { identities = { crm_user_id = { "1000001" } } })))
            assert.same(wanted, error_of(ask(PROFILES, { identities = { crm_user_id = { "0" } } })))
            assert.same(wanted, error_of(ask(PROFILES, { identities = { clevertap_device_id = { "ct-3" } } })))
            local res = ask(EVENTS, { identities = email "nobody" })
            assert.equal('{"data":[],"cursor":{"has_more":false}}', res.text)
        end)

        it("a cursor of another profile or span", function()
            local page = ask(EVENTS, { identities = email "a", limit = 10, sort = "asc" }).value
            local cursor = page.cursor.next
            assert.equal(400, ask(EVENTS, { identities = email "b", cursor = cursor }).status)
            assert.equal(400, ask(EVENTS, { identities = email "nobody", cursor = cursor }).status)
            assert.equal(400, ask(EVENTS, { identities = email "a", start = "2024-01-01", cursor = cursor }).status)
            assert.equal(200, ask(EVENTS, { identities = email "a", cursor = cursor }).status)
        end)
    end)

    describe("answers profiles", function()
        it("as the vendor's page prints them, by any identity and by id", function()
            local res = ask(PROFILES, { identities = { phone_number = { "0123456789" } } })
            assert.equal(200, res.status)
            assert.same({ "data" }, { next(res.value), next(res.value, "data") })
            local profile = res.value.data
            assert.matches("^%w+$", profile.profile_id)
            assert.equal(27, #profile.profile_id)
            assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", profile.last_updated)
            assert.matches("^%d%d%d%d:%d%d:%d%dT%d%d:%d%d:%d%dZ$", profile.p_trait.last_time_purchased)
            assert.equal("integer", math.type(profile.p_trait.ltv))
            assert.same({ "0900000001", "0123456789" }, profile.identity.phone_number)
            assert.same({ profile_id = profile.profile_id }, { profile_id = sim.sim:snapshot "profile:1".profile_id })
            assert.equal(res.text, ask(PROFILES, { profile_id = profile.profile_id }).text)
            assert.equal(res.text, ask(PROFILES, { identities = email "a" }).text)
        end)

        it("of every number that there is, none twice", function()
            local ids = {}
            for _, number in ipairs { 1, 2, 3, 4, 62, 3844, 999999, 1000000 } do
                for name, values in pairs(sim.sim:snapshot("profile:" .. number).identity) do
                    for _, value in ipairs(values) do
                        local found = ask(PROFILES, { identities = { [name] = { value } } }).value.data
                        assert.equal(("%d"):format(number), found.identity.crm_user_id[1])
                        ids[found.profile_id] = number
                        assert.equal(200, ask(PROFILES, { profile_id = found.profile_id }).status)
                    end
                end
            end
            local count = 0
            for _ in pairs(ids) do count = count + 1 end
            assert.equal(8, count)
            assert.is_nil(sim.sim:snapshot "profile:1000001")
            assert.equal(1000000, sim.sim:snapshot "count")
        end)

        it("with the blocks and properties that are asked for", function()
            local function keys(body)
                body.identities = email "c"
                return ask(PROFILES, body).value.data
            end
            local some = keys { type = { "trait", "ptrait" } }
            assert.is_table(some.trait)
            assert.is_table(some.p_trait)
            assert.is_nil(some.identity)
            some = keys { include = { "full_name", "phone_number", "ltv", "nonsense" } }
            assert.same({ full_name = some.trait.full_name }, some.trait)
            assert.same({ phone_number = { "0900000003", "0800000003" } }, some.identity)
            assert.same({ ltv = some.p_trait.ltv }, some.p_trait)
        end)

        it("of the id, where identities of somebody else are given too", function()
            local id = sim.sim:snapshot "profile:2".profile_id
            assert.equal(id, ask(PROFILES, { profile_id = id, identities = email "a" }).value.data.profile_id)
            assert.equal(404, ask(PROFILES, { profile_id = "x", identities = email "a" }).status)
        end)

        it("the same in every run", function()
            local again = simulator.new "primedata"
            assert.same(sim.sim:snapshot "profile:77", again.sim:snapshot "profile:77")
            assert.same(sim.sim:snapshot "events:3", again.sim:snapshot "events:3")
        end)
    end)

    describe("answers events", function()
        it("617, 412 and 205 of the first three profiles, as the vendor's page prints them", function()
            for number, count in ipairs { 617, 412, 205 } do
                local who = ("abc"):sub(number, number)
                local events, sizes = walk { identities = email(who), sort = "asc", limit = 100 }
                assert.equal(count, #events)
                assert.equal(math.ceil(count / 100), #sizes)
                assert.same(texts(sim.sim:snapshot("events:" .. number)), texts(events))
            end
            local event = sim.sim:snapshot "events:1"[1]
            assert.matches("^Shop%.OrderCreated%.%d+$", event.id)
            assert.matches("^2023:%d%d:%d%dT%d%d:%d%d:%d%dZ$", event.time_stamp)
            assert.equal(60, lenient.instant(event.sent_at) - lenient.instant(event.time_stamp))
            assert.matches("^2023%-%d%d%-%d%dT%d%d:%d%d:%d%d$", event.properties.at)
            assert.equal("0.1", event.input_schema_version)
        end)

        it("of orders with number, total and time, as they are created and completed", function()
            local created, numbers = nil, {}
            for _, event in ipairs(sim.sim:snapshot "events:1") do
                local properties = event.properties
                if event.event_name == "OrderCreated" then
                    created = properties
                    assert.is_true(properties.order_revenue >= 0)
                elseif event.event_name == "OrderCompleted" then
                    assert.is_nil(numbers[properties.order_id])
                    numbers[properties.order_id] = true
                    assert.equal(created.order_revenue, properties.order_revenue)
                    assert.equal(lenient.instant(event.time_stamp), lenient.instant(properties.order_date))
                end
            end
            assert.is_truthy(next(numbers))
        end)

        it("in the order that is asked for, or in none", function()
            local function times(sort)
                local list = {}
                local body = { identities = email "b", sort = sort, limit = 30 }
                for i, event in ipairs((walk(body))) do list[i] = lenient.instant(event.time_stamp) end
                return list
            end
            local rising, falling, mixed = times "asc", times "desc", times(nil)
            local sorted = table.move(rising, 1, #rising, 1, {})
            table.sort(sorted)
            assert.same(sorted, rising)
            for i, time in ipairs(falling) do assert.equal(rising[#rising + 1 - i], time) end
            assert.are_not.same(sorted, mixed)
            table.sort(mixed)
            assert.same(sorted, mixed)
        end)

        it("of which two may have one time and one id, also on both sides of a page's end", function()
            local events = sim.sim:snapshot "events:1"
            local twins = 0
            for i = 2, #events do
                local is_twin = events[i].id == events[i - 1].id
                assert.equal(is_twin, events[i].time_stamp == events[i - 1].time_stamp)
                if is_twin then
                    twins = twins + 1
                    assert.are_not.equal(events[i].event_name, events[i - 1].event_name)
                end
            end
            assert.equal(30, twins)
            assert.equal(events[100].id, events[101].id)
        end)

        it("strictly between start and end", function()
            local all = sim.sim:snapshot "events:2"
            local function iso(event) return (event.time_stamp:gsub(":", "-", 2)) end
            local function between(from, to)
                return (walk { identities = email "b", start = from, ["end"] = to, sort = "asc", limit = 100 })
            end
            assert.same(texts { table.unpack(all, 6, 9) }, texts(between(iso(all[5]), iso(all[10]))))
            assert.same({}, between(iso(all[5]), iso(all[5])))
            assert.same({}, between(iso(all[10]), iso(all[5])))
            assert.equal(412, #between("2022-12-31", "2024-01-01"))
            assert.equal(0, #between("2024-01-01", nil))
            local shifted = iso(all[5]):gsub("Z$", "+00:00")
            assert.equal(#between(iso(all[5])), #between(shifted))
        end)

        it("filtered in short pages, one of them empty, while there is more", function()
            local body = { identities = email "a", include = { "BookingCompleted" }, sort = "asc", limit = 100 }
            local events, sizes = walk(body)
            local wanted = 0
            for _, event in ipairs(sim.sim:snapshot "events:1") do
                if event.event_name == "BookingCompleted" then wanted = wanted + 1 end
            end
            assert.equal(wanted, #events)
            local empty = 0
            for i = 1, #sizes - 1 do
                assert.is_true(sizes[i] < 100)
                if sizes[i] == 0 then empty = empty + 1 end
            end
            assert.same({ 7, 1 }, { #sizes, empty })
        end)

        it("25 of them unless asked, and counts its pages", function()
            assert.equal(25, #ask(EVENTS, { identities = email "a" }).value.data)
            walk { identities = email "c", sort = "asc", limit = 100 }
            assert.same({ ["25 unsorted"] = 1, ["100 asc"] = 3 }, sim.sim:snapshot "pages")
        end)

        it("with an opaque cursor: nanoseconds and a message id in base64", function()
            local next_cursor = ask(EVENTS, { identities = email "a", sort = "asc", limit = 7 }).value.cursor.next
            assert.matches("^[%w+/]+=*$", next_cursor)
            assert.equal(0, #next_cursor % 4)
            local pipe = assert(io.popen(("printf %%s '%s' | base64 -d"):format(next_cursor)))
            local decoded = pipe:read "a"
            pipe:close()
            local nanoseconds = decoded:match "^(%d+)::ajs%-%x+%-clean$"
            local eighth = lenient.instant(sim.sim:snapshot "events:1"[8].time_stamp)
            assert.equal(eighth, tonumber(nanoseconds) / 1e9)
        end)
    end)

    it("wraps faults as its own failures", function()
        assert.same({ error = { code = "rate_limit_error", message = "m" } }, sim.sim:failure(429, "m"))
        assert.same({ error = { message = "m" } }, sim.sim:failure(500, "m"))
        assert.same({ "get_profile", "list_events" }, sim.sim.endpoints)
    end)
end)
