--- neap.flow: a workflow that a script runs; and neap.append, which such scripts write with.

local helper = require "spec.support.helper"
local neap = require "neap"
local errors = require "neap.error"
local log = require "neap.native.log"
local runtime = require "neap.runtime"
local task = require "neap.native.task"

--- Runs fn in virtual time, with scripts beside it. -> what it returns, log lines
local function with(files, fn)
    local dir, lines = helper.tmpdir(), {}
    for name, text in pairs(files) do helper.write(dir .. "/" .. name, text) end
    log.capture(function(line) lines[#lines + 1] = line end)
    runtime.configure { sandbox = true, seed = 1, script_dir = dir }
    local results = table.pack(pcall(neap.run, function() return fn(dir) end, { clock = "virtual" }))
    runtime.configure {}
    log.capture()
    if not results[1] then error(results[2], 0) end
    return results[2], lines
end

local function flow(body, args)
    return ("return neap.workflow { args = %s, run = function(ctx, args) %s end }"):format(args or "{}", body)
end

describe("neap.flow", function()
    after_each(helper.assert_idle)

    it("runs a recipe, and returns what it returns", function()
        local result = with({}, function(dir)
            return assert(neap.flow("optimove/daily-campaigns", { date = "2025-12-30", out = dir .. "/out" }))
        end)
        assert.equal("2025-12-30", result.date)
        assert.is_true(helper.exists(result.manifest))
    end)

    it("runs a file beside the script, with its args checked as on the command line", function()
        local text = flow("return args", [[{ { "wait", type = "duration", default = "5m" },
            { "count", type = "integer", required = true }, { "tags", type = "list", of = { type = "string" } } }]])
        with({ ["one.lua"] = text }, function(dir)
            for _, name in ipairs { "./one.lua", "one.lua", dir .. "/one.lua" } do
                local args = assert(neap.flow(name, { count = 5, tags = { "a", "b" } }))
                assert.same({ 300, 5, "b" }, { args.wait, args.count, args.tags[2] })
            end
            local result, err = neap.flow("./one.lua", { cont = 5, wait = "soon" })
            assert.is_nil(result)
            assert.equal("invalid", err.kind)
            for _, part in ipairs { "count: required", 'wait: "soon" is no duration', 'did you mean "count"?' } do
                assert.matches(part, err.message, 1, true)
            end
        end)
    end)

    it("returns nil and an error where there is none, where it is none, and where it fails", function()
        local files = {
            ["plain.lua"] = "return 5", ["syntax.lua"] = "return {",
            ["raises.lua"] = "neap.error.raise('limit', 'here')",
            ["fails.lua"] = flow "return nil, neap.error.new { kind = 'rejected', message = 'no' }",
            ["asserts.lua"] = flow "assert(nil, neap.error.new { kind = 'auth', message = 'who' })",
            ["wrong.lua"] = "return neap.workflow { rum = 5 }",
        }
        with(files, function()
            for name, part in pairs {
                ["optimove/daily-campaign"] = 'did you mean "optimove/daily-campaigns"?', ["./none.lua"] = "none.lua",
                ["./plain.lua"] = "returns no workflow", ["./syntax.lua"] = "syntax.lua:1",
                ["./raises.lua"] = "limit: here",
                ["./fails.lua"] = "rejected: no", ["./asserts.lua"] = "auth: who", ["./wrong.lua"] = "did you mean",
            } do
                local result, err = neap.flow(name)
                assert.is_nil(result)
                assert.is_true(errors.is(err), name)
                assert.matches(part, tostring(err), 1, true)
            end
        end)
    end)

    it("raises what is a mistake", function()
        with({ ["bug.lua"] = flow "local x = nil; return x.y" }, function()
            for part, try in pairs {
                ["name: a text expected"] = function() neap.flow(5) end,
                ["args: a table expected"] = function() neap.flow("./bug.lua", 5) end,
                ["bug.lua:1: attempt to index"] = function() neap.flow "./bug.lua" end,
            } do
                local ok, raised = pcall(try)
                assert.is_false(ok)
                assert.matches(part, tostring(raised), 1, true)
            end
        end)
    end)

    it("says nothing on standard output, and leaves the script's own delivery alone", function()
        local text = flow [[
            print("one", 2, nil)
            return ctx:deliver(neap.records(args.file), function(record)
                if record.n == "2" then return nil, neap.error.new { kind = "rejected", message = "no" } end
                return true
            end, { dead_letters = args.file .. ".dead.ndjson" })]]
        text = text:gsub("args = {}", 'args = { { "file", type = "path" } }')
        local result, lines = with({ ["deliver.lua"] = text }, function(dir)
            runtime.last_summary = "mine"
            local file = helper.write(dir .. "/in.csv", "n\n1\n2\n3\n")
            local summary = assert(neap.flow("./deliver.lua", { file = file }))
            assert.equal("mine", runtime.last_summary)
            runtime.last_summary = nil
            return summary
        end)
        assert.same({ 3, 2, 1 }, { result.total, result.ok, result.failed })
        local text_of_log = table.concat(lines)
        assert.matches("one 2 nil", text_of_log, 1, true)
        assert.matches("failed=1", text_of_log, 1, true)
    end)

    it("ends with the task that runs it", function()
        with({ ["long.lua"] = flow "neap.spawn(neap.sleep, 1000); neap.sleep(1000); error 'not reached'" }, function()
            local child = task.spawn(neap.flow, "./long.lua")
            neap.sleep(1)
            child:cancel()
            assert.is_nil((child:await()))
        end)
    end)
end)

describe("neap.append", function()
    after_each(helper.assert_idle)

    local function append(path, ...)
        local words = table.pack(...)
        return neap.run(function() return neap.append(path, table.unpack(words, 1, words.n)) end)
    end

    it("adds lines to a file, which is made if need be", function()
        local path = helper.tmpdir() .. "/lines"
        assert.is_true(append(path, "one"))
        assert.is_true(append(path, "one"))
        assert.is_true(append(path, ""))
        assert.equal("one\none\n\n", helper.read(path))
    end)

    it("adds a line once, where that is asked for, and never to a torn one", function()
        local path = helper.tmpdir() .. "/lines"
        assert.is_true(append(path, "one", { once = true }))
        assert.is_false(append(path, "one", { once = true }))
        assert.is_true(append(path, "on", { once = true }))
        assert.is_true(append(path, "ne", { once = true }))
        helper.write(path, "one\ntor")
        assert.is_true(append(path, "torn", { once = true }))
        assert.equal("one\ntor\ntorn\n", helper.read(path))
    end)

    it("finds a line wherever it is in a long file", function()
        local path = helper.tmpdir() .. "/lines"
        local wanted = ("w"):rep(1000)
        for _, before in ipairs { 0, 64536, 65036, 65535, 65536, 131072, 300000 } do
            helper.write(path, ("x"):rep(before) .. "\n" .. wanted .. "\n" .. ("y\n"):rep(50000))
            assert.is_false(append(path, wanted, { once = true }))
            assert.is_true(append(path, wanted .. "!", { once = true }))
        end
    end)

    it("says why it cannot", function()
        local dir = helper.tmpdir()
        for _, opts in ipairs { {}, { once = true } } do
            local ok, err = append(dir, "x", opts)
            assert.is_nil(ok)
            assert.matches("directory", err.message)
        end
        local ok, err = append(dir .. "/none/file", "x", { once = true })
        assert.is_nil(ok)
        assert.matches("No such file", err.message)
    end)
end)
