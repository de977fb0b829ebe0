-- store: sessions and limits that processes share, as the library uses them. The file itself is
-- tested in spec/c/test_store.c, the limits in spec/c/test_store_ledger.c.
local helper = require "spec.support.helper"
local neap = require "neap"
local clock = require "neap.native.clock"
local flow = require "neap.native.flow"
local secret = require "neap.native.secret"
local store = require "neap.native.store"
local task = require "neap.native.task"

local KEY = "optimove|https://api4.optimove.net|me"

local function token(text)
    return assert(secret.literal(text))
end

--- Runs fn with two stores of one file, as two processes have them.
local function with_two(fn)
    local path = helper.tmpdir() .. "/state/neap/state.db"
    neap.run(function()
        local a <close> = assert(store.open(path))
        local b <close> = assert(store.open(path))
        fn(a, b, path)
    end)
end

describe("store.open", function()
    after_each(helper.assert_idle)

    it("makes the file and its folders, for the user only", function()
        with_two(function(_, _, path)
            local pipe = assert(io.popen("stat -c %a " .. path .. " " .. path:match "(.*)/"))
            local modes = pipe:read "a"
            pipe:close()
            assert.equal("600\n700\n", modes)
        end)
    end)

    it("says what is wrong with the file, and leaves it alone", function()
        local path = helper.write(helper.tmpdir() .. "/state.db", ("not a database\n"):rep(100))
        local opened, err = neap.run(function() return store.open(path) end)
        assert.is_nil(opened)
        assert.equal("limit", err.kind)
        assert.matches("is not a state file of Neap: move it away, or use %-%-no%-state$", err.message)
        assert.equal(("not a database\n"):rep(100), helper.read(path))
    end)

    it("refuses a virtual clock and an empty path", function()
        local opened, err = neap.run(function() return store.open "x" end, { clock = "virtual" })
        assert.is_nil(opened)
        assert.equal("the state store works on a real clock only", err.message)
        opened, err = neap.run(function() return store.open "" end)
        assert.is_nil(opened)
        assert.equal("invalid", err.kind)
    end)

    it("waits for no longer than the task wants", function()
        local path = helper.tmpdir() .. "/state.db"
        neap.run(function()
            local child = task.spawn(store.open, path)
            task.spawn(function() end):await()
            child:cancel()
            assert.is_nil((child:await()))
            assert(store.open(path)):close()
        end)
    end)
end)

