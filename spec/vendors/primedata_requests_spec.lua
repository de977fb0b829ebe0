--- PrimeData: where each endpoint is, where the key travels, each request on the wire, what a failure means and
--- when it is asked again.

local helper = require "spec.support.helper"
local definition = require "spec.support.definition"

local example = require "neap.cli.describe.example"

local model = definition.clients.primedata.model

--- Reads what a command printed as a list of lines.
local function lines_of(text)
    local list = {}
    for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
    return list
end

describe("primedata", function()
    it("has two endpoints, which read", function()
        assert.same({ "get_profile", "list_events" }, model.endpoint_names)
        for name, path in pairs {
            get_profile = "/pub/profiles/advanced-search", list_events = "/pub/events/advanced-search",
        } do
            local endpoint = model.endpoints[name]
            assert.same({ "POST", path, "read", "header" },
                { endpoint.method, endpoint.path, endpoint.write, endpoint.auth })
            assert.is_string(endpoint.summary)
            assert.is_string(endpoint.source)
            assert(definition.validate("primedata." .. name, example.params(endpoint)))
        end
    end)

    it("has its key in a header, and no host of its own", function()
        local key = model.auth.header
        assert.same({ "header", "x-api-key", "api_key" }, { key.place, key.name, key.secret })
        assert.is_nil(model.base_url)
        local got = helper.cli({ "call", "primedata", "get_profile", "profile_id=x" },
            { env = { NEAP_PRIMEDATA_API_KEY = "k" } })
        assert.equal(4, got.code)
        assert.truthy(got.err:find("base_url", 1, true), got.err)
    end)

    it("retries as the vendor advises", function()
        local limit, gateway, fault = table.unpack(model.retry)
        assert.same({ { 429 }, "exponential" }, { limit.on, limit.backoff })
        assert.same({ { 502, 503, 504 }, true }, { gateway.on, gateway.gate })
        assert.is_nil(fault.gate)
        for _, rule in ipairs { gateway, fault } do
            assert.same({ "exponential", 2, 300, 3600 }, { rule.backoff, rule.base, rule.max, rule.total })
        end
        local named = {}
        for _, rule in ipairs { gateway, fault } do
            for _, status in ipairs(rule.on) do named[status] = true end
        end
        for status = 500, 511 do assert.equal(status ~= 509, named[status] or false) end
    end)

    local ID = "2YhQlO5kmTIRCu22QrO9BmgwbIy"
    local requests = {
        { "get_profile", { profile_id = ID }, '{"profile_id":"2YhQlO5kmTIRCu22QrO9BmgwbIy"}' },
        { "get_profile", { identities = { phone_number = { "0123456789" } } },
            '{"identities":{"phone_number":["0123456789"]}}' },
        { "get_profile", { identities = { crm_user_id = { 123, 749547.0 }, email = { "a@b" } } },
            '{"identities":{"crm_user_id":["123","749547"],"email":["a@b"]}}' },
        { "get_profile", { profile_id = ID, identities = { email = { "a@b" } } },
            '{"identities":{"email":["a@b"]},"profile_id":"2YhQlO5kmTIRCu22QrO9BmgwbIy"}' },
        { "get_profile", { profile_id = "x", type = { "trait", "ptrait" }, include = { "full_name", "ltv" } },
            '{"include":["full_name","ltv"],"profile_id":"x","type":["trait","ptrait"]}' },
        { "list_events", { profile_id = "x" }, '{"profile_id":"x"}' },
        { "list_events", { profile_id = "x", start = "2006-01-02", ["end"] = "2018-01-02", include = { "OrderCreated" },
            sort = "desc", limit = 12, cursor = "c" },
            '{"cursor":"c","end":"2018-01-02","include":["OrderCreated"],"limit":12,"profile_id":"x","sort":"desc",'
                .. '"start":"2006-01-02"}' },
        { "list_events", { profile_id = "x", start = "2006-01-02 10:00", ["end"] = "2006-01-02T10:00:00.5Z" },
            '{"end":"2006-01-02T10:00:00.5+00:00","profile_id":"x","start":"2006-01-02T10:00:00"}' },
    }
    for i, case in ipairs(requests) do
        it(("sends request %d of %s as the vendor wants it"):format(i, case[1]), function()
            local sent = definition.request("primedata." .. case[1], case[2])
            local noun = case[1] == "get_profile" and "profiles" or "events"
            local target = ("https://cdp.example/api/pub/%s/advanced-search"):format(noun)
            assert.same({ "POST", target, case[3] }, { sent.method, sent.url, sent.body })
            assert.same({ "Content-Type", "application/json", "Accept", "application/json", "User-Agent", "neap/0.1" },
                sent.headers)
        end)
    end
end)

