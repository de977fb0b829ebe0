--- The directives of the nginx module: csrc/hosts/nginx/ngx_http_neap_module.c, settings.c, source.c, status.c.

local helper = require "spec.support.helper"
local neap = require "neap"
local nginx = require "spec.support.nginx"

local OK = 'return function() return "ok" end'

--- Runs fn(server) with an nginx of its own.
local function with(options, fn)
    local server = nginx.start(options)
    local ok, message = pcall(fn, server)
    local stopped, why = pcall(server.stop, server)
    if not ok then error(tostring(message) .. "\n" .. server:log(), 0) end
    assert(stopped, why)
end

describe("the configuration", function()
    --- What nginx says of a faulty one.
    local function fault(options)
        options.files = options.files or { ["ok.lua"] = OK }
        local ok, message = nginx.test(options)
        assert.is_false(ok, message)
        return message
    end

    it("is accepted, and nothing is run", function()
        local ok, message = nginx.test {
            files = { ["ok.lua"] = OK, ["init.lua"] = "error 'not now'", ["key"] = "k", ["lua/a.lua"] = "",
                ["more/a.lua"] = "" },
            http = [[neap_init init.lua; neap_path lua; neap_path more; neap_setting name value;
                neap_secret key file:key; neap_task ok.lua; neap_memory_limit 64m; neap_time_limit 5s;
                neap_state off; neap_body_limit 1m; neap_status_zone 1m;]],
            server = "neap_body_limit 2m; location / { neap_script ok.lua; } location /status { neap_status; }",
        }
        assert.is_true(ok, message)
    end)

    it("names a script that cannot be read", function()
        assert.matches('cannot read ".*/gone.lua" %(2: No such file or directory%) in .*nginx.conf:%d+',
            fault { server = "location / { neap_script gone.lua; }" })
        assert.matches('".*/temp" is no file', fault {
            files = { ["temp/x"] = "" }, server = "location / { neap_script temp; }",
        })
    end)

    it("names a secret that is not there, and never shows one", function()
        assert.matches("the environment of nginx has no NOT_THERE: set it for this command, too",
            fault { http = "neap_secret a env:NOT_THERE;" })
        assert.matches('cannot read ".*/gone"', fault { http = "neap_secret a file:gone;" })
        assert.matches('/empty" is empty', fault { files = { empty = "\n" }, http = "neap_secret a file:empty;" })
        local message = fault { http = "neap_secret a topsecret;" }
        assert.matches("env:NAME or file:PATH", message)
        assert.is_nil(message:find("topsecret", 1, true))
    end)

    it("knows what may stand where, and how often", function()
        assert.matches('"neap_setting" directive is not allowed here', fault { server = "neap_setting a b;" })
        assert.matches('"neap_script" directive is not allowed here', fault { http = "neap_script ok.lua;" })
        assert.matches("is duplicate", fault { server = "location / { neap_script ok.lua; neap_script ok.lua; }" })
        assert.matches("is duplicate", fault { http = "neap_init ok.lua; neap_init ok.lua;" })
        assert.matches("invalid number of arguments", fault { http = "neap_secret a;" })
        assert.matches("invalid value", fault { http = "neap_time_limit soon;" })
        assert.matches("neap_status_zone is too small", fault { http = "neap_status_zone 4k;" })
    end)

    it("names a folder that is not there", function()
        assert.matches('cannot read ".*/gone" %(2: No such file or directory%) in .*nginx.conf:%d+',
            fault { http = "neap_path gone;" })
        assert.matches("neap_path is no directory in .*nginx.conf:%d+", fault { http = "neap_path ok.lua;" })
    end)

    it("gives a location one answer", function()
        for _, twice in ipairs {
            "neap_script ok.lua; neap_status;", "neap_status; neap_script ok.lua;",
            "proxy_pass http://127.0.0.1:1; neap_script ok.lua;", "neap_script ok.lua; proxy_pass http://127.0.0.1:1;",
        } do
            assert.matches("this location is answered by another directive[^\n]* in .*nginx.conf:%d+",
                fault { server = ("location / { %s }"):format(twice) })
        end
        local ok, message = nginx.test {
            files = { ["ok.lua"] = OK },
            server = [[location / { proxy_pass http://127.0.0.1:1; if ($arg_a) { neap_script ok.lua; } }
                location /b { neap_script ok.lua; limit_except GET { proxy_pass http://127.0.0.1:1; } }
                location /c { neap_script ok.lua; if ($arg_a) { set $b 1; } limit_except GET { deny all; } }]],
        }
        assert.is_true(ok, message)
    end)

    it("is tried as a worker would: each fault is named with its place, and no script is run", function()
        local message = fault {
            files = {
                ["ok.lua"] = "os.execute 'touch ran' " .. OK, ["bad.lua"] = "local a = 1\nlocal b == 2",
                ["init.lua"] = "return =", key = "hush-0123456789",
            },
            http = [[neap_init init.lua;
                neap_setting opm.base_ulr http://127.0.0.1/;
                neap_setting opn.base_url http://127.0.0.1/;
                neap_setting opm.api_key hush-0123456789;
                neap_secret opm.base_url file:key;]],
            server = "location / { neap_script ok.lua; } location /bad { neap_script bad.lua; }",
        }
        local lines = {}
        for _, pattern in ipairs {
            'neap_setting "opm.base_ulr": [^\n]*base_url', 'neap_setting "opn.base_url": [^\n]*opm',
            'neap_setting "opm.api_key": [^\n]*neap_secret opm.api_key file:PATH,',
            'neap_secret "opm.base_url": [^\n]*is no secret', 'script "[^\n]*/bad.lua": [^\n]*/bad.lua:2:',
            'script "[^\n]*/init.lua": [^\n]*/init.lua:1:',
        } do
            lines[#lines + 1] = tonumber(message:match("%[emerg%] [^\n]*" .. pattern ..
                "[^\n]* in [^\n]*/nginx.conf:(%d+)\n") or error(pattern .. "\n" .. message))
        end
        local first = lines[1]
        assert.same({ first, first + 1, first + 2, first + 3 }, { lines[1], lines[2], lines[3], lines[4] })
        assert.matches("test failed", message)
        assert.is_nil(message:find("hush", 1, true))
        assert.is_nil(message:find("/ok.lua", 1, true), "ok.lua is fine")
    end)

    it("is tried with its limits and its library", function()
        local server = "location / { neap_script ok.lua; }"
        assert.matches("no runtime %(%-%d+%)[^\n]*neap_memory_limit is 1024 bytes",
            fault { http = "neap_memory_limit 1k;", server = server })
        if nginx.is_asan then return end -- it needs the directive for itself
        assert.matches('neap_library "[^\n]*/gone.so": [^\n]*gone.so: [^\n]* in [^\n]*nginx.conf:%d+',
            fault { http = "neap_library gone.so;", server = server })
    end)

    it("may lack the variable of a secret where a signal is sent", function()
        with({
            files = { ["ok.lua"] = OK }, http = "neap_secret a env:MINE;", env = { MINE = "k" },
            server = "location / { neap_script ok.lua; }",
        }, function(server)
            assert.equal("ok", server:get("/").body)
            server.options.env = nil
            assert.is_true(server:command "-s quit")
            server:wait()
        end)
    end)
end)

describe("a script that is wrong", function()
    it("is told at the start, with file and line, and answers 500; others work", function()
        with({
            files = { ["bad.lua"] = "local a = 1\nlocal b == 2", ["raise.lua"] = "local x = nil\nerror 'why not'",
                ["ok.lua"] = OK },
            server = [[location / { neap_script ok.lua; } location /bad { neap_script bad.lua; }
                location /raise { neap_script raise.lua; }]],
        }, function(server)
            assert.matches("[error]", server:wait_log "[^\n]*/bad.lua:2:[^\n]*", 1, true)
            assert.equal(500, server:get("/bad").status)
            assert.equal(500, server:get("/raise").status)
            server:wait_log "/raise.lua:2: why not"
            assert.equal("ok", server:get("/").body)
        end)
    end)

    it("a library that is none leaves the rest of nginx as it is", function()
        if nginx.is_asan then return end -- it needs the directive for itself
        with({
            files = { ["ok.lua"] = OK, ["lib.so"] = "none" }, http = "neap_library lib.so;",
            server = "location / { neap_script ok.lua; } location /plain { return 200 plain; }",
        }, function(server)
            server:wait_log "/lib.so: [^\n]*"
            server:wait_log "its locations answer 500"
            assert.equal(500, server:get("/").status)
            assert.equal("plain", server:get("/plain").body)
        end)
    end)
end)

describe("settings and secrets", function()
    local FILES = {
        ["ask.lua"] = [[
            local neap = require "neap"
            local opm = neap.vendor "opm"
            return function(req)
                local reply = assert(opm:ping {})
                return { body = { reply = reply.message, name = neap.setting "name", mine = neap.setting "mine" } }
            end]],
        -- The vendor: as strict about its key.
        ["vendor.lua"] = [[
            return function(req)
                if req:header "x-api-key" ~= "k-from-file" then return { status = 401, body = { message = "who?" } } end
                return { body = { statusCode = 200, message = "pong" } }
            end]],
        ["key"] = "k-from-file\n",
        ["modules/lexicon.lua"] = "return { hello = 'from a module' }",
        ["words.lua"] = "return function() return require('lexicon').hello end",
        ["digest.lua"] = [[
            local neap = require "neap"
            return function() return type(neap.secret "mine") .. " " .. tostring(neap.secret "mine") end]],
    }
    local SERVER = [[location / { neap_script ask.lua; } location /up { neap_script vendor.lua; }
        location /words { neap_script words.lua; } location /digest { neap_script digest.lua; }]]

    it("reach scripts and vendors; modules are found in neap_path", function()
        with({
            files = FILES, server = SERVER, env = { MINE = "k-from-environment" },
            http = [[neap_setting opm.base_url http://127.0.0.1:@PORT@/up; neap_secret opm.api_key file:key;
                neap_setting name "a name"; neap_secret mine env:MINE; neap_path modules;]],
        }, function(server)
            assert.equal(500, server:get("/").status) -- `mine` is a secret, it cannot be read
            server:wait_log "mine is a secret"
            assert.equal("from a module", server:get("/words").body)
            assert.matches("^userdata", server:get("/digest").body)
            assert.is_nil(server:get("/digest").body:find("k-from", 1, true))
            assert.is_nil(server:log():find("k-from", 1, true))
        end)
        with({
            files = FILES, server = SERVER,
            http = [[neap_setting opm.base_url http://127.0.0.1:@PORT@/up; neap_secret opm.api_key file:key;
                neap_setting name "a name";]],
        }, function(server)
            assert.equal('{"name":"a name","reply":"pong"}', server:get("/").body)
        end)
    end)

    it("that are wrong stop all scripts: none runs with a part of its settings", function()
        for directive, message in pairs {
            ["neap_setting opm.nokey x"] = 'neap_setting "opm.nokey": ',
            ["neap_setting opm.api_key literal"] = 'neap_setting "opm.api_key": ',
            ["neap_secret opm.base_url file:key"] = 'neap_secret "opm.base_url": ',
        } do
            with({ files = FILES, server = SERVER, http = directive .. ";" }, function(server)
                server:wait_log(message)
                assert.equal(500, server:get("/words").status)
                assert.is_nil(server:log():find("literal", 1, true))
            end)
        end
    end)

    it("that are missing, and a state that cannot be: the log names the directives", function()
        with({
            files = {
                ["ask.lua"] = [[
                    local neap = require "neap"
                    return function() return assert(neap.vendor "opm":ping {}) end]],
                ["inbox.lua"] = [[
                    local neap = require "neap"
                    return function() return assert(neap.inbox "events":put("1", {})) end]],
                ["own.lua"] = [[
                    local neap = require "neap"
                    return neap.handler {
                        summary = "Greets", settings = { { "greeting", type = "string", required = true } },
                        open = function() return function() return "never" end end,
                    }]],
            },
            http = "neap_state /proc/none/state.db;",
            server = [[location / { neap_script ask.lua; } location /inbox { neap_script inbox.lua; }
                location /own { neap_script own.lua; }]],
        }, function(server)
            for path, hint in pairs {
                ["/"] = "missing setting api_key[^\n]*in nginx by neap_secret opm.api_key file:PATH,",
                ["/inbox"] = "state file /proc/none/state.db[^\n]*in nginx neap_state FILE or off",
                ["/own"] = "missing setting greeting[^\n]*in nginx by neap_setting greeting VALUE,",
            } do
                assert.equal(500, server:get(path).status)
                server:wait_log(hint)
            end
            assert.is_nil(server:log():find("--", 1, true))
        end)
    end)

    it("are read by the master: workers need no right to", function()
        if not nginx.is_root then return end
        with({
            files = FILES, server = SERVER, user = "nobody nogroup", main = "working_directory /;",
            http = [[neap_state off; neap_setting opm.base_url http://127.0.0.1:@PORT@/up;
                neap_secret opm.api_key file:key; neap_setting name x;]],
        }, function(server)
            assert.equal('{"name":"x","reply":"pong"}', server:get("/").body) -- its folder is ours alone
        end)
    end)
end)

describe("limits", function()
    it("end a script that computes too long, or takes too much memory; the worker lives", function()
        with({
            files = { ["loop.lua"] = [[
                return function(req)
                    if req.path == "/loop" then while true do end end
                    if req.path == "/caught" then while true do pcall(function() while true do end end) end end
                    if req.path == "/inner" then coroutine.wrap(function() while true do end end)() end
                    if req.path == "/memory" then local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1e6) .. i end end
                    return "fine"
                end]] },
            http = "neap_time_limit 200ms; neap_memory_limit 64m;", server = "location / { neap_script loop.lua; }",
        }, function(server)
            local workers = server:workers()
            for _, path in ipairs { "/loop", "/caught", "/inner", "/memory" } do
                local answer = server:get({ url = path, timeout = 20 })
                assert.equal(500, answer.status)
                server:wait_log(assert(answer.body:match '^{"error":"internal error","id":"(%x+)"}$', answer.body))
                assert.equal("fine", server:get("/").body)
            end
            assert.same(workers, server:workers())
        end)
    end)
end)

describe("neap_init", function()
    it("is run before the first request is answered", function()
        with({
            files = { ["init.lua"] = "local neap = require 'neap' neap.sleep(0.3) ready = 'yes' ",
                ["ask.lua"] = "return function() return tostring(ready) end" },
            http = "neap_init init.lua;", server = "location / { neap_script ask.lua; }",
        }, function(server)
            assert.equal("yes", server:get("/").body)
        end)
    end)

    it("that fails answers everything with 500", function()
        with({
            files = { ["init.lua"] = "error 'no start'", ["ok.lua"] = OK },
            http = "neap_init init.lua;", server = "location / { neap_script ok.lua; }",
        }, function(server)
            server:wait_log "init.lua:1: no start"
            assert.equal(500, server:get("/").status)
        end)
    end)
end)

describe("the scripts of a worker", function()
    it("are run at its start, once, behind neap_init, without any request", function()
        local says = "local neap = require 'neap' neap.log.info '%s' %s"
        with({
            files = {
                ["init.lua"] = says:format("init runs", "neap.sleep(0.1) neap.log.info 'init is over'"),
                ["ok.lua"] = says:format("script runs", OK), ["fails.lua"] = says:format("no start", "error 'why not'"),
            },
            http = "neap_init init.lua;", workers = 2,
            server = [[location / { neap_script ok.lua; } location /too { neap_script ok.lua; }
                location /fails { neap_script fails.lua; }]],
        }, function(server)
            local function count(what) return select(2, server:log():gsub(what, "")) end
            helper.wait_for(function() return count "fails.lua:1: why not" >= 2 and count "script runs" == 2 end,
                "the scripts of both workers")
            assert.equal("", server:access_log())
            for _, pid in ipairs(server:workers()) do
                local order = {}
                for what in server:log():gmatch("%[info%] " .. pid .. "#%d+: neap: (%a[%a ]+)") do
                    order[#order + 1] = what
                end
                assert.same({ "init runs", "init is over" }, { order[1], order[2] })
            end
            assert.equal("ok", server:get("/too").body)
            assert.same({ 2, 2 }, { count "script runs", count "init runs" })
        end)
    end)
end)

describe("several workers", function()
    it("run a task in one of them only", function()
        with({
            files = { ["task.lua"] = "local neap = require 'neap' neap.log.info 'the task runs' neap.sleep(1e6)",
                ["fails.lua"] = "error 'task over'", ["ok.lua"] = OK },
            workers = 2, listen = "reuseport", http = "neap_task task.lua; neap_task fails.lua;",
            server = "location / { neap_script ok.lua; add_header X-Pid $pid; }",
        }, function(server)
            local pids, count = {}, 0
            helper.wait_for(function() -- both answer, so both have started
                local pid = server:get({ url = "/", headers = { Connection = "close" } }).headers["x-pid"]
                if not pids[pid] then count = count + 1 end
                pids[pid] = true
                return count == 2
            end, "both workers")
            server:wait_log "the task runs"
            assert.matches("[error]", server:wait_log "[^\n]*neap_task[^\n]*fails.lua:1: task over", 1, true)
            assert.equal(1, select(2, server:log():gsub("the task runs", "")))
        end)
    end)

    it("share the window of a limit", function()
        with({
            files = {
                ["vendors/tiny.lua"] = [[
                    return vendor.define "tiny" {
                        title = "Tiny", source = { url = "https://tiny.example", read = "2026-11-22" },
                        settings = { { "key", type = "secret", required = true } },
                        base_url = "http://127.0.0.1:@PORT@/up",
                        auth = { header = auth.header { name = "X-Key", secret = "key" } },
                        limits = { { rate = "4/h", per = "account", shape = "window" } },
                        envelope = envelope.plain { message = "message" },
                        endpoints = { hit = { get = "/hit", auth = "header", write = "read" } },
                    }]],
                ["hit.lua"] = [[
                    local neap = require "neap"
                    local tiny = neap.vendor "tiny"
                    return function()
                        local ok, err = neap.deadline(2, function() return assert(tiny:hit {}) end)
                        return { status = ok and 200 or 503, body = tostring(err) }
                    end]],
                ["up.lua"] = "return function() return { body = { fine = true } } end",
            },
            workers = 2, listen = "reuseport",
            http = "neap_secret tiny.key env:TINY_KEY;", env = { TINY_KEY = "k" },
            server = [[location / { neap_script hit.lua; add_header X-Pid $pid always; }
                location /up { neap_script up.lua; }]],
        }, function(server)
            local passed, refused, pids = 0, 0, {}
            neap.run(function()
                neap.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 }, { concurrency = 16 }, function()
                    local res = assert(server:request { url = "/", headers = { Connection = "close" } })
                    pids[res.headers["x-pid"]] = true
                    if res.status == 200 then passed = passed + 1 else refused = refused + 1 end
                end)
            end)
            assert.same({ 4, 12 }, { passed, refused })
            assert.is_truthy(next(pids, next(pids)), "both workers took part")
            assert.is_true(helper.exists(server.dir .. "/state/state.db"))
        end)
    end)
end)

