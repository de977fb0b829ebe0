--- Deliveries of sources of a script's own: how they go on, break, and what is left of them; and what the last line
-- says of going on.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local deliver = require "neap.deliver"
local errors = require "neap.error"
local report = require "neap.cli.report"

--- A source of `count` records that then ends, or breaks with an error.
local function source_of(count, broken)
    local source = { is_stream = true, at = 0 }
    function source:next()
        if self.at == count then return nil, nil, broken end
        self.at = self.at + 1
        return { id = self.at }, self.at
    end
    return source
end

--- Rows that were not read, as `rest` gives them.
local function with_rest(source, rows)
    function source.rest()
        local at = 0
        return { next = function()
            at = at + 1
            return rows[at], rows[at] and 100 + at
        end }
    end
    return source
end

local function letters_of(path)
    local letters = {}
    if not helper.exists(path) then return letters end
    for line in io.lines(path) do letters[#letters + 1] = assert(neap.json.decode(line)) end
    return letters
end

--- Delivers by v:put. -> summary, dead letters
local function run(v, source, opts)
    opts = opts or {}
    opts.dead_letters = helper.tmpdir() .. "/dead.ndjson"
    local summary = assert(deliver.run(source, function(row) return v:put(row) end, opts))
    return summary, letters_of(opts.dead_letters)
end

local function credential_refused()
    return errors.new { kind = "auth", status = 401, message = "no", credential_refused = true }
end

describe("a source of one's own", function()
    after_each(helper.assert_idle)

    it("makes a dead letter of a faulty record, with its line", function()
        acme.run(function(v)
            local source = source_of(3)
            local next_record = source.next
            function source.next(self)
                local record, line = next_record(self)
                if line ~= 2 then return record, line end
                return record, line, errors.new { kind = "decode", message = "odd", outcome = "not_sent" }
            end
            local summary, letters = run(v, source)
            assert.same({ 3, 2, 1 }, { summary.total, summary.ok, summary.failed })
            assert.same({ { id = 2 }, 2, "not_sent" }, { letters[1].record, letters[1].line, letters[1].outcome })
        end)
    end)

    it("that breaks ends with 1, after what it gave was delivered", function()
        acme.run(function(v)
            local summary, letters = run(v, source_of(5, errors.new { kind = "network", message = "gone" }))
            assert.same({ "source", 5, 5, 0 }, { summary.ended.reason, summary.total, summary.ok, #letters })
            assert.equal(1, report.code_of_summary(summary))
        end)
    end)

    it("that is refused for its credential, or lacks a setting, ends with 4", function()
        acme.run(function(v)
            local summary = run(v, source_of(5, credential_refused()))
            assert.same({ "refused", 5 }, { summary.ended.reason, summary.ok })
            assert.equal(4, report.code_of_summary(summary))
            summary = run(v, source_of(0, errors.new { kind = "settings", message = "api_key is missing" }))
            assert.same({ "settings", 0 }, { summary.ended.reason, summary.total })
            assert.equal(4, report.code_of_summary(summary))
        end)
    end)

    it("tells what was not read, where it ends early: by itself, by an outage", function()
        acme.run(function(v)
            local rows, gone = { { id = "x" }, { id = "y" } }, errors.new { kind = "network", message = "gone" }
            local summary, letters = run(v, with_rest(source_of(5, gone), rows))
            assert.same({ 7, 5, 2 }, { summary.total, summary.ok, summary.failed })
            assert.same({ { id = "x" }, 101, "not_sent", "cancelled", "gone" }, { letters[1].record, letters[1].line,
                letters[1].outcome, letters[1].error.kind, letters[1].error.cause.message })
            assert.is_nil(summary.stream)
            summary, letters = run(v, with_rest(source_of(0, credential_refused()), rows))
            assert.same({ 2, "auth" }, { #letters, letters[2].error.kind })
            assert.equal("refused", summary.ended.reason)
            summary, letters = run(v, with_rest(source_of(0, errors.new { kind = "settings", message = "no" }), rows))
            assert.same({ 0, 0 }, { summary.total, #letters })
        end)
        acme.run(function(v)
            local summary, letters = run(v, with_rest(source_of(100), { { id = "x" } }))
            assert.equal("outage", summary.ended.reason)
            assert.same({ { id = "x" }, "outage" }, { letters[#letters].record, letters[#letters].error.kind })
        end, { faults = "outage@acme:status=503" })
    end)

    it("has nothing to tell at its end", function()
        acme.run(function(v)
            local summary, letters = run(v, with_rest(source_of(5), { { id = "x" } }))
            assert.same({ 5, 5, 0 }, { summary.total, summary.ok, #letters })
            assert.is_nil(summary.ended)
        end)
    end)
end)

describe("what a source has no map for", function()
    --- Runs a workflow whose source has left out these. -> summary of --json, last line
    local function left_out(text)
        local dir = helper.tmpdir()
        helper.write(dir .. "/flow.lua", ([[return neap.workflow { run = function(ctx)
            local source = { is_stream = true, unmapped = { %s } }
            function source:next() end
            return ctx:deliver(source, print)
        end }]]):format(text))
        local result = helper.cli({ "run", "flow.lua", "--json" }, { cwd = dir })
        assert.equal(0, result.code, result.err)
        return neap.json.decode(result.out), helper.cli({ "run", "flow.lua", "--log-level", "error" },
            { cwd = dir }).err:match "([^\n]*)\n$"
    end

    it("is told at last, by name, the most frequent first", function()
        local summary, line = left_out "b = 2, a = 3, c = 2"
        assert.same({ a = 3, b = 2, c = 2 }, summary.unmapped)
        assert.matches(" s; left out without a map: 3 a, 2 b, 2 c$", line)
    end)

    it("is one number behind five names", function()
        local summary, line = left_out "a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7"
        assert.equal(1, summary.unmapped.a)
        assert.matches("; left out without a map: 7 g, 6 f, 5 e, 4 d, 3 c, 3 of 2 other names$", line)
    end)

    it("is not told where it is nothing", function()
        local summary, line = left_out ""
        assert.is_nil(summary.unmapped)
        assert.is_nil(line:find("left out", 1, true))
    end)
end)

describe("the option resume", function()
    after_each(helper.assert_idle)

    local function resume(summary) return ("--skip %d"):format(summary.total) end

    it("says how to go on after an early end only", function()
        acme.run(function(v)
            assert.is_nil(run(v, source_of(5), { resume = resume }).resume)
            local gone = errors.new { kind = "network", message = "gone" }
            assert.equal("--skip 5", run(v, source_of(5, gone), { resume = resume }).resume)
            assert.is_nil(run(v, source_of(5, gone), { resume = function() end }).resume)
            local settings = errors.new { kind = "settings", message = "api_key is missing" }
            assert.is_nil(run(v, source_of(0, settings), { resume = resume }).resume)
        end)
    end)

    it("has to be a function", function()
        acme.run(function(v)
            local ok, err = pcall(run, v, source_of(1), { resume = "--skip 5" })
            assert.is_false(ok)
            assert.equal("resume must be a function, got a string", err.message)
        end)
    end)

    it("is one of ctx:deliver, which tells a dry run", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/flow.lua", [[
            return neap.workflow { run = function(ctx)
                local opm, at = ctx:vendor "opm", 0
                print(ctx.dry_run)
                return ctx:deliver(function()
                    at = at + 1
                    if at == 3 then neap.error.raise("network", "gone") end
                    return { customerId = at, customerPhone = "1" }
                end, function(row) return opm:entry(row) end, { resume = function(summary)
                    return "--from " .. summary.total
                end })
            end }]])
        local result = helper.cli({ "run", "flow.lua", "--sandbox" }, { cwd = dir })
        assert.same({ 1, "false\n" }, { result.code, result.out })
        assert.matches("neap: network: gone\n.*neap: 2 records: 2 ok, .*; the source broke off, 2 records read; "
            .. "to go on: %-%-from 2\n$", result.err)
        result = helper.cli({ "run", "flow.lua", "--sandbox", "--json" }, { cwd = dir })
        assert.matches('"seconds":[%d.]+,"resume":"%-%-from 2"}\n$', result.out)
        result = helper.cli({ "run", "flow.lua", "--sandbox", "--dry-run" }, { cwd = dir })
        assert.equal("true\n", result.out:sub(1, 5))
    end)
end)
