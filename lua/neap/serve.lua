--- Answers HTTP requests by scripts: the same handler files under `neap serve`, in nginx, and in any host that
--- makes exchanges (include/neap/exchange.h). What a script returns is kept, and called for each request in a task
--- of its own, which ends when the client leaves.

local clock = require "neap.native.clock"
local errors = require "neap.error"
local event = require "neap.native.event"
local handler = require "neap.native.handler"
local handlers = require "neap.handler"
local log = require "neap.native.log"
local meter = require "neap.native.meter"
local request = require "neap.serve.request"
local response = require "neap.serve.response"
local task = require "neap.native.task"

local M = {}

--- A script that could not be opened is not tried for every request, in seconds.
local RETRY_AFTER = 1

-- What runs once -------------------------------------------------------------------------------

---@class neap.serve.Once a function that is run once, whoever asks for its result
---@field fn function
---@field under_way { over: userdata, task: neap.Task? }? an attempt; over: an event
---@field failed { err: any, at: number }?
local Once = {}
Once.__index = Once

local function end_attempt(self)
    local attempt = self.under_way
    self.under_way = nil
    attempt.over:broadcast()
end

--- What was raised, with the line of the script.
local function located(raised)
    local err = errors.from(raised)
    err.where = err.where or errors.caller()
    return err
end

local function try(self)
    local ok, result = xpcall(self.fn, located)
    if ok then self.done, self.result, self.failed = true, result, nil
    else self.failed = { err = result, at = clock.now() } end
end

local OVER = { done = true, failed = true, cancelled = true }

--- A task that is cancelled, or finds no memory, may end before it has begun: then it has told nobody.
local function tidy_up(self)
    if self.under_way and OVER[self.under_way.task:status()] then end_attempt(self) end
end

--- In a task of its own, or it would end with the client that has asked first.
local function begin_attempt(self)
    tidy_up(self)
    if self.under_way then return end
    local attempt = setmetatable({ over = event.new() }, { __close = function() end_attempt(self) end })
    attempt.task = task.detach(function()
        local _ <close> = attempt
        try(self)
    end)
    self.under_way = attempt
    clock.sleep(0) -- a turn of the loop, in which it begins
    tidy_up(self)
end

--- Gets the result; waits for it. Raises what the function raised; after a while it is tried again.
---@async
function Once:get()
    if self.done then return self.result end
    local failed = self.failed
    if not failed or clock.now() - failed.at >= RETRY_AFTER then
        begin_attempt(self)
        if self.under_way then self.under_way.over:wait() end
    end
    if self.done then return self.result end
    error(self.failed and self.failed.err or
        errors.new { kind = "cancelled", message = "the script was ended while it started" }, 0)
end

local function once(fn) return setmetatable({ fn = fn }, Once) end

-- The script that is run first -----------------------------------------------------------------

local first

--- Makes a script the one that is run before anything is answered. Returns the function that runs it.
---@param chunk function
---@return fun()
function M.init(chunk)
    local mine = once(function()
        chunk()
        return true
    end)
    first = mine
    return function() mine:get() end
end

-- One request ----------------------------------------------------------------------------------

--- Identifies a failure to the client and in the log.
local function new_id()
    return ("%08x%08x"):format(math.floor(clock.random() * 2 ^ 32), math.floor(clock.random() * 2 ^ 32))
end

--- The lines of a traceback that are the script's.
local function own_lines(trace)
    local lines = {}
    trace = trace:gsub("\n\t%[C%]: in %?$", "") -- what handler.answering has made
    for line in trace:gmatch "[^\n]+" do
        local is_ours = line:find("neap[./]serve") or line:find("[C]: in function 'error'", 1, true)
        if not is_ours then lines[#lines + 1] = line end
    end
    return lines[2] and table.concat(lines, "\n") or nil
end

--- Keeps what was raised together with where it came from.
local function keep_trace(raised)
    local err = errors.from(raised)
    if not errors.is(raised) and type(raised) == "table" and type(raised.message) == "string" then
        err.message = raised.message
    end
    err.where = err.where or errors.caller()
    return { err = err, trace = own_lines(debug.traceback(nil, 2)) }
end

local function tell(service, req, problem)
    if type(problem) ~= "table" then problem = { err = errors.from(problem) } end -- no memory: keep_trace is not run
    local id = new_id()
    log.write("error", "request failed", {
        id = id, script = service.name, method = req.method, path = req.path, error = tostring(problem.err),
        where = problem.err.where, traceback = problem.trace,
    })
    return id
end

local FAILED = { "Content-Type", "application/json" }

--- Sends a body in pieces. What goes wrong in the middle of it can only be told by breaking off.
local function send_stream(ex, status, fields, body)
    if not ex:head(status, fields, -1) then return end
    if ex:takes_body(status) then
        local result, err = body(function(chunk)
            if type(chunk) ~= "string" then
                errors.raise("bug", "response: write: a text expected, got a %s", type(chunk))
            end
            return ex:write(chunk)
        end)
        if result == nil and err ~= nil then error(err, 0) end
    end
    ex:finish()
end

--- Answers by what a handler has returned, unless that is a text. Raises what is wrong with it.
---@async
local function send(ex, res, err)
    local status, fields, body = response.render(res, err)
    if type(body) == "function" then return send_stream(ex, status, fields, body) end
    ex:reply(status, fields, body)
end

---@class neap.Service a script that answers
---@field name string
---@field once neap.serve.Once of its chunk
---@field answer fun(ex: userdata) answers one exchange, in a task
local Service = {}
Service.__index = Service

--- Answers an exchange whose handler has failed.
local function fail(self, ex, req, problem)
    if type(problem) ~= "table" then problem = { err = errors.from(problem) } end -- without memory for keep_trace
    local told, id = xpcall(tell, keep_trace, self, req, problem)
    if not told then id = nil end
    local body = ('{"error":"internal error","id":"%s"}'):format(id or "none")
    local could, sent = pcall(ex.reply, ex, 500, FAILED, body)
    if not (could and sent) then ex:abort() end -- its head is out, or its client has gone
end

--- Runs the script, once. Raises what is wrong with it.
---@async
---@return fun(req: neap.Request): any, any
function Service:open()
    local handle = self.once:get()
    handler.set_handle(self.answer, handle)
    return handle
end

--- Runs the script, once, for who needs nothing of it. Raises what is wrong with it.
---@async
function Service:prepare()
    self:open()
end

--- Makes a service of a compiled script; nothing runs yet.
---@param chunk function
---@param name string for the log
---@return neap.Service
function M.script(chunk, name)
    local self = setmetatable({ name = name, once = once(function()
        if first then first:get() end
        return handlers.open(chunk(), name)
    end) }, Service)
    self.answer = handler.answering {
        handle = function(req) return self:open()(req) end,
        meter = meter.script(name), request = request.metatable, trace = keep_trace, type = response.TEXT, send = send,
        fail = function(ex, req, problem) fail(self, ex, req, problem) end,
    }
    return self
end

return M
