--- A misspelt name gets the nearest one, whatever it names; a faulty definition is refused at load with
-- file and line.

local helper = require "spec.support.helper"
local shop = require "spec.support.shop"

local IMPORT = "omnisegment/import-audience"

describe("a misspelt name gets the nearest one:", function()
    local dir
    lazy_setup(function()
        dir = shop.place()
        helper.write(dir .. "/flow.lua", [[return neap.workflow { args = {
            merge_key = { type = "enum", values = { "email", "phone" } },
            deep = { type = "boolean" } }, run = print }]])
        helper.write(dir .. "/a.csv", "member_sn,emial\nM1,a@x.com\n")
        helper.write(dir .. "/b.csv", "member_sn,Member-SN\nM1,M1\n")
        helper.write(dir .. "/c.csv", "customerId,customerEmial\n1,a@x.com\n")
        helper.write(dir .. "/endpoint.lua", 'neap.vendor("shop"):put_ordr { id = 1 }')
        helper.write(dir .. "/param.lua", 'assert(neap.vendor("shop"):put_order { id = 1, txet = "x" })')
        helper.write(dir .. "/vendor.lua", 'neap.vendor "shopp"')
        helper.write(dir .. "/setting.lua", 'neap.vendor("shop", { regoin = "south" })')
        helper.write(dir .. "/field.lua", 'return neap.workflow { sumary = "x", run = print }')
        helper.write(dir .. "/type.lua",
            'return neap.workflow { args = { { "x", type = "integr" } }, run = print }')
    end)

    local cases = {
        command = { { "lst" }, "list" },
        topic = { { "help", "setings" }, "settings" },
        ["command of help"] = { { "help", "sandbx" }, "sandbox" },
        list = { { "list", "recipe" }, "recipes" },
        ["option of list"] = { { "list", "--jsn" }, "--json" },
        ["option of call"] = { { "call", "shop", "say", "what=null", "--sanbox" }, "--sandbox" },
        ["option of run"] = { { "run", "opm/ping", "--dry-rnu" }, "--dry-run" },
        ["option of describe"] = { { "describe", "opm", "--josn" }, "--json" },
        ["option of sandbox"] = { { "sandbox", "--prot", "0" }, "--port" },
        ["option before the command"] = { { "--lgo-level", "debug" }, "--log-level" },
        ["option with a value"] = { { "run", "opm/ping", "--log-lvel=debug" }, "--log-level" },
        ["negated option"] = { { "run", "flow.lua", "--no-deap" }, "--no-deep" },
        ["arg of a workflow"] = { { "run", "flow.lua", "--merge-kye", "email" }, "--merge-key" },
        ["arg of a recipe"] = { { "run", IMPORT, "--fiel", "a.csv" }, "--file" },
        ["value of an arg"] = { { "run", "flow.lua", "--merge-key", "emial" }, "email" },
        ["log level"] = { { "version", "--log-level", "debgu" }, "debug" },
        ["clock"] = { { "run", "opm/ping", "--sandbox", "--clock", "virtul" }, "virtual" },
        recipe = { { "run", "omnisegment/import-audiance" }, IMPORT },
        ["recipe without its vendor"] = { { "run", "import-audience" }, IMPORT },
        ["recipe to describe"] = { { "describe", "opm/pnig" }, "opm/ping" },
        ["vendor of a call"] = { { "call", "omnisegmnt", "import_audience" }, "omnisegment" },
        ["vendor to describe"] = { { "describe", "omni_segment" }, "omnisegment" },
        ["vendor of --set"] = { { "run", "opm/ping", "--set", "omp.api_key=env:X" }, "opm" },
        ["vendor of a script"] = { { "run", "vendor.lua" }, "shop" },
        ["endpoint of a call"] = { { "call", "omnisegment", "import_audiences" }, "import_audience" },
        ["endpoint to describe"] = { { "describe", "omnisegment.track_evnt" }, "track_event" },
        ["endpoint of a script"] = { { "run", "endpoint.lua" }, "put_order" },
        ["setting of --set"] = { { "run", "opm/ping", "--set", "opm.api_kye=env:X" }, "api_key" },
        ["setting of a script"] = { { "run", "setting.lua" }, "region" },
        ["value of a setting"] = { { "run", "opm/ping", "--set", "omnisegment.environment=taiwn" }, "taiwan" },
        ["parameter of a call"] = { { "call", "opm", "entry", "customerld=1", "--sandbox" }, "customerId" },
        ["parameter within an object"] =
            { { "call", "omnisegment", "import_audience", "data.member-sn=1", "--sandbox" }, "member_sn" },
        ["parameter of a script"] = { { "run", "param.lua", "--sandbox" }, "text" },
        ["value of a parameter"] =
            { { "call", "shop", "put_order", "id=1", "size=smal", "--sandbox" }, "small" },
        column = { { "run", IMPORT, "--file", "a.csv", "--sandbox" }, "email" },
        ["column but for case and dash"] = { { "run", IMPORT, "--file", "b.csv", "--sandbox" }, "member_sn" },
        ["column of a closed record"] =
            { { "run", "opm/sync-customers", "--file", "c.csv", "--sandbox" }, "customerEmail" },
        ["kind of fault"] = { { "run", "opm/ping", "--sandbox", "--faults", "reste:p=1" }, "reset" },
        ["key of a fault"] = { { "run", "opm/ping", "--sandbox", "--faults", "outage:statsu=503" }, "status" },
        ["vendor of a fault"] = { { "run", "opm/ping", "--sandbox", "--faults", "503@omp" }, "opm" },
        ["endpoint of a fault"] =
            { { "run", "opm/ping", "--sandbox", "--faults", "503@opm.pnig" }, "ping" },
        ["fault of neap sandbox"] = { { "sandbox", "--faults", "outge" }, "outage" },
        ["field of a workflow"] = { { "run", "field.lua" }, "summary" },
        ["type of an arg"] = { { "run", "type.lua" }, "integer" },
    }
    local names = {}
    for name in pairs(cases) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
        local words, meant = table.unpack(cases[name])
        it(name, function()
            local got = helper.cli(words, { cwd = dir })
            assert.equal(2, got.code, got.err)
            assert.equal("", got.out)
            assert.truthy(got.err:find(('did you mean "%s"?'):format(meant), 1, true), got.err)
            assert.equal(1, select(2, got.err:gsub("\n", "")), got.err)
        end)
    end

    it("in a file of settings, which is named", function()
        local place = shop.place()
        helper.write(place .. "/neap.lua", 'return { shop = { regoin = "south" } }')
        local got = helper.cli({ "call", "shop", "say", "what=null", "--sandbox" }, { cwd = place })
        assert.equal(2, got.code)
        assert.matches('%./neap%.lua: shop has no setting "regoin"; did you mean "region"%?', got.err)
    end)

    it("but no other when nothing is near", function()
        for words, hint in pairs {
            [{ "frobnicate" }] = "neap help shows what there is",
            [{ "call", "zzzzzz", "x" }] = "`neap list vendors` shows what there is",
            [{ "call", "opm", "zzzzzz" }] = "`neap describe opm` shows what there is",
            [{ "run", "zzz/zzz" }] = "`neap list recipes` shows what there is",
        } do
            local got = helper.cli(words)
            assert.equal(2, got.code)
            assert.truthy(got.err:find(hint, 1, true), got.err)
        end
    end)

    it("matches endpoints without regard to case", function()
        assert.equal(0, helper.cli({ "call", "OPM", "ping", "--sandbox" }).code == 0 and 1 or 0)
        assert.equal(0, helper.cli({ "call", "opm", "PING", "--sandbox" }).code)
        assert.equal(0, helper.cli({ "describe", "omnisegment.Import_Audience" }).code)
    end)
end)

