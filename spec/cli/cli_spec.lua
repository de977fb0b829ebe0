local helper = require "spec.support.helper"

local function neap(...)
    return helper.cli { ... }
end

describe("neap", function()
    it("says how to ask", function()
        local got = neap()
        assert.equal(2, got.code)
        assert.equal("", got.out)
        assert.matches("^usage: neap COMMAND", got.err)
        for _, words in ipairs { { "help" }, { "--help" }, { "-h" } } do
            got = neap(table.unpack(words))
            assert.equal(0, got.code)
            assert.matches("^usage: neap COMMAND", got.out)
        end
    end)

    it("names the nearest command and topic", function()
        local function refused(err, ...)
            assert.same({ code = 2, out = "", err = err }, neap(...))
        end
        refused('neap: unknown command "cal"; did you mean "call"?\n', "cal")
        refused('neap: no help on "setings"; did you mean "settings"?\n', "help", "setings")
    end)

    it("has help on every command and topic", function()
        for _, name in ipairs { "run", "call", "list", "describe", "sandbox", "version", "help" } do
            local got = neap(name, "--help")
            assert.equal(0, got.code, name)
            assert.matches("^usage: neap " .. name, got.out)
            assert.equal(got.out, neap("help", name).out)
        end
        for _, name in ipairs {
            "settings", "secrets", "faults", "exit-codes", "files", "workflow", "definition",
        } do
            assert.equal(0, neap("help", name).code, name)
        end
        assert.equal(neap("help", "files").out, neap("help", "dead", "letters").out)
    end)

    it("takes options before the command", function()
        assert.matches("^{", neap("--json", "version").out)
    end)

    it("knows its versions", function()
        local got = neap("version")
        assert.equal(0, got.code)
        for _, name in ipairs {
            "neap", "lua", "libcurl", "expat", "libuv", "sqlite", "libmicrohttpd", "cjson", "lpeg",
        } do
            assert.matches("%f[%w]" .. name .. " %d+%.%d+", got.out)
        end
        assert.equal(0, neap("--version").code)
    end)
end)

describe("neap list", function()
    it("shows vendors and recipes, a line each", function()
        assert.matches("%f[%w]opm  OPM Partners API\n", neap("list", "vendors").out)
        assert.matches("\nopm/ping  [^\n]+\n", neap("list", "recipes").out)
        assert.matches("vendors\n.*\nrecipes\n", neap("list").out)
        assert.matches('{"name":"opm","title":"OPM Partners API"}',
            neap("list", "vendors", "--json").out)
        assert.equal(2, neap("list", "vendor").code)
    end)

    it("does not run the recipes that it finds", function()
        local dir = helper.tmpdir()
        assert(os.execute("mkdir -p '" .. dir .. "/scripts/shop'"))
        helper.write(dir .. "/scripts/shop/a.lua", [[
            local file = io.open("touched", "w")
            file:write "x"
            return neap.workflow { summary = "Harmless", run = function() end }]])
        helper.write(dir .. "/scripts/shop/b.lua",
            "for row in neap.records 'x' do end return neap.workflow { run = print }")
        local got = helper.cli({ "list", "recipes" }, { cwd = dir })
        assert.matches("shop/a  Harmless\n", got.out)
        assert.matches("shop/b.lua: too much work", got.err)
        assert.is_false(helper.exists(dir .. "/touched"))
    end)
end)

