--- neap.mapping: maps that are refused when they are made, naming the entry and the types of both sides, and maps that
-- are right.

local atlas = require "spec.support.atlas"
local helper = require "spec.support.helper"
local neap = require "neap"

local line, refusal = atlas.line, atlas.refusal

--- A map between the two sides that is right but for the entries given.
local function map_of(entries)
    local spec = { from = atlas.FROM, to = atlas.TO, { "key", from = "id" }, { "phone", constant = "1" } }
    for _, entry in ipairs(entries) do spec[#spec + 1] = entry end
    return spec
end

describe("neap.mapping", function()
    setup(function() atlas.open() end)
    teardown(atlas.close)
    after_each(helper.assert_idle)

    describe("refuses an entry", function()
        -- The third of a map: both of its ends, and what is said of it.
        for _, case in ipairs {
            { { "key2", from = "id" }, "id (string)", "key2 (unknown)", 'unknown target key2, did you mean "key"?' },
            { { "email", from = "nmae" }, "nmae (unknown)", "email (string)",
                'unknown source field nmae, did you mean "name"?' },
            { { "email", from = "city.nam" }, "city.nam (unknown)", "email (string)",
                'unknown source field city.nam, did you mean "name"?' },
            { { "email", from = "id.x" }, "id.x (unknown)", "email (string)", "id is a string and has no field x" },
            { { "city.name.x", from = "id" }, "id (string)", "city.name.x (unknown)",
                "city.name is a string and has no field x" },
            { { "years", from = "tags" }, "tags (list of strings)", "years (integer)",
                "a list cannot become an integer; at = 1 takes one of its elements" },
            { { "email", from = "tags" }, "tags (list of strings)", "email (string)",
                'a list cannot become a string; at = 1 takes one of its elements, cast = "string" its JSON' },
            { { "years", from = "attributes" }, "attributes (list of strings or string)", "years (integer)",
                "a list cannot become an integer; split and at = 1 take one of its elements" },
            { { "years", from = "attributes", at = 1 }, "attributes (list of strings or string)", "years (integer)",
                "at: a string has no elements; split makes a list of it" },
            { { "years", from = "active" }, "active (boolean)", "years (integer)",
                "a boolean cannot become an integer" },
            { { "years", from = "joined" }, "joined (date with time)", "years (integer)",
                "a date with time cannot become an integer" },
            { { "years", from = "city" }, "city (object)", "years (integer)",
                "an object cannot become an integer; a dotted `from` takes one of its members" },
            { { "years", from = "name", at = 2 }, "name (string)", "years (integer)",
                "at: a string has no elements; split makes a list of it" },
            { { "years", split = ";" }, "years (integer)", "years (integer)",
                "split: an integer has no delimiters" },
            { { "years", cast = "string" }, "years (integer)", "years (integer)",
                'cast = "string" makes a string, and that is not an integer' },
            { { "years", from = "born", cast = "integer" }, "born (date)", "years (integer)",
                "a date cannot become an integer" },
            { { "score", from = "city", cast = "number" }, "city (object)", "score (number)",
                "an object cannot become a number; a dotted `from` takes one of its members" },
            { { "active", from = "score" }, "score (number)", "active (boolean)",
                "a number cannot become a boolean" },
            { { "born", from = "years" }, "years (integer)", "born (date)", "an integer cannot become a date" },
            { { "seen", from = "born" }, "born (date)", "seen (date with time)",
                "a date cannot become a date with time" },
            { { "seen", from = "joined", cast = "date" }, "joined (date with time)", "seen (date with time)",
                'cast = "date" makes a date, and a date cannot become a date with time' },
            { { "price", from = "born" }, "born (date)", "price (decimal text)",
                "a date cannot become a decimal text" },
            { { "site", from = "years" }, "years (integer)", "site (URL)", "an integer cannot become a URL" },
            { { "tier", from = "level" }, "level (one of gold, silver)", "tier (one of lead, tin)",
                "one of gold, silver cannot become one of lead, tin" },
            { { "tags", from = "marks" }, "marks (list of integers)", "tags (list of strings)",
                "its elements are not cast: an integer is not a string" },
            { { "tags", from = "city" }, "city (object)", "tags (list of strings)",
                "an object cannot become a list" },
            { { "tags", from = "years" }, "years (integer)", "tags (list of strings)",
                "an integer cannot become a list" },
            { { "labels", from = "city" }, "city (object)", "labels (id or list of ids)", "an object cannot become "
                .. "an id or list of ids; a dotted `from` takes one of its members" },
            { { "email", from = "city" }, "city (object)", "email (string)", "an object cannot become a string; "
                .. 'a dotted `from` takes one of its members, cast = "string" its JSON' },
            { { "city", from = "name" }, "name (string)", "city (object)", "a string cannot become an object" },
            { { "city", from = "spot" }, "spot (object)", "city (object)", "its member lat is unknown there" },
            { { "city", from = "home" }, "home (object)", "city (object)",
                "its member name (string) is required there" },
            { { "city", from = "store" }, "store (object)", "city (object)",
                "its member name: an integer is not a string" },
            { { "years", constant = "x" }, 'constant "x"', "years (integer)",
                'expected an integer, got a string ("x")' },
            { { "years", default = -1 }, "years (integer)", "years (integer)",
                "default -1: -1 is below the minimum 0" },
            { { "born", default = neap.null }, "born (date)", "born (date)",
                "default null: expected a date (YYYY-MM-DD), got null" },
            { { "city", constant = { zip = "1" } }, 'constant {"zip":"1"}', "city (object)", "name: required" },
        } do
            local entry, source, target, message = table.unpack(case)
            it(("%s to %s: %s"):format(source, target, message), function()
                if not source:find "^constant " then source = atlas.FROM .. "." .. source end
                assert.equal(('entry 3 "%s": %s to %s.%s: %s'):format(entry[1], source, atlas.TO, target, message),
                    (refusal(map_of { entry })))
            end)
        end

        -- What is wrong with it is the same whatever its ends are.
        for _, case in ipairs {
            { { "email", from = "name", cast = "text" },
                '"text" is not one of string, integer, number, boolean, date, list' },
            { { "email", from = "name", cast = "strng" }, 'cast: "strng" is not one of string, integer, number, '
                .. 'boolean, ' .. 'date, list, did you mean "string"?' },
            { { "email", form = "name" }, 'no field "form", did you mean "from"?' },
            { { "email", from = 5 }, "from: the name of a member expected, got a number (5)" },
            { { "email", from = "a..b" }, 'from: "a..b" has an empty part' },
            { { "email", from = "name", at = 0 }, "at: 1 is the first element, got 0" },
            { { "email", from = "name", at = -1 }, "at: 1 is the first element, got -1" },
            { { "email", from = "name", split = "" }, 'split: a delimiter expected, got ""' },
            { { "email", constant = "a@b", from = "name" }, "constant and from exclude each other" },
            { { "email", constant = "a@b", default = "" }, "constant and default exclude each other" },
            { { "email", from = "name", with = function() end }, "from and with exclude each other" },
            { { "email", with = "name" }, 'with: a function expected, got "name"' },
            { { "email", constant = print }, "constant: expected a value that JSON can hold, got a function" },
            { { "email", constant = 0 / 0 }, "is not a finite number" },
            { { "email", from = "name", "string" }, "no field a number (2)" },
            { { "phone", from = "name" }, "a second entry for this target, the first is entry 2" },
            { { "phone.home", from = "name" }, "entry 2 has the target phone: one is within the other" },
        } do
            it(case[2], function()
                local message = refusal(map_of { case[1] })
                local label = ('entry 3 "%s": '):format(case[1][1])
                assert.equal(label, message:sub(1, #label))
                assert.truthy(message:find(case[2], 1, true), message)
            end)
        end
    end)

    describe("refuses", function()
        -- Whole maps.
        for _, case in ipairs {
            { {}, "no entries" },
            { "x", "x: No such file or directory" },
            { { { "a" }, form = "atlas.list_people" },
                'no field "form", did you mean "from"?; an entry is { "form", ... }' },
            { { "a" }, 'entry 1: { "a", ... } expected, got "a"' },
            { { { from = "a" } }, 'entry 1: { "name", ... } expected, got an object' },
            { { [1] = { "a" }, [3] = { "b" } }, "a list with holes" },
            { { { "a" }, rest = 1 }, "rest: true or false expected, got a number (1)" },
            { { { "a" }, to = {} }, 'to: "vendor.endpoint" expected, got an object' },
            { { { "a" }, to = "atlas" }, 'to: "atlas" is no vendor.endpoint' },
            { { { "a" }, from = "atlsa.list_people" }, 'from: no vendor "atlsa", did you mean "atlas"?' },
            { { { "a" }, from = "atlas.list_peple" },
                'from: atlas has no endpoint "list_peple", did you mean "list_people"?' },
            { { { "a" }, from = "atlas.list_people.x" },
                'from: atlas.list_people returns no member "x" that holds records' },
            { { { "a" }, to = "atlas.put_person.dta" },
                'to: atlas.put_person has no parameter "dta", did you mean "data"?' },
            { { { "a" }, to = "atlas.put_person.mode" }, "to: atlas.put_person.mode (string) holds no object" },
            { { to = atlas.TO, { "email" } },
                "atlas.put_person.data.key (id) is required, and no entry has it as its target" },
            { { to = atlas.TO, { "key" } }, "atlas.put_person.data needs one of data.email, data.phone, and no entry "
                .. "has one of them as its target" },
            { { to = atlas.TO, { "key" }, { "email" }, { "city.zip" } },
                "atlas.put_person.data.city.name (string) is required, and no entry has it as its target" },
            { { to = "atlas.put_rows.rows", { "kye" } }, 'entry 1 "kye": kye (type unknown) to atlas.put_rows.rows.kye '
                .. '(unknown): unknown target kye, did you mean "key"?; atlas.put_rows.rows.key (id) is required, and '
                .. "no entry has it as its target" },
            { { to = "atlas.save", { "years" } },
                "atlas.save.key (id) is required, and no entry has it as its target" },
            { { to = "atlas.put_open.data", { "emial" } }, 'entry 1 "emial": emial (type unknown) to '
                .. "atlas.put_open.data.emial (unknown): unknown target emial, too near to a declared one (the setting "
                .. 'custom_fields allows it), did you mean "email"?' },
            { { from = "loose.ListRows", to = "atlas.save", { "key", from = "RowID" }, rest = true }, "rest: "
                .. "loose.ListRows.Name (string) to atlas.save.Name (unknown): unknown target Name, known are "
                .. "key, years" },
            { { from = "atlas.list_marks", to = "atlas.save", { "key", from = "id" }, rest = true }, "rest: "
                .. 'atlas.list_marks.years (string) to atlas.save.years (integer): an entry "years" would cast it' },
            { { { "years", from = "x.y", cast = "intger" } }, 'entry 1 "years": cast: "intger" is not one of string, '
                .. 'integer, number, boolean, date, list, did you mean "integer"?' },
        } do
            it(case[2], function()
                assert.equal(case[2], (refusal(case[1])))
            end)
        end

        it("all faults in one message, at the script's line", function()
            local spec = map_of { { "yeers", from = "years" }, { "born", from = "years" } }
            local _, err = pcall(function() neap.mapping(spec) end)
            local message = refusal(spec)
            assert.equal(2, #err.faults)
            assert.truthy(message:find('^entry 3 "yeers": .*; entry 4 "born": '), message)
            assert.truthy(err.where:find "mapping_check_spec.lua:%d+$", err.where)
        end)

        it("names that do not print, on one line", function()
            assert.equal('entry 1 "a\\x00": from: the name of a member expected, got "\\xff"',
                (refusal { { "a\0", from = "\xff" } }))
            assert.equal('entry 2 "b\\n": a second entry for this target, the first is entry 1',
                (refusal { { "b\n" }, { "b\n" } }))
        end)

        it("what cannot be read once, whatever else it might be", function()
            local to, key = { to = "atlas.save", from = atlas.FROM }, { "key", from = "id" }
            for field, value in pairs { constant = 0 / 0, with = "x", from = 5 } do
                local message = refusal({ key, { "years", [field] = value } }, to)
                assert.truthy(message:find(('^entry 2 "years": %s: '):format(field)), message)
                assert.is_nil(message:find(";", 1, true), message)
            end
            assert.truthy(refusal({ key, { "yeers", constant = print } }, to):find "; entry 2 .*unknown target yeers")
            assert.truthy(refusal({ { "years", from = "yeers", at = 0 } }, to):find "unknown source field yeers")
        end)

        it("tables with a metatable, and asks them nothing", function()
            local function raise() error "asked" end
            local odd = setmetatable({ "a" }, { __index = raise, __len = raise, __pairs = raise, __tostring = raise })
            local said = " expected, got a table with a metatable"
            for message, spec in pairs {
                ["a table" .. said] = odd, ['entry 1: { "name", ... }' .. said] = { odd },
                ['from: "vendor.endpoint"' .. said] = { { "a" }, from = odd },
                ['entry 1 "a": with: a function' .. said] = { { "a", with = odd } },
                ['entry 1 "a": no field a table with a metatable'] = { { "a", [odd] = 1 } },
            } do
                assert.equal(message, (refusal(spec)))
            end
            assert.truthy(refusal { { "a", constant = odd } }:find '^entry 1 "a": constant: .*asked$')
            assert.equal('{"b":1}\n', line(neap.mapping(neap.json.array { neap.json.array { "b" } }), '{"b":1}'))
        end)

        it("tables within themselves", function()
            local endless = {}
            endless.x = endless
            assert.equal('entry 1 "a": constant: nested too deeply, or within itself',
                (refusal { { "a", constant = endless } }))
        end)

        it("sides that are none", function()
            assert.has_error(function() neap.mapping({ { "a" } }, "atlas.save") end)
            assert.has_error(function() neap.mapping({ { "a" } }, { into = "atlas.save" }) end)
            assert.has_error(function() neap.mapping({ { "a" } }, { to = 5 }) end)
        end)
    end)

    describe("takes", function()
        -- One entry of a map that is right, and what its value becomes.
        for _, case in ipairs {
            { { "email", from = "name" }, '{"name":"Ren"}', '"Ren"' },
            { { "email", from = "years" }, '{"years":7}', '"7"' },
            { { "email", from = "active" }, '{"active":true}', '"true"' },
            { { "email", from = "city", cast = "string" }, '{"city":{"zip":"1"}}', [["{\"zip\":\"1\"}"]] },
            { { "email", from = "city.zip" }, '{"city":{"zip":"106"}}', '"106"' },
            { { "email", from = "properties.a.b" }, '{"properties":{"a":{"b":"c"}}}', '"c"' },
            { { "email", from = "tags", at = 2 }, '{"tags":["a","b"]}', '"b"' },
            { { "email", from = "grade" }, '{"grade":2}', '"2"' },
            { { "years", from = "name" }, '{"name":"12"}', "12" },
            { { "years", from = "score" }, '{"score":12.0}', "12" },
            { { "years", from = "attributes", split = ";", at = 2 }, '{"attributes":"a;7"}', "7" },
            { { "years", from = "attributes", split = ";", at = 2 }, '{"attributes":["a","7"]}', "7" },
            { { "years", from = "number" }, '{"number":"8"}', "8" },
            { { "years", from = "extra" }, '{"extra":"8"}', "8" },
            { { "years", with = function(record) return #record.name end }, '{"name":"abc"}', "3" },
            { { "years", with = function() return "4" end }, "{}", "4" },
            { { "score", from = "name" }, '{"name":"1.50"}', "1.5" },
            { { "active", from = "name" }, '{"name":"false"}', "false" },
            { { "active", from = "years" }, '{"years":1}', "true" },
            { { "flag", from = "name" }, '{"name":"true"}', '"true"' },
            { { "born", from = "joined" }, '{"joined":"2024-02-29T10:00:00Z"}', '"2024-02-29"' },
            { { "born", from = "name" }, '{"name":"x"}', '"x"' },
            { { "seen", from = "joined" }, '{"joined":"2024-02-29T10:00:00Z"}', '"2024-02-29T10:00:00Z"' },
            { { "tags", from = "name" }, '{"name":"a"}', '["a"]' },
            { { "tags", from = "name", split = "," }, '{"name":"a,b"}', '["a","b"]' },
            { { "tags", from = "tags" }, '{"tags":[]}', "[]" },
            { { "joined", from = "name" }, '{"name":"a,b"}', '"a,b"' },
            { { "level", from = "level" }, '{"level":"silver"}', '"silver"' },
            { { "price", from = "score" }, '{"score":1.5}', "1.5" },
            { { "payload", from = "city" }, '{"city":{"zip":"1"}}', '{"zip":"1"}' },
            { { "note", from = "marks" }, '{"marks":[1,2]}', "[1,2]" },
            { { "labels", from = "marks" }, '{"marks":[1]}', "[1]" },
            { { "labels", from = "years" }, '{"years":1}', "1" },
            { { "city", from = "city" }, '{"city":{"name":"T"}}', '{"name":"T"}' },
            { { "tags", constant = { "vip" } }, "{}", '["vip"]' },
        } do
            it(("%s from %s"):format(case[1][1], case[2]), function()
                local text = assert(line(neap.mapping(map_of { case[1] }), case[2]))
                assert.equal(('"%s":%s}\n'):format(case[1][1], case[3]), text:sub(-#case[1][1] - #case[3] - 5))
            end)
        end

        it("endpoints without declared types, and none at all", function()
            local mapping = neap.mapping { from = "atlas.list_words", { "years", cast = "integer" } }
            assert.equal('{"years":3}\n', line(mapping, '{"years":"3"}'))
            assert.equal('{"key":"1","years":3}\n', line(neap.mapping { to = "atlas.save", { "key" }, { "years" } },
                '{"years":"3","key":"1"}'))
            assert.equal('{"x":{"y":1}}\n', line(neap.mapping { { "x.y", from = "a.b" } }, '{"a":{"b":1}}'))
        end)

        it("records of pages", function()
            local mapping = neap.mapping { from = "atlas.list_pages", to = "atlas.save", { "key", from = "id" } }
            assert.equal('{"key":"1"}\n', line(mapping, '{"id":"1"}'))
            assert.has_error(function() neap.mapping { from = "atlas.list_pages", { "next" } } end)
            assert.truthy(neap.mapping { from = "atlas.list_pages.data", { "id" } })
        end)

        it("what the caller knows of the sides, where the map does not say it", function()
            assert.truthy(refusal({ { "kye" } }, { to = "atlas.save" }):find("atlas.save.kye", 1, true))
            local mapping = neap.mapping({ to = "atlas.save", { "key", from = "id" } },
                { to = atlas.TO, from = atlas.FROM })
            assert.equal("atlas.save", mapping.to)
        end)

        it("custom fields, also near ones that a setting names", function()
            local spec = { to = "atlas.put_open.data", { "favourite" }, { "e_mail" } }
            assert.truthy(refusal(spec):find("e_mail", 1, true))
            atlas.open { atlas = { custom_fields = { value = "x, e_mail", from = "--set" } } }
            local mapping = neap.mapping(spec)
            atlas.open()
            assert.same({ "favourite", "e_mail" }, mapping.targets)
        end)

        it("rest where members are declared and fit", function()
            local spec = { from = "loose.ListRows", to = "atlas.put_open.data", rest = true, { "key", from = "RowID" } }
            assert.equal('{"key":7,"Name":"a"}\n', line(neap.mapping(spec), '{"Name":"a","RowID":7}'))
        end)

        it("names of a vendor in any letter case", function()
            local mapping = neap.mapping { from = "loose.listrows", to = "loose.putrow", { "rowid", from = "rowId" } }
            assert.equal('{"RowID":7}\n', line(mapping, '{"RowID":7}'))
            assert.equal('{"RowID":7}\n', line(mapping, '{"RowId":7,"ROWID":8}'))
            assert.equal('{"RowID":8}\n', line(mapping, '{"RowId":7,"RowID":8}'))
        end)
    end)

end)
