--- Definitions: what is accepted, and how a mistake is reported: file, line, field, nearest name.

require "spec.support.helper"
require "neap"

local errors = require "neap.error"
local registry = require "neap.registry"
local vendor = require "neap.vendor"

--- A definition around some lines; line 1 is `return vendor.define ...`.
local function text_of(lines, endpoints)
    return 'return vendor.define "test" {\n  title = "Test",\n' .. (lines or "") .. "\n  endpoints = {\n"
        .. (endpoints or '    read = { get = "/read" },') .. "\n  },\n}\n"
end

local function compile(lines, endpoints)
    return vendor.compile(text_of(lines, endpoints), "test.lua")
end

describe("a definition", function()
    it("becomes a model with defaults", function()
        local model = compile('  base_url = "https://x.example",', [[
            b = { post = "/b/{id}/x", write = "unsafe", params = { { "id", type = "id" },
            { "v", type = "integer" } } },
            a = { get = "/a", params = { { "q", type = "string" } } },
            d = { delete = "/d", write = "idempotent", params = { { "q", type = "string" } } },]])
        assert.same({ "a", "b", "d" }, model.endpoint_names)
        assert.equal("test", model.name)
        local b = model.endpoints.b
        assert.equal("POST", b.method)
        assert.equal("/b/", b.group)
        assert.same({ id = "path", v = "body" }, b.places)
        assert.equal("unsafe", b.write)
        assert.equal("none", b.auth)
        assert.same({ q = "query" }, model.endpoints.a.places)
        assert.same({ q = "query" }, model.endpoints.d.places)
        assert.equal("read", model.endpoints.a.write)
        assert.is_true(model.refused[401] and model.refused[403])
        local names = {}
        for i, field in ipairs(model.settings) do names[i] = field[1] end
        assert.same({ "base_url", "timeout", "connections", "jitter" }, names)
    end)

    it("may replace a common setting by its own", function()
        local model = compile('  settings = { { "timeout", type = "duration", default = "5m" } },')
        assert.equal("5m", model.settings[1].default)
        assert.equal(4, #model.settings)
    end)

    it("keeps references to settings for later", function()
        local model = compile([[
            settings = { { "wait", type = "duration" }, { "hourly", type = "integer" } },
            limits = { { rate = setting "hourly", per = "account" } },
            retry = { { on = { 503 }, backoff = "constant", every = setting "wait", base = "2m",
                retries = 5 } },]])
        assert.is_true(vendor.is_setting(model.limits[1].rate))
        assert.equal("wait", model.retry[1].every.setting)
        assert.equal(120, model.retry[1].base)
    end)

    it("may leave required parameters out of an example", function()
        local endpoints = compile(nil, [[
            read = { get = "/read", params = { { "id", type = "id", required = true }, { "n", type = "integer" } },
                example = { n = 5 } },
            find = { get = "/find", params = { { "day", type = "date", required = true } } , example = {} },
            note = { post = "/note", write = "unsafe", open = true, example = { any = { 1, "x" } } },]]).endpoints
        assert.same({ n = 5 }, endpoints.read.example)
        assert.same({}, endpoints.find.example)
    end)

    it("is loaded without effect on anything", function()
        for _, name in ipairs { "os", "io", "require", "debug", "load", "neap", "_G", "print", "coroutine" } do
            local ok, err = pcall(vendor.compile, ("local x = %s.y\n"):format(name) .. text_of(), "test.lua")
            assert.is_false(ok)
            assert.matches(("test.lua:1: a definition has no %s: it is data, loading it does no I/O"):format(name),
                tostring(err), 1, true)
        end
        assert.is_false((pcall(vendor.compile, string.dump(function() end), "test.lua")))
    end)

    it("is the same for all built-in vendors: they compile", function()
        for _, name in ipairs { "omnisegment", "opm" } do
            local model = registry.load(name)
            assert.is_true(#model.endpoint_names > 0)
            assert.equal(model, registry.load(name))
        end
    end)
end)

describe("a mistake in a definition", function()
    -- lines before endpoints (from line 3), endpoints, line reported (nil: not checked), message parts
    local cases = {
        { "  titel = 1,", nil, 3, { "titel: no such field", 'did you mean "title"?' } },
        { "\n\n  limits = { { rate = '10/s', pre = 'endpoint' } },", nil, 5,
            { "pre: no such field", 'did you mean "per"?' } },
        { "  limits = { { rate = '10 per s' } },", nil, 3, { "limits.rate" } },
        { "  limits = { { } },", nil, 3, { "rate is missing" } },
        { "  limits = { { rate = '1/s', per = 'client' } },", nil, 3,
            { '"client" is not one of endpoint, account' } },
        { "  limits = { { rate = '1/s', exempt = { 'raed' } } },", nil, 3,
            { 'no endpoint "raed"', 'did you mean "read"?' } },
        { nil, "a = { post = '/a', write = 'unsafe', params = { { 'd', type = 'any' } },\n"
            .. "batch = { endpoint = 'raed', field = 'd', list = 'l' } }, read = { get = '/r' },", 6,
            { 'endpoints.a.batch: no endpoint "raed"', 'did you mean "read"?' } },
        { nil, "a = { post = '/a', write = 'unsafe', params = { { 'd', type = 'any' } },\n"
            .. "batch = { endpoint = 'read', field = 'd', list = 'd' } },\n"
            .. "read = { get = '/r', params = { { 'd', type = 'list' } } },", 6,
            { "endpoints.a.batch: read.d is no list with a max, the size of a batch" } },
        { nil, "a = { post = '/a', write = 'unsafe', params = { { 'd', type = 'any' } },\n"
            .. "batch = { endpoint = 'read', field = 'dd', list = 'd' } },\n"
            .. "read = { get = '/r', params = { { 'd', type = 'list', max = 2 } } },", 6,
            { 'no parameter "dd"', 'did you mean "d"?' } },
        { nil, "a = { post = '/a', write = 'unsafe', batch = { endpoint = 'read' } }, read = { get = '/r' },", 5,
            { "endpoints.a.batch: list is missing" } },
        { nil, "a = { post = '/a', write = 'unsafe', batch = { endpoint = 'read', list = 'l' } },\n"
            .. "read = { get = '/r' },", 5, { "endpoints.a.batch: endpoint and field go together" } },
        { nil, "a = { post = '/a', write = 'unsafe', job = { get = 'read', id = 'id', state = 's', done = 'D',\n"
            .. "failed = 'F', url = 'u' } }, read = { get = '/r' },", 5,
            { 'endpoints.a.job: read has no parameter "id"' } },
        { "  limits = 5,", nil, 3, { "limits: a table expected, got a number" } },
        { "  retry = { { on = { 503 } } },", nil, 3, { "backoff is missing" } },
        { "  retry = { { on = { 503 }, backoff = 'constant' } },", nil, 3, { "retries is missing" } },
        { "  retry = { { on = { 503 }, backoff = 'linear' } },", nil, 3,
            { '"linear" is not one of constant, exponential' } },
        { "  retry = { { on = { 503 }, backoff = 'constant', every = '5 moons', retries = 1 } },", nil, 3,
            { "retry.every" } },
        { "  auth = { h = auth.header { name = 'X', secret = 'key' } },", nil, 3, { 'no setting "key"' } },
        { "  auth = { h = { header = 'X' } },", nil, 3,
            { "auth.h: one of auth.header, body, query, basic, bearer" } },
        { "  auth = { h = auth.header { nmae = 'X', secret = 'timeout' } },", nil, 3,
            { 'auth.header: no field "nmae"; did you mean "name"?' } },
        { "  auth = { h = auth.body { name = 'X', secret = 'timeout' } },", nil, 3, { 'auth.body: no field "name"' } },
        { "  auth = { h = auth.bearer { } },", nil, 3, { "auth.h: secret is missing" } },
        { "  auth = { h = auth.bearer { secret = 'timeout' } },", nil, 3, { 'the setting "timeout" is no secret' } },
        { "  settings = { { 'key', type = 'secret' } },\n"
            .. "  auth = { h = auth.basic { user = 'usr', secret = 'key' } },", nil, 4,
            { 'no setting "usr"' } },
        { "  retry = { { on = { 503 }, backoff = 'constant', retries = 1, every = setting 'timeuot' } },", nil, 3,
            { 'no setting "timeuot"', 'did you mean "timeout"?' } },
        { "  limits = { { rate = setting 'hourly' } },", nil, 3, { 'no setting "hourly"' } },
        { "  base_url = { by = 'region', eu = 'https://eu.example' },", nil, 3, { 'no setting "region"' } },
        { "  tenant = { name = 'tid', setting = 'tid' },", nil, 3, { 'no setting "tid"' } },
        { nil, "    put = { put = '/a', write = 'keyed', key = 'a[' },", 5, { '"a[" is no path' } },
        { "  settings = { { 'key', type = 'secrt' } },", nil, 3, { "settings", "secrt", 'did you mean "secret"?' } },
        { nil, "    read = { },", 5, { "no method: one of get, post, put, patch, delete" } },
        { nil, "    read = { get = '/a', post = '/b', write = 'read' },", 5, { "an endpoint has one method" } },
        { nil, "\n    add = { post = '/b' },", 6, { "write is missing: read, idempotent, keyed or unsafe" } },
        { nil, "    add = { post = '/b', write = 'sometimes' },", 5,
            { '"sometimes" is not one of read, idempotent' } },
        { nil, "    read = { get = '/a', auth = 'header' },", 5, { 'no auth "header"' } },
        { nil, "    read = { get = '/a', tenant = 'body' },", 5, { "the definition has no tenant" } },
        { nil, "    read = { get = '/a/{id}' },", 5, { 'the path needs a parameter "id"' } },
        { nil, "    read = { get = '/a', params = { { 'x', type = 'strng' } } },", 5,
            { "strng", 'did you mean "string"?' } },
        { nil, "    read = { get = '/a', rules = { { any = { 'x' } } } },", 5, { "any: no such field" } },
        { nil, "    read = { get = '/a', sumary = 'x' },", 5, { 'did you mean "summary"?' } },
        { "\n  limits = { rate = '8/s', per = 'account' },", nil, 4,
            { "limits: a list expected, like { { rate = ... } }" } },
        { "  retry = { on = { 429 }, backoff = 'constant' },", nil, 3,
            { "retry: a list expected, like { { on = ..., backoff = ... } }" } },
        { "  retry = { { on = { '429' }, backoff = 'constant', every = '1s', retries = 1 } },", nil, 3,
            { 'retry.on: "429" is no HTTP status' } },
        { "  refused = { a = 401 },", nil, 3, { "refused: a list expected, like { 401, 403 }" } },
        { "  refused = { 4010 },", nil, 3, { "refused: 4010 is no HTTP status" } },
        { "  limits = { { rate = '1/s', exempt = { read = true } } },", nil, 3,
            { 'limits.exempt: a list expected, like { "name" }' } },
        { "  settings = { 'api_key', type = 'secret' },", nil, 3,
            { 'settings: field 1: { "api_key", type = ... } expected' } },
        { "  settings = { key = { type = 'secret' } },", nil, 3,
            { 'settings: a list expected, like { { "name", type = ... } }' } },
        { "  settings = { { type = 'secret' } },", nil, 3, { 'field 1: { "name", type = ... } expected' } },
        { "  base_url = '127.0.0.1:8765',", nil, 3, { 'base_url: "127.0.0.1:8765" is no http or https URL' } },
        { "  base_url = 'ftp://x.example',", nil, 3, { "is no http or https URL" } },
        { "  base_url = 'http://',", nil, 3, { "is no http or https URL" } },
        { "  base_url = { by = 'region',\n    eu = 'eu.example' },", nil, 4,
            { 'base_url.eu: "eu.example" is no http or https URL' } },
        { "  base_url = { eu = 'https://eu.example' },", nil, 3, { "base_url: by is missing" } },
        { nil, "    read = { get = 'a/{id}' },", 5, { 'read.get: a path begins with a slash: "/a/{id}"' } },
        { nil, "    read = { get = '/a', params = { id = { type = 'id' } } },", 5,
            { 'read.params: a list expected, like { { "name", type = ... } }' } },
        { nil, "    read = { get = '/a', params = { { 'id', type = 'id' }, q = { type = 'id' } } },", 5,
            { "read.params: a list expected" } },
        { nil, "    read = { get = '/a', rules = { any_of = { 'x' } } },", 5,
            { "read.rules: a list expected, like { { any_of = ... } }" } },
        { nil, "    read = { get = '/a', params = { { 'text', type = 'id' } },\n    example = { txet = '1' } },", 6,
            { 'read.example: no parameter "txet"', 'did you mean "text"?' } },
        { nil, "    read = 5,", 5, { "a table expected, got a number" } },
        { "  limits = { { rate = '20000000/s' } },", nil, 3, { "limits.rate", "at most 10000000 calls" } },
        { "  limits = { { rate = setting() } },", nil, 3, { "setting: the name of a setting expected" } },
        { "  limits = { { rate = '1/s', [1.5] = 1 } },", nil, 3, { "limits[1][1.5]: no such field" } },
        { "  retry = { { on = {}, backoff = 'constant', every = '1s', retries = 1 } },", nil, 3,
            { "retry.on: 1 to 16 statuses expected" } },
        { "  retry = { { on = { 503 }, backoff = 'constant', every = '1s', retries = 1.5 } },", nil, 3,
            { "retry.retries: an integer from 0 to 65535 expected" } },
        { "  retry = { { on = { 503 }, backoff = 'constant', every = '1s', retries = 1, factor = 0.5 } },", nil, 3,
            { "retry.factor: a number from 1 to 1000 expected" } },
        { "  auth = { h = { place = 5, secret = 'timeout' } },", nil, 3, { "auth.h: one of auth.header" } },
        { "  base_url = { by = 'timeout', 'https://x.example' },", nil, 3, { "base_url: the values of the setting" } },
        { nil, "    read = { get = '/a', params = { { 'x', type = 'integer', min = 0/0 } } },", 5,
            { "is not a finite number" } },
        { nil, "    read = { get = '/a', params = setmetatable({}, {}) },", 5,
            { "read.params: a plain table expected" } },
        { nil, "    read = { get = '/a', params = { { 'x', type = 'id' } }, rules = { { order = { 'x' } } } },", 5,
            { "read.rules: order: two names of parameters expected" } },
        { nil, "    read = { get = '/a', params = { { 'x', type = 'id' } }, example = { x = print } },", 5,
            { "a definition has no print" } },
        { nil, "    read = { get = '/a', params = { { 'x', type = 'id' } }, example = { x = error } },", 5,
            { "read.example.x: expected a value that JSON can hold, got a function" } },
        { "  settings = { { 'key', type = 'secret' } },\n  base_url = 'http://{key}.x',", nil, 4,
            { 'base_url: "key" is a secret, which no address holds' } },
        { "  settings = { { 'key', type = 'secret' }, { 'at', values = { 'eu' }, default = 'eu' } },\n"
            .. "  base_url = { by = 'at',\n    eu = 'http://{key}.x' },",
            nil, 5, { 'base_url.eu: "key" is a secret' } },
        { "  settings = { { 'quick', type = 'rate' } },\n  base_url = 'http://{quick}.x',", nil, 4,
            { 'base_url: the setting "quick" is of type rate, which no address holds' } },
        { "  base_url = 'http://{ser-ver}.x',", nil, 3, { 'base_url: "http://{ser-ver}.x" is no http or https URL' } },
        { "  settings = { { 'user', type = 'string' } },\n  base_url = { by = 'user', a = 'http://a.x' },", nil, 4,
            { 'base_url.by: the setting "user" chooses: it needs values, and a default or required' } },
        { "  settings = { { 'at', values = { 'eu' } } },\n  base_url = { by = 'at', eu = 'http://a.x' },", nil, 4,
            { 'base_url.by: the setting "at" chooses: it needs values, and a default or required' } },
        { "  settings = { { 'at', values = { 'eu', 'us' }, required = true } },\n"
            .. "  base_url = { by = 'at', eu = 'http://a.x' },", nil, 4, { 'base_url: no URL for at = "us"' } },
        { "  settings = { { 'at', values = { 1 }, default = 1 } },\n  base_url = { by = 'at', eu = 'http://a.x' },",
            nil, 4, { "base_url: no URL for at = 1" } },
        { "  settings = { { 'at', values = { 'eu' }, default = 'eu' } },\n"
            .. "  base_url = { by = 'at', eu = 'http://a.x',\n    ev = 'http://b.x' },", nil, 5,
            { 'base_url.ev: no value of at "ev"', 'did you mean "eu"?' } },
        { "  settings = { { 'at', values = { 'eu', 'us' }, default = 'eu' } },\n  prefix = { by = 'at', eu = '/v1' },",
            nil, 4, { 'prefix: no prefix for at = "us"' } },
        { "  limits = { { rate = '1/s', burst = 0 } },", nil, 3,
            { "limits[1].burst: an integer from 1 to 10000000 expected" } },
        { "  limits = { { rate = '1/s', burst = 1.5 } },", nil, 3, { "limits[1].burst: an integer from 1" } },
        { "  limits = { { rate = '1/s', burst = 1e8 } },", nil, 3, { "limits[1].burst: an integer from 1" } },
        { "  limits = { { rate = '1/s', burst = '1' } },", nil, 3, { "burst: a number expected, got a string" } },
        { "  limits = { { rate = '1/s' },\n    { rate = '60/min',\n    burst = 1 } },", nil, 5,
            { 'limits[2].burst: beside shape = "pace" only' } },
        { "  limits = { { rate = '1/s', shape = 'window', burst = 1 } },", nil, 3, { 'beside shape = "pace" only' } },
        { "  settings = { { 'hourly', type = 'integer' } },\n  limits = { { rate = setting 'hourly', burst = 1 } },",
            nil, 4, { 'beside shape = "pace" only' } },
        { "  limits = { { rate = '1/s', only = { {} } } },", nil, 3,
            { "limits[1].only: endpoint: a name expected, got a table" } },
        { "  limits = { { rate = '1/s', only = {} } },", nil, 3, { "limits.only: it counts no call" } },
        { "  limits = { { rate = '1/s', only = { 'read' },\n    exempt = { 'read' } } },", nil, 4,
            { "limits[1].exempt: beside only" } },
        { "  settings = { { 'key', type = 'secret' } },\n  limits = { { rate = setting 'key' } },", nil, 4,
            { 'limits[1].rate: the setting "key" is of type secret: a rate or an integer expected' } },
        { "  settings = { { 'much', type = 'string' } },\n  limits = { { rate = setting 'much' } },", nil, 4,
            { 'limits[1].rate: the setting "much" is of type string' } },
        { "  settings = { { 'wait', type = 'string' } },\n  retry = { { on = { 503 }, backoff = 'constant',\n"
            .. "    retries = 1, every = setting 'wait' } },", nil, 5,
            { 'retry[1].every: the setting "wait" is of type string: a duration expected' } },
        { "  settings = { { 'key', type = 'secret' } },\n  tenant = { name = 'tid', setting = 'key' },", nil, 4,
            { 'tenant.setting: "key" is a secret' } },
        { "  retry = { { on = { 503 }, backoff = 'constant', every = '1s', retries = 1, only = { 'Get' } } },", nil, 3,
            { "retry[1].only: a table is not one of repeatable" } },
        { "  settings = { { 'form', type = 'string' } },\n  accept = setting 'form',", nil, 4,
            { 'accept: the setting "form" says json or xml' } },
        { "  settings = { { 'form', values = { 'json', 'yaml' }, default = 'json' } },\n  accept = setting 'form',",
            nil, 4, { 'accept: the setting "form" says json or xml' } },
        { "  settings = { { 'form', values = { 'json', 'json' }, default = 'json' } },\n  accept = setting 'form',",
            nil, 4, { 'accept: the setting "form" says json or xml' } },
        { "  settings = { { 'form', values = { 'json', 'xml', 'csv' }, default = 'json' } },\n"
            .. "  accept = setting 'form',", nil, 4, { 'accept: the setting "form" says json or xml' } },
        { "  settings = { { 'form', values = { 'json', 'xml' } } },\n  accept = setting 'form',", nil, 4,
            { 'accept: the setting "form" says json or xml' } },
        { "  envelope = envelope.plain { message = 5 },", nil, 3,
            { "envelope.plain: message: a string expected, got a number" } },
        { "  envelope = { message = 'm' },", nil, 3, { "envelope: one of envelope.flag, plain, error expected" } },
        { nil, "    read = { get = '/a', params = { { 'x', type = 'integer',\n    min = 5, max = 4 } } },", 5,
            { "read.params.x: attribute min: 5 is greater than max, 4" } },
        { nil, "    read = { get = '/a', params = { { 'x', type = 'string', min_length = 2, max_length = 1 } } },", 5,
            { "x: attribute min_length: 2 is greater than max_length, 1" } },
        { nil, "    read = { get = '/a', params = { { 'x', type = 'list', min = 2, max = 1 } } },", 5,
            { "x: attribute min: 2 is greater than max, 1" } },
        { nil, "    read = { get = '/a', params = { { 'x', values = { 'a', {} } } } },", 5,
            { "x: attribute values: expected texts or numbers, got a table" } },
        { nil, "    read = { get = '/a', params = { { 'x', values = { 1 }, words = { 1 } } } },", 5,
            { "x: attribute words: expected texts, got a number" } },
        { nil, "    read = { get = '/a', params = { { 'x', type = 'date', also = { { 'none' } } } } },", 5,
            { "x: attribute also: expected texts, got a table" } },
        { nil, "    read = { get = '/a', params = { { 'x', values = { 'a', b = 'c' } } } },", 5,
            { "x: attribute values:" } },
        { nil, "    read = { get = '/a', params = { { 'limit', type = 'string', min = 1, max = 50 } } },", 5,
            { 'limit: unknown attribute "max" of type string, did you mean "max_length"?' } },
        { nil, "    read = { get = '/a', params = { { 'x', type = 'integer' } },\n    example = { x = 'many' } },", 6,
            { 'read.example: x: expected an integer, got a string ("many")' } },
        { nil, "    read = { get = '/a', params = { { 'n', type = 'id', required = true },\n"
            .. "    { 'x', values = { 'on' } } }, example = { x = 'of' } },", 6,
            { "read.example: x: ", 'did you mean "on"?' } },
        { nil, "    add = { post = '/a', write = 'unsafe', params = { { 'x', fields = { { 'n', type = 'id',\n"
            .. "    required = true } } } },\n    example = { x = {} } },", 7, { "add.example: x.n: required" } },
        { nil, "    read = { get = '/a', params = { { 'x', type = 'id', place = 'header', wire = 'a b' } } },", 5,
            { 'read.x: "a b" is no name of a header' } },
    }
    for _, case in ipairs(cases) do
        it("is reported: " .. case[4][1], function()
            local ok, err = pcall(compile, case[1], case[2])
            assert.is_false(ok)
            assert.is_true(errors.is(err), tostring(err))
            assert.equal("invalid", err.kind)
            for _, part in ipairs(case[4]) do assert.matches(part, tostring(err), 1, true) end
            assert.matches(("test.lua:%d: "):format(case[3]), tostring(err), 1, true)
        end)
    end

    it("changes no library but its own", function()
        local text = "string.format, table.sort = nil\n" .. text_of("  titel = 1,")
        local ok, err = pcall(vendor.compile, text, "test.lua")
        assert.is_false(ok)
        assert.matches("titel: no such field", err.message, 1, true)
    end)

    it("is told in one line of UTF-8", function()
        for _, text in ipairs { text_of("  ['a\\nb'] = 1,"), text_of("  ['\255'] = 1,"), "return \255" } do
            local _, err = pcall(vendor.compile, text, "test.lua")
            assert.equal("invalid", err.kind)
            assert.is_truthy(utf8.len(err.message) and not err.message:find "%c")
        end
    end)

    local files = {
        { "return 5", "a definition ends in `return vendor.define" },
        { "", "a definition ends in" },
        { "return vendor.define 'x'", "a definition ends in" },
        { "return vendor.define 'x' {", "test.lua:1: " },
        { "\nerror 'own words'", "test.lua:2: own words" },
        { "return vendor.define 'x' { title = 'X' }", "endpoints is missing" },
        { "return vendor.define 'x' { endpoints = {} }", "title is missing" },
        { "return vendor.define 'x' (5)", "a definition ends in" },
        { "return vendor.define (5) {}", "a definition ends in" },
        { "return vendor.define 'a b' {}", "\"a b\" is no name" },
        { "return vendor.define 'x' { title = 'X', endpoints = { a = { get = '/{' } } }", "endpoints.a" },
        { "return vendor.define 'x' { title = 'X', endpoints = { [1] = { get = '/' } } }", "endpoints" },
    }
    for _, case in ipairs(files) do
        it("in the whole file is reported: " .. case[1], function()
            local ok, err = pcall(vendor.compile, case[1], "test.lua")
            assert.is_false(ok)
            assert.is_true(errors.is(err), tostring(err))
            assert.matches(case[2], tostring(err), 1, true)
        end)
    end
end)
