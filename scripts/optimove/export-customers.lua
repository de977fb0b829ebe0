-- Saves what a paged function of Optimove lists: customers of an action, of a target group, of a campaign, ...
-- Each name given with --attributes becomes a column of its own, in this order.
--
--   neap run optimove/export-customers --function GetCustomersByAction --param RecipientGroupID=1 \
--       --param ActionID=2 --param Date=2018-03-01 --attributes Country --out customers.csv --sandbox

--- The parameters as texts, the attributes among them.
local function words_of(args)
    local words = table.move(args.param or {}, 1, #(args.param or {}), 1, {})
    for _, name in ipairs(args.attributes or {}) do words[#words + 1] = "CustomerAttributes=" .. name end
    if args.delimiter then words[#words + 1] = "CustomerAttributesDelimiter=" .. args.delimiter end
    return words
end

local function split(text, delimiter)
    local parts = {}
    if text == "" then return parts end
    for part in (text .. delimiter):gmatch(("([^%s]*)%s"):format(delimiter, delimiter)) do parts[#parts + 1] = part end
    return parts
end

--- The values of a record's attributes: they come as a list, or as one text.
local function values_of(record, names, delimiter)
    local values = record.CustomerAttributes
    if values == nil then values = record.CustomerAttribute end
    if values == nil or values == neap.null then return {} end
    if type(values) == "string" then values = #names == 1 and { values } or split(values, delimiter) end
    if #values == #names then return values end
    neap.error.raise("decode", "customer %s: %d values for %d attributes; with another --delimiter, one that no value "
        .. "has, they can be told apart", record.CustomerID, #values, #names)
end

--- The record with a member for each attribute.
local function spread(record, names, delimiter)
    local plain = setmetatable({}, getmetatable(record))
    for name, value in pairs(record) do
        if not name:lower():find "^customerattributes?$" then plain[name] = value end
    end
    local values = values_of(record, names, delimiter)
    for i, name in ipairs(names) do plain[name] = values[i] end
    return plain
end

--- The columns of CSV: what the function answers with, and the attributes. Raises where a name is both.
local function columns_of(answer, names)
    local columns, taken = {}, {}
    local function add(name)
        if taken[name] then neap.error.raise("invalid", "attribute %s: there is another column of this name", name) end
        columns[#columns + 1], taken[name] = name, true
    end
    for _, name in ipairs(answer or {}) do
        if name ~= "CustomerAttributes" then add(name) end
    end
    for _, name in ipairs(names) do add(name) end
    return answer and columns
end

return neap.workflow {
    summary = "Save what a paged function of Optimove lists",
    description = "neap describe optimove lists the functions, neap describe optimove.FUNCTION the parameters of one. "
        .. "CSV has the columns that are listed there, or those of the map.",
    vendors = { "optimove" },
    args = {
        { "function", type = "string", required = true, doc = "its name, such as GetCustomersByAction" },
        { "param", type = "list", of = { type = "string" },
            doc = "name=value, such as Date=2018-03-01; may be repeated" },
        { "attributes", type = "list", of = { type = "string", min_length = 1 },
            doc = "name of a customer attribute, or several joined by semicolons; may be repeated" },
        { "delimiter", type = "string", doc = "between the values of attributes where they come as one text: one of "
            .. "comma, colon, semicolon, tab" },
        { "format", values = { "json", "xml" }, doc = "asked of Optimove; what is saved is the same" },
        { "map", type = "path", doc = "Lua file with a map: what becomes of a record. It sees what the function "
            .. "answers with: attributes are in CustomerAttributes, in their order" },
        { "out", type = "path", required = true, doc = ".ndjson or .csv to write, whole or not at all; - is stdout" },
    },
    run = function(ctx, args)
        local optimove = ctx:vendor("optimove", args.format and { accept = args.format })
        local listing = neap.export.listing(optimove, args["function"], words_of(args))
        local map = args.map and neap.mapping(args.map, { from = "optimove." .. listing.name })
        local names = map and {} or split(listing.wire.CustomerAttributes or "", ";")
        local delimiter = listing.wire.CustomerAttributesDelimiter or ","
        local columns = not map and columns_of(listing.columns, names) or nil
        local next_record, _, _, _ <close> = optimove:each(listing.name, listing.params)
        local function next_spread()
            local record = next_record()
            return record and spread(record, names, delimiter)
        end
        local records = names[1] and next_spread or next_record
        return neap.export.write(records, { out = args.out, columns = columns, map = map })
    end,
}
