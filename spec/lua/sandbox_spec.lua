--- The machinery of the sandbox: faults, limiter, log, router and the state around them. The
-- vendors' simulators have specs of their own; csrc/server is tested by spec/c/test_server.c.

local helper = require "spec.support.helper"
require "neap"

local clock = require "neap.native.clock"
local faults = require "neap.sandbox.faults"
local json = require "neap.native.json"
local limiter = require "neap.sandbox.limiter"
local log = require "neap.sandbox.log"
local router = require "neap.sandbox.router"
local sandbox = require "neap.native.sandbox"

local function read_lines(path)
    local lines = {}
    for line in io.lines(path) do lines[#lines + 1] = line end
    return lines
end

describe("neap.sandbox.faults", function()
    local function one(text, known)
        local clauses, message = faults.parse(text, known)
        return clauses and clauses[1], message, clauses
    end

    it("reads the example of the design", function()
        local _, message, clauses = one("503:p=0.05;429:p=0.02;reset:p=0.01;slow:p=0.02,s=1;"
            .. "truncate:p=0.01;outage:status=503,from=10,to=200;expire@optimove:at=60")
        assert.is_nil(message)
        assert.equal(7, #clauses)
        assert.same({ kind = "503", status = 503, p = 0.05, from = 0, to = math.huge }, clauses[1])
        assert.same({ kind = "slow", s = 1, p = 0.02, from = 0, to = math.huge }, clauses[4])
        assert.same({ kind = "outage", status = 503, p = 1, from = 10, to = 200 }, clauses[6])
        assert.same({ kind = "expire", vendor = "optimove", at = 60, p = 1, from = 0,
            to = math.huge }, clauses[7])
    end)

    it("aims at a vendor and an endpoint", function()
        local clause = one "418@omnisegment.import_audience:p=1"
        assert.equal(418, clause.status)
        assert.equal("omnisegment", clause.vendor)
        assert.equal("import_audience", clause.endpoint)
    end)

    it("takes blanks, empty clauses, and defaults", function()
        assert.equal(2, #faults.parse " reset ; ; slow : p = 0.5 , s = 2 ;")
        assert.equal(0, #faults.parse "")
        assert.equal(0, #faults.parse ";")
        assert.same({ kind = "slow", s = 1, p = 1, from = 0, to = math.huge }, (one "slow"))
        assert.equal(503, (one "outage").status)
    end)

    local known = {
        vendors = { "omnisegment", "opm" },
        endpoints = function(name) return name == "opm" and { "ping", "entry" } or nil end,
    }
    local refused = {
        { "rest:p=1", 'unknown kind "rest" (did you mean "reset"?)' },
        { "frobnicate", 'unknown kind "frobnicate" (there are expire, ' },
        { "099:p=1", 'unknown kind "099"' },
        { "600:p=1", 'unknown kind "600"' },
        { "503:q=1", '503: no key "q", did you mean "p"?' },
        { "outage:form=1", 'did you mean "from"?' },
        { "outage:p=1", 'outage: no key "p", there are from, status, to' },
        { "503:p=1.5", 'p of "503" must be a number from 0 to 1, not "1.5"' },
        { "503:p=-1", "must be a number from 0 to 1" },
        { "503:p=nan", "must be a number from 0 to 1" },
        { "503:p=0.1e", "must be a number from 0 to 1" },
        { "outage:status=99", "must be a status from 200 to 599" },
        { "slow:s=1m", "must be a number of seconds" },
        { "outage:from=5,to=5", 'the window of "outage" is empty' },
        { "expire@opm", '"expire" needs at=SECONDS' },
        { "expire@opm.ping:at=1", "for a vendor, not for an endpoint" },
        { "503@omp:p=1", 'unknown vendor "omp" (did you mean "opm"?)' },
        { "503@opm.pong:p=1", 'unknown endpoint of opm "pong" (did you mean "ping"?)' },
        { "503:p", 'cannot read ":p"' },
        { "503 504", 'cannot read "504"' },
        { "503:p=1,", 'cannot read ","' },
        { "503@:p=1", 'cannot read "@:p=1"' },
    }
    for _, case in ipairs(refused) do
        it("refuses " .. case[1], function()
            local clauses, message = faults.parse(case[1], known)
            assert.is_nil(clauses)
            assert.truthy(message:find(case[2], 1, true), message)
        end)
    end

    local function engine(text, draws, now)
        local drawn = 0
        local self = faults.new(assert(faults.parse(text)), function()
            drawn = drawn + 1
            return draws[drawn]
        end, now or function() return 0 end)
        return self, function() return drawn end
    end

    it("draws once per clause that applies, and lets the first hit win", function()
        local e, drawn = engine("503:p=0.5;429:p=0.5;500@opm:p=1;reset:from=10,p=1",
            { 0.9, 0.1, 0.1, 0.1, 0.5, 0.5 })
        assert.equal("429", e:decide("omnisegment", "track_event").kind)
        assert.equal(2, drawn())
        assert.equal("503", e:decide("omnisegment", "track_event").kind)
        assert.equal(4, drawn())
        assert.is_nil((e:decide("omnisegment", "track_event")))
    end)

    it("lets slow meet another fault", function()
        local e = engine("slow:s=2;503;slow:s=0.5,p=0.5", { 0, 0, 0.6 })
        local fault, delay = e:decide("opm", "ping")
        assert.equal("503", fault.kind)
        assert.equal(2, delay)
    end)

    it("keeps to windows, closed at their beginning and open at their end", function()
        local now = 0
        local e = engine("outage:from=10,to=20", { 0, 0, 0, 0 }, function() return now end)
        for at, hit in pairs { [9.999] = false, [10] = true, [19.999] = true, [20] = false } do
            now = at
            assert.equal(hit, e:decide("opm", nil) ~= nil)
        end
    end)

    it("matches endpoints without regard to case, and none without a name", function()
        local e = engine("503@optimove.GetCustomers", { 0, 0, 0 })
        assert.truthy((e:decide("optimove", "getcustomers")))
        assert.is_nil((e:decide("optimove", "GetOthers")))
        assert.is_nil((e:decide("optimove", nil)))
    end)

    it("expires what was issued before, once it is due", function()
        local now = 59
        local e = engine("expire@optimove:at=60", {}, function() return now end)
        assert.is_false(e:expired("optimove", 0))
        now = 60
        assert.is_true(e:expired("optimove", 0))
        assert.is_true(e:expired("optimove", 59.9))
        assert.is_false(e:expired("optimove", 60))
        assert.is_false(e:expired("opm", 0))
    end)
end)

describe("neap.sandbox.limiter", function()
    it("takes count arrivals in any window, the next exactly a period after the first", function()
        local l = limiter.new(10, 1)
        for i = 0, 9 do assert.is_true(l:arrive("k", 1.3 + i * 0.05)) end
        local ok, wait = l:arrive("k", 2.2)
        assert.is_false(ok)
        assert.near(0.1, wait, 1e-9)
        assert.is_false(l:arrive("k", 2.299999999))
        assert.is_true(l:arrive("k", 2.3))
        assert.is_false(l:arrive("k", 2.3))
        assert.is_true(l:arrive("other", 2.3))
    end)

    it("never lets a window overflow, whatever comes", function()
        local l, taken, at = limiter.new(7, 0.5), {}, 0
        for i = 1, 5000 do
            at = at + (i * 7919 % 97) / 1000
            if l:arrive(1, at) then taken[#taken + 1] = at end
        end
        assert.is_true(#taken > 500)
        for i = 8, #taken do assert.is_true(taken[i] - taken[i - 7] >= 0.5 - 1e-9) end
    end)
end)

describe("neap.sandbox.log", function()
    it("writes lines in order of arrival, with the keys in theirs", function()
        local path = helper.tmpdir() .. "/log"
        local l = assert(log.open(path))
        local first = l:arrive(1767225600000, "opm", "POST", "/v1/entry")
        local second = l:arrive(1767225600123, nil, "GET", '/a"\\\n\xff/\xc3')
        first.endpoint = "entry"
        l:finish(second, 404)
        assert.same({}, read_lines(path))
        l:finish(first, 503, "outage")
        l:arrive(1767225601000, "opm", "GET", "/\u{4e2d}")
        assert.equal(2, #read_lines(path))
        l:close()
        l:close()
        assert.same({
            '{"at":"2026-01-01T00:00:00.000Z","vendor":"opm","endpoint":"entry","method":"POST",'
                .. '"path":"/v1/entry","status":503,"fault":"outage"}',
            '{"at":"2026-01-01T00:00:00.123Z","vendor":null,"endpoint":null,"method":"GET",'
                .. '"path":"/a\\"\\\\\\u000a%FF/%C3","status":404,"fault":null}',
            '{"at":"2026-01-01T00:00:01.000Z","vendor":"opm","endpoint":null,"method":"GET",'
                .. '"path":"/\u{4e2d}","status":0,"fault":null}',
        }, read_lines(path))
    end)

    it("says why a file cannot be written", function()
        local l, message = log.open "/nonexistent/log"
        assert.is_nil(l)
        assert.truthy(message:find("/nonexistent/log", 1, true))
    end)
end)

--- An exchange as csrc/lua/exchange.c binds it, which keeps what it was sent.
local function make_exchange(method, target, headers, body)
    local ex = { written = "", state = "open" }
    function ex.method() return method end
    function ex.target() return target end
    function ex.headers() return headers or {} end
    function ex.header(_, name)
        for i = 1, #(headers or {}), 2 do
            if headers[i]:lower() == name:lower() then return headers[i + 1] end
        end
    end
    function ex.body() return body end
    function ex.body_path() return nil end
    function ex:head(status, fields, length)
        if self.gone then return nil, "gone" end
        self.status, self.length, self.fields = status, length, {}
        for i = 1, #fields, 2 do self.fields[fields[i]] = fields[i + 1] end
        return true
    end
    function ex:write(text)
        assert(self.state == "open", "written to after its end")
        self.written = self.written .. text
        return true
    end
    function ex:finish() self.state = "finished" end
    function ex:abort() if self.state == "open" then self.state = "aborted" end end
    return ex
end

describe("neap.sandbox.router", function()
    local sim, problems, seen, path

    local function make_router(spec)
        path = helper.tmpdir() .. "/log"
        problems, seen = {}, 0
        sim = {
            endpoint = function(_, req) return req.path:match "^/(%l+)" end,
            respond = function(_, req)
                seen = seen + 1
                return sim[req.endpoint](req)
            end,
        }
        return router.new {
            find_vendor = function(name) return name == "demo" end,
            open_vendor = function() return { name = "demo", sim = sim } end,
            vendor_names = { "demo" },
            faults = faults.new(assert(faults.parse(spec or "")), function() return 0 end,
                function() return 0 end),
            log = assert(log.open(path)),
            now = function() return 0 end,
            report = function(problem) problems[#problems + 1] = problem end,
        }
    end

    local function logged()
        local lines = read_lines(path)
        return json.decode(lines[#lines])
    end

    it("hands the request over as the simulators know it", function()
        local r = make_router()
        local req
        function sim.entry(got)
            req = got
            return { json = { b = 1, a = { 2 } } }
        end
        local ex = make_exchange("POST", "/demo/entry/%20x?a=1&b=x%26y+z&a=2&c",
            { "Host", "h:1", "X-A", "1", "x-a", "2" }, '{"n":1}')
        r:serve(ex)
        assert.equal("/entry/%20x", req.path)
        assert.equal("a=1&b=x%26y+z&a=2&c", req.query)
        assert.same({ a = "2", b = "x&y z", c = "" }, req.args)
        assert.same({ "1", "2" }, req.args_list.a)
        assert.equal("1, 2", req.headers["x-a"])
        assert.equal("h:1", req.authority)
        assert.equal(1, req:json().n)
        assert.equal("demo", req.vendor)
        assert.equal("finished", ex.state)
        assert.equal('{"a":[2],"b":1}', ex.written)
        assert.equal(#ex.written, ex.length)
        assert.equal("application/json", ex.fields["Content-Type"])
        assert.truthy(ex.fields.Date:find "^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$")
        assert.equal("entry", logged().endpoint)
    end)

    it("keeps the path of the root, and names the vendors for a wrong prefix", function()
        local r = make_router()
        local paths = {}
        function sim.respond(_, req)
            paths[#paths + 1] = req.path
            return { status = 204 }
        end
        for _, target in ipairs { "/demo", "/demo/", "/demo?x=1" } do
            r:serve(make_exchange("GET", target))
        end
        assert.same({ "/", "/", "/" }, paths)
        local ex = make_exchange("GET", "/dema/x?y")
        r:serve(ex)
        assert.equal(404, ex.status)
        assert.same({ "demo" }, json.decode(ex.written).vendors)
        assert.equal("/dema/x", logged().path)
        assert.equal(json.null, logged().vendor)
    end)

    it("turns an error of the simulator into HTTP 500", function()
        local r = make_router()
        function sim.boom() error "kaputt" end
        local ex = make_exchange("GET", "/demo/boom")
        r:serve(ex)
        assert.equal(500, ex.status)
        assert.truthy(ex.written:find "kaputt")
        assert.truthy(problems[1].trace:find "traceback")
        assert.equal(500, logged().status)
    end)

    it("names the simulator's line where the error is raised below it", function()
        local r = make_router()
        function sim.low() return limiter.new() end
        local ex = make_exchange("GET", "/demo/low")
        r:serve(ex)
        assert.equal(500, ex.status)
        assert.matches("sandbox_spec.lua:%d+: attempt to", problems[1].message)
        assert.not_matches("limiter.lua", problems[1].message)
    end)

    it("drops the connection when a stream fails in the middle", function()
        local r = make_router()
        function sim.list()
            return { stream = function(write)
                write "abc"
                error "kaputt"
            end }
        end
        local ex = make_exchange("GET", "/demo/list")
        r:serve(ex)
        assert.equal("aborted", ex.state)
        assert.equal("abc", ex.written)
        assert.equal(-1, ex.length)
        assert.equal(1, #problems)
    end)

    it("sends no body for HEAD, but its length", function()
        local r = make_router()
        function sim.page() return { body = "hello" } end
        local ex = make_exchange("HEAD", "/demo/page")
        r:serve(ex)
        assert.equal(5, ex.length)
        assert.equal("", ex.written)
        assert.equal("finished", ex.state)
    end)

    it("answers a status fault itself, as a gateway or in the vendor's envelope", function()
        local r = make_router "503"
        local ex = make_exchange("GET", "/demo/page")
        r:serve(ex)
        assert.equal(503, ex.status)
        assert.equal("text/html", ex.fields["Content-Type"])
        assert.equal(0, seen)
        assert.same({ 503, "503" }, { logged().status, logged().fault })
        r = make_router "500"
        function sim.failure(_, status, message)
            return { SUCCESS = false, ERR_MSG = message, status = status }
        end
        ex = make_exchange("GET", "/demo/page")
        r:serve(ex)
        assert.same({ false, 500 }, { json.decode(ex.written).SUCCESS, ex.status })
    end)

    it("gives Retry-After as seconds and as a date in turn, both by its own Date", function()
        local r = make_router "429"
        local first, second = make_exchange("GET", "/demo/x"), make_exchange("GET", "/demo/x")
        r:serve(first)
        r:serve(second)
        assert.equal("2", first.fields["Retry-After"])
        local months = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8,
            Sep = 9, Oct = 10, Nov = 11, Dec = 12 }
        local function seconds(date)
            local d, m, y, h, min, s = date:match "(%d+) (%a+) (%d+) (%d+):(%d+):(%d+)"
            return os.time { day = d, month = months[m], year = y, hour = h, min = min, sec = s }
        end
        local wait = seconds(second.fields["Retry-After"]) - seconds(second.fields.Date)
        assert.is_true(wait == 2 or wait == 3)
    end)

    it("lets reset and truncate take effect first", function()
        local r = make_router "reset"
        function sim.page() return { body = "hello world" } end
        local ex = make_exchange("GET", "/demo/page")
        r:serve(ex)
        assert.equal(1, seen)
        assert.equal("aborted", ex.state)
        assert.is_nil(ex.status)
        assert.same({ 0, "reset" }, { logged().status, logged().fault })
        r = make_router "truncate"
        function sim.page() return { body = "hello world" } end
        function sim.list()
            return { length = 8, stream = function(write)
                for _ = 1, 4 do if not write "xy" then return end end
            end }
        end
        function sim.empty() return {} end
        ex = make_exchange("GET", "/demo/page")
        r:serve(ex)
        assert.same({ "aborted", 200, 11, "hello" }, { ex.state, ex.status, ex.length, ex.written })
        assert.same({ 200, "truncate" }, { logged().status, logged().fault })
        ex = make_exchange("GET", "/demo/list")
        r:serve(ex)
        assert.same({ "aborted", 8, "xyxy" }, { ex.state, ex.length, ex.written })
        ex = make_exchange("GET", "/demo/empty")
        r:serve(ex)
        assert.same({ "aborted", 1, "" }, { ex.state, ex.length, ex.written })
        assert.equal(0, #problems)
    end)

    it("logs status 0 when the client has gone", function()
        local r = make_router()
        function sim.page() return { body = "x" } end
        local ex = make_exchange("GET", "/demo/page")
        ex.gone = true
        r:serve(ex)
        assert.equal("aborted", ex.state)
        assert.equal(0, logged().status)
    end)
end)

describe("neap.native.sandbox", function()
    after_each(helper.assert_idle)

    local function write_simulator(text)
        return helper.write(helper.tmpdir() .. "/demo.lua", text)
    end

    it("opens simulators in a state of their own, and copies snapshots out", function()
        local path = write_simulator [[
            local name = ...
            leaked = true
            local function none() return nil end
            return { new = function(env) return {
                endpoint = none, respond = none,
                snapshot = function(_, what)
                    return { name = name, env = env.vendor, key = env.settings.key, what = what,
                             draw = env.random() }
                end,
            } end }
        ]]
        local function open()
            return assert(sandbox.open { config = { seed = 7, vendors = { demo = path } } })
        end
        local s = open()
        local got = assert(s:inspect("demo", { list = json.array { 1, 2 } }))
        assert.equal("demo", got.name)
        assert.equal("demo", got.env)
        assert.equal("00000000-0000-4000-8000-000000000000", got.key)
        assert.same({ 1, 2 }, got.what.list)
        assert.is_nil(rawget(_G, "leaked"))
        local other = open()
        assert.equal(got.draw, other:inspect("demo").draw)
        assert.are_not.equal(got.draw, s:inspect("demo").draw)
        other:close()
        s:close()
        s:close()
        assert.has_error(function() s:inspect "demo" end)
    end)

    it("reports what is wrong with its settings and simulators", function()
        local s, err = sandbox.open { config = { faults = "rest:p=1" } }
        assert.is_nil(s)
        assert.equal("invalid", err.kind)
        assert.truthy(err.message:find('did you mean "reset"?', 1, true))
        s, err = sandbox.open { config = { log = "/nonexistent/x" } }
        assert.is_nil(s)
        assert.truthy(err.message:find("/nonexistent/x", 1, true))
        s = assert(sandbox.open { config = {} })
        assert.truthy(select(2, s:inspect "nobody").message:find 'no vendor "nobody"')
        s:close()
        assert.has_error(function() sandbox.open { config = { log = print } } end)
        assert.has_error(function() sandbox.open() end)
    end)

    local faulty = {
        { "return { new = function(", ":1: " },
        { "\nerror 'no'", ":2: no" },
        { "return { new = function() error 'no' end }", ":1: no" },
        { "return 5", ": no new(env)" },
        { "return { open = print }", ": no new(env)" },
        { "return { new = function() end }", ": sim:endpoint(req) is missing" },
        { "return { new = function() return { respond = print } end }", ": sim:endpoint(req) is missing" },
        { "return { new = function() return { endpoint = print } end }", ": sim:respond(req) is missing" },
    }
    for _, case in ipairs(faulty) do
        it("refuses a simulator at once: " .. case[1], function()
            local path = write_simulator(case[1])
            for _, faults_text in ipairs { "", "503@demo.x" } do
                local s, err = sandbox.open { config = { vendors = { demo = path }, faults = faults_text } }
                assert.is_nil(s)
                assert.equal("invalid", err.kind)
                assert.equal(1, (err.message:find(path .. case[2], 1, true)), err.message)
            end
        end)
    end
end)

describe("neap.native.server", function()
    after_each(helper.assert_idle)

    it("listens on a free port, and says when one is taken", function()
        local ok, server = pcall(require, "neap.native.server")
        if not ok then return end -- the module for a stock interpreter has none
        local s <close> = assert(sandbox.open { config = {} })
        local one <close> = assert(server.listen(s, {}))
        assert.is_true(one:port() > 0)
        local two, err = server.listen(s, { port = one:port() })
        assert.is_nil(two)
        assert.equal("network", err.kind)
        assert.truthy(tostring(err.message):find("127.0.0.1:" .. one:port(), 1, true))
        one:close()
        one:close()
        assert.has_error(function() one:port() end)
        assert.is_number(clock.now())
    end)
end)
