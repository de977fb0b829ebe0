--- neap describe and neap help: everything from the definitions. The pages are compared with golden files
-- (spec/data/golden); NEAP_GOLDEN=write writes them anew.

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

local json = require "neap.native.json"

local function page(words, opts)
    local got = helper.cli(words, opts)
    assert.same({ 0, "" }, { got.code, got.err })
    for line in got.out:gmatch "[^\n]*" do
        local is_example = line:find "^  neap " or line:find "^usage:"
        assert.is_true(is_example ~= nil or utf8.len(line) <= 100, line)
        assert.is_nil(line:find "%s$", line)
    end
    return got.out
end

describe("the pages of", function()
    local pages = {
        ["help"] = { "help" }, ["help-run"] = { "run", "--help" }, ["help-call"] = { "call", "--help" },
        ["help-list"] = { "list", "--help" }, ["help-describe"] = { "describe", "--help" },
        ["help-sandbox"] = { "sandbox", "--help" }, ["help-version"] = { "version", "--help" },
        ["help-help"] = { "help", "--help" }, ["help-settings"] = { "help", "settings" },
        ["help-secrets"] = { "help", "secrets" }, ["help-faults"] = { "help", "faults" },
        ["help-exit-codes"] = { "help", "exit-codes" }, ["help-files"] = { "help", "files" },
        ["describe-shop"] = { "describe", "shop" }, ["describe-shop.put_order"] = { "describe", "shop.put_order" },
        ["describe-shop.note"] = { "describe", "shop.note" },
        ["describe-opm"] = { "describe", "opm" }, ["describe-opm.entry"] = { "describe", "opm.entry" },
        ["describe-omnisegment.track_event"] = { "describe", "omnisegment.track_event" },
        ["describe-import-audience"] = { "describe", "omnisegment/import-audience" },
        ["describe-shop.json"] = { "describe", "shop", "--json" },
        ["describe-shop.put_order.json"] = { "describe", "shop.put_order", "--json" },
    }
    local names = {}
    for name in pairs(pages) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
        it(name, function()
            local opts = { cwd = shop.place() }
            local text = name:find "json$" and helper.cli(pages[name], opts).out or page(pages[name], opts)
            helper.golden(name:find "json$" and name or name .. ".txt", text)
        end)
    end
end)

describe("neap describe", function()
    it("has a page for every endpoint of every vendor", function()
        for _, vendor in ipairs(json.decode(helper.cli({ "list", "vendors", "--json" }).out)) do
            local facts = json.decode(helper.cli({ "describe", vendor.name, "--json" }).out)
            for _, endpoint in ipairs(facts.endpoints) do
                local name = vendor.name .. "." .. endpoint.name
                assert.matches("^" .. name:gsub("%p", "%%%0"), page { "describe", name })
                local shown = json.decode(helper.cli({ "describe", name, "--json" }).out)
                assert.same({ vendor.name, endpoint.name }, { shown.vendor, shown.endpoint })
            end
        end
    end)

    it("gives examples that run in the sandbox as they stand", function()
        for _, vendor in ipairs(json.decode(helper.cli({ "list", "vendors", "--json" }).out)) do
            local facts = json.decode(helper.cli({ "describe", vendor.name, "--json" }).out)
            for _, endpoint in ipairs(facts.endpoints) do
                local name = vendor.name .. "." .. endpoint.name
                local call = json.decode(helper.cli({ "describe", name, "--json" }).out).call
                local pipe = assert(io.popen((call:gsub("^neap", helper.quote(helper.bin))) .. " 2>&1; echo $?"))
                local said, code = pipe:read("a"):match "^(.*)%f[%d](%d+)\n$"
                pipe:close()
                -- Only a report that nobody ordered yet is not there.
                if name ~= "omnisegment.get_interaction_report" then assert.equal("0", code, call .. ": " .. said) end
            end
        end
    end)

    it("has a page for every recipe, which is its help", function()
        for _, recipe in ipairs(json.decode(helper.cli({ "list", "recipes", "--json" }).out)) do
            local text = page { "describe", recipe.name }
            assert.equal(text, page { "run", recipe.name, "--help" })
            assert.truthy(text:find(recipe.summary, 1, true))
            local facts = json.decode(helper.cli({ "describe", recipe.name, "--json" }).out)
            assert.same({ recipe.name, recipe.summary }, { facts.recipe, facts.summary })
            for _, arg in ipairs(facts.args) do
                assert.truthy(text:find("--" .. arg.name:gsub("_", "-"), 1, true), arg.name)
            end
        end
    end)

    it("takes endpoint as a word of its own, and scripts by path", function()
        local dir = shop.place()
        assert.equal(page({ "describe", "shop.say" }, { cwd = dir }),
            page({ "describe", "shop", "say" }, { cwd = dir }))
        helper.write(dir .. "/flow.lua", [[return neap.workflow { summary = "Mine", vendors = { "shop" },
            description = "About it.", example = "neap run flow.lua", run = print }]])
        local text = page({ "describe", "./flow.lua" }, { cwd = dir })
        for _, part in ipairs { "Mine", "About it.", "NEAP_SHOP_API_KEY", "  neap run flow.lua" } do
            assert.truthy(text:find(part, 1, true), part)
        end
        assert.equal(2, helper.cli({ "describe" }).code)
        assert.equal(2, helper.cli({ "describe", "opm", "ping", "more" }).code)
        helper.write(dir .. "/plain.lua", "print 'ran'")
        assert.equal(2, helper.cli({ "describe", "plain.lua", "--json" }, { cwd = dir }).code)
    end)

    it("names every setting's variable, default and values", function()
        local facts = json.decode(helper.cli({ "describe", "omnisegment", "--json" }).out)
        local by_name = {}
        for _, setting in ipairs(facts.settings) do by_name[setting.name] = setting end
        assert.same({ "taiwan", "japan", "staging" }, by_name.environment.values)
        assert.same({ "taiwan", "5m", 512, "60s" }, { by_name.environment.default, by_name.outage_wait.default,
            by_name.connections.default, by_name.timeout.default })
        for _, name in ipairs { "environment", "tid", "api_key", "outage_wait", "custom_fields", "base_url", "timeout",
            "connections", "jitter" } do
            assert.equal("NEAP_OMNISEGMENT_" .. name:upper(), by_name[name].env)
        end
        assert.same({ true, true, false }, { by_name.tid.required, by_name.api_key.required, by_name.jitter.required })
    end)
end)
