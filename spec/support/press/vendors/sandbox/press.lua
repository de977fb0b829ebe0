-- Simulator of press: the file of a report is found by the report's name, which is its id, too.

local Sim = {}
Sim.__index = Sim

function Sim:endpoint(req)
    return self and (req.path:find "^/state/" and "state" or req.path:match "^/(%a+)$")
end

local LARGE = ("x"):rep(1000)

--- The text of a file, or a function that streams it.
local FILES = {
    rows = 'id,note,at\n1,"a, ""b""",\n2,,"x\ny"\n', ["rows-crlf"] = "\239\187\191id,note\r\n1,a\r\n2,b",
    ["rows-none"] = "id,note\n", ["rows-torn"] = "id,note,at\n1,a,b\n2,a", ["rows-open"] = 'id,note\n1,"a\n',
    ["rows-short"] = "id,note\n1\n2,b\n", ["rows-long"] = "id,note\n1,a\n2,b,c\n", ["rows-twice"] = "id,id\n1,2\n",
    ["rows-unnamed"] = "id,\n1,2\n",
    lines = '{"id":1,"note":"a, \\"b\\"","tags":["x","y"]}\n\n{"id":2,"note":null,"tags":[]}\r\n'
        .. '{"note":"c","id":3.50}',
    ["lines-more"] = '{"id":1}\n{"id":2,"note":"b"}\n', ["lines-torn"] = '{"id":1}\n{"id":2,"no',
    ["lines-bad"] = '{"id":1}\n{"id":2,}\n{"id":3}\n', ["lines-other"] = '{"id":1}\n[2]\n',
    ["lines-list"] = '[{"id":1}]',
    html = "\n<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", json = '{"detail":"Not found"}',
    empty = "",
    ["rows-late"] = function(write)
        write "id,note\n"
        for i = 1, 300 do
            if not write(("%d,%s\n"):format(i, LARGE)) then return end
        end
        write '301,"'
    end,
    ["lines-late"] = function(write)
        for i = 1, 300 do
            if not write(('{"id":%d,"note":"%s"}\n'):format(i, LARGE)) then return end
        end
        write '{"id":301,'
    end,
}

function Sim:respond(req)
    local file = req.path:match "^/files/(.*)$"
    if file then
        local content = FILES[file]
        if type(content) == "function" then return { stream = content } end
        return content and { body = content } or { status = 404, body = "" }
    end
    local id = req.path:match "^/state/(.*)$"
    if id then return { json = { state = "DONE", url = self.env.base(req) .. "/files/" .. id } } end
    return { json = { id = req:json().name } }
end

return { new = function(env) return setmetatable({ env = env }, Sim) end }
