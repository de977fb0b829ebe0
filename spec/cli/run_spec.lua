local helper = require "spec.support.helper"

local dir
before_each(function() dir = helper.tmpdir() end)

local function write(name, text)
    return helper.write(dir .. "/" .. name, text)
end

local function run(...)
    return helper.cli({ "run", ... }, { cwd = dir })
end

local FLOW = [[
return neap.workflow {
    summary = "Does what it is told",
    args = {
        { "file", type = "path", required = true, doc = "a file" },
        { "n", type = "integer", required = true },
        { "tags", type = "list", of = { type = "string" } },
        { "flag", type = "boolean", default = true },
    },
    run = function(ctx, args)
        if args.n == 1 then return nil, neap.error.new { kind = "rejected", message = "no" } end
        if args.n == 2 then error "oops" end
        if args.n == 3 then return print end
        if args.n == 4 then neap.spawn(function() neap.sleep(0.01) print "child" end) return end
        if args.n == 5 then return neap.null end
        return args
    end,
}
]]

describe("neap run", function()
    it("runs a plain script as a task, with neap and waiting coroutines", function()
        write("hello.lua", "#!/usr/bin/env neap\n" .. [[
            local next_value = coroutine.wrap(function()
                neap.sleep(0.001)
                coroutine.yield(1)
            end)
            print(next_value(), require "neap" == neap)]])
        local got = run("hello.lua")
        assert.same({ code = 0, out = "1\ttrue\n", err = "" }, got)
    end)

    it("gives a workflow its args, in any order", function()
        write("flow.lua", FLOW)
        local expected = '{"file":"a","flag":false,"n":9,"tags":["x","y"]}\n'
        assert.equal(expected,
            run("flow.lua", "--file", "a", "--n=9", "--tags", "x", "--tags", "y", "--no-flag").out)
        assert.equal(expected,
            run("--file", "a", "--n", "9", "flow.lua", "--tags=x", "--tags=y", "--no-flag").out)
    end)

    it("refuses args all at once, unknown ones with the nearest name", function()
        write("flow.lua", FLOW)
        local got = run("flow.lua")
        assert.equal(2, got.code)
        assert.equal("neap: --file is required; --n is required\n", got.err)
        got = run("flow.lua", "--fiel", "x")
        assert.equal(2, got.code)
        assert.equal("neap: unknown option --elsewhere; see neap run flow.lua --help\n",
            run("flow.lua", "--elsewhere").err)
        assert.equal('neap: unknown option --fiel; did you mean "--file"?\n', got.err)
        assert.equal(2, run("flow.lua", "--file", "x", "--n", "1", "extra").code)
    end)

    it("shows a workflow's help without running it", function()
        write("flow.lua", FLOW)
        local got = run("flow.lua", "--help")
        assert.equal(0, got.code)
        for _, part in ipairs {
            "Does what it is told", "--file PATH", "a file", "--no-flag", "--sandbox",
        } do
            assert.truthy(got.out:find(part, 1, true), part)
        end
        write("loud.lua", 'print "loud"')
        got = run("loud.lua", "--help")
        assert.equal(0, got.code)
        assert.is_nil(got.out:find("loud\n", 1, true))
    end)

    it("maps what a workflow returns and raises to exit codes", function()
        write("flow.lua", FLOW)
        local function with(n) return run("flow.lua", "--file", "x", "--n", n) end
        assert.same({ code = 1, out = "", err = "neap: rejected: no\n" }, with(1))
        assert.same({ code = 1, out = "", err = "neap: flow.lua:11: oops\n" }, with(2))
        assert.equal(1, with(3).code)
        assert.same({ code = 0, out = "child\n", err = "" }, with(4))
        assert.equal("null\n", with(5).out)
    end)

    it("refuses a script before any request", function()
        write("syntax.lua", "local x = =")
        local got = run("syntax.lua")
        assert.equal(2, got.code)
        assert.equal("neap: syntax.lua:1: unexpected symbol near '='\n", got.err)
        write("bytecode.lua", string.dump(function() end))
        assert.equal(2, run("bytecode.lua").code)
        assert.equal(2, run("missing.lua").code)
        write("reserved.lua",
            "return neap.workflow { args = { seed = { type = 'integer' } }, run = print }")
        assert.equal(2, run("reserved.lua").code)
        assert.equal(2, run("./reserved.lua", "--help").code)
    end)

    it("gives a traceback to the debug log only", function()
        write("raise.lua", "local t; print(t.x)")
        local got = run("raise.lua")
        assert.equal(1, got.code)
        assert.matches("^neap: raise.lua:1: attempt to index a nil value[^\n]*\n$", got.err)
        assert.matches("traceback", run("raise.lua", "--log-level", "debug").err)
    end)

    it("refuses options of a plain script before it does anything", function()
        write("plain.lua", "print 'ran'")
        local got = run("plain.lua", "--sandbx")
        assert.same({ code = 2, out = "",
            err = 'neap: unknown option --sandbx; did you mean "--sandbox"?\n' }, got)
        assert.equal(2, run("plain.lua", "word").code)
    end)

    it("finds recipes beside, then built in", function()
        assert.equal(0, os.execute("mkdir -p '" .. dir .. "/scripts/opm'") and 0)
        write("scripts/opm/ping.lua",
            "return neap.workflow { summary = 'Mine', run = function() return 'mine' end }")
        assert.equal('"mine"\n', run("opm/ping").out)
        assert.equal(0, run("opm/sync-customers", "--help").code)
        local got = run("opm/pin")
        assert.equal(2, got.code)
        assert.equal('neap: no recipe "opm/pin"; did you mean "opm/ping"?\n', got.err)
    end)

    it("checks what belongs together", function()
        write("plain.lua", "print 'ran'")
        for _, words in ipairs {
            { "--clock", "virtual" }, { "--seed", "1" }, { "--faults", "503:p=1" },
            { "--sandbox-log", "x" }, { "--sandbox", "--faults", "bad:p=1" },
            { "--sandbox", "--faults", "503@opmm" }, { "--set", "opm" },
            { "--set", "opmm.api_key=env:X" }, { "--set", "opm.api_kee=env:X" },
            { "--set", "opm.api_key=literal" }, { "--set", "opm.timeout=soon" },
            { "--progress", "x" },
        } do
            local got = run("plain.lua", table.unpack(words))
            assert.equal(2, got.code, table.concat(words, " "))
            assert.equal("", got.out)
        end
        assert.matches('did you mean "api_key"%?',
            run("plain.lua", "--set", "opm.api_kee=env:X").err)
        assert.matches('did you mean "opm"%?', run("plain.lua", "--set", "opmm.api_key=env:X").err)
    end)
end)

