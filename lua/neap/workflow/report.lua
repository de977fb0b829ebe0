--- neap.report: the workflow that orders what an endpoint with a `job` makes, waits until it is ready, and
-- saves its file. Its options are the endpoint's parameters, and where to and how long.

local concurrency = require "neap.concurrency"
local errors = require "neap.error"
local null = require "neap.null"
local target = require "neap.workflow.target"
local workflow = require "neap.workflow"

local M = {}

local WHO = "neap.report"
local FIELDS = { "of", "summary", "description", "defaults", "example" }

local OWN = {
    { "out", type = "path", required = true, doc = "file to write, whole or not at all; - is stdout" },
    { "poll_every", type = "duration", default = "30s", doc = "between questions whether it is ready" },
    { "give_up_after", type = "duration", default = "2h", doc = "then the report counts as never ready" },
}

--- What to do about a report that did not become ready in time.
local function not_ready(endpoint, id, seconds)
    local job = endpoint.job
    return errors.new {
        kind = "timeout", message = ("report %s was not ready after %g s"):format(id, seconds),
        hint = ("it may come yet: neap call %s %s %s=%s shows its state and address; --give-up-after waits longer")
            :format(endpoint.vendor, job.get, job.id, id),
    }
end

--- Asks until the report is ready. -> its state | nil, err
local function await(client, endpoint, id, args)
    local job = endpoint.job
    local get = client[job.get]
    local state, err = concurrency.poll({ every = args.poll_every, total = args.give_up_after }, function()
        local state, failed = get(client, { [job.id] = id })
        if not state then return nil, failed end
        if state[job.state] == job.failed then
            return nil, errors.new {
                kind = "rejected", message = ("report %s failed at the vendor"):format(id),
                hint = "the vendor does not say why; order it again, with a shorter span if it fails twice",
            }
        end
        return state[job.state] == job.done and state
    end)
    if err and err.kind == "timeout" and not err.attempts then err = not_ready(endpoint, id, args.give_up_after) end
    return state, err
end

--- Orders, waits, saves. -> { id, bytes, out }
local function run(client, endpoint, params, args)
    local job = endpoint.job
    assert(require("neap.output").check(args.out)) -- before anything is ordered
    local order = assert(client[endpoint.name](client, params))
    if order == null then return order end -- --dry-run: nothing was ordered
    local id = order[job.id]
    local state = assert(await(client, endpoint, id, args))
    local bytes = assert(require("neap.download").save(state[job.url], args.out))
    return { [job.id] = id, bytes = bytes, out = args.out }
end

--- Describes a report; a script returns the result.
---@param spec { of: string, summary?: string, description?: string, defaults?: table<string, any>,
-- example?: string } of: "vendor.endpoint"; defaults: of its parameters
---@return table workflow
function M.define(spec)
    target.check_fields(WHO, spec, FIELDS)
    local model, endpoint = target.find(WHO, spec.of)
    if not endpoint.job then target.refuse(WHO, spec.of .. " has no job in its definition") end
    local options = target.options(endpoint, nil, spec.defaults)
    local args = table.move(options, 1, #options, 1, {})
    return workflow.define {
        summary = spec.summary or endpoint.summary, description = spec.description,
        example = spec.example, vendors = { model.name },
        args = table.move(OWN, 1, #OWN, #args + 1, args),
        run = function(ctx, values)
            return run(ctx:vendor(model.name), endpoint, target.values(options, values), values)
        end,
    }
end

return M
