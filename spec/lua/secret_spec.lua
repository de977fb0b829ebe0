local neap = require "neap"
local secret = require "neap.native.secret"
local task = require "neap.native.task"
local helper = require "spec.support.helper"

local function in_task(fn)
    return function() neap.run(fn, { clock = "virtual" }) end
end

--- A secret shows nothing, so what it holds is seen by what gets redacted while it lives.
local function holds(value, text)
    assert.is_true(secret.is(value))
    assert.equal("<***>", secret.redact("<" .. text .. ">"))
end

describe("neap.native.secret", function()
    after_each(helper.assert_idle)

    it("never shows a literal", function()
        local s = secret.literal "open-sesame"
        assert.equal("***", tostring(s))
        assert.equal("neap.Secret", debug.getmetatable(s).__name)
        assert.is_false(getmetatable(s))
        assert.is_nil(s.value)
        assert.has_error(function() return s .. "" end)
        assert.has_error(function() return #s end)
        assert.has_error(function() s.x = 1 end)
        holds(s, "open-sesame")
    end)

    it("tells secrets from other values", function()
        assert.is_true(secret.is(secret.literal "abcd"))
        for _, value in ipairs { "abcd", 1, {}, io.stdout, true } do
            assert.is_false(secret.is(value))
        end
        assert.is_false(secret.is())
    end)

    it("refuses empty and multi-line literals", function()
        for _, text in ipairs { "", "a\nb", "a\0b" } do
            local s, err = secret.literal(text)
            assert.is_nil(s)
            assert.equal("settings", err.kind)
        end
        assert.has_error(function() secret.literal {} end)
    end)

    it("redacts what lives, and no longer", function()
        local kept = secret.literal "s3cr3t/key"
        assert.equal("*** *** ***", secret.redact "s3cr3t/key s3cr3t%2Fkey s3cr3t\\/key")
        assert.equal("nothing", secret.redact "nothing")
        assert.equal("", secret.redact "")
        assert.is_true(secret.is(kept))
        kept = nil -- luacheck: ignore 311
        collectgarbage()
        collectgarbage()
        assert.equal("a s3cr3t/key", secret.redact "a s3cr3t/key")
    end)

    it("reads the environment", function()
        holds(assert(secret.from "env:HOME"), os.getenv "HOME")
        holds(assert(secret.env "HOME"), os.getenv "HOME")
        assert.is_nil(secret.env "NEAP_SPEC_NOT_SET")
        assert.equal(1, select("#", secret.env "NEAP_SPEC_NOT_SET"))
        local s, err = secret.from "env:NEAP_SPEC_NOT_SET"
        assert.is_nil(s)
        assert.equal("settings", err.kind)
        assert.equal("env:NEAP_SPEC_NOT_SET is not set", err.message)
        assert.equal(os.getenv "HOME", secret.read_plain "env:HOME")
    end)

    it("reads files", in_task(function()
        local path = helper.tmpdir() .. "/key"
        holds(assert(secret.from("file:" .. helper.write(path, "from-a-file"))), "from-a-file")
        holds(assert(secret.from("file:" .. helper.write(path, "one-newline\r\n"))), "one-newline")
        assert.equal("one-newline", secret.read_plain("file:" .. path))
        for text, why in pairs {
            [""] = "is empty", ["\n"] = "is empty",
            ["two\nlines\n"] = "has a control character or more than one line",
            [("x"):rep(65537)] = "has more than 65536 bytes",
        } do
            local s, err = secret.from("file:" .. helper.write(path, text))
            assert.is_nil(s)
            assert.equal("settings", err.kind)
            assert.equal("file:" .. path .. " " .. why, err.message)
        end
        assert.equal("file:/nowhere/x cannot be read: No such file or directory",
            select(2, secret.from "file:/nowhere/x").message)
        assert.equal("file:/tmp is not a regular file", select(2, secret.from "file:/tmp").message)
    end))

    it("does not wait for the writer of a FIFO", in_task(function()
        local path = helper.tmpdir() .. "/fifo"
        assert(os.execute("mkfifo " .. helper.quote(path)))
        local _, err = secret.from("file:" .. path)
        assert.equal("file:" .. path .. " is not a regular file", err.message)
    end))

    it("reads what commands print", in_task(function()
        holds(assert(secret.from "cmd:echo from-a-command"), "from-a-command")
        assert.equal("plain", secret.read_plain "cmd:printf plain")
        local s, err = secret.from "cmd:echo a-hidden-value; exit 3"
        assert.is_nil(s)
        assert.equal("settings", err.kind)
        assert.equal("cmd:echo a-hidden-value; exit 3 failed with exit status 3", err.message)
        assert.equal("cmd:true is empty", select(2, secret.from "cmd:true").message)
    end))

    it("follows a reference that a variable holds", in_task(function()
        local path = helper.write(helper.tmpdir() .. "/key", "behind-a-variable\n")
        local script = helper.write(helper.tmpdir() .. "/script.lua", [[
            package.cpath, package.path = ...
            local neap = require "neap"
            local secret = require "neap.native.secret"
            neap.run(function()
                local s = assert(secret.env "NEAP_SPEC_KEY")
                print(secret.redact "behind-a-variable", tostring(s))
            end)]])
        local pipe = io.popen(("NEAP_SPEC_KEY=%s lua5.4 %s %s %s 2>&1"):format(
            helper.quote("file:" .. path), helper.quote(script), helper.quote(package.cpath),
            helper.quote(package.path)))
        local out = pipe:read "a"
        pipe:close()
        assert.equal("***\t***\n", out)
    end))

    it("does not quote what is no reference", function()
        local s, err = secret.from "sk-live-12345"
        assert.is_nil(s)
        assert.equal("settings", err.kind)
        assert.is_nil(err.message:find("sk-live", 1, true))
    end)

    it("cannot wait outside a task", function()
        assert.has_error(function() secret.from "file:/etc/hostname" end)
        assert.has_error(function() secret.from "cmd:true" end)
    end)

    it("is cancelled while it reads", function()
        neap.run(function()
            local t = neap.spawn(function() return secret.from "cmd:exec sleep 30" end)
            neap.sleep(0)
            t:cancel()
            local ok, err = t:await()
            assert.is_nil(ok)
            assert.equal("cancelled", err.kind)
            t = neap.spawn(function() return secret.from "file:/etc/hostname" end)
            t:cancel()
            assert.equal("cancelled", select(2, t:await()).kind)
            while task.stats().holds > 0 do neap.sleep(0.001) end -- the pool's threads notice
        end)
    end)
end)

describe("neap.native.secret credentials", function()
    local key = secret.literal "credential-key"

    local function credential(origin)
        return assert(secret.credential {
            { place = "header", name = "X-Key", secret = key },
            { place = "body", name = "api_key", secret = key },
            { place = "query", name = "key", secret = key },
            { place = "basic", name = "user", secret = key },
            { place = "bearer", secret = key },
            origins = { origin },
        })
    end

    it("go to their origins only", function()
        local c = credential "https://api.example.com/base"
        assert.equal("neap.Credential", tostring(c))
        assert.is_true(c:check "https://API.example.com:443/x?y")
        local ok, err = c:check "https://evil.com/?token=1"
        assert.is_nil(ok)
        assert.equal("auth", err.kind)
        assert.equal("credential of https://api.example.com must not go to https://evil.com:443",
            err.message)
    end)

    it("go in plain text to loopback only", function()
        assert.is_true(credential("http://127.0.0.1:8080"):check "http://127.0.0.1:8080/x")
        local ok, err = credential("http://api.example.com"):check "http://api.example.com/x"
        assert.is_nil(ok)
        assert.equal("credential refused: plain http is for loopback only, use https", err.message)
    end)

    it("are refused where they do not fit", function()
        for _, placement in ipairs {
            { place = "header", name = "a b", secret = key }, { place = "header", secret = key },
            { place = "basic", name = "a:b", secret = key }, { place = "body", secret = key },
        } do
            local c, err = secret.credential { placement, origins = { "https://h" } }
            assert.is_nil(c)
            assert.equal("settings", err.kind)
        end
        local c, err = secret.credential { origins = { "https://h", "nonsense" } }
        assert.is_nil(c)
        assert.equal("credential origin 2: not a URL", err.message)
    end)

    it("raise on misuse", function()
        local origins = { "https://h" }
        for _, options in ipairs {
            {}, { origins = "https://h" }, { "x", origins = origins }, { origins = { {} } },
            { { place = "cookie", name = "x", secret = key }, origins = origins },
            { { place = "header", name = "x", secret = "text" }, origins = origins },
            { { place = "header", name = "x" }, origins = origins },
        } do
            assert.has_error(function() secret.credential(options) end)
        end
        assert.has_error(function() credential("https://h").check(key, "https://h") end)
    end)
end)
