--- neap.export: workflows that save what a vendor has. `write` takes an iterator of records, such as
-- client:each; `deliver` makes records of each row of a file and keeps the order of its rows. Both write
-- NDJSON or CSV by the extension, whole or not at all.

local document = require "neap.workflow.export.document"
local row = require "neap.workflow.export.row"

return {
    write = require("neap.workflow.export.stream").write,
    deliver = require("neap.workflow.export.delivery").deliver,
    check = row.check_shared,
    row_params = row.params,
    listing = require("neap.workflow.params").read,
    document = document.write,
    read_document = document.read,
    remove = document.remove,
    in_time_order = require("neap.workflow.export.time_order").sort,
}
