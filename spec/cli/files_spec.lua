--- Scripts and recipes, their options, and the files they read and write (DESIGN.md 6, "Commands" and
-- "Files").

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

local dir
before_each(function() dir = helper.tmpdir() end)

local function write(name, text)
    if name:find "/" then shop.mkdir(dir .. "/" .. name:match "^(.*)/") end
    return helper.write(dir .. "/" .. name, text)
end

local function neap(...)
    return helper.cli({ ... }, { cwd = dir, home = dir })
end

local function says(text)
    return ("return neap.workflow { summary = 'S', run = function() return %q end }"):format(text)
end

describe("a name for neap run", function()
    it("is a path when it ends in .lua or begins with . or /", function()
        write("flow.lua", says "relative")
        write("plain", says "dotted")
        write("opm/ping.lua", says "not the recipe")
        assert.equal('"relative"\n', neap("run", "flow.lua").out)
        assert.equal('"dotted"\n', neap("run", "./plain").out)
        assert.equal('"relative"\n', neap("run", dir .. "/flow.lua").out)
        assert.equal('"dotted"\n', neap("run", dir .. "/plain").out)
        assert.equal('"not the recipe"\n', neap("run", "opm/ping.lua").out)
        local got = neap("run", "plain")
        assert.equal(2, got.code)
        assert.matches("a script is given by its path: %./plain", got.err)
    end)

    it("else is a recipe: in ./scripts, then the user's, then built in", function()
        assert.equal(0, neap("run", "opm/ping", "--sandbox").code)
        write("config/neap/scripts/opm/ping.lua", says "user")
        assert.equal('"user"\n', neap("run", "opm/ping").out)
        write("scripts/opm/ping.lua", says "local")
        assert.equal('"local"\n', neap("run", "opm/ping").out)
    end)

    it("finds vendors beside the script first, then ./vendors, then the user's", function()
        local function define(path, title)
            write(path .. "/opm.lua", ('return vendor.define "opm" { title = %q, base_url = "https://x.example", '
                .. 'endpoints = { ping = { get = "/%s" } } }'):format(title, title))
        end
        write("flows/flow.lua", "return neap.workflow { run = function(ctx) "
            .. "local ok, err = ctx:vendor('opm'):ping { x = 1 } return err.message end }")
        local function title(...) return neap(...).err .. neap(...).out end
        define("config/neap/vendors", "user")
        assert.matches("user", title("describe", "opm"))
        define("vendors", "working")
        assert.matches("working", title("describe", "opm"))
        define("flows/vendors", "beside")
        assert.matches("flows/vendors/opm%.lua", neap("run", "flows/flow.lua").err)
        assert.matches("file=%./vendors/opm%.lua", neap("describe", "opm").err)
    end)
end)

describe("the args of a workflow", function()
    local FLOW = [[return neap.workflow {
        args = {
            { "merge_key", type = "enum", values = { "email", "phone" }, default = "email" },
            { "tags", type = "list", of = { type = "string" } },
            { "force", type = "boolean" }, { "wait", type = "duration" }, { "day", type = "date" },
            { "n", type = "integer", min = 1, max = 9 },
        },
        run = function(ctx, args) return args end,
    }]]

    it("are options, a list repeats, the last of others counts", function()
        write("flow.lua", FLOW)
        for words, out in pairs {
            [{}] = '{"merge_key":"email"}',
            [{ "--merge-key", "phone" }] = '{"merge_key":"phone"}',
            [{ "--merge-key=phone" }] = '{"merge_key":"phone"}',
            [{ "--merge-key=email", "--merge-key=phone" }] = '{"merge_key":"phone"}',
            [{ "--tags", "a", "--tags=b,c" }] = '{"merge_key":"email","tags":["a","b,c"]}',
            [{ "--force" }] = '{"force":true,"merge_key":"email"}',
            [{ "--no-force" }] = '{"force":false,"merge_key":"email"}',
            [{ "--wait", "5m" }] = '{"merge_key":"email","wait":300}',
        } do
            local got = neap("run", "flow.lua", table.unpack(words))
            assert.equal(out .. "\n", got.out:gsub("300%.0", "300"), got.err)
        end
    end)

    it("are checked before it runs, all at once", function()
        write("flow.lua", FLOW)
        local got = neap("run", "flow.lua", "--n", "12", "--day", "2026-02-30", "--merge-key", "fax", "--wait", "soon")
        assert.same({ 2, "" }, { got.code, got.out })
        for _, part in ipairs { "--n", "--day", "--merge-key", "--wait" } do
            assert.truthy(got.err:find(part, 1, true), got.err)
        end
    end)

    it("cannot have the name of an option of neap", function()
        for _, name in ipairs { "sandbox", "clock", "set", "log_level", "log_format", "progress", "json", "dry_run",
            "faults", "seed", "sandbox_log", "help" } do
            write("flow.lua", ("return neap.workflow { args = { { %q, type = 'string' } }, run = print }"):format(name))
            local got = neap("run", "flow.lua")
            assert.equal(2, got.code, name)
            assert.matches("^neap: flow%.lua: [^\n]*args%." .. name, got.err)
        end
    end)
end)

