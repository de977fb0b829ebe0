--- The Optimove simulator's functions for mail: who has unsubscribed from a brand, and transactional mail.

local calendar = require "neap.sandbox.optimove.calendar"
local json = require "neap.native.json"
local reply = require "neap.sandbox.optimove.reply"

local M = {}

--- Brands, and how many addresses have unsubscribed from each before the sandbox began: one an hour.
local BRANDS = { ["1"] = 12000, ["2"] = 30 }
local HOUR_S = 3600

--- Templates of transactional mail: their names and the personalisation tags in them.
local TEMPLATES = {
    { "Welcome", {} }, { "Receipt", { "FIRST_NAME" } }, { "Reset & confirm", { "FIRST_NAME", "LINK" } },
}

function M.new()
    local unsubscribers = {}
    for brand in pairs(BRANDS) do unsubscribers[brand] = { added = {}, order = {}, removed = {} } end
    return { unsubscribers = unsubscribers, mails = json.array {}, message_ids = {} }
end

-- Unsubscribers.

local function built_in(brand, i) return ("gone%d-%s@example.com"):format(i, brand) end

--- The place of an address that was there from the beginning.
local function place_of(brand, address)
    local i, owner = address:match "^gone(%d+)%-(%w+)@example%.com$"
    i = math.tointeger(tonumber(i))
    return owner == brand and i and i >= 1 and i <= BRANDS[brand] and i or nil
end

--- Iterates over a brand's unsubscribers: address, Unix time.
local function each(sim, brand)
    local state, i = sim.mail.unsubscribers[brand], 0
    return function()
        while true do
            i = i + 1
            local later = i - BRANDS[brand]
            local address = later <= 0 and built_in(brand, i) or state.order[later]
            if not address then return nil end
            local at = later <= 0 and calendar.FIRST * 86400 + i * HOUR_S or state.added[address]
            if at and not state.removed[address] then return address, at end
        end
    end
end

local FIELDS = { "Email", "UnsubscribedTime" }

function M.unsubscribers(sim, call)
    local params = call.params
    if not BRANDS[params.BrandID] then return reply.rows(call, "Unsubscriber", FIELDS, {}) end
    local from = params.StartDate and calendar.number(params.StartDate) * 86400 or 0
    local to = params.EndDate and (calendar.number(params.EndDate) + 1) * 86400 or math.huge
    if to <= from then return reply.text(400, "Invalid parameter EndDate: before StartDate") end
    local skip, left = call.skip, call.top
    local next_one = each(sim, params.BrandID)
    return reply.list(call, "Unsubscriber", FIELDS, function()
        for address, at in next_one do
            if left <= 0 then return nil end
            if at >= from and at < to then
                if skip == 0 then
                    left = left - 1
                    return { address, os.date("!%Y-%m-%d %H:%M:%S", at) }
                end
                skip = skip - 1
            end
        end
    end)
end

local function is_address(text) return text:find "^[^@%s]+@[^@%s]+%.[^@%s]+$" ~= nil end

local function error_answer(call, message)
    return reply.object(call, "Result", { "Error" }, { message or json.null })
end

local function add(sim, brand, address)
    local state = sim.mail.unsubscribers[brand]
    state.removed[address] = nil
    if place_of(brand, address) or state.added[address] then return end
    state.added[address] = sim.env.wall_ms() // 1000
    state.order[#state.order + 1] = address
end

function M.add_unsubscribers(sim, call)
    local brand = call.body.BrandId
    if not BRANDS[brand] then return error_answer(call, "Invalid brand") end
    local addresses = call.body.EmailAddresses
    for _, address in ipairs(addresses) do
        if not is_address(address) then return error_answer(call, "Invalid email") end
    end
    for _, address in ipairs(addresses) do add(sim, brand, address:lower()) end
    return error_answer(call)
end

function M.delete_unsubscriber(sim, call)
    local brand, address = call.body.BrandId, call.body.EmailAddress:lower()
    if not BRANDS[brand] then return reply.text(404, "Unknown brand ID") end
    if not is_address(address) then return error_answer(call, "Invalid email") end
    if place_of(brand, address) or sim.mail.unsubscribers[brand].added[address] then
        sim.mail.unsubscribers[brand].removed[address] = true
    end
    return error_answer(call)
end

--- The addresses that a brand has now, for the snapshot.
function M.addresses(sim, brand)
    local list = json.array {}
    if BRANDS[brand] then
        for address in each(sim, brand) do list[#list + 1] = address end
    end
    return list
end

-- Transactional mail.

local RESULT = { "IsSuccess", "SendID", "Error" }

local function result(call, status, send_id, message)
    local res = reply.object(call, "SendResult", RESULT, {
        tostring(send_id ~= nil), send_id or json.null, message or json.null,
    })
    res.status = status
    return res
end

--- Is a tag named anywhere in the personalisations, as a key or as a value?
local function mentions(value, tag)
    if type(value) == "string" then return value:lower() == tag:lower() end
    if type(value) ~= "table" then return false end
    for key, member in pairs(value) do
        if type(key) == "string" and key:lower() == tag:lower() or mentions(member, tag) then return true end
    end
    return false
end

--- Has every recipient a value for a tag, or the mail one for all?
local function has_tag(body, tag)
    if mentions(body.Personalizations, tag) then return true end
    for _, recipient in ipairs(body.Recipients) do
        if not mentions(recipient.Personalizations, tag) then return false end
    end
    return true
end

local function missing_tags(tags, body)
    local missing = {}
    for _, tag in ipairs(tags) do
        if not has_tag(body, tag) then missing[#missing + 1] = tag end
    end
    return missing
end

--- Whether both functions share their ids is not told: here they do not.
local function message_key(call) return call.entry.name .. " " .. call.body.UniqueMessageID end

local function keep(sim, call)
    local mail, body = sim.mail, call.body
    mail.mails[#mail.mails + 1] = body
    if body.UniqueMessageID then mail.message_ids[message_key(call)] = true end
    return ("mail-%d"):format(#mail.mails)
end

local function is_repeat(sim, call)
    return call.body.UniqueMessageID ~= nil and sim.mail.message_ids[message_key(call)] == true
end

local REPEATED = "Request for this UniqueMessageID has succeeded before"

function M.send(sim, call)
    if is_repeat(sim, call) then return reply.text(409, REPEATED) end
    local template = TEMPLATES[call.body.TemplateID]
    if not template then return result(call, 200, nil, "Invalid template") end
    local missing = missing_tags(template[2], call.body)
    local send_id = keep(sim, call)
    if #missing == 0 then return result(call, 200, send_id) end
    return result(call, 206, send_id, "Missing personalization tags: " .. table.concat(missing, ", "))
end

function M.send_finalized(sim, call)
    if is_repeat(sim, call) then return reply.text(409, REPEATED) end
    if not BRANDS[call.body.BrandID] then return result(call, 200, nil, "Invalid brand") end
    return result(call, 200, keep(sim, call))
end

function M.templates(_, call)
    local rows = {}
    for id, template in ipairs(TEMPLATES) do
        local content = "<p>Hello"
        for _, tag in ipairs(template[2]) do content = ("%s [%%%s%%]"):format(content, tag) end
        rows[id] = { id, template[1], content .. "</p>", json.array { "Sender", "sender@example.com", template[1] } }
    end
    return reply.rows(call, "Template", { "TemplateID", "TemplateName", "TemplateContent", "TemplateAttributes" },
        rows)
end

return M
