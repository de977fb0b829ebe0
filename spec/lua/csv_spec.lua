local neap = require "neap"
local csv = require "neap.native.csv"
local helper = require "spec.support.helper"

--- Reads text in chunks of n bytes; all rows as { line = , cells... }, and the error.
local function read(text, n)
    local reader, rows = csv.reader(), {}
    local function take()
        for row, line in function() return reader:row() end do
            row.line = line
            rows[#rows + 1] = row
        end
    end
    local ok, err
    for at = 1, #text, n or math.max(#text, 1) do
        ok, err = reader:feed(text:sub(at, at + (n or #text) - 1))
        take()
        if not ok then return rows, err end
    end
    ok, err = reader:finish()
    take()
    assert(ok or err)
    return rows, err
end

describe("neap.native.csv reader", function()
    after_each(function() collectgarbage("generational", 20) end)

    it("reads rows with their lines, wherever the chunks are cut", function()
        local text = helper.read("spec/data/csv/windows.csv")
        for n = 1, #text do
            local rows, err = read(text, n)
            assert.is_nil(err)
            assert.same({
                { line = 1, "member_sn", "name", "note" },
                { line = 2, "M1", "山田", 'two\r\nlines, "quoted"' },
                { line = 5, "M2", "", "last" },
            }, rows)
        end
    end)

    it("has nothing to say about nothing", function()
        assert.same({}, (read("")))
        assert.same({}, (read("\n\r\n\r")))
        assert.is_nil(csv.reader():row())
    end)

    it("delivers the rows before a fault, and names its line and column", function()
        local rows, err = read(helper.read("spec/data/csv/unclosed.csv"))
        assert.equal(2, #rows)
        assert.equal("decode", err.kind)
        assert.equal(3, err.line)
        assert.equal(4, err.column)
        assert.equal("line 3, column 4: this quote is never closed", err.message)
        rows, err = read(helper.read("spec/data/csv/latin1.csv"))
        assert.equal(1, #rows)
        assert.equal("line 2, column 7: broken UTF-8", err.message)
    end)

    it("repeats the fault, whatever follows", function()
        local reader = csv.reader()
        assert.is_nil((reader:feed 'a"'))
        local ok, err = reader:feed "b"
        assert.is_nil(ok)
        assert.equal("line 1, column 2: a quote within a cell that is not quoted", err.message)
        ok, err = reader:finish()
        assert.is_nil(ok)
        assert.equal("decode", err.kind)
    end)

    it("refuses a row without end", function()
        local reader = csv.reader()
        local block, ok, err = ("x"):rep(1024 * 1024), true, nil
        reader:feed 'a\n"'
        for _ = 1, 17 do
            ok, err = reader:feed(block)
            if not ok then break end
        end
        assert.is_nil(ok)
        assert.equal("too_large", err.kind)
        assert.equal(2, err.line)
    end)

    it("tells the fault to who asks for the next row, behind those before it", function()
        local reader = csv.reader()
        assert.is_nil(reader:next())
        assert.same({}, { reader:next() })
        reader:feed 'a,b\n1,2\n"x'
        assert.same({ { "a", "b" }, 1 }, { reader:next() })
        assert.same({ { "1", "2" }, 2 }, { reader:next() })
        assert.same({}, { reader:next() })
        reader:finish()
        for _ = 1, 2 do
            local row, err = reader:next()
            assert.is_nil(row)
            assert.same({ "line 3, column 1: this quote is never closed", 3, 1 }, { err.message, err.line, err.column })
        end
        assert.same({}, { reader:row() })
    end)

    it("counts the bytes", function()
        local reader = csv.reader()
        assert.equal(0, reader:bytes())
        reader:feed "a,b\n"
        reader:feed '"x"y'
        assert.equal(8, reader:bytes())
    end)

    it("stands being used by what the collector finalizes meanwhile", function()
        local reader, results = csv.reader(), { fed = 0 }
        local wide = (("x"):rep(5000) .. ","):rep(2000) .. "end\n"
        local function feed()
            reader:feed(wide)
            results.fed = results.fed + 1
        end
        local function take() results.row = reader:row() end
        local function leave_garbage(finalize) setmetatable({}, { __gc = finalize }) end
        local function row_with(finalize)
            collectgarbage "stop"
            leave_garbage(function() leave_garbage(finalize) end) -- the inner one is for after the first cells
            collectgarbage "restart"
            return reader:row()
        end
        collectgarbage("generational", 1) -- collects often, and all that is new
        reader:feed(wide:rep(2))
        results.wide = row_with(feed)
        assert.same({ 1, 2001, "end" }, { results.fed, #results.wide, results.wide[2001] })
        assert.error_matches(function() row_with(take) end, "in use")
        assert.equal("end", results.row[2001])
        assert.equal("end", reader:row()[2001])
        assert.is_nil(reader:row())
        reader = csv.reader()
        reader:feed(wide .. ("x,"):rep(47)) -- 2048 cells: the next one moves the list of their ends
        results.wide = row_with(function() results.finished = reader:finish() end)
        assert.same({ true, 2001, "end" }, { results.finished, #results.wide, results.wide[2001] })
        assert.equal(48, #reader:row())
    end)

    it("raises on misuse", function()
        local reader = csv.reader()
        assert.is_true(reader:finish())
        assert.is_true(reader:finish())
        assert.has_error(function() reader:feed "x" end, "this CSV reader is finished")
        assert.has_error(function() reader:feed {} end)
        assert.has_error(function() reader.feed({}, "x") end)
    end)
end)

describe("neap.native.csv.format_row", function()
    local cases = {
        { { "a", "b" }, "a,b\n" },
        { { 1, -7519, 2.5, 1.0, 1e300, 0.1 }, "1,-7519,2.5,1.0,1e+300,0.1\n" },
        { { true, false }, "true,false\n" },
        { { "a,b", 'c"d', "e\nf", "g\rh", " i " }, '"a,b","c""d","e\nf","g\rh", i \n' },
        { { "" }, '""\n' },
        { { "", "" }, ",\n" },
        { { neap.null, "x", neap.null }, ",x,\n" },
        { { nil, "x", nil, n = 3 }, ",x,\n" },
        { { math.maxinteger, math.mininteger }, "9223372036854775807,-9223372036854775808\n" },
        { { "山田" }, "山田\n" },
    }
    for i, case in ipairs(cases) do
        it("formats case " .. i, function() assert.equal(case[2], csv.format_row(case[1])) end)
    end

    it("writes what the reader reads back", function()
        local cells = { "a", "", 'x"y', "1,2", "l1\r\nl2", "\u{FEFF}bom", "山" }
        local rows = read(csv.format_row(cells))
        cells.line = 1
        assert.same({ cells }, rows)
    end)

    it("raises on what is no row, and works again afterwards", function()
        assert.error_matches(function() csv.format_row { "a", {} } end, "cell 2 is a table")
        assert.error_matches(function() csv.format_row { 0 / 0 } end, "cell 1 is no finite number")
        assert.error_matches(function() csv.format_row {} end, "at least one cell")
        assert.has_error(function() csv.format_row "a" end)
        assert.equal("b\n", csv.format_row { "b" })
    end)
end)
