--- State that outlives a run and that all processes of the user share: session tokens, `window` limits and
-- inboxes, in one SQLite file (DESIGN.md 8). With --sandbox and --no-state nothing is kept. Only vendors
-- that declare a session or a window, and scripts that have an inbox, touch the file.

local auth = require "neap.vendor.auth"
local clock = require "neap.native.clock"
local errors = require "neap.error"
local event = require "neap.native.event"
local log = require "neap.native.log"
local runtime = require "neap.runtime"
local task = require "neap.native.task"
local url = require "neap.native.url"

local M = {}

--- How long a process may hold the right to log in without a word, in seconds.
local LEASE = 15

--- How often a process that logs in says that it still does.
local KEEP_EVERY = 5

--- How often who waits for another process's login looks again.
local LOOK_EVERY = 0.2

--- Where the file is; nil where nobody says.
---@return string|nil
function M.path()
    if runtime.options.state_path then return runtime.options.state_path end
    local base, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
    if base and base:sub(1, 1) == "/" then return base .. "/neap/state.db" end
    if home and home:sub(1, 1) == "/" then return home .. "/.local/state/neap/state.db" end
end

--- What a host's user can do in place of --no-state.
local HOST_WAY = 'another file, or none (in nginx neap_state FILE or off, in C neap_options.state)'

--- Hints that hold for whom the error reaches: --no-state is an option of the command only.
local function for_host(err)
    if not err or not runtime.options.embedded then return err end
    return errors.new { kind = err.kind, message = (err.message:gsub("%-%-no%-state", HOST_WAY)), hint = err.hint }
end

local function open_file()
    local path = M.path()
    if path then
        local store, err = require("neap.native.store").open(path)
        return store, for_host(err)
    end
    return nil, errors.new {
        kind = "settings", message = "nobody says where to keep sessions and counts",
        hint = runtime.options.embedded and "use " .. HOST_WAY or "set HOME or XDG_STATE_HOME, or use --no-state",
    }
end

--- Is there anything to share? Simulators are new each time, and virtual time is nobody else's.
---@return boolean
function M.is_shared()
    return not runtime.options.sandbox and not runtime.options.no_state and not clock.is_virtual()
end

--- A file that cannot be opened is not tried for every call, in seconds.
local RETRY_AFTER = 5

local opening, opened, failed

--- Closed when an attempt to open is over, however it ends; whoever waits for it has its outcome.
local Opening = { __close = function(attempt)
    opening = nil
    attempt.over:broadcast()
end }

--- Gets the store, opened at the first call. nil without an error: nothing is shared.
---@async
---@return userdata|nil store
---@return neap.Error? err
function M.store()
    if not M.is_shared() then return nil end
    while opening do
        local attempt = opening
        attempt.over:wait()
        if attempt.err then return nil, errors.new(attempt.err) end
    end
    if opened then return opened end
    if failed and clock.now() - failed.at < RETRY_AFTER then return nil, errors.new(failed.err) end
    local attempt <close> = setmetatable({ over = event.new() }, Opening)
    opening = attempt
    local err
    opened, err = open_file()
    if err then attempt.err = { kind = err.kind, message = err.message, hint = err.hint } end
    failed = err and { err = attempt.err, at = clock.now() }
    return opened, err
end

--- Gets the store without waiting; nil before it is open, and where nothing is shared.
---@return userdata|nil
function M.opened() return M.is_shared() and opened or nil end

--- Closes the file; at the end of a run.
function M.close()
    if opened then opened:close() end
    opened, failed = nil, nil
end

runtime.at_close(M.close)

-- Names ----------------------------------------------------------------------------------------

