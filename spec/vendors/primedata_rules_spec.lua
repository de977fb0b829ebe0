--- PrimeData: every rule of the vendor refuses a call before it is sent, naming field, value and rule, and lets the
--- nearest right call pass. Facts: the vendor's page of the API.

require "spec.support.helper"
local definition = require "spec.support.definition"

local null = require "neap.null"

local EITHER = "one of identities or profile_id is required"
local BOTH = { "get_profile", "list_events" }
local EVENTS = { "list_events" }

--- endpoints, what is wrong, its refusal, what is right
local RULES = {
    { BOTH, {}, EITHER, { profile_id = "x" } },
    { BOTH, { profile_id = null }, "profile_id: expected a string, got null; " .. EITHER, { profile_id = "x" } },
    { BOTH, { profile_id = "" }, "profile_id: empty; " .. EITHER, { profile_id = "x" } },
    { BOTH, { profile_id = 7 }, "profile_id: expected a string, got a number (7)", { profile_id = "7" } },
    { BOTH, { identities = {} }, "identities: empty, at least one identity is needed",
        { identities = { a = { "1" } } } },
    { BOTH, { profile_id = "x", identities = {} }, "identities: empty, at least one identity is needed",
        { profile_id = "x", identities = { email = { "a@b" } } } },
    { BOTH, { identities = { email = {} } }, "identities.email: 0 items, at least 1 are needed",
        { identities = { email = { "a@b" } } } },
    { BOTH, { identities = { email = "a@b" } }, 'identities.email: expected a list of ids, got a string ("a@b")',
        { identities = { email = { "a@b" } } } },
    { BOTH, { identities = { email = { "" } } }, "identities.email[1]: empty", { identities = { email = { "0" } } } },
    { BOTH, { identities = { crm_user_id = { 1.5 } } },
        "identities.crm_user_id[1]: expected a string or an integer, got a number (1.5)",
        { identities = { crm_user_id = { 1.0 } } } },
    { BOTH, { identities = { email = { true } } },
        "identities.email[1]: expected a string or an integer, got a boolean (true)",
        { identities = { email = { "x" } } } },
    { BOTH, { identities = { "a@b" } }, "identities: expected an object, got a list",
        { identities = { x = { "a@b" } } } },
    { BOTH, { profile_id = "x", include = {} }, "include: 0 items, at least 1 are needed",
        { profile_id = "x", include = { "OrderCompleted" } } },
    { BOTH, { profile_id = "x", include = { 5 } }, "include[1]: expected a string, got a number (5)",
        { profile_id = "x", include = { "5" } } },
    { BOTH, { profile_id = "x", include = "ltv" }, 'include: expected a list of strings, got a string ("ltv")',
        { profile_id = "x", include = { "ltv" } } },
    { BOTH, { profile_ID = "x" }, 'profile_ID: unknown name, did you mean "profile_id"?; ' .. EITHER,
        { profile_id = "x" } },
    { BOTH, { profile_id = "x", api_key = "k" },
        "api_key: a setting, not a parameter: use --set primedata.api_key=env:NAME", { profile_id = "x" } },
    { { "get_profile" }, { profile_id = "x", type = { "traits" } },
        'type[1]: "traits" is not one of trait, ptrait, identity, did you mean "trait"?',
        { profile_id = "x", type = { "trait", "ptrait", "identity" } } },
    { { "get_profile" }, { profile_id = "x", type = { "p_trait" } },
        'type[1]: "p_trait" is not one of trait, ptrait, identity, did you mean "ptrait"?',
        { profile_id = "x", type = { "ptrait" } } },
    { { "get_profile" }, { profile_id = "x", type = {} }, "type: 0 items, at least 1 are needed",
        { profile_id = "x", type = { "identity" } } },
    { { "get_profile" }, { profile_id = "x", limit = 5 },
        "limit: unknown name, known are profile_id, identities, type, include", { profile_id = "x" } },
    { EVENTS, { profile_id = "x", limit = 0 }, "limit: 0 is below the minimum 1", { profile_id = "x", limit = 1 } },
    { EVENTS, { profile_id = "x", limit = 101 }, "limit: 101 is above the maximum 100",
        { profile_id = "x", limit = 100 } },
    { EVENTS, { profile_id = "x", limit = "12" }, 'limit: expected an integer, got a string ("12")',
        { profile_id = "x", limit = 12.0 } },
    { EVENTS, { profile_id = "x", sort = "ASC" }, 'sort: "ASC" is not one of asc, desc, did you mean "asc"?',
        { profile_id = "x", sort = "asc" } },
    { EVENTS, { profile_id = "x", cursor = "" }, "cursor: empty", { profile_id = "x", cursor = "c" } },
    { EVENTS, { profile_id = "x", cursor = 7 }, "cursor: expected a string, got a number (7)",
        { profile_id = "x", cursor = "7" } },
    { EVENTS, { profile_id = "x", start = "2006-02-29" },
        'start: "2006-02-29" is no date: day 29, but 2006-02 has 28 days', { profile_id = "x", start = "2008-02-29" } },
    { EVENTS, { profile_id = "x", ["end"] = "02.01.2018" }, 'end: "02.01.2018" is no date: expected YYYY-MM-DD',
        { profile_id = "x", ["end"] = "2018-01-02" } },
    { EVENTS, { profile_id = "x", start = "2023:01:01T20:00:00Z" },
        'start: "2023:01:01T20:00:00Z" is no date with time: expected YYYY-MM-DDThh:mm:ss',
        { profile_id = "x", start = "2023-01-01T20:00:00Z" } },
    { EVENTS, { profile_id = "x", start = "2018-01-02", ["end"] = "2006-01-02" },
        'end: "2006-01-02" is before start "2018-01-02"',
        { profile_id = "x", start = "2006-01-02", ["end"] = "2018-01-02" } },
    { EVENTS, { profile_id = "x", start = "2018-01-02", ["end"] = "2018-01-02" },
        'end: "2018-01-02" is not later than start "2018-01-02": both are exclusive',
        { profile_id = "x", start = "2018-01-01", ["end"] = "2018-01-02" } },
    { EVENTS, { profile_id = "x", start = "2018-01-02T10:00:00", ["end"] = "2018-01-02" },
        'end: "2018-01-02" is not later than start "2018-01-02T10:00:00": both are exclusive',
        { profile_id = "x", start = "2018-01-02", ["end"] = "2018-01-02T10:00:00" } },
    { EVENTS, { profile_id = "x", start = "2018-01-02T10:00:00Z", ["end"] = "2018-01-02T12:00:00+02:00" },
        'end: "2018-01-02T12:00:00+02:00" is not later than start "2018-01-02T10:00:00+00:00"',
        { profile_id = "x", start = "2018-01-02T10:00:00Z", ["end"] = "2018-01-02T12:00:01+02:00" } },
}

for _, rule in ipairs(RULES) do
    local endpoints, wrong, refusal, right = table.unpack(rule)
    for _, name in ipairs(endpoints) do
        it(("primedata.%s refuses: %s"):format(name, refusal), function()
            local values, err = definition.validate("primedata." .. name, wrong)
            assert.is_nil(values)
            assert.same({ "invalid", "not_sent", refusal }, { err.kind, err.outcome, definition.refusal(err) })
            assert(definition.validate("primedata." .. name, right))
        end)
    end
end

describe("primedata", function()
    it("tells all faults at once", function()
        local _, err = definition.validate("primedata.list_events", {
            limit = 500, sort = "up", start = "2018", ["end"] = "2017-13-01", include = {},
        })
        assert.equal(6, #err.faults)
    end)

    it("does not judge two times that only a zone could compare", function()
        for _, span in ipairs {
            { "2018-01-02T01:00:00+08:00", "2018-01-02" }, { "2018-01-02T10:00:00Z", "2018-01-02T09:00:00" },
        } do
            local params = { profile_id = "x", start = span[1], ["end"] = span[2] }
            assert(definition.validate("primedata.list_events", params))
        end
    end)
end)
