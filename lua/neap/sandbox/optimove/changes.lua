--- The Optimove simulator's functions about what has changed: one slice of the customers a day.

local attributes = require "neap.sandbox.optimove.attributes"
local calendar = require "neap.sandbox.optimove.calendar"
local catalog = require "neap.sandbox.optimove.catalog"
local json = require "neap.native.json"
local reply = require "neap.sandbox.optimove.reply"
local rows = require "neap.sandbox.optimove.rows"

local null = json.null

local M = {}

local CHANGES_A_DAY = 40

local function changes(sim, first, last)
    local segments = {}
    for day = math.max(first, calendar.FIRST), math.min(last, sim:last_update()) do
        segments[#segments + 1] = {
            first = day * 997, count = math.min(CHANGES_A_DAY, sim.population), ring = sim.population,
        }
    end
    return segments
end

--- Customers whose group of some kind has changed; `nothing` is where every ninth comes from.
local function changers(kind, count, nothing)
    local fields = { "CustomerID", ("Initial%sID"):format(kind), ("Final%sID"):format(kind) }
    return function(sim, call)
        local params, last = call.params, sim:last_update()
        local from, to = last, last
        if params.StartDate then
            from, to = calendar.number(params.StartDate), calendar.number(params.EndDate)
            if to < from then return reply.text(400, "Invalid parameter EndDate: before StartDate") end
        end
        return rows.answer(sim, call, fields, changes(sim, from, to), function(_, id, number)
            local before = nothing and number % 9 == 0 and nothing or number % count + 1
            return { id, before, (number + 1) % count + 1 }
        end)
    end
end

M.microsegment = changers("Microsegment", catalog.MICROSEGMENTS)
M.value_segment = changers("ValueSegment", catalog.SEGMENTS)
M.target_group = changers("TargetGroup", catalog.TARGET_GROUPS, -1)

function M.attribute(sim, call)
    local attribute = sim.attributes:find(call.params.ChangedCustomerAttribute)
    if not attribute then return reply.text(400, "Invalid parameter ChangedCustomerAttribute: no such attribute") end
    local last = sim:last_update()
    return rows.answer(sim, call, { "CustomerID", "InitialCustomerAttribute", "FinalCustomerAttribute" },
        changes(sim, last, last), function(_, id, number)
            local other = number + 1 -- whose value was this one's yesterday
            local before = number % 9 ~= 0 and sim.attributes:value(attributes.id(other), other, attribute)
            return { id, before or null, sim.attributes:value(id, number, attribute) }
        end)
end

return M
