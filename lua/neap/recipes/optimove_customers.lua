--- Customers of Optimove for the recipes that send them elsewhere: which list they are in, their attributes as
-- members of their own, and how to go on after an early end.

local concurrency = require "neap.concurrency"
local errors = require "neap.error"
local json = require "neap.native.json"
local log = require "neap.native.log"
local progress = require "neap.progress"
local records = require "neap.records"

local M = {}

--- The lists that the options name: those that have to be given, and the parameters of the function.
local LISTS = {
    { options = { "recipient_group", "action", "date" }, name = "GetCustomersByAction",
        params = function(args)
            return { RecipientGroupID = args.recipient_group, ActionID = args.action, Date = args.date }
        end },
    { options = { "campaign", "channel" }, name = "GetCustomerExecutionDetailsByCampaign",
        params = function(args) return { CampaignID = args.campaign, ChannelID = args.channel } end },
}

local function refuse(format, ...)
    error(errors.new { kind = "invalid", usage = true, message = format:format(...) }, 0)
end

local function options_text(names)
    local texts = {}
    for i, name in ipairs(names) do texts[i] = "--" .. name:gsub("_", "-") end
    return table.concat(texts, ", ")
end

--- Options that are given, and those of the same list that are not.
local function sort_out(list, args)
    local given, missing = {}, {}
    for _, name in ipairs(list.options) do
        table.insert(args[name] ~= nil and given or missing, name)
    end
    return given, missing
end

--- The list that is asked for; nil with --file. Raises where the options name none, a part of one, or two.
local function list_of(args)
    local found, chosen = args.file and "--file" or nil, nil
    for _, list in ipairs(LISTS) do
        local given, missing = sort_out(list, args)
        if given[1] and found then refuse("%s: not together with %s", options_text(given), found) end
        if given[1] and missing[1] then
            refuse("%s: required with %s", options_text(missing), options_text(given))
        end
        if given[1] then found, chosen = options_text(given), list end
    end
    if not found then
        refuse("whose customers? %s; or %s; or --file", options_text(LISTS[1].options), options_text(LISTS[2].options))
    end
    if args.file and args.skip then refuse "--skip: not together with --file" end
    return chosen
end

-- Attributes ------------------------------------------------------------------------------------

