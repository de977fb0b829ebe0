--- How vendors wrap their answers: accept and complain, for every shape a body may have.

require "spec.support.helper"
local neap = require "neap"

local envelope = require "neap.envelope"
local null = neap.null

local flag = envelope.flag { ok = "SUCCESS", payload = "PAYLOAD", message = "ERR_MSG", code = "CODE" }
local plain = envelope.plain { message = "message", code = "code" }
local member = envelope.plain { message = "text", within = "error", payload = "data" }

local strict = envelope.plain { message = "message", string_fails = true }
local told = envelope.error { field = "Error", message = "message" }
local verdict = envelope.error { field = "Error", ok = "IsSuccess" }

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
        { strict, '[{"a": 1}]', true, { { a = 1 } } },
        { strict, '[]', true, {} },
        { strict, 'null', true, null },
        { strict, 'true', true, true },
        { strict, '{"ResponseCode": 200}', true, { ResponseCode = 200 } },
        { strict, '{}', true, {} },
        { strict, 'false', true, false },
        { strict, '5', true, 5 },
        { strict, '"no such customer"', false, "no such customer" },
        { strict, '""', false, "the reply is an empty text" },
        { told, '{"Error": null}', true, { Error = null } },
        { told, '{"Error": ""}', true, { Error = "" } },
        { told, '{"Error": []}', true, { Error = {} } },
        { told, '{}', true, {} },
        { told, '[1]', true, { 1 } },
        { told, 'null', true, null },
        { told, 'true', true, true },
        { told, '{"Error": "Invalid email"}', false, "Invalid email" },
        { told, '{"Error": ["b", {"z": 1, "a": 2}]}', false, '["b",{"a":2,"z":1}]' },
        { told, '"no"', false, "no" },
        { told, '""', false, "the reply is an empty text" },
        { verdict, '{"IsSuccess": true, "SendID": 7, "Error": null}', true,
            { IsSuccess = true, SendID = 7, Error = null } },
        { verdict, '{"IsSuccess": true, "Error": "no value for NAME"}', true,
            { IsSuccess = true, Error = "no value for NAME" } },
        { verdict, '{"IsSuccess": "True"}', true, { IsSuccess = "True" } },
        { verdict, '{"IsSuccess": false, "Error": "Invalid template"}', false, "Invalid template" },
        { verdict, '{"IsSuccess": "false"}', false, "IsSuccess is false and there is no Error" },
        { verdict, '{"IsSuccess": null}', false, "the reply has no IsSuccess" },
        { verdict, '{"Error": "x"}', false, "the reply has no IsSuccess" },
        { verdict, '[]', false, "the reply has no IsSuccess" },
        { verdict, 'null', false, "the reply has no IsSuccess" },
        { verdict, '"no"', false, "no" },
    }
    for _, case in ipairs(cases) do
        it("reads " .. case[2], function()
            local ok, value, code, foreign = case[1].accept(neap.json.decode(case[2]))
            assert.equal(case[3], ok)
            assert.same(case[4], value)
            assert.equal(case[5], code)
            assert.equal(tostring(value):find "^the reply has no " and true or nil, foreign)
        end)
    end
end)

describe("envelope", function()
    it("says how answers are read", function()
        assert.equal("the body is the payload; a text is the message of a failure", strict.doc)
        assert.equal('the body is the payload; "Error" has the message of a failure, where there is one', told.doc)
        assert.equal('the body is the payload; "Error" has the message of a failure, where "IsSuccess" is false',
            verdict.doc)
    end)

    it("refuses fields that a constructor has not", function()
        assert.error_matches(function() envelope.error { filed = "Error" } end, "did you mean \"field\"")
        assert.error_matches(function() envelope.plain { string_fail = true } end, "did you mean \"string_fails\"")
    end)

    -- constructor, its fields, message
    local wrong = {
        { "plain", { message = 5 }, "envelope.plain: message: a string expected, got a number" },
        { "plain", { string_fails = "x" }, "envelope.plain: string_fails: a boolean expected, got a string" },
        { "plain", { payload = {} }, "envelope.plain: payload: a string expected, got a table" },
        { "plain", { within = true }, "envelope.plain: within: a string expected, got a boolean" },
        { "flag", { ok = true, payload = "p", message = "m" }, "envelope.flag: ok: a string expected, got a boolean" },
        { "flag", { ok = "ok", message = "m" }, "envelope.flag: payload is missing" },
        { "error", { ok = "ok" }, "envelope.error: field is missing" },
        { "error", { field = "e", message = 1 }, "envelope.error: message: a string expected, got a number" },
    }
    for _, case in ipairs(wrong) do
        it("refuses: " .. case[3], function()
            local ok, message = pcall(envelope[case[1]], case[2])
            assert.is_false(ok)
            assert.matches(case[3], message, 1, true)
        end)
    end

    it("of a plain kind may have no field at all", function()
        local bare = envelope.plain {}
        assert.same({ true, 5 }, { bare.accept(5) })
        assert.is_nil(bare.complain { message = "m" })
    end)
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
        { strict, '"just text"', "just text" },
        { strict, '{"status": 429, "message": "later"}', "later" },
        { told, '{"Error": "wrong brand", "message": "m"}', "wrong brand" },
        { told, '{"Error": null, "message": "m"}', "m" },
        { told, '{"Error": [{"a": 1}]}', '[{"a":1}]' },
        { told, '"text"', "text" },
        { told, '5', nil },
        { verdict, '{"IsSuccess": false, "Error": "again"}', "again" },
        { verdict, '{"message": "m"}', nil },
    }
    for _, case in ipairs(cases) do
        it("reads " .. case[2], function()
            local message, code = case[1].complain(neap.json.decode(case[2]))
            assert.equal(case[3], message)
            assert.equal(case[4], code)
        end)
    end
end)
