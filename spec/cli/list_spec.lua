--- neap list: what there is, built in and beside (DESIGN.md 3 and 6).

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

local function recipe(dir, name, text)
    shop.mkdir(dir .. "/" .. name:match "^(.*)/")
    helper.write(dir .. "/" .. name .. ".lua", text)
end

local function workflow(summary)
    return ("return neap.workflow { summary = %q, run = print }"):format(summary)
end

describe("neap list", function()
    it("shows one recipe a line: name, two blanks, summary", function()
        local got = helper.cli { "list", "recipes" }
        assert.same({ 0, "" }, { got.code, got.err })
        for line in got.out:gmatch "([^\n]*)\n" do assert.matches("^[%l-]+/[%l-]+  %S.*%S$", line) end
        local names = {}
        for name in got.out:gmatch "(%S+)  [^\n]*\n" do names[#names + 1] = name end
        local sorted = table.move(names, 1, #names, 1, {})
        table.sort(sorted)
        assert.same(sorted, names)
        for _, name in ipairs {
            "omnisegment/import-audience", "omnisegment/interaction-report", "omnisegment/track-events",
            "opm/ping", "opm/sync-customers",
        } do
            assert.truthy(("\n" .. got.out):find("\n" .. name .. "  ", 1, true), name)
        end
    end)

    it("shows vendors the same way, and both", function()
        local vendors, recipes = helper.cli { "list", "vendors" }, helper.cli { "list", "recipes" }
        assert.equal("vendors\n" .. vendors.out .. "\nrecipes\n" .. recipes.out, helper.cli({ "list" }).out)
    end)

    it("knows vendors and recipes of one's own", function()
        local dir = shop.place()
        recipe(dir, "scripts/shop/sync", workflow "Mine")
        recipe(dir, "config/neap/scripts/shop/other", workflow "The user's")
        recipe(dir, "config/neap/scripts/shop/sync", workflow "Hidden by mine")
        recipe(dir, "config/neap/vendors/extra",
            'return vendor.define "extra" { title = "Extra", endpoints = {} }')
        local got = helper.cli({ "list" }, { cwd = dir, home = dir })
        assert.same({ 0, "" }, { got.code, got.err })
        for _, line in ipairs {
            "extra  Extra", "shop  Shop", "opm  OPM Partners API", "shop/sync  Mine", "shop/other  The user's",
        } do
            assert.truthy(("\n" .. got.out):find("\n" .. line .. "\n", 1, true), line)
        end
        assert.is_nil(got.out:find("Hidden", 1, true))
    end)

    it("says at level info that a definition hides a built-in one", function()
        local dir = helper.tmpdir()
        recipe(dir, "vendors/opm", 'return vendor.define "opm" { title = "My OPM", endpoints = {} }')
        local got = helper.cli({ "list", "vendors" }, { cwd = dir })
        assert.matches("opm  My OPM\n", got.out)
        assert.matches(" info +a definition hides the built%-in one [^\n]*vendor=opm", got.err)
        assert.equal("", helper.cli({ "list", "vendors", "--log-level", "warn" }, { cwd = dir }).err)
    end)

    it("prints JSON", function()
        local json = require "neap.native.json"
        local vendors = json.decode(helper.cli({ "list", "vendors", "--json" }).out)
        local recipes = json.decode(helper.cli({ "list", "recipes", "--json" }).out)
        assert.same({ recipes = recipes, vendors = vendors }, json.decode(helper.cli({ "list", "--json" }).out))
        for _, vendor in ipairs(vendors) do assert.is_string(vendor.title) end
        for _, one in ipairs(recipes) do assert.is_string(one.summary) end
    end)

    it("tells of a recipe that is refused, and shows the others", function()
        local dir = helper.tmpdir()
        recipe(dir, "scripts/shop/good", workflow "Good")
        recipe(dir, "scripts/shop/bad", "return neap.workflow {")
        recipe(dir, "scripts/shop/plain", "print 'was run'")
        local got = helper.cli({ "list", "recipes" }, { cwd = dir })
        assert.equal(2, got.code)
        assert.matches("shop/good  Good\n", got.out)
        assert.matches("shop/plain  a script that is no workflow\n", got.out)
        assert.matches("scripts/shop/bad%.lua:1: ", got.err)
        assert.is_nil(got.out:find("was run", 1, true))
    end)
end)
