--- --dry-run: reads are made; writes are checked and shown (DESIGN.md 6, "Commands").

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

local json = require "neap.native.json"

local function members(count)
    local rows = { "member_sn" }
    for i = 1, count do rows[#rows + 1] = "M" .. i end
    return table.concat(rows, "\n") .. "\n"
end

local function import(text, ...)
    local dir = helper.tmpdir()
    helper.write(dir .. "/a.csv", text)
    local got = helper.cli({ "run", "omnisegment/import-audience", "--file", "a.csv", "--dry-run",
        "--sandbox-log", "log", "--sandbox", ... }, { cwd = dir })
    got.sent = helper.exists(dir .. "/log") and #shop.lines(helper.read(dir .. "/log")) or 0
    got.dead = helper.exists(dir .. "/a.csv.dead.ndjson")
    return got
end

describe("--dry-run", function()
    it("shows a write as a request, its credential as ***", function()
        local got = helper.cli({ "call", "shop", "put_order", "id=1", "shelf=a b", "count=3", "--dry-run",
            "--set", "shop.branch=b1" }, { cwd = shop.place() })
        assert.same({ code = 0, err = "neap: dry run: 1 shop.put_order checked, none sent\n", out = [[
POST https://north.shop.example/orders/a%20b?branch=b1
Content-Type: application/json
Accept: application/json
User-Agent: neap/0.1
X-Key: ***

{"count":3,"id":"1"}

]] }, got)
    end)

    it("shows a credential in the body, too", function()
        local got = helper.cli({ "call", "shop", "note", "a=1", "--dry-run" }, { cwd = shop.place() })
        assert.equal(0, got.code)
        assert.matches('\n\n{"key":"%*%*%*","a":"1"}\n\n$', got.out)
    end)

    it("shows requests as JSON lines with --json", function()
        local got = helper.cli({ "call", "shop", "put_order", "id=1", "--dry-run", "--json" }, { cwd = shop.place() })
        assert.equal('{"body":{"id":"1"},"headers":{"Accept":"application/json","Content-Type":"application/json",'
            .. '"User-Agent":"neap/0.1","X-Key":"***"},"method":"POST",'
            .. '"url":"https://north.shop.example/orders/main"}\n',
            got.out)
    end)

    it("needs no credential for writes, and reads no secret", function()
        local dir = shop.place()
        local got = helper.cli({ "call", "omnisegment", "import_audience", "data.member_sn=M1",
            "--dry-run" }, { cwd = dir })
        assert.equal(0, got.code, got.err)
        assert.matches('"api_key":"%*%*%*"', got.out)
        assert.matches("^POST https://api%.omnisegment%.com/ma_audience/import%-audience/\n", got.out)
        got = helper.cli({ "call", "shop", "put_order", "id=1", "--dry-run" },
            { cwd = dir, env = { NEAP_SHOP_API_KEY = "sk-0815" } })
        assert.equal(0, got.code)
        assert.is_nil((got.out .. got.err):find("0815", 1, true))
    end)

    it("makes reads, which need what they always need", function()
        local dir = shop.place()
        local got = helper.cli({ "call", "shop", "say", "what=list", "--dry-run", "--sandbox" }, { cwd = dir })
        assert.same({ code = 0, out = '[{"b":1,"a":2.0},3]\n', err = "" }, got)
        got = helper.cli({ "call", "shop", "say", "what=list", "--dry-run" }, { cwd = dir })
        assert.equal(4, got.code)
    end)

    it("mixes both in a workflow", function()
        local dir = shop.place()
        helper.write(dir .. "/flow.lua", [[return neap.workflow { run = function(ctx)
            local shop = ctx:vendor "shop"
            local list = assert(shop:say { what = "list" })
            return ctx:deliver({ list[1] }, function(row) return shop:put_order { id = tostring(row.b) } end)
        end }]])
        local got = helper.cli({ "run", "flow.lua", "--dry-run", "--sandbox", "--sandbox-log", "log" }, { cwd = dir })
        assert.equal(0, got.code, got.err)
        assert.matches('\n{"id":"1"}\n', got.out)
        assert.equal(1, #shop.lines(helper.read(dir .. "/log")))
    end)

    it("shows the first ten, and counts all", function()
        local got = import(members(25))
        assert.equal(0, got.code)
        assert.equal(10, select(2, got.out:gsub("POST ", "")))
        assert.matches("neap: dry run: 25 omnisegment.import_audience checked, none sent; the first 10 are shown\n"
            .. "neap: 25 records: 25 ok, 0 failed, [^\n]*\n$", got.err)
        assert.same({ 0, false }, { got.sent, got.dead })
    end)

    it("says of ten no more than that they were checked", function()
        local got = import(members(10))
        assert.equal(10, select(2, got.out:gsub("POST ", "")))
        assert.matches("neap: dry run: 10 omnisegment.import_audience checked, none sent\n", got.err)
    end)

    it("shows whole lines where the log goes to the same place", function()
        local dir = shop.place()
        helper.write(dir .. "/flow.lua", [[return neap.workflow { run = function(ctx)
            local omni = ctx:vendor "omnisegment"
            for i = 1, 9 do
                assert(omni:import_audience { data = { member_sn = tostring(i), first_name = ("x"):rep(999) } })
                neap.log.warn "between"
            end
            return ctx:deliver({}, print)
        end }]])
        local pipe = assert(io.popen(("cd %s && %s run flow.lua --dry-run --json --sandbox 2>&1"):format(
            helper.quote(dir), helper.quote(helper.bin))))
        local lines = {}
        for line in pipe:lines() do lines[#lines + 1] = line end
        pipe:close()
        assert.equal(20, #lines)
        for i = 1, 18, 2 do
            assert.equal(tostring((i + 1) // 2), json.decode(lines[i]).body.data.member_sn)
            assert.matches(" warn  between$", lines[i + 1])
        end
        assert.equal("neap: dry run: 9 omnisegment.import_audience checked, none sent", lines[19])
        assert.equal(0, json.decode(lines[20]).total)
    end)

    it("has the exit code that the run would have had before sending", function()
        assert.equal(2, import("member_sn,emial\nM1,x\n").code)
        assert.equal(2, import("").code)
        assert.equal(0, import("member_sn\n").code)
        assert.equal(3, import("member_sn,birthday\nM1,x\nM2,2000-01-01\n").code)
        assert.equal(1, import('member_sn,email\nM1,a@x.com\nM2,"open\n').code)
        local dir = shop.place()
        assert.equal(2, helper.cli({ "call", "shop", "put_order", "--dry-run" }, { cwd = dir }).code)
        assert.equal(2, helper.cli({ "call", "shop", "put_order", "id=1", "--dry-run", "--set", "shop.region=east" },
            { cwd = dir }).code)
    end)

    it("orders no report", function()
        local dir = helper.tmpdir()
        local got = helper.cli({ "run", "omnisegment/interaction-report", "--start-date", "2026-10-01", "--end-date",
            "2026-10-31", "--out", "r.ndjson", "--dry-run", "--sandbox" }, { cwd = dir })
        assert.equal(0, got.code, got.err)
        assert.matches("^POST ", got.out)
        assert.is_false(helper.exists(dir .. "/r.ndjson"))
    end)
end)
