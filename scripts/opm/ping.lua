-- Checks the OPM API key.
--
--   neap run opm/ping --sandbox

return neap.workflow {
    summary = "Check the OPM API key",
    run = function(ctx)
        return ctx:vendor("opm"):ping {}
    end,
}
