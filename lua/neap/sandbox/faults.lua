--- Faults on demand (DESIGN.md 6): `KIND[@vendor[.endpoint]]:key=value,…` joined by `;`.
---
---   503:p=0.05;429:p=0.02;reset:p=0.01;slow:p=0.02,s=1;truncate:p=0.01
---   outage@omnisegment:status=503,from=10,to=200;expire@optimove:at=60
---
--- A number answers with that status before the simulator sees the request; `outage` does so for
--- all in its window. `reset` and `truncate` come after the request has taken effect; `slow`
--- delays the answer, and may meet another fault. For one request every clause that matches vendor,
--- endpoint and time draws one random number, in order of the clauses; the first that hits wins.
--- Pure: time and seed are arguments, so the same requests at the same times meet the same faults.

local lpeg = require "lpeg"
local suggest = require "neap.suggest"

local faults = {}

---@class neap.sandbox.Fault
---@field kind string as written: "503", "reset"
---@field status integer? answered before the simulator
---@field vendor string?
---@field endpoint string? lower case
---@field p number probability
---@field from number seconds from the start, included
---@field to number seconds from the start, excluded
---@field s number? seconds of delay (slow)
---@field at number? seconds from the start (expire)

--- Grammar: text to { { kind =, vendor =, endpoint =, keys = { { name, value }, ... } }, ... }, and
--- where it stopped.
local function make_grammar()
    local R, S, C, Cg, Ct, Cp = lpeg.R, lpeg.S, lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.Cp
    local blank = S " \t\n" ^ 0
    local name = C((R("az", "AZ", "09") + S "_-") ^ 1)
    local value = C((1 - S ",; \t\n") ^ 1)
    local pair = blank * Ct(name * blank * "=" * blank * value) * blank
    local keys = Cg(Ct(pair * ("," * pair) ^ 0), "keys")
    local target = "@" * Cg(name, "vendor") * ("." * Cg(name, "endpoint")) ^ -1
    local clause = Ct(blank * Cg(name, "kind") * target ^ -1 * blank
        * (":" * keys) ^ -1)
    local gap = blank * ";"
    return Ct(gap ^ 0 * clause ^ -1 * (gap ^ 1 * clause) ^ 0 * gap ^ 0 * blank) * Cp()
end

local grammar = make_grammar()
local shape = "KIND[@vendor[.endpoint]]:key=value,… joined by ;"

local function number(text)
    local n = text:find("^[%d.]") and tonumber(text)
    return n and n == n and n < math.huge and n or nil
end

local function seconds(text)
    local n = number(text)
    if n and n <= 1e9 then return n end
    return nil, "a number of seconds"
end

local function probability(text)
    local n = number(text)
    if n and n <= 1 then return n end
    return nil, "a number from 0 to 1"
end

local function status(text)
    local n = text:find("^[2-5]%d%d$") and math.tointeger(tonumber(text))
    if n then return n end
    return nil, "a status from 200 to 599"
end

local window = { p = probability, from = seconds, to = seconds }

local kinds = {
    reset = window,
    truncate = window,
    slow = { p = probability, from = seconds, to = seconds, s = seconds },
    outage = { status = status, from = seconds, to = seconds },
    expire = { at = seconds },
}

local kind_names = {
    "expire", "outage", "reset", "slow", "truncate", "429", "500", "502", "503", "504",
}

