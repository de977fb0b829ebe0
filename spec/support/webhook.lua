--- Senders of webhooks: requests as the schemes of neap.webhook want them signed.

local clock = require "neap.native.clock"
local hmac = require "neap.native.hmac"

local sender = {}

--- A request as handlers see it, of its parts; header names in lower case.
---@param parts { method: string?, target: string?, headers: table<string, string>, body: string? }
function sender.request(parts)
    local req = {
        method = parts.method or "POST", target = parts.target or "/hook", headers = parts.headers or {},
        body = parts.body, client = "192.0.2.1",
    }
    function req:header(name) return self.headers[name:lower()] end
    return req
end

--- Seconds since 1970.
function sender.now() return clock.wall_ms() // 1000 end

--- Standard Webhooks: of `secrets`, one signature each.
---@param secrets userdata[]
---@param message { id: string?, at: integer?, body: string?, prefix: string? }
function sender.standard(secrets, message)
    local id, at, body = message.id or "msg_1", tostring(message.at or sender.now()), message.body or '{"n":1}'
    local list, prefix = {}, message.prefix or "webhook"
    for i, secret in ipairs(secrets) do
        list[i] = "v1," .. hmac.base64(hmac.sign_base64("sha256", secret, id, ".", at, ".", body))
    end
    return sender.request {
        body = body,
        headers = {
            [prefix .. "-id"] = id, [prefix .. "-timestamp"] = at, [prefix .. "-signature"] = table.concat(list, " "),
        },
    }
end

--- `algorithm=hash` in one header per algorithm: the 256 one, or the other.
---@param algorithms string[]
function sender.hub(secret, body, algorithms)
    local headers = {}
    for _, algorithm in ipairs(algorithms or { "sha256" }) do
        local name = algorithm == "sha256" and "x-hub-signature-256" or "x-hub-signature"
        headers[name] = ("%s=%s"):format(algorithm, hmac.hex(hmac.sign(algorithm, secret, body)))
    end
    return sender.request { body = body, headers = headers }
end

--- OmniSegment: `signed` is what it has sorted, `body` what it sends.
function sender.omnisegment(secret, signed, body)
    return sender.request {
        body = body,
        headers = { ["x-omnisegment-signature"] = hmac.base64(hmac.sign("sha256", secret, signed)) },
    }
end

function sender.optimove(secret, body)
    return sender.request {
        body = body,
        headers = {
            ["x-optimove-signature-version"] = "1",
            ["x-optimove-signature-content"] = hmac.hex(hmac.sign("sha256", secret, body)),
        },
    }
end

--- Nothing is signed: the target has the secret in it.
function sender.path(target, body)
    return sender.request { target = target, body = body }
end

return sender
