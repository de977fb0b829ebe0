--- The export recipes of PrimeData.

local helper = require "spec.support.helper"
local recipes = require "spec.support.recipes"
local csv = require "neap.csv"
local json = require "neap.native.json"
local lenient = require "neap.lang.lenient"
local simulator = require "spec.support.simulator"

local PROFILES, EVENTS = "primedata/export-profiles", "primedata/export-events"

--- Runs a recipe with a file of ids. -> result, directory
local function export(recipe, ids, args, name)
    name = name or "ids.csv"
    local dir = helper.tmpdir()
    helper.write(dir .. "/" .. name, ids)
    local words = { "--file", name, "--sandbox-log", "log.ndjson" }
    table.move(args, 1, #args, #words + 1, words)
    return recipes.run(recipe, words, { cwd = dir }), dir
end

local function calls(dir) return recipes.by_endpoint(recipes.objects(dir .. "/log.ndjson")) end

--- What the simulator knows, as plain values.
local function known(what)
    return json.decode(json.encode(simulator.new("primedata").sim:snapshot(what)))
end

local function numbers_of(profiles)
    local list = {}
    for i, profile in ipairs(profiles) do list[i] = profile.identity.crm_user_id[1] end
    return table.concat(list, " ")
end

local FAULTS = "503:p=0.1;429:p=0.05;reset:p=0.05;truncate:p=0.05;500:p=0.05"

describe(PROFILES, function()
    it("saves the profile of each row, in the order of the file", function()
        local result, dir = export(PROFILES, ("phone_number,profile_id,email\n0900000005,,\n,%s,\n,,a@example.com\n")
            :format(known("profile:7").profile_id), { "--out", "p.ndjson" })
        assert.equal(0, result.code, result.err)
        assert.equal("", result.out)
        assert.equal("neap: 3 records: 3 ok, 0 failed, 0 unknown, 0 retried, 0.0 s\n", result.err)
        local saved = recipes.objects(dir .. "/p.ndjson")
        assert.same({ known "profile:5", known "profile:7", known "profile:1" }, saved)
        assert.same({ get_profile = 3 }, calls(dir))
    end)

    it("keeps the order of many rows through faults of all kinds", function()
        local rows, wanted = { "crm_user_id" }, {}
        local count = helper.scale(3000, 300)
        for i = 1, count do
            wanted[i] = ("%d"):format(i * 7919 % 1000000 + 1)
            rows[i + 1] = wanted[i]
        end
        local result, dir = export(PROFILES, table.concat(rows, "\n") .. "\n",
            { "--out", "p.ndjson", "--faults", FAULTS, "--seed", "5", "--json" })
        assert.equal(0, result.code, result.err)
        local summary = json.decode(result.out)
        assert.same({ count, 0 }, { summary.ok, summary.failed })
        assert.is_true(summary.retried > count // 10)
        assert.equal(table.concat(wanted, " "), numbers_of(recipes.objects(dir .. "/p.ndjson")))
    end)

    it("makes dead letters of rows without a profile, which can be given again", function()
        local result, dir = export(PROFILES, "crm_user_id,nonsense\n1,\n0,\n2,\n,x\n3,\n",
            { "--out", "p.ndjson", "--json" })
        assert.equal(3, result.code, result.err)
        local summary = json.decode(result.out)
        assert.same({ 5, 3, 2, 0 }, { summary.total, summary.ok, summary.failed, summary.unknown })
        assert.equal("1 2 3", numbers_of(recipes.objects(dir .. "/p.ndjson")))
        local letters = recipes.objects(dir .. "/ids.csv.dead.ndjson")
        table.sort(letters, function(a, b) return a.line < b.line end)
        assert.same({ { crm_user_id = "0" }, "rejected", 404 },
            { letters[1].record, letters[1].outcome, letters[1].error.status })
        assert.same({ { nonsense = "x" }, 400, "validation_error", "Invalid Identities {nonsense=[x]}" },
            { letters[2].record, letters[2].error.status, letters[2].error.code, letters[2].error.message })
        result = recipes.run(PROFILES, { "--file", "ids.csv.dead.ndjson", "--out", "q.ndjson" }, { cwd = dir })
        assert.equal(3, result.code)
        assert.matches("2 records: 0 ok, 2 failed", result.err)
        assert.matches("nothing is saved in q.ndjson", result.err, 1, true)
        assert.is_false(helper.exists(dir .. "/q.ndjson"))
    end)

    it("takes blocks and properties, and NDJSON with several values of an identity", function()
        local result, dir = export(PROFILES, '{"phone_number":["0999999999","0900000003"],"email":"nobody"}\n'
            .. '{"crm_user_id":4}\n', { "--out", "p.ndjson", "--type", "trait", "--type", "identity",
            "--include", "full_name", "--include", "email" }, "ids.ndjson")
        assert.equal(0, result.code, result.err)
        local saved = recipes.objects(dir .. "/p.ndjson")
        assert.same({ { email = { "c@example.com" } }, { email = { "p4@example.com" } } },
            { saved[1].identity, saved[2].identity })
        assert.is_string(saved[1].trait.full_name)
        assert.is_nil(saved[1].trait.address)
        assert.is_nil(saved[1].p_trait)
    end)

    it("writes CSV whose last columns hold JSON, and standard output", function()
        local result, dir = export(PROFILES, "crm_user_id\n2\n1\n", { "--out", "p.csv" })
        assert.equal(0, result.code, result.err)
        local rows = csv.decode(helper.read(dir .. "/p.csv"))
        assert.same({ "profile_id", "last_updated", "identity", "trait", "p_trait" }, rows[1])
        local profile = known "profile:2"
        assert.same({ profile.profile_id, profile.last_updated }, { rows[2][1], rows[2][2] })
        assert.same({ profile.identity, profile.trait, profile.p_trait },
            { json.decode(rows[2][3]), json.decode(rows[2][4]), json.decode(rows[2][5]) })
        assert.equal(3, #rows)
        result = export(PROFILES, "crm_user_id\n2\n1\n", { "--out", "-", "--json" })
        assert.equal(2, recipes.lines(result.out))
        assert.same({ total = 2, ok = 2, failed = 0, unknown = 0, retried = 0, seconds = 0 }, json.decode(result.err))
    end)

    it("writes an empty file for a header alone", function()
        local result, dir = export(PROFILES, "email\n", { "--out", "p.ndjson" })
        assert.equal(0, result.code, result.err)
        assert.equal("", helper.read(dir .. "/p.ndjson"))
    end)

    it("leaves no file after an outage, and the rows among the dead letters", function()
        local rows = { "crm_user_id" }
        for i = 1, 200 do rows[i + 1] = tostring(i) end
        local dir = helper.tmpdir()
        helper.write(dir .. "/ids.csv", table.concat(rows, "\n"))
        helper.write(dir .. "/p.ndjson", "earlier")
        local result = recipes.run(PROFILES, { "--file", "ids.csv", "--out", "p.ndjson", "--concurrency", "4",
            "--faults", "outage:status=503,from=0,to=100000" }, { cwd = dir })
        assert.equal(3, result.code, result.err)
        assert.matches("ended by an outage", result.err)
        assert.matches("the export is not complete: nothing is saved in p%.ndjson", result.err)
        assert.equal("earlier", helper.read(dir .. "/p.ndjson"))
        assert.equal(200, #recipes.objects(dir .. "/ids.csv.dead.ndjson"))
    end)

    it("has written to standard output what came before an outage", function()
        local rows = { "crm_user_id" }
        for i = 1, 100 do rows[i + 1] = tostring(i) end
        local result, dir = export(PROFILES, table.concat(rows, "\n"), { "--out", "-", "--concurrency", "4", "--json",
            "--faults", "slow:p=0.5,s=1;outage:status=503,from=5,to=100000", "--seed", "1" })
        assert.equal(3, result.code, result.err)
        local summary = json.decode(result.err:match '{"total".*}')
        assert.equal(summary.ok, recipes.lines(result.out))
        assert.is_true(summary.ok > 10)
        assert.equal(100 - summary.ok, #recipes.objects(dir .. "/ids.csv.dead.ndjson"))
        local last = 0
        for line in result.out:gmatch "[^\n]+" do
            local number = tonumber(json.decode(line).identity.crm_user_id[1])
            assert.is_true(number > last)
            last = number
        end
    end)

    it("ends at once with a wrong key", function()
        local result = recipes.run(PROFILES, { "--file", "-", "--out", "-", "--set", "primedata.api_key=env:WRONG" },
            { stdin = "crm_user_id\n1\n2\n", env = { WRONG = "wrong" } })
        assert.equal(4, result.code, result.err)
        assert.equal("", result.out)
    end)

    it("reads in a dry run, and saves nothing", function()
        local result, dir = export(PROFILES, "crm_user_id\n1\n0\n", { "--out", "p.ndjson", "--dry-run" })
        assert.equal(3, result.code, result.err)
        assert.matches("dry run: 1 record, nothing is saved", result.err)
        assert.same({ get_profile = 2 }, calls(dir))
        assert.is_false(helper.exists(dir .. "/p.ndjson"))
        assert.is_false(helper.exists(dir .. "/ids.csv.dead.ndjson"))
    end)

    it("refuses before any call", function()
        for _, case in ipairs {
            { { "--out", "/nonexistent/p.ndjson" }, "/nonexistent/p.ndjson" },
            { { "--out", "p.txt" }, "--out p.txt: the name says no format; it ends in .ndjson, .jsonl or .csv" },
            { { "--out", "ids.csv" }, "--out ids.csv: it is --file, too" },
            { { "--out", "p.ndjson", "--dead-letters", "p.ndjson" }, "--out p.ndjson: it is --dead-letters, too" },
            { { "--out", "p.ndjson", "--type", "traits" }, '"traits" is not one of trait, ptrait, identity' },
            { {}, "--out is required" },
        } do
            local result, dir = export(PROFILES, "crm_user_id\n1\n", case[1])
            assert.equal(2, result.code, result.err)
            assert.truthy(result.err:find(case[2], 1, true), result.err)
            assert.same({}, calls(dir))
        end
    end)

    it("saves what a map makes of profiles", function()
        local map = helper.write(helper.tmpdir() .. "/m.lua", [[return {
            { "id", from = "identity.crm_user_id", at = 1, cast = "integer" },
            { "name", from = "trait.full_name", default = "nobody" },
            { "phones", with = function(profile) return #(profile.identity.phone_number or {}) end },
        }]])
        local ids = "crm_user_id\n7\n5\n"
        local result, dir = export(PROFILES, ids, { "--out", "p.ndjson", "--map", map })
        assert.equal(0, result.code, result.err)
        local wanted = {}
        for i, number in ipairs { 7, 5 } do
            local profile = known("profile:" .. number)
            wanted[i] = { id = number, name = profile.trait.full_name, phones = #profile.identity.phone_number }
        end
        assert.same(wanted, recipes.objects(dir .. "/p.ndjson"))
        result, dir = export(PROFILES, ids, { "--out", "p.csv", "--map", map })
        assert.equal(0, result.code, result.err)
        assert.same({ "id", "name", "phones" }, csv.decode(helper.read(dir .. "/p.csv"))[1])
    end)

    it("refuses a map that does not fit before any call", function()
        local map = helper.write(helper.tmpdir() .. "/m.lua", 'return { { "id", from = "profil_id" } }')
        local result, dir = export(PROFILES, "crm_user_id\n7\n", { "--out", "p.csv", "--map", map })
        assert.equal(2, result.code, result.err)
        assert.matches('did you mean "profile_id"?', result.err, 1, true)
        assert.same({}, calls(dir))
    end)

    it("has these options", function()
        assert.same({ "--file", "--map", "--out", "--type", "--include", "--concurrency", "--dead-letters" },
            recipes.options(PROFILES))
    end)
end)

describe(EVENTS, function()
    local THREE = "email\na@example.com\nb@example.com\nc@example.com\n"

    local function all_known()
        local list = {}
        for number = 1, 3 do
            for _, event in ipairs(known("events:" .. number)) do list[#list + 1] = event end
        end
        return list
    end

    it("saves 1,234 events of three identities: in the order of the file, each in that of time, 100 a page", function()
        local result, dir = export(EVENTS, THREE, { "--out", "e.ndjson" })
        assert.equal(0, result.code, result.err)
        assert.equal("neap: 3 records: 3 ok, 0 failed, 0 unknown, 0 retried, 0.0 s\n", result.err)
        local saved = recipes.objects(dir .. "/e.ndjson")
        assert.equal(1234, #saved)
        assert.same(all_known(), saved)
        assert.same({ list_events = 7 + 5 + 3 }, calls(dir))
    end)

    it("saves the same through faults, with any concurrency", function()
        for seed = 1, 5 do
            local result, dir = export(EVENTS, THREE, { "--out", "e.ndjson", "--faults", FAULTS, "--seed", seed,
                "--concurrency", seed })
            assert.equal(0, result.code, result.err)
            assert.same(all_known(), recipes.objects(dir .. "/e.ndjson"))
            assert.is_true(calls(dir).list_events > 15)
        end
    end)

    it("takes profiles and identities from the command line", function()
        local third = known "profile:3"
        local result, dir = recipes.run(EVENTS, { "--identity", "email=b@example.com", "--profile-id",
            third.profile_id, "--identity", "phone_number=0123456789", "--out", "e.ndjson" })
        assert.equal(0, result.code, result.err)
        local saved = recipes.objects(dir .. "/e.ndjson")
        assert.equal(1234, #saved)
        assert.same({ third.profile_id, known("profile:2").profile_id, known("profile:1").profile_id },
            { saved[1].profile_id, saved[206].profile_id, saved[1234].profile_id })
    end)

    it("keeps to a span and to names, through short and empty pages", function()
        local result, dir = export(EVENTS, THREE, { "--out", "e.ndjson", "--include", "BookingCompleted",
            "--include", "OrderCreated", "--start", "2023-01-20", "--end", "2023-02-20T00:00:00+07:00" })
        assert.equal(0, result.code, result.err)
        local wanted = {}
        local from, to = lenient.instant "2023-01-20", lenient.instant "2023-02-20T00:00:00+07:00"
        for _, event in ipairs(all_known()) do
            local at = lenient.instant(event.time_stamp)
            local is_named = event.event_name == "BookingCompleted" or event.event_name == "OrderCreated"
            if is_named and at > from and at < to then wanted[#wanted + 1] = event end
        end
        assert.is_true(#wanted > 100)
        assert.same(wanted, recipes.objects(dir .. "/e.ndjson"))
    end)

    it("writes CSV whose properties are JSON", function()
        local result, dir = export(EVENTS, THREE, { "--out", "e.csv" })
        assert.equal(0, result.code, result.err)
        local rows = csv.decode(helper.read(dir .. "/e.csv"))
        assert.equal(1235, #rows)
        assert.equal("id,profile_id,event_name,time_stamp,sent_at,input_schema_version,properties",
            table.concat(rows[1], ","))
        for i, event in ipairs(all_known()) do
            local row = rows[i + 1]
            for at, name in ipairs(rows[1]) do
                local value = name == "properties" and json.decode(row[at]) or row[at]
                assert.same(event[name], value)
            end
        end
    end)

    it("ends where nobody reads standard output any more, with the rows among the dead letters", function()
        local result, dir = recipes.unread("primedata/export-events", { "--identity", "email=a@example.com",
            "--identity", "email=b@example.com", "--identity", "email=c@example.com", "--out", "-" })
        assert.equal(1, result.code)
        assert.matches("^neap: 3 records: [^\n]*; ended: nobody reads standard output; dead letters in "
            .. "neap.dead.ndjson\n$", result.err)
        assert.is_true(#recipes.objects(dir .. "/neap.dead.ndjson") > 0)
    end)

    it("saves nothing of nobody; unknown profiles are dead letters", function()
        local result, dir = export(EVENTS, "email,profile_id\nnobody,\na@example.com,\n,unknown\n",
            { "--out", "e.ndjson" })
        assert.equal(3, result.code, result.err)
        assert.matches("3 records: 2 ok, 1 failed, .* 1 x Profile was not found%.", result.err)
        assert.equal(617, #recipes.objects(dir .. "/e.ndjson"))
        local letter = recipes.objects(dir .. "/ids.csv.dead.ndjson")[1]
        assert.same({ { profile_id = "unknown" }, 404 }, { letter.record, letter.error.status })
    end)

    it("reads a cursor behind the last event, and puts times in order however they are written", function()
        local dir = helper.tmpdir()
        assert(os.execute("mkdir -p " .. helper.quote(dir .. "/vendors/sandbox")))
        helper.write(dir .. "/vendors/sandbox/primedata.lua", [[
            local pages = {
                first = { { id = "4", time_stamp = "2023:01:02T00:00:00Z" },
                    { id = "1", time_stamp = "2023-01-01T23:30:00+07:00" },
                    { cursor = { has_more = true, next = "a" } } },
                a = { { cursor = { has_more = true, next = "b" } } },
                b = { { id = "2", time_stamp = "2023:01:01T20:00:00Z" }, { id = "3", time_stamp = "unknown" },
                    { cursor = { has_more = false, next = "" } } },
            }
            return { new = function()
                return {
                    endpoint = function() return "list_events" end,
                    respond = function(_, req)
                        local body = req:json()
                        if body.sort ~= "asc" or body.limit ~= 100 then return { status = 400 } end
                        return { json = { data = pages[body.cursor or "first"] } }
                    end,
                }
            end }
        ]])
        local result = recipes.run(EVENTS, { "--profile-id", "x", "--out", "e.ndjson" }, { cwd = dir })
        assert.equal(0, result.code, result.err)
        local ids = {}
        for i, event in ipairs(recipes.objects(dir .. "/e.ndjson")) do ids[i] = event.id end
        assert.equal("1 2 3 4", table.concat(ids, " "))
    end)

    it("leaves out all events of an identity of which a later page fails", function()
        local seen = 0
        for seed = 1, 10 do
            local result, dir = export(EVENTS, "email\nc@example.com\n", { "--out", "e.ndjson", "--faults",
                "404:p=0.3", "--seed", seed })
            local is_whole = result.code == 0
            assert.equal(is_whole and 0 or 3, result.code, result.err)
            assert.equal(is_whole, helper.exists(dir .. "/e.ndjson"))
            if is_whole then assert.equal(205, recipes.lines(helper.read(dir .. "/e.ndjson"))) end
            if not is_whole and calls(dir).list_events > 1 then seen = seen + 1 end
        end
        assert.is_true(seen > 0)
    end)

    it("refuses before any call", function()
        local none = "whose events? Either --file, or --profile-id and --identity"
        for _, case in ipairs {
            { {}, none }, { { "--file", "ids.csv", "--identity", "email=a" }, none },
            { { "--file", "ids.csv", "--profile-id", "x" }, none },
            { { "--identity", "a@example.com" }, '"a@example.com" is not name=value' },
            { { "--identity", "email=" }, '"email=" is not name=value' },
            { { "--profile-id", "" }, "--profile-id[1]: empty" },
            { { "--profile-id", "x", "--start", "2023-02-01", "--end", "2023-01-01" },
                '--end: "2023-01-01" is before start "2023-02-01"' },
            { { "--profile-id", "x", "--start", "2023-02-01", "--end", "2023-02-01" },
                '--end: "2023-02-01" is not later than start "2023-02-01"' },
            { { "--profile-id", "x", "--start", "yesterday" }, '"yesterday" is no date' },
        } do
            local dir = helper.tmpdir()
            helper.write(dir .. "/ids.csv", THREE)
            local args = { "--out", "e.ndjson", "--sandbox-log", "log.ndjson" }
            table.move(case[1], 1, #case[1], #args + 1, args)
            local result = recipes.run(EVENTS, args, { cwd = dir })
            assert.equal(2, result.code, result.err)
            assert.truthy(result.err:find(case[2], 1, true), result.err)
            assert.same({}, calls(dir))
            assert.is_false(helper.exists(dir .. "/e.ndjson"))
        end
    end)

    it("saves what a map makes of events, in their order", function()
        local words = { "--map", recipes.sample "primedata/samples/events-map.lua" }
        local result, dir = export(EVENTS, THREE, { "--out", "e.csv", table.unpack(words) })
        assert.equal(0, result.code, result.err)
        local rows = csv.decode(helper.read(dir .. "/e.csv"))
        assert.same({ "profile", "event", "at", "customer" }, rows[1])
        assert.equal(1235, #rows)
        result, dir = export(EVENTS, THREE, { "--out", "e.ndjson" })
        assert.equal(0, result.code, result.err)
        for i, event in ipairs(recipes.objects(dir .. "/e.ndjson")) do
            local customer = event.properties.customer_id
            assert.same({ event.profile_id, event.event_name, event.time_stamp, customer or "unknown" }, rows[i + 1])
        end
    end)

    it("has these options", function()
        assert.same({ "--file", "--profile-id", "--identity", "--map", "--out", "--start", "--end", "--include",
            "--concurrency", "--dead-letters" }, recipes.options(EVENTS))
    end)
end)
