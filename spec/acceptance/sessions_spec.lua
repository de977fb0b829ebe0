--- Sessions of Optimove under load, on virtual time: one login per expiry, no call lost, and a refusal that
-- says nothing of tokens is a refusal.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"

require "neap"
local json = require "neap.native.json"

local SCRIPT = [[
return neap.workflow {
    args = {
        { "pause", type = "duration", default = "0s" }, { "count", type = "integer", default = 1 },
        { "every", type = "duration", default = "0s" },
    },
    run = function(ctx, args)
        local optimove = ctx:vendor("optimove", { auth = "session" })
        assert(optimove:GetActionName { ActionID = 2 })
        neap.sleep(args.pause)
        local numbers = {}
        for i = 1, args.count do numbers[i] = i end
        local done, errors = neap.map(numbers, { concurrency = args.every > 0 and 1 or 500 }, function()
            if args.every > 0 then neap.sleep(args.every) end
            return optimove:GetActionName { ActionID = 2 }
        end)
        local ok = 0
        for _, answer in ipairs(done) do ok = ok + (answer and 1 or 0) end
        local _, first = next(errors or {})
        return { ok = ok, error = first and neap.error.to_table(first) }
    end,
}
]]

--- Runs the script. -> its result, calls by endpoint
local function run(args, faults)
    local place = acceptance.place()
    local log = place "log.ndjson"
    local words = { "run", helper.write(place "calls.lua", SCRIPT), "--sandbox", "--clock", "virtual",
        "--sandbox-log", log, "--log-level", "error" }
    table.move(args, 1, #args, #words + 1, words)
    if faults then table.move({ "--faults", faults }, 1, 2, #words + 1, words) end
    local result = helper.cli(words)
    assert.equal("", result.err)
    assert.equal(0, result.code)
    local calls = { login = 0, GetActionName = 0 }
    for _, _, _, endpoint in acceptance.calls(log) do
        local name = endpoint:lower() == "login" and "login" or endpoint
        calls[name] = calls[name] + 1
    end
    return json.decode(result.out), calls
end

describe("500 calls", function()
    it("that start 21 minutes after the last one: one login", function()
        local result, calls = run { "--pause", "21m", "--count", 500 }
        assert.equal(500, result.ok)
        assert.same({ login = 2, GetActionName = 501 }, calls) -- the first login opened the session
    end)

    it("whose token is dropped meanwhile: one login, each sent at most twice", function()
        local result, calls = run({ "--pause", "60s", "--count", 500 }, "expire@optimove:at=60")
        assert.equal(500, result.ok)
        assert.equal(2, calls.login)
        assert.is_true(calls.GetActionName + calls.login <= 1 + 1 + 1001)
    end)

    it("of which half are answered when the token is dropped", function()
        local result, calls = run({ "--pause", "59.9s", "--count", 500 },
            "slow@optimove.GetActionName:p=0.5,s=0.3;expire@optimove:at=60")
        assert.equal(500, result.ok)
        assert.equal(2, calls.login)
        assert.is_true(calls.GetActionName <= 1 + 1000)
    end)
end)

describe("a session", function()
    it("that is used every minute for 40 minutes: one login", function()
        local result, calls = run { "--count", 40, "--every", "1m" }
        assert.equal(40, result.ok)
        assert.same({ login = 1, GetActionName = 41 }, calls)
    end)

    it("is not opened anew by a 403 that says something else", function()
        local result, calls = run({ "--pause", "60s", "--count", 1 }, "403@optimove.GetActionName:p=1,from=30")
        assert.equal(0, result.ok)
        assert.same({ login = 1, GetActionName = 2 }, calls)
        assert.equal("auth", result.error.kind)
        assert.equal(403, result.error.status)
    end)
end)
