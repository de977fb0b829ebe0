std = "lua54"
max_line_length = 100
cache = false

-- Recipes run with the library as a global.
files["scripts"] = { read_globals = { "neap" } }
-- Vendor definitions know nothing else (lua/neap/vendor.lua).
files["lua/neap/vendors"] = { read_globals = { "auth", "envelope", "setting", "vendor" } }
files["spec"] = { std = "+busted" }