describe("neap call primedata", function()
    local function call(...)
        return helper.cli { "call", "primedata", ... }
    end

    it("prints data of a profile, the whole body of events", function()
        local profile = call("get_profile", "identities.phone_number=0123456789", "--sandbox")
        assert.equal(0, profile.code, profile.err)
        assert.matches('^{"profile_id":"%w+","last_updated":"[%d-]+T[%d:]+Z","identity":{', profile.out)
        local events = call("list_events", "identities.email=a@example.com", "sort=asc", "limit=2", "--sandbox")
        assert.equal(0, events.code, events.err)
        assert.matches('^{"data":%[{.*},{.*}%],"cursor":{"has_more":true,"next":"[%w+/=]+"}}\n$', events.out)
    end)

    it("prints every event on a line with --all, in pages of 100, in the order of time", function()
        local path = helper.tmpdir() .. "/log"
        local got = call("list_events", "identities.email=a@example.com", "--all", "--sandbox", "--sandbox-log", path)
        assert.equal(0, got.code, got.err)
        local list = lines_of(got.out)
        assert.equal(617, #list)
        assert.equal(7, #lines_of(helper.read(path)))
        local last = ""
        for _, line in ipairs(list) do
            local at = line:match '"time_stamp":"([^"]*)"'
            assert.is_true(at >= last)
            last = at
        end
        got = call("list_events", "identities.email=a@example.com", "--all", "--sandbox", "sort=desc", "limit=50")
        assert.equal(list[1], lines_of(got.out)[617])
    end)

    it("finds filtered events behind an empty page", function()
        local got = call("list_events", "identities.email=a@example.com", "include=BookingCompleted", "--all",
            "--sandbox")
        assert.equal(0, got.code, got.err)
        local count = 0
        for _, line in ipairs(lines_of(got.out)) do
            assert.truthy(line:find('"event_name":"BookingCompleted"', 1, true))
            count = count + 1
        end
        assert.equal(124, count)
    end)

    local failures = {
        { { "get_profile", "identities.phone_numdber=0123456789" },
            "primedata.get_profile: rejected: HTTP 400: Invalid Identities {phone_numdber=[0123456789]}", 1 },
        { { "get_profile", "identities.email=nobody@example.com" },
            "primedata.get_profile: rejected: HTTP 404: Profile was not found.", 1 },
        { { "get_profile", "profile_id=x", "--set", "primedata.api_key=env:WRONG" },
            "primedata.get_profile: auth: HTTP 401: Failure to properly authenticate yourself in the request.", 4 },
    }
    for _, case in ipairs(failures) do
        it("says in the vendor's words: " .. case[2], function()
            local words = { "call", "primedata", "--sandbox" }
            table.move(case[1], 1, #case[1], #words + 1, words)
            local got = helper.cli(words, { env = { WRONG = "wrong" } })
            assert.equal(case[3], got.code)
            assert.equal("neap: " .. case[2], got.err:sub(1, 6 + #case[2]))
        end)
    end

    it("asks again after 429 and after every 5xx", function()
        for _, fault in ipairs { "429:p=0.4", "503:p=0.4", "500:p=0.4" } do
            local path = helper.tmpdir() .. "/log"
            local got = call("list_events", "identities.email=a@example.com", "--all", "--sandbox", "--clock",
                "virtual", "--faults", fault, "--seed", "3", "--sandbox-log", path)
            assert.equal(0, got.code, got.err)
            assert.equal(617, #lines_of(got.out))
            assert.is_true(#lines_of(helper.read(path)) > 7)
        end
    end)

    it("survives an outage of 50 minutes, and gives up after an hour", function()
        local function during(seconds)
            return call("get_profile", "identities.email=a@example.com", "--sandbox", "--clock", "virtual", "--faults",
                ("outage:status=503,from=0,to=%d"):format(seconds))
        end
        assert.equal(0, during(3000).code)
        local got = during(86400)
        assert.equal(1, got.code)
        assert.matches("primedata.get_profile: outage: HTTP 503", got.err)
        local sends = tonumber(got.err:match "%((%d+) sends%)")
        assert.is_true(sends > 12 and sends < 40, got.err)
    end)
end)
