--- neap.inbox: what is put is handled once, by whoever is there, in the state file and in memory alike. The file's
--- half is tested in spec/c/test_store_inbox.c.

local helper = require "spec.support.helper"
local neap = require "neap"
local clock = require "neap.native.clock"
local log = require "neap.native.log"
local runtime = require "neap.runtime"
local store = require "neap.native.store"
local task = require "neap.native.task"

--- Runs fn with what a process has: a state file of its own, or none. Log lines are kept, not shown.
local function with(state, fn)
    local lines = {}
    runtime.configure(state == "file" and { state_path = helper.tmpdir() .. "/state.db" } or { no_state = true })
    log.capture(function(line) lines[#lines + 1] = line end)
    local ok, raised = pcall(neap.run, function() fn(lines) end)
    log.capture()
    runtime.configure {}
    if not ok then error(raised, 0) end
end

--- Waits, in a task, until a condition holds.
local function await(condition)
    assert(neap.poll({ every = 0.01, total = 20 }, function() return condition() or false end))
end

--- Collects what a worker is given. -> list of "key:value", the worker
local function collect(inbox, opts, fail)
    local got = {}
    return got, inbox:each(function(value, key, entry)
        got[#got + 1] = key .. ":" .. neap.json.encode(value, { sorted = true })
        if fail then return fail(key, entry.attempt) end
    end, opts)
end

for _, state in ipairs { "file", "memory" } do
    describe("an inbox in " .. state, function()
        after_each(helper.assert_idle)

        it("takes a key once, and hands its value out in the order of arrival", function()
            with(state, function()
                local inbox = neap.inbox "box"
                assert.is_true(inbox:put("b", { n = 1, list = neap.json.array {} }))
                assert.is_true(inbox:put("a", neap.null))
                assert.is_false(inbox:put("b", 5))
                local got, worker = collect(inbox)
                await(function() return #got == 2 end)
                assert.is_true(inbox:put("c", 9007199254740993))
                assert.is_false(inbox:put("a", 1))
                await(function() return #got == 3 end)
                worker:stop()
                assert.same({ 'b:{"list":[],"n":1}', "a:null", "c:9007199254740993" }, got)
            end)
        end)

        it("keeps inboxes of other names apart", function()
            with(state, function()
                assert.is_true(neap.inbox("one"):put("k", 1))
                assert.is_true(neap.inbox("two"):put("k", 2))
                local got, worker = collect(neap.inbox "two")
                await(function() return #got == 1 end)
                worker:stop()
                assert.same({ "k:2" }, got)
            end)
        end)

        it("tries again what has failed, while others go on", function()
            with(state, function(lines)
                local inbox = neap.inbox "box"
                for _, key in ipairs { "returns", "raises", "says", "fine" } do inbox:put(key, 1) end
                local attempts = {}
                local got, worker = collect(inbox, { first = 0.05, factor = 2 }, function(key, attempt)
                    attempts[key] = attempt
                    if key == "fine" or attempt == 3 then return end
                    if key == "raises" then error "oh" end
                    if key == "says" then return false, "no" end
                    return nil, neap.error.new { kind = "rejected", message = "not that" }
                end)
                await(function() return #got == 10 end)
                worker:stop()
                assert.same({ returns = 3, raises = 3, says = 3, fine = 1 }, attempts)
                assert.equal("fine:1", got[4])
                local text = table.concat(lines)
                for _, part in ipairs { "rejected: not that", "oh", "error=no", "key=raises", "attempt=2" } do
                    assert.matches(part, text, 1, true)
                end
            end)
        end)

        it("gives up what is too old, where that is asked for", function()
            with(state, function(lines)
                local inbox = neap.inbox "box"
                inbox:put("k", 1)
                local got, worker = collect(inbox, { first = 0.02, max = 0.02, give_up_after = 0.1 }, function()
                    return nil, "never"
                end)
                await(function() return table.concat(lines):find("given up", 1, true) end)
                local count = #got
                assert.is_true(count > 0) -- how often in that time is the machine's affair
                assert.is_false(inbox:put("k", 1))
                inbox:put("other", 1)
                await(function() return got[#got] == "other:1" end)
                worker:stop()
                assert.equal(count + 1, #got)
            end)
        end)

        it("does a piece of work once more, where it is asked for again meanwhile", function()
            with(state, function()
                local inbox, got, running = neap.inbox "box", {}, 0
                local worker = inbox:each(function(value, key)
                    running = running + 1
                    assert.equal(1, running)
                    got[#got + 1] = value
                    if value == 1 then
                        assert.is_false(inbox:put(key, 2))
                        assert.is_true(inbox:put(key, 3, { again = true }))
                        assert.is_false(inbox:put(key, 4, { again = true }))
                    end
                    neap.sleep(0.02)
                    running = running - 1
                end, { concurrency = 3 })
                assert.is_true(inbox:put("k", 1, { again = true }))
                await(function() return #got == 2 and running == 0 end)
                assert.is_true(inbox:put("k", 5, { again = true }))
                await(function() return #got == 3 and running == 0 end)
                worker:stop()
                assert.same({ 1, 3, 5 }, got)
            end)
        end)

        it("has as many in hand as concurrency says, and gives them back when it stops", function()
            with(state, function()
                local inbox, running = neap.inbox "box", 0
                for i = 1, 5 do inbox:put("k" .. i, i) end
                local worker = inbox:each(function()
                    running = running + 1
                    neap.sleep(1000)
                end, { concurrency = 3 })
                await(function() return running == 3 end)
                worker:stop()
                local got, other = collect(inbox)
                await(function() return #got == 5 end)
                other:stop()
                assert.same({ "k1:1", "k2:2", "k3:3", "k4:4", "k5:5" }, got)
                assert.equal(3, running)
            end)
        end)

        it("keeps its lease for as long as the work takes", function()
            with(state, function()
                local inbox, count, over = neap.inbox "box", 0, false
                inbox:put("k", 1)
                local worker = inbox:each(function()
                    count = count + 1
                    neap.sleep(2.2)
                    over = true
                end, { concurrency = 2, lease = 1 })
                await(function() return over end)
                worker:stop()
                assert.equal(1, count)
            end)
        end)

        it("answers whether a key was seen, kept, put or forgotten", function()
            with(state, function()
                local inbox = neap.inbox "box"
                assert.same({ false }, { inbox:seen("id", 60) })
                assert.same({ true, "open" }, { inbox:seen("id", 60) })
                assert.is_true(inbox:keep("id", 60))
                assert.same({ true, "done" }, { inbox:seen("id", 60) })
                inbox:forget "id"
                assert.same({ false }, { inbox:seen("id", 0.05) })
                neap.sleep(0.06)
                assert.same({ false }, { inbox:seen("id", 60) })
                assert.is_true(inbox:put("entry", 1))
                inbox:forget "entry"
                assert.same({ true, "open" }, { inbox:seen("entry", 60) })
                assert.is_false(inbox:keep("entry", 60))
                local got, worker = collect(inbox)
                await(function() return #got == 1 end)
                await(function() return select(2, inbox:seen("entry", 60)) == "done" end)
                worker:stop()
            end)
        end)

        it("forgets what was handled, after its time", function()
            with(state, function()
                local inbox = neap.inbox("short", { keep = 0.05 })
                local got, worker = collect(inbox)
                assert.is_true(inbox:put("k", 1))
                await(function() return #got == 1 end)
                await(function() return inbox:put("k", 2) end)
                await(function() return #got == 2 end)
                worker:stop()
            end)
        end)

        it("takes keys of any length and bytes", function()
            with(state, function()
                local inbox = neap.inbox "box"
                local long, zero = ("x"):rep(100000), "a\0b"
                for _, key in ipairs { long, long .. "y", zero, "a", "\xff" } do
                    assert.is_true(inbox:put(key, 1))
                    assert.is_false(inbox:put(key, 1))
                end
                local ok, err = inbox:put("", 1)
                assert.is_nil(ok)
                assert.equal("invalid", err.kind)
            end)
        end)

        it("of many that ask at once tells one that a key is new", function()
            with(state, function()
                local new = 0
                neap.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function()
                    if neap.inbox("box"):seen("id", 60) == false then new = new + 1 end
                end)
                assert.equal(1, new)
            end)
        end)
    end)
end

describe("an inbox", function()
    after_each(helper.assert_idle)

    it("says what is wrong with its arguments", function()
        with("memory", function()
            local inbox = neap.inbox "box"
            for part, try in pairs {
                ["neap.inbox: a name of"] = function() neap.inbox "" end,
                ['no option "kep"; did you mean "keep"?'] = function() neap.inbox("box", { kep = 1 }) end,
                ["keep: not -1"] = function() neap.inbox("box", { keep = -1 }) end,
                ["key: a text expected, got a number"] = function() inbox:put(5, 1) end,
                ["inbox: value"] = function() inbox:put("k", print) end,
                ["ttl: a number of seconds"] = function() inbox:seen("k", 0) end,
                ["inbox:each: a function expected"] = function() inbox:each(5) end,
                ["concurrency: not 0"] = function() inbox:each(print, { concurrency = 0 }) end,
                ["max: not 4000"] = function() inbox:each(print, { max = 4000 }) end,
            } do
                local ok, raised = pcall(try)
                assert.is_false(ok)
                assert.matches(part, tostring(raised), 1, true)
            end
        end)
    end)

    it("fails where the file does, and goes on when it is there again", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/state.db", ("not a database\n"):rep(100))
        runtime.configure { state_path = dir .. "/state.db" }
        neap.run(function()
            local inbox = neap.inbox "box"
            for _, result in ipairs { { inbox:put("k", 1) }, { inbox:seen("k", 1) }, { inbox:keep("k", 1) } } do
                assert.is_nil(result[1])
                assert.equal("limit", result[2].kind)
            end
            inbox:forget "k"
        end)
        os.remove(dir .. "/state.db")
        runtime.configure { state_path = dir .. "/state.db" }
        neap.run(function() assert.is_true(neap.inbox("box"):put("k", 1)) end)
        runtime.configure {}
    end)

    it("waits in virtual time, in memory", function()
        log.capture(function() end)
        neap.run(function()
            local inbox, times = neap.inbox "box", {}
            local start = clock.now()
            inbox:put("k", 1)
            local worker = inbox:each(function(_, _, entry)
                times[entry.attempt] = clock.now() - start
                return entry.attempt == 4, "not yet"
            end, { first = 100, factor = 10, max = 3000 })
            neap.sleep(5000)
            worker:stop()
            assert.equal(0, times[1])
            assert.is_true(times[2] >= 80 and times[2] <= 100)
            assert.is_true(times[3] - times[2] >= 800 and times[3] - times[2] <= 1000)
            assert.is_true(times[4] - times[3] >= 2400 and times[4] - times[3] <= 3000)
            assert.equal(4, #times)
        end, { clock = "virtual" })
        log.capture()
    end)

    it("has workers that outlive what goes wrong in them", function()
        local lines = {}
        log.capture(function(line) lines[#lines + 1] = line end)
        neap.run(function()
            local inbox, faults = neap.inbox "faulty", 2
            inbox.store = function()
                faults = faults - 1
                if faults >= 0 then error "no memory for that" end
                return getmetatable(inbox).store()
            end
            local got, worker = collect(inbox)
            neap.sleep(100)
            inbox.store = nil
            assert.is_true(inbox:put("k", 1))
            neap.sleep(1)
            worker:stop()
            assert.same({ "k:1" }, got)
        end, { clock = "virtual" })
        log.capture()
        assert.equal(2, #lines)
        assert.matches("no memory for that", lines[1], 1, true)
    end)

    it("does not grow with what is over", function()
        neap.run(function()
            local inbox = neap.inbox "box"
            local function fill(round)
                for i = 1, 10000 do inbox:seen(("%d/%d"):format(round, i), 10) end
                collectgarbage()
                collectgarbage()
                return collectgarbage "count"
            end
            local first = fill(1)
            for round = 2, 5 do
                neap.sleep(11)
                assert.is_true(fill(round) < 2 * first)
            end
        end, { clock = "virtual" })
    end)
end)

describe("the inboxes of a store", function()
    after_each(helper.assert_idle)

    it("check their arguments, and raise once it is closed", function()
        neap.run(function()
            local db = assert(store.open(helper.tmpdir() .. "/state.db"))
            for _, try in ipairs {
                function() db:inbox_put("", "k", "x") end,
                function() db:inbox_put("s", "", "x") end,
                function() db:inbox_put("s", "a\0b", "x") end,
                function() db:inbox_put("s", "k") end,
                function() db:inbox_seen("s", "k", -1) end,
                function() db:inbox_keep("s", "k") end,
                function() db:inbox_take("s", 3601) end,
                function() db:inbox_take("s", 0 / 0) end,
                function() db:inbox_renew(1, 1, 3601) end,
                function() db:inbox_release(1, 1, 3601) end,
                function() db:inbox_done(1, "x", 1) end,
                function() db.inbox_forget({}, "s", "k") end,
            } do
                assert.has_error(try)
            end
            assert.is_true(db:inbox_put("s", "k", "a\0b"))
            local entry = db:inbox_take("s", 3600)
            assert.same({ "k", "a\0b", 1 }, { entry.key, entry.body, entry.attempt })
            assert.near(clock.wall_ms() / 1000, entry.received_at, 5)
            local none, due = db:inbox_take("s", 1)
            assert.is_false(none)
            assert.near(clock.wall_ms() / 1000 + 3600, due, 5)
            assert.is_false((db:inbox_renew(entry.number, 2, 60)))
            assert.is_true((db:inbox_renew(entry.number, 1, 60)))
            db:inbox_done(entry.number, 1, 60)
            assert.same({ false }, { db:inbox_take("s", 1) })
            local waiting = {}
            for i = 1, 20 do waiting[i] = task.spawn(db.inbox_take, db, "s", 1) end
            task.spawn(function() db:close() end):await()
            for _, child in ipairs(waiting) do
                local taken, err = child:await()
                assert(taken == false or err.kind == "cancelled")
            end
            assert.error_matches(function() db:inbox_put("s", "k", "x") end, "this store is closed")
            assert.error_matches(function() db:inbox_done(1, 1, 1) end, "this store is closed")
        end)
    end)
end)

describe("processes that share an inbox", function()
    after_each(helper.assert_idle)

    local WORKER = [[
local neap = require "neap"
local out, mode = assert(io.open(os.getenv "OUT", "a")), os.getenv "MODE"
out:setvbuf "no"
neap.inbox("box"):each(function(_, key, entry)
    out:write(("%s %d\n"):format(key, entry.attempt))
    if mode == "hangs" then neap.sleep(1000) end
    neap.sleep(0.02)
end, { lease = 1, first = 0.1 })
print "ready"
neap.sleep(1000)
]]

    --- Starts a process that handles entries. -> process, path of what it has handled
    local function start(home, mode)
        local out = helper.tmpdir() .. "/out"
        local script = helper.write(helper.tmpdir() .. "/worker.lua", WORKER)
        local process = helper.start({ "run", script }, { home = home, env = { OUT = out, MODE = mode or "works" } })
        assert.equal("ready", process:line())
        return process, out
    end

    local function lines_of(...)
        local lines = {}
        for _, path in ipairs { ... } do
            for line in helper.read(path):gmatch "([^\n]+)\n" do lines[#lines + 1] = line end
        end
        return lines
    end

    local function put(home, count)
        runtime.configure { state_path = home .. "/state/neap/state.db" }
        neap.run(function()
            local numbers = {}
            for i = 1, count do numbers[i] = i end
            neap.map(numbers, function(i) assert.is_true(neap.inbox("box"):put("k" .. i, i)) end)
        end)
        runtime.configure {}
    end

    local function stop(...)
        for _, process in ipairs { ... } do
            process:signal "KILL"
            process:wait()
        end
    end

    it("handle each entry once, all together", function()
        local home = helper.tmpdir()
        local one, first = start(home)
        local two, second = start(home)
        put(home, 120) -- more than one of them does before the other looks
        helper.wait_for(function() return #lines_of(first, second) >= 120 end, "120 entries")
        stop(one, two)
        local seen, lines = {}, lines_of(first, second)
        for _, line in ipairs(lines) do
            assert.is_nil(seen[line])
            seen[line] = true
        end
        assert.equal(120, #lines)
        assert.is_true(#lines_of(first) > 0 and #lines_of(second) > 0)
    end)

    it("take over what a dead one had in hand", function()
        local home = helper.tmpdir()
        local one, first = start(home, "hangs")
        put(home, 3)
        helper.wait_for(function() return #lines_of(first) == 1 end, "the first to take one")
        stop(one)
        local two, second = start(home)
        helper.wait_for(function() return #lines_of(second) == 3 end, "the second to take over")
        stop(two)
        assert.same({ "k1 1" }, lines_of(first))
        local attempts = {}
        for _, line in ipairs(lines_of(second)) do attempts[line] = true end
        assert.same({ ["k1 2"] = true, ["k2 1"] = true, ["k3 1"] = true }, attempts)
    end)
end)

describe("a task that is cancelled", function()
    after_each(helper.assert_idle)

    it("may forget a key that it has seen", function()
        with("file", function()
            local inbox, holds = neap.inbox "box", false
            local guard = { __close = function() inbox:forget "id" end }
            local child = task.spawn(function()
                local open <close> = setmetatable({}, guard) -- luacheck: ignore open
                assert.is_false((inbox:seen("id", 60)))
                holds = true
                neap.sleep(1000)
            end)
            await(function() return holds end)
            assert.same({ true, "open" }, { inbox:seen("id", 60) })
            child:cancel()
            pcall(child.await, child)
            assert.is_false((inbox:seen("id", 60)))
        end)
    end)
end)
