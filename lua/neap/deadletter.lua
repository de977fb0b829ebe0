--- Dead letters: records that were not delivered, one JSON object per line, written as they happen, so
-- that the file is complete up to any crash. Import recipes accept such a file as `--file`.

local errors = require "neap.error"
local event = require "neap.native.event"
local file = require "neap.native.file"
local json = require "neap.native.json"
local output = require "neap.output"
local runtime = require "neap.runtime"
local task = require "neap.native.task"

local M = {}

--- The default path where the source has none of its own: the first of these that is free.
local function default_path(number)
    return number == 1 and "neap.dead.ndjson" or ("neap.dead-%d.ndjson"):format(number)
end

local LETTER = { "record", "line", "outcome", "error", "attempts" }
local ATTEMPT = { "at", "status", "error", "wait" }

---@class neap.DeadLetters
---@field path? string nil: the default, known once the file is there
---@field count integer letters added
---@field err? neap.Error the first failure to write
---@field on_error? fun(err: neap.Error) called at it
local Writer = {}
Writer.__index = Writer

local function attempts_of(err)
    local attempts = json.array {}
    for i, attempt in ipairs(err.attempts or {}) do attempts[i] = json.object(attempt, ATTEMPT) end
    return attempts
end

local function letter(record, line, err)
    return json.object({
        record = record, line = line, outcome = err.outcome, error = errors.to_table(err),
        attempts = attempts_of(err),
    }, LETTER)
end

function Writer:write_queued(handle)
    while #self.queue > 0 do
        local text = table.concat(self.queue)
        self.queue = {}
        local ok, err = handle:write(text)
        if not ok then return nil, err end
    end
    return true
end

local function fail(self, err)
    self.err = err
    if self.on_error then self.on_error(err) end
end

--- Creates the first default file that is not there: letters of an earlier run, or of one beside this, stay what
-- they are. -> file, path | nil, err
local function create_default()
    for number = 1, math.maxinteger do
        local path = default_path(number)
        local handle, err = file.open(path, "wx")
        if handle then return handle, path end
        if err.code ~= "EEXIST" then return nil, err end
    end
end

local function open_letters(self)
    if self.path then return file.open(self.path, "w") end
    local handle, path = create_default()
    if handle then self.path = path end
    return handle, path
end

--- Letters that are held back at most.
local MOST_HELD = 1000

local function must_wait(self)
    return #self.queue == 0 or self.held and #self.queue < MOST_HELD
end

--- The writer's own task: opens the file at the first letter that is not held back, then writes whatever has been
-- queued, in one piece.
local function write_letters(self)
    while must_wait(self) do
        if self.closing then return end
        self.wake:wait()
    end
    self.held = false
    local handle, err = open_letters(self)
    if not handle then return fail(self, err) end
    repeat
        local ok
        ok, err = self:write_queued(handle)
        if not ok then
            fail(self, err)
            break
        end
        if not self.closing then self.wake:wait() end
    until self.closing and #self.queue == 0
    handle:close()
end

--- The path that letters get where none is given: the first default path that is free.
---@async
---@return string
function M.free_path()
    local number = 1
    while file.exists(default_path(number)) do number = number + 1 end
    return default_path(number)
end

--- Raises (kind `invalid`) for a path that could not take letters, before there is one; leaves no file.
---@async
---@param path? string nil: the default
function M.check(path)
    local ok, err
    path = path or M.free_path()
    if file.exists(path) then
        ok, err = file.open(path, "a")
        if ok then ok:close() end
    else
        ok, err = output.check(path)
    end
    if ok then return end
    error(errors.new {
        kind = "invalid", message = "dead letters: " .. err.message, where = errors.caller(), usage = true,
    }, 0)
end

--- Keeps nothing: a dry run delivers nothing, and letters of an earlier run stay what they are.
local NoWriter = { count = 0 }
NoWriter.__index = NoWriter

function NoWriter.add() end

function NoWriter.hold() end

function NoWriter.release() end

function NoWriter.discard() return true end

function NoWriter.close() return true end

--- Opens a writer; the file itself is created at the first letter. Its task belongs to the caller's,
-- not to that of a record, which could not end before it.
---@param path? string default: a file that is not there yet, neap.dead.ndjson or the next free neap.dead-N.ndjson
function M.writer(path)
    if runtime.options.dry_run then return setmetatable({}, NoWriter) end
    local self = setmetatable({
        path = path, count = 0, queue = {}, held = false, wake = event.new(),
    }, Writer)
    self.task = task.spawn(write_letters, self)
    return self
end

--- Adds a letter; does not wait. What cannot be written is reported by on_error and by close.
---@param record table as converted, without credentials
---@param line? integer of the source
---@param err neap.Error
function Writer:add(record, line, err)
    local text, refused = json.encode(letter(record, line, err), { sorted = true })
    if not text and json.encode(record) then -- it is the error that has no JSON form
        local plain = errors.new {
            kind = err.kind, status = err.status, outcome = err.outcome, message = refused.message,
        }
        text, refused = json.encode(letter(record, line, plain), { sorted = true })
    end
    if not text then text = json.encode(letter(tostring(record) .. ": " .. refused.message, line, err)) end
    self.queue[#self.queue + 1] = text .. "\n"
    self.count = self.count + 1
    self.wake:signal()
end

--- Holds letters back, before the first: a run that cannot begin leaves those of an earlier one alone.
function Writer:hold()
    self.held = true
end

--- The run has begun: from now on letters are written as they come.
function Writer:release()
    if not self.held then return end
    self.held = false
    self.wake:signal()
end

--- Forgets the letters if all of them are held back yet. -> did it?
---@return boolean
function Writer:discard()
    if not self.held then return false end
    self.queue, self.count = {}, 0
    return true
end

--- Writes the rest. -> true | nil, err
---@async
function Writer:close()
    self.closing, self.held = true, false
    self.wake:signal()
    self.task:await()
    if self.err then
        return nil, errors.new {
            kind = self.err.kind, code = self.err.code,
            message = "the dead letters could not be written: " .. self.err.message,
        }
    end
    return true
end

--- Is this decoded line a dead letter rather than a record?
function M.is_letter(value)
    return type(value.record) == "table" and type(value.outcome) == "string" and type(value.error) == "table"
end

return M
