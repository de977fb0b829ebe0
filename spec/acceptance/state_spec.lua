--- What processes of one user share: Optimove's session and its hourly limit, against `neap sandbox` on real
-- time, also when processes are killed.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"

local KEY = "00000000-0000-4000-8000-000000000000"

--- Makes some calls, in some tasks, until one is not answered within some time; its result is the number
--- of those that were. Prints it after each call if it is told to.
local SCRIPT = [[
return neap.workflow {
    args = {
        { "count", type = "integer", default = 1 }, { "within", type = "duration", default = "60s" },
        { "loud", type = "boolean", default = false },
    },
    run = function(ctx, args)
        local optimove, numbers, ok, over = ctx:vendor "optimove", {}, 0, false
        for i = 1, args.count do numbers[i] = i end
        neap.map(numbers, { concurrency = 50 }, function()
            local answer, err
            if not over then
                answer, err = neap.deadline(args.within, function() return optimove:GetActionName { ActionID = 2 } end)
            end
            if answer then ok = ok + 1 end
            over = over or err ~= nil
            if args.loud then
                print(ok)
                io.stdout:flush()
            end
        end)
        return ok
    end,
}
]]

describe("processes of one user", function()
    local server, base, script, log

    before_each(function()
        local place = acceptance.place()
        log, script = place "log.ndjson", helper.write(place "calls.lua", SCRIPT)
        server = helper.start { "sandbox", "--port", 0, "--sandbox-log", log }
        base = server:line():match "(http://%S+)"
    end)

    after_each(function()
        server:signal "TERM"
        server:wait()
    end)

    --- The options of a process; all of them share `home`.
    local function options(home, mode)
        return { home = home, timeout = 60, env = {
            NEAP_OPTIMOVE_BASE_URL = base .. "/optimove", NEAP_OPTIMOVE_AUTH = mode, NEAP_OPTIMOVE_API_KEY = KEY,
            NEAP_OPTIMOVE_USERNAME = "sandbox", NEAP_OPTIMOVE_PASSWORD = KEY,
        } }
    end

    local function command(count, ...)
        return { "run", script, "--count", count, "--log-level", "error", ... }
    end

    --- Calls that the vendor saw, by endpoint.
    local function seen()
        local counts = { Login = 0, GetActionName = 0 }
        for _, _, _, endpoint in acceptance.calls(log) do counts[endpoint] = counts[endpoint] + 1 end
        return counts
    end

    it("log in once, one after the other and at the same time", function()
        local home = helper.tmpdir()
        for _ = 1, 2 do
            assert.same({ code = 0, out = "10\n", err = "" }, helper.cli(command(10), options(home, "session")))
        end
        local both = {}
        for i = 1, 2 do both[i] = helper.start(command(10), options(home, "session")) end
        for _, process in ipairs(both) do assert.equal(0, process:wait().code) end
        assert.same({ Login = 1, GetActionName = 40 }, seen())
    end)

    it("log in once when they start at the same time", function()
        local home, both = helper.tmpdir(), {}
        for i = 1, 3 do both[i] = helper.start(command(10), options(home, "session")) end
        for _, process in ipairs(both) do assert.equal(0, process:wait().code) end
        assert.same({ Login = 1, GetActionName = 30 }, seen())
    end)

    it("go on with the session of one that was killed", function()
        local home = helper.tmpdir()
        local process = helper.start(command(100000, "--loud"), options(home, "session"))
        assert.equal("1", process:line())
        process:signal "KILL"
        process:wait()
        assert.equal(0, helper.cli(command(5), options(home, "session")).code)
        assert.equal(1, seen().Login)
    end)

    it("log in anew, once, where the vendor has forgotten the session", function()
        local home = helper.tmpdir()
        assert.equal(0, helper.cli(command(3), options(home, "session")).code)
        server:signal "TERM"
        server:wait()
        server = helper.start { "sandbox", "--port", base:match "%d+$", "--sandbox-log", log }
        assert.truthy(server:line())
        assert.same({ code = 0, out = "3\n", err = "" }, helper.cli(command(3), options(home, "session")))
        assert.equal(1, seen().Login)
    end)

    it("that cannot use the file make no call, and say why", function()
        local home = helper.tmpdir()
        helper.write(home .. "/state", "no directory")
        local result = helper.cli({ "call", "optimove", "GetActionName", "ActionID=2" }, options(home, "session"))
        assert.equal(1, result.code)
        assert.matches("^neap: optimove.GetActionName: limit: .*" .. home:gsub("%p", "%%%0") .. "/state.*%-%-no%-state",
            result.err)
        assert.same({ Login = 0, GetActionName = 0 }, seen())
        local alone = { "call", "optimove", "GetActionName", "ActionID=2", "--no-state" }
        assert.equal(0, helper.cli(alone, options(home, "session")).code)
    end)

    it("have 2,000 calls an hour together, killed or not; one more waits", function()
        local home = helper.tmpdir()
        local killed = helper.start(command(100000, "--loud"), options(home, "api_key"))
        for _ = 1, 100 do assert(killed:line()) end
        killed:signal "KILL"
        killed:wait()
        local first = seen().GetActionName
        assert.is_true(first >= 100)
        local both = {}
        -- Enough is left for the third, whatever the killed one had made and reserved until then.
        for i = 1, 2 do both[i] = helper.start(command(800), options(home, "api_key")) end
        for _, process in ipairs(both) do assert.equal(0, process:wait().code) end
        assert.equal(0, helper.cli(command(2000, "--within", "1s"), options(home, "api_key")).code)
        local all = seen().GetActionName
        assert.is_true(all > first + 1600 and all <= 2000, all)
        assert.equal("0\n", helper.cli(command(1, "--within", "1s"), options(home, "api_key")).out)
        assert.equal(all, seen().GetActionName)
    end)
end)
