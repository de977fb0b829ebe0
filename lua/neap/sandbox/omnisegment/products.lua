--- Products of the OmniSegment simulator: checks, ids of several systems, what an import leaves.

local check = require "neap.sandbox.omnisegment.check"
local date = require "neap.lang.date"
local json = require "neap.native.json"
local reply = require "neap.sandbox.omnisegment.reply"

local M = {}

local TEXT_LIMIT = 256 -- characters of a custom field
local MAX_LEVELS = 3 -- of one product type

local system_ids = check.map(check.text)

--- An id, or one per system.
local function id(value, name)
    if type(value) == "string" then return nil end
    if not check.is_object(value) or not next(value) then
        return name .. " should be a string or an object of ids"
    end
    local fault = system_ids(value, name)
    for _, system in ipairs(fault and {} or check.sorted_names(value)) do
        if value[system] == "" then return ("%s.%s is empty"):format(name, system) end
    end
    return fault
end

--- "999", "999.5", "999 TWD".
local function price(value, name)
    local amount = type(value) == "string" and (value:match "^(%S+) %u%u%u$" or value)
    if amount and (amount:find "^%d+$" or amount:find "^%d+%.%d+$") then return nil end
    return name .. " should be a number, or a number, a blank and a currency code"
end

local function is_moment(text)
    local read = date.datetime(text)
    return read and read.separator == "T" and read.zone_form == "+08:00"
end

--- Two date-times with zones like +08:00, joined by a slash.
local function period(value, name)
    local from, to
    if type(value) == "string" then from, to = value:match "^([^/]+)/([^/]+)$" end
    if not from or not is_moment(from) or not is_moment(to) then
        return name .. " should be two date-times with offset, joined by one slash"
    end
end

--- "Food>Toys/Cats/Mice": several, each with up to three levels.
local function product_type(value, name)
    if type(value) ~= "string" then return name .. " should be a string" end
    for one in value:gmatch "[^>]+" do
        local _, slashes = one:gsub("/", "")
        if slashes >= MAX_LEVELS then return name .. " should have at most 3 levels" end
    end
end

local PRODUCT = check.record {
    { "id", id, required = true },
    { "title", check.text, required = true },
    { "link", check.link, required = true },
    { "availability", check.text, required = true },
    { "image_link", check.text, required = true },
    { "price", price, required = true },
    { "brand", check.text },
    { "sale_price", price }, { "sale_price_effective_date", period },
    { "product_type", product_type }, { "item_group_id", check.text },
    { "additional_image_link", check.list(check.object {
        { "name", check.text }, { "link", check.text, required = true },
    }) },
    { "customfield_ignore_empty_value", check.boolean },
    custom = check.custom(TEXT_LIMIT),
}

---@class neap.sandbox.omnisegment.Products
---@field list table[]
---@field ids table<string, table> default id -> product
---@field aliases table<string, table<string, table>> system -> id -> product
local Products = {}
Products.__index = Products

function M.new()
    return setmetatable({ list = json.array {}, ids = {}, aliases = {} }, Products)
end

function Products:all() return self.list end

function Products:count() return #self.list end

function Products:find_alias(system, value)
    return (self.aliases[system] or {})[value]
end

--- Gets a product by its id, or by "SYSTEM:ID".
function Products:get(key)
    local system, value = key:match "^([^:]*):(.*)$"
    return self.ids[key] or system and self:find_alias(system, value) or nil
end

local function default_id(value)
    if type(value) == "table" then return value.default end
    return value
end

--- Finds a product: by the default id; else by another system's, unless that product has another
-- default id.
function Products:find(sent)
    local wanted = default_id(sent)
    if wanted and self.ids[wanted] then return self.ids[wanted] end
    for _, system in ipairs(type(sent) == "table" and check.sorted_names(sent) or {}) do
        local product = self:find_alias(system, sent[system])
        if product and not (wanted and default_id(product.id)) then return product end
    end
end

--- Ids of all systems that are known of a product: a string while there is only the default one.
local function merge_ids(stored, sent)
    if type(stored) ~= "table" and type(sent) ~= "table" then return sent end
    local ids = {}
    for _, value in ipairs { stored or {}, sent } do
        if type(value) == "string" then value = { default = value } end
        for system, text in pairs(value) do ids[system] = text end
    end
    return ids
end

function Products:index(product)
    local ids = product.id
    if type(ids) == "string" then ids = { default = ids } end
    for system, value in pairs(ids) do
        local by_id = system == "default" and self.ids or self.aliases[system] or {}
        if system ~= "default" then self.aliases[system] = by_id end
        by_id[value] = product
    end
end

--- Puts a row over what is there. Custom fields without a value are skipped, or with
-- customfield_ignore_empty_value false cleared; that word itself is not stored.
function Products:put(row)
    local product = self:find(row.id)
    if not product then
        product = { imports = 0 }
        self.list[#self.list + 1] = product
    end
    local ids = merge_ids(product.id, row.id)
    for name, value in pairs(row) do
        local is_empty = check.is_empty(value)
        if not is_empty then product[name] = value end
        if is_empty and row.customfield_ignore_empty_value == false then product[name] = nil end
    end
    product.id, product.customfield_ignore_empty_value = ids, nil
    product.imports = product.imports + 1
    self:index(product)
end

local OPTIONS = check.record { { "site", check.text, nullable = true } }

local OK = json.object({ status = "OK" }, { "status" })

function M.import(sim, _, body)
    local fault = OPTIONS(body, "body") or PRODUCT(body.data, "data")
    if fault then return reply.refuse(fault) end
    sim.products:put(body.data)
    return reply.ok(OK)
end

return M
