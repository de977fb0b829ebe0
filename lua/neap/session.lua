--- Sessions: a token that a login gives and that calls keep alive. An account has one, which all its tasks
-- share and, through the state store, all processes of the user.
--
-- A token is used until an answer says that it has expired. Only where it has surely expired (nothing was
-- answered for its life and a margin) a login comes first. Whoever needs a token while somebody logs in
-- waits for that login; it runs in a task of its own, so that who asked for it may be cancelled without
-- losing the token.

local auth = require "neap.vendor.auth"
local clock = require "neap.native.clock"
local errors = require "neap.error"
local event = require "neap.native.event"
local log = require "neap.native.log"
local secrets = require "neap.native.secret"
local state = require "neap.state"
local task = require "neap.native.task"

local M = {}

---@class neap.Token
---@field credential userdata
---@field generation integer of the store; grows with every login
---@field used_at number when a call with it was last answered, by the runtime's clock
---@field since number when it was given
---@field is_stored boolean it is another run's

---@class neap.Session
---@field spec neap.SessionSpec
---@field header string that carries the token
---@field client neap.Client
---@field shared? neap.SharedSession what other processes see of it
---@field current? neap.Token
---@field seen integer generation of the newest token that was current
---@field round integer logins that are over, well or not
---@field failure? neap.Error of the last login, if it failed
---@field task? neap.Task that logs in
local Session = {}
Session.__index = Session

--- Sets call.login, which needs this module itself.
M.login = nil

--- The generation of a token that the store does not have.
local NOT_SHARED = 0

--- Is a token fit to be sent? One that was dropped or replaced is not, nor one that is too old.
---@param token neap.Token
---@return boolean
function Session:is_alive(token)
    local now, spec = clock.now(), self.spec
    if token ~= self.current or now - token.used_at > spec.life + spec.margin then return false end
    return not spec.absolute or now - token.since <= spec.absolute + spec.margin
end

local function adopt(session, secret, generation, used_at, since, is_stored)
    session.current = {
        credential = secrets.credential {
            { place = "header", name = session.header, secret = secret },
            origins = { session.client.base_url },
        },
        generation = generation, used_at = used_at, since = since, is_stored = is_stored,
    }
    session.seen = math.max(session.seen, generation)
end

--- Takes the token that the store has, if it may be alive.
local function take_over(session, stored)
    if stored.generation <= session.seen then return false end
    local now = clock.now()
    adopt(session, stored.secret, stored.generation, now - stored.idle, now - stored.age, true)
    return session:is_alive(session.current)
end

--- Seconds between logins that are refused with 429: doubled, up to the last.
local FIRST_WAIT, LONGEST_WAIT = 1, 60

--- The call. A login that is refused because a token is alive elsewhere waits for the end of that one, or
-- for another process to share it. -> secret | nil: taken over | nil, err
local function log_in(session)
    local spec, client, params = session.spec, session.client, {}
    for name, value in pairs(spec.params) do params[name] = client.settings[value.setting] end
    local began, wait = clock.now(), FIRST_WAIT
    while true do
        local secret, err = M.login(client[spec.login], client, params, spec.token)
        if secret then log.write("info", "logged in", { vendor = client.model.name }) end
        if secret then return secret end
        if err.status ~= 429 or clock.now() - began > spec.life then return nil, err end
        if wait == FIRST_WAIT then
            log.write("warn", "a login is refused with 429, as while another session is alive; waiting", {
                vendor = client.model.name, at_most = math.ceil(spec.life),
            })
        end
        clock.sleep(math.max(wait, err.wait or 0))
        wait = math.min(wait * 2, LONGEST_WAIT)
        if session.shared and session.shared:look(function(stored) return take_over(session, stored) end) then
            return nil
        end
    end
end

--- Logs in, with the right to it in hand, and shares the token. -> err, or true: another one came first
local function renew_shared(session)
    local shared = session.shared
    local secret, err
    do
        local _ <close> = shared:keep(session)
        secret, err = log_in(session)
    end
    if not secret then
        shared:release()
        return err
    end
    local generation, failed = shared:put(secret)
    if generation == false then return true end
    if failed then
        log.write("warn", "the session cannot be shared with other runs", { error = failed.message })
        shared:release()
    end
    adopt(session, secret, generation or NOT_SHARED, clock.now(), clock.now(), false)
