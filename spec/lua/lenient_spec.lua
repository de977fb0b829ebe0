--- neap.lang.lenient: times as vendors really write them.

require "spec.support.helper"
local lenient = require "neap.lang.lenient"

describe("lenient.instant", function()
    local second = 1672603200 -- 2023-01-01T20:00:00Z

    local readable = {
        ["2023-01-01T20:00:00Z"] = second, ["2023:01:01T20:00:00Z"] = second, ["2023/01/01 20:00"] = second,
        ["2023.1.1_20:00:00"] = second, ["2023:01:01 20:00:00.5Z"] = second + 0.5,
        ["2023:01:01T20:00:00+07:00"] = second - 7 * 3600, ["2023:01:01t20:00:00z"] = second,
        ["2023-01-01T20:00:00+0700"] = second - 7 * 3600, ["2023:01:01 20:00:00 +07"] = second - 7 * 3600,
        ["2023-01-01"] = second - 20 * 3600, ["2023:01:01"] = second - 20 * 3600, [" 2023-1-1 "] = second - 20 * 3600,
    }
    for text, wanted in pairs(readable) do
        it(("reads %q"):format(text), function() assert.equal(wanted, lenient.instant(text)) end)
    end

    local unreadable = {
        "", "2023", "2023:13:01T20:00:00Z", "2023:02:29", "2023:01:01T25:00:00Z", "2023-01-0120:00", "23:01:01",
        "2023-01:01", "2023:01:01T", "2023:01:01Z", "tomorrow", "2023:01:01T20:00:00 UTC", "2023:001:01",
    }
    for _, text in ipairs(unreadable) do
        it(("does not read %q"):format(text), function() assert.is_nil(lenient.instant(text)) end)
    end

    it("does not read what is no text", function()
        for _, value in ipairs { 5, true, {} } do assert.is_nil(lenient.instant(value)) end
        assert.is_nil(lenient.instant(nil))
    end)
end)
