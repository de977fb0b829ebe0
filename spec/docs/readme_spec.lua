--- Runs every listing of the READMEs; spec/support/listings.lua says what may stand in them.

local helper = require "spec.support.helper"
local listings = require "spec.support.listings"

local READMES = {
    "README.md", "csrc/README.md", "lua/README.md", "scripts/README.md", "spec/README.md",
    "csrc/hosts/nginx/README.md",
}
local LANGUAGES = { sh = true, lua = true, c = true, nginx = true }

--- Files, and folders of files, that no command has to name.
local FOUND_BY_NEAP = { vendors = true, ["neap.lua"] = true }

--- What a fragment of a definition stands in.
local AROUND = [[
return vendor.define "fragment" {
    title = "Fragment",
    settings = {
        { "api_key", type = "secret", required = true },
        { "user", type = "string" }, { "tid", type = "string" },
    },
    auth = { header = auth.header { name = "X-Key", secret = "api_key" } },
    endpoints = { list = { get = "/list" }, create = { post = "/list", write = "unsafe" } },
]]

local function compile(text, name)
    require "neap"
    local ok, result = pcall(require("neap.vendor").compile, text, name)
    assert.is_true(ok, tostring(result))
    return result
end

local COMPILER = "gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Wconversion -Wshadow "
    .. "-Wstrict-prototypes -Werror -fsyntax-only"

--- Where a listing's headers are: a host sees the installed ones only.
local function include_path(text)
    if text:find("l_common.h", 1, true) then return "-I csrc/lua -I csrc/include -I /usr/include/lua5.4" end
    if text:find("check.h", 1, true) then return "-I spec/c -I csrc -I csrc/include" end
    return "-I csrc/include"
end

local function compile_c(listing)
    local dir = helper.tmpdir()
    local source = helper.write(dir .. "/listing.c", listing.text)
    local _, _, code = os.execute(("cd %s && env -u LD_PRELOAD %s %s %s >%s/out 2>&1"):format(
        helper.quote(helper.root), COMPILER, include_path(listing.text), source, dir))
    assert.are.equal(0, code, helper.read(dir .. "/out"))
end

local function check_listing(listing, found)
    it(("line %d: a listing in %s"):format(listing.line, listing.language), function()
        assert.is_true(LANGUAGES[listing.language] ~= nil, "every listing is sh, lua, c or nginx")
        if listing.language == "c" then compile_c(listing) end
        if listing.language == "lua" and not listings.is_fields(listing) then
            assert(load(listing.text, "@listing", "t"))
        end
    end)
    if listings.is_fields(listing) then
        it(("line %d: fields of a definition"):format(listing.line), function()
            compile(AROUND .. listing.text .. "}\n", "fragment.lua")
        end)
    end
    local name = listing.language == "lua"
        and listing.text:match 'return vendor%.define "([%w_-]+)"'
    if name then
        it(("line %d: the definition of %s"):format(listing.line, name), function()
            assert.are.equal(name, compile(listing.text, name .. ".lua").name)
            if listing.file then assert.are.equal("vendors/" .. name .. ".lua", listing.file) end
        end)
    end
    if listing.file and not FOUND_BY_NEAP[listing.file:match "^[^/]+"] then
        it(("line %d: %s is used by a command"):format(listing.line, listing.file), function()
            local used = false
            for _, other in ipairs(found) do
                used = used or (other.language == "sh" or other.language == "nginx")
                    and other.text:find(listing.file:gsub("^scripts/(.*)%.lua$", "%1"), 1, true)
            end
            assert.is_truthy(used)
        end)
    end
end

for _, readme in ipairs(READMES) do
    describe(readme, function()
        local found = listings.of(readme)
        local steps, results = listings.steps(found), nil

        setup(function() results = listings.run(steps) end)

        for _, listing in ipairs(found) do check_listing(listing, found) end
        for i, step in ipairs(steps) do
            if step.command then
                it(("line %d: %s"):format(step.line, step.command), function()
                    local fault = listings.fault(step, results[i])
                    assert(not fault, fault)
                end)
            end
        end
    end)
end

describe("the fifth vendor of lua/README.md", function()
    it("is defined in fewer than 60 lines", function()
        local seen
        for _, listing in ipairs(listings.of "lua/README.md") do
            if listing.file == "vendors/shop.lua" then seen = listing end
        end
        assert.is_true(seen ~= nil and #seen.lines < 60)
    end)
end)