end

--- Gets a token: another process's, or by a login. -> err
local function renew(session)
    if not session.shared then
        local secret, err = log_in(session)
        if secret then adopt(session, secret, NOT_SHARED, clock.now(), clock.now(), false) end
        return err
    end
    local err
    repeat
        local lease
        lease, err = session.shared:lease(session, function(stored) return take_over(session, stored) end)
        if not lease then return err end
        if lease == "taken over" then return nil end
        err = renew_shared(session)
    until err ~= true
    return err
end

local function run(session)
    local ok, err = pcall(renew, session)
    session.failure = err
    if not ok and not errors.is(err) then session.failure = errors.new { kind = "bug", message = tostring(err) } end
    session.round, session.task = session.round + 1, nil
    session.over:broadcast()
end

--- Each call has an error of its own: it gets the call's history.
local function failure_of(session)
    local err = session.failure
    return errors.new {
        kind = err.kind, status = err.status, code = err.code, hint = err.hint, down = err.down,
        retryable = err.retryable, attempts = err.attempts,
        message = "the login failed: " .. tostring(err.message), credential_refused = err.credential_refused,
    }
end

--- Gets a token that is alive; waits for a login where there is none.
---@async
---@return neap.Token|nil
---@return neap.Error? err
function Session:token()
    while not (self.current and self:is_alive(self.current)) do
        local round = self.round
        self.task = self.task or task.detach(run, self)
        while self.round == round do self.over:wait() end
        if self.failure then return nil, failure_of(self) end
    end
    return self.current
end

--- Seconds within which the store need not hear of every answer.
local TELL_EVERY = 5

--- A call with the token was answered: its life begins anew, unless it was refused.
---@param token neap.Token
---@param status integer
function Session:answered(token, status)
    if status == 401 or status == 403 then return end
    token.used_at = clock.now()
    if self.shared and token.generation ~= NOT_SHARED then self.shared:slide(token.generation, TELL_EVERY) end
end

--- An answer says that the token has expired. A newer one is not touched.
---@param token neap.Token
function Session:drop(token)
    if self.current ~= token then return end
    self.current = nil
    if self.shared and token.generation ~= NOT_SHARED then self.shared:drop(token.generation) end
end

local function open(client, spec, name)
    return setmetatable({
        spec = spec.session, header = spec.name, client = client, seen = 0, round = 0, over = event.new(),
        shared = state.session(client, name),
    }, Session)
end

--- The error for parameters that are given to a login by hand.
---@param session neap.Session
---@return neap.Error
function M.settings_error(session)
    local names = {}
    for _, value in pairs(session.spec.params) do
        names[#names + 1] = ("--set %s.%s=..."):format(session.client.model.name, value.setting)
    end
    table.sort(names)
    return errors.new {
        kind = "invalid", outcome = "not_sent", message = "a session takes user name and password from the settings",
        hint = "use " .. table.concat(names, " "),
    }
end

--- Gets the session of one entry of `auth`; nil where the client's credential there is none.
---@async
---@param client neap.Client
---@param name string
---@return neap.Session|nil
function M.of(client, name)
    local spec = auth.chosen(client.model.auth[name], client.settings)
    if not spec or not spec.session then return nil end
    local sessions = client.account.sessions
    if not sessions[name] then sessions[name] = open(client, spec, name) end
    return sessions[name]
end

--- Gets the session that an endpoint opens. -> session | nil, err where the settings choose another credential
---@async
---@param client neap.Client
---@param endpoint string
function M.by_login(client, endpoint)
    for name, entry in pairs(client.model.auth) do
        local spec = auth.chosen(entry, client.settings)
        if spec and spec.session and spec.session.login == endpoint then return M.of(client, name) end
    end
    return nil, errors.new {
        kind = "settings", outcome = "not_sent",
        message = "there is no session to open: the settings choose another credential",
    }
end

return M
