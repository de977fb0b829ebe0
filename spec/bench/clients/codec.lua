-- neap.json against lua-cjson in one process, on one document of about 1 MB. Prints, in milliseconds,
-- `decode NEAP CJSON` and `encode NEAP CJSON`: the best of rounds that alternate.

local cjson = require "cjson"
local neap = require "neap"

local ROUNDS, ITEMS = 30, 2600

--- The same document every time: a small generator of its own.
local state = 7
local function random(n)
    state = (state * 1103515245 + 12345) % 2147483648
    return (state >> 8) % n
end

local WORDS = {
    "audience", "member", "Straße", "臺北市信義區", "line\nbreak", 'a "quoted" word', "back\\slash", "tab\there", "naïve",
    "東京", "order", "campaign", "😀", "plain text of some length that has nothing to escape at all",
}

local function text()
    local parts = {}
    for i = 1, 1 + random(4) do parts[i] = WORDS[1 + random(#WORDS)] end
    return table.concat(parts, " ")
end

local function item(i)
    local tags = {}
    for k = 1, 1 + random(5) do tags[k] = WORDS[1 + random(#WORDS)] end
    return {
        id = 1000000000 + i, customer = "C" .. random(1000000), name = text(), note = text(), tags = tags,
        amount = random(100000) / 100, score = random(1000000) / 1000000, visits = random(500),
        active = random(2) == 0, deleted = random(10) == 0, parent = random(3) == 0 and cjson.null or random(1000),
        address = { city = text(), zip = "" .. 10000 + random(80000), geo = { 25 + random(9999) / 10000, 121.5 } },
        history = { random(100), random(100), random(100), -random(100), random(10) / 10 },
    }
end

local function document()
    local items = {}
    for i = 1, ITEMS do items[i] = item(i) end
    return { items = items, total = ITEMS, next = cjson.null }
end

local function milliseconds(fn, argument)
    collectgarbage()
    local begun = os.clock()
    fn(argument)
    return (os.clock() - begun) * 1000
end

local function best(fns, arguments)
    local times = { math.huge, math.huge }
    for _ = 1, ROUNDS do
        for i = 1, 2 do times[i] = math.min(times[i], milliseconds(fns[i], arguments[i])) end
    end
    return times[1], times[2]
end

local encoded = assert(neap.json.encode(document()))
local ours, theirs = assert(neap.json.decode(encoded)), cjson.decode(encoded)

io.write(("bytes %d\n"):format(#encoded))
io.write(("decode %.3f %.3f\n"):format(best({ neap.json.decode, cjson.decode }, { encoded, encoded })))
io.write(("encode %.3f %.3f\n"):format(best({ neap.json.encode, cjson.encode }, { ours, theirs })))
