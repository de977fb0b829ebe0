--- Large reports: ordered once, asked for with waits, saved whole in flat memory; and what a run says when
-- there is none to save.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"
local json = require "neap.native.json"

local ROWS = acceptance.ROWS
local GROWTH_KIB = 4096 -- that the large run may take above the small one

--- A report as a script of its own, which also tells the most memory that the process had.
local SCRIPT = [[
local report = neap.report { of = "omnisegment.create_%s", defaults = { report_name = "neap" } }
return neap.workflow {
    summary = "A report, and the memory it took", vendors = report.vendors, args = report.args,
    run = function(ctx, args)
        local result, err = report.run(ctx, args)
        for line in io.lines "/proc/self/status" do
            if line:find "^VmHWM" then result.peak_kib = math.tointeger(line:match "%%d+") end
        end
        return result, err
    end,
}
]]

local kinds = {
    { "interaction-report", "interaction_report", head = 0, is_row = function(line, i)
        return line:find(('{"member_sn":"M%06d",'):format(i), 1, true) == 1 and line:sub(-1) == "}"
    end },
    { "tracking-event-report", "tracking_event_report", head = 1, is_row = function(line, i)
        return line:find(("M%06d,"):format(i % 1000), 1, true) == 1 and line:find(("cid%%-%d$"):format(i % 2000)) ~= nil
    end },
}

