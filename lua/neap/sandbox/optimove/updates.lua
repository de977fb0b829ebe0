--- The Optimove simulator's functions that write customers and their attributes. Results that no reply
-- has go to the CallbackURL of the call.

local reply = require "neap.sandbox.optimove.reply"

local M = {}

--- Overwrites the attributes of one customer; what cannot be written goes to `errors`.
local function overwrite(sim, entry, errors)
    local id = entry.CustomerID
    if not sim.attributes:exists(id) then
        errors[#errors + 1] = { error = "INVALID_CUSTOMER", customerId = id }
        return
    end
    for _, attribute in ipairs(entry.Attributes) do
        local code = sim.attributes:set(id, attribute.RealFieldName, attribute.Value)
        if code then
            errors[#errors + 1] = { error = code, customerId = id, realFieldName = attribute.RealFieldName }
        end
    end
end

--- 202 where the result comes by callback.
function M.attributes(sim, call)
    local errors, url = {}, call.body.CallbackURL
    for _, entry in ipairs(call.body.CustomerNewAttributesValuesList) do overwrite(sim, entry, errors) end
    if not url then return reply.nothing() end
    sim.requests = sim.requests + 1
    sim.notices:callback(url, {
        isSuccess = #errors == 0, requestId = ("request-%d"):format(sim.requests),
        errors = #errors > 0 and errors or nil,
    })
    return reply.nothing(202)
end

function M.add_attribute(sim, call)
    local body = call.body
    local default = body.DefaultValue ~= nil and tostring(body.DefaultValue) or nil
    local id, message = sim.attributes:add(body.Name, body.Type, default)
    if body.CallbackURL then
        sim.notices:callback(body.CallbackURL,
            { attributeName = body.Name, isSuccess = id == nil, errorId = id, errorMsg = message })
    end
    return reply.nothing()
end

--- Creates a customer or updates one. Nothing is written where anything is wrong.
function M.upsert(sim, call)
    local store, errors, sent = sim.attributes, {}, call.body.Attributes or {}
    local trial = {}
    for name, value in pairs(store.changes[call.body.CustomerId] or {}) do trial[name] = value end
    for _, attribute in ipairs(sent) do
        local code = store:set(call.body.CustomerId, attribute.RealFieldName, attribute.Value)
        if code then errors[#errors + 1] = { error = code, realFieldName = attribute.RealFieldName } end
    end
    if #errors > 0 then
        store.changes[call.body.CustomerId] = trial
        return reply.json(400, { errors = errors })
    end
    store.upserted[call.body.CustomerId] = true
    return reply.nothing()
end

return M
