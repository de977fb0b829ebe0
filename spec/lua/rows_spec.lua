-- lua/neap/records/rows.lua: rows that arrive in pieces, as records.
require "neap"
local json = require "neap.native.json"
local rows = require "neap.records.rows"

--- Reads a text in two pieces. -> records, error
local function read(text, cut, opts)
    local made, records = rows.new(opts), {}
    local function drain()
        local record, err = made:next()
        while record do
            records[#records + 1] = record
            record, err = made:next()
        end
        return err
    end
    made.reader:feed(text:sub(1, cut))
    drain()
    made.reader:feed(text:sub(cut + 1))
    drain()
    made.reader:finish()
    return records, drain(), made
end

describe("neap.records.rows", function()
    it("names the cells, wherever the bytes are cut", function()
        local text = '\u{FEFF}a,b.c,"d\n"\r\n1,,"x ""y"""\n\n7519.0,true\n,,'
        for cut = 0, #text do
            local records, err, made = read(text, cut)
            assert.is_nil(err)
            assert.same({
                { a = "1", ["b.c"] = "", ["d\n"] = 'x "y"' }, { a = "7519.0", ["b.c"] = "true" },
                { a = "", ["b.c"] = "", ["d\n"] = "" },
            }, records)
            assert.same({ { "a", "b.c", "d\n" }, #text }, { made.header, made.reader:bytes() })
        end
    end)

    it("keeps the order of the columns where it is asked to", function()
        local records = read("z,a,m\n1,2,3\n4,5\n", 3, { ordered = true })
        assert.equal('[{"z":"1","a":"2","m":"3"},{"z":"4","a":"5"}]', json.encode(records))
    end)

    it("has nothing of nothing", function()
        for _, text in ipairs { "", "\n\n", "a,b\n", "a,b" } do
            local records, err = read(text, 1)
            assert.same({}, records)
            assert.is_nil(err)
        end
    end)

    it("gives the records before a fault, then the fault again and again", function()
        local cases = {
            { "a,b\n1,2\n3,4,5\n6,7\n", 1, "line 3: 3 cells for 2 columns", 3 },
            { "a,,b\n1,2,3\n", 0, "line 1: column 2 has no name", 1 },
            { "\na,b,a\n1,2,3\n", 0, 'line 2: the column "a" comes twice', 2 },
            { 'a,b\n1,2\n3,"4\n', 1, "line 3, column 3: this quote is never closed", 3 },
            { "a,b\n1,2\n3,\xE9\n", 1, "line 3, column 3: broken UTF-8", 3 },
            { 'a"b\n', 0, "line 1, column 2: a quote within a cell that is not quoted", 1 },
        }
        for _, case in ipairs(cases) do
            for cut = 0, #case[1] do
                local records, err, made = read(case[1], cut)
                assert.equal(case[2], #records)
                assert.same({ "decode", case[3], case[4] }, { err.kind, err.message, err.line })
                assert.equal(case[3], select(2, made:next()).message)
            end
        end
    end)
end)
