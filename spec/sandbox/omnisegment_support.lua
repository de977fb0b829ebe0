--- What the specs of the OmniSegment simulator share: requests with key and tenant where they belong,
-- and tables of cases.

require "spec.support.helper"
local json = require "neap.native.json"
local simulator = require "spec.support.simulator"

local support = { KEY = simulator.KEY, TID = simulator.TID, HEADER = "X-OmniSegment-Api-Key" }

--- Paths by endpoint; operations of a report share one.
support.PATHS = {
    import_audience = "/ma_audience/import-audience/",
    import_audience_batch = "/api/v2/audiences/batch-import/",
    blacklist_audience_batch = "/api/v2/audiences/batch-import-blacklist/",
    bind_audience_accounts = "/api/v2/audiences/oc-sa-bind/",
    import_purchase_data = "/api/import-purchase-data/",
    import_purchase_data_batch = "/api/v2/purchase/batch-import/",
    import_product = "/api/v1/products/import/",
    import_event_registration_data = "/api/v1/products/import-event-registration-data/",
    import_product_guarantee_data = "/api/v1/products/import-product-guarantee-data/",
    import_gift_voucher = "/api/import-gift-voucher/",
    import_gift_voucher_batch = "/api/v2/voucher/batch-import/",
    show_market_report = "/omnidata/show-market-report/",
    track_event = "/api/v1/beacon/track-event/",
    interaction_report = "/api/v1/interaction-report/",
    tracking_event_report = "/api/v1/tracking-event-report/",
    interactive_audiences_report = "/api/v1/audiences/interactive-audiences-report/",
}

support.NONE = "(none)"

--- A copy of a table with changes; NONE takes a field away.
function support.with(base, changes)
    local copy = {}
    for name, value in pairs(base) do copy[name] = value end
    for name, value in pairs(changes or {}) do
        if value == support.NONE then copy[name] = nil else copy[name] = value end
    end
    return copy
end

---@class omnisegment_support.Driver
---@field simulator table
local Driver = {}
Driver.__index = Driver

function support.new()
    return setmetatable({ simulator = simulator.new "omnisegment" }, Driver)
end

--- A call with key and tenant in the body, and changes of the body one after another.
function Driver:import(endpoint, data, ...)
    local body = { tid = support.TID, api_key = support.KEY, data = data }
    for i = 1, select("#", ...) do body = support.with(body, (select(i, ...))) end
    return self.simulator:send("POST", support.PATHS[endpoint], { json = body })
end

--- A call with the key in the header and the tenant in the body.
function Driver:event(changes, key)
    local body = support.with({ tid = support.TID, client_id = "d-1", hit_type = "pageview" }, changes)
    return self.simulator:send("POST", support.PATHS.track_event,
        { json = body, headers = { [support.HEADER] = key or support.KEY } })
end

--- Orders a report: key in the header, tenant in the query.
function Driver:order(path, body)
    return self.simulator:send("POST", support.PATHS[path] .. "?tid=" .. support.TID,
        { json = body, headers = { [support.HEADER] = support.KEY } })
end

--- Lists the reports, or asks for one.
function Driver:ask(path, id)
    return self.simulator:send("GET", support.PATHS[path] .. (id and id .. "/" or "") .. "?tid=" .. support.TID,
        { headers = { [support.HEADER] = support.KEY } })
end

--- A file, without a key.
function Driver:file(name)
    return self.simulator:send("GET", "/files/" .. name)
end

function Driver:snapshot(what)
    return self.simulator.sim:snapshot(what)
end

function Driver:pass(seconds)
    self.simulator.clock = self.simulator.clock + seconds
end

--- Compares an answer with { 200 } or { status, message }.
function support.check(expected, res)
    local status, message = table.unpack(expected)
    assert(res.status == status, ("%s instead of %s: %s"):format(res.status, status, res.text))
    assert(res.value.SUCCESS == (status == 200), res.text)
    assert(status == 200 or res.value.ERR_MSG == message,
        ("%q instead of %q"):format(tostring(res.value.ERR_MSG), tostring(message)))
end

--- Checks an answer against the fault of what was sent, if it has one.
function support.judge(fault, res)
    support.check(fault and { 400, "Input Error: " .. fault } or { 200 }, res)
end

--- Rows 1 to count.
function support.rows(count, make)
    local list = json.array {}
    for i = 1, count do list[i] = make(i) end
    return list
end

return support
