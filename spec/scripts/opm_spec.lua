--- What the recipes of OPM do beside what all imports do (imports_spec.lua).

local helper = require "spec.support.helper"
local recipes = require "spec.support.recipes"
local json = require "neap.native.json"

describe("opm/ping", function()
    it("says pong", function()
        local result = recipes.run "opm/ping"
        assert.equal(0, result.code)
        assert.same({ statusCode = 200, message = "pong" }, json.decode(result.out))
    end)

    it("exits with 4 when the key is refused, or missing", function()
        local result = recipes.run("opm/ping", { "--set", "opm.api_key=env:K" }, { env = { K = "x" } })
        assert.equal(4, result.code)
        assert.truthy(result.err:find("API key does not exist", 1, true), result.err)
        result = helper.cli { "run", "opm/ping" }
        assert.equal(4, result.code)
        assert.truthy(result.err:find("api_key", 1, true), result.err)
    end)
end)

describe("opm/sync-customers", function()
    it("dead-letters a row without contact, with the rule", function()
        local result = recipes.import("opm/sync-customers",
            "customerId,customerEmail,customerPhone\n1,a@example.com,\n2,,\n3,,+1\n")
        assert.equal(3, result.code)
        assert.equal("2", result.letters[1].record.customerId)
        assert.equal("one of customerEmail or customerPhone is required", result.letters[1].error.message)
    end)

    it("takes long ids as they are written", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/in.csv", "customerId,customerEmail\n12345678901234567890,a\n007,b\n")
        local result = recipes.run("opm/sync-customers", { "--file", "in.csv", "--dry-run" }, { cwd = dir })
        assert.truthy(result.out:find('"customerId":"12345678901234567890"', 1, true), result.out)
        assert.truthy(result.out:find('"customerId":"007"', 1, true), result.out)
    end)
end)
