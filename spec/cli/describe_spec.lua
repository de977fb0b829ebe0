--- neap describe and neap help: everything from the definitions. The pages are compared with golden files
-- (spec/data/golden); NEAP_GOLDEN=write writes them anew.

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

local json = require "neap.native.json"

local printed = {}

--- Runs the command in an empty directory: once for the same words, whose output several specs look at.
local function once(words)
    local key = table.concat(words, "\0")
    printed[key] = printed[key] or helper.cli(words)
    return printed[key]
end

--- What `neap describe NAME --json` says.
local function facts_of(name)
    return json.decode(once({ "describe", name, "--json" }).out)
end

local function page(words, opts)
    local got = opts and helper.cli(words, opts) or once(words)
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
        ["help-maps"] = { "help", "maps" }, ["help-serve"] = { "serve", "--help" },
        ["help-handlers"] = { "help", "handlers" }, ["help-webhooks"] = { "help", "webhooks" },
        ["describe-shop"] = { "describe", "shop" }, ["describe-shop.put_order"] = { "describe", "shop.put_order" },
        ["describe-shop.note"] = { "describe", "shop.note" },
        ["describe-opm"] = { "describe", "opm" }, ["describe-opm.entry"] = { "describe", "opm.entry" },
        ["describe-omnisegment.track_event"] = { "describe", "omnisegment.track_event" },
        ["describe-omnisegment.import_purchase_data"] = { "describe", "omnisegment.import_purchase_data" },
        ["describe-omnisegment.import_gift_voucher.json"] = { "describe", "omnisegment.import_gift_voucher", "--json" },
        ["describe-optimove"] = { "describe", "optimove" },
        ["describe-optimove.GetCustomersByAction"] = { "describe", "optimove.GetCustomersByAction" },
        ["describe-optimove.UpdateCustomerAttributes"] = { "describe", "optimove.UpdateCustomerAttributes" },
        ["describe-primedata"] = { "describe", "primedata" },
        ["describe-primedata.list_events"] = { "describe", "primedata.list_events" },
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

--- What a call of these asks for is not there before another call has made it.
local MADE_FIRST = {
    ["omnisegment.get_interaction_report"] = true, ["omnisegment.get_tracking_event_report"] = true,
    ["omnisegment.get_interactive_audiences_report"] = true,
}

