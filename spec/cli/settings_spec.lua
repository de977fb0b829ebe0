--- Where settings come from, and which of their values are accepted (DESIGN.md 6, "Settings and secrets").
-- A dry run shows what the settings make of a request.

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

local SECRET = "sk-live-4711-0815"

--- Runs `neap call shop put_order id=1 --dry-run`; the branch is in the request's query, the region
-- in its host.
local function order(opts, ...)
    return helper.cli({ "call", "shop", "put_order", "id=1", "--dry-run", ... }, opts)
end

--- The branch that such a request is for.
local function branch(opts, ...)
    local got = order(opts, ...)
    assert.equal(0, got.code, got.err)
    return got.out:match "[?&]branch=(%S*)"
end

local function place(config, user)
    local dir = shop.place()
    if config then helper.write(dir .. "/neap.lua", config) end
    shop.mkdir(dir .. "/config/neap")
    if user then helper.write(dir .. "/config/neap/config.lua", user) end
    return { cwd = dir, home = dir }
end

describe("a setting", function()
    it("comes from the first place that has it", function()
        local opts = place('return { shop = { branch = "local" } }', 'return { shop = { branch = "user" } }')
        opts.env = { NEAP_SHOP_BRANCH = "environment" }
        assert.equal("option", branch(opts, "--set", "shop.branch=option"))
        assert.equal("environment", branch(opts))
        opts.env = nil
        assert.equal("local", branch(opts))
        helper.write(opts.cwd .. "/neap.lua", "return {}")
        assert.equal("user", branch(opts))
        assert.is_nil(branch(place()))
        assert.matches("^POST https://north%.shop", order(place()).out)
    end)

    it("is merged with the others one by one", function()
        local opts = place('return { shop = { branch = "local" } }', 'return { shop = { region = "south" } }')
        assert.matches("^POST https://south%.shop%.example/api/orders/main%?branch=local\n", order(opts).out)
        opts.env = { NEAP_SHOP_REGION = "north" }
        assert.matches("^POST https://north%.shop%.example/orders/main%?branch=local\n", order(opts).out)
    end)

    it("given twice by --set has the last value", function()
        assert.equal("b", branch(place(), "--set", "shop.branch=a", "--set=shop.branch=b"))
    end)

    it("may hold an equals sign, and be empty", function()
        assert.equal("a%3Db", branch(place(), "--set", "shop.branch=a=b"))
    end)

    it("may be a reference, in every place", function()
        local opts = place()
        helper.write(opts.cwd .. "/value", "from-file\n")
        opts.env = { VALUE = "from-env" }
        for reference, value in pairs {
            ["env:VALUE"] = "from-env", ["file:value"] = "from-file",
            ["cmd:printf from-cmd"] = "from-cmd", ["cmd:echo from-cmd"] = "from-cmd",
        } do
            helper.write(opts.cwd .. "/neap.lua", "return {}")
            assert.equal(value, branch(opts, "--set", "shop.branch=" .. reference))
            helper.write(opts.cwd .. "/neap.lua", ("return { shop = { branch = %q } }"):format(reference))
            assert.equal(value, branch(opts))
            assert.equal(value, branch {
                cwd = opts.cwd, env = { VALUE = "from-env", NEAP_SHOP_BRANCH = reference },
            })
        end
    end)

    it("loses one newline at the end of what a reference gives, not two", function()
        local opts = place()
        helper.write(opts.cwd .. "/one", "x\n")
        helper.write(opts.cwd .. "/two", "x\n\n")
        assert.equal("x", branch(opts, "--set", "shop.branch=file:one"))
        assert.matches("file:two has [^\n]*more than one line", order(opts, "--set", "shop.branch=file:two").err)
    end)

    it("is converted by its type, and refused by its place", function()
        for _, case in ipairs {
            { "--set: shop%.region", { "--set", "shop.region=east" } },
            { "--set: shop%.timeout", { "--set", "shop.timeout=soon" } },
            { "--set: shop%.connections", { "--set", "shop.connections=0" } },
            { "--set: shop%.base_url", { "--set", "shop.base_url=shop.example" } },
            { "NEAP_SHOP_REGION: shop%.region", {}, { NEAP_SHOP_REGION = "east" } },
            { "%./neap%.lua: shop%.region", {}, nil, 'return { shop = { region = "east" } }' },
            { "config/neap/config%.lua: shop%.region", {}, nil, nil, 'return { shop = { region = "east" } }' },
            { "--set: shop%.branch: the environment has no MISSING", { "--set", "shop.branch=env:MISSING" } },
            { "--set: shop%.branch: .*missing", { "--set", "shop.branch=file:missing" } },
            { "--set: shop%.branch: .*exit 7|status 7", { "--set", "shop.branch=cmd:exit 7" } },
        } do
            local said, words, env, config, user = case[1], case[2], case[3], case[4], case[5]
            local opts = place(config, user)
            opts.env = env
            local got = order(opts, table.unpack(words))
            assert.equal(2, got.code, got.err)
            local matched = false
            for part in said:gmatch "[^|]+" do matched = matched or got.err:find(part) end
            assert.truthy(matched, got.err)
        end
    end)

    it("of --set has a vendor and a name", function()
        for _, word in ipairs { "shop", "shop.branch", "branch=x", "=x", "shop.=x" } do
            local got = order(place(), "--set", word)
            assert.equal(2, got.code, word)
            assert.matches("expected VENDOR.SETTING=VALUE", got.err)
        end
    end)

    it("that is required and missing ends with 4, naming its variable", function()
        local got = helper.cli({ "call", "shop", "say", "what=null" }, place())
        assert.same({ code = 4, out = "", err = "neap: shop.say: settings: missing setting api_key; "
            .. "set NEAP_SHOP_API_KEY, or --set shop.api_key=env:NAME\n" }, got)
        got = helper.cli({ "call", "omnisegment", "list_interaction_reports" }, place())
        assert.equal(4, got.code)
        assert.matches("missing settings tid, api_key; set NEAP_OMNISEGMENT_TID", got.err)
    end)

    it("laxer than the vendor's rule warns once", function()
        local opts = place()
        helper.write(opts.cwd .. "/a.csv", "member_sn\nM1\nM2\n")
        local words = { "run", "omnisegment/import-audience", "--file", "a.csv", "--sandbox", "--clock",
            "virtual", "--set", "omnisegment.outage_wait=10s" }
        local got = helper.cli(words, opts)
        assert.equal(0, got.code)
        assert.equal(1, select(2, got.err:gsub("laxer than the vendor's rule", "")), got.err)
        assert.matches("omnisegment.outage_wait", got.err)
        words[#words] = "omnisegment.outage_wait=10m"
        assert.is_nil(helper.cli(words, opts).err:find("laxer", 1, true))
    end)
end)

describe("every vendor has", function()
    it("base_url, whose path is kept", function()
        for base, target in pairs {
            ["https://x.example/v2"] = "https://x.example/v2/orders/main",
            ["https://x.example/v2/"] = "https://x.example/v2/orders/main",
            ["https://x.example:8443"] = "https://x.example:8443/orders/main",
        } do
            assert.equal("POST " .. target, order(place(), "--set", "shop.base_url=" .. base).out:match "^[^\n]*")
        end
    end)

    it("timeout, connections and jitter", function()
        for _, setting in ipairs { "timeout=30s", "timeout=1.5m", "timeout=2", "connections=4", "jitter=5ms" } do
            for _, vendor in ipairs { "shop", "opm", "omnisegment" } do
                assert.equal(0, order(place(), "--set", vendor .. "." .. setting).code, setting)
            end
        end
    end)
end)

describe("a file of settings", function()
    it("runs as text with an empty environment", function()
        for _, text in ipairs {
            "return { shop = { branch = os.getenv 'HOME' } }", "print 'x' return {}",
            "return { shop = { branch = require 'neap' } }",
        } do
            local got = order(place(text))
            assert.equal(2, got.code)
            assert.matches("%./neap%.lua:1: attempt to ", got.err)
            assert.equal("", got.out)
        end
        assert.equal("computed", branch(place("local b = 'com' return { shop = { branch = b .. 'puted' } }")))
    end)

    it("is no bytecode, has no error of syntax, and returns a table", function()
        for text, said in pairs {
            [string.dump(function() return {} end)] = "neap.lua",
            ["return {"] = "neap%.lua:1:",
            ["return 1"] = "must return a table",
            ["return { shop = 1 }"] = "shop must be a table",
        } do
            local got = order(place(text))
            assert.equal(2, got.code)
            assert.matches(said, got.err)
        end
    end)

    it("may speak of vendors that this run does not use", function()
        assert.equal(0, order(place 'return { elsewhere = { x = 1 }, shop = {} }').code)
    end)

    it("takes numbers and booleans as they are", function()
        assert.equal(0, order(place 'return { shop = { connections = 8, timeout = 30 } }').code)
    end)
end)

describe("a secret", function()
    local server, base

    lazy_setup(function()
        server = helper.start({ "sandbox", "--port", "0" })
        base = assert(server:line():match "^listening on (http://.*)$") .. "/opm"
    end)

    lazy_teardown(function()
        server:signal "TERM"
        server:wait()
    end)

    local KEY = "00000000-0000-4000-8000-000000000000"

    --- Pings OPM over HTTP with a key from somewhere.
    local function ping(opts, ...)
        return helper.cli({ "call", "opm", "ping", "--set", "opm.base_url=" .. base, ... }, opts)
    end

    it("may be literal in its variable", function()
        assert.equal(0, ping({ env = { NEAP_OPM_API_KEY = KEY } }).code)
        assert.equal(4, ping({ env = { NEAP_OPM_API_KEY = "wrong" } }).code)
    end)

    it("is a reference everywhere", function()
        local opts = place()
        helper.write(opts.cwd .. "/key", KEY .. "\n")
        opts.env = { VAULT = KEY }
        for _, reference in ipairs { "env:VAULT", "file:key", "cmd:cat key" } do
            helper.write(opts.cwd .. "/neap.lua", "return {}")
            assert.equal(0, ping(opts, "--set", "opm.api_key=" .. reference).code, reference)
            assert.equal(0, ping({ cwd = opts.cwd, env = { VAULT = KEY, NEAP_OPM_API_KEY = reference } }).code)
            helper.write(opts.cwd .. "/neap.lua", ("return { opm = { api_key = %q } }"):format(reference))
            assert.equal(0, ping(opts).code, reference)
        end
    end)

    it("is refused as a literal elsewhere, and not repeated", function()
        local got = ping(nil, "--set", "opm.api_key=" .. SECRET)
        assert.equal(2, got.code)
        assert.matches("opm%.api_key is a secret: give a reference", got.err)
        assert.matches("NEAP_OPM_API_KEY", got.err)
        assert.is_nil(got.err:find(SECRET, 1, true))
        for _, opts in ipairs {
            place(("return { opm = { api_key = %q } }"):format(SECRET)),
            place(nil, ("return { opm = { api_key = %q } }"):format(SECRET)),
        } do
            got = ping(opts)
            assert.equal(2, got.code)
            assert.matches("opm%.api_key is a secret: give a reference", got.err)
            assert.is_nil(got.err:find(SECRET, 1, true))
        end
    end)

    it("that cannot be found ends with 4", function()
        for reference, said in pairs {
            ["env:MISSING"] = "MISSING", ["file:missing"] = "missing", ["cmd:exit 7"] = "7",
        } do
            local got = ping(place(), "--set", "opm.api_key=" .. reference)
            assert.equal(4, got.code, reference)
            assert.truthy(got.err:find(said, 1, true), got.err)
        end
    end)

    it("goes to no plain http but loopback's", function()
        local got = helper.cli({ "call", "opm", "ping", "--set", "opm.base_url=http://192.0.2.1" },
            { env = { NEAP_OPM_API_KEY = KEY } })
        assert.truthy(got.code ~= 0)
        assert.matches("opm.base_url: a key goes over plain http to this machine only, use https", got.err, 1, true)
        assert.is_nil(got.err:find(KEY, 1, true))
    end)

    it("travels to loopback past a proxy", function()
        local got = ping { env = {
            NEAP_OPM_API_KEY = KEY, http_proxy = "http://127.0.0.1:1", all_proxy = "http://127.0.0.1:1",
            HTTPS_PROXY = "http://127.0.0.1:1",
        } }
        assert.equal(0, got.code, got.err)
    end)

    it("elsewhere goes through the proxy", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/get.lua", "return neap.http.request { url = 'http://vendor.invalid/x', timeout = 5 }")
        local proxy = base:match "^http://[^/]*"
        local got = helper.cli({ "run", "get.lua" }, { cwd = dir, env = { http_proxy = proxy } })
        assert.equal(0, got.code, got.err) -- answered by the sandbox, which stood in for the proxy
        got = helper.cli({ "run", "get.lua" }, { cwd = dir, env = { http_proxy = "http://127.0.0.1:1" } })
        assert.equal(1, got.code)
        assert.matches("^neap: network: [^\n]*\n$", got.err)
    end)
end)

describe("with --sandbox", function()
    local function call(opts, ...)
        return helper.cli({ "call", "opm", "ping", "--sandbox", ... }, opts)
    end

    it("nothing needs to be set", function()
        assert.equal(0, call().code)
        assert.equal(0, helper.cli({ "call", "omnisegment", "list_interaction_reports", "--sandbox" }).code)
    end)

    it("secrets of the environment and of files are not read", function()
        local opts = place('return { opm = { api_key = "cmd:touch ran" } }')
        opts.env = { NEAP_OPM_API_KEY = "wrong" }
        assert.equal(0, call(opts).code)
        opts.env = nil
        assert.equal(0, call(opts).code)
        assert.is_false(helper.exists(opts.cwd .. "/ran"))
    end)

    it("a reference of --set is read, so a wrong key can be tried", function()
        local got = call({ env = { KEY = "wrong" } }, "--set", "opm.api_key=env:KEY")
        assert.equal(4, got.code)
        got = call({ env = { KEY = "00000000-0000-4000-8000-000000000000" } }, "--set", "opm.api_key=env:KEY")
        assert.equal(0, got.code)
    end)

    it("other settings count as ever", function()
        local got = helper.cli({ "call", "shop", "put_order", "id=1", "--sandbox" },
            { cwd = shop.place(), env = { NEAP_SHOP_BRANCH = "b7" } })
        assert.matches('"query":"branch=b7"', got.out)
    end)
end)
