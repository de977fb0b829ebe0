-- Simulator of shop: the payload is the request, as it came over the wire; say answers as told.

local Sim = {}
Sim.__index = Sim

function Sim:endpoint(req)
    return self and (req.path:match "^/(%a+)$" or req.method == "GET" and "get_order" or "put_order")
end

local ANSWERS = {
    null = { body = "null" }, empty = { body = "" }, list = { body = '[{"b":1,"a":2.0},3]' },
    text = { body = '"caf\195\169"' }, html = { body = "<html>" },
    no = { status = 400, body = '{"error":"not\\ntoday"}' },
    missing = { status = 404, body = '{"error":"no such thing"}' },
    away = { status = 302, headers = { Location = "https://elsewhere.example/" } },
}

function Sim:respond(req)
    if req:header "x-key" and req:header "x-key" ~= self.env.settings.key then
        return { status = 401, body = '{"error":"unknown key"}' }
    end
    if req.path == "/endless" then
        return { stream = function(write)
            write "{}\n"
            self.env.sleep(3600)
        end }
    end
    if req.path == "/say" then
        local word, seconds = req.args.what:match "^(%a+) (%S+)$"
        if word == "tell" then io.stderr:write "seen\n" end
        if seconds then self.env.sleep(tonumber(seconds)) end
        return ANSWERS[seconds and "null" or req.args.what]
    end
    return { body = ('{"method":"%s","path":"%s","query":"%s","body":%s}'):format(
        req.method, req.path, req.query, req.body and req.body ~= "" and req.body or "null") }
end

return { new = function(env) return setmetatable({ env = env }, Sim) end }
