--- State that outlives a run and that all processes of the user share: session tokens and `window`
-- limits, in one SQLite file (DESIGN.md 8). With --sandbox and --no-state nothing is kept. Only vendors
-- that declare a session or a window touch the file.

local auth = require "neap.vendor.auth"
local clock = require "neap.native.clock"
local event = require "neap.native.event"
local runtime = require "neap.runtime"

local M = {}

--- How long a process may hold the right to log in without a word, in seconds.
local LEASE = 120

--- How often who waits for another process's login looks again.
local LOOK_EVERY = 0.2

--- Where the file is.
---@return string
function M.path()
    local base = os.getenv "XDG_STATE_HOME"
    if not base or base == "" then base = (os.getenv "HOME" or "") .. "/.local/state" end
    return base .. "/neap/state.db"
end

--- Is there anything to share? Simulators are new each time, and virtual time is nobody else's.
local function is_shared()
    return not runtime.options.sandbox and not runtime.options.no_state and not clock.is_virtual()
end

local opening, opened

--- Closed when an attempt to open is over, however it ends.
local Opening = { __close = function(attempt)
    opening = nil
    attempt.over:broadcast()
end }

--- Gets the store, opened at the first call. nil without an error: nothing is shared.
---@async
---@return userdata|nil store
---@return neap.Error? err
function M.store()
    if not is_shared() then return nil end
    while opening do opening.over:wait() end
    if opened then return opened end
    opening = setmetatable({ over = event.new() }, Opening)
    local _ <close> = opening
    local err
    opened, err = require("neap.native.store").open(M.path())
    return opened, err
end

--- Closes the file; at the end of a run.
function M.close()
    if opened then opened:close() end
    opened = nil
end

-- Names ----------------------------------------------------------------------------------------

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
        local spec = auth.chosen(model.auth[name], settings)
        if spec.session then
            for param, value in pairs(spec.session.params) do
                parts[#parts + 1] = param .. "=" .. tostring(settings[value.setting])
            end
        elseif spec.secret and not logins[name] and settings[spec.secret] then
            parts[#parts + 1] = settings[spec.secret]:fingerprint()
        end
    end
    if model.tenant then parts[#parts + 1] = tostring(settings[model.tenant.setting]) end
    return table.concat(parts, "&")
end

--- Names an account in the file.
---@param model neap.Model
---@param settings table<string, any>
---@param base_url string
---@return string
function M.account_name(model, settings, base_url)
    return ("%s|%s|%s"):format(model.name, base_url, identity_of(model, settings))
end

-- Sessions -------------------------------------------------------------------------------------

---@class neap.SharedSession a session as all processes see it
---@field name string
---@field told_at number when the store last heard that the token is alive
local Shared = {}
Shared.__index = Shared

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
    while true do
        local verdict, value = opened_store:session_lease(self.name, LEASE, session.seen)
        if not verdict then return nil, value end
        if verdict == "granted" then return verdict end
        local now = clock.wall_ms() / 1000
        if verdict == "held" then
            clock.sleep(LOOK_EVERY)
        elseif take_over {
            secret = value.secret, generation = value.generation, idle = math.max(0, now - value.slid_at),
            age = math.max(0, now - value.obtained_at),
        } then
            return "taken over"
        end
    end
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
    if not is_shared() then return nil end
    local account = M.account_name(client.model, client.settings, client.base_url)
    return setmetatable({ name = account .. "|" .. name, told_at = -math.huge }, Shared)
end

return M
