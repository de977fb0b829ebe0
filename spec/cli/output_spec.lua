--- What goes to standard output and what to standard error, in which form, with which exit code
-- (DESIGN.md 6, "Commands" and "Exit codes").

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

local json = require "neap.native.json"

local function say(what, ...)
    return shop.call { "say", "what=" .. what, ... }
end

--- Runs a script of this text.
local function run(text, words, opts)
    opts = opts or {}
    opts.cwd = opts.cwd or shop.place()
    helper.write(opts.cwd .. "/flow.lua", text)
    return helper.cli({ "run", "flow.lua", table.unpack(words or {}) }, opts)
end

local function workflow(body)
    return "return neap.workflow { run = function(ctx, args)\n" .. body .. "\nend }"
end

--- Runs the command on a terminal of its own; what a terminal shows, its line ends made plain.
local function on_terminal(command, dir)
    local pipe = assert(io.popen(("cd %s && TERM=xterm script -qec %s /dev/null </dev/null"):format(
        helper.quote(dir), helper.quote(helper.bin .. " " .. command))))
    local text = pipe:read "a"
    pipe:close()
    return (text:gsub("\r\n", "\n"))
end

describe("a payload", function()
    it("is one compact line, its keys and numbers as the vendor sent them", function()
        assert.same({ code = 0, out = '[{"b":1,"a":2.0},3]\n', err = "" }, say "list")
        assert.equal('"café"\n', say("text").out)
        assert.equal("null\n", say("null").out)
        assert.equal("null\n", say("empty").out)
    end)

    it("is the value of PAYLOAD at OmniSegment, null included, the whole body at OPM", function()
        local function call(...) return helper.cli({ "call", ... }).out end
        assert.equal("null\n", call("omnisegment", "track_event", "client_id=d", "hit_type=pageview", "--sandbox"))
        assert.equal('{"status":"OK","error_msg":""}\n',
            call("omnisegment", "import_audience", "data.member_sn=M1", "--sandbox"))
        assert.equal("[]\n", call("omnisegment", "list_interaction_reports", "--sandbox"))
        assert.equal('{"statusCode":200,"message":"pong"}\n', call("opm", "ping", "--sandbox"))
    end)

    it("is a line for every record with --all", function()
        assert.equal('{"b":1,"a":2.0}\n3\n', say("list", "--all").out)
        assert.equal('"café"\n', say("text", "--all").out)
        assert.equal("", say("null", "--all").out)
    end)

    it("is indented on a terminal, unless --json wants a line", function()
        local dir = shop.place()
        assert.equal('[\n  {\n    "b": 1,\n    "a": 2.0\n  },\n  3\n]\n',
            on_terminal("call shop say what=list --sandbox", dir))
        assert.equal('[{"b":1,"a":2.0},3]\n', on_terminal("call shop say what=list --sandbox --json", dir))
    end)
end)

