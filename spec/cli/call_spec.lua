local helper = require "spec.support.helper"

local function call(...)
    return helper.cli({ "call", ... })
end

describe("neap call", function()
    it("prints the payload in wire order", function()
        assert.same({ code = 0, out = '{"statusCode":200,"message":"pong"}\n', err = "" },
            call("opm", "ping", "--sandbox"))
        local got = call("omnisegment", "import_audience", "data.member_sn=M1", "--sandbox")
        assert.equal('{"status":"OK","error_msg":""}\n', got.out)
    end)

    it("gives any value, from files and standard input, too", function()
        local dir = helper.tmpdir()
        helper.write(dir .. "/member", '{"member_sn":"M1"}\n')
        local function sent(words, stdin)
            local all = { "call", "omnisegment", "import_audience", "--sandbox", "--dry-run" }
            table.move(words, 1, #words, #all + 1, all)
            local got = helper.cli(all, { cwd = dir, stdin = stdin })
            assert.equal(0, got.code, got.err)
            return got.out:match '"data":(%b{})'
        end
        assert.equal('{"member_sn":"M1"}', sent { "data=@member" })
        assert.equal('{"member_sn":"M2"}', sent({ "data.member_sn=@-" }, "M2\n"))
        assert.equal('{"is_active":true,"member_sn":"@3"}',
            sent { 'data.member_sn:="@3"', "data.is_active=true" })
        assert.equal('{"member_sn":"M1","shoe_size":"42"}',
            sent { "data.member_sn=M1", "data.shoe_size=42" })
    end)

    it("refuses parameters, all faults at once, before any request", function()
        local got = call("omnisegment", "import_audience", "data.emial=x", "tid=1",
            "merge_key=mail", "--sandbox")
        assert.equal(2, got.code)
        assert.equal("", got.out)
        for _, part in ipairs {
            "data.emial", 'did you mean "email"?', "--set omnisegment.tid=", "merge_key",
        } do
            assert.truthy(got.err:find(part, 1, true), part)
        end
        for _, words in ipairs {
            { "opm", "pin" }, { "opmm", "ping" }, { "opm" }, {},
            { "opm", "ping", "x=1", "--sandbox" }, { "opm", "entry", "word" },
            { "opm", "entry", "customerId=@missing", "--sandbox" },
            { "opm", "entry", "customerId:={", "--sandbox" },
        } do
            assert.equal(2, call(table.unpack(words)).code, table.concat(words, " "))
        end
        assert.matches('did you mean "ping"%?', call("opm", "pin").err)
    end)

    it("prints elements or one line with --all", function()
        assert.same({ code = 0, out = "", err = "" },
            call("omnisegment", "list_interaction_reports", "--all", "--sandbox"))
        assert.equal('{"statusCode":200,"message":"pong"}\n',
            call("opm", "ping", "--all", "--sandbox").out)
    end)

    it("tells failures as one line or as JSON", function()
        local got = call("omnisegment", "get_interaction_report", "report_id=99", "--sandbox")
        assert.equal(1, got.code)
        assert.matches("^neap: omnisegment.get_interaction_report: rejected: HTTP 400: [^\n]+\n$",
            got.err)
        got = call("omnisegment", "get_interaction_report", "report_id=99", "--sandbox", "--json")
        assert.equal(1, got.code)
        assert.equal("", got.out)
        local json = require "neap".json
        local err = json.decode(got.err).error
        assert.equal("rejected", err.kind)
        assert.equal(400, err.status)
        assert.equal("omnisegment", err.vendor)
        assert.equal("get_interaction_report", err.endpoint)
    end)

    it("says which setting is missing, and never a key", function()
        local got = call("opm", "ping")
        assert.equal(4, got.code)
        assert.matches("missing setting api_key; set NEAP_OPM_API_KEY", got.err)
        got = helper.cli({
            "call", "opm", "ping", "--sandbox", "--set", "opm.api_key=env:KEY", "--json",
        }, { env = { KEY = "wrong-key-0815" } })
        assert.equal(4, got.code)
        assert.is_nil(got.err:find("wrong-key-0815", 1, true))
        assert.equal(2, call("opm", "ping", "--set", "opm.api_key=0815").code)
    end)
end)
