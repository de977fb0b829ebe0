-- Changes attributes of customers: the column CustomerID, and one column per attribute, named after its
-- RealFieldName. A thousand customers travel in one call; those of one customer keep their order.
--
--   neap run optimove/update-attributes --file scripts/optimove/samples/attributes.csv --sandbox

local MOST = 10 -- attributes of a customer in one call

local LIST = "CustomerNewAttributesValuesList"

--- Has an empty cell for each attribute: there is nothing to change.
local function is_idle(row)
    for name in pairs(row) do
        if name ~= "CustomerID" then return false end
    end
    return row.CustomerID ~= nil and row.CustomerID ~= "" and row.CustomerID ~= neap.null
end

--- The attributes of a row in groups that a call can take; there is one group at least.
local function groups_of(row)
    local names, groups = {}, { {} }
    for name in pairs(row) do
        if name ~= "CustomerID" then names[#names + 1] = name end
    end
    table.sort(names)
    for _, name in ipairs(names) do
        if #groups[#groups] == MOST then groups[#groups + 1] = {} end
        table.insert(groups[#groups], { RealFieldName = name, Value = row[name] })
    end
    return groups
end

--- Names what a call refuses by the columns of the row.
local function by_column(err, attributes)
    return neap.error.rename(err, function(path)
        local own = path:match("^" .. LIST .. "%[1%]%.(.+)$")
        local at = own and own:match "^Attributes%[(%d+)%]"
        return at and attributes[math.tointeger(at)].RealFieldName or own
    end)
end

return neap.workflow {
    summary = "Change attributes of customers at Optimove",
    description = "neap call optimove GetCustomerAttributeList shows the names of the attributes. Values that do not "
        .. "fit are told to --callback-url only, up to a minute later.",
    vendors = { "optimove" },
    args = {
        { "file", type = "path", required = true,
            doc = "CSV with the column CustomerID and one per attribute, NDJSON, or a dead-letter file; - is stdin" },
        { "callback_url", type = "url", doc = "is told the result of each call" },
        { "keep_empty", type = "boolean", doc = "empty cells overwrite with \"\" instead of leaving the value alone" },
        { "concurrency", type = "integer", min = 1, max = 10000, default = 8, doc = "calls under way at once" },
        { "dead_letters", type = "path", doc = "default FILE.dead.ndjson" },
    },
    run = function(ctx, args)
        local optimove = ctx:vendor "optimove"
        local rows = neap.records(args.file, nil, { keep_empty = args.keep_empty, required = { "CustomerID" } })
        return ctx:deliver(rows, function(row)
            if is_idle(row) then return true end
            local done, err
            for _, attributes in ipairs(groups_of(row)) do
                done, err = optimove:UpdateCustomerAttributes {
                    [LIST] = { { CustomerID = row.CustomerID, Attributes = attributes } },
                    CallbackURL = args.callback_url,
                }
                if done == nil then return nil, by_column(err, attributes) end
            end
            return done
        end, { batch = true })
    end,
}
