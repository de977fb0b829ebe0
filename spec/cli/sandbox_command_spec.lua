--- The sandbox, in-process (--sandbox) and over HTTP (neap sandbox): addresses, faults, log, seed
-- (DESIGN.md 6, "Commands" and "Files").

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

local KEY = "00000000-0000-4000-8000-000000000000"

--- Starts `neap sandbox` on a free port. -> process, base URL
local function serve(dir, ...)
    local server = helper.start({ "sandbox", "--port", "0", ... }, { cwd = dir })
    return server, assert(server:line():match "^listening on (http://127%.0%.0%.1:%d+)$")
end

local function stop(server)
    server:signal "TERM"
    return server:wait()
end

--- Calls a vendor served over HTTP.
local function over_http(base, vendor, ...)
    local upper = vendor:upper()
    return helper.cli({ "call", vendor, ... }, { cwd = shop.place(), env = {
        ["NEAP_" .. upper .. "_API_KEY"] = KEY, ["NEAP_" .. upper .. "_BASE_URL"] = base .. "/" .. vendor,
        NEAP_OMNISEGMENT_TID = "OA-000000",
    } })
end

local LOG_LINE = '^{"at":"2026%-01%-01T00:00:00%.%d%d%dZ","vendor":"opm","endpoint":"ping","method":"GET",'
    .. '"path":"/ping","status":200,"fault":null}\n$'

describe("neap sandbox", function()
    it("serves every vendor below its name, those beside the working directory too", function()
        local server, base = serve(shop.place())
        local opm, mine = over_http(base, "opm", "ping"), over_http(base, "shop", "say", "what=list")
        local omni = over_http(base, "omnisegment", "import_audience", "data.member_sn=M1")
        local said = stop(server).err
        assert.same({ code = 0, out = '{"statusCode":200,"message":"pong"}\n', err = "" }, opm)
        assert.same({ code = 0, out = '[{"b":1,"a":2.0},3]\n', err = "" }, mine)
        assert.equal(0, omni.code, omni.err)
        for _, vendor in ipairs { "omnisegment", "opm", "shop" } do
            assert.truthy(said:find(("%s at %s/%s\n"):format(vendor, base, vendor), 1, true), said)
        end
        assert.truthy(said:find(("accepted: key %s, tid OA-000000\n"):format(KEY), 1, true))
    end)

    it("refuses another key", function()
        local server, base = serve()
        local got = helper.cli({ "call", "opm", "ping" },
            { env = { NEAP_OPM_API_KEY = "other", NEAP_OPM_BASE_URL = base .. "/opm" } })
        stop(server)
        assert.equal(4, got.code)
    end)

    it("takes the port it is told, and says when it is taken", function()
        local server, base = serve()
        local port = base:match "%d+$"
        local got = helper.cli { "sandbox", "--port", port }
        stop(server)
        assert.equal(1, got.code)
        assert.equal("", got.out)
        assert.matches("^neap: [^\n]*" .. port .. "[^\n]*\n$", got.err)
    end)

    it("makes faults and keeps a log", function()
        local dir = shop.place()
        local server, base = serve(dir, "--faults", "500@shop.say", "--sandbox-log", "log", "--seed", "7")
        local bad, good = over_http(base, "shop", "say", "what=null"), over_http(base, "opm", "ping")
        stop(server)
        assert.same({ 1, 0 }, { bad.code, good.code })
        local log = shop.lines(helper.read(dir .. "/log"))
        assert.same({ { "shop", "say", "GET", "/say", 500, "500" }, { "opm", "ping", "GET", "/ping", 200 } }, {
            { log[1].vendor, log[1].endpoint, log[1].method, log[1].path, log[1].status, log[1].fault },
            { log[2].vendor, log[2].endpoint, log[2].method, log[2].path, log[2].status },
        })
    end)

    it("refuses what makes no sense, before it listens", function()
        for words, said in pairs {
            [{ "--clock", "virtual" }] = "clocks are real", [{ "--port", "-1" }] = "port", [{ "--port", "x" }] = "port",
            [{ "--port", "65536" }] = "port", [{ "extra" }] = "extra", [{ "--seed", "x" }] = "seed",
            [{ "--faults", "503:p=2" }] = "number from 0 to 1", [{ "--sandbox" }] = "unknown option --sandbox",
            [{ "--faults", "outage:from=5,to=5" }] = "empty",
        } do
            local got = helper.cli({ "sandbox", table.unpack(words) })
            assert.same({ 2, "" }, { got.code, got.out })
            assert.truthy(got.err:find(said, 1, true), got.err)
        end
        assert.equal(2, helper.cli({ "sandbox", "--port", "0", "--sandbox-log", "no/such/dir" }).code)
    end)
end)

