--- Dead letters: the lines of the file, when they are written, what happens when they cannot be.

local helper = require "spec.support.helper"
local neap = require "neap"

local deadletter = require "neap.deadletter"
local errors = require "neap.error"

local function virtual(fn)
    return neap.run(fn, { clock = "virtual" })
end

local failure = {
    kind = "rejected", status = 400, code = "C1", message = "no", hint = "look", outcome = "rejected",
    attempts = { { at = "2026-11-21T10:00:00.000Z", status = 503, wait = 0 },
        { at = "2026-11-21T10:05:00.000Z", error = "network", wait = 300 } },
}

local function make_error(fields)
    local copy = {}
    for name, value in pairs(failure) do copy[name] = value end
    for name, value in pairs(fields or {}) do copy[name] = value end
    return errors.new(copy)
end

describe("a dead letter", function()
    after_each(helper.assert_idle)

    it("has the fields of the contract, in order", function()
        local path = helper.tmpdir() .. "/dead"
        virtual(function()
            local writer = deadletter.writer(path)
            writer:add({ b = 1, a = neap.json.array {} }, 17, make_error())
            assert.is_true((writer:close()))
        end)
        assert.equal('{"record":{"a":[],"b":1},"line":17,"outcome":"rejected",'
            .. '"error":{"kind":"rejected","status":400,"code":"C1","message":"no","hint":"look"},'
            .. '"attempts":[{"at":"2026-11-21T10:00:00.000Z","status":503,"wait":0},'
            .. '{"at":"2026-11-21T10:05:00.000Z","error":"network","wait":300}]}\n', helper.read(path))
    end)

    it("has an empty list for no attempts, and no line without one", function()
        local path = helper.tmpdir() .. "/dead"
        virtual(function()
            local writer = deadletter.writer(path)
            writer:add({}, nil, errors.new { kind = "cancelled", message = "ended", outcome = "not_sent" })
            writer:close()
        end)
        assert.equal('{"record":{},"outcome":"not_sent","error":{"kind":"cancelled","message":"ended"},'
            .. '"attempts":[]}\n', helper.read(path))
    end)

    it("is written even for a record that is no JSON", function()
        local path = helper.tmpdir() .. "/dead"
        virtual(function()
            local writer = deadletter.writer(path)
            for _, bad in ipairs { { x = 0 / 0 }, { f = print }, { "\255" } } do writer:add(bad, 1, make_error()) end
            assert.equal(3, writer.count)
            assert.is_true((writer:close()))
        end)
        local count = 0
        for line in io.lines(path) do
            count = count + 1
            assert.is_string(neap.json.decode(line).record)
        end
        assert.equal(3, count)
    end)

    it("is known again", function()
        for _, case in ipairs {
            { true, '{"record":{},"outcome":"unknown","error":{}}' },
            { false, '{"record":"x","outcome":"unknown","error":{}}' },
            { false, '{"record":{},"outcome":"unknown"}' },
            { false, '{"record":{},"error":{}}' },
            { false, '{}' },
        } do
            assert.equal(case[1], deadletter.is_letter(neap.json.decode(case[2])))
        end
    end)
end)

describe("a writer of dead letters", function()
    after_each(helper.assert_idle)

    it("makes no file without letters", function()
        local path = helper.tmpdir() .. "/dead"
        virtual(function() assert.is_true((deadletter.writer(path):close())) end)
        assert.is_false(helper.exists(path))
    end)

    it("writes as letters come, not at the end", function()
        local path = helper.tmpdir() .. "/dead"
        virtual(function()
            local writer = deadletter.writer(path)
            for i = 1, 3 do
                writer:add({ i = i }, i, make_error())
                neap.sleep(1)
                local _, lines = helper.read(path):gsub("\n", "")
                assert.equal(i, lines)
            end
            writer:close()
        end)
    end)

    it("holds letters back until released, and no more than it has room for", function()
        local path = helper.tmpdir() .. "/dead"
        virtual(function()
            local writer = deadletter.writer(path)
            writer:hold()
            writer:add({}, 1, make_error())
            neap.sleep(1)
            assert.is_false(helper.exists(path))
            assert.is_true(writer:discard())
            writer:add({}, 2, make_error())
            writer:release()
            neap.sleep(1)
            assert.equal(2, neap.json.decode(helper.read(path)).line)
            assert.is_false(writer:discard())
            writer:close()
            writer = deadletter.writer(path)
            writer:hold()
            for i = 1, 2000 do writer:add({}, i, make_error()) end
            neap.sleep(1)
            assert.equal(1, neap.json.decode(helper.read(path):match "[^\n]+").line)
            assert.is_false(writer:discard())
            writer:close()
            writer = deadletter.writer(path)
            writer:hold()
            writer:add({}, 3, make_error())
            writer:close()
            assert.equal(3, neap.json.decode(helper.read(path)).line)
        end)
    end)

    it("keeps their order, in any number", function()
        local path = helper.tmpdir() .. "/dead"
        virtual(function()
            local writer = deadletter.writer(path)
            for i = 1, 10000 do
                writer:add({ i = i }, i, make_error())
                if i % 1000 == 0 then neap.sleep(0) end
            end
            writer:close()
        end)
        local i = 0
        for line in io.lines(path) do
            i = i + 1
            assert.equal(i, neap.json.decode(line).line)
        end
        assert.equal(10000, i)
    end)

    it("reports what could not be written, once", function()
        virtual(function()
            for _, path in ipairs { "/nonexistent/dir/dead", helper.exists "/dev/full" and "/dev/full" or nil } do
                local writer = deadletter.writer(path)
                writer:add({}, 1, make_error())
                neap.sleep(1)
                writer:add({}, 2, make_error())
                local ok, err = writer:close()
                assert.is_nil(ok)
                assert.matches("the dead letters could not be written: ", tostring(err), 1, true)
            end
        end)
    end)
end)