describe("a session", function()
    after_each(helper.assert_idle)

    it("is there for all stores once one has logged in", function()
        with_two(function(a, b)
            assert.is_nil((a:session_get(KEY)))
            assert.equal("granted", a:session_lease(KEY, 60))
            local how, till = b:session_lease(KEY, 60, 0)
            assert.equal("held", how)
            assert.near(clock.wall_ms() / 1000 + 60, till, 5)
            assert.is_false(b:session_put(KEY, token "token-of-b"))
            assert.equal(1, a:session_put(KEY, token "token-of-a"))
            local session = b:session_get(KEY)
            assert.is_true(session.secret:equals(token "token-of-a"))
            assert.equal("***", tostring(session.secret))
            assert.equal(1, session.generation)
            assert.near(clock.wall_ms() / 1000, session.obtained_at, 5)
            assert.equal(session.obtained_at, session.slid_at)
            how, session = b:session_lease(KEY, 60, 0)
            assert.equal("newer", how)
            assert.is_true(session.secret:equals(token "token-of-a"))
        end)
    end)

    it("slides forward, and is dropped only by who has seen its generation", function()
        with_two(function(a, b)
            assert.equal("granted", a:session_lease(KEY, 60))
            assert.equal(1, a:session_put(KEY, token "first-token"))
            local at = a:session_get(KEY).obtained_at
            a:session_slide(KEY, 1, at + 30)
            a:session_slide(KEY, 1, at + 20)
            a:session_slide(KEY, 7, at + 99)
            assert.near(at + 30, a:session_get(KEY).slid_at, 0.002)
            assert.is_false(b:session_drop(KEY, 2))
            assert.is_true(b:session_drop(KEY, 1))
            assert.is_nil((a:session_get(KEY)))
            assert.equal("granted", b:session_lease(KEY, 60, 1))
            assert.is_true(b:session_release(KEY))
            assert.is_false(b:session_release(KEY))
            assert.equal("granted", a:session_lease(KEY, 60, 1))
            assert.equal(2, a:session_put(KEY, token "second-token"))
        end)
    end)

    it("shows who was refused that another has logged in meanwhile", function()
        with_two(function(a, b)
            assert.equal("granted", a:session_lease(KEY, 60))
            assert.equal(1, a:session_put(KEY, token "first-token"))
            assert.is_true(a:session_drop(KEY, 1))
            assert.equal("granted", a:session_lease(KEY, 60, 1))
            local session, err = b:session_get(KEY)
            assert.is_nil(session)
            assert.is_nil(err)
            assert.equal(2, a:session_put(KEY, token "second-token"))
            session = b:session_get(KEY)
            assert.equal(2, session.generation)
            assert.is_true(session.secret:equals(token "second-token"))
            assert.is_false(b:session_drop(KEY, 1))
            assert.equal(2, b:session_get(KEY).generation)
        end)
    end)

    it("never is a string", function()
        with_two(function(a)
            a:session_lease(KEY, 60)
            assert.has_error(function() a:session_put(KEY, "text") end)
            assert.equal(1, a:session_put(KEY, token "kept-in-c"))
        end)
    end)

    it("checks its arguments", function()
        with_two(function(a)
            for _, try in ipairs {
                function() a:session_get() end,
                function() a:session_lease(KEY) end,
                function() a:session_lease(KEY, -1) end,
                function() a:session_drop(KEY, 0) end,
                function() a:session_slide(KEY, 1, 0 / 0) end,
                function() a.session_get({}, KEY) end,
            } do
                assert.has_error(try)
            end
        end)
    end)
end)

describe("a closed store", function()
    after_each(helper.assert_idle)

    it("raises; who waits is told", function()
        with_two(function(a)
            local waiting = {}
            for i = 1, 20 do waiting[i] = task.spawn(a.session_get, a, KEY) end
            task.spawn(function() a:close() end):await()
            for _, child in ipairs(waiting) do
                local session, err = child:await()
                assert.is_nil(session)
                assert(err == nil or err.kind == "cancelled")
            end
            a:close()
            assert.matches("closed", tostring(a))
            assert.error_matches(function() a:session_get(KEY) end, "this store is closed")
            assert.has_error(function()
                flow.limit { shape = "window", count = 1, period = 1, store = a, name = "n" }
            end)
        end)
    end)
end)

