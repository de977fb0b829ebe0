--- The small languages that appear in settings, definitions and HTTP headers, read by LPeg.
--
-- Every reader is pure and takes text of any origin: grammars are flat (no recursion), so a
-- hostile header cannot overflow LPeg's stack.

---@class neap.lang
local lang = {}

local parts = {
    (require "neap.lang.duration"),
    (require "neap.lang.date"),
    (require "neap.lang.http"),
    (require "neap.lang.template"),
}

for _, part in ipairs(parts) do
    for name, reader in pairs(part) do lang[name] = reader end
end

return lang
