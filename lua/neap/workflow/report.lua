--- neap.report: the workflow that orders what an endpoint with a `job` makes, waits until it is ready, and
-- saves its file. Its options are the endpoint's parameters, and where to and how long.

local concurrency = require "neap.concurrency"
local errors = require "neap.error"
local progress = require "neap.progress"
local runtime = require "neap.runtime"
local target = require "neap.workflow.target"
local workflow = require "neap.workflow"

local M = {}

local WHO = "neap.report"
local FIELDS = { "of", "summary", "description", "defaults", "example" }

local OTHER = { csv = "ndjson", ndjson = "csv" }

local function own_args(format)
    local doc = (format and format:upper() .. " file" or "file") .. " to write, whole or not at all; - is stdout"
    if format then doc = ("%s; a name in .%s converts it"):format(doc, OTHER[format]) end
    return {
        { "out", type = "path", required = true, doc = doc },
        { "poll_every", type = "duration", default = "30s", doc = "between questions whether it is ready" },
        { "give_up_after", type = "duration", default = "2h", doc = "then the report counts as never ready" },
    }
end

--- How to come by a report that exists, after a failure of ours.
local function later(endpoint, id)
    local job = endpoint.job
    return ("neap call %s %s %s=%s shows its state and address"):format(endpoint.vendor, job.get, job.id, id)
end

local function not_ready(endpoint, id, seconds)
    return errors.new {
        kind = "timeout", message = ("report %s was not ready after %g s"):format(id, seconds),
        hint = ("it may come yet: %s; --give-up-after waits longer"):format(later(endpoint, id)),
    }
end

--- A member of a payload that the definition names. Raises where it is not of the type.
---@param hint? string how to come by the report, once there is one
local function member(endpoint, payload, name, wanted, called, hint)
    local value = type(payload) == "table" and payload[name] or nil
    if wanted[type(value)] then return value end
    error(errors.new {
        kind = "decode", hint = hint,
        message = ("%s.%s: the payload has no usable %q"):format(endpoint.vendor, called, name),
    }, 0)
end

local ID = { string = true, number = true }
local TEXT = { string = true }

--- Asks until the report is ready. -> its state | nil, err
local function await(client, endpoint, id, args)
    local job = endpoint.job
    local get = client[job.get]
    local state, err = concurrency.poll({ every = args.poll_every, total = args.give_up_after }, function()
        local state, failed = get(client, { [job.id] = id })
        if not state then
            failed.hint = failed.hint or later(endpoint, id)
            return nil, failed
        end
        local word = member(endpoint, state, job.state, TEXT, job.get, later(endpoint, id))
        if word == job.failed then
            return nil, errors.new {
                kind = "rejected", message = ("report %s failed at the vendor"):format(id),
                hint = "the vendor does not say why; order it again, with a shorter span if it fails twice",
            }
        end
        return word == job.done and state
    end)
    if err and err.kind == "timeout" and not err.attempts then err = not_ready(endpoint, id, args.give_up_after) end
    return state, err
end

local DOWNLOADS = 5
local LONGEST_WAIT_S = 30

local ENDINGS = { csv = "csv", ndjson = "ndjson", jsonl = "ndjson" }

--- The format that the name of a file says; nil where it says none.
local function format_of(out)
    return ENDINGS[(out:match "%.(%a+)$" or ""):lower()]
end

--- Raises for a name in .json where the file is CSV: made of it would be lines, no JSON text.
local function check_out(endpoint, out)
    if endpoint.job.format ~= "csv" or not out:lower():match "%.json$" then return end
    error(errors.new {
        kind = "invalid", usage = true, message = ("--out %s: the file is CSV"):format(out),
        hint = "a name that ends in .ndjson converts it to a JSON object per line",
    }, 0)
end

--- May the next download be better? Not of a file that is not what it should be.
local function may_pass(err)
    return err.kind == "network" or err.kind == "timeout" or err.truncated or (err.status or 0) >= 500
        or err.status == 429
end

--- Downloads the file, as records where the definition says which.
local function download(endpoint, url, out)
    local format = endpoint.job.format
    if not format then return require("neap.download").save(url, out) end
    return require("neap.workflow.report.file").save(url, out, format, format_of(out) or format)
end

--- Saves the file, trying again after failures that pass; not into a stream that has had a part of it.
local function save(endpoint, id, url, out)
    local wait = 1
    for i = 1, DOWNLOADS do
        local bytes, err = download(endpoint, url, out)
        if bytes then return bytes end
        local passes = may_pass(err)
        if i == DOWNLOADS or not passes or out == "-" and not err.status then
            err.message = ("the file of report %s: %s"):format(id, err.message)
            err.hint = err.hint or later(endpoint, id)
            return nil, err
        end
        concurrency.sleep(wait)
        wait = math.min(wait * 2, LONGEST_WAIT_S)
    end
end

--- Orders, waits, saves. -> { id, bytes, out }
local function run(client, endpoint, params, args)
    local job = endpoint.job
    assert(require("neap.output").check(args.out)) -- before anything is ordered
    local order = assert(client[endpoint.name](client, params))
    if runtime.options.dry_run then return end -- nothing was ordered
    local id = member(endpoint, order, job.id, ID, endpoint.name)
    progress.note(("report %s is ordered; asking every %g s whether it is ready"):format(id, args.poll_every))
    local state = assert(await(client, endpoint, id, args))
    progress.note(("report %s is ready; saving it"):format(id))
    local url = member(endpoint, state, job.url, TEXT, job.get, later(endpoint, id))
    local bytes = assert(save(endpoint, id, url, args.out))
    return { [job.id] = id, bytes = bytes, out = args.out }
end

--- Describes a report; a script returns the result.
---@param spec { of: string, summary?: string, description?: string, defaults?: table<string, any>,
-- example?: string } of: "vendor.endpoint"; defaults: of its parameters
---@return table workflow
function M.define(spec)
    target.check_fields(WHO, spec, FIELDS)
    local model, endpoint, param = target.find(WHO, spec.of)
    if param then target.refuse(WHO, ("of: %q names a parameter, an endpoint is expected"):format(spec.of)) end
    if not endpoint.job then target.refuse(WHO, spec.of .. " has no job in its definition") end
    target.check_defaults(WHO, endpoint, spec.defaults)
    local options = target.options(endpoint, nil, spec.defaults)
    local args, own = table.move(options, 1, #options, 1, {}), own_args(endpoint.job.format)
    return workflow.define {
        summary = spec.summary or endpoint.summary, description = spec.description,
        example = spec.example, vendors = { model.name },
        args = table.move(own, 1, #own, #args + 1, args),
        run = function(ctx, values)
            check_out(endpoint, values.out)
            return run(ctx:vendor(model.name), endpoint, target.values(options, values), values)
        end,
    }
end

return M
