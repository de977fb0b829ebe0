--- The two sides of a map: what "vendor.endpoint" and "vendor.endpoint.parameter" say of the records that come,
-- and of those that are wanted.

local compile = require "neap.schema.compile"
local errors = require "neap.error"
local names = require "neap.schema.names"
local record = require "neap.vendor.record"
local registry = require "neap.registry"
local settings = require "neap.settings"
local suggest = require "neap.suggest"
local types = require "neap.schema.types"

local M = {}

---@class neap.MapSide
---@field label string "omnisegment.import_audience.data"
---@field object? neap.CompiledField the record's type; nil: unknown
---@field any_case boolean names mean declared ones whatever their letter case
---@field options neap.CheckOptions for names
---@field endpoint neap.Endpoint
---@field prefix string of the parameter, "data."; "" where a record is all parameters

--- Finds the endpoint of a text. -> model, endpoint, the rest of the text or nil; or nil, message
local function find(text)
    local vendor, name, rest = text:match "^([^.]+)%.([^.]+)%.?(.*)$"
    if not vendor then return nil, ("%q is no vendor.endpoint"):format(text) end
    local found, model = pcall(registry.load, vendor)
    if not found then
        local err = errors.from(model)
        return nil, err.hint and ("%s, %s"):format(err.message, err.hint) or err.message
    end
    local declared = model.endpoints[name] and name or model.folded and model.folded[name:lower()]
    if not declared then
        local hint = suggest.hint(name, model.endpoint_names)
        return nil, ("%s has no endpoint %q%s"):format(vendor, name, hint and ", " .. hint or "")
    end
    return model, model.endpoints[declared], rest ~= "" and rest or nil
end

--- Custom fields that are meant though near to declared ones, as the user's settings have them; nil where the vendor
-- has no such setting.
local function custom_fields(model)
    for _, field in ipairs(model.settings) do
        if field[1] == "custom_fields" then return settings.custom_fields(settings.value(model, field[1])) end
    end
end

local function new(model, endpoint, way)
    return {
        label = ("%s.%s%s"):format(model.name, endpoint.name, way and "." .. way or ""),
        any_case = model.any_case, endpoint = endpoint, prefix = way and way .. "." or "",
        options = { any_case = model.any_case },
    }
end

--- The type of records with more members, which are texts. -> type | nil, message
local function with_members(side, members)
    local object, fields = side.object, {}
    for i, field in ipairs(object.fields) do
        fields[i] = { field.name }
        for key, value in pairs(field.spec) do
            if key ~= 1 then fields[i][key] = value end
        end
    end
    for _, name in ipairs(members) do
        local known = names.resolve(object, name, side.options)
        if known and not known.custom then return nil, ("the records have a member %q anyway"):format(name) end
        fields[#fields + 1] = { name, type = "string" }
    end
    local ok, made = pcall(compile.field, { type = "object", fields = fields, open = object.open }, "", "", "from")
    if ok then return made end
    return nil, (tostring(made):gsub("^from: ", ""))
end

--- Finds the side that records come from; "vendor.endpoint.member" are those within a member of the answer.
---@param text string
---@param members string[] texts that a script adds to the records
---@return neap.MapSide|nil side
---@return string? message
function M.source(text, members)
    local side, message = M.answer(text)
    if not side or not members[1] or not (side.object and side.object.fields) then return side, message end
    side.object, message = with_members(side, members)
    return side.object and side or nil, message
end

--- Finds what an endpoint answers with.
---@param text string
---@return neap.MapSide|nil side
---@return string? message
function M.answer(text)
    local model, endpoint, way = find(text)
    if not model then return nil, endpoint end
    local side = new(model, endpoint, way)
    if not way or type(endpoint.returns) ~= "table" then
        side.object = not way and record.of(endpoint) or nil
        return side
    end
    local field = record.enter(endpoint.returns, way, side.options)
    side.object = field and names.object_of(field, true)
    if side.object then return side end
    return nil, ("%s.%s returns no member %q that holds records"):format(model.name, endpoint.name, way)
end

--- Finds the side that records go to. Fields of a parameter's object, or of the objects of its list.
---@async
---@param text string
---@return neap.MapSide|nil side
---@return string? message
function M.target(text)
    local model, endpoint, way = find(text)
    if not model then return nil, endpoint end
    local side = new(model, endpoint, way)
    side.object, side.options.custom_fields = endpoint.params.root, custom_fields(model)
    if not way then return side end
    local field = record.enter(endpoint.params.root, way, side.options)
    if not field then
        local near = names.nearest(endpoint.params.root, way)
        return nil, ("%s.%s has no parameter %q%s"):format(model.name, endpoint.name, way,
            near and (', did you mean "%s"?'):format(near) or "")
    end
    side.object = names.object_of(field, true)
    if side.object or field.type == "any" then return side end
    return nil, ("%s (%s) holds no object"):format(side.label, types.name(field))
end

return M