describe("neap run of a delivery", function()
    local function import(csv, ...)
        write("a.csv", csv)
        return run("omnisegment/import-audience", "--sandbox", "--clock", "virtual",
            "--file", "a.csv", ...)
    end

    it("ends with a summary", function()
        local got = import("member_sn,email\nM1,a@x.com\nM2,b@x.com\n")
        assert.equal(0, got.code)
        assert.matches("^neap: 2 records: 2 ok, 0 failed, 0 unknown, 0 retried, [%d.]+ s\n$",
            got.err)
        got = import("member_sn,email\nM1,a@x.com\nM2,b@x.com\n", "--json")
        assert.matches('^{"total":2,"ok":2,"failed":0,"unknown":0,"retried":0,"seconds":[%d.]+}\n$',
            got.out)
    end)

    it("names the dead letters", function()
        local got = import("member_sn,birthday\nM1,2020-02-30\nM2,2020-02-03\n")
        assert.equal(3, got.code)
        assert.matches("1 failed.*; dead letters in a.csv.dead.ndjson\n$", got.err)
        assert.is_true(helper.exists(dir .. "/a.csv.dead.ndjson"))
    end)

    it("refuses a file before any request", function()
        assert.equal(2, import("").code)
        assert.equal(2, import("member_sn,emial\nM1,x\n").code)
        assert.equal(0, import("member_sn,email\n").code)
        assert.equal(1, import('member_sn,email\nM1,a@x.com\nM2,"open\n').code)
    end)

    it("tells of outages and refused or missing credentials", function()
        local csv = "member_sn\nM1\nM2\n"
        assert.equal(3, import(csv, "--faults", "503").code)
        local got = run("omnisegment/import-audience", "--file", "a.csv")
        assert.equal(4, got.code)
        assert.matches("missing settings tid, api_key", got.err)
        got = helper.cli({
            "run", "omnisegment/import-audience", "--sandbox", "--file", "a.csv",
            "--set", "omnisegment.api_key=env:WRONG",
        }, { cwd = dir, env = { WRONG = "not-the-key-4711" } })
        assert.equal(4, got.code)
        assert.is_nil(got.err:find("not%-the%-key"))
    end)

    it("counts records that were sent again", function()
        local got = import("member_sn\nM1\nM2\n", "--json", "--faults", "429:to=1")
        assert.equal(0, got.code)
        assert.matches('"retried":[12],', got.out)
    end)

    it("shows a dry run", function()
        local got = import("member_sn\nM1\n", "--dry-run")
        assert.equal(0, got.code)
        assert.matches('"api_key":"%*%*%*"', got.out)
        assert.matches("dry run: 1 omnisegment.import_audience checked, none sent", got.err)
    end)
end)
