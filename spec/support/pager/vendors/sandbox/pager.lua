-- Simulator of pager: records { id, name } with ids from 1, in pages. `plan` is a list of words, joined by
-- commas, each a way in which the vendor misbehaves; NAME@N does so at the N-th request only.
--
-- all styles:     large (records of 6 KB, so that long pages are read while they arrive),
--                 bare (three records that are no objects), other (other records with the same ids),
--                 status 500@N 503@N,
--                 slow (more than 30 records take 2 minutes), late (so do those behind the first page),
--                 stall (so do all), over (20 records more than asked), short (half of a page),
--                 twice (the second page is the first one again), swing (A, B, A, B: so is every other one),
--                 clip30 clip50 (no more than that in a page),
--                 no_list (the list is an object), gone (it is absent), nothing (it is null), html (a page of
--                 another kind), half third (no more than that of the body, which ends there as it should),
--                 unnamed (a record 30 whose name is a number)
-- skip:           no_top, no_skip (overlooks that parameter)
-- cursor, token:  round (each page leads to the first), self (to itself), round2 (A, B, A, B), endless (new
--                 records for ever), endless_empty, holes (every other page is empty), null, absent, number,
--                 object (next while there is more), blank (""), text_more, done_next (next at the end),
--                 trailer (cursor behind the last record), odd (the last record has only a text named cursor),
--                 shrink (a total that shrinks)
-- page:           stuck (overlooks the page), liar (says there is more behind the end), no_flag
-- link, next_url: round, home (the second page leads to the first, as it was asked for), foreign, http, port,
--                 absolute, broken (header that is none), many (other links too), number (no URL)

local json = require "neap.native.json"

local Sim = {}
Sim.__index = Sim

function Sim.endpoint(_, req)
    return req.path:match "^/(%a[%a_]*)$"
end

--- A request with the parameters, wherever they travelled.
local function read(sim, req)
    local args = req.method == "POST" and req:json() or req.args
    sim.requests = sim.requests + 1
    local ask = { n = sim.requests, args = args, count = tonumber(args.count) or 250, req = req, plan = {} }
    for word in (args.plan or ""):gmatch "[^,]+" do
        local name, at = word:match "^(.-)@(%d+)$"
        if not at or tonumber(at) == ask.n then ask.plan[name or word] = true end
    end
    return ask
end

local PADDING = (" padding"):rep(750)

