--- SIGINT, SIGTERM and SIGHUP: the first ends in order, the second at once (DESIGN.md 6, "Exit codes").

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

--- A delivery of two records that the vendor answers after a while, and others behind them. It says
-- when the two are on the wire.
local FLOW = [[return neap.workflow { args = { { "seconds", type = "string", required = true } },
run = function(ctx, args)
    local shop, records = ctx:vendor "shop", {}
    for i = 1, 20 do records[i] = { i = i } end
    neap.spawn(function()
        neap.sleep(0.1)
        print "on the wire"
        io.stdout:flush()
    end)
    return ctx:deliver(records, function()
        return shop:say { what = "after " .. args.seconds }
    end, { concurrency = 2 })
end }]]

local dir
before_each(function()
    dir = shop.place()
    helper.write(dir .. "/flow.lua", FLOW)
end)

local function start(...)
    local process = helper.start({ "run", "flow.lua", "--sandbox", ... }, { cwd = dir })
    assert.equal("on the wire", process:line())
    return process
end

local function letters()
    return shop.lines(helper.read(dir .. "/neap.dead.ndjson"))
end

for name, code in pairs { INT = 130, TERM = 143, HUP = 129 } do
    describe("the first SIG" .. name, function()
        it("lets what is on the wire answer, and sends nothing more", function()
            local process = start("--seconds", "1", "--sandbox-log", dir .. "/log")
            process:signal(name)
            local got = process:wait()
            assert.equal(code, got.code)
            assert.matches("neap: 20 records: 2 ok, 18 failed, 0 unknown, 0 retried, [%d.]+ s; ended by SIG" .. name
                .. "; dead letters in neap%.dead%.ndjson\n$", got.err)
            assert.equal(2, #shop.lines(helper.read(dir .. "/log")))
            assert.equal(18, #letters())
            for i, letter in ipairs(letters()) do
                assert.same({ "not_sent", "cancelled", i + 2 },
                    { letter.outcome, letter.error.kind, letter.record.i })
            end
        end)
    end)
end

describe("a signal", function()
    it("is told with --json as the summary, and nothing else is on standard output", function()
        local process = start("--seconds", "0.5", "--json")
        process:signal "TERM"
        local got = process:wait()
        assert.equal(143, got.code)
        assert.matches('^on the wire\n{"total":20,"ok":2,"failed":18,"unknown":0,"retried":0,"seconds":[%d.]+}\n$',
            got.out)
    end)

    it("of the terminal's end is ignored where it was before, as under nohup", function()
        helper.write(dir .. "/hup.lua", 'os.execute "kill -HUP $PPID" neap.sleep(0.01) print "goes on"')
        local command = ("cd %s && %s run ./hup.lua 2>&1; echo $?"):format(helper.quote(dir), helper.quote(helper.bin))
        for trap, said in pairs { ["trap '' HUP; "] = "goes on\n0\n", [""] = "neap: ended by SIGHUP\n129\n" } do
            local pipe = assert(io.popen(trap .. command))
            local got = pipe:read "a"
            pipe:close()
            assert.equal(said, got)
        end
    end)

    it("that comes twice stops at once", function()
        local process = start("--seconds", "3600")
        process:signal "INT"
        helper.wait_for(function()
            return process:err():find("neap: SIGINT: ending what is under way; once more stops at once\n", 1, true)
        end, "the word that it is ending")
        process:signal "INT"
        local got = process:wait()
        assert.equal(130, got.code)
        assert.is_nil(got.err:find("records", 1, true))
    end)

    it("lets a call that is on the wire answer, a second one does not", function()
        for name, code in pairs { INT = 130, TERM = 143 } do
            local process = helper.start({ "call", "shop", "say", "what=tell 1", "--sandbox" }, { cwd = dir })
            helper.wait_for(function() return process:err() == "seen\n" end, "the call")
            process:signal(name)
            local got = process:wait()
            assert.equal(code, got.code)
            assert.equal("null\n", got.out)
            assert.equal(("seen\nneap: ended by SIG%s\n"):format(name), got.err)
        end
    end)

    it("ends a call at once that comes twice, in one line", function()
        for name, code in pairs { INT = 130, TERM = 143 } do
            local process = helper.start({ "call", "shop", "say", "what=tell 3600", "--sandbox" }, { cwd = dir })
            helper.wait_for(function() return process:err() == "seen\n" end, "the call")
            process:signal(name)
            helper.wait_for(function() return process:err() ~= "seen\n" end, "the word that it is ending")
            process:signal(name)
            assert.same({ code = code, out = "", err = ("seen\nneap: ended by SIG%s\n"):format(name) },
                process:wait())
        end
    end)

    it("ends a wait for a retry", function()
        local process = helper.start({ "call", "shop", "say", "what=null", "--sandbox", "--faults", "503",
            "--log-level", "debug" }, { cwd = dir })
        helper.wait_for(function() return process:err():find("status=503", 1, true) end, "the first send")
        process:signal "TERM"
        assert.equal(143, process:wait().code)
    end)

    it("leaves no torn file behind", function()
        helper.write(dir .. "/save.lua", [[
            local out = assert(neap.vendor "shop":say { what = "null" })
            neap.spawn(function() neap.sleep(0.1) print "saving" io.stdout:flush() end)
            return neap.download("http://localhost/shop/endless", "out.ndjson")]])
        local process = helper.start({ "run", "save.lua", "--sandbox" }, { cwd = dir })
        assert.equal("saving", process:line())
        process:signal "INT"
        assert.equal(130, process:wait().code)
        local pipe = assert(io.popen("ls -A " .. helper.quote(dir)))
        local names = pipe:read "a"
        pipe:close()
        assert.equal("flow.lua\nsave.lua\nvendors\n", names)
    end)

    it("ends a workflow that catches its errors, too", function()
        helper.write(dir .. "/stubborn.lua", [[return neap.workflow { run = function(ctx)
            print "go"
            io.stdout:flush()
            local ok = pcall(neap.sleep, 600)
            return "caught"
        end }]])
        local process = helper.start({ "run", "stubborn.lua" }, { cwd = dir })
        assert.equal("go", process:line())
        process:signal "INT"
        assert.equal(130, process:wait().code)
    end)

    it("ends neap sandbox, whose log is complete then", function()
        for name, code in pairs { INT = 130, TERM = 143 } do
            local log = dir .. "/" .. name
            local server = helper.start({ "sandbox", "--port", "0", "--sandbox-log", log }, { cwd = dir })
            local base = assert(server:line():match "^listening on (http://.*)$")
            assert.equal(0, helper.cli({ "call", "opm", "ping", "--set", "opm.base_url=" .. base .. "/opm" },
                { env = { NEAP_OPM_API_KEY = "00000000-0000-4000-8000-000000000000" } }).code)
            server:signal(name)
            assert.equal(code, server:wait().code)
            assert.equal("ping", shop.lines(helper.read(log))[1].endpoint)
        end
    end)
end)
