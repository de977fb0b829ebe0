--- A secret reaches nobody but its vendor: no other origin by a redirect, no log at any level, no
-- error, dead letter or traceback, in no form.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"
local json = require "neap.native.json"

local KEY = [[Sk-9+/=&"\~topsecret%42 x]]

--- A vendor that sends calls elsewhere, or quotes the key in its complaint.
local SIMULATOR = [=[
local json = require "neap.native.json"

local hex = function(c) return ("%%%02X"):format(c:byte()) end

--- Every form in which a careless server may quote a key.
local function quoted(key)
    local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    local bits = key:gsub(".", function(c)
        local b, text = c:byte(), ""
        for i = 7, 0, -1 do text = text .. (b >> i & 1) end
        return text
    end)
    bits = bits .. ("0"):rep(-#bits % 6)
    local base64 = bits:gsub("......", function(six)
        local at = tonumber(six, 2) + 1
        return alphabet:sub(at, at)
    end) .. ("="):rep(-#key % 3)
    local text = ("raw %s | url %s | base64 %s"):format(key, key:gsub("[^%w._~-]", hex), base64)
    return text, text .. " | json " .. json.encode(key)
end

return { new = function(env)
    local Sim = {}
    function Sim.endpoint() return "any" end
    function Sim.respond(_, req)
        local port, rest = req.path:match "^/to/(%d+)(/.*)$"
        if port then
            local location = ("http://127.0.0.1:%s/opm%s"):format(port, rest)
            return { status = 307, headers = { Location = location } }
        end
        rest = req.path:match "^/here(/.*)$"
        if rest then return { status = 307, headers = { Location = "/hop/echo" .. rest } } end
        local body = req:json() or {}
        local key = req:header "x-api-key" or req:header "x-omnisegment-api-key" or body.api_key
        local text, complaint = quoted(key or "none")
        local status = tonumber(req.path:match "^/status/(%d+)/" or 400)
        if status ~= 200 then text = complaint end
        return { status = status, json = {
            message = text, ERR_MSG = text, SUCCESS = false, code = text, ERR_TYPE_KEY = text,
        } }
    end
    return Sim
end }
]=]

describe("a secret", function()
    local dir, hop, target, env
    local urls = {}

    local function start(log)
        local server = helper.start({ "sandbox", "--port", "0", "--sandbox-log", log }, { cwd = dir })
        local port = assert(server:line():match "^listening on http://127%.0%.0%.1:(%d+)$")
        return server, port
    end

    lazy_setup(function()
        dir = helper.tmpdir()
        os.execute("mkdir -p " .. helper.quote(dir .. "/vendors/sandbox"))
        helper.write(dir .. "/vendors/sandbox/hop.lua", SIMULATOR)
        local hop_port, target_port
        hop, hop_port = start(dir .. "/hop.log")
        target, target_port = start(dir .. "/target.log")
        urls.hop = "http://127.0.0.1:" .. hop_port .. "/hop"
        urls.away = urls.hop .. "/to/" .. target_port
        env = { NEAP_OPM_API_KEY = KEY, NEAP_OMNISEGMENT_API_KEY = KEY,
            NEAP_OMNISEGMENT_TID = "OA-000000" }
    end)

    lazy_teardown(function()
        for _, server in ipairs { hop, target } do
            server:signal "INT"
            server:wait()
        end
    end)

    local function hex(c) return ("%%%02X"):format(c:byte()) end

    local forms = {
        raw = KEY,
        url = (KEY:gsub("[^%w._~-]", hex)),
        form = (KEY:gsub("[^%w._~ -]", hex):gsub(" ", "+")),
        json = json.encode(KEY):sub(2, -2),
        base64 = "U2stOSsvPSYiXH50b3BzZWNyZXQlNDIge", -- but for its end
        inner = "topsecret",
    }

    --- Fails if a text holds the key in any form.
    local function clean(text, where)
        for form, value in pairs(forms) do
            assert.is_nil(text:find(value, 1, true), ("%s in %s: %s"):format(form, where, text))
        end
    end

    local function run(args, opts)
        opts = opts or {}
        local result = helper.cli(args, { env = env, cwd = opts.cwd or dir })
        clean(result.out, "stdout")
        clean(result.err, "stderr")
        return result
    end

    local function lines(path)
        return helper.exists(path) and select(2, helper.read(path):gsub("\n", "")) or 0
    end

    local calls = {
        { "opm", "entry", { "customerId=1", "customerEmail=a@example.com" } },
        { "opm", "ping", {} },
        { "omnisegment", "import_audience", { "data.member_sn=1" } },
        { "omnisegment", "track_event", { "client_id=1", "hit_type=pageview" } },
        { "omnisegment", "list_interaction_reports", {} },
    }

    for _, case in ipairs(calls) do
        local vendor, endpoint, words = table.unpack(case)
        local function call(base, ...)
            local args = { "call", vendor, endpoint, "--set", vendor .. ".base_url=" .. base, ... }
            table.move(words, 1, #words, #args + 1, args)
            return run(args)
        end

        it(("of %s.%s does not follow a redirect to another origin"):format(vendor, endpoint), function()
            local before = lines(dir .. "/hop.log")
            local result = call(urls.away, "--log-level", "trace")
            assert.equal(1, result.code)
            assert.truthy(result.err:find("redirect", 1, true), result.err)
            assert.equal(before + 1, lines(dir .. "/hop.log"))
            assert.equal(0, lines(dir .. "/target.log"))
        end)

        for _, format in ipairs { "text", "json" } do
            it(("of %s.%s is in no %s log, even if the vendor quotes it"):format(vendor, endpoint, format),
                function()
                    for _, path in ipairs { "/status/400", "/status/401", "/status/500", "/status/200" } do
                        local result = call(urls.hop .. path, "--log-level", "trace", "--log-format", format)
                        assert.is_true(path == "/status/200" or result.code ~= 0, result.err)
                    end
                    local result = call(urls.hop, "--json", "--log-level", "trace")
                    assert.equal(1, result.code)
                    assert.truthy(result.err:find("***", 1, true), result.err)
                end)
        end
    end

    it("follows a redirect within its origin", function()
        local before = lines(dir .. "/hop.log")
        run { "call", "opm", "entry", "customerId=1", "customerEmail=a", "--set",
            "opm.base_url=" .. urls.hop .. "/here" }
        assert.equal(before + 2, lines(dir .. "/hop.log"))
    end)

    it("is in no dead letter", function()
        for _, recipe in ipairs { "opm/sync-customers", "omnisegment/import-audience",
            "omnisegment/track-events" } do
            local vendor = recipe:match "^%l+"
            local make = vendor == "opm" and acceptance.customers or recipe:find "track"
                and acceptance.events or acceptance.members
            local name = recipe:find "track" and "rows.ndjson" or "rows.csv"
            local place = acceptance.place()
            local letters = place "dead.ndjson"
            local result = run { "run", recipe, "--file", make(place(name), 3), "--dead-letters", letters,
                "--set", vendor .. ".base_url=" .. urls.hop, "--log-level", "trace" }
            assert.equal(3, result.code, result.err)
            local text = helper.read(letters)
            clean(text, "dead letters")
            assert.equal(3, lines(letters))
            assert.truthy(text:find("***", 1, true))
        end
    end)

    it("is in no request that a dry run prints", function()
        for _, case in ipairs(calls) do
            local args = { "call", case[1], case[2], "--dry-run", "--log-level", "trace", "--set",
                case[1] .. ".base_url=" .. urls.hop }
            table.move(case[3], 1, #case[3], #args + 1, args)
            run(args)
        end
    end)

    it("is in nothing that a script can reach, print or raise", function()
        local script = helper.write(dir .. "/leak.lua", [[
            local seen = {}
            local function show(value, depth)
                print(tostring(value))
                if type(value) ~= "table" or seen[value] or depth > 8 then return end
                seen[value] = true
                for k, v in pairs(value) do show(k, depth + 1) show(v, depth + 1) end
                show(getmetatable(value), depth + 1)
            end
            return neap.workflow {
                summary = "leak",
                run = function(ctx)
                    local opm = ctx:vendor "opm"
                    local payload, err = opm:entry { customerId = "1", customerEmail = "a" }
                    show(opm, 0)
                    show(err, 0)
                    print(payload, tostring(err), neap.json.encode(err.message))
                    neap.log.info("the vendor said " .. err.message)
                    local function deep() error("raised: " .. tostring(opm.settings.api_key)
                        .. tostring(err)) end
                    neap.spawn(deep):await()
                end,
            }
        ]])
        for _, level in ipairs { "error", "trace" } do
            local result = run { "run", script, "--log-level", level, "--set", "opm.base_url=" .. urls.hop }
            assert.equal(1, result.code)
            assert.truthy(result.err:find("raised: ", 1, true), result.err)
        end
    end)

    it("comes by reference from nowhere but where it is", function()
        local file = helper.write(dir .. "/key", KEY .. "\n")
        for _, reference in ipairs { "env:NEAP_OPM_API_KEY", "file:" .. file, "cmd:cat " .. file } do
            local result = run { "call", "opm", "ping", "--set", "opm.api_key=" .. reference, "--set",
                "opm.base_url=" .. urls.hop, "--log-level", "trace" }
            assert.equal(1, result.code)
            assert.truthy(result.err:find("raw ***", 1, true), result.err)
        end
        local result = run { "call", "opm", "ping", "--set", "opm.api_key=" .. KEY, "--sandbox" }
        assert.equal(2, result.code)
    end)
end)
