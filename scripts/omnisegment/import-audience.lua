-- Imports a file of members into OmniSegment: one call per row, or with --batch one for 50, ten calls per
-- second, in the file's order for each member. What could not be delivered is in the dead-letter file, which
-- can be given as --file.
--
--   neap run omnisegment/import-audience --file scripts/omnisegment/samples/audience.csv --sandbox

return neap.import {
    into = "omnisegment.import_audience.data",
    summary = "Import an audience file into OmniSegment",
}
