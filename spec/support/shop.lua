--- A vendor of their own for the specs of the command: a directory that holds `vendors/shop.lua` and its
-- simulator, which answers every call with the request that it got.

local helper = require "spec.support.helper"
require "neap"
local json = require "neap.native.json"

local shop = {}

--- Makes a directory to run the command in, with the vendor.
---@return string path
function shop.place()
    local dir = helper.tmpdir()
    local from = helper.quote(helper.root .. "/spec/support/shop/vendors")
    assert(os.execute(("ln -s %s %s"):format(from, helper.quote(dir .. "/vendors"))))
    return dir
end

--- Runs `neap call shop ENDPOINT ... --sandbox`.
---@param words string[]
---@param opts? helper.Options
---@return { code: integer, out: string, err: string }
function shop.call(words, opts)
    local args = { "call", "shop", table.unpack(words) }
    args[#args + 1] = "--sandbox"
    opts = opts or {}
    opts.cwd = opts.cwd or shop.place()
    return helper.cli(args, opts)
end

--- Runs such a call and gets the request that reached the vendor; raises if it failed.
---@return { method: string, path: string, query: string, body: any }
function shop.sent(words, opts)
    local got = shop.call(words, opts)
    if got.code ~= 0 then error(got.err, 2) end
    return assert(json.decode(got.out))
end

--- Makes a directory below dir.
function shop.mkdir(path)
    assert(os.execute("mkdir -p " .. helper.quote(path)))
    return path
end

--- Decodes lines of JSON.
---@param text string
---@return table[]
function shop.lines(text)
    local lines = {}
    for line in text:gmatch "[^\n]+" do lines[#lines + 1] = assert(json.decode(line)) end
    return lines
end

return shop
