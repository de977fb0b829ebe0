-- Simulator of acme and bare: answers the n-th send for an `id` with the n-th word of its `plan`, any
-- further one with 200.
--
--   200            success; {"id", "n"} as payload
--   404 503 ...    that status, in the vendor's envelope
--   429;5 503;5    with Retry-After: 5; 429;date5: as a date five seconds from now
--   302;/acme/read with that Location
--   html empty false null list   200 with such a body
--   short          200 whose body ends in the middle of its JSON
--   cut            200 whose body is announced longer than it is
--   slow;30        200 after 30 seconds
--   quote          400 whose message quotes the credential and its encodings

local json = require "neap.native.json"

local Sim = {}
Sim.__index = Sim

function Sim.endpoint(_, req)
    if req.path:find "^/things/" then return "by_path" end
    return req.path:match "^/(%a[%a_]*)$"
end

local function credential(req)
    local header = req:header "x-key" or req:header "authorization" or ""
    return req.args.key or (req.body and (req:json() or {}).key) or header:match "(%S+)$"
end

local answers = {}

function answers.html() return { body = "<html><body>Login</body></html>" } end

function answers.empty() return { body = "" } end

answers["false"] = function() return { json = { OK = false, ERR = "refused inside", CODE = "E7" } } end

answers["null"] = function() return { json = { OK = true } } end

function answers.list() return { json = json.array {} } end

function answers.short() return { body = '{"OK": true, "DATA": {"id' } end

function answers.cut() return { length = 100, stream = function(write) write '{"OK": true' end } end

function answers.slow(sim, entry, seconds)
    sim.env.sleep(tonumber(seconds))
    return { json = { OK = true, DATA = { id = entry.id, n = entry.n } } }
end

function answers.quote(_, entry)
    local key = entry.key
    local base64 = "basic " .. key:gsub("-", "%%2D")
    return { status = 400, json = { ERR = ("bad key %s, %s or %s"):format(key, key:upper(), base64), CODE = key } }
end

local function status_answer(sim, status, detail)
    local res = { status = status, json = { OK = false, ERR = "said " .. status, CODE = "C" .. status } }
    if status >= 300 and status < 400 then
        res.headers = { Location = detail }
    elseif detail then
        local delay = detail:match "^date(.*)$"
        res.headers = {
            ["Retry-After"] = delay and sim.env.http_date(sim.env.wall_ms() + delay * 1000) or detail,
        }
    end
    return res
end

--- What is asked for: a row, a batch of rows (refused whole if the plan of one begins with 400), or all.
local function asked(req)
    local body = req.method == "POST" and req:json() or req.args
    if body.data and req.endpoint == "put_row" then return body.data end
    for _, row in ipairs(body.rows or {}) do
        if (row.plan or ""):find "^400" then return { plan = "400 400 400 400" } end
    end
    return body.rows and { plan = body.batch_plan } or body
end

function Sim:respond(req)
    local body = asked(req)
    local id = tostring(body.id or req.path)
    local n = (self.sends[id] or 0) + 1
    self.sends[id] = n
    local entry = {
        at = req.at, endpoint = req.endpoint, method = req.method, path = req.path, query = req.query,
        id = id, n = n, key = credential(req), body = req.body, authorization = req:header "authorization",
    }
    self.log[#self.log + 1] = entry
    local words = {}
    for word in (body.plan or ""):gmatch "%S+" do words[#words + 1] = word end
    local name, detail = (words[n] or "200"):match "^([^;]*);?(.*)$"
    if detail == "" then detail = nil end
    if entry.key and self.env.settings.key ~= entry.key and name ~= "quote" and not req.path:find "^/with_" then
        name = "401"
    end
    if name == "200" then return { json = { OK = true, DATA = { id = id, n = n } } } end
    if answers[name] then return answers[name](self, entry, detail) end
    return status_answer(self, tonumber(name), detail)
end

function Sim:snapshot()
    return json.array(self.log)
end

return { new = function(env) return setmetatable({ env = env, log = {}, sends = {} }, Sim) end }
