--- The parts of a definition that choose: credentials and sessions, addresses, names in any case.

require "spec.support.helper"
require "neap"

local address = require "neap.vendor.address"
local auth = require "neap.vendor.auth"
local errors = require "neap.error"
local policy = require "neap.vendor.policy"
local vendor = require "neap.vendor"

local SETTINGS = [[
  settings = { { "mode", values = { "key", "session" }, default = "key" }, { "server", type = "integer" },
    { "api_key", type = "secret" }, { "user", type = "string" }, { "password", type = "secret" } },
]]

local LOGIN = 'login = { post = "/login", auth = "login", write = "idempotent", '
    .. 'params = { { "name", type = "string", required = true } } },'

local AUTH = [[
  auth = {
    access = { by = "mode", key = auth.header { name = "X-Key", secret = "api_key" },
      session = auth.session { login = "login", header = "X-Token", life = "20m", margin = "30s",
        expired = { status = 403, text = "over" }, params = { name = setting "user" } } },
    login = auth.body { field = "password", secret = "password" },
  },
]]

local function text_of(lines, endpoints)
    return 'return vendor.define "test" {\n  title = "Test",\n' .. lines .. "\n  endpoints = {\n"
        .. (endpoints or LOGIN) .. "\n  },\n}\n"
end

local function compile(lines, endpoints)
    return vendor.compile(text_of(lines, endpoints), "test.lua")
end

local function refusal(lines, endpoints)
    local ok, err = pcall(compile, lines, endpoints)
    assert.is_false(ok)
    assert.is_true(errors.is(err), tostring(err))
    return tostring(err)
end

