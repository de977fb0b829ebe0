--- Settings: where values come from and who wins, references, conversion, what is refused.

local helper = require "spec.support.helper"
local neap = require "neap"

local registry = require "neap.registry"
local runtime = require "neap.runtime"
local settings = require "neap.settings"
local vendor = require "neap.vendor"

local model = vendor.compile([[
return vendor.define "test" {
  title = "Test",
  settings = {
    { "key", type = "secret", required = true },
    { "tid", type = "string", required = true },
    { "region", type = "enum", values = { "eu", "us" }, default = "eu" },
    { "count", type = "integer", min = 1 },
  },
  endpoints = { read = { get = "/read" } },
}]], "test.lua")

--- Resolves as a task, with the given options of the run, and config files.
local function resolve(overrides, options, files)
    local load, dir = registry.load, registry.config_dir
    local home = helper.tmpdir()
    for name, text in pairs(files or {}) do helper.write(home .. "/" .. name, text) end
    registry.load = function(name)
        return name == "test" and model or load(name)
    end
    registry.config_dir = function() return home end
    runtime.configure(options or {})
    local ok, values, missing = pcall(neap.run, function() return settings.resolve(model, overrides) end)
    registry.load, registry.config_dir = load, dir
    runtime.configure {}
    if not ok then error(values, 0) end
    return values, missing
end

local function refused(overrides, options, files)
    local ok, err = pcall(resolve, overrides, options, files)
    assert.is_false(ok)
    assert.equal("settings", err.kind)
    return tostring(err), err
end

describe("settings", function()
    after_each(helper.assert_idle)

    it("have defaults; required ones without a value are listed", function()
        local values, missing = resolve {}
        assert.equal("eu", values.region)
        assert.equal(60, values.timeout)
        assert.equal(512, values.connections)
        assert.same({ "key", "tid" }, missing)
    end)

    it("come from the script, --set, the user's file, in this order", function()
        local set = { settings = { test = { tid = { value = "set", from = "--set" } } } }
        local files = { ["config.lua"] = 'return { test = { tid = "file", count = 3 }, other = { x = 1 } }' }
        assert.equal("file", resolve({}, {}, files).tid)
        assert.equal(3, resolve({}, {}, files).count)
        assert.equal("set", resolve({}, set, files).tid)
        assert.equal("script", resolve({ tid = "script" }, set, files).tid)
    end)

    it("follow references to what is no secret", function()
        local path = helper.write(helper.tmpdir() .. "/tid", "from file\n")
        assert.equal("from file", resolve({ tid = "file:" .. path }).tid)
        assert.equal("from cmd", resolve({ tid = "cmd:echo from cmd" }).tid)
        assert.equal(os.getenv "HOME", resolve({ tid = "env:HOME" }).tid)
        assert.equal("a:b", resolve({ tid = "a:b" }).tid)
    end)

    it("keep secrets out of Lua", function()
        local path = helper.write(helper.tmpdir() .. "/key", "s3cret-value\n")
        local values = resolve { key = "file:" .. path }
        assert.equal("userdata", type(values.key))
        assert.is_nil(tostring(values.key):find("s3cret", 1, true))
        assert.is_true(values.key:equals(resolve({ key = "cmd:printf s3cret-value" }).key))
    end)

    it("get the sandbox's own values, and nothing from files and the environment for secrets", function()
        local files = { ["config.lua"] = 'return { test = { key = "env:NOT_THERE_AT_ALL" } }' }
        local values, missing = resolve({}, { sandbox = true }, files)
        assert.same({}, missing)
        assert.equal("userdata", type(values.key))
        assert.equal(runtime.SANDBOX.tid, values.tid)
        local key = helper.write(helper.tmpdir() .. "/key", "other")
        local set = { sandbox = true, settings = { test = { key = { value = "file:" .. key, from = "--set" } } } }
        assert.is_false(resolve({}, set).key:equals(values.key))
    end)

    -- overrides, options, files, message parts
    local cases = {
        { { regoin = "eu" }, nil, nil, { 'test has no setting "regoin"', 'did you mean "region"?' } },
        { { region = "eur" }, nil, nil, { "the script: test.region", "eu" } },
        { { count = "many" }, nil, nil, { "test.count" } },
        { { count = 0 }, nil, nil, { "test.count" } },
        { { timeout = "soon" }, nil, nil, { "test.timeout" } },
        { { key = "literal-secret" }, nil, nil, { "test.key is a secret: give a reference", "NEAP_TEST_KEY" } },
        { { tid = "env:NEAP_SPEC_NOT_SET" }, nil, nil, { "the environment has no NEAP_SPEC_NOT_SET" } },
        { { tid = "file:/nonexistent/file" }, nil, nil, { "tid", "/nonexistent/file" } },
        { { key = "file:/nonexistent/file" }, nil, nil, { "key", "/nonexistent/file" } },
        { { tid = "cmd:exit 3" }, nil, nil, { "tid" } },
        { {}, nil, { ["config.lua"] = "return {" }, { "config.lua:1:" } },
        { {}, nil, { ["config.lua"] = "return 5" }, { "it must return a table of vendors" } },
        { {}, nil, { ["config.lua"] = "return { test = 5 }" }, { "test must be a table" } },
        { {}, nil, { ["config.lua"] = "return { test = { regoin = 1 } }" },
            { "config.lua", 'did you mean "region"?' } },
        { {}, nil, { ["config.lua"] = "return { test = { key = 'literal' } }" },
            { "config.lua: test.key is a secret" } },
        { {}, nil, { ["config.lua"] = "os.exit(3)" }, { "config.lua", "os" } },
        { {}, nil, { ["config.lua"] = "error('x')" }, { "config.lua" } },
    }
    for i, case in ipairs(cases) do
        it("that are wrong are refused: " .. i, function()
            local text, err = refused(case[1], case[2], case[3])
            for _, part in ipairs(case[4]) do assert.matches(part, text, 1, true) end
            assert.is_nil(text:find("literal-secret", 1, true))
            assert.is_nil(err.cause)
        end)
    end

    it("name every way to give a missing one", function()
        assert.equal("test: settings: missing settings key, tid; set NEAP_TEST_KEY and NEAP_TEST_TID, "
            .. "or --set test.key=env:NAME --set test.tid=...",
            tostring(settings.missing_error(model, { "key", "tid" })))
        assert.equal("test: settings: missing setting tid; set NEAP_TEST_TID, or --set test.tid=...",
            tostring(settings.missing_error(model, { "tid" })))
    end)

    it("have names in the environment", function()
        assert.equal("NEAP_OMNISEGMENT_API_KEY", settings.environment_name("omnisegment", "api_key"))
        assert.equal("NEAP_MY_VENDOR_X", settings.environment_name("my-vendor", "x"))
    end)
end)
