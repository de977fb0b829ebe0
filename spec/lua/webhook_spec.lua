--- neap.webhook: what is taken, and what is refused of what a sender without the secret can make.

local neap = require "neap"
local clock = require "neap.native.clock"
local errors = require "neap.error"
local helper = require "spec.support.helper"
local hmac = require "neap.native.hmac"
local secret = require "neap.native.secret"
local sender = require "spec.support.webhook"

local STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
local BODY = '{"test": 2432232314}'

local function in_task(fn)
    return function() neap.run(fn, { clock = "virtual" }) end
end

--- Verifies, and gets the status of the refusal.
local function refused(hook, req)
    local event, err = hook:verify(req)
    assert.is_nil(event)
    assert.is_true(errors.is(err))
    assert.equal("auth", err.kind)
    assert.is_nil(err.message:find("[\r\n]"))
    return err.status, err.message
end

--- All texts that differ from one in one byte: changed, gone, or one more.
local function variants(text)
    local list = {}
    for i = 1, #text do
        local byte = text:byte(i)
        list[#list + 1] = text:sub(1, i - 1) .. string.char(byte ~ 1) .. text:sub(i + 1)
        list[#list + 1] = text:sub(1, i - 1) .. string.char(byte ~ 0x80) .. text:sub(i + 1)
        list[#list + 1] = text:sub(1, i - 1) .. text:sub(i + 1)
        list[#list + 1] = text:sub(1, i) .. "0" .. text:sub(i + 1)
    end
    return list
end

local function fault(spec)
    local ok, err = pcall(neap.webhook, spec)
    assert.is_false(ok)
    assert.is_true(errors.is(err), tostring(err))
    return tostring(err)
end

describe("neap.webhook", function()
    after_each(helper.assert_idle)

    describe("its description", function()
        local key = secret.literal "a key of some length"

        it("names what is wrong", function()
            for text, spec in pairs {
                ["a table expected, got a string"] = "standard",
                ["scheme: required"] = { secret = key },
                ['no scheme "standart"; did you mean "standard"?'] = { scheme = "standart", secret = key },
                ['no field "secrets" of scheme hub; did you mean "secret"?'] = { scheme = "hub", secrets = key },
                ['no field "tolerance" of scheme path'] = { scheme = "path", secret = key, tolerance = "5m" },
                ["secret: there is none; neap.secret found none"] = { scheme = "hub" },
                ["secret: a secret expected, got a string"] = { scheme = "hub", secret = "plain" },
                ["secret: the list is empty"] = { scheme = "hub", secret = {} },
                ["secret: the secret is no base64"] = { scheme = "standard", secret = key },
                ['tolerance: "soon" is no duration'] = {
                    scheme = "standard", secret = secret.literal(STANDARD), tolerance = "soon",
                },
                ["once: at least twice the tolerance expected, 600 seconds"] = {
                    scheme = "standard", secret = secret.literal(STANDARD), once = "9m",
                },
                ["once: more than no time"] = { scheme = "hub", secret = key, once = 0 },
                ['algorithm: no algorithm "sha265"; did you mean "sha256"?'] = {
                    scheme = "hub", secret = key, algorithm = { "sha1", "sha265" },
                },
                ["algorithm: the list is empty"] = { scheme = "hub", secret = key, algorithm = {} },
                ["header: a text expected"] = { scheme = "hub", secret = key, header = 1 },
                ["header: the name of a header expected"] = { scheme = "hub", secret = key, header = "a b" },
                ["path: a path with one segment {secret}"] = { scheme = "path", secret = key, path = "/hook" },
                ["id: only with `once`"] = { scheme = "hub", secret = key, id = print },
                ["name: 1 to 100 bytes"] = { scheme = "hub", secret = key, once = true, name = "" },
            } do
                assert.matches(text, fault(spec), 1, true)
            end
        end)

        it("refuses a list in which a secret was not set", function()
            assert.matches("secret: there is none", fault { scheme = "hub", secret = { nil, key } }, 1, true)
        end)

        it("answers other methods than POST with 405", function()
            local handle = neap.webhook { scheme = "path", secret = key }:handler(function() return "taken" end)
            local answer = handle { method = "GET", target = "/x", path = "/x" }
            assert.same({ 405, "POST" }, { answer.status, answer.headers.Allow })
        end)

        it("asks handler for a function", function()
            local hook = neap.webhook { scheme = "hub", secret = key }
            assert.has_error(function() hook:handler {} end)
        end)
    end)

    describe("standard", function()
        local hook, signed, at

        --- Standard Webhooks' own sample, at its time.
        before_each(function()
            hook = neap.webhook { scheme = "standard", secret = secret.literal(STANDARD) }
            at = sender.now()
            signed = sender.standard({ secret.literal(STANDARD) }, { id = "msg_p5jXN8AQM9LWM0D4loKWxJek", body = BODY })
        end)

        it("takes the sample of the standard", in_task(function()
            local ago = sender.now() - 1614265330
            local old = neap.webhook { scheme = "standard", secret = secret.literal(STANDARD), tolerance = ago + 1 }
            local event = assert(old:verify(sender.request { body = BODY, headers = {
                ["webhook-id"] = "msg_p5jXN8AQM9LWM0D4loKWxJek", ["webhook-timestamp"] = "1614265330",
                ["webhook-signature"] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            } }))
            assert.same({ test = 2432232314 }, event)
        end))

        it("refuses a change of any byte", function()
            assert.is_table(hook:verify(signed))
            for _, name in ipairs { "webhook-id", "webhook-timestamp", "webhook-signature" } do
                local good = signed.headers[name]
                for _, text in ipairs(variants(good)) do
                    signed.headers[name] = text
                    local status, message = refused(hook, signed)
                    assert.is_true(status == 400 or status == 401)
                    assert.is_nil(message:find(good:match "[^,]*$", 1, true))
                end
                signed.headers[name] = good
            end
            for _, text in ipairs(variants(BODY)) do
                signed.body = text
                assert.equal(401, (refused(hook, signed)))
            end
            signed.body = nil
            assert.equal(401, (refused(hook, signed)))
        end)

        it("refuses a request without one of its headers", function()
            for _, name in ipairs { "webhook-id", "webhook-timestamp", "webhook-signature" } do
                local good = signed.headers[name]
                signed.headers[name] = nil
                local status, message = refused(hook, signed)
                assert.equal(401, status)
                assert.equal("no header " .. name, message)
                signed.headers[name] = good
            end
        end)

        it("takes one signature of several, of either version", function()
            local good = signed.headers["webhook-signature"]
            for text, taken in pairs {
                ["v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr0 " .. good] = true,
                [good .. " v1a,AAAA v1,====="] = true,
                ["v2" .. good:sub(3)] = false, [good:sub(4)] = false, ["v1"] = false, ["v1,"] = false, [""] = false,
                ["v1 " .. good:sub(4)] = false, ["V1," .. good:sub(4)] = false,
                [("v1,AAAA "):rep(31) .. good] = true, [("v1,AAAA "):rep(32) .. good] = false,
            } do
                signed.headers["webhook-signature"] = text
                assert.equal(taken, hook:verify(signed) ~= nil, text)
            end
        end)

        it("takes any of its secrets, old and new", function()
            local old, new = secret.literal(STANDARD), secret.literal "whsec_bmV3IGtleSBvZiB0aGUgc2VuZGVy"
            local both = neap.webhook { scheme = "standard", secret = { new, old } }
            for _, of in ipairs { { old }, { new }, { old, new } } do
                assert.is_table(both:verify(sender.standard(of, {})))
            end
            local only = neap.webhook { scheme = "standard", secret = new }
            assert.equal(401, (refused(only, sender.standard({ old }, {}))))
            assert.is_table(only:verify(sender.standard({ old, new }, {})))
        end)

        it("refuses what is too old or from the future", in_task(function()
            local now = clock.wall_ms() // 1000
            local keys = { secret.literal(STANDARD) }
            hook = neap.webhook { scheme = "standard", secret = keys, tolerance = "2m" }
            for offset, taken in pairs { [0] = true, [-120] = true, [120] = true, [-121] = false, [121] = false } do
                assert.equal(taken, hook:verify(sender.standard(keys, { at = now + offset })) ~= nil, offset)
            end
            local req = sender.standard(keys, { at = now - 120 })
            neap.sleep(1)
            assert.equal(401, (refused(hook, req)))
        end))

        it("refuses odd times and ids", function()
            local keys = { secret.literal(STANDARD) }
            for _, text in ipairs { at .. ".0", "+" .. at, " " .. at, "0x10", "-" .. at, "1e9", ("9"):rep(30), "" } do
                assert.equal(400, (refused(hook, sender.standard(keys, { at = text }))), text)
            end
            for _, id in ipairs { "", "a.b", "a b", "a\tb", "\xc3\xa4", ("a"):rep(257) } do
                assert.equal(400, (refused(hook, sender.standard(keys, { id = id }))), id)
            end
            assert.is_table(hook:verify(sender.standard(keys, { id = ("a"):rep(256), at = "00" .. at })))
        end)

        it("has other names of headers where the description says so", function()
            local keys = { secret.literal(STANDARD) }
            local svix = neap.webhook { scheme = "standard", secret = keys, header = "Svix" }
            assert.is_table(svix:verify(sender.standard(keys, { prefix = "svix" })))
            assert.equal(401, (refused(svix, signed)))
        end)

        it("gives the body as a value, or as text", function()
            local keys = { secret.literal(STANDARD) }
            for body, event in pairs {
                ['{"a":[1]}'] = { a = { 1 } }, ["[]"] = {}, ["\xEF\xBB\xBF {}"] = {}, ["false"] = "false",
                ["a=1"] = "a=1", [""] = "", ['{"a":'] = '{"a":', ["null"] = "null",
            } do
                assert.same(event, (assert(hook:verify(sender.standard(keys, { body = body })))))
            end
        end)
    end)

    describe("hub", function()
        local key = secret.literal "It's a Secret to Everybody"

        it("takes the sample of GitHub's documents", function()
            local hook = neap.webhook { scheme = "hub", secret = key }
            local req = sender.request { body = "Hello, World!", headers = {
                ["x-hub-signature-256"] = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            } }
            assert.equal("Hello, World!", hook:verify(req))
            req.headers["x-hub-signature-256"] = req.headers["x-hub-signature-256"]:upper()
            assert.equal("Hello, World!", hook:verify(req))
        end)

        it("refuses a change of any byte", function()
            local hook = neap.webhook { scheme = "hub", secret = key }
            local req = sender.hub(key, BODY)
            local good = req.headers["x-hub-signature-256"]
            assert.is_table(hook:verify(req))
            for _, text in ipairs(variants(good)) do
                req.headers["x-hub-signature-256"] = text
                if text:lower() ~= good then assert.is_number((refused(hook, req))) end
            end
            req.headers["x-hub-signature-256"] = good
            for _, text in ipairs(variants(BODY)) do
                req.body = text
                assert.equal(401, (refused(hook, req)))
            end
        end)

        it("does not let the sender choose a weaker algorithm", function()
            local hook = neap.webhook { scheme = "hub", secret = key }
            assert.equal(401, (refused(hook, sender.hub(key, BODY, { "sha1" }))))
            assert.equal(401, (refused(hook, sender.hub(key, BODY, { "sha512" }))))
            assert.is_table(hook:verify(sender.hub(key, BODY, { "sha1", "sha256" })))
            -- A good sha1 is no way around a bad sha256, even where both are taken.
            local both = neap.webhook { scheme = "hub", secret = key, algorithm = { "sha256", "sha1" } }
            local req = sender.hub(key, BODY, { "sha1", "sha256" })
            assert.is_table(both:verify(req))
            req.headers["x-hub-signature-256"] = "sha256=" .. ("00"):rep(32)
            assert.equal(401, (refused(both, req)))
            req.headers["x-hub-signature-256"] = nil
            assert.is_table(both:verify(req))
        end)

        it("refuses headers that are malformed", function()
            local hook = neap.webhook { scheme = "hub", secret = key, header = "X-Hub-Signature" }
            local hash = hmac.hex(hmac.sign("sha256", key, BODY))
            for _, text in ipairs { hash, "sha256=", "sha256", "=", "", "sha256=" .. hash .. ",", "sha256=0",
                "sha256==" .. hash, "sha256=" .. hash:sub(1, 32) .. " " .. hash:sub(33) } do
                local status = refused(hook, sender.request { body = BODY, headers = { ["x-hub-signature"] = text } })
                assert.equal(400, status, text)
            end
            for _, text in ipairs { "md5=" .. hash, "none=00", "sha256=00", "sha256=" .. hash .. "00" } do
                local status = refused(hook, sender.request { body = BODY, headers = { ["x-hub-signature"] = text } })
                assert.equal(401, status, text)
            end
            assert.equal(401, (refused(hook, sender.request { body = BODY })))
        end)
    end)

    describe("optimove", function()
        local key = secret.literal "an optimove key"

        it("takes version 1 only", function()
            local hook = neap.webhook { scheme = "optimove", secret = key }
            local req = sender.optimove(key, BODY)
            assert.is_table(hook:verify(req))
            for version, status in pairs { ["2"] = 400, [""] = 400, ["01"] = 400 } do
                req.headers["x-optimove-signature-version"] = version
                assert.equal(status, (refused(hook, req)))
            end
            req.headers["x-optimove-signature-version"] = nil
            assert.equal(401, (refused(hook, req)))
        end)

        it("refuses a change of any byte", function()
            local hook = neap.webhook { scheme = "optimove", secret = key }
            local req = sender.optimove(key, BODY)
            local good = req.headers["x-optimove-signature-content"]
            for _, text in ipairs(variants(good)) do
                req.headers["x-optimove-signature-content"] = text
                assert.is_number((refused(hook, req)))
            end
            req.headers["x-optimove-signature-content"] = good
            for _, text in ipairs(variants(BODY)) do
                req.body = text
                assert.equal(401, (refused(hook, req)))
            end
        end)
    end)

    describe("omnisegment", function()
        local key = secret.literal "0123-api-key"
        local hook = neap.webhook { scheme = "omnisegment", secret = key }
        local body = '{ "list": [{"b": 1.50, "a": "\\u00e4"}], "id": 7, "big": 12345678901234567890, "a": {} }'
        local sorted = '{"a":{},"big":12345678901234567890,"id":7,"list":[{"a":"\\u00e4","b":1.50}]}'

        it("takes the sorted body in any of its forms", function()
            local small = body:gsub("%d+890", "12")
            local forms = { small, (sorted:gsub("%d+890", "12")) }
            forms[3] = '{"a":{},"big":12,"id":7,"list":[{"a":"ä","b":1.5}]}'
            for _, signed in ipairs(forms) do
                local event = assert(hook:verify(sender.omnisegment(key, signed, small)))
                assert.equal(7, event.id)
                assert.equal(401, (refused(hook, sender.omnisegment(key, (signed:gsub("7", "8")), small))))
            end
        end)

        it("takes numbers beyond 64 bit as they came", function()
            assert.equal(body, (assert(hook:verify(sender.omnisegment(key, sorted, body)))))
        end)

        it("refuses a change of any byte", function()
            local req = sender.omnisegment(key, sorted, body)
            local good = req.headers["x-omnisegment-signature"]
            assert.is_string(hook:verify(req))
            for _, text in ipairs(variants(good)) do
                req.headers["x-omnisegment-signature"] = text
                assert.is_number((refused(hook, req)))
            end
            req.headers["x-omnisegment-signature"] = good
            for _, text in ipairs(variants('{"b":1,"a":"x"}')) do
                req = sender.omnisegment(key, '{"a":"x","b":1}', text)
                local status = refused(hook, req)
                assert.is_true(status == 400 or status == 401, text)
            end
        end)

        it("refuses bodies that say two things, or nothing", function()
            for _, text in ipairs { '{"a":1,"a":2}', '{"x":{"a":1,"\\u0061":2}}', "[]", "7", "", '{"a":1', "{} {}" } do
                assert.equal(400, (refused(hook, sender.omnisegment(key, text, text))), text)
            end
            assert.equal(400, (refused(hook, sender.request {
                body = "{}", headers = { ["x-omnisegment-signature"] = "AAAA" },
            })))
            assert.equal(401, (refused(hook, sender.request { body = "{}" })))
        end)

        it("does not sort without a bound", function()
            local long = '{"a":"' .. ("x"):rep(1048576) .. '"}'
            assert.equal(413, (refused(hook, sender.omnisegment(key, long, long))))
        end)
    end)

    describe("path", function()
        local key = secret.literal "f3l-ä/x%41"
        local encoded = "f3l-%C3%A4%2Fx%2541"

        it("takes the last segment", function()
            local hook = neap.webhook { scheme = "path", secret = key }
            for target, taken in pairs {
                ["/hooks/" .. encoded] = true, ["/hooks/" .. encoded .. "?a=/b"] = true, ["/" .. encoded] = true,
                ["/hooks/f3l-%c3%a4%2fx%2541"] = true, ["/hooks/" .. encoded .. "/"] = false, ["/hooks/"] = false,
                ["/" .. encoded .. "/x"] = false, ["/"] = false, [""] = false, ["*"] = false,
                ["/hooks/f3l-ä/x%2541"] = false, ["/hooks/f3l-%C3%A4%2FxA"] = false, ["/?/" .. encoded] = false,
            } do
                local event, err = hook:verify(sender.path(target, "{}"))
                assert.equal(taken, event ~= nil, target)
                if not taken then assert.same({ "auth", 404 }, { err.kind, err.status }) end
            end
            for _, text in ipairs(variants(encoded)) do
                local event = hook:verify(sender.path("/hooks/" .. text, "{}"))
                if text:lower() ~= encoded:lower() then assert.is_nil(event, text) end
            end
        end)

        it("takes the segment that the description names", function()
            local hook = neap.webhook { scheme = "path", secret = key, path = "/hooks/{secret}/events%2F1" }
            for target, taken in pairs {
                ["/hooks/" .. encoded .. "/events%2f1"] = true, ["/hooks/" .. encoded] = false,
                ["/hooks/" .. encoded .. "/events%2F2"] = false, ["/" .. encoded .. "/events%2F1"] = false,
                ["/hooks/" .. encoded .. "/events%2F1/"] = false, ["/hooks/x/events%2F1"] = false,
            } do
                assert.equal(taken, hook:verify(sender.path(target, "{}")) ~= nil, target)
            end
        end)

        it("is not there for others, and not in messages", in_task(function()
            local handler = neap.webhook { scheme = "path", secret = key }:handler(function() end)
            local res = handler(sender.path("/hooks/wrong", "{}"))
            assert.same({ status = 404, body = { error = "not found" } }, res)
        end))
    end)
end)
