--- The recipes that write to Optimove.

local flows = require "spec.support.flows"
local helper = require "spec.support.helper"
local recipes = require "spec.support.recipes"
local json = require "neap.native.json"
local csv = require "neap.csv"

local PROMOTIONS, METRICS = "optimove/add-promotions", "optimove/update-campaign-metrics"
local ATTRIBUTES, MAIL = "optimove/update-attributes", "optimove/send-transactional-mail"

--- Faults that reset connections also lose answers of calls that took effect.
local FAULTS = "503:p=0.1;429:p=0.05;reset:p=0.1;truncate:p=0.1"

--- Counts of a delivery, in process.
local function counts(run)
    local summary = assert(run.result, tostring(run.err))
    return { summary.total, summary.ok, summary.failed, summary.unknown }
end

--- Rows of a sample, header first.
local function rows_of(name)
    return assert(csv.decode(helper.read(recipes.sample("optimove/samples/" .. name))))
end

-- recipe, its sample, records, calls, options
local imports = {
    { PROMOTIONS, "promotions.csv", 120, { AddPromotions = 2 },
        { "--file", "--keep-empty", "--no-batch", "--concurrency", "--dead-letters" } },
    { METRICS, "metrics.csv", 120, { UpdateCampaignMetrics = 2 },
        { "--file", "--keep-empty", "--no-batch", "--concurrency", "--dead-letters" } },
    { ATTRIBUTES, "attributes.csv", 120, { UpdateCustomerAttributes = 1 },
        { "--file", "--callback-url", "--keep-empty", "--concurrency", "--dead-letters" } },
    { MAIL, "receipts.csv", 60, { SendTransactionalMail = 60 },
        { "--file", "--template", "--id-column", "--series", "--schedule-time", "--concurrency", "--dead-letters" },
        { "--template", "2" } },
}

