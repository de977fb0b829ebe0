-- Adds promotions to Optimove, or renames them: the columns PromoCode and PromotionName, a hundred in a call.
--
--   neap run optimove/add-promotions --file scripts/optimove/samples/promotions.csv --sandbox

return neap.import {
    into = "optimove.AddPromotions.Promotions",
    summary = "Add promotions to Optimove from a file",
}
