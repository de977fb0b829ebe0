--- Deliveries under outages, and those that end before their source does: what is sent, what every
-- record is called afterwards.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local deliver = require "neap.deliver"
local errors = require "neap.error"
local runtime = require "neap.runtime"

local function list(n, plan)
    local items = {}
    for i = 1, n do items[i] = { id = i, plan = plan } end
    return items
end

local function letters_of(path)
    local letters = {}
    if not helper.exists(path) then return letters end
    for line in io.lines(path) do letters[#letters + 1] = assert(neap.json.decode(line)) end
    return letters
end

--- Delivers by v:put. -> summary, dead letters; `act(seconds)` runs beside it
local function run(v, source, opts)
    opts = opts or {}
    local path = helper.tmpdir() .. "/dead.ndjson"
    local beside = opts.act and neap.spawn(opts.act)
    local summary = assert(deliver.run(source, opts.fn or function(row) return v[opts.endpoint or "put"](v, row) end,
        { concurrency = opts.concurrency, dead_letters = path }))
    if beside then beside:await() end
    local letters = letters_of(path)
    assert.equal(#letters, summary.failed + summary.unknown)
    assert.equal(summary.total, summary.ok + summary.failed + summary.unknown)
    return summary, letters
end

--- How many letters have each outcome.
local function outcomes(letters)
    local counts = {}
    for _, letter in ipairs(letters) do counts[letter.outcome] = (counts[letter.outcome] or 0) + 1 end
    return counts
end

describe("an outage", function()
    after_each(helper.assert_idle)

    it("of 12 minutes delays: only the probe is sent, then everything is delivered", function()
        acme.run(function(v)
            local summary = run(v, list(200))
            assert.equal(200, summary.ok)
            assert.is_nil(summary.ended)
            local during = 0
            for _, entry in ipairs(acme.seen()) do
                if entry.at > 2.5 and entry.at < 722 then during = during + 1 end
            end
            assert.equal(0, during)
            assert.near(902 + 18, summary.seconds, 1.5)
            assert.equal(2, summary.retried)
        end, { faults = "outage@acme:status=503,from=2,to=722" })
    end)

    it("of 40 minutes ends the delivery after six sends of the probe", function()
        acme.run(function(v)
            local summary, letters = run(v, list(200))
            assert.equal("outage", summary.ended.reason)
            assert.near(1502, summary.seconds, 1)
            assert.equal(200, summary.total)
            assert.equal(0, summary.unknown)
            local counts = outcomes(letters)
            assert.equal(2, counts.rejected)
            assert.equal(summary.failed - 2, counts.not_sent)
            local probes, others = 0, 0
            for _, letter in ipairs(letters) do
                assert.equal("outage", letter.error.kind)
                if #letter.attempts == 6 then
                    probes = probes + 1
                    for i, attempt in ipairs(letter.attempts) do
                        assert.equal(503, attempt.status)
                        assert.equal(i == 1 and 0 or 300, attempt.wait)
                    end
                else
                    others = others + 1
                    assert.equal(6, #letter.error.cause)
                    assert.equal(503, letter.error.cause[6].status)
                    assert.equal(letter.outcome == "rejected" and 1 or 0, #letter.attempts)
                end
            end
            assert.equal(1, probes)
            assert.equal(#letters - 1, others)
            assert.equal(summary.ok, #acme.seen())
        end, { faults = "outage@acme:status=503,from=2,to=2402" })
    end)

    it("that one record alone meets parks only that record", function()
        acme.run(function(v)
            local rows = list(50)
            rows[20].plan = "503 503"
            local summary = run(v, rows)
            assert.equal(50, summary.ok)
            assert.equal(1, summary.retried)
            local at = acme.column "at"
            assert.near(5, at[50], 0.2)
        end)
    end)

    it("of one endpoint leaves the others alone", function()
        acme.run(function(v)
            local summary = run(v, list(40), { fn = function(row)
                if row.id % 2 == 0 then return v:put { id = row.id } end
                return v:read { id = row.id }
            end })
            assert.equal(40, summary.ok)
            for _, entry in ipairs(acme.seen()) do
                if entry.endpoint == "read" then assert.is_true(entry.at < 5) end
            end
        end, { faults = "outage@acme.put:status=502,from=0,to=700" })
    end)

    it("counts 502, 503 and 504 as one, and honours a longer Retry-After", function()
        acme.run(function(v)
            local summary = run(v, { { id = 1, plan = "502 503;1000 504" }, { id = 2, plan = "504" }, { id = 3 } },
                { concurrency = 2 })
            assert.equal(3, summary.ok)
            assert.near(1600, summary.seconds, 2)
        end)
    end)

    it("does not hide that a write may have taken effect", function()
        acme.run(function(v)
            local _, letters = run(v, { { id = 1, plan = "cut " .. ("503 "):rep(6) },
                { id = 2, plan = ("503 "):rep(6) } })
            local by_id = {}
            for _, letter in ipairs(letters) do by_id[letter.record.id] = letter.outcome end
            assert.same({ "unknown", "rejected" }, by_id)
        end)
    end)
end)

describe("a refused credential", function()
    after_each(helper.assert_idle)

    it("ends the delivery at the first refusal when nothing has worked", function()
        local key = helper.write(helper.tmpdir() .. "/key", "wrong")
        acme.run(function(v)
            local summary, letters = run(v, list(500))
            assert.equal("refused", summary.ended.reason)
            assert.equal(500, summary.failed)
            assert.equal(1, #acme.seen())
            assert.same({ rejected = 1, not_sent = 499 }, outcomes(letters))
            for _, letter in ipairs(letters) do assert.equal("auth", letter.error.kind) end
            assert.equal(401, letters[1].error.status)
            assert.equal(401, letters[2].error.cause.status)
        end, { settings = { acme = { api_key = { value = "file:" .. key, from = "--set" } } } })
    end)

    it("ends it at the third in a row when something has", function()
        acme.run(function(v)
            local rows = list(100)
            for i = 11, 100 do rows[i].plan = "401" end
            rows[13].plan = nil
            local summary, letters = run(v, rows, { concurrency = 1 })
            assert.equal("refused", summary.ended.reason)
            assert.equal(11, summary.ok)
            assert.equal(16, #acme.seen())
            assert.same({ rejected = 5, not_sent = 84 }, outcomes(letters))
        end)
    end)
end)

describe("a missing setting", function()
    after_each(helper.assert_idle)

    it("ends the delivery without a send", function()
        acme.run(function()
            runtime.options.sandbox = nil
            local summary, letters = run(neap.vendor "acme", list(10))
            assert.equal("settings", summary.ended.reason)
            assert.same({}, letters)
            assert.equal(0, summary.total)
            assert.equal(0, runtime.sends)
            runtime.options.sandbox = true
        end)
    end)

    it("leaves the letters of an earlier run alone, whatever row is bad", function()
        acme.run(function()
            local dir = helper.tmpdir()
            helper.write(dir .. "/in.csv", "id,count,email\n1,many,a@example.com\n2,2,b@example.com\n")
            helper.write(dir .. "/dead.ndjson", "earlier\n")
            runtime.options.sandbox = nil
            local v = neap.vendor "acme"
            local summary = assert(deliver.run(neap.records(dir .. "/in.csv", v.checked), function(row)
                return v:checked(row)
            end, { dead_letters = dir .. "/dead.ndjson" }))
            runtime.options.sandbox = true
            assert.same({ "settings", 0, 0 }, { summary.ended.reason, summary.total, summary.failed })
            assert.is_nil(summary.dead_letters)
            assert.equal("earlier\n", helper.read(dir .. "/dead.ndjson"))
        end)
    end)

    it("found after something was sent leaves a letter for every other record", function()
        acme.run(function(v)
            local other = neap.vendor "acme"
            other.missing[1] = "api_key"
            local summary, letters = run(v, list(10), { concurrency = 1, fn = function(row)
                if row.id == 4 then return other:put(row) end
                return v:put(row)
            end })
            assert.same({ "settings", 3, 7 }, { summary.ended.reason, summary.ok, #letters })
        end)
    end)
end)

describe("a signal", function()
    after_each(helper.assert_idle)

    local function at(seconds)
        return function()
            neap.sleep(seconds)
            assert.is_true(runtime.stop "SIGINT")
        end
    end

    it("stops sending; what is on the wire may answer", function()
        acme.run(function(v)
            local summary, letters = run(v, list(100, "slow;4"), { act = at(2.05) })
            assert.equal("signal", summary.ended.reason)
            assert.equal(21, #acme.seen())
            assert.equal(21, summary.ok)
            assert.same({ not_sent = 79 }, outcomes(letters))
            assert.near(6, summary.seconds, 0.1)
            assert.equal("cancelled", letters[1].error.kind)
            assert.equal("ended by SIGINT", letters[1].error.message)
        end)
    end)

    it("waits ten seconds for answers, no more", function()
        acme.run(function(v)
            local summary, letters = run(v, list(30, "slow;50"), { act = at(1.05) })
            assert.same({ unknown = 11, not_sent = 19 }, outcomes(letters))
            assert.equal(11, summary.unknown)
            assert.near(11.05, summary.seconds, 0.01)
        end)
    end)

    it("does so after the source has been read, too", function()
        acme.run(function(v)
            local summary, letters = run(v, list(3, "slow;50"), { act = at(5) })
            assert.same({ unknown = 3 }, outcomes(letters))
            assert.near(15, summary.seconds, 0.01)
        end)
    end)

    it("ends waits for retries, gates and keys at once", function()
        for _, plan in ipairs { "429;500", "503", "cut cut cut cut cut" } do
            acme.run(function(v)
                local summary, letters = run(v, { { id = 1, plan = plan }, { id = 1 }, { id = 2, plan = plan } },
                    { act = at(0.3) })
                assert.near(0.3, summary.seconds, 0.01)
                assert.equal("signal", summary.ended.reason)
                for _, letter in ipairs(letters) do
                    local sent = #letter.attempts > 0
                    local doubt = sent and plan:find "cut"
                    assert.equal(doubt and "unknown" or sent and "rejected" or "not_sent", letter.outcome)
                end
            end)
        end
    end)

    it("lets no record begin another call", function()
        acme.run(function(v)
            local summary, letters = run(v, list(5), { act = at(1), fn = function(row)
                assert(v:read { id = row.id, plan = "slow;3" })
                return v:put { id = row.id }
            end })
            assert.equal(5, summary.failed)
            for _, entry in ipairs(acme.seen()) do assert.equal("read", entry.endpoint) end
            assert.equal("cancelled", letters[1].error.kind)
        end)
    end)

    it("does not repeat what fails meanwhile", function()
        acme.run(function(v)
            local summary, letters = run(v, list(2, "slow;3"), { act = at(1) })
            assert.equal(2, #acme.seen())
            assert.equal(2, summary.unknown)
            assert.equal(1, #letters[1].attempts)
        end, { faults = "truncate@acme:from=0" })
    end)

    it("is remembered for deliveries that begin later", function()
        acme.run(function(v)
            runtime.stop "SIGTERM"
            local summary = run(v, list(10))
            assert.equal("signal", summary.ended.reason)
            assert.equal(10, summary.failed)
            assert.equal(0, #acme.seen())
        end)
    end)

    it("ends reading a stream, even one that waits", function()
        acme.run(function(v)
            local n = 0
            local summary, letters = run(v, function()
                n = n + 1
                if n > 20 then neap.sleep(1e6) end
                return { id = n, plan = "slow;4" }
            end, { act = at(1.05) })
            assert.equal(11, summary.ok)
            assert.equal(20, summary.total)
            assert.same({ not_sent = 9 }, outcomes(letters))
            assert.is_true(summary.stream)
            assert.near(5, summary.seconds, 0.1)
        end)
    end)
end)

describe("a source that breaks", function()
    after_each(helper.assert_idle)

    it("ends the run after the records before it", function()
        acme.run(function(v)
            local path = helper.write(helper.tmpdir() .. "/a.csv", 'id,plan\n1,\n2,400\n3,"oops\n4,\n')
            local summary, letters = run(v, neap.records(path, v.put))
            assert.equal("source", summary.ended.reason)
            assert.equal(1, summary.ok)
            assert.equal(2, summary.total)
            assert.equal(1, #letters)
            assert.equal("2", letters[1].record.id)
            assert.equal(3, letters[1].line)
            assert.equal(4, summary.ended.err.line)
        end)
    end)

    it("may be an iterator that raises an error object", function()
        acme.run(function(v)
            local n, broken = 0, errors.new { kind = "network", message = "page 2 failed" }
            local summary = run(v, function()
                n = n + 1
                if n == 4 then error(broken) end
                return { id = n }
            end)
            assert.equal(3, summary.ok)
            assert.equal("source", summary.ended.reason)
            assert.equal(broken, summary.ended.err)
        end)
    end)

    it("is a bug where it raises anything else", function()
        acme.run(function(v)
            local n = 0
            local ok, raised = pcall(deliver.run, function()
                n = n + 1
                return n < 4 and { id = n } or n.x.y
            end, function(row) return v:put(row) end, { dead_letters = helper.tmpdir() .. "/dead" })
            assert.is_false(ok)
            assert.equal("bug", raised.kind)
            assert.matches("deliver_end_spec.lua:%d+: attempt to index", raised.message)
        end)
    end)

    it("has faulty rows that are dead letters of their own", function()
        acme.run(function(v)
            local path = helper.write(helper.tmpdir() .. "/a.csv", "id,count,email\n1,2,e\n2,many,e\n3,0,e\n4,5,e,6\n")
            local summary, letters = run(v, neap.records(path, v.checked), { endpoint = "checked" })
            assert.equal(1, summary.ok)
            assert.equal(3, summary.failed)
            assert.same({ 3, 5, 4 }, { letters[1].line, letters[2].line, letters[3].line })
            for _, letter in ipairs(letters) do
                assert.equal("not_sent", letter.outcome)
                assert.equal("invalid", letter.error.kind)
                assert.same({}, letter.attempts)
            end
            assert.equal("many", letters[1].record.count)
        end)
    end)
end)

describe("dead letters", function()
    after_each(helper.assert_idle)

    it("of a file that was cut short hold its unread rest, and can be delivered as they are", function()
        local dir = helper.tmpdir()
        local lines = { "id,count,email" }
        for i = 1, 3000 do lines[#lines + 1] = ("%d,%d,a%d@example.com"):format(i, i, i) end
        helper.write(dir .. "/all.csv", table.concat(lines, "\n") .. "\n")
        local first, rest
        acme.run(function(v)
            neap.spawn(function()
                neap.sleep(100.05)
                runtime.stop "SIGINT"
            end)
            local summary = deliver.run(neap.records(dir .. "/all.csv", v.checked), function(row)
                return v:checked(row)
            end)
            assert.equal(3000, summary.total)
            assert.equal(1001, summary.ok)
            assert.equal(dir .. "/all.csv.dead.ndjson", summary.dead_letters)
            first = acme.column "body"
            local letters = letters_of(summary.dead_letters)
            assert.equal(1999, #letters)
            assert.equal(1003, letters[1].line)
            assert.equal(3001, letters[1999].line)
            assert.same({ id = "1002", count = 1002, email = "a1002@example.com" }, letters[1].record)
        end)
        acme.run(function(v)
            local summary = deliver.run(neap.records(dir .. "/all.csv.dead.ndjson", v.checked), function(row)
                return v:checked(row)
            end)
            assert.equal(1999, summary.ok)
            rest = acme.column "body"
        end)
        local seen = {}
        for _, bodies in ipairs { first, rest } do
            for _, body in ipairs(bodies) do
                assert.is_nil(seen[body])
                seen[body] = true
            end
        end
        assert.equal(3000, #first + #rest)
    end)
end)
