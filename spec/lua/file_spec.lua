local neap = require "neap"
local file = require "neap.native.file"
local task = require "neap.native.task"
local helper = require "spec.support.helper"

--- An iterator over the items of a list.
local function each(list)
    local at = 0
    return function()
        at = at + 1
        return list[at]
    end
end

--- The names in a directory, sorted.
local function names(dir)
    local pipe = assert(io.popen("ls -A " .. helper.quote(dir)))
    local text = pipe:read("a")
    pipe:close()
    return text
end

for _, kind in ipairs { "real", "virtual" } do
    local function in_task(fn)
        return function()
            local dir = helper.tmpdir() .. "/"
            neap.run(function() fn(dir) end, { clock = kind })
        end
    end

    describe("neap.native.file on a " .. kind .. " clock", function()
        after_each(helper.assert_idle)

        it("writes, appends and reads", in_task(function(dir)
            local f = assert(file.open(dir .. "a", "w"))
            assert.is_true(f:write("one", 2, "\n"))
            assert.is_true(f:sync())
            assert.is_true(f:close())
            assert.is_true(f:close())
            f = assert(file.open(dir .. "a", "a"))
            assert.is_true(f:write "three")
            assert.is_true(f:close())
            f = assert(file.open(dir .. "a"))
            assert.equal("one2", f:read(4))
            assert.equal("\nthree", f:read())
            assert.is_nil(f:read())
            assert.is_nil(f:read())
            assert.is_true(f:close())
            assert.equal("one2\nthree", file.read_all(dir .. "a"))
            assert.equal(10, file.size(dir .. "a"))
        end))

        it("keeps small writes back until the buffer is full", in_task(function(dir)
            local f = assert(file.open(dir .. "a", "w"))
            assert.equal(f, f:buffer(8))
            assert.is_true(f:write "1234567")
            assert.equal("", helper.read(dir .. "a"))
            assert.is_true(f:write "89")
            assert.equal("123456789", helper.read(dir .. "a"))
            assert.is_true(f:write "x")
            assert.is_true(f:flush())
            assert.equal("123456789x", helper.read(dir .. "a"))
            assert.is_true(f:write "y")
            assert.is_true(f:close())
            assert.equal("123456789xy", helper.read(dir .. "a"))
        end))

        it("writes records as JSON, keeps small ones back, and counts bytes", in_task(function(dir)
            local f = assert(file.open(dir .. "a", "w"))
            f:buffer(20)
            assert.equal(0, f:written())
            assert.is_false(f:write_records(each { { b = 1, a = neap.null } }, 2))
            assert.is_true(f:write "-\n")
            assert.equal("", helper.read(dir .. "a"))
            assert.equal(19, f:written())
            assert.is_true(f:write_records(each { { c = { "\n", 1.0 } }, { d = 1 } }, 2))
            assert.equal("", helper.read(dir .. "a"))
            assert.is_true(f:write "")
            assert.equal('{"a":null,"b":1}\n-\n{"c":["\\n",1.0]}\n', helper.read(dir .. "a"))
            assert.is_false(f:write_records(each { {} }, 2))
            assert.is_true(f:close())
            assert.equal(helper.read(dir .. "a"):len(), f:written())
            assert.equal(3, f:records())
            assert.has_error(function() f:write_records(each { {} }, 1) end, "this file is closed")
        end))

        it("takes no more records than it was asked to, from functions that may wait or raise", in_task(function(dir)
            local f, at = assert(file.open(dir .. "a", "w")):buffer(4096), 0
            local function next_record()
                at = at + 1
                neap.sleep(0.001)
                if at == 4 then error "enough" end
                return { at = at }
            end
            assert.is_true(f:write_records(next_record, 1))
            assert.is_true(f:write_records(next_record, 2))
            assert.error_matches(function() f:write_records(next_record, 2) end, "enough")
            assert.same({ 4, 3 }, { at, f:records() })
            assert.is_true(f:write_records(setmetatable({}, { __call = next_record }), 1))
            assert.error_matches(function() f:write_records(next_record, 0) end, "a positive number of records")
            assert.error_matches(function() f:write_records(nil, 1) end, "attempt to call a nil value")
            assert.is_true(f:close())
            assert.equal('{"at":1}\n{"at":2}\n{"at":3}\n{"at":5}\n', helper.read(dir .. "a"))
        end))

        it("takes no record from a function that has closed it", in_task(function(dir)
            local f = assert(file.open(dir .. "a", "w")):buffer(4096)
            local function closing()
                assert(f:close())
                return {}
            end
            assert.has_error(function() f:write_records(closing, 2) end, "this file is closed")
            assert.equal("", helper.read(dir .. "a"))
        end))

        it("keeps the order of many tasks", in_task(function(dir)
            local f = assert(file.open(dir .. "a", "w"))
            local tasks, want = {}, {}
            for i = 1, 50 do
                want[i] = i .. "\n"
                tasks[i] = neap.spawn(function() assert(f:write(i, "\n")) end)
            end
            for i = 1, 50 do tasks[i]:await() end
            assert(f:close())
            assert.equal(table.concat(want), helper.read(dir .. "a"))
        end))

        it("returns what the system refuses", in_task(function(dir)
            local f, err = file.open(dir .. "none")
            assert.is_nil(f)
            assert.equal("invalid", err.kind)
            assert.equal("ENOENT", err.code)
            assert.equal("cannot open " .. dir .. "none: No such file or directory", err.message)
            helper.write(dir .. "a", "abc")
            f, err = file.open(dir .. "a", "wx")
            assert.is_nil(f)
            assert.equal("EEXIST", err.code)
            f, err = file.read_all(dir .. "a", 2)
            assert.is_nil(f)
            assert.equal("too_large", err.kind)
            f, err = file.size(dir .. "none")
            assert.is_nil(f)
            assert.equal("ENOENT", err.code)
            f = assert(file.open(dir .. "a"))
            assert.is_true(f:write "")
            local ok
            ok, err = f:write "x"
            assert.is_nil(ok)
            assert.equal("EBADF", err.code)
            assert.is_nil((f:close())) -- what could not be written is not forgotten
        end))

        it("makes directories with those above them", in_task(function(dir)
            local real = assert(file.make_dir(dir)):gsub("/$", "")
            assert.equal(real .. "/a/b/c", file.make_dir(dir .. "a/b/c"))
            assert.equal(real .. "/a/b", file.make_dir(dir .. "a/b/c/../"))
            assert(os.execute("ln -s a " .. helper.quote(dir .. "link")))
            assert.equal(real .. "/a/b/d", file.make_dir(dir .. "link/b/d"))
            assert.matches("^/.", file.make_dir ".")
            assert(assert(file.open(dir .. "a/b/c/f", "w")):close())
            local made, err = file.make_dir(dir .. "a/b/c/f")
            assert.is_nil(made)
            assert.matches("make directory", err.message)
            assert.is_nil((file.make_dir(dir .. "a/b/c/f/g")))
        end))

        it("renames, removes, looks", in_task(function(dir)
            helper.write(dir .. "a", "abc")
            assert.is_true(file.exists(dir .. "a"))
            assert.is_true(file.rename(dir .. "a", dir .. "b"))
            assert.is_false(file.exists(dir .. "a"))
            assert.is_true(file.remove(dir .. "b"))
            assert.is_nil((file.remove(dir .. "b")))
            assert.equal("", names(dir))
        end))

        it("tells whether two paths name one file", in_task(function(dir)
            helper.write(dir .. "a", "abc")
            helper.write(dir .. "b", "abc")
            assert(file.make_dir(dir .. "d"))
            assert(os.execute(("cd %s && ln -s a link && ln -s . here"):format(helper.quote(dir))))
            for other, expected in pairs {
                a = true, ["./a"] = true, ["/a"] = true, ["d/../a"] = true, link = true, ["here/a"] = true,
                b = false, none = false, ["a/x"] = false, d = false,
            } do
                assert.equal(expected, file.same(dir .. "a", dir .. other), other)
                assert.equal(expected, file.same(dir .. other, dir .. "a"), other)
            end
            for other, expected in pairs {
                none = true, ["./none"] = true, ["/none"] = true, ["here/none"] = true, nine = false,
                ["d/none"] = false, ["gone/none"] = false, b = false,
            } do
                assert.equal(expected, file.same(dir .. "none", dir .. other), other)
            end
            assert.equal(true, file.same("/neap-none", "//neap-none"))
            assert.equal(true, file.same("neap-none", "./neap-none"))
            local same, err = file.same(dir .. "a", dir .. ("x"):rep(300))
            assert.is_nil(same)
            assert.equal("ENAMETOOLONG", err.code)
        end))

        it("puts an atomic file in place, whole or not at all", in_task(function(dir)
            helper.write(dir .. "a", "old")
            local f = assert(file.atomic(dir .. "a"))
            assert.is_true(f:write "new")
            assert.equal("old", helper.read(dir .. "a"))
            assert.is_true(f:commit())
            assert.equal("new", helper.read(dir .. "a"))
            assert.is_true(f:close())
            assert.is_true(f:abort())
            f = assert(file.atomic(dir .. "a"))
            assert.is_true(f:write "newer")
            assert.is_true(f:abort())
            f = assert(file.atomic(dir .. "a"))
            assert.is_true(f:write "newest")
            assert.is_true(f:close())
            do
                local g <close> = assert(file.atomic(dir .. "a"))
                assert.is_true(g:write "x")
            end
            f = assert(file.atomic(dir .. "a"))
            assert.is_true(f:write "lost")
            f = nil
            collectgarbage()
            assert.is_nil(f)
            assert.equal("new", helper.read(dir .. "a"))
            assert.equal("a\n", names(dir))
        end))

        it("writes what was buffered when it is closed without waiting", in_task(function(dir)
            do
                local f <close> = assert(file.open(dir .. "a", "w"))
                f:buffer(100):write "kept"
            end
            assert.equal("kept", helper.read(dir .. "a"))
        end))

        it("survives a task that is cancelled while it waits", in_task(function(dir)
            local f = assert(file.open(dir .. "a", "w"))
            for i = 1, 5 do
                local t = neap.spawn(function() f:write(i, "\n") end)
                neap.spawn(function() t:cancel() end)
            end
            local opening = neap.spawn(function() file.atomic(dir .. "b") end)
            neap.spawn(function() opening:cancel() end)
            neap.sleep(0.001)
            assert.is_true(f:write "end\n")
            assert.is_true(f:close())
            assert.equal("1\n2\n3\n4\n5\nend\n", helper.read(dir .. "a"))
            collectgarbage()
            collectgarbage()
            assert.is_true(file.exists(dir .. "a"))
            assert.equal("a\n", names(dir))
        end))

        it("ends the waits of others when it is closed at once", in_task(function(dir)
            assert(os.execute("mkfifo " .. helper.quote(dir .. "fifo")))
            local f = assert(file.open(dir .. "fifo"))
            local err
            local t = neap.spawn(function() err = select(2, f:read()) end)
            neap.spawn(function() local _ <close> = f end)
            t:await()
            assert.equal("cancelled", err.kind)
            assert.equal("the file was closed", err.message)
            assert.has_error(function() f:read() end, "this file is closed")
            while task.stats().holds > 0 do neap.sleep(0.001) end -- the pool lets go of it
        end))

        it("raises on misuse", in_task(function(dir)
            assert.has_error(function() file.open(dir .. "a", "rw") end)
            assert.has_error(function() file.open "" end)
            assert.has_error(function() file.open "a\0b" end)
            local f = assert(file.open(dir .. "a", "w"))
            assert.has_error(function() f:write {} end)
            assert.has_error(function() f:commit() end)
            assert.has_error(function() f:abort() end)
            assert.has_error(function() f:read(0) end)
            assert.has_error(function() f:buffer(-1) end)
            assert.is_true(f:close())
            assert.has_error(function() f:write "x" end, "this file is closed")
            assert.matches("closed", tostring(f))
        end))
    end)
