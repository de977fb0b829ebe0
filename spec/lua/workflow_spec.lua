--- neap.workflow: what is checked, the order of arguments, and what ctx does.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local errors = require "neap.error"
local workflow = require "neap.workflow"

local function run() return true end

describe("neap.workflow", function()
    -- spec, message parts
    local cases = {
        { nil, { "a table expected, got a nil" } },
        { "text", { "a table expected, got a string" } },
        { {}, { "run must be a function" } },
        { { run = 5 }, { "run must be a function" } },
        { { run = run, sumary = "x" }, { 'no field "sumary"', 'did you mean "summary"?' } },
        { { run = run, args = { file = { type = "pth" } } }, { "pth", 'did you mean "path"?' } },
        { { run = run, args = { file = { type = "string", requird = true } } },
            { "requird", 'did you mean "required"?' } },
        { { run = run, args = { json = { type = "boolean" } } },
            { "args.json: the name belongs to an option of neap itself" } },
        { { run = run, args = { log_level = { type = "string" } } }, { "args.log_level" } },
        { { run = run, args = { ["log-level"] = { type = "string" } } }, { "log" } },
        { { run = run, args = 5 }, { "args" } },
        { { run = run, args = { { "a", type = "path" }, file = { type = "path" } } },
            { "args.file: it stands beside" } },
        { { run = run, args = { file = { "path", required = true } } }, { "args.file: it has two names" } },
        { { run = run, args = { file = "path" } }, { "args" } },
    }
    for i, case in ipairs(cases) do
        it("refuses mistakes: " .. i, function()
            local ok, err = pcall(neap.workflow, case[1])
            assert.is_false(ok)
            assert.is_true(errors.is(err), tostring(err))
            assert.equal("invalid", err.kind)
            for _, part in ipairs(case[2]) do assert.matches(part, tostring(err), 1, true) end
        end)
    end

    it("keeps what it was given, and is known again", function()
        local w = neap.workflow { summary = "S", run = run }
        assert.equal("S", w.summary)
        assert.is_true(workflow.is_workflow(w))
        assert.is_false(workflow.is_workflow { run = run })
        assert.same({}, w.args)
    end)

    it("orders args: required ones first, then by name; a list as written", function()
        local function names(args)
            local list = {}
            for i, field in ipairs(neap.workflow { run = run, args = args }.args) do list[i] = field[1] end
            return list
        end
        assert.same({ "c", "d", "a", "b" }, names {
            a = { type = "string" }, b = { type = "integer", default = 1 }, d = { type = "path", required = true },
            c = { type = "path", required = true },
        })
        assert.same({ "z", "a" }, names { { "z", type = "string" }, { "a", type = "string", required = true } })
    end)

    it("does not change the table it was given", function()
        local args = { a = { type = "string" } }
        neap.workflow { run = run, args = args }
        assert.same({ a = { type = "string" } }, args)
    end)
end)

describe("a workflow's context", function()
    after_each(helper.assert_idle)

    it("opens vendors, with settings of their own", function()
        acme.run(function()
            local w = neap.workflow {
                run = function(ctx, args)
                    local one, two = ctx:vendor "acme", ctx:vendor("acme", { tenant = "T-9" })
                    assert(one:read { id = args.id })
                    assert(two:in_body { id = args.id })
                    return "result", args
                end,
            }
            local args = { id = 5 }
            assert.same({ "result", args }, { w:start(args) })
            assert.equal("T-9", neap.json.decode(acme.seen()[2].body).tid)
        end)
    end)

    it("delivers with the arguments concurrency and dead_letters", function()
        acme.run(function()
            local path = helper.tmpdir() .. "/dead"
            local most, running = 0, 0
            local w = neap.workflow {
                run = function(ctx)
                    return ctx:deliver({ { i = 1 }, { i = 2 }, { i = 3 } }, function()
                        running = running + 1
                        most = math.max(most, running)
                        neap.sleep(1)
                        running = running - 1
                        return nil, "no"
                    end)
                end,
            }
            local summary = w:start { concurrency = 2, dead_letters = path }
            assert.equal(3, summary.failed)
            assert.equal(2, most)
            assert.equal(path, summary.dead_letters)
        end)
    end)

    it("refuses an arg that is not declared; one without a value is nil", function()
        acme.run(function()
            local w = neap.workflow { args = { file = { type = "path" } }, run = function(_, args)
                assert.is_nil(args.file)
                return args.fil
            end }
            local ok, err = pcall(w.start, w, {})
            assert.is_false(ok)
            assert.matches('args: no arg "fil"; did you mean "file"?', tostring(err), 1, true)
        end)
    end)

    it("is called with a colon", function()
        for name, call in pairs {
            vendor = function(ctx) return (ctx.vendor "acme") end,
            deliver = function(ctx) return (ctx.deliver({}, run)) end,
        } do
            acme.run(function()
                local w = neap.workflow { run = call }
                local ok, err = pcall(w.start, w, {})
                assert.is_false(ok)
                assert.matches(("call it with a colon: ctx:%s(...)"):format(name), tostring(err), 1, true)
                assert.matches("workflow_spec.lua:%d+$", err.where)
            end)
        end
    end)

    it("refuses unknown options of deliver", function()
        acme.run(function()
            local w = neap.workflow { run = function(ctx) return ctx:deliver({}, run, { concurency = 1 }) end }
            local ok, err = pcall(w.start, w, {})
            assert.is_false(ok)
            assert.matches('ctx:deliver: no option "concurency"; did you mean "concurrency"?', tostring(err), 1, true)
        end)
    end)
end)
