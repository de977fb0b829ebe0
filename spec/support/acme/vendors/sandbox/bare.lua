-- Simulator of bare: that of acme.
local path = debug.getinfo(1, "S").source:match "^@(.*)bare%.lua$"
return dofile(path .. "acme.lua")
