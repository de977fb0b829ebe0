--- neap call --all: every record of every page, one per line.

local helper = require "spec.support.helper"
local pager = require "spec.support.pager"

--- Runs `neap call pager ENDPOINT ... --all --sandbox --clock virtual`.
local function all(words, opts)
    local args = { "call", "pager", table.unpack(words) }
    table.move({ "--all", "--sandbox", "--clock", "virtual" }, 1, 4, #args + 1, args)
    opts = opts or {}
    opts.cwd = opts.cwd or pager.place()
    return helper.cli(args, opts)
end

--- The lines of records 1 to count, keys as the vendor sends them.
local function lines(count)
    local list = {}
    for id = 1, count do list[id] = ('{"id":%d,"name":"n%d"}\n'):format(id, id) end
    return table.concat(list)
end

local function count_lines(path)
    return select(2, helper.read(path):gsub("\n", ""))
end

describe("neap call --all", function()
    for _, style in ipairs { "skip", "cursor", "token", "page", "link", "next_url" } do
        it("prints a record per line: " .. style, function()
            assert.same({ code = 0, out = lines(1234), err = "" }, all { style, "count=1234" })
            assert.same({ code = 0, out = "", err = "" }, all { style, "count=0" })
        end)
    end

    it("prints many", function()
        local count = helper.scale(25000, 2500)
        local got = all { "cursor", "count=" .. count, "plan=trailer,short" }
        assert.equal(0, got.code)
        assert.is_true(got.out == lines(count))
    end)

    it("asks for the largest pages unless told otherwise", function()
        local told = { [{ "skip" }] = 3, [{ "skip", "$top=25" }] = 11, [{ "cursor", "limit=25" }] = 10 }
        for words, requests in pairs(told) do
            local dir = pager.place()
            words[#words + 1] = "--sandbox-log=" .. dir .. "/log"
            assert.equal(lines(250), all(words, { cwd = dir }).out)
            assert.equal(requests, count_lines(dir .. "/log"))
        end
    end)

    it("refuses a size above the vendor's, before any call", function()
        for _, words in ipairs { { "skip", "$top=101" }, { "cursor", "limit=101" }, { "skip", "$skip=x" } } do
            local got = all(words)
            assert.equal(2, got.code)
            assert.equal("", got.out)
            assert.matches("^neap: pager%.%l+: invalid: ", got.err)
        end
    end)

    it("keeps what it printed where a page fails", function()
        assert.same({
            code = 1, out = lines(200),
            err = "neap: pager.skip: rejected: HTTP 500: said 500; to go on there: $skip=200\n",
        }, all { "skip", "plan=500@3" })
        local got = all { "next_url", "plan=foreign", "--json" }
        assert.equal(1, got.code)
        assert.equal(lines(100), got.out)
        assert.matches('^{"error":{"kind":"redirect","vendor":"pager","endpoint":"next_url"', got.err)
    end)

    it("prints records that are no objects as they are", function()
        local got = all { "skip", "count=3", "plan=bare" }
        assert.same({ code = 0, out = '1\n"n2"\n[3]\n', err = "" }, got)
    end)

    it("goes on where the parameters say", function()
        assert.equal(lines(250), lines(200) .. all({ "skip", "$skip=200" }).out)
    end)

    it("prints the elements of a list that does not come in pages", function()
        assert.same({ code = 0, out = lines(3), err = "" }, all { "plain" })
    end)

    it("ends when nobody reads on", function()
        local dir = pager.place()
        local pipe = assert(io.popen(("cd %s && %s call pager cursor plan=endless --all --sandbox --clock virtual "
            .. "--sandbox-log log | head -n 1"):format(helper.quote(dir), helper.quote(helper.bin))))
        local out = pipe:read "a"
        pipe:close()
        assert.equal(lines(1), out)
        assert.is_true(count_lines(dir .. "/log") < 200)
    end)
end)