describe("a failure", function()
    it("is one line on standard error", function()
        assert.same({ code = 1, out = "", err = "neap: shop.say: rejected: HTTP 400: not today\n" }, say "no")
        assert.same({ code = 1, out = "", err = "neap: shop.say: rejected: HTTP 404: no such thing\n" }, say "missing")
        local got = say "html"
        assert.equal(1, got.code)
        assert.matches("^neap: shop%.say: decode: HTTP 200: the reply is no JSON: [^\n]*\n$", got.err)
    end)

    it("is {\"error\":{...}} on standard error with --json", function()
        local got = say("no", "--json")
        assert.same({ 1, "" }, { got.code, got.out })
        local err = json.decode(got.err).error
        assert.equal(1, select(2, got.err:gsub("\n", "")))
        assert.same({ "rejected", "shop", "say", 400, "not today", "rejected" },
            { err.kind, err.vendor, err.endpoint, err.status, err.message, err.outcome })
        assert.equal(1, #err.attempts)
        for _, words in ipairs { { "lst" }, { "call", "opm", "pnig" }, { "run", "opm/pnig" },
            { "call", "opm", "entry", "x=1", "--sandbox" }, { "list", "x" } } do
            words[#words + 1] = "--json"
            got = helper.cli(words)
            assert.same({ 2, "" }, { got.code, got.out })
            assert.equal("invalid", json.decode(got.err).error.kind)
        end
        assert.equal("settings", json.decode(helper.cli({ "call", "opm", "ping", "--json" }).err).error.kind)
    end)

    it("says how often it was sent", function()
        local got = say("null", "--faults", "503", "--clock", "virtual")
        assert.equal(1, got.code)
        assert.matches("^neap: shop%.say: outage: HTTP 503: [^\n]*%(2 sends%)\n$", got.err)
    end)
end)

describe("the exit code", function()
    local codes = {
        ["0: done"] = { 0, { "say", "what=null" } },
        ["1: the vendor refused"] = { 1, { "say", "what=no" } },
        ["1: no usable reply"] = { 1, { "say", "what=html" } },
        ["1: a redirect to elsewhere"] = { 1, { "say", "what=away" } },
        ["1: an outage of a call"] = { 1, { "say", "what=null", "--faults", "503", "--clock", "virtual" } },
        ["1: an unknown outcome of a call"] =
            { 1, { "note", "a=1", "--faults", "reset", "--clock", "virtual" } },
        ["1: the network"] = { 1, { "say", "what=null", "--faults", "reset", "--clock", "virtual" } },
        ["2: a parameter"] = { 2, { "say", "wht=null" } },
        ["2: an option"] = { 2, { "say", "what=null", "--frobnicate" } },
        ["2: --set"] = { 2, { "say", "what=null", "--set", "shop.region=east" } },
        ["4: a refused credential"] = { 4, { "say", "what=null", "--set", "shop.api_key=env:KEY" } },
    }
    for name, case in pairs(codes) do
        it("is " .. name, function()
            local got = shop.call(case[2], { env = { KEY = "wrong" } })
            assert.equal(case[1], got.code, got.err)
            assert.equal(case[1] == 0 and 0 or 1, select(2, got.err:gsub("\n", "")))
        end)
    end

    local ends = {
        ["0: nothing returned"] = { 0, "", "" },
        ["0: a value, printed"] = { 0, "return { b = 1, a = { true } }", '{"a":[true],"b":1}\n' },
        ["0: text, printed as JSON"] = { 0, 'return "x"', '"x"\n' },
        ["0: false, printed"] = { 0, "return false", "false\n" },
        ["1: nil and an error"] = { 1, 'return nil, "sorry"', "" },
        ["1: raised text"] = { 1, 'error "oh"', "" },
        ["1: a raised error of a call"] = { 1, 'assert(ctx:vendor("shop"):say { what = "no" })', "" },
        ["1: an error in a child task"] = { 1, 'neap.spawn(function() error "child" end):await()', "" },
        ["1: no JSON"] = { 1, "return { [1] = 1, x = 2 }", "" },
        ["0: a delivery without failures"] = { 0, "return ctx:deliver({ { 1 } }, function() return 1 end)", "" },
        ["3: a delivery with failures"] = { 3, 'return ctx:deliver({ { 1 } }, function() return nil, "no" end)', "" },
        ["1: a delivery whose function raises"] =
            { 1, 'return ctx:deliver({ { 1 }, { 2 } }, function() local x = nil; return x.y end)', "" },
        ["0: a delivery that is not returned"] =
            { 0, 'ctx:deliver({ { 1 } }, function() return nil, "no" end)', "" },
        ["2: a parameter refused before any request"] =
            { 2, 'assert(ctx:vendor("shop"):say { wht = "no" })', "" },
        ["1: one refused after a request"] = { 1, 'local shop = ctx:vendor("shop") '
            .. 'assert(shop:say { what = "null" }) assert(shop:say { wht = "no" })', "" },
        ["4: a refused credential"] =
            { 4, 'assert(ctx:vendor("shop"):say { what = "null" })', "", "--set=shop.api_key=env:KEY" },
    }
    for name, case in pairs(ends) do
        it("of a workflow is " .. name, function()
            local got = run(workflow(case[2]), { "--sandbox", case[4] }, { env = { KEY = "wrong" } })
            assert.equal(case[1], got.code, got.err)
            assert.equal(case[3], got.out)
            if case[1] == 1 or case[1] == 2 or case[1] == 4 then assert.matches("^neap: ", got.err) end
        end)
    end
end)

describe("standard output", function()
    it("has what a script prints, standard error its log", function()
        local got = run [[print("one", 2)
            neap.log.info("three", { n = 3 })
            neap.log.debug "four"
            io.stderr:write "five\n"]]
        assert.equal("one\t2\n", got.out)
        assert.matches("^%S+Z info  three n=3\nfive\n$", got.err)
    end)

    it("has the summary with --json, and nothing else has", function()
        local text = workflow "return ctx:deliver({ { 1 }, { 2 } }, function(r) return r[1] == 1 or nil, 'no' end)"
        local got = run(text, { "--json" })
        assert.equal(3, got.code)
        assert.matches('^{"total":2,"ok":1,"failed":1,"unknown":0,"retried":0,"seconds":[%d.]+}\n$', got.out)
        got = run(text)
        assert.equal("", got.out)
        assert.matches("^neap: 2 records: 1 ok, 1 failed, 0 unknown, 0 retried, [%d.]+ s; 1 x no; dead letters in "
            .. "neap%.dead%.ndjson\n$", got.err)
        assert.matches("^neap: 1 record: ", run(workflow "return ctx:deliver({ {} }, function() return 1 end)").err)
    end)

    it("belongs to the data with --out -, the summary then goes to standard error", function()
        local text = [[return neap.workflow { args = { { "out", type = "path" } }, run = function(ctx, args)
            print "data"
            return ctx:deliver({ { 1 } }, function() return true end)
        end }]]
        local got = run(text, { "--out", "-", "--json" })
        assert.equal("data\n", got.out)
        assert.matches('^{"total":1,', got.err)
        got = run(text:gsub("return ctx.-\n", "return { n = 1 }\n"), { "--out", "-" })
        assert.same({ "data\n", '{"n":1}\n' }, { got.out, got.err })
    end)

    it("that is closed early is no failure to speak of", function()
        local pipe = assert(io.popen(helper.quote(helper.bin) .. " help 2>&1 | head -n 1; "
            .. helper.quote(helper.bin) .. " describe omnisegment.import_audience 2>&1 >/dev/full"))
        local text = pipe:read "a"
        pipe:close()
        assert.matches("^usage: neap COMMAND %[options%]\nneap: standard output: [^\n]*\n$", text)
    end)

    it("has no colours but on a terminal", function()
        local dir = shop.place()
        assert.is_nil(helper.cli({ "help" }).out:find "\27")
        assert.truthy(on_terminal("help", dir):find("\27[1m", 1, true))
        assert.truthy(on_terminal("lst", dir):find("\27[1;31mneap:\27[0m unknown command", 1, true))
    end)
end)

describe("--log-level and --log-format", function()
    local TEXT = [[for _, level in ipairs { "error", "warn", "info", "debug", "trace" } do
        neap.log[level](level .. "!")
    end]]

    it("choose what is logged", function()
        local levels = { "error", "warn", "info", "debug", "trace" }
        for i, level in ipairs(levels) do
            local got, seen = run(TEXT, { "--log-level", level }), {}
            for line in got.err:gmatch "[^\n]+" do seen[#seen + 1] = line:match "(%a+)!$" end
            assert.same(table.move(levels, 1, i, 1, {}), seen)
        end
        assert.equal(3, select(2, run(TEXT).err:gsub("\n", "")))
    end)

    it("choose how", function()
        for _, line in ipairs(shop.lines(run(TEXT, { "--log-format", "json" }).err)) do
            assert.equal(line.level .. "!", line.message)
            assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", line.at)
        end
    end)

    it("show every send at debug, without its secrets", function()
        local got = say("null", "--log-level", "debug", "--faults", "503:to=1", "--clock", "virtual")
        assert.equal(0, got.code, got.err)
        local sends = {}
        for status in got.err:gmatch "debug sent call=shop%.say [^\n]*status=(%d+)" do sends[#sends + 1] = status end
        assert.same({ "503", "200" }, sends)
        got = shop.call { "note", "a=1", "--log-level", "trace" }
        assert.is_nil(got.err:find("00000000", 1, true))
    end)
end)

describe("--progress", function()
    local TEXT = workflow "return ctx:deliver({ { 1 }, { 2 } }, function() return true end)"

    it("is for terminals, unless told otherwise", function()
        assert.equal(1, select(2, run(TEXT, { "--sandbox" }).err:gsub("\n", "")))
        assert.equal(1, select(2, run(TEXT, { "--sandbox", "--progress", "never" }).err:gsub("\n", "")))
        local got = run(TEXT, { "--sandbox", "--progress", "always" })
        assert.matches("^neap: 1 records?: 1 ok", got.err)
        assert.equal("", got.out)
    end)

    it("keeps other lines clear of the bar", function()
        local dir = shop.place()
        helper.write(dir .. "/flow.lua", workflow [[return ctx:deliver({ { 1 }, { 2 }, { 3 } }, function(r)
            neap.sleep(0.7 * r[1])
            print("line " .. r[1])
            neap.log.info("logged " .. r[1])
            return true
        end)]])
        local shown = on_terminal("run flow.lua", dir)
        assert.matches("%[%#*%.*%] +%d+%% ", shown)
        for i = 1, 3 do
            assert.truthy(shown:find("\r\27[Kline " .. i .. "\n", 1, true), shown)
            assert.matches("\r\27%[K[^\r\n]*logged " .. i .. "\n", shown)
        end
        assert.is_nil(shown:find "100%%%s[^\r]*\r\r?\27%[Kline 1")
    end)

    it("counts what is done, not what is read, and says that the vendor is down", function()
        local dir = shop.place()
        helper.write(dir .. "/rows.csv", "id\n" .. ("1\n"):rep(50))
        helper.write(dir .. "/flow.lua", workflow [[local omni, n = ctx:vendor "omnisegment", 0
            neap.deadline(2.5, ctx.deliver, ctx, neap.records "rows.csv", function(r)
                n = n + 1
                return n <= 10 or omni:track_event { client_id = "c" .. n, hit_type = "pageview" }
            end)]])
        local shown = on_terminal("run flow.lua --sandbox --faults 503", dir)
        assert.matches("%]  [12]%d%% vendor down %(503%), next try in 4m5%ds, 10 ok", shown)
        assert.is_nil(shown:find("100%", 1, true))
    end)

    it("draws a bar there, and leaves nothing of it", function()
        local dir = shop.place()
        helper.write(dir .. "/flow.lua", TEXT)
        local shown = on_terminal("run flow.lua --sandbox", dir)
        assert.matches("neap: 2 records: 2 ok, [^\n]*\n$", shown)
        assert.is_nil(on_terminal("run flow.lua --sandbox --progress never", dir):find "%[#")
    end)
end)

describe("a standard stream that is closed", function()
    --- What is left to see of a command whose streams were closed by its starter, and its exit code.
    local function starved(words, closed)
        local pipe = assert(io.popen(("{ %s %s %s; } 2>&1; echo $?"):format(helper.quote(helper.bin), words, closed)))
        local said, code = pipe:read("a"):match "^(.-)(%d+)\n$"
        pipe:close()
        return said, tonumber(code)
    end

    it("is no descriptor of anything else", function()
        assert.same({ '{"statusCode":200,"message":"pong"}\n', 0 }, { starved("call opm ping --sandbox", "<&-") })
        assert.same({ '{"statusCode":200,"message":"pong"}\n', 0 }, { starved("call opm ping --sandbox", "2>&-") })
        assert.same({ '{"statusCode":200,"message":"pong"}\n', 0 }, { starved("call opm ping --sandbox", "<&- 2>&-") })
    end)

    it("cannot be written to", function()
        local said, code = starved("call opm ping --sandbox", ">&-")
        assert.same({ "neap: standard output: Bad file descriptor\n", 1 }, { said, code })
        assert.equal(1, select(2, starved("call opm ping --sandbox", ">&- 2>&-")))
    end)
end)
