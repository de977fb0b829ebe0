--- neap.append on a disk that is full for a while: no line is glued to a part of another one.

local helper = require "spec.support.helper"
local json = require "neap.native.json"

local SCRIPT = [[
local number = 0
local function append()
    number = number + 1
    return neap.append("out.ndjson", neap.json.encode { number = number, filling = ("x"):rep(280) })
end
while append() do end
neap.append("failed", "yes")
neap.poll({ every = 0.02, total = 30 }, function() return io.open "go" ~= nil end)
assert(append())
assert(append())
]]

local function quote_all(words)
    for i, word in ipairs(words) do words[i] = helper.quote(word) end
    return table.concat(words, " ")
end

it("neap.append goes on behind a line of which a part could be written", function()
    local dir = helper.tmpdir() .. "/"
    helper.write(dir .. "script.lua", SCRIPT)
    local shell = ([[cd %s && trap '' XFSZ && ulimit -S -f 2 && echo $$ > pid && exec %s]]):format(
        helper.quote(dir), quote_all { helper.bin, "run", "./script.lua", "--no-state" })
    local process = assert(io.popen(("sh -c %s 2>&1"):format(helper.quote(shell))))
    helper.wait_for(function() return helper.exists(dir .. "failed") end, "a full disk")
    assert(os.execute("prlimit --fsize=unlimited --pid " .. helper.read(dir .. "pid"):match "%d+"))
    helper.write(dir .. "go", "")
    assert.equal("", process:read "a")
    assert.is_true(process:close())
    local numbers, broken = {}, 0
    for line in helper.read(dir .. "out.ndjson"):gmatch "([^\n]*)\n" do
        local value = json.decode(line)
        if value then numbers[#numbers + 1] = value.number else broken = broken + 1 end
    end
    assert.same({ { 1, 2, 3, 5, 6 }, 1 }, { numbers, broken })
end)