describe("neap_status", function()
    it("sums up all workers, as metrics and as a page", function()
        with({
            files = { ["ok.lua"] = OK }, workers = 2, listen = "reuseport",
            server = [[location / { neap_script ok.lua; add_header X-Pid $pid; }
                location = /status { neap_status; add_header X-Pid $pid; }]],
        }, function(server)
            local made, pids = 0, {}
            repeat
                made = made + 1
                pids[server:get({ url = "/", headers = { Connection = "close" } }).headers["x-pid"]] = true
            until next(pids, next(pids)) or made > 200
            local res
            helper.wait_for(function()
                res = server:get "/status"
                local sum = 0
                for value in res.body:gmatch "\nneap_exchanges_total[^\n]* (%d+)" do sum = sum + value end
                return sum == made
            end, "the sum of both")
            assert.equal("text/plain; version=0.0.4; charset=utf-8", res.headers["content-type"])
            assert.matches("# TYPE neap_tasks_live gauge\nneap_tasks_live %d", res.body)
            local page = server:get { url = "/status", headers = { Accept = "text/html,*/*" } }
            assert.equal("text/html; charset=utf-8", page.headers["content-type"])
            assert.matches("<code>neap_tasks_live</code>", page.body, 1, true)
            assert.equal(405, server:get({ url = "/status", body = "x" }).status)
        end)
    end)

    it("says so where a worker has more metrics than fit", function()
        local locations = {}
        for i = 1, 200 do locations[i] = ("location /%d { neap_script s%d.lua; }"):format(i, i) end
        local files = {}
        for i = 1, 200 do files[("s%d.lua"):format(i)] = OK end
        with({
            files = files, http = "neap_status_zone 32k;",
            server = table.concat(locations, "\n") .. "location /status { neap_status; }",
        }, function(server)
            for i = 1, 200 do server:get("/" .. i) end
            local body = server:get("/status").body
            assert.matches("neap_status_cut 1\n", body, 1, true)
            assert.matches("\nneap_exchanges_total", body, 1, true)
        end)
    end)
end)