--- Records behind the first `from` ones.
local function slice(ask, from, size)
    local plan = ask.plan
    if plan.over then size = size + 20 end
    if plan.short then size = math.max(size // 2, 1) end
    if plan.twice and ask.n == 2 then from = 0 end
    if plan.swing then from = ask.n % 2 == 1 and 0 or size end
    for _, most in ipairs { 30, 50 } do
        if plan["clip" .. most] then size = math.min(size, most) end
    end
    local records = json.array {}
    for id = from + 1, math.min(from + size, ask.count) do
        records[#records + 1] = { id = id, name = (plan.other and "o" or "n") .. id .. (plan.large and PADDING or "") }
    end
    if plan.bare then return json.array { 1, "n2", json.array { 3 } } end
    return records
end

--- The list under its name, as the plan spoils it.
local function listed(ask, name, records)
    if ask.plan.no_list then return { [name] = { first = records[1] } } end
    if ask.plan.gone then return {} end
    return { [name] = ask.plan.nothing and json.null or records }
end

local answers = {}

function answers.skip(ask)
    local top = tonumber(ask.args["$top"]) or 20
    if ask.plan.no_top then top = 20 end
    local skip = ask.plan.no_skip and 0 or tonumber(ask.args["$skip"]) or 0
    local records = slice(ask, skip, top)
    if ask.plan.no_list then return { json = { error = "no rows" } } end
    return { json = ask.plan.nothing and json.null or records }
end

--- Where the next page begins, as its cursor says.
local function cursor_at(ask, from)
    local asked = ask.args.cursor or ask.args.token
    if ask.plan.round then return "c0" end
    if ask.plan.self and asked then return asked end
    if ask.plan.round2 then return asked == "c10" and "c20" or "c10" end
    return "c" .. from
end

local SPOILT = { null = json.null, number = 42, object = { at = 1 }, blank = "" }

local function next_cursor(ask, from)
    for word, value in pairs(SPOILT) do
        if ask.plan[word] then return value end
    end
    if ask.plan.absent then return nil end
    return cursor_at(ask, from)
end

--- -> records, the next cursor, is there more
local function cursor_page(ask, cursor, size)
    local from = tonumber((cursor or "c0"):match "^c(%d+)$")
    local plan = ask.plan
    if plan.endless or plan.round or plan.round2 then ask.count = math.maxinteger end
    local records = slice(ask, from, size)
    if plan.endless_empty or plan.holes and ask.n % 2 == 0 then records = json.array {} end
    local reached = from + #records
    if plan.endless_empty then reached = ask.n end
    if plan.twice and ask.n == 2 then reached = from + size end
    local more = reached < ask.count
    if plan.holes and #records == 0 and more then return records, "c0" .. reached, true end
    if not more then return records, plan.done_next and "c" .. reached or nil, false end
    return records, next_cursor(ask, reached), true
end

function answers.cursor(ask)
    local records, cursor, more = cursor_page(ask, ask.args.cursor, tonumber(ask.args.limit) or 25)
    local body = listed(ask, "data", records)
    local position = { has_more = ask.plan.text_more and "true" or more, next = cursor }
    if ask.plan.trailer then
        records[#records + 1] = { cursor = position }
    else
        body.cursor = position
    end
    if ask.plan.flat then body.cursor = cursor end
    if ask.plan.listed then body.cursor = json.array { position } end
    if ask.plan.odd and not more then records[#records + 1] = { cursor = "text" } end
    if ask.plan.shrink then body.total = ask.count - ask.n end
    return { json = body }
end

function answers.token(ask)
    local records, cursor = cursor_page(ask, ask.args.token, 50)
    local body = listed(ask, "items", records)
    body.next_token = cursor
    return { json = body }
end

function answers.page(ask)
    local page, size = tonumber(ask.args.page) or 1, tonumber(ask.args.per_page) or 10
    if ask.plan.stuck then page = 1 end
    local records = slice(ask, (page - 1) * size, size)
    local body = listed(ask, "items", records)
    body.has_next = page * size < ask.count or ask.plan.liar == true
    if ask.plan.no_flag then body.has_next = nil end
    if ask.plan.text_more then body.has_next = "yes" end
    return { json = body }
end

--- The URL of the page that begins behind `from`; nil at the end.
local function next_url(sim, ask, from, size)
    if from >= ask.count then return nil end
    local plan, base = ask.plan, sim.env.base(ask.req)
    if plan.home and ask.n > 1 then return "?" .. sim.seen[1].query end
    local at = plan.round and 0 or from
    local query = ("?from=%d&per_page=%d&count=%d&plan=%s"):format(at, size, ask.count, ask.args.plan or "")
    if plan.foreign then return "https://elsewhere.example/next" .. query end
    if plan.http then return base:gsub("^http:", "https:") .. ask.req.path .. query end
    if plan.port then return "http://localhost:8080/pager" .. ask.req.path .. query end
    if plan.absolute then return base .. ask.req.path .. query end
    return query
end

--- -> records, reference to the next page
local function url_page(sim, ask)
    local from, size = tonumber(ask.args.from) or 0, tonumber(ask.args.per_page) or 10
    local records = slice(ask, from, size)
    return records, next_url(sim, ask, from + size, size)
end

function answers.link(ask, sim)
    local records, target = url_page(sim, ask)
    local header = target and ("<%s>; rel=\"next\""):format(target)
    if target and ask.plan.many then
        header = { '<?from=0>; rel="first"; title="a, <b>"', ("<%s>;REL=\"prefetch NEXT\""):format(target) }
    end
    if ask.plan.broken then header = "<" .. (target or "") .. "; rel=next" end
    return { json = listed(ask, "items", records), headers = { Link = header } }
end

function answers.next_url(ask, sim)
    local records, target = url_page(sim, ask)
    local body = listed(ask, "items", records)
    if target then body.paging = { next = ask.plan.number and 2 or target } end
    return { json = body }
end

function answers.plain(ask)
    return { json = slice(ask, 0, 3) }
end

local SORTED = { sorted = true }

--- An answer as the plan spoils it, whatever the style.
local function spoilt(ask, answer)
    if ask.plan.unnamed then answer.json[30].name = 30 end
    local part = ask.plan.half and 2 or ask.plan.third and 3
    if not part then return answer end
    local text = json.encode(answer.json, SORTED)
    return { body = text:sub(1, #text // part), headers = { ["Content-Type"] = "application/json" } }
end

local function is_slow(ask, size)
    local args, plan = ask.args, ask.plan
    local is_later = args["$skip"] or args.cursor or args.page and tonumber(args.page) > 1 or args.from
    return plan.stall or size > 30 and (plan.slow or plan.late and is_later)
end

local SIZES = { "$top", "limit", "per_page" }

function Sim:respond(req)
    local ask = read(self, req)
    local size
    for _, name in ipairs(SIZES) do size = size or tonumber(ask.args[name]) end
    self.seen[#self.seen + 1] = {
        at = req.at, endpoint = req.endpoint, query = req.query, body = req.body, size = size,
        skip = tonumber(ask.args["$skip"]), cursor = ask.args.cursor, page = tonumber(ask.args.page),
        sort = ask.args.sort,
    }
    if not self.limiter:arrive("all", req.at) then return { status = 429, json = { error = "too many" } } end
    if req:header "x-key" ~= self.env.settings.key then return { status = 401, json = { error = "unknown key" } } end
    for _, status in ipairs { 500, 503 } do
        if ask.plan[tostring(status)] then return { status = status, json = { error = "said " .. status } } end
    end
    if is_slow(ask, size or 0) then self.env.sleep(120) end
    if ask.plan.html then return { body = "<html><title>Maintenance</title></html>" } end
    return spoilt(ask, answers[req.endpoint](ask, self))
end

function Sim:snapshot()
    return json.array(self.seen)
end

return {
    new = function(env)
        return setmetatable({ env = env, seen = {}, requests = 0, limiter = env.limiter(10, 1) }, Sim)
    end,
}