local function sorted_keys(t)
    local list = {}
    for name in pairs(t) do list[#list + 1] = name end
    table.sort(list)
    return list
end

local function unknown(what, name, list)
    local nearest = suggest.nearest(name, list)
    local hint = nearest and ('did you mean "%s"?'):format(nearest)
        or "there are " .. table.concat(list, ", ")
    return ('faults: unknown %s "%s" (%s)'):format(what, name, hint)
end

local function unknown_key(kind, name, list)
    local nearest = suggest.nearest(name, list)
    local hint = nearest and ('did you mean "%s"?'):format(nearest)
        or "there are " .. table.concat(list, ", ")
    return ('faults: %s: no key "%s", %s'):format(kind, name, hint)
end

local function read_keys(raw, allowed, clause)
    for _, pair in ipairs(raw.keys or {}) do
        local name, text = pair[1], pair[2]
        local read = allowed[name]
        if not read then
            return unknown_key(raw.kind, name, sorted_keys(allowed))
        end
        local value, wanted = read(text)
        if not value then
            return ('faults: %s of "%s" must be %s, not "%s"'):format(name, raw.kind, wanted, text)
        end
        clause[name] = value
    end
    if clause.from >= clause.to then
        return ('faults: the window of "%s" is empty: from must be less than to'):format(raw.kind)
    end
end

local function find(list, name, map)
    for _, item in ipairs(list) do
        if (map and map(item) or item) == name then return true end
    end
    return false
end

local function check_target(raw, known)
    if raw.vendor and known.vendors and not find(known.vendors, raw.vendor) then
        return unknown("vendor", raw.vendor, known.vendors)
    end
    if raw.endpoint and raw.kind == "expire" then
        return 'faults: "expire" is for a vendor, not for an endpoint'
    end
    local list = raw.endpoint and known.endpoints and known.endpoints(raw.vendor)
    if list and not find(list, raw.endpoint:lower(), string.lower) then
        return unknown("endpoint of " .. raw.vendor, raw.endpoint, list)
    end
end

local function read_clause(raw, known)
    local code = status(raw.kind)
    local allowed = code and window or kinds[raw.kind]
    if not allowed then return nil, unknown("kind", raw.kind, kind_names) end
    local clause = {
        kind = raw.kind,
        status = code or raw.kind == "outage" and 503 or nil,
        vendor = raw.vendor,
        endpoint = raw.endpoint and raw.endpoint:lower(),
        p = 1,
        from = 0,
        to = math.huge,
        s = raw.kind == "slow" and 1 or nil,
    }
    local message = check_target(raw, known) or read_keys(raw, allowed, clause)
    if message then return nil, message end
    if raw.kind == "expire" and not clause.at then
        return nil, 'faults: "expire" needs at=SECONDS'
    end
    return clause
end

--- Reads a specification.
---@param text string
---@param known? { vendors: string[]?, endpoints: (fun(vendor: string): string[]?)? } names to check
---@return neap.sandbox.Fault[]? clauses
---@return string? message
function faults.parse(text, known)
    local raws, stop = grammar:match(text)
    if stop <= #text then
        return nil, ('faults: cannot read "%s" (expected %s)'):format(text:sub(stop), shape)
    end
    local clauses = {}
    for i, raw in ipairs(raws) do
        local clause, message = read_clause(raw, known or {})
        if not clause then return nil, message end
        clauses[i] = clause
    end
    return clauses
end

---@class neap.sandbox.Faults the engine
local Faults = {}
Faults.__index = Faults

--- Makes the engine.
---@param clauses neap.sandbox.Fault[]
---@param random fun(): number in [0, 1), from the seed
---@param now fun(): number seconds since the sandbox's start
---@return neap.sandbox.Faults
function faults.new(clauses, random, now)
    return setmetatable({
        clauses = clauses,
        random = random,
        now = now,
        matching = {},
        by_date = false,
    }, Faults)
end

local function select_clauses(clauses, vendor, endpoint)
    local list = {}
    for _, clause in ipairs(clauses) do
        if clause.kind ~= "expire" and (not clause.vendor or clause.vendor == vendor)
            and (not clause.endpoint or endpoint and clause.endpoint == endpoint:lower()) then
            list[#list + 1] = clause
        end
    end
    return list
end

--- The clauses for a vendor's endpoint, kept: they are asked for with every request.
local function matching(self, vendor, endpoint)
    local of_vendor = self.matching[vendor]
    if not of_vendor then
        of_vendor = {}
        self.matching[vendor] = of_vendor
    end
    local list = of_vendor[endpoint or false]
    if not list then
        list = select_clauses(self.clauses, vendor, endpoint)
        of_vendor[endpoint or false] = list
    end
    return list
end

--- Decides what befalls a request.
---@param vendor string
---@param endpoint string?
---@return neap.sandbox.Fault? fault
---@return number delay seconds by which the answer is late
function Faults:decide(vendor, endpoint)
    local list = matching(self, vendor, endpoint)
    local hit, delay = nil, 0
    if #list == 0 then return hit, delay end
    local now = self.now()
    for i = 1, #list do
        local clause = list[i]
        if now >= clause.from and now < clause.to and self.random() < clause.p then
            if clause.s then
                delay = delay + clause.s
            else
                hit = hit or clause
            end
        end
    end
    return hit, delay
end

--- Has an `expire` of this vendor fallen due after `since` (seconds since the sandbox's start)?
---@param vendor string
---@param since number
---@return boolean
function Faults:expired(vendor, since)
    local now = self.now()
    for _, clause in ipairs(self.clauses) do
        if clause.kind == "expire" and (not clause.vendor or clause.vendor == vendor)
            and since < clause.at and clause.at <= now then
            return true
        end
    end
    return false
end

--- Whether the next Retry-After is a date: in turn with seconds (RFC 9110, 10.2.3).
---@return boolean
function Faults:next_is_date()
    local by_date = self.by_date
    self.by_date = not by_date
    return by_date
end

return faults
