--- The facts of a vendor or an endpoint as a page for people.

local policy = require "neap.cli.describe.policy"
local text = require "neap.cli.text"

local M = {}

local function heading(lines, title)
    lines[#lines + 1] = ""
    lines[#lines + 1] = text.style("bold", title)
end

local function source_text(source)
    if type(source) == "string" then return source end
    return source.read and ("%s (read %s)"):format(source.url, source.read) or source.url
end

local function title_line(lines, name, title)
    lines[#lines + 1] = text.style("bold", name) .. (title and ": " .. title or "")
end

local function add_paragraph(lines, paragraph)
    if not paragraph then return end
    lines[#lines + 1] = ""
    text.paragraph(lines, paragraph)
end

local function add_limits(lines, limits)
    heading(lines, "Limits")
    for _, limit in ipairs(limits) do text.paragraph(lines, limit.text, 2) end
    if #limits == 0 then lines[#lines + 1] = "  none known" end
end

local function add_retries(lines, rules)
    heading(lines, "Retries")
    local rows, covered = {}, {}
    for _, rule in ipairs(rules) do
        local statuses = table.concat(rule.on, ", ")
        for _, status in ipairs(rule.on) do covered[tostring(status)] = true end
        rows[#rows + 1] = { statuses, rule.text }
    end
    for _, row in ipairs(policy.DEFAULT_RETRIES) do
        if not covered[row[1]] then rows[#rows + 1] = row end
    end
    text.columns(lines, rows)
end

-- Parameters -----------------------------------------------------------------------------------

local function field_text(field)
    local parts = { field.text }
    if field.place then parts[#parts + 1] = "in the " .. field.place end
    local said = table.concat(parts, ", ")
    if type(field.deprecated) == "string" then said = ("%s: %s"):format(said, field.deprecated) end
    return field.doc and ("%s; %s"):format(said, field.doc) or said
end

--- Gets the fields that a value of a field has: those of an object, of a list's elements, or of an
-- alternative that has any.
local function fields_in(field)
    if field.fields then return field.fields end
    if field.of then return fields_in(field.of) end
    for _, alternative in ipairs(field.either or {}) do
        local fields = fields_in(alternative)
        if fields then return fields end
    end
end

local function add_fields(rows, fields, indent)
    for _, field in ipairs(fields) do
        rows[#rows + 1] = { (" "):rep(indent) .. field.name, field_text(field) }
        add_fields(rows, fields_in(field) or {}, indent + 2)
    end
end

local function add_params(lines, endpoint)
    heading(lines, "Parameters")
    local rows = {}
    add_fields(rows, endpoint.params, 0)
    if #rows == 0 then rows[1] = { "none", "" } end
    if endpoint.open then rows[#rows + 1] = { "...", "any other name, as text" } end
    text.columns(lines, rows)
end

local function add_rules(lines, rules)
    if #rules == 0 then return end
    heading(lines, "Rules between parameters")
    for _, rule in ipairs(rules) do text.paragraph(lines, rule, 2) end
end

--- What is in the payload, where the definition says it field by field.
local function add_returned(lines, returned)
    local fields = returned and fields_in(returned)
    if not fields then return end
    heading(lines, "Payload: " .. returned.text)
    local rows = {}
    add_fields(rows, fields, 0)
    text.columns(lines, rows)
end

-- Pages ----------------------------------------------------------------------------------------

--- Adds rows for the base URL, one for each value of the setting that it depends on.
local function add_base_url(rows, base)
    if type(base) ~= "table" then
        rows[#rows + 1] = { "base URL", base or "the setting base_url" }
        return
    end
    local names = {}
    for name in pairs(base) do
        if name ~= "by" then names[#names + 1] = name end
    end
    table.sort(names)
    for i, name in ipairs(names) do
        rows[#rows + 1] = { i == 1 and "base URL" or "",
            ("%s where %s is %s"):format(base[name], base.by, name) }
    end
end

local function job_text(job)
    return ("call %s with its %s until %s is %s (or %s); %s is then where the file is"):format(
        job.get, job.id, job.state, job.done, job.failed, job.url)
end

--- Prints the page of an endpoint.
---@param endpoint table facts.endpoint
---@param base_url any
function M.endpoint(endpoint, base_url)
    local lines = {}
    title_line(lines, endpoint.vendor .. "." .. endpoint.endpoint, endpoint.summary)
    if endpoint.path then lines[#lines + 1] = ("  %s %s"):format(endpoint.method, endpoint.path) end
    add_paragraph(lines, endpoint.doc)
    if endpoint.path_unknown then
        add_paragraph(lines, "Its path is not known: the vendor's documents that Neap was written after only name "
            .. "it, so it cannot be called.")
        if endpoint.source then add_paragraph(lines, "Source: " .. source_text(endpoint.source)) end
        return text.print(lines)
    end
    lines[#lines + 1] = ""
    local rows = {}
    local function row(name, value)
        if value then rows[#rows + 1] = { name, value } end
    end
    add_base_url(rows, base_url)
    row("credential", endpoint.auth and endpoint.auth.text or "none")
    row("tenant", endpoint.tenant and endpoint.tenant.text)
    row("class", ("%s: %s"):format(endpoint.write, endpoint.write_doc))
    row("key", endpoint.key and endpoint.key
        .. ": a delivery never has two records of one key under way")
    row("batch", endpoint.batch and ("up to %d calls may travel as one %s (--batch of an import recipe)")
        :format(endpoint.batch.max, endpoint.batch.endpoint))
    row("pages", endpoint.paging and endpoint.paging .. " (--all follows)")
    row("body", endpoint.body and ("the parameter %s, by itself"):format(endpoint.body))
    row("afterwards", endpoint.job and job_text(endpoint.job))
    row("payload", endpoint.returns)
    row("reply", endpoint.envelope)
    row("source", endpoint.source and source_text(endpoint.source))
    text.columns(lines, rows)
    add_params(lines, endpoint)
    add_rules(lines, endpoint.rules)
    add_returned(lines, endpoint.returned)
    add_limits(lines, endpoint.limits)
    add_retries(lines, endpoint.retry)
    if endpoint.call then
        heading(lines, "Example")
        lines[#lines + 1] = "  " .. endpoint.call
    end
    text.print(lines)
end

local function setting_text(setting)
    local parts = { setting.text }
    if setting.required then parts[#parts + 1] = "required" end
    if setting.default ~= nil then parts[#parts + 1] = "default " .. tostring(setting.default) end
    local said = table.concat(parts, ", ")
    if setting.doc then said = said .. "; " .. setting.doc end
    return ("%s [%s]"):format(said, setting.env)
end

local function add_settings(lines, settings)
    heading(lines, "Settings (neap help settings)")
    local rows = {}
    for i, setting in ipairs(settings) do rows[i] = { setting.name, setting_text(setting) } end
    text.columns(lines, rows)
end

--- Areas in the order of their names; those without one first.
local function areas_of(endpoints)
    local areas, by_name = {}, {}
    for _, endpoint in ipairs(endpoints) do
        local name = endpoint.area or ""
        if not by_name[name] then
            by_name[name] = { name = name, rows = {} }
            areas[#areas + 1] = by_name[name]
        end
        local said = endpoint.summary or endpoint.path or ""
        if endpoint.path_unknown then said = said .. " (its path is not known)" end
        table.insert(by_name[name].rows, { endpoint.name, said })
    end
    table.sort(areas, function(a, b) return a.name < b.name end)
    return areas
end

local function add_endpoints(lines, vendor)
    heading(lines, ("Endpoints (neap describe %s.ENDPOINT)"):format(vendor.vendor))
    for _, area in ipairs(areas_of(vendor.endpoints)) do
        if area.name ~= "" then
            lines[#lines + 1] = ""
            lines[#lines + 1] = "  " .. area.name
        end
        text.columns(lines, area.rows)
    end
end

--- Prints the page of a vendor.
---@param vendor table facts.vendor
function M.vendor(vendor)
    local lines = {}
    title_line(lines, vendor.vendor, vendor.title)
    add_paragraph(lines, vendor.summary)
    lines[#lines + 1] = ""
    local rows = {}
    add_base_url(rows, vendor.base_url)
    if vendor.source then rows[#rows + 1] = { "source", source_text(vendor.source) } end
    if vendor.file then rows[#rows + 1] = { "definition", vendor.file } end
    rows[#rows + 1] = { "reply", vendor.envelope }
    text.columns(lines, rows)
    add_settings(lines, vendor.settings)
    add_endpoints(lines, vendor)
    add_limits(lines, vendor.limits)
    add_retries(lines, vendor.retry)
    text.print(lines)
end

return M
