--- neap call: one call from the command line; the payload as JSON on standard output.

local endpoints = require "neap.cli.endpoints"
local errors = require "neap.error"
local file = require "neap.native.file"
local globals = require "neap.cli.globals"
local json = require "neap.native.json"
local null = require "neap.null"
local quote = require "neap.lang.quote"
local registry = require "neap.registry"
local report = require "neap.cli.report"
local runtime = require "neap.runtime"
local schema = require "neap.schema"
local text = require "neap.cli.text"

local ALL = { "all", type = "boolean", doc = "follow paging, with the largest pages unless told "
    .. "otherwise; one record per line" }

local M = {
    summary = "make one call and print its payload as JSON",
    usage = "neap call VENDOR ENDPOINT [name=value ...] [name:=json ...] [name=@file ...]",
    doc = "name=value is converted by the parameter's declared type; a list takes one element "
        .. "per repetition; a.b=value sets a nested field. name:=JSON gives any value. name=@file "
        .. "reads the value from a file, name=@- from standard input. neap describe "
        .. "VENDOR.ENDPOINT shows the parameters.",
    options = table.move(globals.calls, 1, #globals.calls, 2, { ALL }),
}

-- Arguments ------------------------------------------------------------------------------------

--- Reads all of standard input.
local function read_stdin()
    local handle, parts = file.stdin(), {}
    while true do
        local chunk, err = handle:read()
        if err then return nil, err end
        if not chunk then return table.concat(parts) end
        parts[#parts + 1] = chunk
    end
end

--- The text behind `@`. Anything but a string gives away the newline at its end.
local function read_file(path, keeps_newline)
    local content, err
    if path == "" then return nil, "the name of a file is missing after @ (a text that begins with @ needs :=)" end
    if path == "-" then content, err = read_stdin() else content, err = file.read_all(path) end
    if not content then
        local shown = utf8.len(path) and not path:find "%c" and path or quote(path)
        return nil, ("%s: %s"):format(shown, err.message)
    end
    return keeps_newline and content or (content:gsub("\r?\n$", ""))
end

--- Takes one argument apart. -> { name =, text =, is_json = }
local function split(word)
    local name, value = word:match "^([^=]+)=(.*)$"
    if not name or name == ":" or not utf8.len(name) or name:find "%c" then
        report.refuse(("argument %s: expected name=value, name:=json or name=@file"):format(quote(word)))
    end
    if name:sub(-1) == ":" then return { name = name:sub(1, -2), text = value, is_json = true } end
    return { name = name, text = value }
end

local function put_json(params, values, argument, opts)
    local value, err = json.decode(argument.text)
    if value == nil then
        return { path = argument.name, message = "no JSON: " .. err.message }
    end
    local _, fault = params:put(values, argument.name, value, opts)
    return fault
end

local function put_text(params, values, argument, opts)
    local input = argument.text
    local path = input:match "^@(.*)$"
    if path then
        local resolved = params:resolve(argument.name, opts)
        local message
        input, message = read_file(path, resolved and resolved.field.type == "string")
        if not input then return { path = argument.name, message = message } end
        local is_list = resolved and resolved.field.type == "list" and input:find "^%s*%["
        if is_list then return put_json(params, values, { name = argument.name, text = input }, opts) end
    end
    local _, fault = params:assign(values, argument.name, input, opts)
    return fault
end

--- Settings that somebody may take for parameters, with what to do instead.
local function placed(model, endpoint)
    local messages = {}
    for _, field in ipairs(model.settings) do
        if not endpoint.params.by_name[field[1]] then
            messages[field[1]] = ("a setting, not a parameter: use --set %s.%s=..."):format(
                model.name, field[1])
        end
    end
    return messages
end

--- Raises what `validate` of a call would return; a hint of the only fault ends the message.
local function refuse_params(endpoint, faults)
    local only = #faults == 1 and faults[1].hint and faults[1] or nil
    local shown = only and { { path = only.path, message = only.message } } or faults
    error(errors.new {
        kind = "invalid", vendor = endpoint.vendor, endpoint = endpoint.name, outcome = "not_sent",
        faults = faults, message = schema.format_faults(shown), hint = only and only.hint,
    }, 0)
end

--- Converts the arguments. Raises one error with the faults of all, those of the values' own check
-- included.
local function read_params(client, endpoint, words)
    local check = {
        custom_fields = client.custom_fields, placed = placed(client.model, endpoint), any_case = client.model.any_case,
    }
    local values, faults = {}, {}
    for _, word in ipairs(words) do
        local argument = split(word)
        local put = argument.is_json and put_json or put_text
        faults[#faults + 1] = put(endpoint.params, values, argument, check)
    end
    if #faults == 0 then return values end
    check.prior = faults
    local _, all = endpoint.params:check(values, check)
    return refuse_params(endpoint, all)
end

-- The call -------------------------------------------------------------------------------------

--- `VENDOR ENDPOINT`, or `VENDOR.ENDPOINT` as describe writes it. -> vendor, endpoint, the others
local function take_names(words)
    local first = words[1] or report.refuse("no vendor given", M.usage)
    local vendor, endpoint = first:match "^([^.=]+)%.([^.=]+)$"
    if vendor then return vendor, endpoint, table.move(words, 2, #words, 1, {}) end
    if not words[2] or words[2]:find("=", 1, true) then
        report.refuse(("no endpoint of %s given"):format(first), M.usage)
    end
    return first, words[2], table.move(words, 3, #words, 1, {})
end

local function print_all(payload)
    if payload == null then return end
    if not json.is_array(payload) then payload = { payload } end
    for _, item in ipairs(payload) do text.write(assert(json.encode(item)), "\n") end
end

local function print_payload(payload, is_all)
    if is_all then return print_all(payload) end
    report.print(payload)
end

--- Prints the records of all pages, as they come; those before a failure stay. Nobody reads on: no more
-- pages are asked for.
local function print_pages(client, endpoint, values)
    for record in client:each(endpoint.name, values) do
        if not text.write(assert(json.encode(record)), "\n") then return end
    end
end

--- Makes the call and prints its payload. Raises what it returns as an error.
local function print_call(client, endpoint, values, is_all)
    local payload, err = client[endpoint.name](client, values)
    if payload == nil then error(err, 0) end
    if runtime.dry then return report.dry_run() end
    print_payload(payload, is_all)
end

---@param opts table<string, any>
---@param words string[]
---@return integer code
function M.run(opts, words)
    local vendor, name, rest = take_names(words)
    globals.apply(opts, { ordered = true })
    local model = registry.load(vendor)
    local endpoint = endpoints.find(model, name)
    local client = require("neap.client").open(model)
    local values = read_params(client, endpoint, rest)
    if opts.all and endpoint.paging then
        print_pages(client, endpoint, values)
    else
        print_call(client, endpoint, values, opts.all)
    end
    return report.signal_code() or report.EXIT.done
end

return M
