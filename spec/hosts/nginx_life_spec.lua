--- Starting, reloading and stopping of the nginx module under load: csrc/hosts/nginx/worker.c.

local helper = require "spec.support.helper"
local neap = require "neap"
local nginx = require "spec.support.nginx"

-- Waits as long as the query says; tells the log how it ended.
local WAIT = [[
local neap = require "neap"
local Told = { __close = function(told) if not told.done then neap.log.warn("cut off", { n = told.n }) end end }
return function(req)
    local told <close> = setmetatable({ n = req.args.n }, Told)
    neap.log.info("begun", { n = req.args.n })
    neap.sleep(tonumber(req.args.s))
    told.done = true
    return "waited"
end]]

-- Asks another location, over the wire.
local CALL = [[
local neap = require "neap"
return function(req)
    local res = assert(neap.http.request { url = "http://127.0.0.1:@PORT@/wait?" .. req.query })
    return res.body .. " for it"
end]]

local FILES = {
    ["wait.lua"] = WAIT, ["call.lua"] = CALL, ["hello.lua"] = 'return function() return "first" end',
    ["resolve.lua"] = [[
        local neap = require "neap"
        return function() return tostring(select(2, neap.http.request "http://slow.invalid/")) end]],
    ["task.lua"] = [[
        local neap = require "neap"
        local told <close> = setmetatable({}, { __close = function() neap.log.warn "task ended" end })
        neap.log.info "task runs"
        neap.sleep(1e6)]],
    ["later.lua"] = [[
        local neap = require "neap"
        return function()
            neap.background(function()
                local told <close> = setmetatable({}, { __close = function() neap.log.warn "background ended" end })
                neap.sleep(1e6)
            end)
            return "started"
        end]],
}

local SERVER = [[
    location / { neap_script hello.lua; add_header X-Pid $pid; }
    location /wait { neap_script wait.lua; }
    location /call { neap_script call.lua; }
    location /later { neap_script later.lua; }
    location /resolve { neap_script resolve.lua; }
    location /plain { return 200 plain; }
    location = /status { neap_status; }
]]

local function with(options, fn, expected)
    options.files, options.server = options.files or FILES, options.server or SERVER
    local server = nginx.start(options)
    local ok, message = pcall(fn, server)
    local stopped, why = pcall(server.stop, server, expected)
    if not ok then error(tostring(message) .. "\n" .. server:log(), 0) end
    assert(stopped, why)
end

local function count(text, what)
    return select(2, text:gsub(what, ""))
end

--- Sends n requests at the same time: how many had which answer.
local function volley(server, n, path)
    local items, answers = {}, {}
    for i = 1, n do items[i] = i end
    neap.run(function()
        neap.map(items, { concurrency = n }, function(i)
            local res, err = server:request { url = path:gsub("@", tostring(i)), timeout = 50 }
            local answer = res and ("%d %s"):format(res.status, res.status == 200 and res.body or "") or err.kind
            answers[answer] = (answers[answer] or 0) + 1
        end)
    end)
    return answers
end

describe("many requests", function()
    it("wait at the same time: 300 of them, and 300 that call another location", function()
        local n = nginx.is_asan and 100 or 300
        with({ connections = 4096 }, function(server)
            assert.same({ ["200 waited"] = n }, volley(server, n, "/wait?s=1&n=@"))
            assert.same({ ["200 waited for it"] = n }, volley(server, n, "/call?s=1"))
        end)
    end)

    it("beyond worker_connections are refused with a clear line; the worker lives", function()
        with({ connections = 40 }, function(server)
            local workers = server:workers()
            local answers = volley(server, 100, "/call?s=0.3")
            assert.is_true((answers["200 waited for it"] or 0) < 100)
            server:wait_log "worker_connections are not enough"
            helper.wait_for(function()
                return pcall(function() assert(server:get("/").body == "first") end)
            end, "an answer afterwards")
            assert.same(workers, server:workers())
        end, "worker_connections are not enough")
    end)
end)

describe("a client that leaves", function()
    it("ends its task, and is logged with 499", function()
        with({}, function(server)
            neap.run(function()
                local res, err = server:request { url = "/wait?s=600&n=7", timeout = 1 }
                assert.is_nil(res)
                assert.equal("timeout", err.kind)
            end)
            server:wait_log "cut off n=7"
            helper.wait_for(function() return server:access_log():find('/wait%?s=600&n=7 HTTP/1.1" 499') end, "499")
            assert.equal("first", server:get("/").body)
        end)
    end)
end)

