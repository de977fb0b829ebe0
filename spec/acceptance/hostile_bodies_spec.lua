--- Bodies that are bombs, giants, mazes, fragments, or no answer at all: an error of the right kind that says where
-- and what next, the records before it, memory within bounds, and no file that is not whole.

local helper = require "spec.support.helper"
local hostile = require "spec.support.hostile"
local json = require "neap.native.json"

local COUNT = 3000 -- records of the bodies below; they are longer than an answer that is read whole
local LIMIT_KIB = 16 * 1024

--- What becomes of each kind: of the error, in JSON and in XML where the two differ; `kept`: least and most records
-- before it; `sends`, where the call is repeated; `limit_kib`, where that is not LIMIT_KIB.
local KINDS = {
    bomb = {
        "too_large", { "^reply inflates without bound: to %d+ bytes from %d+, more than 256 to 1$" }, kept = { 0, 0 },
    },
    badgzip = { "decode", { "^reply cannot be decompressed: incorrect header check$" }, kept = { 0, 0 } },
    over = {
        "too_large", { "record 2: larger than 16777216 bytes", "record 2: .*too long" }, kept = { 1, 1 },
        limit_kib = 2 * LIMIT_KIB, -- a record may have 16 MiB
    },
    deep_record = {
        "decode", { "record 3: more than 1000 levels of nesting", "record 3: .*nested too deeply" }, kept = { 2, 2 },
    },
    deep_document = { "decode", { "more than 1000 levels of nesting", "nested too deeply" }, kept = { 0, 0 } },
    html = { "decode", { "this is HTML or XML, not JSON" }, kept = { 0, 0 }, hint = "We are down for maintenance" },
    cut = {
        "decode", { "record %d+: line 1, column %d+: the text ends", "record %d+: .*the document ends too early" },
        kept = { 1000, 2000 }, sends = 5,
    },
    long = {
        "decode", { "record %d+: line 1, column %d+: the text ends", "record %d+: .*the document ends too early" },
        kept = { 1400, 1600 }, sends = 5,
    },
    short = { "network", { "^reply cut short: %d+ of %d+ bytes$" }, kept = { 1400, 1600 }, sends = 5 },
    early = { "network", { "^reply cut short after %d+ bytes$" }, kept = { 1400, 1600 }, sends = 5 },
    stall = { "timeout", { "^reply stalled: less than 1 byte/s for 30 s$" }, kept = { 1400, 1600 }, sends = 5 },
}

local FORMS = { json = 1, xml = 2 }

--- The error is the last line that is one: simulators may say something, too.
local function error_of(text)
    local last
    for line in text:gmatch '{"error":[^\n]*' do last = line end
    assert.truthy(last, text)
    return assert(json.decode(last)).error
end

local function assert_message(case, form, message)
    local pattern = case[2][FORMS[form]] or case[2][1]
    assert.truthy(message:find(pattern), message)
end

--- Only a build for use is judged by its memory.
local function assert_small(kib, limit_kib)
    if helper.preset ~= "release" then return end
    assert.is_true(kib <= (limit_kib or LIMIT_KIB), ("peak: %.1f MiB"):format(kib / 1024))
end

--- How many records an output has; it must consist of whole lines, and of nothing else.
local function whole_lines(text)
    local count = select(2, text:gsub("\n", ""))
    assert.is_true(text == hostile.lines(count), "a line is torn or wrong")
    return count
end

local function call(kind, form, ...)
    return helper.cli({
        "call", "hostile", "list", "kind=" .. kind, "at=200001", "--all", "--json", "--set",
        "hostile.accept=" .. form, "--sandbox", "--clock", "virtual", ...,
    }, { cwd = hostile.place(), peak = true })
end

