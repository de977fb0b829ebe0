--- What is refused: calls that break a rule of the definition, and credentials.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"

local WRONG = { WRONG_KEY = "wrong-key-4711" }

describe("neap call", function()
    it("refuses an entry without contact in one line, and sends nothing", function()
        local log = acceptance.place() "log.ndjson"
        local result = helper.cli { "call", "opm", "entry", "customerId=7519", "--sandbox",
            "--sandbox-log", log }
        assert.same({ code = 2, out = "", err = "neap: opm.entry: invalid: one of customerEmail or "
            .. "customerPhone is required\n" }, result)
        assert.is_true(not helper.exists(log) or helper.read(log) == "")
    end)

    local refused = {
        { "opm", { "ping" }, "API key does not exist" },
        { "opm", { "entry", "customerId=1", "customerPhone=+1" }, "API key does not exist" },
        { "omnisegment", { "import_audience", "data.member_sn=1" },
            "Forbidden: invalid api_key or tid" },
        { "omnisegment", { "track_event", "client_id=1", "hit_type=pageview" },
            "Forbidden: invalid X-OmniSegment-Api-Key" },
        { "omnisegment", { "list_interaction_reports" },
            "Forbidden: invalid X-OmniSegment-Api-Key" },
    }
    for _, case in ipairs(refused) do
        local vendor, words, message = table.unpack(case)
        it(("says that the key of %s.%s is refused"):format(vendor, words[1]), function()
            local args = { "call", vendor, table.unpack(words) }
            table.move({ "--sandbox", "--set", vendor .. ".api_key=env:WRONG_KEY" }, 1, 3,
                #args + 1, args)
            local result = helper.cli(args, { env = WRONG })
            assert.equal(4, result.code)
            assert.equal("", result.out)
            assert.truthy(result.err:find(message, 1, true), result.err)
            assert.equal(1, select(2, result.err:gsub("\n", "")))
            assert.is_nil(result.err:find(WRONG.WRONG_KEY, 1, true))
        end)
    end
end)

describe("a delivery with a refused key", function()
    local ROWS = 1000
    local recipes = {
        { "omnisegment/import-audience", acceptance.members, "omnisegment", 1 },
        { "omnisegment/track-events", acceptance.events, "omnisegment", 1 },
        -- Without a limit all that are under way at once have left before the first answer.
        { "opm/sync-customers", acceptance.customers, "opm", 64 },
    }
    for _, case in ipairs(recipes) do
        local recipe, make, vendor, most = table.unpack(case)
        it("stops at once: " .. recipe, function()
            local name = recipe:find "track" and "rows.ndjson" or "rows.csv"
            local run = acceptance.run(recipe, make(acceptance.place()(name), ROWS), {
                args = { "--set", vendor .. ".api_key=env:WRONG_KEY" }, env = WRONG,
            })
            assert.equal(4, run.code)
            assert.same({ ROWS, 0, ROWS, 0 }, {
                run.summary.total, run.summary.ok, run.summary.failed, run.summary.unknown,
            })
            local sent, letters = acceptance.count(run.log).all, 0
            assert.is_true(sent >= 1 and sent <= most, sent)
            for letter in acceptance.letters(run.letters) do
                letters = letters + 1
                assert.equal(#letter.attempts == 0 and "not_sent" or "rejected", letter.outcome)
                assert.equal("auth", letter.error.kind)
                sent = sent - #letter.attempts
            end
            assert.same({ ROWS, 0 }, { letters, sent })
            assert.is_nil(helper.read(run.letters):find(WRONG.WRONG_KEY, 1, true))
            local rest = acceptance.run(recipe, run.letters)
            assert.same({ 0, ROWS }, { rest.code, rest.summary.ok })
        end)
    end
end)
