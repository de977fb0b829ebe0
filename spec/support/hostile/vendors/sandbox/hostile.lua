-- Simulator of hostile: `count` records { id, text } in one page, as JSON, as XML where that is asked for, or with
-- /wrapped as the member `data` of an object. `kind` says what is wrong with the body:
--
--   good                nothing
--   giant, over         the second record has 10 MB of text; 40 MB
--   deep_record         the third record has 100,000 nested brackets (elements)
--   deep_beside         a member beside the records has (wrapped)
--   deep_document       the document is nothing else
--   cut                 the body ends after `at` bytes, as if that were all of it
--   short, early        the connection ends after half of the length that was announced; of no length
--   long                more is sent than was announced: half of the body
--   stall               after half of it nothing more comes
--   html                a page of HTML with status 200, longer than any answer that is read whole
--   gzip, badgzip       packed, 1 to 1; so named, and not packed
--   bomb                1,000,000,000 blanks in 1 MB of gzip

local Sim = {}
Sim.__index = Sim

local PIECE = 16384
local DEEP = 100000

local JSON = {
    head = "[", tail = "]", between = ",", type = "application/json", open = "[", close = "]",
    before = '{"id":%d,"text":"', behind = '"', deep_before = ',"deep":', deep_behind = "", finish = "}",
}

local XML = {
    head = "<ArrayOfItem>", tail = "</ArrayOfItem>", between = "", type = "application/xml", open = "<a>",
    close = "</a>", before = "<Item><id>%d</id><text>", behind = "</text>", deep_before = "<deep>",
    deep_behind = "</deep>", finish = "</Item>",
}

local MEGABYTES = { giant = 10, over = 40 }

local function put_deep(form, put)
    put(form.open:rep(DEEP))
    put(form.close:rep(DEEP))
end

--- The text of a record: six times the same, or megabytes.
local function put_text(kind, id, put)
    if id ~= 2 or not MEGABYTES[kind] then return put(("text of record %d"):format(id):rep(6, ", ")) end
    for _ = 1, MEGABYTES[kind] * 1024 * 1024 // PIECE do put(("x"):rep(PIECE)) end
end

local function put_record(form, kind, id, put)
    put((id > 1 and form.between or "") .. form.before:format(id))
    put_text(kind, id, put)
    put(form.behind)
    if kind == "deep_record" and id == 3 then
        put(form.deep_before)
        put_deep(form, put)
        put(form.deep_behind)
    end
    put(form.finish)
end

local function put_document(form, kind, count, is_wrapped, put)
    if kind == "deep_document" then return put_deep(form, put) end
    if is_wrapped then put "{" end
    if kind == "deep_beside" then
        put '"meta":'
        put_deep(form, put)
        put ","
    end
    if is_wrapped then put '"data":' end
    put(form.head)
    for id = 1, count do put_record(form, kind, id, put) end
    put(form.tail)
    if is_wrapped then put "}" end
end

--- The pieces of a body, one after the other.
local function pieces_of(form, kind, count, is_wrapped)
    return coroutine.wrap(function()
        local buffer, size = {}, 0
        local function flush()
            if size > 0 then coroutine.yield(table.concat(buffer)) end
            buffer, size = {}, 0
        end
        put_document(form, kind, count, is_wrapped, function(text)
            buffer[#buffer + 1], size = text, size + #text
            if size >= PIECE then flush() end
        end)
        flush()
    end)
end

local function whole(pieces)
    local parts = {}
    for piece in pieces do parts[#parts + 1] = piece end
    return table.concat(parts)
end

local function u16(n) return string.pack("<I2", n) end

local function crc32(text)
    local crc = 0xffffffff
    for i = 1, #text do
        crc = crc ~ text:byte(i)
        for _ = 1, 8 do crc = crc >> 1 ~ (crc & 1) * 0xedb88320 end
    end
    return ~crc & 0xffffffff
end

local GZIP = "\x1f\x8b\x08\0\0\0\0\0\0\xff"

--- gzip (RFC 1952) of stored blocks (RFC 1951 3.2.4).
local function gzip(text)
    local parts = { GZIP }
    for at = 1, #text, 65535 do
        local part = text:sub(at, at + 65534)
        parts[#parts + 1] = (at + 65535 > #text and "\1" or "\0") .. u16(#part) .. u16(~#part & 0xffff) .. part
    end
    return table.concat(parts) .. string.pack("<I4I4", crc32(text), #text & 0xffffffff)
end

--- 1 + 1032 * n blanks: a block in which two bits stand for 258 blanks like the one before them.
local function bomb(n)
    return GZIP .. "\xed\xc0\x81\0\0\0\0\x80\x20\x95\xfd\x29\x17\xa9" .. ("\0"):rep(n) .. "\6" .. ("\0"):rep(8)
end

local HTML = "<!DOCTYPE html><html><body>" .. ("<p>We are down for maintenance.</p>"):rep(8000) .. "</body></html>"

local function half_of(text) return text:sub(1, #text // 2) end

local KINDS = {}

function KINDS.cut(ask) return { body = ask.body():sub(1, ask.at) } end

function KINDS.html() return { headers = { ["Content-Type"] = "text/html" }, body = HTML } end

function KINDS.gzip(ask) return { headers = { ["Content-Encoding"] = "gzip" }, body = gzip(ask.body()) } end

function KINDS.badgzip(ask) return { headers = { ["Content-Encoding"] = "gzip" }, body = ask.body() } end

function KINDS.bomb() return { headers = { ["Content-Encoding"] = "gzip" }, body = bomb(1000000) } end

function KINDS.short(ask)
    local body = ask.body()
    return { length = #body, stream = function(write) write(half_of(body)) end }
end

function KINDS.long(ask)
    local body = ask.body()
    return { length = #body // 2, stream = function(write) write(body) end }
end

function KINDS.early(ask)
    return { stream = function(write)
        write(half_of(ask.body()))
        error("gone", 0)
    end }
end

function KINDS.stall(ask)
    local body = ask.body()
    return { length = #body, stream = function(write)
        write(half_of(body))
        ask.sleep(3600)
        write(body:sub(#body // 2 + 1))
    end }
end

function Sim.endpoint(_, req) return req.path:match "^/(%a+)$" end

function Sim:respond(req)
    local args = req.args
    local skip, count = tonumber(args.skip) or 0, tonumber(args.count) or 3000
    local form = (req:header "Accept" or ""):find "xml" and XML or JSON
    local kind = skip > 0 and "good" or args.kind or "good"
    local function pieces() return pieces_of(form, kind, math.max(count - skip, 0), req.path == "/wrapped") end
    local ask = { at = tonumber(args.at), sleep = self.env.sleep, body = function() return whole(pieces()) end }
    local res = KINDS[kind] and KINDS[kind](ask) or { stream = function(write)
        for piece in pieces() do
            if not write(piece) then return end
        end
    end }
    res.status, res.headers = 200, res.headers or {}
    res.headers["Content-Type"] = res.headers["Content-Type"] or form.type
    return res
end

return { new = function(env) return setmetatable({ env = env }, Sim) end }
