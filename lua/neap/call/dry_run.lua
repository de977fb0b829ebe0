--- --dry-run: writes are checked and shown instead of sent; the first ten whole, the rest counted.

local auth = require "neap.vendor.auth"
local build = require "neap.call.build"
local json = require "neap.native.json"
local null = require "neap.null"
local runtime = require "neap.runtime"

local M = {}

local SHOWN = 10

--- The request with `***` where its credential will be. -> url, body, headers
local function masked(endpoint, client, target, body, base)
    local spec = auth.chosen(client.model.auth[endpoint.auth], client.settings) or {}
    local headers = { table.unpack(base) }
    if spec.place == "header" or spec.place == "session" then
        table.move({ spec.name, "***" }, 1, 2, #headers + 1, headers)
    end
    if spec.place == "basic" then table.move({ "Authorization", "Basic ***" }, 1, 2, #headers + 1, headers) end
    if spec.place == "bearer" then table.move({ "Authorization", "Bearer ***" }, 1, 2, #headers + 1, headers) end
    if spec.place == "query" then
        target = target .. (target:find("?", 1, true) and "&" or "?") .. spec.name .. "=***"
    end
    if spec.place == "body" then
        local rest = body:sub(2)
        body = ("{%q:\"***\"%s%s"):format(spec.name, rest == "}" and "" or ",", rest)
    end
    return target, body, headers
end

local function lacks(client, setting)
    for _, name in ipairs(client.missing) do
        if name == setting then return true end
    end
    return false
end

--- As build.request, with the name of the setting where the tenant is needed and not known yet.
local function request_of(endpoint, client, values)
    local setting = endpoint.tenant and client.model.tenant.setting
    if not setting or not lacks(client, setting) then return build.request(endpoint, client, values) end
    local settings = setmetatable({ [setting] = ("<%s>"):format(setting) }, { __index = client.settings })
    return build.request(endpoint, { model = client.model, base_url = client.base_url, prefix = client.prefix,
        settings = settings }, values)
end

local function show(endpoint, client, values)
    local target, body, headers = masked(endpoint, client, request_of(endpoint, client, values))
    local lines = { ("%s %s"):format(endpoint.method, target) }
    for i = 1, #headers, 2 do lines[#lines + 1] = ("%s: %s"):format(headers[i], headers[i + 1]) end
    if body then lines[#lines + 1] = "" end
    lines[#lines + 1] = body
    return table.concat(lines, "\n") .. "\n\n"
end

local function show_json(endpoint, client, values)
    local target, body, headers = masked(endpoint, client, request_of(endpoint, client, values))
    local shown = { method = endpoint.method, url = target, headers = {}, body = body and json.decode(body) }
    for i = 1, #headers, 2 do shown.headers[headers[i]] = headers[i + 1] end
    return json.encode(shown, { sorted = true }) .. "\n"
end

--- Counts a write and shows it if it is one of the first. Returns what a success returns: `neap.null`.
function M.note(endpoint, client, values)
    local notes = runtime.dry or { total = 0, counts = {} }
    runtime.dry = notes
    notes.total = notes.total + 1
    local name = endpoint.vendor .. "." .. endpoint.name
    notes.counts[name] = (notes.counts[name] or 0) + 1
    if notes.total <= SHOWN then
        local text = (runtime.options.json and show_json or show)(endpoint, client, values)
        io.stdout:write(text)
        io.stdout:flush() -- whole, where lines of the log go to the same place
    end
    return null
end

--- One line for the end of the run, nil when no write was noted: how many of each there were, and how many of all
-- were shown.
---@return string|nil
function M.summary()
    local notes = runtime.dry
    if not notes then return nil end
    local names, parts = {}, {}
    for name in pairs(notes.counts) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do parts[#parts + 1] = ("%d %s"):format(notes.counts[name], name) end
    local shown = notes.total > SHOWN and ("; the first %d are shown"):format(SHOWN) or ""
    return ("dry run: %s checked, none sent%s"):format(table.concat(parts, ", "), shown)
end

return M
