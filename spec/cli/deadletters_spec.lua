--- Dead letters: every record that was not delivered, with its reason (DESIGN.md 6, "Files").

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

local IMPORT = { "run", "omnisegment/import-audience", "--sandbox", "--clock", "virtual" }

local dir
before_each(function() dir = helper.tmpdir() end)

--- Imports text as members; returns what the command said and the letters in a file.
local function import(text, words, opts)
    opts = opts or {}
    opts.cwd = dir
    local args = { table.unpack(IMPORT) }
    table.move(words or { "--file", "a.csv" }, 1, #(words or { 1, 2 }), #args + 1, args)
    if text then helper.write(dir .. "/a.csv", text) end
    return helper.cli(args, opts)
end

local function letters(name)
    return shop.lines(helper.read(dir .. "/" .. (name or "a.csv.dead.ndjson")))
end

describe("dead letters", function()
    it("have the keys in their order, and the record as it was converted", function()
        local got = import "member_sn,email,is_active,point_balance\nM1,a@x.com,true,1.5\nM2,b@x.com,maybe,x\n"
        assert.equal(3, got.code)
        assert.equal('{"record":{"email":"b@x.com","is_active":"maybe","member_sn":"M2","point_balance":"x"},'
            .. '"line":3,"outcome":"not_sent","error":{"kind":"invalid","message":"is_active: \\"maybe\\" is no '
            .. 'boolean: expected true or false; point_balance: \\"x\\" is no decimal number"},"attempts":[]}\n',
            helper.read(dir .. "/a.csv.dead.ndjson"))
    end)

    it("tell every send, with the seconds waited before it", function()
        local got = import("member_sn\nM1\n", { "--file", "a.csv", "--faults", "503",
            "--set", "omnisegment.outage_wait=10s" })
        assert.equal(3, got.code, got.err)
        local letter = letters()[1]
        assert.equal("rejected", letter.outcome)
        assert.equal(6, #letter.attempts)
        assert.equal("2026-01-01T00:00:00.000Z", letter.attempts[1].at)
        assert.equal("2026-01-01T00:00:10.000Z", letter.attempts[2].at)
        assert.same({ 0, 10, 503 }, { letter.attempts[1].wait, letter.attempts[2].wait, letter.attempts[1].status })
        assert.matches('"attempts":%[{"at":"[^"]*","status":503,"wait":0},{"at":"[^"]*","status":503,"wait":10}',
            helper.read(dir .. "/a.csv.dead.ndjson"))
    end)

    it("say what the vendor said", function()
        helper.write(dir .. "/flow.lua", [[return neap.workflow { run = function(ctx)
            local omni = ctx:vendor "omnisegment"
            return ctx:deliver({ { id = 7 } }, function(row)
                return omni:get_interaction_report { report_id = row.id }
            end)
        end }]])
        local got = helper.cli({ "run", "flow.lua", "--sandbox" }, { cwd = dir })
        assert.equal(3, got.code)
        local letter = letters "neap.dead.ndjson" [1]
        assert.same({ id = 7 }, letter.record)
        assert.equal(1, letter.line)
        assert.same({ "rejected", "rejected", 400 }, { letter.outcome, letter.error.kind, letter.error.status })
        assert.is_string(letter.error.message)
    end)

    it("tell what may have arrived as unknown", function()
        helper.write(dir .. "/a.ndjson",
            '{"client_id":"d","hit_type":"pageview"}\n{"client_id":"e","hit_type":"pageview"}\n')
        local got = helper.cli({ "run", "omnisegment/track-events", "--file", "a.ndjson", "--sandbox", "--clock",
            "virtual", "--faults", "reset:to=0.05", "--json" }, { cwd = dir })
        assert.equal(3, got.code)
        assert.matches('"ok":1,"failed":0,"unknown":1,', got.out)
        local letter = letters("a.ndjson.dead.ndjson")[1]
        assert.same({ "unknown", "network", 1 }, { letter.outcome, letter.error.kind, #letter.attempts })
        assert.is_nil(letter.attempts[1].status)
    end)

    it("hold no credential", function()
        local got = import("member_sn\nM1\n", { "--file", "a.csv", "--set", "omnisegment.api_key=env:KEY" },
            { env = { KEY = "wrong-key-4711" } })
        assert.equal(4, got.code)
        local text = helper.read(dir .. "/a.csv.dead.ndjson")
        assert.is_nil(text:find("4711", 1, true))
        assert.is_nil(text:find("api_key\":", 1, true))
        assert.equal("auth", letters()[1].error.kind)
    end)

    it("are written to FILE.dead.ndjson, which the last line names", function()
        local got = import "member_sn,birthday\nM1,x\n"
        assert.matches("; dead letters in a%.csv%.dead%.ndjson\n$", got.err)
        assert.equal(1, #letters())
    end)

    it("of standard input are written to neap.dead.ndjson", function()
        local got = import(nil, { "--file", "-" }, { stdin = "member_sn,birthday\nM1,x\n" })
        assert.equal(3, got.code)
        assert.matches("; dead letters in neap%.dead%.ndjson\n$", got.err)
        assert.equal(1, #letters "neap.dead.ndjson")
    end)

    it("of a list or an iterator get a name that no earlier ones have", function()
        helper.write(dir .. "/flow.lua", [[return neap.workflow {
            args = { { "id", type = "integer" }, { "iterator", type = "boolean" } },
            run = function(ctx, args)
                local list = { { id = args.id } }
                local function each() return table.remove(list) end
                return ctx:deliver(args.iterator and each or list, function() return nil, "no" end)
            end,
        }]])
        assert(os.execute("ln -s nowhere " .. helper.quote(dir .. "/neap.dead-3.ndjson")))
        for i, name in ipairs { "neap.dead.ndjson", "neap.dead-2.ndjson", "neap.dead-4.ndjson" } do
            local words = { "run", "flow.lua", "--id", i, i % 2 == 0 and "--iterator" or nil }
            local got = helper.cli(words, { cwd = dir })
            assert.equal(3, got.code, got.err)
            assert.truthy(got.err:find("; dead letters in " .. name .. "\n", 1, true), got.err)
            assert.same({ 1, i }, { #letters(name), letters(name)[1].record.id })
        end
        assert.equal(1, letters("neap.dead.ndjson")[1].record.id)
        assert.is_false(helper.exists(dir .. "/nowhere"))
    end)

    it("of two deliveries at once are in two files", function()
        helper.write(dir .. "/flow.lua", [[return neap.workflow { run = function(ctx)
            local paths = neap.map({ 1, 2, 3 }, function(i)
                return ctx:deliver({ { id = i } }, function()
                    neap.sleep(0.01)
                    return nil, "no"
                end).dead_letters
            end)
            table.sort(paths)
            print(table.concat(paths, " "))
        end }]])
        local got = helper.cli({ "run", "flow.lua", "--sandbox" }, { cwd = dir })
        assert.equal("neap.dead-2.ndjson neap.dead-3.ndjson neap.dead.ndjson\n", got.out, got.err)
        local seen = {}
        for name in got.out:gmatch "%S+" do
            local found = letters(name)
            assert.equal(1, #found)
            seen[found[1].record.id] = true
        end
        assert.same({ true, true, true }, seen)
    end)

    it("are written where --dead-letters says", function()
        local got = import("member_sn,birthday\nM1,x\n", { "--file", "a.csv", "--dead-letters", "else.ndjson" })
        assert.matches("; dead letters in else%.ndjson\n$", got.err)
        assert.equal(1, #letters "else.ndjson")
        assert.is_false(helper.exists(dir .. "/a.csv.dead.ndjson"))
    end)

    it("make no file when all goes well, and leave an older one alone", function()
        local got = import "member_sn\nM1\n"
        assert.equal(0, got.code)
        assert.is_nil(got.err:find("dead", 1, true))
        assert.is_false(helper.exists(dir .. "/a.csv.dead.ndjson"))
        helper.write(dir .. "/a.csv.dead.ndjson", "older\n")
        import "member_sn\nM1\n"
        assert.equal("older\n", helper.read(dir .. "/a.csv.dead.ndjson"))
        import "member_sn,birthday\nM1,x\n"
        assert.equal(1, #letters())
    end)

    it("cannot be written to the file that is read, or to a place that is not there", function()
        local got = import("member_sn,birthday\nM1,x\n", { "--file", "a.csv", "--dead-letters", "a.csv" })
        assert.equal(2, got.code, got.err)
        assert.equal("member_sn,birthday\nM1,x\n", helper.read(dir .. "/a.csv"))
        got = import("member_sn,birthday\nM1,x\n", { "--file", "a.csv", "--dead-letters", "no/such/dir/x" })
        assert.equal(2, got.code)
        assert.truthy(got.err:find("no/such/dir/x", 1, true), got.err)
    end)

    it("can be given as --file, with the lines of the first file", function()
        import("member_sn,email,is_active\nM1,a@x.com,true\nM2,b@x.com,false\n",
            { "--file", "a.csv", "--faults", "503" })
        assert.equal(2, #letters())
        local got = import(nil, { "--file", "a.csv.dead.ndjson", "--json", "--sandbox-log", "log" })
        assert.equal(0, got.code, got.err)
        assert.matches('^{"total":2,"ok":2,', got.out)
        got = import(nil, { "--file", "a.csv.dead.ndjson", "--faults", "503", "--dead-letters", "again" })
        assert.equal(3, got.code)
        local again = letters "again"
        assert.same({ 2, 3 }, { again[1].line, again[2].line })
        assert.same({ email = "a@x.com", is_active = true, member_sn = "M1" }, again[1].record)
    end)

    it("keep records that were delivered out, and count as failed and unknown do", function()
        local got = import("member_sn,birthday\nM1,2000-01-01\nM2,x\nM3,2000-01-01\nM4,y\n",
            { "--file", "a.csv", "--json" })
        assert.equal(3, got.code)
        assert.matches('^{"total":4,"ok":2,"failed":2,"unknown":0,', got.out)
        local found = letters()
        assert.same({ "M2", "M4" }, { found[1].record.member_sn, found[2].record.member_sn })
    end)

    it("take the unread rest of a file when the delivery ends early", function()
        local rows = { "member_sn" }
        for i = 1, 300 do rows[#rows + 1] = "M" .. i end
        local got = import(table.concat(rows, "\n") .. "\n", { "--file", "a.csv", "--json", "--faults", "503" })
        assert.equal(3, got.code)
        assert.matches('^{"total":300,"ok":0,"failed":300,"unknown":0,', got.out)
        local seen, not_sent = {}, 0
        for _, letter in ipairs(letters()) do
            seen[letter.record.member_sn] = letter.line
            if #letter.attempts == 0 then
                assert.equal("not_sent", letter.outcome)
                assert.equal("outage", letter.error.kind)
                assert.equal(6, #letter.error.cause)
                not_sent = not_sent + 1
            else
                assert.equal("rejected", letter.outcome)
            end
        end
        for i = 1, 300 do assert.equal(i + 1, seen["M" .. i]) end
        assert.is_true(not_sent > 200)
    end)

    it("of a stream hold what was read, and the last line says how much that was", function()
        local rows = { "member_sn" }
        for i = 1, 300 do rows[#rows + 1] = "M" .. i end
        local got = import(nil, { "--file", "-", "--faults", "503" }, { stdin = table.concat(rows, "\n") .. "\n" })
        assert.equal(3, got.code)
        local total, read = got.err:match("(%d+) records: [^\n]*, (%d+) records read; "
            .. "dead letters in neap.dead.ndjson\n$")
        assert.equal(total, read)
        assert.equal(tonumber(total), #letters "neap.dead.ndjson")
    end)
end)
