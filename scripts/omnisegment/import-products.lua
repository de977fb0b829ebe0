-- Imports a product feed into OmniSegment: one call per row, ten per second.
--
--   neap run omnisegment/import-products --file scripts/omnisegment/samples/products.csv --sandbox

return neap.import {
    into = "omnisegment.import_product.data",
    summary = "Import a file of products into OmniSegment",
}