local function split(text, delimiter)
    local parts = {}
    for part in (text .. delimiter):gmatch(("([^%s]*)%s"):format(delimiter, delimiter)) do parts[#parts + 1] = part end
    return parts
end

--- Is it the member that has the values of attributes? Older tenants call it otherwise.
local function is_attributes(name)
    return name:lower():find "^customerattributes?$" ~= nil
end

--- The values of attributes: a list, or of older tenants one text.
local function values_of(record, count, delimiter)
    local values
    for name, value in pairs(record) do
        if is_attributes(name) then values = value end
    end
    if type(values) == "string" then return count == 1 and { values } or split(values, delimiter) end
    return json.is_array(values) and values or {}
end

--- The record with a member for each attribute. -> record | nil, err
local function spread(record, names, delimiter)
    if not names[1] then return record end
    local plain, values = setmetatable({}, getmetatable(record)), values_of(record, #names, delimiter)
    for name, value in pairs(record) do
        if not is_attributes(name) then plain[name] = value end
    end
    if #values ~= #names then
        return nil, errors.new {
            kind = "decode", outcome = "not_sent",
            message = ("customer %s: %d values for %d attributes"):format(record.CustomerID, #values, #names),
            hint = "with another --delimiter, one that no value has, they can be told apart",
        }
    end
    for i, name in ipairs(names) do plain[name] = values[i] end
    return plain
end

--- The same of a record of an earlier run, whose attributes are members already unless they could not be told apart.
local function spread_late(record, names, delimiter)
    for name in pairs(record) do
        if is_attributes(name) then return spread(record, names, delimiter) end
    end
    return record
end

-- The list --------------------------------------------------------------------------------------

--- The day up to which Optimove has data. -> day, nil where it says none | nil, err
local function last_update(optimove)
    local update, err = optimove:GetLastDataUpdate {}
    if not update then return nil, err end
    return tostring(update.Date):match "^%d%d%d%d%-%d%d%-%d%d"
end

--- Raises for a day of which there is no data yet: its list would be empty.
local function check_date(date, last)
    if date and last and date > last then
        errors.raise("rejected", "--date %s: Optimove has data up to %s", date, last)
    end
end

local DELIMITERS = { comma = ",", colon = ":", semicolon = ";", tab = "\t" }

local function delimiter_of(args) return DELIMITERS[args.delimiter or "comma"] end

local function params_of(list, args, names)
    local params = list.params(args)
    if names[1] then params.CustomerAttributes = names end
    params.CustomerAttributesDelimiter = args.delimiter and DELIMITERS[args.delimiter]
    params["$skip"] = args.skip
    return params
end

---@class neap.recipes.Customers a source of ctx:deliver
---@field next_record fun(): table?
---@field at integer place in the list of the customer that was read last
---@field is_read boolean there are no more
local Customers = { is_stream = true }
Customers.__index = Customers

--- -> customer, its place in the list, err: its attributes cannot be told apart | nil, nil, err | nil
---@async
function Customers:next()
    local ok, record = pcall(self.next_record)
    if not ok and not errors.is(record) then error(record, 0) end
    if not ok then return nil, nil, record end
    self.is_read = record == nil
    if record == nil then return nil end
    self.at = self.at + 1
    local plain, err = spread(record, self.names, self.delimiter)
    return plain or record, self.at, err
end

--- How to go on: what was read and not delivered is among the dead letters, the rest is still to be read.
local function resume(customers)
    return function(summary)
        local parts = {}
        if summary.dead_letters then parts[1] = "--file " .. summary.dead_letters end
        if not customers.is_read and customers.at > 0 then parts[#parts + 1] = "--skip " .. customers.at end
        return parts[1] and table.concat(parts, ", then ")
    end
end

--- Seconds that the answer to a question at the end may take: all is delivered.
local PATIENCE_S = 60

--- Warns where a list of several pages may have been another one for the later pages.
local function check_update(optimove, before)
    local after, err = concurrency.deadline(PATIENCE_S, last_update, optimove)
    if err then
        log.write("warn", "Optimove does not say whether it updated its data meanwhile", { error = tostring(err) })
    elseif after ~= before then
        log.write("warn", "Optimove updated its data meanwhile: pages may have moved, run it again",
            { before = before, after = after })
    end
end

--- Tells of a list that has been read to its end, and had no customers.
local function tell_empty(customers, skip)
    if not customers.is_read or customers.at > skip then return end
    progress.say(skip == 0 and "the list has no customers"
        or ("the list has no more customers after the first %d, which --skip left out"):format(skip))
end

--- Delivers the customers of a list.
---@async
local function deliver_list(ctx, list, map, send, opts)
    local args, optimove = ctx.args, ctx:vendor "optimove"
    local skip = args.skip or 0
    local before, unknown = last_update(optimove)
    if unknown then return nil, unknown end
    check_date(args.date, before)
    local next_record, _, _, _ <close> = optimove:each(list.name, params_of(list, args, map.members),
        { size = args.page_size })
    local customers = setmetatable({
        next_record = next_record, names = map.members, delimiter = delimiter_of(args),
        at = skip, is_read = false,
    }, Customers)
    opts.resume = resume(customers)
    local summary, err = ctx:deliver(customers, send, opts)
    tell_empty(customers, skip)
    local has_pages = customers.at - skip >= args.page_size
    if summary and not summary.ended and has_pages then check_update(optimove, before) end
    return summary, err
end

-- A file --------------------------------------------------------------------------------------

--- Makes records tell how far they were read: `count` of them, `is_read` to the end, or `is_broken`.
local function watch(rows)
    local next_record = rows.next
    rows.count, rows.is_read, rows.is_broken = 0, false, false
    function rows:next()
        local record, line, err = next_record(self)
        if record ~= nil then
            self.count = self.count + 1
        else
            self.is_read, self.is_broken = err == nil, err ~= nil
        end
        return record, line, err
    end
    return rows
end

--- How to go on with a file: dead letters have all that was not delivered, also what was not read; not that of
-- standard input, nor what is behind a place where the file cannot be read.
local function resume_file(rows)
    return function(summary)
        local parts = {}
        if summary.dead_letters then parts[1] = "--file " .. summary.dead_letters end
        if not rows.is_read and (rows.is_stream or rows.is_broken) then
            parts[#parts + 1] = ("the records of %s after the first %d"):format(
                rows.is_stream and "standard input" or rows.path, rows.count)
        end
        return parts[1] and table.concat(parts, ", then ")
    end
end

---@async
local function deliver_file(ctx, send, opts)
    local rows = watch(records.open(ctx.args.file))
    opts.resume = resume_file(rows)
    return ctx:deliver(rows, send, opts)
end

--- Delivers the customers that the args name: recipient_group, action, date; or campaign, channel; or file, a
-- file of such records, as dead letters are. Others of its args: delimiter, page_size, skip.
---@async
---@param ctx neap.Context
---@param map neap.Mapping its members are the attributes that are asked for
---@param send fun(mapped: table): any, neap.Error? makes the call
---@param opts? { batch?: boolean } of ctx:deliver
---@return neap.Summary|nil
---@return neap.Error? err
function M.deliver(ctx, map, send, opts)
    local function deliver_one(customer)
        local mapped, err = map(customer)
        if not mapped then return nil, err end
        return send(mapped)
    end
    local function deliver_late(customer)
        local plain, err = spread_late(customer, map.members, delimiter_of(ctx.args))
        if not plain then return nil, err end
        return deliver_one(plain)
    end
    local list, unseen = list_of(ctx.args), map:watch()
    local summary, err
    if list then
        summary, err = deliver_list(ctx, list, map, deliver_one, opts or {})
    else
        summary, err = deliver_file(ctx, deliver_late, opts or {})
    end
    unseen:warn()
    return summary, err
end

return M
