--- Properties of the loader of definitions. A definition made of bytes is a syntax error; so the input is
-- changes to one that uses all there is, a line each: `endpoints.get.params.1.type = "integer"`. The text
-- behind `=` is a Lua expression, else a string; none removes the field. An input that says
-- vendor.define is a definition as it stands.

local build = require "neap.call.build"
local errors = require "neap.error"
local example = require "neap.cli.describe.example"
local facts = require "neap.cli.describe.facts"
local flow = require "neap.native.flow"
local json = require "neap.native.json"
local vendor = require "neap.vendor"

--- Leaves are Lua expressions.
local function base()
    return {
        title = '"Base"', summary = '"all there is"',
        source = { url = '"https://example.com"', read = '"2026-11-21"' },
        settings = {
            { '"api_key"', type = '"secret"', required = "true" }, { '"tid"', type = '"string"' },
            { '"pause"', type = '"duration"', default = '"5m"', lax = '"below"' },
            { '"where"', values = { '"here"', '"there"' }, default = '"here"' },
            { '"hourly"', type = '"integer"', default = "100" },
        },
        base_url = { by = '"where"', here = '"https://example.com/a"', there = '"http://localhost:1"' },
        auth = {
            head = 'auth.header { name = "X-Key", secret = "api_key" }',
            body = 'auth.body { field = "key", secret = "api_key" }',
            basic = 'auth.basic { user = "tid", secret = "api_key" }',
            bearer = 'auth.bearer { secret = "api_key" }',
        },
        tenant = { name = '"tid"', setting = '"tid"' },
        limits = {
            { rate = '"10/s"', per = '"endpoint"', exempt = { '"get"' } },
            { rate = 'setting "hourly"', per = '"account"', shape = '"window"', doc = '"x"' },
        },
        retry = {
            { on = { "429" }, backoff = '"exponential"', base = '"1s"', max = "60", factor = "2",
                jitter = '"equal"', retries = "8", total = '"1h"' },
            { on = { "502", "503" }, backoff = '"constant"', every = 'setting "pause"', retries = "5", gate = "true" },
        },
        refused = { "401" },
        envelope = 'envelope.flag { ok = "ok", payload = "data", message = "text", code = "code" }',
        endpoints = {
            get = {
                get = '"/things/{id}/"', auth = '"head"', tenant = '"query"', summary = '"Gets"', doc = '"x"',
                params = { { '"id"', type = '"integer"', required = "true", min = "1" } }, returns = '"thing"',
                example = { id = "7" },
            },
            one = {
                post = '"/one/"', write = '"keyed"', params = { { '"tag"', type = '"id"' } },
                batch = { endpoint = '"put"', field = '"tag"', list = '"tags"' },
                job = { id = '"id"', get = '"get"', state = '"state"', done = '"D"', failed = '"F"', url = '"url"' },
            },
            put = {
                post = '"/things/"', auth = '"body"', tenant = '"body"', write = '"idempotent"',
                key = '"data[by]"', key_required = "true",
                params = {
                    { '"data"', open = "true", required = "true", custom_max_length = "9", fields = {
                        { '"sn"', type = '"string"', min_length = "1", max_length = "9", pattern = '"^%w"' },
                        { '"born"', type = '"date"', unpadded = "true", also = { '""' } },
                        { '"seen"', type = '"datetime"', zone = '"required"', zone_form = '"+08:00"' },
                        { '"price"', type = '"decimal"', places = "2", nullable = "true" } } },
                    { '"by"', values = { '"sn"', '"id"' }, default = '"sn"' },
                    { '"tags"', type = '"list"', of = { type = '"string"' }, join = '","', max = "3" },
                    { '"from"', type = '"date"', place = '"query"' }, { '"to"', type = '"date"', wire = '"until"' },
                    { '"who"', either = { { type = '"integer"' }, { fields = { { '"a"', type = '"any"' } } } } },
                },
                rules = {
                    { any_of = { '"tags"', '"who"' }, doc = '"x"' }, { order = { '"from"', '"to"' }, max_days = "31" },
                    { both_or_none = { '"from"', '"to"' } }, { with = { '"who"', '"tags"' } },
                    { recent = { '"from"' }, max_days = "400000" },
                    { check = "function(values) if not values.by then return 'by is required' end end" },
                },
                example = { data = { sn = '"a"' }, tags = { '"b"' } },
            },
        },
    }
