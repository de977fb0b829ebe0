--- What single import recipes of OmniSegment do beside what all do (imports_spec.lua).

local helper = require "spec.support.helper"
local imports = require "spec.support.imports"
local recipes = require "spec.support.recipes"
local csv = require "neap.csv"

local import = recipes.import

local function counts(result)
    local s = result.summary
    return { result.code, s.total, s.ok, s.failed, s.unknown }
end

local function by_line(letters)
    local map = {}
    for _, letter in ipairs(letters) do map[letter.line] = letter end
    return map
end

describe("omnisegment/import-audience", function()
    local recipe = "omnisegment/import-audience"

    it("dead-letters a faulty row and goes on", function()
        local result = import(recipe, "member_sn,birthday,is_active\n"
            .. "1,1990-01-31,true\n2,31.1.1990,maybe\n3,,false\n")
        assert.same({ 3, 3, 2, 1, 0 }, counts(result))
        local letter = result.letters[1]
        assert.equal(3, letter.line)
        assert.equal("not_sent", letter.outcome)
        assert.equal("invalid", letter.error.kind)
        assert.truthy(letter.error.message:find("birthday", 1, true), letter.error.message)
        assert.truthy(letter.error.message:find("is_active", 1, true), letter.error.message)
        assert.same({ member_sn = "2", birthday = "31.1.1990", is_active = "maybe" }, letter.record)
    end)

    it("finds members by another key", function()
        local result = import(recipe, "email\na@example.com\nb@example.com\n",
            { "--merge-key", "email", "--tag-mode", "replace", "--ignore-empty-value" })
        assert.same({ 0, 2, 2, 0, 0 }, counts(result))
    end)

    it("refuses a column that is nearly a field, and a merge key that is none", function()
        local near = [[did you mean \"email\"?]]
        local result = import(recipe, "member_sn,emial\n1,a@example.com\n")
        assert.equal(2, result.code)
        assert.truthy(result.err:find(near, 1, true), result.err)
        result = import(recipe, "member_sn\n1\n", { "--merge-key", "emial" })
        assert.equal(2, result.code)
        assert.truthy(result.err:find(near, 1, true), result.err)
    end)

    it("clears fields by empty cells when told so, and by the word none", function()
        local result = import(recipe, "member_sn,city,birthday,point_balance,is_active,sex\n1,,,,,\n",
            { "--keep-empty" })
        assert.same({ 0, 1, 1, 0, 0 }, counts(result))
        result = import(recipe, "member_sn,city,birthday,point_balance,is_active,sex,membership_expire_at\n"
            .. "1,none,none,none,none,none,none\n", { "--ignore-empty-value" })
        assert.same({ 0, 1, 1, 0, 0 }, counts(result))
    end)

    it("sends the rows of a refused batch one by one, and dead-letters the bad one alone", function()
        local result = import(recipe, "member_sn\n1\nnone\n3\n", { "--batch" })
        assert.same({ 3, 3, 2, 1, 0 }, counts(result))
        assert.same({ import_audience_batch = 1, import_audience = 3 }, recipes.by_endpoint(result.calls))
        assert.equal("none", result.letters[1].record.member_sn)
        assert.same({ 400, 400 }, { result.letters[1].attempts[1].status, result.letters[1].attempts[2].status })
    end)
end)

describe("omnisegment/import-purchases", function()
    local recipe = "omnisegment/import-purchases"
    local HEAD = "transaction_id,member_sn,datetime,transaction_revenue,products,products_quantity\n"

    --- An order; the vendor alone sees that a quantity is no number.
    local function row(id, quantities)
        return ('%s,M1,2026-10-01T10:00:00+0800,100,"P1,P2","%s"\n'):format(id, quantities or "1,2")
    end

    local text = HEAD .. row "T1" .. row("T2", "1,two") .. row "T3"

    it("hears of no faulty order: the vendor answers 200", function()
        local result = import(recipe, text)
        assert.same({ 0, 3, 3, 0, 0 }, counts(result))
        assert.same({}, result.letters)
    end)

    it("reports a faulty order with --debug-mode 1", function()
        local result = import(recipe, text, { "--debug-mode", "1" })
        assert.same({ 3, 3, 2, 1, 0 }, counts(result))
        local letter = result.letters[1]
        assert.same({ 3, "T2", "rejected" }, { letter.line, letter.record.transaction_id, letter.outcome })
        assert.same({ "rejected", 400, "Input Error" }, { letter.error.kind, letter.error.status, letter.error.code })
        assert.truthy(letter.error.message:find("products_quantity should be numbers", 1, true))
    end)

    it("dead-letters what is wrong here already, whatever the mode", function()
        local result = import(recipe, HEAD .. row "T1" .. row("T2", "1,2,3"))
        assert.same({ 3, 2, 1, 1, 0 }, counts(result))
        local letter = result.letters[1]
        assert.same({ "not_sent", "invalid" }, { letter.outcome, letter.error.kind })
        assert.truthy(letter.error.message:find('"1,2,3" has 3 items', 1, true), letter.error.message)
    end)

    it("takes orders without members, or finds members by another field", function()
        local orders = "transaction_id,datetime,transaction_revenue,email\n"
            .. "T1,2026-10-01T10:00:00+0800,100,a@example.com\nT2,2026-10-01T10:00:00+0800,100,\n"
        local result = import(recipe, orders)
        assert.same({ 3, 2, 0, 2, 0 }, counts(result))
        assert.truthy(result.letters[1].error.message:find("data.member_sn", 1, true))
        assert.same({ 0, 2, 2, 0, 0 }, counts(import(recipe, orders, { "--is-anonymous", "--debug-mode", "1" })))
        result = import(recipe, orders, { "--identifier-field", "email", "--debug-mode", "1" })
        assert.same({ 3, 2, 1, 1, 0 }, counts(result))
        assert.equal("T2", result.letters[1].record.transaction_id)
    end)

    it("refuses a mode that is none", function()
        local result = import(recipe, text, { "--debug-mode", "2" })
        assert.equal(2, result.code)
        assert.truthy(result.err:find([[--debug-mode: \"2\" is not one of 0, 1]], 1, true), result.err)
        assert.same({}, result.calls)
    end)

    --- The states of each order of the sample in the order of the rows, and how many rows repeat an order.
    local function states(path)
        local by_id, repeats = {}, 0
        local rows = csv.decode(helper.read(path))
        assert.same({ "transaction_id", "transaction_status" }, { rows[1][1], rows[1][5] })
        for i = 2, #rows do
            local id = rows[i][1]
            by_id[id] = by_id[id] or {}
            table.insert(by_id[id], rows[i][5])
            if #by_id[id] > 1 then repeats = repeats + 1 end
        end
        return by_id, repeats
    end

    for _, batch in ipairs { false, true } do
        for seed = 1, 3 do
            it(("leaves an order in its last state%s, whatever fails, seed %d"):format(batch and " with --batch" or "",
                seed), function()
                local file = recipes.sample "omnisegment/samples/purchases.csv"
                local expected, repeats = states(file)
                assert.equal(10, repeats)
                local summary, known = imports.run(imports.nouns["import-purchases"], file,
                    { seed = seed, faults = "503:p=0.1;429:p=0.05;slow:p=0.2,s=3;reset:p=0.05", batch = batch or nil })
                assert.same({ 120, 120 }, { summary.total, summary.ok })
                assert.equal(110, #known)
                for _, order in ipairs(known) do
                    local list = expected[order.transaction_id]
                    assert.equal(list[#list], order.transaction_status or "", order.transaction_id)
                end
            end)
        end
    end
end)

describe("omnisegment/import-products", function()
    it("takes the site, ids of several systems, and custom fields", function()
        local result = import("omnisegment/import-products",
            '{"id":{"default":"P1","CRM":"C1"},"title":"Cup","link":"https://shop.example.com/p/P1",'
            .. '"availability":"in stock","image_link":"https://shop.example.com/p/P1.jpg","price":"480 TWD",'
            .. '"colour":"blue"}\n', { "--site", "Main" }, "in.ndjson")
        assert.same({ 0, 1, 1, 0, 0 }, counts(result))
    end)

    it("dead-letters a price with a comma and a link that is none", function()
        local head = "id,title,link,availability,image_link,price\n"
        local result = import("omnisegment/import-products", head
            .. 'P1,Cup,https://shop.example.com/1,in stock,https://shop.example.com/1.jpg,"1,480 TWD"\n'
            .. "P2,Cup,shop.example.com/2,in stock,https://shop.example.com/2.jpg,480\n")
        assert.same({ 3, 2, 0, 2, 0 }, counts(result))
        local letters = by_line(result.letters)
        assert.truthy(letters[2].error.message:find("price", 1, true), letters[2].error.message)
        assert.truthy(letters[3].error.message:find("link", 1, true), letters[3].error.message)
    end)
end)

describe("omnisegment/import-event-registrations", function()
    it("dead-letters a time without a zone, and lists of products that do not match", function()
        local ROW = '{"event_id":"E1","member_sn":"%s","event_name":"Tea",'
            .. '"registration_datetime":"2026-11-01T15:43:00%s"%s}\n'
        local result = import("omnisegment/import-event-registrations", ROW:format("M1", "", "")
            .. ROW:format("M2", "+08:00", ',"products":{"default":["G1","G2"],"sku":["S1"]}')
            .. ROW:format("M3", "+08:00", ""), {}, "in.ndjson")
        assert.same({ 3, 3, 1, 2, 0 }, counts(result))
        local letters = by_line(result.letters)
        assert.truthy(letters[1].error.message:find("registration_datetime", 1, true))
        assert.truthy(letters[2].error.message:find("products.sku", 1, true))
    end)
end)

describe("omnisegment/import-guarantees", function()
    it("needs a product by item group or sku, and a span with both ends", function()
        local result = import("omnisegment/import-guarantees", "warranty_id,member_sn,product.default,product.sku,"
            .. "registration_datetime,purchase_datetime,warranty_start_datetime,warranty_end_datetime\n"
            .. "W1,M1,,S1,2026-09-03T20:00:00+08:00,2026-09-01T20:00:00+08:00,,\n"
            .. "W2,M1,,,2026-09-03T20:00:00+08:00,2026-09-01T20:00:00+08:00,,\n"
            .. "W3,M1,G1,,2026-09-03T20:00:00+08:00,2026-09-01T20:00:00+08:00,2026-09-01T00:00:00+08:00,\n")
        assert.same({ 3, 3, 1, 2, 0 }, counts(result))
        local letters = by_line(result.letters)
        assert.truthy(letters[3].error.message:find("product", 1, true), letters[3].error.message)
        assert.truthy(letters[4].error.message:find("warranty_end_datetime", 1, true), letters[4].error.message)
    end)
end)

describe("omnisegment/import-gift-vouchers", function()
    local recipe = "omnisegment/import-gift-vouchers"
    local HEAD = "voucher_id,member_sn,email,voucher_type,amount,valid_from,valid_util\n"

    it("finds members by another field", function()
        local text = HEAD .. "V1,,a@example.com,Gift,100,2026-05-01,2026-06-01\n"
        assert.same({ 3, 1, 0, 1, 0 }, counts(import(recipe, text)))
        local result = import(recipe, text, { "--identifier-field", "email", "--site", "Main" })
        assert.same({ 0, 1, 1, 0, 0 }, counts(result))
    end)

    it("takes every form of a date that the vendor does, and no other", function()
        local forms = { "2024-05-01", "2024-05-01 12:00:00", "2024-05-01 12:00:00+08", "2024-05-01T12:00:00+08",
            "2024-05-0112:00:00", "2024-05-01-12:00:00+08" }
        local rows = {}
        for i, form in ipairs(forms) do rows[i] = ("V%d,M1,,Gift,100,%s,2027-01-01\n"):format(i, form) end
        for _, args in ipairs { {}, { "--batch" } } do
            local result = import(recipe, HEAD .. table.concat(rows), args)
            assert.same({ 3, 6, 4, 2, 0 }, counts(result))
            assert.same({ "V5", "V6" }, { result.letters[1].record.voucher_id, result.letters[2].record.voucher_id })
        end
    end)
end)

describe("omnisegment/track-events", function()
    it("lists what may have arrived as unknown, and sends it no second time", function()
        local file = helper.read(recipes.sample "omnisegment/samples/events.ndjson")
        local result = import("omnisegment/track-events", file, { "--faults", "reset:p=0.1", "--seed", "1" },
            "in.ndjson")
        local s = result.summary
        assert.equal(3, result.code)
        assert.same({ 60, 60, 0, 0 }, { s.total, s.ok + s.unknown, s.failed, s.retried })
        assert.is_true(s.unknown > 0)
        assert.equal(60, #result.calls)
        assert.equal(s.unknown, #result.letters)
        for _, letter in ipairs(result.letters) do assert.equal("unknown", letter.outcome) end
    end)

    it("dead-letters events without what their kind needs", function()
        local result = import("omnisegment/track-events",
            '{"client_id":"d","hit_type":"event","event_action":"Purchase"}\n'
            .. '{"client_id":"d","hit_type":"pageview"}\n', {}, "in.ndjson")
        assert.same({ 3, 2, 1, 1, 0 }, counts(result))
        for _, name in ipairs { "event_category", "products", "transaction_id", "transaction_revenue" } do
            assert.truthy(result.letters[1].error.message:find(name, 1, true), name)
        end
    end)
end)
