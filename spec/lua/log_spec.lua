local neap = require "neap"
local log = require "neap.native.log"
local secret = require "neap.native.secret"
local helper = require "spec.support.helper"

describe("neap.native.log", function()
    local lines

    before_each(function()
        lines = {}
        log.configure { level = "info", format = "text" }
        log.capture(function(line) lines[#lines + 1] = line end)
    end)

    after_each(function()
        log.capture()
        log.configure { level = "info", format = "text", fd = 2 }
        helper.assert_idle()
    end)

    it("stamps lines with the runtime's clock", function()
        neap.run(function() log.write("info", "hello") end, { clock = "virtual" })
        assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ info  hello$", lines[1])
    end)

    it("sorts fields and keeps their types", function()
        local fields = {
            zebra = 1, alpha = "a b", flag = true, half = 0.5, [1] = "one", odd = 1 / 0,
        }
        log.write("warn", "message", fields)
        assert.equal('warn  message 1=one alpha="a b" flag=true half=0.5 odd=inf zebra=1',
            lines[1]:sub(26))
        log.configure { format = "json" }
        log.write("warn", "message", fields)
        assert.equal('"level":"warn","message":"message","fields":{"1":"one","alpha":"a b",'
            .. '"flag":true,"half":0.5,"odd":"inf","zebra":1}}', lines[2]:sub(34))
        assert.same("warn", neap.json.decode(lines[2]).level)
    end)

    it("writes one line whatever is in it", function()
        log.write("error", "a\nb\r\27[31m", { k = "x\ny", ["k\n"] = "\255" })
        assert.equal('error a\\nb\\r\\u001b[31m k="x\\ny" "k\\n"="\u{fffd}"', lines[1]:sub(26))
        log.configure { format = "json" }
        log.write("error", "a\nb", { k = "\0" })
        assert.equal("a\nb", neap.json.decode(lines[2]).message)
        assert.equal("\0", neap.json.decode(lines[2]).fields.k)
    end)

    it("calls tostring for other values", function()
        local value = setmetatable({}, { __tostring = function() return "mine" end })
        log.write("info", value, { s = secret.literal "never-shown", v = value })
        assert.equal("info  mine s=*** v=mine", lines[1]:sub(26))
        assert.has_error(function()
            log.write("info", "x", { v = setmetatable({}, { __tostring = error }) })
        end)
    end)

    it("redacts message, keys and values", function()
        local s = secret.literal 'pass"word/1'
        log.configure { format = "json" }
        log.write("info", 'at pass"word/1', { ['pass"word/1'] = "x?p=pass%22word%2F1&y" })
        assert.equal('"message":"at ***","fields":{"***":"x?p=***&y"}}', lines[1]:sub(49))
        assert.is_true(secret.is(s))
    end)

    it("writes enabled levels only", function()
        assert.equal("info", log.level())
        assert.is_true(log.enabled "warn")
        assert.is_false(log.enabled "debug")
        log.write("debug", "x")
        assert.same({}, lines)
        log.configure { level = "trace" }
        log.write("trace", "x")
        assert.equal(1, #lines)
        assert.has_error(function() log.enabled "loud" end)
        assert.has_error(function() log.write("loud", "x") end)
    end)

    it("refuses unknown options and values", function()
        for _, options in ipairs {
            { levels = "info" }, { level = "loud" }, { level = 1 }, { format = "xml" },
            { fd = "2" }, { on_line = "x" }, { "info" },
        } do
            assert.has_error(function() log.configure(options) end)
        end
        assert.has_error(function() log.capture "x" end)
        assert.has_error(function() log.write("info", "x", "fields") end)
    end)

    it("takes a function by configure, too", function()
        local got
        log.configure { on_line = function(line) got = line end }
        log.write("info", "x")
        assert.matches("info  x$", got)
    end)

    it("loses no line to a failing function, and says why", function()
        local path = helper.tmpdir() .. "/err"
        local script = helper.write(helper.tmpdir() .. "/script.lua", [[
            package.cpath, package.path = ...
            require "neap"
            local log = require "neap.native.log"
            log.capture(function() error("broken", 0) end)
            log.write("info", "one")
            log.capture(function() log.write("info", "inner") end)
            log.write("info", "two")
            log.capture(coroutine.yield)
            log.write("info", "three")
            log.capture()
            log.write("info", "four")]])
        assert(os.execute(("lua5.4 %s %s %s 2>%s"):format(helper.quote(script),
            helper.quote(package.cpath), helper.quote(package.path), helper.quote(path))))
        local text = helper.read(path):gsub("%d%d%d%d%-%S+ ", "")
        assert.equal(table.concat({
            "info  one", "log function failed:", "broken", "info  two", "log function failed:",
        }, "\n"), text:match "^(.*)\n[^\n]*a log function must not log\n")
        assert.matches("info  three\nlog function failed:\n[^\n]*\ninfo  four\n$", text)
    end)
end)
