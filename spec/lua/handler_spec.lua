--- neap.handler, neap.setting, neap.secret, neap.background, and the Lua half of hosts.

local neap = require "neap"
local background = require "neap.background"
local handlers = require "neap.handler"
local helper = require "spec.support.helper"
local host = require "neap.host"
local log = require "neap.native.log"
local runtime = require "neap.runtime"
local secrets = require "neap.native.secret"

local function raised(fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    return tostring(err)
end

local function run(fn) return neap.run(fn, { clock = "virtual" }) end

describe("neap.handler", function()
    after_each(function()
        runtime.configure {}
        helper.assert_idle()
    end)

    local function echo(settings)
        return neap.handler { settings = settings, open = function(values) return function() return values end end }
    end

    it("opens with typed settings", function()
        local handler = echo {
            { "out", type = "path", required = true }, { "days", type = "integer", default = 7 },
            { "note", type = "string" }, { "hook_key", type = "secret" },
        }
        host.set("out", "/data")
        host.set_secret("hook_key", secrets.literal "correct horse")
        local values = run(function() return handlers.open(handler, "x.lua")() end)
        assert.are.same({ "/data", 7 }, { values.out, values.days })
        assert.is_nil(values.note)
        assert.are.equal("***", tostring(values.hook_key))
    end)

    it("names all settings that are missing, and how to set them", function()
        local handler = echo { { "out", type = "path", required = true }, { "key", type = "secret", required = true } }
        assert.are.equal("settings: x.lua: missing settings out, key; set NEAP_OUT and NEAP_KEY, "
            .. "or --set out=... --set key=env:NAME",
            run(function() return raised(handlers.open, handler, "x.lua") end))
    end)

    it("refuses values of the wrong type", function()
        local handler = echo { { "days", type = "integer" } }
        host.set("days", "many")
        assert.truthy(run(function() return raised(handlers.open, handler, "x.lua") end):find("setting days", 1, true))
    end)

    it("refuses what it does not know", function()
        assert.truthy(raised(neap.handler, { opne = print }):find('did you mean "open"?', 1, true))
        assert.truthy(raised(neap.handler, {}):find("open must be a function", 1, true))
        assert.truthy(raised(neap.handler, 7):find("a table expected", 1, true))
        assert.truthy(raised(neap.handler, { open = print, summary = 7 }):find("summary", 1, true))
        assert.truthy(raised(neap.handler, { open = print, settings = { { "a.b", type = "string" } } })
            :find("dot", 1, true))
        assert.truthy(raised(neap.handler, { open = print, settings = { { "a", type = "strng" } } })
            :find("string", 1, true))
    end)

    it("says what open must return", function()
        local handler = neap.handler { open = function() return 7 end }
        assert.truthy(run(function() return raised(handlers.open, handler, "x.lua") end)
            :find("open must return a function", 1, true))
    end)
end)

describe("settings of scripts", function()
    after_each(function()
        runtime.configure {}
        helper.assert_idle()
    end)

    it("come from the host, and follow references", function()
        local path = helper.write(helper.tmpdir() .. "/value", "from a file\n")
        host.set("one", "1")
        host.set("two", "file:" .. path)
        assert.are.same({ "1", "from a file" }, run(function() return { neap.setting "one", neap.setting "two" } end))
        assert.is_nil(run(function() return neap.setting "three" end))
    end)

    it("come from the environment", function()
        local result = helper.cli({ "run", helper.write(helper.tmpdir() .. "/s.lua",
            [[print(neap.setting "my-note", neap.secret "my_key", neap.secret "env:OTHER")]]) },
            { env = { NEAP_MY_NOTE = "hello", NEAP_MY_KEY = "correct horse", OTHER = "battery staple" } })
        assert.are.equal("hello\t***\t***\n", result.out)
    end)

    it("show no secret", function()
        host.set_secret("key", secrets.literal "correct horse")
        assert.truthy(run(function() return raised(neap.setting, "key") end):find("key is a secret", 1, true))
        assert.are.equal("***", tostring(run(function() return neap.secret "key" end)))
        host.set("plain", "correct horse")
        local message = run(function() return raised(neap.secret, "plain") end)
        assert.truthy(message:find("give a reference", 1, true))
        assert.is_nil(message:find "horse")
    end)

    it("have names without a dot", function()
        assert.truthy(run(function() return raised(neap.setting, "opm.api_key") end):find("without a dot", 1, true))
        assert.truthy(raised(host.set, "a.b.c", "x"):find("no name of a setting", 1, true))
        assert.truthy(raised(host.set, "", "x"):find("no name of a setting", 1, true))
    end)

    it("of vendors are checked by name, type and secrecy", function()
        assert.truthy(raised(host.set, "opn.api_key", "env:X"):find('did you mean "opm"?', 1, true))
        assert.truthy(raised(host.set, "opm.api_kye", "env:X"):find('did you mean "api_key"?', 1, true))
        assert.truthy(raised(host.set, "opm.api_key", "literal"):find("give a reference", 1, true))
        assert.truthy(raised(host.set, "opm.timeout", "soon"):find("opm.timeout", 1, true))
        assert.truthy(raised(host.set_secret, "opm.timeout", secrets.literal "12345678"):find("no secret", 1, true))
        host.set("opm.timeout", "7s")
        assert.are.equal("7s", runtime.options.settings.opm.timeout.value)
    end)
end)

describe("neap.background", function()
    after_each(function()
        background.draining = nil
        log.capture()
        helper.assert_idle()
    end)

    it("outlives its starter", function()
        local order = {}
        neap.run(function()
            local started
            neap.spawn(function()
                started = neap.background(function()
                    neap.sleep(10)
                    order[#order + 1] = "background"
                end)
            end):await()
            order[#order + 1] = "starter"
            started:await()
        end, { clock = "virtual" })
        assert.are.same({ "starter", "background" }, order)
    end)

    it("logs what fails", function()
        local lines = {}
        log.capture(function(line) lines[#lines + 1] = line end)
        neap.run(function()
            neap.background(function() error "the boiler" end):await()
        end)
        assert.truthy(lines[1]:find("background task failed", 1, true))
        assert.truthy(lines[1]:find("the boiler", 1, true))
    end)

    it("ends when the host stops, and is refused then", function()
        neap.run(function()
            local one = neap.background(neap.sleep, 1000)
            neap.sleep(1)
            host.drain()
            assert.are.equal("cancelled", one:status())
            assert.truthy(raised(neap.background, print):find("the host is stopping", 1, true))
        end, { clock = "virtual" })
    end)
end)
