--- Scheme "path": a segment of the path is the secret, for senders that sign nothing. To everybody else the path is
--- not there. Lines of the log have *** in its place; a server's own log of requests has it as it came.

local hmac = require "neap.native.hmac"
local refusal = require "neap.webhook.refusal"
local unescape = require("neap.serve.request").unescape

local M = {}

local PLACE = "{secret}"

local function segments(path)
    local list = {}
    for segment in path:gmatch "/([^/]*)" do list[#list + 1] = segment end
    return list
end

function M.read(spec, hook, refuse)
    if not spec.path then return end
    local places = 0
    hook.template = segments(spec.path)
    for _, segment in ipairs(hook.template) do
        if segment == PLACE then places = places + 1 end
    end
    if spec.path:sub(1, 1) ~= "/" or places ~= 1 or spec.path:find "[?#]" then
        refuse("path: a path with one segment {secret} expected", 'as "/hooks/{secret}/events"')
    end
end

--- Gets the segment that should be the secret; nil where the path is another one.
local function find_segment(template, path)
    local list = segments(path)
    if not template then return list[#list] end
    local found
    if #list ~= #template then return nil end
    for i, segment in ipairs(template) do
        if segment == PLACE then
            found = list[i]
        elseif unescape(list[i]) ~= unescape(segment) then
            return nil
        end
    end
    return found
end

---@return true|nil
---@return neap.Error? err
function M.verify(hook, req)
    local segment = find_segment(hook.template, req.target:match "^[^?#]*")
    local text, matches = unescape(segment or ""), false
    for _, secret in ipairs(hook.secrets) do matches = hmac.matches(secret, text) or matches end
    if not segment or not matches then return refusal.not_found() end
    return true
end

return M
