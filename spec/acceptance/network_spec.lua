--- Odd answers over real sockets: what a vendor, or a proxy before it, may send besides its own envelope.

local helper = require "spec.support.helper"
local json = require "neap.native.json"

local KEY = "n3t-k/e+y-0123456789"

local DEFINITION = [[
return vendor.define "net" {
    title = "Odd answers",
    settings = { { "api_key", type = "secret", required = true } },
    auth = { key = auth.header { name = "X-Key", secret = "api_key" } },
    retry = { { on = { 503 }, backoff = "constant", every = "300ms", retries = 2 } },
    envelope = envelope.flag { ok = "ok", payload = "payload", message = "error", code = "code" },
    endpoints = {
        put = { post = "/put", auth = "key", write = "idempotent", params = { { "kind", type = "string" } } },
        append = { post = "/append", auth = "key", write = "unsafe", params = { { "kind", type = "string" } } },
    },
}
]]

local SIMULATOR = [[
local Net = {}
Net.__index = Net

local html = { ["Content-Type"] = "text/html" }
local ANSWERS = {
    fine = { json = { ok = true, payload = "\u{7CFB}" } },
    big5 = { headers = html, body = "<html>" .. ("\xA8\x74\xB2\xCE"):rep(30) },
    wide = { headers = html, body = "<html>a" .. ("\u{7D71}"):rep(60) },
    colour = { status = 400, json = { ok = false, error = "\27[31mred\0\nline" } },
    empty = { body = "" },
    foreign = { json = { done = true } },
    nested = { status = 400, json = { ok = false, error = "no", code = { key = "]] .. KEY .. [[" } } },
    away = { status = 307, headers = { Location = "http://127.0.0.1:1/]] .. KEY .. [[" } },
    refused = { status = 403, json = { ok = false, error = "key n3t-k%2Fe%2By-0123456789 is unknown" } },
    late = { json = { ok = true, payload = "late" } },
}

function Net.endpoint(_, req) return req.path:sub(2) end

function Net:respond(req)
    local kind = req:json().kind
    if kind == "late" then
        self.env.log "a late answer is asked for"
        self.env.sleep(1)
    end
    return ANSWERS[kind]
end

return { new = function(env) return setmetatable({ env = env }, Net) end }
]]

describe("over a network,", function()
    local dir, server, opts, log

    lazy_setup(function()
        dir = helper.tmpdir()
        log = dir .. "/log.ndjson"
        assert(os.execute("mkdir -p " .. helper.quote(dir .. "/vendors/sandbox")))
        helper.write(dir .. "/vendors/net.lua", DEFINITION)
        helper.write(dir .. "/vendors/sandbox/net.lua", SIMULATOR)
        helper.write(dir .. "/flow.lua", [[return neap.workflow {
            args = { { "file", type = "path", required = true } },
            run = function(ctx, args)
                local net = ctx:vendor "net"
                return ctx:deliver(neap.records(args.file), function(row) return net:append(row) end)
            end,
        }]])
        server = helper.start({ "sandbox", "--port", "0", "--sandbox-log", log }, { cwd = dir })
        local base = assert(server:line():match "http://%S+") .. "/net"
        opts = { cwd = dir, env = { NEAP_NET_BASE_URL = base, NEAP_NET_API_KEY = KEY } }
    end)

    lazy_teardown(function()
        server:signal "TERM"
        server:wait()
    end)

    local function call(kind, ...)
        return helper.cli({ "call", "net", "append", "kind=" .. kind, "--json", ... }, opts)
    end

    local function failure(kind)
        local result = call(kind)
        assert.equal("", result.out)
        return assert(json.decode(result.err)).error, result.code
    end

    it("a good answer is printed", function()
        local result = call "fine"
        assert.same({ 0, '"\u{7CFB}"\n', "" }, { result.code, result.out, result.err })
    end)

    for kind, shown in pairs {
        big5 = "\u{FFFD}", wide = "\u{7D71}...", empty = "the reply is empty", foreign = '{"done":true}',
    } do
        it(("a 200 that is not the vendor's (%s) leaves the outcome unknown"):format(kind), function()
            local err, code = failure(kind)
            assert.same({ 1, "decode", 200, "unknown" }, { code, err.kind, err.status, err.outcome })
            assert.matches(shown, err.hint, 1, true)
        end)
    end

    it("a message cannot move the cursor", function()
        local err = failure "colour"
        assert.equal(" [31mred line", (err.message:gsub("^ *", " ")))
    end)

    it("the key is masked wherever the vendor quotes it", function()
        for kind, code in pairs { nested = 1, away = 1, refused = 4 } do
            local result = call(kind, "--log-level", "trace")
            assert.equal(code, result.code, result.err)
            for _, form in ipairs { "n3t-k/e+y", "n3t-k%2Fe", "n3t-k\\/e" } do
                assert.is_nil(result.err:find(form, 1, true), kind .. ": " .. result.err)
            end
        end
    end)

    it("a delivery goes on behind odd answers, and nothing is lost", function()
        local kinds = { "fine", "big5", "wide", "empty", "nested", "fine" }
        local lines = {}
        for i, kind in ipairs(kinds) do lines[i] = ('{"kind":%q}\n'):format(kind) end
        local file = helper.write(dir .. "/rows.ndjson", table.concat(lines))
        local result = helper.cli({ "run", "flow.lua", "--file", file, "--json" }, opts)
        assert.equal(3, result.code, result.err)
        local summary = json.decode(result.out)
        assert.same({ 6, 2, 1, 3 }, { summary.total, summary.ok, summary.failed, summary.unknown })
        local outcomes = {}
        for line in io.lines(file .. ".dead.ndjson") do
            local letter = assert(json.decode(line))
            outcomes[letter.record.kind] = letter.outcome
            assert.is_nil(line:find("n3t-k", 1, true))
        end
        assert.same({
            big5 = "unknown", wide = "unknown", empty = "unknown", nested = "rejected",
        }, outcomes)
    end)

    it("what was sent may answer after a signal", function()
        local sent = select(2, helper.read(log):gsub("\n", ""))
        local process = helper.start({ "call", "net", "append", "kind=late" }, opts)
        helper.wait_for(function() return server:err():find "late answer" end, "the call")
        process:signal "INT"
        local ended = process:wait()
        assert.same({ 130, '"late"\n' }, { ended.code, ended.out }, ended.err)
        assert.equal(sent + 1, select(2, helper.read(log):gsub("\n", "")))
    end)
end)
