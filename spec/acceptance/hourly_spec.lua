--- Optimove's limit of 2,000 calls in any hour, over three virtual hours of as many calls as there may be.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"

require "neap"
local json = require "neap.native.json"

local HOUR = 3600000

local SCRIPT = [[
return neap.workflow {
    run = function(ctx)
        local optimove = ctx:vendor "optimove"
        local over, calls, longest = neap.now() + 3 * 3600, 0, 0
        local function read()
            while neap.now() < over do
                assert(optimove:GetActionName { ActionID = 2 })
                calls = calls + 1
            end
        end
        local function mail()
            while neap.now() < over do
                local start = neap.now()
                assert(optimove:SendTransactionalMail {
                    TemplateID = 1, Recipients = { { Email = "a@example.com" } },
                    UniqueMessageID = ("m-%d"):format(start),
                })
                longest = math.max(longest, neap.now() - start)
                neap.sleep(30)
            end
        end
        for _ = 1, 50 do neap.spawn(function() neap.deadline(3 * 3600, read) end) end
        neap.spawn(mail):await()
        return { longest = longest }
    end,
}
]]

describe("three hours of GetActionName from 50 tasks", function()
    local reads, mails, result = {}, 0, nil

    lazy_setup(function()
        local place = acceptance.place()
        result = helper.cli {
            "run", helper.write(place "hours.lua", SCRIPT), "--sandbox", "--clock", "virtual", "--sandbox-log",
            place "log.ndjson",
        }
        for at, status, _, endpoint in acceptance.calls(place "log.ndjson") do
            assert.equal(200, status)
            if endpoint == "GetActionName" then reads[#reads + 1] = at else mails = mails + 1 end
        end
    end)

    it("have at most 2,000 in any hour at the vendor, and use nearly all of them", function()
        assert.equal(0, result.code, result.err)
        local first = 1
        for last, at in ipairs(reads) do
            while reads[first] <= at - HOUR do first = first + 1 end
            assert.is_true(last - first + 1 <= 2000)
        end
        assert.is_true(#reads >= 0.97 * 3 * 2000, #reads .. " calls")
    end)

    it("delay no transactional mail", function()
        assert.equal(360, mails)
        assert.equal(0.0, json.decode(result.out).longest)
    end)
end)