for kind, case in pairs(KINDS) do
    for form in pairs(FORMS) do
        describe(("a body that is hostile: %s, in %s,"):format(kind, form), function()
            it("ends --all behind whole lines", function()
                local got = call(kind, form)
                assert.equal(1, got.code, got.err)
                local err = error_of(got.err)
                assert.equal(case[1], err.kind)
                assert.same({ "hostile", "list" }, { err.vendor, err.endpoint })
                assert_message(case, form, err.message)
                local kept = whole_lines(got.out)
                assert.is_true(kept >= case.kept[1] and kept <= case.kept[2], kept)
                local hint = err.hint or ""
                assert.truthy(hint:find(case.hint or "", 1, true), hint)
                if kept > 0 then assert.truthy(hint:find("skip=" .. kept, 1, true), got.err) end
                assert.equal(case.sends or 1, err.attempts and #err.attempts or 1)
                assert_small(got.peak_kib, case.limit_kib)
            end)

            it("leaves no file", function()
                local dir = hostile.place()
                local got = helper.cli({
                    "run", "save.lua", "--kind", kind, "--at", 200001, "--out", "records.ndjson", "--json",
                    "--set", "hostile.accept=" .. form, "--sandbox", "--clock", "virtual",
                }, { cwd = dir, peak = true })
                assert.equal(1, got.code, got.err)
                assert.equal(case[1], error_of(got.err).kind)
                local files = io.popen("ls -A " .. helper.quote(dir))
                assert.same({ "save.lua", "vendors" }, { files:read("l", "l", "l") })
                files:close()
                assert_small(got.peak_kib, case.limit_kib)
            end)
        end)
    end
end

describe("a body that is only large or packed", function()
    for form in pairs(FORMS) do
        for _, kind in ipairs { "good", "gzip" } do
            it(("is read whole: %s, in %s"):format(kind, form), function()
                local got = call(kind, form)
                assert.same({ 0, "" }, { got.code, got.err })
                assert.equal(COUNT, whole_lines(got.out))
                assert_small(got.peak_kib)
            end)
        end

        it("has a record of 10 MB, in " .. form, function()
            local got = call("giant", form)
            assert.same({ 0, "" }, { got.code, got.err })
            local good, at = hostile.lines(COUNT), 0
            for line in got.out:gmatch "[^\n]*\n" do
                at = at + 1
                if at == 2 then
                    assert.is_true(line == ('{"id":2,"text":"%s"}\n'):format(("x"):rep(10 * 1024 * 1024)))
                    assert.is_true(got.out:gsub(line, ('{"id":2,"text":"%s"}\n'):format(hostile.text(2)), 1) == good)
                end
            end
            assert.equal(COUNT, at)
            -- The record as text, as a value, and as a line again; each grew by doubling.
            if helper.preset == "release" then assert.is_true(got.peak_kib <= 128 * 1024, got.peak_kib) end
        end)
    end
end)

describe("brackets beside the records", function()
    it("are refused before the first one", function()
        local got = helper.cli({
            "call", "hostile", "wrapped", "kind=deep_beside", "--all", "--sandbox", "--clock", "virtual",
        }, { cwd = hostile.place(), peak = true })
        assert.same({ 1, "" }, { got.code, got.out })
        assert.matches("^neap: hostile%.wrapped: decode: .*more than 1000 levels of nesting", got.err)
        assert_small(got.peak_kib)
    end)
end)

describe("a body cut anywhere", function()
    after_each(helper.assert_idle)

    --- Reads a body of `count` records that ends after `at` bytes.
    local function read(client, count, at)
        return hostile.read(client, { kind = "cut", count = count, at = at })
    end

    --- Where the records of a body end: one more number than there are records, the last is its length.
    local function ends_of(count, form)
        local record, list = '{"id":%d,"text":"%s"}', { 1 }
        if form == "xml" then
            record, list = "<Item><id>%d</id><text>%s</text></Item>", { #"<ArrayOfItem>" }
        end
        for id = 1, count do
            local between = form == "json" and id > 1 and 1 or 0
            list[id + 1] = list[id] + between + #record:format(id, hostile.text(id))
        end
        list[count + 2] = list[count + 1] + (form == "json" and 1 or #"</ArrayOfItem>")
        return list
    end

    for form in pairs(FORMS) do
        it("gives no record of a short one, and says that it is cut: " .. form, function()
            local length = ends_of(3, form)[5]
            hostile.run(function(client)
                for at = 1, length - 1, helper.scale(1, 7) do -- a body of no bytes is an empty list
                    local count, err = read(client, 3, at)
                    assert.equal(0, count)
                    assert.equal("decode", err and err.kind, at)
                end
                assert.equal(3, (read(client, 3, length)))
            end, { accept = form })
        end)

        it("gives the records before the cut of a long one: " .. form, function()
            local count = 1200
            local ends = ends_of(count, form)
            hostile.run(function(client)
                for id = 950, count, helper.scale(50, 125) do
                    for _, beside in ipairs { -2, -1, 0, 1, 2, 20 } do
                        local at = ends[id + 1] + beside
                        local got, err = read(client, count, at)
                        assert.equal(beside < 0 and id - 1 or id, got)
                        assert.equal(at < ends[count + 2] and "decode" or nil, err and err.kind)
                    end
                end
                assert.equal(count, (read(client, count, ends[count + 2])))
            end, { accept = form })
        end)
    end
end)

describe("a hostile body over HTTP", function()
    local server, base

    lazy_setup(function() server, base = hostile.serve() end)

    lazy_teardown(function()
        server:signal "TERM"
        server:wait()
    end)

    after_each(helper.assert_idle)

    for kind, case in pairs(KINDS) do
        -- What takes an hour takes it there; and what is more than was announced the server does not send.
        if kind ~= "stall" and kind ~= "long" then
            for form in pairs(FORMS) do
                it(("ends as in one process: %s, in %s"):format(kind, form), function()
                    hostile.over(base, function(client)
                        local count, err = hostile.read(client, { kind = kind, at = 200001 })
                        assert.equal(case[1], err and err.kind)
                        assert_message(case, form, err.message)
                        assert.is_true(count >= case.kept[1] and count <= case.kept[2], count)
                    end, { accept = form })
                end)
            end
        end
    end

    it("is read whole where it is only packed", function()
        hostile.over(base, function(client)
            assert.same({ COUNT }, { hostile.read(client, { kind = "gzip" }) })
        end)
    end)
end)
