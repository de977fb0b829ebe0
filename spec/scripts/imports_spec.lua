--- What all import recipes have in common, with their own sample files.

local helper = require "spec.support.helper"
local recipes = require "spec.support.recipes"
local json = require "neap.native.json"

local run, sample, lines = recipes.run, recipes.sample, recipes.lines

-- recipe, its sample, records, seconds, options beside those that all have
local imports = {
    { "omnisegment/import-audience", "omnisegment/samples/audience.csv", 120, 11.9,
        { "--ignore-empty-value", "--merge-key", "--tag-mode" } },
    { "omnisegment/import-purchases", "omnisegment/samples/purchases.csv", 120, 11.9,
        { "--is-anonymous", "--identifier-field", "--debug-mode" } },
    { "omnisegment/import-products", "omnisegment/samples/products.csv", 60, 5.9, { "--site" } },
    { "omnisegment/import-event-registrations", "omnisegment/samples/event-registrations.ndjson", 60, 5.9, {} },
    { "omnisegment/import-guarantees", "omnisegment/samples/guarantees.csv", 60, 5.9, {} },
    { "omnisegment/import-gift-vouchers", "omnisegment/samples/gift-vouchers.csv", 100, 9.9,
        { "--site", "--identifier-field" } },
    { "omnisegment/track-events", "omnisegment/samples/events.ndjson", 60, 5.9, {} },
    { "opm/sync-customers", "opm/samples/customers.csv", 110, 0, {} },
}

--- By recipe: the endpoint of batches, the calls that the sample takes. Orders sent again wait for the
-- batch with the first of their kind, so they take one more.
local batches = {
    ["omnisegment/import-audience"] = { "import_audience_batch", 3 },
    ["omnisegment/import-purchases"] = { "import_purchase_data_batch", 4 },
    ["omnisegment/import-gift-vouchers"] = { "import_gift_voucher_batch", 1 },
}

local function options_of(recipe, own)
    local list = { "--file" }
    table.move(own, 1, #own, 2, list)
    list[#list + 1] = "--keep-empty"
    if batches[recipe] then list[#list + 1] = "--batch" end
    list[#list + 1] = "--concurrency"
    list[#list + 1] = "--dead-letters"
    return list
end

local function nothing_sent(dir) assert.same({}, recipes.objects(dir .. "/log.ndjson")) end

for _, case in ipairs(imports) do
    local recipe, file, count, seconds, own = table.unpack(case)
    local done = { total = count, ok = count, failed = 0, unknown = 0, retried = 0, seconds = seconds }

    describe(recipe, function()
        it("delivers its sample", function()
            local result, dir = run(recipe, { "--file", sample(file), "--json", "--sandbox-log", "log.ndjson" })
            assert.equal(0, result.code, result.err)
            assert.same(done, json.decode(result.out))
            assert.equal(count, #recipes.objects(dir .. "/log.ndjson"))
            assert.is_false(helper.exists(sample(file) .. ".dead.ndjson"))
        end)

        it("says what it did in one line", function()
            local result = run(recipe, { "--file", sample(file) })
            assert.same({ 0, "" }, { result.code, result.out })
            assert.truthy(result.err:find(("neap: %d records: %d ok, 0 failed"):format(count, count), 1, true),
                result.err)
            assert.equal(1, lines(result.err))
        end)

        it("reads standard input", function()
            local result = run(recipe, { "--file", "-", "--json" }, { stdin = helper.read(sample(file)) })
            assert.equal(0, result.code, result.err)
            assert.equal(count, json.decode(result.out).ok)
        end)

        it("sends nothing in a dry run", function()
            local result, dir = run(recipe, { "--file", sample(file), "--dry-run", "--sandbox-log", "log.ndjson" })
            assert.equal(0, result.code, result.err)
            nothing_sent(dir)
            assert.equal(10, select(2, result.out:gsub("POST http", "")))
            assert.is_nil(result.out:find("00000000-0000-4000-8000", 1, true))
            assert.matches(("dry run: %d [%%w_.]+ checked, none sent"):format(count), result.err)
        end)

        it("needs its file, and one that is there", function()
            local result = run(recipe)
            assert.equal(2, result.code)
            assert.truthy(result.err:find("--file is required", 1, true), result.err)
            result = run(recipe, { "--file", "missing.csv" })
            assert.equal(2, result.code)
            assert.truthy(result.err:find("missing.csv", 1, true), result.err)
        end)

        it("has these options", function()
            assert.same(options_of(recipe, own), recipes.options(recipe))
        end)

        it("delivers its dead letters when they come as its file", function()
            local result, dir = run(recipe, { "--file", sample(file), "--json", "--faults", "500:p=0.3", "--seed", "3",
                "--dead-letters", "dead.ndjson" })
            local failed = json.decode(result.out).failed
            assert.equal(3, result.code, result.err)
            assert.is_true(failed > 0 and failed < count)
            result = run(recipe, { "--file", "dead.ndjson", "--json" }, { cwd = dir })
            assert.equal(0, result.code, result.err)
            assert.equal(failed, json.decode(result.out).ok)
        end)
    end)
end

for recipe, batch in pairs(batches) do
    local endpoint, calls = table.unpack(batch)
    local file, count
    for _, case in ipairs(imports) do
        if case[1] == recipe then file, count = case[2], case[3] end
    end

    describe(recipe .. " --batch", function()
        it(("delivers its sample with %d calls"):format(calls), function()
            local result, dir = run(recipe, { "--file", sample(file), "--batch", "--json", "--sandbox-log",
                "log.ndjson" })
            assert.equal(0, result.code, result.err)
            local summary = json.decode(result.out)
            assert.same({ count, count, 0, 0 }, { summary.total, summary.ok, summary.failed, summary.retried })
            assert.same({ [endpoint] = calls }, recipes.by_endpoint(recipes.objects(dir .. "/log.ndjson")))
        end)

        it("shows its calls in a dry run", function()
            local result, dir = run(recipe, { "--file", sample(file), "--batch", "--dry-run", "--sandbox-log",
                "log.ndjson" })
            assert.equal(0, result.code, result.err)
            nothing_sent(dir)
            assert.equal(calls, select(2, result.out:gsub("POST http", "")))
            assert.truthy(result.err:find(("dry run: %d omnisegment.%s checked"):format(calls, endpoint), 1, true),
                result.err)
        end)

        it("delivers its dead letters when they come as its file", function()
            local result, dir = run(recipe, { "--file", sample(file), "--batch", "--json", "--faults", "500:p=0.5",
                "--seed", "1", "--dead-letters", "dead.ndjson" })
            local failed = json.decode(result.out).failed
            assert.equal(3, result.code, result.err)
            local letters = recipes.objects(dir .. "/dead.ndjson")
            assert.is_true(failed > 0)
            assert.equal(failed, #letters)
            for _, letter in ipairs(letters) do assert.equal("rejected", letter.outcome) end
            result = run(recipe, { "--file", "dead.ndjson", "--batch", "--json" }, { cwd = dir })
            assert.equal(0, result.code, result.err)
            assert.equal(failed, json.decode(result.out).ok)
        end)
    end)
end
