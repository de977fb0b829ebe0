--- A strict reader of the text format of Prometheus, version 0.0.4: raises what a scraper could stumble over.

local prometheus = {}

local TYPES = { counter = true, gauge = true, histogram = true, summary = true, untyped = true }
local ESCAPES = { ["\\"] = "\\", ['"'] = '"', n = "\n" }

local function fail(line, fmt, ...)
    error(("%s in: %s"):format(fmt:format(...), line), 0)
end

--- Reads labels from behind the brace. -> list of { name, value }, position behind the closing brace
local function read_labels(line, at)
    local labels, names = {}, {}
    while line:sub(at, at) ~= "}" do
        local name, from = line:match('^([a-zA-Z_][a-zA-Z0-9_]*)="()', at)
        if not name then fail(line, "no label at %d", at) end
        if names[name] then fail(line, "label %s twice", name) end
        local value = {}
        while line:sub(from, from) ~= '"' do
            local plain, escaped = line:match('^([^"\\]+)', from), line:match("^\\(.)", from)
            if escaped and not ESCAPES[escaped] then fail(line, "bad escape \\%s", escaped) end
            if not plain and not escaped then fail(line, "no end of the value of %s", name) end
            value[#value + 1] = plain or ESCAPES[escaped]
            from = from + (plain and #plain or 2)
        end
        names[name] = true
        labels[#labels + 1] = { name = name, value = table.concat(value) }
        at = line:match("^,()", from + 1) or from + 1
    end
    return labels, at + 1
end

--- -> { name, labels, value, key }
local function read_sample(line)
    local name, at = line:match "^([a-zA-Z_:][a-zA-Z0-9_:]*)()"
    if not name then fail(line, "no name") end
    local labels = {}
    if line:sub(at, at) == "{" then labels, at = read_labels(line, at + 1) end
    local text = line:match("^ ([0-9.]+)$", at)
    local value = tonumber(text)
    if not value then fail(line, "no value") end
    return { name = name, labels = labels, value = value, key = line:sub(1, at - 1) }
end

--- The labels of a bucket without its bound. -> text, bound
local function without_bound(sample)
    local rest, bound = {}, nil
    for _, label in ipairs(sample.labels) do
        if label.name == "le" then bound = label.value else rest[#rest + 1] = label.name .. "=" .. label.value end
    end
    return table.concat(rest, ","), bound
end

local function check_bucket(family, sample)
    local labels, bound = without_bound(sample)
    local number = bound == "+Inf" and math.huge or tonumber(bound)
    local last = family.buckets[labels]
    if not number then fail(sample.key, "no bound") end
    if last and (number <= last.bound or sample.value < last.count) then fail(sample.key, "buckets go down") end
    family.buckets[labels] = { bound = number, count = sample.value }
end

local function check_histogram(family, sample)
    local suffix = sample.name:sub(#family.name + 1)
    if suffix == "_bucket" then return check_bucket(family, sample) end
    if suffix ~= "_sum" and suffix ~= "_count" then fail(sample.key, "no part of a histogram") end
    if suffix == "_sum" then return end
    local last = family.buckets[without_bound(sample)]
    if not last or last.bound ~= math.huge then fail(sample.key, "no bucket without a bound") end
    if last.count ~= sample.value then fail(sample.key, "not as many as the buckets say") end
end

local function check_sample(family, sample)
    if not family or sample.name:sub(1, #family.name) ~= family.name then fail(sample.key, "outside of its family") end
    if family.type == "histogram" then return check_histogram(family, sample) end
    if sample.name ~= family.name then fail(sample.key, "outside of its family") end
    if family.type == "counter" and not sample.name:find "_total$" then fail(sample.key, "a counter is no _total") end
end

--- Reads a text. -> values by name with labels, as written; families by name: { type, help }
---@param text string
---@return table<string, number>, table<string, { type: string, help: string }>
function prometheus.parse(text)
    local values, families, family = {}, {}, nil
    assert(text:sub(-1) == "\n", "no newline at the end")
    for line in text:gmatch "([^\n]*)\n" do
        local kind, name, rest = line:match "^# (%u+) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$"
        if kind == "HELP" then
            if families[name] then fail(line, "a family twice") end
            family = { name = name, help = rest, buckets = {} }
            families[name] = family
        elseif kind == "TYPE" then
            if not family or family.name ~= name or family.type then fail(line, "TYPE without its HELP") end
            if not TYPES[rest] then fail(line, "unknown type") end
            family.type = rest
        else
            local sample = read_sample(line)
            check_sample(family, sample)
            if values[sample.key] then fail(line, "a series twice") end
            values[sample.key] = sample.value
        end
    end
    return values, families
end

return prometheus
