--- The one error type (DESIGN.md 5). Expected failures are returned as `nil, err`, misuse is raised;
-- both carry this type, and `tostring(err)` reads as one line.

local native_json = require "neap.native.json"

local M = {}

---@alias neap.ErrorKind
---| "invalid" | "settings" | "auth" | "rejected" | "limit" | "outage" | "network" | "timeout"
---| "tls" | "redirect" | "decode" | "too_large" | "cancelled" | "bug"

---@alias neap.Outcome
---| "not_sent" nothing reached the vendor
---| "rejected" the vendor answered, and the answer is no
---| "unknown" something was sent and no usable answer came back

---@class neap.Error
---@field kind neap.ErrorKind
---@field message string one line; the vendor's own words where it spoke
---@field vendor? string
---@field endpoint? string
---@field status? integer HTTP status of the last answer
---@field code? string|integer the vendor's own code
---@field attempts? neap.Attempt[] every send
---@field retryable? boolean a later try may succeed
---@field outcome? neap.Outcome
---@field where? string "script.lua:12", the line that made the call
---@field hint? string what to do next
---@field cause? any the lower error, or the sends of the call that found an outage
---@field faults? neap.Fault[] kind invalid: every fault, not only the first
---@field line? integer of the input
---@field column? integer of the input

---@class neap.Attempt
---@field at string time of the send, RFC 3339
---@field status? integer
---@field error? string class of failure where there was no status
---@field wait number seconds waited before it

local Error = debug.getregistry()["neap.Error"]
if not Error then
    Error = {}
    debug.getregistry()["neap.Error"] = Error
end
Error.__name = "neap.Error"
Error.__index = {}

local function origin(err)
    if err.vendor and err.endpoint then return err.vendor .. "." .. err.endpoint .. ": " end
    return err.vendor and err.vendor .. ": " or ""
end

local function place(err)
    if not err.line or err.message:find("line " .. err.line, 1, true) then return "" end
    local column = err.column and ", column " .. err.column or ""
    return (" (line %d%s)"):format(err.line, column)
end

function Error.__tostring(err)
    local parts = { origin(err), err.kind, ": " }
    if err.status then parts[#parts + 1] = ("HTTP %d: "):format(err.status) end
    parts[#parts + 1] = err.message
    parts[#parts + 1] = place(err)
    if err.attempts and #err.attempts > 1 then
        parts[#parts + 1] = (" (%d sends)"):format(#err.attempts)
    end
    if err.hint then parts[#parts + 1] = "; " .. err.hint end
    return (table.concat(parts):gsub("[\r\n]+", " "))
end

--- Makes an error of the given fields; `kind` and `message` are required.
---@param fields table
---@return neap.Error
function M.new(fields)
    assert(fields.kind and fields.message, "an error needs kind and message")
    return setmetatable(fields, Error)
end

---@return boolean
function M.is(value)
    return getmetatable(value) == Error
end

--- Returns `nil, err`, for `return error.fail("invalid", "...")`.
---@param kind neap.ErrorKind
---@return nil, neap.Error
function M.fail(kind, fmt, ...)
    return nil, M.new { kind = kind, message = fmt:format(...) }
end

--- Raises an error of the given kind.
---@param kind neap.ErrorKind
function M.raise(kind, fmt, ...)
    error(M.new { kind = kind, message = fmt:format(...) }, 0)
end

--- Makes an error of whatever was raised: an error object stays itself, text becomes kind `bug`.
---@return neap.Error
function M.from(raised)
    if M.is(raised) then return raised end
    return M.new { kind = "bug", message = tostring(raised) }
end

local EXPORTED = { "kind", "status", "code", "message", "hint", "cause" }

--- The fields that dead letters and `--json` show, as a plain table in that order.
---@param err neap.Error
---@return table
function M.to_table(err)
    local t = {}
    for _, name in ipairs(EXPORTED) do t[name] = err[name] end
    if M.is(t.cause) then t.cause = M.to_table(t.cause) end
    return native_json.object(t, EXPORTED)
end

--- Gives the faults of a refused call the names that whoever reads of them knows, such as those of columns.
---@param err neap.Error|nil
---@param name_of fun(path: string): string|nil nil: the path stays
---@return neap.Error|nil err the same
function M.rename(err, name_of)
    if not err or not err.faults then return err end
    local faults, shown = {}, {}
    for i, fault in ipairs(err.faults) do
        local path = name_of(fault.path) or fault.path
        faults[i] = { path = path, message = fault.message, hint = fault.hint }
        shown[i] = { path = path, message = fault.message, hint = not err.hint and fault.hint or nil }
    end
    err.faults, err.message = faults, require("neap.schema").format_faults(shown)
    return err
end

--- The script line that called into the library: the nearest frame outside it.
---@return string|nil "flow.lua:12"
function M.caller()
    for level = 2, 40 do
        local info = debug.getinfo(level, "Sl")
        if not info then return nil end
        local library = info.source:find("^=neap%f[%W]") or info.source:find("lua/neap/", 1, true)
        if info.currentline > 0 and not library then
            return ("%s:%d"):format(info.short_src, info.currentline)
        end
    end
end

--- Raises text, with the script's line, for a function of the library that is called wrongly.
---@param fmt string
function M.misuse(fmt, ...)
    local where = M.caller()
    error((where and where .. ": " or "") .. fmt:format(...), 0)
end

return M