describe("neap describe", function()
    it("tells what a call needs", function()
        local got = neap("describe", "omnisegment.import_audience")
        assert.equal(0, got.code)
        for _, part in ipairs {
            "POST /ma_audience/import-audience/", "body field api_key", "NEAP_OMNISEGMENT_API_KEY",
            "body field tid", "idempotent", "data[merge_key]", "10 per second", "429",
            "502, 503, 504", "member_sn", "email_channels", "subscription_status",
            "default member_sn", "neap call omnisegment import_audience",
        } do
            assert.truthy(got.out:find(part, 1, true), part)
        end
    end)

    it("gives an example that runs", function()
        for _, name in ipairs { "opm.entry", "opm.ping", "omnisegment.import_audience",
            "omnisegment.create_interaction_report", "omnisegment.track_event" } do
            local example = neap("describe", name).out:match "\n  neap (call [^\n]+)\n"
            local pipe = assert(io.popen(helper.quote(helper.bin) .. " " .. example))
            pipe:read "a"
            assert.is_true((pipe:close()), example)
        end
    end)

    it("tells of vendors, and of recipes, and gives all as JSON", function()
        local got = neap("describe", "omnisegment")
        for _, part in ipairs {
            "environment", "NEAP_OMNISEGMENT_TID", "default 5m", "import_audience",
            "https://jp.api.omnisegment.com",
        } do
            assert.truthy(got.out:find(part, 1, true), part)
        end
        assert.matches("%-%-file PATH", neap("describe", "opm/sync-customers").out)
        local json = require "neap".json
        local shown = json.decode(neap("describe", "opm.entry", "--json").out)
        assert.equal("POST", shown.method)
        assert.equal("customerId", shown.params[1].name)
        assert.equal("opm", json.decode(neap("describe", "opm", "--json").out).vendor)
        assert.equal("opm/ping", json.decode(neap("describe", "opm/ping", "--json").out).recipe)
    end)

    it("refuses unknown names with the nearest", function()
        assert.matches('did you mean "opm"%?', neap("describe", "omp").err)
        assert.matches('did you mean "entry"%?', neap("describe", "opm.enty").err)
        assert.equal(2, neap("describe").code)
    end)
end)

describe("neap sandbox", function()
    it("serves until a signal, with its address on the first line", function()
        local server = helper.start { "sandbox", "--port", "0" }
        local base = assert(server:line():match "^listening on (http://127%.0%.0%.1:%d+)$")
        local got = helper.cli({ "call", "opm", "ping" }, { env = {
            NEAP_OPM_BASE_URL = base .. "/opm",
            NEAP_OPM_API_KEY = "00000000-0000-4000-8000-000000000000",
        } })
        assert.equal('{"statusCode":200,"message":"pong"}\n', got.out)
        server:signal "TERM"
        local ended = server:wait()
        assert.equal(143, ended.code)
        assert.matches("opm at " .. base:gsub("%p", "%%%0") .. "/opm", ended.err)
        assert.matches("accepted: key 00000000%-0000%-4000%-8000%-000000000000, tid OA%-000000",
            ended.err)
    end)

    it("refuses what makes no sense", function()
        assert.equal(2, neap("sandbox", "--clock", "virtual").code)
        assert.equal(2, neap("sandbox", "--faults", "nonsense").code)
        assert.equal(2, neap("sandbox", "--port", "99999").code)
    end)
end)

describe("a signal", function()
    it("ends a script that has no delivery", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/wait.lua", "print 'waiting' io.stdout:flush() neap.sleep(600)")
        for name, code in pairs { INT = 130, TERM = 143 } do
            local process = helper.start({ "run", "wait.lua" }, { cwd = dir })
            assert.equal("waiting", process:line())
            process:signal(name)
            assert.equal(code, process:wait().code)
        end
    end)

    it("ends a delivery with its summary and dead letters", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/flow.lua", [[return neap.workflow { run = function(ctx)
            local records = {}
            for i = 1, 5 do records[i] = { i = i } end
            return ctx:deliver(records, function()
                print "started"
                io.stdout:flush()
                neap.sleep(600)
                return true
            end, { concurrency = 1 })
        end }]])
        local process = helper.start({ "run", "flow.lua" }, { cwd = dir })
        assert.equal("started", process:line())
        process:signal "INT"
        local ended = process:wait()
        assert.equal(130, ended.code)
        assert.matches("5 records: 0 ok, 5 failed, 0 unknown", ended.err)
        assert.matches("; ended by SIGINT; dead letters in neap.dead.ndjson\n$", ended.err)
    end)
end)