--- Runs a report of October.
---@param what string recipe or script
---@param name string of the report; the simulator reads from it how it ends
---@param args? string[]
local function run(what, name, args)
    local place = acceptance.place()
    local out, log = place "report", place "log.ndjson"
    local words = { "run", what, "--start-date", "2026-10-01", "--end-date", "2026-10-31", "--report-name", name,
        "--out", out, "--sandbox", "--clock", "virtual", "--sandbox-log", log }
    table.move(args or {}, 1, #(args or {}), #words + 1, words)
    local result = helper.cli(words)
    return { code = result.code, err = result.err, result = json.decode(result.out), out = out, log = log }
end

--- Milliseconds at which an endpoint was called.
local function times(log, endpoint)
    return acceptance.times(log, function(name) return name == endpoint end)
end

for _, kind in ipairs(kinds) do
    local recipe, noun = "omnisegment/" .. kind[1], kind[2]

    describe(("%s of %d rows"):format(recipe, ROWS), function()
        local large

        lazy_setup(function() large = run(recipe, "rows=" .. ROWS) end)

        it("is ordered once and asked for every 30 s", function()
            assert.equal(0, large.code, large.err)
            assert.equal(1, #times(large.log, "create_" .. noun))
            local asked = times(large.log, "get_" .. noun)
            assert.equal(4, #asked) -- ready after 90 s
            for i = 2, #asked do assert.equal(30000, asked[i] - asked[i - 1]) end
        end)

        it("is saved whole", function()
            local size, count = 0, -kind.head
            for line in io.lines(large.out, "L") do
                size, count = size + #line, count + 1
                if count > 0 and not kind.is_row(line:sub(1, -2), count) then
                    error(("row %d: %s"):format(count, line))
                end
            end
            assert.equal(ROWS, count)
            assert.same({ report_id = 1, bytes = size, out = large.out }, large.result)
        end)

        it("takes as little memory as a small one", function()
            if helper.preset ~= "release" then return pending "memory is judged in release only" end
            local script = helper.write(acceptance.place() "peak.lua", SCRIPT:format(noun))
            local small = run(script, "rows=1000")
            local big = run(script, "rows=" .. ROWS)
            assert.same({ 0, 0 }, { small.code, big.code }, big.err)
            assert.is_true(big.result.bytes > 50 * small.result.bytes)
            local growth = big.result.peak_kib - small.result.peak_kib
            assert.is_true(growth < GROWTH_KIB, growth .. " KiB")
        end)
    end)

    describe(recipe, function()
        it("says that the vendor failed, and leaves no file", function()
            local failed = run(recipe, "fail")
            assert.equal(1, failed.code)
            assert.equal("neap: rejected: report 1 failed at the vendor; the vendor does not say why; order it again, "
                .. "with a shorter span if it fails twice\n", failed.err)
            assert.is_false(helper.exists(failed.out))
            assert.equal(4, #times(failed.log, "get_" .. noun))
        end)

        it("gives up on one that never gets ready, says how to see it, and leaves no file", function()
            for _, case in ipairs { { {}, 7200 }, { { "--give-up-after", "10m" }, 600 } } do
                local never = run(recipe, "never", case[1])
                assert.equal(1, never.code)
                assert.equal(("neap: timeout: report 1 was not ready after %d s; it may come yet: neap call "
                    .. "omnisegment get_%s report_id=1 shows its state and address; --give-up-after waits longer\n")
                    :format(case[2], noun), never.err)
                assert.is_false(helper.exists(never.out))
                assert.equal(1, #times(never.log, "create_" .. noun))
                local asked = times(never.log, "get_" .. noun)
                assert.is_true(asked[#asked] <= case[2] * 1000 and asked[#asked] > case[2] * 1000 - 31000)
            end
        end)

        -- From 80 s on the last question, which may be repeated, and the file are left.
        it("tries a download again", function()
            for _, fault in ipairs { "truncate", "reset", "503" } do
                local saved = run(recipe, "rows=5000", { "--faults", fault .. ":p=0.6,from=80", "--seed", "1" })
                assert.equal(0, saved.code, saved.err)
                assert.is_true(select(2, helper.read(saved.log):gsub('"path":"/files/', "")) > 1)
                assert.is_true(helper.exists(saved.out))
            end
        end)

        it("leaves no file when the download breaks off again and again, and says how to come by it", function()
            for _, fault in ipairs { "truncate", "reset", "503" } do
                local broken = run(recipe, "rows=5000", { "--faults", fault .. ":p=0.8,from=80", "--seed", "2" })
                assert.equal(1, broken.code)
                assert.equal(5, select(2, helper.read(broken.log):gsub('"path":"/files/', "")))
                assert.truthy(broken.err:find("the file of report 1: ", 1, true), broken.err)
                assert.truthy(broken.err:find(("get_%s report_id=1"):format(noun), 1, true), broken.err)
                assert.is_false(helper.exists(broken.out))
            end
        end)

        it("names the report when the vendor goes down while it is asked for", function()
            local down = run(recipe, "x", { "--faults", "outage:status=503,from=20,to=4000" })
            assert.equal(1, down.code)
            assert.truthy(down.err:find(("get_%s report_id=1"):format(noun), 1, true), down.err)
        end)

        it("is saved in the format that the name says", function()
            local name = noun == "interaction_report" and "x.csv" or "x.ndjson"
            local out = acceptance.place()(name)
            local saved = run(recipe, "rows=50", { "--out", out })
            assert.equal(0, saved.code, saved.err)
            local text = helper.read(out)
            local rows = select(2, text:gsub("\n", ""))
            assert.equal(name == "x.csv" and 51 or 50, rows)
            assert.equal(#text, saved.result.bytes)
            assert.equal(name == "x.csv" and "member_sn,channel_type" or '{"member_sn":"M000001"', text:sub(1, 22))
        end)

        it("refuses more than 31 days from the first to the last before any call", function()
            local refused = run(recipe, "x", { "--end-date", "2026-11-02" })
            assert.equal(2, refused.code)
            assert.truthy(refused.err:find("32 days after start_date", 1, true), refused.err)
            assert.is_true(not helper.exists(refused.log) or helper.read(refused.log) == "")
            assert.is_false(helper.exists(refused.out))
            assert.equal(0, run(recipe, "x", { "--end-date", "2026-11-01" }).code)
        end)
    end)
end
