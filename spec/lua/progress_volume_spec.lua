--- How progress shows amounts.

local volume = require "neap.progress.volume"

describe("neap.progress.volume", function()
    it("writes numbers with their thousands apart", function()
        for number, text in pairs {
            [0] = "0", [7] = "7", [999] = "999", [1000] = "1,000", [12345] = "12,345", [123456] = "123,456",
            [1000000] = "1,000,000", [1234567890] = "1,234,567,890",
        } do
            assert.equal(text, volume.number(number))
        end
        assert.equal("0 records", volume.records(0))
        assert.equal("1 record", volume.records(1))
        assert.equal("1,001 records", volume.records(1001))
    end)

    it("writes bytes in the unit that fits", function()
        for bytes, text in pairs {
            [0] = "0 B", [999] = "999 B", [1000] = "1.0 kB", [1234] = "1.2 kB", [999949] = "999.9 kB",
            [999950] = "1.0 MB", [1234567] = "1.2 MB", [12 * 10 ^ 9 // 1 | 0] = "12.0 GB",
            [5 * 10 ^ 15 // 1 | 0] = "5000.0 TB",
        } do
            assert.equal(text, volume.bytes(bytes))
        end
    end)

    it("writes the rate once there is one", function()
        assert.equal("0 records, 0 B", volume.text(0, 0, 5))
        assert.equal("1 record, 10 B", volume.text(1, 10, 0))
        assert.equal("12,345 records, 1.2 MB, 8,230/s", volume.text(12345, 1234567, 1.5))
        assert.equal("5 records, 50 B, 0.5/s", volume.text(5, 50, 10))
        assert.equal("100 records, 50 B, 10/s", volume.text(100, 50, 10))
    end)
end)
