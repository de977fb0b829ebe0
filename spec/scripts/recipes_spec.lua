--- What every bundled recipe owes a reader: a place in the list, a help, a command that can be tried, and
-- a section in scripts/README.md.

local helper = require "spec.support.helper"
local json = require "neap.native.json"

--- The recipes in the tree: { "opm/ping", ... }.
local function files()
    local pipe = assert(io.popen(("cd %s/scripts && ls */*.lua"):format(helper.quote(helper.root))))
    local list = {}
    for path in pipe:lines() do list[#list + 1] = (path:gsub("%.lua$", "")) end
    pipe:close()
    return list
end

--- The command in the comment that a recipe begins with.
local function example(text)
    local comment = text:match "^(%-%-.-)\n\n"
    return (comment:match "\n%-%-   (neap %l+ [^\n]*.-)$":gsub("\\\n%-%-%s+", ""))
end

--- "run", or "serve" for what answers requests.
local function command_of(text) return example(text):match "^neap (%l+) " end

--- A handler works once it listens, and until it is told to stop.
local function try_handler(words, cwd)
    table.move({ "--port", "0" }, 1, 2, #words + 1, words)
    local process = helper.start(words, { cwd = cwd, env = { LISTENER_KEY = "5f1c9a02b77e4d" } })
    local line = process:line()
    process:signal "TERM"
    local result = process:wait()
    assert.matches("^listening on http://", line, nil, result.err)
    assert.equal(143, result.code, result.err)
end

--- A directory in which the commands of comments find the samples.
local function place()
    local dir = helper.tmpdir()
    assert(os.execute(("mkdir %s/scripts && cd %s && for samples in scripts/*/samples; do "
        .. "mkdir %s/${samples%%/*} && ln -s \"$PWD/$samples\" %s/$samples || exit 1; done")
        :format(dir, helper.quote(helper.root), dir, dir)))
    return dir
end

local found = files()

describe("the bundled recipes", function()
    it("are those of the tree", function()
        local listed = {}
        for i, recipe in ipairs(json.decode(helper.cli({ "list", "recipes", "--json" }).out)) do
            listed[i] = recipe.name
        end
        assert.same(found, listed)
    end)
end)

for _, recipe in ipairs(found) do
    describe(recipe, function()
        local text = helper.read(("%s/scripts/%s.lua"):format(helper.root, recipe))

        it("shows in its comment a command that works", function()
            local words = {}
            for word in example(text):gsub("^neap ", ""):gmatch "%S+" do words[#words + 1] = word end
            if command_of(text) == "serve" then return try_handler(words, place()) end
            words[#words + 1] = "--clock"
            words[#words + 1] = "virtual"
            local result = helper.cli(words, { cwd = place() })
            assert.equal(0, result.code, result.err)
        end)

        it("has a help that begins with usage and summary", function()
            local result = helper.cli { "run", recipe, "--help" }
            assert.equal(0, result.code)
            local summary = text:match 'summary = "([^"]*)"'
            local head = ("usage: neap %s %s [options]\n\n%s\n"):format(command_of(text), recipe, summary)
            assert.equal(head, result.out:sub(1, #head))
        end)

        it("has a section in scripts/README.md", function()
            assert.truthy(helper.read(helper.root .. "/scripts/README.md"):find("\n### " .. recipe .. "\n", 1, true))
        end)
    end)
end
