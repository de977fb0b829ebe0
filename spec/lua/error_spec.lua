--- The one error type: text, kinds, what is shown of it.

require "spec.support.helper"
local neap = require "neap"

local errors = require "neap.error"

describe("an error's text", function()
    -- fields, text
    local cases = {
        { { kind = "network", message = "refused" }, "network: refused" },
        { { kind = "rejected", message = "no", vendor = "acme" }, "acme: rejected: no" },
        { { kind = "rejected", message = "no", vendor = "acme", endpoint = "put", status = 400,
            attempts = { {}, {}, {} } }, "acme.put: rejected: HTTP 400: no (3 sends)" },
        { { kind = "rejected", message = "no", vendor = "acme", endpoint = "put", status = 400, attempts = { {} } },
            "acme.put: rejected: HTTP 400: no" },
        { { kind = "invalid", message = "emial: unknown", hint = 'did you mean "email"?' },
            'invalid: emial: unknown; did you mean "email"?' },
        { { kind = "invalid", message = "unclosed quote", line = 3, column = 7 },
            "invalid: unclosed quote (line 3, column 7)" },
        { { kind = "invalid", message = "line 3, column 7: unclosed", line = 3, column = 7 },
            "invalid: line 3, column 7: unclosed" },
        { { kind = "invalid", message = "unclosed quote", line = 3 }, "invalid: unclosed quote (line 3)" },
        { { kind = "rejected", message = "two\nlines\r\nof text" }, "rejected: two lines of text" },
    }
    for _, case in ipairs(cases) do
        it("is " .. case[2], function() assert.equal(case[2], tostring(errors.new(case[1]))) end)
    end

    it("is what assert raises", function()
        local raised = select(2, pcall(function() error(select(2, errors.fail("limit", "%d left", 0))) end))
        assert.equal("limit: 0 left", tostring(raised))
    end)
end)

describe("neap.error", function()
    it("makes errors in three ways", function()
        local value, err = errors.fail("timeout", "after %g s", 1.5)
        assert.is_nil(value)
        assert.equal("timeout: after 1.5 s", tostring(err))
        local ok, raised = pcall(errors.raise, "bug", "%s", "x")
        assert.is_false(ok)
        assert.equal("bug: x", tostring(raised))
        assert.is_false((pcall(errors.new, { kind = "bug" })))
        assert.is_false((pcall(errors.new, { message = "x" })))
    end)

    it("knows its own, from C too", function()
        assert.is_true(errors.is(errors.new { kind = "bug", message = "x" }))
        local _, err = neap.json.decode "{"
        assert.is_true(errors.is(err))
        for _, other in ipairs { "text", {}, 1, io.stdout, false } do assert.is_false(errors.is(other)) end
        assert.is_false(errors.is(nil))
    end)

    it("makes a bug of anything else that was raised", function()
        local err = errors.new { kind = "auth", message = "x" }
        assert.equal(err, errors.from(err))
        assert.equal("bug: text", tostring(errors.from "text"))
        assert.equal("bug: nil", tostring(errors.from(nil)))
        assert.equal("bug", errors.from({}).kind)
    end)

    it("shows what others may see, in order", function()
        local inner = errors.new { kind = "network", message = "reset", where = "secret place" }
        local err = errors.new {
            kind = "outage", message = "down", status = 503, code = "C1", hint = "wait", cause = inner,
            vendor = "acme", attempts = { {} }, outcome = "not_sent",
        }
        assert.equal('{"kind":"outage","status":503,"code":"C1","message":"down","hint":"wait",'
            .. '"cause":{"kind":"network","message":"reset"}}',
            neap.json.encode(errors.to_table(err), { sorted = true }))
    end)

    it("shows the sends that are a cause", function()
        local err = errors.new { kind = "outage", message = "down", cause = { { at = "t", status = 503, wait = 0 } } }
        local shown = neap.json.decode(neap.json.encode(errors.to_table(err)))
        assert.same({ { at = "t", status = 503, wait = 0 } }, shown.cause)
    end)

    it("finds the script's line", function()
        assert.matches("error_spec.lua:%d+$", errors.caller())
    end)
end)
