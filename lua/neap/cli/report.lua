--- What a command says at its end: errors and summaries, for people or as JSON, and the exit code
-- (DESIGN.md 6). Every line for people passes the redaction of secrets.

local errors = require "neap.error"
local json = require "neap.native.json"
local log = require "neap.native.log"
local progress = require "neap.progress"
local runtime = require "neap.runtime"
local secrets = require "neap.native.secret"
local terminal = require "neap.native.terminal"
local text = require "neap.cli.text"

local M = {}

M.EXIT = { done = 0, failed = 1, usage = 2, undelivered = 3, settings = 4 }

local SIGNALS = { SIGHUP = 129, SIGINT = 130, SIGTERM = 143 }
local INDENT = 2 -- blanks per level of JSON on a terminal

--- Is `--json` in force? Set by init.lua before anything can fail.
M.is_json = false

--- Raises an error of the command line itself: exit code 2.
---@param message string
---@param hint? string
function M.refuse(message, hint)
    error(errors.new { kind = "invalid", message = message, hint = hint, usage = true }, 0)
end

-- Lines ----------------------------------------------------------------------------------------

local write_error = progress.around(function(...) io.stderr:write(...) end)

--- Writes a line to standard error.
---@param line string
function M.note(line)
    io.stdout:flush() -- in order, where both go to one place
    write_error("neap: ", secrets.redact((line:gsub("[\r\n]+", " "))), "\n")
end

--- Gets the JSON of a value, indented where people read it.
---@param value any
---@return string|nil
---@return neap.Error? err
function M.encode(value)
    local indent = not M.is_json and terminal.is_terminal(1) and INDENT or nil
    return json.encode(value, { indent = indent, sorted = true })
end

--- Writes a value to standard output as JSON.
---@param value any
function M.print(value)
    text.write(assert(M.encode(value)), "\n")
end

-- Errors ---------------------------------------------------------------------------------------

local ERROR = {
    "kind", "vendor", "endpoint", "status", "code", "message", "outcome", "retryable", "where",
    "line", "column", "hint", "cause", "attempts",
}
local ATTEMPT = { "at", "status", "error", "wait" }

--- Redacts every text within a plain value: what JSON escapes could hide a secret.
local function redacted(value)
    if type(value) == "string" then return secrets.redact(value) end
    if type(value) ~= "table" then return value end
    local copy = setmetatable({}, getmetatable(value))
    for key, inner in pairs(value) do copy[key] = redacted(inner) end
    return copy
end

local function attempts_of(list)
    local attempts = json.array {}
    for i, attempt in ipairs(list) do attempts[i] = json.object(redacted(attempt), ATTEMPT) end
    return attempts
end

--- The fields of an error as a plain table, in a fixed order.
local function error_table(err)
    local shown = {}
    for _, name in ipairs(ERROR) do
        local value = err[name]
        if type(value) == "string" then value = secrets.redact(value) end
        if type(value) ~= "table" then shown[name] = value end
    end
    if errors.is(err.cause) then shown.cause = error_table(err.cause)
    elseif type(err.cause) == "table" then shown.cause = attempts_of(err.cause) end
    if type(err.attempts) == "table" then shown.attempts = attempts_of(err.attempts) end
    return json.object(shown, ERROR)
end

--- Makes an error of whatever was raised or returned; text of a script speaks for itself.
local function as_error(raised)
    if errors.is(raised) then return raised end
    if type(raised) == "table" then
        local message = type(raised.message) == "string" and raised.message or json.encode(raised)
        return errors.new { kind = "bug", message = message or tostring(raised) }
    end
    local err = errors.from(raised)
    err.is_text = true
    return err
end

local function begins_with_place(message)
    return message:find "^[^:]+:%d+: " ~= nil
end

--- An error as one line: the script's line, then what `tostring` says.
local function error_line(err)
    local line
    if err.usage or err.is_text or err.kind == "bug" and begins_with_place(err.message) then
        line = err.hint and err.message .. "; " .. err.hint or err.message
    else
        line = tostring(err)
    end
    local where = err.where
    if where and not err.message:find(where, 1, true) then line = where .. ": " .. line end
    return line
end

--- Says why a command failed.
---@param raised any
---@param traceback? string written to the log at level debug
function M.failure(raised, traceback)
    local err = as_error(raised)
    if err.reader_gone then return end -- whoever read standard output has seen enough
    io.stdout:flush()
    if M.is_json then
        local line = json.encode { error = error_table(err) }
        if not line then -- what a script put into it has no JSON form
            line = assert(json.encode { error = { kind = err.kind, message = (err.message:gsub("[\128-\255]", "?")) } })
        end
        write_error(secrets.redact(line), "\n")
    else
        local line = secrets.redact((error_line(err):gsub("[\r\n]+", " ")))
        write_error(text.style("red", "neap:", 2), " ", line, "\n")
    end
    if traceback and log.enabled "debug" then
        log.write("debug", "traceback", { traceback = traceback })
    end
end

--- Gets the exit code of a signal that ended the run; nil without one.
---@return integer|nil
function M.signal_code()
    return SIGNALS[runtime.stopped]
end

