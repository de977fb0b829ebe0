-- Imports gift vouchers of members into OmniSegment: one call per row, or with --batch one for 100, ten calls
-- per second.
--
--   neap run omnisegment/import-gift-vouchers --file scripts/omnisegment/samples/gift-vouchers.csv --sandbox

return neap.import {
    into = "omnisegment.import_gift_voucher.data",
    summary = "Import a file of gift vouchers into OmniSegment",
}
