--- What the command opens at first use (csrc/core/library.h): without it everything else works.

local helper = require "spec.support.helper"

local LIBRARIES = { "libcrypto.so.3", "libcurl.so.4", "libmicrohttpd.so.12" }

--- Runs the command where these libraries are there and cannot be loaded.
local function neap(words, env)
    local dir = helper.tmpdir()
    for _, name in ipairs(LIBRARIES) do helper.write(dir .. "/" .. name, "") end
    env = env or {}
    env.LD_LIBRARY_PATH = dir
    return helper.cli(words, { env = env, cwd = dir })
end

describe("without libcurl, libmicrohttpd and libcrypto", function()
    it("does all that needs none of them", function()
        local script = helper.tmpdir() .. "/script.lua"
        helper.write(script, [[return neap.workflow {
            run = function(ctx) return ctx:vendor("opm"):ping {} end,
        }]])
        for _, words in ipairs {
            { "help" }, { "list" }, { "describe", "opm.ping" }, { "run", script, "--sandbox" },
            { "call", "opm", "ping", "--sandbox" },
        } do
            local got = neap(words)
            assert.equal("", got.err)
            assert.equal(0, got.code, words[1])
        end
    end)

    it("says what a call lacks", function()
        local got = neap({ "call", "opm", "ping" },
            { NEAP_OPM_API_KEY = "k", NEAP_OPM_BASE_URL = "http://127.0.0.1:1" })
        assert.matches("^neap: opm%.ping: settings: [^\n]*libcurl%.so%.4: file too short; "
            .. "is Debian's package libcurl4 installed%?\n$", got.err)
        assert.equal(4, got.code)
    end)

    it("says what the sandbox over HTTP lacks", function()
        local got = neap { "sandbox" }
        assert.matches("libmicrohttpd%.so%.12: file too short; .* libmicrohttpd12 ", got.err)
        assert.equal(4, got.code)
    end)

    it("says what a webhook lacks", function()
        local script = helper.tmpdir() .. "/script.lua"
        helper.write(script, [[
            local key = neap.secret "env:KEY"
            print(pcall(neap.webhook, { scheme = "path", secret = key }))
            neap.webhook { scheme = "hub", secret = key }
        ]])
        local got = neap({ "run", script }, { KEY = "some key" })
        assert.matches("^true\tneap.Webhook[^\n]*\n$", got.out)
        assert.matches("settings: neap%.webhook: secret: [^\n]*libcrypto%.so%.3: file too short; "
            .. "is Debian's package libssl3 installed%?\n$", got.err)
    end)

    it("has its own version", function()
        local got = neap { "version" }
        assert.matches("^neap %d[^\n]+\nlua ", got.out)
        assert.matches("\nlibcurl [^\n]*libcurl%.so%.4: file too short", got.out)
        assert.equal(0, got.code)
    end)
end)
