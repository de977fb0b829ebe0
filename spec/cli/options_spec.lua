require "neap"
local options = require "neap.cli.options"

local fields = {
    { "file", type = "path", required = true },
    { "merge_key", type = "enum", values = { "email", "phone" }, default = "email" },
    { "tags", type = "list", of = { type = "string" } },
    { "count", type = "integer", min = 1 },
    { "force", type = "boolean", default = true },
}

local function parse(...)
    return options.parse(fields, { ... })
end

local function refusal(...)
    local ok, err = pcall(parse, ...)
    assert.is_false(ok)
    assert.is_true(err.usage)
    return err.hint and err.message .. "; " .. err.hint or err.message
end

describe("neap.cli.options", function()
    it("reads both forms of a value, and defaults", function()
        local values, words, help = parse("--file", "a", "--merge-key=phone", "x", "--count", "3")
        assert.same({ file = "a", merge_key = "phone", count = 3, force = true }, values)
        assert.same({ "x" }, words)
        assert.is_false(help)
        assert.equal("email", (parse("--file=a")).merge_key)
    end)

    it("takes the name as it is written in Lua, too", function()
        assert.equal("phone", (parse("--file", "a", "--merge_key", "phone")).merge_key)
    end)

    it("collects lists and lets the last of other options count", function()
        local values = parse("--file", "a", "--tags", "x", "--file", "b", "--tags=y,z")
        assert.same({ "x", "y,z" }, values.tags)
        assert.equal("b", values.file)
    end)

    it("reads booleans", function()
        assert.is_true((parse("--file", "a", "--force")).force)
        assert.is_false((parse("--file", "a", "--no-force")).force)
        assert.is_false((parse("--file", "a", "--force=false")).force)
        assert.matches("takes no value", refusal("--file", "a", "--no-force=1"))
    end)

    it("ends at --, and takes - as a word and as a value", function()
        local values, words = parse("--file", "-", "-", "--", "--count", "x")
        assert.equal("-", values.file)
        assert.same({ "-", "--count", "x" }, words)
    end)

    it("names the nearest option", function()
        assert.equal('unknown option --fiel; did you mean "--file"?', refusal("--fiel", "a"))
        assert.equal('unknown option --no-forc; did you mean "--no-force"?', refusal("--no-forc"))
        assert.equal("unknown option -x", refusal("-x"))
    end)

    it("wants a value", function()
        assert.equal("--file needs a value", refusal("--file"))
        assert.matches("^%-%-file needs a value, and %-%-force is an option",
            refusal("--file", "--force"))
        assert.equal("--force", (parse("--file=--force")).file)
    end)

    it("tells every fault at once", function()
        assert.equal('--count: "x" is no integer; --file is required; --merge-key: "mail" is not '
            .. 'one of email, phone, did you mean "email"?',
            refusal("--count", "x", "--merge-key", "mail"))
    end)

    it("scans leniently, so that a script can be found among its options", function()
        local words = { "--file", "a.csv", "x.lua", "--flag" }
        local scan = options.scan({}, words, { lenient = true })
        assert.same({ "a.csv", "x.lua" }, scan.words)
        assert.same({ "--file", "--flag" }, scan.unknown)
        assert.is_true(scan.behind_unknown[2])
        assert.is_nil(scan.behind_unknown[3])
    end)

    it("writes help from the same table", function()
        local lines = {}
        options.help(lines, fields)
        local text = table.concat(lines, "\n")
        for _, part in ipairs {
            "--file PATH", "--merge-key email|phone", "--tags TEXT", "--count N", "--no-force",
            "required", "default email", "at least 1", "may be repeated",
        } do
            assert.truthy(text:find(part, 1, true), part)
        end
    end)
end)
