-- Imports a file of orders into OmniSegment: one call per row, or with --batch one for 50, ten calls per
-- second, in the file's order for each transaction_id. A later row with the same transaction_id cancels,
-- refunds or completes the order.
--
-- The vendor queues orders and answers 200 at once: what is wrong with one is never reported. With
-- --debug-mode 1 it is handled at once and the answer says so: use that to try a file.
--
--   neap run omnisegment/import-purchases --file scripts/omnisegment/samples/purchases.csv --sandbox

return neap.import {
    into = "omnisegment.import_purchase_data.data",
    summary = "Import a file of orders into OmniSegment",
    description = "Columns are fields of `data` (neap describe omnisegment.import_purchase_data); others are custom "
        .. "fields. OmniSegment answers before it looks at an order and never reports what is wrong with it, unless "
        .. "--debug-mode 1 has it look at once.",
}
