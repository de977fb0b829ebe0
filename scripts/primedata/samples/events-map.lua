-- Events in short: who, what and when; of their properties one.
return {
    { "profile", from = "profile_id" },
    { "event", from = "event_name" },
    { "at", from = "time_stamp" },
    { "customer", from = "properties.customer_id", cast = "string", default = "unknown" },
}
