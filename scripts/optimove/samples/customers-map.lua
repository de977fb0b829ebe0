-- Customers with the attributes Country and City, in this order, as members of another system.
return {
    { "member_sn", from = "CustomerID" },
    { "country", from = "CustomerAttributes", split = ",", at = 1 },
    { "city", from = "CustomerAttributes", split = ",", at = 2, default = "unknown" },
    { "source", constant = "optimove" },
}
