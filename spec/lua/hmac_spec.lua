--- neap.native.hmac: published vectors, and what is refused.

require "neap"
local helper = require "spec.support.helper"
local hmac = require "neap.native.hmac"
local secret = require "neap.native.secret"

--- RFC 4231 section 4 (SHA-256, SHA-512) and RFC 2202 section 3 (SHA-1), those whose keys are text.
local VECTORS = {
    {
        key = "Jefe", text = "what do ya want for nothing?",
        sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        sha512 = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
            .. "caeab1a34d4a6b4b636e070a38bce737",
    },
}

--- The others have keys of bytes that no secret has: as base64. The texts of RFC 2202 differ in case 6 and 7.
local function repeated(byte, count) return string.char(byte):rep(count) end
local counted = {}
for i = 1, 25 do counted[i] = string.char(i) end

local LONG_KEY = "This is a test using a larger than block-size key and a larger than block-size data. The key needs "
    .. "to be hashed before being used by the HMAC algorithm."

local BYTES = {
    { "sha1", repeated(0x0b, 20), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00" },
    { "sha1", repeated(0xaa, 20), repeated(0xdd, 50), "125d7342b9ac11cd91a39af48aa17b4f63f175d3" },
    { "sha1", table.concat(counted), repeated(0xcd, 50), "4c9007f4026250c6bc8414f9bf50c86c2d7235da" },
    { "sha1", repeated(0xaa, 80), "Test Using Larger Than Block-Size Key - Hash Key First",
        "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
    { "sha1", repeated(0xaa, 80), "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
        "e8e99d0f45237d786d6bbaa7965c7808bbff1a91" },
    { "sha256", repeated(0x0b, 20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
    { "sha256", repeated(0xaa, 20), repeated(0xdd, 50),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
    { "sha256", table.concat(counted), repeated(0xcd, 50),
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
    { "sha256", repeated(0xaa, 131), "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
    { "sha256", repeated(0xaa, 131), LONG_KEY, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
    { "sha512", repeated(0x0b, 20), "Hi There",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61"
            .. "f1702e696c203a126854" },
    { "sha512", repeated(0xaa, 131), LONG_KEY,
        "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0"
            .. "446065c97440fa8c6a58" },
}

--- RFC 4648 section 10.
local BASE64 = {
    [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=", foobar = "Zm9vYmFy",
}

local function key_of(bytes) return secret.literal(hmac.base64(bytes)) end

describe("neap.native.hmac", function()
    after_each(helper.assert_idle)

    it("signs as RFC 2202 and RFC 4231 say", function()
        for _, vector in ipairs(VECTORS) do
            for _, algorithm in ipairs { "sha1", "sha256", "sha512" } do
                local made = hmac.sign(algorithm, secret.literal(vector.key), vector.text)
                assert.equal(vector[algorithm], hmac.hex(made))
            end
        end
        for _, vector in ipairs(BYTES) do
            local algorithm, key, text, expected = table.unpack(vector)
            assert.equal(expected, hmac.hex(hmac.sign_base64(algorithm, key_of(key), text)))
        end
    end)

    it("digests as FIPS 180-4 says", function()
        assert.equal("a9993e364706816aba3e25717850c26c9cd0d89d", hmac.hex(hmac.digest("sha1", "abc")))
        assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            hmac.hex(hmac.digest("sha256", "abc")))
        assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            hmac.hex(hmac.digest("sha256", "")))
        assert.equal(64, #hmac.digest("sha512", "abc"))
    end)

    it("takes the key of a Standard Webhooks secret", function()
        local text = { "msg_p5jXN8AQM9LWM0D4loKWxJek", ".", "1614265330", ".", '{"test": 2432232314}' }
        for _, key in ipairs { "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" } do
            local made = hmac.sign_base64("sha256", secret.literal(key), table.unpack(text))
            assert.equal("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", hmac.base64(made))
        end
    end)

    it("signs pieces as one text", function()
        local key = secret.literal "some key"
        local whole = hmac.sign("sha256", key, "abcdef")
        assert.equal(whole, hmac.sign("sha256", key, "abc", "def"))
        assert.equal(whole, hmac.sign("sha256", key, "", "a", "", "bcde", "f", ""))
        assert.equal(hmac.sign("sha256", key, ""), hmac.sign("sha256", key))
        assert.is_false(whole == hmac.sign("sha256", key, "abcde", "f\0"))
        assert.has_error(function() hmac.sign("sha256", key, table.unpack({}, 1, 17)) end)
    end)

    it("refuses a secret that is no key, and shows nothing of it", function()
        for _, text in ipairs { "whsec_", "whsec_no key", "whsec_QUJD=", "hunter2-secret", "QUJ", "QU JD" } do
            local made, err = hmac.sign_base64("sha256", secret.literal(text), "text")
            assert.is_nil(made, text)
            assert.equal("settings", err.kind)
            assert.matches("^the secret is no base64, alone or behind [%w_*]+$", err.message)
        end
    end)

    it("refuses other algorithms, keys and texts", function()
        local key = secret.literal "some key"
        assert.has_error(function() hmac.sign("md5", key, "text") end)
        assert.has_error(function() hmac.sign("sha256", "some key", "text") end)
        assert.has_error(function() hmac.sign("sha256", key, {}) end)
        assert.has_error(function() hmac.digest("sha256") end)
    end)

    it("compares", function()
        assert.is_true(hmac.equal("", ""))
        assert.is_true(hmac.equal("a\0b", "a\0b"))
        for _, other in ipairs { "", "a\0", "a\0c", "b\0b", "a\0bc" } do assert.is_false(hmac.equal("a\0b", other)) end
        local key = secret.literal "some key"
        assert.is_true(hmac.matches(key, "some key"))
        for _, other in ipairs { "", "some ke", "some key ", "Some key" } do
            assert.is_false(hmac.matches(key, other))
        end
        assert.has_error(function() hmac.matches("some key", "some key") end)
    end)

    it("writes and reads base64 as RFC 4648 says", function()
        for bytes, text in pairs(BASE64) do
            assert.equal(text, hmac.base64(bytes))
            assert.equal(bytes, hmac.parse_base64(text))
        end
        assert.equal("\xfb\xff\xbf", hmac.parse_base64 "+/+/")
        assert.equal("\xfb\xff\xbf", hmac.parse_base64 "-_-_")
    end)

    it("reads no other base64", function()
        for _, text in ipairs {
            "Z", "Zg", "Zm8", "Zg=", "Zg===", "=", "==", "====", "Zm9vYg=", "Zh==", "Zm9=", "Zm9vY", "Zm 9v", "Zm9v\n",
            " Zm9v",
            "Zm9v=", "Z=9v", "+/-_", "Zm9*", "Zm9\xff", "Zm9v====", "Zg==Zg==", "Zm9v\0",
        } do
            assert.is_nil(hmac.parse_base64(text), text)
        end
    end)

    it("writes and reads hexadecimal digits", function()
        assert.equal("00ff10", hmac.hex "\0\xff\x10")
        assert.equal("\0\xff\x10", hmac.parse_hex "00fF10")
        assert.equal("", hmac.parse_hex "")
        for _, text in ipairs { "0", "0g", "g0", "0x00", " 00", "00 ", "a:", "\xb1\xb1", "@@", "``" } do
            assert.is_nil(hmac.parse_hex(text), text)
        end
    end)

    it("reads what it writes, for all bytes and lengths", function()
        local bytes = {}
        for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
        local all = table.concat(bytes)
        for from = 1, 256, 37 do
            for to = from, 256, 5 do
                local text = all:sub(from, to)
                assert.equal(text, hmac.parse_hex(hmac.hex(text)))
                assert.equal(text, hmac.parse_base64(hmac.base64(text)))
            end
        end
    end)
end)