describe("a credential that a setting chooses", function()
    local model = compile(SETTINGS .. AUTH)

    it("is one of those of the definition", function()
        assert.equal("X-Key", auth.chosen(model.auth.access, { mode = "key" }).name)
        local chosen = auth.chosen(model.auth.access, { mode = "session" })
        assert.equal("session", chosen.place)
        assert.same({ 1200, 30 }, { chosen.session.life, chosen.session.margin })
        assert.is_true(model.endpoints.login.is_login)
    end)

    it("needs its own settings only", function()
        assert.same({ "api_key" }, auth.needs(model, auth.chosen(model.auth.access, { mode = "key" })))
        assert.same({ "password", "user" }, auth.needs(model, auth.chosen(model.auth.access, { mode = "session" })))
    end)

    -- what of AUTH is replaced by what, and the message
    local cases = {
        { 'by = "mode"', 'by = "mood"', 'no setting "mood"; did you mean "mode"?' },
        { 'key = auth.header { name = "X-Key", secret = "api_key" },', "",
            'auth.access: no credential for mode = "key"' },
        { 'login = "login", header', 'login = "logni", header', 'no endpoint "logni"; did you mean "login"?' },
        { 'login = "login", header', "header", "auth.access: login is missing" },
        { 'header = "X-Token", ', "", "auth.access: header is missing" },
        { 'life = "20m"', 'life = "20 moons"', "life" },
        { 'life = "20m", ', "", "auth.access: life is missing" },
        { 'status = 403, text = "over"', "status = 403", "expired: text is missing" },
        { 'setting "user"', 'setting "usr"', 'no setting "usr"; did you mean "user"?' },
        { 'setting "user"', '"user"', 'params: setting "name" expected' },
        { 'name = setting "user"', 'nmae = setting "user"', 'no parameter "nmae"; did you mean "name"?' },
        { 'name = setting "user"', "", "auth.access.params: name of login is required" },
        { 'name = setting "user"', 'name = setting "password"', 'params: "password" is a secret' },
        { 'params = { name = setting "user" }', 'params = "x"', "params: a table expected, got a string" },
        { 'header = "X-Token", ', 'header = "X-Token", token = 5, ', "token: a string expected, got a number" },
        { 'key = auth.header', 'kez = auth.bearer { secret = "api_key" }, key = auth.header',
            'no value of mode "kez"; did you mean "key"?' },
        { 'life = "20m"', 'live = "20m"', 'auth.session: no field "live"; did you mean "life"?' },
        { "status = 403", "status = 200", "auth.access.expired.status: 200 is no HTTP status from 300 to 599" },
        { "status = 403", "status = 600", "expired.status: 600 is no HTTP status from 300 to 599" },
        { "status = 403", "status = 403.5", "expired.status: 403.5 is no HTTP status from 300 to 599" },
        { 'name = "X-Key"', 'name = ""', 'auth.access: "" is no name of a header' },
        { 'name = "X-Key"', 'name = "X Key"', 'auth.access: "X Key" is no name of a header' },
        { 'name = "X-Key"', 'name = "X-Key\\r\\nA"', "is no name of a header" },
        { 'name = "X-Key"', 'name = "X-Key:"', 'auth.access: "X-Key:" is no name of a header' },
        { 'name = "X-Key"', 'name = "Schl\195\188ssel"', "is no name of a header" },
        { 'name = "X-Key"', 'name = "content-Length"', "the header content-Length belongs to the transport" },
        { 'header = "X-Token"', 'header = "X-Token "', 'auth.access: "X-Token " is no name of a header' },
        { 'header = "X-Token"', 'header = "Transfer-Encoding"', "Transfer-Encoding belongs to the transport" },
        { 'header = "X-Token"', 'header = "host"', "the header host belongs to the transport" },
        { 'header = "X-Token"', 'header = "Connection"', "the header Connection belongs to the transport" },
    }
    for _, case in ipairs(cases) do
        it("is refused: " .. case[3], function()
            local from = AUTH:find(case[1], 1, true)
            local changed = AUTH:sub(1, from - 1) .. case[2] .. AUTH:sub(from + #case[1])
            assert.matches(case[3], refusal(SETTINGS .. changed), 1, true)
        end)
    end

    it("needs a setting that always has a value", function()
        local without = SETTINGS:gsub(', default = "key"', "")
        assert.matches('the setting "mode" chooses: it needs values, and a default or required',
            refusal(without .. AUTH), 1, true)
    end)

    it("is refused where a login needs a login", function()
        assert.matches("a login that needs a login",
            refusal(SETTINGS .. AUTH, (LOGIN:gsub('auth = "login"', 'auth = "access"'))), 1, true)
    end)
end)

describe("an address", function()
    it("has settings in it", function()
        local model = compile(SETTINGS .. [[base_url = "https://api{server}.x.example",
            prefix = { by = "mode", key = "/v1", session = "" },]], '    read = { get = "/read" },')
        assert.equal("https://api5.x.example", address.base_url(model, { server = 5 }))
        assert.same({ nil, "server" }, { address.base_url(model, {}) })
        assert.equal("http://127.0.0.1:1/a", address.base_url(model, { base_url = "http://127.0.0.1:1/a/" }))
        assert.equal("/v1", address.prefix(model, { mode = "key" }))
        assert.equal("", address.prefix(model, { mode = "session" }))
    end)

    it("may have the forms of answers in any order", function()
        local model = compile('settings = { { "form", values = { "xml", "json" }, default = "xml" } },'
            .. 'accept = setting "form",', '    read = { get = "/read" },')
        assert.equal("form", model.accept.setting)
    end)

    it("is refused where it cannot be", function()
        local read = '    read = { get = "/read" },'
        assert.matches('no setting "sever"; did you mean "server"?',
            refusal(SETTINGS .. 'base_url = "https://api{sever}.x.example",', read), 1, true)
        assert.matches('prefix: "v1" is no beginning of a path', refusal('prefix = "v1",', read), 1, true)
        assert.matches('prefix.key: "/v1/" is no beginning', refusal(
            SETTINGS .. 'prefix = { by = "mode", key = "/v1/" },', read), 1, true)
        assert.matches('no setting "mood"', refusal('prefix = { by = "mood", key = "/v1" },', read), 1, true)
        assert.matches('accept: setting "name" expected', refusal('accept = {},', read), 1, true)
        assert.matches('no setting "format"', refusal('accept = setting "format",', read), 1, true)
    end)
end)

describe("names in any case", function()
    it("must differ by more than case", function()
        assert.matches("differs from Read by letter case only", refusal('names = "any_case",',
            '    Read = { get = "/a" }, read = { get = "/b" },'), 1, true)
        assert.equal("Read", compile('names = "any_case",', '    Read = { get = "/a" },').folded.read)
    end)

    -- parameters, returns, and the message where names are in any case
    local cases = {
        { '{ "Id", type = "id" }, { "ID", type = "id" }', '"x"', "a.params.ID: differs from Id by letter case only" },
        { '{ "o", fields = { { "Id", type = "id" }, { "id", type = "id" } } }', '"x"',
            "a.params.o.id: differs from Id" },
        { '{ "l", type = "list", of = { fields = { { "Id", type = "id" }, { "id", type = "id" } } } }', '"x"',
            "a.params.l.id: differs from Id" },
        { '{ "e", either = { { type = "id" }, { fields = { { "Id", type = "id" }, { "id", type = "id" } } } } }',
            '"x"', "a.params.e.id: differs from Id" },
        { '{ "Id", type = "id" }', '{ fields = { { "n", type = "id" }, { "N", type = "id" } } }',
            "a.returns.N: differs from n" },
    }
    for _, case in ipairs(cases) do
        it("is refused: " .. case[3], function()
            local endpoint = ('    a = { post = "/a", write = "unsafe", params = { %s }, returns = %s },'):format(
                case[1], case[2])
            assert.matches(case[3], refusal('names = "any_case",', endpoint), 1, true)
            assert.equal("a", compile("", endpoint).endpoints.a.name)
        end)
    end
end)

describe("a limit for some endpoints", function()
    it("counts them only", function()
        local model = compile('limits = { { rate = "1/s", only = { "a" } }, { rate = "1/h", exempt = { "a" } } },',
            '    a = { get = "/a" }, b = { get = "/b" },')
        local only, exempt = model.limits[1], model.limits[2]
        assert.same({ true, false }, { policy.counts(only, "a"), policy.counts(only, "b") })
        assert.same({ false, true }, { policy.counts(exempt, "a"), policy.counts(exempt, "b") })
        assert.same({ false, true }, { policy.is_window(only, only.rate), policy.is_window(exempt, exempt.rate) })
        assert.matches('limits[1].only: no endpoint "aa"', refusal('limits = { { rate = "1/s", only = { "aa" } } },',
            '    a = { get = "/a" },'), 1, true)
    end)
end)

describe("an endpoint", function()
    it("may be known by name only", function()
        local endpoint = compile("", '    a = { path_unknown = true, summary = "Somewhere" },').endpoints.a
        assert.is_true(endpoint.path_unknown)
        assert.matches("path_unknown: the path is given",
            refusal("", 'a = { get = "/a", path_unknown = true },'), 1, true)
    end)

    it("knows a repeat by its key only", function()
        local put = 'a = { post = "/a", write = %q, key = "id", repeated = 409,'
            .. 'params = { { "id", type = "id" } } },'
        assert.equal(409, compile("", put:format "keyed").endpoints.a.repeated)
        assert.matches("a.repeated: only a vendor that knows a key", refusal("", put:format "unsafe"), 1, true)
        assert.matches("a.repeated: 4090 is no HTTP status",
            refusal("", (put:format "keyed":gsub("409", "4090"))), 1, true)
    end)

    it("may have one parameter as its body", function()
        local list = '{ "rows", type = "list", required = true, max = 3 }'
        local endpoint = compile("", 'a = { post = "/a", write = "idempotent", body = "rows", '
            .. "batch = { list = 'rows' }, params = { " .. list .. " } },").endpoints.a
        assert.equal("rows", endpoint.body)
        assert.is_true(endpoint.batch.is_own)
        assert.equal(3, endpoint.batch.max)
        assert.matches("a.body: other has no place beside it", refusal("",
            '    a = { post = "/a", write = "idempotent", body = "rows", params = { ' .. list
            .. ', { "other", type = "id" } } },'), 1, true)
        assert.matches('a.body: no parameter "row"; did you mean "rows"?', refusal("",
            '    a = { post = "/a", write = "idempotent", body = "row", params = { ' .. list .. " } },"), 1, true)
    end)

    it("says what it returns, in words or as a type", function()
        local endpoints = compile("", [[ a = { get = "/a", returns = "a number" },
            b = { get = "/b",
                returns = { type = "list", of = { fields = { { "n", type = "integer" } } } } }, ]]).endpoints
        assert.equal("a number", endpoints.a.returns)
        assert.equal("integer", endpoints.b.returns.of.by_name.n.type)
        assert.matches("returns", refusal("", ' a = { get = "/a", returns = { type = "lst" } },'), 1, true)
    end)
end)
