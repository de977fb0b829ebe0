--- Who shares an allowance with whom: the three operations of one report keep to ten calls per second
-- together, and neither other reports nor imports wait for them.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"
local json = require "neap.native.json"

--- Fires all calls at once; prints when the last one of each group was answered.
local SCRIPT = [[
local GROUPS = {
    { "interaction", -- first: report 1 is one of its own
        { 5, "create_interaction_report",
            { report_name = "r", start_date = "2026-10-01", end_date = "2026-10-31" } },
        { 15, "list_interaction_reports", {} },
        { 30, "get_interaction_report", { report_id = 1 } },
    },
    { "tracking", { 25, "create_tracking_event_report",
        { report_name = "r", start_date = "2026-10-01", end_date = "2026-10-31" } } },
    { "members", { 100, "import_audience", { data = { member_sn = "M1" } } } },
    { "products", { 100, "import_product", { data = {
        id = "P1", title = "Cup", link = "https://shop.example.com/1", availability = "in stock",
        image_link = "https://shop.example.com/1.jpg", price = "480" } } } },
}

return neap.workflow {
    summary = "Calls of several endpoints at once", vendors = { "omnisegment" },
    args = { { "only", type = "string" } },
    run = function(ctx, args)
        local omni, done, faults = ctx:vendor "omnisegment", {}, {}
        local function fire(group, endpoint, params)
            neap.spawn(function()
                local payload, err = omni[endpoint](omni, params)
                if payload == nil then faults[#faults + 1] = tostring(err) end
                done[group] = neap.now()
            end)
        end
        for _, group in ipairs(GROUPS) do
            for i = 2, (args.only or group[1]) == group[1] and #group or 0 do
                local count, endpoint, params = table.unpack(group[i])
                for _ = 1, count do fire(group[1], endpoint, params) end
            end
        end
        neap.sleep(60)
        return { done = done, faults = neap.json.array(faults) }
    end,
}
]]

local function run(args)
    local place = acceptance.place()
    local log = place "log.ndjson"
    local words = { "run", helper.write(place "calls.lua", SCRIPT), "--sandbox", "--clock", "virtual",
        "--sandbox-log", log }
    table.move(args or {}, 1, #(args or {}), #words + 1, words)
    local result = helper.cli(words)
    assert(result.code == 0, result.err)
    return { result = json.decode(result.out), log = log }
end

local function is_interaction(endpoint) return endpoint:find("interaction_report", 1, true) ~= nil end

--- Milliseconds of the calls of some endpoints, or of one.
local function times(log, which)
    return acceptance.times(log, type(which) == "function" and which or function(name) return name == which end)
end

describe("the operations of one report", function()
    local all

    lazy_setup(function() all = run() end)

    it("answer all calls, none with 429", function()
        assert.same({}, all.result.faults)
        assert.same({ all = 275, status = { [200] = 275 }, fault = {} }, acceptance.count(all.log))
        local counts = {}
        for _, _, _, endpoint in acceptance.calls(all.log) do counts[endpoint] = (counts[endpoint] or 0) + 1 end
        assert.same({
            create_interaction_report = 5, list_interaction_reports = 15, get_interaction_report = 30,
            create_tracking_event_report = 25, import_audience = 100, import_product = 100,
        }, counts)
    end)

    it("share ten calls per second: 50 of them take 4.9 s", function()
        assert.equal(10, acceptance.most_per_second(all.log, is_interaction))
        local at = times(all.log, is_interaction)
        assert.equal(50, #at)
        assert.equal(0, at[1])
        assert.equal(4900, at[50])
        assert.near(4.9, all.result.done.interaction, 0.01)
    end)

    it("do not share with the other report, which has its own", function()
        local at = times(all.log, "create_tracking_event_report")
        assert.same({ 25, 0, 2400 }, { #at, at[1], at[25] })
    end)

    it("do not delay imports: each path keeps its own full pace", function()
        for group, endpoint in pairs { members = "import_audience", products = "import_product" } do
            local at = times(all.log, endpoint)
            for i = 1, 100 do assert.equal((i - 1) * 100, at[i]) end
            assert.near(9.9, all.result.done[group], 0.01)
            local alone = run { "--only", group }
            assert.same(times(alone.log, endpoint), at)
        end
    end)
end)
