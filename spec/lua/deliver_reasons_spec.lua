--- Why records were not delivered: what counts as one reason, and which is told.

require "neap"
local errors = require "neap.error"
local reasons = require "neap.deliver.reasons"

--- The most frequent reason of errors of one kind with these messages.
local function most(kind, messages, status)
    local counted = reasons.new()
    for _, message in ipairs(messages) do
        counted:count(errors.new { kind = kind, message = message, status = status })
    end
    return counted:most()
end

describe("reasons", function()
    it("are none without errors", function() assert.is_nil(most("invalid", {})) end)

    it("are told as they are where all are equal, the first of the most frequent", function()
        assert.same({ message = 'age: "x" is no integer', count = 2 },
            most("invalid", { "b", 'age: "x" is no integer', 'age: "x" is no integer', "c", "c" }))
    end)

    it("of Neap's own do not differ by values", function()
        for _, case in ipairs {
            { 'age: "..." is no integer', { 'age: "x" is no integer', 'age: "y \\" z" is no integer' } },
            { "age: expected an integer, got ...", { "age: expected an integer, got 1.5",
                "age: expected an integer, got 22" } },
            { "customer ...: ... values for ... attributes", { "customer 00000001: 5 values for 4 attributes",
                "customer 00000002: 6 values for 4 attributes" } },
            { "items[...].id: required", { "items[1].id: required", "items[2].id: required" } },
        } do
            for _, kind in ipairs { "invalid", "decode" } do
                assert.same({ message = case[1], count = 2 }, most(kind, case[2]))
            end
        end
    end)

    it("differ by the target, also by digits in its name, and by what is wrong with it", function()
        for _, messages in ipairs {
            { 'age: "x" is no integer', 'size: "x" is no integer' },
            { "attribute_1: required", "attribute_2: required" },
            { 'age: "x" is no integer', 'age: "x" is no boolean' },
        } do
            assert.same({ message = messages[1], count = 1 }, most("invalid", messages))
        end
    end)

    it("of vendors and scripts are their own words", function()
        for _, case in ipairs { { "rejected" }, { "outage", 503 }, { "invalid", 400 } } do
            assert.same({ message = "code 17", count = 1 }, most(case[1], { "code 17", "code 18" }, case[2]))
        end
    end)

    it("are told apart up to a thousand, those known are counted on", function()
        local messages = {}
        for i = 1, 1500 do messages[i] = "no " .. i end
        for _ = 1, 3 do messages[#messages + 1] = "no 1200" end
        messages[#messages + 1] = "no 7"
        assert.same({ message = "no 7", count = 2 }, most("rejected", messages))
    end)
end)
