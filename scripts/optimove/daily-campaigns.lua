-- Saves a day's campaigns: waits until Optimove has the day's data, then writes one file per campaign with its
-- customers, and at last manifest.json with what there is. A manifest that is there is complete.
--
--   neap run optimove/daily-campaigns --date 2025-12-31 --out . --sandbox

local CUSTOMERS = "GetCustomerExecutionDetailsByCampaign"

--- The day up to which Optimove has data; false where it cannot say for now.
local function last_update(optimove)
    local update, err = optimove:GetLastDataUpdate {}
    if update then return tostring(update.Date):match "^%d%d%d%d%-%d%d%-%d%d" or false end
    if not err.retryable then return nil, err end
    neap.log.info("Optimove does not answer, asking again later", { error = tostring(err) })
    return false
end

--- Waits until the data of a day is there. -> day of the last update
local function await_data(optimove, args, date)
    local seen, is_told
    local update, err = neap.poll({ every = args.check_every, total = args.give_up_after }, function()
        local day, failed = last_update(optimove)
        if day == nil then return nil, failed end
        seen = day or seen
        if day and day >= date then return day end
        if not is_told then neap.log.info("waiting for the day's data", { date = date, last_update = seen }) end
        is_told = true
        return false
    end)
    if update then return update end
    if err.kind ~= "timeout" or err.vendor then error(err, 0) end
    neap.error.raise("timeout", "the data of %s was not there after %g s, the last is of %s; --give-up-after waits "
        .. "longer", date, args.give_up_after, seen or "nobody knows when")
end

--- The channels of a campaign; of older tenants, whose details have none, all channels there are.
local function channels_of(optimove, details)
    local ids = {}
    for i, channel in ipairs(details.Channels or {}) do ids[i] = channel.Id end
    if ids[1] then return ids end
    for i, channel in ipairs(assert(optimove:GetExecutionChannels {})) do ids[i] = channel.ChannelID end
    return ids
end

--- Iterates over the customers of a campaign, channel by channel, and counts them.
local function customers_of(optimove, id, channels)
    return coroutine.wrap(function()
        for _, channel in ipairs(channels) do
            for customer in optimove:each(CUSTOMERS, { CampaignID = id, ChannelID = channel.id }) do
                channel.count = channel.count + 1
                coroutine.yield(customer)
            end
        end
    end)
end

local function id_of(campaign) return math.tointeger(campaign.CampaignID) end -- a text with some tenants

local function file_of(campaign) return ("campaign-%d.ndjson"):format(id_of(campaign)) end

--- Makes way in a directory: takes away the manifest of an earlier run, then what that one lists and this run
-- does not write.
local function clear(manifest, dir, campaigns)
    local earlier, kept = neap.export.read_document(manifest), {}
    for _, campaign in ipairs(campaigns) do kept[file_of(campaign)] = true end
    neap.export.remove(manifest)
    if type(earlier) ~= "table" or type(earlier.campaigns) ~= "table" then return end
    for _, entry in ipairs(earlier.campaigns) do
        local file = type(entry) == "table" and entry.file
        if type(file) == "string" and file:find "^campaign%-%d+%.ndjson$" and not kept[file] then
            neap.export.remove(dir .. "/" .. file)
        end
    end
end

--- Saves a campaign. -> its entry in the manifest
local function save_campaign(optimove, campaign, dir)
    local id = id_of(campaign)
    local details = assert(optimove:GetCampaignDetails { CampaignID = id })
    if details == neap.null then details = campaign end
    local channels = {}
    for i, channel in ipairs(channels_of(optimove, details)) do
        local sends = assert(optimove:GetExecutedCampaignChannelDetails { CampaignID = id, ChannelID = channel })
        channels[i] = { id = channel, count = 0, sends = sends }
    end
    local file = file_of(campaign)
    local saved = neap.export.write(customers_of(optimove, id, channels), { out = dir .. "/" .. file })
    return { id = id, file = file, count = saved.records, status = campaign.Status, details = details,
        channels = neap.json.array(channels) }
end

return neap.workflow {
    summary = "Save the campaigns of a day at Optimove, with their customers",
    description = "manifest.json is written last: date, data_update (the last update at the start and at the end), "
        .. "and campaigns: id, file, count, status, details, channels.",
    vendors = { "optimove" },
    args = {
        { "date", type = "date", doc = "the day of execution; default yesterday" },
        { "out", type = "path", required = true, doc = "directory to write to; made if need be" },
        { "check_every", type = "duration", min = 1, default = "10m", doc = "between questions whether there is data" },
        { "give_up_after", type = "duration", default = "24h", doc = "then the data counts as never there" },
    },
    run = function(ctx, args)
        local optimove, date = ctx:vendor "optimove", args.date or neap.day(-1)
        if date > neap.day(0) then
            neap.error.raise("invalid", "--date %s: that day is still to come", date)
        end
        local manifest = args.out .. "/manifest.json"
        assert(neap.make_dir(args.out))
        assert(neap.can_save(manifest))
        local before, customers, campaigns = await_data(optimove, args, date), 0, neap.json.array {}
        local executed = assert(optimove:GetExecutedCampaignDetails { Date = date })
        clear(manifest, args.out, executed)
        for i, campaign in ipairs(executed) do
            campaigns[i] = save_campaign(optimove, campaign, args.out)
            customers = customers + campaigns[i].count
        end
        local after = await_data(optimove, args, date)
        if after ~= before then
            neap.log.warn("the data was updated meanwhile: pages may have moved", { before = before, after = after })
        end
        local saved = neap.export.document(manifest, {
            date = date, campaigns = campaigns,
            data_update = { before = before, after = after, changed = after ~= before },
        })
        return { date = date, campaigns = #campaigns, customers = customers, manifest = saved }
    end,
}