describe("a reload", function()
    it("runs the new scripts; requests under way are answered by the old worker", function()
        with({ http = "neap_task task.lua;" }, function(server)
            server:wait_log "task runs"
            server:get "/later"
            neap.run(function()
                local slow = neap.spawn(function() return assert(server:request "/call?s=3&n=1").body end)
                helper.wait_for(function()
                    neap.sleep(0.02)
                    return server:log():find "begun"
                end, "the call under way")
                local old = server:reload { files = { ["hello.lua"] = 'return function() return "second" end' } }
                server:wait_log "background ended"
                server:wait_log "task ended"
                assert.equal("second", assert(server:request { url = "/", headers = { Connection = "close" } }).body)
                assert.is_true(nginx.is_alive(old[1]))
                assert.equal("waited for it", slow:await())
                helper.wait_for(function() return not nginx.is_alive(old[1]) end, "the old worker's end")
            end)
            assert.is_nil(server:log():find "cut off")
            helper.wait_for(function() return count(server:log(), "task runs") == 2 end, "the task in the new worker")
        end)
    end)

    it("under load loses no request", function()
        with({ connections = 2048 }, function(server)
            local failed, done, rounds = 0, 0, nginx.is_asan and 3 or 6
            neap.run(function()
                local stop = false
                local function client()
                    while not stop do
                        local body = done % 3 == 0 and ("x"):rep(300000) or nil
                        local res, err = server:request { url = done % 2 == 0 and "/wait?s=0.05" or "/", body = body,
                            headers = { Connection = "close" } }
                        done = done + 1
                        if not res or res.status ~= 200 then
                            failed = failed + 1
                            print(res and res.status, tostring(err))
                        end
                    end
                end
                local clients = {}
                for i = 1, 8 do clients[i] = neap.spawn(client) end
                for _ = 1, rounds do
                    local before = done
                    while done < before + 40 do neap.sleep(0.01) end
                    server:reload()
                end
                stop = true
                for _, one in ipairs(clients) do one:await() end
            end)
            assert.equal(0, failed)
            assert.is_true(done >= rounds * 40)
        end)
    end)
end)

describe("a stop", function()
    it("by QUIT waits for calls under way", function()
        with({}, function(server)
            neap.run(function()
                local slow = neap.spawn(function() return assert(server:request "/call?s=5&n=1").body end)
                helper.wait_for(function()
                    neap.sleep(0.02)
                    return server:log():find "begun n=1"
                end, "the request under way")
                server:signal "QUIT"
                assert.equal("waited for it", slow:await())
            end)
            server:wait()
            assert.is_nil(server:log():find "cut off")
        end)
    end)

    it("by QUIT ends after worker_shutdown_timeout", function()
        with({ main = "worker_shutdown_timeout 500ms;" }, function(server)
            neap.run(function()
                local slow = neap.spawn(function() return select(2, server:request "/wait?s=600&n=1").kind end)
                helper.wait_for(function()
                    neap.sleep(0.02)
                    return server:log():find "begun n=1"
                end, "the request under way")
                server:signal "QUIT"
                assert.equal("network", slow:await())
            end)
            server:wait()
        end)
    end)

    it("by TERM does not wait for a name that is being resolved", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/slow.c", [[
            #include <netdb.h>
            #include <unistd.h>
            int getaddrinfo(const char *a, const char *b, const struct addrinfo *c, struct addrinfo **d);
            int getaddrinfo(const char *a, const char *b, const struct addrinfo *c, struct addrinfo **d) {
                (void)a; (void)b; (void)c; (void)d;
                write(2, "resolving\n", 10);
                sleep(30);
                return EAI_AGAIN;
            }]])
        assert(os.execute(("env -u LD_PRELOAD gcc -w -shared -fPIC -o %s/slow.so %s/slow.c"):format(dir, dir)))
        with({ env = { LD_PRELOAD = dir .. "/slow.so" } }, function(server)
            local took
            neap.run(function()
                neap.spawn(function() server:request "/resolve" end)
                helper.wait_for(function()
                    neap.sleep(0.02)
                    return server:log():find "resolving"
                end, "the name being resolved")
                assert.equal("first", assert(server:request "/").body) -- nothing is held up
                local started = neap.now()
                server:signal "TERM"
                server:wait()
                took = neap.now() - started
            end)
            assert.is_true(took < 2, took)
        end)
    end)
end)
