local neap = require "neap"
local file = require "neap.native.file"
local helper = require "spec.support.helper"
local json = require "neap.native.json"
local mapping = require "neap.native.mapping"
local split = require "neap.native.split"

--- Reads text in pieces of n bytes. -> records, err, reader
local function read(text, options, n)
    local reader, records = split.reader(options or {}), {}
    local function take()
        while true do
            local record, err = reader:next()
            if record == nil then return err end
            records[#records + 1] = record
        end
    end
    local err
    for at = 1, #text, n or math.max(#text, 1) do
        reader:feed(text:sub(at, at + (n or #text) - 1))
        err = take()
    end
    if not err then
        reader:finish()
        err = take()
    end
    return records, err, reader
end

describe("neap.native.split reader", function()
    after_each(helper.assert_idle)

    it("gives the records of an array, wherever the pieces are cut", function()
        local text = '{"ok":true,"a":{"data":[{"id":7519,"n":[1,{}]}, null,"x]\\"",-2.5,true,[]],"next":"t"}}'
        for n = 1, #text do
            local records, err, reader = read(text, { way = { "a", "data" } }, n)
            assert.is_nil(err)
            assert.same({ { id = 7519, n = { 1, {} } }, neap.null, 'x]"', -2.5, true, {} }, records)
            assert.is_true(json.is_array(records[6]))
            assert.equal("integer", math.type(records[1].id))
            assert.equal('{"ok":true,"a":{"data":[],"next":"t"}}', reader:frame())
            assert.is_true(reader:found())
            assert.equal(6, reader:count())
            assert.equal(#text, reader:bytes())
        end
    end)

    it("gives the lines of NDJSON", function()
        local records, err, reader = read('\u{FEFF}{"a":1}\r\n\n {"a":2}\n3', { format = "ndjson" }, 3)
        assert.is_nil(err)
        assert.same({ { a = 1 }, { a = 2 }, 3 }, records)
        assert.is_true(reader:found())
        assert.equal("", reader:frame())
    end)

    it("has the whole document as its frame where the way leads to no array", function()
        for _, text in ipairs { '{"error":"none"}', '{"data":{"x":[1]}}', "[1,2]", "null", '{"data":"[1]"} ' } do
            local records, err, reader = read(text, { way = { "data" } }, 2)
            assert.is_nil(err)
            assert.same({}, records)
            assert.is_false(reader:found())
            assert.equal(text, reader:frame())
        end
    end)

    it("knows that the array has begun before a record is asked for", function()
        local reader = split.reader { way = { "data" } }
        assert.is_true(reader:feed '{"data":')
        assert.is_false(reader:found())
        assert.is_true(reader:feed "[1")
        assert.is_true(reader:found())
        assert.is_nil(reader:frame())
        assert.equal(0, reader:count())
    end)

    it("decodes as json.decode is asked to", function()
        local text = '[{"z":1,"a":2},{"id":12345678901234567890,"id":1}]'
        local records = read(text, { ordered = true, bigint = "string" })
        assert.equal('{"z":1,"a":2}', json.encode(records[1]))
        assert.equal(1, records[2].id)
        local _, err = read(text, { bigint = "string", duplicates = "error" })
        assert.equal('record 2: line 1, column 28: the key "id" comes twice', err.message)
        _, err = read(text)
        assert.equal("record 2: line 1, column 7: integer beyond 64 bit", err.message)
        _, err = read("[1,[[[]]]]", { depth = 2 })
        assert.equal("record 2: more than 2 levels of nesting", err.message)
        _, err = read("[[[]]]\n", { depth = 2, format = "ndjson" })
        assert.equal("record 1: line 1, column 3: more than 2 levels of nesting", err.message)
    end)

    describe("of a document that is wrong", function()
        local cases = {
            { "[1,,2]", 1, "byte 4, behind record 1: expected a value, got ','" },
            { '[{"a":1},{"b":}]', 1, "record 2: line 1, column 6: expected a value, got '}'" },
            { '[{"a":[1}]', 0, "record 1: line 1, column 8: expected ',' or ']', got '}'" },
            { "[1,nil]", 1, "record 2: line 1, column 1: unknown word nil" },
            { "[1]2", 1, "behind the records: expected the end of the text behind its one value, got '2'" },
            { "<html><body> ]", 0, "line 1, column 1: this is HTML or XML, not JSON" },
            { '["\xFF"]', 0, "record 1: line 1, column 2: byte 0xFF is not UTF-8 here" },
            { '[1,{"a":x', 1, "record 2: line 1, column 6: unknown word x" },
            { '[1,{"a":', 1, "record 2: line 1, column 6: the text ends before a value", true },
            { "[1,", 1, "byte 4, behind record 1: the text ends inside the array of records", true },
            { "", 0, "line 1, column 1: the text ends before it begins", true },
            { '1\n{"a":', 1, "record 2: line 1, column 6: the text ends before a value", true, "ndjson" },
            { '1\n{"a":\n2', 1, "record 2: line 1, column 6: the text ends before a value", false, "ndjson" },
        }
        for i, case in ipairs(cases) do
            it("gives the records before it and says what is wrong, case " .. i, function()
                for _, n in ipairs { 1, 5, 100 } do
                    local records, err, reader = read(case[1], { format = case[5] }, n)
                    assert.equal(case[2], #records)
                    assert.equal("decode", err.kind)
                    assert.equal(case[3], err.message)
                    assert.equal(case[4] or false, err.truncated)
                    local _, again = reader:next()
                    assert.equal(err.message, again.message)
                    _, again = reader:finish()
                    assert.equal(err.message, again.message)
                    assert.is_nil(reader:frame())
                end
            end)
        end
    end)

    it("refuses an array that comes again", function()
        local records, err = read('{"data":[1],"data":[2]}', { way = { "data" } })
        assert.same({ 1 }, records)
        assert.equal('byte 13, behind record 1: the key "data" comes again', err.message)
    end)

    it("tells a fault as soon as no record stands before it", function()
        local reader = split.reader {}
        local ok, err = reader:feed "<p>Service Unavailable</p>"
        assert.is_nil(ok)
        assert.equal("line 1, column 1: this is HTML or XML, not JSON", err.message)
    end)

    it("holds its caps", function()
        local records, err = read('[1,"123456"]', { max_record = 7 }, 1)
        assert.same({ 1 }, records)
        assert.equal("too_large", err.kind)
        assert.equal("record 2: larger than 7 bytes", err.message)
        assert.is_false(err.truncated)
        records, err = read('{"a":"12345","data":[1]}', { way = { "data" }, max_frame = 10 })
        assert.equal("too_large", err.kind)
        assert.equal("no records within the first 10 bytes", err.message)
        assert.same({}, records)
        records, err = read('{"data":[1],"a":"12345"}', { way = { "data" }, max_frame = 15 })
        assert.same({ 1 }, records)
        assert.equal("what stands beside the records is larger than 15 bytes", err.message)
    end)

    it("refuses a bomb of brackets at once", function()
        local bomb = ("["):rep(100000)
        for _, options in ipairs { {}, { way = { "data" } }, { format = "ndjson" } } do
            local records, err = read(bomb, options, 1000)
            assert.same({}, records)
            assert.equal("decode", err.kind)
            assert.matches("more than 1000 levels of nesting", err.message)
        end
    end)

    it("leaves out records, and tells by their hash whether they were the same", function()
        local text = '[{"id":1},{"id":2},{"id":3},{"id":4}]'
        local first, again, other = split.reader {}, split.reader {}, split.reader {}
        first:feed(text)
        assert.same({ id = 1 }, first:next())
        assert.same({ id = 2 }, first:next())
        again:feed(text:sub(1, 14))
        assert.equal(1, again:skip(2))
        assert.equal(0, again:skip(1))
        again:feed(text:sub(15))
        assert.equal(1, again:skip(1))
        assert.equal(2, again:count())
        assert.equal(first:hash(), again:hash())
        assert.same({ id = 3 }, again:next())
        assert.not_equal(first:hash(), again:hash())
        other:feed '[{"id":1},{"id":9}]'
        assert.equal(2, other:skip(5))
        assert.not_equal(first:hash(), other:hash())
    end)

    describe("with a map", function()
        local program = mapping.compile {
            format = "ndjson",
            { to = "sn", from = { "id" }, cast = "integer" },
            { to = "city", from = { "a", "city" } },
        }

        it("puts lines into a file's buffer", function()
            neap.run(function()
                local path = helper.tmpdir() .. "/a"
                local out = assert(file.open(path, "w")):buffer(1000)
                local reader = split.reader {}
                reader:feed '[{"id":1},{"id":"2"},{"id":{}},{"id":4'
                assert(out:write "head\n")
                assert.same({ true, 2 }, { reader:text(program, 1000, out) })
                assert.equal(#'head\n{"sn":1}\n{"sn":2}\n', out:written())
                assert.equal("", helper.read(path))
                local text, err = reader:text(program, 1000, out)
                assert.is_nil(text)
                assert.matches("record 3: sn: expected an integer, got an object", err.message, 1, true)
                assert(out:close())
                assert.equal('head\n{"sn":1}\n{"sn":2}\n', helper.read(path))
                assert.has_error(function() split.reader {}:text(program, 1, out) end, "this file is closed")
                assert.has_error(function() split.reader {}:text(program, 1, {}) end)
            end)
        end)

        it("gives lines of all records at hand, and their number", function()
            local reader = split.reader { way = { "data" } }
            assert.is_nil(reader:text(program, 100))
            reader:feed '{"data":[{"id":"1","a":{"city":"Taipei"}},{"id":2},{"id":3'
            local text, count = reader:text(program, 1000)
            assert.equal('{"sn":1,"city":"Taipei"}\n{"sn":2}\n', text)
            assert.equal(2, count)
            assert.equal(2, reader:count())
            assert.is_nil(reader:text(program, 1000))
            reader:feed '}],"x":1}'
            assert.equal('{"sn":3}\n', (reader:text(program, 1)))
            assert.is_true(reader:finish())
            assert.equal(1, select("#", reader:text(program, 1000)))
            assert.equal('{"data":[],"x":1}', reader:frame())
        end)

        it("gives no more than a line beyond what was asked for, and no part of one", function()
            local reader, texts = split.reader { format = "ndjson" }, {}
            reader:feed(('{"id":7}\n'):rep(10))
            for text, count in function() return reader:text(program, 20) end do texts[#texts + 1] = text .. count end
            local three = ('{"sn":7}\n'):rep(3) .. 3
            assert.same({ three, three, three, '{"sn":7}\n1' }, texts)
        end)

        it("gives the lines before a fault", function()
            local cases = {
                { '{"id":1},{"id":"old"}', 'record 2: sn: expected an integer, got a string ("old")' },
                { '{"id":1},{"id":}', "record 2: line 1, column 7: expected a value, got '}'" },
                { '{"id":1},,', "byte 11, behind record 1: expected a value, got ','" },
            }
            for _, case in ipairs(cases) do
                local reader = split.reader {}
                reader:feed("[" .. case[1])
                assert.equal('{"sn":1}\n', (reader:text(program, 1000)))
                for _ = 1, 2 do
                    local text, err = reader:text(program, 1000)
                    assert.is_nil(text)
                    assert.equal("decode", err.kind)
                    assert.equal(case[2], err.message)
                end
                assert.is_nil((reader:next()))
            end
        end)

        it("knows a last line that is a part of one", function()
            local reader = split.reader { format = "ndjson" }
            reader:feed '{"id":1}\n{"id":'
            assert.equal('{"sn":1}\n', (reader:text(program, 1000)))
            reader:finish()
            local _, err = reader:text(program, 1000)
            assert.is_true(err.truncated)
        end)

        it("has the hash and the count of records that are decoded", function()
            local text = '[{"id":1,"x":"a longer text than sixteen bytes"},{"id":2}'
            local mapped, decoded = split.reader {}, split.reader {}
            mapped:feed(text)
            decoded:feed(text)
            mapped:text(program, 1000)
            assert.equal(1, decoded:next().id)
            assert.equal(2, decoded:next().id)
            assert.equal(decoded:hash(), mapped:hash())
        end)

        it("raises on misuse", function()
            local reader = split.reader {}
            assert.has_error(function() reader:text({}, 10) end)
            assert.error_matches(function() reader:text(program, 0) end, "a number of bytes expected")
            assert.error_matches(function() reader:text(program) end, "number expected")
        end)
    end)

    it("cannot be used from a finalizer while it decodes, and loses nothing by that", function()
        local reader = split.reader {}
        local refused = 0
        local function litter()
            setmetatable({}, { __gc = function()
                local ok, err = pcall(reader.next, reader)
                if not ok and err:find "in use" then
                    refused = refused + 1
                    assert(not pcall(reader.feed, reader, "[1"))
                end
                if refused < 10 then litter() end
            end })
        end
        local record = "[" .. ('{"a":["some text",{}]},'):rep(2000) .. "0]"
        reader:feed("[" .. record .. "," .. record)
        litter()
        local pause = collectgarbage("setpause", 0)
        local value = reader:next()
        collectgarbage("setpause", pause)
        refused, litter = refused + 0, function() end
        assert.equal(2001, #value)
        assert.is_true(refused > 0)
        reader:feed ",7]"
        assert.equal(2001, #reader:next())
        assert.equal(7, reader:next())
        collectgarbage()
    end)

    it("keeps no more than what was not taken", function()
        local reader = split.reader {}
        local piece = ('{"id":1,"name":"somebody"},'):rep(600)
        reader:feed "["
        for _ = 1, 500 do
            reader:feed(piece)
            assert.equal(600, reader:skip(1000))
        end
        assert.equal(300000, reader:count())
        assert.equal(1 + 500 * #piece, reader:bytes())
    end)

    it("raises on misuse", function()
        local reader = split.reader {}
        reader:feed "[]"
        assert.is_true(reader:finish())
        assert.is_true(reader:finish())
        assert.has_error(function() reader:feed "x" end, "this reader is finished")
        assert.error_matches(function() split.reader { ways = {} } end, "unknown option 'ways'")
        assert.error_matches(function() split.reader { way = "data" } end, "'way': a list of keys expected")
        assert.error_matches(function() split.reader { way = { 1 } } end, "'way': keys are strings")
        assert.error_matches(function() split.reader { format = "ndjson", way = { "a" } } end, "NDJSON has none")
        assert.error_matches(function() split.reader { format = "csv" } end, "'json' or 'ndjson' expected")
        assert.error_matches(function() split.reader { max_record = 0 } end, "max_record")
        assert.error_matches(function() split.reader() end, "table expected")
        assert.error_matches(function() reader:skip(-1) end, "a number of records expected")
        assert.error_matches(function() reader:feed {} end, "string expected")
        assert.has_error(function() reader.next {} end)
        assert.has_error(function() reader.next(io.stdout) end)
    end)
end)