end

local function render(node)
    if type(node) == "string" then return node end
    local keys, parts = {}, {}
    for key in pairs(node) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    for i, key in ipairs(keys) do
        local name = type(key) == "number" and ("[%d]"):format(key)
            or key:find "^%l+_?%l*$" and load("local " .. key) and key or ("[%q]"):format(key)
        parts[i] = ("%s = %s,\n"):format(name, render(node[key]))
    end
    return "{\n" .. table.concat(parts) .. "}"
end

local function change(def, path, expression)
    local node, last = def, nil
    for part in path:gmatch "[^.%s]+" do
        if last and type(node[last]) ~= "table" then node[last] = {} end
        node, last = last and node[last] or node, math.tointeger(tonumber(part)) or part
    end
    if not last then return end
    if expression == "" then
        node[last] = nil
    else
        node[last] = load("return " .. expression, "=", "t") and expression or ("%q"):format(expression)
    end
end

local function text_of(input)
    if input:find("vendor.define", 1, true) then return input end
    local def = base()
    for path, expression in input:gmatch "([^\n=]*)=%s*([^\n]*)" do change(def, path, expression) end
    return "return vendor.define 'base' " .. render(def)
end

local function check_error(err)
    assert(errors.is(err), err)
    assert(err.kind == "invalid" and type(err.message) == "string", err)
    assert(utf8.len(err.message) and not err.message:find "[\r\n]", err.message)
end

--- What is accepted can be described and called.
local function check_endpoint(model, endpoint, input)
    assert(endpoint.path:sub(1, 1) == "/" and endpoint.method:find "^%u+$")
    assert(json.encode(facts.endpoint(model, endpoint, example.command(endpoint))))
    local client = { model = model, settings = { tid = "t" }, custom_fields = {}, base_url = "https://example.com",
        prefix = "" }
    for _, params in ipairs { endpoint.example or {}, {}, { data = { sn = "a" }, tags = { "x" } } } do
        local ok, values, err = pcall(build.validate, endpoint, client, params)
        if not ok then -- a check of the definition may raise what it likes
            assert(type(values) == "string" and (values:find "^base.lua:" or input:find "check"), values)
        elseif values then
            assert((build.request(endpoint, client, values)):find("https://example.com/", 1, true))
            if endpoint.key then endpoint.key(values) end
        else
            check_error(err)
        end
    end
end

local function check_rules(model)
    for _, limit in ipairs(model.limits) do
        if not vendor.is_setting(limit.rate) then
            flow.limit { shape = limit.shape or "window", count = limit.rate.count, period = limit.rate.period }
        end
    end
    local rules = {}
    for i, rule in ipairs(model.retry) do -- as in call.lua
        local function seconds(value) return vendor.is_setting(value) and 300 or value end
        rules[i] = {
            status = rule.on, backoff = rule.backoff, factor = rule.factor, jitter = rule.jitter or "none",
            retries = rule.retries, gate = rule.gate, total = seconds(rule.total), max = seconds(rule.max),
            base = seconds(rule.every) or seconds(rule.base),
        }
    end
    flow.policy(rules)
end

return function(input)
    local text = text_of(input)
    local ok, model = pcall(vendor.compile, text, "base.lua")
    if not ok then return check_error(model) end
    assert(json.encode(facts.vendor(model)))
    check_rules(model)
    for _, name in ipairs(model.endpoint_names) do check_endpoint(model, model.endpoints[name], input) end
end
