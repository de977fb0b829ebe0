--- Batches of a delivery: calls that may travel together do, and each record keeps its own outcome.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local deliver = require "neap.deliver"

local function rows(count, plans)
    local items = {}
    for i = 1, count do items[i] = { id = tostring(i), plan = plans and plans[i] } end
    return items
end

--- Delivers in batches. -> summary, decoded dead letters by id of the record
local function run(source, fn, opts)
    opts = opts or {}
    opts.batch, opts.dead_letters = true, helper.tmpdir() .. "/dead.ndjson"
    local summary = assert(deliver.run(source, fn, opts))
    local letters = {}
    if helper.exists(opts.dead_letters) then
        for line in io.lines(opts.dead_letters) do
            local letter = assert(neap.json.decode(line))
            letters[letter.record.id] = letter
        end
    end
    assert.equal(summary.total, summary.ok + summary.failed + summary.unknown)
    return summary, letters
end

--- The calls that were seen: "put_rows 5", "put_row 1", ...
local function calls()
    local list = {}
    for i, entry in ipairs(acme.seen()) do
        local body = neap.json.decode(entry.body)
        list[i] = ("%s %s"):format(entry.endpoint, body.rows and #body.rows or body.data.id)
    end
    return list
end

describe("batches", function()
    after_each(helper.assert_idle)

    it("are as large as the vendor takes them, the last one smaller", function()
        acme.run(function(v)
            local summary = run(rows(12), function(row) return v:put_row { data = row } end)
            assert.same({ 12, 12, 0 }, { summary.total, summary.ok, summary.retried })
            assert.same({ "put_rows 5", "put_rows 5", "put_rows 2" }, calls())
            assert.same({ rows = { { id = "1" }, { id = "2" }, { id = "3" }, { id = "4" }, { id = "5" } },
                mode = "add" }, neap.json.decode(acme.column("body")[1]))
        end)
    end)

    it("are full with one place and with many", function()
        for _, concurrency in ipairs { 1, 2, 1000 } do
            acme.run(function(v)
                local summary = run(rows(200), function(row) return v:put_row { data = row } end,
                    { concurrency = concurrency })
                assert.equal(200, summary.ok)
                assert.equal(40, #calls())
                assert.near(3.9, summary.seconds, 0.3)
            end)
        end
    end)

    it("keep at most `concurrency` under way", function()
        acme.run(function(v)
            run(rows(40), function(row) return v:put_row { data = row, batch_plan = ("slow;10 "):rep(8) } end,
                { concurrency = 2 })
            local at = acme.column "at"
            assert.equal(8, #at)
            for i = 3, #at do assert.is_true(at[i] - at[i - 2] >= 10) end
        end)
    end)

    it("never hold two records of one key", function()
        acme.run(function(v)
            local items = rows(10)
            for i = 6, 10 do items[i] = { id = items[i - 5].id, name = "again" } end
            assert.equal(10, run(items, function(row) return v:put_row { data = row } end).ok)
            assert.same({ "put_rows 5", "put_rows 5" }, calls())
            local second = neap.json.decode(acme.column("body")[2])
            for i, row in ipairs(second.rows) do
                assert.same({ id = tostring(i), name = "again" }, row)
            end
        end)
        acme.run(function(v)
            local items = { { id = "1" }, { id = "1" }, { id = "1" } }
            assert.equal(3, run(items, function(row) return v:put_row { data = row } end).ok)
            assert.same({ "put_rows 1", "put_rows 1", "put_rows 1" }, calls())
        end)
    end)

    it("hold calls with the same options only", function()
        acme.run(function(v)
            local summary = run(rows(10), function(row)
                return v:put_row { data = row, mode = tonumber(row.id) % 2 == 0 and "drop" or nil }
            end)
            assert.equal(10, summary.ok)
            assert.same({ "put_rows 5", "put_rows 5" }, calls())
        end)
    end)

    it("leave alone what the vendor does not take so", function()
        acme.run(function(v)
            local items = rows(5)
            items[2].id = nil -- against the batch's rule
            items[2].name = "x"
            local summary = run(items, function(row)
                return v:put_row { data = row, debug = row.id == "4" or nil }
            end)
            assert.equal(5, summary.ok)
            local seen = calls()
            table.sort(seen)
            assert.same({ "put_row 4", "put_row nil", "put_rows 3" }, seen)
        end)
    end)

    it("travel alone without the option, and for calls that have none", function()
        acme.run(function(v)
            local dead_letters = helper.tmpdir() .. "/dead.ndjson"
            deliver.run(rows(3), function(row) return v:put_row { data = row } end, { dead_letters = dead_letters })
            run(rows(3), function(row) return v:put { id = row.id } end)
            assert.same({ "put_row", "put_row", "put_row", "put", "put", "put" }, acme.column "endpoint")
        end)
    end)

    it("are sent again row by row when refused, so that one bad row takes no others down", function()
        acme.run(function(v)
            local summary, letters = run(rows(12, { [3] = "400" }), function(row)
                return v:put_row { data = row }
            end)
            assert.same({ 12, 11, 1, 0, 5 },
                { summary.total, summary.ok, summary.failed, summary.unknown, summary.retried })
            assert.equal(8, #calls()) -- three batches and five rows
            assert.equal("rejected", letters["3"].outcome)
            assert.equal("said 400", letters["3"].error.message)
            assert.equal(2, #letters["3"].attempts) -- with the batch, and alone
        end)
    end)

    it("share what becomes of them otherwise", function()
        acme.run(function(v)
            local summary, letters = run(rows(5), function(row)
                return v:put_row { data = row, batch_plan = "500" }
            end)
            assert.equal(5, summary.failed)
            assert.same({ "put_rows 5" }, calls())
            assert.equal("rejected", letters["1"].outcome)
            assert.equal("said 500", letters["5"].error.message)
        end)
        acme.run(function(v)
            local summary = run(rows(5), function(row)
                return v:put_row { data = row, batch_plan = "cut 429;2 503" }
            end)
            assert.same({ 5, 5 }, { summary.ok, summary.retried })
            assert.equal(4, #calls())
        end)
        acme.run(function(v)
            local _, letters = run(rows(5), function(row)
                return v:put_row { data = row, batch_plan = "cut cut cut cut cut" }
            end)
            assert.equal("unknown", letters["2"].outcome)
        end)
    end)

    it("end with the delivery: what was not sent is not_sent", function()
        acme.run(function(v)
            local summary, letters = run(rows(400), function(row)
                return v:put_row { data = row, batch_plan = ("503 "):rep(20) }
            end)
            assert.equal("outage", summary.ended.reason)
            assert.equal(400, summary.failed)
            assert.equal("rejected", letters["1"].outcome)
            assert.equal("not_sent", letters["400"].outcome)
        end)
    end)

    it("lose no row of those that stay when one is cancelled before the send", function()
        acme.run(function(v)
            local summary, letters = run(rows(10), function(row)
                if row.id ~= "7" then return v:put_row { data = row } end
                return neap.deadline(0.05, function() return v:put_row { data = row } end)
            end)
            assert.same({ 9, 1 }, { summary.ok, summary.failed })
            assert.equal("not_sent", letters["7"].outcome)
            for _, entry in ipairs(acme.seen()) do assert.is_nil(entry.body:find('"7"', 1, true)) end
        end)
    end)

    it("wait for a slow stream only so long", function()
        acme.run(function(v)
            local n = 0
            local summary = run(function()
                n = n + 1
                if n > 4 then return nil end
                if n > 1 then neap.sleep(10) end
                return { id = tostring(n) }
            end, function(row) return v:put_row { data = row } end)
            assert.equal(4, summary.ok)
            assert.same({ "put_rows 1", "put_rows 1", "put_rows 1", "put_rows 1" }, calls())
        end)
    end)

    it("are sent when all that could join wait in others", function()
        acme.run(function(v) -- one record with two calls of different options, one place
            local summary = run(rows(3), function(row)
                local results = neap.map({ "add", "drop" }, function(mode)
                    return v:put_row { data = { id = row.id .. mode }, mode = mode }
                end)
                return results[1] and results[2]
            end, { concurrency = 1 })
            assert.equal(3, summary.ok)
            assert.equal(6, #calls())
        end)
        acme.run(function(v) -- children keep their record's place
            local summary = run(rows(200), function(row)
                return neap.deadline(3600, function()
                    return v:put_row { data = row, mode = tonumber(row.id) % 2 == 0 and "drop" or nil }
                end)
            end)
            assert.equal(200, summary.ok)
            assert.is_true(summary.seconds < 30)
        end)
        local count = helper.scale(10500, 500)
        acme.run(function(v) -- more kinds than can be open at once
            local summary = run(rows(count), function(row)
                local kind = tostring(tonumber(row.id) % (count // 2)):gsub("%d", function(digit)
                    return (" "):rep(digit) .. "\t" -- words of a plan are told by blanks: there are none
                end)
                return v:put_row { data = row, batch_plan = kind }
            end)
            assert.equal(count, summary.ok)
        end)
    end)

    it("are not sent again with a record that was given up", function()
        acme.run(function(v)
            local items = rows(5)
            items[6] = { id = "1", name = "newer" }
            local summary, letters = run(items, function(row)
                return neap.deadline(row.id == "1" and not row.name and 1 or 3600, function()
                    return v:put_row { data = row, batch_plan = "503" }
                end)
            end)
            assert.same({ 5, 1 }, { summary.ok, summary.failed })
            assert.equal("rejected", letters["1"].outcome)
            local bodies = acme.column "body"
            assert.truthy(bodies[1]:find('{"id":"1"}', 1, true))
            for i = 2, #bodies do assert.is_nil(bodies[i]:find('{"id":"1"}', 1, true)) end
        end)
    end)

    it("are not sent after the end of the delivery", function()
        acme.run(function(v)
            local runtime = require "neap.runtime"
            local stopper = neap.spawn(function()
                neap.sleep(1)
                runtime.stop "SIGINT"
            end)
            local summary = run(rows(10), function(row)
                return v:put_row { data = row, batch_plan = tonumber(row.id) > 5 and "200 429;3" or "slow;6" }
            end)
            stopper:await()
            assert.same({ 5, 5, 0 }, { summary.ok, summary.failed, summary.unknown })
            assert.equal(2, #calls())
        end)
    end)

    it("hold what was given, whatever becomes of the caller's tables", function()
        acme.run(function(v)
            local shared = {}
            local summary = run(rows(5), function(row)
                shared.id, shared.name = row.id, "n" .. row.id
                return v:put_row { data = shared }
            end)
            assert.equal(5, summary.ok)
            for i, row in ipairs(neap.json.decode(acme.column("body")[1]).rows) do
                assert.same({ id = tostring(i), name = "n" .. i }, row)
            end
        end)
        acme.run(function(v) -- alone, behind a record of the same key
            local shared = {}
            run({ { n = "1" }, { n = "2" }, { n = "3" } }, function(row)
                shared.id, shared.name = "1", row.n
                return v:put_row { data = shared, debug = true }
            end)
            for i, body in ipairs(acme.column "body") do
                assert.equal(tostring(i), neap.json.decode(body).data.name)
            end
        end)
    end)

    it("give their place back while they wait long", function()
        acme.run(function(v)
            local summary = run(rows(15), function(row)
                return v:put_row { data = row, batch_plan = tonumber(row.id) <= 5 and "503" or nil }
            end, { concurrency = 1 })
            assert.equal(15, summary.ok)
            assert.same({ "put_rows 5", "put_rows 5", "put_rows 5", "put_rows 5" }, calls())
            assert.is_true(acme.column("at")[3] < 1)
        end)
    end)
end)
