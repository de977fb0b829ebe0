--- The Optimove simulator against the vendor's facts: paths and methods, credentials and their life, the
-- hourly limit. What it answers, refuses and remembers has specs of its own beside this one.

require "spec.support.helper"
local support = require "spec.sandbox.optimove_support"

local KEY, check = support.KEY, support.check

local LIMIT_BODY = '{"status":429,"error":"Too Many Requests",'
    .. '"message":"You have exceeded the rate limit for this API group. Please retry later."}'
local EXPIRED = "Authorization-Token expired"
local UPDATE = "/current/general/GetLastDataUpdate"

describe("the Optimove simulator", function()
    local opti

    before_each(function() opti = support.new() end)

    local function keyed(method, target, headers)
        headers = headers or { ["X-API-KEY"] = KEY }
        return opti:send(method, target, { headers = headers, json = method ~= "GET" and {} or nil })
    end

    describe("paths", function()
        local cases = {
            { "GET", UPDATE, "GetLastDataUpdate" },
            { "GET", "/general/GetLastDataUpdate", "GetLastDataUpdate" },
            { "GET", "/General/getlastdataupdate", "GetLastDataUpdate" },
            { "GET", "/CURRENT/GENERAL/GETLASTDATAUPDATE", "GetLastDataUpdate" },
            { "POST", "/current/general/login", "Login" },
            { "GET", "/current/segments/GetCustomerOneTimeActionsByDate", "GetCustomerOneTimeActionsByDate" },
            { "GET", "/customers/GetCustomerOneTimeActionsByDate", "GetCustomerOneTimeActionsByDate" },
            { "GET", "/Customers/00000001/Attributes", "GetCustomerAttributes" },
            { "GET", "/current/customers/a%2Fb/attributes", "GetCustomerAttributes" },
            { "PUT", "/current/customers/UpsertCustomer", "UpsertCustomer" },
            { "PUT", "/triggered_conditional_execution_gateway", "SetTriggeredGateway" },
            { "POST", "/current/Triggers/RegisterEventListener", "TriggersRegisterEventListener" },
        }
        for _, case in ipairs(cases) do
            local method, target, name = table.unpack(case)
            it(("%s %s is %s"):format(method, target, name), function()
                local res = keyed(method, target)
                assert.equal(name, res.endpoint)
                assert.is_true(res.status ~= 404 and res.status ~= 405)
            end)
        end

        local unknown = {
            "/", "/current", "/current/", "/current/general", "/current/general/GetLastDataUpdate/",
            "/v3.0/general/GetLastDataUpdate", "/current/current/general/GetLastDataUpdate",
            "/current/customers/GetLastDataUpdate", "/current/customers//Attributes", "/current/GetLastDataUpdate",
            "/current/actions/GetCustomerOneTimeActionsByDate", "/sandbox/other",
        }
        for _, target in ipairs(unknown) do
            it(target .. " is not found", function()
                local res = keyed("GET", target)
                assert.is_nil(res.endpoint)
                check(404, '"Not Found"', res)
            end)
        end

        local wrong = {
            { "POST", UPDATE }, { "DELETE", UPDATE }, { "HEAD", UPDATE }, { "GET", "/current/general/login" },
            { "GET", "/current/integrations/AddPromotions" }, { "POST", "/current/integrations/GetPromotions" },
            { "POST", "/current/customers/UpsertCustomer" }, { "POST", "/current/customers/1/Attributes" },
            { "GET", "/sandbox/emit" }, { "GET", "/sandbox/population" },
        }
        for _, case in ipairs(wrong) do
            it(("refuse %s %s"):format(case[1], case[2]), function()
                local res = keyed(case[1], case[2])
                assert.is_nil(res.endpoint)
                check(405, '"Method Not Allowed"', res)
            end)
        end

        it("know every function for faults", function()
            local names = opti.sim.endpoints
            assert.equal(84, #names)
            for i = 2, #names do assert.is_true(names[i - 1] < names[i], names[i]) end
        end)

        it("answer every function that is read, under both forms", function()
            for _, case in ipairs(support.READS) do
                check(200, nil, opti:get(case[1], case[2]))
                check(200, nil, opti:send("GET", "/" .. case[1]:lower() .. support.query(case[2]),
                    { headers = { ["x-api-key"] = KEY } }))
            end
        end)
    end)

    describe("credentials:", function()
        local cases = {
            { "no header", {}, 401, '"Missing Authorization-Token"' },
            { "key", { ["X-API-KEY"] = KEY }, 200 },
            { "key, name in lower case", { ["x-api-key"] = KEY }, 200 },
            { "wrong key", { ["X-API-KEY"] = KEY .. "1" }, 401, '"Unauthorized"' },
            { "empty key", { ["X-API-KEY"] = "" }, 401, '"Unauthorized"' },
            { "unknown token", { ["Authorization-Token"] = "x.y.z" }, 401, '"Unauthorized"' },
            { "the key as token", { ["Authorization-Token"] = KEY }, 401, '"Unauthorized"' },
            { "key as bearer", { ["Authorization"] = "Bearer " .. KEY }, 401, '"Missing Authorization-Token"' },
        }
        for _, case in ipairs(cases) do
            local what, headers, status, text = table.unpack(case, 1, 4)
            it(what, function() check(status, text, keyed("GET", UPDATE, headers)) end)
        end

        it("are needed by every function but Login", function()
            for _, case in ipairs(support.READS) do check(401, nil, opti:send("GET", "/current/" .. case[1])) end
            for _, case in ipairs(support.WRITES) do
                check(401, nil, opti:send("POST", "/current/" .. case[1], { json = case[2] }))
            end
            assert.same({}, opti:snapshot "calls")
        end)

        it("are judged before parameters", function()
            check(401, nil, keyed("GET", "/current/actions/GetActionName?ActionID=x", {}))
            check(401, nil, keyed("POST", "/current/integrations/AddPromotions", {}))
        end)
    end)

    describe("Login", function()
        local good = { Username = "sandbox", Password = KEY }

        it("answers a bare JSON string in five parts", function()
            local res = opti:login()
            check(200, '"' .. res.value .. '"', res)
            assert.truthy(res.value:find "^[%w_-]+%.%.[%w_-]+%.[%w_-]+%.[%w_-]+$")
            assert.is_true(#res.value > 200)
            check(200, nil, opti:with_token(res.value))
        end)

        it("gives another token each time, and the same ones to the same seed", function()
            local first = opti:login().value
            opti:pass(1200)
            local second = opti:login().value
            assert.not_equal(first, second)
            opti = support.new()
            assert.equal(first, opti:login().value)
        end)

        local names = {
            { username = "sandbox", password = KEY }, { USERNAME = "sandbox", passWord = KEY },
            { UserName = "sandbox", Password = KEY, Other = 1 },
        }
        for i, body in ipairs(names) do
            it("takes names in any letter case, " .. i, function() check(200, nil, opti:login(body)) end)
        end

        local wrong = {
            { { Username = "sandbox", Password = "x" }, 401, '"Unauthorized"' },
            { { Username = "other", Password = KEY }, 401, '"Unauthorized"' },
            { { Username = "sandbox" }, 400, "Missing parameter: Password" },
            { { Password = KEY }, 400, "Missing parameter: Username" },
            { { Username = 1, Password = KEY }, 400, "Invalid parameter Username: expected a text" },
        }
        for _, case in ipairs(wrong) do
            it(("refuses by %d %s"):format(case[2], case[3]), function()
                check(case[2], case[3], opti:login(case[1]))
                assert.equal(0, opti:snapshot "logins")
            end)
        end

        it("takes JSON alone", function()
            local res = opti:send("POST", "/current/general/login", {
                headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
                body = "Username=sandbox&Password=" .. KEY,
            })
            check(415, "Content-Type must be application/json", res)
        end)

        it("is refused while a token is valid", function()
            opti:login()
            opti:pass(600)
            local res = opti:login(good)
            check(429, LIMIT_BODY, res)
            assert.is_nil(res.headers["Retry-After"])
            opti:pass(600)
            check(200, nil, opti:login(good))
            assert.equal(2, opti:snapshot "logins")
        end)

        it("is refused more than once a second", function()
            check(401, nil, opti:login { Username = "x", Password = "x" })
            opti:pass(0.999999)
            check(429, LIMIT_BODY, opti:login(good))
            opti:pass(0.000001)
            check(200, nil, opti:login(good))
        end)

        it("counts towards the hourly limit", function()
            for _ = 1, 2000 do check(200, nil, opti:get "general/GetLastDataUpdate") end
            check(429, LIMIT_BODY, opti:login())
            assert.equal(0, opti:snapshot "logins")
        end)
    end)

    describe("a token", function()
        local token

        before_each(function() token = opti:login().value end)

        it("lives for 20 minutes from the last call", function()
            for _ = 1, 5 do
                opti:pass(1199.999)
                check(200, nil, opti:with_token(token))
            end
            opti:pass(1200)
            check(403, EXPIRED, opti:with_token(token))
        end)

        it("has expired 20 minutes after a Login without calls", function()
            opti:pass(1200)
            local res = opti:with_token(token)
            check(403, EXPIRED, res)
            assert.equal("text/plain; charset=utf-8", res.headers["Content-Type"])
        end)

        local slides = {
            { 400, "/current/actions/GetActionName" }, { 405, "/current/general/login" },
            { 200, "/current/actions/GetActionName?ActionID=999" },
        }
        for _, case in ipairs(slides) do
            it("slides by a call that answers " .. case[1], function()
                opti:pass(1000)
                check(case[1], nil, opti:with_token(token, case[2]))
                opti:pass(1000)
                check(200, nil, opti:with_token(token))
            end)
        end

        it("slides by a call over the limit", function()
            for _ = 1, 1999 do opti:get "general/GetLastDataUpdate" end
            opti:pass(1000)
            check(429, LIMIT_BODY, opti:with_token(token))
            opti:pass(1000)
            check(429, LIMIT_BODY, opti:with_token(token))
            opti:pass(1000)
            check(429, LIMIT_BODY, opti:with_token(token))
            opti:pass(600)
            check(200, nil, opti:with_token(token))
        end)

        it("does not slide by a call with another credential, or to no function", function()
            opti:pass(1000)
            opti:get "general/GetLastDataUpdate"
            opti:with_token "x"
            opti:with_token(token, "/current/general/Nothing")
            opti:pass(200)
            check(403, EXPIRED, opti:with_token(token))
        end)

        it("stays expired after the next Login", function()
            opti:pass(1200)
            local other = opti:login().value
            check(200, nil, opti:with_token(other))
            check(403, EXPIRED, opti:with_token(token))
        end)

        it("is not slid by a call that finds it expired", function()
            opti:pass(1200)
            check(403, EXPIRED, opti:with_token(token))
            check(403, EXPIRED, opti:with_token(token))
            check(200, nil, opti:login())
        end)

        it("is void after an expire fault, the next one is not", function()
            local asked
            opti.sim.env.faults = { expired = function(_, vendor, since)
                asked = vendor
                return since < 60 and opti.simulator.clock >= 60
            end }
            opti:pass(59)
            check(200, nil, opti:with_token(token))
            opti:pass(1)
            check(403, EXPIRED, opti:with_token(token))
            assert.equal("optimove", asked)
            local other = opti:login().value
            check(200, nil, opti:with_token(other))
        end)
    end)

    describe("the limit", function()
        local function fill(count)
            for _ = 1, count do check(200, nil, opti:get "general/GetLastDataUpdate") end
        end

        it("is 2,000 calls in any half-open hour", function()
            fill(2000)
            opti:pass(3599.999999999)
            local res = opti:get "general/GetLastDataUpdate"
            check(429, LIMIT_BODY, res)
            assert.is_nil(res.headers["Retry-After"])
            opti:pass(0.000000001)
            fill(2000)
            check(429, LIMIT_BODY, opti:get "general/GetLastDataUpdate")
        end)

        it("slides", function()
            fill(1000)
            opti:pass(1800)
            fill(1000)
            opti:pass(1799)
            check(429, nil, opti:get "general/GetLastDataUpdate")
            opti:pass(1)
            fill(1000)
            check(429, nil, opti:get "general/GetLastDataUpdate")
        end)

        it("counts refused parameters and expired tokens, not unknown credentials", function()
            local token = opti:login().value
            fill(1996)
            check(400, nil, opti:get "actions/GetActionName")
            opti:pass(1200)
            check(403, EXPIRED, opti:with_token(token))
            check(401, nil, opti:with_token "x")
            check(404, nil, opti:get "actions/Nothing")
            fill(1)
            check(429, LIMIT_BODY, opti:get "general/GetLastDataUpdate")
        end)

        it("is one for key and session", function()
            local token = opti:login().value
            fill(1999)
            check(429, LIMIT_BODY, opti:with_token(token))
        end)

        it("leaves SendTransactionalMail alone, and is left alone by it", function()
            local mail = { TemplateID = 1, Recipients = support.times(1, function() return { Email = "a@b.c" } end) }
            for _ = 1, 2500 do check(200, nil, opti:post("transactionalmail/SendTransactionalMail", mail)) end
            assert.equal(2500, opti:snapshot "calls:SendTransactionalMail")
            fill(2000)
            check(429, nil, opti:get "general/GetLastDataUpdate")
            check(200, nil, opti:post("transactionalmail/SendTransactionalMail", mail))
        end)

        it("does not leave SendFinalizedTransactionalMail alone", function()
            fill(2000)
            check(429, LIMIT_BODY, opti:post("transactionalmail/SendFinalizedTransactionalMail", {}))
        end)
    end)

    describe("bodies", function()
        local target = "/current/integrations/AddPromotions"
        local cases = {
            { nil, "[]", 415, "Content-Type must be application/json" },
            { "text/plain", "[]", 415, "Content-Type must be application/json" },
            { "application/json-patch", "[]", 415, "Content-Type must be application/json" },
            { "application/json", nil, 400 }, { "application/json", "[", 400 },
            { "application/json", "{}", 400, "The body must be a JSON array" },
            { "application/json", '"x"', 400, "The body must be a JSON array" },
            { "application/json", "null", 400, "The body must be a JSON array" },
            { "application/json", '[{"PromoCode":"A","PromoCode":"B","PromotionName":"x"}]', 400 },
            { "Application/JSON; charset=utf-8", '[{"PromoCode":"A","PromotionName":"x"}]', 200, "" },
        }
        for _, case in ipairs(cases) do
            local content_type, body, status, text = table.unpack(case, 1, 4)
            it(("%s: %s"):format(content_type or "no type", body or "none"), function()
                local headers = { ["X-API-KEY"] = KEY, ["Content-Type"] = content_type }
                check(status, text, opti:send("POST", target, { headers = headers, body = body }))
            end)
        end
    end)

    it("speaks as the vendor where a fault answers", function()
        assert.equal("boom", opti.sim:failure(403, "boom"))
        assert.equal(429, opti.sim:failure(429, "boom").status)
    end)

    it("knows the day of the last data update: it moves at 06:00 UTC", function()
        local cases = {
            { 0, "2025-12-30" }, { 6 * 3600 - 1, "2025-12-30" }, { 6 * 3600, "2025-12-31" },
            { 30 * 3600 - 1, "2025-12-31" }, { 30 * 3600, "2026-01-01" },
        }
        for _, case in ipairs(cases) do
            opti.simulator.clock = case[1]
            check(200, '{"Date":"' .. case[2] .. '"}', opti:get "general/GetLastDataUpdate")
        end
    end)
end)