for _, case in ipairs(imports) do
    local recipe, name, count, calls, options, more = table.unpack(case)
    local file = recipes.sample("optimove/samples/" .. name)

    local function run(args, opts)
        local words = table.move(more or {}, 1, #(more or {}), 1, {})
        return recipes.run(recipe, table.move(args, 1, #args, #words + 1, words), opts)
    end

    describe(recipe, function()
        it("delivers its sample, with as many records in a call as Optimove takes", function()
            local result, dir = run { "--file", file, "--json", "--sandbox-log", "log.ndjson" }
            assert.equal(0, result.code, result.err)
            local summary = json.decode(result.out)
            assert.same({ count, count, 0, 0, 0 },
                { summary.total, summary.ok, summary.failed, summary.unknown, summary.retried })
            assert.same(calls, recipes.by_endpoint(recipes.objects(dir .. "/log.ndjson")))
        end)

        it("reads standard input, and sends nothing in a dry run", function()
            local result, dir = run({ "--file", "-", "--dry-run", "--sandbox-log", "log.ndjson" },
                { stdin = helper.read(file) })
            assert.equal(0, result.code, result.err)
            assert.same({}, recipes.objects(dir .. "/log.ndjson"))
            assert.matches("dry run: %d+ optimove%.%w+ checked, none sent", result.err)
            assert.truthy(result.out:find("POST http://localhost/optimove/current/", 1, true))
            assert.is_nil(result.out:find("00000000-0000-4000-8000", 1, true))
        end)

        it("delivers its dead letters when they come as its file", function()
            local result, dir = run { "--file", file, "--json", "--dead-letters", "dead.ndjson",
                "--faults", "400:p=0.7", "--seed", "1" }
            local failed = json.decode(result.out).failed
            assert.equal(3, result.code, result.err)
            assert.is_true(failed > 0)
            assert.equal(failed, #recipes.objects(dir .. "/dead.ndjson"))
            result = run({ "--file", "dead.ndjson", "--json" }, { cwd = dir })
            assert.equal(0, result.code, result.err)
            assert.equal(failed, json.decode(result.out).ok)
        end)

        it("needs its columns, and a file that is there", function()
            local result = run({ "--file", "-" }, { stdin = "Colour\nred\n" })
            assert.equal(2, result.code, result.err)
            assert.matches("header: ", result.err)
            result = run { "--file", "missing.csv" }
            assert.equal(2, result.code)
            assert.truthy(result.err:find("missing.csv", 1, true), result.err)
        end)

        it("has these options", function() assert.same(options, recipes.options(recipe)) end)
    end)
end

describe(PROMOTIONS, function()
    local function known(run)
        local names = {}
        for i, promotion in ipairs(run.known) do names[i] = promotion.PromoCode .. "=" .. promotion.PromotionName end
        return names
    end

    it("leaves at Optimove what is in the file, whatever goes wrong", function()
        local wanted = {}
        for i, row in ipairs(rows_of "promotions.csv") do wanted[i - 1] = row[1] .. "=" .. row[2] end
        wanted[0] = nil
        for seed = 1, 5 do
            local run = flows.run(PROMOTIONS, { file = recipes.sample "optimove/samples/promotions.csv" },
                { faults = FAULTS, seed = seed, ask = "promotions" })
            assert.same({ 120, 120, 0, 0 }, counts(run))
            local names = known(run)
            table.sort(names)
            assert.same(wanted, names)
        end
    end)

    it("lets the last name of a code win", function()
        local file = flows.file "PromoCode,PromotionName\nA,one\nB,two\nA,three\n"
        local run = flows.run(PROMOTIONS, { file = file }, { ask = "promotions" })
        assert.same({ "A=three", "B=two" }, known(run))
    end)

    it("makes a call for each record with --no-batch", function()
        local result, dir = recipes.run(PROMOTIONS, { "--file", recipes.sample "optimove/samples/promotions.csv",
            "--no-batch", "--sandbox-log", "log.ndjson" })
        assert.equal(0, result.code, result.err)
        assert.same({ AddPromotions = 120 }, recipes.by_endpoint(recipes.objects(dir .. "/log.ndjson")))
    end)

    it("makes dead letters of faulty rows and delivers the others", function()
        local run = recipes.import(PROMOTIONS, "PromoCode,PromotionName\nA,one\n,two\nC,\nD,four\n")
        assert.equal(3, run.code, run.err)
        assert.same({ 4, 2, 2 }, { run.summary.total, run.summary.ok, run.summary.failed })
        table.sort(run.letters, function(a, b) return a.line < b.line end)
        assert.same({ 3, 4 }, { run.letters[1].line, run.letters[2].line })
        assert.equal("PromoCode: required", run.letters[1].error.message)
        assert.same({ PromoCode = "C" }, run.letters[2].record)
        assert.equal(1, #run.calls)
    end)
end)

describe(METRICS, function()
    it("reports every figure once", function()
        local run = flows.run(METRICS, { file = recipes.sample "optimove/samples/metrics.csv" }, { ask = "metrics" })
        assert.same({ 120, 120, 0, 0 }, counts(run))
        assert.equal(120, #run.known)
        local wanted, sums = 0, 0
        for i, row in ipairs(rows_of "metrics.csv") do wanted = wanted + (i > 1 and math.tointeger(row[5]) or 0) end
        for _, metric in ipairs(run.known) do sums = sums + metric.MetricValue end
        assert.equal(wanted, sums)
    end)

    it("does not repeat what may have arrived: it is unknown", function()
        local unknown = 0
        for seed = 1, 10 do
            local run = flows.run(METRICS, { file = recipes.sample "optimove/samples/metrics.csv" },
                { faults = "reset:p=0.4", seed = seed, ask = "metrics" })
            assert.equal(120, run.result.ok + run.result.unknown)
            assert.equal(120, #run.known)
            unknown = unknown + run.result.unknown
        end
        assert.is_true(unknown > 0)
    end)

    it("refuses a kind of figure that there is not, by row", function()
        local run = recipes.import(METRICS,
            "ChannelID,CampaignID,TemplateID,MetricID,MetricValue\n504,1,1,7,5\n504,1,1,9,5\n")
        assert.same({ 3, 1, 1 }, { run.code, run.summary.ok, run.summary.failed })
        assert.matches('MetricID: "7" is not one of 0, 1, 2, 3, 4, 5, 6, 9', run.letters[1].error.message, 1, true)
    end)
end)

describe(ATTRIBUTES, function()
    local function update(text, args, opts)
        args = args or {}
        args.file = flows.file(text, opts.name)
        return flows.run(ATTRIBUTES, args, opts)
    end

    it("overwrites what the file has, and leaves empty cells alone", function()
        local run = update("CustomerID,City,Tier,OrderCount\n00000001,台中市,Gold,7\n00000002,,Silver,\n", nil,
            { ask = "attributes:00000001" })
        assert.same({ 2, 2, 0, 0 }, counts(run))
        assert.same({ City = "台中市", Tier = "Gold", OrderCount = "7" }, run.known)
        run = update("CustomerID,City,Tier\n00000002,,Silver\n", nil, { ask = "attributes:00000002" })
        assert.same({ Tier = "Silver" }, run.known)
        run = update("CustomerID,City,Tier\n00000002,,Silver\n", { keep_empty = true }, { ask = "attributes:00000002" })
        assert.same({ City = "", Tier = "Silver" }, run.known)
    end)

    it("takes numbers and null from NDJSON", function()
        local run = update('{"CustomerID":"00000003","City":null,"LifetimeValue":12.5}\n', nil,
            { ask = "attributes:00000003", name = "in.ndjson" })
        assert.same({ City = json.null, LifetimeValue = "12.5" }, run.known)
    end)

    it("keeps the order of one customer's rows, through faults", function()
        local rows = { "CustomerID,OrderCount" }
        for i = 1, 500 do rows[i + 1] = ("%08d,%d"):format(i % 3 + 1, i) end
        for seed = 1, 5 do
            local run = update(table.concat(rows, "\n"), nil,
                { ask = "attributes:00000003", faults = FAULTS, seed = seed })
            assert.same({ 500, 500, 0, 0 }, counts(run))
            assert.equal("500", run.known.OrderCount)
        end
    end)

    it("has nothing to do where all cells of a customer are empty", function()
        local run = recipes.import(ATTRIBUTES, "CustomerID,City,Tier\n00000001,,\n")
        assert.same({ 0, 1, 1, {} }, { run.code, run.summary.total, run.summary.ok, run.calls })
        run = recipes.import(ATTRIBUTES, '{"CustomerID":null}\n{"CustomerID":""}\n', nil, "in.ndjson")
        assert.same({ 3, 2, 2 }, { run.code, run.summary.total, run.summary.failed })
    end)

    it("names faults by their columns", function()
        local run = recipes.import(ATTRIBUTES, '{"CustomerID":"1","City":"x","Tier":["a"]}\n', nil, "in.ndjson")
        assert.equal(3, run.code)
        assert.matches("^Tier: ", run.letters[1].error.message)
    end)

    it("spreads more than ten attributes over several calls", function()
        local names = { "Email", "FirstName", "LastName", "MobileNumber", "Country", "City", "Company", "Language",
            "Tier", "OrderCount", "LoyaltyPoints", "IsOptIn" }
        local values = { "a@example.com", "b", "c", "+1", "TW", "d", "e", "f", "g", "1", "2", "0" }
        local run = update(("CustomerID,%s\n00000001,%s\n"):format(table.concat(names, ","), table.concat(values, ",")),
            nil, { ask = "attributes:00000001" })
        assert.same({ 1, 1, 0, 0 }, counts(run))
        for i, name in ipairs(names) do assert.equal(values[i], run.known[name]) end
        assert.same({ UpdateCustomerAttributes = 2 }, recipes.by_endpoint(recipes.objects(run.dir .. "/log.ndjson")))
    end)

    it("lets 2,500 customers travel in three calls", function()
        local rows = { "CustomerID,City" }
        for i = 1, 2500 do rows[i + 1] = ("%08d,City %d"):format(i, i) end
        local run = update(table.concat(rows, "\n"), nil, { ask = "attributes:00002500" })
        assert.equal(2500, run.result.ok)
        assert.same({ City = "City 2500" }, run.known)
        assert.same({ UpdateCustomerAttributes = 3 }, recipes.by_endpoint(recipes.objects(run.dir .. "/log.ndjson")))
    end)

    it("has the result told to a URL", function()
        local run = update("CustomerID,City,OrderCount\n00000001,x,many\n99999999,y,1\n", {
            callback_url = "http://127.0.0.1:9/callback",
        }, { ask = "notices" })
        assert.same({ 2, 2, 0, 0 }, counts(run))
        local calls = recipes.objects(run.dir .. "/log.ndjson")
        assert.same({ 1, 202 }, { #calls, calls[1].status })
    end)

    it("refuses a file without customers, and rows without any", function()
        local run = recipes.import(ATTRIBUTES, "customer_id,City\n1,x\n")
        assert.equal(2, run.code)
        assert.truthy(run.err:find("header: CustomerID: required, and there is no such column", 1, true), run.err)
        assert.matches('did you mean \\?"customer_id', run.err)
        run = recipes.import(ATTRIBUTES, "CustomerID,City\n,x\n,\n00000002,y\n")
        assert.same({ 3, 1, 2 }, { run.code, run.summary.ok, run.summary.failed })
        table.sort(run.letters, function(a, b) return a.line < b.line end)
        assert.equal("CustomerID: required", run.letters[1].error.message)
        run = recipes.import(ATTRIBUTES, "CustomerID;City\n1;x\n")
        assert.equal(2, run.code)
        assert.truthy(run.err:find('the cells seem to be separated by', 1, true), run.err)
    end)
end)

describe(MAIL, function()
    local function send(text, args, opts)
        opts = opts or {}
        opts.ask = "mails"
        args.file = flows.file(text, opts.name)
        return flows.run(MAIL, args, opts)
    end

    it("sends a mail per row, with its columns as tags", function()
        local run = send("Email,FIRST_NAME\na@example.com,Ann\nb@example.com,美玲\n",
            { template = 2, schedule_time = "2026-01-02 08:00:00" })
        assert.same({ 2, 2, 0, 0 }, counts(run))
        assert.equal(2, #run.known)
        table.sort(run.known, function(a, b) return a.Recipients[1].Email < b.Recipients[1].Email end)
        assert.same({ { Email = "b@example.com", Personalizations = { FIRST_NAME = "美玲" } } },
            run.known[2].Recipients)
        assert.same({ 2, "2026-01-02 08:00:00" }, { run.known[2].TemplateID, run.known[2].ScheduleTime })
        assert.matches("^2%-%x+$", run.known[2].UniqueMessageID)
        assert.equal(18, #run.known[2].UniqueMessageID)
    end)

    local rows = { "Email,FIRST_NAME" }
    for i = 1, 200 do rows[i + 1] = ("c%d@example.com,N%d"):format(i, i % 7) end
    local MANY = table.concat(rows, "\n") .. "\n"

    it("reaches nobody twice, whatever goes wrong and however often it runs", function()
        local repeats = 0
        for seed = 1, 5 do
            local run = send(MANY, { template = 2 }, { faults = FAULTS, seed = seed, times = 2 })
            assert.same({ 200, 200, 0, 0 }, counts(run))
            local reached = {}
            for _, mail in ipairs(run.known) do
                local address = mail.Recipients[1].Email
                assert.is_nil(reached[address], address)
                reached[address] = true
            end
            assert.equal(200, #run.known)
            for _, call in ipairs(recipes.objects(run.dir .. "/log.ndjson")) do
                if call.status == 409 then repeats = repeats + 1 end
            end
        end
        assert.is_true(repeats > 5 * 200)
    end)

    it("sends the same rows again as another series, or with another template", function()
        local function ids(args)
            local list = {}
            for i, mail in ipairs(send("Email,FIRST_NAME\na@example.com,A\n", args).known) do
                list[i] = mail.UniqueMessageID
            end
            return table.concat(list, " ")
        end
        local first = ids { template = 2 }
        assert.equal(first, ids { template = 2 })
        assert.equal("march-" .. first, ids { template = 2, series = "march" })
        assert.not_equal(first:match "%x+$", ids { template = 1 })
    end)

    it("takes the id from a column", function()
        local run = send("Email,FIRST_NAME,UniqueMessageID\na@example.com,A,order-1\n", { template = 2 })
        assert.same({ "order-1", { FIRST_NAME = "A" } },
            { run.known[1].UniqueMessageID, run.known[1].Recipients[1].Personalizations })
        run = send("Email,FIRST_NAME,ORDER\na@example.com,A,order-2\nb@example.com,B,\nc@example.com,C,order-2\n",
            { template = 2, id_column = "ORDER" })
        assert.same({ 3, 2, 1, 0 }, counts(run))
        assert.equal(1, #run.known)
        assert.same({ "order-2", { FIRST_NAME = "A", ORDER = "order-2" } },
            { run.known[1].UniqueMessageID, run.known[1].Recipients[1].Personalizations })
        local letters = recipes.objects(run.dir .. "/dead.ndjson")
        assert.same({ "ORDER: required, it is --id-column", "not_sent", 3 },
            { letters[1].error.message, letters[1].outcome, letters[1].line })
    end)

    it("tells what had been sent before, and what nobody knows of", function()
        local FEW = "Email,FIRST_NAME\na@example.com,A\n"
        local run = send(FEW .. "b@example.com,B\nb@example.com,B\n", { template = 2 })
        assert.matches("info  3 mails: 2 sent, 1 sent before$", run.log[1])
        assert.equal(1, #run.log)
        assert.same({}, send(FEW, { template = 2 }).log)
        run = send(FEW, { template = 2 }, { times = 2 })
        assert.matches("info  1 mail: 0 sent, 1 sent before$", run.log[1])
        run = send(MANY, { template = 2 }, { faults = FAULTS, times = 2 })
        local before, unsure = run.log[1]:match "200 mails: 0 sent, (%d+) sent before, (%d+) sent now or before$"
        assert.equal(200, before + unsure)
    end)

    it("names faults by their columns", function()
        local run = recipes.import(MAIL, "Email,A,ORDER\n,x,1\n", { "--template", "2", "--id-column", "ORDER" })
        assert.equal("Email: required", run.letters[1].error.message)
        run = recipes.import(MAIL, "Email,ORDER\na@example.com," .. ("x"):rep(2000) .. "\n",
            { "--template", "2", "--id-column", "ORDER" })
        assert.matches("^ORDER: ", run.letters[1].error.message)
        run = recipes.import(MAIL, "Email,ORDER\na@example.com,1\n", { "--template", "2", "--id-column", "Order" })
        assert.equal(2, run.code)
        assert.matches('Order: required, and there is no such column, did you mean \\?"ORDER', run.err)
    end)

    it("makes dead letters where the template is unknown, and warns of tags without a value", function()
        local run = recipes.import(MAIL, "Email\na@example.com\n", { "--template", "9" })
        assert.same({ 3, "Invalid template" }, { run.code, run.letters[1].error.message })
        run = recipes.import(MAIL, "Email\na@example.com\nb@example.com\n", { "--template", "3" })
        assert.same({ 0, 2 }, { run.code, run.summary.ok })
        assert.truthy(run.err:find("mails went out with tags that had no value mails=2", 1, true), run.err)
    end)

    it("does not count against the calls of an hour", function()
        local run = recipes.import(MAIL, MANY, { "--template", "2", "--set", "optimove.hourly_limit=10" })
        assert.same({ 0, 200 }, { run.code, run.summary.ok })
        assert.is_true(run.summary.seconds < 60)
    end)
end)

describe("optimove/register-listeners", function()
    local RECIPE, URL = "optimove/register-listeners", "https://listener.example.com/5f1c"

    local function types(listeners)
        local list = {}
        for i, listener in ipairs(listeners) do
            assert.equal(URL, listener.ListenerURL)
            list[i] = listener.EventTypeID .. (listener.ChannelID and "@" .. listener.ChannelID or "")
        end
        return table.concat(list, " ")
    end

    it("registers the usual types, however often it runs", function()
        local run = flows.run(RECIPE, { url = URL }, { ask = "listeners", times = 2 })
        assert.is_nil(run.err)
        assert.equal("1 2 3 4 5 13", types(run.known))
    end)

    it("binds to a channel what comes from one", function()
        local run = flows.run(RECIPE, { url = URL, events = { 5, 11, 13 }, channel = 504 }, { ask = "listeners" })
        assert.equal("5 11@504 13@504", types(run.known))
    end)

    it("prints a line for each", function()
        local result = recipes.run(RECIPE, { "--url", URL, "--events", "13,5", "--events", "1", "--json" })
        assert.equal(0, result.code, result.err)
        assert.equal(('{"EventTypeID":13,"ListenerURL":"%s"}\n{"EventTypeID":5,"ListenerURL":"%s"}\n'
            .. '{"EventTypeID":1,"ListenerURL":"%s"}\n'):format(URL, URL, URL), result.out)
    end)

    it("sends nothing in a dry run, and refuses what cannot be", function()
        local result, dir = recipes.run(RECIPE, { "--url", URL, "--dry-run", "--sandbox-log", "log.ndjson" })
        assert.equal(0, result.code, result.err)
        assert.same({}, recipes.objects(dir .. "/log.ndjson"))
        assert.matches("dry run: 6 optimove.RegisterEventListener checked, none sent", result.err, 1, true)
        for _, case in ipairs {
            { { "--url", "listener" }, "--url" }, { { "--url", URL, "--events", "14" }, '"14" is not one of' },
            { {}, "--url is required" },
        } do
            result = recipes.run(RECIPE, case[1])
            assert.equal(2, result.code, result.err)
            assert.truthy(result.err:find(case[2], 1, true), result.err)
        end
    end)

    it("has these options", function()
        assert.same({ "--url", "--events", "--channel" }, recipes.options(RECIPE))
    end)
end)
