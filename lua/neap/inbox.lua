--- neap.inbox: what arrives once and is to be handled once: a put is durable before it returns, a key tells a
-- repeat, and who handles an entry holds a lease on it, so that several processes share the work and what a dead
-- one had in hand comes back. In the state file; with --sandbox and --no-state in memory.
--
-- An entry is handled once unless the process dies, or stands still for longer than a lease, between the end of
-- its function and the note of it: then twice. A function that cannot bear that is told which attempt it is.

local errors = require "neap.error"
local event = require "neap.native.event"
local hmac = require "neap.native.hmac"
local json = require "neap.native.json"
local memory = require "neap.inbox.memory"
local runtime = require "neap.runtime"
local state = require "neap.state"
local suggest = require "neap.suggest"

local M = {}

local DEFAULT_KEEP = 7 * 86400
local NAME_MAX, KEY_MAX = 1000, 512

---@class neap.Inbox
---@field name string
---@field kept number seconds that the key of a handled entry is known
---@field news userdata event: something was put by this process
---@field arrivals integer how often that was
local Inbox = { __name = "neap.Inbox" }
Inbox.__index = Inbox

local boxes = setmetatable({}, { __mode = "v" })

--- Refuses options with a name that is none, or a wrong value.
---@param who string
---@param opts any
---@param fields table<string, fun(value: any): boolean>
local function check_options(who, opts, fields)
    if type(opts) ~= "table" then errors.misuse("%s: options expected, got a %s", who, type(opts)) end
    local names = {}
    for name in pairs(fields) do names[#names + 1] = name end
    table.sort(names)
    for name, value in pairs(opts) do
        if not fields[name] then
            local hint = suggest.hint(tostring(name), names)
            errors.misuse('%s: no option "%s"%s', who, tostring(name), hint and "; " .. hint or "")
        elseif not fields[name](value) then
            errors.misuse("%s: %s: not %s", who, name, tostring(value))
        end
    end
end

M.check_options = check_options

--- Is it a number of seconds?
local function is_seconds(value) return type(value) == "number" and value > 0 and value <= 1e9 end

M.is_seconds = is_seconds

--- Opens an inbox; there is one of a name in all processes of the user. Touches nothing yet.
---@param name string
---@param opts? { keep?: number } keep: seconds that the key of a handled entry is known, default 7 days
---@return neap.Inbox
function M.open(name, opts)
    if type(name) ~= "string" or name == "" or #name > NAME_MAX or name:find "%z" then
        errors.misuse("neap.inbox: a name of 1 to %d bytes expected", NAME_MAX)
    end
    opts = opts or {}
    check_options("neap.inbox", opts, { keep = is_seconds })
    local inbox = boxes[name]
    if not inbox then
        inbox = setmetatable({ name = name, kept = DEFAULT_KEEP, news = event.new(), arrivals = 0 }, Inbox)
        boxes[name] = inbox
    end
    if opts.keep then inbox.kept = opts.keep end
    return inbox
end

--- Gets what keeps entries: the state file, or memory. Waits.
---@async
function Inbox.store()
    local store, err = state.store()
    if store or err then return store, err end
    return memory.store()
end

--- The same without a wait; nil where the file is not open.
function Inbox.opened()
    if state.is_shared() then return state.opened() end
    return memory.store()
end

--- The key as it is kept: a long one, or one with NUL bytes, as its digest. Senders make keys, so this raises for
-- nothing that they could do. -> text | nil, err
local function short(key)
    if type(key) ~= "string" then errors.misuse("inbox: key: a text expected, got a %s", type(key)) end
    if key == "" then return errors.fail("invalid", "inbox: key: an empty text") end
    if #key <= KEY_MAX and not key:find "%z" then return key end
    local digest, err = hmac.digest("sha256", key)
    if not digest then return nil, err end
    return "sha256 " .. hmac.hex(digest)
end

local function check_ttl(who, ttl)
    if not is_seconds(ttl) then errors.misuse("%s: ttl: a number of seconds above 0 expected", who) end
end

local function encode(value)
    local text, err = json.encode(value)
    if not text then errors.misuse("inbox: value: %s", err.message) end
    return text
end

--- Adds an entry: what is put once under a key is handled once. The entry is in the file, safe from a crash,
-- before this returns.
---@async
---@param key string not empty
---@param value any what JSON can hold
---@param opts? { again?: boolean } again: the key names a piece of work rather than an event: where it has been
--- done, or is being done, it is done once more, and only while it waits this is a repeat
---@return boolean|nil is_new false: a repeat
---@return neap.Error? err
function Inbox:put(key, value, opts)
    local name, fault = short(key)
    if not name then return nil, fault end
    opts = opts or {}
    check_options("inbox:put", opts, { again = function(again) return type(again) == "boolean" end })
    local body = encode(value)
    local store, err = self.store()
    if not store then return nil, err end
    local is_new, failed = store:inbox_put(self.name, name, body, opts.again or false)
    if is_new == nil then return nil, failed end
    if is_new then
        self.arrivals = self.arrivals + 1
        self.news:broadcast()
    end
    return is_new
end

--- Notes a key, without an entry: has it been seen, or put, before? Of several that ask at once, in whatever
-- process, one gets false.
---@async
---@param key string
---@param ttl number seconds that it is known
---@return boolean|nil before false: this is the first time
---@return "done"|"open"|neap.Error|nil state of a repeat: is it done (see keep), or only seen or put? With nil: the
--- error
function Inbox:seen(key, ttl)
    local name, fault = short(key)
    if not name then return nil, fault end
    check_ttl("inbox:seen", ttl)
    local store, err = self.store()
    if not store then return nil, err end
    local is_new, more = store:inbox_seen(self.name, name, ttl)
    if is_new == nil then return nil, more end
    return not is_new, more
end

--- What was seen is done: its repeats are told so, for `ttl` seconds from now.
---@async
---@param key string
---@param ttl number
---@return boolean|nil kept false: it is an entry of put, which is done when it has been handled
---@return neap.Error? err
function Inbox:keep(key, ttl)
    local name, fault = short(key)
    if not name then return nil, fault end
    check_ttl("inbox:keep", ttl)
    local store, err = self.store()
    if not store then return nil, err end
    return store:inbox_keep(self.name, name, ttl)
end

--- Takes a key back that was seen, or whose entry is done, so that it is new again; for when what followed has
-- failed. Does not wait, and does not tell whether it could be written: a <close> variable may call it.
---@param key string
function Inbox:forget(key)
    local name, store = short(key), self.opened()
    if name and store then store:inbox_forget(self.name, name) end
end

--- Starts to handle the entries, in the background: see inbox/worker.lua.
---@param fn fun(value: any, key: string, entry: { attempt: integer, received_at: number }): any, any
---@param opts? table
---@return neap.inbox.Worker
function Inbox:each(fn, opts)
    return require("neap.inbox.worker").start(self, fn, opts)
end

runtime.at_close(memory.clear)

return M
