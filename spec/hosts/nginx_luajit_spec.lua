--- The nginx module beside the one with LuaJIT, in either order of loading. Not under a sanitizer: it refuses
--- RTLD_DEEPBIND, which keeps the two apart.

local helper = require "spec.support.helper"
local nginx = require "spec.support.nginx"

local LUAJIT = "ndk_http_module ngx_http_lua_module"

if nginx.is_asan then
    describe("the module beside LuaJIT", function()
        it("is built without RTLD_DEEPBIND here", function()
            local symbols = io.popen(("nm -D %s/ngx_http_neap_module.so"):format(helper.build)):read("a")
            assert.is_nil(symbols:find("lua_", 1, true))
        end)
    end)
    return
end

for _, place in ipairs { "before", "after" } do
    describe("the module with LuaJIT loaded " .. place .. " it", function()
        it("answers, and so does LuaJIT", function()
            local server = nginx.start {
                [place] = LUAJIT,
                files = { ["neap.lua"] = [[
                    local neap = require "neap"
                    return function(req)
                        neap.sleep(0.01)
                        return { body = { version = _VERSION, sum = 2^53 // 1 | 0, text = neap.json.encode { 1, 2 } } }
                    end]] },
                server = [[
                    location /neap { neap_script neap.lua; }
                    location /luajit { content_by_lua_block { ngx.sleep(0.01) ngx.print(jit.version, " ", _VERSION) } }
                ]],
            }
            for _ = 1, 3 do
                assert.equal('{"sum":9007199254740992,"text":"[1,2]","version":"Lua 5.4"}', server:get("/neap").body)
                assert.matches("^LuaJIT 2.* Lua 5.1$", server:get("/luajit").body)
            end
            server:stop()
        end)

        it("is tested, with scripts compiled and LuaJIT's blocks parsed", function()
            for text, sound in pairs { ["return 2 // 1"] = true, ["return 2 /"] = false } do
                local ok, message = nginx.test {
                    [place] = LUAJIT, files = { ["neap.lua"] = text },
                    server = [[
                        location /neap { neap_script neap.lua; }
                        location /luajit { content_by_lua_block { ngx.print(jit.version) } }
                    ]],
                }
                assert.equal(sound, ok, message)
                assert.equal(not sound, message:find("/neap.lua:1:", 1, true) ~= nil, message)
            end
        end)
    end)
end

describe("the module", function()
    it("has no symbol of Lua and no library but libc", function()
        local path = helper.build .. "/ngx_http_neap_module.so"
        local symbols = io.popen("nm -D " .. path):read("a")
        assert.is_nil(symbols:find("lua", 1, true))
        local needed = io.popen("objdump -p " .. path):read("a")
        for name in needed:gmatch "NEEDED +(%S+)" do assert.equal("libc.so.6", name) end
    end)
end)
