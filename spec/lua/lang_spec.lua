local lang = require "neap.lang"

--- Runs one case per entry: { input, wanted value(s), or message }.
local function cases(of, title, list, run)
    describe(of, function()
        for _, case in ipairs(list) do
            it(("%s %q"):format(title, tostring(case[1]):sub(1, 40)), function() run(case) end)
        end
    end)
end

describe("neap.lang", function()
    cases("duration", "reads", {
        { "5m", 300 }, { "1.5s", 1.5 }, { "250ms", 0.25 }, { "2h", 7200 }, { "1d", 86400 },
        { "90", 90 }, { "0", 0 }, { "0s", 0 }, { 90, 90 }, { 0.5, 0.5 }, { 300.0, 300 },
    }, function(case)
        local seconds, message = lang.duration(case[1])
        assert.equal(case[2], seconds)
        assert.is_nil(message)
        assert.equal(math.type(case[2]), math.type(seconds))
    end)

    local hint = ' is no duration: expected a number with ms, s, m, h or d, such as "5m"'
    cases("duration", "refuses", {
        { "5x", '"5x"' .. hint }, { "", '""' .. hint }, { "-1s", '"-1s"' .. hint },
        { "m", '"m"' .. hint }, { "1e5", '"1e5"' .. hint }, { " 5m", '" 5m"' .. hint },
        { "5 m", '"5 m"' .. hint }, { "5m3", '"5m3"' .. hint }, { ".5s", '".5s"' .. hint },
        { ("9"):rep(400) .. "d", '"' .. ("9"):rep(60) .. '..."' .. hint },
        { -1, "-1 is no duration: expected zero or more seconds" },
        { math.huge, "inf is no duration: expected zero or more seconds" },
        { 1e300, "1e+300 is too long for a duration: at most 1000000000 seconds" },
        { "11575d", '"11575d" is too long for a duration: at most 1000000000 seconds' },
        { "10000000000005477d", '"10000000000005477d" is too long for a duration: at most 1000000000 seconds' },
        { true, "expected a duration, got a boolean" },
    }, function(case)
        local seconds, message = lang.duration(case[1])
        assert.is_nil(seconds)
        assert.equal(case[2], message)
    end)

    cases("rate", "reads", {
        { "10/s", 10, 1 }, { "2000/h", 2000, 3600 }, { "50/10s", 50, 10 }, { "600/min", 600, 60 },
        { "1/500ms", 1, 0.5 }, { "5/day", 5, 86400 }, { "7/2m", 7, 120 }, { "1/second", 1, 1 },
    }, function(case)
        assert.same({ count = case[2], period = case[3] }, lang.rate(case[1]))
    end)

    cases("rate", "refuses", {
        { "10" }, { "0/s" }, { "-1/s" }, { "1.5/s" }, { "5/0s" }, { "/s" }, { "10/" }, { "10/x" },
        { "10 / s" }, { "99999999999999999999/s" }, { "" }, { ("1"):rep(100000) },
    }, function(case)
        local rate, message = lang.rate(case[1])
        assert.is_nil(rate)
        assert.matches(' is no rate: expected a count, "/" and a period', message, 1, true)
        assert.is_true(#message < 200)
    end)

    cases("date", "reads", {
        { "2018-03-01", 2018, 3, 1 }, { "2020-02-29", 2020, 2, 29 }, { "2000-02-29", 2000, 2, 29 },
        { "1970-12-31", 1970, 12, 31 }, { "0001-01-01", 1, 1, 1 },
    }, function(case)
        assert.same({ year = case[2], month = case[3], day = case[4] }, lang.date(case[1]))
    end)

    cases("date", "refuses", {
        { "2020-13-01", '"2020-13-01" is no date: month 13' },
        { "2020-00-01", '"2020-00-01" is no date: month 0' },
        { "2020-01-00", '"2020-01-00" is no date: day 0' },
        { "2021-02-29", '"2021-02-29" is no date: day 29, but 2021-02 has 28 days' },
        { "1900-02-29", '"1900-02-29" is no date: day 29, but 1900-02 has 28 days' },
        { "2020-04-31", '"2020-04-31" is no date: day 31, but 2020-04 has 30 days' },
        { "0000-01-01", '"0000-01-01" is no date: year 0000' },
        { "2020-1-1", '"2020-1-1" is no date: expected YYYY-MM-DD' },
        { "2020/01/01", '"2020/01/01" is no date: expected YYYY-MM-DD' },
        { "2020-01-01T00:00:00", '"2020-01-01T00:00:00" is no date: expected YYYY-MM-DD' },
        { "", '"" is no date: expected YYYY-MM-DD' },
        { 20200101, "expected a date, got a number" },
    }, function(case)
        local date, message = lang.date(case[1])
        assert.is_nil(date)
        assert.equal(case[2], message)
    end)

    it("reads unpadded dates on request", function()
        local loose = { unpadded = true }
        assert.same({ year = 2020, month = 11, day = 1 }, lang.date("2020-11-1", loose))
        assert.is_nil(lang.date("2020-11-31", loose))
        assert.is_nil(lang.date("20-1-1", loose))
    end)

    cases("days_between", "counts from", {
        { "2020-01-01", "2020-01-01", 0 }, { "2020-02-28", "2020-03-01", 2 },
        { "2021-02-28", "2021-03-01", 1 }, { "1999-12-31", "2000-01-01", 1 },
        { "2020-03-01", "2020-02-01", -29 }, { "1970-01-01", "2026-11-21", 20778 },
        { "2020-1-1", "2020-12-31", 365 }, { "1600-01-01", "2000-01-01", 146097 },
    }, function(case)
        assert.equal(case[3], lang.days_between(case[1], case[2]))
    end)

    it("says which date is none", function()
        local days, message = lang.days_between("2020-01-01", "2020-02-30")
        assert.is_nil(days)
        assert.equal('"2020-02-30" is no date: day 30, but 2020-02 has 29 days', message)
    end)

    cases("datetime", "reads", {
        { "2020-06-04T08:30:37.5+08:00", 37.5, "+08:00", "+08:00", 480, "T" },
        { "2024-07-15T09:51:23+0800", 23, "+0800", "+0800", 480, "T" },
        { "2024-05-01 12:00:00+08", 0, "+08", "+08", 480, " " },
        { "2024-05-01 12:00:00", 0, nil, nil, nil, " " },
        { "2025-12-01 00:00", 0, nil, nil, nil, " " },
        { "2024-05-01T12:00:59Z", 59, "Z", "Z", 0, "T" },
        { "2024-05-01T12:00:00-03:30", 0, "-03:30", "+08:00", -210, "T" },
    }, function(case)
        local t = assert(lang.datetime(case[1]))
        assert.same({ case[2], case[3], case[4], case[5], case[6] },
            { t.sec, t.zone, t.zone_form, t.offset, t.separator })
    end)

    cases("datetime", "refuses", {
        { "2024-05-0112:00:00", "expected YYYY-MM-DDThh:mm:ss" },
        { "2024-05-01-12:00:00+08", "expected YYYY-MM-DDThh:mm:ss" },
        { "2024-05-01t12:00:00", "expected YYYY-MM-DDThh:mm:ss" },
        { "2024-05-01T12:00:00+8", "expected YYYY-MM-DDThh:mm:ss" },
        { "2024-05-01", "expected YYYY-MM-DDThh:mm:ss" },
        { "2024-05-01T24:00:00", "hour 24" }, { "2024-05-01T12:60:00", "minute 60" },
        { "2024-05-01T12:00:60", "second 60" },
        { "2024-02-30T12:00:00", "day 30, but 2024-02 has 29 days" },
        { "2024-05-01T12:00:00+24:00", "zone +24:00" },
        { "2024-05-01T12:00:00+0860", "zone +0860" },
    }, function(case)
        local t, message = lang.datetime(case[1])
        assert.is_nil(t)
        assert.equal(('"%s" is no date with time: %s'):format(case[1], case[2]), message)
    end)

    it("gets the instant of a date with time", function()
        assert.equal(1721008283, lang.instant(lang.datetime("2024-07-15T09:51:23+0800")))
        assert.equal(1721008283.5, lang.instant(lang.datetime("2024-07-15 01:51:23.5")))
    end)

    it("decides common dates as the full reader does", function()
        for year = 1999, 2004 do
            for month = 0, 13 do
                for day = 0, 32 do
                    local text = ("%04d-%02d-%02d"):format(year, month, day)
                    local read = lang.date(text) ~= nil
                    if month == 2 and day == 29 then read = false end
                    assert.equal(read, lang.is_common_date(text), text)
                end
            end
        end
    end)

    it("decides common dates with time as the full reader does", function()
        local zones = { "", "Z", "+08", "+0800", "-08:00", "+24", "-0060", "z", "+8", "+23:59" }
        for hour = 22, 25 do
            for _, tail in ipairs { "", ":00", ":59.25", ":59.99999999999999999999", ":60", ":5", ":00." } do
                for _, zone in ipairs(zones) do
                    local text = ("2020-01-31T%02d:59%s%s"):format(hour, tail, zone)
                    local read = lang.datetime(text)
                    local form = read and (read.zone_form or "none") or nil
                    assert.equal(form, lang.common_zone_form(text), text)
                end
            end
        end
    end)

    cases("in_zone_form", "writes", {
        { "2024-05-01T12:00:00+08:00", "+0800", "2024-05-01T12:00:00+0800" },
        { "2024-05-01 12:00+0800", "+08", "2024-05-01 12:00:00+08" },
        { "2024-05-01T12:00:00.250-03:30", "+0800", "2024-05-01T12:00:00.250-0330" },
        { "2024-05-01T12:00Z", "+08:00", "2024-05-01T12:00:00+00:00" },
        { "2024-05-01 12:00:00+08", "+0800", "2024-05-01T12:00:00+0800" },
        { "2024-05-01 12:00:00", "+0800", "2024-05-01T12:00:00" },
        { "2024-05-01T12:00:00-00", "Z", "2024-05-01T12:00:00Z" },
        { "2024-05-01T12:00:00Z", "Z", "2024-05-01T12:00:00Z" },
        { "2024-05-01T12:00", "+08", "2024-05-01T12:00:00" },
        { "2024-05-01T12:00:00-03:30", "+08", nil }, { "2024-05-01T12:00:00+08", "Z", nil },
        { "2024-05-01T12:00:00+00:30", "Z", nil },
    }, function(case)
        assert.equal(case[3], (lang.in_zone_form(case[1], case[2])))
        if not case[3] then return end
        assert.equal(lang.instant(lang.datetime(case[1])), lang.instant(lang.datetime(case[3])))
    end)

    cases("http_date", "reads", {
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994", 784111777 },
        { "Sun Nov 16 08:49:37 1994", 784975777 },
        { " Sun, 06 Nov 1994 08:49:37 GMT\t", 784111777 },
        { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 },
        { "Saturday, 21-Nov-26 00:00:00 GMT", 1795219200 },
        { "Sun, 06 Nov 1994 08:49:37 PST", nil }, { "Sun, 31 Feb 1994 08:49:37 GMT", nil },
        { "Sun, 06 Nov 1994 25:49:37 GMT", nil }, { "1994-11-06T08:49:37Z", nil }, { "", nil },
        { "Sun, 6 Nov 1994 08:49:37 GMT", nil }, { ("Sun, "):rep(100000), nil },
    }, function(case)
        assert.equal(case[2], lang.http_date(case[1]))
    end)

    it("keeps two-digit years within 50 years", function()
        local function year(short, now)
            local text = ("Saturday, 21-Nov-%s 00:00:00 GMT"):format(short)
            return os.date("!%Y", lang.http_date(text, now))
        end
        local in_2026, in_2080 = 1795219200, 3471292800
        assert.equal("2076", year("76", in_2026))
        assert.equal("1977", year("77", in_2026))
        assert.equal("2110", year("10", in_2080))
    end)

    local date = "Sat, 21 Nov 2026 10:00:00 GMT"
    local at = 1795255200
    cases("retry_after", "judges", {
        { "120", date, 0, 120 }, { "0", nil, 0, 0 }, { " 7 ", nil, 0, 7 },
        { "Sat, 21 Nov 2026 10:05:00 GMT", date, 5, 300 },
        { "Sat, 21 Nov 2026 10:05:00 GMT", nil, at + 240, 60 },
        { "Sat, 21 Nov 2026 10:05:00 GMT", "yesterday", at + 240, 60 },
        { "Saturday, 21-Nov-26 10:00:01 GMT", date, at, 1 },
        { "Sat Nov 21 10:00:02 2026", date, at, 2 },
        { "Sat, 21 Nov 2026 09:00:00 GMT", date, 0, 0 },
        { ("9"):rep(400), nil, 0, 1000000000 },
        { "-1", date, 0, nil }, { "1.5", date, 0, nil }, { "soon", date, 0, nil },
        { "", date, 0, nil },
        { "120, 60", date, 0, nil }, { "0x10", date, 0, nil }, { (" "):rep(100000), date, 0, nil },
    }, function(case)
        assert.equal(case[4], lang.retry_after(case[1], case[2], case[3]))
    end)

    it("takes an absent Retry-After for none", function()
        assert.is_nil(lang.retry_after(nil, date, 0))
    end)

    cases("links", "reads", {
        { '<https://a/b?x=1,2>; rel="next"', { next = "https://a/b?x=1,2" } },
        { '</2>; rel="next prefetch"; title="a, <b>; \\"c\\""', { next = "/2", prefetch = "/2" } },
        { '</1>; rel=first, </2>;rel=NEXT , </9>; REL="last"',
            { first = "/1", next = "/2", last = "/9" } },
        { '</1>; rel=next, </2>; rel=next', { next = "/1" } },
        { '</1>; rel=next; rel=prev', { next = "/1" } },
        { '</1>; rel=next; anchor="/x"', {} }, { '</1>', {} }, { "", {} }, { ", ,", {} },
        { 'junk, </2>; rel=next', { next = "/2" } }, { '"a, <x>; rel=next', {} },
        { '</2; rel=next', {} }, { '<>; rel=next', { next = "" } },
        { "</2> ; rel = next ; media ; x*=UTF-8''a", { next = "/2" } },
        { '</2>; rel="next', {} }, { "< /2 >; rel=next", { next = "/2" } },
    }, function(case)
        assert.same(case[2], lang.links(case[1]))
    end)

    it("takes several Link headers, or none", function()
        assert.same({ next = "/2", prev = "/1" }, lang.links { "</2>;rel=next", "</1>;rel=prev" })
        assert.same({}, lang.links(nil))
    end)

    it("survives hostile Link headers", function()
        local hostile = {
            ("<a>;rel=x,"):rep(20000), ("<a>;"):rep(50000), ('"'):rep(50000), ('"\\"'):rep(50000),
            '<a>;rel="' .. ("\\a"):rep(50000), ("<,"):rep(50000), ("<a" .. (" "):rep(50)):rep(2000),
            '<a>;a="' .. ('\\"'):rep(50000), (" "):rep(100000), ("<a>" .. (" "):rep(100)):rep(1000),
        }
        for _, header in ipairs(hostile) do
            assert.is_table(lang.links(header))
        end
    end)

    describe("template", function()
        it("names its parameters and its prefix", function()
            local template = lang.template("/a/{x}/b/{y}")
            assert.same({ "x", "y" }, template.names)
            assert.equal("/a/", template.prefix)
            assert.same({}, lang.template("/ping").names)
            assert.equal("/ping", lang.template("/ping"):expand {})
        end)

        it("encodes each value", function()
            local template = lang.template("/a/{x}/{y}/")
            local path = template:expand { x = 7519, y = "a/b é?#%" }
            assert.equal("/a/7519/a%2Fb%20%C3%A9%3F%23%25/", path)
            assert.equal("/a/~-_./true/", template:expand { x = "~-_.", y = true })
        end)

        it("refuses values that change the path", function()
            local template = lang.template("/a/{id}/")
            for _, case in ipairs {
                { nil, "id: required" }, { "", 'id: "" cannot be part of a path' },
                { ".", 'id: "." cannot be part of a path' },
                { "..", 'id: ".." cannot be part of a path' },
            } do
                local path, message = template:expand { id = case[1] }
                assert.is_nil(path)
                assert.equal(case[2], message)
            end
        end)

        it("refuses malformed templates", function()
            for _, text in ipairs { "/x/{", "/x/}", "/{}/", "/{a/b}/", "/{{a}}/" } do
                local template, message = lang.template(text)
                assert.is_nil(template)
                local rule = '"%s" is no path template: expected parameters as {name}'
                assert.equal(rule:format(text), message)
            end
        end)
    end)

    it("splits delimited lists", function()
        assert.same({ "a", "", "b", "" }, lang.split("a;;b;", ";"))
        assert.same({ "a.b" }, lang.split("a.b", ","))
        assert.same({ "a", "b" }, lang.split("a%%b", "%%"))
        assert.same({}, lang.split("", ";"))
        assert.has_error(function() lang.split("a", "") end)
    end)

    describe("path", function()
        local params = {
            data = { email = "x@y", id = 0, empty = "", parts = { b = 2, a = 1 } }, merge_key = "email", customerId = 5,
            rows = { { id = "R" }, { id = "S" } }, digits = { ["1"] = "name" },
        }

        it("gets the value it leads to", function()
            for _, case in ipairs {
                { "customerId", 5, { "customerId" } }, { "data.email", "x@y", { "data.email" } },
                { "data[merge_key]", "x@y", { "data", "merge_key" } },
                { "data.id", 0, { "data.id" } },
                { "data.none", nil, { "data.none" } }, { "none.email", nil, { "none.email" } },
                { "data.email.x", nil, { "data.email.x" } }, { "customerId[merge_key]", nil, nil },
                { "data[none]", nil, nil }, { "$top", nil, { "$top" } },
                { "data.email + customerId", "x@y\0005", { "data.email", "customerId" } },
                { "data.email + none", nil, { "data.email", "none" } },
                { "none or data.empty or customerId", 5, { "none", "data.empty", "customerId" } },
                { "none + customerId or data[merge_key]", "x@y", { "none", "customerId", "data", "merge_key" } },
                { "rows.1.id", "R", { "rows.1.id" } }, { "rows.2.id", "S" }, { "rows.3.id", nil }, { "rows.0", nil },
                { "digits.1", "name", { "digits.1" } },
                { "data.parts", '{"a":1,"b":2}', { "data.parts" } }, { "data.none or none", nil, nil },
            } do
                local get, reads = lang.path(case[1])
                assert.equal(case[2], get(params), case[1])
                if case[3] then assert.same(case[3], reads) end
            end
        end)

        it("refuses what is no path", function()
            for _, text in ipairs { "", "a.", ".a", "a[", "a[]", "a[b", "a]b", "a b", "a[b[c]]",
                "a +", "a + + b", "a or", "or a", "a+ b c" } do
                local get, message = lang.path(text)
                assert.is_nil(get)
                assert.matches("is no path: expected a name such as data.id", message, 1, true)
            end
        end)
    end)

    it("quotes values on one line, cut between characters", function()
        local quote = require "neap.lang.quote"
        assert.equal('"a\\nb\\x00"', quote("a\nb\0"))
        assert.equal('"' .. ("x"):rep(59) .. '..."', quote(("x"):rep(59) .. "é" .. ("y"):rep(9)))
        assert.equal('"' .. ("x"):rep(60) .. '"', quote(("x"):rep(60)))
        assert.equal('"\\xff"', quote("\xff"))
    end)
end)
