--- How vendors wrap their answers: accept and complain, for every shape a body may have.

require "spec.support.helper"
local neap = require "neap"

local envelope = require "neap.envelope"
local null = neap.null

local flag = envelope.flag { ok = "SUCCESS", payload = "PAYLOAD", message = "ERR_MSG", code = "CODE" }
local plain = envelope.plain { message = "message", code = "code" }
local member = envelope.plain { message = "text", within = "error", payload = "data" }

describe("envelope.accept", function()
    -- envelope, body as JSON, ok, payload or message, code
    local cases = {
        { flag, '{"SUCCESS": true, "PAYLOAD": [1]}', true, { 1 } },
        { flag, '{"SUCCESS": true, "PAYLOAD": null}', true, null },
        { flag, '{"SUCCESS": true, "PAYLOAD": false}', true, false },
        { flag, '{"SUCCESS": true}', true, null },
        { flag, '{"SUCCESS": false, "ERR_MSG": "no", "CODE": 7}', false, "no", 7 },
        { flag, '{"SUCCESS": false, "ERR_MSG": "no", "CODE": null}', false, "no", nil },
        { flag, '{"SUCCESS": false}', false, "SUCCESS is false and there is no ERR_MSG" },
        { flag, '{"SUCCESS": false, "ERR_MSG": {"a": 1}}', false, "SUCCESS is false and there is no ERR_MSG" },
        { flag, '{"SUCCESS": "true"}', false, "the reply has no SUCCESS" },
        { flag, '{"SUCCESS": null}', false, "the reply has no SUCCESS" },
        { flag, '{}', false, "the reply has no SUCCESS" },
        { flag, '[]', false, "the reply has no SUCCESS" },
        { flag, '"ok"', false, "the reply has no SUCCESS" },
        { flag, 'null', false, "the reply has no SUCCESS" },
        { plain, '{"message": "fine"}', true, { message = "fine" } },
        { plain, '[]', true, {} },
        { plain, 'null', true, null },
        { plain, 'false', true, false },
        { plain, '"text"', true, "text" },
        { member, '{"data": {"a": 1}, "meta": 2}', true, { a = 1 } },
        { member, '{"data": null}', true, null },
        { member, '{}', true, null },
    }
    for _, case in ipairs(cases) do
        it("reads " .. case[2], function()
            local ok, value, code = case[1].accept(neap.json.decode(case[2]))
            assert.equal(case[3], ok)
            assert.same(case[4], value)
            assert.equal(case[5], code)
        end)
    end
end)

describe("envelope.complain", function()
    -- envelope, body, message, code
    local cases = {
        { flag, '{"ERR_MSG": "bad", "CODE": "E1"}', "bad", "E1" },
        { flag, '{"ERR_MSG": ""}', nil },
        { flag, '[]', nil },
        { flag, '"text"', nil },
        { plain, '{"message": "bad", "code": 5}', "bad", 5 },
        { plain, '{"message": 5}', nil },
        { plain, '"just text"', "just text" },
        { plain, 'null', nil },
        { member, '{"error": {"text": "inner"}}', "inner" },
        { member, '{"error": "flat"}', "flat" },
        { member, '{"other": 1}', nil },
    }
    for _, case in ipairs(cases) do
        it("reads " .. case[2], function()
            local message, code = case[1].complain(neap.json.decode(case[2]))
            assert.equal(case[3], message)
            assert.equal(case[4], code)
        end)
    end
end)
