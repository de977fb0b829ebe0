--- neap.mapping: `from` as a list, of an endpoint and of members that a script adds to the records.

local atlas = require "spec.support.atlas"
local helper = require "spec.support.helper"
local neap = require "neap"

--- A map of people with more members; right but for the entries given.
local function map_of(members, entries)
    local spec = { from = { atlas.FROM, table.unpack(members) }, to = atlas.TO }
    spec[1], spec[2] = { "key", from = "id" }, { "phone", constant = "1" }
    for _, entry in ipairs(entries or {}) do spec[#spec + 1] = entry end
    return spec
end

describe("a map whose records have more members than the endpoint says", function()
    setup(function() atlas.open() end)
    teardown(atlas.close)
    after_each(helper.assert_idle)

    it("takes them as texts", function()
        local mapping = neap.mapping(map_of({ "Email", "Age" }, {
            { "email", from = "Email" }, { "years", from = "Age" },
        }))
        assert.same({ "Email", "Age" }, mapping.members)
        assert.equal(atlas.FROM, mapping.from)
        local mapped = mapping { id = "7", Email = "a@example.com", Age = "34" }
        assert.same({ "a@example.com", 34 }, { mapped.email, mapped.years })
        assert.is_nil(mapping { id = "7", Age = "old" })
    end)

    it("has none where `from` is a text, or a list of one", function()
        local spec = map_of {}
        spec.from = atlas.FROM
        local plain = neap.mapping(spec)
        assert.same({}, plain.members)
        local listed = neap.mapping(map_of {})
        assert.same({ {}, atlas.FROM }, { listed.members, listed.from })
        assert.same(plain { id = "7" }, listed { id = "7" })
    end)

    it("refuses what is neither, with the name that was meant", function()
        assert.equal(('entry 3 "email": %s.Emial (unknown) to %s.email (string): unknown source field Emial, did you '
            .. 'mean "Email"?'):format(atlas.FROM, atlas.TO),
            (atlas.refusal(map_of({ "Email" }, { { "email", from = "Emial" } }))))
        assert.equal(('entry 3 "years": %s.Born (string) to %s.years (integer): cast = "date" makes a date, and a date '
            .. "cannot become an integer"):format(atlas.FROM, atlas.TO),
            (atlas.refusal(map_of({ "Born" }, { { "years", from = "Born", cast = "date" } }))))
    end)

    it("refuses names that the records have anyway, twice, or that are none", function()
        assert.equal('from: the records have a member "name" anyway', (atlas.refusal(map_of { "name" })))
        assert.equal('from: the records have a member "customerid" anyway', (atlas.refusal {
            from = { "optimove.GetCustomersByAction", "customerid" }, { "id", from = "CustomerID" },
        }))
        assert.equal("from: Email: declared twice", (atlas.refusal(map_of { "Email", "Email" })))
        assert.equal("from[2]: the name of a member expected, got a number (7)", (atlas.refusal(map_of { 7 })))
        assert.equal('from[2]: the name of a member expected, got "a.b"', (atlas.refusal(map_of { "a.b" })))
        local spec = map_of {}
        spec.from.also = "Email"
        assert.equal('from: no field "also"', (atlas.refusal(spec)))
    end)
end)
