--- neap.import and neap.report: workflows that follow from a definition.

local acme = require "spec.support.acme"
local helper = require "spec.support.helper"
local neap = require "neap"

local errors = require "neap.error"
local workflow = require "neap.workflow"

local function write(name, text)
    local path = helper.tmpdir() .. "/" .. name
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
end

local function names(flow)
    local list = {}
    for i, field in ipairs(flow.args) do list[i] = field[1] end
    return list
end

local function start(flow, given)
    local args = {}
    for _, field in ipairs(flow.args) do args[field[1]] = field.default end
    for name, value in pairs(given) do args[name] = value end
    args.dead_letters = helper.tmpdir() .. "/dead.ndjson"
    return flow:start(args)
end

describe("neap.import", function()
    after_each(helper.assert_idle)

    it("has the endpoint's other parameters as options", function()
        acme.run(function()
            local flow = neap.import { into = "acme.put_row.data", summary = "S" }
            assert.is_true(workflow.is_workflow(flow))
            assert.same({ "file", "mode", "debug", "batch_plan", "keep_empty", "batch", "concurrency", "dead_letters" },
                names(flow))
            assert.same({ "acme" }, flow.vendors)
            assert.equal("Columns are fields of `data` (neap describe acme.put_row).", flow.description)
            flow = neap.import { into = "acme.put" }
            assert.same({ "file", "keep_empty", "concurrency", "dead_letters" }, names(flow))
        end)
    end)

    it("delivers a file, with the options in every call", function()
        acme.run(function()
            local flow = neap.import { into = "acme.put_row.data" }
            local summary = start(flow, { file = write("rows.csv", "id,name\n1,a\n2,\n"), mode = "drop" })
            assert.equal(2, summary.ok)
            assert.same({ "put_row", "put_row" }, acme.column "endpoint")
            assert.same({ data = { id = "1", name = "a" }, mode = "drop" }, neap.json.decode(acme.column("body")[1]))
            assert.same({ data = { id = "2" }, mode = "drop" }, neap.json.decode(acme.column("body")[2]))
        end)
    end)

    it("takes records that are all parameters", function()
        acme.run(function()
            local summary = start(neap.import { into = "acme.put" }, { file = write("rows.csv", "id\n1\n2\n") })
            assert.equal(2, summary.ok)
        end)
    end)

    it("puts records into a list where the endpoint takes one, many unless told otherwise", function()
        acme.run(function()
            local flow = neap.import { into = "acme.put_rows.rows" }
            assert.same({ "file", "mode", "batch_plan", "keep_empty", "concurrency", "dead_letters" }, names(flow))
            local file = write("rows.csv", "id,name\n1,a\n2,b\n")
            assert.equal(2, start(flow, { file = file, mode = "drop" }).ok)
            assert.same({ rows = { { id = "1", name = "a" } }, mode = "drop" },
                neap.json.decode(acme.column("body")[1]))
            assert.same({ "put_rows", "put_rows" }, acme.column "endpoint")
            flow = neap.import { into = "optimove.AddPromotions.Promotions" }
            assert.same({ "file", "keep_empty", "batch", "concurrency", "dead_letters" }, names(flow))
            assert.is_true(flow.schema.by_name.batch.default)
            assert.is_nil(neap.import({ into = "acme.put_row.data" }).schema.by_name.batch.default)
        end)
    end)

    it("names faults of a record by its fields where the call has it in a list", function()
        acme.run(function()
            local dead = helper.tmpdir() .. "/dead.ndjson"
            local file = write("rows.csv", "promocode,PROMOTIONNAME\nA,one\n,two\n")
            local summary = neap.import({ into = "optimove.AddPromotions.Promotions" })
                :start { file = file, concurrency = 1, dead_letters = dead }
            assert.same({ 2, 1, 1 }, { summary.total, summary.ok, summary.failed })
            local letter = neap.json.decode(helper.read(dead))
            assert.equal("PromoCode: required", letter.error.message)
        end)
    end)

    it("sends batches with --batch, and refuses options that they cannot carry", function()
        acme.run(function()
            local flow = neap.import { into = "acme.put_row.data" }
            local file = write("rows.csv", "id,name\n1,a\n2,b\n")
            assert.equal(2, start(flow, { file = file, batch = true, mode = "drop" }).ok)
            assert.same({ "put_rows" }, acme.column "endpoint")
            local ok, err = pcall(start, flow, { file = file, batch = true, debug = true })
            assert.is_false(ok)
            assert.equal("--debug does not go with --batch: put_rows has no debug", err.message)
            assert.is_true(err.usage)
        end)
    end)

    -- spec, parts of the message
    local mistakes = {
        { nil, { "neap.import: a table expected" } },
        { {}, { "into is missing" } },
        { { into = "acme.put", sumary = "x" }, { 'no field "sumary"', 'did you mean "summary"?' } },
        { { into = "acme" }, { '"acme" is no vendor.endpoint' } },
        { { into = "acmee.put" }, { 'no vendor "acmee"' } },
        { { into = "acme.putt" }, { 'acme has no endpoint "putt"', 'did you mean "put"?' } },
        { { into = "acme.put_row.dat" }, { 'no parameter "dat" that holds fields', 'did you mean "data"?' } },
        { { into = "acme.put_row.mode" }, { "acme.put_row.mode holds no fields" } },
        { { into = "acme.put." }, { '"acme.put." is no vendor.endpoint' } },
        { { into = "acme.put", summary = 5 }, { "summary: a text expected, got a number" } },
    }
    for i, case in ipairs(mistakes) do
        it("refuses mistakes: " .. i, function()
            acme.run(function()
                local ok, err = pcall(neap.import, case[1])
                assert.is_false(ok)
                assert.is_true(errors.is(err), tostring(err))
                for _, part in ipairs(case[2]) do assert.matches(part, tostring(err), 1, true) end
            end)
        end)
    end
end)

describe("neap.report", function()
    after_each(helper.assert_idle)

    it("says what an answer lacks, and how to come by a report that was ordered", function()
        acme.run(function()
            local flow = neap.report { of = "acme.order" }
            local function order(plan)
                local args = {
                    id = "R1", plan = plan, out = helper.tmpdir() .. "/r", poll_every = 1, give_up_after = 9,
                }
                local ok, err = pcall(flow.start, flow, args)
                assert.is_false(ok)
                assert.equal("decode", err.kind)
                assert.is_false(helper.exists(args.out))
                return err
            end
            local err = order "null"
            assert.equal('acme.order: the payload has no usable "id"', err.message)
            assert.is_nil(err.hint)
            err = order()
            assert.equal('acme.read: the payload has no usable "state"', err.message)
            assert.equal("neap call acme read id=R1 shows its state and address", err.hint)
        end)
    end)

    it("refuses what has no job", function()
        acme.run(function()
            local ok, err = pcall(neap.report, { of = "acme.put" })
            assert.is_false(ok)
            assert.equal("neap.report: acme.put has no job in its definition", err.message)
        end)
    end)
end)
