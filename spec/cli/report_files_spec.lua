--- Files of reports, which are read record by record while they are downloaded: what is saved is whole, and in
-- the format that its name says.

local helper = require "spec.support.helper"
require "neap"
local json = require "neap.native.json"
local list = require("neap.native.file").list

local SCRIPT = 'return neap.report { of = "press.%s" }\n'

--- Runs a report of a format.
---@param name string of the report, which says what its file is like
---@param out string
---@param words? string[]
local function report(format, name, out, words)
    local dir = helper.tmpdir()
    local from = helper.quote(helper.root .. "/spec/support/press/vendors")
    assert(os.execute(("ln -s %s %s"):format(from, helper.quote(dir .. "/vendors"))))
    helper.write(dir .. "/report.lua", SCRIPT:format(format))
    local args = { "run", "report.lua", "--name", name, "--out", out, "--sandbox", "--clock", "virtual" }
    table.move(words or {}, 1, #(words or {}), #args + 1, args)
    local result = helper.cli(args, { cwd = dir })
    result.file = out ~= "-" and helper.exists(dir .. "/" .. out) and helper.read(dir .. "/" .. out) or nil
    result.dir, result.left = dir, table.concat(list(dir), " ")
    return result
end

local ROWS = 'id,note,at\n1,"a, ""b""",\n2,,"x\ny"\n'
local LINES = '{"id":1,"note":"a, \\"b\\"","tags":["x","y"]}\n\n{"id":2,"note":null,"tags":[]}\r\n'
    .. '{"note":"c","id":3.50}'

describe("the file of a report", function()
    it("keeps its bytes where its format stays", function()
        for _, case in ipairs {
            { "csv", "rows", "a.csv", ROWS }, { "csv", "rows", "a", ROWS }, { "csv", "rows", "a.txt", ROWS },
            { "csv", "rows-crlf", "a.CSV", "\239\187\191id,note\r\n1,a\r\n2,b" },
            { "csv", "rows-none", "a.csv", "id,note\n" },
            { "ndjson", "lines", "a.ndjson", LINES }, { "ndjson", "lines", "a.jsonl", LINES },
            { "ndjson", "lines", "a.json", LINES }, { "ndjson", "empty", "a.ndjson", "" },
            { "csv", "empty", "a.csv", "" },
        } do
            local result = report(table.unpack(case, 1, 3))
            assert.equal(0, result.code, result.err)
            assert.equal(case[4], result.file)
            assert.same({ bytes = #case[4], id = case[2], out = case[3] }, json.decode(result.out))
        end
        assert.equal(ROWS, report("csv", "rows", "-").out)
        assert.equal(LINES, report("ndjson", "lines", "-").out)
    end)

    it("becomes the format that its name says", function()
        local result = report("csv", "rows", "a.ndjson")
        assert.equal(0, result.code, result.err)
        assert.equal('{"id":"1","note":"a, \\"b\\"","at":null}\n{"id":"2","note":null,"at":"x\\ny"}\n', result.file)
        assert.equal(#result.file, json.decode(result.out).bytes)
        assert.equal('{"id":"1","note":"a"}\n{"id":"2","note":"b"}\n', report("csv", "rows-crlf", "a.jsonl").file)
        assert.equal("", report("csv", "rows-none", "a.ndjson").file)
        result = report("ndjson", "lines", "a.csv")
        assert.equal(0, result.code, result.err)
        assert.equal('id,note,tags\n1,"a, ""b""","[""x"",""y""]"\n2,,[]\n3.5,c,\n', result.file)
        assert.equal(#result.file, json.decode(result.out).bytes)
    end)

    it("is no file where it is torn, or something else", function()
        for _, case in ipairs {
            { "csv", "rows-torn", "line 3: 2 cells for 3 columns" }, { "csv", "rows-open", "line 2" },
            { "csv", "rows-short", "line 2: 1 cells for 2 columns" },
            { "csv", "rows-long", "line 3: 3 cells for 2 columns" },
            { "csv", "rows-twice", "the column id comes twice" }, { "csv", "rows-unnamed", "a column has no name" },
            { "csv", "html", "HTML or XML came in place of CSV" }, { "csv", "json", "JSON came in place of CSV" },
            { "csv", "rows-late", "line 302" },
            { "ndjson", "lines-torn", "record 2" }, { "ndjson", "lines-bad", "record 2" },
            { "ndjson", "lines-other", "record 2 is a list, an object expected" },
            { "ndjson", "lines-list", "JSON came in place of NDJSON" },
            { "ndjson", "html", "HTML or XML came in place of NDJSON" }, { "ndjson", "lines-late", "record 301" },
        } do
            for _, out in ipairs { "a.csv", "a.ndjson" } do
                local result = report(case[1], case[2], out, { "--json" })
                assert.equal(1, result.code)
                local err = json.decode(result.err).error
                assert.equal("decode", err.kind)
                assert.truthy(err.message:find(("the file of report %s: "):format(case[2]), 1, true), err.message)
                assert.truthy(err.message:find(case[3], 1, true), err.message)
                assert.truthy(err.hint:find("neap call press state", 1, true), err.hint)
                assert.equal(". .. report.lua vendors", result.left)
            end
        end
    end)

    it("is downloaded again where it ended too early, and not where it is another one", function()
        for name, count in pairs { ["rows-torn"] = 5, ["rows-open"] = 5, ["rows-short"] = 1, html = 1 } do
            local result = report("csv", name, "a.csv", { "--sandbox-log", "log.ndjson" })
            assert.equal(1, result.code)
            assert.equal(count, select(2, helper.read(result.dir .. "/log.ndjson"):gsub('"path":"/files/', "")), name)
        end
    end)

    it("has a column for everything, or is none", function()
        local result = report("ndjson", "lines-more", "a.csv")
        assert.equal(1, result.code)
        assert.truthy(result.err:find('a record has "note", which the first one has not', 1, true), result.err)
        assert.is_nil(result.file)
    end)

    it("is no JSON text where it was CSV", function()
        local result = report("csv", "rows", "a.json")
        assert.equal(2, result.code)
        assert.equal("neap: --out a.json: the file is CSV; a name that ends in .ndjson converts it to a JSON object "
            .. "per line\n", result.err)
    end)

    it("shows how much there is", function()
        local result = report("csv", "rows", "a.csv", { "--progress", "always" })
        assert.truthy(result.err:find("neap: 2 records, 34 B, saved in a.csv\n", 1, true), result.err)
        result = report("csv", "rows", "a.ndjson", { "--progress", "always" })
        assert.truthy(result.err:find(("neap: 2 records, %d B, saved in a.ndjson\n"):format(#result.file), 1, true),
            result.err)
    end)
end)
