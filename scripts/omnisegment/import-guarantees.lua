-- Imports product guarantees (warranties) of members into OmniSegment: one call per row, ten per second.
--
--   neap run omnisegment/import-guarantees --file scripts/omnisegment/samples/guarantees.csv --sandbox

return neap.import {
    into = "omnisegment.import_product_guarantee_data.data",
    summary = "Import a file of product guarantees into OmniSegment",
}
