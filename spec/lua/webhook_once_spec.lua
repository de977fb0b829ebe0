--- neap.webhook: what a handler answers, and how an event is handled once.

local neap = require "neap"
local errors = require "neap.error"
local helper = require "spec.support.helper"
local hmac = require "neap.native.hmac"
local log = require "neap.native.log"
local secret = require "neap.native.secret"
local sender = require "spec.support.webhook"

local STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
local BODY = '{"test": 2432232314}'

local function in_task(fn)
    return function() neap.run(fn, { clock = "virtual" }) end
end

describe("neap.webhook", function()
    after_each(helper.assert_idle)

    describe("with once", function()
        local key = secret.literal "the key of a hub"
        local hook, calls, result
        local count = 0 -- of specs: each has an inbox of its own

        local function work(_, event)
            calls = calls + 1
            return result(event)
        end

        before_each(function()
            calls, count = 0, count + 1
            result = function() return { status = 202 } end
            hook = neap.webhook { scheme = "hub", secret = key, once = "1h", name = "spec " .. count }
        end)

        it("handles an event once", in_task(function()
            local handle = hook:handler(work)
            assert.same({ status = 202 }, handle(sender.hub(key, BODY)))
            assert.same({ status = 200, body = { repeated = true } }, handle(sender.hub(key, BODY)))
            assert.same({ status = 202 }, handle(sender.hub(key, BODY .. " ")))
            assert.equal(2, calls)
            neap.sleep(3601)
            assert.same({ status = 202 }, handle(sender.hub(key, BODY)))
            assert.equal(3, calls)
        end))

        it("tells a repeat from a refusal", in_task(function()
            local event, receipt = hook:verify(sender.hub(key, BODY))
            assert.is_table(event)
            local again, err = hook:verify(sender.hub(key, BODY))
            assert.is_nil(again)
            assert.same({ "rejected", 409, true }, { err.kind, err.status, err.repeated })
            receipt:done()
            again, err = hook:verify(sender.hub(key, BODY))
            assert.is_nil(again)
            assert.same({ "rejected", 200, true }, { err.kind, err.status, err.repeated })
            receipt:release() -- nothing is left to release
            assert.is_nil(hook:verify(sender.hub(key, BODY)))
        end))

        it("takes an event again whose work has failed", in_task(function()
            local handle = hook:handler(work)
            for _, failure in ipairs {
                function() error "broken" end,
                function() return nil, errors.new { kind = "outage", message = "down" } end,
                function() return { status = 500 } end, function() return { status = 429 } end,
            } do
                result = failure
                pcall(handle, sender.hub(key, BODY))
            end
            assert.equal(4, calls)
            for i, success in ipairs { function() end, function() return "done" end } do
                result = success
                assert.equal(i == 2 and "done" or nil, (handle(sender.hub(key, BODY .. i))))
                assert.equal(200, handle(sender.hub(key, BODY .. i)).status)
            end
            assert.equal(6, calls)
        end))

        it("raises what the work raises", in_task(function()
            local problem = errors.new { kind = "outage", message = "down" }
            result = function() error(problem, 0) end
            local ok, raised = pcall(hook:handler(work), sender.hub(key, BODY))
            assert.is_false(ok)
            assert.equal(problem, raised)
        end))

        it("answers 409 while the first is at work", in_task(function()
            local handle = hook:handler(function()
                neap.sleep(5)
                return { status = 204 }
            end)
            local first = neap.spawn(handle, sender.hub(key, BODY))
            neap.sleep(1)
            assert.equal(409, handle(sender.hub(key, BODY)).status)
            assert.equal(204, first:await().status)
            assert.equal(200, handle(sender.hub(key, BODY)).status)
        end))

        it("takes an event again whose sender has left before its end", in_task(function()
            local handle = hook:handler(function() neap.sleep(5) end)
            local first = neap.spawn(handle, sender.hub(key, BODY))
            neap.sleep(1)
            first:cancel()
            pcall(first.await, first)
            assert.is_table(hook:verify(sender.hub(key, BODY)))
        end))

        it("takes an event again whose process has died, after a while", in_task(function()
            assert.is_table(hook:verify(sender.hub(key, BODY)))
            neap.sleep(599)
            assert.is_nil(hook:verify(sender.hub(key, BODY)))
            neap.sleep(2)
            assert.is_table(hook:verify(sender.hub(key, BODY)))
        end))

        it("does not ask the inbox for what is not signed", in_task(function()
            assert.is_table(hook:verify(sender.hub(key, BODY)))
            local _, err = hook:verify(sender.hub(secret.literal "another key", BODY))
            assert.equal(401, err.status)
        end))

        it("knows events by the sender's id, the description's, or the body", in_task(function()
            local keys = { secret.literal(STANDARD) }
            local standard = neap.webhook { scheme = "standard", secret = keys, once = true }
            local function send(id, body, after)
                if after then neap.sleep(after) end
                local _, receipt = standard:verify(sender.standard(keys, { id = id, body = body }))
                return receipt.done and receipt:done() == nil
            end
            assert.is_true(send("msg_1", "{}"))
            assert.is_true(send("msg_2", "{}"))
            assert.is_nil(send("msg_1", "[]", 86000)) -- another try, with a time of its own
            local own = neap.webhook {
                scheme = "hub", secret = key, once = true, name = "own",
                id = function(event) return event.id and ("x"):rep(300) .. event.id end,
            }
            local handle = own:handler(function() return { status = 201 } end)
            for body, status in pairs { ['{"id":"a"}'] = 201, ['{"id":"b"}'] = 201, ['{"n":1}'] = 201 } do
                assert.equal(status, handle(sender.hub(key, body)).status)
            end
            assert.equal(200, handle(sender.hub(key, '{"id":"a","try":2}')).status)
            assert.equal(201, handle(sender.hub(key, '{"n":2}')).status)
            assert.equal(200, handle(sender.hub(key, '{"n":1}')).status)
        end))

        it("raises where the description's id is none", in_task(function()
            for _, id in ipairs { function() return 7 end, function() return "" end, function() error "x" end } do
                local own = neap.webhook { scheme = "hub", secret = key, once = true, id = id }
                assert.has_error(function() own:verify(sender.hub(key, BODY)) end)
            end
        end))

        it("answers 503 where the state is not at hand", in_task(function()
            local failing = errors.new { kind = "limit", message = "the state file is full" }
            hook.guard.inbox = { seen = function() return nil, failing end, forget = function() end }
            local event, err = hook:verify(sender.hub(key, BODY))
            assert.is_nil(event)
            assert.same({ "limit", 503 }, { err.kind, err.status })
            local lines = {}
            log.capture(function(line) lines[#lines + 1] = line end)
            local answer = hook:handler(work)(sender.hub(key, BODY))
            log.capture()
            assert.same({ status = 503, body = { error = "not now" } }, answer)
            assert.matches("the state file is full", table.concat(lines), 1, true)
            assert.equal(0, calls)
        end))

        it("takes an event again whose sender leaves while the state file is asked", in_task(function()
            for after = 0, 0.002, 0.0005 do -- before, with and after the answer
                local known, asked = {}, 0
                hook.guard.inbox = {
                    seen = function(_, name)
                        asked = asked + 1
                        neap.sleep(0.001)
                        if known[name] then return true, "open" end
                        known[name] = true
                        return false
                    end,
                    forget = function(_, name) known[name] = nil end,
                }
                local one = neap.spawn(function()
                    local _, receipt = hook:verify(sender.hub(key, BODY))
                    local _ <close> = receipt
                    neap.sleep(60)
                end)
                neap.sleep(after)
                one:cancel()
                pcall(one.await, one)
                neap.sleep(1)
                assert.is_nil(next(known))
                assert.equal(1, asked)
            end
        end))

        it("shares what came with other processes", function()
            local home, body = helper.tmpdir(), "{}"
            helper.write(home .. "/hook.lua", ([[
                local hook = neap.webhook { scheme = "hub", secret = neap.secret "env:HUB_KEY", once = true }
                local req = { method = "POST", body = "{}" }
                function req:header(name) return name == "x-hub-signature-256" and "sha256=%s" or nil end
                local res = hook:handler(function() return { status = 201 } end)(req)
                print(res.status)
            ]]):format(hmac.hex(hmac.sign("sha256", key, body))))
            local said = {}
            for i = 1, 2 do
                local got = helper.cli({ "run", home .. "/hook.lua" },
                    { home = home, env = { HUB_KEY = "the key of a hub" } })
                assert.equal("", got.err)
                said[i] = got.out
            end
            assert.same({ "201\n", "200\n" }, said)
        end)
    end)

    describe("handler", function()
        local key = secret.literal "the key of a hub"

        it("calls the function for good requests only, and says what is wrong with others", in_task(function()
            local hook = neap.webhook { scheme = "hub", secret = key }
            local handle = hook:handler(function(req, event) return { status = 201, body = { req.body, event } } end)
            assert.same({ status = 201, body = { BODY, { test = 2432232314 } } }, handle(sender.hub(key, BODY)))
            assert.same({
                status = 401, body = {
                    error = "header x-hub-signature-256, x-hub-signature: the signature is not of this request",
                },
            }, handle(sender.hub(secret.literal "another key", BODY)))
            assert.same({ status = 400, body = {
                error = "header x-hub-signature: algorithm=hash, in hexadecimal digits, expected",
            } }, handle(sender.request { headers = { ["x-hub-signature"] = "none" } }))
        end))

        it("passes on what the function returns, nil and error included", in_task(function()
            local hook = neap.webhook { scheme = "hub", secret = key }
            local problem = errors.new { kind = "outage", message = "down" }
            local res, err = hook:handler(function() return nil, problem end)(sender.hub(key, BODY))
            assert.is_nil(res)
            assert.equal(problem, err)
        end))
    end)
end)