describe("a definition", function()
    --- A definition, a field to a line, with one line replaced or added.
    local LINES = {
        'return vendor.define "bad" {',
        '    title = "Bad",',
        '    settings = { { "api_key", type = "secret" } },',
        '    base_url = "https://bad.example",',
        '    auth = { key = auth.header { name = "X-Key", secret = "api_key" } },',
        '    limits = { { rate = "10/s", per = "endpoint" } },',
        '    retry = { { on = { 503 }, backoff = "constant", every = "5m", retries = 5 } },',
        '    envelope = envelope.plain { message = "error" },',
        '    endpoints = {',
        '        put = {',
        '            post = "/put/{id}", auth = "key", write = "idempotent", key = "id",',
        '            params = { { "id", type = "id", required = true } },',
        '            rules = { { any_of = { "id" } } },',
        '        },',
        '    },',
        '}',
    }

    local function describe_with(line, text)
        local dir = helper.tmpdir()
        shop.mkdir(dir .. "/vendors")
        local lines = table.move(LINES, 1, #LINES, 1, {})
        if line then lines[line] = text end
        helper.write(dir .. "/vendors/bad.lua", table.concat(lines, "\n") .. "\n")
        return helper.cli({ "describe", "bad" }, { cwd = dir }), dir
    end

    it("that is right is accepted", function()
        local got = describe_with()
        assert.same({ 0, "" }, { got.code, got.err })
    end)

    local faults = {
        { 2, '    titel = "Bad",', 'did you mean "title"?' },
        { 2, "    title = 7,", "string" },
        { 3, '    settings = { { "api_key", type = "secrt" } },', 'did you mean "secret"?' },
        { 3, '    settings = { { "api_key", typ = "secret" } },', 'did you mean "type"?' },
        { 4, '    base_ulr = "https://bad.example",', 'did you mean "base_url"?' },
        { 5, '    auth = { key = auth.header { name = "X-Key", secret = "api_kye" } },', 'did you mean "api_key"?' },
        { 5, '    auth = { key = auth.heder { name = "X-Key", secret = "api_key" } },', 'did you mean "header"?' },
        { 5, '    auth = { key = auth.header { nam = "X-Key", secret = "api_key" } },', 'did you mean "name"?' },
        { 6, '    limits = { { rate = "10/x", per = "endpoint" } },', "10/x" },
        { 6, '    limits = { { rat = "10/s", per = "endpoint" } },', 'did you mean "rate"?' },
        { 6, '    limits = { { rate = "10/s", per = "endpont" } },', "endpont" },
        { 6, '    limits = { { rate = "10/s", exempt = { "putt" } } },', 'did you mean "put"?' },
        { 7, '    retry = { { on = { 503 }, backof = "constant", every = "5m" } },', 'did you mean "backoff"?' },
        { 7, '    retry = { { on = { 503 }, backoff = "constant", every = "soon", retries = 5 } },', "soon" },
        { 7, '    retry = { { on = { 503 }, backoff = "linear", every = "5m" } },', "linear" },
        { 7, '    retry = { { on = { 503 }, backoff = "constant", every = setting "wiat", retries = 1 } },', "wiat" },
        { 8, '    envelope = envelope.plain { mesage = "error" },', 'did you mean "message"?' },
        { 8, '    envelope = envelope.plian { message = "error" },', 'did you mean "plain"?' },
        { 9, "    endpoint = {", 'did you mean "endpoints"?' },
        { 10, "        put = { summry = 1,", 'did you mean "summary"?' },
        { 11, '            post = "/put/{id}", auth = "kye", write = "idempotent", key = "id",',
            'did you mean "key"?' },
        { 11, '            post = "/put/{id}", auth = "key", write = "idempotnt", key = "id",', "idempotnt" },
        { 11, '            post = "/put/{id}", auth = "key", key = "id",', "write is missing", 10 },
        { 11, '            post = "/put/{it}", auth = "key", write = "idempotent",', '"it"', 10 },
        { 11, '            psot = "/put/{id}", auth = "key", write = "idempotent",', 'did you mean "post"?' },
        { 11, '            post = "/put/{id}", get = "/x", auth = "key", write = "idempotent",', "one method" },
        { 11, '            post = "/put/{id}", auth = "key", tenant = "body", write = "idempotent",', "tenant" },
        { 11, '            post = "/put/{id}", auth = "key", write = "idempotent", key = "ident",', "ident" },
        { 12, '            params = { { "id", type = "idd" } },', 'did you mean "id"?' },
        { 12, '            params = { { "id", type = "id", requird = true } },', 'did you mean "required"?' },
        { 12, '            params = { { "id", type = "id" }, { "id", type = "id" } },', "id" },
        { 12, '            params = { { "id", type = "id", default = {} } },', "default" },
        { 13, '            rules = { { anyof = { "id" } } },', 'did you mean "any_of"?' },
        { 13, '            rules = { { any_of = { "idd" } } },', 'did you mean "id"?' },
    }
    for i, case in ipairs(faults) do
        local line, text, said, at = table.unpack(case)
        it(("is refused at load with file and line, %d: %s"):format(i, text:match "^%s*(.-)%s*$"), function()
            local got = describe_with(line, text)
            assert.equal(2, got.code, got.out)
            assert.equal("", got.out)
            assert.equal(1, select(2, got.err:gsub("\n", "")), got.err)
            assert.truthy(got.err:find(("vendors/bad.lua:%d: "):format(at or line), 1, true), got.err)
            assert.truthy(got.err:find(said, 1, true), got.err)
        end)
    end

    it("with an error of syntax, or that raises, is refused with file and line", function()
        local got = describe_with(4, "    base_url = = 1,")
        assert.equal(2, got.code)
        assert.matches("^neap: [^\n]*vendors/bad%.lua:4: unexpected symbol near '='\n$", got.err)
        got = describe_with(4, '    base_url = error "oh",')
        assert.equal(2, got.code)
        assert.matches("vendors/bad%.lua:4: oh\n$", got.err)
        got = describe_with(1, "return {")
        assert.equal(2, got.code)
        assert.matches("vendors/bad%.lua: a definition ends in", got.err)
    end)

    it("can reach nothing: no file, no environment, no library", function()
        for _, name in ipairs { "io", "os", "require", "dofile", "load", "print", "neap", "debug" } do
            local got = describe_with(4, ("    base_url = %s.x,"):format(name))
            assert.equal(2, got.code, name)
            assert.matches("vendors/bad%.lua:4: ", got.err)
        end
    end)

    it("has the name of its file", function()
        local got = describe_with(1, 'return vendor.define "good" {')
        assert.equal(2, got.code)
        assert.matches('vendors/bad%.lua[^\n]*"good"', got.err)
    end)

    it("that is refused stops every command, but a list shows the others", function()
        local _, dir = describe_with(2, '    titel = "Bad",')
        for _, words in ipairs {
            { "call", "bad", "put", "id=1" }, { "describe", "bad.put" },
            { "run", "opm/ping", "--set", "bad.api_key=env:X" },
        } do
            local got = helper.cli(words, { cwd = dir })
            assert.equal(2, got.code)
            assert.truthy(got.err:find("vendors/bad.lua:2: ", 1, true), got.err)
        end
        local got = helper.cli({ "list", "vendors" }, { cwd = dir })
        assert.equal(2, got.code)
        assert.matches("opm  OPM Partners API\n", got.out)
        assert.truthy(got.err:find("vendors/bad.lua:2: ", 1, true), got.err)
    end)
end)

describe("a file that is something else", function()
    it("is told from a script: a definition", function()
        local dir = shop.place()
        for _, words in ipairs {
            { "run", "vendors/shop.lua" }, { "run", "./vendors/shop.lua", "--help" },
            { "describe", "vendors/shop.lua" },
        } do
            local got = helper.cli(words, { cwd = dir })
            assert.equal(2, got.code)
            assert.truthy(got.err:find("vendors/shop.lua: this is a definition: see neap describe shop\n", 1, true),
                got.err)
        end
    end)

    it("is still a script when it only writes about definitions", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/a.lua",
            'print [[\nreturn vendor.define "x" {}\n]]\n--[==[\nreturn vendor.define "x"]==]')
        assert.equal(0, helper.cli({ "run", "a.lua" }, { cwd = dir }).code)
    end)
end)

