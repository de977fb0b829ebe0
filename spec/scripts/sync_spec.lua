--- The recipes across vendors: options, maps, what is shown and told, and what is left for a next run.

local flows = require "spec.support.flows"
local helper = require "spec.support.helper"
local recipes = require "spec.support.recipes"
local json = require "neap.native.json"

local OMNI, OPM, EVENTS = "sync/optimove-to-omnisegment", "sync/optimove-to-opm", "sync/primedata-to-omnisegment"

local function words_of(more, ...)
    local words = { ... }
    for _, word in ipairs(more or {}) do words[#words + 1] = word end
    return words
end

--- Words for the customers of an action: as many as are asked for.
local function by_action(count, more)
    return words_of(more, "--recipient-group", "1", "--action", 1000000 + count, "--date", "2018-03-01",
        "--sandbox-log", "log.ndjson")
end

local function calls(dir) return recipes.by_endpoint(recipes.objects(dir .. "/log.ndjson")) end

--- Is this the last line of standard error?
local function assert_last(result, line)
    assert.equal("neap: " .. line, result.err:match "([^\n]*)\n$")
end

-- Optimove --------------------------------------------------------------------------------------

describe(OMNI, function()
    it("tags customers in batches, after asking up to when there is data; after several pages again", function()
        local result, dir = recipes.run(OMNI, by_action(123, { "--tag", "spring" }))
        assert.equal(0, result.code, result.err)
        assert_last(result, "123 records: 123 ok, 0 failed, 0 unknown, 0 retried, 0.2 s")
        assert.same({ GetLastDataUpdate = 1, GetCustomersByAction = 1, import_audience_batch = 3 }, calls(dir))
        result, dir = recipes.run(OMNI, by_action(123, { "--tag", "spring", "--page-size", "100" }))
        assert.equal(0, result.code, result.err)
        assert.same({ GetLastDataUpdate = 2, GetCustomersByAction = 2, import_audience_batch = 3 }, calls(dir))
    end)

    it("warns of an update of the data between two pages, and of an answer that does not come", function()
        -- The data of a day come at six in the morning; this list takes until then.
        local args = { "--tag", "spring", "--page-size", "5", "--faults", "slow:p=1,s=55",
            "--concurrency", "1" }
        local result = recipes.run(OMNI, by_action(2100, args))
        assert.equal(0, result.code, result.err)
        assert.matches("warn  Optimove updated its data meanwhile: pages may have moved, run it again .*2025%-12%-30",
            result.err)
        result = recipes.run(OMNI, by_action(123, { "--tag", "spring", "--page-size", "100", "--faults",
            "outage@optimove.GetLastDataUpdate:from=0.05" }))
        assert.equal(0, result.code, result.err)
        assert.matches("warn  Optimove does not say whether it updated its data meanwhile .*within 60 s", result.err)
    end)

    it("adds the tags to those that members have, and finds them by another key", function()
        local run = flows.run(OMNI, { recipient_group = 1, action = 1000003, date = "2018-03-01",
            tag = { "spring", "vip" }, merge_key = "email", batch = false }, { vendor = "omnisegment", ask = "members",
            times = 2 })
        assert.equal(3, run.result.ok)
        assert.equal(3, #run.known)
        assert.same({ "spring,vip", "customer2@example.com", "00000002", 2 },
            { run.known[2].tags, run.known[2].email, run.known[2].member_sn, run.known[2].imports })
    end)

    it("takes the customers of a campaign on a channel", function()
        local result, dir = recipes.run(OMNI, { "--campaign", "4622", "--channel", "505", "--tag", "spring",
            "--sandbox-log", "log.ndjson", "--json" })
        assert.equal(0, result.code, result.err)
        assert.is_true(json.decode(result.out).ok > 100)
        assert.equal(1, calls(dir).GetCustomerExecutionDetailsByCampaign)
        for _, call in ipairs(recipes.objects(dir .. "/log.ndjson")) do assert.equal(200, call.status) end
    end)

    it("shows the first mapped records in a dry run, and counts all", function()
        local result, dir = recipes.run(OMNI, by_action(123, { "--tag", "spring", "--dry-run" }))
        assert.equal(0, result.code, result.err)
        assert.same({ GetLastDataUpdate = 1, GetCustomersByAction = 1 }, calls(dir))
        assert.equal(10, select(2, result.out:gsub("POST http", "")))
        local shown = json.decode(result.out:match "\n({.-})\n")
        assert.same({ email = "customer1@example.com", first_name = "Zoë", last_name = "Smith", member_sn = "00000001",
            tags = "spring" }, shown.data)
        assert.same({ "append", "member_sn", true }, { shown.tag_mode, shown.merge_key, shown.ignore_empty_value })
        assert.truthy(result.err:find("dry run: 123 omnisegment.import_audience checked, none sent; the first 10 are "
            .. "shown\n", 1, true), result.err)
    end)

    it("says that a list has no customers, or no more", function()
        local function said(args)
            local result = recipes.run(OMNI, words_of(args, "--tag", "spring", "--json", "--log-level", "error"))
            assert.same({ 0, 0 }, { result.code, json.decode(result.out).total })
            return result.err
        end
        assert.equal("neap: the list has no customers\n", said(by_action(0)))
        for _, skip in ipairs { "123", "500" } do
            assert.equal(("neap: the list has no more customers after the first %s, which --skip left out\n"):format(
                skip), said(by_action(123, { "--skip", skip })))
        end
        local result = recipes.run(OMNI, by_action(123, { "--tag", "spring", "--skip", "122" }))
        assert.equal("neap: 1 record: 1 ok, 0 failed, 0 unknown, 0 retried, 0.1 s\n", result.err)
    end)

    it("refuses options that do not go together, before any call", function()
        local whose = "whose customers? --recipient-group, --action, --date; or --campaign, --channel; or --file"
        for _, case in ipairs {
            { {}, whose },
            { { "--action", "2", "--date", "2018-03-01" }, "--recipient-group: required with --action, --date" },
            { { "--campaign", "7" }, "--channel: required with --campaign" },
            { by_action(1, { "--campaign", "7", "--channel", "504" }),
                "--campaign, --channel: not together with --recipient-group, --action, --date" },
            { by_action(1, { "--file", "x.ndjson" }), "--recipient-group, --action, --date: not together with --file" },
            { { "--file", "x.ndjson", "--skip", "5" }, "--skip: not together with --file" },
        } do
            local result, dir = recipes.run(OMNI, words_of(case[1], "--tag", "spring"))
            assert.equal(2, result.code, result.err)
            assert_last(result, case[2])
            assert.same({}, recipes.objects(dir .. "/log.ndjson"))
        end
        local result, dir = recipes.run(OMNI, by_action(1, { "--tag", "spring", "--merge-key", "phone" }))
        assert.same({ 2, {} }, { result.code, calls(dir) })
        assert_last(result, 'invalid: --merge-key phone: the map of the script has no "phone"')
        result = recipes.run(OMNI, by_action(1))
        assert.same({ 2, true }, { result.code, result.err:find("--tag is required", 1, true) ~= nil })
    end)

    it("does not take a day without data for a day without customers", function()
        local result, dir = recipes.run(OMNI, { "--recipient-group", "1", "--action", "2", "--date", "2025-12-31",
            "--tag", "spring", "--sandbox-log", "log.ndjson" })
        assert.equal(1, result.code)
        assert_last(result, "rejected: --date 2025-12-31: Optimove has data up to 2025-12-30")
        assert.same({ GetLastDataUpdate = 1 }, calls(dir))
    end)

    it("reads what older tenants answer, attributes in one text", function()
        for _, args in ipairs { { "--set", "optimove.version=none" },
            { "--set", "optimove.version=none", "--delimiter", "semicolon" } } do
            local result = recipes.run(OMNI, by_action(10, words_of(args, "--tag", "spring", "--dry-run")))
            assert.equal(0, result.code, result.err)
            assert.truthy(result.out:find('"email":"customer1@example.com","first_name":"Zoë"', 1, true), result.out)
        end
    end)

    it("tells which settings are missing, and that a key is refused", function()
        local result = recipes.run(OMNI, by_action(10, { "--tag", "t", "--set", "optimove.api_key=env:WRONG" }),
            { env = { WRONG = "wrong-key" } })
        assert.equal(4, result.code, result.err)
        assert.truthy(result.err:find("optimove.GetLastDataUpdate: auth: HTTP 401", 1, true), result.err)
        result = recipes.run(OMNI, by_action(10, { "--tag", "t", "--set", "omnisegment.api_key=env:WRONG" }),
            { env = { WRONG = "wrong-key" } })
        assert.equal(4, result.code, result.err)
        assert.truthy(result.err:find("; dead letters in neap.dead.ndjson; to go on: --file neap.dead.ndjson", 1, true),
            result.err)
    end)
end)

-- Maps ------------------------------------------------------------------------------------------

--- Runs a copy of a recipe of which a line was changed. -> result, directory
local function run_altered(recipe, old, new, args)
    local dir, text = helper.tmpdir(), helper.read(("%s/scripts/%s.lua"):format(helper.root, recipe))
    local from, to = text:find(old, 1, true)
    assert(from, old)
    helper.write(dir .. "/own.lua", text:sub(1, from - 1) .. new .. text:sub(to + 1))
    return recipes.run("./own.lua", args, { cwd = dir }), dir
end

describe("the map of a recipe", function()
    local identities = helper.root .. "/scripts/sync/samples/identities.csv"

    it("is refused before any call where it is wrong, with the entry and both types", function()
        for _, case in ipairs {
            { OMNI, '{ "email", from = "Email" }', '{ "email", from = "Emial" }', 'entry 2 "email": '
                .. "optimove.GetCustomersByAction.Emial (unknown) to omnisegment.import_audience.data.email (string): "
                .. 'unknown source field Emial, did you mean "Email"?' },
            { OMNI, '{ "email", from', '{ "emial", from', 'entry 2 "emial": '
                .. "optimove.GetCustomersByAction.Email (string) to omnisegment.import_audience.data.emial (unknown): "
                .. 'unknown target emial, too near to a declared one (the setting custom_fields allows it), did you '
                .. 'mean "email"?' },
            { OMNI, '{ "email", from = "Email" }', '{ "birthday", from = "Email", cast = "boolean" }',
                'entry 2 "birthday": optimove.GetCustomersByAction.Email (string) to '
                .. "omnisegment.import_audience.data.birthday (date): " },
            { OPM, '{ "customerId", from = "CustomerID" },', "", "opm.entry.customerId (id) is required, and no entry "
                .. "has it as its target" },
            { OPM, '{ "customerFirstName", from = "FirstName" }', '{ "customerPhone", from = "Email" }',
                'entry 4 "customerPhone": a second entry for this target' },
            { EVENTS, '"properties.order_id"', '"propertys.order_id"', 'entry 1 "transaction_id": '
                .. "primedata.list_events.propertys.order_id (unknown) to "
                .. "omnisegment.import_purchase_data.data.transaction_id (id): unknown source field" },
            { EVENTS, '{ "client_id", from = "profile_id" }', '{ "client_id", from = "properties" }',
                'entry 1 "client_id": primedata.list_events.properties (object) to '
                .. "omnisegment.track_event.client_id (string): an object cannot become a string" },
        } do
            local recipe, old, new, message = table.unpack(case)
            local args = recipe == EVENTS and { "--file", identities }
                or by_action(10, recipe == OMNI and { "--tag", "spring" } or nil)
            local result, dir = run_altered(recipe, old, new, args)
            assert.equal(2, result.code, result.err)
            assert.truthy(result.err:find(message, 1, true), result.err .. "\n" .. message)
            assert.is_false(helper.exists(dir .. "/log.ndjson"))
        end
    end)

    it("says which attributes Optimove is asked for", function()
        local result, dir = run_altered(OMNI, '"Email", "FirstName", "LastName" },',
            '"Email", "FirstName", "LastName", "City" },\n    { "city", from = "City" },',
            by_action(5, { "--tag", "spring", "--dry-run", "--set", "optimove.version=none", "--delimiter", "tab" }))
        assert.equal(0, result.code, result.err)
        assert.truthy(result.out:find('"city":"Taipei, Xinyi"', 1, true)
            or result.out:find('"city":"New York; NY"', 1, true), result.out)
        assert.equal(1, calls(dir).GetCustomersByAction)
    end)

    it("makes dead letters of records that it does not fit, and of attributes that cannot be told apart", function()
        local result, dir = run_altered(OMNI, '"Email", "FirstName", "LastName" },',
            '"Email", "FirstName", "LastName", "City" },\n    { "city", from = "City" },',
            by_action(10, { "--tag", "spring", "--set", "optimove.version=none" }))
        assert.equal(3, result.code, result.err)
        local letters = recipes.objects(dir .. "/neap.dead.ndjson")
        assert.equal(2, #letters)
        for _, letter in ipairs(letters) do
            assert.same({ "not_sent", "decode" }, { letter.outcome, letter.error.kind })
            assert.equal(("%08d"):format(letter.line), letter.record.CustomerID)
            assert.matches("5 values for 4 attributes", letter.error.message)
        end
        result = recipes.run(OMNI, { "--file", "neap.dead.ndjson", "--tag", "spring" }, { cwd = dir })
        assert.equal(3, result.code, result.err) -- nor is one sent without them by a later run
        assert.matches("2 failed, .*2 x customer %.%.%.: %.%.%. values for %.%.%. attributes", result.err)
        result, dir = run_altered(OMNI, '{ "email", from = "Email" }',
            '{ "point_balance", from = "Email", cast = "integer" }', by_action(3, { "--tag", "spring" }))
        assert.equal(3, result.code, result.err)
        letters = recipes.objects(dir .. "/neap.dead.ndjson")
        assert.same({ 3, "not_sent" }, { #letters, letters[1].outcome })
        assert.matches("point_balance", letters[1].error.message)
        result = recipes.run(OMNI, { "--file", "neap.dead.ndjson", "--tag", "spring" }, { cwd = dir })
        assert.equal(0, result.code, result.err)
        assert_last(result, "3 records: 3 ok, 0 failed, 0 unknown, 0 retried, 0.1 s")
    end)
end)

-- Early ends ------------------------------------------------------------------------------------

describe(OPM .. ", ended early", function()
    it("says at last how to go on, with the exit code of what ended it", function()
        local args = { "--page-size", "100", "--concurrency", "4" }
        local result, dir = recipes.run(OPM, by_action(1000, words_of(args, "--faults",
            "outage@optimove:from=2;slow@opm:p=1,s=0.05")))
        assert.equal(1, result.code, result.err)
        local skip = result.err:match "; the source broke off, %d+ records read; to go on: %-%-skip (%d+)\n$"
        assert.truthy(skip, result.err)
        result = recipes.run(OPM, by_action(1000, words_of(args, "--skip", skip, "--json")), { cwd = dir })
        assert.equal(1000 - skip, json.decode(result.out).ok)
        result, dir = recipes.run(OPM, by_action(1000, words_of(args, "--faults",
            "outage@opm:from=2;outage@optimove:from=2;slow@opm:p=1,s=0.05", "--json")))
        assert.equal(3, result.code, result.err)
        local summary = json.decode(result.out)
        local rest = summary.resume:match "^%-%-file neap%.dead%.ndjson, then %-%-skip (%d+)$"
        assert.same({ summary.total, summary.failed },
            { math.tointeger(tonumber(rest)), #recipes.objects(dir .. "/neap.dead.ndjson") })
        result = recipes.run(OPM, { "--file", "neap.dead.ndjson", "--json" }, { cwd = dir })
        assert.equal(summary.failed, json.decode(result.out).ok)
    end)

    it("says so after a signal, too", function()
        local dir = helper.tmpdir()
        local run = helper.start(words_of(by_action(5000, { "--concurrency", "4", "--page-size", "100" }), "run", OPM,
            "--sandbox", "--progress", "never", "--faults", "slow@opm:p=1,s=0.05"), { cwd = dir })
        helper.wait_for(function()
            return helper.exists(dir .. "/log.ndjson") and recipes.lines(helper.read(dir .. "/log.ndjson")) >= 20
        end, "20 calls")
        run:signal "INT"
        local result = run:wait()
        assert.equal(130, result.code, result.err)
        assert.matches("; ended by SIGINT, %d+ records read; .*to go on: .*%-%-skip %d+\n$", result.err)
    end)
end)

describe(OMNI .. ", ended early", function()
    local OUTAGE = { "--faults", "outage@omnisegment:from=0.25;outage@optimove:from=0.25" }

    --- Tags what is in a file, until OmniSegment is down. -> result
    local function from_file(dir, file, opts)
        opts = opts or {}
        opts.cwd = dir
        return recipes.run(OMNI, words_of(OUTAGE, "--tag", "spring", "--concurrency", "2", "--file", file), opts)
    end

    local function numbers(path)
        local list = {}
        for _, letter in ipairs(recipes.objects(path)) do list[#list + 1] = letter.record.CustomerID end
        table.sort(list)
        return list
    end

    it("twice, has dead letters of its own each time", function()
        local args = { "--tag", "spring", "--page-size", "50", "--concurrency", "2", table.unpack(OUTAGE) }
        local first, dir = recipes.run(OMNI, by_action(1000, args))
        assert.equal(3, first.code, first.err)
        local skip = first.err:match "; to go on: %-%-file neap%.dead%.ndjson, then %-%-skip (%d+)\n$"
        local letters = helper.read(dir .. "/neap.dead.ndjson")
        local second = recipes.run(OMNI, by_action(1000, words_of(args, "--skip", skip)), { cwd = dir })
        local skipped = second.err:match
            "; dead letters in neap%.dead%-2%.ndjson; to go on: %-%-file neap%.dead%-2%.ndjson, then %-%-skip (%d+)\n$"
        assert.is_true(tonumber(skipped) > tonumber(skip))
        assert.equal(letters, helper.read(dir .. "/neap.dead.ndjson"))
        local again = numbers(dir .. "/neap.dead-2.ndjson")
        assert.is_true(tonumber(again[1]) > tonumber(skip))
    end)

    local function customers(count)
        local lines = {}
        for i = 1, count do lines[i] = ('{"CustomerID":"%05d"}\n'):format(i) end
        return table.concat(lines)
    end

    it("with --file, says that its dead letters are the rest", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/in.ndjson", customers(300))
        local result = from_file(dir, "in.ndjson")
        assert.equal(3, result.code, result.err)
        assert.matches("; to go on: %-%-file in%.ndjson%.dead%.ndjson\n$", result.err)
        local ok = tonumber(result.err:match "(%d+) ok")
        assert.is_true(ok > 0 and ok < 300)
        assert.equal(300 - ok, #numbers(dir .. "/in.ndjson.dead.ndjson"))
        result = recipes.run(OMNI, { "--tag", "spring", "--json", "--file", "in.ndjson.dead.ndjson" }, { cwd = dir })
        local summary = json.decode(result.out)
        assert.same({ 300 - ok }, { summary.ok, summary.resume })
    end)

    it("with --file, tells what of it is not among the dead letters", function()
        local dir = helper.tmpdir()
        local result = from_file(dir, "-", { stdin = customers(20000) })
        assert.equal(3, result.code, result.err)
        local total, after = result.err:match("(%d+) records: .*; to go on: %-%-file neap%.dead%.ndjson, then the "
            .. "records of standard input after the first (%d+)\n$")
        assert.equal(total, after, result.err)
        assert.is_true(tonumber(after) < 20000)
        local letters = numbers(dir .. "/neap.dead.ndjson")
        assert.equal(tonumber(after), tonumber(letters[#letters]))
        helper.write(dir .. "/in.ndjson", customers(300) .. "{\"CustomerID\":\"\255\"}\n" .. customers(1))
        result = recipes.run(OMNI, { "--tag", "spring", "--file", "in.ndjson", "--json" }, { cwd = dir })
        assert.equal(1, result.code, result.err)
        local summary = json.decode(result.out)
        assert.same({ 300, "the records of in.ndjson after the first 300" }, { summary.ok, summary.resume })
    end)
end)

-- PrimeData -------------------------------------------------------------------------------------

--- A file of profiles by number.
local function profiles(from, to)
    local lines = { "crm_user_id" }
    for i = from, to do lines[#lines + 1] = tostring(i) end
    return flows.file(table.concat(lines, "\n") .. "\n", "ids.csv")
end

local function sync(file, args)
    local words = words_of(args, "--file", file, "--sandbox-log", "log.ndjson", "--dead-letters", "dead.ndjson")
    return recipes.run(EVENTS, words)
end

describe(EVENTS, function()
    it("makes orders and events of visitors, and tells what has no map", function()
        local result, dir = sync(profiles(4, 8), { "--no-batch" })
        assert.equal(0, result.code, result.err)
        assert.matches("^[^\n]* s; left out without a map: %d+ OrderCreated\n$", result.err)
        local made, ok = calls(dir), math.tointeger(tonumber(result.err:match "(%d+) ok"))
        assert.equal(5, made.list_events)
        assert.equal(ok, made.import_purchase_data + made.track_event)
    end)

    it("leaves at the vendor what PrimeData has", function()
        local file = profiles(5, 5)
        local run = flows.run(EVENTS, { file = file }, { vendor = "omnisegment", ask = "orders" })
        assert.is_nil(run.result.ended)
        local known = flows.run(EVENTS, { file = file }, { vendor = "primedata", ask = "events:5" }).known
        local counts = {}
        for _, event in ipairs(known) do
            counts[event.event_name] = (counts[event.event_name] or 0) + 1
            local properties = event.properties
            if event.event_name == "OrderCompleted" then
                local order = run.known[counts.OrderCompleted]
                assert.same({ properties.order_id, "5", properties.order_revenue, "primedata", 1,
                    (properties.order_date:gsub("Z$", "+0000")) }, { order.transaction_id, order.member_sn,
                    order.transaction_revenue, order.source, order.imports, order.datetime })
            end
        end
        assert.equal(counts.OrderCompleted, #run.known)
        local events = flows.run(EVENTS, { file = file }, { vendor = "omnisegment", ask = "events" }).known
        assert.equal(counts.BookingCompleted + counts.ProductViewed, events)
    end)

    it("takes events from --since on, before --until: two spans side by side are one", function()
        local file = profiles(3, 3)
        local known = flows.run(EVENTS, { file = file }, { vendor = "primedata", ask = "events:3" })
        local time = known.known[82].time_stamp:gsub(":", "-", 2) -- of two events
        local function total(args)
            local result = sync(file, words_of(args, "--json", "--dry-run"))
            assert.equal(0, result.code, result.err)
            return json.decode(result.out:match "({[^\n]*})\n$").total
        end
        local before, after = total { "--until", time }, total { "--since", time }
        assert.equal(known.result.total, before + after)
        assert.is_true(before > 0 and after > 0)
        assert.equal(0, total { "--since", "2024-01-01" })
        local result = sync(file, { "--since", "2023-02-01", "--until", "2023-02-01" })
        assert.equal(2, result.code)
        assert_last(result, "--until 2023-02-01: not later than --since")
    end)

    it("says from when on it is to go on", function()
        local result = sync(profiles(3, 3), { "--since", "2023-02-10", "--faults", "outage@primedata:from=0" })
        assert.equal(1, result.code)
        assert.matches("to go on: %-%-file [^ ]+ %-%-since 2023%-02%-10[^ ]*", result.err)
    end)

    it("makes dead letters of profiles that there are not, and goes on", function()
        local file = flows.file("email,profile_id\nnobody@example.com,\n,x\np4@example.com,\n,\n", "ids.csv")
        local result, dir = sync(file)
        assert.equal(3, result.code, result.err)
        local letters = recipes.objects(dir .. "/dead.ndjson")
        assert.equal(2, #letters)
        assert.same({ { profile_id = "x" }, 3, 404, "rejected" },
            { letters[1].record, letters[1].line, letters[1].error.status, letters[1].outcome })
        assert.same({ {}, 5, "invalid", "not_sent" },
            { letters[2].record, letters[2].line, letters[2].error.kind, letters[2].outcome })
    end)

    it("tells events that may have arrived, and does not send them again", function()
        local result, dir = sync(profiles(4, 20), { "--faults", "reset@omnisegment.track_event:p=0.1", "--json" })
        assert.equal(3, result.code, result.err)
        local summary, letters = json.decode(result.out), recipes.objects(dir .. "/dead.ndjson")
        assert.is_true(summary.unknown > 5)
        assert.same({ 0, summary.unknown }, { summary.failed, #letters })
        for _, letter in ipairs(letters) do
            assert.same({ "unknown", 1 }, { letter.outcome, #letter.attempts })
            assert.is_string(letter.record.event_name)
        end
    end)

    it("ends where PrimeData is down for long; its dead letters are what is missing, each event once", function()
        local file = profiles(1, 12)
        local whole = flows.run(EVENTS, { file = file }, { vendor = "omnisegment", ask = "counts" })
        local ended = 0
        for from = 2, 26, 6 do
            local first = flows.run(EVENTS, { file = file }, { vendor = "omnisegment", ask = "counts",
                faults = ("outage@primedata:from=%d"):format(from) })
            local summary, letters = first.result, first.dir .. "/dead.ndjson"
            if summary.ended then
                ended = ended + 1
                assert.equal("source", summary.ended.reason)
                assert.equal("--file " .. letters, summary.resume)
                local second = flows.run(EVENTS, { file = letters }, { vendor = "omnisegment", ask = "counts" })
                assert.is_nil(second.result.ended)
                for _, noun in ipairs { "orders", "events" } do
                    assert.equal(whole.known[noun], first.known[noun] + second.known[noun])
                end
            end
        end
        assert.is_true(ended >= 3)
    end)

    it("ends where OmniSegment is down for long; events and rows that are missing are in one file", function()
        local file = profiles(1, 40)
        local whole = flows.run(EVENTS, { file = file }, { vendor = "omnisegment", ask = "counts" })
        local first = flows.run(EVENTS, { file = file }, { vendor = "omnisegment", ask = "counts",
            faults = "outage@omnisegment:from=10;outage@primedata:from=10" })
        assert.equal("outage", first.result.ended.reason)
        local letters, rows = recipes.objects(first.dir .. "/dead.ndjson"), 0
        for _, letter in ipairs(letters) do rows = rows + (letter.record.crm_user_id and 1 or 0) end
        assert.is_true(rows > 30 and rows < #letters)
        local second = flows.run(EVENTS, { file = first.dir .. "/dead.ndjson" },
            { vendor = "omnisegment", ask = "counts" })
        for _, noun in ipairs { "orders", "events" } do
            assert.equal(whole.known[noun], first.known[noun] + second.known[noun])
        end
    end)

    it("of standard input says behind which line to go on", function()
        local lines = { "crm_user_id" }
        for i = 1, 60 do lines[i + 1] = tostring(i) end
        local result, dir = recipes.run(EVENTS, { "--file", "-", "--faults",
            "outage@omnisegment:from=10;outage@primedata:from=10" }, { stdin = table.concat(lines, "\n") .. "\n" })
        assert.equal(3, result.code, result.err)
        local line = result.err:match "; to go on: %-%-file neap%.dead%.ndjson; the rows after line (%d+)\n$"
        assert.truthy(line, result.err)
        local last = 0
        for _, letter in ipairs(recipes.objects(dir .. "/neap.dead.ndjson")) do last = math.max(last, letter.line) end
        assert.equal(last, tonumber(line))
    end)

    it("ends with 4 where PrimeData refuses the key, with all rows as dead letters", function()
        local result, dir = recipes.run(EVENTS, { "--file", profiles(1, 20), "--dead-letters", "dead.ndjson",
            "--set", "primedata.api_key=env:WRONG" }, { env = { WRONG = "wrong-key" } })
        assert.equal(4, result.code, result.err)
        assert.equal(20, #recipes.objects(dir .. "/dead.ndjson"))
        assert.truthy(result.err:find("ended by a refused credential; dead letters in dead.ndjson; to go on: --file "
            .. "dead.ndjson\n", 1, true), result.err)
    end)
end)