--- Gets the exit code of a failure.
---@param raised any
---@return integer
function M.code_of(raised)
    local err = as_error(raised)
    if M.signal_code() then return M.signal_code() end
    if err.usage then return M.EXIT.usage end
    if err.kind == "settings" then return M.EXIT.settings end
    -- A 401 or 403 in between does not yet mean a refused credential (DESIGN.md 5).
    if err.kind == "auth" and err.credential_refused ~= false then return M.EXIT.settings end
    if err.kind == "invalid" and runtime.sends == 0 then return M.EXIT.usage end
    return M.EXIT.failed
end

-- Deliveries -----------------------------------------------------------------------------------

local SUMMARY = { "total", "ok", "failed", "unknown", "retried", "seconds", "unmapped", "resume" }

local function rounded(seconds)
    return math.floor(seconds * 1000 + 0.5) / 1000
end

local function summary_json(summary)
    local shown = {}
    for _, name in ipairs(SUMMARY) do shown[name] = summary[name] end
    shown.seconds = rounded(summary.seconds)
    return json.encode(json.object(shown, SUMMARY), { sorted = true })
end

local WORDS = {
    outage = "ended by an outage", refused = "ended by a refused credential",
    settings = "ended by a missing setting", source = "the source broke off",
    bug = "ended by an error in the workflow",
}

local function ending(summary)
    local ended = summary.ended
    if not ended then return "" end
    local words = WORDS[ended.reason]
    if ended.reason == "signal" then words = "ended by " .. tostring(ended.err) end
    if errors.is(ended.err) and ended.err.reader_gone then words = "ended: nobody reads standard output" end
    local read = summary.stream and (", %d records read"):format(summary.total) or ""
    return ("; %s%s"):format(words or "ended early", read)
end

local REASON_MAX = 80

--- What most of the records that were not delivered died of, where the ending does not say it.
local function reason_of(summary)
    local reason, ended = summary.reason, summary.ended
    if not reason or ended and ended.reason ~= "source" then return "" end
    local words = secrets.redact((reason.message:gsub("%s+", " ")))
    local cut = (utf8.len(words) or 0) > REASON_MAX and utf8.offset(words, REASON_MAX - 2)
    return ("; %d x %s"):format(reason.count, cut and words:sub(1, cut - 1) .. "..." or words)
end

local UNMAPPED_MAX = 5 -- names that a line shows

--- Names by how often they came, the most frequent first.
local function by_count(counts)
    local names = {}
    for name in pairs(counts) do names[#names + 1] = name end
    table.sort(names, function(a, b)
        if counts[a] ~= counts[b] then return counts[a] > counts[b] end
        return a < b
    end)
    return names
end

--- What was left out for want of a map.
local function unmapped_of(summary)
    local counts, parts, more = summary.unmapped, {}, 0
    if not counts then return "" end
    local names = by_count(counts)
    for i, name in ipairs(names) do
        if i <= UNMAPPED_MAX then
            parts[i] = ("%d %s"):format(counts[name], name)
        else
            more = more + counts[name]
        end
    end
    if more > 0 then parts[#parts + 1] = ("%d of %d other names"):format(more, #names - UNMAPPED_MAX) end
    return "; left out without a map: " .. table.concat(parts, ", ")
end

local function summary_line(summary)
    local letters = summary.dead_letters and "; dead letters in " .. summary.dead_letters or ""
    local resume = summary.resume and "; to go on: " .. summary.resume or ""
    local plural = summary.total == 1 and "" or "s"
    return ("%d record%s: %d ok, %d failed, %d unknown, %d retried, %.1f s%s%s%s%s%s"):format(
        summary.total, plural, summary.ok, summary.failed, summary.unknown, summary.retried,
        summary.seconds, ending(summary), reason_of(summary), unmapped_of(summary), letters, resume)
end

--- Says how a delivery went: with --json one line on standard output, else the last line of
-- standard error.
---@param summary neap.Summary
---@param stdout_is_taken boolean standard output holds the exported data
function M.summary(summary, stdout_is_taken)
    local ended = summary.ended
    if ended and ended.reason ~= "bug" and errors.is(ended.err) then M.failure(ended.err) end
    M.dry_run()
    if not M.is_json then return M.note(summary_line(summary)) end
    local out = stdout_is_taken and io.stderr or io.stdout
    out:write(summary_json(summary), "\n")
end

--- Says what a dry run did not send: nothing unless a call has loaded that module.
function M.dry_run()
    local dry_run = package.loaded["neap.call.dry_run"]
    local line = dry_run and dry_run.summary()
    if line then M.note(line) end
end

local ENDED = {
    refused = M.EXIT.settings, settings = M.EXIT.settings, outage = M.EXIT.undelivered,
    source = M.EXIT.failed, bug = M.EXIT.failed,
}

--- Gets the exit code of a delivery.
---@param summary neap.Summary
---@return integer
function M.code_of_summary(summary)
    if M.signal_code() then return M.signal_code() end
    local ended = summary.ended
    if ended and ENDED[ended.reason] then return ENDED[ended.reason] end
    return summary.failed + summary.unknown > 0 and M.EXIT.undelivered or M.EXIT.done
end

return M