describe("a faulty simulator", function()
    it("is refused before the first request, with its file and line", function()
        local dir = helper.tmpdir()
        assert(os.execute("mkdir -p " .. helper.quote(dir .. "/vendors/sandbox")))
        helper.write(dir .. "/vendors/x.lua", 'return vendor.define "x" { title = "X",\n'
            .. 'base_url = "https://x.example", endpoints = { read = { get = "/read" } } }')
        helper.write(dir .. "/vendors/sandbox/x.lua", "\nreturn { new = function(")
        for _, words in ipairs { { "call", "x.read", "--sandbox" }, { "sandbox", "--port", "0" } } do
            local got = helper.cli(words, { cwd = dir })
            assert.equal(2, got.code, got.err)
            assert.matches("^neap: invalid: %./vendors/sandbox/x%.lua:2: [^\n]*\n$", got.err)
        end
    end)

    it("that raises answers HTTP 500 with its line, and no traceback", function()
        local dir = helper.tmpdir()
        assert(os.execute("mkdir -p " .. helper.quote(dir .. "/vendors/sandbox")))
        helper.write(dir .. "/vendors/x.lua", 'return vendor.define "x" { title = "X",\n'
            .. 'base_url = "https://x.example", endpoints = { read = { get = "/read" } } }')
        helper.write(dir .. "/vendors/sandbox/x.lua", "return { new = function() return { endpoint = function() end,\n"
            .. "respond = function(_, req) return req.nothing.x end } end }")
        local got = helper.cli({ "call", "x.read", "--sandbox" }, { cwd = dir })
        assert.equal(1, got.code)
        assert.matches("error sandbox: ./vendors/sandbox/x.lua:2: attempt to index", got.err, 1, true)
        assert.not_matches("traceback", got.err)
        got = helper.cli({ "call", "x.read", "--sandbox", "--log-level", "debug" }, { cwd = dir })
        assert.matches("stack traceback", got.err, 1, true)
    end)
end)

describe("a file of records", function()
    it("is named once, whatever is wrong with it", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/open.csv", 'a,b\n1,2\n3,"x\n')
        helper.write(dir .. "/wide.csv", "a,b\n1,2,3\n")
        helper.write(dir .. "/run.lua", "for _ in neap.records(os.getenv 'CSV') do end")
        for name, message in pairs {
            ["open.csv"] = "decode: open.csv: line 3, column 3: this quote is never closed",
            ["wide.csv"] = "invalid: wide.csv: row: 3 cells for 2 columns (line 2)",
            ["none.csv"] = "invalid: cannot open none.csv: No such file or directory",
        } do
            local got = helper.cli({ "run", "run.lua" }, { cwd = dir, env = { CSV = name } })
            assert.equal(message, got.err:match "neap: ([^\n]*)")
        end
    end)
end)