end

describe("neap.native.file", function()
    after_each(helper.assert_idle)

    it("cannot wait outside tasks", function()
        assert.error_matches(function() file.open "a" end, "cannot wait here")
        assert.error_matches(function() file.stdout():write "a" end, "cannot wait here")
        assert.error_matches(function() file.exists "a" end, "cannot wait here")
    end)

    it("writes records as json.encode does, whatever their keys are and in whatever order they came", function()
        local seed = 1
        local function random(n)
            seed = seed * 6364136223846793005 + 1442695040888963407
            return (seed >> 33) % n + 1
        end
        local function value(depth)
            local kind = random(depth > 2 and 4 or 6)
            if kind == 1 then return random(1000) end
            if kind == 2 then return random(1000) / 8 end
            if kind == 3 then return neap.null end
            if kind == 4 then return ("\"\1é"):rep(random(3)) end
            if kind == 5 then return neap.json.array { value(depth + 1), value(depth + 1) } end
            return { x = value(depth + 1), y = value(depth + 1) }
        end
        local keys = {}
        for i = 1, 24 do keys[i] = ("%s%d"):format(("k"):rep(i % 3 == 0 and i * 2 or 1), i) end
        keys[25], keys[26] = ("\1"):rep(40), '"' -- as long in JSON as a short string can be, and an escape
        local function record(count)
            local made = {}
            for _ = 1, count do made[keys[random(#keys)]] = value(0) end
            if random(9) == 1 then made = neap.json.object(made, { keys[3], keys[1] }) end
            return made
        end
        neap.run(function()
            local path, lines = helper.tmpdir() .. "/a", {}
            local f = assert(file.open(path, "w")):buffer(4096)
            local kept = record(5)
            local function next_record()
                local i = #lines + 1
                if i > 4000 then return nil end
                local made = record(random(i < 2000 and 4 or 20))
                if i % 3 ~= 0 then
                    made = kept -- of one kind, with other values
                    for name in pairs(made) do made[name] = value(0) end
                elseif i % 100 == 0 then
                    kept = made
                end
                lines[i] = neap.json.encode(made, { sorted = true }) .. "\n"
                return made
            end
            while f:write_records(next_record, 64) do assert(f:write "") end
            assert(f:close())
            assert.equal(table.concat(lines), helper.read(path))
        end)
    end)

    it("stands being closed by what the collector finalizes meanwhile", function()
        neap.run(function()
            local numbers, record = {}, {}
            for i = 1, 200 do
                numbers[i] = i + 0.123456
                record["a key with the number " .. i] = { a = i }
            end
            collectgarbage("generational", 1)
            local ordered = neap.json.object(record, { "x" }) -- to encode it takes memory of Lua's
            local function always() return ordered end
            for _, case in ipairs { { "write", table.unpack(numbers) }, { "write_records", always, 1 } } do
                local f = assert(file.open(helper.tmpdir() .. "/a", "w"))
                local closed, ok, message
                for _ = 1, 200 do
                    collectgarbage "stop"
                    setmetatable({}, { __gc = function() local _ <close> = f; closed = true end })
                    collectgarbage "restart"
                    ok, message = pcall(f[case[1]], f, table.unpack(case, 2))
                    if closed then break end
                end
                assert.same({ true, false, "this file is closed" }, { closed, ok, message })
            end
            collectgarbage "incremental"
        end)
    end)

    it("writes nothing of a record that has no JSON form, or is none", function()
        neap.run(function()
            local path = helper.tmpdir() .. "/a"
            local f = assert(file.open(path, "w")):buffer(4096)
            local record = { b = { 1, { c = 2 } }, a = 1 }
            local function refused(bad)
                local more, err, which = f:write_records(each { record, bad, record }, 9)
                assert.is_nil(more)
                assert.equal(bad, which)
                return { err.kind, err.message }
            end
            assert.same({ "invalid", "$.b[2].c: NaN has no JSON form" }, refused { b = { 1, { c = 0 / 0 } }, a = 1 })
            assert.same({ "invalid", "$.b: the string is not UTF-8" }, refused { b = "\255", a = 1 })
            for _, other in ipairs { 7, "{", neap.null, { 1 }, neap.json.array {} } do
                assert.same({ "decode", "an object expected" }, refused(other))
            end
            assert(f:close())
            assert.equal(('{"a":1,"b":[1,{"c":2}]}\n'):rep(7), helper.read(path))
        end)
    end)

    it("lets a virtual clock wait", function()
        neap.run(function()
            local path = helper.write(helper.tmpdir() .. "/a", ("x"):rep(100000))
            local order = {}
            neap.spawn(function()
                neap.sleep(0.001)
                order[#order + 1] = "slept"
            end)
            assert(file.read_all(path))
            order[#order + 1] = "read"
            neap.sleep(1)
            assert.same({ "read", "slept" }, order)
        end, { clock = "virtual" })
    end)
end)
