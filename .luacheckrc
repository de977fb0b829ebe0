std = "lua54"
max_line_length = 120
cache = false

-- Recipes run with the library as a global.
files["scripts"] = { read_globals = { "neap" } }
files["spec/build/consumer"] = { read_globals = { "neap" } }
-- Vendor definitions know nothing else (lua/neap/vendor.lua).
files["**/vendors/*.lua"] = { read_globals = { "auth", "envelope", "paging", "setting", "vendor" } }
files["spec"] = { std = "+busted" }
-- Handlers run with the library, or with that of the LuaJIT module.
files["spec/bench/clients/nginx"] = { read_globals = { "neap", "ngx" } }
