--- Members in the OmniSegment simulator: what the imports of one and of many check and do, blacklists,
-- accounts.

local support = require "spec.sandbox.omnisegment_support"
local json = require "neap.native.json"

local null = json.null
local judge, rows = support.judge, support.rows

describe("in the OmniSegment simulator", function()
    local omni

    before_each(function() omni = support.new() end)

    local function audience(data, changes) return omni:import("import_audience", data, changes) end

    describe("import_audience checks", function()
        local keys = "merge_key should be one of member_sn, line_id, email, phone, messenger_psid, source_id"
        local long, longer = ("\u{4e2d}"):rep(1025), ("\u{4e2d}"):rep(1026)
        local list = json.array
        -- data, changes of the body, message (none: accepted)
        local cases = {
            { {}, nil, "member_sn is required in data" },
            { { member_sn = "" }, nil, "member_sn is required in data" },
            { { member_sn = null }, nil, "member_sn is required in data" },
            { { member_sn = 1 }, nil, "member_sn should be a string" },
            { { member_sn = "none" }, nil, "member_sn cannot be cleared" },
            { { source_id = "s" }, nil, "source_system is required with source_id" },
            { { source_id = "s", source_system = "CRM" } },
            { { source_id = "s", source_system = "CRM" }, { merge_key = "source_id" } },
            { { member_sn = "1" }, { merge_key = "source_id" }, "source_id is required in data" },
            { { email = "a@example.com" }, { merge_key = "email" } },
            { { phone = "+886912345678" }, { merge_key = "phone" } },
            { { line_id = "U1" }, { merge_key = "line_id" } },
            { { messenger_psid = "1" }, { merge_key = "messenger_psid" } },
            { { member_sn = "1" }, { merge_key = "email" }, "email is required in data" },
            { { email = "a@example.com" }, nil, "member_sn is required in data" },
            { { member_sn = "1" }, { merge_key = "name" }, keys },
            { { member_sn = "1" }, { merge_key = null }, keys },
            { { member_sn = "1" }, { tag_mode = "append" } },
            { { member_sn = "1" }, { tag_mode = "replace" } },
            { { member_sn = "1" }, { tag_mode = "add" }, "tag_mode should be append or replace" },
            { { member_sn = "1" }, { ignore_empty_value = true } },
            { { member_sn = "1" }, { ignore_empty_value = "true" },
                "ignore_empty_value should be a boolean" },
            { list { 1 }, nil, "data should be an object" },
            { { member_sn = "1", is_active = "yes" }, nil, "is_active should be a boolean" },
            { { member_sn = "1", is_subscriber = false, is_subscriber_sms = true } },
            { { member_sn = "1", name = true }, nil, "name should be a string" },
            { { member_sn = "1", sex = "female" } },
            { { member_sn = "1", sex = "f" }, nil, "sex should be male or female" },
            { { member_sn = "1", birthday = "1990-01-31" } },
            { { member_sn = "1", birthday = "31.1.1990" }, nil, "birthday should be YYYY-MM-DD" },
            { { member_sn = "1", birthday = "1990-02-30" }, nil, "birthday should be YYYY-MM-DD" },
            { { member_sn = "1", register_date = "2020-6-4" } },
            { { member_sn = "1", register_date = "2020-06-04T08:30:37" } },
            { { member_sn = "1", register_date = "yesterday" }, nil,
                "register_date should be an ISO 8601 date-time" },
            { { member_sn = "1", register_date = "2020-06-04T08:30:37.235482+08:00" } },
            { { member_sn = "1", membership_expire_at = "2027-01-01T00:00:00+08:00" } },
            { { member_sn = "1", membership_expire_at = "2027-01-01T00:00:00" }, nil,
                "membership_expire_at needs a time zone" },
            { { member_sn = "1", membership_expire_at = "soonZ" }, nil,
                "membership_expire_at should be an ISO 8601 date-time" },
            { { member_sn = "1", point_balance = "12.34" } },
            { { member_sn = "1", point_balance = "-3" } },
            { { member_sn = "1", point_balance = "12." }, nil,
                "point_balance should be a decimal with at most 2 places" },
            { { member_sn = "1", point_balance = 12 }, nil, "point_balance should be a string" },
            { { member_sn = "1", credit_balance = "12.345" }, nil,
                "credit_balance should be a decimal with at most 2 places" },
            { { member_sn = "1", fcm_tokens = list { { token = "t", type = "ios", active = true } } } },
            { { member_sn = "1", fcm_tokens = list {} } },
            { { member_sn = "1", fcm_tokens = { token = "t" } }, nil,
                "fcm_tokens should be a list" },
            { { member_sn = "1", fcm_tokens = list { { type = "ios" } } }, nil,
                "fcm_tokens[1].token is required" },
            { { member_sn = "1", fcm_tokens = list { { token = "t", type = "palm" } } }, nil,
                "fcm_tokens[1].type should be ios or android" },
            { { member_sn = "1", fcm_tokens = list { { token = "t", active = "yes" } } }, nil,
                "fcm_tokens[1].active should be a boolean" },
            { { member_sn = "1", email_channels = list { { name = "n", subscription_status = true } } } },
            { { member_sn = "1", line_channels = list { { name = "n" } } }, nil,
                "line_channels[1].subscription_status is required" },
            { { member_sn = "1", shoe = "42", size = 42, fits = true } },
            { { member_sn = "1", shoe = long } },
            { { member_sn = "1", shoe = longer }, nil, "shoe is longer than 1025 characters" },
            { { member_sn = "1", shoes = list { { size = "42" } } } },
            { { member_sn = "1", shoes = list { "42" } }, nil, "shoes[1] should be an object" },
            { { member_sn = "1", shoes = { size = "42" } }, nil, "shoes should be a list" },
            { { member_sn = "1", email = "", sex = null, birthday = "none", is_active = "none" } },
        }
        for i, case in ipairs(cases) do
            local data, changes, message = table.unpack(case, 1, 3)
            it(("%d: %s"):format(i, message or "accepts"), function()
                judge(message, audience(data, changes))
            end)
        end
    end)

    describe("an import", function()
        local function member(value) return omni:snapshot("member:" .. (value or "M1")) end

        it("creates, then updates and keeps what is not sent", function()
            audience { member_sn = "M1", name = "Ann", email = "a@example.com", is_active = false }
            audience { member_sn = "M1", name = "Anna" }
            assert.same({ member_sn = "M1", name = "Anna", email = "a@example.com", is_active = false,
                imports = 2 }, member())
            assert.equal(1, omni:snapshot "count")
        end)

        for _, key in ipairs { "line_id", "email", "phone", "messenger_psid", "source_id" } do
            it("finds a member by " .. key, function()
                local system = key == "source_id" and "CRM" or nil
                audience { member_sn = "M1", [key] = "v1", source_system = system }
                audience({ [key] = "v1", city = "Taipei", source_system = system }, { merge_key = key })
                assert.equal("Taipei", member().city)
                audience({ [key] = "v2", city = "Tainan", source_system = system }, { merge_key = key })
                assert.equal("Taipei", member().city)
                assert.equal(2, omni:snapshot "count")
            end)
        end

        it("finds a member by source_id when no member_sn is sent, per system", function()
            audience { member_sn = "M1", source_id = "7", source_system = "CRM" }
            audience { source_id = "7", source_system = "CRM", city = "Taipei" }
            audience { source_id = "7", source_system = "ERP", city = "Tainan" }
            assert.equal("Taipei", member().city)
            assert.equal(2, omni:snapshot "count")
        end)

        it("finds a member by what it is called now", function()
            audience { member_sn = "M1", email = "old@example.com" }
            audience { member_sn = "M1", email = "new@example.com" }
            audience({ email = "old@example.com" }, { merge_key = "email" })
            assert.equal(2, omni:snapshot "count")
            audience({ email = "new@example.com", city = "Taipei" }, { merge_key = "email" })
            assert.equal("Taipei", member().city)
        end)

        it("appends tags as a set, or replaces them", function()
            audience { member_sn = "M1", tags = "vip,spring" }
            audience { member_sn = "M1", tags = "spring,new" }
            assert.equal("vip,spring,new", member().tags)
            audience({ member_sn = "M1", tags = "vip,other" }, { tag_mode = "append" })
            assert.equal("vip,spring,new,other", member().tags)
            audience({ member_sn = "M1", tags = "only" }, { tag_mode = "replace" })
            assert.equal("only", member().tags)
        end)

        -- Without ignore_empty_value "", null and "none" clear; with it only "none" does.
        local clearing = {
            { "", nil, true }, { null, nil, true }, { "none", nil, true },
            { "", false, true }, { null, false, true }, { "none", false, true },
            { "", true, false }, { null, true, false }, { "none", true, true },
        }
        for _, case in ipairs(clearing) do
            local value, ignore, clears = table.unpack(case, 1, 3)
            it(("of %s with ignore_empty_value %s %s"):format(json.encode(value), tostring(ignore),
                clears and "clears" or "keeps"), function()
                audience { member_sn = "M1", city = "Taipei", tags = "vip", is_active = true }
                audience({ member_sn = "M1", city = value, tags = value, is_active = value },
                    { ignore_empty_value = ignore })
                local kept = not clears
                assert.equal(kept and "Taipei" or nil, member().city)
                assert.equal(kept and "vip" or nil, member().tags)
                assert.equal(kept and true or nil, member().is_active)
            end)
        end

        it("that is refused changes nothing", function()
            audience { member_sn = "M1", city = "Taipei" }
            judge("sex should be male or female", audience { member_sn = "M1", city = "Tainan", sex = "x" })
            assert.equal("Taipei", member().city)
        end)
    end)

    describe("import_audience_batch", function()
        local function batch(data, changes) return omni:import("import_audience_batch", data, changes) end
        local function members(count)
            return rows(count, function(i) return { member_sn = "M" .. i, city = "Taipei" } end)
        end
        local list = json.array
        local keys = "merge_key should be one of member_sn, line_id, email, phone, messenger_psid"
        -- data, changes of the body, message (none: accepted)
        local cases = {
            { members(1) }, { members(50) },
            { members(51), nil, "size of batch import exceeds 50" },
            { list {}, nil, "data is empty" },
            { { member_sn = "M1" }, nil, "type of data should be list instead of <class 'dict'>" },
            { "M1", nil, "type of data should be list instead of <class 'str'>" },
            { list { { member_sn = "M1" }, "M2" }, nil, "row 2: it should be an object" },
            { list { { member_sn = "M1" }, { member_sn = "M2", sex = "x" }, {} }, nil,
                "row 2: sex should be male or female" },
            { list { { email = "a@example.com" } }, { merge_key = "email" } },
            { list { { email = "a@example.com" } }, nil, "row 1: member_sn is required in data" },
            { list { { source_id = "7", source_system = "CRM" } } },
            { list { { source_id = "7", source_system = "CRM" } }, { merge_key = "source_id" }, keys },
            { members(1), { tag_mode = "replace", ignore_empty_value = true } },
            { members(1), { tag_mode = "add" }, "tag_mode should be append or replace" },
            { members(1), { custom_fields_identifier_field = { shoes = "id" } } },
            { members(1), { custom_fields_identifier_field = { shoes = 1 } },
                "custom_fields_identifier_field.shoes should be a string" },
            { members(1), { custom_fields_identifier_field = "id" },
                "custom_fields_identifier_field should be an object" },
            { list { { member_sn = "M1", shoes = list { { size = "42" } } } },
                { custom_fields_identifier_field = { shoes = "id" } }, "row 1: an item of shoes lacks id" },
        }
        for i, case in ipairs(cases) do
            local data, changes, message = table.unpack(case, 1, 3)
            it(("checks, %d: %s"):format(i, message or "accepts"), function()
                judge(message, batch(data, changes))
                assert.equal(message and 0 or #data, omni:snapshot "count")
            end)
        end

        it("answers without a payload and does what as many single imports do", function()
            assert.equal('{"SUCCESS":true,"PAYLOAD":null}', batch(members(2)).text)
            batch(json.array { { member_sn = "M1", tags = "a" }, { member_sn = "M1", tags = "b" } })
            assert.same({ member_sn = "M1", city = "Taipei", tags = "a,b", imports = 3 }, omni:snapshot "member:M1")
        end)

        it("finds the rows of a custom field by the sub-field that is named", function()
            local function shoes(...) return json.array { { member_sn = "M1", shoes = json.array { ... } } } end
            batch(shoes({ id = "1", size = "42", colour = "red" }, { id = "2", size = "43" }))
            batch(shoes({ id = "2", size = "44" }, { id = "3" }, { id = "1", size = "41" }),
                { custom_fields_identifier_field = { shoes = "id" } })
            assert.same({ { id = "1", size = "41", colour = "red" }, { id = "2", size = "44" }, { id = "3" } },
                omni:snapshot "member:M1".shoes)
            batch(shoes { id = "9" })
            assert.same({ { id = "9" } }, omni:snapshot "member:M1".shoes)
        end)
    end)

    describe("blacklist_audience_batch", function()
        local MISSING = "Missing Input Error: Missing tid, search_key, to_be_blacklisted, data"
        local KEYS = "search_key should be one of ['email', 'phone', 'line_id', 'messenger_psid', 'member_sn']"
        local function blacklist(data, changes)
            return omni:import("blacklist_audience_batch", data,
                { search_key = "email", to_be_blacklisted = true }, changes)
        end
        local function values(count) return rows(count, function(i) return i .. "@example.com" end) end

        for _, name in ipairs { "tid", "search_key", "to_be_blacklisted", "data" } do
            it("requires " .. name, function()
                support.check({ 400, MISSING }, blacklist(values(1), { [name] = support.NONE }))
            end)
        end

        it("takes no key for a wrong one", function()
            support.check({ 403, "Forbidden: invalid api_key or tid" },
                blacklist(values(1), { api_key = support.NONE }))
        end)

        local cases = {
            { values(1) }, { values(100) }, { values(101), nil, "size of batch import exceeds 100" },
            { values(1), { search_key = "name" }, KEYS }, { values(1), { search_key = 1 }, KEYS },
            { { email = "x" }, nil, "type of data should be list instead of <class 'dict'>" },
            { 7, nil, "type of data should be list instead of <class 'int'>" },
            { json.array {}, nil, "data is empty" },
            { values(1), { to_be_blacklisted = "true" }, "to_be_blacklisted should be a boolean" },
            { json.array { "a", 5 }, nil, "row 2: it should be a string" },
        }
        for i, case in ipairs(cases) do
            local data, changes, message = table.unpack(case, 1, 3)
            it(("checks, %d: %s"):format(i, message or "accepts"), function()
                judge(message, blacklist(data, changes))
                assert.equal(message and 0 or #data, omni:snapshot "counts".blacklisted)
            end)
        end

        it("puts values on the list of their key and takes them off", function()
            assert.equal('{"SUCCESS":true,"PAYLOAD":null}', blacklist(json.array { "b", "a" }).text)
            blacklist(json.array { "+886912345678" }, { search_key = "phone" })
            assert.same({ "a", "b" }, omni:snapshot "blacklist:email")
            blacklist(json.array { "b", "c" }, { to_be_blacklisted = false })
            assert.same({ "a" }, omni:snapshot "blacklist:email")
            assert.same({ "+886912345678" }, omni:snapshot "blacklist:phone")
            assert.same({}, omni:snapshot "blacklist:line_id")
        end)
    end)

    describe("bind_audience_accounts", function()
        local UUID = "00000000-0000-4000-8000-00000000000a"
        local function bind(list, changes)
            return omni:import("bind_audience_accounts", nil, { data_list = list }, changes)
        end
        local function account(changes)
            return json.array { support.with({ member_sn = "M1", account_id = UUID }, changes) }
        end
        local function many(count)
            return rows(count, function(i) return { member_sn = "M" .. i, account_id = UUID } end)
        end
        local cases = {
            { account() }, { many(50) }, { many(51), "InputError: size of batch import exceeds 50" },
            { json.array {}, "InputError: data_list is empty" },
            { { member_sn = "M1" }, "InputError: type of data_list should be list instead of <class 'dict'>" },
            { account { account_id = support.NONE }, "MissingInputError: row 1: account_id is required" },
            { account { member_sn = "" }, "MissingInputError: row 1: member_sn is required" },
            { account { account_id = "a-b" }, "InputError: row 1: account_id should be a UUID" },
            { account { member_sn = 5 }, "InputError: row 1: member_sn should be a string" },
            { json.array { "M1" }, "InputError: row 1: it should be an object" },
        }
        for i, case in ipairs(cases) do
            it(("checks, %d: %s"):format(i, case[2] or "accepts"), function()
                support.check(case[2] and { 400, case[2] } or { 200 }, bind(case[1]))
            end)
        end

        it("says by the type of the error what is missing", function()
            support.check({ 400, "MissingInputError: tid and data_list are required" }, bind())
            local res = bind(account(), { api_key = support.NONE })
            support.check({ 403, "PermissionDenied: api_key is required" }, res)
            assert.equal("InputError", bind(json.array {}).value.ERR_TYPE_KEY)
        end)

        it("binds members that have a line_id, and passes over others", function()
            audience { member_sn = "M1", line_id = "U1" }
            audience { member_sn = "M2" }
            assert.equal('{"SUCCESS":true,"PAYLOAD":null}', bind(many(3)).text)
            assert.same({ member_sn = "M1", account_id = UUID, imports = 1 }, omni:snapshot "account:M1")
            assert.equal(1, #omni:snapshot "accounts")
        end)
    end)
end)
