--- Imports about products with the mix of faults, ten seeds: what the vendor knows afterwards equals the file.

require("spec.support.imports").declare(describe, it, {
    "import-products", "import-event-registrations", "import-guarantees",
})
