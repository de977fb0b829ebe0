-- Creates or updates customers at OPM from a file, one call per row. Each needs an e-mail or a phone.
--
--   neap run opm/sync-customers --file scripts/opm/samples/customers.csv --sandbox

return neap.import {
    into = "opm.entry",
    summary = "Create or update OPM customers from a file",
}
