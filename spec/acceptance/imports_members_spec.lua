--- Imports about members with the mix of faults, ten seeds: what the vendor knows afterwards equals the file.

require("spec.support.imports").declare(describe, it, { "import-audience", "import-purchases", "import-gift-vouchers" })