describe("neap describe", function()
    it("has a page for every endpoint of every vendor", function()
        for _, vendor in ipairs(json.decode(once({ "list", "vendors", "--json" }).out)) do
            local facts = facts_of(vendor.name)
            for i = 1, #facts.endpoints, helper.scale(1, 8) do
                local endpoint = facts.endpoints[i]
                local name = vendor.name .. "." .. endpoint.name
                assert.matches("^" .. name:gsub("%p", "%%%0"), page { "describe", name })
                local shown = facts_of(name)
                assert.same({ vendor.name, endpoint.name }, { shown.vendor, shown.endpoint })
            end
        end
    end)

    it("gives examples that run in the sandbox as they stand", function()
        for _, vendor in ipairs(json.decode(once({ "list", "vendors", "--json" }).out)) do
            local facts = facts_of(vendor.name)
            for i = 1, #facts.endpoints, helper.scale(1, 8) do
                local endpoint = facts.endpoints[i]
                local name = vendor.name .. "." .. endpoint.name
                local call = facts_of(name).call
                assert.equal(endpoint.path_unknown == true or name == "optimove.Login", call == nil)
                if call and not MADE_FIRST[name] then
                    local command = call:gsub("^neap", helper.quote(helper.bin))
                    local pipe = assert(io.popen(command .. " 2>&1; echo $?"))
                    local said, code = pipe:read("a"):match "^(.*)%f[%d](%d+)\n$"
                    pipe:close()
                    assert.equal("0", code, call .. ": " .. said)
                end
            end
        end
    end)

    --- Calls fn(path) for every required field below, elements and alternatives included; paths end in the name.
    local function each_required(fields, prefix, fn)
        for _, field in ipairs(fields or {}) do
            local path = field.name and prefix .. field.name or prefix
            if field.required then fn(path, field) end
            local below = field.name and path .. "." or prefix
            each_required(field.fields, below, fn)
            each_required(field.either, below, fn)
            if field.of then each_required({ field.of }, below, fn) end
        end
    end

    --- The lines of a page as one, its columns gone.
    local function flowed(text)
        return (text:gsub("%s+", " "))
    end

    --- What a page says of each parameter, by its last name; of several with one name, all.
    local function parameter_rows(text)
        local rows, last, column = {}, nil, nil
        for line in text:match "\nParameters\n(.-)\n\n":gmatch "[^\n]+" do
            local indent = #line:match "^ *"
            column = column or #line:match "^ +[%w_]+ +"
            if indent < column then last = line:match "[%w_]+" end
            rows[last] = (rows[last] or "") .. line:gsub(indent < column and "^ +[%w_]+" or "^ +", " ")
        end
        return rows
    end

    it("tells all that a call of OmniSegment takes, as text and as JSON", function()
        local vendor = facts_of "omnisegment"
        local classes, keys, nested = {}, 0, 0
        for _, one in ipairs(vendor.endpoints) do
            local name = "omnisegment." .. one.name
            local text = page { "describe", name }
            local lines, shown = flowed(text), facts_of(name)
            local function has(part) assert.truthy(lines:find(part, 1, true), name .. ": " .. part) end
            classes[shown.write] = (classes[shown.write] or 0) + 1
            has("class " .. shown.write .. ":")
            has("source " .. shown.source)
            has "10 per second for each path, evenly spaced"
            assert.same({ 1, 10, 1 }, { #shown.limits, shown.limits[1].count, shown.limits[1].period })
            has(shown.auth.text)
            has(shown.tenant.text)
            has("payload " .. shown.returns)
            if shown.key then
                keys = keys + 1
                has("key " .. shown.key .. ":")
            end
            if shown.rules[1] then has "Rules between parameters" end
            for _, rule in ipairs(shown.rules) do
                has(rule)
                assert.not_equal("parameters are checked against each other", rule)
            end
            each_required(shown.params, "", function(path, field)
                local rows = parameter_rows(text)[path:match "[^.]+$"]
                assert.truthy(rows and rows:find("required", 1, true), name .. ": " .. path)
                assert.matches("required", field.text)
                nested = nested + (path:find(".", 1, true) and 1 or 0)
            end)
        end
        assert.same({ { idempotent = 11, read = 6, unsafe = 4 }, 6 }, { classes, keys })
        assert.is_true(nested > 40)
    end)

    it("tells zones, other texts and alternatives", function()
        local purchase = flowed(page { "describe", "omnisegment.import_purchase_data" })
        for _, part in ipairs {
            "datetime date with time, required, zone written as +0800",
            "takes custom fields (texts of at most 256 characters)",
            "products string or object of strings;", 'debug_mode one of 0, 1, or "0", or "1"',
            "address2 string, or null", "voucher_name string, required",
        } do assert.truthy(purchase:find(part, 1, true), part) end
        local voucher = facts_of "omnisegment.import_gift_voucher"
        local data = voucher.params[1]
        assert.same({ "either", "object", "list", 100 },
            { data.type, data.either[1].type, data.either[2].type, data.either[2].max })
        local fields = {}
        for _, field in ipairs(data.either[2].of.fields) do fields[field.name] = field end
        assert.same({ "+08", true, true, 128 }, { fields.valid_util.zone_form, fields.valid_util.date_only,
            fields.valid_util.required, fields.custom_fields.custom_max_length })
        local audience = facts_of "omnisegment.import_audience"
        for _, field in ipairs(audience.params[1].fields) do
            if field.name == "birthday" then assert.same({ "", "none" }, field.also) end
        end
    end)

    it("has a page for every recipe, which is its help", function()
        for _, recipe in ipairs(json.decode(helper.cli({ "list", "recipes", "--json" }).out)) do
            local text = page { "describe", recipe.name }
            assert.equal(text, page { "run", recipe.name, "--help" })
            assert.truthy(text:find(recipe.summary, 1, true))
            local facts = facts_of(recipe.name)
            assert.same({ recipe.name, recipe.summary }, { facts.recipe, facts.summary })
            for _, setting in ipairs(facts.settings or {}) do
                assert.truthy(text:find("NEAP_" .. setting.name:upper(), 1, true), setting.name)
            end
            for _, arg in ipairs(facts.args or {}) do
                local option = (arg.default == true and "--no-" or "--") .. arg.name:gsub("_", "-")
                assert.truthy(text:find(option, 1, true), arg.name)
            end
        end
    end)

    it("tells what of a limit is let through early", function()
        local here = { cwd = helper.root .. "/spec/support/paced" }
        local lines = flowed(page({ "describe", "paced" }, here))
        for _, part in ipairs {
            "10 per second for each path, evenly spaced; only strict, strict_slow",
            "10 per second for each path, evenly spaced, a burst of 1 is let through; only bursty, bursty_slow",
            "60 per minute for each path, evenly spaced, a burst of 5 is let through; only rare",
        } do
            assert.truthy(lines:find(part, 1, true), part)
        end
        local shown = json.decode(helper.cli({ "describe", "paced", "--json" }, here).out).limits
        assert.same({ 1, 5 }, { shown[2].burst, shown[3].burst })
        assert.is_nil(shown[1].burst)
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
        local facts = facts_of "omnisegment"
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
