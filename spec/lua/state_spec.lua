--- Names of accounts in the state file: the same in every process, and different where accounts are.

require "spec.support.helper"
require "neap"

local secrets = require "neap.native.secret"
local state = require "neap.state"
local vendor = require "neap.vendor"

local model = vendor.compile([[
return vendor.define "test" {
    title = "Test",
    settings = {
        { "mode", values = { "session", "basic", "key" }, default = "key" }, { "user", type = "string" },
        { "site", type = "string" }, { "password", type = "secret" }, { "api_key", type = "secret" },
    },
    auth = {
        access = {
            by = "mode", key = auth.header { name = "X-Key", secret = "api_key" },
            basic = auth.basic { user = "user", secret = "password" },
            session = auth.session {
                login = "login", header = "X-Token", life = "20m", expired = { status = 403, text = "over" },
                params = { name = setting "user", site = setting "site" },
            },
        },
        login = auth.body { field = "password", secret = "password" },
    },
    endpoints = {
        login = {
            post = "/login", auth = "login", write = "read",
            params = { { "name", type = "string" }, { "site", type = "string" } },
        },
    },
}]], "test.lua")

local BASE = "https://api.example"

local function name(mode, values, base)
    local settings = { mode = mode, password = secrets.literal(values.password or "hunter22"), user = values.user,
        site = values.site, api_key = secrets.literal(values.key or "key-1") }
    return state.account_name(model, settings, base or BASE)
end

describe("the name of an account", function()
    it("tells users of one password apart, and not one user by the password", function()
        for _, mode in ipairs { "session", "basic" } do
            assert.are_not.equal(name(mode, { user = "anna" }), name(mode, { user = "bert" }))
            assert.equal(name(mode, { user = "anna", password = "one1" }),
                name(mode, { user = "anna", password = "two2" }))
        end
    end)

    it("tells keys apart without holding them", function()
        assert.are_not.equal(name("key", { key = "key-1" }), name("key", { key = "key-2" }))
        assert.is_nil(name("key", { key = "key-1" }):find("key-1", 1, true))
    end)

    it("has its parts in a fixed order, none of which runs into the next", function()
        assert.equal("test|" .. BASE .. "|name=anna&site=x", name("session", { user = "anna", site = "x" }))
        assert.are_not.equal(name("session", { user = "a&site=x", site = "" }),
            name("session", { user = "a", site = "x" }))
    end)

    it("is one for all spellings of an address", function()
        local wanted = name("key", {}, "https://api.example/v1")
        for _, base in ipairs { "HTTPS://api.example/v1", "https://API.example:443/v1", "https://api.example/v1/.",
            "https://api.example/./v1/" } do
            assert.equal(wanted, name("key", {}, base))
        end
        assert.are_not.equal(wanted, name("key", {}, "https://api.example/v2"))
        assert.are_not.equal(wanted, name("key", {}, "http://api.example/v1"))
    end)
end)
