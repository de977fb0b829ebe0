--- The sample files of the OmniSegment recipes against the simulator: every row is accepted, and what is
-- stored is what the file says.

local neap = require "neap"
local helper = require "spec.support.helper"
local support = require "spec.sandbox.omnisegment_support"
local json = require "neap.native.json"

local SAMPLES = helper.root .. "/scripts/omnisegment/samples/"

--- Columns that are no text.
local COLUMNS = {
    transaction_revenue = tonumber, quantities = math.tointeger, amount = math.tointeger,
    product_quantity = math.tointeger, voucher = json.decode, additional_image_link = json.decode,
}
for _, name in ipairs { "is_subscriber", "is_available", "is_redeemed" } do
    COLUMNS[name] = function(text) return text == "true" end
end

local function convert(row)
    for name, value in pairs(row) do
        local read = COLUMNS[name]
        if read and type(value) == "string" then row[name] = read(value) end
    end
    return row
end

--- The rows of a sample, typed.
local function read(name)
    local rows = {}
    neap.run(function()
        for row in neap.records(SAMPLES .. name) do rows[#rows + 1] = convert(row) end
    end)
    return rows
end

local function by(name)
    return function(row) return row[name] end
end

local SAMPLE = {
    { "audience.csv", 120, "import_audience", "member", by "member_sn" },
    { "purchases.csv", 120, "import_purchase_data", "order", by "transaction_id" },
    { "products.csv", 60, "import_product", "product", by "id" },
    { "event-registrations.ndjson", 60, "import_event_registration_data", "registration",
        function(row) return row.event_id .. ":" .. row.member_sn end },
    { "guarantees.csv", 60, "import_product_guarantee_data", "guarantee", by "warranty_id" },
    { "gift-vouchers.csv", 100, "import_gift_voucher", "voucher", by "voucher_id" },
}

describe("a sample of the OmniSegment recipes:", function()
    for _, sample in ipairs(SAMPLE) do
        local name, count, endpoint, noun, key = table.unpack(sample)
        it(name, function()
            local omni, expected = support.new(), {}
            local rows = read(name)
            assert.equal(count, #rows)
            for _, row in ipairs(rows) do
                support.check({ 200 }, omni:import(endpoint, row, { debug_mode = noun == "order" and 1 or nil }))
                omni:pass(0.1)
                local before = expected[key(row)] or { imports = 0 }
                expected[key(row)] = support.with(before, support.with(row, { imports = before.imports + 1 }))
            end
            local stored = 0
            for id, record in pairs(expected) do
                assert.same(record, omni:snapshot(noun .. ":" .. id))
                stored = stored + 1
            end
            assert.equal(stored, omni:snapshot "counts"[noun .. "s"])
        end)
    end

    it("events.ndjson", function()
        local omni = support.new()
        for _, row in ipairs(read "events.ndjson") do
            support.check({ 200 }, omni:event(row))
            omni:pass(0.1)
        end
        assert.equal(60, omni:snapshot "events")
    end)
end)

describe("the sample of orders", function()
    it("cancels and refunds some of them", function()
        local rows, seen = read "purchases.csv", {}
        local again = { CANCEL = 0, REFUND = 0 }
        for _, row in ipairs(rows) do
            local status = row.transaction_status
            if seen[row.transaction_id] then again[status] = again[status] + 1 end
            seen[row.transaction_id] = true
        end
        assert.same({ CANCEL = 5, REFUND = 5 }, again)
    end)
end)