describe("an import recipe", function()
    local function import(...)
        return neap("run", "omnisegment/import-audience", "--sandbox", "--clock", "virtual",
            "--sandbox-log", "log", ...)
    end

    --- How many requests there were.
    local function requests()
        return helper.exists(dir .. "/log") and #shop.lines(helper.read(dir .. "/log")) or 0
    end

    it("takes every other top-level parameter of its endpoint as an option", function()
        write("a.csv", "email\na@x.com\n")
        local got = import("--file", "a.csv", "--merge-key", "email", "--tag-mode", "replace", "--ignore-empty-value",
            "--dry-run")
        assert.equal(0, got.code, got.err)
        for _, part in ipairs { '"merge_key":"email"', '"tag_mode":"replace"', '"ignore_empty_value":true' } do
            assert.truthy(got.out:find(part, 1, true), part)
        end
        assert.equal(2, import("--file", "a.csv", "--merge-key", "fax").code)
    end)

    it("reads CSV, NDJSON by the name's end, and standard input", function()
        for name, text in pairs {
            ["a.csv"] = "member_sn,email\nM1,a@x.com\n", ["a.txt"] = "member_sn\r\nM1\r\n",
            ["a.ndjson"] = '{"member_sn":"M1"}\n', ["a.jsonl"] = '{"member_sn":"M1","email":null}',
        } do
            write(name, text)
            local got = import("--file", name, "--json")
            assert.equal(0, got.code, name .. got.err)
            assert.matches('^{"total":1,"ok":1,', got.out)
        end
        for _, text in ipairs { "member_sn\nM1\n", '{"member_sn":"M1"}\n' } do
            local got = helper.cli({ "run", "omnisegment/import-audience", "--sandbox", "--file", "-", "--json" },
                { stdin = text, cwd = dir })
            assert.equal(0, got.code, got.err)
        end
    end)

    it("converts cells, nests a.b, and leaves empty ones out unless --keep-empty", function()
        write("a.csv", '\239\187\191member_sn,email,is_active,email_channels,boots.size\n\nM1,,true,"[{""name"":""n"",'
            .. '""subscription_status"":true}]",42\n')
        local got = import("--file", "a.csv", "--dry-run")
        assert.equal(0, got.code, got.err)
        assert.truthy(got.out:find('"data":{"boots":{"size":"42"},'
            .. '"email_channels":[{"name":"n","subscription_status":true}],'
            .. '"is_active":true,"member_sn":"M1"}', 1, true), got.out)
        got = import("--file", "a.csv", "--dry-run", "--keep-empty")
        assert.truthy(got.out:find('"email":""', 1, true), got.out)
    end)

    local refused = {
        ["is empty"] = { "", "not even a header" },
        ["has an unknown column near a declared one"] = { "member_sn,emial\nM1,x\n", 'did you mean "email"?' },
        ["has a column twice"] = { "member_sn,email,email\nM1,x,y\n", "email: the column comes twice" },
        ["has a column without a name"] = { "member_sn,,email\nM1,x,y\n", "column 2: it has no name" },
    }
    for name, case in pairs(refused) do
        it("refuses a file that " .. name .. ", before any call", function()
            write("a.csv", case[1])
            local got = import("--file", "a.csv")
            assert.same({ 2, "" }, { got.code, got.out })
            assert.matches("^neap: [^\n]*a%.csv[^\n]*\n$", got.err)
            assert.truthy(got.err:find(case[2], 1, true), got.err)
            assert.equal(0, requests())
            assert.is_false(helper.exists(dir .. "/a.csv.dead.ndjson"))
        end)
    end

    it("refuses a file that is not there, or is none", function()
        for _, name in ipairs { "missing.csv", "." } do
            local got = import("--file", name)
            assert.equal(2, got.code, got.err)
            assert.truthy(got.err:find(name, 1, true))
        end
    end)

    it("is done with nothing but a header", function()
        write("a.csv", "member_sn,email\n")
        local got = import("--file", "a.csv", "--json")
        assert.equal(0, got.code)
        assert.matches('^{"total":0,"ok":0,"failed":0,"unknown":0,"retried":0,"seconds":0%.?0*}\n$', got.out)
    end)

    it("goes on after a faulty row, which is a failed record with all its faults", function()
        write("a.csv", "member_sn,birthday,is_active\nM1,x,y\nM2,2000-01-01,true\nM3,2000-01-01,true,more\n")
        local got = import("--file", "a.csv", "--json")
        assert.equal(3, got.code)
        assert.matches('^{"total":3,"ok":1,"failed":2,"unknown":0,', got.out)
        local letters = shop.lines(helper.read(dir .. "/a.csv.dead.ndjson"))
        assert.same({ "not_sent", "invalid", 2 }, { letters[1].outcome, letters[1].error.kind, letters[1].line })
        assert.matches("is_active: .*; birthday: ", letters[1].error.message)
        assert.matches("4 cells for 3 columns", letters[2].error.message)
        assert.equal(1, requests())
    end)

    it("ends after the records before a place where the file cannot be read on, and names it", function()
        for text, place in pairs {
            ['member_sn,email\nM1,a@x.com\nM2,"open\n'] = "line 3",
            ["member_sn,name\nM1,a\nM2,\255\n"] = "line 3, column 4",
        } do
            write("a.csv", text)
            local got = import("--file", "a.csv")
            assert.equal(1, got.code, got.err)
            assert.truthy(got.err:find(place, 1, true), got.err)
            assert.matches("1 record: 1 ok, 0 failed, 0 unknown, [^\n]*the source broke off", got.err)
        end
    end)

    it("checks --concurrency", function()
        write("a.csv", "member_sn\nM1\n")
        assert.equal(0, import("--file", "a.csv", "--concurrency", "1").code)
        for _, value in ipairs { "0", "-1", "x", "1.5" } do
            assert.equal(2, import("--file", "a.csv", "--concurrency", value).code, value)
        end
    end)

    it("counts a record that was sent more than once as retried, and time by the clock", function()
        write("a.csv", "member_sn\nM1\nM2\n")
        local got = import("--file", "a.csv", "--json", "--faults", "503:to=1")
        assert.equal(0, got.code, got.err)
        local summary = shop.lines(got.out)[1]
        assert.same({ 2, 2 }, { summary.total, summary.ok })
        assert.is_true(summary.retried >= 1 and summary.seconds >= 300 and summary.seconds < 310)
    end)
end)

