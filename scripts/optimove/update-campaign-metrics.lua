-- Reports figures of campaigns that another system sent: the columns ChannelID, CampaignID, TemplateID, MetricID
-- and MetricValue, a hundred in a call. Figures that may have arrived are not sent again: nobody says whether a
-- repeat counts twice. They are listed as unknown in the dead letters.
--
--   neap run optimove/update-campaign-metrics --file scripts/optimove/samples/metrics.csv --sandbox

return neap.import {
    into = "optimove.UpdateCampaignMetrics.Metrics",
    summary = "Report figures of campaigns to Optimove from a file",
}