describe("a limit in a store", function()
    after_each(helper.assert_idle)

    local function make_queue(db, count, period)
        local limit = flow.limit {
            shape = "window", count = count, period = period, jitter = 0, store = db, name = KEY .. "|hour",
        }
        return flow.queue { limits = { limit }, gate = flow.gate { name = "g" } }
    end

    local function perform(queue)
        local call <close> = flow.call(queue, flow.policy {}, true)
        local ok, err = call:admit()
        if not ok then return nil, err end
        return call:settle { status = 200 }
    end

    it("counts the calls of all stores", function()
        with_two(function(a, b)
            local queue_a, queue_b = make_queue(a, 50, 3600), make_queue(b, 50, 3600)
            for i = 1, 50 do assert.equal("ok", perform(i % 5 == 0 and queue_b or queue_a)) end
            local late = task.spawn(perform, queue_b)
            assert.is_nil((neap.deadline(0.05, function() return late:await() end)))
            local state = queue_b:peek()
            assert.equal(1, state.waiting)
            assert.equal(50, state.limits[1].used)
            late:cancel()
        end)
    end)

    it("lets the next call go when a slot is free", function()
        with_two(function(a, b)
            local queue_a, queue_b = make_queue(a, 5, 0.2), make_queue(b, 5, 0.2)
            local start = clock.now()
            for i = 1, 11 do assert.equal("ok", perform(i % 2 == 0 and queue_b or queue_a)) end
            assert.is_true(clock.now() - start >= 0.4)
        end)
    end)

    it("tells those who wait when the file fails", function()
        with_two(function(a)
            local queue = make_queue(a, 1, 3600)
            assert.equal("ok", perform(queue))
            local child = task.spawn(perform, queue)
            assert.is_nil((neap.deadline(0.02, function() return child:await() end)))
            a:close()
            local ok, err = perform(queue)
            assert.is_nil(ok)
            assert.equal("cancelled", err.kind)
            assert.equal("the state store is closed", err.message)
            ok, err = child:await()
            assert.is_nil(ok)
            assert.equal("the state store is closed", err.message)
        end)
    end)

    it("grants nothing when the file has been moved or removed", function()
        with_two(function(a, b, path)
            local queue = make_queue(a, 5, 3600)
            assert.equal("ok", perform(queue))
            assert(os.rename(path:match "(.*)/", path:match "(.*)/" .. "-moved"))
            local ok, err = perform(queue)
            assert.is_nil(ok)
            assert.equal("limit", err.kind)
            local message = "state/neap/state%.db was moved or removed while in use; start again, or use %-%-no%-state$"
            assert.matches(message, err.message)
            ok, err = b:session_get(KEY)
            assert.is_nil(ok)
            assert.matches(message, err.message)
            local c <close> = assert(store.open(path))
            for _ = 1, 5 do assert.equal("ok", perform(make_queue(c, 5, 3600))) end
            ok, err = perform(queue)
            assert.is_nil(ok)
            assert.matches(message, err.message)
        end)
    end)

    it("says what is wrong with its options", function()
        with_two(function(a)
            local function try(options)
                local ok, message = pcall(flow.limit, options)
                assert.is_false(ok)
                return message
            end
            assert.matches("name", try { shape = "window", count = 1, period = 1, store = a })
            assert.matches("store", try { shape = "pace", count = 1, period = 1, store = a, name = "n" })
            assert.has_error(function()
                flow.limit { shape = "window", count = 1, period = 1, store = {}, name = "n" }
            end)
        end)
    end)
end)

describe("the state's end", function()
    --- Runs a script in a Lua state of its own, which closes with everything in it still alive.
    local function run_script(text)
        local dir = helper.tmpdir()
        local path = helper.write(dir .. "/script.lua", text)
        local got = helper.cli({ "run", path }, { cwd = dir, timeout = 60 })
        assert.equal("", got.err)
        assert.equal(0, got.code)
    end

    it("finds ops under way, in any order of making", function()
        for _, order in ipairs { "open(); limit()", "limit(); open()" } do
            run_script([[
local store, flow = require "neap.native.store", require "neap.native.flow"
local task = require "neap.native.task"
local db = assert(store.open "first.db")
function open() db = assert(store.open "state.db") end
function limit()
    queue = flow.queue { gate = flow.gate {}, limits = { flow.limit {
        shape = "window", count = 3, period = 3600, store = db, name = "n" } } }
end
]] .. order .. [[

policy = flow.policy {}
held = {}
for i = 1, 9 do
    held[i] = flow.call(queue, policy, true)
    held[-i] = task.detach(held[i].admit, held[i])
end
task.spawn(function() end):await()
sessions = setmetatable({}, { __gc = function()
    pcall(db.session_get, db, "k")
    pcall(db.session_slide, db, "k", 1, 1)
    pcall(db.close, db)
    pcall(queue.peek, queue)
end })
for i = 1, 100 do db:session_slide("k", 1, i) end
]])
        end
    end)
end)