describe("an export recipe", function()
    local function export(out, ...)
        return neap("run", "omnisegment/interaction-report", "--start-date", "2026-10-01", "--end-date", "2026-10-31",
            "--sandbox", "--clock", "virtual", "--out", out, ...)
    end

    it("writes a file, or standard output", function()
        local got = export "report.ndjson"
        assert.equal(0, got.code, got.err)
        local text = helper.read(dir .. "/report.ndjson")
        assert.is_true(#shop.lines(text) > 0)
        local piped = export "-"
        assert.equal(0, piped.code, piped.err)
        assert.equal(text, piped.out)
    end)

    it("leaves nothing behind, and an older file alone, when it fails", function()
        write("report.ndjson", "older\n")
        local got = export("report.ndjson", "--report-name", "spring", "--faults",
            "500@omnisegment.get_interaction_report")
        assert.equal(1, got.code, got.err)
        assert.equal("older\n", helper.read(dir .. "/report.ndjson"))
        local pipe = assert(io.popen("ls -A " .. helper.quote(dir)))
        local names = pipe:read "a"
        pipe:close()
        assert.equal("report.ndjson\n", names)
        got = export "no/such/dir/report.ndjson"
        assert.equal(2, got.code)
        assert.truthy(got.err:find("no/such/dir", 1, true), got.err)
    end)
end)
