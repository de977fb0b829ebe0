--- Runs every listing of the five READMEs; see spec/support/listings.lua for what may stand in them.

local helper = require "spec.support.helper"
local listings = require "spec.support.listings"

local READMES = { "README.md", "csrc/README.md", "lua/README.md", "scripts/README.md", "spec/README.md" }
local LANGUAGES = { sh = true, lua = true, c = true }

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

local function compile_c(listing)
    local dir = helper.tmpdir()
    local source = helper.write(dir .. "/listing.c", listing.text)
    local include = "-I csrc/include"
    if listing.text:find("l_common.h", 1, true) then
        include = "-I csrc/lua -I /usr/include/lua5.4"
    elseif listing.text:find("check.h", 1, true) then
        include = "-I spec/c -I csrc"
    end
    local _, _, code = os.execute(("cd %s && gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Wconversion "
        .. "-Wshadow -Werror -fsyntax-only %s %s >%s 2>&1"):format(helper.root, include, source, dir .. "/out"))
    assert.are.equal(0, code, helper.read(dir .. "/out"))
end

local function check_listing(listing, found)
    it(("line %d: a listing in %s"):format(listing.line, listing.language), function()
        assert.is_true(LANGUAGES[listing.language] ~= nil, "every listing is sh, lua or c")
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
    local name = listing.language == "lua" and listing.text:match 'return vendor%.define "([%w_-]+)"'
    if name then
        it(("line %d: the definition of %s"):format(listing.line, name), function()
            assert.are.equal(name, compile(listing.text, name .. ".lua").name)
            if listing.file then assert.are.equal("vendors/" .. name .. ".lua", listing.file) end
        end)
    end
    if listing.file and not listing.file:find "^vendors/" then
        it(("line %d: %s is used by a command"):format(listing.line, listing.file), function()
            local used = false
            for _, other in ipairs(found) do
                used = used or other.language == "sh" and other.text:find(listing.file, 1, true) ~= nil
            end
            assert.is_true(used)
        end)
    end
end

for _, readme in ipairs(READMES) do
    describe(readme, function()
        local found = listings.of(readme)
        local steps, results = listings.steps(found), nil

        setup(function() results = listings.run(found, steps) end)

        for _, listing in ipairs(found) do check_listing(listing, found) end
        for i, step in ipairs(steps) do
            it(("line %d: %s"):format(step.line, step.command), function()
                local fault = listings.fault(step, results[i])
                assert(not fault, fault)
            end)
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