local function add_part(parts, name, value)
    local text = tostring(value):gsub("[^%w._@-]", function(char) return ("%%%02X"):format(char:byte()) end)
    parts[#parts + 1] = name .. "=" .. text
end

local function add_identity(parts, spec, settings)
    if spec.session then
        local names = {}
        for name in pairs(spec.session.params) do names[#names + 1] = name end
        table.sort(names)
        for _, name in ipairs(names) do add_part(parts, name, settings[spec.session.params[name].setting]) end
    elseif spec.place == "basic" then
        add_part(parts, spec.name, settings[spec.name])
    elseif spec.secret and settings[spec.secret] then
        add_part(parts, spec.secret, settings[spec.secret]:fingerprint())
    end
end

--- What tells one identity from another: names as they are, keys by their fingerprint. Passwords are no
-- part of it.
local function identity_of(model, settings)
    local logins, parts, names = {}, {}, {}
    for _, endpoint in pairs(model.endpoints) do
        if endpoint.is_login then logins[endpoint.auth] = true end
    end
    for name in pairs(model.auth) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
        if not logins[name] then add_identity(parts, auth.chosen(model.auth[name], settings) or {}, settings) end
    end
    if model.tenant then add_part(parts, model.tenant.name, settings[model.tenant.setting]) end
    return table.concat(parts, "&")
end

--- One spelling of a URL: RFC 3986 section 6.2.2, and no slash at the end.
local function canonical(base_url)
    local resolved = url.resolve(base_url .. "/", "./")
    local parts = resolved and url.parse(resolved)
    return parts and parts.origin .. parts.path:gsub("/+$", "") or base_url
end

--- Names an account in the file.
---@param model neap.Model
---@param settings table<string, any>
---@param base_url string
---@return string
function M.account_name(model, settings, base_url)
    return ("%s|%s|%s"):format(model.name, canonical(base_url), identity_of(model, settings))
end

-- Sessions -------------------------------------------------------------------------------------

---@class neap.SharedSession a session as all processes see it
---@field name string
---@field told_at number when the store last heard that the token is alive
local Shared = {}
Shared.__index = Shared

--- A stored session with its age in place of points in time.
local function aged(stored)
    local now = clock.wall_ms() / 1000
    return {
        secret = stored.secret, generation = stored.generation, idle = math.max(0, now - stored.slid_at),
        age = math.max(0, now - stored.obtained_at),
    }
end

--- Waits for the right to log in.
---@async
---@param session neap.Session
---@param take_over fun(stored: { secret: userdata, generation: integer, idle: number, age: number }): boolean
--- is given what another process has; true: that is used
---@return "granted"|"taken over"|nil
---@return neap.Error? err
function Shared:lease(session, take_over)
    local opened_store, err = M.store()
    if not opened_store then return nil, err end
    local is_told = false
    while true do
        local verdict, value = opened_store:session_lease(self.name, LEASE, session.seen)
        if not verdict then return nil, value end
        if verdict == "granted" then return verdict end
        if verdict == "held" then
            if not is_told then log.write("info", "another run is logging in; waiting", { session = self.name }) end
            is_told = true
            clock.sleep(LOOK_EVERY)
        elseif take_over(aged(value)) then
            return "taken over"
        end
    end
end

--- Looks whether another process has logged in. -> true: its token is used
---@async
---@param take_over fun(stored: table): boolean
function Shared:look(take_over)
    local opened_store = M.store()
    local stored = opened_store and opened_store:session_get(self.name)
    return stored ~= nil and stored ~= false and take_over(aged(stored))
end

--- Held while a login is under way: keeps the right to it.
local Keeping = { __close = function(keeping) keeping.task:cancel() end }

--- Keeps the right to log in until what is returned is closed; a login may have to wait for its limits.
---@async
---@param session neap.Session
function Shared:keep(session)
    return setmetatable({ task = task.spawn(function()
        while true do
            clock.sleep(KEEP_EVERY)
            local opened_store = M.store()
            if opened_store then opened_store:session_lease(self.name, LEASE, session.seen) end
        end
    end) }, Keeping)
end

--- Tells the others that a token has expired; does not wait for it.
---@param generation integer
function Shared:drop(generation)
    local name, opened_store = self.name, opened
    if opened_store then task.detach(function() opened_store:session_drop(name, generation) end) end
end

--- Gives the right to log in back.
---@async
function Shared:release()
    local opened_store = M.store()
    if opened_store then opened_store:session_release(self.name) end
end

--- Stores a new token, which ends the lease. -> generation | false: somebody else's came first | nil, err
---@async
---@param secret userdata
function Shared:put(secret)
    local opened_store, err = M.store()
    if not opened_store then return nil, err end
    self.told_at = clock.now()
    return opened_store:session_put(self.name, secret)
end

--- Notes that the token is alive; at most once in `every` seconds.
---@param generation integer
---@param every number
function Shared:slide(generation, every)
    local now = clock.now()
    if not opened or now - self.told_at < every then return end
    self.told_at = now
    opened:session_slide(self.name, generation, clock.wall_ms() / 1000)
end

--- What other processes see of a session; nil where nothing is shared.
---@param client neap.Client
---@param name string entry of `auth`
---@return neap.SharedSession|nil
function M.session(client, name)
    if not M.is_shared() then return nil end
    local account = M.account_name(client.model, client.settings, client.base_url)
    return setmetatable({ name = account .. "|" .. name, told_at = -math.huge }, Shared)
end

return M
