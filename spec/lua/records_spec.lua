--- neap.records: CSV and NDJSON files as tables, faults of the file, of its header, of a row.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local records = require "neap.records"

--- Reads a whole text. -> list of { record, line, err }, the error that broke it
local function read(name, text, shape, opts)
    local path = helper.write(helper.tmpdir() .. "/" .. name, text)
    local rows, source = {}, records.open(path, shape, opts)
    while true do
        local record, line, err = source:next()
        if record == nil then return rows, err, source end
        rows[#rows + 1] = { record, line, err }
    end
end

local function virtual(fn)
    return neap.run(fn, { clock = "virtual" })
end

describe("neap.records of CSV", function()
    after_each(helper.assert_idle)

    -- text, records
    local cases = {
        { "a,b\n1,x\n2,y\n", { { a = "1", b = "x" }, { a = "2", b = "y" } } },
        { "a,b\r\n1,x\r\n", { { a = "1", b = "x" } } },
        { "a,b\n1,x", { { a = "1", b = "x" } } },
        { "\239\187\191a\n1\n", { { a = "1" } } },
        { "a,b\n\n1,\n\n,2\n", { { a = "1" }, { b = "2" } } },
        { 'a,b\n"1,2","say ""hi"""\n', { { a = "1,2", b = 'say "hi"' } } },
        { "a.b.c,a.d,e\n1,2,3\n", { { a = { b = { c = "1" }, d = "2" }, e = "3" } } },
        { "a,b\n1\n", { { a = "1" } } },
        { "a,b\n", {} },
        { "a,b", {} },
    }
    for _, case in ipairs(cases) do
        it(("reads %q"):format(case[1]), function()
            virtual(function()
                local rows, broken = read("a.csv", case[1])
                assert.is_nil(broken)
                assert.equal(#case[2], #rows)
                for i, row in ipairs(rows) do
                    assert.same(case[2][i], row[1])
                    assert.is_nil(row[3])
                end
            end)
        end)
    end

    it("tells the line of each record", function()
        virtual(function()
            local rows = read("a.csv", 'a\n1\n"2\n2"\n\n3\n')
            assert.same({ 2, 3, 6 }, { rows[1][2], rows[2][2], rows[3][2] })
        end)
    end)

    it("keeps empty cells when asked", function()
        virtual(function()
            assert.same({ a = "", b = "1" }, read("a.csv", "a,b\n,1\n", nil, { keep_empty = true })[1][1])
        end)
    end)

    it("converts by the types of an endpoint or of its parameter", function()
        acme.run(function(v)
            local rows = read("a.csv", "id,count,kind,data.member_sn,data.own\n007,5,small,9,x\n", v.checked)
            assert.same({ id = "007", count = 5, kind = "small", data = { member_sn = "9", own = "x" } }, rows[1][1])
            assert.equal("integer", math.type(rows[1][1].count))
            rows = read("a.csv", "member_sn\n1\n", v.checked.data)
            assert.same({ member_sn = "1" }, rows[1][1])
        end)
    end)

    it("makes all faults of a row one error of that row", function()
        acme.run(function(v)
            local rows, broken = read("a.csv", "id,count,kind\n1,x,medium\n2,3,small,more\n4,5,large\n", v.checked)
            assert.is_nil(broken)
            assert.equal("invalid", rows[1][3].kind)
            assert.equal("not_sent", rows[1][3].outcome)
            assert.equal(2, rows[1][3].line)
            assert.equal(2, #rows[1][3].faults)
            assert.matches("count", rows[1][3].message)
            assert.matches("kind", rows[1][3].message)
            assert.equal("x", rows[1][1].count)
            assert.matches("4 cells for 3 columns", rows[2][3].message)
            assert.is_nil(rows[3][3])
        end)
    end)

    -- text, message parts, line
    local headers = {
        { "", { "the file is empty, it has not even a header" } },
        { "\n\n", { "the file is empty" } },
        { "a,a\n1,2\n", { "header: ", "a: the column comes twice" } },
        { "a,,b\n1,2,3\n", { "column 2: it has no name" } },
        { "id,emial,nonsense\n1,2,3\n", { "emial", 'did you mean "email"?', "nonsense" }, "checked" },
        { "count\n1\n", { "id", "required" }, "checked" },
        { "member_no,nonsense,other\n", { "header: unknown columns member_no, nonsense, other; known are id, ",
            "; id is missing" }, "checked" },
        { "id;email\n1;2\n", { 'the cells seem to be separated by ";"' }, "checked" },
        { "id\temail\n1\t2\n", { "the cells seem to be separated by tabs" }, "checked" },
        { '"a\n', { "quote" } },
        { "a\255\n", { "UTF-8" } },
    }
    for _, case in ipairs(headers) do
        it(("refuses the header %q at once"):format(case[1]), function()
            acme.run(function(v)
                local ok, err = pcall(read, "a.csv", case[1], case[3] and v[case[3]])
                assert.is_false(ok)
                assert.equal("invalid", err.kind)
                assert.matches("a.csv: ", tostring(err), 1, true)
                for _, part in ipairs(case[2]) do assert.matches(part, tostring(err), 1, true) end
            end)
        end)
    end

    it("wants the columns that have to be there, where no shape says so", function()
        virtual(function()
            local opts = { required = { "id", "name" } }
            assert.same({ id = "1", name = "a", x = "b" }, read("a.csv", "x,id,name\nb,1,a\n", nil, opts)[1][1])
            for text, part in pairs {
                ["id,Name\n1,a\n"] = "header: name: required, and there is no such column, did you mean \"Name\"? (",
                ["id,nmae\n1,a\n"] = "name: required, and there is no such column, did you mean \"nmae\"? (",
                ["id,other\n1,a\n"] = "name: required, and there is no such column (",
                ["id;name\n1;a\n"] = "no such column (line 1); the cells seem to be separated by \";\"",
            } do
                local ok, err = pcall(read, "a.csv", text, nil, opts)
                assert.is_false(ok)
                assert.equal("invalid", err.kind)
                assert.matches(part, tostring(err), 1, true)
            end
        end)
    end)

    it("takes columns in any letter case where the vendor takes names so, but none twice", function()
        acme.run(function()
            local shape = neap.vendor("optimove").AddPromotions.Promotions
            assert.same({ PromoCode = "A", PromotionName = "one" },
                read("a.csv", "promocode,PROMOTIONNAME\nA,one\n", shape)[1][1])
            local ok, err = pcall(read, "a.csv", "promocode,PromoCode,PromotionName\nA,B,one\n", shape)
            assert.is_false(ok)
            assert.matches("header: PromoCode: there is a column promocode, too (line 1)", tostring(err), 1, true)
        end)
    end)

    it("ends where the file cannot be read on", function()
        virtual(function()
            for _, rest in ipairs { '3,"open\n4\n', "3,\255\n", '3,"a"b\n' } do
                local rows, broken = read("a.csv", "a,b\n1,2\n" .. rest)
                assert.equal(1, #rows)
                assert.equal("decode", broken.kind)
                assert.equal(1, select(2, broken.message:gsub("a%.csv: ", "")), broken.message)
                assert.is_true(broken.line >= 3)
            end
        end)
    end)

    it("reads files larger than its buffer, cut anywhere", function()
        virtual(function()
            local lines = { "n,text" }
            for i = 1, 20000 do lines[#lines + 1] = ('%d,"größe ""%d"""'):format(i, i) end
            local rows, _, source = read("a.csv", table.concat(lines, "\r\n"))
            assert.equal(20000, #rows)
            for _, i in ipairs { 1, 5000, 12345, 20000 } do
                assert.same({ n = tostring(i), text = ('größe "%d"'):format(i) }, rows[i][1])
            end
            assert.equal(source.bytes_total, source.bytes_read)
        end)
    end)
end)

describe("neap.records of NDJSON", function()
    after_each(helper.assert_idle)

    it("keeps JSON types", function()
        virtual(function()
            local rows, broken = read("a.ndjson",
                '\239\187\191{"a":1,"b":1.0,"c":[],"d":null}\r\n\n  \n{"n":7519}')
            assert.is_nil(broken)
            assert.equal('{"a":1,"b":1.0,"c":[],"d":null}', neap.json.encode(rows[1][1], { sorted = true }))
            assert.same({ n = 7519 }, rows[2][1])
            assert.same({ 1, 4 }, { rows[1][2], rows[2][2] })
        end)
    end)

    it("gives the record in a dead letter, with its line", function()
        virtual(function()
            local rows = read("a.jsonl", '{"record":{"id":1},"line":17,"outcome":"rejected",'
                .. '"error":{"kind":"auth"},"attempts":[]}\n'
                .. '{"record":{"id":2},"outcome":"unknown"}\n')
            assert.same({ { id = 1 }, 17 }, rows[1])
            assert.same({ record = { id = 2 }, outcome = "unknown" }, rows[2][1])
        end)
    end)

    it("makes a bad line an error of that line, and goes on", function()
        virtual(function()
            local rows, broken = read("a.ndjson", '{"a":1}\n{"a":}\n[1]\n"x"\nnull\n{"a":2}\n')
            assert.is_nil(broken)
            assert.equal(6, #rows)
            for i = 2, 5 do
                assert.equal("invalid", rows[i][3].kind)
                assert.equal(i, rows[i][3].line)
                assert.is_truthy(neap.json.encode(rows[i][1]))
            end
            assert.same({ a = 2 }, rows[6][1])
        end)
    end)

    it("ends at a line that is not UTF-8", function()
        virtual(function()
            local rows, broken = read("a.ndjson", '{"a":1}\n{"a":"\u{65E5}\255"}\n{"a":2}\n')
            assert.equal(1, #rows)
            assert.same({ "decode", 2, 8 }, { broken.kind, broken.line, broken.column })
            assert.matches("a.ndjson: line 2, column 8: broken UTF-8", broken.message, 1, true)
        end)
    end)

    it("of an empty file is an empty list", function()
        virtual(function() assert.same({}, (read("a.ndjson", ""))) end)
    end)
end)

describe("neap.records", function()
    after_each(helper.assert_idle)

    it("iterates, and raises the error of a faulty row", function()
        virtual(function()
            local path = helper.write(helper.tmpdir() .. "/a.ndjson", '{"a":1}\n{"a":2}\nbroken\n')
            local seen = {}
            local ok, err = pcall(function()
                for record, line in neap.records(path) do seen[#seen + 1] = { record.a, line } end
            end)
            assert.is_false(ok)
            assert.equal("invalid", err.kind)
            assert.same({ { 1, 1 }, { 2, 2 } }, seen)
        end)
    end)

    it("refuses files that are not there, and shapes that are none", function()
        acme.run(function(v)
            local ok, err = pcall(neap.records, "/nonexistent/a.csv")
            assert.is_false(ok)
            assert.equal("invalid", err.kind)
            assert.matches("/nonexistent/a.csv", tostring(err), 1, true)
            local path = helper.write(helper.tmpdir() .. "/a.csv", "a\n1\n")
            for _, shape in ipairs { "text", 5, {}, v } do
                ok, err = pcall(neap.records, path, shape)
                assert.is_false(ok)
                assert.matches("the second argument is an endpoint", tostring(err), 1, true)
            end
        end)
    end)

    it("names its dead letters after the file", function()
        virtual(function()
            local path = helper.write(helper.tmpdir() .. "/a.csv", "a\n1\n")
            local source = neap.records(path)
            assert.equal(path .. ".dead.ndjson", source.dead_letters)
            assert.is_false(source.is_stream)
            while source:next() do end
        end)
    end)
end)
