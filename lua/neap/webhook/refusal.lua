--- Why a request is refused, with the status to answer. Nothing of a signature or of a secret is in it.

local errors = require "neap.error"

local M = {}

local function refuse(status, fmt, ...)
    return nil, errors.new { kind = "auth", status = status, message = fmt:format(...) }
end

--- A header that signs is not there. -> nil, err
function M.missing(header)
    return refuse(401, "no header %s", header)
end

--- A header cannot be what it should be. -> nil, err
function M.malformed(header, expected)
    return refuse(400, "header %s: %s expected", header, expected)
end

--- No secret makes this signature. -> nil, err
function M.mismatch(header)
    return refuse(401, "header %s: the signature is not of this request", header)
end

function M.unauthorized(fmt, ...)
    return refuse(401, fmt, ...)
end

function M.bad_request(fmt, ...)
    return refuse(400, fmt, ...)
end

function M.too_large(most)
    return refuse(413, "the body is longer than %d bytes", most)
end

--- Nobody learns that there is anything. -> nil, err
function M.not_found()
    return refuse(404, "the path has no secret in it, or another one")
end

--- It came before: done, or under way. -> nil, err
function M.repeated(is_done)
    return nil, errors.new {
        kind = "rejected", repeated = true, status = is_done and 200 or 409,
        message = is_done and "the event was handled before" or "the event is being handled",
    }
end

return M
