--- What an export leaves where it does not come to its end, and what it shows under way.

local helper = require "spec.support.helper"
require "neap"
local list = require("neap.native.file").list

-- 3,000 records of some 200 bytes, more than is kept back; the run stops in the middle if it is told to.
local SCRIPT = [[return neap.workflow {
    args = { { "out", type = "path", required = true }, { "stop", type = "boolean" } },
    run = function(_, args)
        local at, text = 0, ("x"):rep(180)
        return neap.export.write(function()
            at = at + 1
            if args.stop and at == 2000 then
                print "in the middle"
                io.stdout:flush()
                neap.sleep(3600)
            end
            return at <= 3000 and { id = at, text = text } or nil
        end, { out = args.out })
    end,
}]]

local dir
before_each(function()
    dir = helper.tmpdir()
    helper.write(dir .. "/save.lua", SCRIPT)
end)

--- The names in the directory besides the script.
local function names()
    local found = {}
    for _, name in ipairs(list(dir)) do
        if name ~= "." and name ~= ".." and name ~= "save.lua" then found[#found + 1] = name end
    end
    return found
end

local function save(words, opts)
    local args = { "run", "save.lua", "--out", "out.ndjson" }
    opts = opts or {}
    opts.cwd = dir
    return helper.cli(table.move(words or {}, 1, #(words or {}), #args + 1, args), opts)
end

local function start()
    local process = helper.start({ "run", "save.lua", "--stop", "--out", "out.ndjson" }, { cwd = dir })
    assert.equal("in the middle", process:line())
    return process
end

describe("an export", function()
    it("that is killed leaves a temporary name, which the next one does not mind", function()
        helper.write(dir .. "/out.ndjson", "earlier\n")
        for round = 1, 2 do
            local process = start()
            process:signal "KILL"
            assert.equal(137, process:wait().code)
            assert.equal("earlier\n", helper.read(dir .. "/out.ndjson"))
            local found = names()
            assert.equal(1 + round, #found)
            for i = 2, #found do assert.matches("^out%.ndjson%.tmp%-%x%x%x%x%x%x%x%x%x%x$", found[i]) end
        end
        local left = names()
        local saved = save()
        assert.equal(0, saved.code, saved.err)
        assert.equal(3000, select(2, helper.read(dir .. "/out.ndjson"):gsub("\n", "")))
        assert.same(left, names())
    end)

    it("that is cancelled leaves nothing", function()
        for name, code in pairs { INT = 130, TERM = 143 } do
            local process = start()
            process:signal(name)
            assert.equal(code, process:wait().code)
            assert.same({}, names())
        end
    end)

    -- 25,000 records from a simulator.
    local EXPORT = "run optimove/export-customers --function GetCustomersByAction --param RecipientGroupID=1 "
        .. "--param ActionID=2 --param Date=2018-03-01 --out out.ndjson --sandbox --clock virtual"

    --- Runs that with a command before it. -> exit code, standard error
    local function export(before)
        local _, _, code = os.execute(("cd %s && HOME=$PWD/none sh -c %s"):format(helper.quote(dir), helper.quote(
            ("%s exec %s %s 2> err > result"):format(before, helper.bin, EXPORT))))
        return code, helper.read(dir .. "/err")
    end

    it("for which there is no room leaves nothing, and the file of before as it was", function()
        for _, before in ipairs { false, "earlier\n" } do
            if before then helper.write(dir .. "/out.ndjson", before) end
            -- A limit on the size of files: writing beyond it fails as on a full disk, with another name.
            local code, err = export 'trap "" XFSZ; ulimit -f 200;'
            assert.equal(1, code)
            assert.equal("neap: invalid: cannot write out.ndjson: File too large\n", err)
            assert.same(before and { "err", "out.ndjson", "result" } or { "err", "result" }, names())
            if before then assert.equal(before, helper.read(dir .. "/out.ndjson")) end
        end
    end)

    it("into a device that is full says so", function()
        if not helper.exists "/dev/full" then return pending "there is no /dev/full" end
        assert(os.execute(("ln -s /dev/full %s/out.ndjson"):format(helper.quote(dir))))
        local code, err = export ""
        assert.equal(1, code)
        assert.equal("neap: invalid: cannot write out.ndjson: No space left on device\n", err)
    end)

    it("shows records, bytes and their rate, and at the end what it has saved", function()
        local shown = save { "--progress", "always" }
        assert.equal(0, shown.code, shown.err)
        local bytes = #helper.read(dir .. "/out.ndjson")
        assert.matches("^neap: 1 record, 199 B", shown.err)
        assert.matches(("neap: 3,000 records, %.1f kB, saved in out.ndjson\n"):format(bytes / 1000), shown.err,
            1, true)
        assert.equal("", save({ "--progress", "never" }).err)
        shown = save { "--progress", "always", "--dry-run" }
        assert.matches("neap: dry run: 3,000 records, nothing is saved\n$", shown.err)
    end)

    it("that makes records of rows shows both", function()
        local ids = helper.write(dir .. "/ids.csv", "email\na@example.com\nb@example.com\nc@example.com\n")
        local shown = helper.cli({ "run", "primedata/export-events", "--file", ids, "--out", "out.csv", "--sandbox",
            "--clock", "virtual", "--progress", "always" }, { cwd = dir })
        assert.equal(0, shown.code, shown.err)
        local bytes = #helper.read(dir .. "/out.csv")
        assert.matches("^neap: 1 record: 1 ok, [%d,]+ records? %([%d.]+ k?B%) saved", shown.err)
        assert.matches(("neap: 1,234 records, %.1f kB, saved in out.csv\n"):format(bytes / 1000), shown.err, 1, true)
    end)
end)
