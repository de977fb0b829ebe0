--- The rules across fields: each kind, with names at the top and within objects.

require "spec.support.helper"
require "neap"
local clock = require "neap.native.clock"
local null = require "neap.null"
local rules = require "neap.call.rules"
local schema = require "neap.schema"

local function day(distance)
    return clock.iso(clock.wall_ms() + distance * 86400000):sub(1, 10)
end

local function faults_of(rule, values, earlier)
    local faults = earlier or {}
    rules.check({ rule }, values, faults)
    return schema.format_faults(faults)
end

local any = { any_of = { "email", "data.phone" } }
local inner = { any_of = { "data.a", "data.b" } }
local with = { with = { "data.id", "data.system" } }
local both = { both_or_none = { "data.from", "to" } }
local order = { order = { "data.from", "to" } }
local span = { order = { "data.from", "to" }, max_days = 31 }
local recent = { recent = { "from", "to" }, max_days = 30 }

local function two(from, to)
    return { data = { from = from }, to = to }
end

describe("a rule", function()
    local cases = {
        { "any_of", any, {}, "one of email or data.phone is required" },
        { "any_of", any, { email = "", data = { phone = null } }, "one of email or data.phone is required" },
        { "any_of", any, { data = { phone = "1" } }, "" }, { "any_of", any, { email = false }, "" },
        { "any_of", inner, { data = {} }, "one of data.a or data.b is required" },
        { "any_of of an object that is absent", inner, {}, "" }, { "any_of", inner, { data = { b = 0 } }, "" },
        { "with", with, { data = { id = "1" } }, 'data.system: required with data.id "1"' },
        { "with", with, { data = { id = 1, system = "" } }, "data.system: required with data.id 1" },
        { "with", with, { data = { id = "1", system = "s" } }, "" }, { "with", with, { data = { system = "s" } }, "" },
        { "with", with, { data = { id = { 1 } } }, "data.system: required with data.id" },
        { "both_or_none", both, two "a", 'to: required with data.from "a": both or none' },
        { "both_or_none", both, { to = "b" }, 'data.from: required with to "b": both or none' },
        { "both_or_none", both, two("a", "b"), "" }, { "both_or_none", both, {}, "" },
        { "order", order, two("2026-10-02", "2026-10-01"), 'to: "2026-10-01" is before data.from "2026-10-02"' },
        { "order", order, two("2026-10-2", "2026-10-1"), 'to: "2026-10-1" is before data.from "2026-10-2"' },
        { "order of equal dates", order, two("2026-10-01", "2026-10-1"), "" },
        { "order of equal times", order, two("2026-10-01T08:00:00+08", "2026-10-01T00:00:00Z"),
            'to: "2026-10-01T00:00:00Z" is not later than data.from "2026-10-01T08:00:00+08"' },
        { "order of times", order, two("2026-10-01T08:00:00+08:00", "2026-10-01T00:00:00.5Z"), "" },
        { "order of times without zones", order, two("2026-10-01 08:00", "2026-10-01 07:59"),
            'to: "2026-10-01 07:59" is not later than data.from "2026-10-01 08:00"' },
        { "order of what cannot be compared", order, two("2026-10-01 08:00", "2026-10-01 07:59Z"), "" },
        { "order of a date and a time", order, two("2026-10-01", "2026-10-01 00:00:00"), "" },
        { "order of a time and a date", order, two("2026-10-02 00:00:00", "2026-10-01"),
            'to: "2026-10-01" is before data.from "2026-10-02 00:00:00"' },
        { "order of what is none", order, two("x", 5), "" }, { "order of one", order, two("2026-10-02", null), "" },
        { "max_days", span, two("2026-10-01", "2026-11-02"),
            'to: "2026-11-02" is 32 days after data.from "2026-10-01", at most 31 are allowed' },
        { "max_days", span, two("2026-10-01", "2026-11-01"), "" },
        { "max_days of times", span, two("2026-10-01T00:00:00Z", "2026-11-01T00:00:01Z"),
            'to: "2026-11-01T00:00:01Z" is 32 days after data.from "2026-10-01T00:00:00Z", at most 31 are allowed' },
        { "recent", recent, { from = day(-31), to = day(1) }, "" },
        { "recent", recent, { from = day(-32), to = day(3) },
            ('from: "%s" is 32 days ago, it must be within the last 30 days; '):format(day(-32))
                .. ('to: "%s" is 3 days ahead, it must be within the last 30 days'):format(day(3)) },
        { "recent", recent, { from = "x" }, "" },
        { "check", { check = function() return "no" end }, {}, "no" },
        { "check", { check = function(values, fault)
            fault("data.a", ("%s is odd"):format(values.a), "try 2")
            fault("b", "missing")
        end }, { a = 1 }, "data.a: 1 is odd, try 2; b: missing" },
    }
    for i, case in ipairs(cases) do
        it(("%d: %s"):format(i, case[1]), function() assert.equal(case[4], faults_of(case[2], case[3])) end)
    end

    it("by a function is not asked where types are wrong, declared ones are", function()
        local earlier = { { path = "email", message = "wrong" } }
        local function never() error "asked" end
        assert.equal("email: wrong; one of email or data.phone is required",
            faults_of({ check = never, any_of = any.any_of }, {}, earlier))
    end)

    it("reads in words", function()
        local params = schema.compile({
            { "data", type = "object", fields = { { "from", type = "datetime" }, { "to", type = "datetime" } } },
            { "from", type = "date" }, { "to", type = "date" },
        }, "x")
        local words = {
            { any, "one of email or data.phone is required" }, { with, "data.id needs data.system as well" },
            { both, "data.from and to go together: both or none" }, { span, "to is not before data.from, at most 31 "
                .. "days apart" }, { { order = { "data.from", "data.to" } }, "data.to is later than data.from" },
            { recent, "from and to lie within the last 30 days" }, { { check = print, doc = "a is odd" }, "a is odd" },
            { { check = print }, "parameters are checked against each other" },
        }
        for _, case in ipairs(words) do assert.equal(case[2], rules.describe(case[1], params)) end
    end)
end)
