--- Gift vouchers in the OmniSegment simulator: one, a list, a batch; forms of dates; whose they are.

local support = require "spec.sandbox.omnisegment_support"
local json = require "neap.native.json"

local null = json.null
local judge, NONE, rows, with = support.judge, support.NONE, support.rows, support.with
local OK = '{"SUCCESS":true,"PAYLOAD":null}'

describe("in the OmniSegment simulator", function()
    local omni

    before_each(function() omni = support.new() end)

    local function voucher(changes)
        return with({
            voucher_id = "V1", member_sn = "M1", voucher_type = "Spring", amount = 100,
            valid_from = "2024-05-01", valid_util = "2024-05-31 23:59:59+08",
        }, changes)
    end
    local function vouchers(count)
        return rows(count, function(i) return voucher { voucher_id = "V" .. i } end)
    end
    local function import(data, changes) return omni:import("import_gift_voucher", data, changes) end
    local function batch(data, changes)
        return omni:import("import_gift_voucher_batch", nil, { data_list = data }, changes)
    end

    describe("import_gift_voucher", function()
        for _, name in ipairs { "api_key", "tid", "data" } do
            it("requires " .. name, function()
                assert.equal('{"SUCCESS":false,"ERR_MSG":"Missing Input Error: These values are required in '
                    .. 'post data : api_key, tid, data"}', import(voucher(), { [name] = NONE }).text)
            end)
        end

        local accepted = {
            "2024-05-01", "2024-05-01 12:00:00", "2024-05-01 12:00:00+08", "2024-05-01T12:00:00+08",
            "2024-05-01T12:00:00", "2024-05-01 12:00:00-05",
        }
        for _, text in ipairs(accepted) do
            it("takes the date " .. text, function()
                judge(nil, import(voucher { valid_from = text, valid_util = text }))
            end)
        end

        local refused = {
            "2024-05-0112:00:00", "2024-05-0112:00:00+08", "2024-05-01-12:00:00", "2024-05-01-12:00:00+08",
            "2024-05-01T12:00:00+08:00", "2024-05-01T12:00:00+0800", "2024-05-01T12:00:00Z", "2024-05-01 12:00",
            "2024-05-01T12:00:00.5+08", "2024-02-30", "2024-05-01 25:00:00", "2024-5-1", "", 20240501,
        }
        for _, text in ipairs(refused) do
            it(("refuses the date %q"):format(tostring(text)), function()
                for _, name in ipairs { "valid_from", "valid_util" } do
                    judge(text == "" and name .. " is required"
                        or name .. " should be like 2024-05-01, 2024-05-01 12:00:00 or 2024-05-01T12:00:00+08",
                        import(voucher { [name] = text }))
                end
            end)
        end

        local long, longer = ("\u{4e2d}"):rep(128), ("\u{4e2d}"):rep(129)
        -- changes of data, message (none: accepted)
        local cases = {
            {}, { { voucher_id = NONE }, "voucher_id is required" },
            { { voucher_id = 5 }, "voucher_id should be a string" },
            { { voucher_type = "" }, "voucher_type is required" }, { { amount = NONE }, "amount is required" },
            { { amount = 0 } }, { { amount = 99.5 } }, { { amount = "100" }, "amount should be a number" },
            { { valid_from = NONE }, "valid_from is required" },
            { { valid_util = NONE, valid_until = "2024-05-31" }, "valid_util is required" },
            { { is_redeemed = true, category = "coupon" } }, { { is_redeemed = 1 }, "is_redeemed should be a boolean" },
            { { category = 5 }, "category should be a string" },
            { { custom_fields = { note = long, level = 3, vip = true, empty = null } } },
            { { custom_fields = { note = longer } }, "custom_fields.note is longer than 128 characters" },
            { { custom_fields = { note = json.array { "x" } } }, "custom_fields.note should be a text or a number" },
            { { custom_fields = "x" }, "custom_fields should be an object" },
            { { member_sn = NONE }, "member_sn or source_id is required" },
            { { member_sn = NONE, source_id = "7", source_system = "CRM" } },
            { { member_sn = NONE, source_id = "7" }, "source_system is required with source_id" },
        }
        for i, case in ipairs(cases) do
            local changes, message = table.unpack(case, 1, 2)
            it(("checks, %d: %s"):format(i, message or "accepts"), function()
                judge(message, import(voucher(changes)))
                assert.equal(message and 0 or 1, omni:snapshot "counts".vouchers)
            end)
        end

        local IDENTIFIERS = "identifier_field should be one of line_id, phone, email, messenger_psid"
        -- data, changes of the body, message
        local requests = {
            { vouchers(100) }, { vouchers(101), nil, "size of batch import exceeds 100" },
            { json.array {}, nil, "data is empty" }, { "x", nil, "data should be an object or a list" },
            { json.array { voucher(), voucher { voucher_id = "V2", amount = "1" }, {} }, nil,
                "row 2: amount should be a number" },
            { voucher(), { site = "main" } }, { voucher(), { site = null } },
            { voucher(), { site = 5 }, "site should be a string" },
            { voucher { email = "a@example.com" }, { identifier_field = "email" } },
            { voucher(), { identifier_field = "email" }, "email is required in data" },
            { voucher(), { identifier_field = "member_sn" }, IDENTIFIERS },
        }
        for i, case in ipairs(requests) do
            local data, changes, message = table.unpack(case, 1, 3)
            it(("takes all or none, %d: %s"):format(i, message or "accepts"), function()
                judge(message, import(data, changes))
                local count = message and 0 or json.is_array(data) and #data or 1
                assert.equal(count, omni:snapshot "counts".vouchers)
            end)
        end

        it("stores what was sent, by voucher_id", function()
            local fields = { note = "x" }
            assert.equal(OK, import(voucher { custom_fields = fields }).text)
            import(voucher { amount = 50, is_redeemed = true })
            assert.same(voucher { amount = 50, is_redeemed = true, custom_fields = fields, imports = 2 },
                omni:snapshot "voucher:V1")
            assert.equal(1, #omni:snapshot "vouchers")
        end)

        it("makes a headless member of an unknown one", function()
            import(voucher { source_id = "7", source_system = "CRM" })
            assert.same({ { member_sn = "M1", is_headless_account = true, imports = 0 } }, omni:snapshot "members")
            import(voucher { member_sn = NONE, source_id = "8", source_system = "CRM" })
            import(voucher { member_sn = NONE, source_id = "8", source_system = "CRM", voucher_id = "V2" })
            assert.same({ source_id = "8", source_system = "CRM", is_headless_account = true, imports = 0 },
                omni:snapshot "members"[2])
            import(voucher { email = "a@example.com" }, { identifier_field = "email" })
            assert.same({ email = "a@example.com", is_headless_account = true, imports = 0 },
                omni:snapshot "members"[3])
            assert.equal(3, omni:snapshot "count")
        end)

        it("leaves a known member alone, and a headless one is filled by an import", function()
            omni:import("import_audience", { member_sn = "M1", city = "Taipei" })
            import(voucher())
            import(voucher { member_sn = "M2" })
            omni:import("import_audience", { member_sn = "M2", city = "Tainan" })
            assert.same({
                { member_sn = "M1", city = "Taipei", imports = 1 }, { member_sn = "M2", city = "Tainan", imports = 1 },
            }, omni:snapshot "members")
        end)
    end)

    describe("import_gift_voucher_batch", function()
        for _, name in ipairs { "api_key", "tid", "data_list" } do
            it("requires " .. name, function()
                support.check({ 400, "Missing Input Error: These values are required in post data : "
                    .. "api_key, tid, data_list" }, batch(vouchers(1), { [name] = NONE }))
            end)
        end

        local cases = {
            { vouchers(100) }, { vouchers(101), "size of batch import exceeds 100" },
            { json.array {}, "data_list is empty" },
            { voucher(), "type of data_list should be list instead of <class 'dict'>" },
            { json.array { voucher(), voucher { voucher_id = "V2", valid_from = "soon" } },
                "row 2: valid_from should be like 2024-05-01, 2024-05-01 12:00:00 or 2024-05-01T12:00:00+08" },
        }
        for i, case in ipairs(cases) do
            local data, message = table.unpack(case, 1, 2)
            it(("takes all or none, %d: %s"):format(i, message or "accepts"), function()
                judge(message, batch(data))
                assert.equal(message and 0 or #data, omni:snapshot "counts".vouchers)
                assert.equal(message and 0 or 1, omni:snapshot "counts".members)
            end)
        end

        it("answers without a payload", function()
            assert.equal(OK, batch(vouchers(2)).text)
            assert.equal("V2", omni:snapshot "voucher:V2".voucher_id)
        end)
    end)
end)
