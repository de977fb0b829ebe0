local suggest = require "neap.suggest"

describe("neap.suggest", function()
    local names = { "member_sn", "email", "phone", "sex", "tags", "line_id", "url" }

    local cases = {
        { "Email", "email" }, { "e-mail", "email" }, { "emial", "email" }, { "emal", "email" },
        { "eemaill", "email" }, { "membersn", "member_sn" }, { "MEMBER-SN", "member_sn" },
        { "memeber_n", "member_sn" }, { "lineid", "line_id" }, { "fone", "phone" },
        { "colour", nil }, { "sax", "sex" }, { "sxe", "sex" }, { "age", nil }, { "sku", nil },
        { "", nil }, { "_", nil }, { ("x"):rep(5000), nil }, { "\xff\xfe", nil },
    }
    for _, case in ipairs(cases) do
        it(("takes %q for %s"):format(case[1]:sub(1, 20), case[2]), function()
            assert.equal(case[2], suggest.nearest(case[1], names))
        end)
    end

    it("prefers the nearest, then the first", function()
        assert.equal("abcd", suggest.nearest("abcde", { "abcxe9", "abcd" }))
        assert.equal("aabb", suggest.nearest("aacc", { "aabb", "aadd" }))
    end)

    it("takes sets, in alphabetical order", function()
        assert.equal("aabb", suggest.nearest("aacc", { aadd = true, aabb = 1 }))
        assert.is_nil(suggest.nearest("aacc", {}))
    end)

    it("counts characters, not bytes", function()
        assert.equal("会員番号", suggest.nearest("会員番", { "会員番号" }))
        assert.is_nil(suggest.nearest("会員", { "商品" }))
    end)

    it("keeps custom names away from declared ones by the letter of the rule", function()
        local custom = {
            { "Email", "email" }, { "e-mail", "email" }, { "eml", "email" }, { "Emial", "email" },
            { "age", "tags" }, { "MEMBERSN", "member_sn" }, { "m_e_m_b_e_r_s_n", "member_sn" },
            { "email_2", "email" }, { "email_no", nil }, { "colour", nil }, { "sex", "sex" },
        }
        for _, case in ipairs(custom) do
            assert.equal(case[2], suggest.too_near(case[1], names), case[1])
        end
    end)

    it("words the hint", function()
        assert.equal('did you mean "email"?', suggest.hint("emial", names))
        assert.is_nil(suggest.hint("colour", names))
    end)
end)
