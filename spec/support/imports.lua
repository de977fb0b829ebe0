--- Import recipes with the mix of faults, and what the vendor knows afterwards.

local helper = require "spec.support.helper"
local acceptance = require "spec.support.acceptance"
local assert = require "luassert"
local neap = require "neap"

local recipes = require "neap.scripts"
local runtime = require "neap.runtime"

local MIX = "503:p=0.05;429:p=0.02;reset:p=0.01;truncate:p=0.01"
local SEEDS = 10
local ROWS = helper.scale(5000, 200)
local SORTED = { sorted = true }

local imports = { ROWS = ROWS, SEEDS = SEEDS }

--- By recipe: a record as it is sent, names and values in the form of the wire.
imports.nouns = {
    ["import-audience"] = { known = "members", key = "member_sn", make = function(i)
        return { member_sn = ("M%06d"):format(i), email = ("m%d@example.com"):format(i), is_active = i % 2 == 0,
            point_balance = ("%d.50"):format(i), tags = "vip,spring" }
    end },
    ["import-purchases"] = { known = "orders", key = "transaction_id", make = function(i)
        return { member_sn = ("M%06d"):format(i % 97), transaction_id = "T" .. i, transaction_revenue = i + 0.5,
            datetime = "2026-07-15T09:51:23+0800", products = "P001,P002", products_quantity = "1,2",
            quantities = 3, transaction_status = i % 5 == 0 and "PAID" or "SUCCESS" }
    end },
    ["import-products"] = { known = "products", key = "id", make = function(i)
        return { id = "P" .. i, title = "Product " .. i, link = "https://shop.example.com/p/" .. i,
            availability = "in stock", image_link = ("https://shop.example.com/i/%d.jpg"):format(i),
            price = i .. " TWD" }
    end },
    ["import-event-registrations"] = { known = "registrations", key = "event_id", make = function(i)
        return { event_id = "E" .. i, member_sn = ("M%06d"):format(i), event_name = "Opening",
            registration_datetime = "2026-07-15T09:51:23+08:00", products = { default = { "G1", "G2" } },
            event_start_datetime = "2026-08-01T10:00:00+08:00", event_end_datetime = "2026-08-01T12:00:00+08:00" }
    end },
    ["import-guarantees"] = { known = "guarantees", key = "warranty_id", make = function(i)
        return { warranty_id = "W" .. i, member_sn = ("M%06d"):format(i), product = { sku = "S" .. i },
            registration_datetime = "2026-07-15T09:51:23+08:00", purchase_datetime = "2026-07-14T10:00:00+08:00",
            product_quantity = 1 + i % 3 }
    end },
    ["import-gift-vouchers"] = { known = "vouchers", key = "voucher_id", make = function(i)
        return { voucher_id = "V" .. i, member_sn = ("M%06d"):format(i), voucher_type = "Spring", amount = 100 + i,
            valid_from = "2026-05-01", valid_util = "2026-06-01 12:00:00+08", is_redeemed = false }
    end },
}

for recipe, noun in pairs(imports.nouns) do noun.recipe = recipe end

--- Writes a file of records.
function imports.write(noun, path)
    return acceptance.rows(path, ROWS, function(i) return assert(neap.json.encode(noun.make(i))) end)
end

--- Runs a recipe in this process. -> summary, what the vendor knows, what it was asked
function imports.run(noun, file, opts)
    return neap.run(function()
        local dir = helper.tmpdir()
        runtime.configure {
            sandbox = true, seed = opts.seed, faults = opts.faults, sandbox_log = dir .. "/log.ndjson",
        }
        local env = setmetatable({ neap = neap }, { __index = _G })
        local flow = recipes.load(recipes.find("omnisegment/" .. noun.recipe), env)()
        local args = { file = file, batch = opts.batch, dead_letters = dir .. "/dead.ndjson" }
        for _, field in ipairs(flow.args) do
            if args[field[1]] == nil then args[field[1]] = field.default end
        end
        local summary = assert(flow:start(args))
        local known = assert(runtime.sandbox():inspect("omnisegment", noun.known))
        runtime.configure {}
        return summary, known, acceptance.count(dir .. "/log.ndjson")
    end, { clock = "virtual", seed = opts.seed })
end

--- What the file says, by key, as sorted JSON; the same for all seeds.
local function expected_of(noun)
    if noun.expected then return noun.expected end
    noun.expected = {}
    for i = 1, ROWS do
        local sent = noun.make(i)
        assert.is_nil(noun.expected[sent[noun.key]])
        noun.expected[sent[noun.key]] = assert(neap.json.encode(sent, SORTED))
    end
    return noun.expected
end

--- What the vendor knows equals the file: as many records, each one of the file, no two the same one.
function imports.assert_equal(noun, known)
    assert.equal(ROWS, #known)
    local expected, seen = expected_of(noun), {}
    for _, record in ipairs(known) do
        local key = record[noun.key]
        record.imports = nil
        local text = neap.json.encode(record, SORTED)
        -- luassert takes longer than all else here.
        if text ~= expected[key] or seen[key] then
            assert.is_nil(seen[key], "twice: " .. tostring(key))
            assert.equal(expected[key], text)
        end
        seen[key] = true
    end
end

--- Delivers a file with the mix of faults. -> counts of the sandbox log
function imports.deliver(noun, file, seed, batch)
    local summary, known, counts = imports.run(noun, file, { seed = seed, faults = MIX, batch = batch })
    assert.same({ ROWS, ROWS, 0, 0 }, { summary.total, summary.ok, summary.failed, summary.unknown })
    imports.assert_equal(noun, known)
    return counts
end

--- Declares the specs of recipes, row by row; busted's functions are those of the spec's file.
function imports.declare(describe, it, recipe_names)
    for _, recipe in ipairs(recipe_names) do
        describe("omnisegment/" .. recipe, function()
            local noun = imports.nouns[recipe]
            local file = imports.write(noun, acceptance.place()(recipe .. ".ndjson"))
            for seed = 1, SEEDS do
                it(("leaves at the vendor what is in the file, seed %d"):format(seed), function()
                    local counts = imports.deliver(noun, file, seed)
                    for _, fault in ipairs { "503", "429", "reset", "truncate" } do
                        if ROWS >= 1000 then assert.is_true((counts.fault[fault] or 0) > 0, fault) end
                    end
                end)
            end
        end)
    end
end

return imports