describe("--sandbox", function()
    it("needs no network, and no file but its log", function()
        local dir = helper.tmpdir()
        local got = helper.cli({ "call", "opm", "ping", "--sandbox", "--clock", "virtual", "--sandbox-log", "log" },
            { cwd = dir, env = { http_proxy = "http://127.0.0.1:1", https_proxy = "http://127.0.0.1:1" } })
        assert.equal(0, got.code, got.err)
        assert.matches(LOG_LINE, helper.read(dir .. "/log"))
    end)

    it("has the simulator beside the definition, else a clear error", function()
        local dir = helper.tmpdir()
        shop.mkdir(dir .. "/vendors/sandbox")
        helper.write(dir .. "/vendors/tiny.lua", [[return vendor.define "tiny" { title = "Tiny",
            base_url = "https://tiny.example", endpoints = { get = { get = "/x" } } }]])
        local got = helper.cli({ "call", "tiny", "get", "--sandbox" }, { cwd = dir })
        assert.truthy(got.code ~= 0)
        assert.equal("", got.out)
        assert.truthy(got.err:find("sandbox/tiny.lua", 1, true), got.err)
        helper.write(dir .. "/vendors/sandbox/tiny.lua", [[return { new = function() return {
            endpoint = function() return "get" end, respond = function() return { json = { ok = true } } end } end }]])
        assert.same({ code = 0, out = '{"ok":true}\n', err = "" },
            helper.cli({ "call", "tiny", "get", "--sandbox" }, { cwd = dir }))
    end)

    it("is what its options need", function()
        for _, words in ipairs { { "--clock", "virtual" }, { "--faults", "503" }, { "--seed", "1" },
            { "--sandbox-log", "x" } } do
            local got = helper.cli({ "call", "opm", "ping", table.unpack(words) })
            assert.equal(2, got.code)
            assert.truthy(got.err:find(words[1], 1, true) and got.err:find("needs --sandbox", 1, true), got.err)
        end
    end)

    it("takes no time with --clock virtual, which begins at the same time always", function()
        local dir = shop.place()
        helper.write(dir .. "/flow.lua", "neap.sleep(86400) print(neap.now and neap.now() or 'slept')")
        local got = helper.cli({ "run", "flow.lua", "--sandbox", "--clock", "virtual" }, { cwd = dir, timeout = 60 })
        assert.equal(0, got.code, got.err)
        got = shop.call({ "say", "what=after 7200", "--clock", "virtual", "--sandbox-log", "log",
            "--set", "shop.timeout=3h" }, { cwd = dir })
        assert.equal(0, got.code, got.err)
        assert.matches('^{"at":"2026%-01%-01T00:00:00%.000Z"', helper.read(dir .. "/log"))
    end)
end)

describe("--faults", function()
    --- Calls OPM under faults, on virtual time; -> result, statuses of the log
    local function ping(spec, ...)
        local dir = helper.tmpdir()
        local got = helper.cli({ "call", "opm", "ping", "--sandbox", "--clock", "virtual", "--faults", spec,
            "--sandbox-log", "log", ... }, { cwd = dir })
        local statuses, lines = {}, shop.lines(helper.read(dir .. "/log"))
        for i, line in ipairs(lines) do statuses[i] = line.status end
        return got, statuses, lines
    end

    it("answer with a status for a time", function()
        local got, statuses, lines = ping "503:to=1;429:from=1,to=4"
        assert.equal(0, got.code, got.err)
        assert.same({ 503, 200 }, { statuses[1], statuses[#statuses] })
        assert.same({ "503", "429" }, { lines[1].fault, lines[#lines - 1].fault })
    end)

    it("aim at a vendor or an endpoint", function()
        assert.equal(0, ping("500@omnisegment").code)
        assert.equal(0, ping("500@opm.entry").code)
        assert.equal(1, ping("500@opm").code)
        assert.equal(1, ping("500@opm.PING").code)
    end)

    it("cut answers and connections, after they took effect", function()
        for _, kind in ipairs { "reset", "truncate" } do
            local got, statuses, lines = ping(kind .. ":to=0.1")
            assert.equal(0, got.code, got.err)
            assert.equal(2, #statuses)
            assert.same({ kind, 200 }, { lines[1].fault, statuses[2] })
        end
    end)

    it("delay, and stop a vendor for a time", function()
        local got, _, lines = ping("slow:s=5")
        assert.equal(0, got.code)
        assert.equal("slow", lines[1].fault)
        got, _, lines = ping("outage:status=504,from=0,to=30")
        assert.equal(0, got.code, got.err)
        assert.same({ 504, "outage", 200 }, { lines[1].status, lines[1].fault, lines[#lines].status })
        assert.is_true(lines[#lines].at >= "2026-01-01T00:00:30.000Z")
    end)

    it("are the same with the same seed, and the log is, byte for byte", function()
        local dir = helper.tmpdir()
        local rows = { "customerId,customerEmail" }
        for i = 1, 200 do rows[#rows + 1] = ("%d,c%d@example.com"):format(i, i) end
        helper.write(dir .. "/a.csv", table.concat(rows, "\n") .. "\n")
        local function log(seed)
            helper.cli({ "run", "opm/sync-customers", "--file", "a.csv", "--sandbox", "--clock", "virtual", "--faults",
                "503:p=0.1;reset:p=0.1;slow:p=0.1,s=1;truncate:p=0.1;429:p=0.1", "--seed", seed,
                "--sandbox-log", "log" }, { cwd = dir })
            return helper.read(dir .. "/log")
        end
        local first = log(1)
        assert.is_true(#shop.lines(first) > 200)
        assert.is_true(first == log(1))
        assert.is_false(first == log(2))
    end)
end)
